//! `option httpchk` and `http-check`: what a check says and what it expects.

use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};
use hapax_core::span::Word;

use super::row;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "option httpchk",
        Sections::BACK,
        "[<method>] [<uri>] [<version>]",
        "Checks servers with an HTTP request.",
        httpchk,
    ),
    row(
        "http-check send",
        Sections::BACK,
        "[meth <method>] [uri <uri>] [ver <version>] [hdr <name> <value>]... [body <string>]",
        "What the check's request is.",
        send,
    ),
    row(
        "http-check expect",
        Sections::BACK,
        "[!] {status|rstatus|string|rstring} <pattern>",
        "What the check's response must be.",
        expect,
    ),
    row(
        "http-check disable-on-404",
        Sections::BACK,
        "",
        "A server that answers 404 gets no new clients.",
        |line| {
            no_arguments(line)?;
            if let Some(rules) = rules(line)? {
                rules.disable_on_404 = true;
            }
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
            if let Some(rules) = rules(line)? {
                rules.send_state = true;
            }
            Ok(())
        },
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
    let words: Vec<String> = line
        .args()
        .iter()
        .map(|word| word.lossy().into_owned())
        .collect();
    let (method, uri, version) = match words.as_slice() {
        [] => ("OPTIONS", "/", None),
        [uri] => ("OPTIONS", uri.as_str(), None),
        [method, uri] => (method.as_str(), uri.as_str(), None),
        [method, uri, version, ..] => (method.as_str(), uri.as_str(), Some(version.as_str())),
    };
    let (version, hidden, body) = match version {
        None => ("HTTP/1.0", Vec::new(), ""),
        Some(text) => hidden(text),
    };
    if !hidden.is_empty() || !body.is_empty() {
        let modern: String = hidden
            .iter()
            .map(|(name, value)| format!(" hdr {name} \"{value}\""))
            .chain((!body.is_empty()).then(|| format!(" body \"{}\"", body.escape_default())))
            .collect();
        let warning = Diagnostic::warning(
            line.span,
            "'option httpchk' : hiding headers or body at the end of the version string is deprecated.",
        )
        .with_hint(format!(
            "option httpchk {method} {uri} {version}, then: http-check send{modern}"
        ));
        line.diagnostics.push(warning);
    }
    let scope_seen = line.scope.seen.contains_key(RULES);
    let proxy = line.proxy()?;
    let old = match std::mem::take(&mut proxy.check) {
        ir::CheckKind::Http(check) => check,
        _ => empty(),
    };
    // `http-check send` before this line keeps what it said.
    let mut check = ir::HttpCheck {
        method: method.to_owned(),
        uri: uri.to_owned(),
        version: version.to_owned(),
        ..old
    };
    if !scope_seen {
        check.headers = hidden;
    } else {
        check.headers.extend(hidden);
    }
    if !body.is_empty() {
        check.body = body.as_bytes().to_vec();
    }
    proxy.check = ir::CheckKind::Http(check);
    Ok(())
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
    let mut check = empty();
    let (mut method, mut uri, mut version) = (None, None, None);
    while let Some(word) = line.arg(at) {
        let value = line.arg(at + 1).map(|value| value.into_owned());
        let needed = || {
            let text = format!("'http-check send' : '{word}' expects a string as argument..");
            value.clone().ok_or_else(|| line.fault_at(at, text))
        };
        match word.as_ref() {
            "meth" => method = Some(needed()?),
            "uri" => uri = Some(needed()?),
            "ver" => version = Some(needed()?),
            "body" => check.body = needed()?.into_bytes(),
            "comment" => drop(needed()?),
            "hdr" => {
                let (Some(name), Some(value)) = (value, line.arg(at + 2)) else {
                    let text = "'http-check send' : 'hdr' expects <name> and <value> as arguments.";
                    return Err(line.fault_at(at, text));
                };
                if value.contains("%[") {
                    let text = "'http-check send' : log formats in values are not built yet.";
                    return Err(line.fault_at(at + 2, text));
                }
                check.headers.push((name, value.into_owned()));
                at += 1;
            }
            "uri-lf" | "body-lf" => {
                let text = format!("'http-check send' : '{word}' is not built yet.");
                return Err(line.fault_at(at, text));
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
    let Some(rules) = rules(line)? else {
        return Ok(());
    };
    if let Some(method) = method {
        rules.method = method;
    }
    if let Some(uri) = uri {
        rules.uri = uri;
    }
    if let Some(version) = version {
        rules.version = version;
    }
    rules.headers.extend(check.headers);
    rules.body = check.body;
    Ok(())
}

fn expect(line: &mut Line<'_>) -> Result<(), Fault> {
    if line.args().is_empty() {
        let text = "'http-check expect' : expects at least a matching pattern as arguments.";
        return Err(line.fault(text));
    }
    let mut at = 0;
    let mut negated = false;
    while line.arg(at).as_deref() == Some("comment") {
        at += 2;
    }
    let word = match line.arg(at).unwrap_or_default() {
        word if word == "!" => {
            negated = true;
            at += 1;
            line.arg(at).unwrap_or_default().into_owned()
        }
        word => match word.strip_prefix('!') {
            Some(rest) => {
                negated = true;
                rest.to_owned()
            }
            None => word.into_owned(),
        },
    };
    let pattern = line.args().get(at + 1);
    let needed = || {
        let text = format!("'http-check expect' : '{word}' expects a <pattern> as argument.");
        pattern.ok_or_else(|| line.fault_at(at, text))
    };
    let test = match word.as_str() {
        "status" => {
            let text = needed()?.lossy();
            let ranges = codes(&text)
                .map_err(|error| line.fault_at(at + 1, format!("'http-check expect' : {error}")))?;
            ir::HttpExpectTest::Status(ranges, text.into_owned())
        }
        "string" => ir::HttpExpectTest::String(needed()?.text.clone()),
        "rstatus" | "rstring" => {
            let pattern: &Word = needed()?;
            if regex::bytes::Regex::new(&pattern.lossy()).is_err() {
                let text = format!(
                    "'http-check expect' : regex '{}' is invalid.",
                    pattern.lossy()
                );
                return Err(line.fault_at(at + 1, text));
            }
            ir::HttpExpectTest::Regex {
                status: word == "rstatus",
                pattern: pattern.lossy().into_owned(),
            }
        }
        "hdr" | "fhdr" | "string-lf" | "min-recv" => {
            let text = format!("'http-check expect' : '{word}' is not built yet.");
            return Err(line.fault_at(at, text));
        }
        other => return Err(unexpected(line, at, other)),
    };
    if let Some(extra) = line.arg(at + 2) {
        return Err(unexpected(line, at + 2, &extra));
    }
    if let Some(rules) = rules(line)? {
        rules.expect.push(ir::HttpExpect { negated, test });
    }
    Ok(())
}

fn unexpected(line: &Line<'_>, at: usize, word: &str) -> Fault {
    line.fault_at(
        at,
        format!(
            "'http-check expect' : 'only supports min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', \
             [!]hdr, [!]fhdr or comment but got '{word}' as argument.."
        ),
    )
}

/// `200,300-399`
fn codes(text: &str) -> Result<Vec<(u16, u16)>, String> {
    let wrong = text
        .bytes()
        .find(|byte| !byte.is_ascii_digit() && !matches!(byte, b',' | b'-'));
    if let Some(byte) = wrong {
        let byte = char::from(byte);
        return Err(format!(
            "invalid character '{byte}' in the list of status codes."
        ));
    }
    let mut ranges = Vec::new();
    for range in text.split(',') {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        let invalid = || format!("invalid range of status codes '{range}'.");
        let low: u16 = low.parse().map_err(|_| invalid())?;
        let high: u16 = high.parse().map_err(|_| invalid())?;
        if low > high {
            return Err(invalid());
        }
        ranges.push((low, high));
    }
    Ok(ranges)
}

/// The rules of the check; they stay without effect until `option httpchk` stands somewhere. None when another check was
/// chosen.
fn rules<'l>(line: &'l mut Line<'_>) -> Result<Option<&'l mut ir::HttpCheck>, Fault> {
    let span = line.span;
    line.scope.seen.insert(RULES, span);
    let proxy = line.proxy()?;
    if proxy.check == ir::CheckKind::Tcp {
        proxy.check = ir::CheckKind::Http(empty());
    }
    Ok(match &mut proxy.check {
        ir::CheckKind::Http(check) => Some(check),
        _ => None,
    })
}

fn empty() -> ir::HttpCheck {
    ir::HttpCheck {
        method: "OPTIONS".to_owned(),
        uri: "/".to_owned(),
        version: "HTTP/1.0".to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        expect: Vec::new(),
        disable_on_404: false,
        send_state: false,
    }
}

/// Under this name [`Scope::seen`](hapax_core::keyword::Scope::seen) holds the last `http-check` line.
pub(crate) const RULES: &str = "http-check";
