//! Websockets to servers of HTTP/2 (RFC 8441): what the client of HTTP/1 is told.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hapax_proto::h2::message::answer_websocket;
use hapax_proto::http::{Head, Name};
use sha1::{Digest, Sha1};

/// The server took the websocket that `request` asks for: `response` answers the client's key.
pub fn complete(request: &Head, response: &mut Head) {
    let key = request.get(Name::SecWebSocketKey).unwrap_or_default();
    answer_websocket(response, answer(key).as_bytes());
}

/// The answer to a client's key (RFC 6455 4.2.2).
fn answer(key: &[u8]) -> String {
    let mut digest = Sha1::new();
    digest.update(key);
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification() {
        assert_eq!(
            answer(b"dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }
}
