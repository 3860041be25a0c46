//! Two connections talk to each other; then one of them says what it must not.

use std::task::{Context, Poll, Waker};

use super::*;
use crate::h2::frame::flag;
use crate::http::Name;

fn pair() -> (Connection, Connection) {
    let client = Connection::new(Config::new(super::Role::Client));
    (client, Connection::new(Config::new(super::Role::Server)))
}

/// Passes bytes on until nobody has any.
fn talk(one: &mut Connection, other: &mut Connection) {
    for _ in 0..100 {
        for turn in 0..2 {
            let (from, to) = if turn == 0 {
                (&mut *one, &mut *other)
            } else {
                (&mut *other, &mut *one)
            };
            let bytes = from.output().pending().to_vec();
            from.sent(bytes.len());
            // In odd pieces, so that nothing depends on how they come.
            bytes.chunks(7).for_each(|piece| to.receive(piece));
        }
    }
}

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn request(body: bool) -> Head {
    let mut head = Head::new();
    head.start_request(b"POST", b"http://h/a?b", b"HTTP/1.1");
    head.add(b"host", b"h");
    head.add(b"x-own", b"1");
    head.add(b"connection", b"close");
    if !body {
        head.set_method(b"GET");
    }
    head
}

fn read(connection: &mut Connection, id: u32) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    loop {
        let mut piece = [0; 1000];
        match connection.poll_read(id, &mut cx(), &mut piece) {
            Poll::Ready(Ok(0)) => return Ok(all),
            Poll::Ready(Ok(count)) => all.extend_from_slice(&piece[..count]),
            Poll::Ready(Err(broken)) => return Err(broken.0.code.to_string()),
            Poll::Pending => return Err(format!("{} bytes", all.len())),
        }
    }
}

#[test]
fn a_request_and_its_response() {
    let (mut client, mut server) = pair();
    talk(&mut client, &mut server);
    let id = client.open_stream().expect("a stream");
    client.send_head(id, &request(true));
    let sent = client.poll_write(id, &mut cx(), b"ab", b"c");
    assert!(matches!(sent, Poll::Ready(Ok(3))));
    client.finish(id);
    talk(&mut client, &mut server);
    assert_eq!(server.next_opened(), Some(1));
    let mut head = Head::new();
    assert!(server.poll_head(1, &mut cx(), &mut head).is_ready());
    assert_eq!(head.uri(), b"http://h/a?b");
    assert_eq!(head.sent_uri(), b"/a?b");
    assert_eq!(head.get(Name::Host), Some(&b"h"[..]));
    assert_eq!(head.find(b"x-own"), Some(&b"1"[..]));
    assert!(head.get(Name::Connection).is_none());
    assert_eq!(read(&mut server, 1), Ok(b"abc".to_vec()));
    let mut answer = Head::new();
    answer.start_response(b"HTTP/1.1", 200, b"OK");
    answer.add(b"x", b"y");
    server.send_head(1, &answer);
    server.finish(1);
    server.release(1, Code::Cancel);
    talk(&mut client, &mut server);
    assert!(client.poll_head(id, &mut cx(), &mut head).is_ready());
    assert_eq!((head.status(), head.find(b"x")), (200, Some(&b"y"[..])));
    assert_eq!(read(&mut client, id), Ok(Vec::new()));
    client.release(id, Code::Cancel);
    assert_eq!((client.streams(), server.streams()), (0, 0));
    assert_eq!((client.failure(), server.failure()), (None, None));
}

#[test]
fn windows_hold_back_and_let_go() {
    let (mut client, mut server) = pair();
    talk(&mut client, &mut server);
    let id = client.open_stream().expect("a stream");
    client.send_head(id, &request(true));
    let body = vec![b'x'; 5_000_000];
    let (mut sent, mut got) = (0, 0);
    for _ in 0..10_000 {
        while let Poll::Ready(Ok(count)) = client.poll_write(id, &mut cx(), &body[sent..], b"") {
            sent += count;
            if sent == body.len() {
                client.finish(id);
                break;
            }
        }
        talk(&mut client, &mut server);
        assert!(sent - got <= 1_600_000, "more than there is room for");
        let mut piece = vec![0; 100_000];
        while let Poll::Ready(Ok(count)) = server.poll_read(1, &mut cx(), &mut piece) {
            got += count;
            if count == 0 {
                assert_eq!(got, body.len());
                assert!(client.stream(id).is_some());
                return;
            }
        }
    }
    panic!("{sent} sent, {got} came");
}

#[test]
fn trailers_pass() {
    let (mut client, mut server) = pair();
    let id = client.open_stream().expect("a stream");
    client.send_head(id, &request(true));
    let mut trailers = Head::new();
    trailers.add(b"a", b"b");
    client.send_trailers(id, &trailers);
    talk(&mut client, &mut server);
    assert_eq!(read(&mut server, 1), Ok(Vec::new()));
    let came = server.stream(1).and_then(|stream| stream.trailers.as_ref());
    assert_eq!(came.and_then(|head| head.find(b"a")), Some(&b"b"[..]));
}

#[test]
fn long_heads_go_on_in_further_frames() {
    let (mut client, mut server) = pair();
    talk(&mut client, &mut server);
    let id = client.open_stream().expect("a stream");
    let mut head = request(false);
    let value = vec![b'v'; 9000];
    head.add(b"one", &value);
    client.send_head(id, &head);
    client.finish(id);
    talk(&mut client, &mut server);
    assert_eq!(server.next_opened(), Some(1));
    server.send_head(1, &{
        let mut answer = Head::new();
        answer.start_response(b"HTTP/1.1", 200, b"OK");
        for _ in 0..5 {
            answer.add(b"one", &value);
        }
        answer
    });
    // The client takes no block that large, and says so.
    talk(&mut client, &mut server);
    assert_eq!(client.failure(), Some(Code::Internal));
}

/// Kind, flags, stream and payload.
type Frame<'a> = (u8, u8, u32, &'a [u8]);

#[test]
fn many_continuations_are_odd() {
    for (count, glitches) in [(2, 0), (4, 0), (5, 1), (16, 1), (17, 2), (33, 3)] {
        let mut frames = vec![(kind::HEADERS, 1, 1, GET)];
        frames.resize(count, (kind::CONTINUATION, 0, 1, b"".as_slice()));
        frames.push((kind::CONTINUATION, 4, 1, b""));
        let mut server = server_after(&frames);
        assert_eq!(
            (server.next_opened(), server.glitches()),
            (Some(1), glitches)
        );
        let stream = server.stream(1);
        assert!(stream.is_some_and(|stream| stream.reset.is_none()));
    }
}

#[test]
fn streams_that_were_broken_off_leave_their_place() {
    let mut frames = Vec::new();
    for id in (1..400).step_by(2) {
        frames.push((kind::HEADERS, 5, id, GET));
        frames.push((kind::RST_STREAM, 0, id, b"\0\0\0\x08".as_slice()));
    }
    let mut server = server_after(&frames);
    assert_eq!(std::iter::from_fn(|| server.next_opened()).count(), 200);
    assert_eq!(server.glitches(), 200);
    assert_eq!(server.failure(), None);
}

fn server_after(frames: &[Frame<'_>]) -> Connection {
    let mut server = Connection::new(Config::new(super::Role::Server));
    let mut bytes = PREFACE.to_vec();
    write(&mut bytes, kind::SETTINGS, 0, 0, &[]);
    for (what, flags, stream, payload) in frames {
        write(&mut bytes, *what, *flags, *stream, payload);
    }
    server.receive(&bytes);
    server
}

const GET: &[u8] = b"\x82\x84\x86";
const ENDS: u8 = flag::END_HEADERS | flag::END_STREAM;

#[test]
fn frames_that_end_the_connection() {
    let cases: &[(Code, &[Frame<'_>])] = &[
        (Code::FrameSize, &[(kind::SETTINGS, 0, 0, b"abcde")]),
        (Code::Protocol, &[(kind::SETTINGS, 0, 1, b"")]),
        (Code::FrameSize, &[(kind::PING, 0, 0, b"abc")]),
        (Code::Protocol, &[(kind::PING, 0, 1, b"abcdefgh")]),
        (Code::Protocol, &[(kind::DATA, 0, 1, b"abc")]),
        (Code::Protocol, &[(kind::HEADERS, ENDS, 2, GET)]),
        (Code::Protocol, &[(kind::CONTINUATION, ENDS, 1, GET)]),
        (Code::Protocol, &[(kind::PUSH_PROMISE, 4, 1, b"abcd")]),
        (Code::Protocol, &[(kind::RST_STREAM, 0, 1, b"abcd")]),
        (Code::Protocol, &[(kind::WINDOW_UPDATE, 0, 0, &[0; 4])]),
        (
            Code::FlowControl,
            &[(kind::WINDOW_UPDATE, 0, 0, &[0xff; 4])],
        ),
        (Code::Compression, &[(kind::HEADERS, ENDS, 1, b"\x80")]),
        (
            Code::Protocol,
            &[(kind::HEADERS, 1, 1, GET), (kind::PING, 0, 0, b"abcdefgh")],
        ),
        (
            Code::StreamClosed,
            &[(kind::HEADERS, ENDS, 3, GET), (kind::HEADERS, ENDS, 1, GET)],
        ),
        (Code::FrameSize, &[(77, 0, 0, &[0; 16_385])]),
    ];
    for (code, frames) in cases {
        let server = server_after(frames);
        assert_eq!(server.failure(), Some(*code), "{frames:?}");
    }
    let mut server = Connection::new(Config::new(super::Role::Server));
    server.receive(b"GET / HTTP/1.1\r\n");
    assert_eq!(server.failure(), Some(Code::Protocol));
}

#[test]
fn frames_that_end_the_stream() {
    let length = b"\x83\x84\x86\x0f\x0d\x013";
    let cases: &[(Code, &[Frame<'_>])] = &[
        (
            Code::Protocol,
            &[(kind::HEADERS, 4, 1, length), (kind::DATA, 1, 1, b"ab")],
        ),
        (
            Code::Protocol,
            &[(kind::HEADERS, 4, 1, length), (kind::DATA, 1, 1, b"abcd")],
        ),
        (
            Code::StreamClosed,
            &[(kind::HEADERS, ENDS, 1, GET), (kind::DATA, 1, 1, b"abcd")],
        ),
        (
            Code::FlowControl,
            &[
                (kind::HEADERS, 4, 1, GET),
                (kind::WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff]),
            ],
        ),
    ];
    for (code, frames) in cases {
        let mut server = server_after(frames);
        assert_eq!(server.failure(), None, "{frames:?}");
        let reset = server.stream(1).and_then(|stream| stream.reset);
        assert_eq!(reset.map(|reset| reset.code), Some(*code), "{frames:?}");
    }
}

#[test]
fn heads_that_are_no_messages_never_become_streams() {
    for head in [&b"\x82"[..], b"\x83\x84\x86\x0f\x0d\x013"] {
        let mut server = server_after(&[(kind::HEADERS, ENDS, 1, head)]);
        assert_eq!((server.streams(), server.next_opened()), (0, None));
        assert_eq!(server.tally.resets_sent, 1);
        assert_eq!(server.failure(), None);
    }
}

#[test]
fn only_so_many_streams_and_so_much_output() {
    let mut frames = Vec::new();
    for index in 0..150 {
        frames.push((kind::HEADERS, ENDS, index * 2 + 1, GET));
    }
    let mut server = server_after(&frames);
    assert_eq!(server.streams(), 100);
    assert!(server.failure().is_none());
    let mut ping = Vec::new();
    write(&mut ping, kind::PING, 0, 0, &[0; 8]);
    let mut pings = 0;
    while !server.is_flooded() {
        server.receive(&ping);
        pings += 1;
        assert!(pings < 10_000);
    }
}

#[test]
fn who_leaves_has_not_seen_streams_above_its_last() {
    let (mut client, mut server) = pair();
    assert_eq!(
        (client.open_stream(), client.open_stream()),
        (Some(1), Some(3))
    );
    talk(&mut client, &mut server);
    let mut goaway = Vec::new();
    write(&mut goaway, kind::GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]);
    client.receive(&goaway);
    let reset = |client: &mut Connection, id| client.stream(id).and_then(|stream| stream.reset);
    assert_eq!(reset(&mut client, 1), None);
    let unseen = reset(&mut client, 3).map(|reset| (reset.code, reset.by_peer));
    assert_eq!(unseen, Some((Code::RefusedStream, true)));
    assert!(!client.has_place() && client.open_stream().is_none());
}

#[test]
fn streams_are_opened_within_the_limits_of_both_sides() {
    let mut config = Config::new(super::Role::Client);
    config.max_streams = 2;
    let mut client = Connection::new(config);
    assert!(client.open_stream().is_some());
    let mut settings = Vec::new();
    crate::h2::settings::announce(&mut settings, &[(crate::h2::settings::MAX_STREAMS, 1)]);
    client.receive(&settings);
    assert!(!client.has_place());
    client.release(1, Code::Cancel);
    assert!(client.has_place());
}
