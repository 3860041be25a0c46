//! `resolvers` sections: the default one, and those that can ask nobody.

use hapax_core::ir;
use hapax_core::span::Span;

use super::Check;
use crate::keyword::resolvers::system_nameservers;

/// The name of the section that asks the name servers of the system.
pub(crate) const DEFAULT: &str = "default";

/// Adds the section `default`, unless the configuration has one or the system has no name server.
pub(crate) fn complete(config: &mut ir::Config) {
    let there = |section: &ir::Resolvers| section.name == DEFAULT;
    if config.global.http_client.without_resolvers || config.resolvers.iter().any(there) {
        return;
    }
    let span = Span::default();
    let nameservers = system_nameservers(span, &[]);
    if !nameservers.is_empty() {
        config.resolvers.push(ir::Resolvers {
            nameservers,
            ..ir::Resolvers::new(DEFAULT.to_owned(), span)
        });
    }
}

/// The section that the client for HTTP looks names up with has to exist, once it is named.
pub(crate) fn named_by_client(config: &ir::Config, check: &mut Check<'_>) {
    let client = &config.global.http_client;
    let Some((name, span)) = client
        .resolvers
        .as_ref()
        .filter(|_| !client.without_resolvers)
    else {
        return;
    };
    if config.resolvers.iter().all(|section| section.name != *name) {
        for proxy in ["<OCSP-UPDATE>", "<HTTPCLIENT>"] {
            let text = format!(
                "Proxy '{proxy}': Can't find resolvers section '{name}' for do-resolve action."
            );
            check.alert(*span, text);
        }
    }
}

/// Warns about sections without a name server.
pub(crate) fn check(config: &ir::Config, check: &mut Check<'_>) {
    for section in &config.resolvers {
        if section.nameservers.is_empty() {
            let place = check.place(section.span);
            let text = format!(
                "resolvers '{}' [{place}] has no nameservers configured!",
                section.name
            );
            check.warn(section.span, text);
        }
    }
}
