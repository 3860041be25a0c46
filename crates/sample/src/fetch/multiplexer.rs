//! The exchange's place on the connections that carry it (configuration manual 7.3.3): `fs` is the client's side, `bs` the
//! server's.

use hapax_core::keyword::{ArgSpec, Needs};

use super::{fetches, int};

fetches! {
    "fs.id", ArgSpec::NONE, None, Str, Needs::CLIENT_CONNECTION, "The number of the exchange on the client connection, from 0; 0 in TCP mode." => |cx, _, _| int(i64::from(cx.stream.client_position));
    "bs.id", ArgSpec::NONE, None, Int, Needs::SERVER_CONNECTION, "The number of the exchange on the server connection, from 0; 0 in TCP mode." => |cx, _, _| int(cx.stream.server_position?);
}
