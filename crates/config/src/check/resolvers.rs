//! `resolvers` sections: the default one, and those that can ask nobody.

use hapax_core::ir;
use hapax_core::span::Span;

use super::Check;
use crate::keyword::resolvers::system_nameservers;

/// The name of the section that asks the name servers of the system.
pub(crate) const DEFAULT: &str = "default";

/// Adds the section `default`, unless the configuration has one or the system has no name server.
pub(crate) fn complete(config: &mut ir::Config) {
    if config
        .resolvers
        .iter()
        .any(|section| section.name == DEFAULT)
    {
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
