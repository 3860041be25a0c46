//! `set-timeout`: another timeout for the rest of the exchange.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Sections};

use super::duration::{self, Duration};
use super::{BOTH, reading};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-timeout",
    rulesets: BOTH,
    usage: "{ client | server | tunnel } { <timeout> | <expr> }",
    doc: "Replaces a timeout for the rest of the exchange.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    const MISSING: &str = "expects exactly 2 arguments";
    let name = reading::expect(cursor, MISSING)?;
    let value = reading::expect(cursor, MISSING)?;
    let timeout = match name.text.as_slice() {
        b"client" => Timeout::Client,
        b"server" => Timeout::Server,
        b"tunnel" => Timeout::Tunnel,
        _ => {
            let text = format!(
                "'set-timeout' rule supports 'server'/'tunnel'/'client' (got '{}')",
                name.lossy()
            );
            return Err(reading::fault_at(cursor, name.span, text));
        }
    };
    let defaults = cursor.line.section == Sections::DEFAULTS;
    let proxy = cursor.line.proxy()?;
    let (has, side) = match timeout {
        Timeout::Client => (proxy.kind.has_frontend(), "frontend"),
        Timeout::Server | Timeout::Tunnel => (proxy.kind.has_backend(), "backend"),
    };
    if !has && !defaults {
        let text = format!("'{}' has no {side} capability", proxy.name);
        return Err(reading::fault_at(cursor, name.span, text));
    }
    let rule = format!("set-timeout {}", name.lossy());
    let time = duration::read(cursor, value, &rule)?;
    Ok(Arc::new(SetTimeout {
        timeout,
        time,
        text: reading::text(cursor),
    }))
}

#[derive(Debug, Clone, Copy)]
enum Timeout {
    Client,
    Server,
    Tunnel,
}

#[derive(Debug)]
struct SetTimeout {
    timeout: Timeout,
    time: Duration,
    text: String,
}

impl Action for SetTimeout {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        if let Some(time) = self.time.value(&tx.cx()) {
            let overrides = &mut tx.stream.overrides;
            let timeout = match self.timeout {
                Timeout::Client => &mut overrides.timeout_client,
                Timeout::Server => &mut overrides.timeout_server,
                Timeout::Tunnel => &mut overrides.timeout_tunnel,
            };
            *timeout = Some(time);
        }
        Outcome::Continue
    }
}
