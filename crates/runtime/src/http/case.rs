//! Writing heads with the letter case that an old peer wants (`h1-case-adjust`).

use hapax_proto::h1::write_head;
use hapax_proto::http::{Head, Kind};

use super::client::Client;

/// Appends `head` to `out`; names are adjusted when `adjust` says so.
pub fn write(client: &Client, head: &Head, adjust: bool, out: &mut Vec<u8>) {
    let table = &client.plan.program.global.h1_case_adjust;
    if adjust && !table.is_empty() {
        write_adjusted(head, table, out);
    } else {
        write_head(head, out);
    }
}

fn write_adjusted(head: &Head, table: &[(String, String)], out: &mut Vec<u8>) {
    match head.kind() {
        Kind::Request => {
            for (part, end) in [
                (head.method(), &b" "[..]),
                (head.uri(), b" "),
                (head.version(), b"\r\n"),
            ] {
                out.extend_from_slice(part);
                out.extend_from_slice(end);
            }
        }
        Kind::Response => {
            out.extend_from_slice(head.version());
            out.push(b' ');
            out.extend_from_slice(head.status().to_string().as_bytes());
            out.push(b' ');
            out.extend_from_slice(head.reason());
            out.extend_from_slice(b"\r\n");
        }
    }
    for (name, value) in head.iter() {
        let wanted = table.iter().find(|(from, _)| from.as_bytes() == name);
        out.extend_from_slice(wanted.map_or(name, |(_, to)| to.as_bytes()));
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}
