//! What hapax says about a configuration: severity, place, text and hint.

use serde::Serialize;

use crate::span::{Sources, Span};

/// How bad it is; the order is from harmless to fatal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Severity {
    /// Shown with `-dD` only.
    Diag,
    /// `[NOTICE]`.
    Notice,
    /// `[WARNING]`; refused under `-dW` and `zero-warning`.
    Warning,
    /// `[ALERT]`; the configuration is refused.
    Alert,
}

impl Severity {
    /// The tag in the form in which upstream pads it, for example `[ALERT]   `.
    pub fn tag(self) -> &'static str {
        match self {
            Severity::Diag => "[DIAG]    ",
            Severity::Notice => "[NOTICE]  ",
            Severity::Warning => "[WARNING] ",
            Severity::Alert => "[ALERT]   ",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where; none for findings about the whole.
    pub span: Option<Span>,
    /// Upstream's text after what `prefix` prints.
    pub message: String,
    /// An own line below the caret, for example the modern spelling.
    pub hint: Option<String>,
    /// What stands between the process id and the message.
    pub prefix: Prefix,
}

/// What upstream prints between the process id and the message; it differs by where the fault was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Prefix {
    /// `config : parsing [file:line] : `
    Parsing,
    /// `config : parsing [file:line]: `, without a space before the colon: what the line reader, conditions and the search
    /// for sections print.
    Reading,
    /// `config : [file:line] : `
    Place,
    /// `config : `
    Config,
    /// Nothing.
    Bare,
}

impl Diagnostic {
    /// A finding at a place.
    pub fn at(severity: Severity, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity,
            span: Some(span),
            message: message.into(),
            hint: None,
            prefix: Prefix::Parsing,
        }
    }

    /// An error at a place.
    pub fn alert(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(Severity::Alert, span, message)
    }

    /// A warning at a place.
    pub fn warning(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(Severity::Warning, span, message)
    }

    /// A finding whose message is the whole text after `config : `; the span, if any, only draws the caret.
    pub fn whole(severity: Severity, span: Option<Span>, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity,
            span,
            message: message.into(),
            hint: None,
            prefix: Prefix::Config,
        }
    }

    /// The same behind another prefix.
    #[must_use]
    pub fn with_prefix(mut self, prefix: Prefix) -> Diagnostic {
        self.prefix = prefix;
        self
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// Upstream's line: `[ALERT]    (pid) : config : parsing [file:line] : text`, without a line feed.
    pub fn line(&self, sources: &Sources, pid: u32) -> String {
        let tag = self.severity.tag();
        let place = self
            .span
            .map(|span| format!("[{}:{}]", sources.path(span.file), span.line))
            .unwrap_or_default();
        let prefix = match self.prefix {
            Prefix::Parsing | Prefix::Reading | Prefix::Place if place.is_empty() => {
                "config : ".to_owned()
            }
            Prefix::Parsing => format!("config : parsing {place} : "),
            Prefix::Reading => format!("config : parsing {place}: "),
            Prefix::Place => format!("config : {place} : "),
            Prefix::Config => "config : ".to_owned(),
            Prefix::Bare => String::new(),
        };
        format!("{tag} ({pid}) : {prefix}{}", self.message)
    }

    /// Whether the message ends with upstream's own picture: a line that is only a caret.
    fn draws_itself(&self) -> bool {
        let last = self.message.rsplit('\n').next().unwrap_or_default();
        last.trim_start() == "^"
    }

    /// The source line with a caret line below the span, and the hint; empty when there is nothing to show.
    pub fn picture(&self, sources: &Sources) -> String {
        let mut picture = String::new();
        if let Some(span) = self.span
            && let Some(source) = sources.file(span.file)
            && span.end > span.start
            && !self.draws_itself()
        {
            let line = source.line(span.line);
            let shown: String = String::from_utf8_lossy(line)
                .trim_end()
                .chars()
                .map(|c| if c == '\t' { ' ' } else { c })
                .collect();
            let columns = |bytes: u32| {
                String::from_utf8_lossy(line.get(..bytes as usize).unwrap_or(line))
                    .chars()
                    .count()
            };
            let (start, end) = (columns(span.start), columns(span.end));
            if shown.chars().count() <= 400 {
                picture += &format!(
                    "    {shown}\n    {}{}",
                    " ".repeat(start),
                    "^".repeat((end - start).max(1))
                );
            }
        }
        if let Some(hint) = &self.hint {
            if !picture.is_empty() {
                picture.push('\n');
            }
            picture += "    hint: ";
            picture += hint;
        }
        picture
    }
}

/// The findings of one run, in the order they were made.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Whether the configuration is refused.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Alert) > 0
    }

    /// How many findings of a severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|d| d.severity == severity).count()
    }

    /// The findings in order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::{FileId, Source};

    #[test]
    fn a_finding_prints_as_upstream_does_with_a_caret_below() {
        let mut sources = Sources::default();
        let file = sources.add(Source::new("x.cfg", b"global\n  foo bar\n".as_slice()));
        assert_eq!(file, FileId(0));
        let span = Span {
            file,
            line: 2,
            start: 6,
            end: 9,
        };
        let finding = Diagnostic::alert(span, "bad 'bar'").with_hint("use 'baz'");
        assert_eq!(
            finding.line(&sources, 7),
            "[ALERT]    (7) : config : parsing [x.cfg:2] : bad 'bar'"
        );
        assert_eq!(
            finding.picture(&sources),
            "      foo bar\n          ^^^\n    hint: use 'baz'"
        );
    }
}
