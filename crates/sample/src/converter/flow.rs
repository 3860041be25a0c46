//! Converters that let a value pass under a condition.

use std::sync::atomic::Ordering;

use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Compiled};
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::Sample;
use hapax_core::stream::{Cause, Endpoint, ResponseSource};

use super::{converters, str_arg};

converters! {
    "when", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Str, ArgKind::Str], required: 1 }, Some(check), Any => Any, "Lets the value pass when the exchange is in a state: error, forwarded, normal, processed, stopping or toapplet; `!` negates." => when;
}

#[derive(Clone, Copy)]
struct State {
    negated: bool,
    holds: fn(&Cx<'_>) -> bool,
}

fn check(args: &mut [Arg]) -> Result<(), String> {
    let text = String::from_utf8_lossy(str_arg(args, 0).unwrap_or_default()).into_owned();
    let (negated, name) = match text.strip_prefix('!') {
        Some(name) => (true, name),
        None => (false, text.as_str()),
    };
    let holds: fn(&Cx<'_>) -> bool = match name {
        "error" => is_error,
        "normal" => |cx| !is_error(cx),
        "forwarded" => |cx| cx.stream.server_address != Endpoint::Unknown,
        "processed" => |cx| cx.stream.server_address != Endpoint::Unknown || is_applet(cx),
        "stopping" => |cx| cx.program.live.process.stopping.load(Ordering::Relaxed),
        "toapplet" => is_applet,
        "acl" if str_arg(args, 1).is_none_or(<[u8]>::is_empty) => {
            return Err("'acl' selector requires an extra argument with the ACL name".to_owned());
        }
        "acl" => return Err("the selector 'acl' is not built yet".to_owned()),
        _ => {
            return Err(format!(
                "expects a supported keyword among {{stopping,normal,error,forwarded,toapplet,processed,acl}} but got '{name}'"
            ));
        }
    };
    args[0] = Arg::Compiled(Compiled {
        text: text.clone(),
        value: std::sync::Arc::new(State { negated, holds }),
    });
    Ok(())
}

/// What `option dontlog-normal` would log.
fn is_error(cx: &Cx<'_>) -> bool {
    cx.stream.termination.cause != Cause::None || cx.stream.redispatched || cx.stream.retries > 0
}

fn is_applet(cx: &Cx<'_>) -> bool {
    cx.stream.response_from == ResponseSource::Statistics
}

fn when<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let Some(Arg::Compiled(compiled)) = args.first() else {
        return None;
    };
    let state: &State = compiled.value.downcast_ref()?;
    ((state.holds)(cx) != state.negated).then_some(sample)
}
