//! Live state of the `resolvers` sections: what is asked, what is known, and who waits for it.
//!
//! The [`Engine`] of a section decides what to ask and when, without a socket or a clock. One worker carries its questions
//! to the name servers and their answers back; any worker may ask it for an address.

mod engine;
mod records;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use hapax_proto::dns;
use parking_lot::Mutex;

pub use engine::{Engine, Event, Question};
pub use records::{Choice, Known, Records};

use crate::ir;
use crate::program::ProxyId;

/// Live state of a `resolvers` section.
#[derive(Debug)]
pub struct ResolversLive {
    /// What its lines say.
    pub ir: ir::Resolvers,
    /// Counters of the name servers, in their order.
    pub nameservers: Vec<NameserverCounters>,
    engine: Mutex<Engine>,
    /// Servers that were given other names.
    renamed: Mutex<Vec<(ProxyId, usize)>>,
}

impl ResolversLive {
    /// Nothing known.
    pub fn new(ir: &ir::Resolvers, families: ir::Families) -> ResolversLive {
        ResolversLive {
            ir: ir.clone(),
            nameservers: ir.nameservers.iter().map(|_| Default::default()).collect(),
            engine: Mutex::new(Engine::new(ir.clone(), families)),
            renamed: Mutex::default(),
        }
    }

    /// A server has another name from now on.
    pub fn rename(&self, proxy: ProxyId, server: usize) {
        self.renamed.lock().push((proxy, server));
        if let Some(carrier) = self.with(|engine| engine.take_carrier()) {
            carrier.wake();
        }
    }

    /// Servers that were given other names since.
    pub fn take_renamed(&self) -> Vec<(ProxyId, usize)> {
        std::mem::take(&mut self.renamed.lock())
    }

    /// Works with what is known.
    pub fn with<T>(&self, work: impl FnOnce(&mut Engine) -> T) -> T {
        work(&mut self.engine.lock())
    }

    /// Asks for an address on behalf of a rule. After [`Asked::Wait`] the waker fires once more is known; then the same
    /// ticket asks again.
    pub fn ask(&self, name: &str, prefer: ir::Family, turn: &mut Turn<'_>) -> Asked {
        let (asked, carrier) = self.with(|engine| {
            let asked = engine.ask(name, prefer, turn);
            (asked, engine.take_carrier())
        });
        if let Some(carrier) = carrier {
            carrier.wake();
        }
        asked
    }
}

/// One who asks for an address.
#[derive(Debug)]
pub struct Turn<'a> {
    /// The time, milliseconds.
    pub now_ms: u64,
    /// Zero at first; names what is waited for.
    pub ticket: &'a mut u64,
    /// Who is woken.
    pub waker: &'a Waker,
}

/// The answer to who asks for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// This one.
    Found(IpAddr),
    /// There is none.
    Failed,
    /// Not known yet.
    Wait,
}

/// What a name is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The name, as [`dns::normalised`] gives it.
    pub name: String,
    /// A service, or the family of addresses that is preferred.
    pub kind: dns::Kind,
}

impl Key {
    /// The key of a host name.
    pub fn host(name: String, prefer: ir::Family) -> Key {
        let kind = match prefer {
            ir::Family::V4 => dns::Kind::A,
            ir::Family::V6 => dns::Kind::Aaaa,
        };
        Key { name, kind }
    }
}

/// Why a resolution failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// NXDOMAIN.
    NoSuchName,
    /// REFUSED.
    Refused,
    /// No answer.
    Timeout,
    /// Anything else.
    Other,
}

impl Failure {
    /// For how long what was known before still counts.
    pub fn hold(self, hold: &ir::Hold) -> ir::Milliseconds {
        match self {
            Failure::NoSuchName => hold.nx,
            Failure::Refused => hold.refused,
            Failure::Timeout => hold.timeout,
            Failure::Other => hold.other,
        }
    }
}

impl From<dns::Fault> for Failure {
    fn from(fault: dns::Fault) -> Self {
        match fault {
            dns::Fault::NoSuchName => Failure::NoSuchName,
            dns::Fault::Refused => Failure::Refused,
            _ => Failure::Other,
        }
    }
}

/// What is counted of a name server, in the order of `show resolvers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "see NameserverCount::name")]
pub enum NameserverCount {
    Sent,
    SendError,
    Valid,
    Update,
    Alias,
    AliasError,
    Empty,
    NoSuchName,
    Timeout,
    Refused,
    Other,
    Invalid,
    TooBig,
    Truncated,
    Outdated,
}

impl NameserverCount {
    /// All of them.
    pub const ALL: [NameserverCount; 15] = [
        NameserverCount::Sent,
        NameserverCount::SendError,
        NameserverCount::Valid,
        NameserverCount::Update,
        NameserverCount::Alias,
        NameserverCount::AliasError,
        NameserverCount::Empty,
        NameserverCount::NoSuchName,
        NameserverCount::Timeout,
        NameserverCount::Refused,
        NameserverCount::Other,
        NameserverCount::Invalid,
        NameserverCount::TooBig,
        NameserverCount::Truncated,
        NameserverCount::Outdated,
    ];

    /// Upstream's word in statistics.
    pub fn column(self) -> &'static str {
        match self {
            NameserverCount::SendError => "send_error",
            other => other.name(),
        }
    }

    /// What the statistics say it is.
    pub fn title(self) -> &'static str {
        match self {
            NameserverCount::Sent => "Sent",
            NameserverCount::SendError => "Send error",
            NameserverCount::Valid => "Valid",
            NameserverCount::Update => "Update",
            NameserverCount::Alias => "CNAME",
            NameserverCount::AliasError => "CNAME error",
            NameserverCount::Empty => "Any errors",
            NameserverCount::NoSuchName => "NX",
            NameserverCount::Timeout => "Timeout",
            NameserverCount::Refused => "Refused",
            NameserverCount::Other => "Other",
            NameserverCount::Invalid => "Invalid",
            NameserverCount::TooBig => "Too big",
            NameserverCount::Truncated => "Truncated",
            NameserverCount::Outdated => "Outdated",
        }
    }

    /// Upstream's word.
    pub fn name(self) -> &'static str {
        match self {
            NameserverCount::Sent => "sent",
            NameserverCount::SendError => "snd_error",
            NameserverCount::Valid => "valid",
            NameserverCount::Update => "update",
            NameserverCount::Alias => "cname",
            NameserverCount::AliasError => "cname_error",
            NameserverCount::Empty => "any_err",
            NameserverCount::NoSuchName => "nx",
            NameserverCount::Timeout => "timeout",
            NameserverCount::Refused => "refused",
            NameserverCount::Other => "other",
            NameserverCount::Invalid => "invalid",
            NameserverCount::TooBig => "too_big",
            NameserverCount::Truncated => "truncated",
            NameserverCount::Outdated => "outdated",
        }
    }
}

impl From<dns::Fault> for NameserverCount {
    fn from(fault: dns::Fault) -> Self {
        match fault {
            dns::Fault::Invalid => NameserverCount::Invalid,
            dns::Fault::Truncated => NameserverCount::Truncated,
            dns::Fault::NoSuchName => NameserverCount::NoSuchName,
            dns::Fault::Refused => NameserverCount::Refused,
            dns::Fault::Other => NameserverCount::Other,
            dns::Fault::Empty => NameserverCount::Empty,
            dns::Fault::Alias => NameserverCount::AliasError,
        }
    }
}

/// Counters of a name server.
#[derive(Debug, Default)]
pub struct NameserverCounters([AtomicU64; NameserverCount::ALL.len()]);

impl NameserverCounters {
    /// Counts one.
    pub fn add(&self, what: NameserverCount) {
        self.0[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many.
    pub fn value(&self, what: NameserverCount) -> u64 {
        self.0[what as usize].load(Ordering::Relaxed)
    }
}
