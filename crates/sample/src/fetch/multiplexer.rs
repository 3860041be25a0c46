//! The exchange's place on the connections that carry it (configuration manual 7.3.3): `fs` is the client's side, `bs` the
//! server's.

use std::fmt::Write;

use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, LogOrigin};
use hapax_core::keyword::ArgKind;
use hapax_core::sample::Sample;
use hapax_core::stream::Endpoint;

use hapax_core::keyword::{ArgSpec, Needs};

use super::{fetches, int, string};

const LAYERS: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Int],
    required: 0,
};

fetches! {
    "fc_glitches", ArgSpec::NONE, None, Int, Needs::CLIENT, "Oddities of the client connection, where it speaks HTTP/2." => |cx, _, _| int(cx.session.common.as_ref()?.glitches.get());
    "bc_glitches", ArgSpec::NONE, None, Int, Needs::SERVER_ADDRESS, "Oddities of the server connection, where it speaks HTTP/2." => |cx, _, _| int(cx.stream.server_glitches?);
    "fs.aborted", ArgSpec::NONE, None, Int, Needs::CLIENT_CONNECTION, "Whether the client broke the stream off (HTTP/2)." => |cx, _, _| int(i64::from(cx.stream.resets.client.is_some())).filter(|_| cx.stream.log_origin != LogOrigin::SessionError);
    "bs.aborted", ArgSpec::NONE, None, Int, Needs::SERVER_CONNECTION, "Whether the server broke the stream off (HTTP/2)." => |cx, _, _| int(i64::from(cx.stream.resets.server.is_some())).filter(|_| cx.stream.log_origin != LogOrigin::SessionError);
    "fs.debug_str", LAYERS, None, Str, Needs::CLIENT_CONNECTION, "What the layers of the client's side are up to, for developers; a sum of 1 (stream), 2 (connection of streams), 4 (TLS), 8 (connection) and 16 (socket) chooses." => |cx, args, _| described(cx, args, Side::Client);
    "bs.debug_str", LAYERS, None, Str, Needs::SERVER_CONNECTION, "The same of the server's side." => |cx, args, _| described(cx, args, Side::Server);
    "fs.rst_code", ArgSpec::NONE, None, Int, Needs::CLIENT_CONNECTION, "The code with which the client broke the stream off (HTTP/2)." => |cx, _, _| int(cx.stream.resets.client?);
    "bs.rst_code", ArgSpec::NONE, None, Int, Needs::SERVER_CONNECTION, "The code with which the server broke the stream off (HTTP/2)." => |cx, _, _| int(cx.stream.resets.server?);
    "fs.id", ArgSpec::NONE, None, Str, Needs::CLIENT_CONNECTION, "The number of the exchange on the client connection, from 0; 0 in TCP mode." => |cx, _, _| int(i64::from(cx.stream.client_position));
    "bs.id", ArgSpec::NONE, None, Int, Needs::SERVER_CONNECTION, "The number of the exchange on the server connection, from 0; 0 in TCP mode." => |cx, _, _| int(cx.stream.server_position?);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// What is known of the layers that `args` asks for.
fn described<'a>(cx: &Cx<'a>, args: &[Arg], side: Side) -> Option<Sample<'a>> {
    let stream = cx.stream;
    let client = side == Side::Client;
    if !client && stream.server_position.is_none() {
        return None;
    }
    let asked = match args.first() {
        Some(Arg::Int(layers)) if *layers != 0 => *layers,
        _ => 31,
    };
    let (position, http2, reset, glitches, tls, ends) = match side {
        Side::Client => (
            Some(stream.client_position),
            cx.session.http2,
            stream.resets.client,
            cx.session
                .common
                .as_ref()
                .map(|common| common.glitches.get()),
            cx.session.tls.as_deref(),
            (cx.session.source, cx.session.destination),
        ),
        Side::Server => (
            stream.server_position,
            stream.server_http2,
            stream.resets.server,
            stream.server_glitches,
            stream.server_tls.as_deref(),
            (stream.server_local, stream.server_address),
        ),
    };
    let mut text = bumpalo::collections::String::new_in(cx.arena);
    let mut add = |layer: i64, words: std::fmt::Arguments<'_>| {
        if asked & layer != 0 {
            let before = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{before}{words}");
        }
    };
    let (id, code) = (position.unwrap_or_default(), reset.map_or(-1, i64::from));
    add(1, format_args!("stream.id={id} .rst={code}"));
    let (version, odd) = (1 + u8::from(http2), glitches.unwrap_or_default());
    add(2, format_args!("mux.http={version} .glitches={odd}"));
    if let Some(tls) = tls {
        add(
            4,
            format_args!("tls.version={} .cipher={}", tls.version, tls.cipher),
        );
    }
    let (from, to) = (Shown(ends.0), Shown(ends.1));
    add(8, format_args!("conn.from={from} .to={to}"));
    if let Some(sockets) = stream.sockets {
        let descriptor = if client {
            Some(sockets.client)
        } else {
            sockets.server
        };
        add(16, format_args!("socket.fd={}", descriptor.unwrap_or(-1)));
    }
    string(text.into_bump_str().as_bytes())
}

/// An end of a connection as text.
struct Shown(Endpoint);

impl std::fmt::Display for Shown {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Endpoint::Inet(address) => write!(to, "{address}"),
            Endpoint::Unix => to.write_str("unix"),
            Endpoint::Unknown => to.write_str("?"),
        }
    }
}
