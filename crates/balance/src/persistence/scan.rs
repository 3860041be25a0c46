//! Finding one cookie in `Cookie` and `Set-Cookie` lines.

use std::ops::Range;

use hapax_core::ir::{Cookie, CookieMode};

/// What happens to a `Cookie` line of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// It stays.
    Keep,
    /// Nothing is left of it.
    Remove,
    /// It becomes this.
    Replace(Vec<u8>),
}

/// The value of the first cookie `name` of a `Cookie` line.
pub fn find<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    pairs(line)
        .filter_map(|pair| split(pair))
        .find(|(own, _)| *own == name)
        .map(|(_, value)| value)
}

/// What a `Cookie` line becomes towards the server: without our cookie in `insert indirect`, without its prefix in `prefix`.
pub fn rewritten(cookie: &Cookie, line: &[u8]) -> Edit {
    let name = cookie.name.as_bytes();
    let ours = |pair: &[u8]| split(pair).is_some_and(|(own, _)| own == name);
    let remove = cookie.mode == CookieMode::Insert && cookie.indirect;
    let prefix = cookie.mode == CookieMode::Prefix;
    if !(remove || prefix) || !pairs(line).any(ours) {
        return Edit::Keep;
    }
    let mut left: Vec<Vec<u8>> = Vec::new();
    let mut changed = remove;
    for pair in pairs(line) {
        match split(pair) {
            Some((own, _)) if own == name && remove => {}
            Some((own, value)) if own == name => {
                match value.iter().position(|&byte| byte == b'~') {
                    Some(at) => {
                        changed = true;
                        left.push([own, b"=", value.get(at + 1..).unwrap_or_default()].concat());
                    }
                    None => left.push(pair.trim_ascii().to_vec()),
                }
            }
            _ => left.push(pair.trim_ascii().to_vec()),
        }
    }
    // `$Version` and its like describe cookies; alone they say nothing.
    if left
        .iter()
        .all(|pair| pair.first().is_none_or(|&byte| byte == b'$'))
    {
        return Edit::Remove;
    }
    if changed {
        Edit::Replace(left.join(&b"; "[..]))
    } else {
        Edit::Keep
    }
}

/// Where the value of a `Set-Cookie` line stands, if it sets `name`.
pub fn set_cookie_value(line: &[u8], name: &[u8]) -> Option<Range<usize>> {
    let pair = line.split(|&byte| byte == b';').next()?;
    let (own, value) = split(pair)?;
    if own != name {
        return None;
    }
    let equals = pair.iter().position(|&byte| byte == b'=')?;
    let blanks = pair.get(equals + 1..)?.len() - pair.get(equals + 1..)?.trim_ascii_start().len();
    let start = equals + 1 + blanks;
    Some(start..start + value.len())
}

/// What stands before the first `delimiter`.
pub fn before(value: &[u8], delimiter: u8) -> &[u8] {
    value
        .split(|&byte| byte == delimiter)
        .next()
        .unwrap_or(value)
}

/// Name and value of a pair, without blanks.
fn split(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = pair.iter().position(|&byte| byte == b'=')?;
    let (name, value) = pair.split_at(at);
    Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
}

/// The pairs of a `Cookie` line: parted by semicolons or commas outside of quotes.
fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    line.split(move |&byte| {
        let parts = !quoted && (byte == b';' || byte == b',');
        if byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && byte == b'\\' && !escaped;
        parts
    })
}
