//! `show events`: the rings, and what is in one of them.

use std::fmt::Write;
use std::sync::Arc;

use hapax_core::ring::Ring;

use super::{Answer, Call};

/// A connection that is shown new events of a ring as they come.
#[derive(Debug)]
pub struct Following {
    /// The ring.
    pub ring: Arc<Ring>,
    /// Where the next event stands.
    pub position: u64,
    /// What ends an event.
    pub end: u8,
}

impl Following {
    /// Appends the events that are there.
    pub fn take(&mut self, out: &mut Vec<u8>) {
        let end = self.end;
        self.position = self.ring.read(self.position, usize::MAX, |event| {
            out.extend_from_slice(event);
            out.push(end);
        });
    }
}

/// `show events [<sink>] [-w] [-n] [-0]`
pub fn show(call: &mut Call<'_>) -> Answer {
    let name = call.arg(0);
    if name.is_empty() {
        return Answer::Information(list(call));
    }
    let ring = call.program.live.ring(name).cloned();
    let (mut wait, mut new, mut end) = (false, false, b'\n');
    let Some(ring) = ring else {
        return Answer::Refused(match name {
            "stdout" | "stderr" => "Nothing to report for this sink".to_owned(),
            _ => "No such event sink".to_owned(),
        });
    };
    for word in call.args.iter().skip(1) {
        let flags = word.strip_prefix('-').filter(|flags| !flags.is_empty());
        for flag in flags.unwrap_or("?").chars() {
            match flag {
                'w' => wait = true,
                'n' => new = true,
                '0' => end = 0,
                _ => return Answer::Refused("unknown option".to_owned()),
            }
        }
    }
    let position = if new { ring.end() } else { ring.start() };
    let mut following = Following {
        ring,
        position,
        end,
    };
    following.take(call.out);
    if wait {
        call.state.following = Some(following);
    }
    Answer::Written
}

fn list(call: &Call<'_>) -> String {
    let mut text =
        "Supported events sinks are listed below. Add -0(zero), -w(wait), -n(new). Any key to stop.\n"
            .to_owned();
    for (name, number) in [("stdout", 1), ("stderr", 2)] {
        // Upstream, word by word.
        let _ = writeln!(
            text,
            "    {name:<10} : type=fd, 0 dropped, standard output (fd#{})",
            number
        );
    }
    for ring in &call.program.live.rings {
        let _ = writeln!(
            text,
            "    {:<10} : type=buffer, {} dropped, {}",
            ring.name,
            ring.dropped(),
            ring.description
        );
    }
    text
}
