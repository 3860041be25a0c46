//! Where `tcp-request` and `tcp-response` may stand, and what must follow them.

use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir::{Proxy, ProxyKind};
use hapax_core::keyword::{Fault, Sections};
use hapax_core::span::Word;

use crate::parser::whole;

/// Refuses a line of these rules that has no place in its section.
pub(crate) fn place(words: &[Word], bit: Sections, proxy: &Proxy) -> Result<(), Fault> {
    let response = match words.first() {
        Some(first) if *first == "tcp-request" => false,
        Some(first) if *first == "tcp-response" => true,
        _ => return Ok(()),
    };
    let keyword = if response {
        "tcp-response"
    } else {
        "tcp-request"
    };
    let fault = |text: String| Err(Diagnostic::alert(whole(words), text).into());
    let defaults = bit == Sections::DEFAULTS;
    let section = match proxy.kind {
        _ if defaults && response => format!("defaults '{}'", proxy.name),
        _ if defaults => "defaults section".to_owned(),
        ProxyKind::Listen => format!("proxy '{}'", proxy.name),
        kind => format!("{} '{}'", kind.name(), proxy.name),
    };
    let Some(second) = words.get(1) else {
        return fault(format!("missing argument for '{keyword}' in {section}"));
    };
    let known: &[&str] = match response {
        true => &["content", "inspect-delay"],
        false => &["connection", "content", "inspect-delay", "session"],
    };
    let second = second.lossy();
    if !known.contains(&second.as_ref()) {
        let expected = match response {
            true => "'inspect-delay' or 'content'",
            false => "'inspect-delay', 'connection', or 'content'",
        };
        return fault(format!(
            "'{keyword}' expects {expected} in {section} (got '{second}')"
        ));
    }
    let anonymous = defaults && proxy.name.is_empty();
    if response && (anonymous || bit == Sections::FRONTEND) {
        return fault(format!(
            "{keyword} {second} is only allowed in 'backend' sections or 'defaults' section with a name"
        ));
    }
    if anonymous {
        return fault(format!(
            "{keyword} {second} is not allowed in anonymous 'defaults' sections"
        ));
    }
    if bit == Sections::BACKEND && matches!(second.as_ref(), "connection" | "session") {
        return fault(format!(
            "{keyword} {second} is not allowed because backend {} is not a frontend",
            proxy.name
        ));
    }
    Ok(())
}
