//! Who the client says it is (configuration manual 7.3.6; RFC 7617, RFC 6750).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Password, User};
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::{Occurrence, Sample};

use super::{boolean, fetches, string};

const LIST: ArgSpec = ArgSpec {
    kinds: &[ArgKind::UserList],
    required: 1,
};
const FIELD: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 0,
};

fetches! {
    "http_auth", LIST, None, Bool, Needs::REQUEST, "Whether user and password are in a list." => |cx, args, _| {
        let credentials = credentials(cx)?;
        boolean(user(cx, args, &credentials).is_some())
    };
    "http_auth_group", LIST, None, Str, Needs::REQUEST, "The user, if the password is right; an ACL compares the user's groups." => group;
    "http_auth_type", ArgSpec::NONE, None, Str, Needs::REQUEST, "The scheme of the authorization: Basic or Bearer." => |cx, _, _| {
        let field = authorization(cx)?;
        if credentials(cx).is_some() {
            return string(b"Basic");
        }
        token(field).and_then(|_| string(b"Bearer"))
    };
    "http_auth_user", ArgSpec::NONE, None, Str, Needs::REQUEST, "The user of a basic authorization." => |cx, _, _| string(credentials(cx)?.user);
    "http_auth_pass", ArgSpec::NONE, None, Str, Needs::REQUEST, "The password of a basic authorization." => |cx, _, _| string(credentials(cx)?.password);
    "http_auth_bearer", FIELD, None, Str, Needs::REQUEST, "The token of a bearer authorization, or of the header given." => |cx, args, _| {
        let field = match args.first() {
            Some(Arg::Str(name)) if !name.is_empty() => cx.stream.request.find(name),
            _ => authorization(cx),
        };
        string(token(field?)?)
    };
}

/// What the client says about itself, to this server or proxy.
fn authorization<'a>(cx: &Cx<'a>) -> Option<&'a [u8]> {
    let request = &cx.stream.request;
    let proxy = cx.program.asks_a_proxy(cx.session.frontend, request);
    request.find(match proxy {
        true => b"proxy-authorization",
        false => b"authorization",
    })
}

struct Credentials<'a> {
    user: &'a [u8],
    password: &'a [u8],
}

/// User and password of a basic authorization.
fn credentials<'a>(cx: &Cx<'a>) -> Option<Credentials<'a>> {
    let encoded = behind(authorization(cx)?, b"basic")?;
    let text = cx
        .arena
        .alloc_slice_fill_copy(encoded.len() / 4 * 3 + 3, 0u8);
    let length = STANDARD.decode_slice(encoded, text).ok()?;
    let text = text.get(..length)?;
    let colon = memchr::memchr(b':', text)?;
    Some(Credentials {
        user: &text[..colon],
        password: &text[colon + 1..],
    })
}

fn token(field: &[u8]) -> Option<&[u8]> {
    behind(field, b"bearer")
}

/// What follows a scheme and blanks.
fn behind<'a>(field: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let space = memchr::memchr(b' ', field)?;
    let (given, rest) = field.split_at(space);
    given
        .eq_ignore_ascii_case(scheme)
        .then(|| rest.trim_ascii_start())
}

/// The user of the list whose password is right.
fn user<'a>(cx: &Cx<'a>, args: &[Arg], given: &Credentials<'_>) -> Option<&'a User> {
    let Some(Arg::Str(name)) = args.first() else {
        return None;
    };
    let list = cx.program.user_list(name)?;
    let user = list.users.iter().find(|user| user.name == given.user)?;
    let right = match &user.password {
        Password::None => false,
        Password::Plain(password) => password == given.password,
        Password::Hashed(hash) => {
            std::str::from_utf8(hash).is_ok_and(|hash| pwhash::unix::verify(given.password, hash))
        }
    };
    right.then_some(user)
}

fn group<'a>(cx: &Cx<'a>, args: &'a [Arg], occurrence: &mut Occurrence) -> Option<Sample<'a>> {
    let credentials = credentials(cx)?;
    let user = user(cx, args, &credentials)?;
    if !occurrence.iterating {
        return string(credentials.user);
    }
    // A user without groups is found, but in no group.
    let group = user
        .groups
        .get(occurrence.at as usize)
        .map_or(&b""[..], Vec::as_slice);
    occurrence.at += 1;
    occurrence.more = (occurrence.at as usize) < user.groups.len();
    string(group)
}
