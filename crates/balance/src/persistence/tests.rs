//! Tests of persistence cookies; the outcomes are those of HAProxy 3.2 for the same lines.

use hapax_core::ir;
use hapax_core::keyword::Sections;

use super::*;
use crate::farm::tests::backend;
use crate::section::tests::read;

const NOW: u64 = 1_795_182_228;

fn cookie(words: &str) -> Cookie {
    let mut proxy = backend(&[1], |_| {}).0;
    read(
        &format!("cookie SRV {words}"),
        &mut proxy,
        Sections::BACKEND,
    )
    .expect("accepted");
    proxy.cookie.clone().expect("set")
}

fn servers() -> Servers {
    let (_, live) = backend(&[1, 1, 1], |proxy| {
        for (server, value) in proxy.servers.iter_mut().zip(["A", "B", "C"]) {
            server.options.cookie = Some(value.into());
        }
        proxy.servers[2].options.disabled = true;
    });
    live.servers.clone()
}

/// Plays one exchange: the log's letters, the cookies the server sees and the lines the client gets.
fn play(words: &str, request: &[&str], response: &[(&str, &str)]) -> (String, String, String) {
    exchange(words, "GET", request, response)
}

fn exchange(
    words: &str,
    method: &str,
    request: &[&str],
    response: &[(&str, &str)],
) -> (String, String, String) {
    let (cookie, servers) = (cookie(words), servers());
    let mut head = Head::new();
    head.start_request(method.as_bytes(), b"/", b"HTTP/1.1");
    for line in request {
        head.add(b"cookie", line.as_bytes());
    }
    let found = read_request(&cookie, &servers, Regard::Running, &mut head, NOW);
    let mut answer = Head::new();
    answer.start_response(b"HTTP/1.1", 200, b"OK");
    for (name, value) in response {
        answer.add(name.as_bytes(), value.as_bytes());
    }
    let server = &servers[found.server.unwrap_or(0)];
    let state = write_response(&cookie, &found, server, method.as_bytes(), &mut answer, NOW);
    let letters = [found.state.letter(), state.letter()];
    let lines = |head: &Head| {
        let lines = head
            .iter()
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        lines.collect::<Vec<_>>().join("|| ")
    };
    (
        String::from_utf8_lossy(&letters).into_owned(),
        lines(&head),
        lines(&answer),
    )
}

fn seen(letters: &str, server: &str, client: &str) -> (String, String, String) {
    (letters.into(), server.into(), client.into())
}

// exercises: section/cookie
// exercises: server/cookie
#[test]
fn insert_sends_a_cookie_to_those_without() {
    assert_eq!(play("insert", &[], &[]), seen("NI", "", "SRV=A; path=/"));
    assert_eq!(play("insert", &["SRV=B"], &[]), seen("VN", "SRV=B", ""));
    assert_eq!(
        play("insert", &["SRV=no; z=1"], &[]),
        seen("II", "SRV=no; z=1", "SRV=A; path=/")
    );
    assert_eq!(
        play("insert", &["SRV=C"], &[]),
        seen("DI", "SRV=C", "SRV=A; path=/")
    );
    assert_eq!(play("insert", &["a=\"x;SRV=B\"; SRV=A"], &[]).0, "VN");
    assert_eq!(play("insert", &["srv=A", "xSRV=A; SRVx=B"], &[]).0, "NI");
    assert_eq!(
        play("insert", &["SRV=A|Yabcd|Y123"], &[]),
        seen("VU", "SRV=A|Yabcd|Y123", "SRV=A; path=/")
    );
    let set = [
        ("set-cookie", "a=b"),
        ("set-cookie", "SRV=app; path=/; Foo"),
    ];
    assert_eq!(
        play("insert", &[], &set),
        seen("NI", "", "a=b|| SRV=A; path=/")
    );
    assert_eq!(play("insert", &["SRV=A"], &set), seen("VD", "SRV=A", "a=b"));
    assert_eq!(
        play("insert preserve", &[], &set),
        seen("NP", "", "a=b|| SRV=app; path=/; Foo")
    );
}

#[test]
fn insert_carries_the_attributes_of_the_line() {
    assert_eq!(
        play(
            "insert httponly secure domain .a.b domain c.d attr X=1 attr Y",
            &[],
            &[]
        )
        .2,
        "SRV=A; path=/; domain=.a.b; domain=c.d; HttpOnly; Secure; X=1; Y"
    );
    assert_eq!(exchange("insert postonly", "GET", &[], &[]).0, "NN");
    assert_eq!(exchange("insert postonly", "POST", &[], &[]).0, "NI");
    let age = [("cache-control", "max-age=10")];
    assert_eq!(
        play("insert nocache", &[], &age).2,
        "max-age=10|| SRV=A; path=/|| private"
    );
    assert_eq!(play("insert nocache", &[], &[]).2, "SRV=A; path=/");
}

#[test]
fn indirect_takes_the_cookie_out_of_the_request() {
    let server_sees = |lines: &[&str]| play("insert indirect", lines, &[]).1;
    assert_eq!(server_sees(&["SRV=A"]), "");
    assert_eq!(server_sees(&["x=1; SRV=A; y=2"]), "x=1; y=2");
    assert_eq!(server_sees(&["SRV = A ;y=3"]), "y=3");
    assert_eq!(server_sees(&["a=1; SRV=A", "b=2"]), "a=1|| b=2");
    assert_eq!(server_sees(&["$Version=1; SRV=A; $Path=/"]), "");
    assert_eq!(server_sees(&["SRV=A,b=2"]), "b=2");
    let set = [("set-cookie", "SRV=app")];
    assert_eq!(play("indirect", &["SRV=A"], &set), seen("VD", "SRV=A", ""));
    assert_eq!(play("indirect", &[], &set), seen("NP", "", "SRV=app"));
}

#[test]
fn rewrite_and_prefix_change_the_server_cookie() {
    let set = [("set-cookie", "SRV=app; path=/")];
    assert_eq!(
        play("rewrite", &["SRV=B"], &set),
        seen("VR", "SRV=B", "SRV=B; path=/")
    );
    assert_eq!(play("rewrite", &[], &[]), seen("NN", "", ""));
    assert_eq!(
        play("prefix", &["SRV=B~x; b=2"], &set),
        seen("VR", "SRV=x; b=2", "SRV=B~app; path=/")
    );
    assert_eq!(
        play("prefix", &["SRV=no~app"], &[]),
        seen("IN", "SRV=app", "")
    );
    assert_eq!(play("prefix", &["SRV=B~"], &[]), seen("VN", "SRV=", ""));
    assert_eq!(
        play("", &["SRV=A"], &set),
        seen("--", "SRV=A", "SRV=app; path=/")
    );
}

#[test]
fn dates_bound_the_use_of_a_cookie() {
    let both = |value: &str| play("insert maxidle 30m maxlife 8h", &[value], &[]);
    assert_eq!(both("SRV=A").2, "SRV=A|awBOl|awBOl; path=/");
    assert_eq!(both("SRV=A|awBOl|awBOl").0, "VN");
    assert_eq!(both("SRV=A|awBOM|awBKr").2, "SRV=A|awBOl|awBKr; path=/");
    assert_eq!(both("SRV=A||awBOM").2, "SRV=A|awBOl|awBOM; path=/");
    assert_eq!(both("SRV=A|awBHi|awBHK").0, "EI");
    assert_eq!(both("SRV=A|awBOM|av/eC").0, "OI");
    assert_eq!(both("SRV=A|awGuJ|awBOl").0, "EI");
    assert_eq!(both("SRV=A|awBOl|awGuJ").0, "OI");
    assert_eq!(both("SRV=A|awGHF|awGHF").0, "VN");
    assert_eq!(both("SRV=A|bad").0, "VU");
    let idle = |value: &str| play("insert maxidle 30m", &[value], &[]);
    assert_eq!(idle("SRV=A|awBOl").0, "VN");
    assert_eq!(idle("SRV=A|awBOl|awBOl").2, "SRV=A|awBOl; path=/");
    let life = |value: &str| play("insert maxlife 8h", &[value], &[]);
    assert_eq!(life("SRV=A|awBHi|awBHK").2, "SRV=A|awBOl|awBHK; path=/");
    assert_eq!(life("SRV=A||awBOM").0, "VN");
    assert_eq!(life("SRV=A|awBOM|av/eC").0, "OI");
}

#[test]
fn a_server_without_a_cookie_ends_persistence() {
    let (_, live) = backend(&[1], |_| {});
    let mut answer = Head::new();
    answer.start_response(b"HTTP/1.1", 200, b"OK");
    let state = write_response(
        &cookie("insert"),
        &Found::default(),
        &live.servers[0],
        b"GET",
        &mut answer,
        NOW,
    );
    assert_eq!(state, ResponseCookie::Inserted);
    assert_eq!(
        answer.find(b"set-cookie"),
        Some(&b"SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/"[..])
    );
}

#[test]
fn wrong_lines_are_refused() {
    let mut proxy: ir::Proxy = backend(&[1], |_| {}).0;
    for (line, message) in [
        ("cookie", "'cookie' expects <cookie_name> as argument."),
        (
            "cookie A rewrite insert",
            "cookie 'rewrite', 'insert' and 'prefix' modes are incompatible.",
        ),
        (
            "cookie A prefix preserve",
            "cookie 'preserve' requires at least 'insert' or 'indirect'.",
        ),
        (
            "cookie A insert maxidle",
            "'maxidle' expects <idletime> in seconds as argument.",
        ),
        (
            "cookie A insert maxidle x",
            "unexpected character 'x' in argument to <maxidle>.",
        ),
        (
            "cookie A insert attr a;b",
            "character '%x3B' is not permitted in attribute value.",
        ),
        (
            "cookie A insert domain a;b.c",
            "character ';' is not permitted in domain name 'a;b.c'.",
        ),
    ] {
        assert_eq!(
            read(line, &mut proxy, Sections::BACKEND),
            Err(message.into()),
            "{line}"
        );
    }
}
