//! `-dt`: which trace sources tell what on standard error.

use hapax_core::trace::{Level, NOT_BUILT, Settings, Sink, Source, State};

use super::{Args, ArgsError};

/// Reads `SOURCE:LEVEL:VERBOSITY,...`; every part may be empty.
pub(super) fn traces(args: &mut Args, text: &str) -> Result<(), ArgsError> {
    if text == "help" {
        return Err(ArgsError::Asked(HELP.into()));
    }
    for entry in text.split(',') {
        let entry = entry_of(entry).map_err(ArgsError::Refused)?;
        args.traces.push(entry);
    }
    Ok(())
}

/// What one entry asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Of which source; none means all of them.
    source: Option<Source>,
    level: Level,
    /// A position among the verbosities of the source.
    verbosity: Option<u8>,
}

impl Entry {
    /// Starts the trace.
    pub fn apply(self, settings: &mut Settings) {
        let all = Source::ALL.into_iter();
        for source in all.filter(|one| self.source.is_none_or(|source| source == *one)) {
            let of = settings.of_mut(source);
            of.state = State::Running;
            of.sink = Sink::Stderr;
            of.level = self.level;
            of.verbosity = self.verbosity.unwrap_or(of.verbosity);
        }
    }
}

fn entry_of(entry: &str) -> Result<Entry, String> {
    let mut parts = entry.split(':');
    let mut part = || parts.next().filter(|part| !part.is_empty());
    let source = match part().filter(|&source| source != "all") {
        None => None,
        Some(name) => Some(source(name)?),
    };
    let level = match part() {
        None => Level::Error,
        Some(name) => Level::named(name).ok_or_else(|| no_level(name))?,
    };
    let verbosity = match (source, part()) {
        (_, None) => None,
        (_, Some("quiet")) => Some(0),
        (None, Some(_)) => {
            return Err(
                "-dt: trace source must be specified for verbosity other than 'quiet'.".into(),
            );
        }
        (Some(source), Some(name)) => Some(verbosity(source, name)?),
    };
    if parts.next().is_some() {
        return Err("-dt: too many colon separators in trace definition.".into());
    }
    Ok(Entry {
        source,
        level,
        verbosity,
    })
}

fn source(name: &str) -> Result<Source, String> {
    Source::named(name).ok_or_else(|| match NOT_BUILT.contains(&name) {
        true => format!("-dt: trace source '{name}' is not built in hapax."),
        false => format!("-dt: unknown trace source '{name}'."),
    })
}

fn no_level(name: &str) -> String {
    let names = Level::ALL.map(|(_, name, _)| name);
    format!(
        "-dt: no such trace level '{name}', available levels are {}.",
        listed(&names)
    )
}

fn verbosity(source: Source, name: &str) -> Result<u8, String> {
    let kind = source.kind();
    let names: Vec<&str> = kind.verbosities.iter().map(|(name, _)| *name).collect();
    let at = names.iter().position(|known| *known == name);
    at.map(|at| at as u8).ok_or_else(|| {
        format!(
            "-dt: no such trace verbosity '{name}' for source '{}', available verbosities for this source are: {}.",
            kind.name,
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

const HELP: &str = "\
-dt prints on stderr what the program does while it runs.
Alone it tells of faults, from every source. A list, separated by commas, chooses sources, levels and verbosities:

  -dt [source[:level[:verbosity]]],...

Sources: 'ssl' (handshakes), 'h2' (connections of HTTP/2 and their frames), 'h1' (heads of messages, and what is none),
'stream', 'check' (health checks), 'session' (connections of clients); 'all' or nothing stands for every source.
Levels: 'error' (faults), 'user' (and heads and results of checks), 'proto' (and header fields, frames and handshakes),
'state' (and what begins and ends), 'data', 'developer'.
Verbosities: 'quiet' (what happened only), 'clean' and more of them (and to what); 'session' has 'default' instead.
The runtime API has the same, and more, under 'trace'.

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_may_be_empty_and_the_last_entry_decides() {
        let mut args = Args::default();
        traces(&mut args, "h1,:user:quiet").expect("valid");
        let mut settings = Settings::default();
        args.traces
            .iter()
            .for_each(|entry| entry.apply(&mut settings));
        let h1 = settings.of(Source::H1);
        assert_eq!((h1.level, h1.verbosity), (Level::User, 0));
        assert_eq!(settings.of(Source::Check).state, State::Running);
        assert!(matches!(
            traces(&mut args, "help"),
            Err(ArgsError::Asked(_))
        ));
        assert!(traces(&mut args, "h1:user:clean:x").is_err());
        assert!(traces(&mut args, "fcgi").is_err());
    }
}
