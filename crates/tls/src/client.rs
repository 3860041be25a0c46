//! TLS of the client for HTTP that the process itself has (`httpclient.ssl.*`).

use std::sync::Arc;

use hapax_core::contract::Shared;
use hapax_core::ir::{Config, GlobalTls, HttpClient, ServerTls, TlsSettings, TlsVerify};

use crate::authority::Authorities;
use crate::handshake::Handshake;
use crate::server::Server;
use crate::store::{Loaded, Store};

impl Store {
    /// A handshake with a host, whose certificate has to be for it unless nothing is verified.
    ///
    /// # Errors
    /// Why there is none, for who looks for the fault.
    pub fn client(&self, settings: &HttpClient, host: &str) -> Result<Handshake, String> {
        let mut line = ServerTls {
            enabled: true,
            verify: Some(settings.verify.unwrap_or(TlsVerify::Required)),
            no_reuse: true,
            settings: TlsSettings {
                alpn: Some(vec!["http/1.1".to_owned()]),
                ..TlsSettings::default()
            },
            ..ServerTls::default()
        };
        let mut state = self.state();
        if line.verify != Some(TlsVerify::None) {
            let path = place(settings, &self.global);
            let known = match state.loaded.authorities(&path) {
                Some(known) => known.clone(),
                None => {
                    let read = Arc::new(Authorities::load(&path)?);
                    state.loaded.authorities.insert(path, read.clone());
                    read
                }
            };
            line.verify_host = Some(host.to_owned());
            line.ca_file = Some(Shared(known));
        }
        let built = Server::build(&line, None, &self.global, &state.loaded);
        drop(state);
        let (server, _) = built.map_err(|refused| format!("{refused:?}"))?;
        let handshake = server.handshake(Some(host.as_bytes()));
        handshake.map_err(|fault| fault.to_string())
    }
}

/// Loads the authorities while files can be read: those that are named, and those of the system when `chroot` will hide them.
///
/// # Errors
/// What upstream says of a file that cannot be read.
pub(crate) fn prepare(config: &Config, loaded: &mut Loaded) -> Result<(), String> {
    let settings = &config.global.http_client;
    let needed = settings.ca_file.is_some() || config.global.chroot.is_some();
    if !needed || settings.verify == Some(TlsVerify::None) {
        return Ok(());
    }
    let path = place(settings, &config.global.tls);
    if loaded.authorities(&path).is_some() {
        return Ok(());
    }
    match Authorities::load(&path) {
        Ok(read) => {
            loaded.authorities.insert(path, Arc::new(read));
            Ok(())
        }
        Err(_) if settings.ca_file.is_none() => Ok(()),
        Err(why) => Err(format!("Couldn't open the ca-file '{path}' ({why}).")),
    }
}

/// Where the authorities are.
pub(crate) fn place(settings: &HttpClient, global: &GlobalTls) -> String {
    match &settings.ca_file {
        None => SYSTEM.to_owned(),
        Some((path, _)) if path.starts_with('@') => path.clone(),
        Some((path, _)) => crate::keyword::below(global.ca_base.as_deref(), path),
    }
}

const SYSTEM: &str = "@system-ca";
