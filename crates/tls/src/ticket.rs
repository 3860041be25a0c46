//! Session tickets (RFC 5077, RFC 8446 4.6.1): sealed with keys that are made here and changed in time, or with those of
//! a file (`tls-ticket-keys`).
//!
//! rustls looks at nothing but the name of the server before a session goes on: what a listener asks of clients is sealed
//! into its tickets, so that none of them opens where something else is asked.

use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use hapax_core::contract::Material;
use parking_lot::Mutex;
use rustls::server::{ProducesTickets, StoresServerSessions};

/// Seals the tickets of one kind of listener.
#[derive(Debug)]
pub(crate) struct Tickets {
    keys: Keys,
    /// What is asked of clients.
    context: Vec<u8>,
    /// Seconds.
    lifetime: u32,
}

/// Where keys come from.
#[derive(Debug, Clone)]
pub(crate) enum Keys {
    /// The process makes them.
    Made(Arc<Turning>),
    /// A file has them.
    Given(Arc<TicketKeys>),
}

impl Tickets {
    /// Those of a listener.
    pub(crate) fn new(keys: Keys, context: Vec<u8>, lifetime: u32) -> Tickets {
        Tickets {
            keys,
            context,
            lifetime,
        }
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.lifetime
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        match &self.keys {
            Keys::Made(turning) => {
                let mut state = turning.state.lock();
                turning.turn(&mut state, Instant::now());
                let (key, _) = state.current.as_ref()?;
                seal(key, &self.context, plain)
            }
            Keys::Given(keys) => {
                // The last but one: other processes know it already when this one begins to use it.
                let keys = keys.keys.lock();
                let sealing = keys.len().checked_sub(2)?;
                let key = keys.get(sealing)?.sealing()?;
                seal(&key, &self.context, plain)
            }
        }
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        match &self.keys {
            Keys::Made(turning) => {
                let mut state = turning.state.lock();
                turning.turn(&mut state, Instant::now());
                let keys = [&state.current, &state.previous].into_iter().flatten();
                let mut keys = keys.map(|(key, _)| key);
                keys.find_map(|key| open(key, &self.context, ticket))
            }
            Keys::Given(keys) => {
                let keys = keys.keys.lock();
                let mut keys = keys.iter().rev().filter_map(TicketKey::sealing);
                keys.find_map(|key| open(&key, &self.context, ticket))
            }
        }
    }
}

fn seal(key: &LessSafeKey, context: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).ok()?;
    let mut sealed = plain.to_vec();
    let number = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(number, Aad::from(context), &mut sealed)
        .ok()?;
    let mut ticket = nonce.to_vec();
    ticket.extend_from_slice(&sealed);
    Some(ticket)
}

fn open(key: &LessSafeKey, context: &[u8], ticket: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = ticket.split_first_chunk::<NONCE_LEN>()?;
    let mut plain = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length = key
        .open_in_place(nonce, Aad::from(context), &mut plain)
        .ok()?
        .len();
    plain.truncate(length);
    Some(plain)
}

/// Keys that the process makes, and changes when they are as old as tickets may become.
#[derive(Debug)]
pub(crate) struct Turning {
    lifetime: u32,
    state: Mutex<State>,
}

struct State {
    current: Option<(LessSafeKey, Instant)>,
    previous: Option<(LessSafeKey, Instant)>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}

impl Turning {
    /// Those of the process; the lifetime, in seconds, is that of the first who asks.
    pub(crate) fn of_process(lifetime: u32) -> Arc<Turning> {
        static TURNING: OnceLock<Arc<Turning>> = OnceLock::new();
        TURNING
            .get_or_init(|| Arc::new(Turning::new(lifetime)))
            .clone()
    }

    fn new(lifetime: u32) -> Turning {
        Turning {
            lifetime,
            state: Mutex::new(State {
                current: None,
                previous: None,
            }),
        }
    }

    fn key() -> Option<LessSafeKey> {
        let mut secret = [0; 32];
        rand::fill(&mut secret).ok()?;
        sealing(&secret)
    }

    /// Changes the keys when it is time to.
    fn turn(&self, state: &mut State, now: Instant) {
        let lifetime = Duration::from_secs(u64::from(self.lifetime.max(1)));
        let is_old = |key: &Option<(LessSafeKey, Instant)>| {
            key.as_ref()
                .is_some_and(|(_, made)| now.duration_since(*made) >= lifetime)
        };
        if is_old(&state.current) || state.current.is_none() {
            state.previous = state.current.take();
            state.current = Turning::key().map(|key| (key, now));
        }
        // A ticket lives no longer than its lifetime after the key was changed.
        if state
            .previous
            .as_ref()
            .is_some_and(|(_, made)| now.duration_since(*made) >= lifetime * 2)
        {
            state.previous = None;
        }
    }
}

fn sealing(secret: &[u8; 32]) -> Option<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, secret).ok()?;
    Some(LessSafeKey::new(key))
}

/// The keys of a file, which the runtime API changes.
pub struct TicketKeys {
    /// The file.
    pub path: String,
    keys: Mutex<Vec<TicketKey>>,
}

/// One of them: 48 bytes, or 80.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketKey(Vec<u8>);

impl std::fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TicketKeys({})", self.path)
    }
}

impl Material for TicketKeys {
    fn text(&self) -> String {
        self.path.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl TicketKey {
    /// A key of bytes; none when they are too few or too many.
    pub fn new(bytes: Vec<u8>) -> Option<TicketKey> {
        matches!(bytes.len(), 48 | 80).then_some(TicketKey(bytes))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key that tickets are sealed with: their form is not OpenSSL's, so that one is made of all its bytes.
    fn sealing(&self) -> Option<LessSafeKey> {
        let secret = digest(&SHA256, &self.0);
        sealing(secret.as_ref().try_into().ok()?)
    }
}

impl TicketKeys {
    /// The keys of a file, oldest first, at least three.
    pub fn new(path: String, keys: Vec<TicketKey>) -> TicketKeys {
        TicketKeys {
            path,
            keys: Mutex::new(keys),
        }
    }

    /// The keys, oldest first.
    pub fn all(&self) -> Vec<TicketKey> {
        self.keys.lock().clone()
    }

    /// Adds a key: the oldest one goes. False when it is of another size than the others.
    pub fn add(&self, key: TicketKey) -> bool {
        let mut keys = self.keys.lock();
        if keys
            .first()
            .is_some_and(|first| first.0.len() != key.0.len())
        {
            return false;
        }
        keys.remove(0);
        keys.push(key);
        true
    }
}

/// Sessions that the listener keeps, apart by what it asks of clients.
#[derive(Debug)]
pub(crate) struct Sessions {
    /// All of the listener.
    pub(crate) kept: Arc<dyn StoresServerSessions>,
    /// What is asked of clients.
    pub(crate) context: Vec<u8>,
}

impl Sessions {
    fn key(&self, key: &[u8]) -> Vec<u8> {
        [self.context.as_slice(), key].concat()
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.kept.put(self.key(&key), value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.kept.get(&self.key(key))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.kept.take(&self.key(key))
    }

    fn can_cache(&self) -> bool {
        self.kept.can_cache()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets(turning: &Arc<Turning>, context: &[u8]) -> Tickets {
        Tickets::new(Keys::Made(turning.clone()), context.to_vec(), 300)
    }

    // exercises: section/tune.ssl.lifetime
    #[test]
    fn tickets_live_as_long_as_they_are_told() {
        let turning = Arc::new(Turning::new(300));
        let mine = tickets(&turning, b"none");
        assert_eq!(mine.lifetime(), 300);
        let ticket = mine.encrypt(b"a session").expect("sealed");
        assert_eq!(mine.decrypt(&ticket).as_deref(), Some(&b"a session"[..]));
        let other = tickets(&Arc::new(Turning::new(300)), b"none");
        assert_eq!(other.decrypt(&ticket), None, "other keys");
        assert_eq!(
            tickets(&turning, b"required").decrypt(&ticket),
            None,
            "other demands"
        );
        assert_eq!(mine.decrypt(&ticket[..5]), None);
        // The key changes once; what it sealed before can be opened still, and later not any more.
        let mut state = turning.state.lock();
        let later = |seconds| Instant::now() + Duration::from_secs(seconds);
        turning.turn(&mut state, later(301));
        drop(state);
        assert_eq!(mine.decrypt(&ticket).as_deref(), Some(&b"a session"[..]));
        let mut state = turning.state.lock();
        turning.turn(&mut state, later(602));
        drop(state);
        assert_eq!(mine.decrypt(&ticket), None);
    }

    #[test]
    fn keys_of_a_file_go_round() {
        let key = |byte| TicketKey::new(vec![byte; 48]).expect("a key");
        let keys = Arc::new(TicketKeys::new("f".to_owned(), [1, 2, 3].map(key).to_vec()));
        let given = |keys: &Arc<TicketKeys>| Tickets::new(Keys::Given(keys.clone()), Vec::new(), 9);
        let ticket = given(&keys).encrypt(b"x").expect("sealed");
        // Another process whose oldest key is the one that sealed.
        let next = Arc::new(TicketKeys::new("f".to_owned(), [2, 3, 4].map(key).to_vec()));
        assert_eq!(given(&next).decrypt(&ticket).as_deref(), Some(&b"x"[..]));
        assert!(keys.add(key(4)) && keys.add(key(5)));
        assert_eq!(given(&keys).decrypt(&ticket), None);
        assert!(!keys.add(TicketKey::new(vec![0; 80]).expect("a key")));
        assert!(TicketKey::new(vec![0; 47]).is_none());
    }
}
