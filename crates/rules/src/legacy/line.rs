//! The rules over lines: `reqrep`, `rspdel`, `reqdeny`, `reqsetbe` and their kin; those with an `i` ignore letter case.

use std::sync::Arc;

use hapax_core::ir::{Reference, ReferenceKind};
use hapax_core::keyword::{Fault, Line, Rulesets, SectionKeyword};
use hapax_sample::expression::Origin;

use super::modern::{Asked, Side, lines};
use super::{pattern, row, rule, ruleset, warn, written};
use crate::action::old_line::{Effect, OldLine};

macro_rules! rows {
    ($( $name:literal $with_case:literal $last:literal $usage:literal $doc:literal $effect:expr; )*) => {
        pub(crate) static ROWS: &[SectionKeyword] = &[ $(
            row($name, $last, $usage, $doc, |line| parse(line, true, $effect)),
            row($with_case, $last, $usage, $doc, |line| parse(line, false, $effect)),
        )* ];
    };
}

rows! {
    "reqallow" "reqiallow" "2.0" "<regex> [ { if | unless } <condition> ]"
        "A request with a line that matches is not looked at by the old rules behind." |_, _| Ok(Effect::Allow);
    "reqdel" "reqidel" "2.0" "<regex> [ { if | unless } <condition> ]"
        "Removes header lines that match from requests." |_, _| Ok(Effect::Delete);
    "reqdeny" "reqideny" "2.0" "<regex> [ { if | unless } <condition> ]"
        "Refuses requests with a line that matches." |_, _| Ok(Effect::Deny(403));
    "reqpass" "reqipass" "2.0" "<regex> [ { if | unless } <condition> ]"
        "Lines that match are left alone by the old rules behind." |_, _| Ok(Effect::Pass);
    "reqrep" "reqirep" "2.0" "<regex> <string> [ { if | unless } <condition> ]"
        "Rewrites the lines of requests that match." replacement;
    "reqsetbe" "reqisetbe" "1.5" "<regex> <backend> [ { if | unless } <condition> ]"
        "Chooses the backend of requests with a line that matches." backend;
    "reqtarpit" "reqitarpit" "2.0" "<regex> [ { if | unless } <condition> ]"
        "Holds and refuses requests with a line that matches." |_, _| Ok(Effect::Tarpit);
    "rspdel" "rspidel" "2.0" "<regex> [ { if | unless } <condition> ]"
        "Removes header lines that match from responses." |_, _| Ok(Effect::Delete);
    "rspdeny" "rspideny" "2.0" "<regex> [ { if | unless } <condition> ]"
        "Refuses responses with a line that matches." |_, _| Ok(Effect::Deny(502));
    "rsprep" "rspirep" "2.0" "<regex> <string> [ { if | unless } <condition> ]"
        "Rewrites the lines of responses that match." replacement;
}

/// Makes the effect of a line from its words, of which the first is the pattern.
type MakeEffect = fn(&mut Line<'_>, &str) -> Result<Effect, Fault>;

fn replacement(line: &mut Line<'_>, name: &str) -> Result<Effect, Fault> {
    match line.args().get(1) {
        Some(word) => Ok(Effect::Replace(word.text.clone())),
        None => Err(line.fault(format!(
            "'{name}' expects <search> and <replace> as arguments."
        ))),
    }
}

fn backend(line: &mut Line<'_>, name: &str) -> Result<Effect, Fault> {
    let Some(target) = line.arg(1) else {
        return Err(line.fault(format!(
            "'{name}' expects <search> and <target> as arguments."
        )));
    };
    let target = target.into_owned();
    let from = Origin::of(line).from;
    let missing = format!(
        "Proxy '{}': unable to find required {name}: '{target}'.",
        line.proxy()?.name
    );
    line.config.references.push(Reference {
        kind: ReferenceKind::Backend,
        name: target.clone(),
        from,
        span: line.span,
        missing,
    });
    Ok(Effect::Backend(target))
}

fn parse(line: &mut Line<'_>, heeds_case: bool, effect: MakeEffect) -> Result<(), Fault> {
    let name = line.keyword();
    let Some(search) = line.args().first() else {
        return Err(line.fault(format!("'{name}' expects <search> as an argument.")));
    };
    let regex = pattern::compile(&search.text, !heeds_case)
        .map_err(|text| line.fault_at(0, format!("'{name}' : {text}.")))?;
    let effect = effect(line, &name)?;
    let at = match effect {
        Effect::Replace(_) | Effect::Backend(_) => 2,
        _ => 1,
    };
    let ruleset = ruleset(line);
    let modern = lines(&Asked {
        side: Side::of(ruleset),
        pattern: &search.text,
        ignore_case: !heeds_case,
        effect: &effect,
        condition: line.args().get(at..).unwrap_or(&[]),
    });
    let action = Arc::new(OldLine {
        regex,
        spelled: pattern::names(&search.text),
        heeds_case,
        effect,
        text: written(line),
    });
    let rule = rule(line, at + 1, ruleset, action)?;
    let rules = &mut line.proxy()?.old_rules;
    match ruleset {
        Rulesets::HTTP_RESPONSE => rules.response.push(rule),
        _ => rules.request.push(rule),
    }
    warn(line, "", &modern);
    Ok(())
}
