//! The compiled configuration: immutable, shared by all streams that started under it.

mod followers;

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use hapax_proto::http::Head;

use crate::ir;
use crate::live::{Live, ProxyLive};
use crate::pattern::Lists;
use crate::span::Span;
use crate::trace::Settings;

pub use followers::{Followers, Place};

/// Position of a proxy in [`Program::proxies`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ProxyId(pub u32);

/// A configuration in force, with the live state it is attached to.
#[derive(Debug)]
pub struct Program {
    /// Paths of the configuration's files by [`FileId`](crate::span::FileId).
    pub files: Vec<String>,
    /// Process-wide settings.
    pub global: ir::Global,
    /// Lists of users.
    pub user_lists: Vec<ir::UserList>,
    /// The `http-errors` sections.
    pub http_errors: Vec<ir::HttpErrors>,
    /// The `log-profile` sections.
    pub log_profiles: Vec<ir::LogProfile>,
    /// The `mailers` sections.
    pub mailers: Vec<ir::Mailers>,
    /// The rings.
    pub rings: Vec<ir::Ring>,
    /// What the `traces` sections say.
    pub traces: Settings,
    /// The `log-forward` sections.
    pub log_forwards: Vec<ir::LogForward>,
    /// The proxies, in file order.
    pub proxies: Vec<Proxy>,
    /// The ACLs.
    pub acls: Vec<ir::Acl>,
    /// The lists of patterns that ACLs and maps use.
    pub patterns: Lists,
    /// Live state.
    pub live: Arc<Live>,
    /// The machine's name, for logs and the statistics page.
    pub host_name: String,
    /// Servers that something else of the configuration names: they stay.
    pinned: HashSet<(ProxyId, usize)>,
    backends: Names,
    frontends: Names,
    followers: followers::Known,
}

/// Proxies by name, the first of each.
type Names = HashMap<Arc<str>, ProxyId>;

/// A proxy in force.
#[derive(Debug)]
pub struct Proxy {
    /// What the configuration says.
    pub ir: ir::Proxy,
    /// Its live state.
    pub live: Arc<ProxyLive>,
    /// The default backend, itself for a `listen`.
    pub default_backend: Option<ProxyId>,
    /// From when on the log line of an exchange can be written.
    pub log_ready: ir::LogReady,
    /// Targets of `use_backend` with fixed names, by rule.
    pub use_backend: Vec<Option<ProxyId>>,
    /// The frontends that may lead to it by name, itself for a `listen`, in file order.
    pub led_to_by: Vec<ProxyId>,
    /// What its servers are about, as the configuration says it.
    pub servers: ServersSay,
    /// Its servers by name, where a name may be looked for at run time.
    pub server_names: HashMap<String, usize>,
}

/// What some server of a proxy is about: who looks for such servers passes the proxy over without it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServersSay {
    /// One has a check or an agent.
    pub checks: bool,
    /// One comes up slowly (`slowstart`).
    pub slowstart: bool,
}

impl ServersSay {
    fn of(proxy: &ir::Proxy) -> ServersSay {
        let mut all = ServersSay::default();
        for server in &proxy.servers {
            let options = &server.options;
            all.checks |= options.check.enabled || options.agent.is_some();
            all.slowstart |= options.slowstart > 0;
        }
        all
    }
}

/// The names that `use-server` may ask for; none where no such rule is.
fn server_names(proxy: &ir::Proxy) -> HashMap<String, usize> {
    let wanted = !proxy.use_server.is_empty();
    let servers = proxy.servers.iter().filter(|_| wanted).enumerate();
    servers
        .map(|(index, server)| (server.name.clone(), index))
        .collect()
}

/// Notes at each backend who may lead to it.
fn with_leaders(mut proxies: Vec<Proxy>) -> Vec<Proxy> {
    let mut pairs = Vec::new();
    for (index, proxy) in proxies.iter().enumerate() {
        if !proxy.ir.kind.has_frontend() {
            continue;
        }
        let id = ProxyId(index as u32);
        let own = proxy.ir.kind.has_backend().then_some(id);
        let named = proxy.use_backend.iter().copied().flatten();
        let targets = proxy.default_backend.into_iter().chain(own).chain(named);
        pairs.extend(targets.map(|target| (target, id)));
    }
    for (target, leader) in pairs {
        let leaders = &mut proxies[target.0 as usize].led_to_by;
        if leaders.last() != Some(&leader) {
            leaders.push(leader);
        }
    }
    proxies
}

/// The servers that rules and fetches name, that others track, or whose names are resolved while the program runs.
fn pinned(config: &ir::Config, backends: &Names) -> HashSet<(ProxyId, usize)> {
    let mut pinned = HashSet::new();
    let mut pin = |backend: Option<ProxyId>, name: &str| {
        let place = backend.and_then(|id| {
            let servers = &config.proxies.get(id.0 as usize)?.servers;
            Some((id, servers.iter().position(|server| server.name == name)?))
        });
        pinned.extend(place);
    };
    let named = config.references.iter();
    for reference in named.filter(|reference| reference.kind == ir::ReferenceKind::Server) {
        match (reference.name.split_once('/'), reference.from) {
            (Some((backend, server)), _) => pin(backends.get(backend).copied(), server),
            (None, Some(from)) => pin(Some(ProxyId(from as u32)), &reference.name),
            (None, None) => {}
        }
    }
    for (index, proxy) in config.proxies.iter().enumerate() {
        let own = ProxyId(index as u32);
        for rule in &proxy.use_server {
            if let ir::ServerTarget::Name(name) = &rule.target {
                pin(Some(own), name);
            }
        }
        for server in &proxy.servers {
            if let Some((backend, name)) = &server.options.track {
                let backend = match backend.is_empty() {
                    true => Some(own),
                    false => backends.get(backend.as_str()).copied(),
                };
                pin(backend, name);
            }
            if server.options.resolution.resolvers.is_some() {
                pin(Some(own), &server.name);
            }
        }
    }
    pinned
}

impl Program {
    /// Links a checked configuration with live state (`live.proxies` in the same order). Names that do not exist stay
    /// unresolved: the cross-checks refused them before.
    pub fn link(config: ir::Config, live: Arc<Live>, host_name: String) -> Program {
        config.patterns.number();
        let mut backends = Names::new();
        let mut frontends = Names::new();
        let names = live.proxies.iter().map(|live| &live.name);
        for ((index, proxy), name) in config.proxies.iter().enumerate().zip(names) {
            let id = ProxyId(index as u32);
            if proxy.kind.has_backend() {
                backends.entry(name.clone()).or_insert(id);
            }
            if proxy.kind.has_frontend() {
                frontends.entry(name.clone()).or_insert(id);
            }
        }
        let pinned = pinned(&config, &backends);
        let proxies: Vec<Proxy> = config
            .proxies
            .into_iter()
            .zip(&live.proxies)
            .enumerate()
            .map(|(index, (ir, live))| Proxy {
                log_ready: ir.log_ready(),
                default_backend: match &ir.default_backend {
                    Some((name, _)) => backends.get(name.as_str()).copied(),
                    None => ir.kind.has_backend().then_some(ProxyId(index as u32)),
                },
                use_backend: ir
                    .use_backend
                    .iter()
                    .map(|rule| match &rule.target {
                        ir::BackendTarget::Name(name) => backends.get(name.as_str()).copied(),
                        ir::BackendTarget::Format(_) => None,
                    })
                    .collect(),
                led_to_by: Vec::new(),
                servers: ServersSay::of(&ir),
                server_names: server_names(&ir),
                ir,
                live: live.clone(),
            })
            .collect();
        let proxies = with_leaders(proxies);
        Program {
            files: config.files,
            user_lists: config.user_lists,
            http_errors: config.http_errors,
            log_profiles: config.log_profiles,
            mailers: config.mailers,
            rings: config.rings,
            traces: config.traces.settings,
            log_forwards: config.log_forwards,
            global: config.global,
            proxies,
            acls: config.acls,
            patterns: config.patterns,
            live,
            host_name,
            pinned,
            backends,
            frontends,
            followers: followers::Known::default(),
        }
    }

    /// The list of users of that name.
    pub fn user_list(&self, name: &[u8]) -> Option<&ir::UserList> {
        self.user_lists
            .iter()
            .find(|list| list.name.as_bytes() == name)
    }

    /// Whether who sends a request shows who he is as to a proxy: `option http-use-proxy-header`, and a target that
    /// begins neither with `/` nor with `*`.
    pub fn asks_a_proxy(&self, frontend: ProxyId, request: &Head) -> bool {
        self.proxy(frontend).ir.options.use_proxy_header
            && !matches!(request.uri().first(), None | Some(b'/' | b'*'))
    }

    /// The path of the file that something stands in.
    pub fn file(&self, span: Span) -> Option<&str> {
        let path = self.files.get(usize::from(span.file.0))?;
        Some(path)
    }

    /// A proxy of this program.
    #[inline]
    pub fn proxy(&self, id: ProxyId) -> &Proxy {
        &self.proxies[id.0 as usize]
    }

    /// The ACL behind an id.
    #[inline]
    pub fn acl(&self, id: ir::AclId) -> &ir::Acl {
        &self.acls[id.0 as usize]
    }

    /// Whether something else of the configuration names a server, so that it must stay.
    pub fn is_pinned(&self, proxy: ProxyId, server: usize) -> bool {
        self.pinned.contains(&(proxy, server))
    }

    /// The proxy with a backend side of that name.
    pub fn backend(&self, name: &str) -> Option<ProxyId> {
        self.backends.get(name).copied()
    }

    /// The proxy with a frontend side of that name.
    pub fn frontend(&self, name: &str) -> Option<ProxyId> {
        self.frontends.get(name).copied()
    }
}
