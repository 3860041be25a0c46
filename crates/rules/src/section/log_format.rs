//! `log-format`, `error-log-format` and `log-format-sd`.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, Sections};
use hapax_sample::expression::Origin;
use hapax_sample::log_format::{self, Style};
use hapax_sample::place::Place;

pub(crate) fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    let format = format(line, "log-format")?;
    line.proxy()?.log_format = Some(format);
    Ok(())
}

pub(crate) fn parse_error(line: &mut Line<'_>) -> Result<(), Fault> {
    let format = format(line, "error-log-format")?;
    if !is_ignored(line, "error-log-format")? {
        line.proxy()?.error_log_format = Some(format);
    }
    Ok(())
}

pub(crate) fn parse_structured(line: &mut Line<'_>) -> Result<(), Fault> {
    let format = format(line, "log-format-sd")?;
    if !is_ignored(line, "log-format-sd")? {
        line.proxy()?.log_format_sd = Some(format);
    }
    Ok(())
}

fn format(line: &mut Line<'_>, keyword: &str) -> Result<ir::LogFormat, Fault> {
    let Some(word) = line.args().first() else {
        return Err(line.fault(format!("{keyword} expects an argument.")));
    };
    if line.args().len() > 1 {
        let text = format!("{keyword} expects only one argument, don't forget to escape spaces!");
        return Err(line.fault_at(1, text));
    }
    let origin = Origin::of(line);
    let parsed = log_format::parse(&word.text, Style::Log, Place::LOG, &origin);
    let parsed = parsed.map_err(|text| {
        let place = &origin.place;
        let text = format!("Parsing [{place}]: failed to parse {keyword} : {text}.");
        Diagnostic::alert(word.span, text).with_prefix(Prefix::Bare)
    })?;
    line.config.references.extend(parsed.references);
    Ok(parsed.format)
}

/// Backends log nothing.
fn is_ignored(line: &mut Line<'_>, keyword: &str) -> Result<bool, Fault> {
    if line.section != Sections::BACKEND {
        return Ok(false);
    }
    let name = line.proxy()?.name.clone();
    line.warn(format!(
        "backend '{name}' : '{keyword}' directive is ignored in backends."
    ));
    Ok(true)
}
