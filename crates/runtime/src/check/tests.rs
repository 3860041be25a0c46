//! Checks against scripted origins, on a worker.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, Shared};
use hapax_core::ir::{
    self, Address, CheckData, CheckKind, CheckRequest, LogAddress, LogFraming, LogTarget,
    ProxyKind, Server, ServerOptions, ServerPort,
};
use hapax_core::live::{CheckResult, CheckStatus, Live, Servers};
use hapax_core::span::Span;

use super::*;
use crate::log::Rounds;
use crate::wheel;
use crate::worker::WorkerSettings;

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

/// A backend with these servers.
pub(super) fn backend(servers: Vec<Server>) -> ir::Proxy {
    let mut proxy = ir::Proxy::new(
        "b".into(),
        ProxyKind::Backend,
        Span::default(),
        Shared(Arc::new(Any)),
    );
    proxy.servers = servers.into_iter().map(Into::into).collect();
    proxy
}

/// A server that is checked.
pub(super) fn server(name: &str, address: SocketAddr) -> Server {
    let mut options = ServerOptions::default();
    options.check.enabled = true;
    options.check.inter = 100;
    Server {
        name: name.into(),
        span: Span::default(),
        address: Address::Inet(address),
        port: ServerPort::Fixed,
        text: address.to_string(),
        host_name: None,
        options: options.into(),
    }
}

/// Serves each connection with `play`, until the listener's thread ends with the test.
fn origin(play: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("addr");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            play(stream);
        }
    });
    address
}

fn refused() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    listener.local_addr().expect("addr")
}

fn ask(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut piece = [0; 100];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&piece[..count]),
            _ => break,
        }
    }
    bytes
}

/// Runs the checks of `proxy` until each server has a result.
fn run(
    mut proxy: ir::Proxy,
    set: impl FnOnce(&mut ir::Config),
) -> (Vec<CheckResult>, Vec<String>, Arc<Program>) {
    let receiver = UdpSocket::bind("127.0.0.1:0").expect("bind");
    receiver.set_nonblocking(true).expect("nonblocking");
    proxy.logs = vec![LogTarget {
        address: LogAddress::Datagram(Address::Inet(receiver.local_addr().expect("addr"))),
        max_length: 1024,
        format: LogFraming::Short,
        facility: 16,
        max_level: 7,
        min_level: 0,
        sample: None,
        profile: None,
        span: hapax_core::span::Span::default(),
    }];
    let mut config = ir::Config::default();
    config.global.quiet = true;
    set(&mut config);
    config.proxies.push(proxy);
    let live = Arc::new(Live::new(&config, 1, 0));
    let program = Arc::new(Program::link(config, live, "machine".into()));
    let settings = WorkerSettings {
        index: 0,
        processors: Vec::new(),
        buffer_size: 16384,
        free_buffers: 4,
        pipe_size: 0,
        pipes: 4,
    };
    let checked = program.clone();
    worker::run(&settings, worker::Inbox::default(), |_| async move {
        let rounds = Rounds::new(&checked);
        let logger = Logger::open(checked.clone(), &rounds, |_, _, _| {});
        let share = Share {
            worker: 0,
            workers: 1,
            origin_ms: 0,
        };
        let checks = Checks::start(&checked, &logger, share)
            .await
            .expect("starts");
        let servers = &checked.proxies[0].live.servers;
        assert_eq!(checks.count(), servers.len());
        let deadline = clock::now_ms() + 10_000;
        while servers
            .iter()
            .any(|server| server.state.lock().check.is_none())
        {
            assert!(clock::now_ms() < deadline, "no result in time");
            wheel::pause(2).await;
        }
        logger.flush();
    })
    .expect("runs");
    let mut lines = Vec::new();
    let mut bytes = [0; 200];
    while let Ok(count) = receiver.recv(&mut bytes) {
        lines.push(String::from_utf8_lossy(&bytes[..count]).into_owned());
    }
    let servers = &program.proxies[0].live.servers;
    let results = servers
        .iter()
        .map(|server| server.state.lock().check.clone().expect("a result"))
        .collect();
    (results, lines, program)
}

// exercises: server/check
// exercises: server/port
// exercises: server/addr
#[test]
fn tcp_checks_connect_to_the_right_place() {
    let quiet = origin(|_| {});
    let mut port = server("port", refused());
    port.options.check.port = Some(quiet.port());
    let mut other = server("addr", SocketAddr::from(([127, 0, 0, 9], quiet.port())));
    other.options.check.address = Some(Address::Inet(SocketAddr::from(([127, 0, 0, 1], 0))));
    let servers = vec![server("up", quiet), server("down", refused()), port, other];
    let (results, lines, program) = run(backend(servers), |_| {});
    let found: Vec<_> = results
        .iter()
        .map(|result| (result.status, result.info.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (CheckStatus::L4Ok, ""),
            (CheckStatus::L4Connection, "Connection refused"),
            (CheckStatus::L4Ok, ""),
            (CheckStatus::L4Ok, ""),
        ]
    );
    let line = "<1>Server b/down is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration:";
    assert!(lines.iter().any(|text| text.starts_with(line)), "{lines:?}");
    let generations: Vec<_> = program.proxies[0]
        .live
        .servers
        .iter()
        .map(|server| server.generation.load(Ordering::Relaxed) > 0)
        .collect();
    assert_eq!(generations, [false, true, false, false]);
}

// exercises: section/option httpchk
// exercises: section/timeout check
#[test]
fn http_checks_judge_answers_silence_and_closes() {
    let mut proxy = backend(vec![
        server(
            "good",
            origin(|mut stream| {
                assert_eq!(ask(&mut stream), b"OPTIONS /x HTTP/1.0\r\n\r\n");
                let _ = stream.write_all(b"HTTP/1.0 204 Fine\r\n\r\n");
            }),
        ),
        server(
            "bad",
            origin(|mut stream| {
                ask(&mut stream);
                let _ = stream.write_all(b"HTTP/1.0 503 Busy\r\n\r\n");
            }),
        ),
        server(
            "silent",
            origin(|mut stream| {
                ask(&mut stream);
                // The check gives up first.
                let _ = stream.read(&mut [0]);
            }),
        ),
        server(
            "closing",
            origin(|mut stream| {
                ask(&mut stream);
            }),
        ),
        server(
            "resetting",
            origin(|stream| {
                // Closing with the request unread resets the connection.
                let _ = stream.peek(&mut [0]);
            }),
        ),
    ]);
    proxy.timeouts.check = Some(250);
    proxy.check = CheckKind::Http;
    proxy.http_check.request = Some(CheckRequest {
        uri: Some(CheckData::Fixed(b"/x".to_vec())),
        ..CheckRequest::default()
    });
    let (results, _, _) = run(proxy, |_| {});
    let found: Vec<_> = results
        .iter()
        .map(|result| (result.status, result.code, result.info.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (CheckStatus::L7Ok, 204, ""),
            (CheckStatus::L7Status, 503, "Busy"),
            (CheckStatus::L7Timeout, 0, ""),
            (CheckStatus::SocketError, 0, ""),
            (
                CheckStatus::SocketError,
                0,
                "ECONNRESET returned by OS (Connection reset by peer)"
            ),
        ]
    );
    assert!(results[2].duration_ms >= 250, "{results:?}");
}

// exercises: section/max-spread-checks
#[test]
fn first_checks_spread_over_a_window() {
    let quiet = origin(|_| {});
    let servers: Vec<_> = (0..4)
        .map(|index| {
            let mut server = server(&index.to_string(), quiet);
            server.options.check.inter = 60_000;
            server
        })
        .collect();
    let started = std::time::Instant::now();
    run(backend(servers), |config| {
        config.global.max_spread_checks = Some(40);
    });
    let took = started.elapsed().as_millis();
    assert!(
        (30..5000).contains(&took),
        "the last one comes at 30 ms: {took}"
    );
}

#[test]
fn a_check_that_waits_is_small() {
    let mut config = ir::Config::default();
    config.global.quiet = true;
    config.proxies.push(backend(vec![server("s", refused())]));
    let live = Arc::new(Live::new(&config, 1, 0));
    let program = Arc::new(Program::link(config, live, "machine".into()));
    let check = Check {
        role: Role::Server,
        logger: Logger::open(program.clone(), &Rounds::new(&program), |_, _, _| {}),
        proxy: ProxyId(0),
        server: 0,
        recipe: Rc::new(Recipe::new(&program.proxies[0].ir).expect("compiles")),
        origin_ms: 0,
        running: Rc::new(Cell::new(true)),
        busy: Rc::default(),
        program,
    };
    let schedule = Schedule::of(&check.program);
    let bytes = std::mem::size_of_val(&check.run(0, schedule));
    assert!(bytes <= 2048, "{bytes} bytes for each server");
}

#[test]
fn thousands_of_servers_are_checked_without_a_burst() {
    let quiet = origin(|_| {});
    let servers: Vec<_> = (0..3000)
        .map(|index| {
            let mut server = server(&index.to_string(), quiet);
            server.options.check.inter = 1500;
            server
        })
        .collect();
    let (results, _, _) = run(backend(servers), |_| {});
    let good = results
        .iter()
        .filter(|result| result.status == CheckStatus::L4Ok);
    assert_eq!(good.count(), 3000);
}

#[test]
fn send_proxy_goes_before_the_request() {
    let spoken = origin(|mut stream| {
        let bytes = ask(&mut stream);
        let from = stream.peer_addr().expect("addr").port();
        let to = stream.local_addr().expect("addr").port();
        let first = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {from} {to}\r\nGET / HTTP/1.0\r\n\r\n");
        let second = b"\r\n\r\n\0\r\nQUIT\n \0\0\0GET / HTTP/1.0\r\n\r\n";
        // The signature of version 2 begins like the end of a request.
        let rest = if bytes == b"\r\n\r\n" {
            ask(&mut stream)
        } else {
            Vec::new()
        };
        let all = [bytes, rest].concat();
        let status = if all == first.as_bytes() {
            201
        } else if all == second {
            202
        } else if all == b"GET / HTTP/1.0\r\n\r\n" {
            203
        } else {
            500
        };
        let _ = write!(stream, "HTTP/1.0 {status} Seen\r\n\r\n");
    });
    let mut servers: Vec<_> = ["one", "two", "elsewhere"]
        .iter()
        .map(|name| server(name, spoken))
        .collect();
    servers[0].options.send_proxy = Some(1);
    servers[1].options.send_proxy = Some(2);
    servers[2].options.send_proxy = Some(1);
    servers[2].options.check.port = Some(spoken.port());
    let mut proxy = backend(servers);
    proxy.check = CheckKind::Http;
    proxy.http_check.request = Some(CheckRequest {
        method: Some("GET".to_owned()),
        ..CheckRequest::default()
    });
    let (results, _, _) = run(proxy, |_| {});
    let codes: Vec<_> = results.iter().map(|result| result.code).collect();
    assert_eq!(codes, [201, 202, 203]);
}
