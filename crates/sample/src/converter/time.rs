//! Dates as text: `ltime`, `utime` and their kin with smaller units.

use std::fmt::Write;

use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Compiled};
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Value};

use super::strftime::Moment;
use super::{converters, int_arg, kept, str_arg};

const FORMAT: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str, ArgKind::Int],
    required: 1,
};

converters! {
    "ltime", FORMAT, Some(check), Int => Str, "A date in seconds as local time." => |cx, args, sample| show(cx, args, sample, 1, false);
    "ms_ltime", FORMAT, Some(check), Int => Str, "A date in milliseconds as local time." => |cx, args, sample| show(cx, args, sample, 1000, false);
    "us_ltime", FORMAT, Some(check), Int => Str, "A date in microseconds as local time." => |cx, args, sample| show(cx, args, sample, 1_000_000, false);
    "utime", FORMAT, Some(check), Int => Str, "A date in seconds as UTC." => |cx, args, sample| show(cx, args, sample, 1, true);
    "ms_utime", FORMAT, Some(check), Int => Str, "A date in milliseconds as UTC." => |cx, args, sample| show(cx, args, sample, 1000, true);
    "us_utime", FORMAT, Some(check), Int => Str, "A date in microseconds as UTC." => |cx, args, sample| show(cx, args, sample, 1_000_000, true);
}

/// A format split where upstream's own `%N` (fraction of a second) stands between what `strftime` knows.
struct Format(Vec<Piece>);

enum Piece {
    Standard(String),
    /// Digits of the fraction.
    Fraction(usize),
}

fn check(args: &mut [Arg]) -> Result<(), String> {
    let text = String::from_utf8_lossy(str_arg(args, 0).unwrap_or_default()).into_owned();
    let mut pieces = vec![Piece::Standard(String::new())];
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '%' {
            let digit = rest.peek().and_then(|c| c.to_digit(10));
            let mut ahead = rest.clone();
            if digit.is_some() {
                ahead.next();
            }
            if ahead.next() == Some('N') {
                let digits = digit.map_or(9, |digit| digit as usize).clamp(1, 9);
                pieces.push(Piece::Fraction(digits));
                pieces.push(Piece::Standard(String::new()));
                rest = ahead;
                continue;
            }
        }
        if let Some(Piece::Standard(text)) = pieces.last_mut() {
            text.push(c);
            if c == '%'
                && let Some(next) = rest.next()
            {
                text.push(next);
            }
        }
    }
    args[0] = Arg::Compiled(Compiled {
        text,
        value: std::sync::Arc::new(Format(pieces)),
    });
    Ok(())
}

/// Seconds of dates have as many bits as upstream keeps of them.
pub(super) const SECONDS: i64 = (1 << 55) - 1;

/// Shows `value`, of which a second has `units`, with the offset of the arguments in the same unit.
fn show<'a>(
    cx: &Cx<'a>,
    args: &'a [Arg],
    sample: Sample<'a>,
    units: i64,
    utc: bool,
) -> Option<Sample<'a>> {
    let Some(Arg::Compiled(compiled)) = args.first() else {
        return None;
    };
    let Format(pieces) = compiled.value.downcast_ref()?;
    let Value::Int(value) = sample.value else {
        return None;
    };
    let value = if units == 1 { value & SECONDS } else { value };
    let value = value.wrapping_add(int_arg(args, 1).unwrap_or(0));
    let seconds = value / units;
    // Before 1970 upstream shows the fraction as the large number that it is without a sign.
    let fraction = (value % units * (1_000_000_000 / units)) as u64;
    let at = if utc {
        Moment::utc(seconds)
    } else {
        Moment::local(seconds)
    };
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Standard(format) => at.show(format, &mut out),
            Piece::Fraction(digits) => {
                let start = out.len();
                let _ = write!(out, "{fraction:09}");
                out.truncate(start + digits);
            }
        }
    }
    kept(cx.arena, out.as_bytes())
}
