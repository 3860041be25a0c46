//! What is said about a server's health: its states, and the result of a check.

/// Where a server is between down and up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Operation {
    /// Down.
    Stopped,
    /// Coming up under slowstart.
    Starting,
    /// Up.
    #[default]
    Running,
    /// Soft-stopped by `disable-on-404`.
    Stopping,
}

/// Administrative states; several may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Admin {
    /// Maintenance forced by the configuration or the administrator.
    pub maintenance: bool,
    /// Maintenance that came with the configuration (`disabled`).
    pub from_configuration: bool,
    /// Maintenance inherited from a tracked server.
    pub inherited_maintenance: bool,
    /// Maintenance because the name does not resolve.
    pub unresolved: bool,
    /// Drain forced by the administrator.
    pub drain: bool,
    /// Drain inherited from a tracked server.
    pub inherited_drain: bool,
}

impl Admin {
    /// Whether in maintenance for any reason.
    pub fn in_maintenance(self) -> bool {
        self.maintenance || self.from_configuration || self.inherited_maintenance || self.unresolved
    }

    /// Whether draining for any reason.
    pub fn in_drain(self) -> bool {
        self.drain || self.inherited_drain
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The status.
    pub status: CheckStatus,
    /// HTTP status or exit code, 0 when there was none.
    pub code: i32,
    /// How long it took, ms.
    pub duration_ms: u32,
    /// Upstream's additional text; may be empty.
    pub info: String,
}

/// Check statuses in upstream's words (management manual 9.1, field `check_status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[allow(missing_docs, reason = "see CheckStatus::name and ::text")]
pub enum CheckStatus {
    Unknown,
    Initializing,
    SocketError,
    L4Ok,
    L4Timeout,
    L4Connection,
    L6Ok,
    L6Timeout,
    L6Response,
    L7Ok,
    L7OkConditionally,
    L7Timeout,
    L7Response,
    L7Status,
    ProcessOk,
    ProcessTimeout,
    ProcessError,
    Checked,
    Observed,
}

impl CheckStatus {
    /// The short name in the CSV.
    pub fn name(self) -> &'static str {
        match self {
            CheckStatus::Unknown => "UNK",
            CheckStatus::Initializing => "INI",
            CheckStatus::SocketError => "SOCKERR",
            CheckStatus::L4Ok => "L4OK",
            CheckStatus::L4Timeout => "L4TOUT",
            CheckStatus::L4Connection => "L4CON",
            CheckStatus::L6Ok => "L6OK",
            CheckStatus::L6Timeout => "L6TOUT",
            CheckStatus::L6Response => "L6RSP",
            CheckStatus::L7Ok => "L7OK",
            CheckStatus::L7OkConditionally => "L7OKC",
            CheckStatus::L7Timeout => "L7TOUT",
            CheckStatus::L7Response => "L7RSP",
            CheckStatus::L7Status => "L7STS",
            CheckStatus::ProcessOk => "PROCOK",
            CheckStatus::ProcessTimeout => "PROCTOUT",
            CheckStatus::ProcessError => "PROCERR",
            CheckStatus::Checked => "CHECKED",
            CheckStatus::Observed => "HANA",
        }
    }

    /// The number in state files.
    pub fn number(self) -> u32 {
        let name = self.name();
        let found = NUMBERED.iter().position(|known| *known == name);
        found.map_or(0, |number| number as u32)
    }

    /// The status of a number in a state file; unknown for those that no check here ends with.
    pub fn numbered(number: u32) -> CheckStatus {
        let name = NUMBERED.get(number as usize);
        let known = [
            CheckStatus::Initializing,
            CheckStatus::SocketError,
            CheckStatus::L4Ok,
            CheckStatus::L4Timeout,
            CheckStatus::L4Connection,
            CheckStatus::L6Ok,
            CheckStatus::L6Timeout,
            CheckStatus::L6Response,
            CheckStatus::L7Ok,
            CheckStatus::L7OkConditionally,
            CheckStatus::L7Timeout,
            CheckStatus::L7Response,
            CheckStatus::L7Status,
        ];
        let found = known
            .into_iter()
            .find(|status| Some(&status.name()) == name);
        found.unwrap_or(CheckStatus::Unknown)
    }

    /// Whether the check got as far as a code of the protocol.
    pub fn has_code(self) -> bool {
        matches!(
            self,
            CheckStatus::L7Ok
                | CheckStatus::L7OkConditionally
                | CheckStatus::L7Status
                | CheckStatus::ProcessOk
                | CheckStatus::ProcessTimeout
                | CheckStatus::ProcessError
        )
    }

    /// Whether the check passed.
    pub fn passed(self) -> bool {
        matches!(
            self,
            CheckStatus::L4Ok
                | CheckStatus::L6Ok
                | CheckStatus::L7Ok
                | CheckStatus::L7OkConditionally
                | CheckStatus::ProcessOk
        )
    }
}

/// The statuses by their numbers in state files.
const NUMBERED: &[&str] = &[
    "UNK", "INI", "", "CHECKED", "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT",
    "L6RSP", "L7TOUT", "L7RSP", "", "L7OK", "L7OKC", "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
];
