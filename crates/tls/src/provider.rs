//! The cryptography of one listener or server: what its lists and the process's defaults leave of what rustls has.

use std::sync::Arc;

use hapax_core::ir::{TlsSettings, TlsVersion};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CipherSuite, SignatureScheme, SupportedProtocolVersion};

use crate::names::{self, CIPHERS, GROUPS};
use crate::notation::{self, Listed, Nonsense};
use crate::suite;

/// What came of the settings.
#[derive(Debug)]
pub struct Chosen {
    /// Ciphers and groups.
    pub provider: Arc<CryptoProvider>,
    /// Versions.
    pub versions: Vec<&'static SupportedProtocolVersion>,
    /// Signature algorithms of our own key, where they are restricted.
    pub schemes: Option<Vec<SignatureScheme>>,
    /// Those of the peer's.
    pub client_schemes: Option<Vec<SignatureScheme>>,
    /// What was asked for and is not there, in words.
    pub left_out: Vec<String>,
}

/// Why nothing came of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// A list means nothing to OpenSSL: what upstream says it could not set, and to what.
    List(&'static str, String),
    /// All versions are switched off.
    NoVersion,
    /// What is asked for is not built.
    NothingBuilt(String),
}

/// Chooses; `defaults` are those of the process for this side.
///
/// # Errors
/// When nothing is left.
pub fn choose(own: &TlsSettings, defaults: &TlsSettings) -> Result<Chosen, Unusable> {
    let text =
        |of: fn(&TlsSettings) -> &Option<String>| of(own).clone().or_else(|| of(defaults).clone());
    let list =
        |text: Option<String>, what, read: fn(&str) -> Result<Listed<CipherSuite>, Nonsense>| {
            let read = |text: String| read(&text).map_err(|Nonsense| Unusable::List(what, text));
            text.map(read).transpose()
        };
    let mut left_out = Vec::new();
    let ciphers = list(
        text(|settings| &settings.ciphers),
        "SSL cipher list",
        notation::ciphers,
    )?;
    let suites = list(
        text(|settings| &settings.ciphersuites),
        "TLS 1.3 cipher suites",
        notation::suites,
    )?;
    let mut chosen: Vec<CipherSuite> = Vec::new();
    for (listed, is_13) in [(suites, true), (ciphers, false)] {
        match listed {
            Some(listed) => {
                chosen.extend(listed.usable);
                left_out.extend(listed.left_out);
            }
            None => chosen.extend(
                CIPHERS
                    .iter()
                    .filter(|cipher| cipher.name.starts_with("TLS_") == is_13)
                    .map(|cipher| cipher.suite),
            ),
        }
    }
    let all = suite::all();
    let cipher_suites: Vec<_> = chosen
        .iter()
        .filter_map(|suite| all.iter().find(|built| built.suite() == *suite).copied())
        .collect();
    let curves = text(|settings| &settings.curves);
    let named = if curves.is_some() {
        "SSL curves list"
    } else {
        "elliptic named curve"
    };
    let asked = curves.is_some() || own.ecdhe.is_some() || defaults.ecdhe.is_some();
    let curves = curves.or_else(|| text(|settings| &settings.ecdhe));
    let groups = match curves {
        None => GROUPS
            .iter()
            .take(DEFAULT_GROUPS)
            .map(|(group, _)| *group)
            .collect(),
        Some(text) => {
            let listed =
                notation::groups(&text).map_err(|Nonsense| Unusable::List(named, text.clone()))?;
            left_out.extend(listed.left_out);
            listed.usable
        }
    };
    let mut kx_groups = Vec::new();
    for group in groups {
        let built = aws_lc_rs::ALL_KX_GROUPS;
        match built.iter().find(|built| built.name() == group) {
            Some(built) => kx_groups.push(*built),
            None if asked => left_out.push(names::group(Some(group)).to_owned()),
            None => {}
        }
    }
    let mut signatures = |text: Option<String>| -> Result<Option<Vec<SignatureScheme>>, Unusable> {
        let Some(text) = text else {
            return Ok(None);
        };
        let listed = notation::schemes(&text)
            .map_err(|Nonsense| Unusable::List("SSL Signature Algorithm list", text))?;
        left_out.extend(listed.left_out);
        Ok(Some(listed.usable))
    };
    let schemes = signatures(text(|settings| &settings.sigalgs))?;
    let client_schemes = signatures(text(|settings| &settings.client_sigalgs))?;
    let versions = versions(own, defaults, &cipher_suites, &mut left_out)?;
    if kx_groups.is_empty() || schemes.as_ref().is_some_and(Vec::is_empty) {
        return Err(Unusable::NothingBuilt(left_out.join(", ")));
    }
    let provider = CryptoProvider {
        cipher_suites,
        kx_groups,
        ..aws_lc_rs::default_provider()
    };
    Ok(Chosen {
        provider: Arc::new(provider),
        versions,
        schemes,
        client_schemes,
        left_out,
    })
}

fn versions(
    own: &TlsSettings,
    defaults: &TlsSettings,
    suites: &[rustls::SupportedCipherSuite],
    left_out: &mut Vec<String>,
) -> Result<Vec<&'static SupportedProtocolVersion>, Unusable> {
    let (own, defaults) = (&own.versions, &defaults.versions);
    let bounded = own
        .min
        .or(own.max)
        .or(defaults.min)
        .or(defaults.max)
        .is_some();
    let asks_old = own
        .min
        .or(defaults.min)
        .is_some_and(|min| min < TlsVersion::Tls12);
    let min = own.min.or(defaults.min).unwrap_or(TlsVersion::Tls12);
    let max = own.max.or(defaults.max).unwrap_or(TlsVersion::Tls13);
    let without = |version: &TlsVersion| {
        !bounded && (own.without.contains(version) || defaults.without.contains(version))
    };
    // Without a lower bound the oldest version goes down with an upper one.
    let min = if own.min.or(defaults.min).is_none() && max < min {
        max
    } else {
        min
    };
    let asked: Vec<TlsVersion> = TlsVersion::ALL
        .into_iter()
        .filter(|version| (min..=max).contains(version) && !without(version))
        .collect();
    if asked.is_empty() {
        return Err(Unusable::NoVersion);
    }
    let mut versions = Vec::new();
    for version in asked {
        let built: &'static SupportedProtocolVersion = match version {
            TlsVersion::Tls12 => &rustls::version::TLS12,
            TlsVersion::Tls13 => &rustls::version::TLS13,
            old => {
                if asks_old || max < TlsVersion::Tls12 {
                    left_out.push(old.name().to_owned());
                }
                continue;
            }
        };
        if suites
            .iter()
            .any(|suite| suite.version().version == built.version)
        {
            versions.push(built);
        }
    }
    match versions.is_empty() {
        true => Err(Unusable::NothingBuilt(left_out.join(", "))),
        false => Ok(versions),
    }
}

/// Of [`GROUPS`], those that are offered unless a list says otherwise: as OpenSSL does.
const DEFAULT_GROUPS: usize = 4;
