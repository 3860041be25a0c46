//! Stats-files: counters of objects that have a `guid`, written by `dump stats-file` and taken over at the start.

use std::io::Write;
use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::counter::{Count, Counters, Gauge, Rate};
use hapax_core::ir::{Counted, CountedBefore};
use hapax_core::live::{ListenerLive, ServerLive, SideLive};
use hapax_core::program::{Program, Proxy};
use hapax_core::stats_file::Part;

use super::view::View;

/// Appends the line that begins a part.
pub fn write_header(part: Part, out: &mut Vec<u8>) {
    let _ = write!(out, "#{} guid,", part.name());
    for column in part.columns() {
        let _ = write!(out, "{column},");
    }
    out.push(b'\n');
}

/// Appends the lines of a proxy.
pub fn write(part: Part, proxy: &Proxy, now: Now, out: &mut Vec<u8>) {
    let live = &proxy.live;
    if proxy.ir.disabled {
        return;
    }
    match part {
        Part::Front => {
            if proxy.ir.kind.has_frontend() {
                write_row(
                    part,
                    proxy.ir.guid.as_deref(),
                    &Object::Frontend(proxy),
                    now,
                    out,
                );
            }
            let listeners = live.listeners.iter().zip(&proxy.ir.binds);
            for (listener, bind) in listeners.filter(|_| proxy.ir.options.socket_stats) {
                let object = Object::Listener(proxy, listener);
                write_row(part, bind.options.guid.as_deref(), &object, now, out);
            }
        }
        Part::Back if proxy.ir.kind.has_backend() => {
            for server in live.servers.iter() {
                let guid = server.ir.options.guid.as_deref();
                write_row(part, guid, &Object::Server(proxy, server), now, out);
            }
            write_row(
                part,
                proxy.ir.guid.as_deref(),
                &Object::Backend(proxy),
                now,
                out,
            );
        }
        Part::Back => {}
    }
}

fn write_row(part: Part, guid: Option<&str>, object: &Object<'_>, now: Now, out: &mut Vec<u8>) {
    let Some(guid) = guid else {
        return;
    };
    let _ = write!(out, "{guid},");
    for column in part.columns() {
        let source = source(part, column).filter(|source| object.has(*source));
        let value = source.map_or(0, |source| object.read(source, now));
        let _ = write!(out, "{value},");
    }
    out.push(b'\n');
}

/// Lets counters begin with what they were before; the process has not begun to count.
pub fn take_over(program: &Program, before: &[CountedBefore]) {
    for row in before {
        let proxy = |index: usize| program.proxies.get(index);
        let (object, part) = match row.of {
            Counted::Frontend(index) => (proxy(index).map(Object::Frontend), Part::Front),
            Counted::Backend(index) => (proxy(index).map(Object::Backend), Part::Back),
            Counted::Listener(index, number) => {
                let listener = proxy(index).and_then(|proxy| {
                    let listener = proxy.live.listeners.get(number)?;
                    Some(Object::Listener(proxy, listener))
                });
                (listener, Part::Front)
            }
            Counted::Server(index, number) => {
                let server = proxy(index).and_then(|proxy| {
                    let server = proxy.live.servers.get(number)?;
                    Some(Object::Server(proxy, server))
                });
                (server, Part::Back)
            }
        };
        let Some(object) = object else {
            continue;
        };
        for (column, value) in &row.values {
            if let Some(source) = source(part, column) {
                object.set(source, *value);
            }
        }
    }
}

/// What counters belong to.
enum Object<'a> {
    Frontend(&'a Proxy),
    Listener(&'a Proxy, &'a ListenerLive),
    Backend(&'a Proxy),
    Server(&'a Proxy, &'a ServerLive),
}

/// Where the value of a column comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Count(Count),
    SessionRate,
    RequestRate,
    ConnectionRate,
    /// What upstream writes as `req_tot` of frontends and listeners: the most sessions at a time.
    MostSessions,
    Http1Sessions,
    Http1Requests,
    FailedChecks,
    DownTransitions,
    LastChange,
    LastSession,
    ObservedFaults,
}

/// What this process counts for a column; none for what is not built.
fn source(part: Part, column: &str) -> Option<Source> {
    let count = match column {
        "stot" => Count::Sessions,
        "bin" => Count::BytesIn,
        "bout" => Count::BytesOut,
        "dreq" => Count::DeniedRequests,
        "dresp" => Count::DeniedResponses,
        "ereq" => Count::RequestErrors,
        "econ" => Count::ConnectionErrors,
        "eresp" => Count::ResponseErrors,
        "wretr" => Count::Retries,
        "wredis" => Count::Redispatches,
        "lbtot" => Count::Chosen,
        "hrsp_1xx" => Count::Status1xx,
        "hrsp_2xx" => Count::Status2xx,
        "hrsp_3xx" => Count::Status3xx,
        "hrsp_4xx" => Count::Status4xx,
        "hrsp_5xx" => Count::Status5xx,
        "hrsp_other" => Count::StatusOther,
        "cli_abrt" => Count::ClientAborts,
        "srv_abrt" => Count::ServerAborts,
        "wrew" => Count::FailedRewrites,
        "connect" => Count::Connects,
        "reuse" => Count::Reuses,
        "eint" => Count::InternalErrors,
        "conn_tot" => Count::Connections,
        "intercepted" => Count::Intercepted,
        "dcon" => Count::DeniedConnections,
        "dses" => Count::DeniedSessions,
        "h2sess" => Count::Http2Sessions,
        "h2req" => Count::Http2Requests,
        "req_tot" if part == Part::Back => Count::Requests,
        "req_tot" => return Some(Source::MostSessions),
        "rate" => return Some(Source::SessionRate),
        "req_rate" => return Some(Source::RequestRate),
        "conn_rate" => return Some(Source::ConnectionRate),
        "h1sess" => return Some(Source::Http1Sessions),
        "h1req" => return Some(Source::Http1Requests),
        "chkfail" => return Some(Source::FailedChecks),
        "chkdown" => return Some(Source::DownTransitions),
        "lastchg" => return Some(Source::LastChange),
        "lastsess" => return Some(Source::LastSession),
        "hanafail" => return Some(Source::ObservedFaults),
        _ => return None,
    };
    Some(Source::Count(count))
}

impl<'a> Object<'a> {
    fn counters(&self) -> &'a Counters {
        match *self {
            Object::Frontend(proxy) => &proxy.live.frontend.counters,
            Object::Listener(_, listener) => &listener.counters,
            Object::Backend(proxy) => &proxy.live.backend.counters,
            Object::Server(_, server) => &server.counters,
        }
    }

    fn side(&self) -> Option<&'a SideLive> {
        match *self {
            Object::Frontend(proxy) => Some(&proxy.live.frontend),
            Object::Backend(proxy) => Some(&proxy.live.backend),
            _ => None,
        }
    }

    fn sessions(&self) -> &'a Gauge {
        match *self {
            Object::Frontend(proxy) => &proxy.live.frontend.sessions,
            Object::Listener(_, listener) => &listener.sessions,
            Object::Backend(proxy) => &proxy.live.backend.sessions,
            Object::Server(_, server) => &server.sessions,
        }
    }

    fn session_rate(&self) -> Option<&'a Rate> {
        match *self {
            Object::Server(_, server) => Some(&server.session_rate),
            _ => self.side().map(|side| &side.session_rate),
        }
    }

    fn http(&self) -> bool {
        let (Object::Frontend(proxy)
        | Object::Listener(proxy, _)
        | Object::Backend(proxy)
        | Object::Server(proxy, _)) = self;
        proxy.ir.mode == hapax_core::ir::Mode::Http
    }

    /// Whether upstream counts that for such an object.
    fn has(&self, source: Source) -> bool {
        let statuses = Count::Status1xx as usize..=Count::StatusOther as usize;
        match source {
            Source::Count(what) if statuses.contains(&(what as usize)) => {
                self.http() && !matches!(self, Object::Listener(..))
            }
            Source::Count(Count::Requests) => self.http(),
            _ => true,
        }
    }

    fn read(&self, source: Source, now: Now) -> u64 {
        let count = |what| self.counters().sum(what);
        let rate = |rate: Option<&Rate>| rate.map_or(0, |rate| u64::from(rate.per_second(now.ms)));
        match source {
            Source::Count(what) => count(what),
            Source::SessionRate => rate(self.session_rate()),
            Source::RequestRate => rate(self.side().map(|side| &side.request_rate)),
            Source::ConnectionRate => rate(self.side().map(|side| &side.connection_rate)),
            Source::MostSessions => u64::from(self.sessions().highest()),
            Source::Http1Sessions if self.http() => {
                count(Count::Sessions).saturating_sub(count(Count::Http2FromStart))
            }
            Source::Http1Requests if self.http() => {
                count(Count::Requests).saturating_sub(count(Count::Http2Requests))
            }
            Source::Http1Sessions | Source::Http1Requests => 0,
            Source::FailedChecks => {
                self.server(|server| u64::from(server.state.lock().failed_checks))
            }
            Source::ObservedFaults => {
                self.server(|server| u64::from(server.state.lock().observed.faults))
            }
            Source::DownTransitions => match self {
                Object::Backend(proxy) => {
                    u64::from(proxy.live.down_transitions.load(Ordering::Relaxed))
                }
                _ => self.server(|server| u64::from(server.state.lock().down_transitions)),
            },
            Source::LastChange => match self {
                Object::Backend(proxy) => {
                    View::seconds_since(now, proxy.live.last_change_ms.load(Ordering::Relaxed))
                }
                _ => self.server(|server| {
                    let since = server.state.lock().seconds_since_change(now.ms);
                    u64::try_from(since).unwrap_or(0)
                }),
            },
            Source::LastSession => {
                let last = match *self {
                    Object::Server(_, server) => Some(&server.last_session_ms),
                    _ => self.side().map(|side| &side.last_session_ms),
                };
                match last.map_or(0, |last| last.load(Ordering::Relaxed)) {
                    0 => 0,
                    moment => View::seconds_since(now, moment),
                }
            }
        }
    }

    fn server(&self, read: impl FnOnce(&ServerLive) -> u64) -> u64 {
        match self {
            Object::Server(_, server) => read(server),
            _ => 0,
        }
    }

    /// Gives a value to what has counted nothing yet. Rates are of a second that is over.
    fn set(&self, source: Source, value: u64) {
        let small = u32::try_from(value).unwrap_or(u32::MAX);
        // Before the start of the clock.
        let moment = 0_u64.wrapping_sub(value.min(LONGEST_AGO).saturating_mul(1000));
        let sum = |what| self.counters().sum(what);
        // What counts in the first worker's slot; a later line takes the place of a former one.
        let set = |what, value: u64| self.counters().add(0, what, value.wrapping_sub(sum(what)));
        match source {
            // Those of HTTP/1 are told apart by what is not of HTTP/2.
            Source::Count(what @ Count::Http2Sessions) => {
                set(what, value);
                set(Count::Http2FromStart, value);
            }
            Source::Count(what @ Count::Http2Requests) => {
                let of_http1 = sum(Count::Requests).wrapping_sub(sum(what));
                set(what, value);
                set(Count::Requests, of_http1.wrapping_add(value));
            }
            Source::Count(what) => set(what, value),
            Source::Http1Requests => {
                set(
                    Count::Requests,
                    value.wrapping_add(sum(Count::Http2Requests)),
                );
            }
            Source::Http1Sessions
            | Source::SessionRate
            | Source::RequestRate
            | Source::ConnectionRate => {}
            Source::MostSessions => self.sessions().raise_highest(small),
            Source::FailedChecks | Source::ObservedFaults => {
                if let Object::Server(_, server) = self {
                    let mut state = server.state.lock();
                    match source {
                        Source::FailedChecks => state.failed_checks = small,
                        _ => state.observed.faults = small,
                    }
                }
            }
            Source::DownTransitions => match self {
                Object::Server(_, server) => server.state.lock().down_transitions = small,
                Object::Backend(proxy) => {
                    proxy.live.down_transitions.store(small, Ordering::Relaxed);
                }
                _ => {}
            },
            Source::LastChange => match self {
                Object::Server(_, server) => {
                    server.state.lock().age_at_start = i64::from(small);
                }
                Object::Backend(proxy) => {
                    proxy.live.last_change_ms.store(moment, Ordering::Relaxed);
                }
                _ => {}
            },
            Source::LastSession => {
                let last = match *self {
                    Object::Server(_, server) => Some(&server.last_session_ms),
                    _ => self.side().map(|side| &side.last_session_ms),
                };
                if let Some(last) = last {
                    // 0 is none at all, which upstream writes like one just now.
                    last.store(if moment == 0 { 1 } else { moment }, Ordering::Relaxed);
                }
            }
        }
    }
}

/// Longer ago than anything was, seconds.
const LONGEST_AGO: u64 = 1 << 40;
