//! Regular expressions as patterns: `-m reg`.

use hapax_core::pattern::{Entries, Index, Names};
use hapax_core::sample::Value;
use regex::bytes::{RegexSet, RegexSetBuilder};

use crate::regex::Regex;

/// Expressions in order, and all of them as one automaton when there are several.
#[derive(Debug, Clone)]
pub struct Expressions {
    ignore_case: bool,
    groups: bool,
    list: Vec<(u32, Regex)>,
    /// The automaton of those that run in linear time.
    set: Option<Automaton>,
}

#[derive(Debug, Clone)]
struct Automaton {
    set: RegexSet,
    /// Where its expressions stand in the list, in order.
    places: Vec<usize>,
    /// Where the others stand, in order.
    others: Vec<usize>,
    /// How many expressions there were when it was built.
    known: usize,
}

/// Expressions from which on one automaton is built for them.
const SEVERAL: usize = 3;
/// Memory that the automaton may take, bytes.
const SET_SIZE: usize = 64 << 20;

impl Expressions {
    /// Without expressions.
    pub fn new(ignore_case: bool) -> Expressions {
        Expressions {
            ignore_case,
            groups: false,
            list: Vec::new(),
            set: None,
        }
    }

    /// Without expressions; those that come may refer to their groups.
    pub fn with_groups() -> Expressions {
        Expressions {
            groups: true,
            ..Expressions::new(false)
        }
    }
}

impl Index for Expressions {
    fn insert(&mut self, id: u32, entries: &Entries, _: Names) -> Result<(), String> {
        let compile = match self.groups {
            true => Regex::new,
            false => Regex::without_groups,
        };
        let regex = compile(entries.key(id), self.ignore_case)?;
        self.list.push((id, regex));
        Ok(())
    }

    fn remove(&mut self, id: u32, _: &Entries) {
        self.list.retain(|(other, _)| *other != id);
        self.set = None;
    }

    fn find(&self, value: &Value<'_>, _: &Entries) -> Option<u32> {
        let bytes = value.bytes()?;
        let automaton = match &self.set {
            // Before a newline that ends the text, `$` is not what it is to the automaton.
            Some(automaton) if !bytes.ends_with(b"\n") => automaton,
            _ => return first(&self.list, bytes),
        };
        let matches = automaton.set.matches(bytes);
        let found = matches.iter().next();
        let found = found.and_then(|at| automaton.places.get(at)).copied();
        // Those that are not in the automaton may come first.
        let others = automaton.others.iter().copied();
        let at = others
            .chain(automaton.known..self.list.len())
            .take_while(|at| found.is_none_or(|found| *at < found))
            .find(|at| {
                self.list
                    .get(*at)
                    .is_some_and(|(_, regex)| regex.is_match(bytes))
            })
            .or(found)?;
        self.list.get(at).map(|(id, _)| *id)
    }

    fn in_tree(&self, _: u32, _: &Entries) -> bool {
        false
    }

    fn empty(&self) -> Box<dyn Index> {
        Box::new(Expressions {
            groups: self.groups,
            ..Expressions::new(self.ignore_case)
        })
    }

    fn same(&self) -> Option<Box<dyn Index>> {
        Some(Box::new(self.clone()))
    }

    fn arranged(&self, _: &Entries) -> Option<Box<dyn Index>> {
        let known = self.set.as_ref().map_or(0, |automaton| automaton.known);
        let fresh = self.list.len() - known.min(self.list.len());
        if self.list.len() < SEVERAL || fresh <= known / 8 {
            return None;
        }
        let (mut places, mut others, mut sources) = (Vec::new(), Vec::new(), Vec::new());
        for (at, (_, regex)) in self.list.iter().enumerate() {
            match regex.linear_source() {
                Some(source) => {
                    places.push(at);
                    sources.push(source);
                }
                None => others.push(at),
            }
        }
        let set = RegexSetBuilder::new(sources)
            .unicode(false)
            .case_insensitive(self.ignore_case)
            .size_limit(SET_SIZE)
            .build()
            .ok()?;
        Some(Box::new(Expressions {
            ignore_case: self.ignore_case,
            groups: self.groups,
            list: self.list.clone(),
            set: Some(Automaton {
                set,
                places,
                others,
                known: self.list.len(),
            }),
        }))
    }
}

/// The first expression that matches.
fn first(list: &[(u32, Regex)], bytes: &[u8]) -> Option<u32> {
    let found = list.iter().find(|(_, regex)| regex.is_match(bytes));
    found.map(|(id, _)| *id)
}
