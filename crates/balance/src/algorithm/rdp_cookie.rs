//! `balance rdp-cookie(NAME)`: the hash of a cookie in the first bytes of a remote desktop connection decides.

use std::sync::Arc;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer};
use hapax_core::ir;
use hapax_core::keyword::{BalanceKeyword, Fault, Line};
use hapax_core::live::Servers;
use hapax_sample::expression::{self, Ending, Origin};

use super::hashed;

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "rdp-cookie",
    usage: "[ (<name>) ]",
    doc: "The hash of a cookie of remote desktop clients decides, mstshash if nothing is said.",
    parse,
};

/// The algorithm.
#[derive(Debug, Clone)]
struct RdpCookie {
    name: String,
    expr: ir::Expr,
}

fn parse(line: &mut Line<'_>) -> Result<Arc<dyn Algorithm>, Fault> {
    let word = line.arg(0).unwrap_or_default().into_owned();
    let name = match word.strip_prefix("rdp-cookie").unwrap_or_default() {
        "" => "mstshash",
        rest => rest
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map(|(name, _)| name)
            .filter(|name| !name.is_empty())
            .ok_or_else(|| line.fault_at(0, "balance rdp-cookie : missing cookie name."))?,
    };
    Ok(Arc::new(RdpCookie {
        name: name.to_owned(),
        expr: reader(line, name)?,
    }))
}

/// What reads the cookie of a name.
pub fn reader(line: &mut Line<'_>, name: &str) -> Result<ir::Expr, Fault> {
    let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
    let text = format!("req.rdp_cookie(\"{quoted}\")");
    let parsed = expression::parse(text.as_bytes(), Ending::Whole, &Origin::of(line));
    match parsed {
        Ok(parsed) => Ok(parsed.expr),
        Err(error) => Err(line.fault_at(0, format!("{error}."))),
    }
}

impl Algorithm for RdpCookie {
    fn text(&self) -> String {
        format!("rdp-cookie({})", self.name)
    }

    fn name(&self) -> &'static str {
        "rdp-cookie"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::Expr(&self.expr)
    }

    fn build(&self, proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer> {
        hashed::build(proxy, servers)
    }
}
