//! How many connections of the process have TLS, on both sides, and how many may (`maxsslconn`).

use std::sync::atomic::{AtomicU32, Ordering};

/// One of them; given back when it is dropped.
#[derive(Debug)]
pub struct Place(());

static TAKEN: AtomicU32 = AtomicU32::new(0);
/// 0 is no limit.
static MOST: AtomicU32 = AtomicU32::new(0);

/// Says how many there may be; 0 is no limit.
pub fn limit(most: u32) {
    MOST.store(most, Ordering::Relaxed);
}

/// How many there are.
pub fn taken() -> u32 {
    TAKEN.load(Ordering::Relaxed)
}

/// Whether there may be no more.
pub fn is_full() -> bool {
    let most = MOST.load(Ordering::Relaxed);
    most > 0 && taken() >= most
}

impl Place {
    /// One for a connection of a client, if there may be one more.
    pub fn of_client() -> Option<Place> {
        let most = MOST.load(Ordering::Relaxed);
        let before = TAKEN.fetch_add(1, Ordering::Relaxed);
        if most > 0 && before >= most {
            TAKEN.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Place(()))
    }

    /// One for a connection to a server, which was not begun if there are too many.
    pub(super) fn of_server() -> Place {
        TAKEN.fetch_add(1, Ordering::Relaxed);
        Place(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let before = TAKEN.fetch_sub(1, Ordering::Relaxed);
        let most = MOST.load(Ordering::Relaxed);
        if most > 0 && before >= most {
            // Clients may wait for it.
            crate::serve::reopen_all_doors();
        }
    }
}
