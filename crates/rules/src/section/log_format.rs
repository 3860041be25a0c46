//! `log-format`, `error-log-format`, `log-format-sd`, `unique-id-format` and `unique-id-header`.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::{self, LOG_STEPS, LogSteps};
use hapax_core::keyword::{Fault, Line, Rulesets, Sections};
use hapax_core::span::Word;
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

pub(crate) fn parse_steps(line: &mut Line<'_>) -> Result<(), Fault> {
    let list = line.arg(0).unwrap_or_default();
    let mut steps = LogSteps::default();
    if list.is_empty() || list == "all" {
        let all = LOG_STEPS
            .iter()
            .fold(steps, |all, (_, step)| all.with(*step));
        line.proxy()?.log_steps = Some(all);
        return Ok(());
    }
    for name in list.strip_suffix(',').unwrap_or(&list).split(',') {
        let Some((_, step)) = LOG_STEPS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = LOG_STEPS.iter().map(|(name, _)| *name).collect();
            let known = known.join(", ");
            let text = format!("invalid log step name ({name}). Expected values are: {known}");
            return Err(line.fault_at(0, text));
        };
        steps = steps.with(*step);
    }
    line.proxy()?.log_steps = Some(steps);
    Ok(())
}

/// A format of a `log-profile` section.
pub(super) fn of_profile(line: &mut Line<'_>, word: &Word) -> Result<ir::LogFormat, Fault> {
    compiled(line, word, "logformat", Style::Log, Place::LOG)
}

pub(crate) fn parse_unique_id(line: &mut Line<'_>) -> Result<(), Fault> {
    let keyword = line.keyword();
    let word = only_word(line, &keyword)?;
    let place = Place::of(Rulesets::HTTP_REQUEST, ir::ProxyKind::Listen);
    let format = compiled(line, word, "unique-id", Style::Merged, place)?;
    line.proxy()?.unique_id_format = Some(format);
    Ok(())
}

pub(crate) fn parse_unique_id_header(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(name) = line.arg(0) else {
        return Err(line.fault("unique-id-header expects an argument."));
    };
    let name = name.to_ascii_lowercase();
    line.proxy()?.unique_id_header = Some(name);
    Ok(())
}

fn format(line: &mut Line<'_>, keyword: &str) -> Result<ir::LogFormat, Fault> {
    let word = only_word(line, keyword)?;
    compiled(line, word, keyword, Style::Log, Place::LOG)
}

fn only_word<'a>(line: &Line<'a>, keyword: &str) -> Result<&'a Word, Fault> {
    let Some(word) = line.args().first() else {
        return Err(line.fault(format!("{keyword} expects an argument.")));
    };
    if line.args().len() > 1 {
        let text = format!("{keyword} expects only one argument, don't forget to escape spaces!");
        return Err(line.fault_at(1, text));
    }
    Ok(word)
}

fn compiled(
    line: &mut Line<'_>,
    word: &Word,
    keyword: &str,
    style: Style,
    place: Place,
) -> Result<ir::LogFormat, Fault> {
    let origin = Origin::of(line);
    let parsed = log_format::parse(&word.text, style, place, &origin);
    let parsed = parsed.map_err(|text| {
        let place = &origin.place;
        let (colon, prefix) = match keyword {
            "logformat" => (":", Prefix::Config),
            _ => (" :", Prefix::Bare),
        };
        let text = format!("Parsing [{place}]: failed to parse {keyword}{colon} {text}.");
        Diagnostic::alert(word.span, text).with_prefix(prefix)
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
