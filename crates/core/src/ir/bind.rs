//! Listening sockets.

use serde::Serialize;

use super::{Address, Milliseconds};
use crate::span::Span;

/// One listener: one address of a `bind` line (a port range gives one each).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bind {
    /// Where to listen.
    pub address: Address,
    /// The `bind` line.
    pub span: Span,
    /// The address as it was written; upstream prints it in error messages.
    pub text: String,
    /// Options after the address.
    pub options: BindOptions,
}

/// The options of a `bind` line (configuration manual 5.1).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BindOptions {
    /// `name`.
    pub name: Option<String>,
    /// `id`; the statistics' `sid`.
    pub id: Option<u32>,
    /// `guid-prefix`.
    pub guid_prefix: Option<String>,
    /// What it makes of this listener: the prefix, and the position on the line.
    pub guid: Option<String>,
    /// `maxconn` of this listener; 0 is no limit.
    pub maxconn: u32,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `namespace`.
    pub namespace: Option<String>,
    /// `interface`.
    pub interface: Option<String>,
    /// `v4v6`.
    pub v4v6: bool,
    /// `v6only`.
    pub v6only: bool,
    /// `transparent`.
    pub transparent: bool,
    /// `proto`.
    pub protocol: Option<BindProtocol>,
    /// `idle-ping`, of HTTP/2.
    pub idle_ping: Option<Milliseconds>,
    /// `accept-proxy` and `accept-netscaler-cip`: what stands before the client's first byte.
    pub proxy_header: Option<crate::contract::ProxyHeader>,
    /// `defer-accept`.
    pub defer_accept: bool,
    /// `mss`.
    pub mss: Option<i32>,
    /// `tcp-ut`, milliseconds.
    pub tcp_user_timeout: Option<Milliseconds>,
    /// `tfo`.
    pub fast_open: bool,
    /// `nice`.
    pub nice: Option<i32>,
    /// `mode` of a unix socket.
    pub unix_mode: Option<u32>,
    /// `uid`/`user` of a unix socket.
    pub unix_uid: Option<u32>,
    /// `gid`/`group` of a unix socket.
    pub unix_gid: Option<u32>,
    /// `level` of a runtime socket.
    pub level: Option<CliLevel>,
    /// `severity-output` of a runtime socket.
    pub severity_output: SeverityOutput,
    /// `expose-fd listeners`.
    pub expose_fd_listeners: bool,
    /// `process`/`thread` restriction as worker numbers from 0; empty is all.
    pub threads: Vec<u16>,
    /// `shards`: number of sockets; none is one per worker.
    pub shards: Option<u16>,
    /// Everything about TLS; none when the line has no word of it.
    pub tls: Option<Box<super::BindTls>>,
}

/// Which version of HTTP a connection speaks, whatever else says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum BindProtocol {
    /// HTTP/1, also when it begins as HTTP/2 does.
    Http1,
    /// HTTP/2 from the first byte on.
    Http2,
    /// Bytes of which nothing is known.
    None,
}

/// What a runtime socket may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum CliLevel {
    /// Reads what is not sensitive.
    User,
    /// Reads everything and changes what is not sensitive.
    Operator,
    /// Everything.
    Admin,
}

/// How the runtime API marks severities before its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum SeverityOutput {
    /// Not at all.
    #[default]
    None,
    /// `[3]:` before the text.
    Number,
    /// `[err]:` before the text.
    String,
}
