//! `get weight`.

use std::io::Write;
use std::sync::atomic::Ordering;

use super::server::Found;
use super::{Answer, Call};

/// The weight of a server now, and the one of the configuration.
pub fn get(call: &mut Call<'_>) -> Answer {
    let server = match Found::of(call) {
        Ok(found) => found.server,
        Err(answer) => return answer,
    };
    let weight = server.user_weight.load(Ordering::Relaxed);
    let initial = server.ir.options.weight;
    // Upstream marks no severity here.
    let _ = writeln!(call.out, "{weight} (initial {initial})");
    Answer::Written
}
