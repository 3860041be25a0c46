//! TLS towards a server, made from what its line and the process's defaults say.

use std::any::Any;
use std::sync::Arc;

use hapax_core::contract::TlsContext;
use hapax_core::ir::{GlobalTls, ServerTls, TlsVerify};
use rustls::ClientConfig;
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::pki_types::ServerName;

use crate::authority::Authorities;
use crate::certificate::Certificate;
use crate::handshake::{Handshake, HandshakeFault};
use crate::listener::restricted;
use crate::provider::{self, Unusable};
use crate::verify::server::ServerCheck;

/// See the module text.
#[derive(Debug)]
pub struct Server {
    config: Arc<ClientConfig>,
    check_config: Arc<ClientConfig>,
    check_name: Option<String>,
    /// Whether traffic is secured; checks may be without it.
    pub secures: bool,
    /// Whether checks are secured.
    pub checks: bool,
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
    /// Makes it, with what was left out.
    ///
    /// # Errors
    /// When nothing can be made.
    pub fn build(
        server: &ServerTls,
        certificate: Option<&Arc<Certificate>>,
        global: &GlobalTls,
    ) -> Result<(Server, Vec<String>), Refused> {
        let authorities =
            |file: &Option<hapax_core::contract::Shared<dyn hapax_core::contract::Material>>| {
                let file = file.as_ref()?;
                file.as_any().downcast_ref::<Authorities>().cloned()
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
                ServerCheck::new(chosen.provider.clone(), &roots, revoked.as_ref(), host)
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
        let mut config = match certificate {
            Some(certificate) => {
                let certificate = restricted(certificate, chosen.client_schemes.as_deref());
                builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(
                    certificate.certified.clone(),
                )))
            }
            None => builder.with_no_client_auth(),
        };
        config.enable_secret_extraction = true;
        config.alpn_protocols = wanted(server.settings.alpn.as_deref().unwrap_or_default());
        // Upstream goes on whatever the server chooses.
        config.check_selected_alpn = false;
        let cache = Arc::new(ClientSessionMemoryCache::new(NAMES_CACHED));
        config.resumption = match server.no_reuse {
            true => Resumption::disabled(),
            false if server.settings.no_tickets || global.server.no_tickets => {
                Resumption::store(cache)
                    .tls12_resumption(rustls::client::Tls12Resumption::SessionIdOnly)
            }
            false => Resumption::store(cache),
        };
        let mut check_config = config.clone();
        check_config.resumption = Resumption::disabled();
        if let Some(protocols) = &server.check_alpn {
            check_config.alpn_protocols = wanted(protocols);
        }
        let built = Server {
            config: Arc::new(config),
            check_config: Arc::new(check_config),
            check_name: server.check_sni.clone(),
            secures: server.enabled,
            checks: server.enabled || server.checks,
        };
        Ok((built, chosen.left_out))
    }

    /// A handshake with the server; `name` is what the `sni` expression gave.
    ///
    /// # Errors
    /// When rustls refuses its configuration.
    pub fn handshake(&self, name: Option<&[u8]>) -> Result<Handshake, HandshakeFault> {
        begin(&self.config, name)
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
        let mut config = self.check_config.clone();
        if let Some(protocols) = protocols {
            Arc::make_mut(&mut config).alpn_protocols = wanted(protocols);
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
        begin(
            &self.check_config,
            self.check_name.as_deref().map(str::as_bytes),
        )
    }
}

/// What is offered of a list: h2 is not spoken to servers.
fn wanted(listed: &[String]) -> Vec<Vec<u8>> {
    let listed = listed.iter().filter(|protocol| *protocol != "h2");
    listed
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
        let built = Server::build(&server(settings), None, &GlobalTls::default());
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
        let sections = crate::pem::sections(CERTIFICATE.as_bytes());
        let [(_, certificate), (_, key)] = sections.read.as_slice() else {
            panic!("a certificate and a key");
        };
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.clone());
        let chain = vec![certificate.clone().into()];
        let certificate = crate::certificate::assemble("x.pem", chain, key.into(), None);
        let certificate = Arc::new(certificate.expect("a certificate"));
        let signs = |listed: &str| {
            let settings = TlsSettings {
                client_sigalgs: Some(listed.to_owned()),
                ..TlsSettings::default()
            };
            let built = Server::build(&server(settings), Some(&certificate), &GlobalTls::default());
            let (server, _) = built.expect("a server");
            let offered = [SignatureScheme::ECDSA_NISTP256_SHA256];
            let resolver = &server.config.client_auth_cert_resolver;
            let own = resolver.resolve(&[], &offered).expect("a certificate");
            own.key.choose_scheme(&offered).is_some()
        };
        assert!(signs("ECDSA+SHA256"));
        assert!(!signs("RSA+SHA256"));
    }

    const CERTIFICATE: &str = "\
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
}
