//! `debug dev`: what helps to try how a process and those around it behave. Of expert mode only.

use std::io::Write;
use std::time::Duration;

use super::{Answer, Call};
use crate::log::Level;
use crate::serve::with_local;

/// `debug dev delay [ms]`: worker 0 sleeps.
pub fn delay(call: &mut Call<'_>) -> Answer {
    // The worker is meant to stand still.
    let (_open, never) = std::sync::mpsc::channel::<()>();
    let _ = never.recv_timeout(milliseconds(call));
    Answer::Written
}

/// `debug dev loop [ms]`: worker 0 is busy.
pub fn busy(call: &mut Call<'_>) -> Answer {
    let until = std::time::Instant::now() + milliseconds(call);
    while std::time::Instant::now() < until {
        std::hint::spin_loop();
    }
    Answer::Written
}

/// `debug dev exit [code]`: the process ends at once.
#[expect(
    clippy::disallowed_methods,
    reason = "that nothing runs any more is what is asked for"
)]
pub fn exit(call: &mut Call<'_>) -> Answer {
    std::process::exit(call.arg(0).parse().unwrap_or(0));
}

/// `debug dev panic`: the process ends as after a fault.
pub fn abort(_: &mut Call<'_>) -> Answer {
    std::process::abort();
}

/// `debug dev log [words]`: a line for the global logs.
pub fn log(call: &mut Call<'_>) -> Answer {
    let text = call.args.join(" ");
    with_local(|local| local.plan().logger.message(None, Level::Info, &text));
    Answer::Written
}

/// `debug dev write <size>`: that many bytes.
pub fn write(call: &mut Call<'_>) -> Answer {
    let Some(word) = call.args.first() else {
        return Answer::Refused("Missing output size.\n".into());
    };
    let size = word.parse::<usize>().unwrap_or(0).min(MOST_WRITTEN);
    if size > 0 {
        call.out.resize(call.out.len() + size, b'.');
        let _ = writeln!(call.out);
    }
    Answer::Written
}

fn milliseconds(call: &Call<'_>) -> Duration {
    let time = call.arg(0).parse().unwrap_or(0).min(MOST_DELAY_MS);
    Duration::from_millis(time)
}

/// Bytes of `debug dev write`.
const MOST_WRITTEN: usize = 16 << 20;
/// Milliseconds of `debug dev delay` and `loop`.
const MOST_DELAY_MS: u64 = 60_000;
