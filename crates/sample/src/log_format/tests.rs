// exercises: alias/ci alias/cp alias/fi alias/fp alias/f alias/ft alias/b alias/s alias/ST alias/HM alias/HU alias/HQ
// exercises: alias/HP alias/HPO alias/HV alias/r alias/ts alias/tsc alias/rc alias/sq alias/bq alias/CC alias/CS
// exercises: alias/hr alias/hs alias/hrl alias/hsl alias/bi alias/bp alias/si alias/sp alias/ID alias/H alias/T
// exercises: alias/Tl alias/Ts alias/t alias/tr alias/trg alias/trl alias/ms alias/rt alias/pid alias/B alias/U
// exercises: alias/Ta alias/Tc alias/Td alias/Th alias/Ti alias/Tq alias/TR alias/Tr alias/Tt alias/Tu alias/Tw
// exercises: alias/ac alias/fc alias/bc alias/sc alias/sslc alias/sslv

use hapax_core::stream::{Cause, ConnectionCounts, Phase, Termination, Times};

use super::*;
use crate::TABLES;
use crate::fixture::Fixture;

fn fixture() -> Fixture {
    let mut fixture = Fixture::new(TABLES);
    fixture.session.accepted_wall_us = 1_795_180_894_128_000;
    let stream = &mut fixture.stream;
    stream.number = 7;
    stream.status = 200;
    stream.bytes_in = 59;
    stream.bytes_out = 361;
    stream.retries = 2;
    stream.server_queue = 3;
    stream.backend_queue = 4;
    stream.counts = ConnectionCounts {
        process: 5,
        frontend: 4,
        backend: 3,
        server: 2,
    };
    stream.termination = Termination {
        cause: Cause::Local,
        phase: Phase::Request,
    };
    stream.times = Times {
        start: 1000,
        start_wall_us: 1_795_180_894_128_000,
        handshake: 0,
        first_byte: 1010,
        request: 1012,
        queue: 1020,
        connect: 1030,
        response: 1060,
        end: 1100,
    };
    fixture
}

fn log(text: &str) -> String {
    fixture().format(text, Style::Log).expect(text)
}

#[test]
fn builtin_formats_read_as_upstream_writes_them() {
    assert_eq!(
        log(
            "%ci:%cp %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"
        ),
        "127.0.0.1:4242 f f/<NOSRV> 2/8/10/30/90 200 361 - - LR-- 5/4/3/2/2 3/4 \"GET /a/b?c=d HTTP/1.1\""
    );
    let origin = fixture();
    for text in [HTTP_LOG, HTTP_CLF, TCP_LOG, TCP_CLF] {
        assert!(!builtin(text, &origin.origin()).parts.is_empty(), "{text}");
    }
    assert!(
        log(HTTP_CLF)
            .ends_with("\"f\" \"f\" \"<NOSRV>\" 2 8 10 30 90 LR-- 5 4 3 2 2 3 4 \"\" \"\" ")
    );
    assert!(log(TCP_CLF).contains("] \"TCP \" 000 361 \"\" \"\" 4242 128 \"f\""));
}

#[test]
fn timers_and_numbers() {
    assert_eq!(
        log("%Th %Ti %Tq %TR %Tw %Tc %Tr %Td %Ta %Tt %Tu"),
        "0 10 12 2 8 10 30 40 90 100 90"
    );
    assert_eq!(log("%U %B %rt %sc %ms %Ts"), "59 361 7 2 128 1795180894");
    assert_eq!(
        log("%{+X}ci %{+X}cp %{+X}Ts %{+X}rt"),
        "7F000001 1092 6B00495E 0007"
    );
    assert_eq!(log("%pid"), std::process::id().to_string());
}

#[test]
fn dates_agree_with_each_other() {
    assert_eq!(log("%T"), "20/Nov/2026:13:21:34 +0000");
    assert_eq!(log("%trg"), "20/Nov/2026:13:21:34 +0000");
    assert!(log("%Tl").starts_with(log("%t").trim_end_matches(".128")));
    assert!(log("%tr").ends_with(".138") && log("%trl").len() == log("%T").len());
}

#[test]
fn request_parts() {
    let mut fixture = fixture();
    fixture.stream.request_line = b"GET http://h:1/rs?a=\"b\x01\" HTTP/1.1".to_vec();
    let show = |text: &str| fixture.format(text, Style::Log).expect(text);
    assert_eq!(
        show("%HM %HP %HPO %HQ %HV"),
        "GET http://h:1/rs /rs ?a=#22b#01#22 HTTP/1.1"
    );
    assert_eq!(show("%HU"), "http://h:1/rs?a=#22b#01#22");
    assert_eq!(show("%{+Q}HM%{+Q}HQ"), "\"GET\"\"?a=#22b#01#22\"");
    let mut broken = Fixture::new(TABLES);
    broken.stream.request_line.clear();
    assert_eq!(
        broken
            .format("%r %HM %HP %HPO %HU %HV", Style::Log)
            .expect("a format"),
        ["<BADREQ>"; 6].join(" ")
    );
}

#[test]
fn absent_values_and_flags() {
    assert_eq!(
        log("%bi:%bp %si:%sp %ID %CC %sslc %sslv"),
        "-:- -:- - - - -"
    );
    assert_eq!(log("a%hr %hs%hrl %hsl  b"), "a b");
    assert_eq!(
        log("%{+Q}CC %{+Q}s %{+Q}ci %{+Q}H %{+Q}B"),
        "\"\" \"<NOSRV>\" \"127.0.0.1\" \"machine\" 361"
    );
    assert_eq!(log("%fi:%fp %f %ts"), "127.0.0.2:80 f LR");
    let quoted = "%{+E}[str('a]b\"c')]|%{+Q,+E}[str('a]b\"c')]|%{+Q}[str('a]b\"c')]";
    assert_eq!(log(quoted), "a\\]b\\\"c|\"a\\]b\\\"c\"|\"a]b\"c\"");
    assert_eq!(log("%{+Q}o %f %{-Q}f %f"), "\"f\" f \"f\"");
    assert_eq!(
        log("%[env(HAPAX_NO_SUCH_VARIABLE)]|%[always_true]|%%|%(name:str)f"),
        "-|1|%|f"
    );
    let header = fixture()
        .format(
            "a  %[str('x\ny\tz\u{7f}')] %CC|%bi|%{+Q}[str(q)]",
            Style::Header,
        )
        .expect("a format");
    assert_eq!(header, "a  x%0Ay\tz%7F ||q");
    let plain = fixture()
        .format("%[str('x\ny')]", Style::Plain)
        .expect("a format");
    assert_eq!(plain, "x\ny");
}

#[test]
fn logasap_marks_what_is_not_final() {
    let mut fixture = fixture();
    fixture.proxy.options.logasap = true;
    let line = fixture
        .format("%B %U %Ta %Tt %Tu %Td", Style::Log)
        .expect("a format");
    assert_eq!(line, "+361 59 +90 +100 +90 40");
}

#[test]
fn a_redispatch_shows() {
    let mut fixture = fixture();
    fixture.stream.redispatched = true;
    assert_eq!(fixture.format("%rc", Style::Log).expect("a format"), "+2");
}

#[test]
fn faults_read_as_upstream_prints_them() {
    let fixture = fixture();
    let refused = |text: &str, expected: &str| {
        assert_eq!(
            fixture.format(text, Style::Log).expect_err(text),
            expected,
            "{text}"
        );
    };
    refused("%", "truncated line after '%'");
    refused("%{+Q", "truncated line after '+Q'");
    refused(
        "%{+Q}",
        "parse argument modifier without alias name near '%{+Q}'",
    );
    refused(
        "%ci%cix",
        "no such format alias 'cix'. If you wanted to emit the '%' character verbatim, you need to use '%%'",
    );
    refused(
        "%[foo]x",
        "failed to parse sample expression <foo]x> : unknown fetch method 'foo'",
    );
    refused("%[src", "missing ']' after 'src'");
    refused(
        "%[src,lower foo]",
        "expected ']' after 'src,lower', but found ' '",
    );
    refused(
        "%[path]",
        "sample fetch <path> may not be reliably used here because it needs 'HTTP request headers' which is not available here",
    );
    refused(
        "%[]",
        "failed to parse sample expression <]> : missing fetch method",
    );
}

// exercises: fetch/unique-id, fetch/capture.req.hdr, fetch/capture.res.hdr, fetch/capture.req.method
// exercises: fetch/capture.req.uri, fetch/capture.req.ver, fetch/capture.res.ver, converter/capture-req
// exercises: converter/capture-res
#[test]
fn captures_stand_between_braces_and_in_expressions() {
    use hapax_core::capture::Side;
    use hapax_core::ir::Capture;
    let mut fixture = fixture();
    let slot = |length| Capture {
        header: None,
        length,
    };
    fixture.proxy.request_captures = vec![slot(4), slot(8)];
    fixture.proxy.response_captures = vec![slot(4)];
    let captures = &fixture.stream.captures;
    captures.write(Side::Request, 0, b"a|\"#\xff", 4);
    let show = |text: &str| fixture.format(text, Style::Log).expect(text);
    assert_eq!(show("%hr %hs"), "{a#7C#22#23|} {}");
    assert_eq!(
        show("%{+Q}hrl %hrl %hsl"),
        "\"a#7C#22#23\" \"\" a#7C#22#23 - -"
    );
    assert_eq!(
        show("%[str(abcdefghij),capture-req(1)] %[capture.req.hdr(1)]"),
        "abcdefghij abcdefgh"
    );
    assert_eq!(
        show("%[str(x),capture-res(0)] %hs %[str(x),capture-res(1)]"),
        "x {x} -"
    );
    assert_eq!(
        show("%[capture.req.method] %[capture.req.uri] %[capture.req.ver] %[capture.res.ver]"),
        "GET /a/b?c=d HTTP/1.1 -"
    );
    assert_eq!(show("%ID %[unique-id]"), "- -");
}

#[test]
fn json_and_cbor() {
    assert_eq!(
        log("%{+json}o %(a)ST x %(b:str)ST %(c)[str(q)] %(d)hr %CC"),
        r#"{"a": 200, "b": "200", "c": "q", "d": null}"#
    );
    assert_eq!(
        log("%{+cbor}o %(a)ST %(b)[int(-500)]"),
        "BF616118C861623901F3FF"
    );
    assert_eq!(log("%{+json}HU %{+cbor}[int(4)]"), "\"/a/b?c=d\" 04");
}
