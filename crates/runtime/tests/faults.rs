//! What clients, servers and time do wrong, and what the engine makes of it.

mod world;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use hapax_core::counter::Count;
use hapax_core::ir;
use world::wire::{After, Client, Lines, Origin, eventually};

const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const HI: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// One exchange with a server of its own; the answer and the log line.
fn once(proxy: ir::Proxy, request: &str) -> (String, String) {
    let lines = Lines::new();
    let mut proxy = proxy;
    world::log_to(&mut proxy, &lines);
    let world = world::run(ir::Global::default(), vec![proxy], 1);
    let mut client = Client::connect(world.addresses[0]);
    let answer = client.send(request).end().read_all();
    (answer, lines.next())
}

fn refusing() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("a name")
}

#[test]
fn broken_requests_get_the_pages_of_the_reference() {
    let page = "HTTP/1.1 400 Bad request\r\nContent-length: 90\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n";
    for request in [
        "GET / HTTP/1.1\r\nHo st: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n",
        "\u{1}\r\n\r\n",
    ] {
        let (answer, line) = once(world::listen("p", &[refusing()]), request);
        assert_eq!(answer, page);
        assert_eq!(line, "p/<NOSRV> 400 0 0 PR-- 0 0/0 \"\" 1");
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(20_000));
    let (answer, line) = once(world::listen("p", &[refusing()]), &long);
    assert!(
        answer.starts_with("HTTP/1.1 414 URI Too Long\r\nContent-length: 110\r\nCache-Control")
    );
    assert!(line.contains(" 414 0 0 PR--"));
}

#[test]
fn a_server_that_refuses_costs_retries_and_503() {
    let mut proxy = world::listen("p", &[refusing()]);
    proxy.retries = 1;
    proxy.timeouts.connect = Some(50);
    let begin = Instant::now();
    let (answer, line) = once(proxy, GET);
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\n"));
    assert!(line.starts_with("p/s1 503 39 217 SC-- 1 0/0"), "{line}");
    assert!(
        begin.elapsed() >= Duration::from_millis(45),
        "no pause before the retry"
    );
}

#[test]
fn redispatch_finds_another_server() {
    let origin = Origin::new(HI, After::Keep);
    let mut proxy = world::listen("p", &[refusing(), origin.address]);
    proxy.options.redispatch = Some(1);
    let (answer, line) = once(proxy, GET);
    assert!(answer.ends_with("\r\n\r\nhi"));
    assert!(line.starts_with("p/s2 200 39 51 ---- 1+ "), "{line}");
}

#[test]
fn without_backend_or_server_503() {
    let mut frontend = world::proxy("f", ir::ProxyKind::Frontend);
    frontend.binds.push(world::listener());
    let (_, line) = once(frontend, GET);
    assert!(line.starts_with("f/<NOSRV> 503 39 217 SC-- 0 "), "{line}");
    let (_, line) = once(world::listen("p", &[]), GET);
    assert!(line.starts_with("p/<NOSRV> 503 39 217 SC-- 0 "), "{line}");
}

#[test]
fn broken_responses_are_502() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\nCont",
        "HTTP/1.1 20x OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n",
    ] {
        let origin = Origin::new(answer, After::Close);
        let (page, line) = once(world::listen("p", &[origin.address]), GET);
        assert!(
            page.starts_with("HTTP/1.1 502 Bad Gateway\r\n"),
            "{answer:?}: {page}"
        );
        assert!(line.contains(" 502 39 "), "{answer:?}: {line}");
    }
}

#[test]
fn a_response_that_breaks_off_is_passed_on_broken_off() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
    ] {
        let origin = Origin::new(answer, After::Close);
        let (text, line) = once(world::listen("p", &[origin.address]), GET);
        assert!(text.contains("hi"), "{text}");
        assert!(!text.contains("\r\n0\r\n"), "an end was made up: {text}");
        assert!(line.contains(" SD-- "), "{line}");
    }
}

#[test]
fn silence_has_its_limits() {
    let mut proxy = world::listen("p", &[refusing()]);
    proxy.timeouts.http_request = Some(40);
    let lines = Lines::new();
    world::log_to(&mut proxy, &lines);
    let world = world::run(ir::Global::default(), vec![proxy], 1);
    let mut client = Client::connect(world.addresses[0]);
    let answer = client.send("GET / HT").read_all();
    assert!(answer.starts_with("HTTP/1.1 408 Request Time-out\r\nContent-length: 110\r\n"));
    assert!(lines.next().contains(" 408 0 0 cR-- "));
    let counters = &world.program.proxies[0].live.frontend.counters;
    assert_eq!(counters.sum(Count::RequestErrors), 1);

    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut proxy = world::listen("p", &[silent.local_addr().expect("a name")]);
    proxy.timeouts.server = Some(40);
    let (answer, line) = once(proxy, GET);
    assert!(answer.starts_with("HTTP/1.1 504 Gateway Time-out\r\ncontent-length: 92\r\n"));
    assert!(line.contains(" 504 39 198 sH-- "), "{line}");
}

#[test]
fn a_client_that_breaks_off_its_body_gets_no_answer() {
    let origin = Origin::new(HI, After::Keep);
    let request = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc";
    let (answer, line) = once(world::listen("p", &[origin.address]), request);
    assert_eq!(answer, "");
    assert!(line.contains(" 400 ") && line.contains(" CH-- "), "{line}");
    assert!(origin.seen().is_empty(), "half a request counts as none");
}

#[test]
fn a_request_that_is_sent_again_holds_one_slot() {
    let answered = std::sync::atomic::AtomicUsize::new(0);
    let origin = Origin::with(move |_| {
        match answered.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            // The kept connection closes instead of an answer.
            1 => (String::new(), After::Close),
            _ => (HI.to_owned(), After::Keep),
        }
    });
    let world = world::run(
        ir::Global::default(),
        vec![world::listen("p", &[origin.address])],
        1,
    );
    let mut client = Client::connect(world.addresses[0]);
    client.send(GET).read_until("hi");
    client.send(GET).read_until("hi");
    assert_eq!(origin.seen().len(), 3);
    let server = &world.program.proxies[0].live.servers[0];
    eventually("the slot is free", || server.sessions.value() == 0);
}

#[test]
fn a_request_whose_first_chunk_is_broken_reaches_nobody() {
    let origin = Origin::new(HI, After::Keep);
    let request =
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n";
    let (answer, line) = once(world::listen("p", &[origin.address]), request);
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad request\r\nContent-length"),
        "{answer}"
    );
    assert_eq!(line, "p/<NOSRV> 400 0 0 PR-- 0 0/0 \"\" 1");
    assert_eq!(origin.connections(), 0);
}

#[test]
fn a_frontend_at_its_limit_takes_the_next_when_one_leaves() {
    let origin = Origin::new(HI, After::Keep);
    let mut proxy = world::listen("p", &[origin.address]);
    proxy.maxconn = Some(1);
    for workers in [1, 2] {
        let world = world::run(ir::Global::default(), vec![proxy.clone()], workers);
        let mut first = Client::connect(world.addresses[0]);
        first.send(GET).read_until("hi");
        let mut second = Client::connect(world.addresses[0]);
        second.send(GET);
        second
            .0
            .set_read_timeout(Some(Duration::from_millis(60)))
            .expect("a timeout");
        let mut byte = [0];
        let early = std::io::Read::read(&mut second.0, &mut byte);
        assert!(early.is_err(), "served above the limit");
        drop(first);
        second
            .0
            .set_read_timeout(Some(world::wire::LIMIT))
            .expect("a timeout");
        second.read_until("hi");
        assert_eq!(world.program.proxies[0].live.frontend.sessions.highest(), 1);
    }
}

#[test]
fn a_soft_stop_lets_work_end_and_closes_who_waits() {
    let origin = Origin::with(|_| {
        let (_held, nothing) = std::sync::mpsc::channel::<()>();
        // The server thinks for a while.
        let _ = nothing.recv_timeout(Duration::from_millis(100));
        (HI.to_owned(), After::Keep)
    });
    let proxy = world::listen("p", &[origin.address]);
    let mut world = world::run(ir::Global::default(), vec![proxy], 1);
    let mut idle = Client::connect(world.addresses[0]);
    idle.send(GET).read_until("hi");
    let backend = &world.program.proxies[0].live.backend;
    eventually("the first exchange is over", || {
        backend.sessions.value() == 0
    });
    let mut busy = Client::connect(world.addresses[0]);
    busy.send(GET);
    eventually("the request is at the server", || {
        backend.sessions.value() == 1
    });
    let running = world.running.take().expect("it runs");
    running.stop();
    assert_eq!(idle.read_all(), "", "an idle connection is closed");
    let answer = busy.read_all();
    assert!(
        answer.contains("connection: close") && answer.ends_with("hi"),
        "{answer}"
    );
    running.join().expect("the workers end");
    assert!(std::net::TcpStream::connect(world.addresses[0]).is_err());
}

#[test]
fn tcp_sessions_are_relayed_and_logged() {
    let origin = Origin::new(HI, After::Close);
    let mut proxy = world::listen("t", &[origin.address]);
    proxy.mode = ir::Mode::Tcp;
    let (answer, line) = once(proxy, GET);
    assert_eq!(answer, HI);
    assert!(line.starts_with("t/s1 0 28 40 ---- 0 "), "{line}");
    let mut proxy = world::listen("t", &[refusing()]);
    proxy.mode = ir::Mode::Tcp;
    proxy.retries = 0;
    let (answer, line) = once(proxy, GET);
    assert_eq!(answer, "");
    assert!(line.starts_with("t/s1 0 0 0 SC-- 0 "), "{line}");
}
