//! What rules ask of a connection's socket: to vanish (`silent-drop`), and to mark its packets.

use std::os::fd::AsFd;

use hapax_core::stream::{Endpoint, Marks};
use hapax_sys::option;

/// Makes the socket's end unnoticed by its peer: silently where that is allowed, else by a reset that gets no further than
/// `hops`.
pub fn vanish(socket: impl AsFd, end: Endpoint, hops: Option<u8>) {
    // What came is acknowledged, or the peer would send it again to a socket that is not there, and hear of that.
    let _ = option::set_quickack(&socket, true);
    if hops.is_none() && option::set_vanishing(&socket).is_ok() {
        return;
    }
    let _ = option::set_hops(&socket, is_v6(end), hops.unwrap_or(1));
    let _ = option::set_reset_on_close(&socket);
}

/// Marks the packets of a socket. What the system does not allow is left out, as upstream does.
pub fn mark(socket: impl AsFd, end: Endpoint, marks: &mut Marks) {
    marks.changed = false;
    if let Some(mark) = marks.mark {
        let _ = option::set_mark(&socket, mark);
    }
    if let Some(tos) = marks.tos {
        let _ = option::set_tos(&socket, is_v6(end), tos);
    }
}

fn is_v6(end: Endpoint) -> bool {
    end.ip().is_some_and(|ip| ip.is_ipv6())
}
