//! Arguments of keywords, with the words that upstream's messages have in common.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::keyword::{Fault, Line};
use hapax_core::span::Word;

use crate::value::{self, MAX_MILLISECONDS, TimeError, Unit};

/// Refuses arguments after the first `count`.
pub(crate) fn at_most(line: &Line<'_>, count: usize) -> Result<(), Fault> {
    match line.arg(count) {
        None => Ok(()),
        Some(extra) => {
            let keyword = line.keyword();
            let text = format!("'{keyword}' cannot handle unexpected argument '{extra}'.");
            Err(line.fault_at(count, text))
        }
    }
}

/// The only argument, as text; `missing` when there is none.
pub(crate) fn one(line: &Line<'_>, missing: &str) -> Result<String, Fault> {
    let text = needed(line, 0, missing)?.lossy().into_owned();
    at_most(line, 1)?;
    Ok(text)
}

/// Argument `index`; `missing` when there is none.
pub(crate) fn needed<'a>(line: &Line<'a>, index: usize, missing: &str) -> Result<&'a Word, Fault> {
    line.args().get(index).ok_or_else(|| line.fault(missing))
}

/// The only argument as the number it starts with; a missing one is refused as upstream does.
pub(crate) fn leading_number(line: &Line<'_>) -> Result<i64, Fault> {
    let missing = format!("'{}' expects an integer argument.", line.keyword());
    let word = needed(line, 0, &missing)?;
    at_most(line, 1)?;
    Ok(value::leading_integer(&word.text))
}

/// The same, without sign.
pub(crate) fn leading_count(line: &Line<'_>) -> Result<u32, Fault> {
    let number = leading_number(line)?;
    Ok(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
}

/// The words after the first `skip` arguments, joined by spaces.
pub(crate) fn joined(line: &Line<'_>, skip: usize) -> String {
    let words: Vec<_> = line.args().iter().skip(skip).map(Word::lossy).collect();
    words.join(" ")
}

/// A time in milliseconds, for keywords whose messages are of the form `unexpected character 'x' in argument to <what>`.
pub(crate) fn milliseconds(line: &mut Line<'_>, index: usize, what: &str) -> Result<u32, Fault> {
    let word = line.args().get(index);
    let text = word.map(|word| word.text.as_slice()).unwrap_or_default();
    let shown = String::from_utf8_lossy(text);
    match value::time(text, Unit::Millisecond) {
        Ok(time) => {
            if let Some(warning) = time.trailing_warning(&shown) {
                line.warn(warning);
            }
            Ok(time.value)
        }
        Err(TimeError::Overflow) => Err(line.fault_at(index, overflow(&shown, what))),
        Err(TimeError::Unexpected(byte)) => Err(line.fault_at(
            index,
            format!(
                "unexpected character '{}' in argument to <{what}>.",
                char::from(byte)
            ),
        )),
        Err(TimeError::Missing) => {
            Err(line.fault_at(index, format!("'{what}' expects <time> as argument.")))
        }
    }
}

/// Upstream's text about a time that is too long.
pub(crate) fn overflow(text: &str, what: &str) -> String {
    format!(
        "timer overflow in argument <{text}> to <{what}> (maximum value is {MAX_MILLISECONDS} ms or ~24.8 days)."
    )
}

/// The same fault behind another prefix.
pub(crate) fn behind(prefix: Prefix, fault: Fault) -> Fault {
    fault.diagnostic.with_prefix(prefix).into()
}

/// A fault whose text begins with the line reader's prefix (`[file:line]: `).
pub(crate) fn reading(line: &Line<'_>, message: impl Into<String>) -> Fault {
    Diagnostic::alert(line.span, message)
        .with_prefix(Prefix::Reading)
        .into()
}
