//! The agent of a server, and what traffic tells about its health.

use hapax_core::ir::{self, AgentCheck, Observe, OnError};
use hapax_core::keyword::{ServerOption, Tables};

use super::check::interval;
use super::{count, fault, leading, needed, row};
use crate::resolve;
use crate::value::address::Accept;

pub(crate) const TABLE: Tables = Tables {
    server_options: ROWS,
    ..Tables::NONE
};

static ROWS: &[ServerOption] = &[
    row(
        "agent-addr",
        "<address>",
        "Where the agent is.",
        |cursor, options| {
            let text = needed(cursor, "expects an address as argument.")?;
            let wrong =
                || format!("parsing agent-addr failed. Check if '{text}' is correct address.");
            let variables = &cursor.config.global.environment;
            let found = resolve::address(variables, text.as_bytes(), Accept::SERVER, true);
            let found = found.map_err(|_| fault(cursor, wrong()))?;
            let address = found.addresses.into_iter().next();
            match address {
                Some(ir::Address::Inet(address)) if address.port() == 0 => {
                    agent(options).address = Some(ir::Address::Inet(address));
                    Ok(())
                }
                _ => Err(fault(cursor, wrong())),
            }
        },
    ),
    row(
        "agent-check",
        "",
        "Asks an agent how the server is.",
        |_, options| {
            agent(options).enabled = true;
            Ok(())
        },
    ),
    row(
        "agent-inter",
        "<delay>",
        "Interval of asking the agent.",
        |cursor, options| {
            agent(options).inter = interval(cursor, "agent-inter")?;
            Ok(())
        },
    ),
    row(
        "agent-port",
        "<port>",
        "Port of the agent.",
        |cursor, options| {
            if cursor.peek().is_none() {
                needed(cursor, "expects a port number as argument.")?;
            }
            // Upstream takes the number modulo 65536.
            agent(options).port = (count(cursor) & 0xffff) as u16;
            Ok(())
        },
    ),
    row(
        "agent-send",
        "<string>",
        "What the agent is told first.",
        |cursor, options| {
            let text = needed(cursor, "expects a string as argument.")?;
            agent(options).send = text.into_bytes();
            Ok(())
        },
    ),
    row(
        "error-limit",
        "<count>",
        "Errors of the traffic in a row that bring about what `on-error` says.",
        |cursor, options| {
            if cursor.peek().is_none() {
                return Err(fault(cursor, "'error-limit' expects an integer argument."));
            }
            let number = u32::try_from(leading(cursor)).ok();
            let number = number.filter(|number| *number > 0);
            options.check.error_limit =
                number.ok_or_else(|| fault(cursor, "error-limit has to be > 0."))?;
            Ok(())
        },
    ),
    row("no-agent-check", "", "No agent.", |_, options| {
        if let Some(agent) = &mut options.agent {
            agent.enabled = false;
        }
        Ok(())
    }),
    row(
        "observe",
        "{none|layer4|layer7}",
        "Lets errors of the traffic count for the server's health.",
        |cursor, options| {
            let text = needed(cursor, "expects <mode> as argument.")?;
            options.check.observe = match text.as_str() {
                "none" => Observe::None,
                "layer4" => Observe::Layer4,
                "layer7" => Observe::Layer7,
                other => {
                    let text = format!(
                        "'observe' expects one of 'none', 'layer4', 'layer7' but got '{other}'"
                    );
                    return Err(fault(cursor, text));
                }
            };
            Ok(())
        },
    ),
    row(
        "on-error",
        "{fastinter|fail-check|sudden-death|mark-down}",
        "What too many errors of the traffic do.",
        |cursor, options| {
            let word = cursor.peek().map(|word| word.lossy().into_owned());
            let text = word.as_deref().unwrap_or_default();
            options.check.on_error = match text {
                "fastinter" => OnError::FastInter,
                "fail-check" => OnError::FailCheck,
                "sudden-death" => OnError::SuddenDeath,
                "mark-down" => OnError::MarkDown,
                _ => {
                    let text = format!(
                        "'on-error' expects one of 'fastinter', 'fail-check', 'sudden-death' or 'mark-down' but got '{text}'"
                    );
                    return Err(fault(cursor, text));
                }
            };
            let _ = cursor.take();
            Ok(())
        },
    ),
];

fn agent(options: &mut ir::ServerOptions) -> &mut AgentCheck {
    options.agent.get_or_insert_default()
}
