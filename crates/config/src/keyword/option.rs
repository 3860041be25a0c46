//! `option ...` that are a switch, and the log options.

use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, Negation, SectionKeyword, Sections, Support, Tables};

use hapax_sample::expression::Origin;
use hapax_sample::log_format::{
    self, HTTP_CLF, HTTP_JSON, HTTP_LOG, HTTPS_LOG, TCP_CLF, TCP_JSON, TCP_LOG,
};

use super::{at_most, negatable, row};
use crate::value::leading_integer;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

macro_rules! switch {
    ($name:literal, $sections:ident, $field:ident, $doc:literal) => {
        negatable(row(
            concat!("option ", $name),
            Sections::$sections,
            "",
            $doc,
            |line| set(line, |options, on| options.$field = on),
        ))
    };
}

static ROWS: &[SectionKeyword] = &[
    negatable(row(
        "option transparent",
        Sections::PROXIES,
        "",
        "Sends on to the address that the client asked for when no server is chosen.",
        |line| {
            if line.section == Sections::FRONTEND {
                let name = line.proxy()?.name.clone();
                line.warn(format!(
                    "'transparent' ignored because frontend '{name}' has no backend capability."
                ));
                // Upstream, word by word.
                let text = "unknown option 'transparent'; did you mean 'transparent' maybe ?";
                return Err(line.fault(text));
            }
            set(line, |options, on| options.transparent = on)
        },
    )),
    row(
        "transparent",
        Sections::BACK,
        "",
        "As `option transparent`.",
        |line| set(line, |options, on| options.transparent = on),
    ),
    switch!(
        "abortonclose",
        BACK,
        abortonclose,
        "Gives a request up when its client closes before it got a server."
    ),
    switch!(
        "accept-unsafe-violations-in-http-request",
        FRONT,
        relaxed_request,
        "Takes some malformed requests."
    ),
    switch!(
        "accept-unsafe-violations-in-http-response",
        BACK,
        relaxed_response,
        "Takes some malformed responses."
    ),
    switch!(
        "allbackups",
        BACK,
        allbackups,
        "Uses all backup servers at a time."
    ),
    switch!(
        "checkcache",
        BACK,
        check_cache,
        "Blocks responses whose cookie a cache might keep."
    ),
    switch!(
        "http-drop-request-trailers",
        BACK,
        drop_request_trailers,
        "Does not pass the trailers of requests on."
    ),
    negatable(row(
        "option disable-h2-upgrade",
        Sections::PROXIES,
        "",
        "Takes no connection of HTTP/2 where HTTP/1 is expected.",
        |line| {
            if line.section == Sections::BACKEND {
                let name = line.proxy()?.name.clone();
                line.warn(format!(
                    "'disable-h2-upgrade' ignored because backend '{name}' has no frontend capability."
                ));
                // Upstream, word by word.
                let text = "unknown option 'disable-h2-upgrade'; did you mean 'disable-h2-upgrade' maybe ?";
                return Err(line.fault(text));
            }
            set(line, |options, on| options.no_h2_upgrade = on)
        },
    )),
    negatable(row(
        "option http-use-proxy-header",
        Sections::PROXIES,
        "",
        "Asks for users and passwords as proxies do where a request is one to a proxy.",
        |line| {
            if line.section == Sections::BACKEND {
                let name = line.proxy()?.name.clone();
                line.warn(format!(
                    "'http-use-proxy-header' ignored because backend '{name}' has no frontend capability."
                ));
                // Upstream, word by word.
                let text = "unknown option 'http-use-proxy-header'; did you mean 'http-use-proxy-header' maybe ?";
                return Err(line.fault(text));
            }
            set(line, |options, on| options.use_proxy_header = on)
        },
    )),
    switch!(
        "http-drop-response-trailers",
        FRONT,
        drop_response_trailers,
        "Does not pass the trailers of responses on."
    ),
    switch!(
        "clitcpka",
        FRONT,
        client_keepalive,
        "TCP keep-alive towards clients."
    ),
    switch!("dontlog-normal", FRONT, dontlog_normal, "Logs faults only."),
    switch!(
        "contstats",
        FRONT,
        contstats,
        "Counts bytes while a stream goes on, every 5 seconds, not only at its end."
    ),
    switch!(
        "dontlognull",
        FRONT,
        dontlognull,
        "Does not log connections without data."
    ),
    switch!(
        "h1-case-adjust-bogus-client",
        FRONT,
        case_adjust_client,
        "Adjusts the case of header names towards clients."
    ),
    switch!(
        "h1-case-adjust-bogus-server",
        BACK,
        case_adjust_server,
        "Adjusts the case of header names towards servers."
    ),
    switch!(
        "http-buffer-request",
        PROXIES,
        buffer_request,
        "Waits for the request's body before anything else."
    ),
    switch!(
        "http-ignore-probes",
        FRONT,
        ignore_probes,
        "Neither logs nor answers connections without a request."
    ),
    SectionKeyword {
        support: Support::NoCounterpart("what is ready is always sent at once"),
        ..switch!(
            "http-no-delay",
            PROXIES,
            http_no_delay,
            "Sends without waiting for more."
        )
    },
    switch!(
        "http-pretend-keepalive",
        BACK,
        pretend_keepalive,
        "Does not tell servers that the connection is closed after the response."
    ),
    switch!(
        "idle-close-on-response",
        FRONT,
        idle_close_on_response,
        "Lets idle clients send one more request when the process stops."
    ),
    switch!(
        "independent-streams",
        PROXIES,
        independent_streams,
        "Lets each side time out on its own."
    ),
    switch!(
        "log-health-checks",
        BACK,
        log_health_checks,
        "Logs every change of a check's result."
    ),
    switch!(
        "log-separate-errors",
        FRONT,
        log_separate_errors,
        "Logs faults at a higher level."
    ),
    switch!(
        "logasap",
        FRONT,
        logasap,
        "Logs as soon as the response's head is known."
    ),
    switch!(
        "nolinger",
        PROXIES,
        nolinger,
        "Closes connections by a reset."
    ),
    switch!(
        "persist",
        BACK,
        persist,
        "Sends a request to the server of its cookie even when that is down."
    ),
    switch!(
        "prefer-last-server",
        BACK,
        prefer_last_server,
        "Stays with the server of the connection."
    ),
    switch!(
        "socket-stats",
        FRONT,
        socket_stats,
        "Counts for each listening socket."
    ),
    switch!(
        "splice-auto",
        PROXIES,
        splice_auto,
        "Forwards through splice(2) where that seems better."
    ),
    switch!(
        "splice-request",
        PROXIES,
        splice_request,
        "Forwards requests through splice(2)."
    ),
    switch!(
        "splice-response",
        PROXIES,
        splice_response,
        "Forwards responses through splice(2)."
    ),
    switch!(
        "srvtcpka",
        BACK,
        server_keepalive,
        "TCP keep-alive towards servers."
    ),
    negatable(row(
        "option tcp-smart-accept",
        Sections::FRONT,
        "",
        "Saves an ACK when a connection is accepted; unless refused, mode http does so by itself.",
        |line| {
            at_most(line, 0)?;
            let wanted = match line.negation {
                Negation::None => Some(true),
                Negation::No => Some(false),
                Negation::Default => None,
            };
            line.proxy()?.options.smart_accept = wanted;
            Ok(())
        },
    )),
    switch!(
        "tcp-smart-connect",
        BACK,
        smart_connect,
        "Saves an ACK when a connection is made."
    ),
    negatable(row(
        "option tcpka",
        Sections::PROXIES,
        "",
        "TCP keep-alive on both sides.",
        |line| {
            set(line, |options, on| {
                options.client_keepalive = on;
                options.server_keepalive = on;
            })
        },
    )),
    negatable(row(
        "option redispatch",
        Sections::BACK,
        "[<interval>]",
        "Sends a request to another server when its own does not answer.",
        |line| {
            let interval = line
                .args()
                .first()
                .map_or(LAST_RETRY, |word| leading_integer(&word.text));
            let interval = i32::try_from(interval).unwrap_or_default();
            let on = line.negation == Negation::None;
            line.proxy()?.options.redispatch = on.then_some(interval);
            Ok(())
        },
    )),
    row(
        "option httplog",
        Sections::PROXIES,
        "[clf | json]",
        "Logs requests; `json`, an own addition, as an object for each.",
        |line| log_option(line, [HTTP_LOG, HTTP_CLF, HTTP_JSON]),
    ),
    row(
        "option httpslog",
        Sections::PROXIES,
        "",
        "Logs requests and what is known of TLS.",
        |line| log_option(line, [HTTPS_LOG; 3]),
    ),
    row(
        "option tcplog",
        Sections::PROXIES,
        "[clf | json]",
        "Logs connections; `json`, an own addition, as an object for each.",
        |line| log_option(line, [TCP_LOG, TCP_CLF, TCP_JSON]),
    ),
];

/// What `option redispatch` means without an interval.
const LAST_RETRY: i64 = -1;

fn set(line: &mut Line<'_>, change: fn(&mut ir::Options, bool)) -> Result<(), Fault> {
    at_most(line, 0)?;
    let on = line.negation == Negation::None;
    change(&mut line.proxy()?.options, on);
    Ok(())
}

/// `plain`, `clf` and `json` are the same for an option that reads no argument.
fn log_option(line: &mut Line<'_>, [plain, clf, json]: [&str; 3]) -> Result<(), Fault> {
    let keyword = line.keyword();
    let text = match line.arg(0).as_deref() {
        None => plain,
        Some(_) if plain == clf => plain,
        Some("json") => json,
        Some("clf") => {
            if let Some(extra) = line.arg(1) {
                let text = format!("'{keyword}' cannot handle unexpected argument '{extra}'.");
                return Err(line.fault_at(1, text));
            }
            clf
        }
        Some(_) => {
            let name = keyword.strip_prefix("option ").unwrap_or(&keyword);
            let text = format!("keyword '{name}' only supports option 'clf'.");
            return Err(line.fault_at(0, text));
        }
    };
    if line.section == Sections::BACKEND {
        let name = line.proxy()?.name.clone();
        line.warn(format!(
            "backend '{name}' : '{keyword}' directive is ignored in backends."
        ));
        return Ok(());
    }
    let origin = Origin::of(line);
    let format = match text {
        HTTPS_LOG => log_format::https(&origin),
        text => log_format::builtin(text, &origin),
    };
    line.proxy()?.log_format = Some(format);
    line.scope.seen.insert(LOG_FORMAT, line.span);
    Ok(())
}

/// Under this name [`Scope::seen`](hapax_core::keyword::Scope::seen) holds the line that chose the log format.
pub(crate) const LOG_FORMAT: &str = "log format";
