//! Frontends, backends and listens.

use std::ops::{Deref, DerefMut};

use hashbrown::HashMap;
use serde::Serialize;

use super::{
    BandwidthLimit, Bind, CheckKind, Condition, CopyOnWrite, ErrorLine, ErrorPage, LogFormat,
    LogReady, LogTarget, Milliseconds, Network, Rule, SharedServer, SourceAddress, Stats, TcpRules,
    UseBackend,
};
use crate::contract::{Algorithm, Shared};
use crate::span::Span;

/// A frontend, a backend, or both in one (`listen`).
///
/// What it shares with others is reached as if it stood here: most proxies say little that their `defaults` did not say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proxy {
    /// Its name.
    pub name: String,
    /// Which sides it has.
    pub kind: ProxyKind,
    /// The section line.
    pub span: Span,
    /// `id`.
    pub id: Option<u32>,
    /// `guid`: names its counters in a stats-file.
    pub guid: Option<Box<str>>,
    /// Listeners.
    pub binds: Vec<Bind>,
    /// Servers in file order.
    pub servers: Vec<SharedServer>,
    /// What can be said in `defaults` too.
    #[serde(flatten)]
    pub settings: CopyOnWrite<ProxySettings>,
}

impl Deref for Proxy {
    type Target = ProxySettings;

    #[inline]
    fn deref(&self) -> &ProxySettings {
        &self.settings
    }
}

impl DerefMut for Proxy {
    fn deref_mut(&mut self) -> &mut ProxySettings {
        &mut self.settings
    }
}

/// Changes settings alike for all proxies that share them; none where nothing is to change.
pub fn change_settings(
    proxies: &mut [Proxy],
    mut change: impl FnMut(&ProxySettings) -> Option<ProxySettings>,
) {
    // The former ones are held, so that no new ones take their place in memory.
    let mut known = HashMap::new();
    for Proxy { settings, .. } in proxies {
        let (_, changed) = known.entry(settings.address()).or_insert_with(|| {
            let changed = change(settings).map(CopyOnWrite::from);
            (settings.clone(), changed)
        });
        if let Some(changed) = changed {
            settings.clone_from(changed);
        }
    }
}

/// What a proxy takes from `defaults`, or says itself. All that rarely differs between proxies stands here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProxySettings {
    /// `description`.
    pub description: Option<String>,
    /// `disabled`.
    pub disabled: bool,
    /// `mode`.
    pub mode: Mode,
    /// `maxconn` of the frontend; none is the process limit.
    pub maxconn: Option<u32>,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `rate-limit sessions`, per second; 0 is no limit.
    pub rate_limit_sessions: u32,
    /// `timeout ...`.
    pub timeouts: Timeouts,
    /// `option ...`.
    pub options: Options,
    /// Old `grace`; the proxy keeps listening that long after the soft stop.
    pub grace: Option<Milliseconds>,
    /// `log` lines, `log global` already replaced by the global targets at the end of parsing.
    pub logs: Vec<LogTarget>,
    /// `log global` was given.
    pub log_global: bool,
    /// `log-tag`.
    pub log_tag: Option<String>,
    /// The format of log lines; none is upstream's default text (`Connect from ...`).
    pub log_format: Option<LogFormat>,
    /// `error-log-format`: that of lines about what was no request; none is `log_format`.
    pub error_log_format: Option<LogFormat>,
    /// `log-format-sd`: the structured data of RFC 5424 lines.
    pub log_format_sd: Option<LogFormat>,
    /// `log-steps`; none is one line at the end.
    pub log_steps: Option<super::LogSteps>,
    /// Slots of `capture request header`, `declare capture request` and rules with `len`.
    pub request_captures: Vec<Capture>,
    /// Slots of `capture response header` and `declare capture response`.
    pub response_captures: Vec<Capture>,
    /// `capture cookie`.
    pub cookie_capture: Option<CookieCapture>,
    /// `unique-id-format`.
    pub unique_id_format: Option<LogFormat>,
    /// `unique-id-header`.
    pub unique_id_header: Option<String>,
    /// `errorfile` and its kin, as they were read.
    pub error_lines: Vec<ErrorLine>,
    /// What they come to: what is sent for a status.
    pub error_pages: Vec<ErrorPage>,
    /// Old `monitor-net`: who comes from there is told that we serve.
    pub monitor_net: Option<Network>,
    /// Old `mode health`: everybody is.
    pub health: bool,
    /// `monitor-uri`.
    pub monitor_uri: Option<String>,
    /// `monitor fail`: any of these makes the answer to `monitor-uri` a 503.
    pub monitor_fail: Vec<Condition>,
    /// `clitcpka-cnt`, `clitcpka-idle`, `clitcpka-intvl`.
    pub client_probes: TcpProbes,
    /// `srvtcpka-cnt`, `srvtcpka-idle`, `srvtcpka-intvl`.
    pub server_probes: TcpProbes,
    /// `option forwardfor`.
    pub forward_for: Option<ForwardFor>,
    /// `option originalto`.
    pub original_to: Option<ForwardFor>,
    /// `stats ...`.
    pub stats: Option<Stats>,
    /// `filter bwlim-in` and `filter bwlim-out`.
    pub bandwidth_limits: Vec<BandwidthLimit>,
    /// `http-request` rules, those of the defaults section first.
    pub http_request: Vec<Rule>,
    /// `http-response` rules.
    pub http_response: Vec<Rule>,
    /// `http-after-response` rules.
    pub http_after_response: Vec<Rule>,
    /// `tcp-request` and `tcp-response` rules.
    pub tcp: TcpRules,
    /// `redirect` rules.
    pub redirect: Vec<Rule>,
    /// Rules in the form of HAProxy 1.5.
    pub old_rules: super::OldRules,
    /// `use_backend` rules.
    pub use_backend: Vec<UseBackend>,
    /// `default_backend`.
    pub default_backend: Option<(String, Span)>,
    /// `use-server` rules.
    pub use_server: Vec<super::UseServer>,
    /// `force-persist` and `ignore-persist`, in one order.
    pub persist_rules: Vec<super::PersistRule>,

    /// `load-server-state-from-file`.
    pub server_state: ServerStateSource,
    /// `server-state-file-name`; none is the proxy's name.
    pub server_state_file: Option<String>,
    /// `dispatch ADDR`.
    pub dispatch: Option<super::Address>,
    /// `balance`; upstream's default is roundrobin.
    pub balance: Shared<dyn Algorithm>,
    /// `hash-type`.
    pub hash_type: HashType,
    /// `hash-balance-factor`, percent; 0 is off.
    pub hash_balance_factor: u32,
    /// `hash-preserve-affinity`.
    pub hash_affinity: HashAffinity,
    /// `persist rdp-cookie`: reads the cookie.
    pub rdp_cookie: Option<super::Expr>,
    /// `fullconn`.
    pub fullconn: Option<u32>,
    /// `cookie`.
    pub cookie: Option<Cookie>,
    /// `dynamic-cookie-key`.
    pub dynamic_cookie_key: Option<String>,
    /// `retries`.
    pub retries: u32,
    /// `retry-on`.
    pub retry_on: super::RetryOn,
    /// `max-keep-alive-queue`; none for any number.
    pub max_keep_alive_queue: Option<u32>,
    /// `http-reuse`.
    pub http_reuse: HttpReuse,
    /// `source`.
    pub source: Option<SourceAddress>,
    /// How servers are checked.
    pub check: CheckKind,
    /// `tcp-check` lines, in order.
    pub tcp_check: Vec<super::CheckStep>,
    /// `option httpchk` and `http-check` lines.
    pub http_check: super::HttpCheck,
    /// `email-alert` lines.
    pub email_alert: Option<Box<super::EmailAlert>>,
    /// `external-check command` and `external-check path`.
    pub external_check: Option<Box<super::ExternalCheck>>,
}

/// Where servers find the state they begin with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum ServerStateSource {
    /// Nowhere.
    #[default]
    None,
    /// In `server-state-file`.
    Global,
    /// In the file of their backend.
    Local,
}

/// A slot for what is captured of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capture {
    /// The field whose last line is captured, in lower case; none for a slot that rules fill.
    pub header: Option<String>,
    /// Most bytes of it.
    pub length: u32,
}

/// `capture cookie`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CookieCapture {
    /// What `name=` begins with.
    pub name: String,
    /// Most bytes of `name=value`.
    pub length: u32,
}

/// Which sides a proxy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum ProxyKind {
    /// Takes connections.
    Frontend,
    /// Has servers.
    Backend,
    /// Both.
    Listen,
}

impl ProxyKind {
    /// Takes connections.
    pub fn has_frontend(self) -> bool {
        self != ProxyKind::Backend
    }

    /// Has servers.
    pub fn has_backend(self) -> bool {
        self != ProxyKind::Frontend
    }

    /// The section keyword, as messages name it.
    pub fn name(self) -> &'static str {
        match self {
            ProxyKind::Frontend => "frontend",
            ProxyKind::Backend => "backend",
            ProxyKind::Listen => "listen",
        }
    }
}

/// `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Mode {
    /// Bytes.
    #[default]
    Tcp,
    /// HTTP.
    Http,
    /// A backend for log lines; connections are forwarded as with `tcp`.
    Log,
}

impl Mode {
    /// Its name in messages and statistics.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Tcp => "tcp",
            Mode::Http => "http",
            Mode::Log => "syslog",
        }
    }
}

/// `timeout ...`; none is infinite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    /// `timeout client`.
    pub client: Option<Milliseconds>,
    /// `timeout server`.
    pub server: Option<Milliseconds>,
    /// `timeout connect`.
    pub connect: Option<Milliseconds>,
    /// `timeout queue`; none is `connect`.
    pub queue: Option<Milliseconds>,
    /// `timeout check`.
    pub check: Option<Milliseconds>,
    /// `timeout http-request`.
    pub http_request: Option<Milliseconds>,
    /// `timeout http-keep-alive`.
    pub http_keep_alive: Option<Milliseconds>,
    /// `timeout tunnel`.
    pub tunnel: Option<Milliseconds>,
    /// `timeout client-hs`; none is `client`.
    pub client_hs: Option<Milliseconds>,
    /// `timeout client-fin`.
    pub client_fin: Option<Milliseconds>,
    /// `timeout server-fin`.
    pub server_fin: Option<Milliseconds>,
    /// `timeout tarpit`.
    pub tarpit: Option<Milliseconds>,
}

/// `option ...` that are a switch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one option of the manual"
)]
pub struct Options {
    /// Connection mode of HTTP: `http-keep-alive`, `http-server-close`, `httpclose`, `http-tunnel`.
    pub connection_mode: ConnectionMode,
    /// `option dontlognull`.
    pub dontlognull: bool,
    /// `option dontlog-normal`.
    pub dontlog_normal: bool,
    /// `option logasap`.
    pub logasap: bool,
    /// `option contstats`.
    pub contstats: bool,
    /// `option log-separate-errors`.
    pub log_separate_errors: bool,
    /// `option redispatch`: none is off, 0 is not at all; N: every N retries, -N: on the Nth last.
    pub redispatch: Option<i32>,
    /// `option abortonclose`.
    pub abortonclose: bool,
    /// `option allbackups`.
    pub allbackups: bool,
    /// `option clitcpka` (or `tcpka`).
    pub client_keepalive: bool,
    /// `option srvtcpka` (or `tcpka`).
    pub server_keepalive: bool,
    /// `option nolinger`.
    pub nolinger: bool,
    /// `option tcp-smart-accept`; none is as the mode has it.
    pub smart_accept: Option<bool>,
    /// `option tcp-smart-connect`.
    pub smart_connect: bool,
    /// `option splice-auto`.
    pub splice_auto: bool,
    /// `option splice-request`.
    pub splice_request: bool,
    /// `option splice-response`.
    pub splice_response: bool,
    /// `option http-pretend-keepalive`.
    pub pretend_keepalive: bool,
    /// `option http-no-delay`.
    pub http_no_delay: bool,
    /// `option http-use-proxy-header`.
    pub use_proxy_header: bool,
    /// `option http-ignore-probes`.
    pub ignore_probes: bool,
    /// `option idle-close-on-response`.
    pub idle_close_on_response: bool,
    /// `option http-restrict-req-hdr-names`.
    pub odd_names: OddNames,
    /// `option http-buffer-request`.
    pub buffer_request: bool,
    /// `option accept-unsafe-violations-in-http-request`.
    pub relaxed_request: bool,
    /// `option accept-unsafe-violations-in-http-response`.
    pub relaxed_response: bool,
    /// `option h1-case-adjust-bogus-client`.
    pub case_adjust_client: bool,
    /// `option h1-case-adjust-bogus-server`.
    pub case_adjust_server: bool,
    /// `option independent-streams`.
    pub independent_streams: bool,
    /// `option persist`.
    pub persist: bool,
    /// `option prefer-last-server`.
    pub prefer_last_server: bool,
    /// Old `option http_proxy`: without servers, requests go to the address in their target.
    pub http_proxy: bool,
    /// `option transparent`.
    pub transparent: bool,
    /// `option socket-stats`.
    pub socket_stats: bool,
    /// `option log-health-checks`.
    pub log_health_checks: bool,
    /// `option checkcache`.
    pub check_cache: bool,
    /// `option http-drop-request-trailers`.
    pub drop_request_trailers: bool,
    /// `option disable-h2-upgrade`.
    pub no_h2_upgrade: bool,
    /// `option http-drop-response-trailers`.
    pub drop_response_trailers: bool,
}

/// What is done with request fields whose names hold more than letters, digits and hyphens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum OddNames {
    /// Nothing.
    #[default]
    Preserve,
    /// The fields are removed.
    Delete,
    /// The request is denied.
    Reject,
}

/// How TCP keep-alive probes are sent; none is the system's setting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TcpProbes {
    /// Unanswered probes after which the connection is dead.
    pub count: Option<u32>,
    /// Seconds of silence before the first probe.
    pub idle: Option<u32>,
    /// Seconds between two probes.
    pub interval: Option<u32>,
}

/// How HTTP connections are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum ConnectionMode {
    /// Both sides are kept.
    #[default]
    KeepAlive,
    /// The server side is closed after each response.
    ServerClose,
    /// Both are closed after each response.
    Close,
    /// Only the first request and response are HTTP (removed in 2.1).
    Tunnel,
}

/// `option forwardfor` and `option originalto`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForwardFor {
    /// Header name.
    pub header: String,
    /// `except`.
    pub except: Option<Network>,
    /// `if-none`.
    pub if_none: bool,
}

/// `hash-type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct HashType {
    /// `consistent` rather than `map-based`.
    pub consistent: bool,
    /// The function.
    pub function: HashFunction,
    /// `avalanche`.
    pub avalanche: bool,
}

/// Functions of `hash-type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum HashFunction {
    /// `sdbm`.
    #[default]
    Sdbm,
    /// `djb2`.
    Djb2,
    /// `wt6`.
    Wt6,
    /// `crc32`.
    Crc32,
    /// `none`.
    None,
}

/// `http-reuse`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum HttpReuse {
    /// Never.
    Never,
    /// Not for the first request of a client connection.
    #[default]
    Safe,
    /// Also for first requests on connections that were reused before.
    Aggressive,
    /// Always.
    Always,
}

/// `hash-preserve-affinity`: when a request goes to the server its hash names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum HashAffinity {
    /// Always.
    #[default]
    Always,
    /// Unless the server has no free slot.
    MaxConn,
    /// Unless the server's queue is full.
    MaxQueue,
}

/// `cookie`: persistence by a cookie.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one word of the manual"
)]
pub struct Cookie {
    /// Name of the cookie.
    pub name: String,
    /// What is done with it.
    pub mode: CookieMode,
    /// `indirect`.
    pub indirect: bool,
    /// `nocache`.
    pub nocache: bool,
    /// `postonly`.
    pub postonly: bool,
    /// `preserve`.
    pub preserve: bool,
    /// `httponly`.
    pub httponly: bool,
    /// `secure`.
    pub secure: bool,
    /// `domain`, in order.
    pub domains: Vec<String>,
    /// `maxidle`, seconds.
    pub maxidle: Option<u32>,
    /// `maxlife`, seconds.
    pub maxlife: Option<u32>,
    /// `attr`, in order.
    pub attributes: Vec<String>,
    /// `dynamic`.
    pub dynamic: bool,
    /// What values are made with under `dynamic`: the proxy's `dynamic-cookie-key`.
    pub key: Option<String>,
}

impl Cookie {
    /// `cookie NAME` with a mode and nothing else.
    pub fn new(name: String, mode: CookieMode) -> Self {
        Self {
            name,
            mode,
            indirect: false,
            nocache: false,
            postonly: false,
            preserve: false,
            httponly: false,
            secure: false,
            domains: Vec::new(),
            maxidle: None,
            maxlife: None,
            attributes: Vec::new(),
            dynamic: false,
            key: None,
        }
    }
}

/// What is done with the persistence cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CookieMode {
    /// Only read.
    Passive,
    /// `insert`.
    Insert,
    /// `rewrite`.
    Rewrite,
    /// `prefix`.
    Prefix,
}

impl Proxy {
    /// From when on everything is known that the log line of an exchange shows; what `log-steps` asks for does not wait.
    pub fn log_ready(&self) -> LogReady {
        let formats = [
            &self.log_format,
            &self.error_log_format,
            &self.log_format_sd,
            &self.unique_id_format,
        ];
        let captures = !self.request_captures.is_empty()
            || !self.response_captures.is_empty()
            || self.cookie_capture.is_some();
        let least = match captures {
            true => LogReady::Response,
            false => LogReady::Always,
        };
        let formats = formats.into_iter().flatten();
        formats
            .map(|format| format.ready)
            .fold(least, LogReady::max)
    }

    /// A proxy of which nothing is set yet.
    pub fn new(name: String, kind: ProxyKind, span: Span, balance: Shared<dyn Algorithm>) -> Proxy {
        Proxy::with(name, kind, span, ProxySettings::new(balance).into())
    }

    /// A proxy that says nothing beyond what it has in common with others.
    pub fn with(
        name: String,
        kind: ProxyKind,
        span: Span,
        settings: CopyOnWrite<ProxySettings>,
    ) -> Proxy {
        Proxy {
            name,
            kind,
            span,
            id: None,
            guid: None,
            binds: Vec::new(),
            servers: Vec::new(),
            settings,
        }
    }
}

impl ProxySettings {
    /// Nothing is set yet.
    pub fn new(balance: Shared<dyn Algorithm>) -> ProxySettings {
        ProxySettings {
            description: None,
            disabled: false,
            mode: Mode::Tcp,
            maxconn: None,
            backlog: None,
            rate_limit_sessions: 0,
            timeouts: Timeouts::default(),
            options: Options::default(),
            grace: None,
            logs: Vec::new(),
            log_global: false,
            log_tag: None,
            log_format: None,
            error_log_format: None,
            log_format_sd: None,
            log_steps: None,
            request_captures: Vec::new(),
            response_captures: Vec::new(),
            cookie_capture: None,
            unique_id_format: None,
            unique_id_header: None,
            error_lines: Vec::new(),
            error_pages: Vec::new(),
            monitor_net: None,
            health: false,
            monitor_uri: None,
            monitor_fail: Vec::new(),
            client_probes: TcpProbes::default(),
            server_probes: TcpProbes::default(),
            forward_for: None,
            original_to: None,
            stats: None,
            bandwidth_limits: Vec::new(),
            http_request: Vec::new(),
            http_response: Vec::new(),
            http_after_response: Vec::new(),
            tcp: TcpRules::default(),
            redirect: Vec::new(),
            old_rules: super::OldRules::default(),
            use_backend: Vec::new(),
            use_server: Vec::new(),
            persist_rules: Vec::new(),
            default_backend: None,
            server_state: ServerStateSource::None,
            server_state_file: None,
            dispatch: None,
            balance,
            hash_type: HashType::default(),
            hash_balance_factor: 0,
            hash_affinity: HashAffinity::Always,
            rdp_cookie: None,
            fullconn: None,
            cookie: None,
            dynamic_cookie_key: None,
            retries: 3,
            retry_on: super::RetryOn::default(),
            max_keep_alive_queue: None,
            http_reuse: HttpReuse::Safe,
            source: None,
            check: CheckKind::Tcp,
            tcp_check: Vec::new(),
            http_check: super::HttpCheck::default(),
            email_alert: None,
            external_check: None,
        }
    }
}
