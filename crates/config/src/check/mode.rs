//! What a proxy lacks, and what does not fit its mode.

use hapax_core::contract::BalanceKey;
use hapax_core::ir;
use hapax_core::span::Span;
use hapax_sample::expression::Origin;
use hapax_sample::log_format::{
    HTTP_CLF, HTTP_JSON, HTTP_LOG, HTTPS_LOG, TCP_CLF, TCP_JSON, TCP_LOG, builtin,
};

use super::{Check, kind, log_backend, mailers, named};
use crate::keyword::http_check::STEPS as HTTP_RULES;
use crate::keyword::option::LOG_FORMAT;
use crate::keyword::tcp_check::RULES as TCP_RULES;

pub(crate) fn proxy(config: &mut ir::Config, index: usize, check: &mut Check<'_>) {
    let global_logs = !config.global.logs.is_empty();
    let cookie_length = u32::from(config.global.tune.http_cookielen);
    let Some(proxy) = config.proxies.get_mut(index) else {
        return;
    };
    if proxy.disabled {
        return;
    }
    let span = proxy.span;
    if proxy.kind.has_frontend() && proxy.binds.is_empty() {
        let name = named(proxy);
        let text = format!(
            "{name} has no 'bind' directive. Please declare it as a backend if this was intended."
        );
        check.warn(span, text);
    }
    check_rules(proxy, index, check);
    secured_steps(proxy);
    mailers::proxy(&config.mailers, proxy, check);
    external_check(proxy, &config.global, check);
    if let Some(stats) = &proxy.stats
        && !stats.rules.is_empty()
        && (stats.realm.is_some() || !stats.auth.is_empty())
    {
        let text = format!(
            "proxy '{}': stats 'auth'/'realm' and 'http-request' can't be used at the same time.",
            proxy.name
        );
        check.alert(span, text);
    }
    balance(proxy, check);
    dynamic_cookies(proxy, check);
    if proxy.mode != ir::Mode::Http {
        let name = named(proxy);
        if proxy.cookie.is_some() {
            check.warn(
                span,
                format!("cookie will be ignored for {name} (needs 'mode http')."),
            );
        }
        http_log(proxy, index, &name, check);
    }
    one_way(index, proxy, check);
    timeouts(proxy, check);
    if let Some(capture) = &proxy.cookie_capture
        && capture.length > cookie_length
    {
        let length = cookie_length;
        let capture = ir::CookieCapture {
            length,
            ..capture.clone()
        };
        proxy.cookie_capture = Some(capture);
        let name = named(proxy);
        let text = format!("truncating capture length to {cookie_length} bytes for {name}.");
        check.warn(span, text);
    }
    let target = !proxy.logs.is_empty() || (proxy.log_global && global_logs);
    if proxy.kind.has_frontend() && proxy.log_format.is_some() && !target {
        let name = named(proxy);
        check.warn(
            span,
            format!("log format ignored for {name} since it has no log address."),
        );
    }
    bind_protocols(proxy, check);
    presented_fields(proxy, check);
    if proxy.mode != ir::Mode::Http {
        http_only(proxy, &named(proxy), check);
    }
    if proxy.mode == ir::Mode::Log {
        log_backend::ignored(proxy, check);
    }
}

/// Only requests of HTTP have fields that tell addresses (`usesrc hdr_ip`).
fn presented_fields(proxy: &ir::Proxy, check: &mut Check<'_>) {
    if proxy.mode == ir::Mode::Http {
        return;
    }
    let field = |source: &Option<ir::SourceAddress>| match source.as_ref()?.presented.as_ref()? {
        ir::Presented::Field(name, which) if *which != 0 => Some(name.clone()),
        _ => None,
    };
    let name = &proxy.name;
    if let Some(field) = field(&proxy.source) {
        let text = format!(
            "proxy '{name}' : ignoring use of header {field} as source IP in non-HTTP mode."
        );
        check.warn(proxy.span, text);
    }
    for server in &proxy.servers {
        if let Some(field) = field(&server.options.source) {
            let text = format!(
                "proxy '{name}' : server {} cannot use header {field} as source IP in non-HTTP mode.",
                server.name
            );
            check.warn(server.span, text);
        }
    }
}

/// What connections are to speak has to be of the proxy's mode.
fn bind_protocols(proxy: &ir::Proxy, check: &mut Check<'_>) {
    let mut said = None;
    for bind in &proxy.binds {
        let Some(protocol) = bind.options.protocol else {
            continue;
        };
        let (name, mode) = match protocol {
            ir::BindProtocol::Http1 => ("h1", ir::Mode::Http),
            ir::BindProtocol::Http2 => ("h2", ir::Mode::Http),
            ir::BindProtocol::None => ("none", ir::Mode::Tcp),
        };
        if (mode == ir::Mode::Http) != (proxy.mode == ir::Mode::Http) && said != Some(bind.span) {
            said = Some(bind.span);
            let mut texts: Vec<_> = (proxy.binds.iter())
                .filter(|other| other.span == bind.span)
                .map(|other| other.text.as_str())
                .collect();
            texts.dedup();
            let text = format!(
                "{} : MUX protocol '{name}' is not usable for 'bind {}' at [{}].",
                named(proxy),
                texts.join(","),
                check.place(bind.span)
            );
            check.alert(bind.span, text);
        }
    }
}

/// Gives the cookie its key; two servers at one address cannot be told apart.
fn dynamic_cookies(proxy: &mut ir::Proxy, check: &mut Check<'_>) {
    let Some(cookie) = proxy.cookie.as_ref().filter(|cookie| cookie.dynamic) else {
        return;
    };
    if cookie.key != proxy.dynamic_cookie_key {
        let key = proxy.dynamic_cookie_key.clone();
        proxy.cookie = Some(ir::Cookie {
            key,
            ..cookie.clone()
        });
    }
    let Some(key) = proxy.dynamic_cookie_key.as_deref() else {
        return;
    };
    let mut seen = std::collections::HashSet::new();
    for server in proxy
        .servers
        .iter()
        .filter(|server| server.options.cookie.is_none())
    {
        if let Some(value) = ir::dynamic_cookie(key, &server.address)
            && !seen.insert(value)
        {
            let text = format!(
                "We generated two equal cookies for two different servers.\nPlease change the secret key for '{}'.",
                proxy.name
            );
            check.warn(server.span, text);
        }
    }
}

/// A balance algorithm that the mode or the hash function has no use for.
fn balance(proxy: &mut ir::Proxy, check: &mut Check<'_>) {
    if !proxy.kind.has_backend() {
        return;
    }
    if proxy.mode != ir::Mode::Log && proxy.balance.needs_messages() {
        let text = format!(
            "Unusable balance algorithm for {} (needs 'mode log'). Falling back to round robin.",
            named(proxy)
        );
        check.warn(proxy.span, text);
        if let Some(algorithm) = crate::section::round_robin(check.registry) {
            proxy.balance = algorithm;
        }
    }
    if proxy.mode != ir::Mode::Http && proxy.balance.needs_http() {
        let text = format!(
            "Layer 7 hash not possible for {} (needs 'mode http'). Falling back to round robin.",
            named(proxy)
        );
        check.warn(proxy.span, text);
        if let Some(algorithm) = crate::section::round_robin(check.registry) {
            proxy.balance = algorithm;
        }
    }
    let bytes = matches!(
        proxy.balance.key(),
        BalanceKey::Expr(_) | BalanceKey::Request(_) | BalanceKey::Message(_)
    );
    if bytes && proxy.hash_type.function == ir::HashFunction::Wt6 {
        let text = format!(
            "{}: 'hash-type' with 'wt6' is not built yet for 'balance {}'.",
            named(proxy),
            proxy.balance.name()
        );
        check.alert(proxy.span, text);
    }
}

/// `http-check` lines without `option httpchk`, and `tcp-check` lines without `option tcp-check`.
fn check_rules(proxy: &ir::Proxy, index: usize, check: &mut Check<'_>) {
    if !proxy.kind.has_backend() {
        return;
    }
    let scope = check.notes.scopes.get(index);
    let own = |rules: &str| scope.and_then(|scope| scope.seen.get(rules));
    let (http, tcp) = (own(HTTP_RULES), own(TCP_RULES));
    if !proxy.http_check.steps.is_empty()
        && proxy.check != ir::CheckKind::Http
        && let Some(span) = http
    {
        let name = named(proxy);
        let text = format!(
            "{name} uses http-check rules without 'option httpchk', so the rules are ignored."
        );
        check.warn(span, text);
    }
    if !proxy.tcp_check.is_empty()
        && proxy.check != ir::CheckKind::Rules
        && let Some(span) = tcp
    {
        let name = named(proxy);
        let text = format!(
            "{name} uses tcp-check rules without 'option tcp-check', so the rules are ignored."
        );
        check.warn(span, text);
    }
}

/// Servers whose checks have a step that speaks TLS need what TLS needs.
fn secured_steps(proxy: &mut ir::Proxy) {
    let steps = match proxy.check {
        ir::CheckKind::Rules => &proxy.tcp_check,
        ir::CheckKind::Http => &proxy.http_check.steps,
        _ => return,
    };
    let secured = |step: &ir::CheckStep| matches!(&step.action, ir::CheckAction::Connect(connect) if connect.secured);
    if steps.iter().any(secured) {
        let servers = proxy.servers.iter_mut();
        for server in servers.filter(|server| server.options.check.enabled) {
            server.options.tls.get_or_insert_default().steps = true;
        }
    }
}

/// Checks that run programs need leave for that.
fn external_check(proxy: &ir::Proxy, global: &ir::Global, check: &mut Check<'_>) {
    if proxy.check == ir::CheckKind::External {
        let what = "'option external-check'";
        if global.external_check.is_none() {
            let text = format!(
                "Proxy '{}' : {what} unable to find required 'global.external-check'.",
                proxy.name
            );
            check.alert(proxy.span, text);
        } else if proxy
            .external_check
            .as_ref()
            .is_none_or(|own| own.command.is_none())
        {
            let text = format!(
                "Proxy '{}' : {what} unable to find required 'external-check command'.",
                proxy.name
            );
            check.alert(proxy.span, text);
        }
        if !global.fork_wanted {
            let text = format!(
                "Proxy '{}' : 'insecure-fork-wanted' not enabled in the global section, {what} will likely fail.",
                proxy.name
            );
            check.warn(proxy.span, text);
        }
        return;
    }
    if !proxy.kind.has_backend() {
        return;
    }
    let Some(own) = &proxy.external_check else {
        return;
    };
    for (what, given) in [
        ("command", own.command.is_some()),
        ("path", own.path.is_some()),
    ] {
        if given {
            let text = format!(
                "'external-check {what}' will be ignored for {} '{}' (requires 'option external-check').",
                kind(proxy),
                proxy.name
            );
            check.warn(proxy.span, text);
        }
    }
}

/// `option httplog` in TCP mode falls back to `option tcplog`.
fn http_log(proxy: &mut ir::Proxy, index: usize, name: &str, check: &mut Check<'_>) {
    let Some(format) = &proxy.log_format else {
        return;
    };
    let (option, fallback, text) = match format.text.as_str() {
        HTTP_LOG => ("option httplog", "option tcplog", TCP_LOG),
        HTTP_CLF => ("option httplog clf", "option tcplog clf", TCP_CLF),
        HTTP_JSON => ("option httplog json", "option tcplog json", TCP_JSON),
        HTTPS_LOG => ("option httpslog", "option tcplog", TCP_LOG),
        _ => return,
    };
    let scope = check.notes.scopes.get(index);
    let line = scope.and_then(|scope| {
        scope
            .seen
            .get(LOG_FORMAT)
            .or_else(|| scope.inherited.get(LOG_FORMAT))
    });
    let span: Span = line.unwrap_or(proxy.span);
    let place = check.place(span);
    let origin = Origin {
        registry: check.registry,
        proxy: proxy.name.clone(),
        kind: Some(proxy.kind),
        span,
        place: place.clone(),
        usage: "",
        acls: None,
        from: Some(index),
        patterns: hapax_core::pattern::Lists::default(),
    };
    let format = builtin(text, &origin);
    proxy.log_format = Some(format);
    check.warn(
        span,
        format!("parsing [{place}] : '{option}' not usable with {name} (needs 'mode http'). Falling back to '{fallback}'."),
    );
}

/// One place to send to, and a choice between several.
fn one_way(index: usize, proxy: &ir::Proxy, check: &mut Check<'_>) {
    let chooses = check
        .notes
        .scopes
        .get(index)
        .is_some_and(|scope| scope.seen.has("balance") || scope.inherited.has("balance"));
    if proxy.kind.has_backend() && proxy.options.transparent && chooses {
        let name = named(proxy);
        let text = format!("{name} cannot use both transparent and balance mode.");
        check.alert(proxy.span, text);
    }
}

fn timeouts(proxy: &ir::Proxy, check: &mut Check<'_>) {
    let timeouts = &proxy.timeouts;
    let client = proxy.kind.has_frontend() && timeouts.client.is_none();
    let servers = !proxy.servers.is_empty()
        || proxy.dispatch.is_some()
        || proxy.options.transparent
        || proxy.options.http_proxy;
    let server = proxy.kind.has_backend()
        && proxy.mode != ir::Mode::Log
        && servers
        && (timeouts.connect.is_none() || timeouts.server.is_none());
    if client || server {
        check.warn(proxy.span, missing_timeouts(&named(proxy)));
    }
}

/// Upstream's warning about who has no timeouts.
pub(super) fn missing_timeouts(name: &str) -> String {
    format!(
        "missing timeouts for {name}.\n   | While not properly invalid, you will certainly encounter various problems\n   \
         | with such a configuration. To fix this, please ensure that all following\n   | timeouts are set to a \
         non-zero value: 'client', 'connect', 'server'."
    )
}

/// What has no meaning in TCP mode, in upstream's order.
fn http_only(proxy: &ir::Proxy, name: &str, check: &mut Check<'_>) {
    let mut ignored = |what: &str, verb: &str| {
        check.warn(
            proxy.span,
            format!("{what} ignored for {name} as {verb} HTTP mode."),
        );
    };
    if proxy.stats.is_some() {
        ignored("'stats' statement", "it requires");
    }
    if proxy.monitor_uri.is_some() {
        ignored("'monitor-uri' statement", "it requires");
    }
    if !proxy.http_request.is_empty() {
        ignored("'http-request' rules", "they require");
    }
    if !proxy.http_response.is_empty() {
        ignored("'http-response' rules", "they require");
    }
    if proxy.old_rules != ir::OldRules::default() {
        ignored("'block', 'req*' and 'rsp*' rules", "they require");
    }
    if !proxy.redirect.is_empty() {
        ignored("'redirect' rules", "they require");
    }
    let (front, back) = (proxy.kind.has_frontend(), proxy.kind.has_backend());
    let options = &proxy.options;
    for (on, option) in [
        (options.buffer_request, "http-buffer-request"),
        (front && options.no_h2_upgrade, "disable-h2-upgrade"),
        (front && options.ignore_probes, "http-ignore-probes"),
        (front && options.use_proxy_header, "http-use-proxy-header"),
        (
            back && options.drop_request_trailers,
            "http-drop-request-trailers",
        ),
        (
            front && options.drop_response_trailers,
            "http-drop-response-trailers",
        ),
        (back && options.prefer_last_server, "prefer-last-server"),
        (
            front && options.relaxed_request,
            "accept-unsafe-violations-in-http-request",
        ),
        (
            back && options.relaxed_response,
            "accept-unsafe-violations-in-http-response",
        ),
        (back && options.pretend_keepalive, "http-pretend-keepalive"),
        (options.http_no_delay, "http-no-delay"),
        (proxy.forward_for.is_some(), "forwardfor"),
        (proxy.original_to.is_some(), "originalto"),
    ] {
        if on {
            ignored(&format!("'option {option}'"), "it requires");
        }
    }
}
