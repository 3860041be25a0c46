//! Options (TLV) of the PROXY protocol header that a client connection began with (configuration manual 7.3.3).

use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::{Occurrence, Sample};
use hapax_proto::proxy;

use super::{fetches, string};

const NAMED: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 1,
};

fetches! {
    "fc_pp_authority", ArgSpec::NONE, None, Str, Needs::CLIENT, "The authority that the PROXY protocol header tells." => |cx, _, _| {
        option(&cx.session.proxy_options, proxy::AUTHORITY, &mut Occurrence::default())
    };
    "fc_pp_unique_id", ArgSpec::NONE, None, Str, Needs::CLIENT, "The identifier that the PROXY protocol header tells." => |cx, _, _| {
        option(&cx.session.proxy_options, proxy::UNIQUE_ID, &mut Occurrence::default())
    };
    "fc_pp_tlv", NAMED, Some(check), Str, Needs::CLIENT_CONNECTION, "An option of the PROXY protocol header, by number or name." => |cx, args, occurrence| {
        let Some(Arg::Int(number)) = args.first() else {
            return None;
        };
        option(&cx.session.proxy_options, u8::try_from(*number).ok()?, occurrence)
    };
}

/// The value of the next option of this number; no longer ones than upstream keeps.
fn option<'a>(bytes: &'a [u8], number: u8, occurrence: &mut Occurrence) -> Option<Sample<'a>> {
    let mut found = proxy::options(bytes)
        .filter(|(other, value)| *other == number && value.len() <= LONGEST)
        .skip(occurrence.at as usize)
        .peekable();
    let (_, value) = found.next()?;
    occurrence.at += 1;
    occurrence.more = found.peek().is_some();
    string(value)
}

/// The number of an option, from its name or its digits.
fn check(args: &mut [Arg]) -> Result<(), String> {
    let text = match args.first() {
        // Without a number it is option 0.
        Some(Arg::Str(word)) if word.is_empty() => "0".to_owned(),
        Some(Arg::Str(word)) => String::from_utf8_lossy(word).into_owned(),
        _ => return Ok(()),
    };
    let named = NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&text));
    let number = match named {
        Some((_, number)) => i64::from(*number),
        None => number(&text).ok_or_else(|| format!("Could not convert type '{text}'"))?,
    };
    if !(0..=255).contains(&number) {
        return Err(format!("Invalid TLV Type '{text}'"));
    }
    if let Some(first) = args.first_mut() {
        *first = Arg::Int(number);
    }
    Ok(())
}

/// Decimal, hexadecimal behind `0x`, octal behind `0`.
fn number(text: &str) -> Option<i64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    i64::from_str_radix(digits, radix).ok()
}

const NAMES: &[(&str, u8)] = &[
    ("ALPN", 0x01),
    ("AUTHORITY", proxy::AUTHORITY),
    ("CRC32C", 0x03),
    ("NOOP", 0x04),
    ("UNIQUE_ID", proxy::UNIQUE_ID),
    ("SSL", 0x20),
    ("SSL_VERSION", 0x21),
    ("SSL_CN", 0x22),
    ("SSL_CIPHER", 0x23),
    ("SSL_SIG_ALG", 0x24),
    ("SSL_KEY_ALG", 0x25),
    ("NETNS", 0x30),
];

const LONGEST: usize = 1024;
