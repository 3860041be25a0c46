//! Keywords of proxies: text to IR.

mod text;

use hapax_core::ir::{
    self, CheckAction, CheckData, CheckKind, CheckPattern, ConnectionMode, HttpReuse, Mode,
};
use text::{faults, load, section};

#[test]
fn a_proxy_is_described() {
    let proxy = section(
        "listen",
        "mode http; id 70; description two words; maxconn 5; backlog 6; rate-limit sessions 7; retries 8; \
         monitor-uri /up; http-reuse always; source 1.1.1.1 interface lo; log-tag t; bind :1",
    );
    assert_eq!((proxy.mode, proxy.id), (Mode::Http, Some(70)));
    assert_eq!(proxy.description.as_deref(), Some("two words"));
    assert_eq!((proxy.maxconn, proxy.backlog), (Some(5), Some(6)));
    assert_eq!((proxy.rate_limit_sessions, proxy.retries), (7, 8));
    assert_eq!(
        (proxy.monitor_uri.as_deref(), proxy.http_reuse),
        (Some("/up"), HttpReuse::Always)
    );
    let source = proxy.source.clone().expect("a source");
    assert_eq!(
        (source.address.port(), source.interface.as_deref()),
        (0, Some("lo"))
    );
    assert_eq!(proxy.log_tag.as_deref(), Some("t"));
}

#[test]
fn timeouts_have_units() {
    let proxy = section(
        "listen",
        "bind :1; timeout check 1ms; timeout client-fin 2s; timeout http-keep-alive 4h; timeout http-request 5d; \
         timeout queue 600; timeout server-fin 7s; timeout tarpit 8s; timeout tunnel 1500us",
    );
    let expected = ir::Timeouts {
        client: Some(1000),
        server: Some(1000),
        connect: Some(1000),
        queue: Some(600),
        check: Some(1),
        http_request: Some(432_000_000),
        http_keep_alive: Some(14_400_000),
        tunnel: Some(2),
        client_fin: Some(2000),
        client_hs: None,
        server_fin: Some(7000),
        tarpit: Some(8000),
    };
    assert_eq!(proxy.timeouts, expected);
}

#[test]
fn wrong_timeouts_are_refused() {
    for (line, text) in [
        (
            "timeout client",
            "'timeout client' expects an integer value (in milliseconds)",
        ),
        (
            "timeout client x",
            "unexpected character 'x' in 'timeout client'",
        ),
        (
            "timeout client 5s 6s",
            "'timeout client' : unexpected extra argument '6s' after value '5s'.",
        ),
        (
            "timeout client 50d",
            "timer overflow in argument '50d' to 'timeout client' (maximum value is 2147483647 ms or ~24.8 days)",
        ),
    ] {
        assert_eq!(
            faults("frontend", line),
            [format!("parsing [x.cfg:2] : {text}")],
            "{line}"
        );
    }
    let loaded = load("frontend x\n bind :1\n timeout client 5\n timeout client 0\n");
    assert_eq!(
        loaded.said[..2],
        [
            "W parsing [x.cfg:3] : 'timeout client 5' in frontend 'x' is suspiciously small for a value in milliseconds. Please use \
             an explicit unit ('5ms') if that was the intent.",
            "W parsing [x.cfg:4] : overwriting 'timeout client' which was already specified",
        ]
    );
    assert!(loaded.said[2].starts_with("W missing timeouts for frontend 'x'."));
}

#[test]
fn switches_go_on_and_off() {
    type Read = fn(&ir::Options) -> bool;
    let switches: [(&str, Read); 30] = [
        ("abortonclose", |o| o.abortonclose),
        ("accept-unsafe-violations-in-http-request", |o| {
            o.relaxed_request
        }),
        ("accept-unsafe-violations-in-http-response", |o| {
            o.relaxed_response
        }),
        ("allbackups", |o| o.allbackups),
        ("clitcpka", |o| o.client_keepalive),
        ("dontlog-normal", |o| o.dontlog_normal),
        ("dontlognull", |o| o.dontlognull),
        ("h1-case-adjust-bogus-client", |o| o.case_adjust_client),
        ("h1-case-adjust-bogus-server", |o| o.case_adjust_server),
        ("http-buffer-request", |o| o.buffer_request),
        ("http-ignore-probes", |o| o.ignore_probes),
        ("http-use-proxy-header", |o| o.use_proxy_header),
        ("http-no-delay", |o| o.http_no_delay),
        ("http-pretend-keepalive", |o| o.pretend_keepalive),
        ("idle-close-on-response", |o| o.idle_close_on_response),
        ("independent-streams", |o| o.independent_streams),
        ("log-health-checks", |o| o.log_health_checks),
        ("log-separate-errors", |o| o.log_separate_errors),
        ("logasap", |o| o.logasap),
        ("contstats", |o| o.contstats),
        ("nolinger", |o| o.nolinger),
        ("persist", |o| o.persist),
        ("prefer-last-server", |o| o.prefer_last_server),
        ("socket-stats", |o| o.socket_stats),
        ("splice-auto", |o| o.splice_auto),
        ("splice-request", |o| o.splice_request),
        ("splice-response", |o| o.splice_response),
        ("srvtcpka", |o| o.server_keepalive),
        ("tcp-smart-connect", |o| o.smart_connect),
        ("tcpka", |o| o.client_keepalive && o.server_keepalive),
    ];
    for (negation, wanted) in [("", Some(true)), ("no ", Some(false)), ("default ", None)] {
        let line = format!("mode http; bind :1; {negation}option tcp-smart-accept");
        assert_eq!(section("listen", &line).options.smart_accept, wanted);
    }
    for (name, read) in switches {
        let on = section("listen", &format!("mode http; bind :1; option {name}"));
        assert!(read(&on.options), "{name}");
        let off = section(
            "listen",
            &format!("mode http; bind :1; option {name}; no option {name}"),
        );
        assert_eq!(off.options, ir::Options::default(), "{name}");
        let extra = faults("listen", &format!("option {name} foo"));
        let text =
            format!("parsing [x.cfg:2] : 'option {name}' cannot handle unexpected argument 'foo'.");
        assert_eq!(extra, [text]);
    }
}

#[test]
fn the_last_connection_mode_counts() {
    let mode = |lines: &str| {
        section("listen", &format!("mode http; bind :1; {lines}"))
            .options
            .connection_mode
    };
    assert_eq!(mode("option httpclose"), ConnectionMode::Close);
    assert_eq!(
        mode("option httpclose; option http-server-close"),
        ConnectionMode::ServerClose
    );
    assert_eq!(
        mode("option http-server-close; option http-keep-alive"),
        ConnectionMode::KeepAlive
    );
    assert_eq!(
        mode("option httpclose; no option httpclose"),
        ConnectionMode::KeepAlive
    );
    let redispatch = |lines: &str| section("backend", lines).options.redispatch;
    assert_eq!(redispatch("option redispatch"), Some(-1));
    assert_eq!(redispatch("option redispatch -1"), Some(-1));
    assert_eq!(redispatch("option redispatch; no option redispatch"), None);
}

#[test]
fn the_clients_address_is_passed_on() {
    let proxy = section(
        "listen",
        "mode http; bind :1; option forwardfor except 127.0.0.0/8 header X-Client if-none; option originalto except 10.1.2.3/255.0.0.0",
    );
    let forward = proxy.forward_for.clone().expect("forwardfor");
    assert_eq!(
        (forward.header.as_str(), forward.if_none),
        ("X-Client", true)
    );
    let network = |address: [u8; 4], prefix| ir::Network {
        address: address.into(),
        prefix,
    };
    assert_eq!(forward.except, Some(network([127, 0, 0, 0], 8)));
    let original = proxy.original_to.clone().expect("originalto");
    assert_eq!(original.header, "X-Original-To");
    assert_eq!(original.except, Some(network([10, 0, 0, 0], 8)));
    for (line, text) in [
        (
            "option forwardfor except foo",
            "'option forwardfor except' expects <address>[/mask] as argument.",
        ),
        (
            "option forwardfor header",
            "'option forwardfor header' expects <header_name> as argument.",
        ),
        (
            "option originalto if-none",
            "'option originalto' only supports optional values: 'except' and 'header'.",
        ),
    ] {
        assert_eq!(
            faults("frontend", line),
            [format!("parsing [x.cfg:2] : {text}")],
            "{line}"
        );
    }
}

#[test]
fn checks_are_described() {
    let proxy = section(
        "backend",
        "option httpchk GET /up HTTP/1.1; http-check send hdr Host a body b; http-check expect ! status 200,300-399; \
         http-check expect !string bad; http-check expect rstring o.k; http-check expect rstatus 2..; http-check disable-on-404",
    );
    assert_eq!(proxy.check, CheckKind::Http);
    let fixed = |text: &str| CheckData::Fixed(text.as_bytes().to_vec());
    let steps = &proxy.http_check.steps;
    let CheckAction::Request(asked) = &steps[0].action else {
        panic!("a request");
    };
    assert_eq!(asked.method.as_deref(), Some("GET"));
    assert_eq!(asked.uri, Some(fixed("/up")));
    assert_eq!(asked.version.as_deref(), Some("HTTP/1.1"));
    assert_eq!(asked.headers, [("Host".to_owned(), fixed("a"))]);
    assert_eq!(asked.body, Some(fixed("b")));
    assert!(proxy.http_check.disable_on_404);
    let expected: Vec<_> = steps[1..]
        .iter()
        .map(|step| match &step.action {
            CheckAction::Expect(expect) => (expect.negated, &expect.pattern),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        expected,
        [
            (true, &CheckPattern::Status(vec![(200, 200), (300, 399)])),
            (true, &CheckPattern::String(b"bad".to_vec())),
            (false, &CheckPattern::Regex("o.k".to_owned())),
            (false, &CheckPattern::StatusRegex("2..".to_owned())),
        ]
    );
    let plain = section("backend", "option httpchk");
    let asked = Some(ir::CheckRequest::default());
    assert_eq!(plain.http_check.request, asked);
}

#[test]
fn wrong_checks_are_refused() {
    for (line, text) in [
        (
            "http-check send meth",
            "'http-check send' : 'meth' expects a string as argument..",
        ),
        (
            "http-check expect status x",
            "'http-check expect' : invalid character 'x' in the list of status codes.",
        ),
        (
            "http-check expect status 400-300",
            "'http-check expect' : invalid range of status codes '400-300'.",
        ),
        (
            "http-check expect string",
            "'http-check expect' : 'string' expects a <pattern> as argument.",
        ),
        (
            "http-check expect rstring (",
            "'http-check expect' : regex '(' is invalid.",
        ),
    ] {
        assert_eq!(
            faults("backend", line),
            [format!("parsing [x.cfg:2] : {text}")],
            "{line}"
        );
    }
    let loaded = load("backend x\n http-check expect status 200\n");
    assert_eq!(
        loaded.said,
        ["W backend 'x' uses http-check rules without 'option httpchk', so the rules are ignored."]
    );
    assert_eq!(loaded.proxy("x").check, CheckKind::Tcp);
}

#[test]
fn error_pages_are_read_and_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = folder.path().join("good");
    let bad = folder.path().join("bad");
    std::fs::write(&good, "HTTP/1.0 503 No\r\nX: y\r\n\r\nbody").expect("a file");
    std::fs::write(&bad, "hello").expect("a file");
    let (good, bad) = (good.display().to_string(), bad.display().to_string());
    let proxy = section(
        "frontend",
        &format!(
            "mode http; bind :1; errorfile 503 {good}; errorloc 500 /a; errorloc302 502 /b; errorloc303 504 /c; errorfile 400 /dev/null"
        ),
    );
    let page = |status| {
        let page = proxy.error_pages.iter().find(|page| page.status == status);
        String::from_utf8_lossy(&page.expect("a page").content).into_owned()
    };
    assert!(page(503).ends_with("\r\n\r\nbody"));
    assert!(
        page(500).starts_with("HTTP/1.1 302 Found\r\n") && page(500).contains("location: /a\r\n")
    );
    assert!(page(502).contains("location: /b\r\n"));
    assert!(page(504).starts_with("HTTP/1.1 303 See Other\r\n"));
    assert_eq!(page(400), "");
    for (line, text) in [
        (
            format!("errorfile 503 {bad}"),
            format!("errorfile : '{bad}': unable to parse headers (error offset: 0)"),
        ),
        (
            "errorfile 503 /no/such".to_owned(),
            "errorfile : error opening file '/no/such'.".to_owned(),
        ),
        (
            "errorloc 999 /x".to_owned(),
            "errorloc : status code '999' not handled.".to_owned(),
        ),
    ] {
        assert_eq!(
            faults("frontend", &line),
            [format!("parsing [x.cfg:2] : {text}")],
            "{line}"
        );
    }
}

#[test]
fn the_statistics_page_is_described() {
    let proxy = section(
        "listen",
        "mode http; bind :1; stats enable; stats uri /s; stats realm a\\ b; stats auth u:p:q; stats auth v; stats refresh 10s; \
         stats hide-version; stats show-legends; stats show-node n; stats show-desc d e; stats scope .; stats scope z",
    );
    let stats = proxy.stats.clone().expect("a page");
    assert_eq!(
        (stats.uri.as_str(), stats.realm.as_deref(), stats.refresh),
        ("/s", Some("a b"), 10)
    );
    let account = |user: &str, password: &str| (user.to_owned(), password.to_owned());
    assert_eq!(stats.auth, [account("u", "p:q"), account("v", "")]);
    assert!(stats.hide_version && stats.show_legends);
    assert_eq!(
        (
            stats.show_node.as_deref(),
            stats.show_description.as_deref()
        ),
        (Some("n"), Some("d e"))
    );
    assert_eq!(stats.scope, [".", "z"]);
    assert_eq!(
        faults("frontend", "stats foo"),
        [
            "parsing [x.cfg:2]: unknown stats parameter 'foo', expects 'admin', 'uri', 'realm', 'auth', 'scope', 'enable', \
          'hide-version', 'show-node', 'show-desc' or 'show-legends'."
        ]
    );
}

#[test]
fn what_needs_http_is_said_in_tcp_mode() {
    let loaded = load(
        "listen x\n bind :1\n timeout client 1s\n stats enable\n monitor-uri /x\n option forwardfor\n option httplog clf\n option http-pretend-keepalive\n",
    );
    assert_eq!(
        loaded.said,
        [
            "W parsing [x.cfg:7] : 'option httplog clf' not usable with proxy 'x' (needs 'mode http'). Falling back to 'option \
             tcplog clf'.",
            "W log format ignored for proxy 'x' since it has no log address.",
            "W 'stats' statement ignored for proxy 'x' as it requires HTTP mode.",
            "W 'monitor-uri' statement ignored for proxy 'x' as it requires HTTP mode.",
            "W 'option http-pretend-keepalive' ignored for proxy 'x' as it requires HTTP mode.",
            "W 'option forwardfor' ignored for proxy 'x' as it requires HTTP mode.",
        ]
    );
    assert!(
        loaded
            .proxy("x")
            .log_format
            .as_ref()
            .is_some_and(|format| format.text.contains("TCP "))
    );
}

#[test]
fn what_is_not_built_is_refused_by_name() {
    for (section, line, name) in [
        ("listen", "bind :1 allow-0rtt", "allow-0rtt"),
        ("listen", "server s 127.0.0.1:1 non-stick", "non-stick"),
    ] {
        let said = faults(section, line);
        assert!(
            said.iter().any(
                |text| text.contains(&format!("'{name}'")) && text.contains("is not built yet")
            ),
            "{line}: {said:?}"
        );
    }
}

#[test]
fn keep_alive_probes() {
    let proxy = section(
        "listen",
        "bind :1; clitcpka-cnt 3; clitcpka-idle 10s; clitcpka-intvl 5; srvtcpka-cnt 4; srvtcpka-idle 1m; srvtcpka-intvl 7s",
    );
    let probes = |probes: ir::TcpProbes| (probes.count, probes.idle, probes.interval);
    assert_eq!(probes(proxy.client_probes), (Some(3), Some(10), Some(5)));
    assert_eq!(probes(proxy.server_probes), (Some(4), Some(60), Some(7)));
    assert_eq!(
        faults("listen", "clitcpka-cnt 3x")[0],
        "parsing [x.cfg:2] : 'clitcpka-cnt' : unexpected character 'x' in integer value '3x'"
    );
}

#[test]
fn proxies_and_servers_that_say_nothing_of_their_own_share_what_defaults_say() {
    let config = load(
        "global\n log 127.0.0.1 local0\ndefaults\n mode http\n log global\n maxconn 9\n timeout connect 1s\n timeout server 1s\n \
         errorloc 503 http://b/\n default-server check\n\
         backend a\n server s1 127.0.0.1:80\n server s2 127.0.0.1:81\n\
         backend b\n server s1 127.0.0.1:80\n\
         backend c\n retries 7\n server s1 127.0.0.1:80 weight 2\n",
    );
    let [a, b, c] = ["a", "b", "c"].map(|name| config.proxy(name));
    assert_eq!((a.retries, c.retries), (3, 7));
    assert!(a.settings.is_same_as(&b.settings));
    assert!(!a.settings.is_same_as(&c.settings));
    assert_eq!((a.logs.len(), a.maxconn), (1, None));
    let options = |proxy: &ir::Proxy, at: usize| proxy.servers[at].options.clone();
    assert!(options(a, 0).is_same_as(&options(a, 1)));
    assert!(options(a, 0).is_same_as(&options(b, 0)));
    assert_eq!((options(a, 0).weight, options(c, 0).weight), (1, 2));
}
