//! Names of variables: `scope.name`.

use serde::{Serialize, Serializer};

/// How long a variable lives and who sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `proc`: the process.
    Process,
    /// `sess`: the client connection.
    Session,
    /// `txn`: the exchange.
    Transaction,
    /// `req`: the exchange until a server is tried.
    Request,
    /// `res`: the exchange from then on.
    Response,
    /// `check`: one run of a health check.
    Check,
    /// `psess`, `ptxn`, `preq`, `pres`: those of the parent of the stream. Nothing here has a parent yet: they have no
    /// value and cannot be set.
    Parent,
}

/// The scopes as they are written.
const SCOPES: &[(&str, Scope)] = &[
    ("proc", Scope::Process),
    ("sess", Scope::Session),
    ("txn", Scope::Transaction),
    ("req", Scope::Request),
    ("res", Scope::Response),
    ("check", Scope::Check),
    ("psess", Scope::Parent),
    ("ptxn", Scope::Parent),
    ("preq", Scope::Parent),
    ("pres", Scope::Parent),
];

/// The name of a variable; equal names are one variable. Stores know it by scope and hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    scope: Scope,
    hash: u64,
    text: Box<str>,
}

/// What is wrong with a name; the texts are upstream's, without a final period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty.
    #[error("Empty variable name cannot be accepted")]
    Empty,
    /// It begins with no scope, or ends after it.
    #[error(
        "invalid variable name '{0}'. A variable name must start with its scope. The scope can be 'proc', '(p)sess', \
         '(p)txn', '(p)req', '(p)res' or 'check'"
    )]
    Scope(String),
    /// A byte that names do not have.
    #[error("invalid syntax at char '{0}'")]
    Syntax(String),
}

impl Name {
    /// Reads `scope.name`.
    ///
    /// # Errors
    /// When it is empty, has no scope, or a byte that is none of letters, digits, `_` and `.`.
    pub fn parse(text: &[u8]) -> Result<Name, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        let lossy = || String::from_utf8_lossy(text).into_owned();
        let found = SCOPES.iter().find_map(|(name, scope)| {
            let rest = text.strip_prefix(name.as_bytes())?.strip_prefix(b".")?;
            Some((*scope, rest))
        });
        let Some((scope, rest)) = found.filter(|(_, rest)| !rest.is_empty()) else {
            return Err(NameError::Scope(lossy()));
        };
        let odd = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"_.".contains(byte));
        if let Some(at) = rest.iter().position(odd) {
            let rest = String::from_utf8_lossy(&rest[at..]);
            return Err(NameError::Syntax(rest.chars().take(1).collect()));
        }
        Ok(Name {
            scope,
            hash: xxhash_rust::xxh3::xxh3_64(rest),
            text: lossy().into(),
        })
    }

    /// Its scope.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The hash of what follows the scope.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
