//! What must hold for any bytes at all. The fuzz targets, the corpus replay and the property tests share this file.

use hapax_proto::h1::chunk::{Decoder, Encoder, write_last};
use hapax_proto::h1::{
    Fault, Limits, Parse, Scan, head_len, parse_request, parse_response, write_head,
};
use hapax_proto::h2::{Config, Connection, PREFACE, Role};
use hapax_proto::http::{Head, Kind};

fn parse(
    kind: Kind,
    bytes: &[u8],
    head: &mut Head,
    scan: &mut Scan,
    limits: &Limits,
) -> Result<Parse, Fault> {
    match kind {
        Kind::Request => parse_request(bytes, head, scan, limits),
        Kind::Response => parse_response(bytes, head, scan, limits),
    }
}

/// A head reads the same however its bytes arrive, and what is written of it reads as itself.
pub fn head(kind: Kind, bytes: &[u8]) {
    for relaxed in [false, true] {
        let limits = Limits {
            relaxed,
            ..Limits::default()
        };
        let (mut whole, mut scan) = (Head::new(), Scan::default());
        let expected = parse(kind, bytes, &mut whole, &mut scan, &limits);
        let written = written(&whole, expected);
        for first in splits(bytes.len()) {
            let (mut head, mut scan) = (Head::new(), Scan::default());
            let mut parsed = parse(kind, &bytes[..first], &mut head, &mut scan, &limits);
            if parsed == Ok(Parse::Partial) {
                parsed = parse(kind, bytes, &mut head, &mut scan, &limits);
            }
            assert_eq!(parsed, expected, "split at {first}");
            assert_eq!(self::written(&head, parsed), written, "split at {first}");
        }
        if let Some(written) = written {
            again(kind, &written, &limits);
        }
    }
}

fn written(head: &Head, parsed: Result<Parse, Fault>) -> Option<Vec<u8>> {
    let Ok(Parse::Complete { .. }) = parsed else {
        return None;
    };
    let mut out = Vec::new();
    write_head(head, &mut out);
    assert_eq!(out.len(), head_len(head));
    Some(out)
}

/// What one hop sends, the next one accepts and sends unchanged. What only relaxed limits let in may be refused for
/// what it leads to (a 1.0 body, for one), but never read as something else.
fn again(kind: Kind, sent: &[u8], limits: &Limits) {
    let (mut head, mut scan) = (Head::new(), Scan::default());
    let parsed = parse(kind, sent, &mut head, &mut scan, limits);
    match written(&head, parsed) {
        Some(twice) => assert_eq!(
            String::from_utf8_lossy(&twice),
            String::from_utf8_lossy(sent)
        ),
        None => assert!(
            limits.relaxed,
            "{parsed:?} for {:?}",
            String::from_utf8_lossy(sent)
        ),
    }
}

/// A chunked body gives the same data however its bytes arrive, and what the encoder makes of it decodes to the same.
pub fn chunks(bytes: &[u8]) {
    let expected = decode(&[bytes]);
    for first in splits(bytes.len()) {
        assert_eq!(
            decode(&[&bytes[..first], &bytes[first..]]),
            expected,
            "split at {first}"
        );
    }
    if let Ok((data, true, trailers)) = expected {
        let mut out = Vec::new();
        let mut encoder = Encoder::default();
        encoder.announce(data.len() as u64);
        encoder.put(&data, &mut out);
        out.extend_from_slice(&trailers);
        assert_eq!(decode(&[&out]), Ok((data, true, trailers)));
    }
}

fn decode(parts: &[&[u8]]) -> Result<(Vec<u8>, bool, Vec<u8>), Fault> {
    let (mut decoder, limits) = (Decoder::new(), Limits::default());
    let (mut buffer, mut data) = (Vec::new(), Vec::new());
    for part in parts {
        buffer.extend_from_slice(part);
        let progress = decoder.advance(&buffer, &limits)?;
        progress
            .data
            .iter()
            .for_each(|range| data.extend_from_slice(&buffer[range.clone()]));
        buffer.drain(..progress.consumed);
    }
    let mut trailers = Vec::new();
    if decoder.is_done() {
        write_last(decoder.trailers(), &mut trailers);
    }
    Ok((data, decoder.is_done(), trailers))
}

/// Every position of short input, some of long input.
fn splits(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by(length / 400 + 1)
}

/// Frames of any kind, taken at once or in pieces, lead to the same end, and nothing that is held grows without bound.
pub fn frames(role: Role, bytes: &[u8]) {
    let mut config = Config::new(role);
    config.max_streams = 10;
    let mut whole = connection(config);
    whole.receive(bytes);
    for piece in [1, 7] {
        let mut other = connection(config);
        bytes.chunks(piece).for_each(|piece| other.receive(piece));
        assert_eq!(other.failure(), whole.failure());
        assert_eq!(other.streams(), whole.streams());
        assert_eq!(other.output().pending(), whole.output().pending());
    }
    assert!(whole.streams() <= 10);
    assert!(whole.output().waiting() <= 1000 + bytes.len() * 4);
}

fn connection(config: Config) -> Connection {
    let mut connection = Connection::new(config);
    if config.role == Role::Server {
        connection.receive(PREFACE);
    }
    connection.receive(b"\0\0\0\x04\0\0\0\0\0");
    if config.role == Role::Client {
        connection.open_stream();
    }
    connection
}
