//! Which byte may stand where, as one table.

/// Bytes of a token: methods and field names (RFC 9110 5.6.2).
pub(super) const NAME: u8 = 1;
/// Bytes of a request target that need no further look: 33 to 126 without `#`.
pub(super) const URI: u8 = 2;
/// Bytes of a version: capital letters, digits, `/` and `.`.
pub(super) const VERSION: u8 = 4;

pub(super) fn is(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// The first position from `at` on whose byte is not of `class`, or the end.
pub(super) fn run_of(bytes: &[u8], at: usize, class: u8) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest
        .iter()
        .position(|&byte| !is(byte, class))
        .unwrap_or(rest.len())
}

static CLASSES: [u8; 256] = {
    let mut classes = [0u8; 256];
    let mut byte = 33usize;
    while byte < 127 {
        let letter = byte as u8;
        if letter.is_ascii_alphanumeric() || is_token_mark(letter) {
            classes[byte] |= NAME;
        }
        if letter != b'#' {
            classes[byte] |= URI;
        }
        if letter.is_ascii_uppercase()
            || letter.is_ascii_digit()
            || letter == b'/'
            || letter == b'.'
        {
            classes[byte] |= VERSION;
        }
        byte += 1;
    }
    classes
};

const fn is_token_mark(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    )
}
