//! Servers of a backend.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::Serialize;

use super::{
    Address, AgentCheck, CopyOnWrite, Expr, LogFormat, LogProtocol, Milliseconds, ServerCheck,
    ServerResolution,
};
use crate::server_state::Restored;
use crate::span::Span;

/// One server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// The `server` line.
    pub span: Span,
    /// Where to connect; the port rule is separate.
    pub address: Address,
    /// What the port of the address means.
    pub port: ServerPort,
    /// The address as written.
    pub text: String,
    /// Host name when the address was one.
    pub host_name: Option<String>,
    /// Options; servers of one `default-server` that say nothing else share them.
    pub options: CopyOnWrite<ServerOptions>,
}

/// A server that the configuration and the live state share as long as neither changes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SharedServer(Arc<Server>);

impl SharedServer {
    /// The server itself.
    pub fn share(&self) -> Arc<Server> {
        self.0.clone()
    }
}

impl From<Server> for SharedServer {
    fn from(server: Server) -> SharedServer {
        SharedServer(Arc::new(server))
    }
}

impl Deref for SharedServer {
    type Target = Server;

    #[inline]
    fn deref(&self) -> &Server {
        &self.0
    }
}

impl DerefMut for SharedServer {
    fn deref_mut(&mut self) -> &mut Server {
        Arc::make_mut(&mut self.0)
    }
}

/// How the port of a server is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ServerPort {
    /// The port of the address.
    Fixed,
    /// No port: the client's destination port.
    SameAsClient,
    /// `+N`/`-N`: the client's destination port plus this.
    Offset(i32),
}

/// Options of `server` and `default-server` lines (configuration manual 5.2).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerOptions {
    /// `id`; the statistics' `sid`.
    pub id: Option<u32>,
    /// `guid`: names its counters in a stats-file.
    pub guid: Option<Box<str>>,
    /// `weight`, 0-256.
    pub weight: u32,
    /// `backup`.
    pub backup: bool,
    /// `disabled`.
    pub disabled: bool,
    /// `cookie`.
    pub cookie: Option<String>,
    /// `maxconn`; 0 is no limit.
    pub maxconn: u32,
    /// `strict-maxconn`: `maxconn` limits connections too, not requests alone.
    pub strict_maxconn: bool,
    /// `minconn`.
    pub minconn: u32,
    /// `maxqueue`; 0 is no limit.
    pub maxqueue: u32,
    /// Checks.
    pub check: ServerCheck,
    /// Agent, when anything is said about one.
    pub agent: Option<Box<AgentCheck>>,
    /// `redir`.
    pub redirect_prefix: Option<String>,
    /// `pool-max-conn`; negative is no limit.
    pub pool_max_conn: i32,
    /// `pool-purge-delay`.
    pub pool_purge_delay: Milliseconds,
    /// `idle-ping`, of HTTP/2.
    pub idle_ping: Option<Milliseconds>,
    /// `pool-low-conn`.
    pub pool_low_conn: u32,
    /// `pool-conn-name`: requests share idle connections of one value only.
    pub pool_name: Option<Expr>,
    /// `max-reuse`; negative is no limit.
    pub max_reuse: i32,
    /// `source`.
    pub source: Option<SourceAddress>,
    /// `namespace`.
    pub namespace: Option<Box<str>>,
    /// Its address is one for datagrams (`udp@`).
    pub datagrams: bool,
    /// `log-proto`: how messages of rings are framed.
    pub log_protocol: LogProtocol,
    /// `log-bufsize`: how much of a log backend's lines is kept for this server, bytes.
    pub log_bufsize: Option<u32>,
    /// `proto`: what is spoken whatever else says so; none leaves it to ALPN.
    pub protocol: Option<super::BindProtocol>,
    /// `ws`.
    pub websockets: Websockets,
    /// `tcp-ut`.
    pub tcp_user_timeout: Option<Milliseconds>,
    /// `tfo`.
    pub fast_open: bool,
    /// `send-proxy`: protocol version 1 or 2.
    pub send_proxy: Option<u8>,
    /// `socks4`: the SOCKS proxy that connections are made through.
    pub socks4: Option<Address>,
    /// What a header of version 2 tells beside the addresses.
    pub proxy_header: Option<Box<ProxyHeader>>,
    /// `track backend/server`.
    pub track: Option<(String, String)>,
    /// `on-marked-down shutdown-sessions`.
    pub shutdown_on_down: bool,
    /// `on-marked-up shutdown-backup-sessions`.
    pub shutdown_backup_on_up: bool,
    /// `slowstart`; 0 is none.
    pub slowstart: Milliseconds,
    /// `hash-key`: what the points on the ring of `hash-type consistent` are made of.
    pub hash_key: HashKey,
    /// `init-addr` methods in order; empty is upstream's default `last,libc`.
    pub init_addr: Vec<InitAddr>,
    /// How its name is resolved while the proxy runs.
    pub resolution: ServerResolution,
    /// What a state file says about the server.
    pub restored: Option<Box<Restored>>,
    /// Everything about TLS; none when the line has no word of it.
    pub tls: Option<Box<super::ServerTls>>,
}

/// Which version of HTTP carries websockets to a server (`ws`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Websockets {
    /// What is spoken anyway; HTTP/1 where ALPN may offer it.
    #[default]
    Auto,
    /// HTTP/1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// `proxy-v2-options` and `set-proxy-v2-tlv-fmt`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ProxyHeader {
    /// `ssl`: whether and how the client speaks TLS.
    pub tls: bool,
    /// `cert-cn`: the name in the client's certificate.
    pub common_name: Option<Expr>,
    /// `ssl-cipher`
    pub cipher: bool,
    /// `cert-sig`: the algorithm that signed the certificate shown to the client.
    pub signature: Option<Expr>,
    /// `cert-key`: kind and size of that certificate's key.
    pub key: bool,
    /// `authority`: the name that the client asked for.
    pub authority: bool,
    /// `crc32c`
    pub checksum: bool,
    /// `unique-id`
    pub unique_id: bool,
    /// Type and content of own fields.
    pub fields: Vec<(u8, LogFormat)>,
}

/// `hash-key`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum HashKey {
    /// The number of the server.
    #[default]
    Id,
    /// Its address.
    Address,
    /// Its address and port.
    AddressAndPort,
}

/// One method of `init-addr`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum InitAddr {
    /// From the state file.
    Last,
    /// The C library's resolver.
    Libc,
    /// Start without an address.
    None,
    /// This address.
    Address(std::net::IpAddr),
}

/// `source ADDR[:PORT[-PORT]] [interface NAME]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceAddress {
    /// Address to bind to.
    pub address: std::net::SocketAddr,
    /// Ports to choose from, both ends included.
    pub ports: Option<(u16, u16)>,
    /// `interface`.
    pub interface: Option<String>,
    /// `usesrc`: who requests seem to come from.
    pub presented: Option<Presented>,
}

/// `usesrc`: the address that a server is shown. Checks have the address of `source`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Presented {
    /// This one.
    Address(std::net::SocketAddr),
    /// The client's, with its port.
    Client,
    /// The client's, from any port.
    ClientIp,
    /// The one in a field of the request: its name in lower case, and which of its values counts, from the last if negative.
    Field(String, i32),
}

impl Default for ServerOptions {
    fn default() -> Self {
        ServerOptions {
            id: None,
            guid: None,
            weight: 1,
            backup: false,
            disabled: false,
            cookie: None,
            maxconn: 0,
            strict_maxconn: false,
            minconn: 0,
            maxqueue: 0,
            check: ServerCheck::default(),
            agent: None,
            redirect_prefix: None,
            pool_max_conn: -1,
            pool_purge_delay: 5000,
            idle_ping: None,
            pool_low_conn: 0,
            pool_name: None,
            max_reuse: -1,
            source: None,
            namespace: None,
            datagrams: false,
            log_protocol: LogProtocol::default(),
            log_bufsize: None,
            protocol: None,
            websockets: Websockets::Auto,
            tcp_user_timeout: None,
            fast_open: false,
            send_proxy: None,
            socks4: None,
            proxy_header: None,
            track: None,
            shutdown_on_down: false,
            shutdown_backup_on_up: false,
            slowstart: 0,
            hash_key: HashKey::Id,
            init_addr: Vec::new(),
            resolution: ServerResolution::default(),
            restored: None,
            tls: None,
        }
    }
}
