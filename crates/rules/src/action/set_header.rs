//! `set-header`: one field with a value in place of those of that name; and what `add-header` shares with it.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault};
use hapax_sample::log_format::Style;

use super::HEADS;
use super::reading::{self, Text};
use super::room;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-header",
    rulesets: HEADS,
    usage: "<name> <fmt>",
    doc: "Sets a header field, replacing those of the same name.",
    parse: |cursor| parse(cursor, true),
};

pub(crate) fn parse(
    cursor: &mut ActionCursor<'_, '_>,
    replace: bool,
) -> Result<Arc<dyn Action>, Fault> {
    const MISSING: &str = "expects exactly 2 arguments";
    let name = reading::expect(cursor, MISSING)?;
    let value = reading::expect(cursor, MISSING)?;
    if let Some(odd) = name.text.iter().find(|byte| !is_token(**byte)) {
        let shown = String::from_utf8_lossy(std::slice::from_ref(odd)).into_owned();
        cursor.line.warn(format!(
            "header name '{}' contains forbidden character '{shown}'.",
            name.lossy()
        ));
    }
    let value = reading::format(cursor, &value.text, Style::Header, value.span)?;
    Ok(Arc::new(Header {
        name: name.text.clone(),
        value,
        replace,
        text: reading::text(cursor),
    }))
}

/// Bytes of a field name (RFC 9110 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[derive(Debug)]
struct Header {
    name: Vec<u8>,
    value: Text,
    replace: bool,
    text: String,
}

impl Action for Header {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        self.value.with(tx, |tx, value| {
            let removed = match self.replace {
                true => reading::head(tx).remove(&self.name),
                false => 0,
            };
            // Room of what was removed comes back, but for what says where it was.
            let more = self.name.len() + value.len() + room::BLOCK * (removed + 1);
            room::edit(tx, more, 0, |tx| reading::head(tx).add(&self.name, value))
        })
    }
}
