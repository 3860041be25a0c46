//! Which responses of OCSP are asked for, when, and what became of that (configuration manual 12.7, `ocsp-update`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use rustls::pki_types::CertificateDer;

use crate::admin;
use crate::certificate::Certificate;
use crate::ocsp::{self, Doubt};
use crate::store::{State, Store};

/// What is known of the asking.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    /// By identity.
    entries: BTreeMap<Vec<u8>, Entry>,
    waker: Option<Waker>,
    /// Numbers given out so far.
    numbered: u64,
}

/// The response about one certificate, which may be used under several names.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The name of the first certificate that it is for.
    pub(crate) path: String,
    uri: String,
    issuer: CertificateDer<'static>,
    /// Whether it is asked for by itself.
    pub(crate) by_itself: bool,
    /// Somebody wants it asked for.
    wanted: bool,
    /// Until when the response that is known counts, in seconds since 1970.
    until: Option<i64>,
    /// When it is asked for next; none is at once.
    pub(crate) next: Option<i64>,
    /// When it was got last.
    pub(crate) last: Option<i64>,
    /// Of those that are due at the same time the lowest comes first.
    number: u64,
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    /// How the last asking ended.
    pub(crate) ended: Ended,
}

/// How an asking ended; upstream's numbers and texts.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub enum Ended {
    /// Not yet.
    #[default]
    #[error("Unknown")]
    Unknown,
    /// The response is in use.
    #[error("Update successful")]
    Success,
    /// The responder cannot be reached, or does not answer with 200.
    #[error("HTTP error")]
    Http,
    /// It does not say that its answer is a response of OCSP.
    #[error("Missing \"ocsp-response\" header")]
    NoResponse,
    /// Its answer does not count.
    #[error("OCSP response check failure ({0})")]
    Doubtful(Doubt),
    /// Its answer is of no use.
    #[error("Error during insertion ({0})")]
    Useless(String),
}

impl Ended {
    /// Its number.
    pub fn number(&self) -> u8 {
        match self {
            Ended::Unknown => 0,
            Ended::Success => 1,
            Ended::Http => 2,
            Ended::NoResponse => 3,
            Ended::Doubtful(_) => 4,
            Ended::Useless(_) => 5,
        }
    }
}

/// What is to be asked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The identity of the certificate.
    pub id: Vec<u8>,
    /// Where.
    pub uri: String,
    /// The request, DER.
    pub request: Vec<u8>,
}

impl Store {
    /// Looks what is to be asked for of the certificates that are shown to clients at `now`, in seconds since 1970.
    pub fn follow(&self, now: i64) {
        let state = self.state();
        let mut updates = self.updates.lock();
        let mut before = std::mem::take(&mut updates.entries);
        for certificate in shown(&state) {
            let Some(id) = certificate.ocsp_id.clone() else {
                continue;
            };
            let asked = certificate.parts.ocsp_update;
            let by_itself = asked.unwrap_or(self.global.ocsp_update);
            if let Some(known) = updates.entries.get_mut(&id) {
                known.by_itself |= by_itself;
            } else if let Some(known) = before.remove(&id) {
                updates.entries.insert(id, known);
            } else if let Some(mut entry) = Entry::new(&certificate, by_itself) {
                if entry.until.is_some() {
                    entry.next = Some(self.next(&entry, now));
                }
                updates.numbered += 1;
                entry.number = updates.numbered;
                updates.entries.insert(id, entry);
            }
        }
        if let Some(waker) = updates.waker.take() {
            waker.wake();
        }
    }

    /// Wants the response about a certificate asked for now.
    pub(crate) fn want(&self, id: &[u8]) {
        let mut updates = self.updates.lock();
        if let Some(known) = updates.entries.get_mut(id) {
            known.wanted = true;
        }
        if let Some(waker) = updates.waker.take() {
            waker.wake();
        }
    }

    /// What is to be asked for at `now`, in seconds since 1970, or else when there will be something. `waker` is woken when that
    /// changes.
    ///
    /// # Errors
    /// When there is nothing, the second at which there will be; none when there will not.
    pub fn due(&self, now: i64, waker: &Waker) -> Result<Question, Option<i64>> {
        let mut updates = self.updates.lock();
        let disabled = self.global.ocsp_disabled;
        let at = |entry: &Entry| match (entry.wanted, entry.by_itself && !disabled) {
            (true, _) => Some(0),
            (false, true) => Some(entry.next.unwrap_or(0)),
            (false, false) => None,
        };
        let entries = updates.entries.iter_mut();
        let entries =
            entries.filter_map(|(id, entry)| Some(((at(entry)?, entry.number), id, entry)));
        let first = entries.min_by_key(|(when, ..)| *when);
        let when = first.as_ref().map(|((when, _), ..)| *when);
        if let Some((_, id, entry)) = first.filter(|((when, _), ..)| *when <= now) {
            entry.wanted = false;
            entry.ended = Ended::Unknown;
            if let Some(request) = ocsp::request(id) {
                return Ok(Question {
                    id: id.clone(),
                    uri: entry.uri.clone(),
                    request,
                });
            }
            // No identity is that long.
            entry.by_itself = false;
            return Err(Some(now));
        }
        updates.waker = Some(waker.clone());
        Err(when)
    }

    /// Takes what the responder answered, at `now` in seconds since 1970; what is right goes to clients from now on. The line that the
    /// log has of it; none when the certificate is not in use any more.
    pub fn answered(&self, id: &[u8], answer: Result<&[u8], Ended>, now: i64) -> Option<String> {
        let issuer = {
            let updates = self.updates.lock();
            updates.entries.get(id)?.issuer.clone()
        };
        let taken = answer.and_then(|der| self.take(id, der, &issuer, now));
        let mut updates = self.updates.lock();
        updates.numbered += 1;
        let number = updates.numbered;
        let entry = updates.entries.get_mut(id)?;
        entry.number = number;
        entry.ended = match taken {
            Ok(until) => {
                entry.successes += 1;
                entry.last = Some(now);
                entry.until = Some(until);
                Ended::Success
            }
            Err(ended) => {
                entry.failures += 1;
                ended
            }
        };
        entry.next = Some(self.next(entry, now));
        Some(format!(
            "<OCSP-UPDATE> {} {} \"{}\" {} {}",
            entry.path,
            entry.ended.number(),
            entry.ended,
            entry.failures,
            entry.successes
        ))
    }

    /// What is asked for by itself, in the order in which it will be.
    pub(crate) fn with_updates(&self, mut show: impl FnMut(&[u8], &Entry)) {
        let updates = self.updates.lock();
        let all = updates.entries.iter();
        let mut all: Vec<_> = all.filter(|(_, entry)| entry.by_itself).collect();
        all.sort_by_key(|(_, entry)| (entry.next, entry.number));
        all.into_iter().for_each(|(id, entry)| show(id, entry));
    }

    /// Has a response shown to clients; tells until when it counts.
    fn take(
        &self,
        id: &[u8],
        der: &[u8],
        issuer: &CertificateDer<'_>,
        now: i64,
    ) -> Result<i64, Ended> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        ocsp::judge(der, issuer, now, &provider).map_err(Ended::Doubtful)?;
        let read = ocsp::read(der, now).map_err(|fault| Ended::Useless(fault.to_string()))?;
        if read.id != id {
            return Err(Ended::Useless(ocsp::OcspFault::Other.to_string()));
        }
        let mut state = self.state();
        admin::staple(self, &mut state, id, der).map_err(Ended::Useless)?;
        Ok(read.next_update.unwrap_or(now))
    }

    /// When a response is asked for again: before the one that is known is over, or ever later while there is none.
    fn next(&self, entry: &Entry, now: i64) -> i64 {
        let (shortest, longest) = self.global.ocsp_delays;
        let shortest = now + i64::from(shortest.unwrap_or(SHORTEST));
        let longest = now + i64::from(longest.unwrap_or(LONGEST));
        match entry.until {
            Some(until) => (until - BEFORE).min(longest).max(shortest),
            None => {
                let doubled = entry.failures.min(MOST_DOUBLED);
                (now + (MINUTE << doubled)).min(longest)
            }
        }
    }
}

impl Entry {
    fn new(certificate: &Certificate, by_itself: bool) -> Option<Entry> {
        Some(Entry {
            path: certificate.path.clone(),
            uri: ocsp::responder(&certificate.der)?,
            issuer: certificate.issuer.clone()?,
            by_itself,
            wanted: false,
            until: certificate.stapled.as_ref().and_then(|(_, until)| *until),
            next: None,
            last: None,
            number: 0,
            successes: 0,
            failures: 0,
            ended: Ended::Unknown,
        })
    }
}

/// The certificates that are shown to clients and have a response of OCSP, or will have one.
fn shown(state: &State) -> Vec<Arc<Certificate>> {
    let mut shown: Vec<Arc<Certificate>> = Vec::new();
    for listener in &state.listeners {
        listener.with_bind(|bind| {
            for entry in &bind.certificates {
                let known = state.loaded.certificate(&entry.material.text());
                shown.extend(known.filter(|known| known.parts.ocsp.is_some()).cloned());
            }
        });
    }
    shown
}

/// Seconds after which a response is asked for again at the earliest (`ocsp-update.mindelay`).
pub(crate) const SHORTEST: u32 = 300;
/// The same at the latest (`ocsp-update.maxdelay`).
pub(crate) const LONGEST: u32 = 3600;
/// Seconds before the end of a response at which the next one is asked for: a minute, and what clocks may differ by.
const BEFORE: i64 = 360;
/// Seconds after a failure, doubled by each, while there is no response.
const MINUTE: i64 = 60;
/// How often it is doubled at most.
const MOST_DOUBLED: u64 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(until: Option<i64>, failures: u64) -> Entry {
        Entry {
            path: "x.pem".to_owned(),
            uri: "http://ocsp.example".to_owned(),
            issuer: Vec::new().into(),
            by_itself: true,
            wanted: false,
            until,
            next: None,
            last: None,
            number: 0,
            successes: 0,
            failures,
            ended: Ended::Unknown,
        }
    }

    fn store() -> Store {
        let config = hapax_core::ir::Config::default();
        Store::new(&config, crate::store::Loaded::new(&config))
    }

    #[test]
    fn a_response_is_asked_for_before_it_is_over_and_ever_later_while_there_is_none() {
        let store = store();
        let next = |until, failures| store.next(&entry(until, failures), 1000) - 1000;
        assert_eq!(next(Some(1000 + 86400), 0), 3600);
        assert_eq!(next(Some(1000 + 1200), 7), 840);
        assert_eq!(next(Some(1000 + 400), 0), 300);
        assert_eq!(next(None, 1), 120);
        assert_eq!(next(None, 2), 240);
        assert_eq!(next(None, 3), 480);
        assert_eq!(next(None, u64::MAX), 3600);
    }

    #[test]
    fn who_wants_one_has_it_asked_for_at_once() {
        let store = store();
        let mut later = entry(None, 0);
        later.next = Some(5000);
        store.updates.lock().entries.insert(vec![1], later);
        let waker = Waker::noop();
        assert_eq!(store.due(1000, waker), Err(Some(5000)));
        store.want(&[1]);
        let due = store.due(1000, waker);
        assert_eq!(due.map(|question| question.id), Ok(vec![1]));
        assert_eq!(store.due(1000, waker), Err(Some(5000)));
        let line = store.answered(&[1], Err(Ended::Http), 1000);
        let expected = "<OCSP-UPDATE> x.pem 2 \"HTTP error\" 1 0";
        assert_eq!(line.as_deref(), Some(expected));
        let garbage = store.answered(&[1], Ok(b"garbage"), 1000);
        assert!(garbage.is_some_and(|line| line.contains("d2i_OCSP_RESPONSE() failed")));
        assert_eq!(store.due(1000, waker), Err(Some(1240)));
    }
}
