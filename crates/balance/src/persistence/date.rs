//! Dates in persistence cookies: `value|last|first`, each date five base64 digits of seconds divided by four.

use hapax_core::ir::Cookie;

/// The dates of a cookie, in seconds since 1970 divided by four.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dates {
    /// When it was last sent.
    pub last: Option<u32>,
    /// When it was first sent.
    pub first: Option<u32>,
    /// Something stands after the value, be it a date or not.
    present: bool,
}

/// What dates make of a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Idle for longer than `maxidle`, or from the future.
    Expired,
    /// Older than `maxlife`, or from the future.
    Old,
    /// To be used.
    Good {
        /// Its dates shall be renewed.
        refresh: bool,
    },
}

impl Dates {
    /// Reads what follows the first `|`.
    pub fn read(value: &[u8]) -> Dates {
        let mut parts = value.split(|&byte| byte == b'|').skip(1);
        let last = parts.next();
        Dates {
            last: last.and_then(decode),
            first: parts.next().and_then(decode),
            present: last.is_some(),
        }
    }

    /// Compares them with `maxidle` and `maxlife`; `now` is seconds since 1970.
    pub fn judge(self, cookie: &Cookie, now: u64) -> Verdict {
        let outside = |date: Option<u32>, most: u32| {
            date.is_some_and(|date| {
                let date = u64::from(date) * 4;
                date > now + DAY || date + u64::from(most) < now
            })
        };
        if let Some(maxlife) = cookie.maxlife
            && outside(self.first, maxlife)
        {
            return Verdict::Old;
        }
        if let Some(maxidle) = cookie.maxidle
            && outside(self.last, maxidle)
        {
            return Verdict::Expired;
        }
        let stale = |date: Option<u32>| date.is_none_or(|date| u64::from(date) < now / 4);
        let refresh = match (cookie.maxidle, cookie.maxlife) {
            (None, None) => self.present,
            (Some(_), None) => stale(self.last) || self.first.is_some(),
            (Some(_), Some(_)) => stale(self.last) || self.first.is_none(),
            (None, Some(_)) => self.first.is_none() || (self.last.is_some() && stale(self.last)),
        };
        Verdict::Good { refresh }
    }

    /// Appends the dates that `maxidle` and `maxlife` ask for; `first` is kept when the client brought it.
    pub fn write(cookie: &Cookie, first: Option<u32>, now: u64, text: &mut String) {
        if cookie.maxidle.is_none() && cookie.maxlife.is_none() {
            return;
        }
        let now = (now / 4) as u32;
        text.push('|');
        encode(now, text);
        if cookie.maxlife.is_some() {
            text.push('|');
            encode(first.unwrap_or(now), text);
        }
    }
}

const DAY: u64 = 24 * 60 * 60;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode(date: u32, text: &mut String) {
    for shift in [24, 18, 12, 6, 0] {
        text.push(char::from(DIGITS[(date >> shift & 63) as usize]));
    }
}

/// Five digits; 0 counts as none.
fn decode(text: &[u8]) -> Option<u32> {
    if text.len() != 5 {
        return None;
    }
    let date = text.iter().try_fold(0u32, |date, byte| {
        let digit = DIGITS.iter().position(|one| one == byte)?;
        Some(date << 6 | digit as u32)
    })?;
    (date > 0).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_five_digits_of_quarter_seconds() {
        let mut text = String::new();
        encode((1_795_182_228u64 / 4) as u32, &mut text);
        assert_eq!(text, "awBOl");
        assert_eq!(decode(b"awBOl"), Some((1_795_182_228u64 / 4) as u32));
        assert_eq!(
            (decode(b"bad"), decode(b"AAAAA"), decode(b"a|b|c")),
            (None, None, None)
        );
    }
}
