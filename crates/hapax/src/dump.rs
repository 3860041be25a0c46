//! What the program knows, printed: `-dK` in upstream's format, and every row as a line of JSON.

use std::fmt::Write;

use hapax_core::ir::CliLevel;
use hapax_core::keyword::{ArgSpec, Needs, Registry, Rulesets, SectionKeyword, Sections, Support};
use hapax_sample::place;
use serde_json::json;

/// A class of `-dK`: its name, what it lists, and how.
type Class = (&'static str, &'static str, fn(&Registry) -> String);

const CLASSES: &[Class] = &[
    ("acl", "ACL keywords", acls),
    ("cfg", "configuration keywords", configuration),
    ("cli", "CLI keywords", commands),
    ("cnv", "sample converter keywords", converters),
    ("flt", "filter names", |_| {
        "# List of registered filter names:\n".into()
    }),
    ("smp", "sample fetch functions", fetches),
    ("svc", "service names", |_| {
        "# List of registered service names:\nprometheus-exporter\n".into()
    }),
];

/// The answer to `-dK`; the error names an unknown class.
///
/// # Errors
/// When a class does not exist.
pub fn keywords(registry: &Registry, classes: &str) -> Result<String, String> {
    let mut text = String::new();
    for class in classes.split(',') {
        match class {
            "help" | "" => {
                text += "# List of supported keyword classes:\nall: list all keywords\n";
                for (name, what, _) in CLASSES {
                    let _ = writeln!(text, "{name}: {what}");
                }
            }
            "all" => {
                for (_, _, print) in CLASSES {
                    text += &print(registry);
                }
            }
            _ => match CLASSES.iter().find(|(name, ..)| *name == class) {
                Some((_, _, print)) => text += &print(registry),
                None => return Err(format!("unknown class of keywords '{class}'")),
            },
        }
    }
    Ok(text)
}

/// Every row as a line of JSON: `kind`, `name`, `place`, `no_counterpart`.
pub fn rows(registry: &Registry) -> String {
    let mut text = String::new();
    let mut put =
        |kind: &str, name: &str, place: Vec<&str>, support: Support, usage: &str, doc: &str| {
            let no_counterpart = match support {
                Support::NoCounterpart(reason) => Some(reason),
                Support::Runs | Support::Legacy(_) => None,
            };
            let legacy = match support {
                Support::Legacy(last) => Some(last),
                Support::Runs | Support::NoCounterpart(_) => None,
            };
            let line = json!({
                "kind": kind, "name": name, "place": place, "usage": usage, "doc": doc,
                "no_counterpart": no_counterpart, "legacy": legacy,
            });
            let _ = writeln!(text, "{line}");
        };
    for row in registry.sections.iter() {
        put(
            "section",
            row.name,
            places(row.sections),
            row.support,
            row.usage,
            row.doc,
        );
    }
    for row in registry.bind_options.iter() {
        put(
            "bind",
            row.name,
            vec!["bind"],
            row.support,
            row.usage,
            row.doc,
        );
    }
    for row in registry.server_options.iter() {
        put(
            "server",
            row.name,
            vec!["server"],
            row.support,
            row.usage,
            row.doc,
        );
    }
    for row in registry.actions.iter() {
        put(
            "action",
            row.name,
            rulesets(row.rulesets),
            Support::Runs,
            row.usage,
            row.doc,
        );
    }
    for row in registry.fetches.iter() {
        put("fetch", row.name, vec![], Support::Runs, "", row.doc);
    }
    for row in registry.converters.iter() {
        put("converter", row.name, vec![], Support::Runs, "", row.doc);
    }
    for row in registry.match_methods.iter() {
        put("match", row.name, vec![], Support::Runs, "", row.doc);
    }
    for row in registry.acl_keywords.iter() {
        put("acl", row.name, vec![], Support::Runs, "", row.fetch);
    }
    for row in registry.log_aliases.iter() {
        put("alias", row.name, vec![], Support::Runs, "", row.doc);
    }
    for row in registry.balances.iter() {
        put(
            "balance",
            row.name,
            vec![],
            Support::Runs,
            row.usage,
            row.doc,
        );
    }
    for row in registry.commands.iter() {
        put(
            "command",
            row.name,
            vec![],
            Support::Runs,
            row.usage,
            row.doc,
        );
    }
    for row in registry.columns.iter() {
        put("column", row.name, vec![], Support::Runs, "", row.doc);
    }
    text
}

/// Names of the sections of a set.
pub fn places(sections: Sections) -> Vec<&'static str> {
    [
        (Sections::GLOBAL, "global"),
        (Sections::DEFAULTS, "defaults"),
        (Sections::FRONTEND, "frontend"),
        (Sections::LISTEN, "listen"),
        (Sections::BACKEND, "backend"),
        (Sections::USER_LIST, "userlist"),
        (Sections::HTTP_ERRORS, "http-errors"),
        (Sections::LOG_PROFILE, "log-profile"),
        (Sections::MAILERS, "mailers"),
        (Sections::RING, "ring"),
        (Sections::CRT_STORE, "crt-store"),
        (Sections::TRACES, "traces"),
    ]
    .into_iter()
    .filter_map(|(one, name)| sections.has(one).then_some(name))
    .collect()
}

/// Names of the rulesets of a set.
pub fn rulesets(sets: Rulesets) -> Vec<&'static str> {
    [
        (Rulesets::TCP_CONNECTION, "tcp-request connection"),
        (Rulesets::TCP_SESSION, "tcp-request session"),
        (Rulesets::TCP_CONTENT, "tcp-request content"),
        (Rulesets::TCP_RESPONSE, "tcp-response content"),
        (Rulesets::HTTP_REQUEST, "http-request"),
        (Rulesets::STATS, "stats http-request"),
        (Rulesets::HTTP_RESPONSE, "http-response"),
        (Rulesets::HTTP_AFTER_RESPONSE, "http-after-response"),
    ]
    .into_iter()
    .filter_map(|(one, name)| sets.has(one).then_some(name))
    .collect()
}

fn acls(registry: &Registry) -> String {
    let lines = registry.acl_keywords.iter().map(|row| {
        // What a keyword's patterns look like is not shown.
        let method = row.method.split(' ').next().unwrap_or_default();
        format!("{} = {} -m {method}", row.name, row.fetch)
    });
    listed("# List of registered ACL keywords:\n", lines)
}

fn configuration(registry: &Registry) -> String {
    let mut text = String::from("# List of registered configuration keywords:\n");
    text += &listed("global\n", section_lines(registry, Sections::GLOBAL));
    let mut lines: Vec<String> = section_lines(registry, Sections::PROXIES).collect();
    lines.extend(registry.bind_options.iter().map(|row| {
        format!(
            "\tbind <addr> {}{}{}",
            scope(row.name),
            row.name,
            plus(row.usage)
        )
    }));
    lines.extend(
        registry
            .server_options
            .iter()
            .map(|row| format!("\tserver <name> <addr> {}{}", row.name, plus(row.usage))),
    );
    for row in registry.actions.iter() {
        for set in rulesets(row.rulesets) {
            let star = if row.name.ends_with('(') { "*" } else { "" };
            lines.push(format!("\t{set} {}{star}", row.name.trim_end_matches('(')));
        }
    }
    text += &listed("listen\n", lines);
    let of_lists = hapax_tls::LIST_OPTIONS.iter();
    let rows = of_lists.filter_map(|name| registry.bind_options.find(name));
    let rows = rows.map(|row| format!("\t{}{}", row.0.name, plus(row.0.usage)));
    text += &listed("crt-list\n", rows);
    text += &listed("crt-store\n", section_lines(registry, Sections::CRT_STORE));
    text + &listed("traces\n", section_lines(registry, Sections::TRACES))
}

/// What stands before the options of a room of its own.
fn scope(option: &str) -> &'static str {
    let mut all = hapax_tls::TABLES
        .iter()
        .flat_map(|tables| tables.bind_options);
    match option != "ssl" && all.any(|row| row.name == option) {
        true => "ssl ",
        false => "",
    }
}

fn section_lines(registry: &Registry, sections: Sections) -> impl Iterator<Item = String> + '_ {
    registry
        .sections
        .iter()
        .filter(move |row: &&SectionKeyword| row.sections.has(sections))
        .map(|row| format!("\t{}", row.name))
}

fn plus(usage: &str) -> String {
    match usage.split_whitespace().count() {
        0 => String::new(),
        count => format!(" +{count}"),
    }
}

fn commands(registry: &Registry) -> String {
    let own = hapax_runtime::cli::master::ROWS;
    let of_master = own
        .iter()
        .filter(|row| registry.commands.find(row.name).is_none());
    let of_master = of_master.map(|row| format!("{} [MASTER] {}", row.name, row.usage));
    let lines = registry.commands.iter().map(|row| {
        let level = match row.level {
            CliLevel::User => "",
            CliLevel::Operator => " (operator)",
            CliLevel::Admin => " (admin)",
        };
        let both = own.iter().any(|other| other.name == row.name);
        let master = if both { "[MASTER] " } else { "" };
        format!("{} {master}[WORKER] {}{level}", row.name, row.usage)
    });
    let lines = lines.chain(of_master);
    listed("# List of registered CLI keywords:\n", lines)
}

/// Upstream prints the type that a converter gives before the one it takes.
fn converters(registry: &Registry) -> String {
    let lines = registry.converters.iter().map(|row| {
        let args = arguments(&row.args);
        format!(
            "{}{args}: {} => {}",
            row.name,
            row.output.name(),
            row.input.name()
        )
    });
    listed("# List of registered sample converter functions:\n", lines)
}

fn fetches(registry: &Registry) -> String {
    let lines = registry.fetches.iter().map(|row| {
        let args = arguments(&row.args);
        format!(
            "[{}] {}{args}: {}",
            matrix(row.needs),
            row.name,
            row.output.name()
        )
    });
    listed("# List of registered sample fetch functions:\n", lines)
}

/// Where a fetch may be used, in upstream's columns: from the frontend's first rules to the log, then checks, the
/// configuration parser and the runtime API.
fn matrix(needs: Needs) -> String {
    let points = place::points(needs);
    let mut text = String::from(" ");
    for column in 0..place::COLUMNS {
        text += if points.has(column) { "Y " } else { ". " };
    }
    text
}

fn arguments(spec: &ArgSpec) -> String {
    if spec.kinds.is_empty() {
        return String::new();
    }
    let mut text = String::from("(");
    for (index, kind) in spec.kinds.iter().enumerate() {
        if index == spec.required {
            text.push('[');
        }
        if index > 0 {
            text.push(',');
        }
        text += kind.name();
    }
    if spec.required < spec.kinds.len() {
        text.push(']');
    }
    text + ")"
}

fn listed(title: &str, lines: impl IntoIterator<Item = String>) -> String {
    let mut lines: Vec<String> = lines.into_iter().collect();
    lines.sort_unstable();
    lines.dedup();
    let mut text = String::from(title);
    for line in lines {
        text += &line;
        text.push('\n');
    }
    text
}
