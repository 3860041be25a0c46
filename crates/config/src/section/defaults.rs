//! What a section takes over from `defaults`.

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, KeyValue};
use hapax_core::ir;
use hapax_core::keyword::Scope;
use hapax_core::live::Servers;

use super::Defaults;

/// Copies what `defaults` says into a proxy that nothing was said about yet; its name, kind and place stay.
pub(crate) fn inherit(defaults: &Defaults, proxy: &mut ir::Proxy, scope: &mut Scope) {
    let (name, kind, span) = (std::mem::take(&mut proxy.name), proxy.kind, proxy.span);
    *proxy = defaults.proxy.clone();
    proxy.name = name;
    proxy.kind = kind;
    proxy.span = span;
    // As upstream: a file belongs to one backend.
    proxy.server_state_file = None;
    if !kind.has_frontend() {
        proxy.monitor_uri = None;
        proxy.monitor_net = None;
        proxy.default_backend = None;
        proxy.maxconn = None;
        proxy.backlog = None;
        proxy.rate_limit_sessions = 0;
        proxy.log_format = None;
        proxy.error_log_format = None;
        proxy.log_format_sd = None;
        proxy.log_steps = None;
        proxy.unique_id_format = None;
        proxy.unique_id_header = None;
        proxy.request_captures.clear();
        proxy.response_captures.clear();
    }
    if !kind.has_backend() {
        proxy.check = ir::CheckKind::Tcp;
        proxy.tcp_check = Vec::new();
        proxy.http_check = ir::HttpCheck::default();
        proxy.external_check = None;
        proxy.cookie = None;
        proxy.source = None;
    }
    scope.acls.clone_from(&defaults.scope.acls);
    scope.default_server = defaults.scope.default_server.clone();
    scope.inherited.clone_from(&defaults.scope.inherited);
    let seen = defaults.scope.seen.iter();
    scope
        .inherited
        .extend(seen.map(|(name, span)| (*name, *span)));
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

    fn build(&self, _: &ir::Proxy, _: &Servers) -> Box<dyn Balancer> {
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
