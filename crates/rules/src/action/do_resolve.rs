//! `do-resolve(VAR,RESOLVERS[,FAMILY])`: a variable takes an address of the name that an expression gives.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::{Expr, Family, Reference, ReferenceKind};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};
use hapax_core::sample::Type;
use hapax_core::stream::Resolution;
use hapax_core::variable::Name;
use hapax_sample::expression::{self, Ending, Origin};

use super::reading;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "do-resolve(",
    rulesets: Rulesets::HTTP_REQUEST.or(Rulesets::TCP_CONTENT),
    usage: "<var>,<resolvers>[,{ipv4|ipv6}]) <expr>",
    doc: "Sets a variable to an address of a name, as the name servers of a resolvers section tell it.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let word = cursor
        .at
        .checked_sub(1)
        .and_then(|at| cursor.line.words.get(at));
    let span = word.map_or(cursor.line.span, |word| word.span);
    let text = word.map(|word| word.lossy().into_owned());
    let text = text.unwrap_or_default();
    let wrong = |cursor: &ActionCursor<'_, '_>, what: &str| {
        reading::fault_at(cursor, span, format!("Can't parse '{what}{EXPECTED}"))
    };
    let inside = text
        .strip_prefix("do-resolve(")
        .and_then(|rest| rest.strip_suffix(')'));
    let words: Vec<_> = inside.unwrap_or_default().split(',').collect();
    let (name, section, prefer) = match words.as_slice() {
        [name, section] => (*name, *section, Family::V6),
        [name, section, "ipv4"] => (*name, *section, Family::V4),
        [name, section, "ipv6"] => (*name, *section, Family::V6),
        _ => return Err(wrong(cursor, &format!("{text}'."))),
    };
    // A name that no variable can have is accepted: what is resolved is kept nowhere then.
    let variable = Name::parse(name.as_bytes()).ok();
    let words = cursor.line.words.get(cursor.at..).unwrap_or_default();
    let written = expression::joined(words);
    let parsed = expression::parse(&written, Ending::Whole, &Origin::of(cursor.line));
    if let Err(error) = parsed {
        let first = words.first().map(|word| word.lossy()).unwrap_or_default();
        return Err(wrong(cursor, &format!("{first}': {error}.")));
    }
    let named = reading::name(cursor);
    let expr = reading::expression(cursor, Some(&named))?;
    let from = Origin::of(cursor.line).from;
    let missing = format!(
        "Proxy '{}': Can't find resolvers section '{section}' for do-resolve action.",
        cursor.line.proxy()?.name
    );
    cursor.line.config.references.push(Reference {
        kind: ReferenceKind::Resolvers,
        name: section.to_owned(),
        from,
        span: cursor.line.span,
        missing,
    });
    Ok(Arc::new(DoResolve {
        variable,
        section: section.to_owned(),
        prefer,
        expr,
        text: reading::text(cursor),
    }))
}

/// What follows the word that is wrong.
const EXPECTED: &str = " Expects 'do-resolve(<varname>,<resolvers>[,<options>]) <expr>'. Available options are 'ipv4' and 'ipv6'";

#[derive(Debug)]
struct DoResolve {
    variable: Option<Name>,
    section: String,
    prefer: Family,
    expr: Expr,
    text: String,
}

impl Action for DoResolve {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let cx = tx.cx();
        let name = expression::eval_as(&self.expr, Type::Str, &cx)
            .and_then(|sample| Some(sample.value.bytes()?.to_vec()));
        let Some(Ok(name)) = name.map(String::from_utf8) else {
            return Outcome::Continue;
        };
        tx.stream.resolution = Some(Box::new(Resolution {
            section: self.section.clone(),
            name,
            prefer: self.prefer,
            variable: self.variable.clone(),
            ticket: 0,
        }));
        Outcome::Resolve
    }
}
