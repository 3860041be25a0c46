//! Heads that pass, heads that fault, with the bytes and positions the reference showed on sockets.

use super::*;
use crate::h1::write_head;

type Outcome = Result<String, (FaultKind, usize, State)>;

fn read(kind: Kind, input: &[u8], relaxed: bool) -> Outcome {
    let (mut head, mut scan) = (Head::new(), Scan::default());
    let limits = Limits {
        relaxed,
        ..Limits::default()
    };
    let parse = if kind == Kind::Request {
        parse_request
    } else {
        parse_response
    };
    match parse(input, &mut head, &mut scan, &limits) {
        Ok(Parse::Complete { .. }) => {
            let mut out = Vec::new();
            write_head(&head, &mut out);
            Ok(String::from_utf8_lossy(&out).into_owned())
        }
        Ok(Parse::Partial) => Ok("partial".to_owned()),
        Err(fault) => Err((fault.kind, fault.at, fault.state)),
    }
}

fn request(input: &str) -> Outcome {
    read(Kind::Request, input.as_bytes(), false)
}

fn relaxed(input: &str) -> Outcome {
    read(Kind::Request, input.as_bytes(), true)
}

fn response(input: &str) -> Outcome {
    read(Kind::Response, input.as_bytes(), false)
}

#[track_caller]
fn sent(input: &str, expected: &str) {
    assert_eq!(request(input).as_deref(), Ok(expected), "{input:?}");
}

#[track_caller]
fn refused(input: &str, kind: FaultKind, at: usize, state: State) {
    assert_eq!(request(input), Err((kind, at, state)), "{input:?}");
}

#[test]
fn names_blanks_and_line_ends() {
    sent(
        "GET / HTTP/1.1\r\nHost: x\r\nA:b\r\nC:  d  \r\nE:\r\nFoO-BAR:\t q\t\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: x\r\na: b\r\nc: d\r\ne: \r\nfoo-bar: q\r\n\r\n",
    );
    sent(
        "\n\r\nGET \t/  HTTP/1.1\nHost: x\n\r\n",
        "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
    );
    sent(
        "GET / HTTP/1.1\r\nA: b\r\n\t \tc\r\n  \r\n d\r\nB:\r\n e\r\n\r\n",
        "GET / HTTP/1.1\r\na: b  \t \tc       d\r\nb: e\r\n\r\n",
    );
    refused(
        "GET / HTTP/1.1\rHost: x\r\n\r\n",
        FaultKind::BareCr,
        15,
        State::RequestLineEnd,
    );
    refused(
        "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
        FaultKind::BareCr,
        21,
        State::ValueLf,
    );
    refused(
        "\rGET / HTTP/1.1\r\n\r\n",
        FaultKind::BareCr,
        1,
        State::RequestBeforeCr,
    );
    refused(
        " GET / HTTP/1.1\r\n\r\n",
        FaultKind::BadStart,
        0,
        State::RequestBefore,
    );
}

#[test]
fn start_lines() {
    refused(
        "F@O / HTTP/1.1\r\n\r\n",
        FaultKind::BadMethod,
        1,
        State::Method,
    );
    refused(
        "GET /a\u{1} HTTP/1.1\r\n\r\n",
        FaultKind::BadUri,
        6,
        State::Uri,
    );
    refused("GET /# HTTP/1.1\r\n\r\n", FaultKind::BadUri, 5, State::Uri);
    refused("GET /\r\n", FaultKind::MissingVersion, 5, State::Data);
    refused("POST /\r\n", FaultKind::MissingVersion, 6, State::Data);
    refused(
        "GET / http/1.1\r\n",
        FaultKind::BadVersion,
        6,
        State::RequestVersion,
    );
    refused(
        "GET / HTTP/1.1 \r\n",
        FaultKind::BadVersion,
        14,
        State::RequestVersion,
    );
    sent("GET / HTTP/3.0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n");
    sent("GET / HTTP/0.9\r\n\r\n", "GET / HTTP/0.9\r\n\r\n");
    assert_eq!(
        relaxed("GET /\r\n").as_deref(),
        Ok("GET / HTTP/1.0\r\n\r\n")
    );
    assert_eq!(
        relaxed("GET / RTSP/1.0\r\n\r\n").as_deref(),
        Ok("GET / RTSP/1.0\r\n\r\n")
    );
    assert_eq!(
        relaxed("GET /#f HTTP/1.1\r\n\r\n").as_deref(),
        Ok("GET /#f HTTP/1.1\r\n\r\n")
    );
}

#[test]
fn field_names_and_values() {
    refused(
        "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        FaultKind::BadName,
        17,
        State::FieldName,
    );
    refused(
        "GET / HTTP/1.1\r\n: b\r\n\r\n",
        FaultKind::BadName,
        16,
        State::FieldName,
    );
    refused(
        "GET / HTTP/1.1\r\n Host: x\r\n\r\n",
        FaultKind::BadName,
        16,
        State::FieldName,
    );
    refused(
        "GET / HTTP/1.1\r\nA: b\0\r\n\r\n",
        FaultKind::BadValue,
        20,
        State::Value,
    );
    assert_eq!(
        relaxed("GET / HTTP/1.1\r\nA : b\r\nC: d\r\n\r\n").as_deref(),
        Ok("GET / HTTP/1.1\r\nc: d\r\n\r\n")
    );
    assert_eq!(
        relaxed("GET / HTTP/1.1\r\nAb\r\n\r\n"),
        Err((FaultKind::BadName, 19, State::FieldName))
    );
}

#[test]
fn hosts_and_targets() {
    let with =
        |uri: &str, host: &str| request(&format!("GET {uri} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    let ok = |uri: &str, host: &str| Ok(format!("GET {uri} HTTP/1.1\r\nhost: {host}\r\n\r\n"));
    assert_eq!(with("http://x:80/", "X"), ok("http://x/", "x"));
    assert_eq!(with("http://x:80?a", "x:80"), ok("http://x?a", "x"));
    assert_eq!(with("http://x", "x"), ok("http://x/", "x"));
    assert_eq!(with("http://u@x:80", "x:80"), ok("http://u@x/", "x"));
    assert_eq!(with("http://x/", "x:80"), ok("http://x/", "x:80"));
    assert_eq!(with("http://x:443/", "x:443"), ok("http://x:443/", "x:443"));
    assert_eq!(with("https://x:443/", "x:443"), ok("https://x/", "x"));
    let differs = |at| Err((FaultKind::HostNotAuthority, at, State::LastLf));
    assert_eq!(with("http://y/", "x"), differs(30));
    assert_eq!(with("http://x/", "x:443"), differs(30));
    assert_eq!(with("ws://x:80/", "x"), differs(31));
    assert_eq!(
        with("/", "x,y"),
        Err((FaultKind::BadHost, 22, State::ValueFold))
    );
    assert_eq!(
        with("/", "x\r\nHost: y"),
        Err((FaultKind::HostsDiffer, 31, State::ValueFold))
    );
    assert_eq!(with("/", "x\r\nHost: X"), ok("/", "x"));
    assert_eq!(with("foo", "x"), Err((FaultKind::BadUri, 4, State::Method)));
    assert_eq!(with("*", "x"), Err((FaultKind::BadUri, 4, State::Method)));
    sent(
        "CONNECT x:80 HTTP/1.1\r\nHost: X:80\r\n\r\n",
        "CONNECT x:80 HTTP/1.1\r\nhost: X\r\n\r\n",
    );
    sent(
        "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n",
        "CONNECT [::1]:443 HTTP/1.1\r\nhost: [::1]\r\n\r\n",
    );
    sent(
        "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    );
    refused(
        "CONNECT x:443 HTTP/1.1\r\nHost: x:80\r\n\r\n",
        FaultKind::HostNotAuthority,
        30,
        State::LastLf,
    );
    refused(
        "CONNECT x HTTP/1.1\r\nHost: x\r\n\r\n",
        FaultKind::BadAuthority,
        8,
        State::LastLf,
    );
}

#[test]
fn lengths() {
    let with = |lines: &str| request(&format!("POST / HTTP/1.1\r\n{lines}\r\n"));
    let ok = |line: &str| Ok(format!("POST / HTTP/1.1\r\n{line}\r\n\r\n"));
    for line in ["5", "5, 5", "05", "5\r\nContent-Length: 5"] {
        assert_eq!(
            with(&format!("Content-Length: {line}\r\n")),
            ok("content-length: 5"),
            "{line}"
        );
    }
    for line in [
        "5, 6",
        "+5",
        "-5",
        "",
        "5 5",
        "0x5",
        "5,",
        ",5",
        "18446744073709551616",
        "5;",
    ] {
        let fault = Err((FaultKind::BadLength, 33, State::ValueFold));
        assert_eq!(
            with(&format!("Content-Length: {line}\r\n")),
            fault,
            "{line}"
        );
    }
    let differ = Err((FaultKind::LengthsDiffer, 52, State::ValueFold));
    assert_eq!(with("Content-Length: 5\r\nContent-Length: 6\r\n"), differ);
    assert_eq!(
        with("Content-Length: 5\r\nTransfer-Encoding: Chunked\r\n"),
        ok("transfer-encoding: chunked")
    );
}

#[test]
fn codings() {
    let with = |line: &str| {
        request(&format!(
            "POST / HTTP/1.1\r\nTransfer-Encoding: {line}\r\n\r\n"
        ))
    };
    for line in [
        "chunked, chunked",
        "chunked, gzip",
        "",
        "chunked,",
        ",chunked",
    ] {
        assert_eq!(
            with(line),
            Err((FaultKind::BadCoding, 36, State::ValueFold)),
            "{line}"
        );
    }
    assert_eq!(with("gzip"), Err((FaultKind::BadCoding, 44, State::Data)));
    assert_eq!(
        with("gzip, chunked"),
        Err((FaultKind::UnknownCoding, 53, State::ChunkSize))
    );
    let answer = |line: &str| {
        response(&format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: {line}\r\n\r\n"
        ))
    };
    assert_eq!(
        answer("chunked, gzip"),
        Err((FaultKind::BadCoding, 53, State::Data))
    );
    assert_eq!(
        answer("chunked, chunked"),
        Err((FaultKind::BadCoding, 36, State::ValueFold))
    );
    let twice =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n";
    let once = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(
        read(Kind::Response, twice.as_bytes(), true).as_deref(),
        Ok(once)
    );
}

#[test]
fn a_status_below_100_is_none() {
    assert_eq!(
        response("HTTP/1.1 099 Low\r\n\r\n"),
        Err((FaultKind::BadStatus, 12, State::Code))
    );
}

#[test]
fn status_lines() {
    let with = |line: &str| response(&format!("{line}\r\n\r\n"));
    assert_eq!(
        with("HTTP/1.1 200").as_deref(),
        Ok("HTTP/1.1 200 OK\r\n\r\n")
    );
    assert_eq!(
        with("HTTP/1.1  299  O  x ").as_deref(),
        Ok("HTTP/1.1 299 O  x \r\n\r\n")
    );
    assert_eq!(
        with("HTTP/1.1 2000 OK"),
        Err((FaultKind::BadStatus, 12, State::Code))
    );
    assert_eq!(
        with("HTTP/1.1 2x0 OK"),
        Err((FaultKind::BadStatus, 10, State::Code))
    );
    assert_eq!(
        with("HTTP/1.1"),
        Err((FaultKind::BadVersion, 8, State::ResponseVersion))
    );
    assert_eq!(
        with("HTTP/1.1 "),
        Err((FaultKind::BadStatus, 9, State::ResponseVersionSpace))
    );
    assert_eq!(
        with("ICY 200 OK"),
        Err((FaultKind::BadVersion, 0, State::Data))
    );
    assert_eq!(
        with("HTTP/1.1 200 OK\r"),
        Err((FaultKind::BareCr, 16, State::ResponseLineEnd))
    );
}

#[test]
fn field_limit() {
    let head = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert!(request(&head(100)).is_ok());
    assert_eq!(
        request(&head(101)),
        Err((FaultKind::TooManyFields, 624, State::LastLf))
    );
    assert_eq!(
        request(&head(102)),
        Err((FaultKind::TooManyFields, 628, State::ValueFold))
    );
}

#[test]
fn long_heads() {
    let start = format!("GET /{}", "a".repeat(17000));
    refused(&start[..16320], FaultKind::UriTooLong, 16320, State::Uri);
    let field = format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(17000));
    refused(&field[..16320], FaultKind::HeadTooLong, 16320, State::Value);
}

#[test]
fn heads_without_room_for_rewriting() {
    let with = |fields: usize, length: usize| {
        let start = format!("GET / HTTP/1.1\r\n{}A: ", "A: b\r\n".repeat(fields - 1));
        request(&format!(
            "{start}{}\r\n\r\n",
            "a".repeat(length - 4 - start.len())
        ))
    };
    for (fields, largest) in [(1, 15277), (2, 15273), (11, 15237), (51, 15077)] {
        assert!(with(fields, largest).is_ok());
        assert_eq!(
            with(fields, largest + 1),
            Err((FaultKind::HeadTooLong, largest + 1, State::Data))
        );
    }
}

#[test]
fn every_split_gives_the_same_head() {
    let input = b"\r\nPOST http://x:80 HTTP/1.1\r\nHost: x\r\nA:\r\n b \r\n c\r\nContent-Length: 5, 5\r\n\r\nrest";
    let whole = read(Kind::Request, input, false);
    for first in 0..input.len() {
        let (mut head, mut scan, limits) = (Head::new(), Scan::default(), Limits::default());
        let mut done = parse_request(&input[..first], &mut head, &mut scan, &limits).unwrap();
        if done == Parse::Partial {
            done = parse_request(input, &mut head, &mut scan, &limits).unwrap();
        }
        assert_eq!(
            done,
            Parse::Complete {
                len: input.len() - 4
            }
        );
        let mut out = Vec::new();
        write_head(&head, &mut out);
        assert_eq!(
            Ok(String::from_utf8(out).unwrap()),
            whole,
            "split at {first}"
        );
    }
}

#[test]
fn answers_to_refused_requests() {
    let status = |lines: &str| {
        let (mut head, mut scan) = (Head::new(), Scan::default());
        let input = format!("POST / HTTP/1.1\r\n{lines}\r\n");
        let fault =
            parse_request(input.as_bytes(), &mut head, &mut scan, &Limits::default()).unwrap_err();
        (fault.request_status(), fault.is_answered(&head))
    };
    assert_eq!(status("Content-Length: 5\r\nA : b\r\n"), (400, false));
    assert_eq!(status("Content-Length: 0\r\nA : b\r\n"), (400, true));
    assert_eq!(status("A : b\r\nContent-Length: 5\r\n"), (400, true));
    assert_eq!(
        status("Content-Length: 5\r\nTransfer-Encoding: gzip\r\n"),
        (400, true)
    );
    assert_eq!(status("Transfer-Encoding: gzip, chunked\r\n"), (422, true));
}

#[test]
fn bodies_and_targets_of_methods() {
    refused(
        "GET / HTTP/1.0\r\nContent-Length: 5\r\n\r\n",
        FaultKind::BodyNotAllowed,
        37,
        State::Data,
    );
    sent(
        "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.0\r\ncontent-length: 5\r\n\r\n",
    );
    sent("PATCH * HTTP/1.1\r\n\r\n", "PATCH * HTTP/1.1\r\n\r\n");
    refused(
        "PUT * HTTP/1.1\r\n\r\n",
        FaultKind::BadUri,
        4,
        State::Method,
    );
    sent(
        "CONNECT x:80/a HTTP/1.1\r\n\r\n",
        "CONNECT x:80/a HTTP/1.1\r\n\r\n",
    );
    refused(
        "CONNECT x,:80 HTTP/1.1\r\n\r\n",
        FaultKind::BadAuthority,
        8,
        State::LastLf,
    );
    refused("GET x\r\n", FaultKind::BadUri, 4, State::Method);
    sent(
        "GET / HTTP/1.1\r\nUpgrade: a ,h2c , b\r\nConnection: upgrade\r\n\r\n",
        "GET / HTTP/1.1\r\nupgrade: a ,b\r\nconnection: upgrade\r\n\r\n",
    );
}
