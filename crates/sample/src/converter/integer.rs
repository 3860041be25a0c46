//! Arithmetic and logic on integers; results saturate at the ends of 64 bits as upstream's do.

use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Value};

use super::operand::{self, Operand};
use super::{boolean, converters, int, str_arg};
use hapax_core::contract::Cx;

const OPERAND: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 1,
};

converters! {
    "add", OPERAND, Some(operand), Int => Int, "Adds." => |cx, args, sample| binary(cx, args, sample, i64::saturating_add);
    "sub", OPERAND, Some(operand), Int => Int, "Subtracts." => |cx, args, sample| binary(cx, args, sample, i64::saturating_sub);
    "mul", OPERAND, Some(operand), Int => Int, "Multiplies." => |cx, args, sample| binary(cx, args, sample, i64::saturating_mul);
    "div", OPERAND, Some(operand), Int => Int, "Divides; by zero gives the largest value." => |cx, args, sample| binary(cx, args, sample, |left, right| {
        if right == 0 { i64::MAX } else { left.checked_div(right).unwrap_or(i64::MAX) }
    });
    "mod", OPERAND, Some(operand), Int => Int, "The remainder of a division; 0 for a division by zero." => |cx, args, sample| binary(cx, args, sample, |left, right| left.checked_rem(right).unwrap_or(0));
    "and", OPERAND, Some(operand), Int => Int, "Bitwise and." => |cx, args, sample| binary(cx, args, sample, |left, right| left & right);
    "or", OPERAND, Some(operand), Int => Int, "Bitwise or." => |cx, args, sample| binary(cx, args, sample, |left, right| left | right);
    "xor", OPERAND, Some(operand), Int => Int, "Bitwise exclusive or." => |cx, args, sample| binary(cx, args, sample, |left, right| left ^ right);
    "cpl", ArgSpec::NONE, None, Int => Int, "Bitwise complement." => |_, _, sample| int(!value(sample)?);
    "neg", ArgSpec::NONE, None, Int => Int, "The opposite." => |_, _, sample| int(value(sample)?.saturating_neg());
    "bool", ArgSpec::NONE, None, Int => Bool, "Whether it is not zero." => |_, _, sample| boolean(value(sample)? != 0);
    "not", ArgSpec::NONE, None, Int => Bool, "Whether it is zero." => |_, _, sample| boolean(value(sample)? == 0);
    "odd", ArgSpec::NONE, None, Int => Bool, "Whether it is odd." => |_, _, sample| boolean(value(sample)? & 1 == 1);
    "even", ArgSpec::NONE, None, Int => Bool, "Whether it is even." => |_, _, sample| boolean(value(sample)? & 1 == 0);
    "iif", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Str], required: 2 }, None, Bool => Str, "One of two texts by the value." => |_, args, sample| {
        let index = usize::from(sample.value != Value::Bool(true));
        super::string(str_arg(args, index)?)
    };
}

fn operand(args: &mut [Arg]) -> Result<(), String> {
    args.first_mut().map_or(Ok(()), operand::check)
}

fn value(sample: Sample<'_>) -> Option<i64> {
    match sample.value {
        Value::Int(value) => Some(value),
        _ => None,
    }
}

fn binary<'a>(
    cx: &Cx<'a>,
    args: &'a [Arg],
    sample: Sample<'a>,
    function: fn(i64, i64) -> i64,
) -> Option<Sample<'a>> {
    int(function(value(sample)?, args.first()?.number(cx)?))
}
