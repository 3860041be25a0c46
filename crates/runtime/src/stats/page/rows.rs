//! The rows of the tables: the fields of the CSV, put where people look for them.

use std::io::Write;

use hapax_core::live::{Operation, ServerLive};

use super::document::escape;
use crate::stats::columns::{self, Column};
use crate::stats::status::Health;
use crate::stats::value::StatValue;
use crate::stats::view::{Kinds, Subject, View};

/// The columns of the CSV that cells are made from, looked up once per page.
pub struct Cells {
    columns: Vec<Option<&'static Column>>,
}

const NAMES: &[&str] = &[
    "qcur", "qmax", "qlimit", "rate", "rate_max", "rate_lim", "scur", "smax", "slim", "stot",
    "lbtot", "lastsess", "bin", "bout", "dreq", "dresp", "ereq", "econ", "eresp", "wretr",
    "wredis",
];

const DETAILS: &[(&str, &str)] = &[
    ("conn_tot", "connections"),
    ("req_tot", "requests"),
    ("hrsp_1xx", "1xx"),
    ("hrsp_2xx", "2xx"),
    ("hrsp_3xx", "3xx"),
    ("hrsp_4xx", "4xx"),
    ("hrsp_5xx", "5xx"),
    ("hrsp_other", "other"),
    ("intercepted", "intercepted"),
    ("connect", "new connections"),
    ("reuse", "reused connections"),
    ("qtime", "queue ms"),
    ("ctime", "connect ms"),
    ("rtime", "response ms"),
    ("ttime", "total ms"),
];

impl Cells {
    /// Looks the columns up.
    pub fn new() -> Cells {
        let names = NAMES.iter().copied();
        let details = DETAILS.iter().map(|(name, _)| *name);
        Cells {
            columns: names.chain(details).map(columns::find).collect(),
        }
    }

    fn value<'v>(&self, name: &str, view: &'v View<'_>) -> StatValue<'v> {
        let found = self
            .columns
            .iter()
            .flatten()
            .find(|column| column.name == name);
        found.map_or(StatValue::Empty, |column| column.value(view))
    }

    fn text(&self, name: &str, view: &View<'_>) -> String {
        let mut out = Vec::new();
        self.value(name, view).write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// What hovering over the total shows.
    fn details(&self, view: &View<'_>) -> String {
        let shown = DETAILS.iter().filter_map(|(name, label)| {
            let text = self.text(name, view);
            (!text.is_empty()).then(|| format!("{label}: {text}"))
        });
        shown.collect::<Vec<_>>().join(", ")
    }
}

/// The modules of `stats show-modules`: their names, and how their columns begin.
pub const MODULES: &[(&str, &str)] = &[
    ("ssl", "ssl_"),
    ("h3", "h3_"),
    ("quic", "quic_"),
    ("h2", "h2_"),
    ("h1", "h1_"),
];

/// What rows have besides the usual cells.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// A box to mark servers.
    pub marks: bool,
    /// The counters of modules.
    pub modules: bool,
}

/// Writes one row.
pub fn write(cells: &Cells, view: &View<'_>, shape: Shape, out: &mut Vec<u8>) {
    let _ = write!(out, "<tr class=\"{}\">", class(view));
    if shape.marks {
        match view.server() {
            Some(server) => {
                let name = escape(&server.name);
                let uuid = view.proxy.live.uuid;
                let _ = write!(
                    out,
                    "<td><input class=\"be-{uuid}\" type=\"checkbox\" name=\"s\" value=\"{name}\"></td>"
                );
            }
            None => out.extend_from_slice(b"<td></td>"),
        }
    }
    name(view, out);
    for name in NAMES {
        match *name {
            "stot" => {
                let (total, details) = (cells.text(name, view), cells.details(view));
                let _ = write!(out, "<td title=\"{details}\">{total}</td>");
            }
            "lastsess" => {
                let text = match cells.value(name, view) {
                    StatValue::S32(seconds) if seconds >= 0 => age(seconds.unsigned_abs().into()),
                    StatValue::S32(_) => "?".into(),
                    _ => String::new(),
                };
                let _ = write!(out, "<td>{text}</td>");
            }
            "qlimit" | "slim" if view.kind() == Kinds::S => {
                let text = cells.text(name, view);
                let text = if text.is_empty() { "-" } else { &text };
                let _ = write!(out, "<td>{text}</td>");
            }
            "rate_lim" => {
                let text = cells.text(name, view);
                let text = if text == "0" { "-" } else { &text };
                let _ = write!(out, "<td>{text}</td>");
            }
            _ => {
                let _ = write!(out, "<td>{}</td>", cells.text(name, view));
            }
        }
    }
    match &view.subject {
        Subject::Server(server, health) => server_cells(view, server, health, out),
        Subject::Backend => backend_cells(view, out),
        _ => {
            let status = shown(view, "status");
            let _ = write!(out, "<td class=\"ac\">{status}</td><td colspan=\"8\"></td>");
        }
    }
    if shape.modules {
        for (_, prefix) in MODULES {
            module(prefix, view, out);
        }
    }
    out.extend_from_slice(b"</tr>\n");
}

/// The counters of a module, those that are not zero first in sight.
fn module(prefix: &str, view: &View<'_>, out: &mut Vec<u8>) {
    let own = columns::of_modules().filter(|column| column.name.starts_with(prefix));
    let mut lines = Vec::new();
    for column in own {
        let value = column.value(view);
        if !value.is_empty() {
            let mut text = Vec::new();
            value.write(&mut text);
            lines.push(format!(
                "{}: {}",
                column.name,
                String::from_utf8_lossy(&text)
            ));
        }
    }
    match lines.is_empty() {
        true => out.extend_from_slice(b"<td></td>"),
        false => {
            let hint = escape(&lines.join(", "));
            let _ = write!(out, "<td class=\"ac\" title=\"{hint}\">+</td>");
        }
    }
}

/// The class of a row: kind, and for servers the state.
fn class(view: &View<'_>) -> String {
    match &view.subject {
        Subject::Frontend => "frontend".into(),
        Subject::Backend => "backend".into(),
        Subject::Listener(..) => "socket".into(),
        Subject::Server(server, health) => {
            let backup = server.ir.options.backup;
            state(health).map_or_else(
                || "maintain".into(),
                |state| format!("{}_{state}", if backup { "backup" } else { "active" }),
            )
        }
    }
}

/// The state in the class of a server's row; none in maintenance.
fn state(health: &Health) -> Option<&'static str> {
    let own = &health.own;
    if own.admin.in_maintenance() {
        return None;
    }
    let full = health
        .deciding
        .as_ref()
        .is_none_or(|deciding| deciding.state.health + 1 >= deciding.rise + deciding.fall);
    Some(match (&health.deciding, own.operation) {
        (Some(deciding), Operation::Stopped) if deciding.state.health > 0 => "going_up",
        (_, Operation::Stopped) => "down",
        (Some(_), Operation::Stopping) => "nolb",
        _ if own.admin.in_drain() => "draining",
        (None, _) => "no_check",
        _ if full => "up",
        _ => "going_down",
    })
}

fn name(view: &View<'_>, out: &mut Vec<u8>) {
    let proxy = escape(&view.proxy.ir.name);
    let (anchor, text) = match &view.subject {
        Subject::Frontend => ("Frontend".to_owned(), "Frontend".to_owned()),
        Subject::Backend => ("Backend".to_owned(), "Backend".to_owned()),
        Subject::Listener(listener, _) => {
            let name = escape(&listener.name);
            (format!("+{name}"), name)
        }
        Subject::Server(server, _) => (escape(&server.name), escape(&server.name)),
    };
    let hint = match legend(view) {
        Some(hint) => format!(" title=\"{}\"", escape(&hint)),
        None => String::new(),
    };
    let _ = write!(
        out,
        "<td class=\"ac\"><a class=\"lfsb\" name=\"{proxy}/{anchor}\" href=\"#{proxy}/{anchor}\"{hint}>{text}</a></td>"
    );
}

/// What `stats show-legends` tells about a row.
fn legend(view: &View<'_>) -> Option<String> {
    if !view.legends {
        return None;
    }
    let mut parts = Vec::new();
    for (column, label) in [
        ("addr", ""),
        ("proto", "proto="),
        ("sid", "id: "),
        ("cookie", "cookie: "),
        ("algo", "balance: "),
    ] {
        let text = plain(view, column);
        let numbered = column != "sid" || text != "0";
        if numbered && !text.is_empty() {
            parts.push(format!("{label}{text}"));
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn server_cells(view: &View<'_>, server: &ServerLive, health: &Health, out: &mut Vec<u8>) {
    let status = shown(view, "status");
    let unchecked = health.deciding.is_none() && status == "no check";
    let age = age(u64::from(
        health.own.seconds_since_change(view.now.ms) as u32
    ));
    let status = match unchecked {
        true => status,
        false => format!("{age} {status}"),
    };
    let _ = write!(out, "<td class=\"ac\">{status}</td>");
    last_check(view, out);
    let backup = server.ir.options.backup;
    let mark = |yes: bool| if yes { "Y" } else { "-" };
    let _ = write!(
        out,
        "<td class=\"ac\">{}/{}</td><td class=\"ac\">{}</td><td class=\"ac\">{}</td><td>{}</td><td>{}</td><td>{}</td>",
        shown(view, "weight"),
        shown(view, "uweight"),
        mark(!backup),
        mark(backup),
        shown(view, "chkfail"),
        shown(view, "chkdown"),
        downtime(view),
    );
    let throttle = match plain(view, "throttle") {
        text if text.is_empty() => "-".into(),
        text => format!("{text} %"),
    };
    let _ = write!(out, "<td class=\"ac\">{throttle}</td>");
}

fn last_check(view: &View<'_>, out: &mut Vec<u8>) {
    let (status, code) = (shown(view, "check_status"), shown(view, "check_code"));
    let (duration, info) = (shown(view, "check_duration"), shown(view, "last_chk"));
    if status.is_empty() {
        let tracked = shown(view, "tracked");
        let text = match tracked.is_empty() {
            true => tracked,
            false => format!("via {tracked}"),
        };
        let _ = write!(out, "<td class=\"ac\">{text}</td>");
        return;
    }
    let mut text = status;
    if !code.is_empty() {
        text = format!("{text}/{code}");
    }
    if !duration.is_empty() {
        text = format!("{text} in {duration}ms");
    }
    let mut hint = shown(view, "check_desc");
    if !info.is_empty() {
        hint = format!("{hint}: {info}");
    }
    let _ = write!(out, "<td class=\"ac\" title=\"{hint}\">{text}</td>");
}

fn backend_cells(view: &View<'_>, out: &mut Vec<u8>) {
    let _ = write!(
        out,
        "<td class=\"ac\">{} {}</td><td></td><td class=\"ac\">{}/{}</td><td class=\"ac\">{}</td><td class=\"ac\">{}</td><td></td><td>{}</td><td>{}</td><td></td>",
        age(columns::find("lastchg").map_or(0, |column| column.value(view).number())),
        shown(view, "status"),
        shown(view, "weight"),
        shown(view, "uweight"),
        shown(view, "act"),
        shown(view, "bck"),
        shown(view, "chkdown"),
        downtime(view),
    );
}

fn downtime(view: &View<'_>) -> String {
    match columns::find("downtime").map(|column| column.value(view)) {
        Some(value) if !value.is_empty() => age(value.number()),
        _ => String::new(),
    }
}

fn plain(view: &View<'_>, column: &str) -> String {
    let mut out = Vec::new();
    if let Some(column) = columns::find(column) {
        column.value(view).write(&mut out);
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn shown(view: &View<'_>, column: &str) -> String {
    escape(&plain(view, column))
}

/// A duration by its two largest units.
fn age(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{}s", seconds % 60),
        3600..86400 => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}
