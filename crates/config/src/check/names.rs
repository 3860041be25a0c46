//! Names that something refers to.

use hapax_core::ir::{self, ReferenceKind};

use hapax_core::span::Span;
use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use super::Check;

pub(crate) fn references(config: &ir::Config, check: &mut Check<'_>) {
    let mut names = Names::with_capacity(config.proxies.len());
    for proxy in &config.proxies {
        names.entry(&proxy.name).or_default().push(proxy);
    }
    let said: HashSet<(Span, &str)> = config
        .references
        .iter()
        .filter(|reference| reference.from.is_some())
        .map(|reference| (reference.span, reference.name.as_str()))
        .collect();
    let defaults: HashSet<Span> = config
        .proxies
        .iter()
        .filter_map(|proxy| proxy.default_backend.as_ref())
        .map(|(_, span)| *span)
        .collect();
    for reference in &config.references {
        if reference.from.is_none() && defaults.contains(&reference.span) {
            // Every section that inherits it is looked at below.
            continue;
        }
        let suspects = &check.notes.suspects;
        let suspect = suspects.contains(reference.name.as_bytes())
            || reference
                .name
                .split('/')
                .any(|part| suspects.contains(part.as_bytes()));
        if suspect || known(config, &names, reference) {
            continue;
        }
        match reference.kind {
            ReferenceKind::Odd => check.warn_of_config(reference.span, reference.missing.clone()),
            // Groups are looked at where all arguments were found.
            ReferenceKind::Group if lacks_argument(config, &names, reference.from) => {}
            _ => check.alert(reference.span, reference.missing.clone()),
        }
    }
    for proxy in config.proxies.iter().filter(|proxy| !proxy.disabled) {
        default_backend(&names, &said, proxy, check);
        for rule in &proxy.use_backend {
            if let ir::BackendTarget::Name(name) = &rule.target {
                let target = named(&names, name).find(|target| target.kind.has_backend());
                if target.is_some_and(|target| std::ptr::eq(target, proxy)) {
                    check.alert(rule.span, circle(proxy, "use_backend"));
                } else if let Some(target) = target {
                    same_mode(proxy, target, rule.span, "in a 'use_backend' rule", check);
                }
            }
        }
        use_server(proxy, check);
    }
}

fn known(config: &ir::Config, names: &Names<'_>, reference: &ir::Reference) -> bool {
    let name = reference.name.as_str();
    match reference.kind {
        ReferenceKind::Nothing => false,
        ReferenceKind::Frontend => named(names, name).any(|proxy| proxy.kind.has_frontend()),
        ReferenceKind::BandwidthLimit => reference
            .from
            .and_then(|from| config.proxies.get(from))
            .is_none_or(|proxy| {
                // Where there are filters, the last one stands in for one that is missing.
                !proxy.bandwidth_limits.is_empty()
            }),
        ReferenceKind::Odd => false,
        ReferenceKind::Group => is_group(config, name),
        ReferenceKind::HttpErrors => config.http_errors.iter().any(|list| list.name == name),
        ReferenceKind::RequestCapture => {
            has_slot(config, reference, |proxy| &proxy.request_captures)
        }
        ReferenceKind::ResponseCapture => {
            has_slot(config, reference, |proxy| &proxy.response_captures)
        }
        ReferenceKind::Resolvers => config.resolvers.iter().any(|section| section.name == name),
        ReferenceKind::Sink => {
            let mut built_in = ir::Ring::BUILT_IN.iter().map(|(known, _)| *known);
            matches!(name, "stdout" | "stderr")
                || built_in.any(|known| known == name)
                || config.rings.iter().any(|ring| ring.name == name)
        }
        ReferenceKind::UserList => config.user_lists.iter().any(|list| list.name == name),
        ReferenceKind::Backend => named(names, name).any(|proxy| proxy.kind.has_backend()),
        ReferenceKind::Server => {
            let has = |proxy: &ir::Proxy, server: &str| {
                proxy.servers.iter().any(|other| other.name == server)
            };
            match (name.split_once('/'), reference.from) {
                (Some((backend, server)), _) => {
                    named(names, backend).any(|proxy| has(proxy, server))
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

/// Whether `list group` names a group of a list of users.
fn is_group(config: &ir::Config, name: &str) -> bool {
    let Some((list, group)) = name.split_once(' ') else {
        return false;
    };
    let mut lists = config.user_lists.iter();
    let list = lists.find(|known| known.name == list);
    list.is_none_or(|list| {
        let mut groups = list.groups.iter();
        groups.any(|known| known.name == group.as_bytes())
    })
}

/// Whether something is missing that an argument of a fetch or converter of the section names.
fn lacks_argument(config: &ir::Config, names: &Names<'_>, from: Option<usize>) -> bool {
    config.references.iter().any(|reference| {
        reference.from == from
            && reference.missing.starts_with("parsing [")
            && !known(config, names, reference)
    })
}

/// Whether the section of a rule has the slot that it captures into; a backend uses the slots of whichever frontend.
fn has_slot(
    config: &ir::Config,
    reference: &ir::Reference,
    slots: fn(&ir::Proxy) -> &Vec<ir::Capture>,
) -> bool {
    let proxy = reference.from.and_then(|from| config.proxies.get(from));
    let Some(proxy) = proxy.filter(|proxy| proxy.kind.has_frontend()) else {
        return true;
    };
    let index = reference.name.parse();
    index.is_ok_and(|index: usize| index < slots(proxy).len())
}

/// Proxies by name.
type Names<'c> = HashMap<&'c str, SmallVec<[&'c ir::Proxy; 1]>>;

fn named<'n, 'c>(
    names: &'n Names<'c>,
    name: &str,
) -> impl Iterator<Item = &'c ir::Proxy> + use<'n, 'c> {
    let found = names.get(name).map(SmallVec::as_slice).unwrap_or_default();
    found.iter().copied()
}

fn default_backend(
    names: &Names<'_>,
    said: &HashSet<(Span, &str)>,
    proxy: &ir::Proxy,
    check: &mut Check<'_>,
) {
    let Some((name, span)) = &proxy.default_backend else {
        return;
    };
    if !proxy.kind.has_frontend() || check.notes.suspects.contains(name.as_bytes()) {
        return;
    }
    let already = said.contains(&(*span, name.as_str()));
    let target = named(names, name).find(|target| target.kind.has_backend());
    match target {
        None if already => {}
        None => check.alert(
            *span,
            format!(
                "Proxy '{}': unable to find required default_backend: '{name}'.",
                proxy.name
            ),
        ),
        Some(target) if std::ptr::eq(target, proxy) => {
            check.alert(*span, circle(proxy, "default_backend"));
        }
        Some(target) => same_mode(proxy, target, *span, "as its default backend", check),
    }
}

/// A proxy cannot be its own backend by name.
fn circle(proxy: &ir::Proxy, keyword: &str) -> String {
    let name = &proxy.name;
    format!("Proxy '{name}': loop detected for {keyword}: '{name}'.")
}

/// `use-server` with a fixed name needs a server of that name in the same section.
fn use_server(proxy: &ir::Proxy, check: &mut Check<'_>) {
    for rule in &proxy.use_server {
        let ir::ServerTarget::Name(name) = &rule.target else {
            continue;
        };
        let there = proxy.servers.iter().any(|server| server.name == *name);
        if !there && !check.notes.suspects.contains(name.as_bytes()) {
            let text = format!(
                "{} '{}' : unable to find server '{name}' referenced in a 'use-server' rule.",
                super::kind(proxy),
                proxy.name
            );
            check.alert(rule.span, text);
        }
    }
}

/// A frontend cannot use a backend of another mode; one of TCP may turn into one of HTTP.
fn same_mode(proxy: &ir::Proxy, target: &ir::Proxy, span: Span, how: &str, check: &mut Check<'_>) {
    if proxy.mode == target.mode || (proxy.mode, target.mode) == (ir::Mode::Tcp, ir::Mode::Http) {
        return;
    }
    let (this, other) = (check.place(proxy.span), check.place(target.span));
    let text = format!(
        "{} {} '{}' ({this}) tries to use incompatible {} {} '{}' ({other}) {how} (see 'mode').",
        proxy.mode.name(),
        super::kind(proxy),
        proxy.name,
        target.mode.name(),
        super::kind(target),
        target.name
    );
    check.alert(span, text);
}
