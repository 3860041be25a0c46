//! `set anon` and `show anon`: names in answers give way to hashes.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use hapax_core::anonymous;

use super::{Answer, Call};

/// `set anon on [key]`: without a key the process' own, or else one by chance.
pub fn on(call: &mut Call<'_>) -> Answer {
    let process = &call.program.live.process.anonymous_key;
    let key = match call.arg(0) {
        "" => match process.load(Ordering::Relaxed) {
            0 => (call.now.wall_us as u32) | 1,
            key => key,
        },
        word => match leading(word) {
            Some(key) if key > 0 => key,
            _ => {
                let text = "Value out of range (1 to 4294967295 expected).\n";
                return Answer::Refused(text.into());
            }
        },
    };
    call.state.anonymous = Some(key);
    Answer::Written
}

/// `set anon off`.
pub fn off(call: &mut Call<'_>) -> Answer {
    call.state.anonymous = None;
    Answer::Written
}

/// `set anon global-key`: what is no key changes nothing, and nothing is said of it.
pub fn set_global_key(call: &mut Call<'_>) -> Answer {
    if let Some(key) = leading(call.arg(0)) {
        let process = &call.program.live.process.anonymous_key;
        process.store(key, Ordering::Relaxed);
    }
    Answer::Written
}

/// `show anon`.
pub fn show(call: &mut Call<'_>) -> Answer {
    Answer::Information(match call.state.anonymous {
        Some(key) => format!("Anonymized mode enabled\nKey : {key}\n"),
        None => "Anonymized mode disabled\n".into(),
    })
}

/// `debug dev hash`: a word as the answers of this connection show it.
pub fn hash(call: &mut Call<'_>) -> Answer {
    let text = name(call.state.anonymous, call.arg(0));
    Answer::Information(format!("{text}\n"))
}

/// A name as it is shown under a key.
pub fn name(key: Option<u32>, name: &str) -> Cow<'_, str> {
    match key {
        Some(key) => anonymous::hash(name.as_bytes(), key).into(),
        None => name.into(),
    }
}

/// The number that a word begins with; none when it is too large.
fn leading(word: &str) -> Option<u32> {
    let end = word.find(|c: char| !c.is_ascii_digit());
    let digits = word.get(..end.unwrap_or(word.len())).unwrap_or_default();
    match digits {
        "" => Some(0),
        digits => digits.parse().ok(),
    }
}
