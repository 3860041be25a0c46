// exercises: fetch/path fetch/pathq fetch/url fetch/query fetch/base fetch/baseq fetch/url_param fetch/urlp
// exercises: fetch/urlp_val fetch/method fetch/req.ver fetch/req_ver fetch/res.ver fetch/resp_ver fetch/status
// exercises: fetch/txn.status fetch/req.proto_http fetch/req_proto_http fetch/fc_http_major fetch/req.hdr fetch/hdr
// exercises: fetch/req.fhdr fetch/req.hdr_cnt fetch/hdr_cnt fetch/req.fhdr_cnt fetch/req.hdr_val fetch/hdr_val
// exercises: fetch/req.hdr_ip fetch/hdr_ip fetch/req.hdr_names fetch/res.hdr fetch/shdr fetch/res.fhdr
// exercises: fetch/res.hdr_cnt fetch/shdr_cnt fetch/res.fhdr_cnt fetch/res.hdr_val fetch/shdr_val fetch/res.hdr_ip
// exercises: fetch/shdr_ip fetch/res.hdr_names fetch/req.cook fetch/cook fetch/req.cook_cnt fetch/cook_cnt
// exercises: fetch/req.cook_val fetch/cook_val fetch/res.cook fetch/scook fetch/res.cook_cnt fetch/scook_cnt
// exercises: fetch/res.cook_val fetch/scook_val fetch/src fetch/fc_src fetch/src_port fetch/fc_src_port fetch/dst
// exercises: fetch/fc_dst fetch/dst_port fetch/fc_dst_port fetch/bc_src fetch/bc_src_port fetch/bc_dst
// exercises: fetch/bc_dst_port fetch/always_true fetch/always_false fetch/env fetch/date fetch/date_us
// exercises: fetch/accept_date fetch/request_date fetch/hostname fetch/pid fetch/proc fetch/rand fetch/act_conn
// exercises: fetch/stopping fetch/uptime fetch/fe_name fetch/fe_id fetch/fe_conn fetch/fe_defbe fetch/be_name
// exercises: fetch/be_id fetch/txn.sess_term_state fetch/txn.id32 fetch/txn.conn_retries fetch/txn.redispatched
// exercises: fetch/bytes_out fetch/wait_end fetch/fe_sess_rate fetch/fe_req_rate fetch/nbsrv fetch/be_conn
// exercises: fetch/be_sess_rate fetch/queue fetch/avg_queue fetch/connslots fetch/srv_is_up fetch/srv_conn
// exercises: fetch/srv_queue fetch/srv_sess_rate fetch/srv_weight fetch/srv_uweight fetch/srv_iweight
// exercises: fetch/srv_name fetch/srv_id fetch/dst_conn fetch/so_id fetch/so_name fetch/base32+src fetch/url32+src
// exercises: fetch/req.timer.idle

use std::sync::atomic::Ordering;

use hapax_core::ir::{Address, Bind, BindOptions, ProxyKind, Server, ServerOptions, ServerPort};
use hapax_core::stream::Endpoint;

use crate::TABLES;
use crate::expression::{self, Ending};
use crate::fixture::Fixture;

/// The request that the reference was asked with, and a response.
fn fixture() -> Fixture {
    let mut fixture = Fixture::new(TABLES);
    let request = &mut fixture.stream.request;
    request.start_request(b"GET", b"/a/b?a=b&c=d;e=f&A=2&n=44&x%20y=1", b"HTTP/1.1");
    for (name, value) in [
        ("host", "KEep:80"),
        ("foo", "a, \"b,c\" ,d"),
        ("foo", "e"),
        ("n", "12abc"),
        ("ip", "1.2.3.4, 10.0.0.1:80"),
        ("ip", "[::1]:22, ::2"),
        ("cookie", "a=1; b=22;a=3"),
        ("cookie", "c=\"x y\"; b=4"),
    ] {
        request.add(name.as_bytes(), value.as_bytes());
    }
    let response = &mut fixture.stream.response;
    response.start_response(b"HTTP/1.0", 404, b"No");
    for (name, value) in [
        ("x", "1, 2"),
        ("x", "3"),
        ("ip", "9.9.9.9"),
        ("set-cookie", "s=7; path=/; t=1"),
        ("set-cookie", "s=8"),
    ] {
        response.add(name.as_bytes(), value.as_bytes());
    }
    fixture.stream.status = 503;
    fixture
}

fn check(fixture: &Fixture, results: &[(&str, &str)]) {
    for (text, expected) in results {
        let value = fixture.eval(text).expect(text);
        assert_eq!(value.as_deref().unwrap_or("-"), *expected, "{text}");
    }
}

#[test]
fn requests_give_what_the_reference_gives() {
    check(
        &fixture(),
        &[
            ("path", "/a/b"),
            ("pathq", "/a/b?a=b&c=d;e=f&A=2&n=44&x%20y=1"),
            ("url", "/a/b?a=b&c=d;e=f&A=2&n=44&x%20y=1"),
            ("base", "KEep:80/a/b"),
            ("baseq", "KEep:80/a/b?a=b&c=d;e=f&A=2&n=44&x%20y=1"),
            ("query", "a=b&c=d;e=f&A=2&n=44&x%20y=1"),
            ("query(with_qm)", "?a=b&c=d;e=f&A=2&n=44&x%20y=1"),
            ("url_param(a)", "b"),
            ("urlp(A,,i)", "b"),
            ("url_param", "b"),
            ("url_param(e)", "f"),
            ("url_param(none)", "-"),
            ("urlp_val(n)", "44"),
            ("req.hdr(foo)", "e"),
            ("hdr(foo,1)", "a"),
            ("req.hdr(foo,-2)", "d"),
            ("req.fhdr(foo)", "e"),
            ("req.fhdr(foo,1)", "a, \"b,c\" ,d"),
            ("hdr_cnt(foo)", "4"),
            ("req.hdr_cnt(foo)", "4"),
            ("req.fhdr_cnt(foo)", "2"),
            ("hdr_val(n)", "12"),
            ("req.hdr_val(n)", "12"),
            ("hdr_ip(ip)", "::2"),
            ("req.hdr_ip(ip,2)", "10.0.0.1"),
            ("req.hdr_names", "host,foo,foo,n,ip,ip,cookie,cookie"),
            ("req.hdr_names(':')", "host:foo:foo:n:ip:ip:cookie:cookie"),
            ("req.hdr", "-"),
            ("req.ver", "1.1"),
            ("req_ver", "1.1"),
            ("method", "GET"),
            ("req.proto_http", "1"),
            ("req_proto_http", "1"),
            ("fc_http_major", "1"),
            ("req.cook(a)", "3"),
            ("cook(b)", "4"),
            ("req.cook_cnt(a)", "2"),
            ("cook_cnt", "5"),
            ("req.cook_val(b)", "4"),
            ("cook_val(b)", "4"),
            ("req.cook", "1"),
            ("cook(c)", "\"x y\""),
        ],
    );
}

#[test]
fn targets_of_other_forms() {
    let mut fixture = fixture();
    let set = |fixture: &mut Fixture, uri: &str| fixture.stream.request.set_uri(uri.as_bytes());
    set(&mut fixture, "http://1.2.3.4:8081/rs?a=\"b\"");
    let results = [
        ("path", "/rs"),
        ("pathq", "/rs?a=\"b\""),
        ("base", "KEep:80/rs"),
        ("url_param(a)", "\"b\""),
    ];
    check(&fixture, &results);
    set(&mut fixture, "*");
    check(
        &fixture,
        &[
            ("path", "-"),
            ("pathq", "-"),
            ("url", "*"),
            ("base", "KEep:80"),
            ("query", "-"),
        ],
    );
}

#[test]
fn responses() {
    check(
        &fixture(),
        &[
            ("status", "404"),
            ("txn.status", "503"),
            ("res.ver", "1.0"),
            ("resp_ver", "1.0"),
            ("res.hdr(x)", "3"),
            ("shdr(x,2)", "2"),
            ("res.fhdr(x,1)", "1, 2"),
            ("res.hdr_cnt(x)", "3"),
            ("shdr_cnt(x)", "3"),
            ("res.fhdr_cnt(x)", "2"),
            ("res.hdr_val(x)", "3"),
            ("shdr_val(x)", "3"),
            ("res.hdr_ip(ip)", "9.9.9.9"),
            ("shdr_ip(ip)", "9.9.9.9"),
            ("res.hdr_names", "x,x,ip,set-cookie,set-cookie"),
            ("res.cook(s)", "8"),
            ("scook(t)", "-"),
            ("res.cook_cnt(s)", "2"),
            ("scook_cnt(s)", "2"),
            ("res.cook_val(s)", "8"),
            ("scook_val(s)", "8"),
        ],
    );
}

#[test]
fn connection_and_process() {
    let mut fixture = fixture();
    fixture.session.accepted_wall_us = 1_500_000;
    fixture.stream.server_address = Endpoint::Inet(([10, 0, 0, 9], 8080).into());
    fixture.stream.times.start_wall_us = 2_500_000;
    fixture.stream.times.start = 5;
    fixture.stream.times.first_byte = 8;
    fixture.stream.number = 3;
    fixture.stream.retries = 2;
    fixture.stream.bytes_out = 99;
    check(
        &fixture,
        &[
            ("src", "127.0.0.1"),
            ("fc_src", "127.0.0.1"),
            ("src_port", "4242"),
            ("fc_src_port", "4242"),
            ("dst", "127.0.0.2"),
            ("fc_dst", "127.0.0.2"),
            ("dst_port", "80"),
            ("fc_dst_port", "80"),
            ("bc_dst", "10.0.0.9"),
            ("bc_dst_port", "8080"),
            ("bc_src", "-"),
            ("bc_src_port", "-"),
            ("base32+src,hex", "F3CD1D367F000001"),
            ("url32+src,hex", "4BCF9ED87F000001"),
            ("req.timer.idle", "3"),
            ("always_true", "1"),
            ("always_false", "0"),
            ("wait_end", "1"),
            ("env(HAPAX_NO_SUCH_VARIABLE)", "-"),
            ("date", "1700000000"),
            ("date(10,ms)", "1700000000133"),
            ("date_us", "123456"),
            ("accept_date", "1"),
            ("accept_date(ms)", "1500"),
            ("request_date(us)", "2503000"),
            ("hostname", "machine"),
            ("proc", "1"),
            ("rand(1)", "0"),
            ("act_conn", "0"),
            ("stopping", "0"),
            ("uptime", "10"),
            ("fe_name", "f"),
            ("fe_id", "1"),
            ("fe_conn", "0"),
            ("fe_sess_rate", "0"),
            ("fe_req_rate", "0"),
            ("fe_defbe", "-"),
            ("be_name", "f"),
            ("be_id", "1"),
            ("txn.sess_term_state", "--"),
            ("txn.id32", "3"),
            ("txn.conn_retries", "2"),
            ("txn.redispatched", "0"),
            ("bytes_out", "99"),
        ],
    );
    let path = std::env::var("PATH").expect("PATH is set");
    check(&fixture, &[("env(PATH)", path.as_str())]);
    check(
        &fixture,
        &[("pid", std::process::id().to_string().as_str())],
    );
}

#[test]
fn servers_and_listeners() {
    let mut fixture = fixture();
    fixture.proxy.kind = ProxyKind::Listen;
    let span = fixture.proxy.span;
    let address = Address::Unix("/nowhere".to_owned());
    fixture.proxy.binds.push(Bind {
        address: address.clone(),
        span,
        text: String::new(),
        options: BindOptions {
            name: Some("door".to_owned()),
            ..BindOptions::default()
        },
    });
    fixture.proxy.servers.push(
        Server {
            name: "s".to_owned(),
            span,
            address,
            port: ServerPort::Fixed,
            text: String::new(),
            host_name: None,
            options: ServerOptions {
                weight: 10,
                maxconn: 5,
                maxqueue: 7,
                ..ServerOptions::default()
            }
            .into(),
        }
        .into(),
    );
    fixture.stream.server = Some(0);
    let program = fixture.program();
    let live = &program.proxies[0].live;
    live.active.store(1, Ordering::Relaxed);
    live.queue.up();
    live.servers[0].sessions.up();
    live.listeners[0].sessions.up();
    for (text, expected) in [
        ("nbsrv", "1"),
        ("be_conn(f)", "0"),
        ("be_sess_rate", "0"),
        ("queue(f)", "1"),
        ("avg_queue", "1"),
        ("connslots", "11"),
        ("srv_is_up(f/s)", "1"),
        ("srv_conn(f/s)", "1"),
        ("srv_queue(s)", "0"),
        ("srv_sess_rate(f/s)", "0"),
        ("srv_weight(f/s)", "10"),
        ("srv_uweight(f/s)", "10"),
        ("srv_iweight(f/s)", "10"),
        ("srv_name", "s"),
        ("srv_id", "1"),
        ("dst_conn", "1"),
        ("so_id", "1"),
        ("so_name", "door"),
    ] {
        let parsed =
            expression::parse(text.as_bytes(), Ending::Whole, &fixture.origin()).expect(text);
        let cx = fixture.cx(&program);
        let sample = expression::eval(&parsed.expr, &cx).expect(text);
        let shown = expression::text(sample, &fixture.arena);
        assert_eq!(String::from_utf8_lossy(shown), expected, "{text}");
    }
}

#[test]
fn faults_read_as_upstream_prints_them() {
    let fixture = fixture();
    let refused = |text: &str, expected: &str| {
        assert_eq!(fixture.eval(text).expect_err(text), expected, "{text}");
    };
    refused("path(1)", "fetch method 'path' : expected ')' before '1)'");
    refused(
        "date(0,x)",
        "invalid args in fetch method 'date' : expects 's', 'ms' or 'us', got 'x'",
    );
    refused(
        "query(?)",
        "invalid args in fetch method 'query' : supported options are: 'with_qm'",
    );
    let parsed =
        expression::parse(b"nbsrv(foo)", Ending::Whole, &fixture.origin()).expect("it reads");
    assert_eq!(
        parsed.references[0].missing,
        "parsing [x.cfg:1]: unable to find backend 'foo' referenced in arg 1 of ACL keyword 'nbsrv' in proxy 'f'."
    );
}
