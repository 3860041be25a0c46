//! Comma-separated field values, read as the `hdr` fetches read them.

/// The values of one line, without surrounding blanks. A comma inside a quoted string does not separate; a backslash
/// there protects the next byte. An empty line gives one empty value.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Values<'a> {
    /// Splits `line`.
    pub fn new(line: &'a [u8]) -> Values<'a> {
        Values { rest: Some(line) }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let end = value_end(rest);
        self.rest = rest.get(end + 1..);
        Some(trim(&rest[..end]))
    }
}

/// The first value of `line` and how many bytes it and its comma take; more than `line` has when it is the last one.
pub fn first_value(line: &[u8]) -> (&[u8], usize) {
    let end = value_end(line);
    (trim(&line[..end]), end + 1)
}

/// The non-empty comma-separated tokens of `line`, for fields that hold plain tokens like `connection`.
pub fn tokens(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b',')
        .map(trim)
        .filter(|token| !token.is_empty())
}

fn value_end(line: &[u8]) -> usize {
    let found = match line.len() {
        // What a search has to prepare is worth more than a short line.
        ..SHORT => line.iter().position(|byte| matches!(byte, b',' | b'"')),
        _ => memchr::memchr2(b',', b'"', line),
    };
    match found {
        None => line.len(),
        Some(at) if line[at] == b',' => at,
        Some(_) => quoted_end(line),
    }
}

/// Shorter lines are looked at byte by byte.
const SHORT: usize = 32;

/// The same where quotes come first.
fn quoted_end(line: &[u8]) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (index, &byte) in line.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return index,
            _ => {}
        }
    }
    line.len()
}

pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_blanks() {
        let values: Vec<_> = Values::new(b" a , \"b,\\\",c\" ,, d").collect();
        assert_eq!(values, [&b"a"[..], b"\"b,\\\",c\"", b"", b"d"]);
        assert_eq!(Values::new(b"").count(), 1);
        assert_eq!(Values::new(b"a,").count(), 2);
    }

    #[test]
    fn plain_tokens() {
        let found: Vec<_> = tokens(b"close,, Upgrade\t,").collect();
        assert_eq!(found, [&b"close"[..], b"Upgrade"]);
    }
}
