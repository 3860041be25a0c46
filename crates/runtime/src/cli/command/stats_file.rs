//! `dump stats-file`.

use hapax_core::program::{Program, Proxy};
use hapax_core::stats_file::Part;

use super::{Answer, Call, Unfinished};
use crate::stats::file;

/// What a later process can begin its counters with.
pub fn dump(call: &mut Call<'_>) -> Answer {
    file::write_header(Part::Front, call.out);
    let mut header = b"\n".to_vec();
    file::write_header(Part::Back, &mut header);
    if call.program.proxies.is_empty() {
        call.out.append(&mut header);
        return Answer::Written;
    }
    let front = |_: &Program, proxy: &Proxy, now, out: &mut Vec<u8>| {
        file::write(Part::Front, proxy, now, out);
    };
    // What stands between the parts goes before the first proxy.
    let back = move |_: &Program, proxy: &Proxy, now, out: &mut Vec<u8>| {
        out.append(&mut header);
        file::write(Part::Back, proxy, now, out);
    };
    let unfinished = Unfinished::over_proxies(call.program, front);
    call.state.unfinished = Some(unfinished.then(back));
    Answer::Written
}
