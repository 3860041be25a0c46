//! `appsession`, removed in 1.6: clients stay on the server that gave them the application's session cookie. `cookie NAME prefix`
//! does that without a table: the server's name goes before the application's own value.

use hapax_core::diagnostic::{Diagnostic, Severity};
use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};
use hapax_core::span::Sources;

use super::renamed;
use crate::check::{Check, named};
use crate::keyword::{milliseconds, needed, row, until};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

const NAME: &str = "appsession";

static ROWS: &[SectionKeyword] = &[until(
    "1.5",
    row(
        NAME,
        Sections(Sections::LISTEN.0 | Sections::BACKEND.0),
        "<cookie> len <length> timeout <holdtime> [ request-learn ]",
        "Clients stay on the server that set the application's cookie: `cookie <cookie> prefix`, unless there is a `cookie` line.",
        parse,
    ),
)];

fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    let form = "'appsession' expects <cookie> len <length> timeout <holdtime>.";
    let name = needed(line, 0, form)?
        .as_str()
        .filter(|name| !name.is_empty())
        .ok_or_else(|| line.fault_at(0, form))?
        .to_owned();
    let is = |index: usize, word: &str| line.arg(index).is_some_and(|given| given == word);
    let length = line.arg(2).and_then(|length| length.parse::<u32>().ok());
    if !is(1, "len") || length.is_none() || !is(3, "timeout") || line.arg(4).is_none() {
        return Err(line.fault(form));
    }
    milliseconds(line, 4, NAME)?;
    for (index, word) in line.args().iter().enumerate().skip(5) {
        match word.lossy().as_ref() {
            "request-learn" => {}
            option @ ("prefix" | "mode") => {
                let text = format!(
                    "'{option}' of 'appsession' has no counterpart in 'cookie' persistence and is not built."
                );
                return Err(line.fault_at(index, text));
            }
            _ => {
                let text = "'appsession' supports 'request-learn', 'prefix' and 'mode' options.";
                return Err(line.fault_at(index, text));
            }
        }
    }
    let has_cookie = line.scope.seen.has("cookie") || line.scope.inherited.has("cookie");
    if has_cookie {
        let text = "'appsession' is not supported any more since HAProxy 1.6, the 'cookie' line takes over.";
        renamed(line, text, "please remove this line");
        return Ok(());
    }
    line.proxy()?.cookie = Some(ir::Cookie::new(name, ir::CookieMode::Prefix));
    Ok(())
}

/// Gives the servers behind an `appsession` a value of the cookie, once all lines of the section are known.
pub(crate) fn complete(config: &mut ir::Config, check: &mut Check<'_>) {
    for (proxy, scope) in config.proxies.iter_mut().zip(&check.notes.scopes) {
        let Some(span) = scope.seen.get(NAME) else {
            continue;
        };
        if scope.inherited.has("cookie") {
            continue;
        }
        let start = "'appsession' is not supported any more since HAProxy 1.6,";
        if let Some(cookie) = scope.seen.get("cookie") {
            // A line above was seen while reading.
            if (cookie.file, cookie.line) > (span.file, span.line) {
                let text = format!("{start} the 'cookie' line takes over.");
                let warning = Diagnostic::warning(span, text).with_hint("please remove this line");
                check.diagnostics.push(warning);
            }
            continue;
        }
        if proxy.mode != ir::Mode::Http {
            proxy.cookie = None;
            let text = format!(
                "'appsession' ignored for {} as it requires HTTP mode.",
                named(proxy)
            );
            check.push(Severity::Warning, Some(span), text);
            continue;
        }
        let Some(cookie) = proxy.cookie.clone() else {
            continue;
        };
        let mut modern = format!("cookie {} prefix", cookie.name);
        for server in &mut proxy.servers {
            if server.options.cookie.is_none() {
                let line = written(check.sources, server);
                modern.push_str(&format!("\n          {line} cookie {}", server.name));
                server.options.cookie = Some(server.name.clone());
            }
        }
        let text = format!(
            "{start} 'cookie {} prefix' does its work; sessions in URLs and cookies that no server here sets are not followed.",
            cookie.name
        );
        let warning = Diagnostic::warning(span, text).with_hint(modern);
        check.diagnostics.push(warning);
    }
}

/// The line of a server as it stands in the file, up to a comment.
fn written(sources: &Sources, server: &ir::Server) -> String {
    let line = sources
        .file(server.span.file)
        .map_or(&[][..], |file| file.line(server.span.line));
    let text = String::from_utf8_lossy(line);
    let end = text.find(" #").or_else(|| text.find("\t#"));
    text.get(..end.unwrap_or(text.len()))
        .unwrap_or_default()
        .trim()
        .to_owned()
}
