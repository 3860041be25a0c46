//! The worker's logger: which exchanges leave a line, at which level, and to which targets.

use std::cell::RefCell;
use std::io::Write;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use bumpalo::Bump;
use hapax_core::contract::{Cx, Now};
use hapax_core::counter::Count;
use hapax_core::ir::{LogAddress, LogFormat, LogOrigin, LogTarget, Mode};
use hapax_core::program::{Program, ProxyId};
use hapax_core::stream::{Cause, Endpoint, Phase, Session, Stream, Termination, Times};
use hapax_proto::syslog::Message;
use hapax_sample::log_format::Stamp;

use super::backend::LogBackend;
use super::console::{Console, Severity};
use super::date::{self, Dates};
use super::level::Level;
use super::sink::Sink;
use super::target::{self, Origin, Passed, Rounds, Target, Text};
use crate::clock;

/// Appends what a log format makes of an exchange.
pub type Render = fn(&LogFormat, &Cx<'_>, &mut Vec<u8>);

/// One worker's way to all log targets of a program.
pub struct Logger {
    program: Arc<Program>,
    render: Render,
    global: Way,
    proxies: Vec<Way>,
    /// Targets of the `log-forward` sections.
    forwards: Vec<Rc<[Target]>>,
    dates: Dates,
    console: Console,
    sinks: Vec<(LogAddress, Rc<Sink>)>,
    backends: Vec<(String, Rc<LogBackend>)>,
    text: RefCell<Vec<u8>>,
    structured: RefCell<Vec<u8>>,
}

/// The targets of a proxy, and what their headers say.
#[derive(Debug)]
struct Way {
    targets: Rc<[Target]>,
    origin: Rc<Origin>,
}

impl Logger {
    /// Opens the targets of a program for this worker. A target that cannot be opened (a descriptor that is closed)
    /// gets nothing.
    pub fn open(program: Arc<Program>, rounds: &Arc<Rounds>, render: Render) -> Rc<Logger> {
        let mut sinks = Sinks {
            program: &program,
            open: Vec::new(),
            backends: Vec::new(),
        };
        let host = program.global.log_send_hostname.as_ref().map(|name| {
            let name = if name.is_empty() {
                &program.host_name
            } else {
                name
            };
            format!("{name} ").into_bytes()
        });
        let origin = |tag: Option<&String>| {
            let tag = tag.or(program.global.log_tag.as_ref());
            Rc::new(Origin {
                host: host.clone(),
                tag: tag.map_or(DEFAULT_TAG, String::as_str).as_bytes().to_vec(),
                pid: std::process::id().to_string().into_bytes(),
            })
        };
        let own = origin(None);
        let global = Way {
            targets: targets(&mut sinks, &program.global.logs, &own, (0, rounds)),
            origin: own,
        };
        let mut round = program.global.logs.len();
        let mut proxies = Vec::with_capacity(program.proxies.len());
        for proxy in &program.proxies {
            let logs = &proxy.ir.logs;
            let origin = match &proxy.ir.log_tag {
                None => global.origin.clone(),
                tag => origin(tag.as_ref()),
            };
            proxies.push(Way {
                // Each section has samplings of its own, also those of `log global`; without any, targets are shared.
                targets: if *logs == program.global.logs
                    && logs.iter().all(|log| log.sample.is_none())
                {
                    global.targets.clone()
                } else {
                    targets(&mut sinks, logs, &origin, (round, rounds))
                },
                origin,
            });
            round += logs.len();
        }
        let mut forwards = Vec::with_capacity(program.log_forwards.len());
        for forward in &program.log_forwards {
            let place = (round, rounds);
            forwards.push(targets(&mut sinks, &forward.logs, &global.origin, place));
            round += forward.logs.len();
        }
        let console = if program.global.quiet {
            None
        } else {
            sinks.sink(&LogAddress::Descriptor(2))
        };
        let Sinks { open, backends, .. } = sinks;
        Rc::new(Logger {
            global,
            proxies,
            forwards,
            dates: Dates::new(date::zone().clone()),
            console: Console::new(console),
            sinks: open,
            backends,
            text: RefCell::default(),
            structured: RefCell::default(),
            program,
            render,
        })
    }

    /// A stream begins. Leaves the line of frontends that have no log format: `Connect from ...`; `dontlognull` and
    /// `dontlog-normal` do not keep it back.
    pub fn begins(&self, cx: &Cx<'_>) {
        let proxy = &self.program.proxy(cx.session.frontend).ir;
        if proxy.log_format.is_some() || proxy.logs.is_empty() || cx.stream.log_silent {
            return;
        }
        let mut text = self.text.borrow_mut();
        text.clear();
        let mode = match proxy.mode {
            Mode::Tcp | Mode::Log => "TCP",
            Mode::Http => "HTTP",
        };
        // Writing into a Vec cannot fail.
        let _ = match (cx.session.source, cx.session.destination) {
            (Endpoint::Inet(from), to) => {
                let _ = write!(text, "Connect from {}:{} to ", from.ip(), from.port());
                match to {
                    Endpoint::Inet(to) => write!(text, "{}:{}", to.ip(), to.port()),
                    _ => write!(text, "unix:{}", self.listener(cx)),
                }
            }
            _ => write!(text, "Connect to unix:{}", self.listener(cx)),
        };
        let _ = write!(text, " ({}/{mode})", proxy.name);
        self.send(
            Some(cx.session.frontend),
            Level::Info,
            cx.now.wall_us,
            Text::plain(&text),
        );
    }

    /// An exchange ended, or with `option logasap` got its response's head: leaves its line, unless the options of the
    /// frontend keep it back.
    pub fn exchange(&self, cx: &Cx<'_>) {
        let proxy = &self.program.proxy(cx.session.frontend).ir;
        let options = &proxy.options;
        // Bytes that are no request are not counted, but they came.
        let nothing = cx.stream.bytes_in == 0 && cx.stream.times.first_byte == 0;
        if options.dontlognull && nothing {
            return;
        }
        let failed = has_failed(cx.stream);
        if options.dontlog_normal && !failed {
            return;
        }
        let no_request = proxy.mode == Mode::Http
            && cx.stream.request_line.is_empty()
            && cx.stream.log_origin != LogOrigin::Accept;
        let own = proxy.error_log_format.as_ref().filter(|_| no_request);
        let level = match failed && options.log_separate_errors {
            true => Level::Error,
            false => Level::Info,
        };
        self.line(cx, own.or(proxy.log_format.as_ref()), level);
    }

    /// A rule asked for a line.
    pub fn by_rule(&self, cx: &Cx<'_>) {
        let format = self
            .program
            .proxy(cx.session.frontend)
            .ir
            .log_format
            .as_ref();
        self.line(cx, format, Level::Info);
    }

    /// Leaves a line in the format of the frontend, and other ones where profiles say so; a rule may have set another
    /// level. What no target looks at is not made.
    fn line(&self, cx: &Cx<'_>, format: Option<&LogFormat>, level: Level) {
        let proxy = &self.program.proxy(cx.session.frontend).ir;
        let Some(format) = format.filter(|_| !cx.stream.log_silent) else {
            return;
        };
        let level = cx.stream.log_level.map_or(level, Level::from_number);
        let way = self.way(Some(cx.session.frontend));
        let (mut text, mut structured) = (self.text.borrow_mut(), self.structured.borrow_mut());
        // The formats that the buffers hold.
        let (mut in_text, mut in_structured): (Option<&LogFormat>, Option<&LogFormat>) =
            (None, None);
        for target in &*way.targets {
            if !target.takes(level) {
                continue;
            }
            let step = target.step(&self.program, cx.stream.log_origin);
            if step.is_some_and(|step| step.drop) {
                continue;
            }
            let wanted = step.and_then(|step| step.format.as_ref()).unwrap_or(format);
            if !in_text.is_some_and(|held| std::ptr::eq(held, wanted)) {
                text.clear();
                (self.render)(wanted, cx, &mut text);
                in_text = Some(wanted);
            }
            let own = step.and_then(|step| step.structured.as_ref());
            let wanted = own.or(proxy.log_format_sd.as_ref());
            if target.is_structured()
                && let Some(wanted) = wanted
                && !in_structured.is_some_and(|held| std::ptr::eq(held, wanted))
            {
                structured.clear();
                (self.render)(wanted, cx, &mut structured);
                in_structured = Some(wanted);
            }
            let line = Text {
                structured: match wanted {
                    Some(_) => &structured,
                    None => b"",
                },
                text: &text,
            };
            target.write(level, &way.origin, &self.dates, cx.now.wall_us, line);
        }
    }

    /// A connection did not become a session: leaves a line that says why, or one in the format for errors.
    pub fn no_session(&self, session: &Session, now: Now, why: &str) {
        let proxy = &self.program.proxy(session.frontend).ir;
        let way = self.way(Some(session.frontend));
        let mut own_text = self.structured.borrow_mut();
        own_text.clear();
        self.why(session, why, &mut own_text);
        let (arena, mut stream) = (Bump::new(), nothing_of(session));
        let live = &self.program.live;
        stream.counts.process = live.process.connections.value();
        stream.counts.frontend = self
            .program
            .proxy(session.frontend)
            .live
            .frontend
            .sessions
            .value();
        let cx = Cx {
            program: &self.program,
            session,
            stream: &stream,
            request_bytes: &[],
            response_bytes: &[],
            arena: &arena,
            now,
            on_response: false,
        };
        let mut text = self.text.borrow_mut();
        for target in &*way.targets {
            if !target.takes(Level::Info) {
                continue;
            }
            let step = target.step(&self.program, LogOrigin::SessionKilled);
            if step.is_some_and(|step| step.drop) {
                continue;
            }
            let own = step.and_then(|step| step.format.as_ref());
            text.clear();
            match own.or(proxy.error_log_format.as_ref()) {
                Some(format) => (self.render)(format, &cx, &mut text),
                None => text.extend_from_slice(&own_text),
            }
            let line = Text::plain(&text);
            target.write(Level::Info, &way.origin, &self.dates, now.wall_us, line);
        }
    }

    /// Appends who did not become a session, and why.
    fn why(&self, session: &Session, why: &str, text: &mut Vec<u8>) {
        let proxy = self.program.proxy(session.frontend);
        let listener = proxy.live.listeners.get(session.listener);
        let bind = proxy.ir.binds.get(session.listener);
        let _ = match session.source {
            Endpoint::Inet(from) => write!(text, "{}:{} [", from.ip(), from.port()),
            _ => write!(
                text,
                "unix:{} [",
                listener.map_or(0, |listener| listener.id)
            ),
        };
        let milliseconds = session.accepted_wall_us / 1000;
        Stamp::Local.append(text, (milliseconds / 1000) as i64);
        let _ = write!(text, ".{:03}] {}/", milliseconds % 1000, proxy.ir.name);
        let _ = match bind.and_then(|bind| bind.options.name.as_deref()) {
            Some(name) => write!(text, "{name}"),
            None => write!(text, "{}", listener.map_or(0, |listener| listener.id)),
        };
        let _ = write!(text, ": {why}");
    }

    /// Sends a line that is not about an exchange to a proxy's targets, or to the global ones.
    pub fn message(&self, proxy: Option<ProxyId>, level: Level, text: &str) {
        self.send(proxy, level, clock::wall_us(), Text::plain(text.as_bytes()));
    }

    /// Passes a message that a `log-forward` section got on to its targets.
    pub fn pass(&self, section: usize, bytes: &[u8], from: Option<IpAddr>) {
        let (Some(targets), Some(ir)) = (
            self.forwards.get(section),
            self.program.log_forwards.get(section),
        ) else {
            return;
        };
        let passed = Passed {
            message: match ir.verbatim {
                true => Message::plain(bytes),
                false => Message::parse(bytes),
            },
            verbatim: ir.verbatim,
            from,
            host: ir.host,
        };
        for target in &**targets {
            target.pass(&passed, &self.dates, clock::wall_us());
        }
    }

    /// Says something on standard error, as `[WARNING]  (pid) : text`, unless the process is quiet.
    pub fn say(&self, severity: Severity, text: &str) {
        self.console
            .say(severity, &self.global.origin.pid, text.as_bytes());
    }

    /// A proxy stopped for good: tells it on standard error and to the proxy's targets.
    pub fn proxy_stopped(&self, id: ProxyId) {
        let live = &self.program.proxy(id).live;
        let text = format!(
            "Proxy {} stopped (cumulated conns: FE: {}, BE: {}).",
            live.name,
            live.frontend.counters.sum(Count::Connections),
            live.backend.counters.sum(Count::Sessions),
        );
        self.say(Severity::Warning, &text);
        self.message(Some(id), Level::Warning, &text);
    }

    /// Sends what has gathered, at once: before the process ends.
    pub fn flush(&self) {
        for (_, sink) in &self.sinks {
            sink.flush();
        }
        for (_, backend) in &self.backends {
            backend.flush();
        }
    }

    /// The program whose targets these are.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    fn send(&self, proxy: Option<ProxyId>, level: Level, wall_us: u64, text: Text<'_>) {
        let way = self.way(proxy);
        for target in &*way.targets {
            target.send(level, &way.origin, &self.dates, wall_us, text);
        }
    }

    fn way(&self, proxy: Option<ProxyId>) -> &Way {
        proxy
            .and_then(|id| self.proxies.get(id.0 as usize))
            .unwrap_or(&self.global)
    }

    fn listener(&self, cx: &Cx<'_>) -> u32 {
        let live = &self.program.proxy(cx.session.frontend).live;
        live.listeners
            .get(cx.session.listener)
            .map_or(0, |listener| listener.id)
    }
}

impl std::fmt::Debug for Logger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logger")
            .field("sinks", &self.sinks)
            .finish_non_exhaustive()
    }
}

/// Whether an exchange is none of the successful ones (configuration manual 8.3.3 and 8.3.4).
fn has_failed(stream: &Stream) -> bool {
    !matches!(stream.termination.cause, Cause::None | Cause::Local)
        || stream.retries > 0
        || stream.redispatched
        || stream.status >= 500
}

/// The exchange of a connection that never began one.
fn nothing_of(session: &Session) -> Stream {
    Stream {
        backend: session.frontend,
        log_origin: LogOrigin::SessionKilled,
        termination: Termination {
            cause: Cause::Proxy,
            phase: Phase::Request,
        },
        times: Times {
            start: session.accepted_ms,
            start_wall_us: session.accepted_wall_us,
            ..Times::default()
        },
        ..Stream::default()
    }
}

/// The sinks of this worker, one for each address.
struct Sinks<'a> {
    program: &'a Arc<Program>,
    open: Vec<(LogAddress, Rc<Sink>)>,
    backends: Vec<(String, Rc<LogBackend>)>,
}

impl Sinks<'_> {
    fn way(&mut self, address: &LogAddress) -> Option<target::Way> {
        let LogAddress::Backend(name) = address else {
            return self.sink(address).map(target::Way::Sink);
        };
        let known = self.backends.iter().find(|(known, _)| known == name);
        if let Some((_, backend)) = known {
            return Some(target::Way::Backend(backend.clone()));
        }
        let backend = LogBackend::open(self.program, name)?;
        self.backends.push((name.clone(), backend.clone()));
        Some(target::Way::Backend(backend))
    }

    fn sink(&mut self, address: &LogAddress) -> Option<Rc<Sink>> {
        let known = self.open.iter().find(|(known, _)| known == address);
        if let Some((_, sink)) = known {
            return Some(sink.clone());
        }
        let target = target::open(address, self.program)
            .map_err(|error| log::warn!("log target {address:?}: {error}"))
            .ok()?;
        let sink = Sink::open(target, Some(self.program.live.clone()));
        sink.set_send_buffer(self.program.global.tune.sndbuf_backend);
        self.open.push((address.clone(), sink.clone()));
        Some(sink)
    }
}

/// Targets for `logs`, whose places in `rounds` start at `round`.
fn targets(
    sinks: &mut Sinks<'_>,
    logs: &[LogTarget],
    origin: &Origin,
    (round, rounds): (usize, &Arc<Rounds>),
) -> Rc<[Target]> {
    let made = logs.iter().enumerate().filter_map(|(index, log)| {
        let way = sinks.way(&log.address)?;
        let place = (round + index, rounds.clone());
        Some(Target::new(way, log.clone(), sinks.program, origin, place))
    });
    made.collect()
}

const DEFAULT_TAG: &str = "haproxy";

#[cfg(test)]
mod tests;
