//! The profiles that `log` lines name.

use hapax_core::diagnostic::Severity;
use hapax_core::ir;
use hapax_core::span::Span;

use super::Check;

/// Looks for profiles that are missing. Upstream does so when it starts, after `-c` has accepted the file.
pub(super) fn profiles(config: &ir::Config, check: &mut Check<'_>) {
    let missing = |log: &ir::LogTarget| {
        let name = log.profile.as_deref()?;
        let known = config
            .log_profiles
            .iter()
            .any(|profile| profile.name == name);
        (!known).then(|| (log.span, name.to_owned()))
    };
    for (span, name) in config.global.logs.iter().filter_map(missing) {
        let text = format!(
            "global log directive declared in file {} at line '{}' unknown log-profile '{name}'.",
            file(check, span),
            span.line
        );
        check.push(Severity::Alert, Some(span), text);
    }
    for proxy in &config.proxies {
        for (span, name) in proxy.logs.iter().filter_map(missing) {
            let text = format!(
                "log directive declared in proxy section '{}' in file '{}' at line {} unknown log-profile '{name}'.",
                proxy.name,
                file(check, span),
                span.line
            );
            check.push(Severity::Alert, Some(span), text);
        }
    }
}

fn file(check: &Check<'_>, span: Span) -> String {
    check.sources.path(span.file).to_owned()
}
