//! Messages of the FIX protocol (FIX session layer, tag=value encoding).

use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Value};

use super::{boolean, converters, int_arg, str_arg};

converters! {
    "fix_is_valid", ArgSpec::NONE, None, Bin => Bool, "Whether it is a FIX message; no value while it is not complete." => |_, _, sample| match check(sample.value.bytes()?) {
        Verdict::Valid => boolean(true),
        Verdict::Invalid => boolean(false),
        Verdict::Incomplete => None,
    };
    "fix_tag_value", ArgSpec { kinds: &[ArgKind::Str], required: 1 }, Some(check_tag), Bin => Bin, "The value of a tag of a FIX message." => |_, args, sample| {
        let tag = u32::try_from(int_arg(args, 0)?).ok()?;
        let value = fields(sample.value.bytes()?).find(|(found, _)| *found == tag)?.1;
        if value.is_empty() {
            return None;
        }
        Some(Sample::from(Value::Bin(value)))
    };
}

const BEGIN_STRING: u32 = 8;
const BODY_LENGTH: u32 = 9;
const CHECK_SUM: u32 = 10;
const MESSAGE_TYPE: u32 = 35;
const NAMES: &[(&[u8], u32)] = &[
    (b"BeginString", BEGIN_STRING),
    (b"BodyLength", BODY_LENGTH),
    (b"CheckSum", CHECK_SUM),
    (b"MsgType", MESSAGE_TYPE),
    (b"SenderCompID", 49),
    (b"TargetCompID", 56),
];
const VERSIONS: &[&[u8]] = &[
    b"FIX.4.0",
    b"FIX.4.1",
    b"FIX.4.2",
    b"FIX.4.3",
    b"FIX.4.4",
    b"FIXT.1.1",
];
const SEPARATOR: u8 = 1;
/// Bytes of a message that has nothing but the four tags that must be there.
const SHORTEST: usize = 26;

fn check_tag(args: &mut [Arg]) -> Result<(), String> {
    let name = str_arg(args, 0).unwrap_or_default();
    let known = NAMES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    let tag = known
        .map(|(_, tag)| *tag)
        .or_else(|| number(name))
        .filter(|tag| *tag > 0);
    args[0] = Arg::Int(i64::from(tag.ok_or_else(|| {
        format!("Unknown FIX tag name '{}'", String::from_utf8_lossy(name))
    })?));
    Ok(())
}

fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

enum Verdict {
    Valid,
    Invalid,
    Incomplete,
}

/// The fields up to the checksum or the first one that is wrong, each with its tag and value.
fn fields(text: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let end = memchr::memrchr(SEPARATOR, text).unwrap_or(0);
    let mut last = false;
    text[..end]
        .split(|byte| *byte == SEPARATOR)
        .map_while(move |field| {
            let equals = memchr::memchr(b'=', field)?;
            let tag = number(&field[..equals])?;
            let ended = std::mem::replace(&mut last, tag == CHECK_SUM);
            (!ended).then_some((tag, &field[equals + 1..]))
        })
}

fn check(text: &[u8]) -> Verdict {
    match step(text) {
        Ok(()) => Verdict::Valid,
        Err(verdict) => verdict,
    }
}

fn step(text: &[u8]) -> Result<(), Verdict> {
    use Verdict::{Incomplete, Invalid};
    if text.len() < SHORTEST {
        return Err(Incomplete);
    }
    let mut rest = text;
    let mut next = |expected: Option<u32>| -> Result<(u32, &[u8], usize), Verdict> {
        let end = memchr::memchr(SEPARATOR, rest).ok_or(Incomplete)?;
        let field = &rest[..end];
        let equals = memchr::memchr(b'=', field).ok_or(Invalid)?;
        let tag = number(&field[..equals]).ok_or(Invalid)?;
        let value = &field[equals + 1..];
        if expected.is_some_and(|expected| expected != tag) {
            return Err(Invalid);
        }
        rest = &rest[end + 1..];
        Ok((tag, value, text.len() - rest.len()))
    };
    let (_, version, _) = next(Some(BEGIN_STRING))?;
    if !VERSIONS.contains(&version) {
        return Err(Invalid);
    }
    let (_, length, body) = next(Some(BODY_LENGTH))?;
    let length = number(length).ok_or(Invalid)? as usize;
    let end = body.checked_add(length).ok_or(Invalid)?;
    let (_, _, mut at) = next(Some(MESSAGE_TYPE))?;
    if text.len() < end {
        return Err(Incomplete);
    }
    loop {
        let (tag, value, after) = next(None)?;
        if tag == CHECK_SUM {
            let sum = text[..at]
                .iter()
                .fold(0u8, |sum, byte| sum.wrapping_add(*byte));
            let right = at == end && number(value) == Some(u32::from(sum));
            return if right { Ok(()) } else { Err(Invalid) };
        }
        at = after;
    }
}
