//! Rights: those that stay when the user changes, those that clients' ports stand for, and the process' priority.

use hapax_core::ir::Capability;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::{at_most, row};
use crate::value::leading_integer;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "insecure-setuid-wanted",
        Sections::GLOBAL,
        "",
        "Lets programs that are started gain rights by their owner or file.",
        |line| {
            at_most(line, 0)?;
            line.config.global.setuid_wanted = true;
            Ok(())
        },
    ),
    row(
        "setcap",
        Sections::GLOBAL,
        "<name>[,<name>...]",
        "Capabilities that stay when the user changes.",
        set_capabilities,
    ),
    row(
        "harden.reject-privileged-ports.tcp",
        Sections::GLOBAL,
        "on|off",
        "Refuses connections whose source port is below 1024.",
        |line| {
            line.config.global.reject_privileged_ports = match line.arg(0).as_deref() {
                Some("on") => true,
                Some("off") => false,
                _ => {
                    let text = "'harden.reject-privileged-ports.tcp' expects either 'on' or 'off'.";
                    return Err(line.fault(text));
                }
            };
            Ok(())
        },
    ),
    row(
        "tune.renice.runtime",
        Sections::GLOBAL,
        "<number>",
        "The priority of the process that serves.",
        |line| {
            line.config.global.renice_runtime = Some(priority(line)?);
            Ok(())
        },
    ),
    row(
        "tune.renice.startup",
        Sections::GLOBAL,
        "<number>",
        "The priority of the process while it reads the configuration.",
        |line| {
            line.config.global.renice_startup = Some(priority(line)?);
            Ok(())
        },
    ),
];

/// The names in upstream's order, which is that of its message.
const CAPABILITIES: [(&str, Capability); 4] = [
    ("cap_net_raw", Capability::NetRaw),
    ("cap_net_admin", Capability::NetAdmin),
    ("cap_net_bind_service", Capability::NetBindService),
    ("cap_sys_admin", Capability::SysAdmin),
];

fn set_capabilities(line: &mut Line<'_>) -> Result<(), Fault> {
    let supported =
        "Supported ones are: cap_net_raw, cap_net_admin, cap_net_bind_service and cap_sys_admin.";
    let Some(names) = line.arg(0) else {
        let text = format!("'setcap' : missing capability name(s).  {supported}");
        return Err(line.fault(text));
    };
    let mut kept = Vec::new();
    for name in names.split(',') {
        let Some((_, capability)) = CAPABILITIES.iter().find(|(known, _)| *known == name) else {
            let text = format!("'setcap' : unsupported capability '{name}'.  {supported}");
            return Err(line.fault_at(0, text));
        };
        kept.push(*capability);
    }
    line.config.global.capabilities.extend(kept);
    Ok(())
}

fn priority(line: &Line<'_>) -> Result<i32, Fault> {
    let text = line.arg(0).unwrap_or_default();
    let number = leading_integer(text.as_bytes());
    // An argument that does not start with a number is refused, a missing one is 0.
    let starts = text.trim_start_matches(['-', '+']);
    let number = i32::try_from(number)
        .ok()
        .filter(|number| (-20..=19).contains(number))
        .filter(|_| text.is_empty() || starts.starts_with(|c: char| c.is_ascii_digit()));
    number.ok_or_else(|| {
        let keyword = line.keyword();
        let text = format!(
            "'{keyword}' only supports values between -20 and 19 inclusive (was given {text})"
        );
        line.fault_at(0, text)
    })
}
