//! `log-forward NAME`. Its `bind` and `log` lines are read as those of a frontend of that name, which exists only while the
//! section is open.

use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir::{LogForward, Proxy, ProxyKind};
use hapax_core::keyword::{Scope, Sections};
use hapax_core::span::{Span, Word};

use super::{Open, Section, forbidden, round_robin};
use crate::parser::Parser;

/// A `log-forward` line.
pub(super) fn open(parser: &mut Parser<'_>, words: &[Word], span: Span) -> Open {
    let name = words.get(1).map(Word::lossy).unwrap_or_default();
    let finding = match words {
        [_] => Some(Diagnostic::alert(
            span,
            "missing name for log-forward section.",
        )),
        [_, word, ..] if let Some(byte) = forbidden(&word.text) => {
            let text = format!(
                "character '{}' is not permitted in 'log-forward' name '{name}'.",
                char::from(byte)
            );
            Some(Diagnostic::alert(word.span, text))
        }
        [_, _, extra, ..] => {
            let text = format!(
                "'log-forward' cannot handle unexpected argument '{}'.",
                extra.lossy()
            );
            Some(Diagnostic::alert(extra.span, text))
        }
        _ => taken(parser, &name, span),
    };
    let balance = round_robin(parser.registry);
    let (None, Some(balance)) = (&finding, balance) else {
        if let Some(finding) = finding {
            parser.diagnostics.push(finding);
        }
        return Open::Refused(name.into_owned());
    };
    let name = name.into_owned();
    parser
        .config
        .log_forwards
        .push(LogForward::named(&name, span));
    Open::LogForward(Box::new(Section {
        bit: Sections::LOG_FORWARD,
        proxy: Proxy::new(name, ProxyKind::Frontend, span, balance),
        scope: Scope::default(),
    }))
}

/// Two sections, or a section and a proxy, of one name.
fn taken(parser: &Parser<'_>, name: &str, span: Span) -> Option<Diagnostic> {
    let forwards = &parser.config.log_forwards;
    let same = forwards.iter().find(|other| other.name == name);
    let same = same.map(|other| {
        let text = "log-forward section '{}' has the same name as another log-forward section";
        (text.replace("{}", name), other.span)
    });
    let mut proxies = parser.config.proxies.iter();
    let proxy = proxies.find(|proxy| proxy.name == name);
    let proxy = proxy.map(|proxy| {
        let kind = proxy.kind.name();
        let text = format!("log forward section '{name}' has the same name as {kind} '{name}'");
        (text, proxy.span)
    });
    let (what, other) = same.or(proxy)?;
    let path = |span: Span| parser.paths.get(usize::from(span.file.0));
    let shown = |span: Span| {
        let path = path(span).map_or("?", String::as_str);
        format!("{path}:{}", span.line)
    };
    let text = format!(
        "Parsing [{}]: {what} declared at {}.",
        shown(span),
        shown(other)
    );
    Some(Diagnostic::alert(span, text).with_prefix(hapax_core::diagnostic::Prefix::Config))
}

/// The section ends: what its lines said becomes the section's.
pub(crate) fn close(parser: &mut Parser<'_>, section: Section) {
    let proxy = section.proxy;
    if let Some(forward) = parser.config.log_forwards.last_mut() {
        forward.logs.clone_from(&proxy.logs);
        forward.log_global = proxy.log_global;
        forward.maxconn = proxy.maxconn.unwrap_or(forward.maxconn);
        forward.backlog = proxy.backlog;
        forward.timeout_client = proxy.timeouts.client;
        forward.streams = proxy.binds;
    }
}
