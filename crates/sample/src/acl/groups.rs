//! Patterns of `http_auth_group`: names of groups, which must be there (configuration manual 3.4 and 7.3.6).

use std::sync::Arc;

use hapax_core::ir::{Arg, Expr, Reference, ReferenceKind};
use hapax_core::keyword::Line;
use hapax_core::pattern::List;

use super::ParsedTest;

/// One list of patterns as groups of a list of users.
#[derive(Debug)]
pub struct Groups {
    /// The list of users.
    list: String,
    /// The groups; none where upstream sees none.
    groups: Vec<String>,
}

/// The groups of each list of patterns, when the test asks for groups.
pub(super) fn of<'l>(
    expr: &Expr,
    lists: impl Iterator<Item = &'l Arc<List>>,
    groups: impl Fn(&List) -> Vec<String>,
) -> Vec<Groups> {
    match expr.args.first() {
        Some(Arg::Str(list)) if expr.fetch.name == FETCH => {
            let list = String::from_utf8_lossy(list);
            let one = |patterns: &Arc<List>| Groups {
                list: list.clone().into_owned(),
                groups: groups(patterns),
            };
            lists.map(one).collect()
        }
        _ => Vec::new(),
    }
}

/// The patterns of a list.
pub(super) fn written(list: &List) -> Vec<String> {
    let mut groups = Vec::new();
    list.show(None, |entry| {
        groups.push(String::from_utf8_lossy(entry.key).into_owned());
    });
    groups
}

/// Notes what the test of an ACL refers to; `defaults` sections are not looked at.
pub(super) fn refer(line: &mut Line<'_>, parsed: &ParsedTest, acl: &str) {
    let from = crate::expression::Origin::of(line).from;
    let Some(proxy) = line.proxy.as_deref().filter(|_| from.is_some()) else {
        return;
    };
    let start = format!("proxy {}: acl {acl} {FETCH}():", proxy.name);
    let reference = |kind, name, text: String| Reference {
        kind,
        name,
        from,
        span: line.span,
        missing: format!("{start} {text}"),
    };
    let mut found = Vec::new();
    for Groups { list, groups } in &parsed.groups {
        if groups.is_empty() {
            // As a name that no group can have.
            let text = "no groups specified.".to_owned();
            found.push(reference(ReferenceKind::Group, String::new(), text));
        }
        for group in groups {
            let text = format!("invalid group '{group}'.");
            found.push(reference(
                ReferenceKind::Group,
                format!("{list} {group}"),
                text,
            ));
        }
    }
    line.config.references.extend(found);
}

const FETCH: &str = "http_auth_group";
