//! Bytes as they are: parts, numbers and digits of them, control characters.

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Value};

use super::operand::{self, Operand};
use super::{boolean, converters, int_arg, kept, room, str_arg};
use crate::write;

const NUMBERS: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str, ArgKind::Int, ArgKind::Int],
    required: 1,
};

converters! {
    "bytes", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Str], required: 1 }, Some(check_bytes), Bin => Bin, "Bytes from an offset, up to a length." => bytes;
    "base2", ArgSpec::NONE, None, Bin => Str, "The bits of the bytes." => |cx, _, sample| {
        let bytes = sample.value.bytes()?;
        let bits = bytes[..bytes.len().min(room(cx) / 8)].iter().flat_map(|byte| (0..8).rev().map(move |bit| b'0' + (byte >> bit & 1)));
        kept(cx.arena, &bits.collect::<Vec<u8>>())
    };
    "be2dec", NUMBERS, Some(check_decimal), Bin => Str, "Numbers of some bytes each, the highest byte first, with a separator." => |cx, args, sample| decimal(cx, args, sample, |bytes| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    "le2dec", NUMBERS, Some(check_decimal), Bin => Str, "Numbers of some bytes each, the lowest byte first, with a separator." => |cx, args, sample| decimal(cx, args, sample, |bytes| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    "be2hex", NUMBERS, Some(check_hex), Bin => Str, "Bytes in hexadecimal, with a separator after some bytes each." => |cx, args, sample| {
        let size = usize::try_from(int_arg(args, 1).unwrap_or(0)).ok()?;
        let size = if size == 0 { usize::MAX } else { size };
        chunks(cx, args, sample, size, room(cx), write::hex_bytes)
    };
    "has_ctl", ArgSpec { kinds: &[ArgKind::Str], required: 0 }, Some(check_has_ctl), Bin => Bool, "Whether there is a control character, of those in a mask of 33 bits." => |_, args, sample| {
        let mask = int_arg(args, 0).unwrap_or(ALL_BUT_TAB);
        let found = |byte: &u8| match byte {
            0..=0x1f => mask >> byte & 1 == 1,
            0x7f => mask >> 32 & 1 == 1,
            _ => false,
        };
        boolean(sample.value.bytes()?.iter().any(found))
    };
    "htonl", ArgSpec::NONE, None, Int => Bin, "The lower 32 bits as four bytes, the highest first." => |cx, _, sample| match sample.value {
        Value::Int(number) => Some(Value::Bin(cx.arena.alloc_slice_copy(&(number as u32).to_be_bytes())).into()),
        _ => None,
    };
}

const ALL: i64 = 0x1_ffff_ffff;
const ALL_BUT_TAB: i64 = 0x1_ffff_fdff;
const FORBIDDEN_IN_HTTP: i64 = 0x2401;

fn check_bytes(args: &mut [Arg]) -> Result<(), String> {
    for (index, arg) in args.iter_mut().enumerate() {
        match arg {
            Arg::Absent => continue,
            // Upstream takes nothing for an offset of 0, but not for a length.
            Arg::Str(text) if text.is_empty() && index == 1 => {
                return Err("expects a positive integer".to_owned());
            }
            _ => operand::check(arg)?,
        }
        match arg {
            Arg::Int(..=-1) if index == 0 => {
                return Err("expects a non-negative integer".to_owned());
            }
            Arg::Int(..=0) if index == 1 => return Err("expects a positive integer".to_owned()),
            _ => {}
        }
    }
    Ok(())
}

/// Beyond the end there is nothing, which is a value; an offset or length that cannot be has none.
fn bytes<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let bytes = sample.value.bytes()?;
    let offset = usize::try_from(args.first()?.number(cx)?).ok()?;
    let rest = bytes.get(offset..).unwrap_or_default();
    if rest.is_empty() {
        return Some(Value::Bin(rest).into());
    }
    let length = match args.get(1) {
        None | Some(Arg::Absent) => rest.len(),
        Some(arg) => usize::try_from(arg.number(cx)?).ok()?,
    };
    Some(Value::Bin(&rest[..length.min(rest.len())]).into())
}

fn check_decimal(args: &mut [Arg]) -> Result<(), String> {
    let size = int_arg(args, 1).unwrap_or(0);
    if !(1..=8).contains(&size) {
        return Err(format!("chunk_size out of [1..8] range ({size})"));
    }
    check_truncate(args)
}

fn check_hex(args: &mut [Arg]) -> Result<(), String> {
    let size = int_arg(args, 1).unwrap_or(0);
    let separated = str_arg(args, 0).is_some_and(|separator| !separator.is_empty());
    let whole = int_arg(args, 2) == Some(1);
    if size < 0 || size == 0 && (separated || whole) {
        return Err(format!("chunk_size needs to be positive ({size})"));
    }
    check_truncate(args)
}

fn check_truncate(args: &[Arg]) -> Result<(), String> {
    match int_arg(args, 2) {
        None | Some(0 | 1) => Ok(()),
        Some(other) => Err(format!("Unsupported truncate value ({other})")),
    }
}

fn decimal<'a>(
    cx: &Cx<'a>,
    args: &'a [Arg],
    sample: Sample<'a>,
    number: fn(&[u8]) -> u64,
) -> Option<Sample<'a>> {
    let size = usize::try_from(int_arg(args, 1)?).ok()?;
    // Upstream ends numbers with a byte of its own.
    chunks(
        cx,
        args,
        sample,
        size,
        room(cx).saturating_sub(1),
        |out, bytes| {
            write::unsigned(out, number(bytes));
        },
    )
}

/// Pieces of `size` bytes, each as `show` writes it, `most` bytes in all; the third argument drops a last one that is shorter.
fn chunks<'a>(
    cx: &Cx<'a>,
    args: &'a [Arg],
    sample: Sample<'a>,
    size: usize,
    most: usize,
    show: impl Fn(&mut Vec<u8>, &[u8]),
) -> Option<Sample<'a>> {
    let separator = str_arg(args, 0).unwrap_or_default();
    let whole = int_arg(args, 2) == Some(1);
    let bytes = sample.value.bytes()?;
    let mut out = Vec::with_capacity(bytes.len() * 2);
    for (index, chunk) in bytes.chunks(size.max(1)).enumerate() {
        if whole && chunk.len() < size {
            break;
        }
        let fits = out.len();
        if index > 0 {
            out.extend_from_slice(separator);
        }
        show(&mut out, chunk);
        if out.len() > most {
            // Whole pieces only; a single one that is too long is none.
            if index == 0 {
                return None;
            }
            out.truncate(fits);
            break;
        }
    }
    kept(cx.arena, &out)
}

fn check_has_ctl(args: &mut [Arg]) -> Result<(), String> {
    let Some(Arg::Str(text)) = args.first() else {
        return Ok(());
    };
    let mask = match text.as_slice() {
        b"" => ALL_BUT_TAB,
        b"any" => ALL,
        b"http" => FORBIDDEN_IN_HTTP,
        text => mask(text)?,
    };
    args[0] = Arg::Int(mask);
    Ok(())
}

fn mask(text: &[u8]) -> Result<i64, String> {
    let shown = String::from_utf8_lossy(text);
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
            (16, rest)
        }
        _ => (10, digits),
    };
    let is_digit = |byte: &u8| char::from(*byte).is_digit(radix);
    let end = digits
        .iter()
        .position(|byte| !is_digit(byte))
        .unwrap_or(digits.len());
    if end == 0 || end < digits.len() {
        let position = if end == 0 {
            0
        } else {
            text.len() - digits.len() + end
        };
        return Err(format!(
            "cannot parse value '{shown}', problem at position {position}; expecting an integer value (decimal or hex with '0x' prefix)"
        ));
    }
    let number = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| i64::from_str_radix(digits, radix).ok())
        .unwrap_or(i64::MAX);
    let number = if negative { -number } else { number };
    let excess = number & !ALL;
    if excess != 0 {
        return Err(format!(
            "unsupported excess bits {excess:#x} in argument value {shown}"
        ));
    }
    Ok(number)
}
