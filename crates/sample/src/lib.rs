//! Fetches, converters, ACLs, patterns, expressions and log formats.
//!
//! Text becomes IR through [`expression`], [`acl`], [`condition`] and [`log_format`]; the rows they look up stand in the
//! family files of [`fetch`], [`converter`], [`matcher`] and [`log_format::alias`].

pub mod acl;
mod acl_keyword;
#[cfg(test)]
mod allocations;
pub mod argument;
pub mod cast;
pub mod condition;
pub mod converter;
pub mod expression;
pub mod fetch;
#[cfg(any(test, feature = "fixture"))]
pub mod fixture;
pub mod log_format;
pub mod matcher;
pub mod pattern;
pub mod place;
pub mod regex;
pub mod variable;
pub mod write;

use hapax_core::keyword::Tables;

/// The tables of this room.
pub static TABLES: &[Tables] = &[
    Tables {
        sections: acl::SECTIONS,
        acl_keywords: acl_keyword::KEYWORDS,
        match_methods: matcher::METHODS,
        log_aliases: log_format::alias::ALIASES,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::ACL,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::AUTH,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::BLOCK,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::BODY,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::URL,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::CHANCE,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::EFFORT,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::TIMER,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::TRANSPORT,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::CAPTURE,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::CONNECTION,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::CONSTANT,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::COOKIE,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::HEADER,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::HTTP,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::HTX,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::PROXY_HEADER,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::MULTIPLEXER,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::INTERNAL,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::DISTCC,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::PAYLOAD,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::RDP,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::TLS_HELLO,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::PROCESS,
        ..Tables::NONE
    },
    Tables {
        converters: converter::AES,
        ..Tables::NONE
    },
    Tables {
        converters: converter::BYTES,
        ..Tables::NONE
    },
    Tables {
        converters: converter::CAPTURE,
        ..Tables::NONE
    },
    Tables {
        converters: converter::DIGEST,
        ..Tables::NONE
    },
    Tables {
        converters: converter::ENCODING,
        ..Tables::NONE
    },
    Tables {
        converters: converter::HASH,
        ..Tables::NONE
    },
    Tables {
        converters: converter::INTEGER,
        ..Tables::NONE
    },
    Tables {
        converters: converter::JSON,
        ..Tables::NONE
    },
    Tables {
        converters: converter::JWT,
        ..Tables::NONE
    },
    Tables {
        converters: converter::SERVER,
        ..Tables::NONE
    },
    Tables {
        converters: converter::STRING,
        ..Tables::NONE
    },
    Tables {
        converters: converter::TEXT,
        ..Tables::NONE
    },
    Tables {
        converters: converter::TIME,
        ..Tables::NONE
    },
    Tables {
        converters: converter::MAP,
        ..Tables::NONE
    },
    Tables {
        converters: converter::CERTIFICATE,
        ..Tables::NONE
    },
    Tables {
        converters: converter::FIX,
        ..Tables::NONE
    },
    Tables {
        converters: converter::FLOW,
        ..Tables::NONE
    },
    Tables {
        converters: converter::HTTP,
        ..Tables::NONE
    },
    Tables {
        converters: converter::MQTT,
        ..Tables::NONE
    },
    Tables {
        converters: converter::PROTOBUF,
        ..Tables::NONE
    },
    Tables {
        converters: converter::RFC7239,
        ..Tables::NONE
    },
    Tables {
        converters: converter::VARIABLE,
        ..Tables::NONE
    },
    Tables {
        fetches: fetch::VARIABLE,
        ..Tables::NONE
    },
];
