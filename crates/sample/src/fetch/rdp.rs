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

/// The value of the cookie that stands in a connection request: the heads of TPKT and X.224, which upstream does not look at, then
/// `Cookie: NAME=VALUE` up to the end of the line ([MS-RDPBCGR] 2.2.1.1).
fn cookie<'a>(bytes: &'a [u8], wanted: &[u8]) -> Found<&'a [u8]> {
    const HEADS: usize = 11;
    const MARK: &[u8] = b"Cookie:";
    let Some((mark, rest)) = bytes
        .get(HEADS..)
        .and_then(|line| line.split_at_checked(MARK.len()))
        .filter(|(_, rest)| !rest.is_empty())
    else {
        return Found::NotYet;
    };
    if !mark.eq_ignore_ascii_case(MARK) {
        return Found::Nothing;
    }
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    let rest = &rest[blanks..];
    let value = match wanted.len() {
        0 => match memchr::memchr3(b'=', b'\r', b'\n', rest) {
            None => return Found::NotYet,
            Some(at) if rest[at] == b'=' => &rest[at + 1..],
            Some(_) => return Found::Nothing,
        },
        length => match rest.split_at_checked(length) {
            Some((_, [])) | None => return Found::NotYet,
            Some((name, [b'=', value @ ..])) if name.eq_ignore_ascii_case(wanted) => value,
            Some(_) => return Found::Nothing,
        },
    };
    let Some(end) = memchr::memchr(b'\r', value) else {
        return Found::NotYet;
    };
    match value.get(end + 1) {
        None => Found::NotYet,
        Some(b'\n') => Found::Here(&value[..end]),
        Some(_) => Found::Nothing,
    }
}
