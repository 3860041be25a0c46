//! The rows of section keywords, by family.

pub(crate) mod anonymity;
mod arguments;
pub(crate) mod bind;
pub(crate) mod case_adjust;
pub(crate) mod check_expect;
pub(crate) mod check_step;
pub(crate) mod development;
pub(crate) mod environment;
pub(crate) mod error_page;
pub(crate) mod external_check;
pub(crate) mod filter;
pub(crate) mod h1_safety;
pub(crate) mod h2;
pub(crate) mod http_check;
pub(crate) mod http_client;
pub(crate) mod http_option;
pub(crate) mod identity;
pub(crate) mod limit;
pub(crate) mod log;
pub(crate) mod log_forward;
pub(crate) mod mailers;
pub(crate) mod no_counterpart;
pub(crate) mod option;
pub(crate) mod privilege;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod protocol_check;
pub(crate) mod proxy;
pub(crate) mod resolvers;
pub(crate) mod retry;
pub(crate) mod ring;
pub(crate) mod runtime_socket;
pub(crate) mod server;
pub(crate) mod server_state;
pub(crate) mod soft_stop;
pub(crate) mod statistics;
pub(crate) mod stats_file;
pub(crate) mod tcp_check;
pub(crate) mod tcp_probe;
pub(crate) mod threads;
pub(crate) mod timeout;
pub(crate) mod traces;
pub(crate) mod tune;
pub(crate) mod user;

use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Support};

pub(crate) use arguments::*;

/// A row that runs and takes no `no`.
pub(crate) const fn row(
    name: &'static str,
    sections: Sections,
    usage: &'static str,
    doc: &'static str,
    parse: fn(&mut Line<'_>) -> Result<(), Fault>,
) -> SectionKeyword {
    SectionKeyword {
        name,
        sections,
        negatable: false,
        usage,
        doc,
        support: Support::Runs,
        parse,
    }
}

/// The same row, which `no` and `default` may precede.
pub(crate) const fn negatable(row: SectionKeyword) -> SectionKeyword {
    SectionKeyword {
        negatable: true,
        ..row
    }
}

/// The same row, removed upstream after a release.
pub(crate) const fn until(release: &'static str, row: SectionKeyword) -> SectionKeyword {
    SectionKeyword {
        support: Support::Legacy(release),
        ..row
    }
}
