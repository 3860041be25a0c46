//! TLS towards a server, made from what its line and the process's defaults say.

use std::any::Any;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hapax_core::contract::{Material, Shared, TlsContext};
use hapax_core::ir::{GlobalTls, ServerTls, TlsVerify};
use rustls::ClientConfig;
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::pki_types::ServerName;

use crate::handshake::{Handshake, HandshakeFault};
use crate::listener::restricted;
use crate::provider::{self, Unusable};
use crate::secrets::Listening;
use crate::store::Loaded;
use crate::verify::server::ServerCheck;

/// See the module text.
#[derive(Debug)]
pub struct Server {
    /// What its line says.
    line: ServerTls,
    /// The name of the certificate that it is shown.
    pub(crate) certificate: Option<String>,
    made: ArcSwap<Made>,
    check_name: Option<String>,
    /// Whether traffic is secured; checks may be without it.
    pub secures: bool,
    /// Whether checks are secured.
    pub checks: bool,
}

/// What handshakes that begin now are made with.
#[derive(Debug)]
struct Made {
    config: Arc<ClientConfig>,
    check_config: Arc<ClientConfig>,
}

impl TlsContext for Server {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Its settings are of no use.
    Settings(Unusable),
    /// Nothing to verify the server with.
    NoAuthority,
    /// The authorities or lists of revoked certificates are of no use.
    Verifier(String),
}

impl Server {
    /// Makes it, with what was left out; `certificate` is the name of the one that the server is shown.
    ///
    /// # Errors
    /// When nothing can be made.
    pub fn build(
        line: &ServerTls,
        certificate: Option<&str>,
        global: &GlobalTls,
        loaded: &Loaded,
    ) -> Result<(Server, Vec<String>), Refused> {
        let (made, left_out) = Made::build(line, certificate, global, loaded)?;
        let built = Server {
            line: line.clone(),
            certificate: certificate.map(str::to_owned),
            made: ArcSwap::from_pointee(made),
            check_name: line.check_sni.clone(),
            secures: line.enabled,
            checks: line.enabled || line.checks,
        };
        Ok((built, left_out))
    }

    /// Makes what new handshakes use anew, of what is loaded now. Nothing changes when that cannot be made.
    ///
    /// # Errors
    /// When nothing can be made.
    pub(crate) fn change(&self, global: &GlobalTls, loaded: &Loaded) -> Result<(), Refused> {
        let (made, _) = Made::build(&self.line, self.certificate.as_deref(), global, loaded)?;
        self.made.store(Arc::new(made));
        Ok(())
    }

    /// Whether it verifies with a file of authorities or of revoked certificates.
    pub(crate) fn verifies_with(&self, name: &str) -> bool {
        let files = [&self.line.ca_file, &self.line.crl_file];
        files.into_iter().flatten().any(|file| file.text() == name)
    }

    /// A handshake with the server; `name` is what the `sni` expression gave.
    ///
    /// # Errors
    /// When rustls refuses its configuration.
    pub fn handshake(&self, name: Option<&[u8]>) -> Result<Handshake, HandshakeFault> {
        begin(&self.made.load().config, name)
    }

    /// The same, with this protocol alone in place of those that the line names.
    ///
    /// # Errors
    /// When rustls refuses its configuration.
    pub fn handshake_for(
        &self,
        name: Option<&[u8]>,
        protocol: &[u8],
    ) -> Result<Handshake, HandshakeFault> {
        let mut config = self.made.load().config.clone();
        if !config.alpn_protocols.is_empty() {
            Arc::make_mut(&mut config).alpn_protocols = vec![protocol.to_vec()];
        }
        begin(&config, name)
    }

    /// A handshake of a check whose step names a name and protocols; those of the line where it names none.
    ///
    /// # Errors
    /// When rustls refuses its configuration.
    pub fn step_handshake(
        &self,
        name: Option<&str>,
        protocols: Option<&[String]>,
    ) -> Result<Handshake, HandshakeFault> {
        let mut config = self.made.load().check_config.clone();
        if let Some(protocols) = protocols {
            Arc::make_mut(&mut config).alpn_protocols = offered(protocols);
        }
        begin(&config, name.map(str::as_bytes))
    }

    /// Whether a name can be asked for.
    pub fn shown(name: &[u8]) -> bool {
        std::str::from_utf8(name)
            .is_ok_and(|text| matches!(ServerName::try_from(text), Ok(ServerName::DnsName(_))))
    }

    /// A handshake of a check.
    ///
    /// # Errors
    /// When rustls refuses its configuration.
    pub fn check_handshake(&self) -> Result<Handshake, HandshakeFault> {
        let name = self.check_name.as_deref().map(str::as_bytes);
        begin(&self.made.load().check_config, name)
    }
}

impl Made {
    fn build(
        server: &ServerTls,
        certificate: Option<&str>,
        global: &GlobalTls,
        loaded: &Loaded,
    ) -> Result<(Made, Vec<String>), Refused> {
        let authorities = |file: &Option<Shared<dyn Material>>| {
            let found = loaded.authorities(&file.as_ref()?.text());
            found.map(AsRef::as_ref)
        };
        let default = match global.server_verify_none {
            true => TlsVerify::None,
            false => TlsVerify::Required,
        };
        let roots = authorities(&server.ca_file);
        let verifies = server.verify.unwrap_or(default) != TlsVerify::None;
        if verifies && roots.is_none() {
            return Err(Refused::NoAuthority);
        }
        let chosen =
            provider::choose(&server.settings, &global.server).map_err(Refused::Settings)?;
        let mut check = match roots.filter(|_| verifies) {
            Some(roots) => {
                let revoked = authorities(&server.crl_file);
                let host = server.verify_host.clone();
                ServerCheck::new(chosen.provider.clone(), roots, revoked, host)
                    .map_err(Refused::Verifier)?
            }
            None => ServerCheck::nothing(chosen.provider.clone()),
        };
        check.schemes.clone_from(&chosen.schemes);
        let builder = ClientConfig::builder_with_provider(chosen.provider.clone())
            .with_protocol_versions(&chosen.versions)
            .map_err(|error| Refused::Settings(Unusable::NothingBuilt(error.to_string())))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(check));
        let mut config = match certificate.and_then(|name| loaded.certificate(name)) {
            Some(certificate) => {
                let certificate = restricted(certificate, chosen.client_schemes.as_deref());
                builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(
                    certificate.certified.clone(),
                )))
            }
            None => builder.with_no_client_auth(),
        };
        config.enable_secret_extraction = true;
        config.key_log = Arc::new(Listening { all: global.keylog });
        let listed = server.settings.alpn.as_deref().unwrap_or_default();
        config.alpn_protocols = offered(listed);
        // Upstream goes on whatever the server chooses.
        config.check_selected_alpn = false;
        let cache = Arc::new(ClientSessionMemoryCache::new(NAMES_CACHED));
        let tickets = server.settings.tickets.or(global.server.tickets);
        config.resumption = match server.no_reuse {
            true => Resumption::disabled(),
            false if tickets == Some(false) => Resumption::store(cache)
                .tls12_resumption(rustls::client::Tls12Resumption::SessionIdOnly),
            false => Resumption::store(cache),
        };
        let mut check_config = config.clone();
        check_config.resumption = Resumption::disabled();
        if let Some(protocols) = &server.check_alpn {
            check_config.alpn_protocols = offered(protocols);
        }
        let made = Made {
            config: Arc::new(config),
            check_config: Arc::new(check_config),
        };
        Ok((made, chosen.left_out))
    }
}

/// What a list offers.
fn offered(listed: &[String]) -> Vec<Vec<u8>> {
    listed
        .iter()
        .map(|protocol| protocol.clone().into_bytes())
        .collect()
}

fn begin(config: &Arc<ClientConfig>, name: Option<&[u8]>) -> Result<Handshake, HandshakeFault> {
    let text = name.and_then(|name| std::str::from_utf8(name).ok());
    let dns = text
        .and_then(|text| ServerName::try_from(text.to_owned()).ok())
        .filter(|name| matches!(name, ServerName::DnsName(_)));
    let shown = dns.as_ref().and(name).map(Into::into);
    // rustls sends no name for an address: this one is the same for all, so that their sessions are too.
    let nameless = ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into());
    Handshake::client(config.clone(), dns.unwrap_or(nameless), shown)
}

/// Sessions of so many names are kept.
const NAMES_CACHED: usize = 256;

/// A certificate with its key, for tests.
#[cfg(test)]
pub(crate) const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIBfjCCASWgAwIBAgIUUvh/cf3s7exzL/UdVgW2qR9ngGwwCgYIKoZIzj0EAwIw\n\
FTETMBEGA1UEAwwKZWMuZXhhbXBsZTAeFw0yNjExMjExNjM0MzBaFw0zNTAyMDcx\n\
NjM0MzBaMBUxEzARBgNVBAMMCmVjLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjO\n\
PQMBBwNCAATiqcfztnCR917I/GwdGQOrVfRPDB9JGOFLKWLIZQGTP9I+OJqj/Ng6\n\
KJ6U3Xe9uhnIN5A2XzBWAP8iGlXMotz5o1MwUTAdBgNVHQ4EFgQU6LRpnp+6nbLf\n\
u2m77YFwSrup5IMwHwYDVR0jBBgwFoAU6LRpnp+6nbLfu2m77YFwSrup5IMwDwYD\n\
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAqkPS3KzAGGl8zmH5nBToB\n\
Fp3WpvKlsDtG183y6+e8YgIgG1SoSXfo+U28mSZigfvPwCZonXI8+3hTwAJk87bo\n\
ees=\n\
-----END CERTIFICATE-----\n\
-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgS9+iQJX+s2Tq1IE5\n\
p3iUz52yq95d/fo0zj7Ul8+nqrOhRANCAATiqcfztnCR917I/GwdGQOrVfRPDB9J\n\
GOFLKWLIZQGTP9I+OJqj/Ng6KJ6U3Xe9uhnIN5A2XzBWAP8iGlXMotz5\n\
-----END PRIVATE KEY-----\n";

#[cfg(test)]
mod tests {
    use hapax_core::ir::TlsSettings;
    use hapax_proto::tls::{Found, extension, list};
    use rustls::SignatureScheme;

    use super::*;

    fn server(settings: TlsSettings) -> ServerTls {
        ServerTls {
            enabled: true,
            verify: Some(TlsVerify::None),
            settings,
            ..ServerTls::default()
        }
    }

    // exercises: server/sigalgs
    #[test]
    fn the_hello_offers_the_algorithms_that_are_listed() {
        let settings = TlsSettings {
            sigalgs: Some("RSA+SHA256:ECDSA+SHA384".to_owned()),
            ..TlsSettings::default()
        };
        let built = Server::build(
            &server(settings),
            None,
            &GlobalTls::default(),
            &Loaded::default(),
        );
        let (server, _) = built.expect("a server");
        let mut out = Vec::new();
        let mut handshake = server.handshake(None).expect("a handshake");
        let (_, step) = handshake.advance(&mut [], &mut out);
        assert!(step.is_ok());
        let offered = hapax_proto::tls::extension(&out, extension::SIGNATURE_ALGORITHMS);
        let Found::Here(Some(offered)) = offered else {
            panic!("no algorithms in the hello");
        };
        assert_eq!(list(offered), Some(&[4, 1, 5, 3][..]));
    }

    // exercises: server/client-sigalgs
    #[test]
    fn our_own_key_signs_with_the_algorithms_that_are_listed() {
        let global = GlobalTls::default();
        let mut parts = crate::certificate::Parts::default();
        assert_eq!(parts.read(CERTIFICATE.as_bytes()), Ok(()));
        let certificate = parts.assemble("x.pem", &global, &mut Vec::new());
        let mut loaded = Loaded::default();
        let certificate = Arc::new(certificate.expect("a certificate"));
        loaded.certificates.insert("x.pem".to_owned(), certificate);
        let signs = |listed: &str| {
            let settings = TlsSettings {
                client_sigalgs: Some(listed.to_owned()),
                ..TlsSettings::default()
            };
            let built = Server::build(&server(settings), Some("x.pem"), &global, &loaded);
            let (server, _) = built.expect("a server");
            let offered = [SignatureScheme::ECDSA_NISTP256_SHA256];
            let made = server.made.load();
            let resolver = &made.config.client_auth_cert_resolver;
            let own = resolver.resolve(&[], &offered).expect("a certificate");
            own.key.choose_scheme(&offered).is_some()
        };
        assert!(signs("ECDSA+SHA256"));
        assert!(!signs("RSA+SHA256"));
    }
}
