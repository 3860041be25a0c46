//! A time that is fixed or worked out for each exchange, as `set-timeout` and `pause` take it.

use hapax_core::contract::Cx;
use hapax_core::ir::{Expr, Milliseconds};
use hapax_core::keyword::{ActionCursor, Fault};
use hapax_core::sample::{Type, Value};
use hapax_core::span::Word;
use hapax_sample::expression::{self, Ending, Origin};

use super::reading;

/// See the module text.
#[derive(Debug)]
pub(crate) enum Duration {
    /// Always the same.
    Fixed(Milliseconds),
    /// Milliseconds, as an expression tells them.
    Expr(Expr),
}

impl Duration {
    /// How long; none when the expression gives nothing that is a time.
    pub(crate) fn value(&self, cx: &Cx<'_>) -> Option<Milliseconds> {
        match self {
            Duration::Fixed(time) => Some(*time),
            Duration::Expr(expr) => match expression::eval_as(expr, Type::Int, cx)?.value {
                Value::Int(time) if time > 0 => {
                    Some(Milliseconds::try_from(time).map_or(LONGEST, |time| time.min(LONGEST)))
                }
                _ => None,
            },
        }
    }
}

/// Reads a time, or an expression in its place; `rule` is how upstream's texts call the action.
pub(crate) fn read(
    cursor: &mut ActionCursor<'_, '_>,
    word: &Word,
    rule: &str,
) -> Result<Duration, Fault> {
    let shown = word.lossy();
    let wrong = match time(&word.text) {
        Ok((0, _)) => format!("null value is not valid for a '{rule}' rule"),
        Ok((time, trailing)) => {
            if let Some(byte) = trailing {
                let text = format!(
                    "unexpected character '{}' after the timer value '{shown}', only (us=microseconds,ms=milliseconds,\
                     s=seconds,m=minutes,h=hours,d=days) are supported. This will be reported as an error in next versions.",
                    char::from(byte)
                );
                let warning = hapax_core::diagnostic::Diagnostic::warning(word.span, text)
                    .with_prefix(hapax_core::diagnostic::Prefix::Config);
                cursor.line.diagnostics.push(warning);
            }
            return Ok(Duration::Fixed(time));
        }
        Err(Wrong::Overflow) => format!(
            "timer overflow in argument '{shown}' to rule '{rule}' (maximum value is 2147483647 ms or ~24.8 days)"
        ),
        Err(Wrong::Unexpected(byte)) => {
            let origin = Origin::of(cursor.line);
            if let Ok(parsed) = expression::parse(&word.text, Ending::Whole, &origin) {
                cursor.line.config.references.extend(parsed.references);
                return Ok(Duration::Expr(parsed.expr));
            }
            format!(
                "unexpected character '{}' in rule '{rule}'",
                char::from(byte)
            )
        }
    };
    Err(reading::fault_at(cursor, word.span, wrong))
}

enum Wrong {
    Overflow,
    Unexpected(u8),
}

/// A number with a unit, rounded up to milliseconds, and what stands behind the unit (configuration manual 2.5).
fn time(text: &[u8]) -> Result<(Milliseconds, Option<u8>), Wrong> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    if digits == 0 {
        return Err(Wrong::Unexpected(unit.first().copied().unwrap_or_default()));
    }
    let number = number.iter().fold(0u128, |number, digit| {
        (number * 10 + u128::from(digit - b'0')).min(u128::from(u64::MAX))
    });
    let (microseconds, rest): (u128, &[u8]) = match unit {
        [] => (1_000, &[]),
        [b'u', b's', rest @ ..] => (1, rest),
        [b'm', b's', rest @ ..] => (1_000, rest),
        [b's', rest @ ..] => (1_000_000, rest),
        [b'm', rest @ ..] => (60_000_000, rest),
        [b'h', rest @ ..] => (3_600_000_000, rest),
        [b'd', rest @ ..] => (86_400_000_000, rest),
        [other, ..] => return Err(Wrong::Unexpected(*other)),
    };
    match Milliseconds::try_from((number * microseconds).div_ceil(1_000)) {
        Ok(time) if time <= LONGEST => Ok((time, rest.first().copied())),
        _ => Err(Wrong::Overflow),
    }
}

const LONGEST: Milliseconds = i32::MAX as Milliseconds;
