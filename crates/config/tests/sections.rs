//! Sections: names, inheritance, errors in one pass.

mod text;

use hapax_core::ir::{self, Mode};
use text::{accepted, load};

#[test]
fn every_independent_error_is_said_once() {
    let loaded = load(
        "global\n maxconn x\n deamon\ndefaults\n mode htp\n timeout clint 5s\nfrontend a b*\n bind :x\n\
         listen y$\n option httplgo\nbackned z\n server s\nbackend w\n server s\n server t 1.1.1.1:80 chek\nacme r\n foo\n",
    );
    let errors: Vec<_> = loaded
        .said
        .iter()
        .filter(|line| line.starts_with("A "))
        .collect();
    let expected = [
        "A parsing [x.cfg:2] : cannot parse 'maxconn' value 'x', an integer is expected.",
        "A parsing [x.cfg:3] : unknown keyword 'deamon' in 'global' section; did you mean 'daemon' maybe ?",
        "A parsing [x.cfg:5] : unknown proxy mode 'htp'.",
        "A parsing [x.cfg:6] : 'timeout' supports 'client', 'server', 'connect', 'check', 'queue', 'handshake', \
         'http-keep-alive', 'http-request', 'tunnel', 'tarpit', 'client-fin' and 'server-fin' (got 'clint')",
        "A parsing [x.cfg:7] : 'bind' : missing port specification in 'b*'",
        "A parsing [x.cfg:8] : 'bind' : invalid character 'x' in port number 'x' in ':x'",
        "A parsing [x.cfg:9] : character '$' is not permitted in 'listen' name 'y$'.",
        "A parsing [x.cfg:10] : unknown option 'httplgo'; did you mean 'httplog' maybe ?",
        "A parsing [x.cfg:11] : unknown keyword 'backned' in 'listen' section; did you mean 'backend' maybe ?",
        "A [x.cfg:12] : 'server' expects <name> and <addr>[:<port>] as arguments.",
        "A [x.cfg:14] : 'server' expects <name> and <addr>[:<port>] as arguments.",
        "A [x.cfg:15] : 'server w/t' : unknown keyword 'chek'; did you mean 'check' maybe ?",
        "A parsing [x.cfg:16] : 'acme' sections are not built yet.",
        "A Error(s) found in configuration file : x.cfg",
        "A Fatal errors found in configuration.",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn a_section_inherits_from_the_defaults_before_it() {
    let config = accepted(
        "defaults\n mode http\n timeout client 5s\n timeout connect 4s\n timeout server 3s\n retries 7\n maxconn 9\n disabled\n\
         frontend a\n bind :1\n enabled\nbackend b\n mode tcp\ndefaults\n timeout client 1s\nfrontend c\n bind :2\n",
    );
    let [a, b, c] = config.proxies.as_slice() else {
        panic!("three proxies");
    };
    assert_eq!(
        (a.mode, a.timeouts.client, a.maxconn),
        (Mode::Http, Some(5000), Some(9))
    );
    assert!(!a.disabled && b.disabled && !c.disabled);
    assert_eq!(
        (b.mode, b.retries, b.timeouts.server),
        (Mode::Tcp, 7, Some(3000))
    );
    assert_eq!(
        (c.mode, c.timeouts.client, c.maxconn),
        (Mode::Tcp, Some(1000), None)
    );
}

#[test]
fn named_defaults_are_chosen_by_from() {
    let config = accepted(
        "defaults one\n mode http\n timeout client 1s\ndefaults two from one\n maxconn 5\ndefaults three\n timeout client 2s\n\
         frontend a from two\n bind :1\nfrontend b\n bind :2\n",
    );
    assert_eq!(config.proxies[0].mode, Mode::Http);
    assert_eq!(config.proxies[0].maxconn, Some(5));
    assert_eq!(config.proxies[1].timeouts.client, Some(2000));
    assert_eq!(config.proxies[1].mode, Mode::Tcp);
    let loaded = load("defaults x\ndefaults x\nfrontend a from x\n bind :1\nbackend b from y\n");
    let errors: Vec<_> = loaded
        .said
        .iter()
        .filter(|line| line.starts_with("A p"))
        .collect();
    assert_eq!(
        errors,
        [
            "A parsing [x.cfg:3] : ambiguous defaults section name 'x' referenced by frontend 'a' exists at least at x.cfg:2 and \
             x.cfg:1.",
            "A parsing [x.cfg:5] : defaults section 'y' not found for backend 'b'."
        ]
    );
}

#[test]
fn names_clash_on_the_same_side_only() {
    let loaded = load("frontend a\n bind :1\n timeout client 1s\nbackend a\n");
    assert_eq!(
        loaded.said,
        [
            "W Parsing [x.cfg:4]: backend 'a' has the same name as frontend 'a' declared at x.cfg:1. This is dangerous and will \
          not be supported anymore in version 3.3."
        ]
    );
    let loaded = load("backend a\nlisten a\n bind :1\n");
    assert_eq!(
        loaded.said[0],
        "A Parsing [x.cfg:2]: proxy 'a' has the same name as backend 'a' declared at x.cfg:1."
    );
}

#[test]
fn keywords_of_the_other_side_are_ignored_with_a_warning() {
    let loaded = load(
        "frontend f\n bind :1\n timeout client 1s\n retries 3\n option httpchk\n timeout server 1s\nbackend b\n bind :2\n \
         maxconn 5\n option dontlognull\n rate-limit sessions 5\n",
    );
    assert_eq!(
        loaded.said,
        [
            "W parsing [x.cfg:4] : 'retries' ignored because frontend 'f' has no backend capability.",
            "W parsing [x.cfg:5] : 'httpchk' ignored because frontend 'f' has no backend capability.",
            "W parsing [x.cfg:6] : 'timeout server' will be ignored because frontend 'f' has no backend capability",
            "W parsing [x.cfg:8] : 'bind' ignored because backend 'b' has no frontend capability.",
            "W parsing [x.cfg:9] : 'maxconn' ignored because backend 'b' has no frontend capability. Maybe you want 'fullconn' \
             instead ?",
            "W parsing [x.cfg:10] : 'dontlognull' ignored because backend 'b' has no frontend capability.",
            "W parsing [x.cfg:11] : rate-limit sessions will be ignored because backend 'b' has no frontend capability",
        ]
    );
}

#[test]
fn what_has_no_place_in_defaults_is_refused() {
    for (line, text) in [
        (
            "bind :80",
            "parsing [x.cfg:2] : 'bind' not allowed in 'defaults' section.",
        ),
        (
            "server s 1.1.1.1:80",
            "[x.cfg:2] : 'server' not allowed in 'defaults' section.",
        ),
        (
            "id 5",
            "parsing [x.cfg:2]: 'id' not allowed in 'defaults' section.",
        ),
        (
            "description x",
            "parsing [x.cfg:2]: 'description' not allowed in 'defaults' section.",
        ),
        (
            "dispatch 1.1.1.1:80",
            "parsing [x.cfg:2] : 'dispatch' not allowed in 'defaults' section.",
        ),
    ] {
        let loaded = load(&format!("defaults\n {line}\n"));
        assert_eq!(loaded.said[0], format!("A {text}"));
    }
}

#[test]
fn lines_before_the_first_section_are_refused() {
    let loaded = load("mode http\nno foo\n");
    assert_eq!(
        loaded.said[0],
        "A parsing [x.cfg:1]: unknown keyword 'mode' out of section."
    );
    assert!(loaded.said[1].starts_with("A parsing [x.cfg:2]: negation/default currently"));
    let below_a_slip = load("fronted x\n mode http\n bind :1\n");
    assert_eq!(
        below_a_slip.said[0],
        "A parsing [x.cfg:1]: unknown keyword 'fronted' out of section."
    );
    assert!(!below_a_slip.said.iter().any(|said| said.contains("'mode'")));
}

#[test]
fn log_targets_are_completed() {
    let config = accepted(
        "global\n log 127.0.0.1 local0\ndefaults\n log global\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n\
         listen a\n bind :1\n bind :2 id 1\n server s 1.1.1.1:1\n server t 1.1.1.1:1 id 1\nfrontend b\n id 2\n bind :3\n \
         log 127.0.0.2 local1\n",
    );
    let [a, b] = config.proxies.as_slice() else {
        panic!("two proxies");
    };
    assert_eq!((a.logs.len(), b.logs.len()), (1, 2));
    assert_eq!(b.logs[1].facility, 17);
}

#[test]
fn hostile_bytes_do_no_harm() {
    for text in [
        "\u{0}",
        "global\n\u{0}\n",
        "listen \u{7f}\u{80}\n bind\n",
        "server\n",
        "listen x\n bind ,,,\n server ' '\n server s :::::\n",
        "frontend from\n",
        "defaults from from from\n",
        "listen x from x from x\n timeout client 99999999999999999999d\n",
    ] {
        let loaded = load(text);
        assert!(loaded.config.proxies.len() < 3);
    }
    let _: ir::Config = load("\r\n\r\nglobal\r\n daemon\r\n").config;
}
