//! `balance hash EXPRESSION`: the hash of an expression's value decides.

use std::sync::Arc;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer};
use hapax_core::diagnostic::{Diagnostic, Prefix, Severity};
use hapax_core::ir;
use hapax_core::keyword::{BalanceKeyword, Fault, Line};
use hapax_core::live::Servers;
use hapax_sample::expression::{self, Ending, Origin};
use hapax_sample::place::Place;

use super::hashed;

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "hash",
    usage: "<expression>",
    doc: "The hash of an expression's value decides; requests without a value are dealt out in turn.",
    parse,
};

/// The algorithm.
#[derive(Debug, Clone)]
struct Hash {
    text: String,
    expr: ir::Expr,
}

fn parse(line: &mut Line<'_>) -> Result<Arc<dyn Algorithm>, Fault> {
    let Some(word) = line.args().get(1).cloned() else {
        return Err(line.fault("balance hash requires a sample expression."));
    };
    if let Some(extra) = line.arg(2) {
        let text = format!("balance hash takes no other argument (got '{extra}').");
        return Err(line.fault_at(2, text));
    }
    let written = word.lossy();
    let parsed = expression::parse(&word.text, Ending::Whole, &Origin::of(line));
    let proxy = line.proxy()?;
    let (name, span) = (proxy.name.clone(), proxy.span);
    let place = line.scope.place(span);
    let wrong = |text: String| {
        let text = format!("backend '{name}' [{place}]: {text}");
        Diagnostic::whole(Severity::Alert, Some(word.span), text).with_prefix(Prefix::Bare)
    };
    let parsed = parsed.map_err(|error| {
        wrong(format!(
            "failed to parse 'balance hash' expression '{written}' in : {error}."
        ))
    })?;
    if let Some(missing) = Place::SERVER_CHOICE.lacks(&parsed.expr) {
        return Err(wrong(format!(
            "error detected while parsing 'balance hash' expression '{written}' which requires information from \
             {missing}, which is not available here."
        ))
        .into());
    }
    line.config.references.extend(parsed.references);
    Ok(Arc::new(Hash {
        text: format!("hash {written}"),
        expr: parsed.expr,
    }))
}

impl Algorithm for Hash {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn name(&self) -> &'static str {
        "hash"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::Expr(&self.expr)
    }

    fn build(&self, proxy: &ir::ProxySettings, servers: &Servers) -> Box<dyn Balancer> {
        hashed::build(proxy, servers)
    }
}
