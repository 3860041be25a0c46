//! What a section begins with that takes nothing over from `defaults`.

use std::sync::Arc;

use hapax_core::contract::Shared;
use hapax_core::ir::{self, CopyOnWrite, ProxySettings, ServerOptions};
use hapax_core::keyword::{Registry, Scope};
use hapax_core::span::Span;

use super::defaults::NoAlgorithm;
use super::round_robin;

/// Made once, held by all sections.
pub(crate) struct Blank {
    settings: CopyOnWrite<ProxySettings>,
    server: CopyOnWrite<ServerOptions>,
}

impl Blank {
    pub(crate) fn new(registry: &Registry) -> Blank {
        let balance = round_robin(registry).unwrap_or_else(|| Shared(Arc::new(NoAlgorithm)));
        Blank {
            settings: ProxySettings::new(balance).into(),
            server: CopyOnWrite::default(),
        }
    }

    /// A proxy that nothing was said about yet, and what reading it needs.
    pub(crate) fn proxy(
        &self,
        name: String,
        kind: ir::ProxyKind,
        span: Span,
    ) -> (ir::Proxy, Scope) {
        let proxy = ir::Proxy::with(name, kind, span, self.settings.clone());
        (proxy, Scope::with(self.server.clone()))
    }
}
