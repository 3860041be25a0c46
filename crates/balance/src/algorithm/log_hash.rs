//! `balance log-hash CONVERTERS`: the hash of what converters make of a log message decides.

use std::sync::Arc;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer};
use hapax_core::ir;
use hapax_core::keyword::{BalanceKeyword, Fault, Line};
use hapax_core::live::Servers;
use hapax_sample::expression::{self, Ending, Origin};

use super::hashed;

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "log-hash",
    usage: "<converters>",
    doc: "The hash of what converters make of a log message decides (mode log).",
    parse,
};

/// The algorithm. What is wrong with its converters is said when the backend is complete.
#[derive(Debug, Clone)]
struct LogHash {
    text: String,
    expr: Result<ir::Expr, String>,
}

fn parse(line: &mut Line<'_>) -> Result<Arc<dyn Algorithm>, Fault> {
    let Some(word) = line.args().get(1).cloned() else {
        return Err(line.fault("balance log-hash requires a converter list."));
    };
    // The message stands in the place of a fetch of text.
    let whole = [b"str(),", word.text.as_slice()].concat();
    let parsed = expression::parse(&whole, Ending::Whole, &Origin::of(line));
    let expr = parsed
        .map(|parsed| {
            line.config.references.extend(parsed.references);
            parsed.expr
        })
        .map_err(|error| {
            format!("{error} (from converter list argument in \"balance log-hash\").")
        });
    Ok(Arc::new(LogHash {
        text: format!("log-hash {}", word.lossy()),
        expr,
    }))
}

impl Algorithm for LogHash {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn name(&self) -> &'static str {
        // Upstream's statistics have no name for it.
        "unknown"
    }

    fn key(&self) -> BalanceKey<'_> {
        match &self.expr {
            Ok(expr) => BalanceKey::Message(expr),
            Err(_) => BalanceKey::None,
        }
    }

    fn needs_messages(&self) -> bool {
        true
    }

    fn fault(&self) -> Option<String> {
        self.expr.as_ref().err().cloned()
    }

    fn build(&self, proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer> {
        hashed::build(proxy, servers)
    }
}
