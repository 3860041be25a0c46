//! From haproxy.cfg text to the IR.
//!
//! The language comes first: files are found ([`files`]), lines become words ([`lexer`]), conditional blocks choose lines
//! ([`condition`]) and words become values ([`value`]). Then sections and rows ([`parser`]) build the IR, and [`check`] looks
//! at it as a whole.

pub mod added_server;
mod bind_option;
pub mod check;
pub mod condition;
pub mod discover;
pub mod dump;
mod excerpt;
pub mod files;
mod folder;
mod guid;
mod keyword;
mod legacy;
pub mod lexer;
mod namespace;
pub mod parser;
mod resolve;
mod section;
mod server_option;
mod source;
pub mod value;

use hapax_core::diagnostic::{Diagnostic, Diagnostics, Prefix, Severity};
use hapax_core::ir;
use hapax_core::keyword::{Registry, Tables};
use hapax_core::span::Sources;

/// The rows of this crate.
pub static TABLES: &[Tables] = &[
    bind_option::TABLE,
    guid::TABLE,
    namespace::TABLE,
    server_option::agent::TABLE,
    server_option::check::TABLE,
    server_option::connection::TABLE,
    server_option::place::TABLE,
    server_option::proxy_header::TABLE,
    server_option::resolution::TABLE,
    server_option::state::TABLE,
    keyword::anonymity::TABLE,
    keyword::bind::TABLE,
    keyword::development::TABLE,
    keyword::environment::TABLE,
    keyword::error_page::TABLE,
    keyword::external_check::TABLE,
    keyword::h1_safety::TABLE,
    keyword::http_check::TABLE,
    keyword::protocol_check::TABLE,
    keyword::tcp_check::TABLE,
    keyword::http_client::TABLE,
    keyword::http_option::TABLE,
    keyword::filter::TABLE,
    keyword::limit::TABLE,
    keyword::resolvers::TABLE,
    keyword::retry::TABLE,
    keyword::log::TABLE,
    keyword::log_forward::TABLE,
    keyword::mailers::TABLE,
    keyword::no_counterpart::TABLE,
    keyword::option::TABLE,
    keyword::privilege::TABLE,
    keyword::process::TABLE,
    keyword::identity::TABLE,
    keyword::threads::TABLE,
    keyword::case_adjust::TABLE,
    keyword::program::TABLE,
    keyword::proxy::TABLE,
    keyword::runtime_socket::TABLE,
    keyword::server::TABLE,
    keyword::server_state::TABLE,
    keyword::soft_stop::TABLE,
    keyword::statistics::TABLE,
    keyword::stats_file::TABLE,
    keyword::tcp_probe::TABLE,
    keyword::ring::TABLE,
    keyword::traces::TABLE,
    keyword::timeout::TABLE,
    keyword::tune::TABLE,
    keyword::h2::TABLE,
    keyword::user::TABLE,
    legacy::monitor::TABLE,
    legacy::process::TABLE,
    legacy::proxy::TABLE,
    legacy::session::TABLE,
    legacy::option::TABLE,
];

/// Reads a configuration and checks it as a whole. It is refused when a finding is an alert; the IR is complete otherwise.
pub fn load(
    sources: &Sources,
    registry: &Registry,
    capabilities: &condition::Capabilities,
    environment: &dyn lexer::Environment,
) -> (ir::Config, Diagnostics) {
    load_as(sources, registry, capabilities, environment, false)
}

/// As [`load`], but a server whose name cannot be resolved is no error (`-dr`).
pub fn load_ignoring_names(
    sources: &Sources,
    registry: &Registry,
    capabilities: &condition::Capabilities,
    environment: &dyn lexer::Environment,
) -> (ir::Config, Diagnostics) {
    load_as(sources, registry, capabilities, environment, true)
}

fn load_as(
    sources: &Sources,
    registry: &Registry,
    capabilities: &condition::Capabilities,
    environment: &dyn lexer::Environment,
    ignore_names: bool,
) -> (ir::Config, Diagnostics) {
    let parser::Parsed {
        mut config,
        mut diagnostics,
        notes,
    } = parser::parse(sources, registry, capabilities, environment);
    config.files = sources.iter().map(|file| file.path.clone()).collect();
    let unread = diagnostics.has_errors();
    let checked = check::check(&mut config, &notes, registry, sources, &mut diagnostics);
    let prefix = if unread { Prefix::Config } else { Prefix::Bare };
    if unread || !checked {
        if !notes.stopped {
            let text = "Fatal errors found in configuration.";
            diagnostics.push(Diagnostic::whole(Severity::Alert, None, text).with_prefix(prefix));
        }
    } else {
        if ignore_names {
            let servers = config
                .proxies
                .iter_mut()
                .flat_map(|proxy| &mut proxy.servers);
            servers.for_each(|server| check::start_without_address(&mut server.options));
        }
        check::resolve(&mut config, &notes, registry, sources, &mut diagnostics);
    }
    (config, diagnostics)
}
