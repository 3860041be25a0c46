//! Process-wide settings.

use serde::Serialize;

use super::{Bind, Expr, Families, LogFormat, LogTarget, Milliseconds};
use crate::span::Span;
use crate::variable::{Conditions, Name};

/// The `global` section.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Global {
    /// `dns-accept-family`.
    pub dns_families: Families,
    /// `httpclient.*`.
    pub http_client: super::HttpClient,
    /// `daemon`.
    pub daemon: bool,
    /// `-d` and `-dt`.
    pub observation: super::Observation,
    /// `quiet`.
    pub quiet: bool,
    /// `master-worker`.
    pub master_worker: bool,
    /// `master-worker no-exit-on-failure`.
    pub no_exit_on_failure: bool,
    /// `reload-in-place` (own): a master's reload applies the files inside the worker.
    pub reload_in_place: bool,
    /// `restart-worker` (own): a master starts another worker when one died.
    pub restart_worker: bool,
    /// `mworker-max-reloads`: how many reloads a worker may survive.
    pub mworker_max_reloads: Option<u32>,
    /// `localpeer`.
    pub local_peer: Option<String>,
    /// `chroot`.
    pub chroot: Option<String>,
    /// `pidfile`.
    pub pidfile: Option<String>,
    /// `user`/`uid`, resolved.
    pub uid: Option<u32>,
    /// `group`/`gid`, resolved.
    pub gid: Option<u32>,
    /// `maxconn`.
    pub maxconn: Option<u32>,
    /// `maxconnrate`.
    pub maxconnrate: u32,
    /// `maxsessrate`.
    pub maxsessrate: u32,
    /// `ulimit-n`.
    pub ulimit_n: Option<u32>,
    /// `fd-hard-limit`.
    pub fd_hard_limit: Option<u32>,
    /// `strict-limits` (on by default upstream) turned off.
    pub no_strict_limits: bool,
    /// `nbthread`; none is one per core.
    pub nbthread: Option<u16>,
    /// `log` lines.
    pub logs: Vec<LogTarget>,
    /// `log-tag`.
    pub log_tag: Option<String>,
    /// `log-send-hostname`: none is off, an empty name is the machine's.
    pub log_send_hostname: Option<String>,
    /// `stats socket` lines.
    pub stats_sockets: Vec<Bind>,
    /// `stats timeout`.
    pub stats_timeout: Option<Milliseconds>,
    /// `stats maxconn`.
    pub stats_maxconn: Option<u32>,
    /// `node`.
    pub node: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `hard-stop-after`.
    pub hard_stop_after: Option<Milliseconds>,
    /// `grace`.
    pub grace: Option<Milliseconds>,
    /// `close-spread-time`.
    pub close_spread: Option<CloseSpread>,
    /// `setcap`: capabilities that stay when the user changes.
    pub capabilities: Vec<Capability>,
    /// `harden.reject-privileged-ports.tcp`.
    pub reject_privileged_ports: bool,
    /// `anonkey`.
    pub anonymous_key: u32,
    /// `tune.renice.runtime`.
    pub renice_runtime: Option<i32>,
    /// `tune.renice.startup`.
    pub renice_startup: Option<i32>,
    /// `external-check`: checks may run programs.
    pub external_check: Option<ExternalChecks>,
    /// `insecure-fork-wanted`.
    pub fork_wanted: bool,
    /// `insecure-setuid-wanted`: programs that are started may gain rights.
    pub setuid_wanted: bool,
    /// `default-path`.
    pub default_path: DefaultPath,
    /// `profiling.tasks`.
    pub profiling: Profiling,
    /// `spread-checks`, percent.
    pub spread_checks: u32,
    /// `max-spread-checks`.
    pub max_spread_checks: Option<Milliseconds>,
    /// `unix-bind prefix`.
    pub unix_bind_prefix: Option<String>,
    /// `unix-bind mode`, `uid`, `gid` for sockets that name none.
    pub unix_bind_mode: Option<u32>,
    /// See `unix_bind_mode`.
    pub unix_bind_uid: Option<u32>,
    /// See `unix_bind_mode`.
    pub unix_bind_gid: Option<u32>,
    /// `server-state-base`.
    pub server_state_base: Option<String>,
    /// `server-state-file`.
    pub server_state_file: Option<String>,
    /// `stats-file`.
    pub stats_file: Option<String>,
    /// `set-dumpable`.
    pub set_dumpable: bool,
    /// `zero-warning`.
    pub zero_warning: bool,
    /// `expose-experimental-directives`.
    pub expose_experimental: bool,
    /// `nosplice`.
    pub no_splice: bool,
    /// `h2-workaround-bogus-websocket-clients`.
    pub h2_no_websocket: bool,
    /// `noreuseport`.
    pub no_reuseport: bool,
    /// `cpu-map` entries: worker number from 0 and CPU numbers.
    pub cpu_map: Vec<(u16, Vec<u16>)>,
    /// `h1-case-adjust` pairs: lower-case name and the form to send.
    pub h1_case_adjust: Vec<(String, String)>,
    /// TLS.
    pub tls: super::GlobalTls,
    /// Settings `tune.*` that hapax follows.
    pub tune: Tune,
    /// `set-var` and `set-var-fmt` in order.
    pub variables: Vec<SetVariable>,
    /// `setenv`, `presetenv`, `unsetenv` and `resetenv` in order: name, and value or none for a variable that is removed.
    pub environment: Vec<(String, Option<String>)>,
    /// Keywords accepted without a counterpart, shown by `-c -V`.
    pub no_counterpart: Vec<(Span, &'static str, &'static str)>,
}

/// Whether it is measured what takes time (`profiling.tasks`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Profiling {
    /// Once much time is taken.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl Profiling {
    /// The one of that name.
    pub fn named(name: &str) -> Option<Profiling> {
        match name {
            "auto" => Some(Profiling::Auto),
            "on" => Some(Profiling::On),
            "off" => Some(Profiling::Off),
            _ => None,
        }
    }
}

/// From where relative paths of files lead (`default-path`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub enum DefaultPath {
    /// The folder that the process was started in.
    #[default]
    Current,
    /// The folder of the configuration file.
    Config,
    /// The folder above that.
    Parent,
    /// This one.
    Origin(String),
}

/// How long a soft stop may take to close what could be closed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CloseSpread {
    /// Connections close over this time.
    Within(Milliseconds),
    /// Nothing is closed for the stop's sake.
    Infinite,
}

/// A right of the superuser that `setcap` keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Capability {
    /// `cap_net_raw`
    NetRaw,
    /// `cap_net_admin`
    NetAdmin,
    /// `cap_net_bind_service`
    NetBindService,
    /// `cap_sys_admin`
    SysAdmin,
}

/// Leave for checks to run programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExternalChecks {
    /// `preserve-env`: they see the environment of this process, too.
    pub keeps_environment: bool,
}

/// A value that a process variable starts with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetVariable {
    /// The variable.
    pub name: Name,
    /// When it is set.
    pub conditions: Conditions,
    /// What it is set to.
    pub value: VariableValue,
}

/// What a variable is set to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum VariableValue {
    /// The value of an expression.
    Expr(Expr),
    /// The text of a log format.
    Format(LogFormat),
}

/// `tune.*` settings that act here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tune {
    /// `tune.bufsize`, bytes.
    pub bufsize: u32,
    /// `tune.maxrewrite`, bytes.
    pub maxrewrite: u32,
    /// `tune.http.maxhdr`.
    pub http_maxhdr: u16,
    /// `tune.http.logurilen`, bytes; without it one less than the manual says.
    pub http_logurilen: u16,
    /// `tune.http.cookielen`, bytes; without it one less than the manual says.
    pub http_cookielen: u16,
    /// `tune.pipesize`, bytes; 0 is the system's.
    pub pipesize: u32,
    /// `tune.rcvbuf.client`, bytes; 0 is the system's.
    pub rcvbuf_client: u32,
    /// `tune.rcvbuf.server`, bytes.
    pub rcvbuf_server: u32,
    /// `tune.sndbuf.client`, bytes.
    pub sndbuf_client: u32,
    /// `tune.sndbuf.server`, bytes.
    pub sndbuf_server: u32,
    /// `tune.notsent-lowat.client`, bytes; 0 is the system's.
    pub notsent_lowat_client: u32,
    /// `tune.notsent-lowat.server`, bytes.
    pub notsent_lowat_server: u32,
    /// `tune.rcvbuf.frontend`, bytes: of sockets that take datagrams.
    pub rcvbuf_frontend: u32,
    /// `tune.sndbuf.backend`, bytes: of sockets that send datagrams.
    pub sndbuf_backend: u32,
    /// `h1-accept-payload-with-any-method`.
    pub h1_any_payload: bool,
    /// `h1-do-not-close-on-insecure-transfer-encoding`.
    pub h1_trust_both_lengths: bool,
    /// `tune.idle-pool.shared`: whether workers have idle connections of others.
    pub idle_pool_shared: bool,
    /// `tune.maxaccept`; none is the default.
    pub maxaccept: Option<u32>,
    /// `tune.h2.*`.
    pub h2: super::TuneH2,
    /// `tune.vars.*-max-size`.
    pub variables: crate::variable::Limits,
}

impl Default for Tune {
    fn default() -> Self {
        Tune {
            bufsize: 16384,
            maxrewrite: 1024,
            http_maxhdr: 101,
            http_logurilen: 1023,
            http_cookielen: 63,
            pipesize: 0,
            rcvbuf_client: 0,
            rcvbuf_server: 0,
            sndbuf_client: 0,
            sndbuf_server: 0,
            notsent_lowat_client: 0,
            notsent_lowat_server: 0,
            rcvbuf_frontend: 0,
            sndbuf_backend: 0,
            h1_any_payload: false,
            h1_trust_both_lengths: false,
            idle_pool_shared: true,
            maxaccept: None,
            h2: super::TuneH2::default(),
            variables: crate::variable::Limits::default(),
        }
    }
}
