//! The arguments in parentheses of fetches and converters (configuration manual 2.2, 7.3): splitting, quotes, types.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec};

/// Arguments as typed values, one per kind of the specification, and how many bytes they took.
#[derive(Debug)]
pub struct Arguments {
    /// The values; what was left out is [`Arg::Absent`].
    pub values: Vec<Arg>,
    /// Bytes consumed, parentheses included; 0 when there were none.
    pub length: usize,
}

/// What is wrong with a list of arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentError {
    /// Position of the argument, from 1.
    pub position: usize,
    /// Upstream's text.
    pub text: String,
}

/// Reads the list at the start of `text`, which begins with `(` unless there is none.
///
/// # Errors
/// When an argument is missing, has the wrong type, or the list does not end.
pub fn parse(text: &[u8], spec: &ArgSpec) -> Result<Arguments, ArgumentError> {
    let mut values = Vec::with_capacity(spec.kinds.len());
    let mut at = 0;
    if text.first() == Some(&b'(') {
        at = 1;
        let empty = text.get(1) == Some(&b')') && spec.required == 0;
        loop {
            if empty {
                break;
            }
            let position = values.len();
            let Some(kind) = spec.kinds.get(position) else {
                let from = if position == 0 { at } else { at - 1 };
                if position == 0 && text.get(at) == Some(&b')') {
                    break;
                }
                return Err(unclosed(position.max(1), text.get(from..)));
            };
            let (raw, length) = read(&text[at..]);
            at += length;
            values.push(typed(&raw, *kind, position, spec)?);
            // Behind one that is left out, other than a text or a name, no other may follow.
            let last = raw.is_empty()
                && !matches!(
                    kind,
                    ArgKind::Str
                        | ArgKind::Frontend
                        | ArgKind::Backend
                        | ArgKind::Proxy
                        | ArgKind::Server
                );
            match text.get(at) {
                Some(b',') if last => return Err(unclosed(position + 1, text.get(at..))),
                Some(b',') => at += 1,
                Some(b')') => break,
                other => return Err(unclosed(position + 1, other.and(text.get(at..)))),
            }
        }
        at += 1;
    } else if spec.required > 0 {
        values.push(typed(b"", spec.kinds[0], 0, spec)?);
    }
    if values.len() < spec.required {
        return Err(ArgumentError {
            position: values.len() + 1,
            text: format!(
                "missing arguments (got {}/{}), type '{}' expected",
                values.len(),
                spec.required,
                spec.kinds[values.len()].name()
            ),
        });
    }
    values.resize(spec.kinds.len(), Arg::Absent);
    Ok(Arguments { values, length: at })
}

fn unclosed(position: usize, rest: Option<&[u8]>) -> ArgumentError {
    let text = match rest {
        Some(rest) if !rest.is_empty() => {
            format!("expected ')' before '{}'", String::from_utf8_lossy(rest))
        }
        _ => "expected ')'".to_owned(),
    };
    ArgumentError { position, text }
}

/// One argument up to `,` or `)`: quotes of both kinds protect; outside single quotes a backslash makes an escape of some bytes.
fn read(text: &[u8]) -> (Vec<u8>, usize) {
    let mut raw = Vec::new();
    let mut quote = None;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match (quote, byte) {
            (None, b',' | b')') => {
                at -= 1;
                break;
            }
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            (None | Some(b'"'), b'\\') if escaped(text.get(at)).is_some() => {
                raw.extend(escaped(text.get(at)));
                at += 1;
            }
            _ => raw.push(byte),
        }
    }
    (raw, at)
}

/// What a byte behind a backslash stands for; before others the backslash is one.
fn escaped(byte: Option<&u8>) -> Option<u8> {
    match byte? {
        b'r' => Some(b'\r'),
        b'n' => Some(b'\n'),
        b't' => Some(b'\t'),
        byte @ (b'\\' | b'\'' | b'"' | b' ') => Some(*byte),
        _ => None,
    }
}

fn typed(raw: &[u8], kind: ArgKind, position: usize, spec: &ArgSpec) -> Result<Arg, ArgumentError> {
    if raw.is_empty()
        && !matches!(
            kind,
            ArgKind::Str | ArgKind::Acl | ArgKind::Map | ArgKind::Sink
        )
    {
        // The section itself stands in for a proxy that is not named.
        let own = matches!(
            kind,
            ArgKind::Frontend
                | ArgKind::Backend
                | ArgKind::Proxy
                | ArgKind::Server
                | ArgKind::UserList
        );
        if position >= spec.required || own {
            return Ok(match kind {
                ArgKind::Int => Arg::Int(0),
                _ => Arg::Absent,
            });
        }
        return Err(ArgumentError {
            position: position + 1,
            text: format!(
                "expected type '{}' at position {}, but got nothing",
                kind.name(),
                position + 1
            ),
        });
    }
    value(raw, kind).ok_or_else(|| ArgumentError {
        position: position + 1,
        text: format!(
            "failed to parse '{}' as type '{}' at position {}",
            String::from_utf8_lossy(raw),
            kind.name(),
            position + 1
        ),
    })
}

fn value(raw: &[u8], kind: ArgKind) -> Option<Arg> {
    let text = || std::str::from_utf8(raw).ok();
    match kind {
        ArgKind::Str | ArgKind::Map => Some(Arg::Str(raw.to_vec())),
        ArgKind::Int => {
            let text = text()?;
            let digits = text.strip_prefix('-').unwrap_or(text);
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse().ok()).flatten().map(Arg::Int)
        }
        ArgKind::Time => time(text()?).map(Arg::Time),
        ArgKind::Ipv4 => text()?
            .parse::<Ipv4Addr>()
            .ok()
            .map(|ip| Arg::Ip(IpAddr::V4(ip))),
        ArgKind::Ipv6 => text()?
            .parse::<Ipv6Addr>()
            .ok()
            .map(|ip| Arg::Ip(IpAddr::V6(ip))),
        ArgKind::Mask4 => any_mask4(text()?).map(Arg::Mask4),
        ArgKind::Mask6 => mask6(text()?).map(Arg::Mask6),
        ArgKind::Regex => Some(Arg::Str(raw.to_vec())),
        ArgKind::FieldNumber => field_number(raw).then(|| Arg::Str(raw.to_vec())),
        ArgKind::Frontend | ArgKind::Backend | ArgKind::Proxy => {
            Some(Arg::Proxy(text()?.to_owned()))
        }
        ArgKind::UserList | ArgKind::Acl | ArgKind::Sink => Some(Arg::Str(raw.to_vec())),
        ArgKind::Server => {
            let (backend, server) = text()?.split_once('/').unwrap_or(("", text()?));
            Some(Arg::Server(backend.to_owned(), server.to_owned()))
        }
    }
}

/// An IPv4 mask: a prefix length or a dotted mask without gaps.
pub fn mask4(text: &str) -> Option<u32> {
    any_mask4(text).filter(|mask| mask.leading_ones() + mask.trailing_zeros().min(32) >= 32)
}

/// An IPv4 mask: a prefix length or any dotted mask.
fn any_mask4(text: &str) -> Option<u32> {
    if let Ok(bits) = text.parse::<u32>() {
        return (bits <= 32).then(|| u32::MAX.checked_shl(32 - bits).unwrap_or(0));
    }
    text.parse::<Ipv4Addr>().ok().map(u32::from)
}

/// An IPv6 mask: a prefix length or a mask in the notation of addresses.
fn mask6(text: &str) -> Option<u128> {
    if let Ok(bits) = text.parse::<u32>() {
        return (bits <= 128).then(|| u128::MAX.checked_shl(128 - bits).unwrap_or(0));
    }
    text.parse::<Ipv6Addr>().ok().map(u128::from)
}

/// Whether it is numbers with dots between them; a number may be missing, except the last.
fn field_number(raw: &[u8]) -> bool {
    raw.last().is_some_and(u8::is_ascii_digit)
        && raw
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// Milliseconds of a time with an optional unit.
fn time(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..end].parse().ok()?;
    let (multiply, divide) = match &text[end..] {
        "us" => (1, 1000),
        "" | "ms" => (1, 1),
        "s" => (1000, 1),
        "m" => (60_000, 1),
        "h" => (3_600_000, 1),
        "d" => (86_400_000, 1),
        _ => return None,
    };
    number.checked_mul(multiply).map(|ms| ms / divide)
}

/// A time with an optional unit, as keywords of sections take it.
///
/// # Errors
/// Upstream's text about what is wrong with it.
pub fn milliseconds(word: &[u8]) -> Result<u32, String> {
    let text = String::from_utf8_lossy(word);
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unexpected = |at: usize| {
        let odd = text.get(at..).and_then(|rest| rest.chars().next());
        format!("unexpected character '{}'", odd.unwrap_or_default())
    };
    let number = text.get(..digits).unwrap_or_default();
    if number.is_empty() {
        return Err(unexpected(0));
    }
    let (multiply, divide) = match word.get(digits..).unwrap_or_default() {
        b"us" => (1, 1000),
        b"" | b"ms" => (1, 1),
        b"s" => (1000, 1),
        b"m" => (60_000, 1),
        b"h" => (3_600_000, 1),
        b"d" => (86_400_000, 1),
        _ => return Err(unexpected(digits)),
    };
    let number: u128 = number.parse().unwrap_or(u128::MAX);
    let value = number.saturating_mul(multiply).div_ceil(divide);
    u32::try_from(value)
        .ok()
        .filter(|value| *value <= i32::MAX as u32)
        .ok_or_else(|| {
            format!("timer overflow in '{text}', maximum value is 2147483647 ms or ~24.8 days")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: ArgSpec = ArgSpec {
        kinds: &[ArgKind::Int, ArgKind::Str, ArgKind::Int],
        required: 2,
    };

    fn error(text: &str, spec: &ArgSpec) -> (usize, String) {
        let error = parse(text.as_bytes(), spec).expect_err(text);
        (error.position, error.text)
    }

    #[test]
    fn quotes_protect_separators() {
        let list = parse(br#"(-1,"a,\")b"'c)')rest"#, &FIELD).expect("a good list");
        assert_eq!(list.values[0], Arg::Int(-1));
        assert_eq!(list.values[1], Arg::Str(b"a,\")bc)".to_vec()));
        assert_eq!(list.values[2], Arg::Absent);
        assert_eq!(list.length, 17);
    }

    #[test]
    fn faults_read_as_upstream_prints_them() {
        let expect = |text: &str, position, message: &str| {
            assert_eq!(
                error(text, &FIELD),
                (position, message.to_owned()),
                "{text}"
            );
        };
        expect(
            "",
            1,
            "expected type 'integer' at position 1, but got nothing",
        );
        expect(
            "(a,b)",
            1,
            "failed to parse 'a' as type 'integer' at position 1",
        );
        expect("(1,/,1,1)", 3, "expected ')' before ',1)'");
        expect("(1,/", 2, "expected ')'");
        expect(
            "(1)",
            2,
            "missing arguments (got 1/2), type 'string' expected",
        );
        assert_eq!(
            error("(1)", &ArgSpec::NONE),
            (1, "expected ')' before '1)'".to_owned())
        );
    }

    #[test]
    fn masks() {
        assert_eq!(mask4("24"), Some(0xffff_ff00));
        assert_eq!(mask4("255.255.0.0"), Some(0xffff_0000));
        assert_eq!((mask4("33"), mask4("255.0.255.0")), (None, None));
        assert_eq!(mask4("0"), Some(0));
    }
}
