//! Which certificate a client is shown: by the name it asks for and the keys it can check (configuration manual 5.1, `crt`).

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use smallvec::SmallVec;

use crate::certificate::{Certificate, KeyKind};

/// The certificates of a listener by name.
#[derive(Debug, Default)]
pub struct Choice {
    entries: Vec<Entry>,
    /// Positions of those for exactly this name.
    exact: HashMap<String, Positions>,
    /// Positions of those for every name with one more label in front.
    wildcard: HashMap<String, Positions>,
    /// Names that an entry excludes, exact or with a wildcard.
    excluded: HashMap<String, Positions>,
    /// Those that are shown where no name matches.
    default: Positions,
    strict: bool,
}

type Positions = SmallVec<[u32; 4]>;

/// A certificate with what is said about it.
#[derive(Debug)]
pub struct Entry {
    /// The certificate.
    pub certificate: Arc<Certificate>,
    /// The names it is for; its own when there are none.
    pub filters: Vec<String>,
    /// Which settings of the listener it is shown with.
    pub settings: u32,
    /// The `crt-list` or folder it comes from, and the line there.
    pub origin: Option<(String, u32)>,
}

impl Choice {
    /// No certificate; with `strict` a name that no certificate is for ends the handshake.
    pub fn new(strict: bool) -> Choice {
        Choice {
            strict,
            ..Choice::default()
        }
    }

    /// All of them.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The positions of those that are shown where no name matches.
    pub fn defaults(&self) -> &[u32] {
        &self.default
    }

    /// The first one.
    pub fn first(&self) -> Option<&Entry> {
        let first = self.default.first().copied().unwrap_or_default();
        self.entries.get(first as usize)
    }

    /// Adds one for its filters, or for its own names where there are none.
    pub fn add(&mut self, entry: Entry, is_default: bool) {
        let index = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        for name in entry.shown_names() {
            let name = name.to_ascii_lowercase();
            let (map, name) = if let Some(name) = name.strip_prefix('!') {
                (&mut self.excluded, name)
            } else if let Some(suffix) = name.strip_prefix("*.") {
                (&mut self.wildcard, suffix)
            } else if name == "*" {
                self.default.push(index);
                continue;
            } else {
                (&mut self.exact, name.as_str())
            };
            map.entry(name.to_owned()).or_default().push(index);
        }
        if is_default && !self.default.contains(&index) {
            self.default.push(index);
        }
        self.entries.push(entry);
    }

    /// The certificate for a client that asks for `name` and can check keys of these kinds.
    pub fn find(&self, name: Option<&str>, accepts: impl Fn(&Entry) -> bool) -> Option<&Entry> {
        name.and_then(|name| self.find_named(name, &accepts))
            .or_else(|| self.find_default(accepts))
    }

    /// One that is for this name.
    pub fn find_named(&self, name: &str, accepts: impl Fn(&Entry) -> bool) -> Option<&Entry> {
        let name = name.to_ascii_lowercase();
        let suffix = name.split_once('.').map_or("", |(_, suffix)| suffix);
        let lists = [self.exact.get(&name), self.wildcard.get(suffix)];
        lists.into_iter().flatten().find_map(|list| {
            let allowed = list.iter().copied();
            let allowed = allowed.filter(|index| !self.excludes(*index, &name, suffix));
            self.best(allowed, &accepts)
        })
    }

    /// The one that is shown where no name matches; none where such a client is refused.
    pub fn find_default(&self, accepts: impl Fn(&Entry) -> bool) -> Option<&Entry> {
        if self.strict {
            return None;
        }
        self.best(self.default.iter().copied(), &accepts)
            .or_else(|| self.entries.get(*self.default.first()? as usize))
    }

    fn excludes(&self, index: u32, name: &str, suffix: &str) -> bool {
        if self.excluded.is_empty() {
            return false;
        }
        let names = [name, &format!("*.{suffix}")];
        let found = names.into_iter().filter_map(|name| self.excluded.get(name));
        found.into_iter().any(|entries| entries.contains(&index))
    }

    /// The best one of those that the client can check: the first with a key on a curve, or the first with RSA.
    fn best(
        &self,
        indexes: impl Iterator<Item = u32>,
        accepts: &impl Fn(&Entry) -> bool,
    ) -> Option<&Entry> {
        indexes
            .filter_map(|index| self.entries.get(index as usize))
            .filter(|entry| accepts(entry))
            .min_by_key(|entry| entry.certificate.kind)
    }
}

impl Entry {
    /// Names that it is shown for, and with `!` those that it is not.
    pub fn shown_names(&self) -> impl Iterator<Item = &str> {
        let positive = self.filters.iter().any(|filter| !filter.starts_with('!'));
        let own = if positive {
            &[][..]
        } else {
            self.certificate.names.as_slice()
        };
        self.filters.iter().chain(own).map(String::as_str)
    }

    /// The kind of key.
    pub fn kind(&self) -> KeyKind {
        self.certificate.kind
    }
}

thread_local! {
    /// What the handshake that is being advanced on this thread shows its client: it was chosen before rustls asks.
    static CHOSEN: RefCell<Option<Arc<CertifiedKey>>> = const { RefCell::new(None) };
}

/// Tells rustls what was chosen.
#[derive(Debug)]
pub(crate) struct Chosen;

impl Chosen {
    /// What rustls is told from now on, on this thread.
    pub(crate) fn set(chosen: Option<Arc<CertifiedKey>>) {
        CHOSEN.with_borrow_mut(|place| *place = chosen);
    }
}

impl ResolvesServerCert for Chosen {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        CHOSEN.with_borrow(Option::clone)
    }
}
