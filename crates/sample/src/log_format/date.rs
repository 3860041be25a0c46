//! Dates in log lines: `20/Nov/2026:13:18:04`, local or UTC, with the formatted second kept per thread.

use std::cell::RefCell;

use jiff::tz::TimeZone;

use crate::write;

/// Seconds of a wall clock in a zone, as they are shown in logs.
#[derive(Clone, Copy)]
pub enum Stamp {
    /// In the machine's zone.
    Local,
    /// In UTC.
    Utc,
}

const LENGTH: usize = 20;

struct Cache {
    zone: TimeZone,
    local: Option<(i64, [u8; LENGTH], [u8; 5])>,
    utc: Option<(i64, [u8; LENGTH], [u8; 5])>,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::new(Cache {
        zone: TimeZone::system(),
        local: None,
        utc: None,
    });
}

impl Stamp {
    /// Appends day, month, year and time of `seconds` since 1970.
    pub fn append(self, out: &mut Vec<u8>, seconds: i64) {
        out.extend_from_slice(&self.of(seconds).0);
    }

    /// Appends the same with the offset: `20/Nov/2026:13:18:04 +0000`.
    pub fn append_with_offset(self, out: &mut Vec<u8>, seconds: i64) {
        let (date, offset) = self.of(seconds);
        out.extend_from_slice(&date);
        out.push(b' ');
        out.extend_from_slice(&offset);
    }

    fn of(self, seconds: i64) -> ([u8; LENGTH], [u8; 5]) {
        CACHE.with_borrow_mut(|cache| {
            let slot = match self {
                Stamp::Local => &cache.local,
                Stamp::Utc => &cache.utc,
            };
            if let Some((known, date, offset)) = slot
                && *known == seconds
            {
                return (*date, *offset);
            }
            let offset = match self {
                Stamp::Utc => 0,
                Stamp::Local => offset_of(&cache.zone, seconds),
            };
            let (date, shown) = (
                format(seconds.saturating_add(i64::from(offset))),
                zone(offset),
            );
            let slot = match self {
                Stamp::Local => &mut cache.local,
                Stamp::Utc => &mut cache.utc,
            };
            *slot = Some((seconds, date, shown));
            (date, shown)
        })
    }
}

/// Seconds east of UTC at a moment.
fn offset_of(zone: &TimeZone, seconds: i64) -> i32 {
    jiff::Timestamp::from_second(seconds).map_or(0, |at| zone.to_offset(at).seconds())
}

fn format(seconds: i64) -> [u8; LENGTH] {
    let days = seconds.div_euclid(86_400);
    let second = seconds.rem_euclid(86_400) as u64;
    let (year, month, day) = civil(days);
    let mut out = Vec::with_capacity(LENGTH);
    write::padded(&mut out, day, 2);
    out.push(b'/');
    out.extend_from_slice(MONTHS[(month as usize + 11) % 12]);
    out.push(b'/');
    write::padded(&mut out, (year.clamp(0, 9999)) as u64, 4);
    out.push(b':');
    write::padded(&mut out, second / 3600, 2);
    out.push(b':');
    write::padded(&mut out, second / 60 % 60, 2);
    out.push(b':');
    write::padded(&mut out, second % 60, 2);
    let mut date = [b' '; LENGTH];
    date.copy_from_slice(&out[..LENGTH]);
    date
}

fn zone(offset: i32) -> [u8; 5] {
    let minutes = offset.unsigned_abs() / 60;
    let digit = |value: u32| b'0' + (value % 10) as u8;
    [
        if offset < 0 { b'-' } else { b'+' },
        digit(minutes / 600),
        digit(minutes / 60),
        digit(minutes % 60 / 10),
        digit(minutes % 60),
    ]
}

/// Year, month (1-12) and day of a day number from 1970-01-01 in the Gregorian calendar.
fn civil(days: i64) -> (i64, u64, u64) {
    // Counts in eras of 400 years that begin on 1 March, so that the leap day ends a year.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u64, day as u64)
}

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_utc() {
        let show = |seconds| {
            let mut out = Vec::new();
            Stamp::Utc.append_with_offset(&mut out, seconds);
            String::from_utf8(out).expect("ASCII")
        };
        assert_eq!(show(0), "01/Jan/1970:00:00:00 +0000");
        assert_eq!(show(951_782_400), "29/Feb/2000:00:00:00 +0000");
        assert_eq!(show(1_795_180_894), "20/Nov/2026:13:21:34 +0000");
        assert_eq!(show(-1), "31/Dec/1969:23:59:59 +0000");
        assert_eq!(zone(-12_600), *b"-0330");
    }
}
