//! `var`: the value of a variable (configuration manual 2.8, 7.3.2).

use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};

use super::{fetches, string};
use crate::variable::name_argument;

const NAME: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str, ArgKind::Str],
    required: 1,
};

fetches! {
    "var", NAME, Some(check), Any, Needs::NOTHING, "The value of a variable, with the type it was stored with." => |cx, args, _| {
        let Some(Arg::Variable(name)) = args.first() else {
            return None;
        };
        match (cx.variable(name), args.get(1)) {
            (None, Some(Arg::Str(default))) => string(default),
            (value, _) => value,
        }
    };
}

fn check(args: &mut [Arg]) -> Result<(), String> {
    args.first_mut().map_or(Ok(()), name_argument)
}
