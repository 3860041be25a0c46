//! The cookie in the first bytes of a remote desktop connection (configuration manual 7.3.5).

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::Sample;
use hapax_proto::tls::Found;

use super::{contents, fetches, int, string};

const NAME: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 0,
};

fetches! {
    "req.rdp_cookie", NAME, None, Str, Needs::REQUEST_BYTES, "A cookie of a remote desktop client." => |cx, args, _| string(settle(cx, args)?);
    "rdp_cookie", NAME, None, Str, Needs::REQUEST_BYTES, "A cookie of a remote desktop client." => |cx, args, _| string(settle(cx, args)?);
    "req.rdp_cookie_cnt", NAME, None, Int, Needs::REQUEST_BYTES, "How many such cookies there are: 0 or 1." => |cx, args, _| count(cx, args);
    "rdp_cookie_cnt", NAME, None, Int, Needs::REQUEST_BYTES, "How many such cookies there are: 0 or 1." => |cx, args, _| count(cx, args);
}

fn count<'a>(cx: &Cx<'a>, args: &'a [Arg]) -> Option<Sample<'a>> {
    match look(cx, args) {
        Found::Here(_) => int(1),
        Found::Nothing => int(0),
        Found::NotYet => {
            cx.stream.inspection.lacks_bytes();
            None
        }
    }
}

fn settle<'a>(cx: &Cx<'a>, args: &'a [Arg]) -> Option<&'a [u8]> {
    match look(cx, args) {
        Found::Here(value) => Some(value),
        Found::NotYet => {
            cx.stream.inspection.lacks_bytes();
            None
        }
        Found::Nothing => None,
    }
}

fn look<'a>(cx: &Cx<'a>, args: &'a [Arg]) -> Found<&'a [u8]> {
    let name = match args.first() {
        Some(Arg::Str(name)) => name.as_slice(),
        _ => b"",
    };
    cookie(contents(cx, false), name)
}

/// The value of the cookie that stands in a connection request: TPKT, then X.224, then `Cookie: NAME=VALUE` up to a line
/// feed ([MS-RDPBCGR] 2.2.1.1).
fn cookie<'a>(bytes: &'a [u8], wanted: &[u8]) -> Found<&'a [u8]> {
    const FIXED: usize = 11;
    const MARK: &[u8] = b"Cookie:";
    let Some((head, _)) = bytes.split_first_chunk::<FIXED>() else {
        return match bytes.first() {
            Some(3) | None => Found::NotYet,
            Some(_) => Found::Nothing,
        };
    };
    let (packet, inner) = (u16::from_be_bytes([head[2], head[3]]), head[4]);
    let request = head[5] == 0xe0 && head[6..11].iter().all(|byte| *byte == 0);
    if head[0] != 3 || head[1] != 0 || usize::from(packet) != usize::from(inner) + 5 || !request {
        return Found::Nothing;
    }
    let length = usize::from(packet);
    let Some(packet) = bytes.get(FIXED..length) else {
        return match length < FIXED {
            true => Found::Nothing,
            false => Found::NotYet,
        };
    };
    if packet.len() < MARK.len() {
        return Found::NotYet;
    }
    let Some(rest) = packet
        .split_at_checked(MARK.len())
        .filter(|(mark, _)| mark.eq_ignore_ascii_case(MARK))
        .map(|(_, rest)| rest.trim_ascii_start())
    else {
        return Found::Nothing;
    };
    let Some(equals) = memchr::memchr(b'=', rest) else {
        return Found::Nothing;
    };
    let (name, value) = (&rest[..equals], &rest[equals + 1..]);
    let end = value.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    match end {
        None => Found::NotYet,
        Some(end) if wanted.is_empty() || wanted.eq_ignore_ascii_case(name) => {
            Found::Here(&value[..end])
        }
        _ => Found::Nothing,
    }
}
