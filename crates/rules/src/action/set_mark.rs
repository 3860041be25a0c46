//! `set-fc-mark`, `set-fc-tos`, `set-bc-mark`, `set-bc-tos`: how packets of a connection are marked; `set-mark` and
//! `set-tos` are older names of the first two.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::Expr;
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};
use hapax_core::sample::{Type, Value};
use hapax_sample::expression;

use super::reading;

/// The row of the client's mark.
pub const SET_FC_MARK: ActionKeyword = client(
    "set-fc-mark",
    "Sets the netfilter mark of packets to the client.",
    |cursor| parse(cursor, Side::Client, Field::Mark),
);
/// The older name of [`SET_FC_MARK`].
pub const SET_MARK: ActionKeyword =
    client("set-mark", "The older name of `set-fc-mark`.", |cursor| {
        parse(cursor, Side::Client, Field::Mark)
    });
/// The row of the client's type of service.
pub const SET_FC_TOS: ActionKeyword = client(
    "set-fc-tos",
    "Sets the type of service of packets to the client.",
    |cursor| parse(cursor, Side::Client, Field::Tos),
);
/// The older name of [`SET_FC_TOS`].
pub const SET_TOS: ActionKeyword = client("set-tos", "The older name of `set-fc-tos`.", |cursor| {
    parse(cursor, Side::Client, Field::Tos)
});
/// The row of the server's mark.
pub const SET_BC_MARK: ActionKeyword = ActionKeyword {
    name: "set-bc-mark",
    rulesets: Rulesets::TCP_CONTENT.or(Rulesets::HTTP_REQUEST),
    usage: "{ <mark> | <expr> }",
    doc: "Sets the netfilter mark of packets to the server.",
    parse: |cursor| parse(cursor, Side::Server, Field::Mark),
};
/// The row of the server's type of service.
pub const SET_BC_TOS: ActionKeyword = ActionKeyword {
    name: "set-bc-tos",
    rulesets: Rulesets::TCP_CONTENT.or(Rulesets::HTTP_REQUEST),
    usage: "{ <tos> | <expr> }",
    doc: "Sets the type of service of packets to the server.",
    parse: |cursor| parse(cursor, Side::Server, Field::Tos),
};

type Parse = fn(&mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault>;

const fn client(name: &'static str, doc: &'static str, parse: Parse) -> ActionKeyword {
    ActionKeyword {
        name,
        rulesets: Rulesets::TCP_CONNECTION
            .or(Rulesets::TCP_SESSION)
            .or(Rulesets::TCP_CONTENT)
            .or(Rulesets::TCP_RESPONSE)
            .or(Rulesets::HTTP_REQUEST)
            .or(Rulesets::HTTP_RESPONSE),
        usage: "{ <value> | <expr> }",
        doc,
        parse,
    }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Client,
    Server,
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Mark,
    Tos,
}

#[derive(Debug)]
enum Number {
    Fixed(u32),
    Computed(Expr),
}

fn parse(
    cursor: &mut ActionCursor<'_, '_>,
    side: Side,
    field: Field,
) -> Result<Arc<dyn Action>, Fault> {
    let Some(word) = cursor.peek() else {
        return Err(reading::fault(cursor, "expects an argument"));
    };
    let number = match fixed(&word.lossy()) {
        Some(number) => {
            cursor.at += 1;
            Number::Fixed(number)
        }
        None => {
            let at = cursor.at.saturating_sub(1);
            let action = cursor.line.words.get(at).map(|word| word.lossy());
            Number::Computed(reading::expression(cursor, action.as_deref())?)
        }
    };
    Ok(Arc::new(SetMark {
        side,
        field,
        number,
        text: reading::text(cursor),
    }))
}

fn fixed(text: &str) -> Option<u32> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    // Larger numbers lose their high bits, as upstream's do.
    number.ok().map(|number| number as u32)
}

#[derive(Debug)]
struct SetMark {
    side: Side,
    field: Field,
    number: Number,
    text: String,
}

impl Action for SetMark {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let number = match &self.number {
            Number::Fixed(number) => Some(*number),
            Number::Computed(expr) => {
                expression::eval_as(expr, Type::Int, &tx.cx()).and_then(|sample| {
                    match sample.value {
                        Value::Int(number) => Some(number as u32),
                        _ => None,
                    }
                })
            }
        };
        let Some(number) = number else {
            return Outcome::Continue;
        };
        let marks = match self.side {
            Side::Client => &mut tx.session.marks,
            Side::Server => &mut tx.stream.server_marks,
        };
        marks.changed = true;
        match self.field {
            Field::Mark => marks.mark = Some(number),
            Field::Tos => marks.tos = Some(number as u8),
        }
        Outcome::Continue
    }
}
