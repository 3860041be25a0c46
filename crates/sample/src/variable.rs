//! What the fetch, the converters and the actions of variables share.

use bumpalo::Bump;
use hapax_core::contract::{Cx, Now};
use hapax_core::ir::{Arg, SetVariable, VariableValue};
use hapax_core::program::Program;
use hapax_core::sample::Value;
use hapax_core::stream::{Session, Stream};
use hapax_core::variable::{Conditions, Name, NameError};

use crate::{expression, log_format};

/// Sets a variable if the conditions hold; `false` when it was not set.
pub fn set(cx: &Cx<'_>, name: &Name, conditions: Conditions, value: Value<'_>) -> bool {
    cx.set_variable_if(name, value, |old| conditions.decide(old, value))
}

/// Sets a process variable to what the configuration or the runtime API says; an expression without a value changes
/// nothing.
pub fn set_process(program: &Program, now: Now, variable: &SetVariable) {
    let SetVariable {
        name,
        conditions,
        value,
    } = variable;
    let (session, stream, arena) = (Session::default(), Stream::default(), Bump::new());
    let cx = Cx {
        program,
        session: &session,
        stream: &stream,
        request_bytes: &[],
        response_bytes: &[],
        arena: &arena,
        now,
        on_response: false,
    };
    match value {
        VariableValue::Expr(expr) => {
            if let Some(sample) = expression::eval(expr, &cx) {
                set(&cx, name, *conditions, sample.value);
            }
        }
        VariableValue::Format(format) => {
            let mut text = Vec::new();
            log_format::render(format, &cx, &mut text);
            set(&cx, name, *conditions, Value::Str(&text));
        }
    }
}

/// Makes an argument that is the text of a name a name. Process variables become known by being named.
///
/// # Errors
/// Upstream's text.
pub fn name_argument(arg: &mut Arg) -> Result<(), String> {
    let text = match arg {
        Arg::Str(text) => text.as_slice(),
        _ => &[],
    };
    let name = Name::parse(text).map_err(|error: NameError| error.to_string())?;
    *arg = Arg::Variable(name);
    Ok(())
}
