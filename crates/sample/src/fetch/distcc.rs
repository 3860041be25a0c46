//! Tokens of the distcc protocol (configuration manual 7.3.5): four letters, eight hexadecimal digits, and for some as many
//! bytes as the digits say.

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::Value;
use hapax_proto::tls::Found;

use super::{contents, fetches, int};

const TOKEN: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str, ArgKind::Int],
    required: 1,
};

fetches! {
    "distcc_param", TOKEN, Some(check), Int, Needs::REQUEST_BYTES.or(Needs::RESPONSE_BYTES), "The number behind a token of the distcc protocol." => |cx, args, _| {
        let (number, _) = settle(cx, args)?;
        int(number)
    };
    "distcc_body", TOKEN, Some(check), Bin, Needs::REQUEST_BYTES.or(Needs::RESPONSE_BYTES), "The bytes behind a token of the distcc protocol." => |cx, args, _| {
        let (number, rest) = settle(cx, args)?;
        let length = body_length(token(args)?, number);
        match rest.get(..length) {
            Some(body) => Some(Value::Bin(body).into()),
            None => {
                cx.stream.inspection.lacks_bytes();
                None
            }
        }
    };
}

fn token(args: &[Arg]) -> Option<&[u8]> {
    match args.first() {
        Some(Arg::Str(token)) => Some(token),
        _ => None,
    }
}

fn check(args: &mut [Arg]) -> Result<(), String> {
    match token(args) {
        Some(token) if token.len() == 4 => {}
        _ => return Err("token name must be exactly 4 characters".to_owned()),
    }
    match args.get(1) {
        Some(Arg::Int(occurrence)) if *occurrence < 1 => {
            Err("occurrence number must be strictly positive".to_owned())
        }
        _ => Ok(()),
    }
}

fn settle<'a>(cx: &Cx<'a>, args: &'a [Arg]) -> Option<(u32, &'a [u8])> {
    let wanted = match args.get(1) {
        Some(Arg::Int(occurrence)) => *occurrence,
        _ => 1,
    };
    match find(contents(cx, false), token(args)?, wanted) {
        Found::Here(found) => Some(found),
        Found::NotYet => {
            cx.stream.inspection.lacks_bytes();
            None
        }
        Found::Nothing => None,
    }
}

fn find<'a>(mut bytes: &'a [u8], wanted: &[u8], occurrence: i64) -> Found<(u32, &'a [u8])> {
    let mut seen = 0;
    loop {
        let Some((head, rest)) = bytes.split_first_chunk::<12>() else {
            return Found::NotYet;
        };
        let (name, digits) = head.split_at(4);
        let number = std::str::from_utf8(digits)
            .ok()
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(number) = number else {
            return Found::Nothing;
        };
        if name == wanted {
            seen += 1;
            if seen == occurrence {
                return Found::Here((number, rest));
            }
        }
        let Some(rest) = rest.get(body_length(name, number)..) else {
            return Found::NotYet;
        };
        bytes = rest;
    }
}

/// How many bytes stand behind a token and its number: as many as the number says, but for tokens that only count something.
fn body_length(token: &[u8], number: u32) -> usize {
    match token {
        b"DIST" | b"ARGC" | b"DONE" | b"NFIL" | b"STAT" => 0,
        _ => usize::try_from(number).unwrap_or(usize::MAX),
    }
}
