//! Keywords of one side that are not built yet: on the other side they would do nothing, and are ignored with a warning.

use hapax_core::diagnostic::{Diagnostic, Diagnostics};
use hapax_core::ir;
use hapax_core::keyword::Sections;
use hapax_core::span::Word;

use crate::parser::whole;

/// Whether the line is about the side that the section lacks; warns of it then.
pub(crate) fn ignored(
    words: &[Word],
    bit: Sections,
    proxy: Option<&ir::Proxy>,
    diagnostics: &mut Diagnostics,
) -> bool {
    let (Some(proxy), [first, rest @ ..]) = (proxy, words) else {
        return false;
    };
    let second = rest.first();
    let listed = |list: &[&str]| match second {
        Some(option) if *first == "option" => list
            .iter()
            .filter_map(|name| name.strip_prefix("option "))
            .any(|name| *option == name),
        _ => list.iter().any(|name| *first == *name),
    };
    let (list, side) = match bit {
        Sections::FRONTEND => (BACKEND_SIDE, "backend"),
        Sections::BACKEND => (FRONTEND_SIDE, "frontend"),
        _ => return false,
    };
    if !listed(list) {
        return false;
    }
    let name = second.filter(|_| *first == "option").unwrap_or(first);
    let (name, kind) = (name.lossy(), proxy.kind.name());
    let text = format!(
        "'{name}' ignored because {kind} '{}' has no {side} capability.",
        proxy.name
    );
    diagnostics.push(Diagnostic::warning(whole(words), text));
    true
}

static BACKEND_SIDE: &[&str] = &[
    "force-persist",
    "http-send-name-header",
    "ignore-persist",
    "load-server-state-from-file",
    "option spop-check",
    "stick",
    "tcp-check",
    "use-server",
];

static FRONTEND_SIDE: &[&str] = &["max-session-srv-conns", "monitor"];
