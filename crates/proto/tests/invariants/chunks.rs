//! What must hold for the bytes of any chunked body. The fuzz target, the corpus replay and the property tests share this
//! file.

use hapax_proto::h1::chunk::{Decoder, Encoder, write_last};
use hapax_proto::h1::{Fault, Limits};

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
