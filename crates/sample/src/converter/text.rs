//! Texts joined from parts and compared with variables.

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Type};

use super::operand::{self, Operand};
use super::{boolean, converters, int, kept, str_arg, string};

const JOINED: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str, ArgKind::Str, ArgKind::Str],
    required: 1,
};
const VARIABLE: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 1,
};

converters! {
    "concat", JOINED, Some(check_second), Str => Str, "With a text, the value of a variable and another text behind it." => concat;
    "add_item", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Str, ArgKind::Str], required: 2 }, Some(check_add_item), Str => Str, "With an item behind it: the value of a variable and a text; a separator stands before it unless there was nothing." => add_item;
    "strcmp", VARIABLE, Some(check_variable), Str => Int, "Compares with a variable: 0 when equal, less or more when smaller or greater." => |cx, args, sample| {
        let (left, right) = (sample.value.bytes()?, args.first()?.text(cx, Type::Str)?);
        let differs = left.iter().zip(right).map(|(left, right)| i64::from(*left) - i64::from(*right)).find(|differs| *differs != 0);
        int(differs.unwrap_or_else(|| left.len().cmp(&right.len()) as i64))
    };
    "secure_memcmp", VARIABLE, Some(check_variable), Bin => Bool, "Whether it equals a variable, found out in constant time." => |cx, args, sample| {
        let (left, right) = (sample.value.bytes()?, args.first()?.text(cx, Type::Bin)?);
        boolean(aws_lc_rs::constant_time::verify_slices_are_equal(left, right).is_ok())
    };
}

/// The variable in second place may be left out.
fn check_second(args: &mut [Arg]) -> Result<(), String> {
    match args.get_mut(1) {
        Some(arg @ Arg::Str(_)) if *arg != Arg::Str(Vec::new()) => operand::check_name(arg),
        Some(arg) => {
            *arg = Arg::Absent;
            Ok(())
        }
        None => Ok(()),
    }
}

fn check_add_item(args: &mut [Arg]) -> Result<(), String> {
    let empty = |index| str_arg(args, index).is_none_or(<[u8]>::is_empty);
    if empty(1) && empty(2) {
        return Err("one of the optional arguments has to be nonempty".to_owned());
    }
    check_second(args)
}

fn check_variable(args: &mut [Arg]) -> Result<(), String> {
    if str_arg(args, 0).is_none_or(<[u8]>::is_empty) {
        return Err("missing variable name".to_owned());
    }
    operand::check_name(&mut args[0])
}

fn variable<'a>(cx: &Cx<'a>, args: &'a [Arg]) -> Option<&'a [u8]> {
    args.get(1)?.text(cx, Type::Str)
}

fn concat<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let start = str_arg(args, 0).unwrap_or_default();
    let value = variable(cx, args).unwrap_or_default();
    let end = str_arg(args, 2).unwrap_or_default();
    let text = sample.value.bytes()?;
    if start.is_empty() && value.is_empty() && end.is_empty() {
        return string(text);
    }
    kept(cx.arena, &[text, start, value, end].concat())
}

fn add_item<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let value = variable(cx, args);
    let end = str_arg(args, 2).unwrap_or_default();
    let text = sample.value.bytes()?;
    if value.is_none() && end.is_empty() {
        return string(text);
    }
    let separator = if text.is_empty() {
        &[]
    } else {
        str_arg(args, 0).unwrap_or_default()
    };
    kept(
        cx.arena,
        &[text, separator, value.unwrap_or_default(), end].concat(),
    )
}
