//! The profiles that `log` lines name.

use hapax_core::diagnostic::Severity;
use hapax_core::ir;
use hapax_core::span::Span;

use super::Check;
use crate::keyword::traces::missing_sinks;

/// What is said about rings, and about `log` lines that name one that is missing; the latter upstream finds when it starts.
pub(super) fn rings(config: &mut ir::Config, check: &mut Check<'_>) {
    for ring in &mut config.rings {
        if let Some(finding) = crate::keyword::ring::findings(ring) {
            check.diagnostics.push(finding);
        }
        let timeless = ring.timeout_connect.is_none() || ring.timeout_server.is_none();
        if timeless && ring.format.is_some() && !ring.servers.is_empty() {
            let text = super::mode::missing_timeouts(&format!("backend '{}'", ring.name));
            check.push(Severity::Warning, Some(ring.span), text);
        }
    }
    let missing = |log: &ir::LogTarget| {
        let what = match &log.address {
            ir::LogAddress::Ring(name) => {
                let mut built_in = ir::Ring::BUILT_IN.iter();
                let known = config.rings.iter().any(|ring| ring.name == *name)
                    || built_in.any(|(known, _)| known == name);
                (!known).then(|| format!("unknown ring named '{name}'"))
            }
            ir::LogAddress::Backend(name) => {
                let mut proxies = config.proxies.iter();
                let found = proxies.find(|it| it.name == *name && it.kind.has_backend());
                match found {
                    None => Some(format!("unknown log backend '{name}'")),
                    Some(found) if found.mode != ir::Mode::Log => {
                        Some(format!("incompatible log backend '{name}'"))
                    }
                    Some(_) => None,
                }
            }
            _ => None,
        };
        what.map(|what| (log.span, format!("uses {what}")))
    };
    tell(config, check, missing);
}

/// Looks for sinks that traces name and that are missing. Upstream does so when it starts, too.
pub(super) fn traces(config: &ir::Config, check: &mut Check<'_>) {
    for (name, span) in missing_sinks(config) {
        let place = format!("[{}:{}]", file(check, span), span.line);
        let text = format!("parsing {place} : traces: sink '{name}' doesn't exist.");
        check.alert(span, text);
    }
}

/// Looks for profiles that are missing. Upstream does so when it starts, after `-c` has accepted the file.
pub(super) fn profiles(config: &ir::Config, check: &mut Check<'_>) {
    let missing = |log: &ir::LogTarget| {
        let name = log.profile.as_deref()?;
        let known = config
            .log_profiles
            .iter()
            .any(|profile| profile.name == name);
        (!known).then(|| (log.span, format!("unknown log-profile '{name}'")))
    };
    tell(config, check, missing);
}

/// Alerts of each `log` line in which `missing` finds a name that is not there, and what to say of it.
fn tell(
    config: &ir::Config,
    check: &mut Check<'_>,
    missing: impl Fn(&ir::LogTarget) -> Option<(Span, String)>,
) {
    for (span, what) in config.global.logs.iter().filter_map(&missing) {
        let text = format!(
            "global log directive declared in file {} at line '{}' {what}.",
            file(check, span),
            span.line
        );
        check.push(Severity::Alert, Some(span), text);
    }
    for (section, logs) in sections(config) {
        for (span, what) in logs.iter().filter_map(&missing) {
            let text = format!(
                "log directive declared in {section} in file '{}' at line {} {what}.",
                file(check, span),
                span.line
            );
            check.push(Severity::Alert, Some(span), text);
        }
    }
}

/// What has `log` lines beside `global`, by name.
fn sections(config: &ir::Config) -> impl Iterator<Item = (String, &Vec<ir::LogTarget>)> {
    let proxies = config.proxies.iter();
    let proxies = proxies.map(|proxy| (format!("proxy section '{}'", proxy.name), &proxy.logs));
    let forwards = config.log_forwards.iter();
    proxies.chain(forwards.map(|forward| {
        let name = format!("log-forward section '{}'", forward.name);
        (name, &forward.logs)
    }))
}

fn file(check: &Check<'_>, span: Span) -> String {
    check.sources.path(span.file).to_owned()
}
