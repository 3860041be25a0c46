//! `if`/`unless` and what follows: ACLs joined by blanks, `or` and `||`, negated by `!`, anonymous between braces
//! (configuration manual 7.2).

use hapax_core::contract::Cx;
use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir::{Acl, AclId, Condition, Term};
use hapax_core::keyword::Line;
use hapax_core::span::{Span, Word};

use crate::acl;
use crate::expression::Origin;
use crate::place::Place;

/// Reads a condition from `words`, of which the first is `if` or `unless`; every word belongs to it.
///
/// # Errors
/// Upstream's text without prefix and final period.
pub fn parse(words: &[Word], place: Place, line: &mut Line<'_>) -> Result<Condition, String> {
    let mut condition = Condition {
        unless: words.first().is_some_and(|word| *word == "unless"),
        any: Vec::new(),
    };
    let mut terms = Vec::new();
    let mut negated = false;
    let mut at = 1;
    while let Some(word) = words.get(at) {
        at += 1;
        let mut text = word.text.as_slice();
        while let [b'!', rest @ ..] = text {
            negated = !negated;
            text = rest;
        }
        match text {
            b"" => continue,
            b"or" | b"OR" | b"Or" | b"oR" | b"||" => {
                condition.any.push(std::mem::take(&mut terms));
                negated = false;
                continue;
            }
            b"{" => {
                let Some(length) = words[at..].iter().position(|word| *word == "}") else {
                    return Err("missing closing '}' in condition".to_owned());
                };
                let acl = anonymous(&words[at..at + length], place, line)?;
                at += length + 1;
                terms.push(Term { negated, acl });
            }
            name => {
                let acl = named(&String::from_utf8_lossy(name), word.span, place, line)?;
                terms.push(Term { negated, acl });
            }
        }
        negated = false;
    }
    condition.any.push(terms);
    Ok(condition)
}

/// Whether the condition holds.
#[inline]
pub fn holds(condition: &Condition, cx: &Cx<'_>) -> bool {
    // An empty term is true: `if` without anything is always.
    let any = condition.any.iter().any(|terms| {
        terms
            .iter()
            .all(|term| acl::matches(cx.program.acl(term.acl), cx) != term.negated)
    });
    any != condition.unless
}

/// The conjunction that makes a condition hold: the first one of its alternatives that is true.
pub fn holding(condition: &Condition, cx: &Cx<'_>) -> Option<u16> {
    if condition.unless {
        return None;
    }
    let holds = |terms: &Vec<Term>| {
        terms
            .iter()
            .all(|term| acl::matches(cx.program.acl(term.acl), cx) != term.negated)
    };
    let index = condition.any.iter().position(holds)?;
    u16::try_from(index).ok()
}

/// What can be said about a condition while more bytes may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does not hold, whatever comes.
    No,
    /// What comes decides.
    Open,
    /// It holds.
    Yes,
}

/// Whether the condition holds, if that can be said yet ([`hapax_core::stream::Inspection`]).
pub fn judge(condition: &Condition, cx: &Cx<'_>) -> Verdict {
    let mut any = Verdict::No;
    for terms in &condition.any {
        let mut all = Verdict::Yes;
        for term in terms {
            let verdict = acl::judge(cx.program.acl(term.acl), cx);
            match (verdict, term.negated) {
                (Verdict::Open, _) => all = Verdict::Open,
                (Verdict::Yes, false) | (Verdict::No, true) => {}
                _ => {
                    all = Verdict::No;
                    break;
                }
            }
        }
        match all {
            Verdict::Yes => {
                any = Verdict::Yes;
                break;
            }
            Verdict::Open => any = Verdict::Open,
            Verdict::No => {}
        }
    }
    match (any, condition.unless) {
        (Verdict::Yes, true) => Verdict::No,
        (Verdict::No, true) => Verdict::Yes,
        (verdict, _) => verdict,
    }
}

fn anonymous(words: &[Word], place: Place, line: &mut Line<'_>) -> Result<AclId, String> {
    let parsed = acl::parse_test(words, &Origin::of(line))?;
    acl::finish(line, &parsed, "");
    let fetch = parsed.test.expr.fetch;
    if !place.offers(fetch.needs) {
        line.warn(format!(
            "anonymous acl will never match{} because it uses keyword '{}' which is incompatible with '{}'",
            of_tcp(line),
            fetch.name,
            place.name
        ));
    }
    let span = line.span;
    Ok(acl::add(
        line.config,
        Acl {
            name: String::new(),
            span,
            tests: vec![parsed.test],
        },
    ))
}

/// Rules below HTTP are named in warnings about their conditions.
fn of_tcp(line: &Line<'_>) -> String {
    match line.words.first() {
        Some(first) if *first == "tcp-request" || *first == "tcp-response" => {
            format!(" in '{}'", line.keyword())
        }
        _ => String::new(),
    }
}

fn named(name: &str, span: Span, place: Place, line: &mut Line<'_>) -> Result<AclId, String> {
    if let Some(id) = line.scope.acls.get(name).copied() {
        warn_incompatible(id, name, place, line);
        return Ok(id);
    }
    let Some(acl) = predefined(name, &Origin::of(line)).transpose()? else {
        return Err(format!("no such ACL : '{name}'"));
    };
    let id = acl::add(line.config, Acl { span, ..acl });
    line.scope.acls.insert(name.to_owned(), id);
    warn_incompatible(id, name, place, line);
    Ok(id)
}

/// The ACL of that name that needs no declaration.
pub(crate) fn predefined(name: &str, origin: &Origin<'_>) -> Option<Result<Acl, String>> {
    let (_, definition) = PREDEFINED.iter().find(|(known, _)| *known == name)?;
    let words: Vec<Word> = definition
        .split(' ')
        .map(|text| Word {
            text: text.as_bytes().to_vec(),
            span: origin.span,
        })
        .collect();
    Some(acl::parse_test(&words, origin).map(|parsed| Acl {
        name: name.to_owned(),
        span: origin.span,
        tests: vec![parsed.test],
    }))
}

fn warn_incompatible(id: AclId, name: &str, place: Place, line: &mut Line<'_>) {
    let Some(acl) = line.config.acls.get(id.0 as usize) else {
        return;
    };
    let odd: Vec<_> = acl
        .tests
        .iter()
        .map(|test| test.expr.fetch)
        .filter(|fetch| !place.offers(fetch.needs))
        .collect();
    let text = match odd.first() {
        None => return,
        Some(_) if odd.len() == acl.tests.len() => format!(
            "acl '{name}' will never match because it only involves keywords that are incompatible with '{}'",
            place.name
        ),
        Some(fetch) => format!(
            "acl '{name}' involves keywords '{}' which is incompatible with '{}'",
            fetch.name, place.name
        ),
    };
    line.diagnostics.push(Diagnostic::warning(line.span, text));
}

/// ACLs that exist without a declaration (configuration manual 7.4) and their meaning.
const PREDEFINED: &[(&str, &str)] = &[
    ("FALSE", "always_false"),
    ("HTTP", "req.proto_http"),
    ("HTTP_1.0", "req.ver 1.0"),
    ("HTTP_1.1", "req.ver 1.1"),
    ("HTTP_2.0", "req.ver 2.0"),
    ("HTTP_3.0", "req.ver 3.0"),
    ("HTTP_CONTENT", "req.hdr_val(content-length) gt 0"),
    ("HTTP_URL_ABS", "url_reg ^[^/:]*://"),
    ("HTTP_URL_SLASH", "url_beg /"),
    ("HTTP_URL_STAR", "url *"),
    ("LOCALHOST", "src 127.0.0.1/8 ::1"),
    ("METH_CONNECT", "method CONNECT"),
    ("METH_DELETE", "method DELETE"),
    ("METH_GET", "method GET HEAD"),
    ("METH_HEAD", "method HEAD"),
    ("METH_OPTIONS", "method OPTIONS"),
    ("METH_POST", "method POST"),
    ("METH_PUT", "method PUT"),
    ("METH_TRACE", "method TRACE"),
    ("RDP_COOKIE", "req.rdp_cookie_cnt gt 0"),
    ("REQ_CONTENT", "req.len gt 0"),
    ("TRUE", "always_true"),
    ("WAIT_END", "wait_end"),
];
