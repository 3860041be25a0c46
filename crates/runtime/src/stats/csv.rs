//! `show stat`: the CSV, typed and JSON forms.

use std::io::Write;

use hapax_core::contract::Now;
use hapax_core::program::{Program, Proxy};

use super::columns::{self, Column};
use super::value::write_json_text;
use super::view::{self, Kinds, Selection, View};

/// The JSON schema of the JSON forms of `show info` and `show stat`.
pub const SCHEMA: &str = include_str!("schema.json");

/// Appends the header line.
pub fn write_header(out: &mut Vec<u8>) {
    out.extend_from_slice(b"# ");
    for column in columns::of_core() {
        out.extend_from_slice(column.name.as_bytes());
        out.push(b',');
    }
    out.extend_from_slice(b"-,");
    for column in columns::of_modules() {
        out.extend_from_slice(column.name.as_bytes());
        out.push(b',');
    }
    out.push(b'\n');
}

/// Appends one row.
pub fn write_row(view: &View<'_>, out: &mut Vec<u8>) {
    for column in columns::of_core() {
        column.value(view).write_csv(out);
        out.push(b',');
    }
    out.extend_from_slice(b"-,");
    for column in columns::of_modules() {
        column.value(view).write_csv(out);
        out.push(b',');
    }
    out.push(b'\n');
}

/// Appends header and rows.
pub fn write(program: &Program, now: Now, selection: &Selection, out: &mut Vec<u8>) {
    write_header(out);
    view::for_each(program, now, selection, |view| write_row(view, out));
}

/// Appends the rows of one proxy, if it is among the wanted ones.
pub fn write_proxy(
    program: &Program,
    proxy: &Proxy,
    now: Now,
    selection: &Selection,
    out: &mut Vec<u8>,
) {
    if view::selects(selection, proxy) {
        view::for_each_of(program, proxy, now, selection, &mut |view| {
            write_row(view, out);
        });
    }
}

/// Appends the typed form (management manual 9.2); `describe` adds the columns' documentation.
pub fn write_typed(
    program: &Program,
    now: Now,
    selection: &Selection,
    describe: bool,
    out: &mut Vec<u8>,
) {
    view::for_each(program, now, selection, |view| {
        for (position, column, value) in fields(view) {
            let _ = write!(
                out,
                "{}.{}.{}.{position}.{}.1:{}:{}:",
                letter(view),
                view.proxy.live.uuid,
                id(view),
                column.name,
                column.tags(view),
                value.type_name(),
            );
            value.write(out);
            if describe {
                let _ = write!(out, ":\"{}\"", column.doc);
            }
            out.push(b'\n');
        }
    });
}

/// Appends the JSON form.
pub fn write_json(
    program: &Program,
    now: Now,
    selection: &Selection,
    describe: bool,
    out: &mut Vec<u8>,
) {
    let mut rows = 0;
    out.push(b'[');
    view::for_each(program, now, selection, |view| {
        if rows > 0 {
            out.push(b',');
        }
        rows += 1;
        out.push(b'[');
        let mut first = true;
        for (position, column, value) in fields(view) {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            let _ = write!(
                out,
                "{{\"objType\":\"{}\",\"proxyId\":{},\"id\":{},\"field\":{{\"pos\":{position},\"name\":\"{}\"}},\"processNum\":1,",
                object(view),
                view.proxy.live.uuid,
                id(view),
                column.name,
            );
            write_tags(column.tags(view), out);
            let _ = write!(
                out,
                ",\"value\":{{\"type\":\"{}\",\"value\":",
                value.type_name()
            );
            value.write_json(out);
            out.push(b'}');
            if describe {
                out.extend_from_slice(b",\"desc\":");
                write_json_text(column.doc, out);
            }
            out.push(b'}');
        }
        out.push(b']');
    });
    out.extend_from_slice(b"]\n");
}

/// Appends `"tags":{...}` for three letters of origin, nature and scope.
pub fn write_tags(tags: &str, out: &mut Vec<u8>) {
    let mut letters = tags.bytes();
    let origin = match letters.next() {
        Some(b'M') => "Metric",
        Some(b'S') => "Status",
        Some(b'K') => "Key",
        Some(b'C') => "Config",
        Some(b'P') => "Product",
        _ => "Unknown",
    };
    let nature = match letters.next() {
        Some(b'A') => "Age",
        Some(b'a') => "Avg",
        Some(b'C') => "Counter",
        Some(b'D') => "Duration",
        Some(b'G') => "Gauge",
        Some(b'L') => "Limit",
        Some(b'M') => "Max",
        Some(b'm') => "Min",
        Some(b'N') => "Name",
        Some(b'O') => "Output",
        Some(b'R') => "Rate",
        Some(b'T') => "Time",
        _ => "Unknown",
    };
    let scope = match letters.next() {
        Some(b'C') => "Cluster",
        Some(b'P') => "Process",
        Some(b'S') => "Service",
        Some(b's') => "System",
        _ => "Unknown",
    };
    let _ = write!(
        out,
        "\"tags\":{{\"origin\":\"{origin}\",\"nature\":\"{nature}\",\"scope\":\"{scope}\"}}"
    );
}

/// The fields that apply, with their positions; the `-` that ends the fixed part of the CSV has none.
fn fields<'v, 'a: 'v>(
    view: &'v View<'a>,
) -> impl Iterator<Item = (usize, &'static Column, super::value::StatValue<'v>)> {
    columns::of_core()
        .chain(columns::of_modules())
        .enumerate()
        .map(|(position, column)| (position, column, column.value(view)))
        .filter(|(.., value)| !value.is_empty())
}

fn letter(view: &View<'_>) -> char {
    match view.kind() {
        Kinds::F => 'F',
        Kinds::B => 'B',
        Kinds::S => 'S',
        _ => 'L',
    }
}

fn object(view: &View<'_>) -> &'static str {
    match view.kind() {
        Kinds::F => "Frontend",
        Kinds::B => "Backend",
        Kinds::S => "Server",
        _ => "Listener",
    }
}

fn id(view: &View<'_>) -> u32 {
    match &view.subject {
        view::Subject::Server(server, _) => server.id,
        view::Subject::Listener(listener, _) => listener.id,
        _ => 0,
    }
}
