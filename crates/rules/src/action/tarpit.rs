//! `tarpit`: holds the client for a while and refuses its request then.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::reading;
use super::reply::{Prepared, Reply};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "tarpit",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "[{ status | deny_status } <code>] [content-type <type>] [{ default-errorfiles | errorfile <file> | errorfiles <name> | file <file> | lf-file <file> | string <str> | lf-string <fmt> }] [hdr <name> <fmt>]*",
    doc: "Holds the client for `timeout tarpit`, then refuses with an error.",
    parse: |cursor| {
        let reply = Reply::read(cursor, 500, true)?;
        Ok(Arc::new(Tarpit {
            reply,
            text: reading::text(cursor),
        }))
    },
};

#[derive(Debug)]
struct Tarpit {
    reply: Reply,
    text: String,
}

impl Action for Tarpit {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        match self.reply.prepare(tx) {
            Prepared::Here => Outcome::Tarpit { status: None },
            Prepared::Page => Outcome::Tarpit {
                status: Some(self.reply.status),
            },
            Prepared::Silence => Outcome::Close,
            Prepared::TooLarge => Outcome::Tarpit { status: Some(500) },
        }
    }

    fn is_final(&self) -> bool {
        true
    }
}
