//! The rulesets at their places in an exchange.

use bumpalo::Bump;
use hapax_core::contract::{BalanceKey, Cx, KeyValue, Now, Outcome, Tx};
use hapax_core::counter::Count;
use hapax_core::ir::{self, Rule};
use hapax_core::program::ProxyId;
use hapax_core::sample::Type;
use hapax_core::stream::{Session, Stream};
use hapax_rules::{ruleset, server_choice};
use hapax_sample::{cast::cast, condition, expression};

use super::client::Client;
use super::do_log::ByRule;
use super::exchange::Exchange;
use crate::buffer::Buf;
use crate::plan::Plan;
use crate::stats::page::{self, intercept};

/// Which rules of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// `http-request`.
    Request,
    /// `redirect`.
    Redirect,
    /// `http-response`.
    Response,
    /// `http-after-response`.
    AfterResponse,
}

/// Runs rules of a proxy; an outcome decides the exchange.
pub fn run(
    client: &mut Client,
    exchange: &mut Exchange,
    proxy: ProxyId,
    set: Set,
) -> Option<Outcome> {
    let plan = client.plan.clone();
    let ir = &plan.proxy(proxy).ir;
    let old = &ir.old_rules;
    // The order of HAProxy 1.5; `Stop` in one list is nothing to the next.
    let lists: [&[Rule]; 4] = match set {
        Set::Request => [&old.block, &ir.http_request, &old.request, &old.request_add],
        Set::Redirect => [&ir.redirect, &[], &[], &[]],
        Set::Response => [&ir.http_response, &old.response, &old.response_add, &[]],
        Set::AfterResponse => [&ir.http_after_response, &[], &[], &[]],
    };
    exchange.stream.rewriting.lenient = false;
    evaluate_lists(client, exchange, set, lists)
}

fn evaluate_lists(
    client: &mut Client,
    exchange: &mut Exchange,
    set: Set,
    lists: [&[Rule]; 4],
) -> Option<Outcome> {
    let on_response = matches!(set, Set::Response | Set::AfterResponse);
    for rules in lists {
        if rules.is_empty() {
            continue;
        }
        exchange.stream.left_alone.clear();
        let outcome = with_tx(client, exchange, on_response, |tx| {
            ruleset::evaluate(rules, tx)
        });
        if exchange.stream.rewriting.failed > 0 {
            count_rewrites(client, exchange, on_response);
        }
        let outcome = match outcome {
            Outcome::Service(service) => with_tx(client, exchange, on_response, |tx| {
                page::service(tx, service)
            }),
            outcome => outcome,
        };
        if let Some(decided) = decisive(outcome) {
            return Some(decided);
        }
    }
    None
}

/// Rewrites that found no room count where the exchange is.
fn count_rewrites(client: &Client, exchange: &mut Exchange, on_response: bool) {
    let failed = std::mem::take(&mut exchange.stream.rewriting.failed);
    count(
        client,
        exchange,
        on_response,
        Count::FailedRewrites,
        failed.into(),
    );
}

/// An internal error counts where the exchange is.
pub fn count_internal_error(client: &Client, exchange: &Exchange, on_response: bool) {
    count(client, exchange, on_response, Count::InternalErrors, 1);
}

fn count(client: &Client, exchange: &Exchange, on_response: bool, what: Count, more: u64) {
    let frontend = &client.plan.live(client.session.frontend).frontend;
    let backend = client.plan.live(exchange.stream.backend);
    let server = exchange.stream.server.filter(|_| on_response);
    let server = server.and_then(|index| backend.servers.get(index));
    let behind = exchange
        .notes
        .on_backend
        .then_some(&backend.backend.counters);
    let server = server.map(|server| &server.counters);
    for counters in [Some(&frontend.counters), behind, server]
        .into_iter()
        .flatten()
    {
        counters.add(client.local.worker, what, more);
    }
}

/// Runs the `http-request` or `http-response` rules of a proxy that stand behind the one that decided last.
pub fn run_rest(
    client: &mut Client,
    exchange: &mut Exchange,
    proxy: ProxyId,
    set: Set,
) -> Option<Outcome> {
    let plan = client.plan.clone();
    let ir = &plan.proxy(proxy).ir;
    let (rules, old) = match set {
        Set::Response => (
            &ir.http_response,
            [&ir.old_rules.response, &ir.old_rules.response_add],
        ),
        _ => (
            &ir.http_request,
            [&ir.old_rules.request, &ir.old_rules.request_add],
        ),
    };
    exchange.stream.verdict = None;
    exchange.stream.waiting = None;
    let last = exchange.stream.decided_by.take();
    let at = rules.iter().position(|rule| Some(rule.span) == last)?;
    let rest = rules.get(at + 1..)?;
    let lists: [&[Rule]; 4] = [rest, old[0], old[1], &[]];
    evaluate_lists(client, exchange, set, lists)
}

/// Runs the `http-after-response` rules on the response that goes to the client; false when it cannot go on so.
#[must_use]
pub fn after_response(client: &mut Client, exchange: &mut Exchange) -> bool {
    let backend = exchange.stream.backend;
    let frontend = client.session.frontend;
    let before = exchange.stream.response.status();
    for proxy in [Some(backend), (backend != frontend).then_some(frontend)]
        .into_iter()
        .flatten()
    {
        // No action of this ruleset answers: it was a rewrite without room.
        if run(client, exchange, proxy, Set::AfterResponse).is_some() {
            return false;
        }
    }
    let after = exchange.stream.response.status();
    if after != before {
        exchange.stream.status = after as i16;
    }
    true
}

/// The statistics page of a proxy, if the request is for it.
pub fn stats(client: &mut Client, exchange: &mut Exchange, proxy: ProxyId) -> Option<Outcome> {
    let plan = client.plan.clone();
    plan.proxy(proxy).ir.stats.as_ref()?;
    decisive(with_tx(client, exchange, false, |tx| intercept(tx, proxy)))
}

/// An outcome that decides the exchange; none when it goes on.
fn decisive(outcome: Outcome) -> Option<Outcome> {
    match outcome {
        Outcome::Continue | Outcome::Stop => None,
        decided => Some(decided),
    }
}

/// Whether a `monitor fail` applies.
pub fn monitor_fails(client: &Client, exchange: &Exchange) -> bool {
    let plan = &client.plan;
    let conditions = &plan.proxy(client.session.frontend).ir.monitor_fail;
    let cx = cx(plan, &client.session, exchange, client.local.now());
    conditions
        .iter()
        .any(|condition| condition::holds(condition, &cx))
}

/// The backend that `use_backend` chooses, or the default one.
pub fn choose_backend(client: &mut Client, exchange: &mut Exchange) -> Option<ProxyId> {
    let plan = client.plan.clone();
    let proxy = plan.proxy(client.session.frontend);
    if let Some(switched) = exchange.stream.switched {
        return Some(switched);
    }
    if proxy.ir.use_backend.is_empty() {
        return proxy.default_backend;
    }
    with_tx(client, exchange, false, ruleset::use_backend)
}

/// What rules of the backend say about the server.
pub fn choose_server(client: &mut Client, exchange: &mut Exchange) {
    let backend = exchange.stream.backend;
    if server_choice::has_rules(client.plan.proxy(backend)) {
        let choice = with_tx(client, exchange, false, |tx| {
            server_choice::choose(tx, backend)
        });
        exchange.server_choice = choice;
    }
}

/// What may be looked at to choose a server.
pub fn before_server<'a>(
    plan: &'a Plan,
    session: &'a Session,
    stream: &'a Stream,
    arena: &'a Bump,
    now: Now,
    request_bytes: &'a [u8],
) -> Cx<'a> {
    Cx {
        program: &plan.program,
        session,
        stream,
        request_bytes,
        response_bytes: &[],
        arena,
        now,
        on_response: false,
    }
}

/// The key that an expression makes: its bytes, or its text where `hash-type` takes that for a number.
pub fn key<'a>(cx: &Cx<'a>, expr: &'a ir::Expr, hash: ir::HashType) -> KeyValue<'a> {
    let kind = match hash.function {
        ir::HashFunction::None => Type::Str,
        _ => Type::Bin,
    };
    expression::eval(expr, cx)
        .and_then(|sample| cast(sample, kind, cx.arena))
        .and_then(|sample| sample.value.bytes())
        .map_or(KeyValue::None, KeyValue::Bytes)
}

/// What decides about the server if the algorithm has to look into the body for it.
pub fn key_in_body(client: &Client, exchange: &Exchange) -> Option<Box<[u8]>> {
    let proxy = client.plan.proxy(exchange.stream.backend);
    let BalanceKey::Request(request) = proxy.ir.balance.key() else {
        return None;
    };
    if !request.awaits_body(&exchange.stream.request) {
        return None;
    }
    match request.key(&cx(
        &client.plan,
        &client.session,
        exchange,
        client.local.now(),
    )) {
        KeyValue::Bytes(key) => Some(key.into()),
        _ => None,
    }
}

/// What expressions may look at while the request is dealt with.
pub fn cx<'a>(plan: &'a Plan, session: &'a Session, exchange: &'a Exchange, now: Now) -> Cx<'a> {
    Cx {
        program: &plan.program,
        session,
        stream: &exchange.stream,
        request_bytes: exchange.up.input.as_ref().map_or(&[], Buf::data),
        response_bytes: exchange.down.input.as_ref().map_or(&[], Buf::data),
        arena: &exchange.arena,
        now,
        on_response: false,
    }
}

/// Runs `with` over what rules may look at and change.
pub fn with_tx<T>(
    client: &mut Client,
    exchange: &mut Exchange,
    on_response: bool,
    with: impl FnOnce(&mut Tx<'_>) -> T,
) -> T {
    let input = exchange.down.input.take();
    let bytes = input.as_ref().map_or(&[][..], Buf::data);
    let result = with_bytes(client, exchange, on_response, bytes, with);
    exchange.down.input = input;
    result
}

/// As [`with_tx`] for rules of a response whose bytes lie elsewhere.
pub fn with_response_bytes<T>(
    client: &mut Client,
    exchange: &mut Exchange,
    bytes: &[u8],
    with: impl FnOnce(&mut Tx<'_>) -> T,
) -> T {
    with_bytes(client, exchange, true, bytes, with)
}

fn with_bytes<T>(
    client: &mut Client,
    exchange: &mut Exchange,
    on_response: bool,
    response_bytes: &[u8],
    with: impl FnOnce(&mut Tx<'_>) -> T,
) -> T {
    let plan = client.plan.clone();
    let Exchange {
        stream,
        up,
        arena,
        notes,
        ..
    } = exchange;
    let result = with(&mut Tx {
        program: &plan.program,
        session: &mut client.session,
        stream,
        request_bytes: up.input.as_ref().map_or(&[], Buf::data),
        response_bytes,
        arena,
        scratch: &mut client.local.scratch.borrow_mut(),
        log: &ByRule::new(&plan, notes),
        now: client.local.now(),
        on_response,
    });
    arena.reset();
    if client.session.marks.changed {
        let end = client.session.connection().source;
        let marks = &mut client.session.marks;
        (client.socket).with_fd(|fd| crate::vanish::mark(fd, end, marks));
    }
    result
}
