//! TLS of listeners and servers, as the configuration says it.

use std::collections::BTreeMap;

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
    /// `tls-tickets`, `no-tls-tickets`.
    pub tickets: Option<bool>,
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
    /// The lists and folders that some of them come from.
    pub lists: Vec<String>,
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
    /// `allow-0rtt`.
    pub allow_early: bool,
    /// `generate-certificates`.
    pub generates: bool,
    /// `ca-sign-file`.
    pub signs_with: Option<String>,
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
    /// The certificate; its text is the name under which it was loaded.
    pub material: Shared<dyn Material>,
    /// The names it is for; its own when there are none.
    pub filters: Vec<String>,
    /// `default-crt`.
    pub is_default: bool,
    /// What a line of a `crt-list` says differently.
    pub settings: Option<Box<CertificateSettings>>,
    /// The `crt-list` or folder it comes from, and the line there.
    pub origin: Option<(String, u32)>,
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
    /// The words, as the runtime API shows them.
    pub text: String,
}

impl CertificateSettings {
    /// Whether it differs from what its listener says.
    pub fn differs(&self) -> bool {
        let words_only = CertificateSettings {
            text: self.text.clone(),
            ..CertificateSettings::default()
        };
        *self != words_only
    }
}

/// A `crt-list`, a folder of certificates, or the lines `ssl-f-use` of a frontend.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CertificateList {
    /// The lines that name a certificate.
    pub lines: Vec<CertificateLine>,
    /// Lines of the file, those that were added later included.
    pub last_line: u32,
}

/// A line of a `crt-list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CertificateLine {
    /// The name under which the certificate was loaded.
    pub name: String,
    /// Which line it is, from 1.
    pub number: u32,
    /// Its options, if it has some.
    pub settings: Option<Box<CertificateSettings>>,
    /// The names that the certificate is for.
    pub filters: Vec<String>,
}

/// A `crt-store` section while it is read: where the files of its lines are.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CertificateStore {
    /// Its name, empty for the one that has none.
    pub name: String,
    /// `crt-base` of the section.
    pub crt_base: Option<String>,
    /// `key-base` of the section.
    pub key_base: Option<String>,
}

/// TLS of a `server` line.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ServerTls {
    /// `ssl`.
    pub enabled: bool,
    /// `ssl`, whether or not `no-ssl` took it back: the runtime API may turn it on and off.
    pub switchable: bool,
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
    /// `tune.ssl.ssl-ctx-cache-size`: how many certificates that were made for a name are kept.
    pub made_size: Option<u32>,
    /// `tune.ssl.lifetime`.
    pub lifetime: Option<Milliseconds>,
    /// `tune.ssl.maxrecord`, bytes.
    pub max_record: u32,
    /// `tune.ssl.hard-maxrecord`, bytes.
    pub hard_max_record: u32,
    /// `tune.ssl.capture-buffer-size`, bytes.
    pub capture_size: u32,
    /// `ocsp-update.mindelay` and `ocsp-update.maxdelay`, seconds.
    pub ocsp_delays: (Option<u32>, Option<u32>),
    /// `ocsp-update.mode`.
    pub ocsp_update: bool,
    /// `ocsp-update.disable`.
    pub ocsp_disabled: bool,
    /// `ocsp-update.httpproxy`.
    pub ocsp_proxy: Option<std::net::SocketAddr>,
    /// `tune.ssl.keylog`.
    pub keylog: bool,
    /// `ssl-skip-self-issued-ca`.
    pub skip_self_issued: bool,
    /// `issuers-chain-path`: certificates that complete chains.
    pub issuers: Option<Shared<dyn Material>>,
    /// Certificates that were loaded, by name: path, or store and alias.
    pub certificates: BTreeMap<String, Shared<dyn Material>>,
    /// Files of authorities and of revoked certificates that were loaded.
    pub authorities: BTreeMap<String, Shared<dyn Material>>,
    /// Keys of tickets that were loaded, by file, in order.
    pub ticket_keys: Vec<(String, Shared<dyn Material>)>,
    /// Lists that were read, by path.
    pub lists: BTreeMap<String, CertificateList>,
    /// The `crt-store` section that was opened last.
    pub store: CertificateStore,
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
    pub sctl: bool,
    pub ocsp: bool,
    pub issuer: bool,
    pub key: bool,
}

impl Default for ExtraFiles {
    fn default() -> Self {
        ExtraFiles {
            bundle: true,
            sctl: true,
            ocsp: true,
            issuer: true,
            key: true,
        }
    }
}
