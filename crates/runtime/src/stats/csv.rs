//! `show stat`: the CSV, typed and JSON forms.

use std::io::Write;

use hapax_core::contract::Now;
use hapax_core::program::{Program, Proxy};

use super::columns::{self, Column};
use super::value::{StatValue, write_json_text};
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

/// Appends everything in a form.
pub fn write(program: &Program, now: Now, selection: &Selection, form: Form, out: &mut Vec<u8>) {
    let mut rows = Rows::begin(form, out);
    for proxy in &program.proxies {
        rows.proxy((program, proxy), now, selection, out);
    }
    out.extend_from_slice(Rows::end(form));
}

/// A form in which rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines of values; a header stands before them.
    Csv,
    /// A line for each field (management manual 9.2), with the column's documentation if that is said.
    Typed(bool),
    /// The same as JSON.
    Json(bool),
}

/// Writes rows proxy by proxy.
#[derive(Debug)]
pub struct Rows {
    form: Form,
    any: bool,
}

impl Rows {
    /// Appends what stands before all rows.
    pub fn begin(form: Form, out: &mut Vec<u8>) -> Rows {
        match form {
            Form::Csv => write_header(out),
            Form::Typed(_) => {}
            Form::Json(_) => out.push(b'['),
        }
        Rows { form, any: false }
    }

    /// Appends the rows of a proxy, if it is among the wanted ones.
    pub fn proxy(
        &mut self,
        (program, proxy): (&Program, &Proxy),
        now: Now,
        selection: &Selection,
        out: &mut Vec<u8>,
    ) {
        if !view::selects(selection, proxy) {
            return;
        }
        view::for_each_of(
            program,
            proxy,
            now,
            selection,
            &mut |view| match self.form {
                Form::Csv => write_row(view, out),
                Form::Typed(describe) => write_typed_row(view, describe, out),
                Form::Json(describe) => {
                    if std::mem::replace(&mut self.any, true) {
                        out.push(b',');
                    }
                    write_json_row(view, describe, out);
                }
            },
        );
    }

    /// What stands behind all rows.
    pub fn end(form: Form) -> &'static [u8] {
        match form {
            Form::Csv | Form::Typed(_) => b"",
            Form::Json(_) => b"]\n",
        }
    }
}

/// Appends the fields of a row, a line for each.
fn write_typed_row(view: &View<'_>, describe: bool, out: &mut Vec<u8>) {
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
}

/// Appends the fields of a row as an array.
fn write_json_row(view: &View<'_>, describe: bool, out: &mut Vec<u8>) {
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
        let doc = describe.then_some(column.doc);
        write_json_value(column.tags(view), &value, doc, out);
    }
    out.push(b']');
}

/// Appends the rest of an object of JSON: what tags say, the value, and what it means.
pub fn write_json_value(tags: &str, value: &StatValue<'_>, doc: Option<&str>, out: &mut Vec<u8>) {
    write_tags(tags, out);
    let _ = write!(
        out,
        ",\"value\":{{\"type\":\"{}\",\"value\":",
        value.type_name()
    );
    value.write_json(out);
    out.push(b'}');
    if let Some(doc) = doc {
        out.extend_from_slice(b",\"desc\":");
        write_json_text(doc, out);
    }
    out.push(b'}');
}

/// Appends `"tags":{...}` for three letters of origin, nature and scope.
fn write_tags(tags: &str, out: &mut Vec<u8>) {
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
) -> impl Iterator<Item = (usize, &'static Column, StatValue<'v>)> {
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
