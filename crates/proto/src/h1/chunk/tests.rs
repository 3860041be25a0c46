//! Chunked bodies as the reference took or refused them, and what it sent on.

use super::*;

/// What is sent on for `parts`, received one after the other.
fn pass(parts: &[&[u8]]) -> Result<String, (FaultKind, usize, State)> {
    let (mut decoder, mut encoder, limits) =
        (Decoder::new(), Encoder::default(), Limits::default());
    let (mut buffer, mut out) = (Vec::new(), Vec::new());
    for part in parts {
        buffer.extend_from_slice(part);
        let progress = decoder
            .advance(&buffer, &limits)
            .map_err(|fault| (fault.kind, fault.at, fault.state))?;
        encoder.announce(progress.announced);
        for range in progress.data {
            encoder.put(&buffer[range], &mut out);
        }
        buffer.drain(..progress.consumed);
    }
    if decoder.is_done() {
        write_last(decoder.trailers(), &mut out);
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[track_caller]
fn sent(input: &str, expected: &str) {
    assert_eq!(
        pass(&[input.as_bytes()]).as_deref(),
        Ok(expected),
        "{input:?}"
    );
}

#[test]
fn sizes_and_extensions() {
    for size in [
        "2",
        "02",
        "2 ",
        "2\t ",
        "2;a",
        "2 ;a",
        "2;",
        "2;a=b;c=\"d\\\"e\"",
        "2;a\0",
        "00000000000000000000002",
    ] {
        sent(
            &format!("{size}\r\nok\r\n0\r\n\r\n"),
            "2\r\nok\r\n0\r\n\r\n",
        );
    }
    let refused = |input: &str| pass(&[input.as_bytes()]).unwrap_err();
    let size = |at| (FaultKind::BadChunkSize, at, State::ChunkSize);
    let end = |at| (FaultKind::BadChunkEnd, at, State::ChunkEnd);
    for (input, fault) in [
        ("2\nok\r\n0\r\n\r\n", size(1)),
        ("2\rok", size(2)),
        (" 2\r\nok", size(0)),
        ("2 a\r\nok", size(2)),
        ("2;a\nok", size(3)),
        ("2;a\rb", size(4)),
        ("-2\r\n", size(0)),
        ("0x2\r\n", size(1)),
        ("\r\nok", size(0)),
        ("2\r\nok\n0\r\n", end(5)),
        ("2\r\nok\rX0\r\n", end(6)),
        ("2\r\nok\r\n0\n\r\n", size(8)),
        ("10000000000000\r\n", size(13)),
        ("FFFFFFFFFFFFFFFF\r\n", size(13)),
    ] {
        assert_eq!(refused(input), fault, "{input:?}");
    }
    assert_eq!(
        pass(&[b"FFFFFFFFFFFFF\r\nok"]).as_deref(),
        Ok("FFFFFFFFFFFFF\r\nok")
    );
    let long = format!("2;{}", "a".repeat(17000));
    assert_eq!(refused(&long).0, FaultKind::ExtensionTooLong);
}

#[test]
fn chunks_that_come_together_are_merged() {
    sent(
        "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
        "14\r\n01234567890123456789\r\n0\r\n\r\n",
    );
    let split = |parts: &[&[u8]]| pass(parts).unwrap();
    assert_eq!(
        split(&[b"3\r\nab", b"c\r\n2\r\nde\r\n", b"0\r\n\r\n"]),
        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    );
    assert_eq!(
        split(&[b"3\r\nabc\r\n5\r\nde", b"fgh\r\n0\r\n\r\n"]),
        "8\r\nabcdefgh\r\n0\r\n\r\n"
    );
    assert_eq!(
        split(&[b"3\r\nabc\r\n5", b"\r\nabcde\r\n0\r\n\r\n"]),
        "3\r\nabc\r\n5\r\nabcde\r\n0\r\n\r\n"
    );
    let three: &[&[u8]] = &[
        b"3\r\nabc\r\n5\r\nde",
        b"fgh\r\n4\r\nabcd\r\n",
        b"0\r\n\r\n",
    ];
    assert_eq!(split(three), "8\r\nabcdefgh\r\n4\r\nabcd\r\n0\r\n\r\n");
}

#[test]
fn trailers() {
    sent("0\r\nA: b\r\nC:d\r\n\r\n", "0\r\na: b\r\nc: d\r\n\r\n");
    sent("0\r\n\n", "0\r\n\r\n");
    sent("0\r\nA: b\r\n c\r\n\r\n", "0\r\na: b   c\r\n\r\n");
    sent(
        "0\r\nContent-Length: 5\r\n\r\n",
        "0\r\ncontent-length: 5\r\n\r\n",
    );
    for bad in [
        "A : b\r\n",
        "Ab\r\n",
        ": b\r\n",
        "A: b\0\r\n",
        "Transfer-Encoding: x\r\n",
    ] {
        let fault = pass(&[format!("0\r\n{bad}\r\n").as_bytes()]).unwrap_err();
        assert_eq!((fault.1, fault.2), (0, State::Trailers), "{bad}");
    }
    let lines = |count: usize| format!("0\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert!(pass(&[lines(100).as_bytes()]).is_ok());
    assert_eq!(
        pass(&[lines(101).as_bytes()]).unwrap_err().0,
        FaultKind::TooManyFields
    );
}

#[test]
fn every_split_gives_the_same_bytes() {
    let input = b"3;x\r\nabc\r\n0005\r\ndefgh\r\n0\r\nA: b\r\n c\r\n\r\n";
    for first in 0..input.len() {
        let (mut decoder, limits) = (Decoder::new(), Limits::default());
        let (mut buffer, mut body) = (Vec::new(), Vec::new());
        for part in [&input[..first], &input[first..], b"next"] {
            buffer.extend_from_slice(part);
            let progress = decoder.advance(&buffer, &limits).unwrap();
            progress
                .data
                .iter()
                .for_each(|range| body.extend_from_slice(&buffer[range.clone()]));
            buffer.drain(..progress.consumed);
        }
        assert_eq!(
            (&body[..], decoder.trailers().find(b"a")),
            (&b"abcdefgh"[..], Some(&b"b   c"[..]))
        );
        assert!(decoder.is_done());
        assert_eq!(buffer, b"next");
    }
}

#[test]
fn data_moved_another_way() {
    let (mut decoder, mut encoder, mut out) = (Decoder::new(), Encoder::default(), Vec::new());
    let progress = decoder.advance(b"A\r\n01", &Limits::default()).unwrap();
    encoder.announce(progress.announced);
    encoder.put(b"01", &mut out);
    assert_eq!(
        (decoder.in_chunk(), encoder.open(), &out[..]),
        (8, 8, &b"A\r\n01"[..])
    );
    decoder.skip(8);
    assert!(encoder.skip(8));
    assert!(
        decoder
            .advance(b"\r\n0\r\n\r\n", &Limits::default())
            .unwrap()
            .done
    );
}
