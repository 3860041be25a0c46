//! What answers are worth, as observed on the reference.

use std::sync::Arc;

use hapax_core::ir::{CheckData, CheckExpect, CheckField, CheckMatch, CheckMethod, Config};
use hapax_core::live::Live;
use hapax_core::program::{Program, ProxyId};

use super::*;
use crate::check::tests::{backend, server};

/// Reads an answer in pieces and judges it.
fn read_as(expectation: &Expectation, bytes: &[u8], piece: usize) -> Verdict {
    let mut config = Config::default();
    let address = ([127, 0, 0, 1], 1).into();
    config.proxies.push(backend(vec![server("s", address)]));
    let live = Arc::new(Live::new(&config, 1, 0));
    let program = Program::link(config, live, "machine".into());
    let mut scene = Scene::new(&program, ProxyId(0), &program.proxies[0].live.servers[0]);
    let step = Step::numbered(2);
    let mut answer = Answer::new(false);
    let mut buffer = Buf::with_size(16384);
    let mut look = |buffer: &mut Buf, ended| match answer.head(buffer, ended, &mut scene) {
        None => Verdict::Wait,
        Some(Err(finding)) => Verdict::Fail(finding),
        Some(Ok(())) => answer.judge(expectation, buffer, (ended, false), (&step, &scene)),
    };
    for piece in bytes.chunks(piece) {
        assert!(buffer.push(piece));
        match look(&mut buffer, false) {
            Verdict::Wait => buffer.compact(),
            verdict => return verdict,
        }
    }
    look(&mut buffer, true)
}

/// Reads at once and byte by byte: the finding is the same.
fn read(expectation: &Expectation, bytes: &[u8]) -> (CheckStatus, String) {
    let once = read_as(expectation, bytes, bytes.len().max(1));
    let slowly = read_as(expectation, bytes, 1);
    assert_eq!(once, slowly);
    match once {
        Verdict::Pass => (CheckStatus::L7Ok, String::new()),
        Verdict::Fail(finding) => (finding.status, finding.info),
        Verdict::Wait => panic!("a verdict"),
    }
}

fn expect(negated: bool, pattern: CheckPattern) -> Expectation {
    let error = match pattern {
        CheckPattern::String(_) | CheckPattern::Regex(_) => CheckStatus::L7Response,
        _ => CheckStatus::L7Status,
    };
    let expect = CheckExpect {
        negated,
        error,
        ..CheckExpect::new(pattern)
    };
    Expectation::new(&expect, false).expect("compiles")
}

// exercises: section/option httpchk
#[test]
fn without_an_expectation_2xx_and_3xx_pass() {
    use CheckStatus::{L7Ok, L7Status, SocketError};
    let plain = expect(false, CheckPattern::Status(vec![(200, 399)]));
    for (bytes, status, info) in [
        (&b"HTTP/1.0 200 OK\r\n\r\n"[..], L7Ok, ""),
        (b"HTTP/1.1 302 Found\r\n\r\n", L7Ok, ""),
        (b"HTTP/1.1 200\r\n\r\n", L7Ok, ""),
        (b"HTTP/1.1 500 Oops\r\n\r\n", L7Status, "Oops"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", L7Status, "Continue"),
        (
            b"HTTP/1.1 503\r\n\r\n",
            L7Status,
            "TCPCHK did not match content(status codes) at step 2",
        ),
        (b"<html>", SocketError, ""),
        (b"HTTP/1.1 abc\r\n\r\n", SocketError, ""),
        (b"HTTP/1.1 200 OK\r\nA b\r\n\r\n", SocketError, ""),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", SocketError, ""),
        (b"", SocketError, ""),
    ] {
        assert_eq!(
            read(&plain, bytes),
            (status, info.to_owned()),
            "{}",
            bytes.escape_ascii()
        );
    }
    let long = [b"HTTP/1.1 599 ", &[b'r'; 300][..], b"\r\n\r\n"].concat();
    assert_eq!(read(&plain, &long).1.len(), 127);
}

// exercises: section/http-check expect
#[test]
fn expectations_compare_status_and_body() {
    use CheckStatus::{L7Ok, L7Response, L7Status};
    let body = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
    let chunked =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhell";
    let none = b"HTTP/1.1 200 OK\r\n\r\n";
    let unnamed = b"HTTP/1.1 200\r\n\r\n";
    let hello = || CheckPattern::String(b"hello".to_vec());
    let pattern = |status, pattern: &str| match status {
        true => CheckPattern::StatusRegex(pattern.to_owned()),
        false => CheckPattern::Regex(pattern.to_owned()),
    };
    let status = CheckPattern::Status;
    let field = |whole, name: &str, value: Option<(CheckMethod, &str)>| {
        CheckPattern::Field(CheckField {
            whole,
            name: CheckMatch {
                method: CheckMethod::Equal,
                pattern: CheckData::Fixed(name.as_bytes().to_vec()),
            },
            value: value.map(|(method, value)| CheckMatch {
                method,
                pattern: CheckData::Fixed(value.as_bytes().to_vec()),
            }),
        })
    };
    let fields = b"HTTP/1.1 200 OK\r\nX-A: one, two\r\n\r\n";
    let other = "HTTP content check did not match";
    let empty = "HTTP content check could not find a response body";
    let unwanted = "HTTP check matched unwanted content";
    for (negated, test, bytes, result, info) in [
        (
            false,
            status(vec![(404, 404), (200, 204)]),
            &body[..],
            L7Ok,
            "",
        ),
        (false, status(vec![(404, 404)]), body, L7Status, "OK"),
        (true, status(vec![(404, 404)]), body, L7Ok, ""),
        (
            false,
            pattern(true, "^3"),
            unnamed,
            L7Status,
            "TCPCHK did not match content (regex) at step 2",
        ),
        (true, pattern(true, "^2"), body, L7Status, "OK"),
        (false, hello(), body, L7Ok, ""),
        (false, hello(), chunked, L7Ok, ""),
        (false, hello(), cut, L7Response, other),
        (false, hello(), none, L7Response, empty),
        (true, hello(), body, L7Response, unwanted),
        (true, hello(), cut, L7Ok, ""),
        (true, hello(), none, L7Response, empty),
        (false, pattern(false, "hel+o"), chunked, L7Ok, ""),
        (true, pattern(false, "hel+o"), chunked, L7Response, unwanted),
        (false, field(false, "X-a", None), fields, L7Ok, ""),
        (true, field(false, "x-a", None), fields, L7Status, "OK"),
        (
            false,
            field(false, "x-a", Some((CheckMethod::Equal, "two"))),
            fields,
            L7Ok,
            "",
        ),
        (
            false,
            field(true, "x-a", Some((CheckMethod::Equal, "two"))),
            fields,
            L7Status,
            "OK",
        ),
        (
            false,
            field(true, "x-a", Some((CheckMethod::Regex, "^one.*o$"))),
            fields,
            L7Ok,
            "",
        ),
    ] {
        let name = format!("{negated} {test:?} {}", bytes.escape_ascii());
        let (found, text) = read(&expect(negated, test), bytes);
        assert_eq!((found, text.as_str()), (result, info), "{name}");
    }
}

#[test]
fn a_body_larger_than_the_buffer_ends_the_search() {
    let expectation = expect(false, CheckPattern::String(b"hello".to_vec()));
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n";
    let bytes = [&head[..], &[b'x'; 20_000]].concat();
    let Verdict::Fail(finding) = read_as(&expectation, &bytes, 1000) else {
        panic!("memory is bounded");
    };
    assert_eq!(finding.info, "HTTP content check did not match");
}
