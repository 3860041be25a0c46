//! Lines of configuration to rules to what they do to an exchange; the expected bytes and texts were observed with 3.2.

// exercises: section/http-request section/http-response section/redirect section/use_backend section/default_backend
// exercises: section/log-format section/acl
// exercises: action/set-header action/add-header action/del-header action/deny action/return action/redirect
// exercises: action/allow action/reject action/set-path action/set-pathq action/set-query action/set-uri
// exercises: action/set-method action/set-status action/replace-header action/replace-value action/replace-path
// exercises: action/replace-pathq action/replace-uri
// exercises: acl/path_beg acl/hdr acl/url_reg fetch/src fetch/path fetch/req.hdr fetch/always_true fetch/method

use hapax_core::contract::Outcome;
use hapax_sample::fixture::Fixture;

use crate::{TABLES, ruleset};

fn fixture(lines: &[&str]) -> Fixture {
    let mut fixture = Fixture::new(hapax_sample::TABLES.iter().chain(TABLES));
    for line in lines {
        let result = fixture.line(line);
        assert!(result.is_ok(), "{line}: {result:?}");
    }
    fixture
}

fn run(fixture: &mut Fixture) -> Outcome {
    let program = fixture.program();
    let mut scratch = Vec::new();
    let mut tx = fixture.tx(&program, &mut scratch);
    let rules = &program.proxy(tx.session.frontend).ir;
    match ruleset::evaluate(&rules.http_request, &mut tx) {
        Outcome::Continue => ruleset::evaluate(&rules.redirect, &mut tx),
        outcome => outcome,
    }
}

fn run_response(fixture: &mut Fixture) -> Outcome {
    let program = fixture.program();
    let mut scratch = Vec::new();
    let mut tx = fixture.tx(&program, &mut scratch);
    tx.on_response = true;
    let rules = &program.proxy(tx.session.frontend).ir;
    ruleset::evaluate(&rules.http_response, &mut tx)
}

fn refused(line: &str) -> String {
    fixture(&[]).line(line).expect_err(line).message
}

/// Status line, headers and body of the response that was made.
fn response(fixture: &Fixture) -> String {
    let head = &fixture.stream.response;
    let mut text = format!(
        "{} {}",
        head.status(),
        String::from_utf8_lossy(head.reason())
    );
    for (name, value) in head.iter() {
        text += &format!(
            "|{}: {}",
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(value)
        );
    }
    text + "||" + &String::from_utf8_lossy(fixture.stream.reply_body.bytes())
}

#[test]
fn header_actions() {
    let mut fixture = fixture(&[
        "http-request set-header X-A v~%[path]",
        "http-request add-header X-A %[src]",
        "http-request del-header Host if { path_beg /a } { hdr(host) -m end -i :80 }",
        "http-request set-header never x if { path_beg /b } or !{ src 127.0.0.0/8 }",
        "http-request del-header x-foo -m beg",
    ]);
    fixture.stream.request.add(b"X-Foo-1", b"1");
    assert_eq!(run(&mut fixture), Outcome::Continue);
    let lines: Vec<_> = fixture.stream.request.iter().collect();
    assert_eq!(
        lines,
        [(&b"x-a"[..], &b"v /a/b"[..]), (b"x-a", b"127.0.0.1")]
    );
}

#[test]
fn target_actions() {
    let uri = |lines: &[&str]| {
        let mut fixture = fixture(lines);
        run(&mut fixture);
        let request = &fixture.stream.request;
        format!(
            "{} {}",
            String::from_utf8_lossy(request.method()),
            String::from_utf8_lossy(request.uri())
        )
    };
    assert_eq!(uri(&["http-request set-path /x%[path]"]), "GET /x/a/b?c=d");
    assert_eq!(uri(&["http-request set-pathq /y?z"]), "GET /y?z");
    assert_eq!(
        uri(&["http-request set-query %[req.hdr(none)]"]),
        "GET /a/b?"
    );
    assert_eq!(
        uri(&["http-request set-query %[query]&e"]),
        "GET /a/b?c=d&e"
    );
    assert_eq!(
        uri(&[
            "http-request set-uri http://h/",
            "http-request set-method PUT"
        ]),
        "PUT http://h/"
    );
    assert_eq!(
        uri(&["http-request replace-path /a/(.*) /new/\\1"]),
        "GET /new/b?c=d"
    );
    assert_eq!(
        uri(&["http-request replace-pathq (.*)\\?.* \\1"]),
        "GET /a/b"
    );
    assert_eq!(
        uri(&["http-request replace-uri ^/a(.*) /z\\1"]),
        "GET /z/b?c=d"
    );
}

#[test]
fn replaced_headers() {
    let mut fixture = fixture(&[
        "http-request replace-header a (.*)1(.*) \\2-\\1",
        "http-request replace-value b ^x(.*) y\\1",
    ]);
    fixture.stream.request.add(b"a", b"p1q");
    fixture.stream.request.add(b"b", b"x1, z ,x2");
    run(&mut fixture);
    assert_eq!(fixture.stream.request.find(b"a"), Some(&b"q-p"[..]));
    assert_eq!(fixture.stream.request.find(b"b"), Some(&b"y1, z ,y2"[..]));
}

#[test]
fn answers_have_the_bytes_of_the_reference() {
    let decided = |line: &str, outcome: Outcome| {
        let mut fixture = fixture(&[line]);
        assert_eq!(run(&mut fixture), outcome, "{line}");
        response(&fixture)
    };
    let answer = |line: &str| decided(line, Outcome::Reply);
    let refusal = |line: &str| decided(line, Outcome::DenyReply);
    assert_eq!(
        refusal(
            "http-request deny status 404 content-type text/plain string abc hdr X-A v~%[path]"
        ),
        "404 Not Found|x-a: v /a/b|content-length: 3|content-type: text/plain||abc"
    );
    assert_eq!(
        answer("http-request return status 418 hdr a b"),
        "418 I'm a teapot|a: b|content-length: 0||"
    );
    assert_eq!(
        answer("http-request return content-type t lf-string [%[path]]"),
        "200 OK|content-length: 6|content-type: t||[/a/b]"
    );
    assert_eq!(
        answer("http-request return status 204"),
        "204 No Content|content-length: 0||"
    );
    let location = "302 Found|content-length: 0|location: ";
    let temporary = "|cache-control: no-cache";
    assert_eq!(
        answer("http-request redirect location /foo set-cookie A=B"),
        format!("{location}/foo{temporary}|set-cookie: A=B; path=/;||")
    );
    assert_eq!(
        answer("redirect prefix http://x drop-query append-slash clear-cookie A= if TRUE"),
        format!("{location}http://x/a/b/{temporary}|set-cookie: A=; path=/; Max-Age=0;||")
    );
    assert_eq!(
        answer("redirect prefix /"),
        format!("{location}/a/b?c=d{temporary}||")
    );
    assert_eq!(
        answer("redirect scheme https code 301 unless { always_false }"),
        "301 Moved Permanently|content-length: 0|location: https://Example.org:80/a/b?c=d||"
    );
    assert_eq!(
        answer("redirect location /x?a keep-query"),
        format!("{location}/x?a&c=d{temporary}||")
    );
}

#[test]
fn rules_that_end_without_an_answer() {
    let outcome = |line: &str| run(&mut fixture(&[line, "http-request deny deny_status 404"]));
    assert_eq!(outcome("http-request allow if METH_GET"), Outcome::Stop);
    assert_eq!(
        outcome("http-request reject if { method GET }"),
        Outcome::Close
    );
    assert_eq!(
        outcome("http-request allow if METH_POST"),
        Outcome::Deny { status: 404 }
    );
    assert_eq!(
        outcome("http-request redirect location %[req.hdr(none)] ignore-empty"),
        Outcome::Deny { status: 404 }
    );
    let mut decided = fixture(&["http-request return status 200"]);
    run(&mut decided);
    assert!(decided.stream.decided_by.is_some());
}

// exercises: action/tarpit
#[test]
fn tarpits_name_the_answer_that_comes_later() {
    let outcome = |line: &str| run(&mut fixture(&[line]));
    assert_eq!(
        outcome("http-request tarpit"),
        Outcome::Tarpit { status: Some(500) }
    );
    assert_eq!(
        outcome("http-request tarpit deny_status 429"),
        Outcome::Tarpit { status: Some(429) }
    );
    let mut own = fixture(&["http-request tarpit status 403 content-type text/plain string no"]);
    assert_eq!(run(&mut own), Outcome::Tarpit { status: None });
    assert_eq!(own.stream.reply_body.bytes(), b"no");
}

#[test]
fn responses() {
    let mut fixture = fixture(&[
        "http-response set-status 299 reason Fine if { status 200 }",
        "http-response add-header x %[res.hdr(a)]",
        "http-response deny if { res.hdr(a) bad }",
    ]);
    fixture
        .stream
        .response
        .start_response(b"HTTP/1.1", 200, b"OK");
    fixture.stream.response.add(b"a", b"bad");
    assert_eq!(run_response(&mut fixture), Outcome::Deny { status: 502 });
    assert_eq!(response(&fixture), "299 Fine|a: bad|x: bad||");
}

#[test]
fn backends() {
    let fixture = fixture(&[
        "acl app path_beg -i /A",
        "acl app path_beg /none",
        "use_backend b-%[hdr(host),lower,field(1,.)] if app !{ method POST }",
        "use_backend fixed",
        "default_backend d",
        "log-format %ci~~%[method]",
    ]);
    let names: Vec<_> = fixture
        .config
        .references
        .iter()
        .map(|r| r.missing.as_str())
        .collect();
    assert_eq!(
        names,
        ["Proxy 'f': unable to find required use_backend: 'fixed'."]
    );
    let default = fixture.proxy.default_backend.as_ref();
    assert_eq!(default.map(|(name, _)| name.as_str()), Some("d"));
    assert_eq!(fixture.proxy.use_backend.len(), 2);
    assert_eq!(
        fixture
            .proxy
            .log_format
            .as_ref()
            .map(|format| format.parts.len()),
        Some(3)
    );
}

#[test]
fn faults_read_as_upstream_prints_them() {
    let prefix = "error detected in frontend 'f' while parsing";
    let expect = |line: &str, text: &str| assert_eq!(refused(line), text, "{line}");
    for (line, rule, text) in [
        ("add-header a", "add-header", "expects exactly 2 arguments"),
        (
            "del-header a -m foo",
            "del-header",
            "-m with unsupported matching method 'foo'",
        ),
        (
            "redirect",
            "redirect",
            "redirection type expected ('prefix', 'location', or 'scheme')",
        ),
        (
            "replace-header a b",
            "replace-header",
            "expects exactly 3 arguments",
        ),
        (
            "replace-value a",
            "replace-value",
            "expects exactly 3 arguments",
        ),
        (
            "replace-path a b c",
            "replace-path",
            "expects exactly 2 arguments <match-regex> and <replace-format>",
        ),
        (
            "replace-pathq a",
            "replace-pathq",
            "expects exactly 2 arguments <match-regex> and <replace-format>",
        ),
        (
            "replace-uri a",
            "replace-uri",
            "expects exactly 2 arguments <match-regex> and <replace-format>",
        ),
        (
            "set-method",
            "set-method",
            "expects exactly 1 argument <format>",
        ),
        (
            "set-path a b",
            "set-path",
            "expects exactly 1 argument <format>",
        ),
        (
            "set-pathq",
            "set-pathq",
            "expects exactly 1 argument <format>",
        ),
        (
            "set-query",
            "set-query",
            "expects exactly 1 argument <format>",
        ),
        ("set-uri", "set-uri", "expects exactly 1 argument <format>"),
    ] {
        let text = format!("{prefix} 'http-request {rule}' rule : {text}.");
        expect(&format!("http-request {line}"), &text);
    }
    expect(
        "http-response set-status 99",
        &format!(
            "{prefix} 'http-response set-status' rule : expects an integer status code between 100 and 999."
        ),
    );
    expect(
        "http-request allow x",
        "'http-request allow' expects either 'if' or 'unless' followed by a condition but found 'x'.",
    );
    expect(
        "http-request reject x",
        "'http-request reject' expects either 'if' or 'unless' followed by a condition but found 'x'.",
    );
    expect(
        "http-request set-header a",
        &format!("{prefix} 'http-request set-header' rule : expects exactly 2 arguments."),
    );
    expect(
        "http-request set-header a b c",
        "'http-request set-header' expects either 'if' or 'unless' followed by a condition but found 'c'.",
    );
    expect(
        "http-request deny if foo",
        "error detected while parsing an 'http-request deny' condition : no such ACL : 'foo'.",
    );
    expect(
        "http-request deny if { path /a",
        "error detected while parsing an 'http-request deny' condition : missing closing '}' in condition.",
    );
    expect(
        "http-request deny deny_status 444",
        &format!(
            "{prefix} 'http-request deny' rule : status code '444' not handled by default with 'default-errorfiles' argument.."
        ),
    );
    expect(
        "http-request return string abc",
        &format!(
            "{prefix} 'http-request return' rule : a content type must be defined when non-empty payload is configured."
        ),
    );
    expect(
        "http-request set-header a %[status]",
        &format!(
            "{prefix} 'http-request set-header' rule : sample fetch <status> may not be reliably used here because it needs 'HTTP response' which is not available here."
        ),
    );
    expect(
        "redirect location / code 999",
        &format!(
            "{prefix} redirect rule : 'code': unsupported HTTP code '999' (must be one of 301, 302, 303, 307 or 308)."
        ),
    );
    expect(
        "acl x bin(6162) 6162",
        "error detected while parsing ACL 'x' : matching method must be specified first (using '-m') when using a sample fetch of this type ('bin').",
    );
    expect(
        "use_backend b if foo",
        "error detected while parsing switching rule : no such ACL : 'foo'.",
    );
    expect(
        "acl x foo",
        "error detected while parsing ACL 'x' : unknown fetch method 'foo' in ACL expression 'foo'.",
    );
    expect(
        "acl x path(1) b",
        "error detected while parsing ACL 'x' : ACL keyword 'path' : expected ')' before '1)'.",
    );
    expect(
        "acl x src -z 1",
        "error detected while parsing ACL 'x' : '-z' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'.",
    );
    expect(
        "acl x@ path /",
        "character '@' is not permitted in acl name 'x@'.",
    );
    expect(
        "default_backend",
        "'default_backend' expects a backend name.",
    );
    expect(
        "log-format a b",
        "log-format expects only one argument, don't forget to escape spaces!",
    );
    assert!(refused("http-request den").ends_with("but got 'den'. Did you mean 'deny' maybe ?"));
}

#[test]
fn warnings_read_as_upstream_prints_them() {
    let warnings = |line: &str| -> Vec<String> {
        let fixture = fixture(&[line]);
        fixture
            .diagnostics
            .iter()
            .map(|finding| finding.message.clone())
            .collect()
    };
    assert_eq!(
        warnings("http-request deny if { status 200 }"),
        [
            "anonymous acl will never match because it uses keyword 'status' which is incompatible with 'frontend http-request header rule'"
        ]
    );
    assert!(
        warnings("acl x path_beg")[0]
            .starts_with("parsing acl keyword 'path_beg' :\n  no pattern to match")
    );
    assert!(warnings("acl x path_beg -- /a").is_empty());
}

#[test]
fn answers_that_are_error_pages_or_nothing() {
    let outcome = |line: &str| run(&mut fixture(&[line]));
    assert_eq!(
        outcome("http-request deny deny_status 429"),
        Outcome::Deny { status: 429 }
    );
    assert_eq!(
        outcome("http-request return status 404 default-errorfiles"),
        Outcome::Page { status: 404 }
    );
    let mut empty = fixture(&["http-request deny status 404"]);
    assert_eq!(run(&mut empty), Outcome::DenyReply);
    assert_eq!(response(&empty), "404 Not Found|content-length: 0||");
}

#[test]
fn what_would_break_the_request_line_is_made_safe() {
    let line = |line: &str| {
        let mut fixture = fixture(&[line]);
        fixture.stream.request.add(b"x", b"a b");
        run(&mut fixture);
        let request = &fixture.stream.request;
        [request.method(), b" ", request.uri(), b" "]
            .concat()
            .into_iter()
            .chain(request.find(b"host").unwrap_or_default().iter().copied())
            .map(char::from)
            .collect::<String>()
    };
    let host = "Example.org:80";
    assert_eq!(
        line("http-request set-path /%[req.hdr(x)]"),
        format!("GET /a%20b?c=d {host}")
    );
    assert_eq!(
        line("http-request set-path %[req.hdr(none)]"),
        format!("GET /?c=d {host}")
    );
    assert_eq!(
        line("http-request set-method %[req.hdr(x)]"),
        format!("GET /a/b?c=d {host}")
    );
    assert_eq!(
        line("http-request set-uri http://u@other:1/p"),
        "GET http://u@other:1/p other:1"
    );
}

#[test]
fn a_line_is_plain_text_where_an_action_takes_a_format() {
    let mut fixture = fixture(&["redirect location /%[path] code 308"]);
    assert_eq!(run(&mut fixture), Outcome::Reply);
    assert_eq!(
        response(&fixture),
        "308 Permanent Redirect|content-length: 0|location: /%[path]||"
    );
}

#[test]
fn a_backend_is_chosen_in_order_and_computed_names_may_be_unknown() {
    use hapax_core::ir::{Proxy, ProxyKind};
    use hapax_core::program::ProxyId;
    let chosen = |lines: &[&str]| {
        let mut fixture = fixture(lines);
        let mut backend = fixture.proxy.clone();
        for name in ["one", "two"] {
            backend = Proxy {
                name: name.to_owned(),
                kind: ProxyKind::Backend,
                ..backend
            };
            fixture.config.proxies.push(backend.clone());
        }
        let program = fixture.program();
        let mut scratch = Vec::new();
        let mut tx = fixture.tx(&program, &mut scratch);
        tx.session.frontend = ProxyId(2);
        ruleset::use_backend(&mut tx).map(|id| program.proxy(id).ir.name.clone())
    };
    let lines = ["use_backend one if { path_beg /z }", "use_backend two"];
    assert_eq!(chosen(&lines).as_deref(), Some("two"));
    let lines = [
        "use_backend %[req.hdr(none)]no",
        "use_backend two",
        "default_backend one",
    ];
    assert_eq!(chosen(&lines).as_deref(), Some("one"));
    let lines = ["use_backend %[str(two)]"];
    assert_eq!(chosen(&lines).as_deref(), Some("two"));
    assert_eq!(chosen(&[]), None);
}

#[test]
fn rules_in_an_odd_order_are_told() {
    let fixture = fixture(&[
        "use_backend b",
        "http-request deny",
        "http-request set-header a b",
        "redirect location /x",
    ]);
    let texts: Vec<_> = fixture
        .diagnostics
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "a 'http-request' rule placed after a 'use_backend' rule will still be processed before.",
            "previous 'http-request' action is final and has no condition attached, further entries are NOOP.",
            "a 'http-request' rule placed after a 'use_backend' rule will still be processed before.",
            "a 'redirect' rule placed after a 'use_backend' rule will still be processed before.",
        ]
    );
}

// exercises: action/auth section/stats http-request
#[test]
fn who_may_not_see_the_statistics_is_asked_for_a_password() {
    let mut fixture = fixture(&["stats http-request auth realm Mine unless { path /open }"]);
    let program = fixture.program();
    let mut scratch = Vec::new();
    let mut tx = fixture.tx(&program, &mut scratch);
    let stats = program.proxy(tx.session.frontend).ir.stats.as_ref();
    let rules = &stats.expect("a page").rules;
    let outcome = ruleset::evaluate(rules, &mut tx);
    assert_eq!(outcome, Outcome::Page { status: 401 });
    let question = fixture.stream.question.as_deref();
    assert_eq!(question, Some("Basic realm=\"Mine\""));
    assert!(refused("stats http-request auth realm").contains("missing realm value."));
}

// exercises: action/set-fc-mark action/set-fc-tos action/set-bc-mark action/set-bc-tos action/set-mark action/set-tos
#[test]
fn marks_are_noted_for_the_sockets() {
    let mut fixture = fixture(&[
        "http-request set-mark 0x10",
        "http-request set-tos int(32)",
        "http-request set-bc-mark 4294967297",
        "http-request set-bc-tos 8 if { path /none }",
    ]);
    assert_eq!(run(&mut fixture), Outcome::Continue);
    let marks = fixture.session.marks;
    assert_eq!(
        (marks.mark, marks.tos, marks.changed),
        (Some(16), Some(32), true)
    );
    let marks = fixture.stream.server_marks;
    assert_eq!((marks.mark, marks.tos), (Some(1), None));
    let mut fixture = self::fixture(&[
        "http-request set-fc-mark 3",
        "http-request set-fc-tos 4",
        "http-request set-bc-tos 5",
    ]);
    run(&mut fixture);
    assert_eq!(fixture.session.marks.mark, Some(3));
    assert_eq!(fixture.session.marks.tos, Some(4));
    assert_eq!(fixture.stream.server_marks.tos, Some(5));
}

// exercises: section/tcp-request content section/tcp-request inspect-delay fetch/wait_end fetch/req.len fetch/payload
// exercises: match/int dotted
#[test]
fn rules_wait_for_what_may_still_come() {
    let outcome = |lines: &[&str], bytes: &'static [u8], open: bool| {
        let mut fixture = fixture(lines);
        fixture.stream.request.clear();
        fixture.stream.request_line.clear();
        fixture.stream.inspection.open = open;
        let program = fixture.program();
        let mut scratch = Vec::new();
        let mut tx = fixture.tx(&program, &mut scratch);
        tx.request_bytes = bytes;
        let rules = &program.proxy(tx.session.frontend).ir.tcp.request;
        ruleset::inspect(rules, &mut tx)
    };
    let lines = ["tcp-request content reject if { req.len gt 3 }"];
    assert_eq!(outcome(&lines, b"abc", true), Outcome::Wait);
    assert_eq!(outcome(&lines, b"abc", false), Outcome::Continue);
    assert_eq!(outcome(&lines, b"abcd", true), Outcome::Close);
    let lines = ["tcp-request content reject unless { payload(0,2) -m bin 6162 }"];
    assert_eq!(outcome(&lines, b"a", true), Outcome::Wait);
    assert_eq!(outcome(&lines, b"a", false), Outcome::Close);
    assert_eq!(outcome(&lines, b"abc", true), Outcome::Continue);
    let lines = ["tcp-request content accept if { req.len 9 } or { always_true }"];
    assert_eq!(outcome(&lines, b"", true), Outcome::Stop);
    let lines = ["tcp-request content accept if { wait_end } { always_false }"];
    assert_eq!(outcome(&lines, b"", true), Outcome::Continue);
    let lines = ["tcp-request content accept if { wait_end } { always_true }"];
    assert_eq!(outcome(&lines, b"", true), Outcome::Wait);
    assert_eq!(outcome(&lines, b"", false), Outcome::Stop);
    let text = refused("tcp-request content accept foo");
    assert!(
        text.ends_with("only accepts 'if' or 'unless', in frontend 'f' (got 'foo')"),
        "{text}"
    );
}

// exercises: alias/why
#[test]
fn lines_say_which_rule_and_which_of_its_acls_ended_an_exchange() {
    let why = |fixture: &Fixture| {
        let program = fixture.program();
        let mut out = Vec::new();
        let format = fixture
            .program()
            .proxy(fixture.frontend())
            .ir
            .log_format
            .clone();
        let cx = fixture.cx(&program);
        hapax_sample::log_format::render(&format.expect("a format"), &cx, &mut out);
        String::from_utf8(out).expect("text")
    };
    let format = "log-format %why";
    let mut denied = fixture(&[
        format,
        "acl own path_beg /a",
        "acl other path_beg /b",
        "http-request deny if other or own !{ path /c } or { always_true }",
    ]);
    run(&mut denied);
    let text = why(&denied);
    assert!(text.ends_with(" deny if own !{ path /c }"), "{text}");

    let mut silent = fixture(&[format, "http-request set-header x y"]);
    run(&mut silent);
    assert_eq!(why(&silent), "-");
    silent.stream.termination.cause = hapax_core::stream::Cause::ServerAbort;
    silent.stream.termination.phase = hapax_core::stream::Phase::Connect;
    assert_eq!(why(&silent), "frontend f has no backend for this request");
}
