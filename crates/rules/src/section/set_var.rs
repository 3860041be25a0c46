//! `set-var` and `set-var-fmt` of the global section: values that process variables start with.

use hapax_core::ir::{SetVariable, VariableValue};
use hapax_core::keyword::{Fault, Line};
use hapax_core::variable::{Conditions, Name, Scope};
use hapax_sample::expression::{self, Ending, Origin};
use hapax_sample::log_format::{self, Style};
use hapax_sample::place::Place;

pub(crate) fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    let (name, conditions) = name(line, "a sample expression")?;
    let origin = Origin::of(line);
    let text = expression::joined(line.args().get(1..).unwrap_or_default());
    let parsed = expression::parse(&text, Ending::Whole, &origin)
        .map_err(|error| line.fault_at(1, error.to_string()))?;
    if let Some(missing) = Place::PARSER.lacks(&parsed.expr) {
        let text = format!(
            "fetch method 'set-var({})' extracts information from '{missing}', none of which is available here",
            name.text()
        );
        return Err(line.fault_at(1, text));
    }
    line.config.references.extend(parsed.references);
    add(line, name, conditions, VariableValue::Expr(parsed.expr));
    Ok(())
}

pub(crate) fn parse_format(line: &mut Line<'_>) -> Result<(), Fault> {
    let (name, conditions) = name(line, "a format string")?;
    let text = line.args().get(1).map(|word| word.text.as_slice());
    let place = Place::PARSER;
    let origin = Origin::of(line);
    let parsed = log_format::parse(text.unwrap_or_default(), Style::Plain, place, &origin)
        .map_err(|text| line.fault_at(1, text))?;
    line.config.references.extend(parsed.references);
    add(line, name, conditions, VariableValue::Format(parsed.format));
    Ok(())
}

fn add(line: &mut Line<'_>, name: Name, conditions: Conditions, value: VariableValue) {
    line.config.global.variables.push(SetVariable {
        name,
        conditions,
        value,
    });
}

fn name(line: &Line<'_>, what: &str) -> Result<(Name, Conditions), Fault> {
    let keyword = line.keyword();
    let (Some(word), Some(_)) = (line.args().first(), line.args().get(1)) else {
        return Err(line.fault(format!(
            "'{keyword}' requires a process-wide variable name ('proc.<name>') and {what}."
        )));
    };
    let mut parts = word.text.split(|byte| *byte == b',');
    let mut conditions = Conditions::default();
    let given = parts.next().unwrap_or_default();
    for part in parts.filter(|part| !part.is_empty()) {
        let added = conditions.add(part);
        added.map_err(|text| line.fault_at(0, text))?;
    }
    let name = Name::parse(given).map_err(|error| line.fault_at(0, error.to_string()))?;
    if name.scope() != Scope::Process {
        let text = format!(
            "'{keyword}': cannot set variable '{}', only scope 'proc' is permitted in the global section.",
            name.text()
        );
        return Err(line.fault_at(0, text));
    }
    Ok((name, conditions))
}
