//! What to ask and when: the state of every name of a `resolvers` section.
//!
//! LIFECYCLE of a name. It is watched by servers, or asked for by rules. When it is due, a question goes to all name
//! servers. The first good answer ends that. When all answers are bad, the other family is asked; when those are bad too, or
//! the time for answers is over, it is asked again, `resolve_retries` times. The end, good or bad, is an [`Event`]; a watched
//! name is due again after `timeout resolve`.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::task::Waker;

use hapax_proto::dns::{self, Kind};
use hashbrown::HashMap;

use super::{Asked, Choice, Failure, Key, NameserverCount, Records, Turn};
use crate::ir;

/// The names of a section.
#[derive(Debug)]
pub struct Engine {
    settings: ir::Resolvers,
    families: ir::Families,
    names: HashMap<Key, u32>,
    places: Vec<Option<Resolution>>,
    free: Vec<u32>,
    /// When something is to be done about which name.
    due: BTreeSet<(u64, u32)>,
    /// Questions that wait for their answers.
    asked: HashMap<u16, u32>,
    questions: VecDeque<Question>,
    /// Who carries questions.
    carrier: Option<Waker>,
    random: RandomState,
    drawn: u64,
}

/// A question for every name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The message.
    pub bytes: Vec<u8>,
}

/// How a resolution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The records of this name are fresh; a name server said so.
    Answered(Key, usize),
    /// It failed, and what was known does not count any more.
    Lost(Key, Failure),
}

#[derive(Debug)]
struct Resolution {
    key: Key,
    /// How many servers follow it.
    watchers: u32,
    waiting: Vec<Waker>,
    records: Records,
    /// When it ended last, and how.
    ended: Option<(u64, Result<(), Failure>)>,
    /// When the last good answer came.
    valid_ms: Option<u64>,
    /// When somebody asked for it last.
    used_ms: u64,
    running: Option<Running>,
    /// Counts ends, so that who waits knows that one came.
    ends: u64,
    due_ms: u64,
}

#[derive(Debug)]
struct Running {
    id: u16,
    kind: Kind,
    /// What was asked for first.
    first: Kind,
    /// What is asked for when there is none of the first kind.
    second: Option<Kind>,
    /// How often it may be asked again.
    left: u32,
    /// Name servers that gave a bad answer to the last question.
    bad: usize,
    last: Option<Failure>,
}

impl Engine {
    pub(super) fn new(settings: ir::Resolvers, families: ir::Families) -> Engine {
        Engine {
            settings,
            families,
            names: HashMap::new(),
            places: Vec::new(),
            free: Vec::new(),
            due: BTreeSet::new(),
            asked: HashMap::new(),
            questions: VecDeque::new(),
            carrier: None,
            random: RandomState::new(),
            drawn: 0,
        }
    }

    /// A server follows a name from now on.
    pub fn watch(&mut self, key: &Key, now_ms: u64) {
        if let Some(index) = self.place(key, now_ms, MOST_NAMES)
            && let Some(resolution) = self.resolution(index)
        {
            resolution.watchers += 1;
            if resolution.watchers == 1 && resolution.running.is_none() {
                self.set_due(index, now_ms);
            }
        }
    }

    /// A server does not follow a name any more.
    pub fn unwatch(&mut self, key: &Key) {
        if let Some(index) = self.names.get(key).copied()
            && let Some(resolution) = self.resolution(index)
        {
            resolution.watchers = resolution.watchers.saturating_sub(1);
        }
    }

    /// The records of a name.
    pub fn records(&mut self, key: &Key) -> Option<&mut Records> {
        let index = self.names.get(key).copied()?;
        Some(&mut self.resolution(index)?.records)
    }

    /// Whether the last resolution of a name was good, or is good enough still.
    pub fn is_known(&mut self, key: &Key) -> bool {
        let index = self.names.get(key).copied();
        let resolution = index.and_then(|index| self.resolution(index));
        resolution.is_some_and(|resolution| matches!(resolution.ended, Some((_, Ok(())))))
    }

    /// Who carries questions is woken when there are new ones.
    pub fn set_carrier(&mut self, waker: &Waker) {
        self.carrier = Some(waker.clone());
    }

    pub(super) fn take_carrier(&mut self) -> Option<Waker> {
        self.carrier.take()
    }

    pub(super) fn ask(&mut self, name: &str, prefer: ir::Family, turn: &mut Turn<'_>) -> Asked {
        let Ok(name) = dns::normalised(name.as_bytes()) else {
            return Asked::Failed;
        };
        let key = Key::host(name, prefer);
        let now_ms = turn.now_ms;
        let Some(index) = self.place(&key, now_ms, MOST_ASKED) else {
            return Asked::Failed;
        };
        let valid = u64::from(self.settings.hold.valid);
        let Some(resolution) = self.resolution(index) else {
            return Asked::Failed;
        };
        resolution.used_ms = now_ms;
        let ended_since = *turn.ticket != 0 && resolution.ends >= *turn.ticket;
        let fresh = matches!(resolution.ended, Some((at, Ok(()))) if at + valid > now_ms);
        if ended_since || (resolution.running.is_none() && fresh) {
            let wish = ir::ServerResolution {
                prefer,
                ..ir::ServerResolution::default()
            };
            if !matches!(resolution.ended, Some((_, Ok(())))) {
                return Asked::Failed;
            }
            return match resolution.records.choose(None, &wish, |_| false) {
                Choice::Take(ip) => Asked::Found(ip),
                Choice::Keep | Choice::Nothing => Asked::Failed,
            };
        }
        if *turn.ticket == 0 {
            *turn.ticket = resolution.ends + 1;
        }
        if !resolution
            .waiting
            .iter()
            .any(|waker| waker.will_wake(turn.waker))
        {
            resolution.waiting.push(turn.waker.clone());
        }
        if resolution.running.is_none() {
            self.set_due(index, now_ms);
        }
        Asked::Wait
    }

    /// Does what is due. Tells when to come back.
    pub fn poll(&mut self, now_ms: u64, events: &mut Vec<Event>) -> Option<u64> {
        while let Some((due_ms, index)) = self.due.first().copied() {
            if due_ms > now_ms {
                return Some(due_ms);
            }
            self.due.pop_first();
            self.turn(index, now_ms, events);
        }
        None
    }

    /// The next question to send.
    pub fn question(&mut self) -> Option<Question> {
        self.questions.pop_front()
    }

    /// Takes the answer of a name server; tells what to count.
    pub fn handle(
        &mut self,
        nameserver: usize,
        bytes: &[u8],
        now_ms: u64,
        events: &mut Vec<Event>,
    ) -> NameserverCount {
        let id = dns::id(bytes);
        let Some(index) = id.and_then(|id| self.asked.get(&id)).copied() else {
            return NameserverCount::Outdated;
        };
        let obsolete = self.settings.hold.obsolete;
        let servers = self.settings.nameservers.len();
        let Some(resolution) = self.resolution(index) else {
            return NameserverCount::Outdated;
        };
        let Some(running) = &mut resolution.running else {
            return NameserverCount::Outdated;
        };
        match dns::answer(bytes, &resolution.key.name, running.kind) {
            Ok(records) => {
                resolution.records.update(records, obsolete, now_ms);
                resolution.valid_ms = Some(now_ms);
                let event = Event::Answered(resolution.key.clone(), nameserver);
                self.end(index, Ok(()), now_ms);
                events.push(event);
                NameserverCount::Valid
            }
            Err(fault) => {
                running.bad += 1;
                running.last = Some(fault.into());
                if running.bad >= servers {
                    self.all_bad(index, now_ms, events);
                }
                fault.into()
            }
        }
    }

    /// Every name server gave a bad answer.
    fn all_bad(&mut self, index: u32, now_ms: u64, events: &mut Vec<Event>) {
        let Some(running) = self.resolution(index).and_then(|it| it.running.as_mut()) else {
            return;
        };
        match running.second {
            None => {}
            Some(second) if running.kind == running.first => {
                running.kind = second;
                running.bad = 0;
                self.send(index, now_ms);
            }
            Some(_) if running.left == 0 => self.fail(index, now_ms, events),
            Some(_) => {}
        }
    }

    /// A name is due.
    fn turn(&mut self, index: u32, now_ms: u64, events: &mut Vec<Event>) {
        let hold = u64::from(self.settings.hold.valid);
        let retries = self.settings.retries.max(1);
        let Some(resolution) = self.resolution(index) else {
            return;
        };
        let preferred = resolution.key.kind;
        if let Some(running) = &mut resolution.running {
            // The time for answers is over.
            if running.left == 0 {
                return self.fail(index, now_ms, events);
            }
            match running.second {
                Some(second) if running.bad > 0 && running.kind == running.first => {
                    running.kind = second;
                }
                _ => {
                    running.kind = running.first;
                    running.left -= 1;
                }
            }
            running.bad = 0;
            return self.send(index, now_ms);
        }
        if resolution.watchers == 0 && resolution.waiting.is_empty() {
            let until = resolution.used_ms + hold;
            match until > now_ms {
                true => self.set_due(index, until),
                false => self.forget(index),
            }
            return;
        }
        let Some(id) = self.draw() else {
            return self.set_due(index, now_ms + BUSY_MS);
        };
        let (first, second) = match (preferred, self.families.v4, self.families.v6) {
            (Kind::Srv, ..) => (Kind::Srv, None),
            (_, true, false) => (Kind::A, None),
            (_, false, true) => (Kind::Aaaa, None),
            (Kind::A, ..) => (Kind::A, Some(Kind::Aaaa)),
            (Kind::Aaaa, ..) => (Kind::Aaaa, Some(Kind::A)),
        };
        self.asked.insert(id, index);
        if let Some(resolution) = self.resolution(index) {
            resolution.running = Some(Running {
                id,
                kind: first,
                first,
                second,
                left: retries - 1,
                bad: 0,
                last: None,
            });
        }
        self.send(index, now_ms);
    }

    fn send(&mut self, index: u32, now_ms: u64) {
        let (timeout, payload) = (self.settings.timeout, self.settings.payload);
        let Some(resolution) = self.resolution(index) else {
            return;
        };
        let Some(running) = &resolution.running else {
            return;
        };
        let question = dns::question(running.id, &resolution.key.name, running.kind, payload);
        // A name that cannot be asked for fails by itself, when the time is over.
        if let Ok(bytes) = question {
            self.questions.push_back(Question { bytes });
        }
        self.set_due(index, now_ms + u64::from(timeout));
    }

    fn fail(&mut self, index: u32, now_ms: u64, events: &mut Vec<Event>) {
        let settings = &self.settings;
        let Some(resolution) = self.places.get_mut(index as usize).and_then(Option::as_mut) else {
            return;
        };
        let last = resolution
            .running
            .as_ref()
            .and_then(|running| running.last)
            .unwrap_or(Failure::Timeout);
        let hold = u64::from(last.hold(&settings.hold));
        let held = resolution
            .valid_ms
            .is_some_and(|valid_ms| valid_ms + hold > now_ms);
        if !held {
            events.push(Event::Lost(resolution.key.clone(), last));
        }
        self.end(index, Err(last), now_ms);
    }

    /// A resolution ended.
    fn end(&mut self, index: u32, how: Result<(), Failure>, now_ms: u64) {
        let (interval, valid) = (self.settings.interval, self.settings.hold.valid);
        let Some(resolution) = self.resolution(index) else {
            return;
        };
        resolution.ended = Some((now_ms, how));
        resolution.ends += 1;
        let id = resolution.running.take().map(|running| running.id);
        let waiting = std::mem::take(&mut resolution.waiting);
        let next = match resolution.watchers {
            0 => valid,
            _ => interval,
        };
        if let Some(id) = id {
            self.asked.remove(&id);
        }
        self.set_due(index, now_ms + u64::from(next));
        waiting.into_iter().for_each(Waker::wake);
    }

    fn resolution(&mut self, index: u32) -> Option<&mut Resolution> {
        self.places.get_mut(index as usize)?.as_mut()
    }

    /// The place of a name, which gets one unless there are `most` names already.
    fn place(&mut self, key: &Key, now_ms: u64, most: usize) -> Option<u32> {
        if let Some(index) = self.names.get(key) {
            return Some(*index);
        }
        if self.names.len() >= most {
            return None;
        }
        let resolution = Resolution {
            key: key.clone(),
            watchers: 0,
            waiting: Vec::new(),
            records: Records::default(),
            ended: None,
            valid_ms: None,
            used_ms: now_ms,
            running: None,
            ends: 0,
            due_ms: NOT_DUE,
        };
        let index = match self.free.pop() {
            Some(index) => {
                self.places[index as usize] = Some(resolution);
                index
            }
            None => {
                self.places.push(Some(resolution));
                (self.places.len() - 1) as u32
            }
        };
        self.names.insert(key.clone(), index);
        Some(index)
    }

    fn forget(&mut self, index: u32) {
        let Some(resolution) = self.places.get_mut(index as usize).and_then(Option::take) else {
            return;
        };
        self.due.remove(&(resolution.due_ms, index));
        self.names.remove(&resolution.key);
        self.free.push(index);
    }

    fn set_due(&mut self, index: u32, at_ms: u64) {
        let Some(resolution) = self.resolution(index) else {
            return;
        };
        let before = std::mem::replace(&mut resolution.due_ms, at_ms);
        self.due.remove(&(before, index));
        self.due.insert((at_ms, index));
    }

    /// A number that no question has, and nobody can foresee.
    fn draw(&mut self) -> Option<u16> {
        if self.asked.len() >= MOST_RUNNING {
            return None;
        }
        loop {
            self.drawn += 1;
            let id = self.random.hash_one(self.drawn) as u16;
            if !self.asked.contains_key(&id) {
                return Some(id);
            }
        }
    }
}

/// Names that rules may ask for at the same time.
const MOST_ASKED: usize = 16_384;
/// Names in all: as many as there may be servers.
const MOST_NAMES: usize = 1 << 20;
/// Questions on their way: half of what 16 bits can tell apart.
const MOST_RUNNING: usize = 32_768;
const BUSY_MS: u64 = 10;
const NOT_DUE: u64 = u64::MAX;

#[cfg(test)]
mod tests;
