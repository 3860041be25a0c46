//! TLS of listeners and servers, as the configuration says it.

use serde::Serialize;

use super::{Expr, Milliseconds};
use crate::contract::{Material, Shared};
use crate::span::Span;

/// A version of the protocol, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub enum TlsVersion {
    Ssl3,
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

impl TlsVersion {
    /// All, oldest first.
    pub const ALL: [TlsVersion; 5] = [
        TlsVersion::Ssl3,
        TlsVersion::Tls10,
        TlsVersion::Tls11,
        TlsVersion::Tls12,
        TlsVersion::Tls13,
    ];

    /// The name in configurations and logs.
    pub fn name(self) -> &'static str {
        match self {
            TlsVersion::Ssl3 => "SSLv3",
            TlsVersion::Tls10 => "TLSv1.0",
            TlsVersion::Tls11 => "TLSv1.1",
            TlsVersion::Tls12 => "TLSv1.2",
            TlsVersion::Tls13 => "TLSv1.3",
        }
    }
}

/// Which versions are spoken.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TlsVersions {
    /// `ssl-min-ver`, `force-*`.
    pub min: Option<TlsVersion>,
    /// `ssl-max-ver`, `force-*`.
    pub max: Option<TlsVersion>,
    /// `no-*`.
    pub without: Vec<TlsVersion>,
}

/// What both sides say in the same words. Lists are in the notation of OpenSSL.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TlsSettings {
    /// Versions.
    pub versions: TlsVersions,
    /// `ciphers`: of TLS 1.2 and older.
    pub ciphers: Option<String>,
    /// `ciphersuites`: of TLS 1.3.
    pub ciphersuites: Option<String>,
    /// `curves`.
    pub curves: Option<String>,
    /// `ecdhe`.
    pub ecdhe: Option<String>,
    /// `sigalgs`.
    pub sigalgs: Option<String>,
    /// `client-sigalgs`.
    pub client_sigalgs: Option<String>,
    /// `alpn`: the protocols in order.
    pub alpn: Option<Vec<String>>,
    /// `no-tls-tickets`.
    pub no_tickets: bool,
}

/// What is asked of a peer's certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum TlsVerify {
    /// It is not asked for, or not looked at.
    #[default]
    None,
    /// It may be missing.
    Optional,
    /// It must be there and valid.
    Required,
}

/// TLS of a `bind` line.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BindTls {
    /// `ssl`.
    pub enabled: bool,
    /// Common words.
    pub settings: TlsSettings,
    /// `crt`, `default-crt` and `crt-list`, in order.
    pub certificates: Vec<BindCertificate>,
    /// `strict-sni`.
    pub strict_sni: bool,
    /// `verify`.
    pub verify: TlsVerify,
    /// `ca-file`.
    pub ca_file: Option<Shared<dyn Material>>,
    /// `ca-verify-file`.
    pub ca_verify_file: Option<Shared<dyn Material>>,
    /// `crl-file`.
    pub crl_file: Option<Shared<dyn Material>>,
    /// `ca-ignore-err`.
    pub ca_ignored: TlsIgnored,
    /// `crt-ignore-err`.
    pub crt_ignored: TlsIgnored,
    /// `no-ca-names`.
    pub no_ca_names: bool,
    /// `prefer-client-ciphers`.
    pub prefer_client_ciphers: bool,
    /// `tls-ticket-keys`: the keys, oldest first.
    pub ticket_keys: Option<Shared<dyn Material>>,
}

/// Faults of a peer's certificate that are let pass, by OpenSSL's numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub enum TlsIgnored {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// These.
    These(Vec<u16>),
}

/// A certificate of a `bind` line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BindCertificate {
    /// The certificate.
    pub material: Shared<dyn Material>,
    /// The names it is for; its own when there are none.
    pub filters: Vec<String>,
    /// `default-crt`, or the first one.
    pub is_default: bool,
    /// What a line of a `crt-list` says differently.
    pub settings: Option<Box<CertificateSettings>>,
}

/// Options of a line of a `crt-list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CertificateSettings {
    /// Common words.
    pub settings: TlsSettings,
    /// `verify`.
    pub verify: Option<TlsVerify>,
    /// `ca-file`.
    pub ca_file: Option<Shared<dyn Material>>,
    /// `ca-verify-file`.
    pub ca_verify_file: Option<Shared<dyn Material>>,
    /// `crl-file`.
    pub crl_file: Option<Shared<dyn Material>>,
    /// `no-ca-names`.
    pub no_ca_names: bool,
}

/// TLS of a `server` line.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ServerTls {
    /// `ssl`.
    pub enabled: bool,
    /// `check-ssl`.
    pub checks: bool,
    /// Whether a step of the check speaks TLS (`tcp-check connect ssl`).
    pub steps: bool,
    /// Common words.
    pub settings: TlsSettings,
    /// `verify`; none is what `ssl-server-verify` says.
    pub verify: Option<TlsVerify>,
    /// `verifyhost`.
    pub verify_host: Option<String>,
    /// `ca-file`.
    pub ca_file: Option<Shared<dyn Material>>,
    /// `crl-file`.
    pub crl_file: Option<Shared<dyn Material>>,
    /// `crt`.
    pub certificate: Option<(String, Span)>,
    /// `sni`: the expression and its text.
    pub sni: Option<(Expr, String)>,
    /// `check-sni`.
    pub check_sni: Option<String>,
    /// `check-alpn`.
    pub check_alpn: Option<Vec<String>>,
    /// `no-ssl-reuse`.
    pub no_reuse: bool,
}

/// TLS of the process.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct GlobalTls {
    /// `crt-base`.
    pub crt_base: Option<String>,
    /// `ca-base`.
    pub ca_base: Option<String>,
    /// `key-base`.
    pub key_base: Option<String>,
    /// `ssl-default-bind-*`.
    pub bind: TlsSettings,
    /// `ssl-default-bind-options strict-sni`.
    pub bind_strict_sni: bool,
    /// `ssl-default-bind-options prefer-client-ciphers`.
    pub bind_prefer_client_ciphers: bool,
    /// `ssl-default-server-*`.
    pub server: TlsSettings,
    /// `ssl-server-verify none`.
    pub server_verify_none: bool,
    /// `ssl-load-extra-files`.
    pub extra_files: ExtraFiles,
    /// `ssl-load-extra-del-ext`.
    pub extra_del_ext: bool,
    /// `tune.ssl.cachesize`, sessions.
    pub cache_size: Option<u32>,
    /// `tune.ssl.lifetime`.
    pub lifetime: Option<Milliseconds>,
    /// `tune.ssl.maxrecord`, bytes.
    pub max_record: u32,
    /// `tune.ssl.hard-maxrecord`, bytes.
    pub hard_max_record: u32,
    /// `tune.ssl.capture-buffer-size`, bytes.
    pub capture_size: u32,
    /// `maxsslconn`.
    pub maxconn: u32,
    /// `maxsslrate`.
    pub maxrate: u32,
}

/// Which files beside a certificate are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the words of ssl-load-extra-files")]
pub struct ExtraFiles {
    pub bundle: bool,
    pub ocsp: bool,
    pub key: bool,
}

impl Default for ExtraFiles {
    fn default() -> Self {
        ExtraFiles {
            bundle: true,
            ocsp: true,
            key: true,
        }
    }
}
