//! `set-bandwidth-limit`: a bandwidth filter acts on this exchange.

use std::sync::Arc;

use hapax_core::bandwidth::Bandwidth;
use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::{Expr, Reference, ReferenceKind};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};
use hapax_core::program::ProxyId;
use hapax_core::sample::{Type, Value};
use hapax_sample::expression::{self, Ending, ExpressionError, Origin};
use hapax_sample::place::Place;

use super::BOTH;
use super::reading;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "set-bandwidth-limit",
    rulesets: BOTH.or(Rulesets::TCP_CONTENT).or(Rulesets::TCP_RESPONSE),
    usage: "<name> [limit {<expr>|<size>}] [period {<expr>|<time>}]",
    doc: "Limits the bandwidth of the exchange by a filter of the section.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let name = reading::expect(cursor, "missing bwlim filter name")?;
    let name_text = name.lossy().into_owned();
    let from = Origin::of(cursor.line).from;
    let (mut limit, mut period) = (Amount::Own, Amount::Own);
    loop {
        let next = cursor.peek();
        if next.is_some_and(|word| *word == "limit") {
            cursor.at += 1;
            limit = amount(cursor, "limit", "size", size)?;
        } else if next.is_some_and(|word| *word == "period") {
            cursor.at += 1;
            period = amount(cursor, "period", "time", milliseconds)?;
        } else {
            break;
        }
    }
    let missing = format!(
        "Proxy '{}': unable to find bwlim filter '{name_text}' referenced by set-bandwidth-limit rule.",
        cursor.line.proxy()?.name
    );
    cursor.line.config.references.push(Reference {
        // No defaults section has filters.
        kind: match from {
            Some(_) => ReferenceKind::BandwidthLimit,
            None => ReferenceKind::Nothing,
        },
        name: name_text.clone(),
        from,
        span: cursor.line.span,
        missing,
    });
    Ok(Arc::new(SetBandwidthLimit {
        section: ProxyId(
            from.and_then(|from| u32::try_from(from).ok())
                .unwrap_or_default(),
        ),
        name: name_text,
        limit,
        period,
        text: reading::text(cursor),
    }))
}

/// Reads a number with a unit, or an expression.
fn amount(
    cursor: &mut ActionCursor<'_, '_>,
    what: &str,
    unit: &str,
    number: fn(&[u8]) -> Option<u32>,
) -> Result<Amount, Fault> {
    let words = cursor.line.words.get(cursor.at..).unwrap_or_default();
    let span = words.first().map_or(cursor.line.span, |word| word.span);
    let first = words
        .first()
        .map(|word| word.text.as_slice())
        .unwrap_or_default();
    if let Some(number) = number(first) {
        cursor.at += 1;
        return Ok(Amount::Fixed(number));
    }
    let text = expression::joined(words);
    let parsed =
        expression::parse(&text, Ending::Whole, &Origin::of(cursor.line)).map_err(|error| {
            let text = match error {
                ExpressionError::UnknownFetch(_) | ExpressionError::MissingFetch => format!(
                    "'{what}': invalid {unit} value or unknown fetch method '{}'",
                    String::from_utf8_lossy(first)
                ),
                other => format!("'{what}': {other}"),
            };
            reading::fault_at(cursor, span, text)
        })?;
    cursor.at += expression::joined_words(words);
    let kind = cursor.line.proxy()?.kind;
    if let Some(missing) = Place::of(cursor.ruleset, kind).lacks(&parsed.expr) {
        let text = format!(
            "Proxy '{}': set-bandwidth-limit rule uses a {what} extracting information from '{missing}', none of which is \
             available here.",
            cursor.line.proxy()?.name
        );
        // Upstream finds that when everything is read.
        cursor.line.config.references.push(Reference {
            kind: ReferenceKind::Nothing,
            name: String::new(),
            from: None,
            span,
            missing: text,
        });
        return Ok(Amount::Own);
    }
    cursor.line.config.references.extend(parsed.references);
    Ok(Amount::Expr(parsed.expr))
}

/// `64k`.
fn size(word: &[u8]) -> Option<u32> {
    let (number, unit) = split(word)?;
    let factor = match unit {
        b"" => 1,
        b"k" | b"K" => 1 << 10,
        b"m" | b"M" => 1 << 20,
        b"g" | b"G" => 1 << 30,
        _ => return None,
    };
    u32::try_from(number.checked_mul(factor)?).ok()
}

/// `10s`.
fn milliseconds(word: &[u8]) -> Option<u32> {
    let (number, unit) = split(word)?;
    let factor = match unit {
        b"us" => return u32::try_from(number.div_ceil(1000)).ok(),
        b"" | b"ms" => 1,
        b"s" => 1_000,
        b"m" => 60_000,
        b"h" => 3_600_000,
        b"d" => 86_400_000,
        _ => return None,
    };
    u32::try_from(number.checked_mul(factor)?).ok()
}

fn split(word: &[u8]) -> Option<(u64, &[u8])> {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = word.split_at(digits);
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, unit))
}

#[derive(Debug)]
enum Amount {
    /// That of the filter.
    Own,
    Fixed(u32),
    Expr(Expr),
}

impl Amount {
    /// The number; 0 is that of the filter.
    fn value(&self, tx: &Tx<'_>) -> u32 {
        match self {
            Amount::Own => 0,
            Amount::Fixed(number) => *number,
            Amount::Expr(expr) => {
                match expression::eval_as(expr, Type::Int, &tx.cx()).map(|sample| sample.value) {
                    Some(Value::Int(number)) => u32::try_from(number.max(0)).unwrap_or(u32::MAX),
                    _ => 0,
                }
            }
        }
    }
}

#[derive(Debug)]
struct SetBandwidthLimit {
    section: ProxyId,
    name: String,
    limit: Amount,
    period: Amount,
    text: String,
}

impl Action for SetBandwidthLimit {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let limits = &tx.program.proxy(self.section).ir.bandwidth_limits;
        let mut all = limits.iter().enumerate();
        let named = all.find(|(_, limit)| limit.name == self.name);
        // The last one stands in for one that is missing, as in upstream.
        let last = || limits.iter().enumerate().next_back();
        let Some((index, limit)) = named.or_else(last) else {
            return Outcome::Continue;
        };
        let (size, period) = (self.limit.value(tx), self.period.value(tx));
        let new = Bandwidth::new((self.section, index), limit, size, period);
        match tx
            .stream
            .bandwidth
            .iter_mut()
            .find(|old| old.replaces(&new))
        {
            Some(old) => *old = new,
            None => tx.stream.bandwidth.push(new),
        }
        Outcome::Continue
    }
}
