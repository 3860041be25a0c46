//! `log-format`.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::keyword::{Fault, Line};
use hapax_sample::expression::Origin;
use hapax_sample::log_format::{self, Style};
use hapax_sample::place::Place;

pub(crate) fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(word) = line.args().first() else {
        return Err(line.fault("log-format expects an argument."));
    };
    if line.args().len() > 1 {
        let text = "log-format expects only one argument, don't forget to escape spaces!";
        return Err(line.fault_at(1, text));
    }
    let origin = Origin::of(line);
    let parsed = log_format::parse(&word.text, Style::Log, Place::LOG, &origin);
    let parsed = parsed.map_err(|text| {
        let place = &origin.place;
        let text = format!("Parsing [{place}]: failed to parse log-format : {text}.");
        Diagnostic::alert(word.span, text).with_prefix(Prefix::Bare)
    })?;
    line.config.references.extend(parsed.references);
    line.proxy()?.log_format = Some(parsed.format);
    Ok(())
}
