//! Old directives: what they become, and the modern line that is shown.

mod text;

use hapax_core::ir::{Address, ConnectionMode, ServerPort};
use text::{Loaded, load};

fn accepted(text: &str) -> Loaded {
    let loaded = load(text);
    assert!(!loaded.refused(), "{text}\n{:#?}", loaded.said);
    loaded
}

#[test]
fn old_timeouts_are_the_new_ones() {
    let old = accepted("listen x\n bind :1\n contimeout 5000\n clitimeout 6s\n srvtimeout 7s\n");
    let new = accepted(
        "listen x\n bind :1\n timeout connect 5000\n timeout client 6s\n timeout server 7s\n",
    );
    assert_eq!(old.proxy("x").timeouts, new.proxy("x").timeouts);
    assert_eq!(
        old.hints,
        [
            "timeout connect 5000",
            "timeout client 6s",
            "timeout server 7s"
        ]
    );
    let other = accepted(
        "listen x\n bind :1\n timeout contimeout 5000\n timeout clitimeout 6s\n timeout srvtimeout 7s\n",
    );
    assert_eq!(other.proxy("x").timeouts, new.proxy("x").timeouts);
    assert_eq!(other.hints, old.hints);
}

#[test]
fn bare_redispatch_is_the_option() {
    for word in ["redispatch", "redisp"] {
        let loaded = accepted(&format!("backend x\n {word}\n"));
        assert_eq!(loaded.proxy("x").options.redispatch, Some(-1));
        assert_eq!(loaded.hints, ["option redispatch"]);
    }
}

#[test]
fn old_options_are_the_new_ones() {
    let loaded = accepted(
        "listen x\n mode http\n bind :1\n timeout client 1s\n option forceclose\n option http-use-htx\n no option http-use-htx\n \
         option independant-streams\n option accept-invalid-http-request\n option accept-invalid-http-response\n \
         no option accept-invalid-http-response\n",
    );
    let options = &loaded.proxy("x").options;
    assert_eq!(options.connection_mode, ConnectionMode::Close);
    assert!(options.independent_streams && options.relaxed_request && !options.relaxed_response);
    assert_eq!(
        loaded.hints,
        [
            "option httpclose",
            "please remove this line",
            "please remove this line",
            "option independent-streams",
            "option accept-unsafe-violations-in-http-request",
            "option accept-unsafe-violations-in-http-response",
            "no option accept-unsafe-violations-in-http-response",
        ]
    );
}

#[test]
fn the_tunnel_mode_is_a_mode_of_connections() {
    let section = "listen x\n mode http\n bind :1\n timeout client 1s\n option http-tunnel\n";
    let mode = |text: &str| accepted(text).proxy("x").options.connection_mode;
    assert_eq!(mode(section), ConnectionMode::Tunnel);
    let taken_back = format!("{section} no option http-tunnel\n");
    assert_eq!(mode(&taken_back), ConnectionMode::KeepAlive);
    let hints = accepted(section).hints;
    assert_eq!(hints, ["please remove this line"]);
}

#[test]
fn addresses_stand_on_section_lines() {
    let loaded = accepted(
        "frontend  main *:5000\n timeout client 1s\nlisten y 127.0.0.1:1,:2 name n\n timeout client 1s\n",
    );
    let [main] = loaded.proxy("main").binds.as_slice() else {
        panic!("one address");
    };
    assert_eq!(
        main.address,
        Address::Inet("0.0.0.0:5000".parse().expect("an address"))
    );
    assert_eq!(loaded.proxy("y").binds.len(), 2);
    assert_eq!(
        loaded.proxy("y").binds[1].options.name.as_deref(),
        Some("n")
    );
    assert_eq!(loaded.hints, ["bind *:5000", "bind 127.0.0.1:1,:2 name n"]);
}

#[test]
fn text_after_the_port_is_ignored() {
    let loaded = accepted(
        "backend x\n timeout connect 1s\n timeout server 1s\n server node1 10.211.55.5:30808/clickCount check\n",
    );
    let server = &loaded.proxy("x").servers[0];
    assert_eq!(server.address.port(), 30808);
    assert_eq!(server.port, ServerPort::Fixed);
    assert_eq!(loaded.hints, ["server node1 10.211.55.5:30808 check"]);
}

#[test]
fn processes_are_workers() {
    let loaded = accepted(
        "global\n daemon\n nbproc 3\n debug\n nosepoll\n tune.chksize 5000\n stats bind-process 1\nfrontend x\n bind :1 process 1\n \
         bind-process all\n timeout client 1s\n",
    );
    assert_eq!(loaded.config.global.nbthread, Some(3));
    assert!(!loaded.config.global.daemon);
    assert!(loaded.proxy("x").binds[0].options.threads.is_empty());
    assert_eq!(loaded.hints.first().map(String::as_str), Some("nbthread 3"));
    assert_eq!(loaded.config.global.no_counterpart.len(), 5);
}

#[test]
fn maps_of_processes_are_maps_of_workers() {
    let loaded = accepted(
        "global\n nbproc 2\n cpu-map 1 0\n cpu-map 2 1\nfrontend x\n bind :1\n timeout client 1s\n",
    );
    assert_eq!(loaded.config.global.cpu_map, [(0, vec![0]), (1, vec![1])]);
    assert_eq!(
        loaded.hints,
        ["nbthread 2", "cpu-map 1/1 0", "cpu-map 1/2 1"]
    );
}

#[test]
fn dispatch_has_a_modern_form() {
    let loaded =
        accepted("backend x\n dispatch 1.1.1.1:80\n timeout connect 1s\n timeout server 1s\n");
    let place = Address::Inet("1.1.1.1:80".parse().expect("an address"));
    assert_eq!(loaded.proxy("x").dispatch, Some(place));
    assert_eq!(loaded.hints, ["server dispatch 1.1.1.1:80"]);
}

#[test]
fn a_proxy_may_have_its_own_grace() {
    let loaded = accepted("frontend x\n bind :1\n timeout client 1s\n grace 10s\n");
    assert_eq!(loaded.proxy("x").grace, Some(10_000));
    assert_eq!(loaded.hints, ["in 'global': grace 10000"]);
}

#[test]
fn headers_hidden_in_the_version_of_a_check_are_found() {
    let loaded = accepted("backend x\n option httpchk GET / HTTP/1.1\\r\\nHost:\\ www.x.y\n");
    let check = loaded.proxy("x").http_check.request.as_ref();
    let check = check.expect("a request");
    assert_eq!(check.version.as_deref(), Some("HTTP/1.1"));
    let host = hapax_core::ir::CheckData::Fixed(b"www.x.y".to_vec());
    assert_eq!(check.headers, [("Host".to_owned(), host)]);
    assert_eq!(
        loaded.hints,
        ["option httpchk GET / HTTP/1.1, then: http-check send hdr Host \"www.x.y\""]
    );
}

#[test]
fn quotes_were_ordinary_characters() {
    let loaded = accepted("frontend x\n bind :1\n timeout client 1s\n description it's\n");
    assert_eq!(loaded.proxy("x").description.as_deref(), Some("it's"));
    assert!(loaded.said[0].contains("unmatched quote"));
    assert_eq!(loaded.hints, ["description it\\'s"]);
    for left_open in ["description 'my site", "server it's 127.0.0.1:1"] {
        let loaded = load(&format!(
            "listen x\n bind :1\n timeout client 1s\n {left_open}\n"
        ));
        assert!(loaded.refused(), "{left_open}");
    }
}

#[test]
fn two_servers_of_one_name_are_accepted() {
    let loaded = accepted(
        "backend x\n timeout connect 1s\n timeout server 1s\n server s 1.1.1.1:1\n server s 1.1.1.1:2\n",
    );
    assert_eq!(loaded.proxy("x").servers.len(), 2);
    assert_eq!(
        loaded.said,
        [
            "W parsing [x.cfg:5] : backend 'x', another server named 's' was already defined at line 4, please use distinct names."
        ]
    );
}

#[test]
fn a_missing_line_feed_is_accepted() {
    let loaded = accepted("frontend x\n bind :1\n timeout client 1s\n maxconn 5");
    assert_eq!(loaded.proxy("x").maxconn, Some(5));
}

#[test]
fn sessions_of_applications_are_cookie_persistence() {
    let text = "backend x\n mode http\n server a 127.0.0.1:1 weight 5 # first\n appsession SID len 52 timeout 3h request-learn\n \
                server b 127.0.0.1:2 cookie two\n";
    let loaded = accepted(text);
    let cookies = loaded.proxy("x").servers.iter();
    let cookies = cookies.map(|server| server.options.cookie.as_deref());
    assert_eq!(cookies.collect::<Vec<_>>(), [Some("a"), Some("two")]);
    let modern = "cookie SID prefix\n          server a 127.0.0.1:1 weight 5 cookie a";
    assert_eq!(loaded.hints, [modern]);
    for lines in [
        "defaults\n mode http\n cookie S insert\nbackend x\n appsession SID len 52 timeout 3h\n",
        "backend x\n mode http\n cookie S insert\n appsession SID len 52 timeout 3h\n",
        "backend x\n mode http\n appsession SID len 52 timeout 3h\n cookie S insert\n",
    ] {
        let loaded = accepted(&format!("{lines} server a 127.0.0.1:1\n"));
        let proxy = loaded.proxy("x");
        assert_eq!(
            proxy.cookie.as_ref().map(|cookie| cookie.name.as_str()),
            Some("S")
        );
        assert!(
            proxy
                .servers
                .iter()
                .all(|server| server.options.cookie.is_none())
        );
        assert_eq!(loaded.hints, ["please remove this line"], "{lines}");
    }
}

#[test]
fn sessions_that_no_cookie_line_finds_are_refused() {
    for (rest, said) in [
        (
            "SID len 5 timeout 3h mode query-string",
            "'mode' of 'appsession' has no counterpart",
        ),
        (
            "SID len 5 timeout 3h request-learn prefix",
            "'prefix' of 'appsession' has no counterpart",
        ),
        ("SID len 5 timeout 3h other", "'appsession' supports"),
        (
            "SID len x timeout 3h",
            "'appsession' expects <cookie> len <length>",
        ),
        (
            "SID timeout 3h",
            "'appsession' expects <cookie> len <length>",
        ),
        ("SID len 5 timeout 3x", "unexpected character 'x'"),
        ("", "'appsession' expects <cookie> len <length>"),
    ] {
        let loaded = load(&format!("backend x\n mode http\n appsession {rest}\n"));
        let first = loaded.said.first().expect("a message");
        assert!(loaded.refused() && first.contains(said), "{rest}: {first}");
    }
}
