//! What TLS agreed on for a connection, as fetches, rules and logs see it.

/// One side of a connection that TLS secures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secured {
    /// The version, as in `TLSv1.3`.
    pub version: &'static str,
    /// The cipher, in the notation of OpenSSL.
    pub cipher: &'static str,
    /// Bits of the cipher's key.
    pub key_bits: u16,
    /// The name of the server that the client asked for.
    pub server_name: Option<Box<[u8]>>,
    /// The protocol that ALPN chose.
    pub protocol: Option<Box<[u8]>>,
    /// Whether a former session went on.
    pub resumed: bool,
    /// The session's number, as far as there is one.
    pub session_id: Box<[u8]>,
    /// The group of the key exchange, in OpenSSL's notation.
    pub group: &'static str,
    /// The certificate that was shown to the peer, DER.
    pub own: Option<std::sync::Arc<[u8]>>,
    /// What the peer showed, its own certificate first, DER.
    pub peer: Vec<Box<[u8]>>,
    /// What the verification of the peer found.
    pub verdict: Verdict,
    /// The client's first message, where `tune.ssl.capture-buffer-size` keeps it.
    pub hello: Option<Box<[u8]>>,
}

/// What the verification of a peer's certificates found; OpenSSL's numbers, 0 is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The fault of the whole.
    pub result: u16,
    /// The first fault of an authority that was let pass.
    pub authority: u16,
    /// How many certificates above the peer's own that one was.
    pub authority_depth: u8,
    /// The first fault of the peer's own certificate that was let pass.
    pub own: u16,
}
