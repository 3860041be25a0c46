//! Certificates, authorities, lists and keys that are in use, by name: what listeners and servers are made from, and what the
//! runtime API shows and changes.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use hapax_core::contract::{Material, Shared, TlsContext};
use hapax_core::ir::{CertificateList, Config, GlobalTls};
use parking_lot::{Mutex, MutexGuard};

use crate::authority::Authorities;
use crate::certificate::{Certificate, CertificateMaterial, Parts};
use crate::listener::Listener;
use crate::server::Server;
use crate::ticket::TicketKeys;
use crate::update::Updates;

/// See the module text.
#[derive(Debug)]
pub struct Store {
    /// TLS of the process, as the configuration says it.
    pub(crate) global: GlobalTls,
    state: Mutex<State>,
    /// Never locked before the state.
    pub(crate) updates: Mutex<Updates>,
    /// The zone of dates that are shown, read before `chroot` hides it.
    pub(crate) zone: jiff::tz::TimeZone,
}

impl TlsContext for Store {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What changes.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) loaded: Loaded,
    /// Names of certificates that have none yet.
    pub(crate) empty: Vec<String>,
    pub(crate) lists: BTreeMap<String, CertificateList>,
    pub(crate) listeners: Vec<Arc<Listener>>,
    pub(crate) servers: Vec<Arc<Server>>,
    /// What is about to be changed.
    pub(crate) certificate: Option<(String, Parts)>,
    pub(crate) authorities: Option<(String, Authorities)>,
    pub(crate) revoked: Option<(String, Authorities)>,
}

/// What was loaded, by name.
#[derive(Debug, Default)]
pub struct Loaded {
    pub(crate) certificates: BTreeMap<String, Arc<Certificate>>,
    pub(crate) authorities: BTreeMap<String, Arc<Authorities>>,
    pub(crate) ticket_keys: Vec<Arc<TicketKeys>>,
}

impl Loaded {
    /// What a configuration loaded.
    pub fn new(config: &Config) -> Loaded {
        let mut loaded = Loaded::default();
        let tls = &config.global.tls;
        for (name, material) in &tls.certificates {
            if let Some(CertificateMaterial(certificate)) = material.as_any().downcast_ref() {
                loaded
                    .certificates
                    .insert(name.clone(), certificate.clone());
            }
        }
        for (name, material) in &tls.authorities {
            if let Some(authorities) = material.as_any().downcast_ref::<Authorities>() {
                let authorities = Arc::new(authorities.clone());
                loaded.authorities.insert(name.clone(), authorities);
            }
        }
        for (_, material) in &tls.ticket_keys {
            if let Some(keys) = material.as_any().downcast_ref::<TicketKeys>() {
                let keys = TicketKeys::new(keys.path.clone(), keys.all());
                loaded.ticket_keys.push(Arc::new(keys));
            }
        }
        loaded
    }

    /// Puts all of it where the configuration has it.
    pub(crate) fn fill(&self, global: &mut GlobalTls) {
        for (name, certificate) in &self.certificates {
            let material = Shared(Arc::new(CertificateMaterial(certificate.clone())) as Arc<_>);
            global.certificates.insert(name.clone(), material);
        }
        for (name, authorities) in &self.authorities {
            let material = Shared(Arc::new(Authorities::clone(authorities)) as Arc<_>);
            global.authorities.insert(name.clone(), material);
        }
    }

    /// Both have what one of them has; what both have stays.
    pub(crate) fn join(&mut self, other: &mut Loaded) {
        for (name, own) in &self.certificates {
            other.certificates.insert(name.clone(), own.clone());
        }
        for (name, own) in &self.authorities {
            other.authorities.insert(name.clone(), own.clone());
        }
        self.certificates.clone_from(&other.certificates);
        self.authorities.clone_from(&other.authorities);
    }

    /// Adds certificates. The name of the first one.
    pub(crate) fn add(&mut self, read: Vec<Certificate>) -> Option<String> {
        let first = read.first().map(|first| first.path.clone());
        for certificate in read {
            let name = certificate.path.clone();
            self.certificates.insert(name, Arc::new(certificate));
        }
        first
    }

    /// The certificate of that name.
    pub fn certificate(&self, name: &str) -> Option<&Arc<Certificate>> {
        self.certificates.get(name)
    }

    /// The file of authorities of that name.
    pub fn authorities(&self, name: &str) -> Option<&Arc<Authorities>> {
        self.authorities.get(name)
    }

    /// The keys of the file of that name.
    pub(crate) fn ticket_keys(&self, name: &str) -> Option<&Arc<TicketKeys>> {
        self.ticket_keys.iter().find(|keys| keys.path == name)
    }
}

impl Store {
    /// What a configuration loaded; listeners and servers come later.
    pub(crate) fn new(config: &Config, loaded: Loaded) -> Store {
        let mut global = config.global.tls.clone();
        let lists = std::mem::take(&mut global.lists);
        global.certificates = BTreeMap::new();
        global.authorities = BTreeMap::new();
        global.ticket_keys = Vec::new();
        Store {
            global,
            state: Mutex::new(State {
                loaded,
                lists,
                ..State::default()
            }),
            updates: Mutex::default(),
            zone: jiff::tz::TimeZone::system(),
        }
    }

    /// The listeners and servers that are made of it.
    pub(crate) fn attach(&self, listeners: Vec<Arc<Listener>>, servers: Vec<Arc<Server>>) {
        let mut state = self.state.lock();
        state.listeners = listeners;
        state.servers = servers;
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// Keeps what was loaded under its name.
pub(crate) fn keep(
    kept: &mut BTreeMap<String, Shared<dyn Material>>,
    material: impl Material + 'static,
) -> Shared<dyn Material> {
    let material: Shared<dyn Material> = Shared(Arc::new(material));
    kept.insert(material.text(), material.clone());
    material
}
