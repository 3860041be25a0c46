//! What fetches may ask the operating system about connections.

use std::net::IpAddr;

/// The sockets of an exchange, for questions about them.
#[derive(Debug, Clone, Copy)]
pub struct Sockets {
    /// Who answers.
    pub system: &'static dyn System,
    /// The client connection's descriptor.
    pub client: i32,
    /// The server connection's, while the exchange has it.
    pub server: Option<i32>,
}

/// The operating system, as far as fetches ask it.
pub trait System: std::fmt::Debug + Sync {
    /// What the kernel measured about a TCP connection; none for others.
    fn tcp_info(&self, descriptor: i32) -> Option<TcpInfo>;

    /// What the task that runs now has done since it began.
    fn effort(&self) -> Effort;

    /// Whether an address is one of this machine's.
    fn is_local(&self, ip: IpAddr) -> bool;
}

/// What the kernel measured about a TCP connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// Smoothed round-trip time, microseconds.
    pub rtt: u32,
    /// Variance of the round-trip time, microseconds.
    pub rtt_variance: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Segments acknowledged selectively.
    pub sacked: u32,
    /// Segments taken for lost.
    pub lost: u32,
    /// Segments being sent again.
    pub retrans: u32,
    /// Segments acknowledged ahead.
    pub fackets: u32,
    /// Reordering distance.
    pub reordering: u32,
}

/// What a task has done: how often it was called, and nanoseconds where they are measured (`profiling.tasks`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Calls.
    pub calls: u64,
    /// Nanoseconds that it ran.
    pub ran: u64,
    /// Nanoseconds that it was ready before it ran.
    pub waited: u64,
}

impl Effort {
    /// What came since.
    pub fn since(self, before: Effort) -> Effort {
        Effort {
            calls: self.calls.saturating_sub(before.calls),
            ran: self.ran.saturating_sub(before.ran),
            waited: self.waited.saturating_sub(before.waited),
        }
    }
}
