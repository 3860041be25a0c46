//! Sizes with units (configuration manual 2.6).

use thiserror::Error;

/// Why a word is no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SizeError {
    /// The byte where reading stopped; upstream also names the byte that makes a size larger than 32 bits.
    #[error("unexpected character '{}'", char::from(*.0))]
    Unexpected(u8),
    /// There is nothing.
    #[error("a size is expected")]
    Missing,
}

/// Reads a size in bytes: a decimal number and `k`, `m` or `g` in either case, less than 4 GB.
pub fn size(word: &[u8]) -> Result<u32, SizeError> {
    let mut number = 0u32;
    let mut rest = word;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        number = number
            .checked_mul(10)
            .and_then(|number| number.checked_add(u32::from(digit - b'0')))
            .ok_or(SizeError::Unexpected(*digit))?;
        rest = tail;
    }
    let shift = match rest {
        [] if word.is_empty() => return Err(SizeError::Missing),
        [] => 0,
        [other, ..] if rest.len() == word.len() => return Err(SizeError::Unexpected(*other)),
        [b'k' | b'K'] => 10,
        [b'm' | b'M'] => 20,
        [b'g' | b'G'] => 30,
        [b'k' | b'K' | b'm' | b'M' | b'g' | b'G', other, ..] | [other, ..] => {
            return Err(SizeError::Unexpected(*other));
        }
    };
    let large = u64::from(number) << shift;
    u32::try_from(large).map_err(|_| SizeError::Unexpected(rest.first().copied().unwrap_or(b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_upstream_reads_them() {
        for (word, expected) in [
            ("16384", Ok(16384)),
            ("1k", Ok(1024)),
            ("1K", Ok(1024)),
            ("1m", Ok(1 << 20)),
            ("1G", Ok(1 << 30)),
            ("0", Ok(0)),
            ("4294967295", Ok(u32::MAX)),
            ("4294967296", Err(SizeError::Unexpected(b'6'))),
            ("99999999999999999999", Err(SizeError::Unexpected(b'9'))),
            ("4g", Err(SizeError::Unexpected(b'g'))),
            ("4194304k", Err(SizeError::Unexpected(b'k'))),
            ("1t", Err(SizeError::Unexpected(b't'))),
            ("1kb", Err(SizeError::Unexpected(b'b'))),
            ("-1", Err(SizeError::Unexpected(b'-'))),
            ("k", Err(SizeError::Unexpected(b'k'))),
            ("1.5k", Err(SizeError::Unexpected(b'.'))),
            ("0x10", Err(SizeError::Unexpected(b'x'))),
            ("", Err(SizeError::Missing)),
        ] {
            assert_eq!(size(word.as_bytes()), expected, "{word}");
        }
    }
}
