//! Traces: what parts of the program tell of their work while they do it (management manual, `trace`). Sources, events,
//! criteria and settings are here; who runs the program tells [`Traces`] of events and writes what it lets pass.
//!
//! A source that is stopped costs its events one look at a number.

pub mod command;
mod settings;
mod source;

use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

pub use settings::*;
pub use source::*;

/// The settings in force, and what they have come to.
#[derive(Debug, Default)]
pub struct Traces {
    /// The sources whose events may be of interest, a bit for each.
    on: AtomicU32,
    settings: Mutex<Settings>,
}

/// Whose event it is: numbers that tell one thing from another of its kind as long as it lives.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin {
    /// The worker.
    pub thread: Option<u64>,
    /// The listener.
    pub listener: Option<u64>,
    /// The frontend.
    pub frontend: Option<u64>,
    /// The backend.
    pub backend: Option<u64>,
    /// The server.
    pub server: Option<u64>,
    /// The session; a connection of a client is one.
    pub session: Option<u64>,
    /// What only this source knows: the stream, the check.
    pub own: Option<u64>,
}

impl Origin {
    fn is(&self, criterion: Criterion) -> Option<u64> {
        match criterion {
            Criterion::Nothing => None,
            Criterion::Thread => self.thread,
            Criterion::Listener => self.listener,
            Criterion::Frontend => self.frontend,
            Criterion::Backend => self.backend,
            Criterion::Server => self.server,
            Criterion::Session | Criterion::Connection => self.session,
            Criterion::Own => self.own,
        }
    }
}

/// An event that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Where to.
    pub sink: Sink,
    /// How much of what it is about is told, a position among the source's verbosities.
    pub verbosity: u8,
    /// The level of the source.
    pub level: Level,
}

impl Traces {
    /// With these settings.
    pub fn new(settings: &Settings) -> Traces {
        let traces = Traces::default();
        traces.change(|own| own.clone_from(settings));
        traces
    }

    /// Whether events of a source may be of interest.
    #[inline]
    pub fn is_on(&self, source: Source) -> bool {
        self.on.load(Ordering::Relaxed) & source.bit() != 0
    }

    /// Reads or changes the settings.
    pub fn change<T>(&self, with: impl FnOnce(&mut Settings) -> T) -> T {
        let mut settings = self.settings.lock();
        let answer = with(&mut settings);
        self.on.store(settings.wanted(), Ordering::Relaxed);
        answer
    }

    /// An event happened (the bits of `event`, which may be several for one). It may start, pause or stop the trace, or lock it
    /// on what it is about; answers how to write it, if at all.
    pub fn pass(&self, event: Event, level: Level, origin: &Origin) -> Option<Passed> {
        let mut settings = self.settings.lock();
        let followed = settings.is_followed(event.source, origin);
        let of = settings.of_mut(event.source);
        if !followed && !of.enter(event.bits, origin) {
            return None;
        }
        let passed = (level <= of.level && of.report & event.bits != 0).then(|| Passed {
            sink: of.sink.clone(),
            verbosity: of.verbosity,
            level: of.level,
        });
        if !followed && of.leave(event.bits) {
            self.on.store(settings.wanted(), Ordering::Relaxed);
        }
        passed.filter(|passed| passed.sink != Sink::None)
    }
}

impl Settings {
    /// Whether another source that this one follows is locked on what this event is about.
    fn is_followed(&self, source: Source, origin: &Origin) -> bool {
        let Some(other) = self.of(source).follow else {
            return false;
        };
        let other = self.of(other);
        other.locked.is_some() && other.locked == origin.is(other.lock)
    }
}

impl SourceSettings {
    /// Whether the trace runs at an event, or is started by it, and is not locked on something else.
    fn enter(&mut self, event: u64, origin: &Origin) -> bool {
        match self.state {
            State::Stopped => return false,
            State::Waiting if self.start & event == 0 => return false,
            State::Waiting => self.state = State::Running,
            State::Running => {}
        }
        match (self.locked, origin.is(self.lock)) {
            (None, on) => {
                self.locked = on;
                true
            }
            (Some(locked), on) => on == Some(locked),
        }
    }

    /// What an event that was let in ends; whether it ended something.
    fn leave(&mut self, event: u64) -> bool {
        self.state = match (self.stop & event, self.pause & event) {
            (0, 0) => return false,
            (0, _) => State::Waiting,
            _ => State::Stopped,
        };
        self.locked = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traces(lines: &[&str]) -> Traces {
        let traces = Traces::default();
        for line in lines {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let sinks = command::Sinks {
                rings: &[("buf0", "a ring")],
                later: false,
            };
            let said = traces.change(|settings| command::trace(settings, &words, &sinks));
            assert_eq!(said, command::Said::Nothing, "{line}");
        }
        traces
    }

    fn session(number: u64) -> Origin {
        Origin {
            session: Some(number),
            ..Origin::default()
        }
    }

    #[test]
    fn levels_events_and_sinks_decide_what_passes() {
        let traces = traces(&["h1 sink buf0 level proto event -tx_headers start now"]);
        let pass = |event, level| traces.pass(event, level, &Origin::default()).is_some();
        assert!(traces.is_on(Source::H1) && !traces.is_on(Source::H2));
        assert!(pass(Event::H1_RX_HEADERS, Level::User));
        assert!(!pass(Event::H1_RX_HEADERS, Level::State));
        assert!(!pass(Event::H1_TX_HEADERS, Level::User));
        assert!(!pass(Event::STREAM_NEW, Level::User));
    }

    #[test]
    fn events_start_pause_and_stop() {
        let traces = traces(&["session sink buf0 level state start sess_new pause sess_end"]);
        let pass = |event| {
            traces
                .pass(event, Level::State, &Origin::default())
                .is_some()
        };
        assert!(!pass(Event::SESSION_ERR));
        assert!(pass(Event::SESSION_NEW) && pass(Event::SESSION_ERR) && pass(Event::SESSION_END));
        assert!(!pass(Event::SESSION_ERR) && traces.is_on(Source::Session));
        traces.change(|settings| settings.of_mut(Source::Session).stop = Event::SESSION_NEW.bits);
        assert!(pass(Event::SESSION_NEW) && !traces.is_on(Source::Session));
    }

    #[test]
    fn a_lock_holds_to_the_first_one_and_others_follow_it() {
        let traces = traces(&[
            "session sink buf0 level state lock session start sess_new pause sess_end",
            "h1 sink buf0 follow session",
        ]);
        let pass = |event, level, number| traces.pass(event, level, &session(number)).is_some();
        assert!(!pass(Event::H1_RX_HEADERS, Level::User, 1));
        assert!(pass(Event::SESSION_NEW, Level::State, 1));
        assert!(!pass(Event::SESSION_NEW, Level::State, 2));
        assert!(pass(Event::H1_RX_HEADERS, Level::User, 1));
        assert!(!pass(Event::H1_RX_HEADERS, Level::User, 2));
        assert!(pass(Event::SESSION_END, Level::State, 1));
        assert!(!pass(Event::H1_RX_HEADERS, Level::User, 1));
        assert!(pass(Event::SESSION_NEW, Level::State, 2));
        assert!(pass(Event::H1_RX_HEADERS, Level::User, 2));
    }

    #[test]
    fn frames_have_the_event_of_their_kind_and_that_of_all() {
        let goaway = Event::h2_frame(7, false);
        let unknown = Event::h2_frame(200, true);
        let names = |event: Event| -> Vec<&str> {
            let rows = event.source.kind().events.iter().enumerate();
            rows.filter(|(at, _)| event.bits & 1 << at != 0)
                .map(|(_, (name, _))| *name)
                .collect()
        };
        assert_eq!(names(goaway), ["rx_frame", "rx_goaway"]);
        assert_eq!(names(unknown), ["tx_frame"]);
    }
}
