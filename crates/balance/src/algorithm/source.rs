//! `balance source`: the hash of the client's address decides.

use std::sync::Arc;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer};
use hapax_core::ir;
use hapax_core::keyword::BalanceKeyword;
use hapax_core::live::Servers;

use super::hashed;

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "source",
    usage: "",
    doc: "The hash of the client's address decides, so that a client stays on its server.",
    parse: |_| Ok(Arc::new(Source)),
};

/// The algorithm.
#[derive(Debug, Clone, Copy, Default)]
pub struct Source;

impl Algorithm for Source {
    fn text(&self) -> String {
        "source".into()
    }

    fn name(&self) -> &'static str {
        "source"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::Source
    }

    fn build(&self, proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer> {
        hashed::build(proxy, servers)
    }
}
