//! Arguments that are a constant or the name of a variable.

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::sample::{Sample, Type, Value};
use hapax_core::variable::Name;

use super::encoding::decode_base64;
use crate::cast;

/// Reads an integer or the name of a variable.
pub(super) fn check(arg: &mut Arg) -> Result<(), String> {
    let Arg::Str(text) = &*arg else { return Ok(()) };
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+"));
    *arg = if digits.unwrap_or(text).iter().all(u8::is_ascii_digit) {
        Arg::Int(cast::leading_int(text))
    } else {
        variable(text).ok_or("expects an integer or a variable name")?
    };
    Ok(())
}

/// Reads the name of a variable.
pub(super) fn check_name(arg: &mut Arg) -> Result<(), String> {
    let Arg::Str(text) = &*arg else { return Ok(()) };
    *arg = variable(text).ok_or_else(|| {
        format!(
            "failed to register variable name '{}'",
            String::from_utf8_lossy(text)
        )
    })?;
    Ok(())
}

/// Reads the name of a variable, and nothing else, for the argument `what`.
pub(super) fn check_only_name(arg: &mut Arg, what: &str) -> Result<(), String> {
    let Arg::Str(text) = &*arg else { return Ok(()) };
    let name = Name::parse(text).map_err(|error| format!("failed to parse {what} : {error}"))?;
    *arg = Arg::Variable(name);
    Ok(())
}

/// Reads base64 or the name of a variable, for the argument `what`.
pub(super) fn check_base64(arg: &mut Arg, what: &str) -> Result<(), String> {
    let Arg::Str(text) = &*arg else { return Ok(()) };
    *arg = match variable(text) {
        Some(name) => name,
        None => Arg::Str(decode_base64(text).ok_or_else(|| {
            format!("failed to parse {what} : argument needs to be base64 encoded, and can either be a string or a variable")
        })?),
    };
    Ok(())
}

/// Reads the name of a variable where the text is one; other text stays what it is.
pub(super) fn check_text(arg: &mut Arg) {
    if let Arg::Str(text) = &*arg
        && let Some(name) = variable(text)
    {
        *arg = name;
    }
}

fn variable(text: &[u8]) -> Option<Arg> {
    Name::parse(text).ok().map(Arg::Variable)
}

/// The value of such an argument.
pub(super) trait Operand {
    /// As an integer; none when it is a variable that has no integer.
    fn number(&self, cx: &Cx<'_>) -> Option<i64>;
    /// As it is.
    fn sample<'a>(&'a self, cx: &Cx<'a>) -> Option<Sample<'a>>;
    /// The bytes of a constant, which is decoded, or of base64 in a variable.
    fn base64<'a>(&'a self, cx: &Cx<'a>) -> Option<&'a [u8]>;
    /// As text, or as bytes where it is no text.
    fn text<'a>(&'a self, cx: &Cx<'a>, kind: Type) -> Option<&'a [u8]>;
}

impl Operand for Arg {
    fn number(&self, cx: &Cx<'_>) -> Option<i64> {
        match self {
            Arg::Int(number) => Some(*number),
            _ => match cast::cast(self.sample(cx)?, Type::Int, cx.arena)?.value {
                Value::Int(number) => Some(number),
                _ => None,
            },
        }
    }

    fn sample<'a>(&'a self, cx: &Cx<'a>) -> Option<Sample<'a>> {
        match self {
            Arg::Str(text) => Some(Value::Str(text).into()),
            Arg::Int(number) => Some(Value::Int(*number).into()),
            Arg::Variable(name) => cx.variable(name),
            _ => None,
        }
    }

    fn base64<'a>(&'a self, cx: &Cx<'a>) -> Option<&'a [u8]> {
        match self {
            Arg::Str(decoded) => Some(decoded),
            _ => Some(
                cx.arena
                    .alloc_slice_copy(&decode_base64(self.text(cx, Type::Str)?)?),
            ),
        }
    }

    fn text<'a>(&'a self, cx: &Cx<'a>, kind: Type) -> Option<&'a [u8]> {
        match self {
            Arg::Str(text) => Some(text),
            _ => cast::cast(self.sample(cx)?, kind, cx.arena)?.value.bytes(),
        }
    }
}

/// Sets the variable that an argument names.
pub(super) fn set(cx: &Cx<'_>, arg: &Arg, value: Value<'_>) {
    if let Arg::Variable(name) = arg {
        cx.set_variable(name, value);
    }
}
