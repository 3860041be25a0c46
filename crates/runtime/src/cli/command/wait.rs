//! `wait`: for a time, or until a server can be deleted.

use std::sync::Arc;

use hapax_core::program::Program;

use super::server::Found;
use super::server_list::{Removable, removable};
use super::{Answer, Call};

/// What a connection waits for.
#[derive(Debug)]
pub struct Waiting {
    /// Until when at most, ms since the start.
    pub until_ms: u64,
    /// `BACKEND/SERVER` that is to be removable.
    server: Option<String>,
}

impl Waiting {
    /// What there is to say now; none as long as it waits. `gone` says that the client ended its side.
    pub fn answer(&self, program: &Arc<Program>, now_ms: u64, gone: bool) -> Option<Answer> {
        let done = || Some(Answer::Information("Done.\n".into()));
        let refused = |text: &str| Some(Answer::Refused(text.into()));
        if let Some(path) = &self.server {
            let found = Found::named(program, path);
            match found.as_ref().map(removable) {
                Ok(Removable::Yes) => return done(),
                Ok(Removable::Busy) => {}
                Ok(Removable::Never(_)) | Err(_) => return refused("Failed.\n"),
            }
        }
        if now_ms >= self.until_ms {
            return match self.server {
                Some(_) => refused("Wait delay expired.\n"),
                None => done(),
            };
        }
        gone.then(|| Answer::Refused("Interrupted.\n".into()))
    }
}

/// `wait { -h | DELAY } [srv-removable BACKEND/SERVER]`.
pub fn wait(call: &mut Call<'_>) -> Answer {
    let refused = |text: &str| Answer::Refused(text.into());
    if call.arg(0).is_empty() {
        return refused("Expects a duration in milliseconds.\n");
    }
    if call.arg(0) == "-h" {
        return refused(USAGE);
    }
    let Some(delay) = milliseconds(call.arg(0)) else {
        return refused("Invalid duration.\n");
    };
    let server = match call.arg(1) {
        "" => None,
        "srv-removable" => match call.arg(2) {
            "" => return refused("Missing server name (<backend>/<server>).\n"),
            path if !path.contains('/') => return refused("Require 'backend/server'.\n"),
            path => Some(path.to_owned()),
        },
        _ => return refused(USAGE),
    };
    call.state.waiting = Some(Waiting {
        until_ms: call.now.ms.saturating_add(delay),
        server,
    });
    Answer::Written
}

const USAGE: &str = "Usage: wait {-h|<duration>} [condition [args...]]
  - '-h' displays this help
  - <duration> is the maximum wait time, optionally suffixed by the unit among
    'us', 'ms', 's', 'm', 'h', and 'd'. ; the default unit is milliseconds.
  - <condition> indicates what to wait for, no longer than the specified
    duration. Supported conditions are:
    - <none> : by default, just sleep for the specified duration.
    - srv-removable <px>/<sv> : wait for this server to become removable.
";

/// A time above 0 in milliseconds; parts of one count as one.
fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let time = match unit {
        "us" => number.div_ceil(1000),
        "" | "ms" => number,
        "s" => number.checked_mul(1000)?,
        "m" => number.checked_mul(60_000)?,
        "h" => number.checked_mul(3_600_000)?,
        "d" => number.checked_mul(86_400_000)?,
        _ => return None,
    };
    (1..=MOST_MS).contains(&time).then_some(time)
}

/// As long as other times can be (configuration manual 2.5).
const MOST_MS: u64 = i32::MAX as u64;
