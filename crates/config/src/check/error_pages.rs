//! What proxies send for errors: their lines in order, with what they take from `http-errors` sections.

use hapax_core::ir::{self, ErrorLine, ErrorPage};

use super::{Check, kind};

pub(crate) fn complete(config: &mut ir::Config, check: &mut Check<'_>) {
    for reply in &config.imported_replies {
        let section = section(&config.http_errors, &reply.name);
        let lacks = section.is_some_and(|section| section.page(reply.status).is_none());
        if lacks && !check.diagnostics.has_errors() {
            let text = format!(
                "Proxy '{}': status '{}' referenced by an http reply not declared in http-errors section '{}'.",
                reply.proxy, reply.status, reply.name
            );
            check.warn(reply.span, text);
        }
    }
    let ir::Config {
        proxies,
        http_errors,
        ..
    } = config;
    // What is imported may be missed by each of those who share their lines.
    ir::change_settings(proxies, |settings| {
        let mut lines = settings.error_lines.iter();
        let alone = lines.all(|line| !matches!(line, ErrorLine::Import { .. }));
        (alone && !settings.error_lines.is_empty()).then(|| {
            let mut changed = settings.clone();
            for line in std::mem::take(&mut changed.error_lines) {
                match line {
                    ErrorLine::Page(page) => set(&mut changed.error_pages, page),
                    ErrorLine::Reset(status) => {
                        changed.error_pages.retain(|page| page.status != status);
                    }
                    ErrorLine::Import { .. } => {}
                }
            }
            changed
        })
    });
    let importing = proxies
        .iter_mut()
        .filter(|proxy| !proxy.error_lines.is_empty());
    for proxy in importing {
        let mut pages = Vec::new();
        for line in std::mem::take(&mut proxy.error_lines) {
            match line {
                ErrorLine::Page(page) => set(&mut pages, page),
                ErrorLine::Reset(status) => pages.retain(|page| page.status != status),
                ErrorLine::Import {
                    name,
                    statuses,
                    span,
                } => {
                    let named = format!("{} '{}'", kind(proxy), proxy.name);
                    let place = check.place(span);
                    let Some(section) = section(http_errors, &name) else {
                        let text =
                            format!("{named}: unknown http-errors section '{name}' (at {place}).");
                        check.alert(span, text);
                        continue;
                    };
                    for status in &statuses {
                        if section.page(*status).is_none() && !check.diagnostics.has_errors() {
                            check.warn(
                                span,
                                format!(
                                    "config: {named} : status '{status}' not declared in http-errors section '{name}' (at \
                                     {place})."
                                ),
                            );
                        }
                    }
                    let wanted =
                        |page: &&ErrorPage| statuses.is_empty() || statuses.contains(&page.status);
                    for page in section.pages.iter().filter(wanted) {
                        set(&mut pages, page.clone());
                    }
                }
            }
        }
        proxy.error_pages = pages;
    }
}

fn section<'s>(sections: &'s [ir::HttpErrors], name: &str) -> Option<&'s ir::HttpErrors> {
    sections.iter().find(|section| section.name == name)
}

fn set(pages: &mut Vec<ErrorPage>, page: ErrorPage) {
    pages.retain(|other| other.status != page.status);
    pages.push(page);
}
