//! TLS of a listener, made from what its `bind` line and the process's defaults say, and made anew when the runtime API
//! changes certificates.

use std::any::Any;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hapax_core::contract::{Material, Shared, TlsContext};
use hapax_core::ir::{self, BindTls, CertificateSettings, GlobalTls, TlsVerify};
use parking_lot::Mutex;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    NoServerSessionStorage, ServerSessionMemoryCache, StoresServerSessions, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SignatureScheme};

use crate::certificate::{Certificate, KeyKind};
use crate::choice::{Choice, Chosen as ChosenBefore, Entry};
use crate::forge::Forger;
use crate::handshake::Handshake;
use crate::hello::Hello;
use crate::provider::{self, Chosen, Unusable};
use crate::restrict::Restricted;
use crate::secrets::Listening;
use crate::store::Loaded;
use crate::ticket::{Keys, Sessions, Tickets, Turning};
use crate::verify::client::ClientCheck;

/// See the module text.
#[derive(Debug)]
pub struct Listener {
    /// Where it is, as in `file.cfg:12`.
    pub place: String,
    /// Its proxy.
    pub proxy: String,
    bind: Mutex<BindTls>,
    sessions: Arc<dyn StoresServerSessions>,
    forger: Option<Arc<Forger>>,
    ready: ArcSwap<Ready>,
}

/// What handshakes that begin now are made with.
#[derive(Debug)]
pub struct Ready {
    choice: Choice,
    settings: Vec<Setting>,
    /// Makes certificates for names that none is for (`generate-certificates`).
    forger: Option<Arc<Forger>>,
    /// Bytes of a client's first message that are kept.
    pub(crate) keeps: usize,
}

/// Settings of a listener, or of lines of its lists that say something else.
#[derive(Debug)]
pub(crate) struct Setting {
    config: Arc<ServerConfig>,
    /// For clients that offer protocols of which none is ours: they get an answer without one.
    without_protocol: Option<Arc<ServerConfig>>,
    pub(crate) check: Option<Arc<ClientCheck>>,
    schemes: Option<Vec<SignatureScheme>>,
    speaks_13: bool,
}

impl TlsContext for Listener {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Why there is no listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Its settings are of no use.
    Settings(Unusable),
    /// Those of a line of a list are.
    OnLine(Unusable),
    /// No certificate, and none is awaited.
    NoCertificate,
    /// Certificates are to be made, and nobody signs them.
    NoSigner,
    /// Who is to sign them cannot.
    Signer(String, String),
    /// Certificates of clients are to be verified with nothing.
    NoAuthority {
        /// A line of a list asks for it.
        on_line: bool,
    },
    /// The authorities or lists of revoked certificates are of no use.
    Verifier(String),
}

impl Listener {
    /// Makes it, with what was asked for and is not there.
    ///
    /// # Errors
    /// When nothing can be made.
    pub fn build(
        bind: &BindTls,
        (proxy, place): (&str, &str),
        global: &GlobalTls,
        loaded: &Loaded,
    ) -> Result<(Listener, Vec<String>), Refused> {
        let strict = bind.strict_sni || global.bind_strict_sni;
        if bind.certificates.is_empty() && (!strict || bind.generates) {
            return Err(Refused::NoCertificate);
        }
        let forger = forger(bind, global)?;
        let cache = global.cache_size.unwrap_or(DEFAULT_CACHE) as usize;
        let sessions: Arc<dyn StoresServerSessions> = match cache {
            0 => Arc::new(NoServerSessionStorage {}),
            sessions => ServerSessionMemoryCache::new(sessions.min(MOST_CACHED)),
        };
        let (mut ready, left_out) = Ready::build(bind, place, global, loaded, &sessions)?;
        ready.forger.clone_from(&forger);
        let listener = Listener {
            place: place.to_owned(),
            proxy: proxy.to_owned(),
            bind: Mutex::new(bind.clone()),
            sessions,
            forger,
            ready: ArcSwap::from_pointee(ready),
        };
        Ok((listener, left_out))
    }

    /// Makes what new handshakes see anew, after `change` of its certificates. Nothing changes when that cannot be made.
    ///
    /// # Errors
    /// When nothing can be made.
    pub(crate) fn change(
        &self,
        global: &GlobalTls,
        loaded: &Loaded,
        change: impl FnOnce(&mut BindTls),
    ) -> Result<(), Refused> {
        let mut bind = self.bind.lock();
        let mut changed = bind.clone();
        change(&mut changed);
        let (mut ready, _) = Ready::build(&changed, &self.place, global, loaded, &self.sessions)?;
        ready.forger.clone_from(&self.forger);
        self.ready.store(Arc::new(ready));
        *bind = changed;
        Ok(())
    }

    /// A handshake with a client.
    pub fn handshake(&self) -> Handshake {
        Handshake::server(self.ready.load_full())
    }

    /// What handshakes are made with now.
    pub fn ready(&self) -> Arc<Ready> {
        self.ready.load_full()
    }

    /// Looks at what it is made of.
    pub(crate) fn with_bind<T>(&self, look: impl FnOnce(&BindTls) -> T) -> T {
        look(&self.bind.lock())
    }
}

impl Ready {
    fn build(
        bind: &BindTls,
        place: &str,
        global: &GlobalTls,
        loaded: &Loaded,
        sessions: &Arc<dyn StoresServerSessions>,
    ) -> Result<(Ready, Vec<String>), Refused> {
        let (own, mut left_out) = Setting::build(bind, false, place, global, loaded, sessions)?;
        let mut settings = vec![own];
        let mut known: Vec<&CertificateSettings> = Vec::new();
        let mut choice = Choice::new(bind.strict_sni || global.bind_strict_sni);
        for (index, entry) in bind.certificates.iter().enumerate() {
            let Some(certificate) = loaded.certificate(&entry.material.text()) else {
                continue;
            };
            let differing = entry.settings.as_deref().filter(|line| line.differs());
            let position = match differing {
                None => 0,
                Some(line) => match known.iter().position(|known| *known == line) {
                    Some(position) => position + 1,
                    None => {
                        let merged = merged(bind, line);
                        let built = Setting::build(&merged, true, place, global, loaded, sessions);
                        let built = built.map_err(|refused| match refused {
                            Refused::Settings(unusable) => Refused::OnLine(unusable),
                            other => other,
                        })?;
                        left_out.extend(built.1);
                        settings.push(built.0);
                        known.push(line);
                        known.len()
                    }
                },
            };
            let schemes = settings
                .get(position)
                .and_then(|setting| setting.schemes.as_deref());
            let is_default = entry.is_default || index == 0;
            choice.add(
                Entry {
                    certificate: restricted(certificate, schemes),
                    filters: entry.filters.clone(),
                    settings: u32::try_from(position).unwrap_or(0),
                    origin: entry.origin.clone(),
                },
                is_default,
            );
        }
        left_out.sort();
        left_out.dedup();
        let ready = Ready {
            choice,
            settings,
            forger: None,
            keeps: global.capture_size as usize,
        };
        Ok((ready, left_out))
    }

    /// The certificates.
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// What a client is shown, and with which settings.
    pub(crate) fn choose(&self, hello: &Hello<'_>) -> (Option<Arc<Certificate>>, Option<&Setting>) {
        let name = hello
            .server_name()
            .and_then(|name| std::str::from_utf8(name).ok());
        let accepts = |entry: &Entry| {
            let setting = self.settings.get(entry.settings as usize);
            hello.accepts(
                entry.kind(),
                setting.is_some_and(|setting| setting.speaks_13),
            )
        };
        let mut found = name.and_then(|name| self.choice.find_named(name, accepts));
        if found.is_none() {
            if let (Some(forger), Some(name)) = (&self.forger, name)
                && let Some(first) = self.choice.first()
                && let Some(made) = forger.certificate(name, &first.certificate)
            {
                return (Some(made), self.settings.first());
            }
            found = self.choice.find_default(accepts);
        }
        match found {
            Some(entry) => (
                Some(entry.certificate.clone()),
                self.settings.get(entry.settings as usize),
            ),
            None => (None, self.settings.first()),
        }
    }
}

/// What makes certificates for names that none is for.
fn forger(bind: &BindTls, global: &GlobalTls) -> Result<Option<Arc<Forger>>, Refused> {
    if !bind.generates {
        return Ok(None);
    }
    let path = bind.signs_with.as_deref().ok_or(Refused::NoSigner)?;
    let forger = Forger::load(path, global);
    let forger = forger.map_err(|text| Refused::Signer(path.to_owned(), text))?;
    Ok(Some(Arc::new(forger)))
}

/// What a line of a list says, over what its listener says.
fn merged(bind: &BindTls, line: &CertificateSettings) -> BindTls {
    let (own, base) = (&line.settings, &bind.settings);
    let either = |own: &Option<String>, base: &Option<String>| own.clone().or_else(|| base.clone());
    let file = |own: &Option<Shared<dyn Material>>, base: &Option<Shared<dyn Material>>| {
        own.clone().or_else(|| base.clone())
    };
    let bounded = own.versions.min.is_some() || own.versions.max.is_some();
    BindTls {
        enabled: true,
        settings: ir::TlsSettings {
            versions: ir::TlsVersions {
                min: own.versions.min.or(base.versions.min),
                max: own.versions.max.or(base.versions.max),
                without: if bounded {
                    Vec::new()
                } else {
                    base.versions.without.clone()
                },
            },
            ciphers: either(&own.ciphers, &base.ciphers),
            ciphersuites: either(&own.ciphersuites, &base.ciphersuites),
            curves: either(&own.curves, &base.curves),
            ecdhe: either(&own.ecdhe, &base.ecdhe),
            sigalgs: either(&own.sigalgs, &base.sigalgs),
            client_sigalgs: either(&own.client_sigalgs, &base.client_sigalgs),
            alpn: own.alpn.clone().or_else(|| base.alpn.clone()),
            tickets: base.tickets,
        },
        certificates: Vec::new(),
        lists: Vec::new(),
        strict_sni: bind.strict_sni,
        verify: line.verify.unwrap_or(bind.verify),
        ca_file: file(&line.ca_file, &bind.ca_file),
        ca_verify_file: file(&line.ca_verify_file, &bind.ca_verify_file),
        crl_file: file(&line.crl_file, &bind.crl_file),
        ca_ignored: bind.ca_ignored.clone(),
        crt_ignored: bind.crt_ignored.clone(),
        no_ca_names: line.no_ca_names || bind.no_ca_names,
        prefer_client_ciphers: bind.prefer_client_ciphers,
        ticket_keys: bind.ticket_keys.clone(),
        allow_early: bind.allow_early,
        generates: bind.generates,
        signs_with: bind.signs_with.clone(),
    }
}

impl Setting {
    /// What a client's handshake is made with.
    pub(crate) fn config(&self, hello: &Hello<'_>) -> &Arc<ServerConfig> {
        match &self.without_protocol {
            Some(without) if !hello.offers_any(&self.config.alpn_protocols) => without,
            _ => &self.config,
        }
    }

    fn build(
        bind: &BindTls,
        on_line: bool,
        place: &str,
        global: &GlobalTls,
        loaded: &Loaded,
        sessions: &Arc<dyn StoresServerSessions>,
    ) -> Result<(Setting, Vec<String>), Refused> {
        let chosen = provider::choose(&bind.settings, &global.bind).map_err(Refused::Settings)?;
        let builder = ServerConfig::builder_with_provider(chosen.provider.clone())
            .with_protocol_versions(&chosen.versions)
            .map_err(|error| Refused::Settings(Unusable::NothingBuilt(error.to_string())))?;
        let check = client_check(bind, on_line, &chosen, loaded)?;
        let verifier: Arc<dyn ClientCertVerifier> = match &check {
            Some(check) => check.clone(),
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let mut config = builder
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(ChosenBefore));
        config.enable_secret_extraction = true;
        config.ignore_client_order =
            !(bind.prefer_client_ciphers || global.bind_prefer_client_ciphers);
        config.max_fragment_size = None;
        config.alpn_protocols = protocols(bind);
        config.send_tls13_tickets = 2;
        config.key_log = Arc::new(Listening { all: global.keylog });
        let mut context = check
            .as_ref()
            .map(|check| check.context())
            .unwrap_or_default();
        config.session_storage = Arc::new(Sessions {
            kept: sessions.clone(),
            context: context.clone(),
        });
        let tickets = bind.settings.tickets.or(global.bind.tickets);
        if tickets.unwrap_or(true) {
            let lifetime = global.lifetime.map_or(DEFAULT_LIFETIME, |time| time / 1000);
            let given = bind.ticket_keys.as_ref();
            let given = given.and_then(|keys| loaded.ticket_keys(&keys.text()));
            let keys = match given {
                Some(keys) => Keys::Given(keys.clone()),
                None => {
                    // Keys that nobody else knows: tickets of other listeners mean nothing to this one.
                    context.extend(place.bytes());
                    Keys::Made(Turning::of_process(lifetime))
                }
            };
            config.ticketer = Arc::new(Tickets::new(keys, context, lifetime));
        }
        let without_protocol = (!config.alpn_protocols.is_empty()).then(|| {
            let mut without = config.clone();
            without.alpn_protocols.clear();
            Arc::new(without)
        });
        let setting = Setting {
            config: Arc::new(config),
            without_protocol,
            check,
            speaks_13: chosen
                .versions
                .iter()
                .any(|version| version.version == rustls::ProtocolVersion::TLSv1_3),
            schemes: chosen.schemes,
        };
        Ok((setting, chosen.left_out))
    }
}

/// The same certificate with a key that signs with `schemes` only.
pub(crate) fn restricted(
    certificate: &Arc<Certificate>,
    schemes: Option<&[SignatureScheme]>,
) -> Arc<Certificate> {
    let schemes = match (schemes, certificate.kind) {
        (Some(schemes), _) => schemes,
        // rustls would begin with the longest hash, OpenSSL does with the shortest.
        (None, KeyKind::Rsa) => RSA_ORDER,
        (None, KeyKind::Curve) => return certificate.clone(),
    };
    let restrict = |own: &CertifiedKey| {
        let key = Restricted::new(own.key.clone(), schemes);
        let mut certified = CertifiedKey::new(own.cert.clone(), Arc::new(key));
        certified.ocsp.clone_from(&own.ocsp);
        Arc::new(certified)
    };
    Arc::new(Certificate {
        path: certificate.path.clone(),
        parts: certificate.parts.clone(),
        certified: restrict(&certificate.certified),
        stapled: certificate
            .stapled
            .as_ref()
            .map(|(stapled, end)| (restrict(stapled), *end)),
        ocsp_id: certificate.ocsp_id.clone(),
        issuer: certificate.issuer.clone(),
        der: certificate.der.clone(),
        names: certificate.names.clone(),
        kind: certificate.kind,
    })
}

/// The protocols that ALPN offers.
fn protocols(bind: &BindTls) -> Vec<Vec<u8>> {
    let listed = bind.settings.alpn.iter().flatten();
    listed
        .map(|protocol| protocol.clone().into_bytes())
        .collect()
}

fn client_check(
    bind: &BindTls,
    on_line: bool,
    chosen: &Chosen,
    loaded: &Loaded,
) -> Result<Option<Arc<ClientCheck>>, Refused> {
    if bind.verify == TlsVerify::None {
        return Ok(None);
    }
    let material = |file: &Option<Shared<dyn Material>>| {
        let found = loaded.authorities(&file.as_ref()?.text());
        found.map(AsRef::as_ref)
    };
    let shown = material(&bind.ca_file);
    let verifying = material(&bind.ca_verify_file);
    if shown.is_none() && verifying.is_none() {
        return Err(Refused::NoAuthority { on_line });
    }
    let check = ClientCheck::new(bind, shown, verifying, material(&bind.crl_file), chosen);
    check
        .map(|check| Some(Arc::new(check)))
        .map_err(Refused::Verifier)
}

/// In which order a key of RSA signs.
const RSA_ORDER: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];
/// Seconds (`tune.ssl.lifetime`).
const DEFAULT_LIFETIME: u32 = 300;
const DEFAULT_CACHE: u32 = 20_000;
const MOST_CACHED: usize = 1 << 22;
