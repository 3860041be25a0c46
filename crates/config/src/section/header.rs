//! `frontend NAME`, `backend NAME`, `listen NAME`, `defaults [NAME]`, each with `from NAME`; addresses behind the name of a
//! proxy are the form of HAProxy up to 1.6.

use hapax_core::diagnostic::{Diagnostic, Prefix, Severity};
use hapax_core::ir;
use hapax_core::keyword::{Line, Negation, Sections};
use hapax_core::span::{Span, Word};

use super::defaults::inherit;
use super::{Defaults, Open, Section};
use crate::keyword::bind;
use crate::legacy::listen;
use crate::parser::Parser;

/// A `defaults` line.
pub(crate) fn defaults(parser: &mut Parser<'_>, words: &[Word], span: Span) -> Open {
    let arguments = words.get(1..).unwrap_or(&[]);
    let (name, from) = match arguments {
        [from, base, ..] if *from == "from" => (None, Some(base)),
        [name, from, base, ..] if *from == "from" => (Some(name), Some(base)),
        [name, ..] => (Some(name), None),
        [] => (None, None),
    };
    let name = name
        .map(|name| name.lossy().into_owned())
        .unwrap_or_default();
    let (mut proxy, mut scope) = parser.blank.proxy(name, ir::ProxyKind::Listen, span);
    if let Some(from) = from {
        let who = format!("defaults '{}'", proxy.name);
        if let Some(base) = find(parser, from, &who, span) {
            parser.defaults[base].named = true;
            inherit(&mut parser.defaults[base], &mut proxy, &mut scope);
        }
    }
    Open::Proxy(Box::new(Section {
        bit: Sections::DEFAULTS,
        proxy,
        scope,
    }))
}

/// The line of a `frontend`, `backend` or `listen` section.
pub(crate) fn proxy(
    parser: &mut Parser<'_>,
    kind: ir::ProxyKind,
    words: &[Word],
    span: Span,
) -> Open {
    let keyword = kind.name();
    let (bit, mut rest) = match kind {
        ir::ProxyKind::Frontend => (Sections::FRONTEND, words.get(2..)),
        ir::ProxyKind::Backend => (Sections::BACKEND, words.get(2..)),
        ir::ProxyKind::Listen => (Sections::LISTEN, words.get(2..)),
    };
    let name = words.get(1);
    let text = name
        .map(|name| name.lossy().into_owned())
        .unwrap_or_default();
    let (mut proxy, mut scope) = parser.blank.proxy(text.clone(), kind, span);
    match name {
        None => {
            let text = format!("'{keyword}' expects an <id> argument");
            parser.diagnostics.push(Diagnostic::alert(span, text));
        }
        Some(name) => {
            if let Some(byte) = forbidden(&name.text) {
                let text = format!(
                    "character '{}' is not permitted in '{keyword}' name '{text}'.",
                    char::from(byte)
                );
                parser.diagnostics.push(Diagnostic::alert(name.span, text));
            }
            same_name(parser, &proxy, name);
        }
    }
    let mut base = parser.defaults.len().checked_sub(1);
    let mut named = false;
    let at = rest.and_then(|rest| rest.iter().position(|word| *word == "from"));
    if let (Some(words), Some(at)) = (rest, at)
        && let Some(from) = words.get(at + 1)
    {
        named = true;
        base = find(parser, from, &format!("{} '{text}'", kind_name(kind)), span);
        if let Some(extra) = words.get(at + 2) {
            unexpected(parser, keyword, extra);
        }
        rest = words.get(..at);
    }
    if let Some(base) = base.and_then(|base| parser.defaults.get_mut(base)) {
        inherit(base, &mut proxy, &mut scope);
        if let Some(text) = mixed_rules(base, kind, &parser.paths) {
            let fault = Diagnostic::alert(span, text).with_prefix(Prefix::Reading);
            parser.diagnostics.push(fault);
        }
        match named {
            true => base.named = true,
            false => base.implied = true,
        }
        if base.named && base.implied && !base.proxy.name.is_empty() {
            let at = base.proxy.span;
            let text = format!(
                "defaults section '{}' (declared at {}:{}) is explicitly referenced by another proxy and implicitly used \
                 here. To avoid any ambiguity don't mix both usage. Add a last defaults section not explicitly used or \
                 always use explicit references.",
                base.proxy.name,
                parser.paths[usize::from(at.file.0)],
                at.line
            );
            parser.diagnostics.push(Diagnostic::warning(span, text));
        }
    }
    let addresses = rest.unwrap_or(&[]);
    match addresses.first() {
        None => {}
        Some(extra) if kind == ir::ProxyKind::Backend => unexpected(parser, keyword, extra),
        Some(first) => {
            scope.paths = parser.paths.clone();
            let words = listen::with_one_list(
                words.get(1..addresses.len() + 2).unwrap_or(&[]),
                parser.registry,
            );
            let modern: Vec<_> = words.iter().skip(1).map(Word::lossy).collect();
            let text = format!(
                "addresses on the '{keyword}' line are the form of HAProxy before 1.7, please use the 'bind' keyword for \
                 listening addresses."
            );
            let warning = Diagnostic::warning(first.span, text)
                .with_hint(format!("bind {}", modern.join(" ")));
            parser.diagnostics.push(warning);
            let outcome = bind::addresses(
                &mut Line {
                    words: &words,
                    name_words: 1,
                    negation: Negation::None,
                    span,
                    section: bit,
                    config: &mut parser.config,
                    proxy: None,
                    scope: &mut scope,
                    registry: parser.registry,
                    diagnostics: &mut parser.diagnostics,
                },
                &mut proxy,
            );
            if let Err(fault) = outcome {
                parser.diagnostics.push(*fault.diagnostic);
            }
        }
    }
    Open::Proxy(Box::new(Section { bit, proxy, scope }))
}

/// Rules of a `defaults` section would be ambiguous for who has both sides, or where each side takes them.
fn mixed_rules(base: &mut Defaults, kind: ir::ProxyKind, paths: &[String]) -> Option<String> {
    let rules = &base.proxy;
    let tcp = &rules.tcp;
    let early = !tcp.connection.is_empty() || !tcp.session.is_empty();
    let late = !tcp.response.is_empty();
    let others = [
        &tcp.request,
        &rules.http_request,
        &rules.http_response,
        &rules.http_after_response,
    ];
    if !early && !late && others.iter().all(|rules| rules.is_empty()) {
        return None;
    }
    let at = rules.span;
    let place = format!(
        "(defaults section at {}:{})",
        paths
            .get(usize::from(at.file.0))
            .map_or("?", String::as_str),
        at.line
    );
    let before = *base.taken_by.get_or_insert(kind);
    match kind {
        ir::ProxyKind::Listen => Some(
            "a listen section cannot inherit from a defaults section defining TCP/HTTP rules."
                .to_owned(),
        ),
        ir::ProxyKind::Frontend if late => Some(format!(
            "a frontend section cannot inherit from a defaults section defining 'tcp-response content' rules {place}."
        )),
        ir::ProxyKind::Backend if early && before == kind => Some(format!(
            "a backend section cannot inherit from a defaults section defining 'tcp-request connection' or \
             'tcp-request session' rules {place}."
        )),
        kind if before != kind => Some(format!(
            "frontends and backends cannot inherit from the same defaults section if it defines TCP/HTTP rules {place}."
        )),
        _ => None,
    }
}

/// The `defaults` section that `from` names; says what is wrong when there is not exactly one.
fn find(parser: &mut Parser<'_>, from: &Word, who: &str, span: Span) -> Option<usize> {
    let wanted = from.lossy();
    let named = |index: &usize| {
        parser
            .defaults
            .get(*index)
            .is_some_and(|section| section.proxy.name == wanted)
    };
    let mut found = (0..parser.defaults.len()).rev().filter(named);
    let last = found.next();
    let text = match (last, found.next()) {
        (Some(last), None) => return Some(last),
        (Some(last), Some(other)) => {
            let place = |index: usize| {
                let span = parser.defaults[index].proxy.span;
                format!("{}:{}", parser.paths[usize::from(span.file.0)], span.line)
            };
            format!(
                "ambiguous defaults section name '{wanted}' referenced by {who} exists at least at {} and {}.",
                place(last),
                place(other)
            )
        }
        (None, _) => format!("defaults section '{wanted}' not found for {who}."),
    };
    let finding = Diagnostic::alert(if last.is_some() { from.span } else { span }, text);
    parser.diagnostics.push(finding);
    last
}

/// Two proxies of one name: refused when both take connections or both have servers.
fn same_name(parser: &mut Parser<'_>, proxy: &ir::Proxy, name: &Word) {
    let (front, back) = (proxy.kind.has_frontend(), proxy.kind.has_backend());
    let index = parser.config.proxies.len();
    let others = parser.names.entry(proxy.name.clone()).or_default();
    let before: Vec<&ir::Proxy> = others
        .iter()
        .filter_map(|index| parser.config.proxies.get(*index))
        .collect();
    others.push(index);
    let Some(other) = before.first() else {
        return;
    };
    let same_side = before
        .iter()
        .any(|other| (front && other.kind.has_frontend()) || (back && other.kind.has_backend()));
    let span = name.span;
    let text = format!(
        "Parsing [{}:{}]: {} '{}' has the same name as {} '{}' declared at {}:{}.",
        parser.paths[usize::from(span.file.0)],
        span.line,
        kind_name(proxy.kind),
        proxy.name,
        kind_name(other.kind),
        other.name,
        parser.paths[usize::from(other.span.file.0)],
        other.span.line
    );
    let finding = if same_side {
        Diagnostic::whole(Severity::Alert, Some(span), text)
    } else {
        let text =
            format!("{text} This is dangerous and will not be supported anymore in version 3.3.");
        Diagnostic::whole(Severity::Warning, Some(span), text)
    };
    parser.diagnostics.push(finding.with_prefix(Prefix::Config));
}

/// What upstream calls a proxy in messages.
fn kind_name(kind: ir::ProxyKind) -> &'static str {
    match kind {
        ir::ProxyKind::Listen => "proxy",
        other => other.name(),
    }
}

fn unexpected(parser: &mut Parser<'_>, keyword: &str, extra: &Word) {
    let text = format!(
        "'{keyword}' cannot handle unexpected argument '{}'.",
        extra.lossy()
    );
    parser.diagnostics.push(Diagnostic::alert(extra.span, text));
}

/// The first byte that names may not have.
pub(crate) fn forbidden(name: &[u8]) -> Option<u8> {
    let allowed =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    name.iter().copied().find(|byte| !allowed(byte))
}
