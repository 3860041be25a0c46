//! What conditions in a configuration may ask about this program.

use hapax_config::condition::{self, Capabilities};
use hapax_config::lexer;
use hapax_core::span::FileId;

use crate::version;

/// Features as an upstream with the same abilities would list them. Lua, QUIC and so on join when they work.
const FEATURES: &[&str] = &[
    "ACCEPT4",
    "CPU_AFFINITY",
    "CRYPT_H",
    "EPOLL",
    "GETADDRINFO",
    "LIBCRYPT",
    "LINUX_CAP",
    "LINUX_SPLICE",
    "LINUX_TPROXY",
    "NETFILTER",
    "OPENSSL",
    "PCRE2",
    "PRCTL",
    "PROMEX",
    "SSL",
    "TFO",
    "THREAD",
    "TPROXY",
];

/// Settings that `enabled()` reports.
const ENABLED: &[&str] = &[
    "POLL",
    "EPOLL",
    "FAST-FORWARD",
    "GETADDRINFO",
    "SPLICE",
    "REUSEPORT",
];

/// What this program can do.
pub fn capabilities() -> Capabilities {
    Capabilities {
        features: FEATURES.to_vec(),
        enabled: ENABLED.to_vec(),
        version: version::REFERENCE.into(),
        // What AWS-LC says of itself, so that what is said for older libraries is left out.
        openssl_version: "1.1.1".into(),
        ssllib_name: "AWS-LC".into(),
    }
}

/// Evaluates the argument of `-cc`.
///
/// # Errors
/// Upstream's text.
pub fn evaluate(text: &str) -> Result<bool, String> {
    let place = lexer::Place {
        file: FileId(0),
        path: "-cc",
        line: 1,
        section: b"",
    };
    // What the program tells files of itself is not known yet.
    let environment = |name: &[u8]| match name.starts_with(b"HAPROXY_") {
        true => None,
        false => environment(name),
    };
    let words = lexer::words(text.as_bytes(), &place, &environment)
        .map_err(|error| error.condition_message().to_owned())?;
    let joined = words
        .arguments()
        .iter()
        .map(|word| word.text.as_slice())
        .collect::<Vec<_>>()
        .join(&b" "[..]);
    condition::evaluate(&joined, &capabilities(), &environment)
        .map_err(|error| format!("Failed to evaluate condition: {}", error.message))
}

/// The process environment, and the variables that HAProxy sets itself.
pub fn environment(name: &[u8]) -> Option<Vec<u8>> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    if let Some(value) = std::env::var_os(std::ffi::OsStr::from_bytes(name)) {
        return Some(value.into_vec());
    }
    match name {
        b"HAPROXY_VERSION" => Some(version::VERSION.into()),
        b"HAPROXY_BRANCH" => Some(b"3.2".to_vec()),
        b"HAPROXY_LOCALPEER" => hapax_sys::identity::host_name().ok().map(Into::into),
        _ => None,
    }
}
