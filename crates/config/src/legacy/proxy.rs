//! Old directives of proxies.

use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Support, Tables};

use super::{renamed, without_effect};
use crate::keyword::{at_most, joined, milliseconds, needed, row, timeout, until};
use crate::resolve;
use crate::value::address::Accept;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

macro_rules! timeout {
    ($name:literal, $modern:literal, $sections:ident, $field:ident) => {
        until(
            "2.0",
            row($name, Sections::$sections, "<timeout>", "The old name of a timeout.", |line| {
                timeout::set(line, $modern, |timeouts| &mut timeouts.$field)?;
                let value = joined(line, 0);
                line.scope.seen.insert($modern, line.span);
                let name = $name.rsplit(' ').next().unwrap_or($name);
                renamed(
                    line,
                    format!("the '{name}' directive is not supported anymore since HAProxy 2.1. Use '{}'.", $modern),
                    format!("{} {value}", $modern),
                );
                Ok(())
            }),
        )
    };
}

static ROWS: &[SectionKeyword] = &[
    timeout!("contimeout", "timeout connect", BACK, connect),
    timeout!("timeout contimeout", "timeout connect", BACK, connect),
    timeout!("clitimeout", "timeout client", FRONT, client),
    timeout!("timeout clitimeout", "timeout client", FRONT, client),
    timeout!("srvtimeout", "timeout server", BACK, server),
    timeout!("timeout srvtimeout", "timeout server", BACK, server),
    until(
        "2.0",
        row(
            "redispatch",
            Sections::BACK,
            "",
            "The old form of `option redispatch`.",
            redispatch,
        ),
    ),
    until(
        "2.0",
        row(
            "redisp",
            Sections::BACK,
            "",
            "The old form of `option redispatch`.",
            redispatch,
        ),
    ),
    until(
        "2.4",
        row(
            "grace",
            Sections::PROXIES,
            "<time>",
            "How long the proxy listens after the soft stop.",
            |line| {
                needed(line, 0, "'grace' expects <time> as argument.")?;
                let time = milliseconds(line, 0, "grace")?;
                line.proxy()?.grace = Some(time);
                let text = "the 'grace' keyword is not supported any more in proxies since HAProxy version 2.5.";
                renamed(line, text, format!("in 'global': grace {time}"));
                Ok(())
            },
        ),
    ),
    SectionKeyword {
        support: Support::NoCounterpart(
            "there is one process, and all of its workers take connections of every proxy",
        ),
        ..row(
            "bind-process",
            Sections::PROXIES,
            "<range>...",
            "Bound a proxy to processes.",
            |line| {
                without_effect(
                    line,
                    "'bind-process' is not supported anymore, all workers take connections.",
                );
                Ok(())
            },
        )
    },
    until(
        "3.4",
        row(
            "dispatch",
            Sections(8 | 16),
            "<address>:<port>",
            "Sends everything to one address.",
            dispatch,
        ),
    ),
];

fn redispatch(line: &mut Line<'_>) -> Result<(), Fault> {
    line.proxy()?.options.redispatch = Some(-1);
    let keyword = line.keyword();
    let text = format!(
        "keyword '{keyword}' directive is not supported anymore since HAProxy 2.1. Use 'option redispatch'."
    );
    renamed(line, text, "option redispatch");
    Ok(())
}

fn dispatch(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(word) = line.args().first() else {
        let text = "'dispatch' : '' resolves to an empty address (environment variable missing?)";
        return Err(line.fault(text));
    };
    let accept = Accept {
        port_required: true,
        ..Accept::SOURCE
    };
    let found = resolve::address(&line.config.global.environment, &word.text, accept, true)
        .map_err(|error| line.fault_at(0, format!("'dispatch' : {error}")))?;
    at_most(line, 1)?;
    let shown = word.lossy().into_owned();
    let place: Option<ir::Address> = found.addresses.into_iter().next();
    line.proxy()?.dispatch = place;
    let text = "'dispatch' is deprecated, one server without checks does the same.";
    renamed(line, text, format!("server dispatch {shown}"));
    Ok(())
}
