//! `set-var` and `unset-var`: what passes by is kept in a variable, or takes one away.

use std::sync::Arc;

use hapax_core::ir::{Arg, Compiled};
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::variable::Conditions;

use super::converters;
use crate::variable::{self, name_argument};

const ONE: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 1,
};
const WITH_CONDITIONS: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str; 5],
    required: 1,
};

converters! {
    "set-var", WITH_CONDITIONS, Some(check_set), Any => Any, "Sets a variable and passes the value on." => |cx, args, sample| {
        let Some(Arg::Variable(name)) = args.first() else {
            return None;
        };
        let conditions = match args.get(1) {
            Some(Arg::Compiled(compiled)) => compiled.value.downcast_ref().copied(),
            _ => None,
        };
        variable::set(cx, name, conditions.unwrap_or_default(), sample.value).then_some(sample)
    };
    "unset-var", ONE, Some(check_name), Any => Any, "Takes the value of a variable away and passes its own on." => |cx, args, sample| {
        let Some(Arg::Variable(name)) = args.first() else {
            return None;
        };
        cx.unset_variable(name).then_some(sample)
    };
}

fn check_name(args: &mut [Arg]) -> Result<(), String> {
    args.first_mut().map_or(Ok(()), name_argument)
}

fn check_set(args: &mut [Arg]) -> Result<(), String> {
    check_name(args)?;
    let mut conditions = Conditions::default();
    let mut text = Vec::new();
    for arg in args.iter().skip(1) {
        if let Arg::Str(name) = arg {
            conditions.add(name)?;
            text.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    if let Some(arg) = args.get_mut(1)
        && conditions != Conditions::default()
    {
        *arg = Arg::Compiled(Compiled {
            text: text.join(","),
            value: Arc::new(conditions),
        });
    }
    Ok(())
}
