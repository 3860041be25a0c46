//! `%why`, an alias of our own: the rule that ended an exchange with the ACLs that made it apply, or what else did.

use std::fmt::Write;

use hapax_core::contract::Cx;
use hapax_core::ir::{AclId, Condition, LogFlags, Proxy, Rule};
use hapax_core::stream::{Cause, Phase, Verdict};

use super::render::text;

/// Appends the reason; `-` for an exchange that came to its end.
pub(super) fn append(cx: &Cx<'_>, flags: LogFlags, out: &mut Vec<u8>) {
    let mut why = String::new();
    match (cx.stream.verdict, cx.stream.fault) {
        (Some(verdict), _) => rule(cx, verdict, &mut why),
        (None, Some(fault)) => {
            let _ = write!(why, "malformed request: {fault}");
        }
        (None, None) => end(cx, &mut why),
    }
    text(why.as_bytes(), flags, out);
}

/// `haproxy.cfg:12 deny if bad { path /x }`
fn rule(cx: &Cx<'_>, verdict: Verdict, why: &mut String) {
    let file = cx.program.file(verdict.rule).unwrap_or("?");
    let _ = write!(why, "{file}:{}", verdict.rule.line);
    let proxies = [cx.stream.backend, cx.session.frontend];
    let mut rules = proxies
        .into_iter()
        .flat_map(|id| all(&cx.program.proxy(id).ir));
    let Some(rule) = rules.find(|rule| rule.span == verdict.rule) else {
        return;
    };
    let _ = write!(why, " {}", rule.action.text());
    if let Some(held) = &rule.condition {
        condition(cx, held, verdict.terms, why);
    }
}

/// The part of a condition that held; all of `unless`, where nothing did.
fn condition(cx: &Cx<'_>, condition: &Condition, terms: Option<u16>, why: &mut String) {
    *why += if condition.unless { " unless" } else { " if" };
    let shown = match terms.map(usize::from) {
        Some(index) => condition.any.get(index..=index).unwrap_or_default(),
        None => &condition.any,
    };
    for (index, terms) in shown.iter().enumerate() {
        if index > 0 {
            *why += " or";
        }
        for term in terms {
            *why += if term.negated { " !" } else { " " };
            acl(cx, term.acl, why);
        }
    }
}

fn acl(cx: &Cx<'_>, id: AclId, why: &mut String) {
    let acl = cx.program.acl(id);
    match (acl.name.as_str(), acl.tests.first()) {
        ("", Some(test)) => {
            let _ = write!(why, "{{ {} }}", test.text);
        }
        (name, _) => *why += name,
    }
}

/// The rules of a proxy that may end an exchange.
fn all(proxy: &Proxy) -> impl Iterator<Item = &Rule> {
    let tcp = &proxy.tcp;
    let old = &proxy.old_rules;
    let stats = proxy.stats.as_ref().map_or(&[][..], |stats| &stats.rules);
    [
        &tcp.connection[..],
        &tcp.session,
        &tcp.request,
        &tcp.response,
        &proxy.http_request,
        &proxy.http_response,
        &proxy.redirect,
        &old.block,
        &old.request,
        &old.response,
        stats,
    ]
    .into_iter()
    .flatten()
}

/// What ended an exchange that no rule ended.
fn end(cx: &Cx<'_>, why: &mut String) {
    let stream = cx.stream;
    let backend = &cx.program.proxy(stream.backend).live;
    let server = stream.server.and_then(|index| backend.servers.get(index));
    let name = &backend.name;
    let (cause, phase) = (stream.termination.cause, stream.termination.phase);
    let _ = match (cause, phase, server) {
        (Cause::None, ..) => return,
        (Cause::ServerAbort | Cause::ServerTimeout, Phase::Connect, Some(server)) => {
            write!(why, "server {name}/{} could not be reached", server.name)
        }
        (Cause::ServerAbort, Phase::Connect, None) if !backend.kind.has_backend() => {
            write!(why, "frontend {name} has no backend for this request")
        }
        (Cause::ServerAbort, Phase::Connect, None) => {
            write!(why, "backend {name} has no server available")
        }
        (_, Phase::Queue, _) if cause == Cause::ServerTimeout => {
            write!(why, "no server of backend {name} was free in time")
        }
        (_, phase, _) => {
            let who = who(cause);
            write!(why, "{who} {}", when(phase))
        }
    };
}

fn who(cause: Cause) -> &'static str {
    match cause {
        Cause::None => "nothing",
        Cause::ClientAbort => "the client left",
        Cause::ServerAbort => "the server broke off",
        Cause::Proxy => "refused",
        Cause::Local => "answered here",
        Cause::Resource => "resources ran out",
        Cause::Internal => "an internal fault",
        Cause::Down => "the server went down",
        Cause::Up => "a better server came up",
        Cause::Killed => "killed by the administrator",
        Cause::ClientTimeout => "the client was silent for too long",
        Cause::ServerTimeout => "the server was silent for too long",
    }
}

fn when(phase: Phase) -> &'static str {
    match phase {
        Phase::None => "at the end",
        Phase::Request => "before the request was complete",
        Phase::Queue => "in the queue",
        Phase::Connect => "before a server was connected",
        Phase::Headers => "before the response began",
        Phase::Data => "during the response",
        Phase::Last => "while the last data was sent",
        Phase::Tarpit => "in the tarpit",
    }
}
