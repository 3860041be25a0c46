//! `ring NAME`. Its servers are read as those of a backend of that name, which exists only while the section is open.

use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir::{Proxy, ProxyKind, Ring};
use hapax_core::keyword::{Scope, Sections};
use hapax_core::span::{Span, Word};

use super::{Open, Section, forbidden, round_robin};
use crate::parser::Parser;

/// A `ring` line.
pub(super) fn open(parser: &mut Parser<'_>, words: &[Word], span: Span) -> Open {
    let Some(word) = words.get(1) else {
        let finding = Diagnostic::alert(span, "missing ring name.");
        parser.diagnostics.push(finding);
        return Open::Refused("ring".to_owned());
    };
    let name = word.lossy().into_owned();
    let fault = match forbidden(&word.text) {
        Some(byte) => Some(format!(
            "invalid ring name '{name}' (character '{}' is not permitted).",
            char::from(byte)
        )),
        None if is_taken(parser, &name) => Some(format!("sink named '{name}' already exists.")),
        None => None,
    };
    let balance = round_robin(parser.registry);
    let (None, Some(balance)) = (&fault, balance) else {
        let finding = Diagnostic::alert(word.span, fault.unwrap_or_default());
        parser.diagnostics.push(finding);
        return Open::Refused(name);
    };
    let mut ring = Ring::named(&name);
    ring.span = span;
    parser.config.rings.push(ring);
    Open::Ring(Box::new(Section {
        bit: Sections::RING,
        proxy: Proxy::new(name, ProxyKind::Backend, span, balance),
        scope: Scope::default(),
    }))
}

fn is_taken(parser: &Parser<'_>, name: &str) -> bool {
    let built_in = Ring::BUILT_IN.iter().map(|(known, _)| *known);
    let mut all = built_in.chain(["stdout", "stderr"]);
    let rings = &parser.config.rings;
    all.any(|known| known == name) || rings.iter().any(|ring| ring.name == name)
}

/// The section ends: its servers become those of the ring.
pub(crate) fn close(parser: &mut Parser<'_>, section: Section) {
    if let Some(ring) = parser.config.rings.last_mut() {
        let proxy = section.proxy;
        ring.timeout_connect = proxy.timeouts.connect;
        ring.timeout_server = proxy.timeouts.server;
        ring.servers = proxy.servers;
    }
}
