//! The lines of today that do what an old rule did: exact for the common forms, the nearest for others.

use hapax_core::keyword::Rulesets;
use hapax_core::span::Word;

use crate::action::old_line::Effect;

/// What an old rule says.
pub(crate) struct Asked<'a> {
    /// Requests or responses.
    pub side: Side,
    /// What it looks for.
    pub pattern: &'a [u8],
    /// Whether letter case does not matter.
    pub ignore_case: bool,
    /// What it does.
    pub effect: &'a Effect,
    /// Its condition.
    pub condition: &'a [Word],
}

/// Which messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

impl Side {
    pub(crate) fn of(ruleset: Rulesets) -> Side {
        match ruleset {
            Rulesets::HTTP_RESPONSE => Side::Response,
            _ => Side::Request,
        }
    }

    pub(crate) fn keyword(self) -> &'static str {
        match self {
            Side::Request => "http-request",
            Side::Response => "http-response",
        }
    }

    fn fetch(self) -> &'static str {
        match self {
            Side::Request => "req",
            Side::Response => "res",
        }
    }
}

/// The lines.
pub(crate) fn lines(asked: &Asked<'_>) -> Vec<String> {
    let pattern = String::from_utf8_lossy(asked.pattern).into_owned();
    let keyword = asked.side.keyword();
    let seen = Seen::of(&pattern, asked.side);
    let verdict = |what: &str| asked.guarded(what, &seen);
    match asked.effect {
        Effect::Allow => verdict(&format!("{keyword} allow")),
        Effect::Deny(_) => verdict(&format!("{keyword} deny")),
        Effect::Tarpit => verdict(&format!("{keyword} tarpit")),
        Effect::Pass => verdict(&format!("{keyword} allow")),
        Effect::Backend(name) => verdict(&format!("use_backend {}", word(name.as_bytes()))),
        Effect::Delete => asked.delete(&seen),
        Effect::Replace(text) => asked.replace(&seen, &String::from_utf8_lossy(text)),
    }
}

/// What a pattern looks at.
enum Seen<'p> {
    /// The value of a header; the rest of the pattern, empty when any value will do.
    Field { name: &'p str, value: &'p str },
    /// All headers whose names begin so.
    Fields { begin: &'p str },
    /// The request line: a method, if it is one fixed one, and a target.
    Target {
        method: Option<&'p str>,
        target: &'p str,
    },
    /// The status line with this status.
    Status(&'p str),
    /// Anything.
    Any { pattern: &'p str },
}

impl<'p> Seen<'p> {
    fn of(pattern: &'p str, side: Side) -> Seen<'p> {
        let any = Seen::Any { pattern };
        let Some(rest) = pattern.strip_prefix('^') else {
            return any;
        };
        let is_name =
            |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if let Some(value) = after.strip_prefix(':').filter(|_| !name.is_empty()) {
            return Seen::Field {
                name,
                value: value_pattern(value),
            };
        }
        let open = [".*", "[^:]*:", "[^:]*:.*", ".*:", ".*:.*", "[^:]+:.*"];
        if name.ends_with('-') && open.contains(&after) {
            return Seen::Fields { begin: name };
        }
        if side == Side::Response {
            let status = rest.strip_prefix("HTTP/").and_then(|rest| {
                let (_, status) = rest.split_once([' '])?;
                let status = status.trim_start_matches('(').get(..3)?;
                status
                    .bytes()
                    .all(|byte| byte.is_ascii_digit())
                    .then_some(status)
            });
            return status.map_or(any, Seen::Status);
        }
        // `GET /x`, `[^ ]* /x`, `([^ :]*) /x`: a method and a target.
        let Some((method, target)) = split_outside_brackets(rest) else {
            return any;
        };
        let fixed = method.bytes().all(|byte| byte.is_ascii_uppercase());
        let target = without_version(target);
        match fixed && !method.is_empty() {
            true => Seen::Target {
                method: Some(method),
                target,
            },
            false if is_any_method(method) => Seen::Target {
                method: None,
                target,
            },
            false => any,
        }
    }
}

impl Asked<'_> {
    /// `what` when a line matches.
    fn guarded(&self, what: &str, seen: &Seen<'_>) -> Vec<String> {
        let fetch = self.side.fetch();
        let test = match seen {
            Seen::Field { name, value: "" } => format!("{{ {fetch}.fhdr({name}) -m found }}"),
            Seen::Field { name, value } => {
                self.matches(&format!("{fetch}.fhdr({name})"), &format!("^{value}"))
            }
            Seen::Fields { begin } => {
                let pattern = format!("(?m)^{}", begin.to_ascii_lowercase());
                self.matches(&format!("{fetch}.hdrs"), &pattern)
            }
            Seen::Target { method, target } => {
                let method = method.map(|method| format!("{{ method {method} }} "));
                let target = self.matches("url", &format!("^{target}"));
                format!("{}{target}", method.unwrap_or_default())
            }
            Seen::Status(status) => format!("{{ status {status} }}"),
            Seen::Any { pattern } => return self.guarded_by_any(what, pattern),
        };
        vec![spaced(&[what, &self.when(&test)])]
    }

    /// First line and header lines: two rules.
    fn guarded_by_any(&self, what: &str, pattern: &str) -> Vec<String> {
        let fetch = self.side.fetch();
        let first = match self.side {
            Side::Request => "\"%[method] %[url] HTTP/%[req.ver]\"",
            Side::Response => "\"HTTP/%[res.ver] %[status]\"",
        };
        let line = self.matches("var(txn.line)", pattern);
        // Names are in lower case today.
        let pattern = word(format!("(?m){pattern}").as_bytes());
        let headers = format!("{{ {fetch}.hdrs -m reg -i -- {pattern} }}");
        vec![
            format!("{} set-var-fmt(txn.line) {first}", self.side.keyword()),
            spaced(&[what, &self.when(&line)]),
            spaced(&[what, &self.when(&headers)]),
        ]
    }

    fn delete(&self, seen: &Seen<'_>) -> Vec<String> {
        let keyword = self.side.keyword();
        let always = condition(self.condition);
        let line = match seen {
            Seen::Field { name, value: "" } => spaced(&[keyword, "del-header", name, &always]),
            // All lines of the name go when one matches, where the old rule took those that match.
            Seen::Field { name, value } => {
                let fetch = format!("{}.fhdr({name})", self.side.fetch());
                let when = self.when(&self.matches(&fetch, &format!("^{value}")));
                spaced(&[keyword, "del-header", name, &when])
            }
            Seen::Fields { begin } => {
                let begin = begin.to_ascii_lowercase();
                spaced(&[keyword, "del-header", &begin, "-m beg", &always])
            }
            Seen::Any { pattern } => {
                let name = pattern
                    .split(':')
                    .next()
                    .unwrap_or_default()
                    .to_ascii_lowercase();
                let name = word(name.as_bytes());
                spaced(&[keyword, "del-header", &name, "-m reg", &always])
            }
            Seen::Target { .. } | Seen::Status(_) => "please remove this line".to_owned(),
        };
        vec![line]
    }

    fn replace(&self, seen: &Seen<'_>, text: &str) -> Vec<String> {
        let keyword = self.side.keyword();
        let always = condition(self.condition);
        match seen {
            Seen::Field { name, value } => self.replace_field(name, value, text, &always),
            Seen::Target { method, target } => self.replace_target(*method, target, text, &always),
            Seen::Status(status) => {
                let new = text.split(' ').nth(1).unwrap_or_default();
                let test = format!("{{ status {status} }}");
                vec![spaced(&[keyword, "set-status", new, &self.when(&test)])]
            }
            Seen::Fields { .. } | Seen::Any { .. } => {
                let text = format!(
                    "{keyword} replace-header for header lines, replace-uri or set-method for the request line"
                );
                vec![text]
            }
        }
    }

    fn replace_field(&self, name: &str, value: &str, text: &str, always: &str) -> Vec<String> {
        let keyword = self.side.keyword();
        let pattern = match value {
            "" => ".*".to_owned(),
            value => format!("{}^{value}", self.flag()),
        };
        let (new_name, new_value) = text.split_once(':').unwrap_or((name, text));
        let new_value = format(new_value.trim_start().as_bytes());
        let pattern = word(pattern.as_bytes());
        if new_name.eq_ignore_ascii_case(name) {
            return vec![spaced(&[
                keyword,
                "replace-header",
                name,
                &pattern,
                &new_value,
                always,
            ])];
        }
        let fetch = format!("{}.fhdr({name})", self.side.fetch());
        let test = match value {
            "" => format!("{{ {fetch} -m found }}"),
            value => self.matches(&fetch, &format!("^{value}")),
        };
        let when = self.when(&test);
        let copy = format!("%[{fetch}]");
        vec![
            spaced(&[keyword, "add-header", new_name, &copy, &when]),
            spaced(&[
                keyword,
                "replace-header",
                new_name,
                &pattern,
                &new_value,
                &when,
            ]),
            spaced(&[keyword, "del-header", name, &when]),
        ]
    }

    fn replace_target(
        &self,
        method: Option<&str>,
        target: &str,
        text: &str,
        always: &str,
    ) -> Vec<String> {
        let (new_method, new_target) = text.split_once(' ').unwrap_or(("", text));
        let new_target = without_version(new_target);
        let pattern = word(format!("{}^{target}", self.flag()).as_bytes());
        if let Some(method) = method {
            let test = format!(
                "{{ method {method} }} {}",
                self.matches("url", &format!("^{target}"))
            );
            let when = self.when(&test);
            let action = if has_groups(new_target) {
                ["replace-uri".to_owned(), pattern]
            } else {
                ["set-uri".to_owned(), String::new()]
            };
            let [action, pattern] = action;
            let plain = match pattern.is_empty() {
                true => format(new_target.replace('\\', "").as_bytes()),
                false => format(new_target.as_bytes()),
            };
            let mut lines = vec![spaced(&["http-request", &action, &pattern, &plain, &when])];
            if new_method != method {
                lines.insert(0, spaced(&["http-request set-method", new_method, &when]));
            }
            return lines;
        }
        // The group of the method goes, those behind move up.
        let grouped = new_method == "\\1";
        let moved: Option<String> = if grouped {
            shift_groups(new_target)
        } else {
            None
        };
        match moved {
            Some(moved) => {
                let action = match moved.starts_with('/') {
                    true => "replace-path",
                    false => "replace-uri",
                };
                let moved = format(moved.as_bytes());
                vec![spaced(&["http-request", action, &pattern, &moved, always])]
            }
            None => {
                let plain = format(new_target.as_bytes());
                vec![
                    spaced(&["http-request replace-uri", &pattern, &plain, always]),
                    spaced(&["http-request set-method", new_method, always]),
                ]
            }
        }
    }

    fn flag(&self) -> &'static str {
        if self.ignore_case { "(?i)" } else { "" }
    }

    /// An anonymous ACL.
    fn matches(&self, fetch: &str, pattern: &str) -> String {
        let flag = if self.ignore_case { "-i " } else { "" };
        format!("{{ {fetch} -m reg {flag}-- {} }}", word(pattern.as_bytes()))
    }

    /// The condition under which `test` holds and the rule's own condition too.
    fn when(&self, test: &str) -> String {
        let own = Terms::of(self.condition);
        let alternatives: Vec<_> = own
            .0
            .iter()
            .map(|terms| spaced(&[test, &terms.join(" ")]))
            .collect();
        format!("if {}", alternatives.join(" || "))
    }
}

/// A condition as alternatives of terms that hold together.
struct Terms(Vec<Vec<String>>);

impl Terms {
    fn of(words: &[Word]) -> Terms {
        let Some((kind, words)) = words.split_first() else {
            return Terms(vec![Vec::new()]);
        };
        let mut alternatives = vec![Vec::new()];
        let mut open: Option<String> = None;
        for given in words {
            let text = word(&given.text);
            let Some(term) = &mut open else {
                match text.as_str() {
                    "||" | "or" | "OR" => alternatives.push(Vec::new()),
                    "{" | "!{" => open = Some(text),
                    _ => alternatives
                        .last_mut()
                        .into_iter()
                        .for_each(|last| last.push(text.clone())),
                }
                continue;
            };
            term.push(' ');
            term.push_str(&text);
            if text == "}" {
                let term = open.take();
                alternatives
                    .last_mut()
                    .into_iter()
                    .for_each(|last| last.extend(term.clone()));
            }
        }
        if *kind == "if" {
            return Terms(alternatives);
        }
        // Not (a b || c): !a !c || !b !c.
        let mut negated: Vec<Vec<String>> = vec![Vec::new()];
        for terms in alternatives {
            let longer = negated.iter().flat_map(|some| {
                terms.iter().map(|term| {
                    let mut some = some.clone();
                    some.push(match term.strip_prefix('!') {
                        Some(positive) => positive.to_owned(),
                        None => format!("!{term}"),
                    });
                    some
                })
            });
            negated = longer.take(MOST_ALTERNATIVES).collect();
        }
        Terms(negated)
    }
}

/// The words of a condition as one may write them.
pub(crate) fn condition(words: &[Word]) -> String {
    self::words(words)
}

/// Words as one may write them.
pub(crate) fn words(words: &[Word]) -> String {
    let words: Vec<_> = words.iter().map(|given| word(&given.text)).collect();
    words.join(" ")
}

/// A word as one may write it, outside of quotes.
pub(crate) fn word(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    if text.is_empty() {
        return "\"\"".to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '"' | '\'' | '#' => out.extend(['\\', letter]),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\\' if letters
                .peek()
                .is_none_or(|next| " \\\"'#nrtx".contains(*next)) =>
            {
                out.push_str("\\\\");
            }
            _ => out.push(letter),
        }
    }
    out
}

/// A text as one may write it where a log format stands.
pub(crate) fn format(text: &[u8]) -> String {
    word(text).replace('%', "%%")
}

/// The parts that are not empty, with blanks between.
pub(crate) fn spaced(parts: &[&str]) -> String {
    let parts: Vec<_> = parts
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect();
    parts.join(" ")
}

/// The pattern of a value without the blank behind the colon; empty when it takes every value.
fn value_pattern(value: &str) -> &str {
    let blanks = [" *", "[ ]*", "[ ]", "\\s*", " +", " "];
    let found = blanks.iter().find_map(|blank| value.strip_prefix(blank));
    match found.unwrap_or(value) {
        "" | ".*" | ".*$" => "",
        value => value,
    }
}

/// The text before and behind the first blank that stands in no bracket expression.
fn split_outside_brackets(pattern: &str) -> Option<(&str, &str)> {
    let mut inside = false;
    for (at, letter) in pattern.char_indices() {
        match letter {
            '[' => inside = true,
            ']' => inside = false,
            ' ' if !inside => return Some((pattern.get(..at)?, pattern.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

/// A target, or the pattern of one, without the version behind it.
fn without_version(target: &str) -> &str {
    let mut inside = false;
    let mut cut = target.len();
    for (at, letter) in target.char_indices() {
        match letter {
            '[' => inside = true,
            ']' => inside = false,
            ' ' if !inside => cut = at,
            _ => {}
        }
    }
    let target = target.get(..cut).unwrap_or(target);
    target
        .find("HTTP/")
        .and_then(|at| target.get(..at))
        .unwrap_or(target)
}

/// Whether a pattern takes every method.
fn is_any_method(pattern: &str) -> bool {
    let inner = pattern
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'));
    let inner = inner.unwrap_or(pattern);
    let brackets = ["[^ :]", "[^ ]", "[A-Z]", "[^:]", "\\S", "\\w", "."];
    let repeated = inner.strip_suffix(['*', '+']);
    repeated.is_some_and(|unit| brackets.contains(&unit))
}

/// Whether a replacement takes something over from what matched.
fn has_groups(text: &str) -> bool {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\\' && letters.next().is_some_and(|next| next.is_ascii_digit()) {
            return true;
        }
    }
    false
}

/// The replacement with each group one lower; none when it uses the first.
fn shift_groups(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        out.push(letter);
        if letter != '\\' {
            continue;
        }
        match letters.next()? {
            '1' => return None,
            digit @ '2'..='9' => out.push(char::from(digit as u8 - 1)),
            other => out.push(other),
        }
    }
    Some(out)
}

/// A condition turned round does not become longer than this.
const MOST_ALTERNATIVES: usize = 16;
