//! `allow` and `reject`: actions that end the rules without an answer.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, Fault};
use hapax_core::stream::{Cause, Phase, Termination};

pub fn allow(_: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    Ok(Arc::new(Allow))
}

pub fn reject(_: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    Ok(Arc::new(Reject))
}

#[derive(Debug)]
struct Allow;

impl Action for Allow {
    fn text(&self) -> String {
        "allow".to_owned()
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::Stop
    }
}

#[derive(Debug)]
struct Reject;

impl Action for Reject {
    fn text(&self) -> String {
        "reject".to_owned()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        tx.stream.termination = Termination {
            cause: Cause::Proxy,
            phase: Phase::Request,
        };
        Outcome::Close
    }
}
