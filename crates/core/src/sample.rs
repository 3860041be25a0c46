//! What a fetch returns and a converter changes: a typed value that borrows from the message or the arena.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Serialize;

/// The types of samples (configuration manual 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Type {
    /// Any type; only in the input of converters and output of fetches that decide at run time.
    Any,
    /// That of the input; only in the output of converters.
    Same,
    /// Boolean.
    Bool,
    /// Signed integer of 64 bits.
    Int,
    /// An address of either family.
    Addr,
    /// IPv4 address.
    Ipv4,
    /// IPv6 address.
    Ipv6,
    /// Text.
    Str,
    /// Bytes.
    Bin,
    /// HTTP method.
    Meth,
}

impl Type {
    /// Upstream's short name, as in `-dKsmp` and `-dKcnv`.
    pub fn name(self) -> &'static str {
        match self {
            Type::Any => "any",
            Type::Same => "same",
            Type::Bool => "bool",
            Type::Int => "sint",
            Type::Addr => "addr",
            Type::Ipv4 => "ipv4",
            Type::Ipv6 => "ipv6",
            Type::Str => "str",
            Type::Bin => "bin",
            Type::Meth => "meth",
        }
    }
}

/// A value. Strings and bytes borrow from the message head, the buffer, the configuration or the arena.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Boolean.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// IPv4 address.
    Ipv4(Ipv4Addr),
    /// IPv6 address.
    Ipv6(Ipv6Addr),
    /// Text; not necessarily UTF-8.
    Str(&'a [u8]),
    /// Bytes.
    Bin(&'a [u8]),
    /// HTTP method by its name.
    Meth(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The type of this value.
    pub fn kind(&self) -> Type {
        match self {
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Ipv4(_) => Type::Ipv4,
            Value::Ipv6(_) => Type::Ipv6,
            Value::Str(_) => Type::Str,
            Value::Bin(_) => Type::Bin,
            Value::Meth(_) => Type::Meth,
        }
    }

    /// The bytes of a string, binary or method value.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        match *self {
            Value::Str(bytes) | Value::Bin(bytes) | Value::Meth(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// A value; kept as a type of its own so that flags can join it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'a> {
    /// The value.
    pub value: Value<'a>,
}

impl<'a> From<Value<'a>> for Sample<'a> {
    fn from(value: Value<'a>) -> Self {
        Sample { value }
    }
}

/// Which occurrence of a value with several occurrences a fetch is asked for: the cursor of an iteration.
///
/// An ACL calls the fetch again while `more` is set; a plain expression takes the first answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Occurrence {
    /// Where the fetch continues; 0 on the first call, then whatever the fetch left here.
    pub at: u32,
    /// A second number for the fetch, for example an offset in a header line.
    pub offset: u32,
    /// Set by the fetch when another call may give another value.
    pub more: bool,
    /// Whether the caller will iterate; a fetch may answer another way then (`req.hdr` gives the last value otherwise).
    pub iterating: bool,
}
