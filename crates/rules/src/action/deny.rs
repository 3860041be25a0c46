//! `deny` and `return`: answers from here.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, Fault, Rulesets};
use hapax_core::stream::{Cause, Phase, Termination};

use super::fault;
use super::reply::{self, Content, Reply};

pub fn deny(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let default = if cursor.ruleset == Rulesets::HTTP_REQUEST {
        403
    } else {
        502
    };
    let reply = reply::read(cursor, default, true).map_err(|text| fault(cursor, "deny", &text))?;
    Ok(Arc::new(Answer {
        keyword: "deny",
        cause: Cause::Proxy,
        reply,
    }))
}

pub fn reply(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let reply = reply::read(cursor, 200, false).map_err(|text| fault(cursor, "return", &text))?;
    Ok(Arc::new(Answer {
        keyword: "return",
        cause: Cause::Local,
        reply,
    }))
}

#[derive(Debug)]
struct Answer {
    keyword: &'static str,
    cause: Cause,
    reply: Reply,
}

impl Action for Answer {
    fn text(&self) -> String {
        format!("{} {}", self.keyword, self.reply.text)
            .trim_end()
            .to_owned()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        if matches!(self.reply.content, Content::ErrorPage) {
            return Outcome::Deny {
                status: self.reply.status,
            };
        }
        reply::make(&self.reply, tx);
        tx.stream.termination = Termination {
            cause: self.cause,
            phase: if tx.on_response {
                Phase::Headers
            } else {
                Phase::Request
            },
        };
        Outcome::Reply
    }
}
