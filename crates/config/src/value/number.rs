//! Integers and percentages as keywords take them.

/// The number a word starts with, as C's `strtoll` reads it: white space, a sign, digits; 0 when there is none, and the
/// nearest number when it does not fit. `weight 1x` is 1 in upstream.
pub fn leading_integer(word: &[u8]) -> i64 {
    split_integer(word).0
}

/// The number a word is, when nothing stands behind it: what strict keywords such as `maxconn` take.
pub fn whole_integer(word: &[u8]) -> Option<i64> {
    let (number, rest) = split_integer(word);
    (rest.is_empty() && rest.len() < word.len()).then_some(number)
}

/// `0%` to `100%`, as a number from 0 to 100.
pub fn percentage(word: &[u8]) -> Option<u8> {
    let number = whole_integer(word.strip_suffix(b"%")?)?;
    u8::try_from(number).ok().filter(|number| *number <= 100)
}

/// The number and what follows; all of the word when there is no number.
pub fn split_integer(word: &[u8]) -> (i64, &[u8]) {
    let text = word.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let length = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if length == 0 {
        return (0, word);
    }
    let (digits, rest) = digits.split_at(length);
    let number = digits.iter().fold(0i64, |number, digit| {
        let digit = i64::from(digit - b'0');
        let number = number.saturating_mul(10);
        if negative {
            number.saturating_sub(digit)
        } else {
            number.saturating_add(digit)
        }
    });
    (number, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_upstream_reads_them() {
        let wide = "99999999999999999999";
        for (word, leading, whole) in [
            ("1", 1, Some(1)),
            ("-1", -1, Some(-1)),
            ("+5", 5, Some(5)),
            ("1x", 1, None),
            ("0x10", 0, None),
            ("x", 0, None),
            ("", 0, None),
            ("-", 0, None),
            (wide, i64::MAX, Some(i64::MAX)),
        ] {
            assert_eq!(leading_integer(word.as_bytes()), leading, "{word}");
            assert_eq!(whole_integer(word.as_bytes()), whole, "{word}");
        }
        assert_eq!(percentage(b"50%"), Some(50));
        assert_eq!(percentage(b"101%"), None);
        assert_eq!(percentage(b"50"), None);
    }
}
