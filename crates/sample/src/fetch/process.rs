//! The process and its clock (configuration manual 7.3.2).

use std::sync::atomic::Ordering;

use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};

use super::{boolean, fetches, int, string};

const UNIT: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 0,
};

fetches! {
    "date", ArgSpec { kinds: &[ArgKind::Int, ArgKind::Str], required: 0 }, Some(check_date), Int, Needs::NOTHING, "The date, in seconds since 1970 unless another unit is given, with an offset." => |cx, args, _| {
        let offset = match args.first() {
            Some(Arg::Int(offset)) => *offset,
            _ => 0,
        };
        int(in_unit(cx.now.wall_us, args.get(1)).saturating_add(offset))
    };
    "date_us", ArgSpec::NONE, None, Int, Needs::NOTHING, "Microseconds of the date." => |cx, _, _| int((cx.now.wall_us % 1_000_000) as i64);
    "accept_date", UNIT, Some(check_unit), Int, Needs::CLIENT, "The date at which the connection was accepted." => |cx, args, _| int(in_unit(cx.session.accepted_wall_us, args.first()));
    "request_date", UNIT, Some(check_unit), Int, Needs::REQUEST_LINE, "The date of the first byte of the request." => |cx, args, _| {
        int(in_unit(crate::log_format::alias::request_date_us(cx), args.first()))
    };
    "hostname", ArgSpec::NONE, None, Str, Needs::NOTHING, "The name of the machine." => |cx, _, _| string(cx.program.host_name.as_bytes());
    "pid", ArgSpec::NONE, None, Int, Needs::NOTHING, "The process number." => |_, _, _| int(std::process::id());
    "proc", ArgSpec::NONE, None, Int, Needs::NOTHING, "The number of the process among its like: always 1." => |_, _, _| int(1);
    "nbproc", ArgSpec::NONE, None, Int, Needs::NOTHING, "How many processes there are: always 1." => |_, _, _| int(1);
    "thread", ArgSpec::NONE, None, Int, Needs::NOTHING, "The number of the worker, from 0." => |cx, _, _| int(cx.stream.worker);
    "act_conn", ArgSpec::NONE, None, Int, Needs::NOTHING, "Connections of the process." => |cx, _, _| int(cx.program.live.process.connections.value());
    "stopping", ArgSpec::NONE, None, Bool, Needs::INTERNAL, "Whether the process is stopping." => |cx, _, _| boolean(cx.program.live.process.stopping.load(Ordering::Relaxed));
    "uptime", ArgSpec::NONE, None, Int, Needs::NOTHING, "Seconds since the process started." => |cx, _, _| int((cx.now.ms / 1000) as i64);
}

fn check_date(args: &mut [Arg]) -> Result<(), String> {
    check_unit(args.get_mut(1..).unwrap_or_default())
}

fn check_unit(args: &mut [Arg]) -> Result<(), String> {
    match args.first() {
        Some(Arg::Str(unit)) if ![&b""[..], b"s", b"ms", b"us"].contains(&unit.as_slice()) => {
            Err(format!(
                "expects 's', 'ms' or 'us', got '{}'",
                String::from_utf8_lossy(unit)
            ))
        }
        _ => Ok(()),
    }
}

fn in_unit(microseconds: u64, unit: Option<&Arg>) -> i64 {
    let divisor = match unit {
        Some(Arg::Str(unit)) if unit == b"ms" => 1000,
        Some(Arg::Str(unit)) if unit == b"us" => 1,
        _ => 1_000_000,
    };
    (microseconds / divisor) as i64
}
