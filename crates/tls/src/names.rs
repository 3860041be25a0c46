//! OpenSSL's names for what rustls numbers.

mod offered;

use rustls::{CipherSuite, NamedGroup, ProtocolVersion};

/// A cipher in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cipher {
    /// The number.
    pub suite: CipherSuite,
    /// OpenSSL's name.
    pub name: &'static str,
    /// Bits of the key.
    pub bits: u16,
}

/// The ciphers that rustls has, in the order in which OpenSSL 3 prefers them.
pub static CIPHERS: &[Cipher] = &[
    row(
        CipherSuite::TLS13_AES_256_GCM_SHA384,
        "TLS_AES_256_GCM_SHA384",
        256,
    ),
    row(
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        "TLS_CHACHA20_POLY1305_SHA256",
        256,
    ),
    row(
        CipherSuite::TLS13_AES_128_GCM_SHA256,
        "TLS_AES_128_GCM_SHA256",
        128,
    ),
    row(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        256,
    ),
    row(
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-RSA-AES256-GCM-SHA384",
        256,
    ),
    row(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        256,
    ),
    row(
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-RSA-CHACHA20-POLY1305",
        256,
    ),
    row(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        128,
    ),
    row(
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-RSA-AES128-GCM-SHA256",
        128,
    ),
];

const fn row(suite: CipherSuite, name: &'static str, bits: u16) -> Cipher {
    Cipher { suite, name, bits }
}

/// A cipher in words; empty ones for what is not known.
pub fn cipher(suite: Option<CipherSuite>) -> Cipher {
    let known = CIPHERS.iter().find(|cipher| Some(cipher.suite) == suite);
    known
        .copied()
        .unwrap_or(row(CipherSuite::TLS_NULL_WITH_NULL_NULL, "", 0))
}

/// OpenSSL's name of any cipher that a client may offer.
pub fn any_cipher(number: u16) -> Option<&'static str> {
    let all = offered::CIPHERS;
    let found = all.binary_search_by_key(&number, |(known, _)| *known);
    all.get(found.ok()?).map(|(_, name)| *name)
}

/// A version in words.
pub fn version(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "",
    }
}

/// A group of a key exchange in words.
pub fn group(group: Option<NamedGroup>) -> &'static str {
    let known = GROUPS.iter().find(|(known, _)| Some(*known) == group);
    known.map_or("", |(_, names)| names[0])
}

/// The groups that rustls has with the names that OpenSSL takes for them, the one that it gives first.
pub static GROUPS: &[(NamedGroup, &[&str])] = &[
    (NamedGroup::X25519MLKEM768, &["X25519MLKEM768"]),
    (NamedGroup::X25519, &["X25519"]),
    (NamedGroup::secp256r1, &["SECP256R1", "prime256v1", "P-256"]),
    (NamedGroup::secp384r1, &["SECP384R1", "P-384"]),
    (NamedGroup::secp521r1, &["SECP521R1", "P-521"]),
    (NamedGroup::secp256r1MLKEM768, &["SecP256r1MLKEM768"]),
    (NamedGroup::MLKEM768, &["MLKEM768"]),
];
