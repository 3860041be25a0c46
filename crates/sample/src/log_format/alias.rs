//! The `%name` aliases of log formats (the table of configuration manual 8.2.6).

use std::net::IpAddr;

use hapax_core::capture::Side;
use hapax_core::contract::Cx;
use hapax_core::ir::{LogFlags, LogOrigin, LogReady, LogSteps};
use hapax_core::keyword::{LogAlias, LogOutput};
use hapax_core::stream::{Endpoint, ResponseSource, Times};
use hapax_proto::http::Target;

use super::render::{text, unencoded};
use super::{Stamp, captured, unique_id, why};
use crate::write;

macro_rules! aliases {
    ($($name:literal $output:ident $(($($mark:ident),+))? $doc:literal => $write:expr;)+) => {
        /// The aliases.
        pub static ALIASES: &[LogAlias] = &[
            $(LogAlias {
                name: $name,
                http: aliases!(@has http $($($mark),+)?),
                at_end: aliases!(@has at_end $($($mark),+)?),
                ready: ready($name),
                output: LogOutput::$output,
                doc: $doc,
                write: $write,
            },)+
        ];
    };
    (@has http http $(, $rest:ident)*) => { true };
    (@has at_end at_end $(, $rest:ident)*) => { true };
    (@has $wanted:ident $other:ident $(, $rest:ident)*) => { aliases!(@has $wanted $($rest),*) };
    (@has $wanted:ident) => { false };
}

aliases! {
    "B" Number (at_end) "Bytes sent to the client." => |cx, _, _, out| write::unsigned(out, cx.stream.bytes_out);
    "CC" Text (http) "The captured request cookie." => |cx, _, flags, out| unencoded(&cx.stream.request_cookie, flags, out);
    "CS" Text (http) "The captured response cookie." => |cx, _, flags, out| unencoded(&cx.stream.response_cookie, flags, out);
    "H" Text "The name of the machine." => |cx, _, flags, out| text(cx.program.host_name.as_bytes(), flags, out);
    "HM" Encoded (http) "The method." => |cx, _, flags, out| text(request(cx).0, flags, out);
    "HP" Encoded (http) "The request target without its query." => |cx, _, flags, out| {
        let uri = request(cx).1;
        let end = memchr::memchr(b'?', uri).unwrap_or(uri.len());
        text(&uri[..end], flags, out);
    };
    "HPO" Encoded (http) "The path." => |cx, _, flags, out| match request(cx).1 {
        b"<BADREQ>" => text(b"<BADREQ>", flags, out),
        uri => text(Target::of(uri).path, LogFlags { mandatory: false, ..flags }, out),
    };
    "HQ" Encoded (http) "The query with its question mark." => |cx, _, flags, out| {
        let uri = request(cx).1;
        let start = match uri {
            b"<BADREQ>" => 0,
            _ => memchr::memchr(b'?', uri).unwrap_or(uri.len()),
        };
        text(&uri[start..], LogFlags { mandatory: false, ..flags }, out);
    };
    "HU" Encoded (http) "The request target." => |cx, _, flags, out| text(request(cx).1, flags, out);
    "HV" Encoded (http) "The version." => |cx, _, flags, out| text(request(cx).2, flags, out);
    "ID" Text "The unique identifier, `-` without `unique-id-format`." => |cx, _, flags, out| unique_id::append(cx, flags, out);
    "OG" Text "Where in the exchange the line comes from." => |cx, _, flags, out| {
        text(cx.stream.log_origin.name().as_bytes(), flags, out);
    };
    "ST" Number "The status." => |cx, _, _, out| write::int(out, i64::from(cx.stream.status));
    "T" Text "The accept date in UTC." => |cx, _, _, out| {
        Stamp::Utc.append_with_offset(out, seconds(cx.session.accepted_wall_us));
    };
    "TR" Number (http) "Time to receive the request's head, ms." => |cx, _, _, out| {
        let times = &cx.stream.times;
        timer(out, times.first_byte, times.request);
    };
    "Ta" Number (http, at_end) "Active time of the request, ms." => |cx, _, _, out| {
        let times = &cx.stream.times;
        let from = if times.first_byte == 0 { times.start } else { times.first_byte };
        timer(out, from, times.end);
    };
    "Tc" Number "Time to connect to the server, ms." => |cx, _, _, out| {
        let times = &cx.stream.times;
        timer(out, times.queue, times.connect);
    };
    "Td" Number "Time to transfer the data, ms." => |cx, _, _, out| {
        let times = &cx.stream.times;
        let from = if times.response == 0 && times.request == 0 { times.connect } else { times.response };
        timer(out, from, times.end);
    };
    "Th" Number "Time of handshakes, ms." => |cx, _, _, out| write::unsigned(out, cx.stream.times.handshake);
    "Ti" Number (http) "Idle time before the request, ms." => |cx, _, _, out| {
        let times = &cx.stream.times;
        timer(out, times.start, times.first_byte);
    };
    "Tl" Text "The accept date in local time." => |cx, _, _, out| {
        Stamp::Local.append_with_offset(out, seconds(cx.session.accepted_wall_us));
    };
    "Tq" Number (http) "Time from accept to the request's end, ms." => |cx, _, _, out| {
        let times = &cx.stream.times;
        timer(out, times.start, times.request);
    };
    "Tr" Number (http) "Time of the server to respond, ms." => |cx, _, _, out| {
        let times = &cx.stream.times;
        timer(out, times.connect, times.response);
    };
    "Ts" HexNumber "The accept date as a Unix timestamp." => |cx, _, flags, out| {
        number(out, seconds(cx.session.accepted_wall_us).unsigned_abs(), flags);
    };
    "Tt" Number (at_end) "Total time, ms." => |cx, _, _, out| {
        let times = &cx.stream.times;
        timer(out, times.start, times.end);
    };
    "Tu" Number (at_end) "Total time without idle time, ms." => |cx, _, _, out| {
        let times = &cx.stream.times;
        let from = if times.first_byte == 0 { times.start } else { times.first_byte };
        timer(out, from.saturating_sub(times.handshake), times.end);
    };
    "Tw" Number "Time in queues, ms." => |cx, _, _, out| {
        let times = &cx.stream.times;
        let from = if times.request == 0 { times.start } else { times.request };
        timer(out, from, times.queue);
    };
    "U" Number "Bytes received from the client." => |cx, _, _, out| write::unsigned(out, cx.stream.bytes_in);
    "ac" Number "Connections of the process." => |cx, _, _, out| count(out, cx.stream.counts.process);
    "b" Text "The backend's name." => |cx, _, flags, out| {
        text(cx.program.proxy(cx.stream.backend).ir.name.as_bytes(), flags, out);
    };
    "bc" Number "Connections of the backend." => |cx, _, _, out| count(out, cx.stream.counts.backend);
    "bi" Text "Our address towards the server." => |cx, _, flags, out| ip(out, cx.stream.server_local, flags);
    "bp" HexNumber "Our port towards the server." => |cx, _, flags, out| port(out, cx.stream.server_local, flags);
    "bq" Number "Requests before this one in the backend's queue." => |cx, _, _, out| count(out, cx.stream.backend_queue);
    "ci" Text "The client's address." => |cx, _, flags, out| match cx.session.source {
        Endpoint::Unix => text(b"unix", flags, out),
        source => ip(out, source, flags),
    };
    "cp" HexNumber "The client's port." => |cx, _, flags, out| match cx.session.source {
        Endpoint::Unix => write::int(out, listener_id(cx)),
        source => port(out, source, flags),
    };
    "f" Text "The frontend's name." => |cx, _, flags, out| {
        text(cx.program.proxy(cx.session.frontend).ir.name.as_bytes(), flags, out);
    };
    "fc" Number "Connections of the frontend." => |cx, _, _, out| count(out, cx.stream.counts.frontend);
    "fi" Text "The address the client asked for." => |cx, _, flags, out| match cx.session.destination {
        Endpoint::Unix => text(b"unix", flags, out),
        destination => ip(out, destination, flags),
    };
    "fp" HexNumber "The port the client asked for." => |cx, _, flags, out| match cx.session.destination {
        Endpoint::Unix => write::int(out, listener_id(cx)),
        destination => port(out, destination, flags),
    };
    "ft" Encoded "The frontend's name, with `~` over TLS." => |cx, _, flags, out| {
        let name = cx.program.proxy(cx.session.frontend).ir.name.as_bytes();
        match cx.session.tls {
            Some(_) => text(&[name, b"~"].concat(), flags, out),
            None => text(name, flags, out),
        }
    };
    "hr" Captured "Captured request headers; none without captures." => |cx, _, flags, out| captured::braces(cx, Side::Request, flags, out);
    "hrl" RequestList "Captured request headers in CLF style; none without captures." => |cx, _, flags, out| captured::list(cx, Side::Request, flags, out);
    "hs" Captured "Captured response headers; none without captures." => |cx, _, flags, out| captured::braces(cx, Side::Response, flags, out);
    "hsl" ResponseList "Captured response headers in CLF style; none without captures." => |cx, _, flags, out| captured::list(cx, Side::Response, flags, out);
    "ms" Number "Milliseconds of the accept date." => |cx, _, _, out| {
        write::padded(out, cx.session.accepted_wall_us / 1000 % 1000, 3);
    };
    "pid" HexNumber "The process number." => |_, _, flags, out| number(out, u64::from(std::process::id()), flags);
    "r" Encoded (http) "The request line." => |cx, _, flags, out| match request_line(cx) {
        [] => text(b"<BADREQ>", flags, out),
        line => text(line, flags, out),
    };
    "rc" Number "Retries, with `+` after a redispatch." => |cx, _, _, out| {
        if cx.stream.redispatched {
            out.push(b'+');
        }
        count(out, cx.stream.retries);
    };
    "rt" HexNumber "The number of the exchange." => |cx, _, flags, out| number(out, u64::from(cx.stream.number), flags);
    "s" Text "The server's name." => |cx, _, flags, out| {
        let proxy = &cx.program.proxy(cx.stream.backend).live;
        let server = cx.stream.server.and_then(|index| proxy.servers.get(index));
        let name = match server {
            Some(server) => server.name.as_bytes(),
            None if cx.stream.response_from == ResponseSource::Statistics => b"<STATS>",
            None if cx.stream.response_from == ResponseSource::Service => b"<PROMEX>",
            None => b"<NOSRV>",
        };
        text(name, flags, out);
    };
    "sc" Number "Connections of the server." => |cx, _, _, out| count(out, cx.stream.counts.server);
    "si" Text "The server's address." => |cx, _, flags, out| ip(out, cx.stream.server_address, flags);
    "sp" HexNumber "The server's port." => |cx, _, flags, out| port(out, cx.stream.server_address, flags);
    "sq" Number "Requests before this one in the server's queue." => |cx, _, _, out| count(out, cx.stream.server_queue);
    "sslc" Text "The TLS cipher; `-` without TLS." => |cx, _, flags, out| {
        text(cx.session.tls.as_ref().map_or("", |tls| tls.cipher).as_bytes(), flags, out);
    };
    "sslv" Text "The TLS version; `-` without TLS." => |cx, _, flags, out| {
        text(cx.session.tls.as_ref().map_or("", |tls| tls.version).as_bytes(), flags, out);
    };
    "t" Text "The accept date in local time with milliseconds." => |cx, _, _, out| {
        with_milliseconds(out, cx.session.accepted_wall_us);
    };
    "tr" Text (http) "The request's date in local time with milliseconds." => |cx, _, _, out| {
        with_milliseconds(out, request_date_us(cx));
    };
    "trg" Text (http) "The request's date in UTC." => |cx, _, _, out| {
        Stamp::Utc.append_with_offset(out, seconds(request_date_us(cx)));
    };
    "trl" Text (http) "The request's date in local time." => |cx, _, _, out| {
        Stamp::Local.append_with_offset(out, seconds(request_date_us(cx)));
    };
    "ts" Text "Why the exchange ended, two letters." => |cx, _, _, out| {
        let why = cx.stream.termination;
        out.extend_from_slice(&[why.cause.letter(), why.phase.letter()]);
    };
    "tsc" Text (http) "Why the exchange ended and what happened to the persistence cookie, four letters." => |cx, _, _, out| {
        let why = cx.stream.termination;
        out.extend_from_slice(&[
            why.cause.letter(),
            why.phase.letter(),
            cx.stream.request_cookie_state.letter(),
            cx.stream.response_cookie_state.letter(),
        ]);
    };
    "why" Encoded "The rule that ended the exchange with the ACLs that made it apply, or what else did; an own addition." => |cx, _, flags, out| {
        why::append(cx, flags, out);
    };
}

/// Method, target and version as the client sent them: those of the logged line, which rules do not change.
fn request<'a>(cx: &Cx<'a>) -> (&'a [u8], &'a [u8], &'a [u8]) {
    let line = request_line(cx);
    if line.is_empty() {
        return (b"<BADREQ>", b"<BADREQ>", b"<BADREQ>");
    }
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let mut next = || words.next().unwrap_or_default();
    (next(), next(), next())
}

/// From when on an alias is known, as upstream sees it: some that could be told earlier wait for the end.
const fn ready(name: &str) -> LogReady {
    match name.as_bytes() {
        b"H" | b"OG" | b"T" | b"Tl" | b"Ts" | b"b" | b"f" | b"ft" | b"ms" | b"pid" | b"rt"
        | b"t" | b"tr" | b"trg" | b"trl" | b"tsc" => LogReady::Always,
        b"HM" | b"HP" | b"HPO" | b"HQ" | b"HU" | b"HV" | b"r" => LogReady::Request,
        b"B" | b"ID" | b"TR" | b"Ta" | b"Tc" | b"Td" | b"Th" | b"Ti" | b"Tq" | b"Tr" | b"Tt"
        | b"Tu" | b"Tw" | b"U" | b"ac" | b"bc" | b"bq" | b"fc" | b"rc" | b"sc" | b"sq" | b"ts" => {
            LogReady::End
        }
        _ => LogReady::Response,
    }
}

/// The request line, which is kept for lines of requests only: with `log-steps` that leave them out there is none.
fn request_line<'a>(cx: &Cx<'a>) -> &'a [u8] {
    let proxy = &cx.program.proxy(cx.session.frontend).ir;
    let kept = |steps: LogSteps| steps.has(LogOrigin::Request) || proxy.options.logasap;
    match proxy.log_steps.is_none_or(kept) {
        true => &cx.stream.request_line,
        false => b"",
    }
}

/// When the first byte of the request came, microseconds since 1970.
pub(crate) fn request_date_us(cx: &Cx<'_>) -> u64 {
    let times = &cx.stream.times;
    times.start_wall_us + times.first_byte.saturating_sub(times.start) * 1000
}

fn listener_id(cx: &Cx<'_>) -> i64 {
    let live = &cx.program.proxy(cx.session.frontend).live;
    live.listeners
        .get(cx.session.listener)
        .map_or(0, |listener| i64::from(listener.id))
}

fn seconds(microseconds: u64) -> i64 {
    (microseconds / 1_000_000) as i64
}

fn with_milliseconds(out: &mut Vec<u8>, microseconds: u64) {
    Stamp::Local.append(out, seconds(microseconds));
    out.push(b'.');
    write::padded(out, microseconds / 1000 % 1000, 3);
}

fn timer(out: &mut Vec<u8>, from: u64, to: u64) {
    write::int(out, Times::between(from, to));
}

fn count(out: &mut Vec<u8>, number: u32) {
    write::unsigned(out, u64::from(number));
}

fn number(out: &mut Vec<u8>, number: u64, flags: LogFlags) {
    if flags.hex {
        write::hex(out, number, 4);
    } else {
        write::unsigned(out, number);
    }
}

fn port(out: &mut Vec<u8>, endpoint: Endpoint, flags: LogFlags) {
    match endpoint {
        Endpoint::Inet(address) => number(out, u64::from(address.port()), flags),
        _ if flags.mandatory => out.push(b'-'),
        _ => {}
    }
}

fn ip(out: &mut Vec<u8>, endpoint: Endpoint, flags: LogFlags) {
    let Some(ip) = endpoint.ip() else {
        text(b"", flags, out);
        return;
    };
    let quoted = flags.quote && !flags.hex;
    if quoted {
        out.push(b'"');
    }
    match (flags.hex, ip) {
        (true, IpAddr::V4(ip)) => write::hex_bytes(out, &ip.octets()),
        (true, IpAddr::V6(ip)) => write::hex_bytes(out, &ip.octets()),
        (false, ip) => append_ip(out, ip),
    }
    if quoted {
        out.push(b'"');
    }
}

/// Appends an address.
pub(crate) fn append_ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => write::ipv4(out, ip),
        IpAddr::V6(ip) => write::ipv6(out, ip),
    }
}
