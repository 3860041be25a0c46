//! Variables (configuration manual 2.8): names, scopes and where their values are kept.
//!
//! A session and a stream live on one worker, so their stores are written through a shared reference without a lock; the
//! variables of the process are shared, each behind a short lock of its own. [`Cx`](crate::contract::Cx) is the way in.

mod account;
mod condition;
mod name;
mod process;
mod store;

pub use account::{Limits, Usage};
pub use condition::Conditions;
pub use name::{Name, NameError, Scope};
pub use process::ProcessVariables;
pub(crate) use store::Room;
pub use store::Variables;

use bumpalo::Bump;
use smallvec::SmallVec;

use crate::sample::{Type, Value};

/// Which part of an exchange a stream is in: it decides which of `req`, `res` and `check` exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Until the first attempt to reach a server, or an answer made here: `txn` and `req`.
    #[default]
    Request,
    /// From then on: `txn` and `res`.
    Response,
    /// It is a health check: `check` only.
    Check,
}

impl Phase {
    /// Whether a stream in this phase has variables of a scope.
    pub fn has(self, scope: Scope) -> bool {
        match self {
            Phase::Request => matches!(scope, Scope::Transaction | Scope::Request),
            Phase::Response => matches!(scope, Scope::Transaction | Scope::Response),
            Phase::Check => scope == Scope::Check,
        }
    }
}

/// What is known of a variable before it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum State<'a> {
    /// It was never set.
    Missing,
    /// It exists without a value: unset, or one of the process that is only named in the configuration.
    Unset,
    /// Its value.
    Set(Value<'a>),
}

/// What becomes of a variable that shall be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It takes the value.
    Set,
    /// It does not, but exists from now on.
    Create,
    /// Nothing changes.
    Leave,
}

/// A value that a variable keeps: as [`Value`], but it owns its bytes. Short ones take no memory of their own.
#[derive(Debug, Clone, PartialEq)]
pub enum Owned {
    /// Boolean.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// IPv4 address.
    Ipv4(std::net::Ipv4Addr),
    /// IPv6 address.
    Ipv6(std::net::Ipv6Addr),
    /// Text, bytes or a method, as the type says.
    Bytes(Type, SmallVec<[u8; 16]>),
}

impl Owned {
    /// Keeps a value.
    pub fn new(value: Value<'_>) -> Owned {
        match value {
            Value::Bool(value) => Owned::Bool(value),
            Value::Int(number) => Owned::Int(number),
            Value::Ipv4(ip) => Owned::Ipv4(ip),
            Value::Ipv6(ip) => Owned::Ipv6(ip),
            Value::Str(bytes) => Owned::Bytes(Type::Str, SmallVec::from_slice(bytes)),
            Value::Bin(bytes) => Owned::Bytes(Type::Bin, SmallVec::from_slice(bytes)),
            Value::Meth(bytes) => Owned::Bytes(Type::Meth, SmallVec::from_slice(bytes)),
        }
    }

    /// Takes another value; memory for bytes is used again.
    pub fn replace(&mut self, value: Value<'_>) {
        match (self, value.bytes()) {
            (Owned::Bytes(kind, kept), Some(bytes)) => {
                *kind = value.kind();
                kept.clear();
                kept.extend_from_slice(bytes);
            }
            (this, _) => *this = Owned::new(value),
        }
    }

    /// The value where it lies.
    pub fn value(&self) -> Value<'_> {
        match self {
            Owned::Bool(value) => Value::Bool(*value),
            Owned::Int(number) => Value::Int(*number),
            Owned::Ipv4(ip) => Value::Ipv4(*ip),
            Owned::Ipv6(ip) => Value::Ipv6(*ip),
            Owned::Bytes(Type::Bin, bytes) => Value::Bin(bytes),
            Owned::Bytes(Type::Meth, bytes) => Value::Meth(bytes),
            Owned::Bytes(_, bytes) => Value::Str(bytes),
        }
    }

    /// A copy of the value whose bytes lie in the arena.
    pub fn copy<'a>(&self, arena: &'a Bump) -> Value<'a> {
        match self.value() {
            Value::Str(bytes) => Value::Str(arena.alloc_slice_copy(bytes)),
            Value::Bin(bytes) => Value::Bin(arena.alloc_slice_copy(bytes)),
            Value::Meth(bytes) => Value::Meth(arena.alloc_slice_copy(bytes)),
            Value::Bool(value) => Value::Bool(value),
            Value::Int(number) => Value::Int(number),
            Value::Ipv4(ip) => Value::Ipv4(ip),
            Value::Ipv6(ip) => Value::Ipv6(ip),
        }
    }

    /// What the limits count for it: bytes of texts.
    fn size(&self) -> u64 {
        size(self.value())
    }
}

/// What the limits count for a value.
fn size(value: Value<'_>) -> u64 {
    value.bytes().map_or(0, |bytes| bytes.len() as u64)
}

#[cfg(test)]
mod tests;
