//! What must hold for the bytes of any frames. The fuzz targets of both roles and the corpus replay share this file.

use std::task::{Context, Poll, Waker};

use hapax_proto::h1::write_head;
use hapax_proto::h2::frame::{FrameHead, HEAD, kind};
use hapax_proto::h2::{Config, Connection, PREFACE, Role};
use hapax_proto::http::{Head, Kind};

/// Frames of any kind, taken at once or in pieces, lead to the same messages and the same end, and nothing that is held grows
/// without bound.
pub fn frames(role: Role, bytes: &[u8]) {
    let mut config = Config::new(role);
    config.max_streams = 10;
    let mut whole = connection(config);
    whole.receive(bytes);
    assert!(whole.streams() <= 10);
    assert!(whole.output().waiting() <= 1000 + bytes.len() * 4);
    let expected = outcome(&mut whole);
    for piece in [1, 7] {
        let mut other = connection(config);
        bytes.chunks(piece).for_each(|piece| other.receive(piece));
        assert_eq!(outcome(&mut other), expected, "in pieces of {piece}");
    }
}

fn connection(config: Config) -> Connection {
    let mut connection = Connection::new(config);
    if config.role == Role::Server {
        connection.receive(PREFACE);
    }
    connection.receive(b"\0\0\0\x04\0\0\0\0\0");
    if config.role == Role::Client {
        for id in [1, 3, 5] {
            assert_eq!(connection.open_stream(), Some(id));
            connection.send_head(id, &Head::new());
        }
        connection.finish(1);
        connection.release(5, hapax_proto::h2::Code::Cancel);
    }
    connection
}

/// Frames but those that open windows: when that is said depends on what came at once.
fn without_windows(mut said: &[u8]) -> Vec<u8> {
    let mut left = Vec::new();
    if said.starts_with(PREFACE) {
        said = &said[PREFACE.len()..];
    }
    while let Some((head, rest)) = said.split_first_chunk::<HEAD>() {
        let frame = FrameHead::read(head);
        let (payload, rest) = rest.split_at(frame.length as usize);
        if frame.kind != kind::WINDOW_UPDATE {
            left.extend_from_slice(head);
            left.extend_from_slice(payload);
        }
        said = rest;
    }
    assert_eq!(said, b"", "whole frames are said");
    left
}

/// What is said, how it ended, and what was read: heads as they are passed on, then the body.
fn outcome(connection: &mut Connection) -> (Vec<u8>, Option<u32>, usize, Vec<Vec<u8>>) {
    let said = without_windows(connection.output().pending());
    let failure = connection.failure().map(|code| code as u32);
    let (streams, role) = (connection.streams(), connection.role());
    let mut read = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    let ids: Vec<_> = match role {
        Role::Server => std::iter::from_fn(|| connection.next_opened()).collect(),
        Role::Client => vec![1, 3],
    };
    for id in ids {
        let mut head = Head::new();
        while let Poll::Ready(Ok(fault)) = connection.poll_head(id, &mut cx, &mut head) {
            let right = match role {
                Role::Server => Kind::Request,
                Role::Client => Kind::Response,
            };
            assert_eq!(head.kind(), right);
            let mut written = Vec::new();
            write_head(&head, &mut written);
            written.extend_from_slice(format!("{fault:?}").as_bytes());
            read.push(written);
        }
        let mut body = vec![0; 65_536];
        while let Poll::Ready(Ok(count @ 1..)) = connection.poll_read(id, &mut cx, &mut body) {
            read.push(body[..count].to_vec());
        }
        connection.release(id, hapax_proto::h2::Code::Cancel);
    }
    assert!(role == Role::Server || connection.streams() == 0);
    (said, failure, streams, read)
}
