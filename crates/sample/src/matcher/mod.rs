//! Match methods, `-m NAME`: the patterns of one ACL line, indexed (configuration manual 7.1).

mod integer;
mod network;
mod regular;
mod string;

use std::sync::Arc;

use hapax_core::contract::Matcher;
use hapax_core::keyword::{MatchMethod, Patterns};
use hapax_core::sample::{Sample, Type, Value};

pub use regular::compile as compile_regex;
pub use string::decode_hex;

pub use crate::converter::expand;
pub use regex::bytes::Regex;

/// The match methods.
pub static METHODS: &[MatchMethod] = &[
    MatchMethod {
        name: "found",
        input: Type::Any,
        doc: "Matches when there is a value, whatever it is.",
        build: |_| Ok(Arc::new(Found)),
    },
    MatchMethod {
        name: "bool",
        input: Type::Bool,
        doc: "Matches when the value is true.",
        build: |_| Ok(Arc::new(True)),
    },
    MatchMethod {
        name: "int",
        input: Type::Int,
        doc: "Compares an integer with numbers, ranges and operators.",
        build: |patterns| integer::build(patterns, false),
    },
    MatchMethod {
        name: "len",
        input: Type::Str,
        doc: "Compares the length with numbers, ranges and operators.",
        build: |patterns| integer::build(patterns, true),
    },
    MatchMethod {
        name: "ip",
        input: Type::Addr,
        doc: "Compares an address with addresses and networks.",
        build: network::build,
    },
    MatchMethod {
        name: "bin",
        input: Type::Bin,
        doc: "Compares bytes with patterns in hexadecimal.",
        build: string::build_binary,
    },
    MatchMethod {
        name: "str",
        input: Type::Str,
        doc: "Compares the whole text.",
        build: |patterns| string::build(patterns, string::Part::Whole),
    },
    MatchMethod {
        name: "beg",
        input: Type::Str,
        doc: "Compares the beginning of the text.",
        build: |patterns| string::build(patterns, string::Part::Beginning),
    },
    MatchMethod {
        name: "end",
        input: Type::Str,
        doc: "Compares the end of the text.",
        build: |patterns| string::build(patterns, string::Part::End),
    },
    MatchMethod {
        name: "sub",
        input: Type::Str,
        doc: "Looks for the pattern anywhere in the text.",
        build: string::build_substring,
    },
    MatchMethod {
        name: "dir",
        input: Type::Str,
        doc: "Looks for the pattern between slashes.",
        build: |patterns| string::build_delimited(patterns, "dir", b"/?"),
    },
    MatchMethod {
        name: "dom",
        input: Type::Str,
        doc: "Looks for the pattern between dots and other delimiters of domain names.",
        build: |patterns| string::build_delimited(patterns, "dom", b"/?.:"),
    },
    MatchMethod {
        name: "reg",
        input: Type::Str,
        doc: "Matches the text against regular expressions.",
        build: regular::build,
    },
];

/// The method of a fetch that brings none; bytes have none, nor what is of any type.
pub fn default_for(kind: Type) -> Option<&'static str> {
    Some(match kind {
        Type::Bool => "bool",
        Type::Int => "int",
        Type::Addr | Type::Ipv4 | Type::Ipv6 => "ip",
        Type::Str | Type::Meth => "str",
        Type::Bin | Type::Any => return None,
    })
}

/// The text that identifies a matcher.
fn describe(method: &str, patterns: &Patterns) -> String {
    let mut text = format!("-m {method}");
    if patterns.ignore_case {
        text += " -i";
    }
    for pattern in &patterns.list {
        text.push(' ');
        text += &String::from_utf8_lossy(pattern);
    }
    text
}

#[derive(Debug)]
struct Found;

impl Matcher for Found {
    fn text(&self) -> String {
        "-m found".to_owned()
    }

    fn input(&self) -> Type {
        Type::Any
    }

    fn matches(&self, _: &Sample<'_>) -> bool {
        true
    }
}

#[derive(Debug)]
struct True;

impl Matcher for True {
    fn text(&self) -> String {
        "-m bool".to_owned()
    }

    fn input(&self) -> Type {
        Type::Bool
    }

    fn matches(&self, sample: &Sample<'_>) -> bool {
        sample.value == Value::Bool(true)
    }
}

#[cfg(test)]
mod tests;
