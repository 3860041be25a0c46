//! The dates of log headers, written once per second.

use std::cell::RefCell;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The zone of dates in logs. It is read on the first call: make that call before `chroot` hides the zone files.
pub fn zone() -> &'static TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    ZONE.get_or_init(TimeZone::system)
}

/// The last second's dates as text.
#[derive(Debug)]
pub(crate) struct Dates {
    zone: TimeZone,
    now: RefCell<Text>,
}

#[derive(Debug, Default)]
struct Text {
    second: Option<u64>,
    /// `Nov 20 13:26:36 `.
    bsd: String,
    /// `2026-11-20T13:26:36`.
    iso: String,
    /// `+00:00`.
    offset: String,
}

/// Appends a moment as `21/Nov/2026:17:46:59.281742`.
pub fn precise(wall_us: u64, out: &mut Vec<u8>) {
    let moment = i64::try_from(wall_us)
        .ok()
        .and_then(|wall_us| jiff::Timestamp::from_microsecond(wall_us).ok());
    if let Some(moment) = moment {
        let moment = moment.to_zoned(zone().clone());
        let text = moment.strftime("%d/%b/%Y:%H:%M:%S");
        out.extend_from_slice(format!("{text}.{:06}", wall_us % 1_000_000).as_bytes());
    }
}

impl Dates {
    /// Dates in `zone`.
    pub(crate) fn new(zone: TimeZone) -> Dates {
        Dates {
            zone,
            now: RefCell::default(),
        }
    }

    /// Appends the date of RFC 3164 with a blank behind it: `Nov 20 13:26:36 `.
    pub(crate) fn bsd(&self, wall_us: u64, out: &mut Vec<u8>) {
        self.at(wall_us);
        out.extend_from_slice(self.now.borrow().bsd.as_bytes());
    }

    /// Appends the date of RFC 5424 with microseconds and a blank: `2026-11-20T13:26:36.149832+00:00 `.
    pub(crate) fn iso(&self, wall_us: u64, out: &mut Vec<u8>) {
        self.at(wall_us);
        let now = self.now.borrow();
        out.extend_from_slice(now.iso.as_bytes());
        let mut rest = wall_us % 1_000_000;
        let mut digits = *b".000000";
        for digit in digits[1..].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        out.extend_from_slice(&digits);
        out.extend_from_slice(now.offset.as_bytes());
        out.push(b' ');
    }

    /// Appends the year.
    pub(super) fn year(&self, wall_us: u64, out: &mut Vec<u8>) {
        self.at(wall_us);
        let now = self.now.borrow();
        out.extend_from_slice(now.iso.split('-').next().unwrap_or_default().as_bytes());
    }

    fn at(&self, wall_us: u64) {
        use std::fmt::Write;
        let second = wall_us / 1_000_000;
        let mut now = self.now.borrow_mut();
        if now.second == Some(second) {
            return;
        }
        let zoned = i64::try_from(second)
            .ok()
            .and_then(|second| Timestamp::from_second(second).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .to_zoned(self.zone.clone());
        let Text {
            second: cached,
            bsd,
            iso,
            offset,
        } = &mut *now;
        *cached = Some(second);
        for (text, form) in [
            (bsd, "%b %e %H:%M:%S "),
            (iso, "%Y-%m-%dT%H:%M:%S"),
            (offset, "%:z"),
        ] {
            text.clear();
            // Writing into a String cannot fail, and the forms are known to be good.
            let _ = write!(text, "{}", zoned.strftime(form));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_forms_of_the_rfcs() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let dates = Dates::new(zone);
        let mut out = Vec::new();
        dates.bsd(1_000_000_000 * 1_000_000, &mut out);
        dates.iso(1_000_000_000 * 1_000_000 + 42, &mut out);
        dates.bsd(86_400 * 1_000_000 * 2, &mut out);
        dates.iso(u64::MAX, &mut out);
        let text = String::from_utf8(out).expect("text");
        assert!(
            text.starts_with("Sep  9 03:46:40 2001-09-09T03:46:40.000042+02:00 Jan  3 02:00:00 "),
            "{text}"
        );
    }
}
