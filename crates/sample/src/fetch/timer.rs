//! How long the phases of an exchange took (configuration manual 7.3.3, 7.3.6, 8.4).

use hapax_core::contract::Cx;
use hapax_core::keyword::{ArgSpec, Needs};
use hapax_core::sample::Sample;
use hapax_core::stream::Times;

use super::{fetches, int};

fetches! {
    "req.timer.idle", ArgSpec::NONE, None, Int, Needs::REQUEST, "Idle time before the request, ms." => |cx, _, _| int(idle(&cx.stream.times));
    "req.timer.hdr", ArgSpec::NONE, None, Int, Needs::REQUEST, "Time to receive the request's head, ms; -1 while rules look at it." => |cx, _, _| received(cx, cx.stream.times.first_byte);
    "req.timer.tq", ArgSpec::NONE, None, Int, Needs::REQUEST, "Time from accept to the request's end, ms; -1 while rules look at it." => |cx, _, _| received(cx, cx.stream.times.start);
    "req.timer.queue", ArgSpec::NONE, None, Int, Needs::SERVER_ADDRESS, "Time in queues, ms." => |cx, _, _| {
        let times = &cx.stream.times;
        let from = if times.request == 0 { times.start } else { times.request };
        int(Times::between(from, times.queue))
    };
    "bc.timer.connect", ArgSpec::NONE, None, Int, Needs::SERVER_ADDRESS, "Time to connect to the server, ms." => |cx, _, _| {
        let times = &cx.stream.times;
        int(Times::between(times.queue, times.connect))
    };
    "res.timer.hdr", ArgSpec::NONE, None, Int, Needs::RESPONSE, "Time of the server to respond, ms." => |cx, _, _| {
        let times = &cx.stream.times;
        int(Times::between(times.connect, times.response))
    };
    "res.timer.data", ArgSpec::NONE, None, Int, Needs::RESPONSE_COUNT, "Time to transfer the data, ms; known at the end." => |cx, _, _| {
        let times = &cx.stream.times;
        let from = if times.response == 0 && times.request == 0 { times.connect } else { times.response };
        match times.end {
            0 if from > 0 => int(0),
            end => int(Times::between(from, end)),
        }
    };
    "fc.timer.handshake", ArgSpec::NONE, None, Int, Needs::CLIENT, "Time of handshakes, ms." => |cx, _, _| int(cx.stream.times.handshake as i64);
    "fc.timer.total", ArgSpec::NONE, None, Int, Needs::FRONTEND, "Total time, ms; known at the end." => |cx, _, _| int(total(&cx.stream.times));
    "txn.timer.total", ArgSpec::NONE, None, Int, Needs::REQUEST_LINE, "Active time of the request, ms; known at the end." => |cx, _, _| {
        let times = &cx.stream.times;
        int(total(times) - idle(times) - times.handshake as i64)
    };
    "txn.timer.user", ArgSpec::NONE, None, Int, Needs::REQUEST_LINE, "Total time without idle time, ms; known at the end." => |cx, _, _| {
        let times = &cx.stream.times;
        int(total(times) - idle(times))
    };
}

fn idle(times: &Times) -> i64 {
    Times::between(times.start, times.first_byte).max(0)
}

/// 0 until the end.
fn total(times: &Times) -> i64 {
    Times::between(times.start, times.end).max(0)
}

/// The request counts as received once its body was waited for, or its rules are through and it asks for a server.
fn received<'a>(cx: &Cx<'a>, from: u64) -> Option<Sample<'a>> {
    let times = &cx.stream.times;
    let request = if times.queue == 0 && !cx.stream.body_awaited {
        0
    } else {
        times.request
    };
    int(Times::between(from, request))
}
