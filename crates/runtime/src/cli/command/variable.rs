//! `get var` and `set var`: variables of the process.

use bumpalo::Bump;
use hapax_core::ir::{SetVariable, VariableValue};
use hapax_core::keyword::Registry;
use hapax_core::pattern::Lists;
use hapax_core::span::{FileId, Span, Word};
use hapax_core::variable::{Conditions, Name, Scope};
use hapax_sample::cast;
use hapax_sample::expression::{self, Ending, Origin};
use hapax_sample::log_format::{self, Style};
use hapax_sample::place::Place;
use hapax_sample::variable::set_process;

use super::{Answer, Call};

/// `get var`: type and value.
pub fn get(call: &mut Call<'_>) -> Answer {
    let given = call.arg(0);
    if given.is_empty() {
        return Answer::Refused("Missing process-wide variable identifier.\n".into());
    }
    let arena = Bump::new();
    let variables = &call.program.live.process.variables;
    let name = Name::parse(given.as_bytes()).ok();
    let value = name
        .filter(|name| name.scope() == Scope::Process)
        .and_then(|name| variables.read(&name, &arena));
    let Some(value) = value else {
        return Answer::Refused("Variable not found.\n".into());
    };
    let mut text = format!("{given}: type={} value=<", value.kind().name()).into_bytes();
    let start = text.len();
    cast::append(&mut text, value);
    // Text ends at a NUL byte, as it does upstream.
    let shown = text[start..].iter().position(|byte| *byte == 0);
    text.truncate(shown.map_or(text.len(), |length| start + length));
    text.extend_from_slice(b">\n");
    call.out.extend_from_slice(&text);
    Answer::Written
}

/// `set var <name> [expr|fmt] <value>`.
pub fn set(call: &mut Call<'_>) -> Answer {
    match parse(call) {
        Ok((name, value)) => {
            let variable = SetVariable {
                name,
                conditions: Conditions::default(),
                value,
            };
            set_process(call.program, call.now, &variable);
            Answer::Written
        }
        Err(text) => Answer::Refused(text + "\n"),
    }
}

fn parse(call: &Call<'_>) -> Result<(Name, VariableValue), String> {
    let given = call.arg(0);
    if given.is_empty() {
        return Err("Missing process-wide variable identifier.".into());
    }
    if call.arg(1).is_empty() {
        return Err("Missing either 'expr', 'fmt' or expression.".into());
    }
    let (kind, words) = match call.args.get(1..).unwrap_or_default() {
        [value] => ("expr", std::slice::from_ref(value)),
        [kind, words @ ..] => (kind.as_str(), words),
        [] => ("expr", &[][..]),
    };
    if kind != "expr" && kind != "fmt" {
        return Err(format!(
            "'set var': arg type must be either 'expr' or 'fmt' but got '{kind}'."
        ));
    }
    let name = Name::parse(given.as_bytes()).map_err(|error| error.to_string())?;
    if name.scope() != Scope::Process {
        return Err(format!(
            "'set var': cannot set variable '{given}', only scope 'proc' is permitted here."
        ));
    }
    let Some(registry) = call.program.live.registry.get() else {
        return Err("no keyword is known here".into());
    };
    let words: Vec<Word> = words.iter().map(|word| word_of(word)).collect();
    let origin = origin(registry);
    if kind == "fmt" {
        let text = words.first().map_or(&[][..], |word| &word.text);
        let parsed = log_format::parse(text, Style::Plain, Place::COMMAND, &origin)?;
        return Ok((name, VariableValue::Format(parsed.format)));
    }
    let text = expression::joined(&words);
    let parsed =
        expression::parse(&text, Ending::Whole, &origin).map_err(|error| error.to_string())?;
    if let Some(missing) = Place::COMMAND.lacks(&parsed.expr) {
        return Err(format!(
            "fetch method 'set-var({given})' extracts information from '{missing}', none of which is available here"
        ));
    }
    Ok((name, VariableValue::Expr(parsed.expr)))
}

fn origin(registry: &Registry) -> Origin<'_> {
    Origin {
        registry,
        proxy: String::new(),
        kind: None,
        span: NOWHERE,
        place: "CLI".into(),
        from: None,
        patterns: Lists::default(),
        usage: "",
        acls: None,
    }
}

fn word_of(text: &str) -> Word {
    Word {
        text: text.as_bytes().to_vec(),
        span: NOWHERE,
    }
}

const NOWHERE: Span = Span {
    file: FileId(0),
    line: 0,
    start: 0,
    end: 0,
};
