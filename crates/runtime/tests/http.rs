//! Requests and responses through the engine, over the loopback. The expected bytes are what the reference sends.

mod world;

use hapax_core::counter::Count;
use hapax_core::ir::{self, ConnectionMode, HttpReuse};
use world::wire::{After, Client, Lines, Origin, eventually};

const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const HI: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Foo: a\r\n\r\nhi";
const HI_OUT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-foo: a\r\n\r\nhi";

#[test]
fn a_connection_carries_many_requests() {
    let origin = Origin::new(HI, After::Keep);
    let lines = Lines::new();
    let mut proxy = world::listen("p", &[origin.address]);
    world::log_to(&mut proxy, &lines);
    let mut world = world::run(ir::Global::default(), vec![proxy], 1);
    let mut client = Client::connect(world.addresses[0]);
    for _ in 0..3 {
        assert_eq!(client.send(GET).read_until("hi"), HI_OUT);
        // Bytes are counted as the reference counts them: without separators.
        assert_eq!(
            lines.next(),
            "p/s1 200 39 57 ---- 0 0/0 \"GET /a HTTP/1.1\" 1"
        );
    }
    // The first request never goes on a used connection, the others find the one it left.
    assert_eq!(origin.connections(), 1);
    assert_eq!(origin.seen()[2], "GET /a HTTP/1.1\r\nhost: h\r\n\r\n");
    let live = &world.program.proxies[0].live;
    assert_eq!(live.frontend.counters.sum(Count::Requests), 3);
    assert_eq!(live.frontend.counters.sum(Count::Status2xx), 3);
    assert_eq!(live.servers[0].counters.sum(Count::Connects), 1);
    assert_eq!(live.servers[0].counters.sum(Count::Reuses), 2);
    assert_eq!(live.backend.counters.sum(Count::BytesOut), 3 * 57);
    drop(client);
    eventually("all places are free", || {
        live.frontend.sessions.value() == 0 && live.servers[0].sessions.value() == 0
    });
    world.end();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::with(|request| {
        let path = request.split('/').nth(1).map_or("", |rest| &rest[..1]);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{path}");
        (answer, After::Keep)
    });
    let world = world::run(
        ir::Global::default(),
        vec![world::listen("p", &[origin.address])],
        1,
    );
    let mut client = Client::connect(world.addresses[0]);
    client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let text = client.read_all();
    let bodies: Vec<&str> = text
        .split("\r\n\r\n")
        .skip(1)
        .map(|part| &part[..1])
        .collect();
    assert_eq!(bodies, ["1", "2", "3"]);
    assert!(text.contains("connection: close"));
}

#[test]
fn chunks_are_joined_and_extensions_dropped() {
    let origin = Origin::new(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n",
        After::Keep,
    );
    let world = world::run(
        ir::Global::default(),
        vec![world::listen("p", &[origin.address])],
        1,
    );
    let mut client = Client::connect(world.addresses[0]);
    client.send(
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;e\r\nd\r\n0\r\n\r\n",
    );
    assert_eq!(
        client.read_until("x-t: 1\r\n\r\n"),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nx-t: 1\r\n\r\n"
    );
    assert!(origin.seen()[0].ends_with("\r\n\r\n1\r\nd\r\n0\r\n\r\n"));
}

#[test]
fn large_bodies_arrive_whole_in_both_directions() {
    let body = "0123456789abcdef".repeat(40_000);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let origin = Origin::new(&answer, After::Keep);
    for splice in [false, true] {
        let mut proxy = world::listen("p", &[origin.address]);
        proxy.options.splice_auto = splice;
        let global = ir::Global {
            no_splice: !splice,
            ..ir::Global::default()
        };
        let world = world::run(global, vec![proxy], 2);
        let mut client = Client::connect(world.addresses[0]);
        let request = format!(
            "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        client.send(&request);
        let text = client.read_all();
        assert!(text.ends_with(&body), "{} bytes came", text.len());
        assert!(origin.seen().pop().expect("a request").ends_with(&body));
    }
}

#[test]
fn a_response_without_length_ends_with_the_connection() {
    let origin = Origin::new("HTTP/1.1 200 OK\r\n\r\nhi", After::Close);
    let world = world::run(
        ir::Global::default(),
        vec![world::listen("p", &[origin.address])],
        1,
    );
    let mut client = Client::connect(world.addresses[0]);
    assert_eq!(
        client.send(GET).read_all(),
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhi"
    );
}

#[test]
fn interim_answers_and_expectations_pass() {
    let origin = Origin::new(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        After::Keep,
    );
    let world = world::run(
        ir::Global::default(),
        vec![world::listen("p", &[origin.address])],
        1,
    );
    let mut client = Client::connect(world.addresses[0]);
    client.send("POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    client.send("abc");
    assert_eq!(
        client.read_until("hi"),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
    );
}

#[test]
fn an_upgrade_becomes_a_tunnel() {
    let origin = Origin::new(
        "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nhello",
        After::Close,
    );
    let world = world::run(
        ir::Global::default(),
        vec![world::listen("p", &[origin.address])],
        1,
    );
    let mut client = Client::connect(world.addresses[0]);
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n");
    assert_eq!(
        client.read_until("hello"),
        "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\nhello"
    );
}

#[test]
fn connection_modes_say_what_they_do() {
    let origin = Origin::new(HI, After::Keep);
    for (mode, pretend, server_line, client_line) in [
        (ConnectionMode::KeepAlive, false, false, false),
        (ConnectionMode::ServerClose, false, true, false),
        (ConnectionMode::ServerClose, true, false, false),
        (ConnectionMode::Close, false, true, true),
    ] {
        let mut proxy = world::listen("p", &[origin.address]);
        proxy.options.connection_mode = mode;
        proxy.options.pretend_keepalive = pretend;
        let world = world::run(ir::Global::default(), vec![proxy], 1);
        let mut client = Client::connect(world.addresses[0]);
        let answer = client.send(GET).read_until("hi");
        assert_eq!(
            answer.contains("connection: close"),
            client_line,
            "{mode:?}"
        );
        let seen = origin.seen().pop().expect("a request");
        assert_eq!(seen.contains("connection: close"), server_line, "{mode:?}");
    }
}

#[test]
fn reuse_follows_its_mode() {
    for (mode, connections) in [
        (HttpReuse::Never, 2),
        (HttpReuse::Safe, 2),
        (HttpReuse::Aggressive, 2),
        (HttpReuse::Always, 1),
    ] {
        let origin = Origin::new(HI, After::Keep);
        let mut proxy = world::listen("p", &[origin.address]);
        proxy.http_reuse = mode;
        let world = world::run(ir::Global::default(), vec![proxy], 1);
        for _ in 0..2 {
            let mut client = Client::connect(world.addresses[0]);
            client.send(GET).read_until("hi");
        }
        assert_eq!(origin.connections(), connections, "{mode:?}");
    }
}

#[test]
fn a_connection_that_the_server_closed_meanwhile_is_replaced() {
    let origin = Origin::new(HI, After::Close);
    let world = world::run(
        ir::Global::default(),
        vec![world::listen("p", &[origin.address])],
        1,
    );
    let mut client = Client::connect(world.addresses[0]);
    for _ in 0..3 {
        assert_eq!(client.send(GET).read_until("hi"), HI_OUT);
    }
    assert_eq!(origin.connections(), 3);
}

#[test]
fn addresses_are_added() {
    let origin = Origin::new(HI, After::Keep);
    let mut proxy = world::listen("p", &[origin.address]);
    proxy.forward_for = Some(ir::ForwardFor {
        header: "X-Forwarded-For".into(),
        except: None,
        if_none: true,
    });
    proxy.original_to = Some(ir::ForwardFor {
        header: "X-Original-To".into(),
        except: Some(ir::Network {
            address: "127.0.0.0".parse().expect("an address"),
            prefix: 8,
        }),
        if_none: false,
    });
    let world = world::run(ir::Global::default(), vec![proxy], 1);
    let mut client = Client::connect(world.addresses[0]);
    client.send(GET).read_until("hi");
    client
        .send("GET /a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")
        .read_until("hi");
    let seen = origin.seen();
    assert_eq!(
        seen[0],
        "GET /a HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 127.0.0.1\r\n\r\n"
    );
    assert!(seen[1].ends_with("x-forwarded-for: 1.2.3.4\r\n\r\n"));
}

#[test]
fn a_cookie_binds_a_client_to_its_server() {
    let origins = [(); 2].map(|()| Origin::new(HI, After::Keep));
    let lines = Lines::new();
    let mut proxy = world::listen("p", &[origins[0].address, origins[1].address]);
    proxy.servers[0].options.cookie = Some("A".into());
    proxy.servers[1].options.cookie = Some("B".into());
    proxy.cookie = Some(ir::Cookie {
        name: "SRV".into(),
        mode: ir::CookieMode::Insert,
        indirect: true,
        nocache: false,
        postonly: false,
        preserve: false,
        httponly: true,
        secure: false,
        domains: vec!["x.org".into()],
        maxidle: None,
        maxlife: None,
        attributes: Vec::new(),
        dynamic: false,
        key: None,
    });
    world::log_to(&mut proxy, &lines);
    let world = world::run(ir::Global::default(), vec![proxy], 1);
    let mut client = Client::connect(world.addresses[0]);
    let answer = client.send(GET).read_until("hi");
    assert!(
        answer.contains("set-cookie: SRV=A; path=/; domain=x.org; HttpOnly\r\n"),
        "{answer}"
    );
    assert!(lines.next().contains(" --NI "));
    // The tests' dispatch does not look at persistence; what was found stands in the log.
    client
        .send("GET /a HTTP/1.1\r\nHost: h\r\nCookie: x=1; SRV=zz; y=2\r\n\r\n")
        .read_until("hi");
    assert!(lines.next().contains(" --II "));
    let seen = origins[1].seen();
    assert!(seen[0].ends_with("cookie: x=1; y=2\r\n\r\n"), "{seen:?}");
}
