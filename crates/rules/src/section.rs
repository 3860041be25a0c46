//! The section keywords that make rules: `http-request`, `http-response`, `redirect`, `use_backend`, `default_backend`,
//! `log-format`.

use std::sync::Arc;

use hapax_core::contract::{Action, Shared};
use hapax_core::diagnostic::{Diagnostic, Prefix, Severity};
use hapax_core::ir::{BackendTarget, ProxyKind, Reference, ReferenceKind, Rule, UseBackend};
use hapax_core::keyword::{
    ActionCursor, Fault, Line, RowRef, Rulesets, SectionKeyword, Sections, Support,
};
use hapax_sample::condition;
use hapax_sample::expression::Origin;
use hapax_sample::log_format::{self, Style};
use hapax_sample::place::Place;

use crate::action::redirect;

/// The section keywords.
pub static KEYWORDS: &[SectionKeyword] = &[
    SectionKeyword {
        name: "http-request",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "<action> [options...] [ { if | unless } <condition> ]",
        doc: "A rule for requests.",
        support: Support::Runs,
        parse: |line| rule(line, Rulesets::HTTP_REQUEST),
    },
    SectionKeyword {
        name: "http-response",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "<action> [options...] [ { if | unless } <condition> ]",
        doc: "A rule for responses.",
        support: Support::Runs,
        parse: |line| rule(line, Rulesets::HTTP_RESPONSE),
    },
    SectionKeyword {
        name: "redirect",
        sections: Sections::FRONTEND
            .or(Sections::LISTEN)
            .or(Sections::BACKEND),
        negatable: false,
        usage: "{ location | prefix | scheme } <fmt> [code <code>] [<option>...] [ { if | unless } <condition> ]",
        doc: "Answers requests with a redirection.",
        support: Support::Runs,
        parse: redirect_line,
    },
    SectionKeyword {
        name: "use_backend",
        sections: Sections::FRONTEND.or(Sections::LISTEN),
        negatable: false,
        usage: "<backend> [ { if | unless } <condition> ]",
        doc: "Switches to a backend under a condition.",
        support: Support::Runs,
        parse: use_backend,
    },
    SectionKeyword {
        name: "default_backend",
        sections: Sections::FRONT,
        negatable: false,
        usage: "<backend>",
        doc: "The backend when no use_backend rule applies.",
        support: Support::Runs,
        parse: default_backend,
    },
    SectionKeyword {
        name: "log-format",
        sections: Sections::FRONT,
        negatable: false,
        usage: "<fmt>",
        doc: "The format of log lines.",
        support: Support::Runs,
        parse: log_format_line,
    },
];

fn rule(line: &mut Line<'_>, ruleset: Rulesets) -> Result<(), Fault> {
    let section = line.keyword();
    let given = line.args().first().map(|word| word.lossy().into_owned());
    let Some(row) = given.as_deref().and_then(|name| find(line, name, ruleset)) else {
        return Err(unknown_action(line, &section, given.as_deref(), ruleset));
    };
    let name = format!("{section} {}", row.name);
    let mut cursor = ActionCursor {
        at: line.name_words + 1,
        line,
        ruleset,
    };
    let action = (row.0.parse)(&mut cursor)?;
    let at = cursor.at;
    let condition = match line.words.get(at) {
        None => None,
        Some(word) if *word == "if" || *word == "unless" => {
            let kind = line.proxy()?.kind;
            let words = &line.words[at..];
            let parsed = condition::parse(words, Place::of(ruleset, kind), line);
            Some(parsed.map_err(|text| {
                line.fault(format!(
                    "error detected while parsing an '{name}' condition : {text}."
                ))
            })?)
        }
        Some(word) => {
            let text = format!(
                "'{name}' expects either 'if' or 'unless' followed by a condition but found '{}'.",
                word.lossy()
            );
            return Err(Diagnostic::alert(word.span, text)
                .with_prefix(Prefix::Reading)
                .into());
        }
    };
    let rule = Rule {
        action: Shared(action),
        condition,
        span: line.span,
    };
    let proxy = line.proxy()?;
    if ruleset == Rulesets::HTTP_REQUEST {
        proxy.http_request.push(rule);
    } else {
        proxy.http_response.push(rule);
    }
    Ok(())
}

fn find(
    line: &Line<'_>,
    name: &str,
    ruleset: Rulesets,
) -> Option<RowRef<hapax_core::keyword::ActionKeyword>> {
    line.registry
        .actions
        .find(name)
        .filter(|row| row.rulesets.has(ruleset))
}

fn unknown_action(line: &Line<'_>, section: &str, given: Option<&str>, ruleset: Rulesets) -> Fault {
    let names: Vec<_> = line
        .registry
        .actions
        .iter()
        .filter(|row| row.rulesets.has(ruleset))
        .map(|row| row.name)
        .collect();
    let list: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    let got = match given {
        None => "'' (missing argument).".to_owned(),
        Some(name) => match closest(name, &names) {
            Some(near) => format!("'{name}'. Did you mean '{near}' maybe ?"),
            None => format!("'{name}'."),
        },
    };
    let text = format!("'{section}' expects {}, but got {got}", list.join(", "));
    let span = line.args().first().map_or(line.span, |word| word.span);
    Diagnostic::alert(span, text)
        .with_prefix(Prefix::Reading)
        .into()
}

/// The name that differs by the fewest changed letters, if those are few.
fn closest<'n>(given: &str, names: &[&'n str]) -> Option<&'n str> {
    let distance = |name: &str| {
        let (left, right) = (given.as_bytes(), name.as_bytes());
        let mut row: Vec<usize> = (0..=right.len()).collect();
        for (i, a) in left.iter().enumerate().take(64) {
            let mut diagonal = row[0];
            row[0] = i + 1;
            for (j, b) in right.iter().enumerate() {
                let change = diagonal + usize::from(a != b);
                diagonal = row[j + 1];
                row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
            }
        }
        row[right.len()]
    };
    names
        .iter()
        .map(|name| (distance(name), *name))
        .filter(|(changes, name)| *changes <= name.len().max(given.len()) / 3)
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, name)| name)
}

fn redirect_line(line: &mut Line<'_>) -> Result<(), Fault> {
    let kind = line.proxy()?.kind;
    let name = line.proxy()?.name.clone();
    let wrap = move |text: String| {
        format!(
            "error detected in {} '{name}' while parsing redirect rule : {text}.",
            kind.name()
        )
    };
    let mut cursor = ActionCursor {
        at: line.name_words,
        line,
        ruleset: Rulesets::HTTP_REQUEST,
    };
    let action = redirect::read(&mut cursor).map_err(|text| cursor.line.fault(wrap(text)))?;
    let at = cursor.at;
    let condition = match line.words.get(at) {
        None => None,
        Some(_) => {
            let words = &line.words[at..];
            let place = Place::of(Rulesets::HTTP_REQUEST, kind);
            let parsed = condition::parse(words, place, line);
            Some(parsed.map_err(|text| line.fault(wrap(format!("error in condition: {text}"))))?)
        }
    };
    if !line.proxy()?.use_backend.is_empty() {
        line.warn(
            "a 'redirect' rule placed after a 'use_backend' rule will still be processed before.",
        );
    }
    let span = line.span;
    let action: Arc<dyn Action> = action;
    line.proxy()?.redirect.push(Rule {
        action: Shared(action),
        condition,
        span,
    });
    Ok(())
}

fn use_backend(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(word) = line.args().first() else {
        return Err(line.fault("'use_backend' expects a backend name."));
    };
    let condition = match line.args().get(1) {
        None => None,
        Some(word) if *word == "if" || *word == "unless" => {
            let parsed = condition::parse(&line.args()[1..], Place::USE_BACKEND, line);
            Some(parsed.map_err(|text| {
                line.fault(format!(
                    "error detected while parsing switching rule : {text}."
                ))
            })?)
        }
        Some(word) => {
            let text = format!(
                "unexpected keyword '{}' after switching rule, only 'if' and 'unless' are allowed.",
                word.lossy()
            );
            return Err(line.fault_at(1, text));
        }
    };
    let name = word.lossy().into_owned();
    let target = if word.text.contains(&b'%') {
        let origin = Origin::of(line);
        let parsed = log_format::parse(&word.text, Style::Plain, Place::USE_BACKEND, &origin)
            .map_err(|text| {
                let text = format!(
                    "Parsing [{}]: failed to parse use_backend rule '{name}' : {text}.",
                    origin.place
                );
                Diagnostic::alert(word.span, text).with_prefix(Prefix::Bare)
            })?;
        line.config
            .references
            .extend(parsed.references.iter().cloned());
        match parsed
            .fixed()
            .map(|fixed| String::from_utf8_lossy(fixed).into_owned())
        {
            Some(fixed) => BackendTarget::Name(fixed),
            None => BackendTarget::Format(parsed.format),
        }
    } else {
        BackendTarget::Name(name)
    };
    if let BackendTarget::Name(name) = &target {
        refer(line, name.clone(), "use_backend")?;
    }
    let span = line.span;
    line.proxy()?.use_backend.push(UseBackend {
        target,
        condition,
        span,
    });
    Ok(())
}

fn default_backend(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(name) = line.arg(0).map(std::borrow::Cow::into_owned) else {
        return Err(line.fault("'default_backend' expects a backend name."));
    };
    if let Some(odd) = line.arg(1) {
        let text = format!("'default_backend' cannot handle unexpected argument '{odd}'.");
        return Err(line.fault_at(1, text));
    }
    // An earlier line of the same section is replaced, and its name need not exist any more.
    if let Some((_, earlier)) = line.proxy()?.default_backend.clone() {
        line.config.references.retain(|reference| {
            reference.span != earlier || !reference.missing.contains("default_backend")
        });
    }
    refer(line, name.clone(), "default_backend")?;
    let span = line.span;
    line.proxy()?.default_backend = Some((name, span));
    Ok(())
}

/// Notes that a backend must exist.
fn refer(line: &mut Line<'_>, name: String, keyword: &str) -> Result<(), Fault> {
    let from = Origin::of(line).from;
    let missing = format!(
        "Proxy '{}': unable to find required {keyword}: '{name}'.",
        line.proxy()?.name
    );
    line.config.references.push(Reference {
        kind: ReferenceKind::Backend,
        name,
        from,
        span: line.span,
        missing,
    });
    Ok(())
}

fn log_format_line(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(word) = line.args().first() else {
        return Err(line.fault("log-format expects an argument."));
    };
    if line.args().len() > 1 {
        let text = "log-format expects only one argument, don't forget to escape spaces!";
        return Err(line.fault_at(1, text));
    }
    let origin = Origin::of(line);
    let parsed =
        log_format::parse(&word.text, Style::Log, Place::LOG, &origin).map_err(|text| {
            let text = format!(
                "Parsing [{}]: failed to parse log-format : {text}.",
                origin.place
            );
            Diagnostic::at(Severity::Alert, word.span, text).with_prefix(Prefix::Bare)
        })?;
    line.config.references.extend(parsed.references);
    line.proxy()?.log_format = Some(parsed.format);
    Ok(())
}

/// A fault of an action: `error detected in frontend 'f' while parsing 'http-request deny' rule : ...`.
pub(crate) fn action_fault(cursor: &mut ActionCursor<'_, '_>, name: &str, text: &str) -> Fault {
    let section = cursor.line.keyword();
    let (kind, proxy) = match cursor.line.proxy.as_deref() {
        Some(proxy) => (proxy.kind, proxy.name.clone()),
        None => (ProxyKind::Frontend, String::new()),
    };
    let kind = if cursor.line.section == Sections::DEFAULTS {
        "defaults"
    } else {
        kind.name()
    };
    cursor.line.fault(format!(
        "error detected in {kind} '{proxy}' while parsing '{section} {name}' rule : {text}."
    ))
}
