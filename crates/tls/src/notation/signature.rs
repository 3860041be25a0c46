//! Lists of signature algorithms: `sigalgs` and `client-sigalgs`.

use rustls::SignatureScheme as Scheme;

use super::{Listed, Nonsense};

/// What of a list can be used.
///
/// # Errors
/// When a name is none.
pub fn schemes(text: &str) -> Result<Listed<Scheme>, Nonsense> {
    let mut listed = Listed::default();
    for word in text.split(':').filter(|word| !word.is_empty()) {
        let name = word.trim_start_matches('?').to_ascii_lowercase();
        let found: Vec<Scheme> = NAMES
            .iter()
            .filter(|(_, names)| names.contains(&name.as_str()))
            .map(|(scheme, _)| *scheme)
            .collect();
        match found.is_empty() {
            false => listed.usable.extend(found),
            true if UNBUILT.contains(&name.as_str())
                || name.ends_with("+sha1")
                || name.ends_with("+sha224") =>
            {
                listed.left_out.push(word.to_owned());
            }
            true if word.starts_with('?') => {}
            true => return Err(Nonsense),
        }
    }
    match listed.usable.is_empty() && listed.left_out.is_empty() {
        true => Err(Nonsense),
        false => Ok(listed),
    }
}

static NAMES: &[(Scheme, &[&str])] = &[
    (
        Scheme::ECDSA_NISTP256_SHA256,
        &["ecdsa_secp256r1_sha256", "ecdsa+sha256"],
    ),
    (
        Scheme::ECDSA_NISTP384_SHA384,
        &["ecdsa_secp384r1_sha384", "ecdsa+sha384"],
    ),
    (
        Scheme::ECDSA_NISTP521_SHA512,
        &["ecdsa_secp521r1_sha512", "ecdsa+sha512"],
    ),
    (Scheme::ED25519, &["ed25519"]),
    (
        Scheme::RSA_PSS_SHA256,
        &[
            "rsa_pss_rsae_sha256",
            "rsa_pss_sha256",
            "rsa-pss+sha256",
            "pss+sha256",
        ],
    ),
    (
        Scheme::RSA_PSS_SHA384,
        &[
            "rsa_pss_rsae_sha384",
            "rsa_pss_sha384",
            "rsa-pss+sha384",
            "pss+sha384",
        ],
    ),
    (
        Scheme::RSA_PSS_SHA512,
        &[
            "rsa_pss_rsae_sha512",
            "rsa_pss_sha512",
            "rsa-pss+sha512",
            "pss+sha512",
        ],
    ),
    (
        Scheme::RSA_PKCS1_SHA256,
        &["rsa_pkcs1_sha256", "rsa+sha256"],
    ),
    (
        Scheme::RSA_PKCS1_SHA384,
        &["rsa_pkcs1_sha384", "rsa+sha384"],
    ),
    (
        Scheme::RSA_PKCS1_SHA512,
        &["rsa_pkcs1_sha512", "rsa+sha512"],
    ),
];
/// Those that rustls has not.
const UNBUILT: &[&str] = &[
    "ed448",
    "rsa_pss_pss_sha256",
    "rsa_pss_pss_sha384",
    "rsa_pss_pss_sha512",
    "rsa_pkcs1_sha1",
    "ecdsa_sha1",
    "dsa+sha256",
    "dsa+sha384",
    "dsa+sha512",
    "ecdsa_brainpoolp256r1_sha256",
    "ecdsa_brainpoolp384r1_sha384",
    "ecdsa_brainpoolp512r1_sha512",
    "ecdsa_brainpoolp256r1tls13_sha256",
    "ecdsa_brainpoolp384r1tls13_sha384",
    "ecdsa_brainpoolp512r1tls13_sha512",
    "mldsa44",
    "mldsa65",
    "mldsa87",
];
