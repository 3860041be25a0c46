//! `use-service prometheus-exporter`: the statistics as Prometheus reads them, under upstream's names, and `hapax_*`
//! histograms of what requests took.

mod histogram;
mod metrics;

use std::io::Write;

use hapax_core::contract::Now;
use hapax_core::live::CheckStatus as Check;
use hapax_core::program::Program;

use self::metrics::Metric;
use super::columns;
use super::info::{self, Facts, InfoView, Measures};
use super::percent;
use super::status::Health;
use super::value::StatValue;
use super::view::{Kinds, Selection, Subject, View, for_each};

/// Where the value of a metric comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A line of `show info`.
    Line(&'static str),
    /// The text of such a line as a label of this name; the value is 1.
    Label(&'static str, &'static str),
    /// A column of `show stat`.
    Column(&'static str),
    /// A column in milliseconds.
    Seconds(&'static str),
    /// One sample per state, 1 for that in force.
    Status,
    /// The same for the last check.
    CheckStatus,
    /// One sample per class of responses.
    Responses,
    /// Servers of a backend by their states.
    ServerStates,
    /// Servers of a backend by their last checks.
    CheckStatuses,
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    scopes: Vec<Scope>,
    no_maintenance: bool,
    extra_counters: bool,
    /// Names of metrics, and whether they are wanted.
    chosen: Vec<(String, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Global,
    Frontend,
    Listener,
    Backend,
    Server,
    /// Known, and nothing is there.
    Nothing,
}

const ALL: [Scope; 5] = [
    Scope::Global,
    Scope::Frontend,
    Scope::Listener,
    Scope::Backend,
    Scope::Server,
];

impl Wish {
    /// Reads the parameters of a target; none when they are wrong.
    pub fn of(target: &[u8]) -> Option<Wish> {
        let mut wish = Wish {
            scopes: ALL.to_vec(),
            ..Wish::default()
        };
        let mut scoped = false;
        let Some(at) = memchr::memchr(b'?', target) else {
            return Some(wish);
        };
        let query = target.get(at + 1..).unwrap_or_default();
        let query = query.split(|byte| *byte == b'#').next().unwrap_or_default();
        for field in query.split(|byte| *byte == b'&') {
            let field = percent::decode(field)?;
            let field = std::str::from_utf8(&field).ok()?;
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            match name {
                "scope" => {
                    if !std::mem::replace(&mut scoped, true) || value.is_empty() {
                        wish.scopes.clear();
                    }
                    match value {
                        "" => {}
                        "*" => wish.scopes = ALL.to_vec(),
                        "global" => wish.scopes.push(Scope::Global),
                        "frontend" => wish.scopes.push(Scope::Frontend),
                        "listener" => wish.scopes.push(Scope::Listener),
                        "backend" => wish.scopes.push(Scope::Backend),
                        "server" => wish.scopes.push(Scope::Server),
                        "sticktable" | "resolver" => wish.scopes.push(Scope::Nothing),
                        _ => return None,
                    }
                }
                "no-maint" => wish.no_maintenance = true,
                "extra-counters" => wish.extra_counters = true,
                "metrics" => {
                    for name in value.split(',').filter(|name| !name.is_empty()) {
                        match name.strip_prefix('-') {
                            Some(name) => wish.choose(name, false),
                            None => wish.choose(name, true),
                        }
                    }
                }
                _ => {}
            }
        }
        Some(wish)
    }

    /// The last word about a name counts.
    fn choose(&mut self, name: &str, wanted: bool) {
        self.chosen.retain(|(chosen, _)| chosen != name);
        self.chosen.push((name.to_owned(), wanted));
    }

    /// Whether a metric of that name is asked for.
    fn wants(&self, name: &str) -> bool {
        let own = self.chosen.iter().find(|(chosen, _)| chosen == name);
        match own {
            Some((_, wanted)) => *wanted,
            None => !self.chosen.iter().any(|(_, wanted)| *wanted),
        }
    }
}

/// Writes what is asked for.
pub fn write(
    program: &Program,
    facts: &Facts,
    measures: Measures,
    now: Now,
    wish: &Wish,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 * 1024);
    let has = |scope: Scope| wish.scopes.contains(&scope);
    if has(Scope::Global) {
        let view = InfoView {
            program,
            facts,
            measures,
            now,
            float: false,
        };
        process(&view, wish, &mut out);
    }
    for (scope, kind, name, metrics) in [
        (Scope::Frontend, Kinds::F, "frontend", metrics::FRONTEND),
        (Scope::Listener, Kinds::L, "listener", metrics::LISTENER),
        (Scope::Backend, Kinds::B, "backend", metrics::BACKEND),
        (Scope::Server, Kinds::S, "server", metrics::SERVER),
    ] {
        if !has(scope) {
            continue;
        }
        let selection = Selection {
            kinds: Some(kind.0),
            no_maintenance: wish.no_maintenance,
            ..Selection::default()
        };
        for metric in metrics {
            of_proxies(program, now, &selection, name, metric, wish, &mut out);
        }
        if wish.extra_counters {
            modules(program, now, &selection, kind, name, wish, &mut out);
        }
        if kind == Kinds::B || kind == Kinds::S {
            histogram::write(program, now, &selection, name, wish, &mut out);
        }
    }
    out
}

fn process(view: &InfoView<'_>, wish: &Wish, out: &mut Vec<u8>) {
    for (suffix, counter, source) in metrics::PROCESS {
        let name = format!("haproxy_process_{suffix}");
        let (line, label) = match source {
            Source::Line(line) => (line, None),
            Source::Label(label, line) => (line, Some(label)),
            _ => continue,
        };
        let Some(line) = info::find(line).filter(|_| wish.wants(&name)) else {
            continue;
        };
        head(&name, line.doc, *counter, out);
        let value = line.value(view);
        match label {
            Some(label) => {
                let mut text = Vec::new();
                value.write(&mut text);
                let text = escape(&String::from_utf8_lossy(&text));
                let _ = writeln!(out, "{name}{{{label}=\"{text}\"}} 1");
            }
            None => {
                let _ = write!(out, "{name} ");
                number(&value, out);
            }
        }
    }
}

fn head(name: &str, doc: &str, counter: bool, out: &mut Vec<u8>) {
    let kind = if counter { "counter" } else { "gauge" };
    let _ = writeln!(out, "# HELP {name} {doc}\n# TYPE {name} {kind}");
}

/// A value and the end of its line; what does not apply is not a number.
fn number(value: &StatValue<'_>, out: &mut Vec<u8>) {
    match value {
        StatValue::Empty | StatValue::Str(_) => out.extend_from_slice(b"NaN"),
        value => value.write(out),
    }
    out.push(b'\n');
}

fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    text.replace('\n', "\\n")
}

/// One metric of all proxies, listeners or servers.
fn of_proxies(
    program: &Program,
    now: Now,
    selection: &Selection,
    scope: &str,
    (suffix, counter, source): &Metric,
    wish: &Wish,
    out: &mut Vec<u8>,
) {
    let name = format!("haproxy_{scope}_{suffix}");
    if !wish.wants(&name) {
        return;
    }
    let (column, doc) = match source {
        Source::Column(column) | Source::Seconds(column) => {
            let found = columns::find(column);
            (found, found.map_or("", |column| column.doc))
        }
        Source::Status => (None, "state, one sample for each"),
        Source::CheckStatus => (None, "last check, one sample for each outcome"),
        Source::Responses => (None, "responses by their class"),
        Source::ServerStates => (None, "servers by their state"),
        Source::CheckStatuses => (None, "servers by their last check"),
        _ => (None, ""),
    };
    if *source == Source::Responses {
        return responses(program, now, selection, &name, doc, out);
    }
    let mut begun = false;
    for_each(program, now, selection, |view| {
        let labels = labels(view);
        let mut begin = |out: &mut Vec<u8>| {
            if !std::mem::replace(&mut begun, true) {
                head(&name, doc, *counter, out);
            }
        };
        let sample = |key: &str, state: &str, value: u64, out: &mut Vec<u8>| {
            let _ = writeln!(out, "{name}{{{labels},{key}=\"{state}\"}} {value}");
        };
        match source {
            Source::Column(_) | Source::Seconds(_) => {
                let Some(column) = column else {
                    return;
                };
                let value = column.value(view);
                if !applies(view, column.name) {
                    return;
                }
                begin(out);
                let _ = write!(out, "{name}{{{labels}}} ");
                match (source, &value) {
                    (Source::Seconds(_), value) if !value.is_empty() => {
                        let ms = value.number();
                        let _ = writeln!(out, "{}.{:03}000", ms / 1000, ms % 1000);
                    }
                    // A check without a protocol has no code.
                    _ if column.name == "check_code" && value.is_empty() => {
                        out.extend_from_slice(b"0\n");
                    }
                    _ => number(&value, out),
                }
            }
            Source::Status => {
                begin(out);
                for (state, on) in states(view) {
                    sample("state", state, u64::from(on), out);
                }
            }
            Source::CheckStatus => {
                let Some(last) = columns::checks::last(view).flatten() else {
                    return;
                };
                begin(out);
                for state in CHECKS {
                    sample("state", state, u64::from(last.status.name() == *state), out);
                }
            }
            Source::ServerStates => {
                begin(out);
                for (at, state) in SERVER_STATES.iter().enumerate() {
                    let servers = view.proxy.live.servers.iter();
                    let count = servers
                        .filter(|server| state_of(&Health::of(program, server)) == at)
                        .count();
                    sample("state", state, count as u64, out);
                }
            }
            Source::CheckStatuses => {
                begin(out);
                let last: Vec<_> = view
                    .proxy
                    .live
                    .servers
                    .iter()
                    .filter(|server| server.ir.options.check.enabled)
                    .map(|server| server.state.lock().clone())
                    .filter(|state| !state.checks_disabled && !state.admin.in_maintenance())
                    .map(|state| {
                        let status = state.check.map(|check| check.status);
                        status.unwrap_or(Check::Initializing).name()
                    })
                    .collect();
                for state in CHECKS {
                    let count = last.iter().filter(|last| *last == state).count();
                    sample("state", state, count as u64, out);
                }
            }
            Source::Responses | Source::Line(_) | Source::Label(..) => {}
        }
    });
}

/// Responses by class: one class of all after the other.
fn responses(
    program: &Program,
    now: Now,
    selection: &Selection,
    name: &str,
    doc: &str,
    out: &mut Vec<u8>,
) {
    let mut begun = false;
    for (class, column) in CLASSES {
        let column = columns::find(column);
        for_each(program, now, selection, |view| {
            if !view.http() {
                return;
            }
            if !std::mem::replace(&mut begun, true) {
                head(name, doc, true, out);
            }
            let value = column.map_or(0, |column| column.value(view).number());
            let labels = labels(view);
            let _ = writeln!(out, "{name}{{{labels},code=\"{class}\"}} {value}");
        });
    }
}

/// Whether a column is written at all where it has no value.
fn applies(view: &View<'_>, column: &str) -> bool {
    let http = [
        "req_tot",
        "req_rate_max",
        "intercepted",
        "cache_lookups",
        "cache_hits",
        "comp_in",
        "comp_out",
        "comp_byp",
        "comp_rsp",
    ];
    if http.contains(&column) {
        return view.http();
    }
    match column {
        "check_code" | "check_duration" => columns::checks::last(view).is_some(),
        _ => true,
    }
}

const CLASSES: &[(&str, &str)] = &[
    ("1xx", "hrsp_1xx"),
    ("2xx", "hrsp_2xx"),
    ("3xx", "hrsp_3xx"),
    ("4xx", "hrsp_4xx"),
    ("5xx", "hrsp_5xx"),
    ("other", "hrsp_other"),
];

const SERVER_STATES: &[&str] = &["DOWN", "UP", "MAINT", "DRAIN", "NOLB"];

/// The outcomes of checks, in upstream's order.
const CHECKS: &[&str] = &[
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP",
    "L7OK", "L7OKC", "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
];

/// The position among [`SERVER_STATES`].
fn state_of(health: &Health) -> usize {
    use hapax_core::live::Operation;
    let own = &health.own;
    if own.admin.in_maintenance() {
        return 2;
    }
    match own.operation {
        Operation::Stopped => 0,
        Operation::Stopping => 4,
        _ if own.admin.in_drain() => 3,
        Operation::Running | Operation::Starting => 1,
    }
}

/// The states of a thing, and which is in force.
fn states(view: &View<'_>) -> Vec<(&'static str, bool)> {
    let text = columns::find("status").map(|column| column.value(view));
    let is = |word: &str| matches!(&text, Some(StatValue::Str(text)) if text == word);
    match &view.subject {
        Subject::Frontend => vec![("DOWN", !is("OPEN")), ("UP", is("OPEN"))],
        Subject::Backend => vec![("DOWN", !is("UP")), ("UP", is("UP"))],
        Subject::Listener(..) => ["WAITING", "OPEN", "FULL"]
            .map(|state| (state, is(state)))
            .into(),
        Subject::Server(_, health) => {
            let now = state_of(health);
            let states = SERVER_STATES.iter().enumerate();
            states.map(|(at, state)| (*state, at == now)).collect()
        }
    }
}

/// The labels of a row.
fn labels(view: &View<'_>) -> String {
    let proxy = escape(&view.proxy.ir.name);
    match &view.subject {
        Subject::Frontend | Subject::Backend => format!("proxy=\"{proxy}\""),
        Subject::Listener(listener, _) => {
            format!("proxy=\"{proxy}\",listener=\"{}\"", escape(&listener.name))
        }
        Subject::Server(server, _) => {
            format!("proxy=\"{proxy}\",server=\"{}\"", escape(&server.name))
        }
    }
}

/// `extra-counters`: the columns of modules.
fn modules(
    program: &Program,
    now: Now,
    selection: &Selection,
    kind: Kinds,
    scope: &str,
    wish: &Wish,
    out: &mut Vec<u8>,
) {
    for column in columns::of_modules().filter(|column| column.kinds.has(kind)) {
        let name = format!("haproxy_{scope}_{}", column.name);
        if !wish.wants(&name) {
            continue;
        }
        head(&name, column.doc, true, out);
        let module = match column.name.split_once('_') {
            Some(("pack" | "qpack", _)) => "h3",
            Some((module, _)) => module,
            None => "",
        };
        for_each(program, now, selection, |view| {
            let value = column.value(view);
            let _ = write!(out, "{name}{{{},mod=\"{module}\"}} ", labels(view));
            number(&value, out);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_choose() {
        let wish = |query: &str| Wish::of(format!("/metrics{query}").as_bytes());
        let scopes = |query: &str| wish(query).map(|wish| wish.scopes);
        assert_eq!(scopes(""), Some(ALL.to_vec()));
        assert_eq!(scopes("?scope="), Some(Vec::new()));
        assert_eq!(
            scopes("?scope=global&scope=se%72ver"),
            Some(vec![Scope::Global, Scope::Server])
        );
        assert_eq!(scopes("?scope=foo"), None);
        assert_eq!(scopes("?scope=%zz"), None);
        let wish = wish("?metrics=a,-b&no-maint").expect("a wish");
        assert!(wish.wants("a") && !wish.wants("b") && !wish.wants("c"));
        assert!(wish.no_maintenance);
    }

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escape("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
