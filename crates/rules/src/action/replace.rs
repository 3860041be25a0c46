//! The actions that replace what matches a regular expression.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, Fault};
use hapax_proto::http::{Head, Values};
use hapax_sample::log_format::Style;
use hapax_sample::matcher::{Regex, expand};

use super::reading::{self, Text};
use super::room;
use super::target::Part;

/// What of a header field is compared and replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A line.
    Line,
    /// What stands between commas.
    Value,
}

/// Reads `<name> <match-regex> <replace-fmt>`.
pub(crate) fn parse_field(
    cursor: &mut ActionCursor<'_, '_>,
    unit: Unit,
) -> Result<Arc<dyn Action>, Fault> {
    const MISSING: &str = "expects exactly 3 arguments";
    let name = reading::expect(cursor, MISSING)?;
    let pattern = reading::expect(cursor, MISSING)?;
    let value = reading::expect(cursor, MISSING)?;
    let regex = Regex::new(&pattern.text, false)
        .map_err(|text| reading::fault_at(cursor, pattern.span, text))?;
    let value = reading::format(cursor, &value.text, Style::Header, value.span)?;
    Ok(Arc::new(ReplaceField {
        name: name.text.clone(),
        unit,
        regex,
        value,
        text: reading::text(cursor),
    }))
}

/// Reads `<match-regex> <replace-fmt>`.
pub(crate) fn parse_part(
    cursor: &mut ActionCursor<'_, '_>,
    part: Part,
) -> Result<Arc<dyn Action>, Fault> {
    const EXACTLY: &str = "expects exactly 2 arguments <match-regex> and <replace-format>";
    let pattern = reading::expect(cursor, EXACTLY)?;
    let value = reading::expect(cursor, EXACTLY)?;
    if !cursor.at_condition() {
        return Err(reading::fault(cursor, EXACTLY));
    }
    let regex = Regex::new(&pattern.text, false).map_err(|text| {
        let text = format!("failed to parse the regex : {text}");
        reading::fault_at(cursor, pattern.span, text)
    })?;
    let value = reading::format(cursor, &value.text, Style::Header, value.span)?;
    Ok(Arc::new(ReplacePart {
        part,
        regex,
        value,
        text: reading::text(cursor),
    }))
}

#[derive(Debug)]
struct ReplacePart {
    part: Part,
    regex: Regex,
    value: Text,
    text: String,
}

impl Action for ReplacePart {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        if !self.regex.is_match(self.part.of(&tx.stream.request)) {
            return Outcome::Continue;
        }
        self.value.with(tx, |tx, value| {
            let mut new = Vec::new();
            if let Some(captures) = self.regex.captures(self.part.of(&tx.stream.request)) {
                expand(value, &captures, &mut new);
            }
            self.part.rewrite(tx, &new)
        })
    }
}

#[derive(Debug)]
struct ReplaceField {
    name: Vec<u8>,
    unit: Unit,
    regex: Regex,
    value: Text,
    text: String,
}

impl Action for ReplaceField {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        if reading::head(tx).lines(&self.name).next().is_none() {
            return Outcome::Continue;
        }
        self.value.with(tx, |tx, value| {
            for line in 0..reading::head(tx).len() {
                let head = reading::head(tx);
                if !head.name(line).eq_ignore_ascii_case(&self.name) {
                    continue;
                }
                let Some(new) = self.line(head, line, value) else {
                    continue;
                };
                let old = head.value(line).len();
                let done = room::edit(tx, new.len(), old, |tx| {
                    reading::head(tx).set_value(line, &new);
                });
                if done != Outcome::Continue {
                    return done;
                }
            }
            Outcome::Continue
        })
    }
}

impl ReplaceField {
    /// The new value of a line; none when nothing in it matches.
    fn line(&self, head: &Head, line: usize, value: &[u8]) -> Option<Vec<u8>> {
        let old = head.value(line);
        let mut new = Vec::new();
        if self.unit == Unit::Line {
            expand(value, &self.regex.captures(old)?, &mut new);
            return Some(new);
        }
        let mut changed = false;
        let mut start = 0;
        for part in Values::new(old) {
            // Parts lie in the line, in order; the blanks around one that is replaced go with it.
            let at = part.as_ptr().addr().saturating_sub(old.as_ptr().addr());
            let after = old.get(at + part.len()..).unwrap_or_default();
            let blanks = after
                .iter()
                .take_while(|byte| b" \t".contains(byte))
                .count();
            let end = at + part.len() + blanks;
            if start > 0 {
                new.push(b',');
            }
            match self.regex.captures(part) {
                Some(captures) => {
                    expand(value, &captures, &mut new);
                    changed = true;
                }
                None => new.extend_from_slice(old.get(start..end).unwrap_or_default()),
            }
            start = end + 1;
        }
        changed.then_some(new)
    }
}
