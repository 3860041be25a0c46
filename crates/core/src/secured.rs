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
    /// Whether a response of OCSP was stapled.
    pub stapled: bool,
    /// The session's number, as far as there is one.
    pub session_id: Box<[u8]>,
    /// The client's random bytes.
    pub client_random: [u8; 32],
    /// The server's random bytes.
    pub server_random: [u8; 32],
    /// Why there was no handshake: OpenSSL's number and words.
    pub fault: Option<(u32, &'static str)>,
    /// Secrets of the handshake, where something may ask for them.
    pub secrets: Option<Box<Secrets>>,
    /// The group of the key exchange, in OpenSSL's notation.
    pub group: &'static str,
    /// The certificate that was shown to the peer, DER.
    pub own: Option<std::sync::Arc<[u8]>>,
    /// What the peer showed, its own certificate first, DER.
    pub peer: Vec<Box<[u8]>>,
    /// The authority that the client's certificates lead to, DER.
    pub root: Option<Box<[u8]>>,
    /// What the verification of the peer found.
    pub verdict: Verdict,
    /// Lists of the client's first message, where `tune.ssl.capture-buffer-size` keeps them.
    pub captured: Option<Box<Captured>>,
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

/// Lists of a client's first message as they stand there, all together not longer than
/// `tune.ssl.capture-buffer-size`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// The version in the message.
    pub version: u16,
    /// The ciphers.
    pub ciphers: Box<[u8]>,
    /// The hash of all ciphers.
    pub ciphers_hash: u64,
    /// The numbers of the extensions.
    pub extensions: Box<[u8]>,
    /// The groups.
    pub groups: Box<[u8]>,
    /// The formats of points, one byte each.
    pub formats: Box<[u8]>,
    /// The versions that are offered.
    pub versions: Box<[u8]>,
    /// The signature algorithms.
    pub algorithms: Box<[u8]>,
}

/// Secrets of a handshake, as `SSLKEYLOGFILE` names them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// The master secret of TLS 1.2.
    pub master: Vec<u8>,
    /// `CLIENT_EARLY_TRAFFIC_SECRET`.
    pub client_early: Vec<u8>,
    /// `CLIENT_HANDSHAKE_TRAFFIC_SECRET`.
    pub client_handshake: Vec<u8>,
    /// `SERVER_HANDSHAKE_TRAFFIC_SECRET`.
    pub server_handshake: Vec<u8>,
    /// `CLIENT_TRAFFIC_SECRET_0`.
    pub client_traffic: Vec<u8>,
    /// `SERVER_TRAFFIC_SECRET_0`.
    pub server_traffic: Vec<u8>,
    /// `EXPORTER_SECRET`.
    pub exporter: Vec<u8>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}
