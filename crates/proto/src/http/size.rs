//! How large a message is, as counters and rules see it.

use super::{Head, Kind};

/// The size of a head as the reference counts bytes: its parts without separators, and a fixed share for the start line.
pub fn counted(head: &Head) -> u64 {
    let start = match head.kind() {
        Kind::Request => head.method().len() + head.uri().len() + head.version().len(),
        Kind::Response => {
            let reason = match head.seen().reason_added {
                true => 0,
                false => head.reason().len(),
            };
            head.version().len() + digits(head.status()) + reason
        }
    };
    let fields: usize = head
        .fields()
        .iter()
        .map(|field| field.name.len() + field.value.len())
        .sum();
    (START_LINE + start + fields + 1) as u64
}

fn digits(status: u16) -> usize {
    match status {
        ..10 => 1,
        10..100 => 2,
        100..1000 => 3,
        _ => 4,
    }
}

const START_LINE: usize = 20;
