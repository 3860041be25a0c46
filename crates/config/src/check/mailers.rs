//! Mails about servers: what `email-alert` lacks, and sections that nobody uses.

use hapax_core::ir;

use super::{Check, kind, named};

/// Looks at the proxies' lines; those that are not complete are left out.
pub(crate) fn proxy(sections: &[ir::Mailers], proxy: &mut ir::Proxy, check: &mut Check<'_>) {
    let Some(alert) = &proxy.email_alert else {
        return;
    };
    let complete = alert
        .mailers
        .as_ref()
        .zip(alert.from.as_ref())
        .zip(alert.to.as_ref());
    let Some(((mailers, _), _)) = complete else {
        let text = format!(
            "'email-alert' will be ignored for {} '{}' (the presence any of 'email-alert from', 'email-alert level' 'email-alert \
             mailers', 'email-alert myhostname', or 'email-alert to' requires each of 'email-alert from', 'email-alert mailers' \
             and 'email-alert to' to be present).",
            kind(proxy),
            proxy.name
        );
        check.warn(proxy.span, text);
        proxy.email_alert = None;
        return;
    };
    if !sections.iter().any(|section| section.name == *mailers) {
        let text = format!(
            "Proxy '{}': unable to find mailers '{mailers}'.",
            proxy.name
        );
        check.alert(proxy.span, text);
        return;
    }
    let text = format!(
        "Legacy mailers used by {} will not be supported anymore in version 3.3. You should use Lua to send email-alerts, see \
         'examples/lua/mailers.lua' file.",
        named(proxy)
    );
    check.warn(proxy.span, text);
}

/// Takes away the sections that no proxy uses.
pub(crate) fn unused(config: &mut ir::Config, check: &mut Check<'_>) {
    let proxies = &config.proxies;
    config.mailers.retain(|section| {
        let uses = |proxy: &ir::Proxy| {
            let alert = proxy.email_alert.as_ref();
            alert.and_then(|alert| alert.mailers.as_ref()) == Some(&section.name)
        };
        let used = proxies.iter().any(uses);
        if !used {
            let text = format!("Removing incomplete section 'mailers {}'.", section.name);
            check.warn(section.span, text);
        }
        used
    });
}
