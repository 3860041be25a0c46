//! `show tls-keys` and `set ssl tls-key`.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Call, Told, done, refused};
use crate::store::State;
use crate::ticket::{TicketKey, TicketKeys};

/// Files with their numbers: what was read last comes first.
fn files(state: &State) -> impl Iterator<Item = (usize, &Arc<TicketKeys>)> {
    state.loaded.ticket_keys.iter().rev().enumerate()
}

fn find<'a>(state: &'a State, asked: &str) -> Option<(usize, &'a Arc<TicketKeys>)> {
    let number = asked.strip_prefix('#').map(str::parse::<usize>);
    files(state).find(|(at, keys)| match &number {
        Some(number) => number.as_ref() == Ok(at),
        None => keys.path == asked,
    })
}

/// `show tls-keys [ID|*]`.
pub fn show(call: &Call<'_>) -> Told {
    let state = call.store.state();
    let mut text = String::new();
    let shown: Vec<_> = match call.word(0) {
        "" => {
            text.push_str("# id (file)\n");
            for (at, keys) in files(&state) {
                let _ = writeln!(text, "{at} ({})", keys.path);
            }
            return Told::Lines(text);
        }
        "*" => files(&state).collect(),
        asked => match find(&state, asked) {
            Some(found) => vec![found],
            None => return refused("'show tls-keys' unable to locate referenced filename"),
        },
    };
    text.push_str("# id secret\n");
    for (at, keys) in shown {
        let _ = writeln!(text, "# {at} ({})", keys.path);
        for (number, key) in keys.all().iter().enumerate() {
            let _ = writeln!(text, "{at}.{number} {}", STANDARD.encode(key.bytes()));
        }
    }
    Told::Lines(text)
}

/// `set ssl tls-key ID KEY`.
pub fn set(call: &Call<'_>) -> Told {
    let (asked, key) = (call.word(0), call.word(1));
    if asked.is_empty() || key.is_empty() {
        return refused(
            "'set ssl tls-key' expects a filename and the new TLS key in base64 encoding.",
        );
    }
    let state = call.store.state();
    let Some((_, keys)) = find(&state, asked) else {
        return refused("'set ssl tls-key' unable to locate referenced filename");
    };
    let Ok(bytes) = STANDARD.decode(key) else {
        return refused("'set ssl tls-key' received invalid base64 encoded TLS key.");
    };
    match TicketKey::new(bytes).is_some_and(|key| keys.add(key)) {
        true => done("TLS ticket key updated!".to_owned()),
        false => refused("'set ssl tls-key' received a key of wrong size."),
    }
}
