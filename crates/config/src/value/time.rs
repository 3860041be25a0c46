//! Times with units (configuration manual 2.5).

use thiserror::Error;

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `us`
    Microsecond,
    /// `ms`
    Millisecond,
    /// `s`
    Second,
    /// `m`
    Minute,
    /// `h`
    Hour,
    /// `d`
    Day,
}

impl Unit {
    fn microseconds(self) -> u128 {
        match self {
            Unit::Microsecond => 1,
            Unit::Millisecond => 1_000,
            Unit::Second => 1_000_000,
            Unit::Minute => 60_000_000,
            Unit::Hour => 3_600_000_000,
            Unit::Day => 86_400_000_000,
        }
    }
}

/// A time that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// In the unit that was asked for, rounded up.
    pub value: u32,
    /// What stood behind the unit. Upstream accepts it with [`Time::trailing_warning`].
    pub trailing: Option<u8>,
}

impl Time {
    /// Upstream's warning about text behind the unit.
    pub fn trailing_warning(&self, word: &str) -> Option<String> {
        let byte = char::from(self.trailing?);
        Some(format!(
            "unexpected character '{byte}' after the timer value '{word}', only (us=microseconds,ms=milliseconds,s=seconds,\
             m=minutes,h=hours,d=days) are supported. This will be reported as an error in next versions."
        ))
    }
}

/// Why a word is no time; each keyword has its own words around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TimeError {
    /// This byte has no place there.
    #[error("unexpected character '{}'", char::from(*.0))]
    Unexpected(u8),
    /// There is nothing.
    #[error("a time is expected")]
    Missing,
    /// More than [`MAX_MILLISECONDS`] of the unit asked for.
    #[error("timer overflow")]
    Overflow,
}

/// The largest time, in the unit that the keyword counts in.
pub const MAX_MILLISECONDS: u32 = i32::MAX as u32;

/// Reads a time; a number without a unit counts in `default`, and so does the answer.
///
/// Upstream's counter wraps around at 2^64; here such a number overflows.
pub fn time(word: &[u8], default: Unit) -> Result<Time, TimeError> {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = word.split_at(digits);
    if number.is_empty() {
        return Err(unit
            .first()
            .map_or(TimeError::Missing, |byte| TimeError::Unexpected(*byte)));
    }
    let number = number.iter().fold(0u128, |number, digit| {
        (number * 10 + u128::from(digit - b'0')).min(u128::from(u64::MAX))
    });
    let (unit, rest) = match unit {
        [] => (default, &[] as &[u8]),
        [b'u', b's', rest @ ..] => (Unit::Microsecond, rest),
        [b'm', b's', rest @ ..] => (Unit::Millisecond, rest),
        [b's', rest @ ..] => (Unit::Second, rest),
        [b'm', rest @ ..] => (Unit::Minute, rest),
        [b'h', rest @ ..] => (Unit::Hour, rest),
        [b'd', rest @ ..] => (Unit::Day, rest),
        [other, ..] => return Err(TimeError::Unexpected(*other)),
    };
    let value = (number * unit.microseconds()).div_ceil(default.microseconds());
    let value = u32::try_from(value)
        .ok()
        .filter(|value| *value <= MAX_MILLISECONDS)
        .ok_or(TimeError::Overflow)?;
    Ok(Time {
        value,
        trailing: rest.first().copied(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_upstream_reads_them() {
        for (word, expected) in [
            ("5", Ok(5)),
            ("00005", Ok(5)),
            ("5s", Ok(5_000)),
            ("5m", Ok(300_000)),
            ("24d", Ok(2_073_600_000)),
            ("1us", Ok(1)),
            ("1500us", Ok(2)),
            ("0us", Ok(0)),
            ("2147483647", Ok(2_147_483_647)),
            ("2147483s", Ok(2_147_483_000)),
            ("2147483648", Err(TimeError::Overflow)),
            ("25d", Err(TimeError::Overflow)),
            ("18446744073709551615d", Err(TimeError::Overflow)),
            ("99999999999999999999999us", Err(TimeError::Overflow)),
            ("5x", Err(TimeError::Unexpected(b'x'))),
            ("5S", Err(TimeError::Unexpected(b'S'))),
            ("5u", Err(TimeError::Unexpected(b'u'))),
            ("-1", Err(TimeError::Unexpected(b'-'))),
            ("5.5s", Err(TimeError::Unexpected(b'.'))),
            ("s", Err(TimeError::Unexpected(b's'))),
            ("", Err(TimeError::Missing)),
        ] {
            let value = time(word.as_bytes(), Unit::Millisecond).map(|time| time.value);
            assert_eq!(value, expected, "{word}");
        }
        assert_eq!(time(b"1500ms", Unit::Second).map(|time| time.value), Ok(2));
    }

    #[test]
    fn text_behind_the_unit_gets_a_warning() {
        let warning = |word: &str| {
            let time = time(word.as_bytes(), Unit::Millisecond).ok()?;
            time.trailing_warning(word)
        };
        let text = warning("5sec").unwrap_or_default();
        assert!(
            text.starts_with("unexpected character 'e' after the timer value '5sec', only (us=")
        );
        assert_eq!(warning("5s"), None);
    }
}
