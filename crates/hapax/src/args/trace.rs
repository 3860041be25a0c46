//! `-dt`: which trace sources tell what.

use hapax_core::ir::{Trace, TraceLevel};

use super::{Args, ArgsError};

/// Reads `SOURCE:LEVEL:VERBOSITY,...`; every part may be empty.
pub(super) fn traces(args: &mut Args, text: &str) -> Result<(), ArgsError> {
    if text == "help" {
        return Err(ArgsError::Asked(HELP.into()));
    }
    for entry in text.split(',') {
        args.observation.h1 = Some(entry_of(entry).map_err(ArgsError::Refused)?);
    }
    Ok(())
}

fn entry_of(entry: &str) -> Result<Trace, String> {
    let mut parts = entry.split(':');
    let mut part = || parts.next().filter(|part| !part.is_empty());
    let source = part().filter(|&source| source != "all");
    match source {
        None | Some("h1") => {}
        Some(source) if OTHERS.contains(&source) => {
            return Err(format!(
                "-dt: trace source '{source}' is not built in hapax yet."
            ));
        }
        Some(source) => return Err(format!("-dt: unknown trace source '{source}'.")),
    }
    let level = match part() {
        None => TraceLevel::Error,
        Some(name) => level(name)?,
    };
    let verbosity = part();
    let known = |name: &str| VERBOSITIES.contains(&name);
    match (source, verbosity) {
        (_, None | Some("quiet")) => {}
        (None, Some(_)) => {
            return Err(
                "-dt: trace source must be specified for verbosity other than 'quiet'.".into(),
            );
        }
        (Some(_), Some(name)) if known(name) => {}
        (Some(source), Some(name)) => {
            return Err(format!(
                "-dt: no such trace verbosity '{name}' for source '{source}', available verbosities for this source are: {}.",
                listed(VERBOSITIES)
            ));
        }
    }
    if parts.next().is_some() {
        return Err("-dt: too many colon separators in trace definition.".into());
    }
    let terse = matches!(verbosity, Some("quiet" | "clean"));
    Ok(Trace { level, terse })
}

fn level(name: &str) -> Result<TraceLevel, String> {
    let found = LEVELS.iter().find(|(known, _)| *known == name);
    found.map(|&(_, level)| level).ok_or_else(|| {
        let names: Vec<&str> = LEVELS.iter().map(|(name, _)| *name).collect();
        format!(
            "-dt: no such trace level '{name}', available levels are {}.",
            listed(&names)
        )
    })
}

/// `'a', 'b', and 'c'`.
fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    match quoted.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{}, and {last}", before.join(", ")),
        _ => quoted.join(""),
    }
}

const LEVELS: &[(&str, TraceLevel)] = &[
    ("error", TraceLevel::Error),
    ("user", TraceLevel::User),
    ("proto", TraceLevel::Proto),
    ("state", TraceLevel::State),
    ("data", TraceLevel::Data),
    ("developer", TraceLevel::Developer),
];

const VERBOSITIES: &[&str] = &[
    "quiet", "clean", "minimal", "simple", "advanced", "complete",
];

/// Sources of upstream without one here.
const OTHERS: &[&str] = &[
    "acme", "applet", "check", "fcgi", "h2", "h3", "peers", "pt", "qmux", "quic", "session",
    "spop", "ssl", "stream",
];

const HELP: &str = "\
-dt prints on stderr what happens to messages while the program runs.
Alone it tells of faults, from every source. A list, separated by commas, chooses sources, levels and verbosities:

  -dt [source[:level[:verbosity]]],...

Sources: 'h1' (HTTP/1, from clients and from servers); 'all' or nothing stands for every source.
Levels: 'error' (faults), 'user' (and start lines), 'proto', 'state', 'data', 'developer' (and header fields).
Verbosities: 'quiet' and 'clean' (what happened), 'minimal', 'simple', 'advanced', 'complete' (and where).

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_may_be_empty_and_the_last_entry_decides() {
        let mut args = Args::default();
        traces(&mut args, "h1,:user:quiet").expect("valid");
        let trace = args.observation.h1.expect("on");
        assert_eq!((trace.level, trace.terse), (TraceLevel::User, true));
        assert!(matches!(
            traces(&mut args, "help"),
            Err(ArgsError::Asked(_))
        ));
        assert!(traces(&mut args, "h1:user:clean:x").is_err());
    }
}
