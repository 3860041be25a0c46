//! Fields of protocol buffers, plain and in messages of gRPC.

use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Compiled};
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Value};

use super::{converters, int, str_arg};

const FIELD: ArgSpec = ArgSpec {
    kinds: &[ArgKind::FieldNumber, ArgKind::Str],
    required: 1,
};

converters! {
    "protobuf", FIELD, Some(check), Bin => Bin, "A field of a protocol buffer, as bytes or as an integer of a type." => |_, args, sample| message(args, sample.value.bytes()?)?;
    "ungrpc", FIELD, Some(check), Bin => Bin, "A field of the protocol buffers in a body of gRPC, as bytes or as an integer of a type." => ungrpc;
}

/// A field by its path, and what its value is read as.
struct Wanted {
    path: Vec<u64>,
    kind: Option<Kind>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    Zigzag,
    Fixed64,
    Double,
    Fixed32,
    SignedFixed32,
    Float,
}

impl Kind {
    fn wire(self) -> u64 {
        match self {
            Kind::Plain | Kind::Zigzag => VARINT,
            Kind::Fixed64 | Kind::Double => EIGHT_BYTES,
            Kind::Fixed32 | Kind::SignedFixed32 | Kind::Float => FOUR_BYTES,
        }
    }
}

const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FOUR_BYTES: u64 = 5;

fn check(args: &mut [Arg]) -> Result<(), String> {
    let kind = match str_arg(args, 1) {
        None => None,
        Some(b"int32" | b"int64" | b"uint32" | b"uint64" | b"bool" | b"enum") => Some(Kind::Plain),
        Some(b"sint32" | b"sint64") => Some(Kind::Zigzag),
        Some(b"fixed64" | b"sfixed64") => Some(Kind::Fixed64),
        Some(b"double") => Some(Kind::Double),
        Some(b"fixed32") => Some(Kind::Fixed32),
        Some(b"sfixed32") => Some(Kind::SignedFixed32),
        Some(b"float") => Some(Kind::Float),
        Some(other) => {
            return Err(format!(
                "Wrong protocol buffer type '{}'",
                String::from_utf8_lossy(other)
            ));
        }
    };
    let text = String::from_utf8_lossy(str_arg(args, 0).unwrap_or_default()).into_owned();
    let path = text
        .split('.')
        .map(|number| {
            if number.is_empty() {
                0
            } else {
                number.parse().unwrap_or(u64::MAX)
            }
        })
        .collect();
    args[0] = Arg::Compiled(Compiled {
        text,
        value: std::sync::Arc::new(Wanted { path, kind }),
    });
    Ok(())
}

fn message<'a>(args: &[Arg], text: &'a [u8]) -> Found<'a> {
    let Some(Arg::Compiled(compiled)) = args.first() else {
        return None;
    };
    let wanted: &Wanted = compiled.value.downcast_ref()?;
    find(&wanted.path, wanted.kind, text)
}

/// What a message has for a path: nothing that can be told because it is broken or of another type (none), no such field, or it.
type Found<'a> = Option<Option<Sample<'a>>>;

/// Each message stands behind a byte of flags and four bytes of length.
fn ungrpc<'a>(_: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let mut rest = sample.value.bytes()?;
    while let Some(([_, length @ ..], behind)) = rest.split_first_chunk::<5>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (text, behind) = behind.split_at_checked(length)?;
        let found = message(args, text)?;
        if found.is_some() {
            return found;
        }
        rest = behind;
    }
    None
}

/// The first field of that path, whatever stands in later ones.
fn find<'a>(path: &[u64], kind: Option<Kind>, text: &'a [u8]) -> Found<'a> {
    let (&number, inner) = path.split_first()?;
    let mut rest = text;
    while !rest.is_empty() {
        let (key, _, behind) = varint(rest)?;
        let (field, wire) = (key >> 3, key & 7);
        let found = field == number;
        let raw;
        let mut value = 0;
        match wire {
            VARINT => {
                let (number, length, after) = varint(behind)?;
                (value, raw, rest) = (number, &behind[..length], after);
            }
            EIGHT_BYTES => (raw, rest) = behind.split_at_checked(8)?,
            FOUR_BYTES => (raw, rest) = behind.split_at_checked(4)?,
            LENGTH_DELIMITED => {
                let (length, _, after) = varint(behind)?;
                (raw, rest) = after.split_at_checked(usize::try_from(length).ok()?)?;
            }
            _ => return None,
        }
        if found && inner.is_empty() {
            let Some(kind) = kind else {
                return Some(Some(Value::Bin(raw).into()));
            };
            return (kind.wire() == wire).then(|| number_of(kind, value, raw));
        }
        if found {
            return (wire == LENGTH_DELIMITED)
                .then(|| find(inner, kind, raw))
                .flatten();
        }
    }
    Some(None)
}

fn number_of<'a>(kind: Kind, value: u64, raw: &[u8]) -> Option<Sample<'a>> {
    int(match kind {
        Kind::Plain => value as i64,
        Kind::Zigzag => (value >> 1) as i64 ^ -((value & 1) as i64),
        Kind::Fixed64 => i64::from_le_bytes(raw.try_into().ok()?),
        Kind::Double => {
            // Beyond 63 bits as an unsigned number; what does not fit that is 0, and no number the lowest.
            let number = f64::from_le_bytes(raw.try_into().ok()?);
            let limit = 2f64.powi(63);
            if number >= limit {
                (if number < 2.0 * limit {
                    number as u64
                } else {
                    0
                }) as i64
            } else if number < -limit || number.is_nan() {
                i64::MIN
            } else {
                number as i64
            }
        }
        Kind::Fixed32 => i64::from(u32::from_le_bytes(raw.try_into().ok()?)),
        Kind::SignedFixed32 => i64::from(i32::from_le_bytes(raw.try_into().ok()?)),
        Kind::Float => {
            let number = f32::from_le_bytes(raw.try_into().ok()?);
            let fits = number.abs() < 2f32.powi(63);
            i64::from(if fits { number as i64 as u32 } else { 0 })
        }
    })
}

/// A number of seven bits a byte, ten bytes at most: its value, length and what follows. As upstream has it, 0 at the end.
fn varint(text: &[u8]) -> Option<(u64, usize, &[u8])> {
    if text.is_empty() {
        return Some((0, 0, text));
    }
    let mut value = 0u64;
    for (index, byte) in text.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1, &text[index + 1..]));
        }
    }
    None
}
