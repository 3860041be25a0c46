//! TLS of a listener, made from what its `bind` line and the process's defaults say.

use std::any::Any;
use std::sync::Arc;

use hapax_core::contract::TlsContext;
use hapax_core::ir::{BindTls, GlobalTls, TlsVerify};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SignatureScheme};

use crate::authority::Authorities;
use crate::certificate::Certificate;
use crate::choice::{Choice, Resolver};
use crate::handshake::{Handshake, HandshakeFault};
use crate::provider::{self, Chosen, Unusable};
use crate::restrict::Restricted;
use crate::ticket::Tickets;
use crate::verify::client::ClientCheck;

/// See the module text.
#[derive(Debug)]
pub struct Listener {
    config: Arc<ServerConfig>,
    choice: Arc<Choice>,
    check: Option<Arc<ClientCheck>>,
    keeps: usize,
}

impl TlsContext for Listener {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What a listener came to.
#[derive(Debug)]
pub struct Built {
    /// The listener.
    pub listener: Listener,
    /// What was asked for and is not there, in words.
    pub left_out: Vec<String>,
}

/// Why there is no listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Its settings are of no use.
    Settings(Unusable),
    /// No certificate, and none is awaited.
    NoCertificate,
    /// Certificates of clients are to be verified with nothing.
    NoAuthority,
    /// The authorities or lists of revoked certificates are of no use.
    Verifier(String),
}

impl Listener {
    /// Makes it; `offered` are the protocols of ALPN where the line lists none.
    ///
    /// # Errors
    /// When nothing can be made.
    pub fn build(bind: &BindTls, global: &GlobalTls, offered: &[&str]) -> Result<Built, Refused> {
        let strict = bind.strict_sni || global.bind_strict_sni;
        if bind.certificates.is_empty() && !strict {
            return Err(Refused::NoCertificate);
        }
        let chosen = provider::choose(&bind.settings, &global.bind).map_err(Refused::Settings)?;
        let mut choice = Choice::new(strict);
        for (index, entry) in bind.certificates.iter().enumerate() {
            if let Some(certificate) = entry
                .material
                .as_any()
                .downcast_ref::<CertificateMaterial>()
            {
                let certificate = restricted(&certificate.0, chosen.schemes.as_deref());
                let is_default = entry.is_default || index == 0;
                choice.add(certificate, &entry.filters, is_default);
            }
        }
        let choice = Arc::new(choice);
        let (config, check) = server_config(bind, global, &chosen, &choice, offered)?;
        Ok(Built {
            listener: Listener {
                config: Arc::new(config),
                choice,
                check,
                keeps: global.capture_size as usize,
            },
            left_out: chosen.left_out,
        })
    }

    /// A handshake with a client.
    ///
    /// # Errors
    /// When rustls refuses its configuration.
    pub fn handshake(&self) -> Result<Handshake, HandshakeFault> {
        Handshake::server(self.config.clone(), self.keeps)
    }

    /// The certificates.
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// What is asked of certificates of clients.
    pub fn check(&self) -> Option<&Arc<ClientCheck>> {
        self.check.as_ref()
    }
}

/// A certificate as it stands in the configuration.
#[derive(Debug)]
pub struct CertificateMaterial(pub Arc<Certificate>);

impl hapax_core::contract::Material for CertificateMaterial {
    fn text(&self) -> String {
        self.0.path.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The same certificate with a key that signs with `schemes` only.
pub(crate) fn restricted(
    certificate: &Arc<Certificate>,
    schemes: Option<&[SignatureScheme]>,
) -> Arc<Certificate> {
    let Some(schemes) = schemes else {
        return certificate.clone();
    };
    let own = &certificate.certified;
    let key = Restricted::new(own.key.clone(), schemes);
    let mut certified = CertifiedKey::new(own.cert.clone(), Arc::new(key));
    certified.ocsp = own.ocsp.clone();
    Arc::new(Certificate {
        path: certificate.path.clone(),
        certified: Arc::new(certified),
        der: certificate.der.clone(),
        names: certificate.names.clone(),
        kind: certificate.kind,
    })
}

fn server_config(
    bind: &BindTls,
    global: &GlobalTls,
    chosen: &Chosen,
    choice: &Arc<Choice>,
    offered: &[&str],
) -> Result<(ServerConfig, Option<Arc<ClientCheck>>), Refused> {
    let builder = ServerConfig::builder_with_provider(chosen.provider.clone())
        .with_protocol_versions(&chosen.versions)
        .map_err(|error| Refused::Settings(Unusable::NothingBuilt(error.to_string())))?;
    let check = client_check(bind, chosen)?;
    let verifier: Arc<dyn ClientCertVerifier> = match &check {
        Some(check) => check.clone(),
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let mut config = builder
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(Resolver(choice.clone())));
    config.enable_secret_extraction = true;
    config.ignore_client_order = !(bind.prefer_client_ciphers || global.bind_prefer_client_ciphers);
    config.max_fragment_size = None;
    config.alpn_protocols = protocols(bind, offered);
    config.send_tls13_tickets = 2;
    let no_tickets = bind.settings.no_tickets || global.bind.no_tickets;
    let cache = global.cache_size.unwrap_or(DEFAULT_CACHE) as usize;
    config.session_storage = match cache {
        0 => Arc::new(NoServerSessionStorage {}),
        sessions => ServerSessionMemoryCache::new(sessions.min(MOST_CACHED)),
    };
    if !no_tickets {
        config.ticketer =
            Tickets::of_process(global.lifetime.map_or(DEFAULT_LIFETIME, |time| time / 1000));
    }
    Ok((config, check))
}

/// The protocols that ALPN offers: those of the list, or `offered` without one.
fn protocols(bind: &BindTls, offered: &[&str]) -> Vec<Vec<u8>> {
    let own = |protocol: &str| protocol.to_owned().into_bytes();
    match &bind.settings.alpn {
        Some(listed) => listed.iter().map(|protocol| own(protocol)).collect(),
        None => offered.iter().map(|protocol| own(protocol)).collect(),
    }
}

fn client_check(bind: &BindTls, chosen: &Chosen) -> Result<Option<Arc<ClientCheck>>, Refused> {
    if bind.verify == TlsVerify::None {
        return Ok(None);
    }
    let material =
        |file: &Option<hapax_core::contract::Shared<dyn hapax_core::contract::Material>>| {
            let file = file.as_ref()?;
            file.as_any().downcast_ref::<Authorities>().cloned()
        };
    let shown = material(&bind.ca_file);
    let verifying = material(&bind.ca_verify_file);
    if shown.is_none() && verifying.is_none() {
        return Err(Refused::NoAuthority);
    }
    let check = ClientCheck::new(
        bind,
        shown.as_ref(),
        verifying.as_ref(),
        material(&bind.crl_file).as_ref(),
        chosen,
    );
    check
        .map(|check| Some(Arc::new(check)))
        .map_err(Refused::Verifier)
}

/// Seconds (`tune.ssl.lifetime`).
const DEFAULT_LIFETIME: u32 = 300;
const DEFAULT_CACHE: u32 = 20_000;
const MOST_CACHED: usize = 1 << 22;
