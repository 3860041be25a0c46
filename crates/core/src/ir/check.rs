//! How servers are checked.

use serde::Serialize;

use super::Milliseconds;

/// What a check of a backend says to its servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub enum CheckKind {
    /// Connect only.
    #[default]
    Tcp,
    /// `option httpchk`: the steps stand in [`ProxySettings::http_check`](super::ProxySettings::http_check).
    Http,
    /// `option tcp-check`: the steps stand in [`ProxySettings::tcp_check`](super::ProxySettings::tcp_check).
    Rules,
    /// The fixed steps of a protocol, such as `option mysql-check`.
    Protocol(Vec<super::CheckStep>),
    /// `option external-check`: the program stands in [`ProxySettings::external_check`](super::ProxySettings::external_check).
    External,
}

/// `option httpchk` and `http-check` lines.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HttpCheck {
    /// What `option httpchk` asks for, as long as no `http-check send` took it over.
    pub request: Option<super::CheckRequest>,
    /// `http-check` lines, in order.
    pub steps: Vec<super::CheckStep>,
    /// `http-check disable-on-404`.
    pub disable_on_404: bool,
    /// `http-check send-state`.
    pub send_state: bool,
}

/// The program that `option external-check` runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ExternalCheck {
    /// `external-check command`.
    pub command: Option<String>,
    /// `external-check path`: the `PATH` it is given.
    pub path: Option<String>,
}

/// Check settings of one server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerCheck {
    /// `check`.
    pub enabled: bool,
    /// `inter`.
    pub inter: Milliseconds,
    /// `fastinter`; 0 is `inter`.
    pub fastinter: Milliseconds,
    /// `downinter`; 0 is `inter`.
    pub downinter: Milliseconds,
    /// `rise`.
    pub rise: u32,
    /// `fall`.
    pub fall: u32,
    /// `port`.
    pub port: Option<u16>,
    /// `addr`.
    pub address: Option<super::Address>,
    /// `check-send-proxy`.
    pub send_proxy: bool,
    /// `check-proto`: `h1` and `h2` are for HTTP checks, `none` for others.
    pub protocol: Option<CheckProtocol>,
    /// `check-via-socks4`.
    pub via_socks4: bool,
    /// `init-state`.
    pub initial: InitialState,
    /// `observe`.
    pub observe: Observe,
    /// `error-limit`: so many errors in a row bring about what `on_error` says.
    pub error_limit: u32,
    /// `on-error`.
    pub on_error: OnError,
}

/// What a check speaks at its connection (`check-proto`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CheckProtocol {
    /// `h1`
    Http1,
    /// `h2`
    Http2,
    /// `none`
    Plain,
}

/// What of the traffic tells about a server's health (`observe`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Observe {
    /// Nothing.
    #[default]
    None,
    /// Whether connections are established.
    Layer4,
    /// Whether responses are good, too.
    Layer7,
}

/// What too many errors of the traffic do to a server (`on-error`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum OnError {
    /// The next check comes soon. Each of the others does that as well.
    FastInter,
    /// Counts as a failed check.
    #[default]
    FailCheck,
    /// One more failed check brings it down.
    SuddenDeath,
    /// It goes down.
    MarkDown,
}

/// The agent of a server (`agent-check` and what goes with it).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentCheck {
    /// `agent-check`.
    pub enabled: bool,
    /// `agent-port`.
    pub port: u16,
    /// `agent-addr`.
    pub address: Option<super::Address>,
    /// `agent-inter`.
    pub inter: Milliseconds,
    /// `agent-send`.
    pub send: Vec<u8>,
}

impl Default for AgentCheck {
    fn default() -> Self {
        AgentCheck {
            enabled: false,
            port: 0,
            address: None,
            inter: 2000,
            send: Vec::new(),
        }
    }
}

/// How a server begins, at the start and when it leaves maintenance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum InitialState {
    /// As `Up`; nothing was said.
    #[default]
    None,
    /// Up; it takes all the failures that `fall` says to bring it down.
    FullyUp,
    /// Up; the first failure brings it down.
    Up,
    /// Down; the first success brings it up.
    Down,
    /// Down; it takes all the successes that `rise` says to bring it up.
    FullyDown,
}

impl ServerCheck {
    /// How healthy a server begins; below `rise` it is down.
    pub fn initial_health(&self) -> u32 {
        let (rise, fall) = (self.rise.max(1), self.fall.max(1));
        match self.initial {
            InitialState::FullyUp => rise + fall - 1,
            InitialState::None | InitialState::Up => rise,
            InitialState::Down => rise - 1,
            InitialState::FullyDown => 0,
        }
    }

    /// Whether a server begins up.
    pub fn begins_up(&self) -> bool {
        self.initial_health() >= self.rise.max(1)
    }
}

impl Default for ServerCheck {
    fn default() -> Self {
        ServerCheck {
            enabled: false,
            inter: 2000,
            fastinter: 0,
            downinter: 0,
            rise: 2,
            fall: 3,
            port: None,
            address: None,
            send_proxy: false,
            protocol: None,
            via_socks4: false,
            initial: InitialState::None,
            observe: Observe::None,
            error_limit: 10,
            on_error: OnError::FailCheck,
        }
    }
}
