//! Converters (configuration manual 7.3.1).

mod aes;
mod bytes;
mod capture;
mod certificate;
mod digest;
mod encoding;
mod fix;
mod flow;
mod hash;
mod http;
mod integer;
mod json;
mod jwt;
mod map;
mod mqtt;
mod operand;
mod protobuf;
mod rfc7239;
mod server;
mod strftime;
mod string;
mod text;
mod time;
mod variable;

use bumpalo::Bump;
use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::sample::{Sample, Value};

pub(crate) use aes::CONVERTERS as AES;
pub(crate) use bytes::CONVERTERS as BYTES;
pub(crate) use capture::CONVERTERS as CAPTURE;
pub(crate) use certificate::CONVERTERS as CERTIFICATE;
pub(crate) use digest::CONVERTERS as DIGEST;
pub(crate) use encoding::CONVERTERS as ENCODING;
pub(crate) use fix::CONVERTERS as FIX;
pub(crate) use flow::CONVERTERS as FLOW;
pub(crate) use hash::CONVERTERS as HASH;
pub(crate) use http::CONVERTERS as HTTP;
pub(crate) use integer::CONVERTERS as INTEGER;
pub(crate) use json::CONVERTERS as JSON;
pub(crate) use jwt::CONVERTERS as JWT;
pub(crate) use map::CONVERTERS as MAP;
pub(crate) use mqtt::CONVERTERS as MQTT;
pub(crate) use protobuf::CONVERTERS as PROTOBUF;
pub(crate) use rfc7239::CONVERTERS as RFC7239;
pub(crate) use server::CONVERTERS as SERVER;
pub(crate) use string::CONVERTERS as STRING;
pub use string::expand;
pub(crate) use text::CONVERTERS as TEXT;
pub(crate) use time::CONVERTERS as TIME;
pub(crate) use variable::CONVERTERS as VARIABLE;

/// Rows of a family: name, arguments, check, input and output type, documentation and function.
macro_rules! converters {
    ($($name:literal, $args:expr, $check:expr, $input:ident => $output:ident, $doc:literal => $run:expr;)+) => {
        pub static CONVERTERS: &[hapax_core::keyword::Converter] = &[
            $(hapax_core::keyword::Converter {
                name: $name,
                args: $args,
                check: $check,
                input: hapax_core::sample::Type::$input,
                output: hapax_core::sample::Type::$output,
                doc: $doc,
                run: $run,
            },)+
        ];
    };
}
pub(crate) use converters;

pub(crate) fn int<'a>(value: i64) -> Option<Sample<'a>> {
    Some(Value::Int(value).into())
}

pub(crate) fn boolean<'a>(value: bool) -> Option<Sample<'a>> {
    Some(Value::Bool(value).into())
}

pub(crate) fn string(bytes: &[u8]) -> Option<Sample<'_>> {
    Some(Value::Str(bytes).into())
}

/// A result built in `out`, kept in the arena.
pub(crate) fn kept<'a>(arena: &'a Bump, out: &[u8]) -> Option<Sample<'a>> {
    string(arena.alloc_slice_copy(out))
}

/// Bytes that a result which grows may have: those of a buffer, as upstream bounds it.
fn room(cx: &Cx<'_>) -> usize {
    cx.program.global.tune.bufsize as usize
}

pub(crate) fn int_arg(args: &[Arg], index: usize) -> Option<i64> {
    match args.get(index) {
        Some(Arg::Int(value)) => Some(*value),
        _ => None,
    }
}

pub(crate) fn str_arg(args: &[Arg], index: usize) -> Option<&[u8]> {
    match args.get(index) {
        Some(Arg::Str(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
