//! Lines that no row of the section reads: unknown, of another kind of section, or not built yet.

use hapax_core::diagnostic::{Diagnostic, Diagnostics, Prefix};
use hapax_core::ir;
use hapax_core::keyword::{Fault, Negation, Scope, SectionKeyword, Sections};
use hapax_core::span::{Span, Word};
use hapax_core::suggest::did_you_mean;

use super::rows::{Found, Rows};
use crate::parser::whole;

/// `no` and `default` before what does not take them.
pub(crate) fn negation(
    words: &[Word],
    negation: Negation,
    found: &Found,
    span: Span,
) -> Result<(), Fault> {
    let negatable = match found {
        Found::Row(row) | Found::Elsewhere(row) => row.negatable,
        Found::Nothing => false,
    };
    if negation == Negation::None || negatable {
        return Ok(());
    }
    let text = match words {
        [option] if *option == "option" => "'option' expects an option name.".to_owned(),
        [option, name, ..] if *option == "option" => {
            let name = name.lossy();
            format!("negation/default is not supported for option '{name}'.")
        }
        _ => "negation/default currently supported only for options, log, busy-polling, set-dumpable, strict-limits, \
              insecure-fork-wanted and numa-cpu-mapping."
            .to_owned(),
    };
    Err(Diagnostic::alert(span, text)
        .with_prefix(Prefix::Reading)
        .into())
}

/// A keyword of other sections: an error, or a warning when the section only lacks the side that the keyword is about.
pub(crate) fn elsewhere(
    rows: &Rows,
    row: &SectionKeyword,
    bit: Sections,
    words: &[Word],
    proxy: Option<&mut ir::Proxy>,
    scope: &Scope,
    diagnostics: &mut Diagnostics,
) -> Result<(), Fault> {
    let span = whole(words);
    if bit == Sections::HTTP_ERRORS {
        return Err(in_http_errors(words, span));
    }
    if bit == Sections::RESOLVERS {
        return Err(in_resolvers(words, span));
    }
    if bit == Sections::MAILERS {
        return Err(in_mailers(words, span));
    }
    if bit == Sections::LOG_PROFILE
        || bit == Sections::RING
        || bit == Sections::LOG_FORWARD
        || bit == Sections::PROGRAM
        || bit == Sections::CRT_STORE
        || bit == Sections::TRACES
    {
        return Err(in_section(words, bit, span));
    }
    let (Some(proxy), true) = (proxy, row.sections.has(Sections::PROXIES)) else {
        let first = words.first().map(Word::lossy).unwrap_or_default();
        let section = section_name(bit);
        let near = did_you_mean(&first, rows.candidates(None, bit));
        let text = format!("unknown keyword '{first}' in '{section}' section{near}");
        let at = words.first().map_or(span, |word| word.span);
        return Err(Diagnostic::alert(at, text).into());
    };
    let name = row.name.strip_prefix("option ").unwrap_or(row.name);
    let prefix = match name {
        "server" => Prefix::Place,
        "id" | "description" => Prefix::Reading,
        _ => Prefix::Parsing,
    };
    if bit == Sections::DEFAULTS {
        let text = format!("'{name}' not allowed in 'defaults' section.");
        return Err(Diagnostic::alert(span, text).with_prefix(prefix).into());
    }
    let side = if bit == Sections::FRONTEND {
        "backend"
    } else {
        "frontend"
    };
    let why = format!(
        "because {} '{}' has no {side} capability",
        proxy.kind.name(),
        proxy.name
    );
    let text = match name {
        "server" | "default-server" => {
            let place = scope.place(span);
            let text = format!("parsing [{place}] : '{name}' not allowed {why}.");
            return Err(Diagnostic::alert(span, text)
                .with_prefix(Prefix::Place)
                .into());
        }
        "maxconn" => format!("'{name}' ignored {why}. Maybe you want 'fullconn' instead ?"),
        "rate-limit sessions" | "log-steps" => {
            format!("{name} will be ignored {why}")
        }
        _ if name.starts_with("timeout ") => format!("'{name}' will be ignored {why}"),
        _ => {
            let first = name.split(' ').next().unwrap_or(name);
            format!("'{first}' ignored {why}.")
        }
    };
    diagnostics.push(Diagnostic::warning(span, text));
    Ok(())
}

/// Rules have no place in a `defaults` section that has no name: sections could not say that they want them.
pub(crate) fn anonymous_defaults(
    words: &[Word],
    bit: Sections,
    proxy: Option<&ir::Proxy>,
) -> Result<(), Fault> {
    let (Some(first), Some(proxy)) = (words.first(), proxy) else {
        return Ok(());
    };
    let rules = RULES.iter().any(|name| *first == *name);
    if first.text.starts_with(b"tcp-") {
        return super::tcp::place(words, bit, proxy);
    }
    if rules && bit == Sections::DEFAULTS && proxy.name.is_empty() {
        let name = first.lossy();
        let text = format!("'{name}' not allowed in anonymous 'defaults' section.");
        return Err(Diagnostic::alert(first.span, text).into());
    }
    Ok(())
}

/// A line that a `resolvers` section does not know.
fn in_resolvers(words: &[Word], span: Span) -> Fault {
    let first = words.first().map(Word::lossy).unwrap_or_default();
    let text = match (first.as_ref(), words.get(1)) {
        ("timeout", None) => {
            "'timeout' expects 'retry' or 'resolve' and <time> as arguments.".to_owned()
        }
        ("timeout", Some(event)) => format!(
            "'timeout' expects 'retry' or 'resolve' and <time> as arguments got '{}'.",
            event.lossy()
        ),
        _ => format!("unknown keyword '{first}' in 'resolvers' section"),
    };
    Diagnostic::alert(span, text).into()
}

/// A `mailers` section knows `mailer` and `timeout mail`.
fn in_mailers(words: &[Word], span: Span) -> Fault {
    let first = words.first().map(Word::lossy).unwrap_or_default();
    let text = match (first.as_ref(), words.get(1)) {
        ("timeout", None) => "'timeout' expects 'mail' and <time> as arguments.".to_owned(),
        ("timeout", Some(event)) => format!(
            "'timeout' expects 'mail' and <time> as arguments got '{}'.",
            event.lossy()
        ),
        _ => format!("unknown keyword '{first}' in 'mailers' section"),
    };
    Diagnostic::alert(span, text).into()
}

/// A line that no row reads.
pub(crate) fn unknown(rows: &Rows, words: &[Word], bit: Sections, span: Span) -> Fault {
    let first = words.first().map(Word::lossy).unwrap_or_default();
    let second = words.get(1).map(Word::lossy).unwrap_or_default();
    let at = words.get(1).map_or(span, |word| word.span);
    let section = section_name(bit);
    let proxies = bit != Sections::GLOBAL;
    if bit == Sections::USER_LIST {
        let text = format!("unknown keyword '{first}' in '{section}' section");
        return Diagnostic::alert(span, text)
            .with_prefix(Prefix::Reading)
            .into();
    }
    if bit == Sections::HTTP_ERRORS {
        return in_http_errors(words, span);
    }
    if bit == Sections::RESOLVERS {
        return in_resolvers(words, span);
    }
    if bit == Sections::MAILERS {
        return in_mailers(words, span);
    }
    if bit == Sections::LOG_PROFILE
        || bit == Sections::RING
        || bit == Sections::LOG_FORWARD
        || bit == Sections::PROGRAM
        || bit == Sections::CRT_STORE
        || bit == Sections::TRACES
    {
        return in_section(words, bit, span);
    }
    let not_built = format!("'{first}' in '{section}' section is not built yet.");
    if NOT_BUILT.contains(&first.as_ref())
        || NOT_BUILT_PREFIXES
            .iter()
            .any(|prefix| first.starts_with(prefix))
    {
        return Diagnostic::alert(span, not_built).into();
    }
    let near = |text: &str| did_you_mean(text, rows.candidates(Some(&first), bit));
    let (text, prefix) = match first.as_ref() {
        "email-alert" if proxies && words.len() == 1 => (
            "missing argument after 'email-alert'.".to_owned(),
            Prefix::Parsing,
        ),
        "email-alert" if proxies => (
            format!("email-alert: unknown argument '{second}'."),
            Prefix::Parsing,
        ),
        "option" if proxies && words.len() == 1 => (
            "'option' expects an option name.".to_owned(),
            Prefix::Reading,
        ),
        "option" if proxies => match near(&second) {
            near if near.is_empty() => (format!("unknown option '{second}'."), Prefix::Parsing),
            near => (format!("unknown option '{second}'{near}"), Prefix::Parsing),
        },
        "timeout" if proxies => (
            format!("'timeout' supports {TIMEOUTS} (got '{second}')"),
            Prefix::Parsing,
        ),
        "stats" if proxies && words.len() == 1 => (
            format!("missing keyword in 'stats', expects {STATS}."),
            Prefix::Reading,
        ),
        "stats" if proxies => (
            format!("unknown stats parameter '{second}', expects {STATS}."),
            Prefix::Reading,
        ),
        "stats" => (
            format!(
                "'stats' only supports 'socket', 'maxconn', 'bind-process' and 'timeout' (got '{second}')"
            ),
            Prefix::Parsing,
        ),
        "rate-limit" if proxies => (
            format!("'rate-limit' only supports 'sessions' (got '{second}')"),
            Prefix::Parsing,
        ),
        "http-check" if proxies => (
            format!("'http-check' only supports {HTTP_CHECK}. but got '{second}'"),
            Prefix::Parsing,
        ),
        "tcp-check" if proxies => (
            format!("'tcp-check' only supports {TCP_CHECK}. but got '{second}'"),
            Prefix::Parsing,
        ),
        _ => {
            let near = did_you_mean(&first, rows.candidates(None, bit));
            let text = format!("unknown keyword '{first}' in '{section}' section{near}");
            return Diagnostic::alert(words.first().map_or(span, |word| word.span), text).into();
        }
    };
    Diagnostic::alert(at, text).with_prefix(prefix).into()
}

/// An `http-errors` section knows one keyword.
fn in_http_errors(words: &[Word], span: Span) -> Fault {
    let first = words.first().map(Word::lossy).unwrap_or_default();
    let text = format!("unknown keyword '{first}' in 'http-errors' section");
    Diagnostic::alert(span, text).into()
}

/// The other sections that name themselves without quotes.
fn in_section(words: &[Word], bit: Sections, span: Span) -> Fault {
    let first = words.first().map(Word::lossy).unwrap_or_default();
    let second = words.get(1).map(Word::lossy).unwrap_or_default();
    let text = match (bit, first.as_ref()) {
        (Sections::RING, _) => format!("unknown statement '{first}'."),
        // The reference, word by word.
        (Sections::TRACES, _) => format!("unknown keyword '{first}' in 'global' section"),
        (Sections::CRT_STORE, _) => format!("unknown keyword '{first}' in 'crt-store' section"),
        (Sections::LOG_FORWARD | Sections::PROGRAM, "option") if words.len() == 1 => {
            let text = "'option' expects an option name.";
            let fault = Diagnostic::alert(span, text).with_prefix(Prefix::Reading);
            return fault.into();
        }
        (Sections::PROGRAM, "option") => format!("unknown option '{second}'."),
        (Sections::PROGRAM, _) => format!("unknown keyword '{first}' in 'program' section"),
        (Sections::LOG_FORWARD, "option") => {
            format!("unknown option '{second}' in log-forward section.")
        }
        (Sections::LOG_FORWARD, "timeout") => {
            format!("unknown keyword 'timeout {second}' in log-forward section.")
        }
        _ => format!(
            "unknown keyword '{first}' in {} section.",
            section_name(bit)
        ),
    };
    Diagnostic::alert(span, text).into()
}

/// The keyword of a section.
pub(crate) fn section_name(bit: Sections) -> &'static str {
    match bit {
        Sections::GLOBAL => "global",
        Sections::DEFAULTS => "defaults",
        Sections::FRONTEND => "frontend",
        Sections::LISTEN => "listen",
        Sections::USER_LIST => "userlist",
        Sections::HTTP_ERRORS => "http-errors",
        Sections::RESOLVERS => "resolvers",
        Sections::LOG_PROFILE => "log-profile",
        Sections::MAILERS => "mailers",
        Sections::RING => "ring",
        Sections::CRT_STORE => "crt-store",
        Sections::TRACES => "traces",
        Sections::PROGRAM => "program",
        Sections::LOG_FORWARD => "log-forward",
        _ => "backend",
    }
}

const TIMEOUTS: &str = "'client', 'server', 'connect', 'check', 'queue', 'handshake', 'http-keep-alive', 'http-request', \
                        'tunnel', 'tarpit', 'client-fin' and 'server-fin'";
const STATS: &str = "'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', 'show-desc' or \
                     'show-legends'";
const HTTP_CHECK: &str = "'disable-on-404', 'send-state', 'comment', 'connect', 'send', 'expect', 'set-var-fmt(*)', \
                          'set-var(*)', 'unset-var(*)'";

const TCP_CHECK: &str = "'comment', 'connect', 'send', 'send-binary', 'expect', 'set-var-fmt(*)', 'set-var(*)', \
                         'unset-var(*)'";

/// Keywords whose lines are rules.
static RULES: &[&str] = &[
    "acl",
    "http-after-response",
    "http-request",
    "http-response",
    "tcp-request",
    "tcp-response",
];

/// Keywords of the manual, and old ones, that no row reads yet.
static NOT_BUILT: &[&str] = &[
    "limited-quic",
    "acme.scheduler",
    "harden.reject-privileged-ports.quic",
    "pp2-never-send-local",
    "51degrees-data-file",
    "compression",
    "deviceatlas-json-file",
    "force-be-switch",
    "http-send-name-header",
    "max-session-srv-conns",
    "maxcompcpuusage",
    "maxcomprate",
    "maxpipes",
    "maxzlibmem",
    "monitor",
    "quic-initial",
    "stick",
    "stick-table",
    "use-fcgi-app",
];

static NOT_BUILT_PREFIXES: &[&str] = &[
    "lua-",
    "tune.lua",
    "tune.quic",
    "tune.comp",
    "tune.lua",
    "tune.peers",
    "tune.stick",
    "wurfl-",
];
