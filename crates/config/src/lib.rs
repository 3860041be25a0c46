//! From haproxy.cfg text to the IR.
//!
//! The language comes first: files are found ([`files`]), lines become words ([`lexer`]), conditional blocks choose lines
//! ([`condition`]) and words become values ([`value`]).

pub mod condition;
mod excerpt;
pub mod files;
pub mod lexer;
pub mod suggest;
pub mod value;
