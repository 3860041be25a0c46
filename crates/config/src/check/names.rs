//! Names that something refers to.

use hapax_core::ir::{self, ReferenceKind};

use super::Check;

pub(crate) fn references(config: &ir::Config, check: &mut Check<'_>) {
    for reference in &config.references {
        let suspect = check.notes.suspects.iter().any(|word| {
            word == reference.name.as_bytes()
                || reference
                    .name
                    .split('/')
                    .any(|part| part.as_bytes() == word.as_slice())
        });
        if !suspect && !known(config, reference) {
            check.alert(reference.span, reference.missing.clone());
        }
    }
    for proxy in config.proxies.iter().filter(|proxy| !proxy.disabled) {
        default_backend(config, proxy, check);
    }
}

fn known(config: &ir::Config, reference: &ir::Reference) -> bool {
    let name = reference.name.as_str();
    match reference.kind {
        ReferenceKind::Frontend => named(config, name).any(|proxy| proxy.kind.has_frontend()),
        ReferenceKind::Backend => named(config, name).any(|proxy| proxy.kind.has_backend()),
        ReferenceKind::Server => {
            let has = |proxy: &ir::Proxy, server: &str| {
                proxy.servers.iter().any(|other| other.name == server)
            };
            match (name.split_once('/'), reference.from) {
                (Some((backend, server)), _) => {
                    named(config, backend).any(|proxy| has(proxy, server))
                }
                (None, Some(from)) => config
                    .proxies
                    .get(from)
                    .is_some_and(|proxy| has(proxy, name)),
                (None, None) => true,
            }
        }
    }
}

fn named<'c>(config: &'c ir::Config, name: &str) -> impl Iterator<Item = &'c ir::Proxy> {
    config
        .proxies
        .iter()
        .filter(move |proxy| proxy.name == name)
}

fn default_backend(config: &ir::Config, proxy: &ir::Proxy, check: &mut Check<'_>) {
    let Some((name, span)) = &proxy.default_backend else {
        return;
    };
    if !proxy.kind.has_frontend() || check.notes.suspects.contains(name.as_bytes()) {
        return;
    }
    let already = config
        .references
        .iter()
        .any(|reference| reference.span == *span && reference.name == *name);
    let target = named(config, name).find(|target| target.kind.has_backend());
    match target {
        None if already => {}
        None => check.alert(
            *span,
            format!(
                "Proxy '{}': unable to find required default_backend: '{name}'.",
                proxy.name
            ),
        ),
        Some(target) if proxy.mode == ir::Mode::Http && target.mode == ir::Mode::Tcp => {
            let (this, other) = (check.place(proxy.span), check.place(target.span));
            check.alert(
                *span,
                format!(
                    "http {} '{}' ({this}) tries to use incompatible tcp {} '{}' ({other}) as its default backend (see 'mode').",
                    super::kind(proxy),
                    proxy.name,
                    super::kind(target),
                    target.name
                ),
            );
        }
        Some(_) => {}
    }
}
