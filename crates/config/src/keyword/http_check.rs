//! `option httpchk` and `http-check`: what a check says and what it expects.

use hapax_core::diagnostic::{Diagnostic, Diagnostics};
use hapax_core::ir::{self, CheckAction, CheckData, CheckRequest};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::check_step::{self, Kind};
use super::{check_expect, row};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "option httpchk",
        Sections::BACK,
        "[<method>] [<uri>] [<version>] [<host>]",
        "Checks servers with an HTTP request.",
        httpchk,
    ),
    row(
        "http-check comment",
        Sections::BACK,
        "<string>",
        "Names the step of the check that follows.",
        |line| check_step::comment(line, Kind::Http),
    ),
    row(
        "http-check connect",
        Sections::BACK,
        "[default] [port <expr>] [addr <ip>] [send-proxy] [via-socks4] [ssl] [sni <sni>] [alpn <alpn>] [linger] \
         [proto <name>] [comment <msg>]",
        "A step of the check: opens a connection.",
        |line| check_step::connect(line, Kind::Http),
    ),
    row(
        "http-check send",
        Sections::BACK,
        "[meth <method>] [{ uri <uri> | uri-lf <fmt> }] [ver <version>] [hdr <name> <fmt>]... \
         [{ body <string> | body-lf <fmt> }] [comment <msg>]",
        "What the check's request is.",
        send,
    ),
    row(
        "http-check expect",
        Sections::BACK,
        "[min-recv <int>] [comment <msg>] [ok-status <st>] [error-status <st>] [tout-status <st>] [on-success <fmt>] \
         [on-error <fmt>] [status-code <expr>] [!] {status|rstatus|hdr|fhdr|string|rstring|string-lf} <pattern>",
        "What the check's response must be.",
        |line| check_expect::expect(line, Kind::Http),
    ),
    row(
        "http-check disable-on-404",
        Sections::BACK,
        "",
        "A server that answers 404 gets no new clients.",
        |line| {
            no_arguments(line)?;
            line.proxy()?.http_check.disable_on_404 = true;
            Ok(())
        },
    ),
    row(
        "http-check send-state",
        Sections::BACK,
        "",
        "Tells the server in each check how it is seen here.",
        |line| {
            no_arguments(line)?;
            line.proxy()?.http_check.send_state = true;
            Ok(())
        },
    ),
    row(
        "http-check set-var(",
        Sections::BACK,
        "<var-name>[,<cond>...]) <expr>",
        "A step of the check: sets a variable to the value of an expression.",
        |line| check_step::variable(line, Kind::Http, "set-var"),
    ),
    row(
        "http-check set-var-fmt(",
        Sections::BACK,
        "<var-name>[,<cond>...]) <fmt>",
        "A step of the check: sets a variable to the text of a log format.",
        |line| check_step::variable(line, Kind::Http, "set-var-fmt"),
    ),
    row(
        "http-check unset-var(",
        Sections::BACK,
        "<var-name>)",
        "A step of the check: takes the value of a variable away.",
        |line| check_step::variable(line, Kind::Http, "unset-var"),
    ),
];

fn no_arguments(line: &Line<'_>) -> Result<(), Fault> {
    match line.arg(0) {
        None => Ok(()),
        Some(extra) => {
            let text = format!("'http-check' cannot handle unexpected argument '{extra}'.");
            Err(line.fault_at(0, text))
        }
    }
}

fn httpchk(line: &mut Line<'_>) -> Result<(), Fault> {
    super::protocol_check::no_more(line, "httpchk", 4)?;
    let words: Vec<String> = line
        .args()
        .iter()
        .map(|word| word.lossy().into_owned())
        .collect();
    let mut asked = CheckRequest::default();
    let (method, uri) = match words.as_slice() {
        [] => (None, None),
        [uri] => (None, Some(uri)),
        [method, uri, ..] => (Some(method), Some(uri)),
    };
    asked.method = method.cloned();
    asked.uri = uri.map(|uri| CheckData::Fixed(uri.clone().into_bytes()));
    if let Some(text) = words.get(2) {
        let (version, fields, body) = hidden(text);
        if !fields.is_empty() || !body.is_empty() {
            let modern: String = fields
                .iter()
                .map(|(name, value)| format!(" hdr {name} \"{value}\""))
                .chain((!body.is_empty()).then(|| format!(" body \"{}\"", body.escape_default())))
                .collect();
            let (method, uri) = (words[0].as_str(), words[1].as_str());
            let warning = Diagnostic::warning(
                line.span,
                "'option httpchk' : hiding headers or body at the end of the version string is deprecated.",
            )
            .with_hint(format!(
                "option httpchk {method} {uri} {version}, then: http-check send{modern}"
            ));
            line.diagnostics.push(warning);
        }
        asked.version = Some(version.to_owned());
        let fields = fields.into_iter();
        asked.headers = fields
            .map(|(name, value)| (name, CheckData::Fixed(value.into_bytes())))
            .collect();
        asked.body = (!body.is_empty()).then(|| CheckData::Fixed(body.as_bytes().to_vec()));
    }
    if let Some(host) = line.args().get(3) {
        let format = check_step::format(line, &host.text)
            .map_err(|error| line.fault_at(3, format!("'option httpchk' : {error}.")))?;
        let host = ("host".to_owned(), check_step::format_or_text(format));
        asked.headers.insert(0, host);
    }
    check_step::begin(line, Kind::Http)?;
    let proxy = line.proxy()?;
    proxy.check = ir::CheckKind::Http;
    let first = proxy
        .http_check
        .steps
        .iter_mut()
        .find_map(|step| match &mut step.action {
            CheckAction::Request(request) => Some(request),
            _ => None,
        });
    match first {
        // A request that stands already takes what is said here.
        Some(request) => *request = over(request, asked),
        None => {
            let before = proxy.http_check.request.take().unwrap_or_default();
            proxy.http_check.request = Some(over(&before, asked));
        }
    }
    Ok(())
}

/// What `new` says, and where it says nothing what `old` says.
fn over(old: &CheckRequest, new: CheckRequest) -> CheckRequest {
    CheckRequest {
        method: new.method.or_else(|| old.method.clone()),
        uri: new.uri.or_else(|| old.uri.clone()),
        version: new.version.or_else(|| old.version.clone()),
        headers: match new.headers.is_empty() {
            true => old.headers.clone(),
            false => new.headers,
        },
        body: new.body.or_else(|| old.body.clone()),
    }
}

/// `HTTP/1.1\r\nHost: name`: the version, and the fields and the body that old configurations put behind it.
fn hidden(text: &str) -> (&str, Vec<(String, String)>, &str) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.split("\r\n");
    let version = lines.next().unwrap_or_default();
    let fields = lines.filter_map(|field| {
        let (name, value) = field.split_once(':')?;
        let (name, value) = (name.trim(), value.trim());
        (!value.is_empty()).then(|| (name.to_owned(), value.to_owned()))
    });
    (version, fields.collect(), body)
}

fn send(line: &mut Line<'_>) -> Result<(), Fault> {
    let mut at = 0;
    let mut asked = CheckRequest::default();
    let mut comment = None;
    while let Some(word) = line.arg(at) {
        let value = line.args().get(at + 1);
        let missing = || {
            let text = format!("'http-check send' : '{word}' expects a string as argument..");
            line.fault_at(at, text)
        };
        let text = |value: &hapax_core::span::Word| value.lossy().into_owned();
        match word.as_ref() {
            "meth" => asked.method = Some(text(value.ok_or_else(missing)?)),
            "uri" => {
                let value = value.ok_or_else(missing)?;
                asked.uri = Some(CheckData::Fixed(value.text.clone()));
            }
            "ver" => asked.version = Some(text(value.ok_or_else(missing)?)),
            "body" => {
                let value = value.ok_or_else(missing)?;
                asked.body = Some(CheckData::Fixed(value.text.clone()));
            }
            "comment" => comment = Some(text(value.ok_or_else(missing)?)),
            "uri-lf" | "body-lf" => {
                let value = value.ok_or_else(missing)?;
                let format = check_step::framed_format(line, value).map_err(|error| {
                    line.fault_at(at + 1, format!("'http-check send' : {error}"))
                })?;
                let format = Some(check_step::format_or_text(format));
                match word.as_ref() {
                    "uri-lf" => asked.uri = format,
                    _ => asked.body = format,
                }
            }
            "hdr" => {
                let (Some(name), Some(value)) = (value, line.args().get(at + 2)) else {
                    let text = "'http-check send' : 'hdr' expects <name> and <value> as arguments.";
                    return Err(line.fault_at(at, text));
                };
                let format = check_step::format(line, &value.text).map_err(|error| {
                    line.fault_at(at + 2, format!("'http-check send' : {error}."))
                })?;
                let field = (text(name), check_step::format_or_text(format));
                asked.headers.push(field);
                at += 1;
            }
            _ => {
                let text = format!(
                    "'http-check send' : expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' but got \
                     '{word}' as argument.."
                );
                return Err(line.fault_at(at, text));
            }
        }
        at += 2;
    }
    check_step::begin(line, Kind::Http)?;
    // The first one is what `option httpchk` asks for, with changes.
    if let Some(option) = line.proxy()?.http_check.request.take() {
        asked = over(&option, asked);
    }
    check_step::push(line, Kind::Http, comment, CheckAction::Request(asked))
}

/// A connection, a request and what is expected of the response follow each other: looked at when the section ends.
pub(crate) fn order(proxy: &ir::Proxy, diagnostics: &mut Diagnostics) {
    if proxy.check != ir::CheckKind::Http {
        return;
    }
    let rules = &proxy.http_check;
    let mut before: Option<&str> = None;
    for (step, number) in rules.steps.iter().zip(ir::http_step_numbers(&rules.steps)) {
        let (what, lacks) = match &step.action {
            ir::CheckAction::Connect(_) => ("connect", "expect"),
            ir::CheckAction::Request(_) => ("send", "connect"),
            ir::CheckAction::Expect(_) => ("expect", "send"),
            _ => continue,
        };
        let wrong = match (what, before) {
            (_, None) => false,
            ("connect", Some(before)) => before != "expect",
            ("send", Some(before)) => before != "connect",
            (_, Some(before)) => before == "connect",
        };
        if wrong {
            let text = format!(
                "'http-check {what}' : unable to add http-check {what} rule at step {number} (missing {lacks} rule).."
            );
            diagnostics.push(Diagnostic::alert(step.span, text));
            return;
        }
        before = Some(what);
    }
}

/// Under this name [`Scope::seen`](hapax_core::keyword::Scope::seen) holds the last line that says something about the
/// steps of HTTP checks.
pub(crate) const STEPS: &str = "http-check steps";
