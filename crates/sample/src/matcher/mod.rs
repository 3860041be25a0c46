//! Match methods, `-m NAME`: the patterns of one ACL line, indexed (configuration manual 7.1).

mod delimited;
mod integer;
mod network;
mod regular;
mod substring;
mod text;
mod version;
mod written;

use hapax_core::keyword::MatchMethod;
use hapax_core::pattern::{Entries, Index, Names};
use hapax_core::sample::{Type, Value};

pub use integer::Operator;
pub use text::decode_hex;
pub use version::numbers as version_numbers;
pub use written::Written;

pub use crate::converter::expand;
pub use crate::regex::Regex;

use delimited::{Delimited, Delimiters};
use integer::Numbers;
use network::Networks;
pub(crate) use regular::Expressions;
use substring::Substrings;
use text::{Bytes, Part, Texts};

/// The match methods.
pub static METHODS: &[MatchMethod] = &[
    MatchMethod {
        name: "found",
        input: Type::Any,
        doc: "Matches when there is a value, whatever it is.",
        index: |_| Box::new(Nothing),
    },
    MatchMethod {
        name: "bool",
        input: Type::Bool,
        doc: "Matches when the value is true.",
        index: |_| Box::new(Nothing),
    },
    MatchMethod {
        name: "int",
        input: Type::Int,
        doc: "Compares an integer with numbers, ranges and operators.",
        index: |_| Box::new(Numbers::new(false)),
    },
    MatchMethod {
        name: "int dotted",
        input: Type::Int,
        doc: "Compares a version with versions such as `3.1` and their ranges; comes with its ACL keywords only.",
        index: |_| Box::new(Numbers::read_by(version::range)),
    },
    MatchMethod {
        name: "len",
        input: Type::Str,
        doc: "Compares the length with numbers, ranges and operators.",
        index: |_| Box::new(Numbers::new(true)),
    },
    MatchMethod {
        name: "ip",
        input: Type::Addr,
        doc: "Compares an address with addresses and networks.",
        index: |_| Box::<Networks>::default(),
    },
    MatchMethod {
        name: "bin",
        input: Type::Bin,
        doc: "Compares bytes with patterns in hexadecimal.",
        index: |_| Box::<Bytes>::default(),
    },
    MatchMethod {
        name: "str",
        input: Type::Str,
        doc: "Compares the whole text.",
        index: |ignore_case| Box::new(Texts::new(Part::Whole, ignore_case)),
    },
    MatchMethod {
        name: "beg",
        input: Type::Str,
        doc: "Compares the beginning of the text.",
        index: |ignore_case| Box::new(Texts::new(Part::Beginning, ignore_case)),
    },
    MatchMethod {
        name: "end",
        input: Type::Str,
        doc: "Compares the end of the text.",
        index: |ignore_case| Box::new(Texts::new(Part::End, ignore_case)),
    },
    MatchMethod {
        name: "sub",
        input: Type::Str,
        doc: "Looks for the pattern anywhere in the text.",
        index: |ignore_case| Box::new(Substrings::new(ignore_case)),
    },
    MatchMethod {
        name: "dir",
        input: Type::Str,
        doc: "Looks for the pattern between slashes.",
        index: |ignore_case| Box::new(Delimited::new(&DIRECTORIES, ignore_case)),
    },
    MatchMethod {
        name: "dom",
        input: Type::Str,
        doc: "Looks for the pattern between dots and other delimiters of domain names.",
        index: |ignore_case| Box::new(Delimited::new(&DOMAINS, ignore_case)),
    },
    MatchMethod {
        name: "reg",
        input: Type::Str,
        doc: "Matches the text against regular expressions.",
        index: |ignore_case| Box::new(Expressions::new(ignore_case)),
    },
];

/// What stands around a pattern of `-m dir`.
static DIRECTORIES: Delimiters = Delimiters::new(b"/?");
/// What stands around a pattern of `-m dom`.
static DOMAINS: Delimiters = Delimiters::new(b"/?.:");

/// The method of a fetch that brings none; bytes have none, nor what is of any type.
pub fn default_for(kind: Type) -> Option<&'static str> {
    Some(match kind {
        Type::Bool => "bool",
        Type::Int => "int",
        Type::Addr | Type::Ipv4 | Type::Ipv6 => "ip",
        Type::Str | Type::Meth => "str",
        Type::Bin | Type::Any | Type::Same => return None,
    })
}

/// Patterns of a method that compares none.
#[derive(Debug)]
struct Nothing;

impl Index for Nothing {
    fn insert(&mut self, _: u32, _: &Entries, _: Names) -> Result<(), String> {
        Ok(())
    }

    fn remove(&mut self, _: u32, _: &Entries) {}

    fn find(&self, _: &Value<'_>, _: &Entries) -> Option<u32> {
        None
    }

    fn in_tree(&self, _: u32, _: &Entries) -> bool {
        false
    }

    fn empty(&self) -> Box<dyn Index> {
        Box::new(Nothing)
    }
}

#[cfg(test)]
mod tests;
