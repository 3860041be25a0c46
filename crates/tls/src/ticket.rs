//! Session tickets, which all workers and listeners share (RFC 5077, RFC 8446 4.6.1): sealed with keys that are made
//! here and changed in time.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use parking_lot::Mutex;
use rustls::server::ProducesTickets;

/// Seals tickets.
#[derive(Debug)]
pub struct Tickets {
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

impl Tickets {
    /// Those of the process; the lifetime, in seconds, is that of the first who asks.
    pub fn of_process(lifetime: u32) -> std::sync::Arc<Tickets> {
        static TICKETS: OnceLock<std::sync::Arc<Tickets>> = OnceLock::new();
        TICKETS
            .get_or_init(|| std::sync::Arc::new(Tickets::new(lifetime)))
            .clone()
    }

    fn new(lifetime: u32) -> Tickets {
        Tickets {
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
        UnboundKey::new(&AES_256_GCM, &secret)
            .ok()
            .map(LessSafeKey::new)
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
            state.current = Tickets::key().map(|key| (key, now));
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

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.lifetime
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut state = self.state.lock();
        self.turn(&mut state, Instant::now());
        let (key, _) = state.current.as_ref()?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).ok()?;
        let mut sealed = plain.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::empty(),
            &mut sealed,
        )
        .ok()?;
        let mut ticket = nonce.to_vec();
        ticket.extend_from_slice(&sealed);
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let mut state = self.state.lock();
        self.turn(&mut state, Instant::now());
        let (nonce, sealed) = ticket.split_at_checked(NONCE_LEN)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
        [&state.current, &state.previous]
            .into_iter()
            .flatten()
            .find_map(|(key, _)| {
                let mut plain = sealed.to_vec();
                let nonce = Nonce::assume_unique_for_key(nonce);
                let length = key
                    .open_in_place(nonce, Aad::empty(), &mut plain)
                    .ok()?
                    .len();
                plain.truncate(length);
                Some(plain)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // exercises: section/tune.ssl.lifetime
    #[test]
    fn tickets_live_as_long_as_they_are_told() {
        let tickets = Tickets::new(300);
        assert_eq!(tickets.lifetime(), 300);
        let ticket = tickets.encrypt(b"a session").expect("sealed");
        assert_eq!(tickets.decrypt(&ticket).as_deref(), Some(&b"a session"[..]));
        assert_eq!(Tickets::new(300).decrypt(&ticket), None, "other keys");
        assert_eq!(tickets.decrypt(&ticket[..5]), None);
        // The key changes once; what it sealed before can be opened still, and later not any more.
        let mut state = tickets.state.lock();
        let later = |seconds| Instant::now() + Duration::from_secs(seconds);
        tickets.turn(&mut state, later(301));
        drop(state);
        assert_eq!(tickets.decrypt(&ticket).as_deref(), Some(&b"a session"[..]));
        let mut state = tickets.state.lock();
        tickets.turn(&mut state, later(602));
        drop(state);
        assert_eq!(tickets.decrypt(&ticket), None);
    }
}
