//! `return`: answers without a server.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::ActionKeyword;

use super::BOTH;
use super::reading;
use super::reply::{Prepared, Reply};

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "return",
    rulesets: BOTH,
    usage: "[status <code>] [content-type <type>] [{ default-errorfiles | errorfile <file> | errorfiles <name> | file <file> | lf-file <file> | string <str> | lf-string <fmt> }] [hdr <name> <fmt>]*",
    doc: "Answers with a response of its own.",
    parse: |cursor| {
        let reply = Reply::read(cursor, 200, false)?;
        Ok(Arc::new(Return {
            reply,
            text: reading::text(cursor),
        }))
    },
};

#[derive(Debug)]
struct Return {
    reply: Reply,
    text: String,
}

impl Action for Return {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        match self.reply.prepare(tx) {
            Prepared::Here => Outcome::Reply,
            Prepared::Page => Outcome::Page {
                status: self.reply.status,
            },
            Prepared::Silence => Outcome::Close,
            Prepared::TooLarge => Outcome::AnswerFailed { local: true },
        }
    }

    fn is_final(&self) -> bool {
        true
    }
}
