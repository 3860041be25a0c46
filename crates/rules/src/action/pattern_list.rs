//! What the actions that change maps and lists of ACLs share.

use std::sync::{Arc, OnceLock};

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, Fault, Rulesets};
use hapax_core::pattern::List;
use hapax_sample::log_format::Style;
use hapax_sample::pattern::{self, check_value};

use super::BOTH;
use super::reading::{self, Text};

/// Rules of requests, responses, and of answers made here.
pub(crate) const WITH_AFTER: Rulesets = BOTH.or(Rulesets::HTTP_AFTER_RESPONSE);

/// What is done to the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A key takes a value.
    SetMap,
    /// A key is there.
    AddAcl,
    /// A key is not there.
    Remove,
}

/// Reads `NAME) <key> [<value>]`.
pub(crate) fn parse(
    cursor: &mut ActionCursor<'_, '_>,
    change: Change,
) -> Result<Arc<dyn Action>, Fault> {
    let word = cursor
        .at
        .checked_sub(1)
        .and_then(|at| cursor.line.words.get(at));
    let word = word.map(|word| word.lossy()).unwrap_or_default();
    let name = word.split_once('(').map_or("", |(_, rest)| rest);
    let name = name.split(')').next().unwrap_or_default();
    let missing = match change {
        Change::SetMap => "expects exactly 2 arguments",
        _ => "expects exactly 1 arguments",
    };
    let key = reading::expect(cursor, missing)?;
    let value = match change {
        Change::SetMap => Some(reading::expect(cursor, missing)?),
        _ => None,
    };
    let key = reading::format(cursor, &key.text, Style::Plain, key.span)?;
    let value = match value {
        Some(value) => reading::format(cursor, &value.text, Style::Plain, value.span)?,
        None => Text::Fixed(Vec::new()),
    };
    Ok(Arc::new(ChangeList {
        name: pattern::name(name).to_owned(),
        change,
        key,
        value,
        list: OnceLock::new(),
        text: reading::text(cursor),
    }))
}

#[derive(Debug)]
struct ChangeList {
    name: String,
    change: Change,
    key: Text,
    value: Text,
    /// The list, once it was looked for.
    list: OnceLock<Option<Arc<List>>>,
    text: String,
}

impl Action for ChangeList {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let list = self
            .list
            .get_or_init(|| tx.program.patterns.find(&self.name));
        let Some(list) = list else {
            return Outcome::Continue;
        };
        let mut value = Vec::new();
        if self.change == Change::SetMap {
            self.value.append(tx, &mut value);
        }
        self.key.with(tx, |_, key| {
            // What a list cannot take changes nothing, as upstream has it.
            let _ = match self.change {
                Change::SetMap => list.set_or_add(key, &value, check_value),
                Change::AddAcl => list.add_once(key),
                Change::Remove => {
                    list.remove(key);
                    Ok(())
                }
            };
        });
        Outcome::Continue
    }
}
