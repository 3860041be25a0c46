//! `trace` and `show trace`, as the runtime API and the `traces` section have them; the texts are the reference's.

use std::fmt::Write;

use super::{Kind, Level, NOT_BUILT, Settings, Sink, Source, SourceSettings, State};

/// What a command has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing: it was done.
    Nothing,
    /// Something that is as it should be.
    Notice(String),
    /// What there is to choose from.
    List(String),
    /// Why it was not done.
    Refused(String),
}

/// Where events can go beside the standard streams.
#[derive(Debug, Clone, Copy)]
pub struct Sinks<'a> {
    /// Names and descriptions of rings.
    pub rings: &'a [(&'a str, &'a str)],
    /// More of them may come: every name is taken.
    pub later: bool,
}

/// `trace [<source>|0] [<keyword> [<argument>]]...`, the words behind `trace`.
pub fn trace(settings: &mut Settings, words: &[String], sinks: &Sinks<'_>) -> Said {
    let Some((name, mut rest)) = words.split_first().filter(|(name, _)| !name.is_empty()) else {
        return Said::List(menu(settings));
    };
    if name == "0" {
        settings.stop();
        return Said::Notice("All traces now stopped".to_owned());
    }
    let source = match named(name) {
        Ok(source) => Some(source),
        Err(_) if name == "all" => None,
        Err(refused) => return refused,
    };
    if rest.is_empty() {
        return Said::List(COMMANDS.to_owned());
    }
    while let Some((keyword, behind)) = rest.split_first() {
        let word = behind.first().map(String::as_str).unwrap_or_default();
        let said = match (keyword.as_str(), source) {
            ("follow", _) => follow(settings, source, word),
            ("level", _) => level(settings, source, word),
            ("sink", _) => sink(settings, source, word, sinks),
            (_, None) => Said::Refused(format!("'{keyword}' not applicable to meta-source 'all'")),
            ("event", Some(source)) => {
                let of = settings.of_mut(source);
                events(source.kind(), &mut of.report, word)
            }
            ("start" | "stop" | "pause", Some(source)) => action(settings, source, keyword, word),
            ("lock", Some(source)) => lock(settings.of_mut(source), source.kind(), word),
            ("verbosity", Some(source)) => verbosity(settings.of_mut(source), source.kind(), word),
            _ => Said::Refused(format!("Unknown trace keyword '{keyword}'")),
        };
        if said != Said::Nothing {
            return said;
        }
        rest = behind.get(1..).unwrap_or_default();
    }
    Said::Nothing
}

/// `show trace [<source>]`; `dropped` tells what a ring lost.
pub fn show(settings: &Settings, name: &str, dropped: impl Fn(&str) -> u64) -> Said {
    let lost = |sink: &Sink| match sink {
        Sink::Ring(name) => dropped(name),
        _ => 0,
    };
    if name.is_empty() {
        let mut text = LIST_HEAD.to_owned();
        for source in Source::ALL {
            let (kind, of) = (source.kind(), settings.of(source));
            // Writing to memory cannot fail.
            let _ = writeln!(
                text,
                " [{}] {:<10} -> {} [drp {}]  [{}]",
                of.state.mark(),
                kind.name,
                of.sink.name(),
                lost(&of.sink),
                kind.description
            );
        }
        return Said::Notice(text);
    }
    let Some(source) = Source::named(name) else {
        return Said::Refused("No such trace source".to_owned());
    };
    let of = settings.of(source);
    let mut text = format!(
        "Trace status for {name}:\n  - sink: {} [{} dropped]\n  - event name   :     report    start    stop    pause\n",
        of.sink.name(),
        lost(&of.sink)
    );
    for (at, (event, _)) in source.kind().events.iter().enumerate() {
        let mark = |set: u64| if set & 1 << at == 0 { '-' } else { '+' };
        // Writing to memory cannot fail.
        let _ = writeln!(
            text,
            "    {event:<12} :        {}        {}        {}       {}",
            mark(of.report),
            mark(of.start),
            mark(of.stop),
            mark(of.pause)
        );
    }
    Said::List(text)
}

fn named(name: &str) -> Result<Source, Said> {
    Source::named(name).ok_or_else(|| {
        Said::Refused(match NOT_BUILT.contains(&name) {
            true => format!("trace source '{name}' is not built in hapax."),
            false => format!("No such trace source '{name}'"),
        })
    })
}

fn menu(settings: &Settings) -> String {
    let mut text = LIST_HEAD.to_owned()
        + " [.] 0          : not a source, will immediately stop all traces\n"
        + " [.] all        : all sources below, only for 'sink', 'level' and 'follow'\n";
    list_sources(settings, &mut text);
    text
}

fn list_sources(settings: &Settings, text: &mut String) {
    for source in Source::ALL {
        let (kind, mark) = (source.kind(), settings.of(source).state.mark());
        // Writing to memory cannot fail.
        let _ = writeln!(text, " [{mark}] {:<10} : {}", kind.name, kind.description);
    }
}

/// One source, or all.
fn chosen(source: Option<Source>) -> impl Iterator<Item = Source> {
    let all = Source::ALL.into_iter();
    all.filter(move |one| source.is_none_or(|source| source == *one))
}

fn name_of(source: Option<Source>) -> &'static str {
    source.map_or("all", |source| source.kind().name)
}

fn events(kind: &Kind, set: &mut u64, word: &str) -> Said {
    if word.is_empty() {
        return Said::List(list_events(kind, *set, ""));
    }
    toggle(kind, set, word)
}

fn list_events(kind: &Kind, set: u64, now: &str) -> String {
    let mut text = format!(
        "Supported events for source {} (+=enabled, -=disabled):\n{now}  - none         : disable all event types\n  \
         - any          : enable all event types\n",
        kind.name
    );
    for (at, (name, doc)) in kind.events.iter().enumerate() {
        let mark = if set & 1 << at == 0 { '-' } else { '+' };
        // Writing to memory cannot fail.
        let _ = writeln!(text, "  {mark} {name:<12} : {doc}");
    }
    text
}

fn toggle(kind: &Kind, set: &mut u64, word: &str) -> Said {
    match word {
        "none" => *set = 0,
        "any" => *set = u64::MAX,
        _ => {
            let name = word.strip_prefix(['+', '-', '!']).unwrap_or(word);
            let mut events = kind.events.iter();
            let Some(at) = events.position(|(known, _)| *known == name) else {
                return Said::Refused(format!("No such trace event '{name}'"));
            };
            match word.starts_with(['-', '!']) {
                true => *set &= !(1 << at),
                false => *set |= 1 << at,
            }
        }
    }
    Said::Nothing
}

fn action(settings: &mut Settings, source: Source, keyword: &str, word: &str) -> Said {
    let of = settings.of_mut(source);
    let (set, now) = match keyword {
        "start" => (&mut of.start, State::Running),
        "stop" => (&mut of.stop, State::Stopped),
        _ => (&mut of.pause, State::Waiting),
    };
    if word.is_empty() {
        let list = list_events(source.kind(), *set, NOW);
        return Said::List(list);
    }
    if word == "now" {
        *set = 0;
        of.state = now;
        of.locked = None;
        return Said::Nothing;
    }
    let said = toggle(source.kind(), set, word);
    let waits = keyword == "start" && of.start != 0 && of.state == State::Stopped;
    if said == Said::Nothing && waits {
        of.state = State::Waiting;
    }
    said
}

fn follow(settings: &mut Settings, source: Option<Source>, word: &str) -> Said {
    if word.is_empty() {
        let mut text = String::new();
        if let Some(source) = source {
            text = match settings.of(source).follow {
                Some(other) => {
                    format!("Currently following source '{}'.\n", other.kind().name)
                }
                None => "Not currently following any other source.\n".to_owned(),
            };
        }
        text += "Please specify another source to follow, among the following ones:\n [.] none       : follow no other source\n";
        list_sources(settings, &mut text);
        return Said::List(text);
    }
    let other = match word {
        "none" => None,
        _ => match named(word) {
            Ok(other) => Some(other),
            Err(refused) => return refused,
        },
    };
    for source in chosen(source) {
        settings.of_mut(source).follow = other;
    }
    Said::Nothing
}

fn level(settings: &mut Settings, source: Option<Source>, word: &str) -> Said {
    let Some(level) = Level::named(word) else {
        let current = source.map(|source| settings.of(source).level);
        let mut text = match word {
            "" => String::new(),
            _ => format!("No such trace level '{word}'. "),
        };
        text += &format!("Supported trace levels for source {}:\n", name_of(source));
        let all = Level::ALL.map(|(level, name, doc)| (current == Some(level), name, doc));
        return listed(text, all.into_iter(), word);
    };
    for source in chosen(source) {
        settings.of_mut(source).level = level;
    }
    Said::Nothing
}

fn lock(of: &mut SourceSettings, kind: &Kind, word: &str) -> Said {
    if word.is_empty() {
        let text = format!("Supported lock-on criteria for source {}:\n", kind.name);
        let rows = kind.criteria.iter();
        let rows = rows.map(|&(criterion, name, doc)| (criterion == of.lock, name, doc));
        return listed(text, rows, "");
    }
    let mut rows = kind.criteria.iter();
    let Some(&(criterion, ..)) = rows.find(|(_, name, _)| *name == word) else {
        return Said::Refused(format!("Unsupported lock-on criterion '{word}'"));
    };
    of.lock = criterion;
    of.locked = None;
    Said::Nothing
}

fn verbosity(of: &mut SourceSettings, kind: &Kind, word: &str) -> Said {
    let mut rows = kind.verbosities.iter();
    if let Some(at) = rows.position(|(name, _)| *name == word) {
        of.verbosity = at as u8;
        return Said::Nothing;
    }
    let mut text = match word {
        "" => String::new(),
        _ => format!("No such verbosity level '{word}'. "),
    };
    text += &format!("Supported trace verbosities for source {}:\n", kind.name);
    let rows = kind.verbosities.iter().enumerate();
    let rows = rows.map(|(at, &(name, doc))| (at == usize::from(of.verbosity), name, doc));
    listed(text, rows, word)
}

fn sink(settings: &mut Settings, source: Option<Source>, word: &str, sinks: &Sinks<'_>) -> Said {
    if word.is_empty() {
        let none = Sink::None;
        let current = source.map_or(&none, |source| &settings.of(source).sink);
        let text = format!(
            "Supported sinks for source {} (*=current):\n",
            name_of(source)
        );
        let standard = [
            ("none", "no sink"),
            ("stdout", "standard output (fd#1)"),
            // The reference, word by word.
            ("stderr", "standard output (fd#2)"),
        ];
        let all = standard.iter().chain(sinks.rings);
        let rows = all.map(|&(name, doc)| (name == current.name(), name, doc));
        return match listed(text, rows, "") {
            Said::List(text) if sinks.later => {
                Said::List(text + "(forward-declared sinks are not displayed here!)\n")
            }
            said => said,
        };
    }
    let known = sinks.later || sinks.rings.iter().any(|(name, _)| *name == word);
    let sink = match word {
        "none" => Sink::None,
        "stdout" => Sink::Stdout,
        "stderr" => Sink::Stderr,
        _ if known => Sink::Ring(word.to_owned()),
        _ => return Said::Refused(format!("No such trace sink '{word}' ")),
    };
    for source in chosen(source) {
        settings.of_mut(source).sink = sink.clone();
    }
    Said::Nothing
}

/// A list with a star at what is set; one that answers a `wrong` word is an error.
fn listed<'a>(
    mut text: String,
    rows: impl Iterator<Item = (bool, &'a str, &'a str)>,
    wrong: &str,
) -> Said {
    for (current, name, doc) in rows {
        let mark = if current { '*' } else { ' ' };
        // Writing to memory cannot fail.
        let _ = writeln!(text, "  {mark} {name:<10} : {doc}");
    }
    match wrong {
        "" => Said::List(text),
        _ => Said::Refused(text),
    }
}

const LIST_HEAD: &str = "Supported trace sources and states (.=stopped, w=waiting, R=running) :\n";
const NOW: &str = "  - now          : don't wait for events, immediately change the state\n";
const COMMANDS: &str = "\
Supported commands:
  event     : list/enable/disable source-specific event reporting
  level     : list/set trace reporting level
  lock      : automatic lock on thread/connection/stream/...
  follow    : passively follow another source's locked pointer (e.g. session)
  pause     : pause and automatically restart after a specific event
  sink      : list/set event sinks
  start     : start immediately or after a specific event
  stop      : stop immediately or after a specific event
  verbosity : list/set trace output verbosity
";
