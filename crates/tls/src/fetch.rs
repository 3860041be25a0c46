//! What rules and logs see of TLS (configuration manual 7.3.3, 7.3.4).

pub(crate) mod certificate;
pub(crate) mod client;
pub(crate) mod hello;
pub(crate) mod server;

use hapax_core::contract::Cx;
use hapax_core::sample::{Sample, Value};

/// Rows of a family: name, arguments, type, needs, documentation and function.
macro_rules! fetches {
    ($($name:literal, $args:expr, $output:ident, $needs:expr, $doc:literal => $run:expr;)+) => {
        pub(crate) static FETCHES: &[hapax_core::keyword::Fetch] = &[
            $(hapax_core::keyword::Fetch {
                name: $name,
                args: $args,
                check: None,
                output: hapax_core::sample::Type::$output,
                needs: $needs,
                doc: $doc,
                run: $run,
            },)+
        ];
    };
}
pub(crate) use fetches;

fn int<'a>(value: impl Into<i64>) -> Option<Sample<'a>> {
    Some(Value::Int(value.into()).into())
}

fn boolean<'a>(value: bool) -> Option<Sample<'a>> {
    Some(Value::Bool(value).into())
}

fn string(bytes: &[u8]) -> Option<Sample<'_>> {
    Some(Value::Str(bytes).into())
}

fn binary(bytes: &[u8]) -> Option<Sample<'_>> {
    Some(Value::Bin(bytes).into())
}

/// A secret in hexadecimal digits; none when it is not known.
fn secret<'a>(cx: &Cx<'a>, bytes: &[u8]) -> Option<Sample<'a>> {
    if bytes.is_empty() {
        return None;
    }
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    string(kept(cx, digits.as_bytes()))
}

/// Bytes that live as long as the rules of one message.
fn kept<'a>(cx: &Cx<'a>, bytes: &[u8]) -> &'a [u8] {
    cx.arena.alloc_slice_copy(bytes)
}
