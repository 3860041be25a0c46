//! Names of servers that rustls refuses and OpenSSL serves, such as `127.0.0.1:9200`: they are hidden from rustls.
//!
//! The number of the extension is changed in the client's first message, so that rustls finds one that it does not know. What
//! both sides make their keys of is a hash of what was sent: it is shown again where messages are hashed and where what a client
//! signed is checked.

use std::borrow::Cow;
use std::cell::Cell;

use rustls::pki_types::{DnsName, IpAddr};

use crate::record::{self, HEADER, content};

/// Whether rustls ends the handshake of a client that asks for this name, and OpenSSL does not.
pub(crate) fn is_odd(name: &[u8]) -> bool {
    let is_address = || {
        let name = std::str::from_utf8(name).ok();
        name.is_some_and(|name| IpAddr::try_from(name).is_ok())
    };
    let is_served = (1..=MOST_NAME).contains(&name.len()) && !name.contains(&0);
    is_served && DnsName::try_from(name).is_err() && !is_address()
}

/// Hides the name in each first message among records that a client sent. False when it stands in none.
pub(crate) fn hide(mut records: &mut [u8]) -> bool {
    let mut hidden = false;
    while let Ok(Some(length)) = record::whole(records) {
        let Some((record, rest)) = records.split_at_mut_checked(length) else {
            break;
        };
        if record.first() == Some(&content::HANDSHAKE) {
            let message = record.get_mut(HEADER..).unwrap_or_default();
            if find(message, UNKNOWN).is_none() {
                hidden |= renumber(message, SERVER_NAME, UNKNOWN);
            }
        }
        records = rest;
    }
    hidden
}

/// Says whether the messages of the handshake that is advanced on this thread have a hidden name.
pub(crate) fn set(hidden: bool) {
    HIDDEN.set(hidden);
}

/// The message as it was sent; none when it is one with nothing hidden.
pub(crate) fn shown(messages: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !HIDDEN.get() {
        return None;
    }
    find(messages, UNKNOWN)?;
    let mut sent = messages.to_vec();
    renumber(&mut sent, UNKNOWN, SERVER_NAME);
    Some(Cow::Owned(sent))
}

thread_local! {
    static HIDDEN: Cell<bool> = const { Cell::new(false) };
}

fn renumber(message: &mut [u8], from: u16, to: u16) -> bool {
    let place = find(message, from).and_then(|at| message.get_mut(at..at + 2));
    let Some(place) = place else {
        return false;
    };
    place.copy_from_slice(&to.to_be_bytes());
    true
}

/// Where the number of this extension stands in a client's first message, which may have been cut off behind it.
fn find(message: &[u8], number: u16) -> Option<usize> {
    if message.first() != Some(&CLIENT_HELLO) {
        return None;
    }
    let short = |at: usize| Some(usize::from(*message.get(at)?));
    let long = |at: usize| {
        let bytes = message.get(at..at + 2)?.first_chunk::<2>()?;
        Some(usize::from(u16::from_be_bytes(*bytes)))
    };
    // Type and length, version, random bytes, then the session, the ciphers and the compressions.
    let mut at = 4 + 2 + 32;
    at += 1 + short(at)?;
    at += 2 + long(at)?;
    at += 1 + short(at)?;
    let end = at + 2 + long(at)?;
    at += 2;
    while at < end {
        if long(at)? == usize::from(number) {
            return Some(at);
        }
        at += 4 + long(at + 2)?;
    }
    None
}

/// The longest that OpenSSL takes.
const MOST_NAME: usize = 255;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
/// A number that is given to nobody.
const UNKNOWN: u16 = 0xfbfb;

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(numbers: &[u16]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        let all = numbers.iter().flat_map(|number| {
            let [a, b] = number.to_be_bytes();
            [a, b, 0, 3, 1, 2, 3]
        });
        let all: Vec<u8> = all.collect();
        body.extend((all.len() as u16).to_be_bytes());
        body.extend(all);
        let mut message = vec![CLIENT_HELLO, 0, 0, body.len() as u8];
        message.extend(body);
        message
    }

    fn record(message: &[u8]) -> Vec<u8> {
        let mut record = vec![content::HANDSHAKE, 3, 1, 0, message.len() as u8];
        record.extend(message);
        record
    }

    #[test]
    fn what_is_hidden_is_shown_again() {
        let sent = hello(&[10, 0, 43]);
        let mut records = [vec![20, 3, 3, 0, 1, 1], record(&sent)].concat();
        assert!(hide(&mut records));
        let changed = records[6 + HEADER..].to_vec();
        assert_ne!(changed, sent);
        assert_eq!(changed, hello(&[10, UNKNOWN, 43]));
        assert_eq!(shown(&changed), None);
        set(true);
        assert_eq!(shown(&changed).as_deref(), Some(sent.as_slice()));
        // What a resumption is bound to lacks the end.
        let cut = changed.len() - 3;
        assert_eq!(shown(&changed[..cut]).as_deref(), Some(&sent[..cut]));
        assert_eq!(shown(&[2, 0, 0]), None);
        set(false);
        assert!(!hide(&mut records), "it is hidden already");
        assert!(!hide(&mut record(&hello(&[UNKNOWN, 0]))));
        for length in 0..sent.len() {
            hide(&mut record(&sent[..length]));
        }
    }

    #[test]
    fn names() {
        for name in ["127.0.0.1:9200", "a b", "-", "a..b"] {
            assert!(is_odd(name.as_bytes()), "{name}");
        }
        for name in ["", "example.com", "127.0.0.1", "::1", "a\0b"] {
            assert!(!is_odd(name.as_bytes()), "{name}");
        }
        assert!(!is_odd(&[b'.'; 256]));
    }
}
