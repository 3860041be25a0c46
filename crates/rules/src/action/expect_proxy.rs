//! `expect-proxy` and `expect-netscaler-cip`: a header stands before the client's first byte.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, ProxyHeader, Tx};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};

use super::reading;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "expect-proxy",
    rulesets: Rulesets::TCP_CONNECTION,
    usage: "layer4",
    doc: "Expects a PROXY protocol header before the client's first byte.",
    parse: |cursor| parse(cursor, ProxyHeader::Proxy),
};

/// The row of the NetScaler header. The magic number is that of the listener, 0 where it has none.
pub const NETSCALER: ActionKeyword = ActionKeyword {
    name: "expect-netscaler-cip",
    rulesets: Rulesets::TCP_CONNECTION,
    usage: "layer4",
    doc: "Expects a NetScaler client IP insertion header before the client's first byte.",
    parse: |cursor| parse(cursor, ProxyHeader::Netscaler(0)),
};

fn parse(cursor: &mut ActionCursor<'_, '_>, kind: ProxyHeader) -> Result<Arc<dyn Action>, Fault> {
    let word = cursor.take();
    if !word.is_some_and(|word| *word == "layer4") {
        let text = format!(
            "'tcp-request connection {}' only supports 'layer4' in {} (got '{}')",
            name(kind),
            reading::section(cursor.line),
            word.map(|word| word.lossy()).unwrap_or_default()
        );
        return Err(reading::fault(cursor, text));
    }
    Ok(Arc::new(Expect { kind }))
}

fn name(kind: ProxyHeader) -> &'static str {
    match kind {
        ProxyHeader::Proxy => ROW.name,
        ProxyHeader::Netscaler(_) => NETSCALER.name,
    }
}

#[derive(Debug)]
struct Expect {
    kind: ProxyHeader,
}

impl Action for Expect {
    fn text(&self) -> String {
        format!("{} layer4", name(self.kind))
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::Expect(self.kind)
    }
}
