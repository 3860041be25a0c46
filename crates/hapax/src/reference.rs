//! The reference pages under docs/reference/, written from the registry.

use std::fmt::Write;
use std::io;
use std::path::Path;

use hapax_core::keyword::{Registry, Support};

use crate::dump;

/// Writes one page per kind of keyword into `folder`.
///
/// # Errors
/// When a file cannot be written.
pub fn write(registry: &Registry, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, text) in pages(registry) {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}

/// The pages as (file name, text).
pub fn pages(registry: &Registry) -> Vec<(&'static str, String)> {
    vec![
        ("sections.md", sections(registry)),
        ("bind-options.md", bind_options(registry)),
        ("server-options.md", server_options(registry)),
        ("actions.md", actions(registry)),
        ("expressions.md", expressions(registry)),
        ("log-aliases.md", log_aliases(registry)),
        ("balance.md", balances(registry)),
        ("runtime-api.md", commands(registry)),
        ("statistics.md", columns(registry)),
        ("no-counterpart.md", no_counterpart(registry)),
        ("legacy.md", legacy(registry)),
    ]
}

fn page(title: &str, heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!(
        "# {title}\n\nGenerated from the registry by `scripts/docs`; do not edit.\n\n| {} |\n|{}\n",
        heads.join(" | "),
        " --- |".repeat(heads.len())
    );
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort();
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn code(name: &str, usage: &str) -> String {
    if usage.is_empty() {
        format!("`{name}`")
    } else {
        format!("`{name} {usage}`")
    }
}

fn with_support(doc: &str, support: Support) -> String {
    match support {
        Support::Runs => doc.to_owned(),
        Support::NoCounterpart(reason) => format!("{doc} **No counterpart:** {reason}."),
        Support::Legacy(last) => {
            format!("{doc} **Removed after HAProxy {last};** works with a warning.")
        }
    }
}

fn sections(registry: &Registry) -> String {
    let rows = registry.sections.iter().map(|row| {
        vec![
            code(row.name, row.usage),
            dump::places(row.sections).join(", "),
            with_support(row.doc, row.support),
        ]
    });
    page(
        "Keywords of sections",
        &["keyword", "sections", "what it does"],
        rows,
    )
}

fn bind_options(registry: &Registry) -> String {
    let rows = registry.bind_options.iter().map(|row| {
        vec![
            code(row.name, row.usage),
            with_support(row.doc, row.support),
        ]
    });
    page("Options of `bind`", &["option", "what it does"], rows)
}

fn server_options(registry: &Registry) -> String {
    let rows = registry.server_options.iter().map(|row| {
        vec![
            code(row.name, row.usage),
            with_support(row.doc, row.support),
        ]
    });
    page(
        "Options of `server` and `default-server`",
        &["option", "what it does"],
        rows,
    )
}

fn actions(registry: &Registry) -> String {
    let rows = registry.actions.iter().map(|row| {
        vec![
            code(row.name, row.usage),
            dump::rulesets(row.rulesets).join(", "),
            row.doc.to_owned(),
        ]
    });
    page("Actions", &["action", "rulesets", "what it does"], rows)
}

fn expressions(registry: &Registry) -> String {
    let fetches = registry.fetches.iter().map(|row| {
        vec![
            format!("`{}`", row.name),
            "fetch".into(),
            row.output.name().into(),
            row.doc.to_owned(),
        ]
    });
    let converters = registry.converters.iter().map(|row| {
        let types = format!("{} => {}", row.input.name(), row.output.name());
        vec![
            format!("`{}`", row.name),
            "converter".into(),
            types,
            row.doc.to_owned(),
        ]
    });
    let methods = registry.match_methods.iter().map(|row| {
        vec![
            format!("`-m {}`", row.name),
            "match".into(),
            row.input.name().into(),
            row.doc.to_owned(),
        ]
    });
    let acls = registry.acl_keywords.iter().map(|row| {
        let what = format!("`{} -m {}`", row.fetch, row.method);
        vec![
            format!("`{}`", row.name),
            "ACL keyword".into(),
            "bool".into(),
            what,
        ]
    });
    let rows: Vec<_> = fetches
        .chain(converters)
        .chain(methods)
        .chain(acls)
        .collect();
    page(
        "Fetches, converters and matches",
        &["name", "kind", "type", "what it is"],
        rows,
    )
}

fn log_aliases(registry: &Registry) -> String {
    let rows = registry
        .log_aliases
        .iter()
        .map(|row| vec![format!("`%{}`", row.name), row.doc.to_owned()]);
    page("Aliases of log formats", &["alias", "what it is"], rows)
}

fn balances(registry: &Registry) -> String {
    let rows = registry
        .balances
        .iter()
        .map(|row| vec![code(row.name, row.usage), row.doc.to_owned()]);
    page("Balance algorithms", &["algorithm", "how it chooses"], rows)
}

fn commands(registry: &Registry) -> String {
    let rows = registry.commands.iter().map(|row| {
        vec![
            code(row.name, row.usage),
            format!("{:?}", row.level).to_lowercase(),
            row.doc.to_owned(),
        ]
    });
    page("Runtime API", &["command", "level", "what it does"], rows)
}

/// Every keyword of sections, `bind` and `server` lines with what stands behind it.
fn supported(
    registry: &Registry,
) -> impl Iterator<Item = (&'static str, String, Support, &'static str)> {
    let sections = registry.sections.iter().map(|row| {
        let places = dump::places(row.sections).join(", ");
        (row.name, places, row.support, row.doc)
    });
    let binds = registry
        .bind_options
        .iter()
        .map(|row| (row.name, "bind".to_owned(), row.support, row.doc));
    let servers = registry
        .server_options
        .iter()
        .map(|row| (row.name, "server".to_owned(), row.support, row.doc));
    sections.chain(binds).chain(servers)
}

fn no_counterpart(registry: &Registry) -> String {
    let rows = supported(registry).filter_map(|(name, place, support, _)| match support {
        Support::NoCounterpart(reason) => Some(vec![format!("`{name}`"), place, reason.into()]),
        Support::Runs | Support::Legacy(_) => None,
    });
    page(
        "Keywords that are accepted without a counterpart",
        &["keyword", "where", "why nothing here corresponds to it"],
        rows,
    )
}

fn legacy(registry: &Registry) -> String {
    let rows = supported(registry).filter_map(|(name, place, support, doc)| match support {
        Support::Legacy(last) => Some(vec![format!("`{name}`"), place, last.into(), doc.into()]),
        Support::Runs | Support::NoCounterpart(_) => None,
    });
    page(
        "Old keywords that work with a warning",
        &[
            "keyword",
            "where",
            "last release that ran it",
            "what it does",
        ],
        rows,
    )
}

fn columns(registry: &Registry) -> String {
    let rows = registry.columns.iter().enumerate().map(|(index, row)| {
        vec![
            format!("{index:03}"),
            format!("`{}`", row.name),
            row.doc.to_owned(),
        ]
    });
    page(
        "Columns of `show stat`",
        &["number", "column", "what it is"],
        rows,
    )
}
