//! `switch-mode`: a stream of bytes becomes one of HTTP.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::ProxyKind;
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};

use super::reading;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "switch-mode",
    rulesets: Rulesets::TCP_CONTENT,
    usage: "http [ proto <name> ]",
    doc: "Goes on with the stream as HTTP.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let Some(mode) = cursor.take() else {
        let text = "'tcp-request switch-mode' expects a mode as argument.";
        return Err(reading::fault(cursor, text));
    };
    let proxy = cursor.line.proxy()?;
    if proxy.kind == ProxyKind::Backend {
        let text = format!(
            "'tcp-request switch-mode' not allowed because backend '{}' has no frontend capability",
            proxy.name
        );
        return Err(reading::fault(cursor, text));
    }
    if *mode != "http" {
        let text = format!(
            "'tcp-request switch-mode' expects a valid mode (got '{}').",
            mode.lossy()
        );
        return Err(reading::fault_at(cursor, mode.span, text));
    }
    if cursor.peek().is_some_and(|word| *word == "proto") {
        cursor.at += 1;
        let Some(name) = cursor.take().map(|word| word.lossy()) else {
            let text = "'tcp-request switch-mode': 'proto' expects a protocol as argument.";
            return Err(reading::fault(cursor, text));
        };
        if name != "h1" {
            let text = format!(
                "'tcp-request switch-mode': 'proto' expects a valid MUX protocol, if specified (got '{name}')"
            );
            return Err(reading::fault(cursor, text));
        }
    }
    Ok(Arc::new(SwitchMode {
        text: reading::text(cursor),
    }))
}

#[derive(Debug)]
struct SwitchMode {
    text: String,
}

impl Action for SwitchMode {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::SwitchToHttp
    }
}
