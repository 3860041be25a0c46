//! `deny`: refuses the message.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::BOTH;
use super::reading;
use super::reply::{Prepared, Reply};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "deny",
    rulesets: BOTH.or(Rulesets::STATS),
    usage: "[{ status | deny_status } <code>] [content-type <type>] [{ default-errorfiles | errorfile <file> | errorfiles <name> | file <file> | lf-file <file> | string <str> | lf-string <fmt> }] [hdr <name> <fmt>]*",
    doc: "Refuses the message with an error.",
    parse: |cursor| {
        let status = match cursor.ruleset {
            Rulesets::HTTP_RESPONSE => 502,
            _ => 403,
        };
        let reply = Reply::read(cursor, status, true)?;
        Ok(Arc::new(Deny {
            reply,
            text: reading::text(cursor),
        }))
    },
};

#[derive(Debug)]
struct Deny {
    reply: Reply,
    text: String,
}

impl Action for Deny {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        match self.reply.prepare(tx) {
            Prepared::Here => {
                // What is logged is the status of the rule, whatever the page says.
                tx.stream.status = self.reply.status as i16;
                Outcome::DenyReply
            }
            Prepared::TooLarge => Outcome::Deny { status: 500 },
            Prepared::Page => Outcome::Deny {
                status: self.reply.status,
            },
            Prepared::Silence => {
                tx.stream.status = self.reply.status as i16;
                Outcome::DenySilently
            }
        }
    }

    fn is_final(&self) -> bool {
        true
    }
}
