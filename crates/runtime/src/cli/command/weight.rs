//! `get weight`.

use std::io::Write;
use std::sync::atomic::Ordering;

use super::{Answer, Call};

/// The weight of a server now, and the one of the configuration.
pub fn get(call: &mut Call<'_>) -> Answer {
    let Some((backend, name)) = call.arg(0).split_once('/') else {
        return Answer::Refused("Require 'backend/server'.\n".into());
    };
    let Some(id) = call.program.backend(backend) else {
        return Answer::Refused("No such backend.\n".into());
    };
    let servers = &call.program.proxy(id).live.servers;
    let Some(server) = servers.iter().find(|server| server.name == name) else {
        return Answer::Refused("No such server.\n".into());
    };
    let weight = server.user_weight.load(Ordering::Relaxed);
    let initial = server.ir.options.weight;
    // Upstream marks no severity here.
    let _ = writeln!(call.out, "{weight} (initial {initial})");
    Answer::Written
}
