//! What is set of each source.

use serde::Serialize;

use super::{Criterion, Source};

/// All sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Settings([SourceSettings; Source::ALL.len()]);

/// One source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceSettings {
    /// Whether it runs.
    pub state: State,
    /// Where its events go.
    pub sink: Sink,
    /// Events up to that one are told.
    pub level: Level,
    /// A position among its verbosities.
    pub verbosity: u8,
    /// What it locks on.
    pub lock: Criterion,
    /// What it is locked on.
    pub locked: Option<u64>,
    /// The source whose lock it follows.
    pub follow: Option<Source>,
    /// Events that are told.
    pub report: u64,
    /// Events that start it while it waits.
    pub start: u64,
    /// Events that stop it.
    pub stop: u64,
    /// Events after which it waits.
    pub pause: u64,
}

/// Whether a source runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum State {
    /// Not at all.
    #[default]
    Stopped,
    /// From one of its events on.
    Waiting,
    /// It does.
    Running,
}

impl State {
    /// How lists show it.
    pub fn mark(self) -> char {
        match self {
            State::Stopped => '.',
            State::Waiting => 'w',
            State::Running => 'R',
        }
    }
}

/// Where events go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub enum Sink {
    /// Nowhere.
    #[default]
    None,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A ring.
    Ring(String),
}

impl Sink {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Sink::None => "none",
            Sink::Stdout => "stdout",
            Sink::Stderr => "stderr",
            Sink::Ring(name) => name,
        }
    }
}

/// Which events a source tells; each level tells those before it too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Level {
    /// Faults.
    Error,
    /// What users of the program may want to know.
    #[default]
    User,
    /// What goes over protocols.
    Proto,
    /// What begins and ends inside.
    State,
    /// Data.
    Data,
    /// Everything.
    Developer,
}

impl Level {
    /// All of them: names and what they tell.
    pub const ALL: [(Level, &'static str, &'static str); 6] = [
        (Level::Error, "error", "report errors"),
        (
            Level::User,
            "user",
            "also information useful to the end user",
        ),
        (Level::Proto, "proto", "also protocol-level updates"),
        (Level::State, "state", "also report internal state changes"),
        (Level::Data, "data", "also report data transfers"),
        (
            Level::Developer,
            "developer",
            "also report information useful only to the developer",
        ),
    ];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Level> {
        let mut all = Level::ALL.into_iter();
        all.find(|(_, known, _)| *known == name)
            .map(|(level, ..)| level)
    }
}

impl Default for SourceSettings {
    fn default() -> SourceSettings {
        SourceSettings {
            state: State::default(),
            sink: Sink::default(),
            level: Level::default(),
            // The first one above the least.
            verbosity: 1,
            lock: Criterion::default(),
            locked: None,
            follow: None,
            report: u64::MAX,
            start: 0,
            stop: 0,
            pause: 0,
        }
    }
}

impl Settings {
    /// Those of a source.
    pub fn of(&self, source: Source) -> &SourceSettings {
        &self.0[source as usize]
    }

    /// Those of a source, to change them.
    pub fn of_mut(&mut self, source: Source) -> &mut SourceSettings {
        &mut self.0[source as usize]
    }

    /// No source runs any more.
    pub fn stop(&mut self) {
        for of in &mut self.0 {
            of.state = State::Stopped;
            of.locked = None;
        }
    }

    /// The sources that run, or follow one that does: a bit for each.
    pub(super) fn wanted(&self) -> u32 {
        let runs = |source| self.of(source).state != State::Stopped;
        let wanted = |source: &Source| runs(*source) || self.of(*source).follow.is_some_and(&runs);
        let sources = Source::ALL.into_iter().filter(wanted);
        sources.fold(0, |all, source| all | source.bit())
    }
}
