//! Conditions as upstream 3.2 answers them; texts and positions are its own.

use hapax_core::span::FileId;

use super::block::{Blocks, Outcome};
use super::*;
use crate::lexer::{Place, words};

fn environment(name: &[u8]) -> Option<Vec<u8>> {
    match name {
        b"A" => Some(b"x".to_vec()),
        b"E" => Some(vec![]),
        _ => None,
    }
}

fn capabilities() -> Capabilities {
    Capabilities {
        features: vec!["SSL", "PCRE2"],
        enabled: vec!["POLL", "EPOLL"],
        version: "3.2.26-1".to_owned(),
        openssl_version: "1.1.1g".to_owned(),
        ssllib_name: "AWS-LC 1.61".to_owned(),
    }
}

fn answer(expression: &str) -> String {
    match evaluate(expression.as_bytes(), &capabilities(), &environment) {
        Ok(value) => value.to_string(),
        Err(error) => format!("{} @{}", error.message, error.at + 1),
    }
}

#[test]
fn expressions_have_upstreams_values() {
    let yes = "1|2|-1|+1|01|99999999999999999999| 1|!0|!!1|1&&1|0||1|( 1 )|((1))|(1)&&1|(1) || 0|1 && 0 || 1|0 && 1 || 1\
               |1 || 1 && 0|1  &&  1|defined(A)|defined(E)|defined(\"A\")|defined('A')|defined(A)&&!defined(B)|feature(SSL)\
               |feature(PCRE2)|streq(a,a)|streq(,)|streq(a b,a b)|streq(\"a,b\",\"a,b\")|streq('a',a)|streq(\"a\"b,ab)\
               |streq(\"a)\",\"a)\")|streq(\\n,\"\n\")|strneq(a,b)|strstr(abc,b)|strstr(abc,)|version_atleast(2.4)\
               |version_atleast(3.2.26)|version_atleast(3)|version_atleast()|version_atleast|version_atleast(foo)\
               |version_atleast(3.2.26-1)|version_atleast(3.2-dev5)|version_atleast(3.2.26-dev1)|version_atleast( 3)\
               |version_atleast(03.02)|version_before(3.2.27)|version_before(3.2.26-2)|version_before(3.3-dev1)\
               |openssl_version_atleast(1.1.1)|openssl_version_atleast(0.9.8)|openssl_version_atleast( 1.1.1)\
               |openssl_version_before(3.0.0)|openssl_version_before(1.1.1w)|ssllib_name_startswith(AWS-LC)\
               |ssllib_name_startswith()|enabled(POLL)|!defined(B) && !(streq(a,b) || 0)|0 || (1 && (0 || 1))";
    // `||` is itself an operator here, so the list is cut at single bars only.
    for expression in cut(yes) {
        assert_eq!(answer(&expression), "true", "{expression}");
    }
    let no = "0|00|-0|!1|! 1|1 && 0|0 || 0|!(1)|defined(NOPE)|defined|defined()|defined( A)|defined(A )|feature(ssl)\
              |feature(FOO)|feature()|feature(+SSL)|feature(SS)|streq(a,b)|streq(a, a)|streq(a,\"b c\")|streq(\\a,a)\
              |strneq(a,a)|strstr(abc,d)|strstr(,a)|version_atleast(3.2.27)|version_atleast(3.3)\
              |version_atleast(3.3-dev0)|version_atleast(3.2.26-2)|version_atleast(4)|version_atleast(99999999999.1)\
              |version_before(3.2.26)|version_before(foo)|openssl_version_atleast(3.0.0)\
              |ssllib_name_startswith(OpenSSL)|enabled(KQUEUE)|enabled(poll)|enabled()|enabled|0 && openssl_version_before(x)";
    for expression in cut(no) {
        assert_eq!(answer(&expression), "false", "{expression}");
    }
}

#[test]
fn an_empty_expression_is_false() {
    assert_eq!(
        (answer("").as_str(), answer("  ").as_str()),
        ("false", "false")
    );
}

fn cut(list: &str) -> Vec<String> {
    list.replace("||", "\u{1}")
        .split('|')
        .map(|piece| piece.replace('\u{1}', "||"))
        .collect()
}

#[test]
fn broken_expressions_get_upstreams_text() {
    let predicate =
        |name: &str| format!("in argument 1 of predicate '{name}' used in conditional expression");
    let unparsable = |text: &str| format!("unparsable conditional expression '{text}'");
    let end = |byte: char, text: &str| {
        format!("unexpected character '{byte}' at the end of conditional expression '{text}'")
    };
    let close = |text: &str| format!("expected ')' after conditional expression '{text}'");
    for (expression, message, position) in [
        ("0 || 1 ||", unparsable("0 || 1 ||"), 3),
        ("1 && 1 &&", unparsable("&& 1 &&"), 3),
        ("(1 &&", unparsable("&&"), 4),
        ("(1 &&)", unparsable(")"), 6),
        ("(1 ||", unparsable("(1 ||"), 1),
        ("1 ||", unparsable("1 ||"), 3),
        ("(", unparsable("("), 1),
        ("!(", unparsable("!("), 1),
        ("!", unparsable("!"), 1),
        ("()", unparsable(")"), 2),
        ("1 && foo", unparsable("foo"), 6),
        ("(foo)", unparsable("foo)"), 2),
        ("!foo", unparsable("!foo"), 1),
        ("!(foo)", unparsable("foo)"), 3),
        ("foo || 1", unparsable("foo || 1"), 1),
        ("1 && &", unparsable("&"), 6),
        ("1||1||foo", unparsable("foo"), 7),
        ("1 && (1 && (foo", unparsable("foo"), 13),
        ("definedx(A)", unparsable("definedx(A)"), 1),
        (
            "awslc_api_atleast(1)",
            unparsable("awslc_api_atleast(1)"),
            1,
        ),
        ("(1", close("(1"), 1),
        ("(1 2", close("(1 2"), 1),
        ("!(1", close("!(1"), 1),
        ("1 && (1", close("(1"), 6),
        ("(defined(A)x)", close("(defined(A)x)"), 1),
        ("1 || (1 2)", close("(1 2)"), 6),
        ("1 1", end('1', "1 1"), 3),
        ("1a", end('a', "1a"), 2),
        ("1.5", end('.', "1.5"), 2),
        ("1&1", end('&', "1&1"), 2),
        ("1)", end(')', "1)"), 2),
        ("(1)(", end('(', "(1)("), 4),
        ("!1 1", end('1', "!1 1"), 4),
        ("defined(A)x", end('x', "defined(A)x"), 11),
        ("1 #x", end('#', "1 #x"), 3),
        (
            "defined(A,B)",
            format!("expected ')' before ',B)' {}", predicate("defined")),
            10,
        ),
        (
            "1 && defined(A,B)",
            format!("expected ')' before ',B)' {}", predicate("defined")),
            15,
        ),
        (
            "streq(a\\,b,a)",
            format!("expected ')' before ',a)' {}", predicate("streq")),
            11,
        ),
        (
            "defined(",
            format!("expected ')' {}", predicate("defined")),
            9,
        ),
        (
            "!defined(A",
            format!("expected ')' {}", predicate("defined")),
            11,
        ),
        (
            "streq(a,b",
            format!("expected ')' {}", predicate("streq")),
            10,
        ),
        (
            "streq(a)",
            format!(
                "missing arguments (got 1/2), type 'string' expected {}",
                predicate("streq")
            ),
            8,
        ),
        (
            "streq()",
            format!(
                "missing arguments (got 1/2), type 'string' expected {}",
                predicate("streq")
            ),
            7,
        ),
        (
            "streq(a",
            format!(
                "missing arguments (got 1/2), type 'string' expected {}",
                predicate("streq")
            ),
            8,
        ),
        (
            "streq(\"a,b)",
            format!(
                "missing arguments (got 1/2), type 'string' expected {}",
                predicate("streq")
            ),
            12,
        ),
        (
            "openssl_version_atleast(foo)",
            "invalid argument to conditional expression predicate 'openssl_version_atleast': 'foo'"
                .to_owned(),
            29,
        ),
        (
            "0 || openssl_version_before()",
            "invalid argument to conditional expression predicate 'openssl_version_before': ''"
                .to_owned(),
            30,
        ),
    ] {
        assert_eq!(
            answer(expression),
            format!("{message} @{position}"),
            "{expression}"
        );
    }
}

#[test]
fn nested_parentheses_are_bounded() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(answer(&nested(100)), "true");
    assert!(answer(&nested(2000)).starts_with("unparsable conditional sub-expression '((("));
}

/// What a file of directives says, and which of its other lines are read.
fn run(text: &str) -> Vec<String> {
    let mut blocks = Blocks::default();
    let mut said = vec![];
    let mut last = hapax_core::span::Span::default();
    for (number, line) in text.lines().enumerate() {
        let place = Place {
            file: FileId(0),
            path: "x.cfg",
            line: number as u32 + 1,
            section: b"",
        };
        last = place.span(0, 0);
        let line = words(line.as_bytes(), &place, &environment).expect("words");
        match blocks.line(&line, &place, &capabilities(), &environment) {
            Outcome::Configuration => said.push(line.words[0].lossy().into_owned()),
            Outcome::Done => {}
            Outcome::Message(finding) | Outcome::Wrong(finding) | Outcome::Refused(finding) => {
                let number = finding.span.map_or(0, |span| span.line);
                said.push(format!("{number}: {}", finding.message));
            }
        }
    }
    said.extend(
        blocks
            .finish(last)
            .map(|finding| format!("{}: {}", last.line, finding.message)),
    );
    said
}

#[test]
fn blocks_choose_lines_as_upstream_does() {
    for (text, expected) in [
        (
            ".if 0\na\n.elif 1\nb\n.elif 1\nc\n.else\nd\n.endif\ne",
            vec!["b", "e"],
        ),
        (
            ".if 0\n.if 1\n.else\nx\n.endif\n.else\ny\n.endif",
            vec!["y"],
        ),
        (".if\n.else\ne\n.endif", vec!["e"]),
        (".if 1\n.elif foo\n.endif", vec![]),
        (
            ".if 0\n.foo\n.if garbage\n.elif garbage\n.endif\n.endif\nx",
            vec!["x"],
        ),
        (".if streq(\"$A\", x)\na\n.else\nb\n.endif", vec!["b"]),
        (".endif", vec!["1: lone '.endif' with no matching '.if'."]),
        (".else", vec!["1: lone '.else' with no matching '.if'."]),
        (".elif 1", vec!["1: lone '.elif' with no matching '.if'."]),
        (
            ".if 1\n.if 1\n.endif",
            vec!["3: non-terminated '.if' block."],
        ),
        (
            ".if 0\n.else\n.else\n.endif",
            vec!["3: '.else' after '.else' is not permitted."],
        ),
        (
            ".if 0\n.if 0\n.else\n.elif\n.endif\n.endif",
            vec!["4: '.elif' after '.else' is not permitted."],
        ),
        (
            ".if 1\n.endif x",
            vec!["2: Unexpected argument 'x' for '.endif'."],
        ),
        (
            ".if 1 2\n.endif",
            vec![
                "1: unexpected character '2' at the end of conditional expression '1 2' in '.if' at position 3:\n  .if 1 2\n        ^",
            ],
        ),
        (
            ".if 0\n.elif foo\n.else\nx\n.endif",
            vec![
                "2: unparsable conditional expression 'foo' in '.elif' at position 1:\n  .elif foo\n        ^",
            ],
        ),
        (".notice \"a b\" # c", vec!["1: 'a b'."]),
        (".notice", vec!["1: ''."]),
        (
            ".warning a b",
            vec![
                "1: Unexpected argument 'b' for '.warning'. Use quotes if the message should contain spaces.",
            ],
        ),
        (".foo", vec!["1: unknown directive '.foo'."]),
    ] {
        assert_eq!(run(text), expected, "{text}");
    }
    let deep = |count: usize| format!("{}{}", ".if 1\n".repeat(count), ".endif\n".repeat(count));
    assert_eq!(run(&deep(99)), Vec::<String>::new());
    assert_eq!(
        run(&deep(100))[0],
        "100: too many nested '.if', max is 100."
    );
}
