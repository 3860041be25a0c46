//! `del-header`.

use std::sync::Arc;

use hapax_core::contract::{Action, Matcher, Outcome, Tx};
use hapax_core::keyword::{ActionCursor, Fault, Patterns};
use hapax_core::sample::{Sample, Value};

use super::{argument, fault, head};

pub fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let Some(name) = argument(cursor) else {
        return Err(fault(cursor, "del-header", "expects at least 1 argument"));
    };
    let mut action = DelHeader {
        name: name.text.clone(),
        matcher: None,
    };
    if cursor.peek().is_some_and(|word| *word == "-m") {
        cursor.take();
        let Some(method) = argument(cursor) else {
            return Err(fault(
                cursor,
                "del-header",
                "-m flag expects exactly 1 argument",
            ));
        };
        let method = method.lossy();
        let row = cursor.line.registry.match_methods.find(&method);
        action.matcher = match (&*method, row) {
            ("str", _) => None,
            ("beg" | "end" | "sub" | "reg", Some(row)) => {
                // Names are kept in lower case; the other methods compare letters as they are, regular expressions too.
                let patterns = Patterns {
                    list: vec![name.text.clone()],
                    ignore_case: *method != *"reg",
                    no_names: true,
                };
                let matcher =
                    (row.0.build)(&patterns).map_err(|text| fault(cursor, "del-header", &text))?;
                Some(matcher)
            }
            _ => {
                let text = format!("-m with unsupported matching method '{method}'");
                return Err(fault(cursor, "del-header", &text));
            }
        };
    }
    Ok(Arc::new(action))
}

#[derive(Debug)]
struct DelHeader {
    name: Vec<u8>,
    matcher: Option<Arc<dyn Matcher>>,
}

impl Action for DelHeader {
    fn text(&self) -> String {
        let name = String::from_utf8_lossy(&self.name);
        match &self.matcher {
            None => format!("del-header {name}"),
            Some(matcher) => format!("del-header {name} ({})", matcher.text()),
        }
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        match &self.matcher {
            None => {
                head(tx).remove(&self.name);
            }
            Some(matcher) => head(tx).retain(|name, _| {
                !matcher.matches(&Sample {
                    value: Value::Str(name),
                })
            }),
        }
        Outcome::Continue
    }
}
