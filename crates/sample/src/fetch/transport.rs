//! What the kernel tells about the connections, and how they went (configuration manual 7.3.3).

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::Sample;
use hapax_core::stream::{Endpoint, TcpInfo};

use super::{boolean, fetches, int, string};

const UNIT: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 0,
};

fetches! {
    "fc_rtt", UNIT, Some(check_unit), Int, Needs::CLIENT, "Round-trip time to the client, ms unless another unit is given." => |cx, args, _| time(client(cx)?.rtt, args);
    "fc_rttvar", UNIT, Some(check_unit), Int, Needs::CLIENT, "Variance of the round-trip time to the client." => |cx, args, _| time(client(cx)?.rtt_variance, args);
    "fc_unacked", UNIT, None, Int, Needs::CLIENT, "Segments to the client that were not acknowledged." => |cx, _, _| int(client(cx)?.unacked);
    "fc_sacked", UNIT, None, Int, Needs::CLIENT, "Segments to the client that were acknowledged selectively." => |cx, _, _| int(client(cx)?.sacked);
    "fc_lost", UNIT, None, Int, Needs::CLIENT, "Segments to the client that were lost." => |cx, _, _| int(client(cx)?.lost);
    "fc_retrans", UNIT, None, Int, Needs::CLIENT, "Segments to the client that are being sent again." => |cx, _, _| int(client(cx)?.retrans);
    "fc_fackets", UNIT, None, Int, Needs::CLIENT, "Segments to the client that were acknowledged ahead." => |cx, _, _| int(client(cx)?.fackets);
    "fc_reordering", UNIT, None, Int, Needs::CLIENT, "How far segments to the client were reordered." => |cx, _, _| int(client(cx)?.reordering);
    "bc_rtt", UNIT, Some(check_unit), Int, Needs::CLIENT, "Round-trip time to the server, ms unless another unit is given." => |cx, args, _| time(server(cx)?.rtt, args);
    "bc_rttvar", UNIT, Some(check_unit), Int, Needs::CLIENT, "Variance of the round-trip time to the server." => |cx, args, _| time(server(cx)?.rtt_variance, args);
    "fc_src_is_local", ArgSpec::NONE, None, Bool, Needs::CLIENT, "Whether the client's address is this machine's." => |cx, _, _| is_local(cx, cx.session.source);
    "src_is_local", ArgSpec::NONE, None, Bool, Needs::CLIENT, "Whether the client's address is this machine's." => |cx, _, _| is_local(cx, cx.session.source);
    "fc_dst_is_local", ArgSpec::NONE, None, Bool, Needs::CLIENT, "Whether the address that the client asked for is this machine's." => |cx, _, _| is_local(cx, cx.session.destination);
    "dst_is_local", ArgSpec::NONE, None, Bool, Needs::CLIENT, "Whether the address that the client asked for is this machine's." => |cx, _, _| is_local(cx, cx.session.destination);
    "fc_nb_streams", ArgSpec::NONE, None, Int, Needs::CLIENT, "Streams on the client connection." => |_, _, _| int(1);
    "fc_settings_streams_limit", ArgSpec::NONE, None, Int, Needs::CLIENT_CONNECTION, "How many streams the client connection may have." => |_, _, _| int(1);
    "bc_nb_streams", ArgSpec::NONE, None, Int, Needs::SERVER_CONNECTION, "Streams on the server connection." => |cx, _, _| connected(cx).and_then(|()| int(1));
    "bc_settings_streams_limit", ArgSpec::NONE, None, Int, Needs::SERVER_CONNECTION, "How many streams the server connection may have." => |cx, _, _| connected(cx).and_then(|()| int(1));
    "bc_http_major", ArgSpec::NONE, None, Int, Needs::SERVER_ADDRESS, "The major version of HTTP on the server connection." => |cx, _, _| cx.stream.server.and_then(|_| int(if cx.stream.server_http2 { 2 } else { 1 }));
    "bc_reused", ArgSpec::NONE, None, Bool, Needs::SERVER_ADDRESS, "Whether the server connection was used before." => |cx, _, _| boolean(cx.stream.server_reused);
    "bc_be_queue", ArgSpec::NONE, None, Int, Needs::SERVER_ADDRESS, "Requests before this one in the backend's queue." => |cx, _, _| int(cx.stream.backend_queue);
    "bc_srv_queue", ArgSpec::NONE, None, Int, Needs::SERVER_ADDRESS, "Requests before this one in the server's queue." => |cx, _, _| int(cx.stream.server_queue);
    "fc_err", ArgSpec::NONE, None, Int, Needs::CLIENT, "The number of the client connection's error: 0, as those with errors get no further." => |_, _, _| int(0);
    "fc_err_name", ArgSpec::NONE, None, Str, Needs::CLIENT, "The name of the client connection's error; empty without one." => |_, _, _| string(b"");
    "fc_err_str", ArgSpec::NONE, None, Str, Needs::CLIENT, "The client connection's error in words." => |_, _, _| string(b"Success");
    "bc_err", ArgSpec::NONE, None, Int, Needs::SERVER_ADDRESS, "The number of the server connection's error: 0 once it is there." => |cx, _, _| match is_unsecured(cx) {
        true => int(34),
        false => connected(cx).and_then(|()| int(0)),
    };
    "bc_err_name", ArgSpec::NONE, None, Str, Needs::SERVER_ADDRESS, "The name of the server connection's error; empty without one." => |cx, _, _| match is_unsecured(cx) {
        true => string(b"SSL_HANDSHAKE"),
        false => connected(cx).and_then(|()| string(b"")),
    };
    "bc_err_str", ArgSpec::NONE, None, Str, Needs::SERVER_ADDRESS, "The server connection's error in words." => |cx, _, _| match is_unsecured(cx) {
        true => string(b"SSL handshake failure"),
        false => connected(cx).and_then(|()| string(b"Success")),
    };
    "fc_rcvd_proxy", ArgSpec::NONE, None, Bool, Needs::CLIENT, "Whether the client connection began with a PROXY protocol header." => |cx, _, _| boolean(cx.session.received_proxy);
}

/// Whether a fetch takes an argument that means nothing.
pub(crate) fn ignores(fetch: &str) -> bool {
    const COUNTERS: [&str; 6] = [
        "fc_unacked",
        "fc_sacked",
        "fc_lost",
        "fc_retrans",
        "fc_fackets",
        "fc_reordering",
    ];
    COUNTERS.contains(&fetch)
}

/// The warning about one.
pub(crate) const IGNORED: &str =
    "no argument supported for 'fc_*' sample expressions returning counters.";

fn client(cx: &Cx<'_>) -> Option<TcpInfo> {
    let sockets = cx.stream.sockets?;
    sockets.system.tcp_info(sockets.client)
}

fn server(cx: &Cx<'_>) -> Option<TcpInfo> {
    let sockets = cx.stream.sockets?;
    sockets.system.tcp_info(sockets.server?)
}

fn connected(cx: &Cx<'_>) -> Option<()> {
    (cx.stream.times.connect > 0 && cx.stream.server.is_some()).then_some(())
}

/// Whether the handshake with the server failed.
fn is_unsecured(cx: &Cx<'_>) -> bool {
    let tls = cx.stream.server_tls.as_deref();
    tls.is_some_and(|tls| tls.fault.is_some())
}

fn check_unit(args: &mut [Arg]) -> Result<(), String> {
    match args.first() {
        Some(Arg::Str(unit)) if ![&b""[..], b"us", b"ms"].contains(&unit.as_slice()) => {
            Err(format!(
                "expects 'us' or 'ms', got '{}'",
                String::from_utf8_lossy(unit)
            ))
        }
        _ => Ok(()),
    }
}

fn time<'a>(microseconds: u32, args: &[Arg]) -> Option<Sample<'a>> {
    match args.first() {
        Some(Arg::Str(unit)) if unit == b"us" => int(microseconds),
        _ => int((microseconds + 500) / 1000),
    }
}

/// Addresses of unix sockets are local.
fn is_local<'a>(cx: &Cx<'a>, endpoint: Endpoint) -> Option<Sample<'a>> {
    boolean(match endpoint {
        Endpoint::Inet(address) => cx.stream.sockets?.system.is_local(address.ip()),
        Endpoint::Unix => true,
        Endpoint::Unknown => return None,
    })
}
