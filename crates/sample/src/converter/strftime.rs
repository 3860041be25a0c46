//! `strftime` of the C language in the C locale, for years of any size.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(super) const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A moment taken apart.
pub(super) struct Moment {
    seconds: i64,
    year: i64,
    /// From 0.
    month: usize,
    day: i64,
    /// From 0.
    day_of_year: i64,
    /// From Sunday.
    weekday: i64,
    second_of_day: i64,
    /// Seconds east of UTC.
    offset: i64,
    zone: String,
}

impl Moment {
    /// The moment in UTC.
    pub(super) fn utc(seconds: i64) -> Moment {
        Moment::at(seconds, 0, "GMT".to_owned())
    }

    /// The moment where the machine stands; beyond the years that zones are known for, as in the last of them.
    pub(super) fn local(seconds: i64) -> Moment {
        let range = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second();
        let nearest = seconds.clamp(*range.start(), *range.end());
        let known = Timestamp::from_second(nearest).unwrap_or(Timestamp::UNIX_EPOCH);
        let zone = TimeZone::system();
        let info = zone.to_offset_info(known);
        Moment::at(
            seconds,
            i64::from(info.offset().seconds()),
            info.abbreviation().to_owned(),
        )
    }

    fn at(seconds: i64, offset: i64, zone: String) -> Moment {
        let local = seconds.saturating_add(offset);
        let days = local.div_euclid(86400);
        let (year, month, day) = civil(days);
        Moment {
            seconds,
            year,
            month,
            day,
            day_of_year: days - self::days(year, 1, 1),
            weekday: (days + 4).rem_euclid(7),
            second_of_day: local.rem_euclid(86400),
            offset,
            zone,
        }
    }

    /// The moment by a format; what is no conversion stays as it stands.
    pub(super) fn show(&self, format: &str, out: &mut String) {
        let mut rest = format;
        while let Some((before, behind)) = rest.split_once('%') {
            out.push_str(before);
            let mut pad = None;
            let mut upper = false;
            let mut after = behind;
            while let Some(flag @ ('-' | '_' | '0' | '^' | '#')) = after.chars().next() {
                if flag == '^' {
                    upper = true;
                } else if flag != '#' {
                    pad = Some(flag);
                }
                after = &after[1..];
            }
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let width = after[..digits].parse().unwrap_or(0).min(1024);
            after = after[digits..].trim_start_matches(['E', 'O']);
            let start = out.len();
            let Some(letter) = after.chars().next() else {
                out.push('%');
                out.push_str(behind);
                return;
            };
            if !self.conversion(letter, pad, width, out) {
                out.push('%');
                out.push_str(&behind[..behind.len() - after.len() + letter.len_utf8()]);
            } else if upper {
                let text = out.split_off(start).to_uppercase();
                out.push_str(&text);
            }
            rest = &after[letter.len_utf8()..];
        }
        out.push_str(rest);
    }

    fn conversion(&self, letter: char, pad: Option<char>, width: usize, out: &mut String) -> bool {
        let (hour, minute, second) = (
            self.second_of_day / 3600,
            self.second_of_day / 60 % 60,
            self.second_of_day % 60,
        );
        let twelve = (hour + 11) % 12 + 1;
        let mut number = |value: i64, usual: char, digits: usize| {
            // A width that is given is filled with zeros.
            let usual = if width > digits { '0' } else { usual };
            let width = width.max(digits);
            let _ = match pad.unwrap_or(usual) {
                '-' => write!(out, "{value}"),
                '_' => write!(out, "{value:width$}"),
                _ => write!(out, "{value:0width$}"),
            };
        };
        match letter {
            'd' => number(self.day, '0', 2),
            'e' => number(self.day, '_', 2),
            'H' => number(hour, '0', 2),
            'I' => number(twelve, '0', 2),
            'k' => number(hour, '_', 2),
            'l' => number(twelve, '_', 2),
            'j' => number(self.day_of_year + 1, '0', 3),
            'm' => number(self.month as i64 + 1, '0', 2),
            'M' => number(minute, '0', 2),
            'S' => number(second, '0', 2),
            'C' => number(self.year.div_euclid(100), '0', 2),
            'y' => number(self.year.rem_euclid(100), '0', 2),
            'Y' => number(self.year, '-', 1),
            's' => number(self.seconds, '-', 1),
            'u' => number((self.weekday + 6) % 7 + 1, '-', 1),
            'w' => number(self.weekday, '-', 1),
            'U' => number((self.day_of_year + 7 - self.weekday) / 7, '0', 2),
            'W' => number((self.day_of_year + 7 - (self.weekday + 6) % 7) / 7, '0', 2),
            'V' => number(self.iso_week().1, '0', 2),
            'G' => number(self.iso_week().0, '-', 1),
            'g' => number(self.iso_week().0.rem_euclid(100), '0', 2),
            _ => return self.text(letter, hour, out),
        }
        true
    }

    fn text(&self, letter: char, hour: i64, out: &mut String) -> bool {
        let (day, month) = (DAYS[self.weekday as usize], MONTHS[self.month]);
        match letter {
            'a' => out.push_str(&day[..3]),
            'A' => out.push_str(day),
            'b' | 'h' => out.push_str(&month[..3]),
            'B' => out.push_str(month),
            'p' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            'P' => out.push_str(if hour < 12 { "am" } else { "pm" }),
            'n' => out.push('\n'),
            't' => out.push('\t'),
            '%' => out.push('%'),
            'Z' => out.push_str(&self.zone),
            'z' => {
                let sign = if self.offset < 0 { '-' } else { '+' };
                let minutes = self.offset.abs() / 60;
                let _ = write!(out, "{sign}{:02}{:02}", minutes / 60, minutes % 60);
            }
            'c' => self.show("%a %b %e %H:%M:%S %Y", out),
            'D' | 'x' => self.show("%m/%d/%y", out),
            'F' => self.show("%Y-%m-%d", out),
            'r' => self.show("%I:%M:%S %p", out),
            'R' => self.show("%H:%M", out),
            'T' | 'X' => self.show("%H:%M:%S", out),
            _ => return false,
        }
        true
    }

    /// Year and week by ISO 8601.
    fn iso_week(&self) -> (i64, i64) {
        let monday_based = (self.weekday + 6) % 7;
        let week = (self.day_of_year - monday_based + 10) / 7;
        let weeks_of = |year: i64| {
            let first = (days(year, 1, 1) + 3).rem_euclid(7);
            let leap = days(year + 1, 1, 1) - days(year, 1, 1) == 366;
            if first == 3 || leap && first == 2 {
                53
            } else {
                52
            }
        };
        if week < 1 {
            (self.year - 1, weeks_of(self.year - 1))
        } else if week > weeks_of(self.year) {
            (self.year + 1, 1)
        } else {
            (self.year, week)
        }
    }
}

/// Year, month from 0 and day of the Gregorian calendar, from days since 1970.
fn civil(days: i64) -> (i64, usize, i64) {
    // The year begins in March here, so that the leap day is its last.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = ((month + 2) % 12) as usize;
    (year_of_era + era * 400 + i64::from(month < 2), month, day)
}

/// Days since 1970 of a year, month from 1 and day; a day beyond the end of its month counts on.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
