//! What can be said only when everything is read: references, timeouts, modes, names, numbers.

mod error_pages;
mod log_backend;
mod logs;
mod mailers;
mod mode;
mod names;
mod numbers;
mod resolvers;
mod server_state;
pub(crate) mod servers;
mod stats_file;
mod users;

pub(crate) use servers::start_without_address;

use hapax_core::diagnostic::{Diagnostic, Diagnostics, Prefix, Severity};
use hapax_core::ir;
use hapax_core::keyword::Registry;
use hapax_core::span::{Sources, Span};

use crate::legacy::session;
use crate::parser::Notes;

/// Looks at the configuration as a whole and completes it. After errors only what cannot be a consequence of them is said.
/// False when the configuration is refused.
pub fn check(
    config: &mut ir::Config,
    notes: &Notes,
    registry: &Registry,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> bool {
    let failed = diagnostics.has_errors();
    resolvers::complete(config);
    let mut check = Check {
        notes,
        registry,
        sources,
        diagnostics,
    };
    users::complete(config, &mut check);
    names::references(config, &mut check);
    error_pages::complete(config, &mut check);
    servers::names(config, &mut check);
    if !failed {
        session::complete(config, &mut check);
        for index in 0..config.proxies.len() {
            mode::proxy(config, index, &mut check);
        }
        servers::check(config, &mut check);
        log_backend::complete(config, &mut check);
        server_state::check(config, &mut check);
        resolvers::named_by_client(config, &mut check);
    }
    if !failed {
        mailers::unused(config, &mut check);
        resolvers::check(config, &mut check);
    }
    logs::rings(config, &mut check);
    logs::traces(config, &mut check);
    logs::profiles(config, &mut check);
    numbers::complete(config);
    if !check.diagnostics.has_errors() {
        crate::guid::complete(config, &mut check);
    }
    !check.diagnostics.has_errors()
}

/// Gives servers that were named by a host name their first address, as upstream does last of all.
pub fn resolve(
    config: &mut ir::Config,
    notes: &Notes,
    registry: &Registry,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) {
    let mut check = Check {
        notes,
        registry,
        sources,
        diagnostics,
    };
    server_state::restore(config, &mut check);
    servers::resolve(config, &mut check);
    stats_file::read(config, &mut check);
}

pub(crate) struct Check<'a> {
    pub(crate) notes: &'a Notes,
    pub(crate) registry: &'a Registry,
    pub(crate) sources: &'a Sources,
    pub(crate) diagnostics: &'a mut Diagnostics,
}

impl Check<'_> {
    /// A finding without prefix, as upstream's cross-checks print them.
    pub(crate) fn push(&mut self, severity: Severity, span: Option<Span>, text: String) {
        let finding = Diagnostic::whole(severity, span, text).with_prefix(Prefix::Bare);
        self.diagnostics.push(finding);
    }

    pub(crate) fn alert(&mut self, span: Span, text: String) {
        self.push(Severity::Alert, Some(span), text);
    }

    pub(crate) fn warn(&mut self, span: Span, text: String) {
        self.push(Severity::Warning, Some(span), text);
    }

    /// A warning as those that parsing finds.
    pub(crate) fn warn_of_config(&mut self, span: Span, text: String) {
        let finding = Diagnostic::whole(Severity::Warning, Some(span), text);
        self.diagnostics.push(finding.with_prefix(Prefix::Config));
    }

    /// `file:line`
    pub(crate) fn place(&self, span: Span) -> String {
        format!("{}:{}", self.sources.path(span.file), span.line)
    }
}

/// `frontend 'x'`, `backend 'x'` or `proxy 'x'`, as upstream names proxies.
pub(crate) fn named(proxy: &ir::Proxy) -> String {
    format!("{} '{}'", kind(proxy), proxy.name)
}

pub(crate) fn kind(proxy: &ir::Proxy) -> &'static str {
    match proxy.kind {
        ir::ProxyKind::Listen => "proxy",
        other => other.name(),
    }
}
