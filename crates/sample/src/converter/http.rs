//! What fields of HTTP carry: dates (RFC 9110 5.6.7) and languages (RFC 9110 12.5.4).

use std::fmt::Write;

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Value};

use super::strftime::{DAYS, MONTHS, Moment, days};
use super::time::SECONDS;
use super::{converters, int, int_arg, kept, str_arg, string};

converters! {
    "http_date", ArgSpec { kinds: &[ArgKind::Int, ArgKind::Str], required: 0 }, Some(check_http_date), Int => Str, "A date for HTTP, with an offset, of seconds or of a smaller unit." => http_date;
    "date", ArgSpec::NONE, None, Str => Int, "The seconds since 1970 of a date of HTTP." => |_, _, sample| int(date(sample.value.bytes()?)?);
    "language", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Str], required: 1 }, None, Str => Str, "The best of some languages by the weights of an Accept-Language field, or the default." => language;
}

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
    let mut out = String::with_capacity(40);
    Moment::utc((value / unit) & SECONDS).show("%a, %d %b %Y %H:%M:%S", &mut out);
    if digits > 0 {
        let _ = write!(out, ".{:0digits$}", value % unit);
    }
    out.push_str(" GMT");
    kept(cx.arena, out.as_bytes())
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
            .position(|name| self.0.starts_with(&name.as_bytes()[..3]))?;
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
        Some(hour * 3600 + minute * 60 + second)
    }
}

/// The three forms of RFC 9110 5.6.7.
fn date(text: &[u8]) -> Option<i64> {
    let long = DAYS.iter().find(|name| text.starts_with(name.as_bytes()));
    let known = DAYS
        .iter()
        .any(|name| text.starts_with(&name.as_bytes()[..3]));
    if !known {
        return None;
    }
    let mut reader = Reader(&text[long.map_or(3, |name| name.len())..]);
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
        if name.is_empty() {
            continue;
        }
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
