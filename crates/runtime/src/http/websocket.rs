//! Websockets that clients of HTTP/2 open (RFC 8441) towards servers of HTTP/1: the key that is asked for there, and what
//! the server has to make of it (RFC 6455 4.2.2).

use std::hash::{BuildHasher, RandomState};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hapax_proto::http::{Head, Name};
use sha1::{Digest, Sha1};

/// What the server has to answer with.
pub type Accept = Box<[u8]>;

/// Adds a key to a head that was written for a server, if it needs one. Answers what the server has to accept it with.
pub fn add_key(request: &Head, out: &mut Vec<u8>) -> Option<Accept> {
    if !request.seen().websocket || request.get(Name::SecWebSocketKey).is_some() {
        return None;
    }
    // Nobody has to be unable to guess it: it shows that an answer was made for this request.
    let random = RandomState::new();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random.hash_one(0u8).to_ne_bytes());
    bytes[8..].copy_from_slice(&random.hash_one(1u8).to_ne_bytes());
    let key = STANDARD.encode(bytes);
    out.truncate(out.len().saturating_sub(END.len()));
    for part in [b"Sec-Websocket-Key: ", key.as_bytes(), END, END] {
        out.extend_from_slice(part);
    }
    Some(accept(key.as_bytes()))
}

/// Whether a server's switch of protocols accepts the key that was made for it.
pub fn is_accepted(response: &Head, expected: Option<&Accept>) -> bool {
    let Some(expected) = expected.filter(|_| response.status() == 101) else {
        return true;
    };
    response.get(Name::SecWebSocketAccept) == Some(&**expected)
}

fn accept(key: &[u8]) -> Accept {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    STANDARD.encode(digest).into_bytes().into()
}

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const END: &[u8] = b"\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_specification() {
        let accepted = accept(b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(&*accepted, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let mut response = Head::new();
        response.start_response(b"HTTP/1.1", 101, b"Switching Protocols");
        assert!(is_accepted(&response, None));
        assert!(!is_accepted(&response, Some(&accepted)));
        response.add(b"sec-websocket-accept", &accepted);
        assert!(is_accepted(&response, Some(&accepted)));
        assert!(!is_accepted(&response, Some(&b"other"[..].into())));
    }
}
