//! `set-header` and `add-header`.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::LogFormat;
use hapax_core::keyword::{ActionCursor, Fault};
use hapax_sample::log_format::Style;

use super::{argument, fault, head, read_format, with_text};

pub fn parse(
    cursor: &mut ActionCursor<'_, '_>,
    keyword: &'static str,
    add: bool,
) -> Result<Arc<dyn Action>, Fault> {
    let (Some(name), Some(value)) = (argument(cursor), argument(cursor)) else {
        return Err(fault(cursor, keyword, "expects exactly 2 arguments"));
    };
    let format =
        read_format(cursor, value, Style::Header).map_err(|text| fault(cursor, keyword, &text))?;
    Ok(Arc::new(SetHeader {
        keyword,
        name: name.text.clone(),
        format,
        add,
    }))
}

#[derive(Debug)]
struct SetHeader {
    keyword: &'static str,
    name: Vec<u8>,
    format: LogFormat,
    add: bool,
}

impl Action for SetHeader {
    fn text(&self) -> String {
        let name = String::from_utf8_lossy(&self.name);
        format!("{} {name} {}", self.keyword, self.format.text)
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        with_text(&self.format, tx, |tx, value| {
            let head = head(tx);
            if self.add {
                head.add(&self.name, value);
            } else {
                head.set(&self.name, value);
            }
        });
        Outcome::Continue
    }
}
