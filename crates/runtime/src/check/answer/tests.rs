//! What answers are worth, as observed on the reference.

use hapax_core::ir::{CheckKind, HttpCheck, HttpExpect, HttpExpectTest};

use super::*;
use crate::check::recipe::Recipe;
use crate::check::tests::backend;

fn recipe(expect: Vec<HttpExpect>, disable_on_404: bool) -> Recipe {
    let mut proxy = backend(Vec::new());
    proxy.check = CheckKind::Http(HttpCheck {
        method: "OPTIONS".into(),
        uri: "/".into(),
        version: "HTTP/1.0".into(),
        headers: Vec::new(),
        body: Vec::new(),
        expect,
        disable_on_404,
        send_state: false,
    });
    Recipe::new(&proxy).expect("compiles")
}

fn read_as(recipe: &Recipe, operation: Operation, bytes: &[u8], step: usize) -> Option<Finding> {
    let http = recipe.http.as_ref().expect("http");
    let mut answer = Answer::new(http, operation);
    let mut buffer = Buf::with_size(16384);
    for piece in bytes.chunks(step) {
        assert!(buffer.push(piece));
        if let Some(finding) = answer.advance(&mut buffer, false) {
            return Some(finding);
        }
        buffer.compact();
    }
    answer.advance(&mut buffer, true)
}

/// Reads at once and byte by byte: the finding is the same.
fn read(recipe: &Recipe, bytes: &[u8]) -> (CheckStatus, i32, String) {
    let once = read_as(recipe, Operation::Running, bytes, bytes.len().max(1)).expect("a finding");
    let slowly = read_as(recipe, Operation::Running, bytes, 1).expect("a finding");
    assert_eq!(once, slowly);
    (once.status, once.code, once.info)
}

fn expect(negated: bool, test: HttpExpectTest) -> Recipe {
    recipe(vec![HttpExpect { negated, test }], false)
}

// exercises: section/option httpchk
#[test]
fn without_an_expectation_2xx_and_3xx_pass() {
    use CheckStatus::{L7Ok, L7Status, SocketError};
    let plain = recipe(Vec::new(), false);
    for (bytes, status, code, info) in [
        (&b"HTTP/1.0 200 OK\r\n\r\n"[..], L7Ok, 200, ""),
        (b"HTTP/1.1 302 Found\r\n\r\n", L7Ok, 302, ""),
        (b"HTTP/1.1 200\r\n\r\n", L7Ok, 200, ""),
        (b"HTTP/1.1 500 Oops\r\n\r\n", L7Status, 500, "Oops"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", L7Status, 100, "Continue"),
        (
            b"HTTP/1.1 503\r\n\r\n",
            L7Status,
            503,
            "TCPCHK did not match content(status codes) at step 2",
        ),
        (b"<html>", SocketError, 0, ""),
        (b"HTTP/1.1 abc\r\n\r\n", SocketError, 0, ""),
        (b"HTTP/1.1 200 OK\r\nA b\r\n\r\n", SocketError, 0, ""),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", SocketError, 0, ""),
        (b"", SocketError, 0, ""),
    ] {
        assert_eq!(
            read(&plain, bytes),
            (status, code, info.to_owned()),
            "{}",
            bytes.escape_ascii()
        );
    }
    let long = [b"HTTP/1.1 599 ", &[b'r'; 300][..], b"\r\n\r\n"].concat();
    assert_eq!(read(&plain, &long).2.len(), 127);
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
    let hello = || HttpExpectTest::String(b"hello".to_vec());
    let pattern = |status, pattern: &str| HttpExpectTest::Regex {
        status,
        pattern: pattern.into(),
    };
    let status = |ranges| HttpExpectTest::Status(ranges, String::new());
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
            "TCPCHK did not match content (regex) at step 1",
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
    ] {
        let name = format!("{negated} {test:?} {}", bytes.escape_ascii());
        let (found, _, text) = read(&expect(negated, test), bytes);
        assert_eq!((found, text.as_str()), (result, info), "{name}");
    }
}

#[test]
fn a_body_larger_than_the_buffer_ends_the_search() {
    let recipe = expect(false, HttpExpectTest::String(b"hello".to_vec()));
    let http = recipe.http.as_ref().expect("http");
    let mut answer = Answer::new(http, Operation::Running);
    let mut buffer = Buf::with_size(4096);
    assert!(buffer.push(b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n"));
    let mut given = 0;
    let finding = loop {
        let room = buffer.tail().min(1000);
        assert!(buffer.push(&vec![b'x'; room]));
        given += room;
        assert!(given < 20_000, "memory is bounded");
        if let Some(finding) = answer.advance(&mut buffer, false) {
            break finding;
        }
    };
    assert_eq!(finding.info, "HTTP content check did not match");
}

// exercises: section/http-check disable-on-404
#[test]
fn not_found_disables_a_server_that_is_up() {
    let recipe = recipe(Vec::new(), true);
    let bytes = b"HTTP/1.1 404 NF\r\n\r\n";
    for (operation, status) in [
        (Operation::Running, CheckStatus::L7OkConditionally),
        (Operation::Stopping, CheckStatus::L7OkConditionally),
        (Operation::Stopped, CheckStatus::L7Status),
    ] {
        let finding = read_as(&recipe, operation, bytes, 5).expect("a finding");
        assert_eq!((finding.status, finding.code), (status, 404));
    }
}
