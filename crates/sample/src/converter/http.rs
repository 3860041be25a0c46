//! What fields of HTTP carry: dates (RFC 9110 5.6.7) and languages (RFC 9110 12.5.4).

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Value};

use super::{converters, int, int_arg, kept, str_arg, string};
use crate::write;

converters! {
    "http_date", ArgSpec { kinds: &[ArgKind::Int, ArgKind::Str], required: 0 }, Some(check_http_date), Int => Str, "A date for HTTP, with an offset, of seconds or of a smaller unit." => http_date;
    "date", ArgSpec::NONE, None, Str => Int, "The seconds since 1970 of a date of HTTP." => |_, _, sample| int(date(sample.value.bytes()?)?);
    "language", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Str], required: 1 }, None, Str => Str, "The best of some languages by the weights of an Accept-Language field, or the default." => language;
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

fn check_http_date(args: &mut [Arg]) -> Result<(), String> {
    match str_arg(args, 1) {
        None | Some(b"s" | b"ms" | b"us") => Ok(()),
        Some(other) => Err(format!(
            "expects 's', 'ms' or 'us', got '{}'",
            String::from_utf8_lossy(other)
        )),
    }
}

fn http_date<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let Value::Int(value) = sample.value else {
        return None;
    };
    let value = value.wrapping_add(int_arg(args, 0).unwrap_or(0));
    let (unit, digits) = match str_arg(args, 1) {
        Some(b"ms") => (1000, 3),
        Some(b"us") => (1_000_000, 6),
        _ => (1, 0),
    };
    let (seconds, fraction) = (value.div_euclid(unit), value.rem_euclid(unit));
    let (days, second) = (seconds.div_euclid(86400), seconds.rem_euclid(86400));
    let (year, month, day) = civil(days);
    let mut out = Vec::with_capacity(40);
    out.extend_from_slice(DAYS[(days + 4).rem_euclid(7) as usize].as_bytes());
    out.extend_from_slice(b", ");
    write::padded(&mut out, u64::from(day), 2);
    out.push(b' ');
    out.extend_from_slice(MONTHS[month - 1].as_bytes());
    out.push(b' ');
    if year < 0 {
        write::int(&mut out, year);
    } else {
        write::padded(&mut out, year as u64, 4);
    }
    for (separator, number) in [
        (b' ', second / 3600),
        (b':', second / 60 % 60),
        (b':', second % 60),
    ] {
        out.push(separator);
        write::padded(&mut out, number as u64, 2);
    }
    if digits > 0 {
        out.push(b'.');
        write::padded(&mut out, fraction as u64, digits);
    }
    out.extend_from_slice(b" GMT");
    kept(cx.arena, &out)
}

/// Year, month and day of the Gregorian calendar, from days since 1970.
fn civil(days: i64) -> (i64, usize, u8) {
    // The year begins in March here, so that the leap day is its last.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month + 2) / 5 + 1) as u8;
    let month = if month < 10 { month + 3 } else { month - 9 } as usize;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970; a day beyond the end of its month counts on.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// A reader of the fixed parts that dates are made of.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn literal(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(crate::cast::leading_int(number))
    }

    /// A number of two digits, or of one behind a blank.
    fn day(&mut self) -> Option<i64> {
        match self.literal(b" ") {
            Some(()) => self.number(1),
            None => self.number(2),
        }
    }

    fn month(&mut self) -> Option<i64> {
        let index = MONTHS
            .iter()
            .position(|name| self.0.starts_with(name.as_bytes()))?;
        self.0 = &self.0[3..];
        Some(index as i64 + 1)
    }

    /// Seconds of the day.
    fn time(&mut self) -> Option<i64> {
        let hour = self.number(2)?;
        self.literal(b":")?;
        let minute = self.number(2)?;
        self.literal(b":")?;
        let second = self.number(2)?;
        (hour < 25 && minute < 60 && second < 61).then_some(hour * 3600 + minute * 60 + second)
    }
}

/// The three forms of RFC 9110 5.6.7.
fn date(text: &[u8]) -> Option<i64> {
    const LONG: [&str; 7] = [
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
    ];
    let long = LONG.iter().find(|name| text.starts_with(name.as_bytes()));
    let short = DAYS.iter().find(|name| text.starts_with(name.as_bytes()))?;
    let mut reader = Reader(&text[long.unwrap_or(short).len()..]);
    let (year, month, day, second);
    if long.is_some() {
        reader.literal(b", ")?;
        day = reader.number(2)?;
        reader.literal(b"-")?;
        month = reader.month()?;
        reader.literal(b"-")?;
        let number = reader.number(2)?;
        year = if number < 70 { 2000 } else { 1900 } + number;
        reader.literal(b" ")?;
        second = reader.time()?;
        reader.literal(b" GMT")?;
    } else if reader.literal(b", ").is_some() {
        day = reader.number(2)?;
        reader.literal(b" ")?;
        month = reader.month()?;
        reader.literal(b" ")?;
        year = reader.number(4)?;
        reader.literal(b" ")?;
        second = reader.time()?;
        reader.literal(b" GMT")?;
    } else {
        reader.literal(b" ")?;
        month = reader.month()?;
        reader.literal(b" ")?;
        day = reader.day()?;
        reader.literal(b" ")?;
        second = reader.time()?;
        reader.literal(b" ")?;
        year = reader.number(4)?;
    }
    Some(days(year, month, day) * 86400 + second)
}

/// The first of the languages with the highest weight; one with a variant also stands for its base.
fn language<'a>(_: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let known = || {
        str_arg(args, 0)
            .unwrap_or_default()
            .split(|byte| *byte == b';')
    };
    let mut best: (&[u8], u32) = (b"", 0);
    for item in sample.value.bytes()?.split(|byte| *byte == b',') {
        let item = item.trim_ascii_start();
        let end = item
            .iter()
            .position(|byte| b"; \t".contains(byte))
            .unwrap_or(item.len());
        let weight = weight(&item[end..]);
        if weight <= best.1 {
            continue;
        }
        let name = &item[..end];
        let base = name.split(|byte| *byte == b'-').next().unwrap_or(name);
        let found = known()
            .find(|known| *known == name)
            .or_else(|| known().find(|known| *known == base));
        if let Some(found) = found {
            best = (found, weight);
        }
    }
    if best.1 > 0 {
        return string(best.0);
    }
    string(str_arg(args, 1).filter(|default| !default.is_empty())?)
}

/// Thousandths of `;q=0.5`; 1000 without.
fn weight(parameters: &[u8]) -> u32 {
    let rest = parameters.trim_ascii_start();
    let rest = rest.strip_prefix(b";").map(<[u8]>::trim_ascii_start);
    let Some([b'q', rest @ ..]) = rest else {
        return 1000;
    };
    let rest = rest.trim_ascii_start();
    let Some(rest) = rest.strip_prefix(b"=").map(<[u8]>::trim_ascii_start) else {
        return 1000;
    };
    match rest {
        [b'0', rest @ ..] => {
            let digits = rest.strip_prefix(b".").unwrap_or_default();
            let mut weight = 0;
            let mut unit = 100;
            for digit in digits
                .iter()
                .take(3)
                .take_while(|byte| byte.is_ascii_digit())
            {
                weight += u32::from(digit - b'0') * unit;
                unit /= 10;
            }
            weight
        }
        _ => 1000,
    }
}
