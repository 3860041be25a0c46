//! Values on the command line that may be wrong.

use super::{Args, ArgsError};

/// `-dM[BYTE][,OPTION...]` tunes HAProxy's memory pools; its words are looked at all the same.
pub(super) fn memory_options(_: &mut Args, text: &str) -> Result<(), ArgsError> {
    const OPTIONS: &[&str] = &[
        "fail",
        "merge",
        "cold-first",
        "hot-first",
        "integrity",
        "global",
        "cache",
        "caller",
        "tag",
        "poison",
        "uaf",
        "backup",
        "help",
    ];
    let mut words = text.split(',');
    let first = words.next().unwrap_or_default();
    let first = (!first.starts_with(|c: char| c.is_ascii_digit())).then_some(first);
    for word in first
        .into_iter()
        .chain(words)
        .filter(|word| !word.is_empty())
    {
        if !OPTIONS.contains(&word.strip_prefix("no-").unwrap_or(word)) {
            let text = format!("-dM: unknown pool debugging feature <{word}>");
            return Err(ArgsError::Refused(text));
        }
    }
    if text.split(',').any(|word| word == "help") {
        let text = "-dM tunes HAProxy's memory pools; there are none here: its words are read and have no effect.\n";
        return Err(ArgsError::Asked(text.into()));
    }
    Ok(())
}

/// As upstream reads numbers on its command line: leading digits, 0 without any.
pub(super) fn number(word: &str) -> u32 {
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse()
        .unwrap_or(if digits.is_empty() { 0 } else { u32::MAX })
}

/// A process number behind `-sf` or `-st`.
pub(super) fn pid(option: &str, word: &str) -> Result<i32, ArgsError> {
    let word = word.trim_start();
    let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = word.split_at(digits);
    if number.is_empty() && rest.is_empty() {
        return Err(ArgsError::Usage(format!("{option} lists processes")));
    }
    let number: i64 = match number.is_empty() {
        true => 0,
        false => number.parse().map_err(|_| {
            let text = "Numerical result out of range";
            ArgsError::Refused(format!(
                "{option} option: failed to parse {{{word}}}: {text}"
            ))
        })?,
    };
    match i32::try_from(number) {
        _ if !rest.is_empty() => {
            let rest = rest.trim_start();
            let text = format!("{option} option: some bytes unconsumed in PID list {{{rest}}}");
            Err(ArgsError::Refused(text))
        }
        Ok(pid) if pid > 0 => Ok(pid),
        _ => Err(ArgsError::Usage(format!(
            "no process has the number {number}"
        ))),
    }
}

/// The key of `-dC`: a leading integer, of which 32 bits count; none, or 0, keeps the text as it is.
pub(super) fn anonymous_key(text: &str) -> Option<u32> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    let number = digits.fold(0_i64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    let key = if negative { -number } else { number } as u32;
    Some(key).filter(|&key| key != 0)
}
