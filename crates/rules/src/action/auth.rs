//! `auth`: asks for a user and password.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionKeyword, Rulesets};

use super::reading;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "auth",
    rulesets: Rulesets::HTTP_REQUEST.or(Rulesets::STATS),
    usage: "[realm <realm>]",
    doc: "Asks for a user and password.",
    parse: |cursor| {
        let realm = if cursor.peek().is_some_and(|word| *word == "realm") {
            cursor.take();
            // The line feed stands in the reference's message.
            let realm = reading::expect(cursor, "missing realm value.\n")?;
            Some(realm.lossy().into_owned())
        } else {
            (cursor.ruleset == Rulesets::STATS).then(|| REALM.to_owned())
        };
        Ok(Arc::new(Auth {
            realm,
            text: reading::text(cursor),
        }))
    },
};

#[derive(Debug)]
struct Auth {
    /// None is the name of the proxy.
    realm: Option<String>,
    text: String,
}

impl Action for Auth {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let proxy = &tx.program.proxy(tx.stream.backend).ir.name;
        let realm = self.realm.as_ref().unwrap_or(proxy);
        ask(realm, tx)
    }

    fn is_final(&self) -> bool {
        true
    }
}

/// Asks for user and password: the error page of status 401, or 407 where a proxy asks.
pub fn ask(realm: &str, tx: &mut Tx<'_>) -> Outcome {
    let proxy = tx
        .program
        .asks_a_proxy(tx.session.frontend, &tx.stream.request);
    tx.stream.question = Some(format!("Basic realm=\"{realm}\"").into());
    Outcome::Page {
        status: if proxy { 407 } else { 401 },
    }
}

/// What is asked for where nobody named it.
pub const REALM: &str = "HAProxy Statistics";
