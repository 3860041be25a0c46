//! The `hapax_*` histograms: how long requests took that servers answered, by backend and by server.

use std::io::Write;

use hapax_core::contract::Now;
use hapax_core::histogram::BOUNDS_MS;
use hapax_core::program::Program;

use super::{Wish, labels};
use crate::stats::view::{Selection, Subject, for_each};

/// Writes the histogram of each backend or server.
pub fn write(
    program: &Program,
    now: Now,
    selection: &Selection,
    scope: &str,
    wish: &Wish,
    out: &mut Vec<u8>,
) {
    let name = format!("hapax_{scope}_request_duration_seconds");
    if !wish.wants(&name) {
        return;
    }
    let _ = writeln!(
        out,
        "# HELP {name} from the request to the end of the server's answer\n# TYPE {name} histogram"
    );
    for_each(program, now, selection, |view| {
        if !view.http() {
            return;
        }
        let summary = match &view.subject {
            Subject::Server(server, _) => server.latency.summary(),
            _ => view.proxy.live.backend.latency.summary(),
        };
        let labels = labels(view);
        let mut count = 0u64;
        for (bound, bucket) in BOUNDS_MS.iter().zip(summary.buckets) {
            count = count.wrapping_add(bucket);
            let (seconds, rest) = (bound / 1000, bound % 1000);
            let end = format!("{seconds}.{rest:03}");
            let end = end.trim_end_matches('0').trim_end_matches('.');
            let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{end}\"}} {count}");
        }
        count = count.wrapping_add(summary.buckets[BOUNDS_MS.len()]);
        let (seconds, rest) = (summary.sum_ms / 1000, summary.sum_ms % 1000);
        let _ = writeln!(
            out,
            "{name}_bucket{{{labels},le=\"+Inf\"}} {count}\n{name}_sum{{{labels}}} {seconds}.{rest:03}\n{name}_count{{{labels}}} {count}"
        );
    });
}
