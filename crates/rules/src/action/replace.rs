//! `replace-header`, `replace-value`, `replace-path`, `replace-pathq` and `replace-uri`.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::ir::LogFormat;
use hapax_core::keyword::{ActionCursor, Fault};
use hapax_proto::http::Values;
use hapax_sample::log_format::Style;
use hapax_sample::matcher::{Regex, compile_regex, expand};

use super::set_target::{self, Part};
use super::{argument, fault, head, read_format, with_text};

pub fn header(
    cursor: &mut ActionCursor<'_, '_>,
    keyword: &'static str,
    whole: bool,
) -> Result<Arc<dyn Action>, Fault> {
    let words = (argument(cursor), argument(cursor), argument(cursor));
    let (Some(name), Some(pattern), Some(replacement)) = words else {
        return Err(fault(cursor, keyword, "expects exactly 3 arguments"));
    };
    let regex =
        compile_regex(&pattern.text, false).map_err(|text| fault(cursor, keyword, &text))?;
    let format = read_format(cursor, replacement, Style::Header)
        .map_err(|text| fault(cursor, keyword, &text))?;
    Ok(Arc::new(ReplaceHeader {
        keyword,
        name: name.text.clone(),
        regex,
        format,
        whole,
    }))
}

pub fn target(
    cursor: &mut ActionCursor<'_, '_>,
    keyword: &'static str,
    part: Part,
) -> Result<Arc<dyn Action>, Fault> {
    let (Some(pattern), Some(replacement)) = (argument(cursor), argument(cursor)) else {
        let text = "expects exactly 2 arguments <match-regex> and <replace-format>";
        return Err(fault(cursor, keyword, text));
    };
    let regex =
        compile_regex(&pattern.text, false).map_err(|text| fault(cursor, keyword, &text))?;
    let format = read_format(cursor, replacement, Style::Header)
        .map_err(|text| fault(cursor, keyword, &text))?;
    Ok(Arc::new(ReplaceTarget {
        keyword,
        part,
        regex,
        format,
    }))
}

#[derive(Debug)]
struct ReplaceHeader {
    keyword: &'static str,
    name: Vec<u8>,
    regex: Regex,
    format: LogFormat,
    whole: bool,
}

impl Action for ReplaceHeader {
    fn text(&self) -> String {
        let name = String::from_utf8_lossy(&self.name);
        format!(
            "{} {name} {} {}",
            self.keyword, self.regex, self.format.text
        )
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        with_text(&self.format, tx, |tx, replacement| {
            let head = head(tx);
            for index in 0..head.len() {
                if !head.name(index).eq_ignore_ascii_case(&self.name) {
                    continue;
                }
                let line = head.value(index);
                let changed = if self.whole {
                    substitute(&self.regex, line, replacement)
                } else {
                    each_value(&self.regex, line, replacement)
                };
                if let Some(value) = changed {
                    head.set_value(index, &value);
                }
            }
        });
        Outcome::Continue
    }
}

/// The replacement for a text, when the expression matches it; all of the text is replaced.
fn substitute(regex: &Regex, text: &[u8], replacement: &[u8]) -> Option<Vec<u8>> {
    let captures = regex.captures(text)?;
    let mut out = Vec::with_capacity(replacement.len() + 32);
    expand(replacement, &captures, &mut out);
    Some(out)
}

fn each_value(regex: &Regex, line: &[u8], replacement: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(line.len() + 32);
    let mut done = 0;
    let mut changed = false;
    for value in Values::new(line) {
        let Some(new) = substitute(regex, value, replacement) else {
            continue;
        };
        let start = value.as_ptr().addr().checked_sub(line.as_ptr().addr())?;
        out.extend_from_slice(line.get(done..start)?);
        out.extend_from_slice(&new);
        done = start + value.len();
        changed = true;
    }
    out.extend_from_slice(line.get(done..)?);
    changed.then_some(out)
}

#[derive(Debug)]
struct ReplaceTarget {
    keyword: &'static str,
    part: Part,
    regex: Regex,
    format: LogFormat,
}

impl Action for ReplaceTarget {
    fn text(&self) -> String {
        format!("{} {} {}", self.keyword, self.regex, self.format.text)
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        with_text(&self.format, tx, |tx, replacement| {
            let request = &mut tx.stream.request;
            let uri = request.uri();
            let current = match self.part {
                Part::Uri => uri,
                Part::Path => request.path(),
                Part::Query => request.query().unwrap_or_default(),
                Part::PathAndQuery => {
                    let query = request.query().map_or(0, |query| query.len() + 1);
                    let length = request.path().len() + query;
                    &uri[uri.len().saturating_sub(length)..]
                }
            };
            if let Some(new) = substitute(&self.regex, current, replacement) {
                set_target::set(request, self.part, &new);
            }
        });
        Outcome::Continue
    }
}
