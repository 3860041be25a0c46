//! `on`: how the lines of a step look at the targets of a `log-profile`.

use hapax_core::diagnostic::Prefix;
use hapax_core::ir::{LOG_STEPS, LogOrigin, ProfileStep};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Support};

use super::log_format;

/// The row.
pub(super) const ROW: SectionKeyword = SectionKeyword {
    name: "on",
    sections: Sections::LOG_PROFILE,
    negatable: false,
    usage: "<step> [drop] [format <fmt>] [sd <sd_fmt>]",
    doc: "How the log lines of a step look, or that there are none.",
    support: Support::Runs,
    parse,
};

fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    let name = line.arg(0).unwrap_or_default();
    let step = match name.as_ref() {
        "any" => ProfileStep::Any,
        "error" => ProfileStep::Error,
        name => {
            let known = LOG_STEPS.iter().find(|(known, _)| *known == name);
            ProfileStep::Origin(known.ok_or_else(|| expected(line))?.1)
        }
    };
    let (mut drop, mut format, mut structured) = (None, None, None);
    let mut at = 1;
    loop {
        match line.arg(at).as_deref() {
            Some("drop") if at == 1 => {
                drop = Some(true);
                at += 1;
            }
            Some(word @ ("format" | "sd")) => {
                let Some(text) = line.args().get(at + 1) else {
                    let text = format!("'on {name} {word}' expects a logformat string.");
                    return Err(line.fault_at(at, text));
                };
                let compiled = Some(log_format::of_profile(line, text)?);
                drop = Some(false);
                match word {
                    "sd" => structured = compiled,
                    _ => format = compiled,
                }
                at += 2;
            }
            None if at > 1 => break,
            _ => {
                let text = format!("'on {name}' expects 'drop', 'format' or 'sd'.");
                return Err(line.fault_at(at, text));
            }
        }
    }
    let Some(profile) = line.config.log_profiles.last_mut() else {
        return Ok(());
    };
    let known = profile.steps.iter().position(|(known, _)| *known == step);
    let at = known.unwrap_or(profile.steps.len());
    if known.is_none() {
        profile.steps.push((step, Default::default()));
    }
    if let Some((_, log)) = profile.steps.get_mut(at) {
        log.drop = drop.unwrap_or(log.drop);
        log.format = format.or(log.format.take());
        log.structured = structured.or(log.structured.take());
    }
    Ok(())
}

fn expected(line: &Line<'_>) -> Fault {
    let quoted = |steps: &[(&str, LogOrigin)]| {
        let names: Vec<_> = steps.iter().map(|(name, _)| format!("'{name}'")).collect();
        names.join(", ")
    };
    let (own, of_rules) = LOG_STEPS.split_at(5);
    let text = format!(
        "'on' expects a log step.\nexpected values are: {}, 'error' or 'any'.\nOr one of the additional log steps: {}.",
        quoted(own),
        quoted(of_rules)
    );
    let mut fault = line.fault_at(0, text);
    fault.diagnostic.prefix = Prefix::Reading;
    fault
}
