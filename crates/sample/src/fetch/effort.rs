//! What it costs to serve an exchange (configuration manual 7.3.2, `profiling.tasks`).

use hapax_core::contract::Cx;
use hapax_core::ir::Mode;
use hapax_core::keyword::{ArgSpec, Needs};
use hapax_core::stream::Effort;

use super::{fetches, int};

fetches! {
    "cpu_calls", ArgSpec::NONE, None, Int, Needs::INTERNAL, "How often the task that serves the exchange was called for it." => |cx, _, _| int(spent(cx)?.calls as i64);
    "cpu_ns_avg", ArgSpec::NONE, None, Int, Needs::INTERNAL, "Nanoseconds that each of these calls took." => |cx, _, _| {
        let spent = spent(cx)?;
        int(spent.ran.checked_div(spent.calls).unwrap_or(0) as i64)
    };
    "cpu_ns_tot", ArgSpec::NONE, None, Int, Needs::INTERNAL, "Nanoseconds that these calls took, together." => |cx, _, _| int(spent(cx)?.ran as i64);
    "lat_ns_avg", ArgSpec::NONE, None, Int, Needs::INTERNAL, "Nanoseconds by which each of these calls came after what it was for." => |cx, _, _| {
        let spent = spent(cx)?;
        int(spent.waited.checked_div(spent.calls).unwrap_or(0) as i64)
    };
    "lat_ns_tot", ArgSpec::NONE, None, Int, Needs::INTERNAL, "Nanoseconds by which these calls came after what they were for, together." => |cx, _, _| int(spent(cx)?.waited as i64);
}

/// What the exchange has cost; none while a connection of HTTP has no request.
fn spent(cx: &Cx<'_>) -> Option<Effort> {
    let sockets = cx.stream.sockets?;
    let http = cx.program.proxy(cx.session.frontend).ir.mode == Mode::Http;
    if http && !cx.stream.is_http() {
        return None;
    }
    Some(sockets.system.effort().since(cx.stream.effort_before))
}
