//! What a section takes over from `defaults`.

use std::sync::Arc;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, KeyValue};
use hapax_core::ir::{self, CopyOnWrite, ProxySettings};
use hapax_core::keyword::{Given, Scope};
use hapax_core::live::Servers;

use super::Defaults;

/// Gives a proxy that nothing was said about yet what `defaults` says.
pub(crate) fn inherit(defaults: &mut Defaults, proxy: &mut ir::Proxy, scope: &mut Scope) {
    proxy.settings = defaults.settings_for(proxy.kind);
    scope.acls.clone_from(&defaults.scope.acls);
    scope.default_server = defaults.scope.default_server.clone();
    scope.inherited = defaults.given();
}

impl Defaults {
    /// What this section says.
    pub(crate) fn new(proxy: ir::Proxy, scope: Scope) -> Defaults {
        Defaults {
            proxy,
            scope,
            named: false,
            implied: false,
            taken_by: None,
            by_kind: [const { None }; 3],
            given: None,
        }
    }

    /// What proxies of a kind take over, the same for all of them.
    fn settings_for(&mut self, kind: ir::ProxyKind) -> CopyOnWrite<ProxySettings> {
        let place = &mut self.by_kind[kind as usize];
        let settings = place.get_or_insert_with(|| {
            let all = (*self.proxy.settings).clone();
            taken_over(all, kind).into()
        });
        settings.clone()
    }

    /// The keywords that this section gave, or took over itself.
    fn given(&mut self) -> Arc<Given> {
        let Scope {
            seen, inherited, ..
        } = &self.scope;
        let given = self.given.get_or_insert_with(|| {
            let mut given = (**inherited).clone();
            for (name, span) in seen.iter() {
                given.insert(name, span);
            }
            given.into()
        });
        given.clone()
    }
}

/// The settings without what a kind of proxy has no use for.
fn taken_over(settings: ProxySettings, kind: ir::ProxyKind) -> ProxySettings {
    let mut settings = ProxySettings {
        // As upstream: a file belongs to one backend.
        server_state_file: None,
        ..settings
    };
    if !kind.has_frontend() {
        settings.monitor_uri = None;
        settings.monitor_net = None;
        settings.default_backend = None;
        settings.maxconn = None;
        settings.backlog = None;
        settings.rate_limit_sessions = 0;
        settings.log_format = None;
        settings.error_log_format = None;
        settings.log_format_sd = None;
        settings.log_steps = None;
        settings.unique_id_format = None;
        settings.unique_id_header = None;
        settings.request_captures.clear();
        settings.response_captures.clear();
    }
    if !kind.has_backend() {
        settings.check = ir::CheckKind::Tcp;
        settings.tcp_check = Vec::new();
        settings.http_check = ir::HttpCheck::default();
        settings.external_check = None;
        settings.cookie = None;
        settings.source = None;
    }
    settings
}

/// Stands where no row says what `roundrobin` is; never chooses a server.
#[derive(Debug)]
pub(crate) struct NoAlgorithm;

impl Algorithm for NoAlgorithm {
    fn text(&self) -> String {
        String::new()
    }

    fn name(&self) -> &'static str {
        "none"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::None
    }

    fn build(&self, _: &ir::ProxySettings, _: &Servers) -> Box<dyn Balancer> {
        Box::new(NoBalancer)
    }
}

#[derive(Debug)]
struct NoBalancer;

impl Balancer for NoBalancer {
    fn choose(&self, _: KeyValue<'_>, _: Option<usize>) -> Option<usize> {
        None
    }

    fn connections_changed(&self, _: usize) {}

    fn servers_changed(&self) {}
}
