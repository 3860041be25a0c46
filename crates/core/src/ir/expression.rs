//! Sample expressions, ACLs and conditions.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::contract::{Matcher, Shared};
use crate::keyword::{Converter, Fetch, RowRef};
use crate::span::Span;
use crate::variable::Name;

/// `fetch(args),converter(args),...`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expr {
    /// The fetch.
    pub fetch: RowRef<Fetch>,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// Converters with their arguments, in order.
    pub converters: Vec<(RowRef<Converter>, Vec<Arg>)>,
}

/// An argument of a fetch or converter after parsing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Arg {
    /// An optional argument that was left out.
    Absent,
    /// Text.
    Str(Vec<u8>),
    /// An integer.
    Int(i64),
    /// Milliseconds.
    Time(u64),
    /// An address.
    Ip(IpAddr),
    /// An IPv4 mask or prefix length as a mask.
    Mask4(u32),
    /// An IPv6 mask or prefix length as a mask.
    Mask6(u128),
    /// A proxy by name.
    Proxy(String),
    /// A server: backend name (empty: the current one) and server name.
    Server(String, String),
    /// A variable.
    Variable(Name),
    /// Something that a converter or fetch compiled from its arguments.
    Compiled(Compiled),
}

/// A compiled argument (a regex, a map, ...): equal when the same text made it.
#[derive(Clone, Serialize)]
pub struct Compiled {
    /// The text it was compiled from.
    pub text: String,
    /// The compiled thing, taken back by its type.
    #[serde(skip)]
    pub value: Arc<dyn std::any::Any + Send + Sync>,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Compiled({:?})", self.text)
    }
}

impl PartialEq for Compiled {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Index in [`Config::acls`](super::Config::acls).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct AclId(pub u32);

/// A named or anonymous ACL: true when one of its tests is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Acl {
    /// Its name; empty for an anonymous one.
    pub name: String,
    /// The first line.
    pub span: Span,
    /// One per `acl` line of the name.
    pub tests: Vec<AclTest>,
}

/// One `acl` line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AclTest {
    /// What is fetched.
    pub expr: Expr,
    /// What it is compared with.
    pub matcher: Shared<dyn Matcher>,
    /// The text after the name, for explanations.
    pub text: String,
}

/// `if`/`unless` with ACLs: a disjunction of conjunctions.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Condition {
    /// `unless`.
    pub unless: bool,
    /// True when all terms of one of these are.
    pub any: Vec<Vec<Term>>,
}

/// One ACL in a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Term {
    /// `!`.
    pub negated: bool,
    /// The ACL.
    pub acl: AclId,
}
