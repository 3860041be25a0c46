//! `set-src`, `set-src-port`, `set-dst`, `set-dst-port`: other addresses for what comes after.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::Expr;
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};
use hapax_core::sample::{Type, Value};
use hapax_core::stream::Endpoint;
use hapax_sample::expression;

use super::reading;

/// The rows.
pub const SET_SRC: ActionKeyword = row("set-src", "Sets the client's address.", |cursor| {
    parse(cursor, End::Source, Part::Address)
});
/// See [`SET_SRC`].
pub const SET_SRC_PORT: ActionKeyword = row("set-src-port", "Sets the client's port.", |cursor| {
    parse(cursor, End::Source, Part::Port)
});
/// See [`SET_SRC`].
pub const SET_DST: ActionKeyword = row(
    "set-dst",
    "Sets the address the client asked for.",
    |cursor| parse(cursor, End::Destination, Part::Address),
);
/// See [`SET_SRC`].
pub const SET_DST_PORT: ActionKeyword = row(
    "set-dst-port",
    "Sets the port the client asked for.",
    |cursor| parse(cursor, End::Destination, Part::Port),
);

type Parse = fn(&mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault>;

const fn row(name: &'static str, doc: &'static str, parse: Parse) -> ActionKeyword {
    ActionKeyword {
        name,
        rulesets: Rulesets::TCP_CONNECTION
            .or(Rulesets::TCP_SESSION)
            .or(Rulesets::TCP_CONTENT)
            .or(Rulesets::HTTP_REQUEST),
        usage: "<expr>",
        doc,
        parse,
    }
}

#[derive(Debug, Clone, Copy)]
enum End {
    Source,
    Destination,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Address,
    Port,
}

fn parse(
    cursor: &mut ActionCursor<'_, '_>,
    end: End,
    part: Part,
) -> Result<Arc<dyn Action>, Fault> {
    let expr = reading::expression(cursor, None)?;
    Ok(Arc::new(SetAddress {
        end,
        part,
        expr,
        text: reading::text(cursor),
    }))
}

#[derive(Debug)]
struct SetAddress {
    end: End,
    part: Part,
    expr: Expr,
    text: String,
}

impl Action for SetAddress {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let before = match self.end {
            End::Source => tx.session.source,
            End::Destination => tx.session.destination,
        };
        let Some(endpoint) = self.changed(before, tx) else {
            return Outcome::Continue;
        };
        tx.session.keep_ends();
        match self.end {
            End::Source => tx.session.source = endpoint,
            End::Destination => tx.session.destination = endpoint,
        }
        Outcome::Continue
    }
}

impl SetAddress {
    fn changed(&self, before: Endpoint, tx: &Tx<'_>) -> Option<Endpoint> {
        let kind = match self.part {
            Part::Address => Type::Addr,
            Part::Port => Type::Int,
        };
        let sample = expression::eval_as(&self.expr, kind, &tx.cx())?;
        let ip: IpAddr = match sample.value {
            Value::Ipv4(ip) => ip.into(),
            Value::Ipv6(ip) => ip.into(),
            Value::Int(port) => {
                let ip = before.ip().unwrap_or(Ipv4Addr::UNSPECIFIED.into());
                // The low 16 bits, as upstream takes them.
                return Some(Endpoint::Inet(SocketAddr::new(ip, port as u16)));
            }
            _ => return None,
        };
        Some(Endpoint::Inet(SocketAddr::new(ip, before.port())))
    }
}
