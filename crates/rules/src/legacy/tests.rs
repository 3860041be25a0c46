//! Old lines to rules to what they do to an exchange, in the order of 1.5.

// exercises: section/reqallow section/reqiallow section/reqdel section/reqidel section/reqdeny section/reqideny
// exercises: section/reqpass section/reqipass section/reqrep section/reqirep section/reqtarpit section/reqitarpit
// exercises: section/reqadd section/rspadd section/rspdel section/rspidel section/rspdeny section/rspideny
// exercises: section/rsprep section/rspirep section/block

use std::time::{Duration, Instant};

use hapax_core::contract::Outcome;
use hapax_core::ir::{OldRules, Rule};
use hapax_sample::fixture::Fixture;

use crate::{TABLES, ruleset};

/// `~` is a blank inside a word.
fn fixture(lines: &[&str]) -> Fixture {
    let mut fixture = Fixture::new(hapax_sample::TABLES.iter().chain(TABLES));
    for line in lines {
        let result = fixture.line(line);
        assert!(result.is_ok(), "{line}: {result:?}");
    }
    fixture
}

fn run(fixture: &mut Fixture, on_response: bool) -> Outcome {
    let program = fixture.program();
    let mut scratch = Vec::new();
    let mut tx = fixture.tx(&program, &mut scratch);
    tx.on_response = on_response;
    let ir = &program.proxy(tx.session.frontend).ir;
    let OldRules {
        block,
        request,
        request_add,
        response,
        response_add,
    } = &ir.old_rules;
    let lists: [&[Rule]; 4] = match on_response {
        true => [&ir.http_response, response, response_add, &[]],
        false => [block, &ir.http_request, request, request_add],
    };
    for rules in lists {
        match ruleset::evaluate(rules, &mut tx) {
            Outcome::Continue | Outcome::Stop => {}
            decided => return decided,
        }
    }
    Outcome::Continue
}

fn request(fixture: &Fixture) -> String {
    let head = &fixture.stream.request;
    let first = [head.method(), head.uri(), head.version()].join(&b' ');
    let mut text = String::from_utf8_lossy(&first).into_owned();
    for (name, value) in head.iter() {
        text += &format!(
            "|{}: {}",
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(value)
        );
    }
    text
}

#[test]
fn lines_of_requests_are_rewritten_in_file_order() {
    for (lines, expected) in [
        (
            &["reqrep ^([^~:]*)~/a/(.*) \\1~/\\2"][..],
            "GET /b?c=d HTTP/1.1|host: Example.org:80",
        ),
        (
            &["reqrep ^GET~(.*) POST~\\1"],
            "POST /a/b?c=d HTTP/1.1|host: Example.org:80",
        ),
        // Without a version the old one stays; blanks in a target are encoded.
        (
            &["reqrep ^GET GET~/x"],
            "GET /x HTTP/1.1|host: Example.org:80",
        ),
        (
            &["reqrep ^GET GET~/x~y~HTTP/1.0"],
            "GET /x%20y HTTP/1.0|host: Example.org:80",
        ),
        (
            &["reqrep ^Host:.* X-Was:~gone"],
            "GET /a/b?c=d HTTP/1.1|x-was: gone",
        ),
        (&["reqrep ^host:.* x:~1"], "GET /a/b?c=d HTTP/1.1|x: 1"),
        (
            &["reqrep ^HOST:.* x:~1", "reqrep ^hOsT:.* y:~1"],
            "GET /a/b?c=d HTTP/1.1|x: 1",
        ),
        // Lower and upper case in the value matter without `i`.
        (
            &[
                "reqrep ^Host:~example.* x:~1",
                "reqirep ^hOST:~example(.*) Host:~new\\1",
            ],
            "GET /a/b?c=d HTTP/1.1|host: new.org:80",
        ),
        // What is added is not looked at by the rule that adds it.
        (
            &["reqirep ^(host:.*) \\1\\x0a\\1"],
            "GET /a/b?c=d HTTP/1.1|host: Example.org:80|host: Example.org:80",
        ),
        (&["reqdel Example", "reqdel ^GET"], "GET /a/b?c=d HTTP/1.1"),
        (
            &["reqadd X:~1", "reqdel ^X:", "reqadd Y:~2 if { path /no }"],
            "GET /a/b?c=d HTTP/1.1|host: Example.org:80|x: 1",
        ),
        // A line that is passed is left alone by what follows, the others are not.
        (
            &[
                "reqipass ^HOST:",
                "reqidel .",
                "reqrep ^GET~/a(.*) GET~/x\\1",
            ],
            "GET /x/b?c=d HTTP/1.1|host: Example.org:80",
        ),
        (
            &["reqiallow ^HOST:~example", "reqdeny .", "reqadd X:~1"],
            "GET /a/b?c=d HTTP/1.1|host: Example.org:80|x: 1",
        ),
    ] {
        let mut fixture = fixture(lines);
        assert_eq!(run(&mut fixture, false), Outcome::Continue, "{lines:?}");
        assert_eq!(request(&fixture), expected, "{lines:?}");
    }
}

#[test]
fn verdicts_fall_in_the_order_of_their_kinds() {
    let denied = |status| Outcome::Deny { status };
    for (lines, expected) in [
        (&["reqdeny ^GET~/a"][..], denied(403)),
        (&["reqdeny ^get"], Outcome::Continue),
        (&["reqideny ^get"], denied(403)),
        (&["reqideny ^host:~example"], denied(403)),
        (&["reqpass ^GET", "reqdeny ^GET"], Outcome::Continue),
        (&["reqpass ^Host", "reqdeny ^GET"], denied(403)),
        (&["reqallow ^Host", "reqdeny ^GET"], Outcome::Continue),
        (&["reqitarpit ^get"], Outcome::Tarpit { status: Some(500) }),
        (&["reqtarpit ^GET unless { path /a/b }"], Outcome::Continue),
        (
            &["http-request return status 200", "block if { path /a/b }"],
            denied(403),
        ),
        (&["http-request allow", "reqdeny ^GET"], denied(403)),
        (&["block unless { path /a/b }"], Outcome::Continue),
        // A request line that is none any more.
        (&["reqrep ^GET.* what"], denied(400)),
        (&["reqrep ^GET.* G(T~/"], denied(400)),
    ] {
        assert_eq!(run(&mut fixture(lines), false), expected, "{lines:?}");
    }
}

#[test]
fn lines_of_responses_are_rewritten_before_lines_are_added() {
    let mut fixture = fixture(&[
        "rspadd Server:~new",
        "rspidel ^SERVER:",
        "rsprep ^HTTP/1.1~404~(.*) HTTP/1.1~410~Was~\\1",
        "rspirep ^location:~http(.*) Location:~https\\1",
        "rspdel ^X-Powered-By",
        "rspdeny ^HTTP/1.1~404",
    ]);
    let response = &mut fixture.stream.response;
    response.start_response(b"HTTP/1.1", 404, b"Not Found");
    response.add(b"Server", b"old");
    response.add(b"x-powered-by", b"php");
    response.add(b"location", b"http://x/");
    assert_eq!(run(&mut fixture, true), Outcome::Continue);
    let response = &mut fixture.stream.response;
    assert_eq!(
        (response.status(), response.reason()),
        (410, &b"Was Not Found"[..])
    );
    assert_eq!(response.find(b"server"), Some(&b"new"[..]));
    assert_eq!(response.find(b"location"), Some(&b"https://x/"[..]));
    assert_eq!(response.len(), 2);
    fixture.line("rspideny ^LOCATION:~HTTPS").expect("a line");
    assert_eq!(run(&mut fixture, true), Outcome::Deny { status: 502 });
}

#[test]
fn wrong_lines_are_refused() {
    for (line, expected) in [
        ("reqdel", "'reqdel' expects <search> as an argument."),
        (
            "reqrep a",
            "'reqrep' expects <search> and <replace> as arguments.",
        ),
        (
            "reqsetbe a",
            "'reqsetbe' expects <search> and <target> as arguments.",
        ),
        ("reqadd", "'reqadd' expects <header> as an argument."),
        (
            "reqadd nothing",
            "'reqadd' expects a header line, '<name>: <value>'.",
        ),
        (
            "block",
            "'block' requires either 'if' or 'unless' followed by a condition.",
        ),
        (
            "rspdel a b",
            "'rspdel' expects either 'if' or 'unless' followed by a condition but found 'b'.",
        ),
        (
            "reqdeny (a",
            "'reqdeny' : regex '(a' is invalid (error=missing closing parenthesis, erroffset=2).",
        ),
    ] {
        let found = fixture(&[]).line(line).expect_err(line);
        assert_eq!(found.message, expected, "{line}");
    }
}

#[test]
fn the_warning_prints_what_to_write_today() {
    for (line, expected) in [
        ("reqadd X-A:~b~c%", "http-request add-header X-A b\\ c%%"),
        ("rspidel ^Server:.*", "http-response del-header Server"),
        ("reqdel ^X-.*:", "http-request del-header x- -m beg"),
        (
            "reqrep ^([^~:]*)~/static/(.*) \\1~/\\2 if { path /a } || { path /b }",
            "http-request replace-path ^/static/(.*) /\\1 if { path /a } || { path /b }",
        ),
        (
            "reqideny ^Range:~bytes unless { src 10.0.0.1 } !{ path /a }",
            "http-request deny if { req.fhdr(Range) -m reg -i -- ^bytes } !{ src 10.0.0.1 } \
             || { req.fhdr(Range) -m reg -i -- ^bytes } { path /a }",
        ),
        (
            "rspdeny ^HTTP/1.[01]~5",
            "http-response set-var-fmt(txn.line) \"HTTP/%[res.ver] %[status]\"",
        ),
        (
            "rspdeny ^HTTP/1.[01]~500",
            "http-response deny if { status 500 }",
        ),
        ("block if TRUE", "http-request deny if TRUE"),
    ] {
        let mut fixture = fixture(&[]);
        fixture.line(line).expect(line);
        let hints: Vec<_> = fixture
            .diagnostics
            .iter()
            .filter_map(|it| it.hint.as_deref())
            .collect();
        let first = hints.first().and_then(|hint| hint.lines().next());
        assert_eq!(first, Some(expected), "{line}");
    }
}

#[test]
fn an_expression_that_others_run_for_ages_takes_linear_time() {
    let mut fixture = fixture(&[
        "reqrep ^X:~(a*)*(a|aa)*(.*)*$ X:~\\1",
        "reqidel ^(([a-z])+.)+[A-Z]([a-z])+$",
    ]);
    let long = vec![b'a'; 16000];
    for _ in 0..20 {
        fixture.stream.request.add(b"x", &long);
    }
    let begun = Instant::now();
    run(&mut fixture, false);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}
