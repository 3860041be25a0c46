//! Addresses and ports of the connections (configuration manual 7.3.3).

use hapax_core::contract::Cx;
use hapax_core::keyword::{ArgSpec, Needs};
use hapax_core::sample::Sample;
use hapax_core::stream::Endpoint;

use super::{address, boolean, fetches, int};

fetches! {
    "src", ArgSpec::NONE, None, Addr, Needs::CLIENT, "The client's address." => |cx, _, _| ip(cx.session.source);
    "fc_src", ArgSpec::NONE, None, Addr, Needs::CLIENT, "The client's address as the connection has it." => |cx, _, _| ip(cx.session.connection().source);
    "src_port", ArgSpec::NONE, None, Int, Needs::CLIENT, "The client's port." => |cx, _, _| port(cx.session.source);
    "fc_src_port", ArgSpec::NONE, None, Int, Needs::CLIENT, "The client's port as the connection has it." => |cx, _, _| port(cx.session.connection().source);
    "dst", ArgSpec::NONE, None, Addr, Needs::CLIENT, "The address the client asked for." => |cx, _, _| ip(cx.session.destination);
    "fc_dst", ArgSpec::NONE, None, Addr, Needs::CLIENT, "The address the client asked for as the connection has it." => |cx, _, _| ip(cx.session.connection().destination);
    "dst_port", ArgSpec::NONE, None, Int, Needs::CLIENT, "The port the client asked for." => |cx, _, _| port(cx.session.destination);
    "fc_dst_port", ArgSpec::NONE, None, Int, Needs::CLIENT, "The port the client asked for as the connection has it." => |cx, _, _| port(cx.session.connection().destination);
    "dst_conn", ArgSpec::NONE, None, Int, Needs::FRONTEND, "Connections of the listener." => |cx, _, _| {
        let live = &cx.program.proxy(cx.session.frontend).live;
        let listener = live.listeners.get(cx.session.listener)?;
        int(listener.sessions.value())
    };
    "so_id", ArgSpec::NONE, None, Int, Needs::FRONTEND, "The number of the listener." => |cx, _, _| {
        let live = &cx.program.proxy(cx.session.frontend).live;
        int(live.listeners.get(cx.session.listener)?.id)
    };
    "so_name", ArgSpec::NONE, None, Str, Needs::FRONTEND, "The name of the listener." => so_name;
    "bc_src", ArgSpec::NONE, None, Addr, Needs::SERVER_ADDRESS, "Our address towards the server." => |cx, _, _| ip(cx.stream.server_local);
    "bc_src_port", ArgSpec::NONE, None, Int, Needs::SERVER_ADDRESS, "Our port towards the server." => |cx, _, _| server_port(cx.stream.server_local);
    "bc_dst", ArgSpec::NONE, None, Addr, Needs::SERVER_ADDRESS, "The server's address." => |cx, _, _| ip(cx.stream.server_address);
    "bc_dst_port", ArgSpec::NONE, None, Int, Needs::SERVER_ADDRESS, "The server's port." => |cx, _, _| server_port(cx.stream.server_address);
    "wait_end", ArgSpec::NONE, None, Bool, Needs::INTERNAL, "True once the inspection of contents is over." => |cx, _, _| {
        cx.stream.inspection.lacks_bytes();
        boolean(!cx.stream.inspection.open)
    };
}

fn ip<'a>(endpoint: Endpoint) -> Option<Sample<'a>> {
    endpoint.ip().map(address)
}

/// None where there is no port.
fn port<'a>(endpoint: Endpoint) -> Option<Sample<'a>> {
    match endpoint.port() {
        0 => None,
        port => int(port),
    }
}

fn server_port<'a>(endpoint: Endpoint) -> Option<Sample<'a>> {
    endpoint.ip().and_then(|_| int(endpoint.port()))
}

fn so_name<'a>(
    cx: &Cx<'a>,
    _: &'a [hapax_core::ir::Arg],
    _: &mut hapax_core::sample::Occurrence,
) -> Option<Sample<'a>> {
    let binds = &cx.program.proxy(cx.session.frontend).ir.binds;
    let name = binds.get(cx.session.listener)?.options.name.as_deref()?;
    super::string(name.as_bytes())
}
