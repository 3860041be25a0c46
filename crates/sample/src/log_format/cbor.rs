//! The bytes of CBOR (RFC 8949) that log formats are made of.

/// Begins a map of unknown length.
pub(super) const MAP: u8 = 0xbf;

/// Begins an array of unknown length.
pub(super) const ARRAY: u8 = 0x9f;

/// Ends what has no known length.
pub(super) const BREAK: u8 = 0xff;

/// Nothing.
pub(super) const NULL: u8 = 0xf6;

/// True or false.
pub(super) fn boolean(yes: bool) -> u8 {
    0xf4 + u8::from(yes)
}

/// Appends an integer.
pub(super) fn int(number: i64, out: &mut Vec<u8>) {
    match u64::try_from(number) {
        Ok(number) => head(0x00, number, out),
        // -1 is stored as 0.
        Err(_) => head(0x20, !number as u64, out),
    }
}

/// Appends a text whose length is known.
pub(super) fn text(text: &[u8], out: &mut Vec<u8>) {
    head(0x60, text.len() as u64, out);
    out.extend_from_slice(text);
}

/// Appends bytes, as a single piece of what has no known length.
pub(super) fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(0x5f);
    head(0x40, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
    out.push(BREAK);
}

/// Appends a text in pieces, as upstream makes them: each `#XX` is one behind what stands before it, be it nothing, and with
/// `braces` each of `{|}`.
pub(super) fn chunks(all: &[u8], braces: bool, out: &mut Vec<u8>) {
    out.push(0x7f);
    let mut rest = all;
    let mut behind_run = false;
    while let Some(first) = rest.first() {
        let apart = |byte: &u8| *byte == b'#' || (braces && b"{|}".contains(byte));
        let length = match first {
            b'#' => rest.len().min(3),
            byte if apart(byte) => 1,
            _ => rest.iter().position(apart).unwrap_or(rest.len()),
        };
        let (piece, behind) = rest.split_at(length);
        if *first == b'#' && !behind_run {
            text(b"", out);
        }
        behind_run = !apart(first);
        text(piece, out);
        rest = behind;
    }
    out.push(BREAK);
}

fn head(major: u8, number: u64, out: &mut Vec<u8>) {
    match number {
        0..24 => out.push(major | number as u8),
        24..0x100 => out.extend_from_slice(&[major | 24, number as u8]),
        0x100..0x1_0000 => {
            out.push(major | 25);
            out.extend_from_slice(&(number as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(major | 26);
            out.extend_from_slice(&(number as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}
