//! `del-header`: removes fields by their name.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault};
use hapax_sample::matcher::Regex;

use super::HEADS;
use super::reading;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "del-header",
    rulesets: HEADS,
    usage: "<name> [ -m <method> ]",
    doc: "Removes header fields.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let name = reading::expect(cursor, "expects at least 1 argument")?;
    let mut test = Test::Whole(name.text.clone());
    if cursor.peek().is_some_and(|word| *word == "-m") {
        cursor.at += 1;
        let method = reading::expect(cursor, "-m flag expects exactly 1 argument")?;
        let lower = name.text.to_ascii_lowercase();
        test = match method.text.as_slice() {
            b"str" => test,
            b"beg" => Test::Begin(lower),
            b"end" => Test::End(lower),
            b"sub" => Test::Within(lower),
            b"reg" => Test::Regex(
                Regex::new(&name.text, false)
                    .map_err(|text| reading::fault_at(cursor, name.span, text))?,
            ),
            _ => {
                let text = format!("-m with unsupported matching method '{}'", method.lossy());
                return Err(reading::fault_at(cursor, method.span, text));
            }
        };
    }
    Ok(Arc::new(DelHeader {
        test,
        text: reading::text(cursor),
    }))
}

#[derive(Debug)]
struct DelHeader {
    test: Test,
    text: String,
}

/// How a name, which is lower case, is compared.
#[derive(Debug)]
enum Test {
    Whole(Vec<u8>),
    Begin(Vec<u8>),
    End(Vec<u8>),
    Within(Vec<u8>),
    Regex(Regex),
}

impl Action for DelHeader {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let head = reading::head(tx);
        match &self.test {
            Test::Whole(name) => {
                head.remove(name);
            }
            Test::Begin(text) => head.retain(|name, _| !name.starts_with(text)),
            Test::End(text) => head.retain(|name, _| !name.ends_with(text)),
            Test::Within(text) => head.retain(|name, _| memchr::memmem::find(name, text).is_none()),
            Test::Regex(regex) => head.retain(|name, _| !regex.is_match(name)),
        }
        Outcome::Continue
    }
}
