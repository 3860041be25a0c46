//! Converters that let a value pass: under a condition, or with a line that tells of it.

use std::io::Write;
use std::sync::atomic::Ordering;

use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Compiled};
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::Sample;
use hapax_core::stream::{Cause, Endpoint, ResponseSource};

use super::{converters, str_arg};
use crate::cast;
use crate::fetch::acl;

converters! {
    "debug", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Sink], required: 0 }, None, Any => Same, "Lets the value pass and prints it, behind a prefix, on stdout, stderr or in a ring." => |cx, args, sample| {
        let mut line = b"[debug] ".to_vec();
        line.extend_from_slice(str_arg(args, 0).unwrap_or_default());
        line.extend_from_slice(b": type=");
        line.extend_from_slice(sample.value.kind().name().as_bytes());
        line.extend_from_slice(b" <");
        cast::append(&mut line, sample.value);
        line.push(b'>');
        let name = str_arg(args, 1).filter(|name| !name.is_empty());
        let name = name.unwrap_or(b"buf0");
        let live = &cx.program.live;
        let ring = std::str::from_utf8(name).ok().and_then(|name| live.ring(name));
        if let Some(ring) = ring {
            ring.append(std::iter::once(&line[..]));
            return Some(sample);
        }
        line.push(b'\n');
        // Whoever closed the stream does not want the line.
        let _ = match name {
            b"stdout" => std::io::stdout().write_all(&line),
            _ => std::io::stderr().write_all(&line),
        };
        Some(sample)
    };
    "when", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Acl, ArgKind::Str], required: 1 }, Some(check), Any => Any, "Lets the value pass when an ACL is true (`acl,NAME`) or the exchange is in a state: error, forwarded, normal, processed, stopping or toapplet; `!` negates." => when;
}

#[derive(Clone, Copy)]
struct State {
    negated: bool,
    holds: Holds,
}

#[derive(Clone, Copy)]
enum Holds {
    State(fn(&Cx<'_>) -> bool),
    /// The ACL of the second argument is true.
    Acl,
}

fn check(args: &mut [Arg]) -> Result<(), String> {
    let text = String::from_utf8_lossy(str_arg(args, 0).unwrap_or_default()).into_owned();
    let (negated, name) = match text.strip_prefix('!') {
        Some(name) => (true, name),
        None => (false, text.as_str()),
    };
    if name == "acl" {
        check_acl(args.get(1))?;
        args[0] = state(text.clone(), negated, Holds::Acl);
        return Ok(());
    }
    let holds: fn(&Cx<'_>) -> bool = match name {
        "error" => is_error,
        "normal" => |cx| !is_error(cx),
        "forwarded" => |cx| cx.stream.server_address != Endpoint::Unknown,
        "processed" => |cx| cx.stream.server_address != Endpoint::Unknown || is_applet(cx),
        "stopping" => |cx| cx.program.live.process.stopping.load(Ordering::Relaxed),
        "toapplet" => is_applet,
        _ => {
            return Err(format!(
                "expects a supported keyword among {{stopping,normal,error,forwarded,toapplet,processed,acl}} but got '{name}'"
            ));
        }
    };
    args[0] = state(text.clone(), negated, Holds::State(holds));
    Ok(())
}

/// An ACL that exists was put in the place of its name before.
fn check_acl(arg: Option<&Arg>) -> Result<(), String> {
    match arg {
        Some(Arg::Compiled(_)) => Ok(()),
        Some(Arg::Str(name)) if !name.is_empty() => {
            let name = String::from_utf8_lossy(name);
            Err(format!("ACL '{name}' not found"))
        }
        _ => Err("'acl' selector requires an extra argument with the ACL name".to_owned()),
    }
}

fn state(text: String, negated: bool, holds: Holds) -> Arg {
    Arg::Compiled(Compiled {
        text,
        value: std::sync::Arc::new(State { negated, holds }),
    })
}

/// What `option dontlog-normal` would log.
fn is_error(cx: &Cx<'_>) -> bool {
    cx.stream.termination.cause != Cause::None || cx.stream.redispatched || cx.stream.retries > 0
}

fn is_applet(cx: &Cx<'_>) -> bool {
    matches!(
        cx.stream.response_from,
        ResponseSource::Statistics | ResponseSource::Service
    )
}

fn when<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let Some(Arg::Compiled(compiled)) = args.first() else {
        return None;
    };
    let state: &State = compiled.value.downcast_ref()?;
    let holds = match state.holds {
        Holds::State(holds) => holds(cx),
        Holds::Acl => acl::holds(args.get(1)?, cx),
    };
    (holds != state.negated).then_some(sample)
}
