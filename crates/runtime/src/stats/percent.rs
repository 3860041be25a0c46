//! Percent encoding in queries and forms of the statistics.

use std::borrow::Cow;

/// Replaces `%XX`; none when what follows a `%` is no number.
pub fn decode(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.contains(&b'%') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let value = digit(digits[0])? * 16 + digit(digits[1])?;
        out.push(u8::try_from(value).ok()?);
        rest = after;
    }
    Some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn what_is_no_number_is_refused() {
        assert_eq!(decode(b"%41%62=%7e").as_deref(), Some(&b"Ab=~"[..]));
        assert_eq!(decode(b"a%4"), None);
        assert_eq!(decode(b"a%zz"), None);
        assert_eq!(decode(b"a%+4"), None);
    }
}
