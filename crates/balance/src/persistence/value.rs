//! The value of the cookie that names a server.

use std::ops::Deref;

use hapax_core::ir::{Cookie, dynamic_cookie};
use hapax_core::live::ServerLive;

/// The value of a server's cookie: as written on its line, or made from its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// `cookie VALUE` of the server.
    Written(&'a str),
    /// Hexadecimal digits, under `dynamic`.
    Made([u8; 16]),
}

/// What the cookie says for a server.
pub fn value<'a>(cookie: &Cookie, server: &'a ServerLive) -> Option<Value<'a>> {
    if let Some(written) = &server.ir.options.cookie {
        return Some(Value::Written(written));
    }
    let key = cookie.key.as_deref().filter(|_| cookie.dynamic)?;
    dynamic_cookie(key, &server.address.load()).map(Value::Made)
}

impl Value<'_> {
    /// The value as text.
    pub fn as_str(&self) -> &str {
        match self {
            Value::Written(text) => text,
            Value::Made(digits) => std::str::from_utf8(digits).unwrap_or_default(),
        }
    }
}

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_str().as_bytes()
    }
}
