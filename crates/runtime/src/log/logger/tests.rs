//! Which lines leave, and their bytes.

use std::net::UdpSocket;

use bumpalo::Bump;
use hapax_core::contract::{Algorithm, BalanceKey, Balancer, Now, Shared};
use hapax_core::ir::{self, Address, LogFraming, LogSample, ProxyKind};
use hapax_core::live::{Live, Servers};
use hapax_core::span::Span;
use hapax_core::stream::{Session, Termination};

use super::*;

#[derive(Debug)]
struct Any;

impl Algorithm for Any {
    fn text(&self) -> String {
        "any".into()
    }
    fn name(&self) -> &'static str {
        "any"
    }
    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::None
    }
    fn build(&self, _: &ir::ProxySettings, _: &Servers) -> Box<dyn Balancer> {
        unreachable!("these programs balance nothing")
    }
}

struct Receiver(UdpSocket);

impl Receiver {
    fn new() -> Receiver {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
        socket.set_nonblocking(true).expect("nonblocking");
        Receiver(socket)
    }

    fn target(&self, format: LogFraming) -> LogTarget {
        LogTarget {
            address: LogAddress::Datagram(Address::Inet(self.0.local_addr().expect("addr"))),
            max_length: 1024,
            format,
            facility: 16,
            max_level: 7,
            min_level: 0,
            sample: None,
            profile: None,
            span: hapax_core::span::Span::default(),
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut bytes = [0; 2048];
        let mut lines = Vec::new();
        while let Ok(count) = self.0.recv(&mut bytes) {
            lines.push(String::from_utf8_lossy(&bytes[..count]).into_owned());
        }
        lines
    }
}

fn proxy(logs: Vec<LogTarget>) -> ir::Proxy {
    let mut proxy = ir::Proxy::new(
        "fe".into(),
        ProxyKind::Frontend,
        Span::default(),
        Shared(Arc::new(Any)),
    );
    proxy.logs = logs;
    proxy.log_format = Some(LogFormat {
        parts: Vec::new(),
        text: "the format".into(),
        ..LogFormat::default()
    });
    proxy
}

fn open(config: ir::Config) -> Rc<Logger> {
    let live = Arc::new(Live::new(&config, 1, 0));
    let program = Arc::new(Program::link(config, live, "machine".into()));
    let rounds = Rounds::new(&program);
    Logger::open(program, &rounds, |format, cx, out| {
        out.extend_from_slice(format.text.as_bytes());
        let _ = write!(out, " {}", cx.stream.status);
    })
}

fn with(proxy: ir::Proxy) -> Rc<Logger> {
    open(ir::Config {
        proxies: vec![proxy],
        ..ir::Config::default()
    })
}

fn stream(status: i16, cause: Cause) -> Stream {
    Stream {
        status,
        bytes_in: 10,
        termination: Termination {
            cause,
            ..Termination::default()
        },
        ..Stream::default()
    }
}

fn log(logger: &Logger, stream: &Stream, event: fn(&Logger, &Cx<'_>)) {
    let session = Session {
        source: Endpoint::Inet("192.0.2.1:1000".parse().expect("addr")),
        destination: Endpoint::Inet("[2001:db8::1]:80".parse().expect("addr")),
        ..Session::default()
    };
    let cx = Cx {
        program: logger.program(),
        session: &session,
        stream,
        request_bytes: &[],
        response_bytes: &[],
        arena: &Bump::new(),
        now: Now {
            ms: 1,
            wall_us: 1_000_000_000_000_042,
        },
        on_response: false,
    };
    event(logger, &cx);
    logger.flush();
}

// exercises: section/log
// exercises: section/log-tag
// exercises: section/log-send-hostname
#[test]
fn each_framing_has_its_header() {
    let receiver = Receiver::new();
    let framings = [
        (LogFraming::Unset, "<134>DATEMAYBEtag[PID]: text"),
        (LogFraming::Raw, "text"),
        (LogFraming::Short, "<6>text"),
        (LogFraming::Priority, "<134>text"),
        (LogFraming::Local, "<134>DATEtag[PID]: text"),
        (LogFraming::Rfc3164, "<134>DATEHOST tag[PID]: text"),
        (LogFraming::Rfc5424, "<134>1 ISO HOST tag PID - - text"),
        (LogFraming::Timed, "<6>ISO text"),
        (LogFraming::Iso, "ISO text"),
    ];
    for host in [None, Some(""), Some("named")] {
        let mut config = ir::Config::default();
        config.global.log_tag = Some("tag".into());
        config.global.log_send_hostname = host.map(str::to_owned);
        config.global.logs = framings.iter().map(|&(f, _)| receiver.target(f)).collect();
        let logger = open(config);
        logger.send(
            None,
            Level::Info,
            1_000_000_000_000_042,
            Text::plain(b"text"),
        );
        logger.flush();
        let mut dates = [Vec::new(), Vec::new()];
        logger.dates.bsd(1_000_000_000_000_042, &mut dates[0]);
        logger.dates.iso(1_000_000_000_000_042, &mut dates[1]);
        let [bsd, iso] = dates.map(|date| String::from_utf8(date).expect("text"));
        assert!(iso.contains(".000042"));
        for ((framing, expected), line) in framings.into_iter().zip(receiver.lines()) {
            let maybe = match host {
                None => String::new(),
                Some("") => "machine ".to_owned(),
                Some(name) => format!("{name} "),
            };
            let host = match (host, framing) {
                (None, LogFraming::Rfc5424) => "-",
                (None, _) => "localhost",
                (Some(""), _) => "machine",
                (Some(name), _) => name,
            };
            let expected = expected
                .replace("DATE", &bsd)
                .replace("ISO ", &iso)
                .replace("HOST", host)
                .replace("MAYBE", &maybe)
                .replace("PID", &std::process::id().to_string());
            assert_eq!(line, format!("{expected}\n"), "{framing:?}");
        }
    }
}

#[test]
fn levels_filter_and_are_raised_and_lengths_count_everything() {
    let receiver = Receiver::new();
    let short = receiver.target(LogFraming::Short);
    let logger = with(proxy(vec![
        LogTarget {
            max_level: 4,
            min_level: 3,
            ..short.clone()
        },
        LogTarget {
            max_length: 8,
            ..short
        },
    ]));
    logger.message(Some(ProxyId(0)), Level::Alert, "down");
    logger.message(Some(ProxyId(0)), Level::Notice, "up and long");
    logger.flush();
    assert_eq!(receiver.lines(), ["<3>down\n", "<1>down\n", "<5>up a\n"]);
}

#[test]
fn samplings_count_the_lines_of_a_section_that_pass_the_level() {
    let receiver = Receiver::new();
    let target = LogTarget {
        max_level: 5,
        sample: Some(LogSample {
            ranges: vec![(1, 1), (3, 4)],
            size: 4,
        }),
        ..receiver.target(LogFraming::Raw)
    };
    let mut config = ir::Config::default();
    config.global.logs = vec![target.clone()];
    for _ in 0..2 {
        let mut proxy = proxy(vec![target.clone(), receiver.target(LogFraming::Short)]);
        proxy.log_global = true;
        config.proxies.push(proxy);
    }
    let logger = open(config);
    let mut lines = Vec::new();
    for turn in 0..9 {
        let proxy = Some(ProxyId(turn % 2));
        logger.message(proxy, Level::Info, "not for this one");
        logger.message(proxy, Level::Notice, &turn.to_string());
        logger.flush();
        lines.extend(receiver.lines());
    }
    lines.retain(|line| !line.starts_with('<'));
    assert_eq!(lines, ["0\n", "1\n", "4\n", "5\n", "6\n", "7\n", "8\n"]);
}

// exercises: section/option dontlognull
// exercises: section/option dontlog-normal
// exercises: section/option log-separate-errors
#[test]
fn options_decide_which_exchanges_leave_a_line() {
    let receiver = Receiver::new();
    let logged = |set: fn(&mut ir::Options), stream: &Stream| {
        let mut proxy = proxy(vec![receiver.target(LogFraming::Short)]);
        set(&mut proxy.options);
        log(&with(proxy), stream, Logger::exchange);
        receiver.lines().pop()
    };
    let null = Stream {
        bytes_in: 0,
        ..stream(408, Cause::ClientTimeout)
    };
    let retried = Stream {
        retries: 1,
        ..stream(200, Cause::None)
    };
    assert!(logged(|_| {}, &null).is_some());
    assert!(logged(|options| options.dontlognull = true, &null).is_none());
    for (stream, failed) in [
        (stream(200, Cause::None), false),
        (stream(404, Cause::Local), false),
        (stream(500, Cause::Local), true),
        (stream(403, Cause::Proxy), true),
        (stream(0, Cause::ServerTimeout), true),
        (retried, true),
    ] {
        let normal = logged(|options| options.dontlog_normal = true, &stream);
        assert_eq!(normal.is_some(), failed);
        let separate = logged(|options| options.log_separate_errors = true, &stream);
        let level = if failed { 3 } else { 6 };
        let expected = format!("<{level}>the format {}\n", stream.status);
        assert_eq!(separate, Some(expected));
    }
}

#[test]
fn without_a_format_the_line_is_about_the_beginning() {
    let receiver = Receiver::new();
    let mut proxy = proxy(vec![receiver.target(LogFraming::Raw)]);
    proxy.log_format = None;
    proxy.options.dontlog_normal = true;
    let logger = with(proxy);
    let stream = Stream::default();
    log(&logger, &stream, Logger::begins);
    log(&logger, &stream, Logger::exchange);
    assert_eq!(
        receiver.lines(),
        ["Connect from 192.0.2.1:1000 to 2001:db8::1:80 (fe/TCP)\n"]
    );
    logger.proxy_stopped(ProxyId(0));
    logger.flush();
    assert_eq!(
        receiver.lines(),
        ["Proxy fe stopped (cumulated conns: FE: 0, BE: 0).\n"]
    );
}

#[test]
fn times_of_messages_that_are_passed_on_stay_what_they_were() {
    let receiver = Receiver::new();
    let formats = [LogFraming::Rfc5424, LogFraming::Rfc3164, LogFraming::Iso];
    let mut forward = ir::LogForward::named("in", Span::default());
    forward.logs = formats.map(|format| receiver.target(format)).to_vec();
    let config = ir::Config {
        log_forwards: vec![forward],
        ..ir::Config::default()
    };
    let live = Arc::new(Live::new(&config, 1, 0));
    let program = Arc::new(Program::link(config, live, "host".into()));
    let logger = Logger::open(program.clone(), &Rounds::new(&program), |_, _, _| {});
    let from = Some([127, 0, 0, 9].into());
    logger.pass(0, b"<13>1 2003-10-01T22:14:15.003Z - app - - - x", from);
    logger.pass(0, b"<13>Oct  1 22:14:15 h app[7]: y", from);
    logger.flush();
    let mut lines = receiver.lines();
    let year = lines
        .pop()
        .and_then(|line| line.get(..4).map(str::to_owned));
    let year = year.expect("a line");
    lines.sort();
    let mut expected = [
        "<13>1 2003-10-01T22:14:15.003Z 127.0.0.9 app - - - x\n".to_owned(),
        format!("<13>1 {year}-10-01T22:14:15-00:00 h app 7 - - y\n"),
        "<13>Oct  1 22:14:15 127.0.0.9 app: x\n".into(),
        "<13>Oct  1 22:14:15 h app[7]: y\n".into(),
        "2003-10-01T22:14:15.003Z x\n".into(),
    ];
    expected.sort();
    assert_eq!(lines, expected);
}
