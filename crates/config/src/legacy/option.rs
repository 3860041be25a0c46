//! Old spellings of `option ...`.

use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, Negation, SectionKeyword, Sections, Support, Tables};

use super::{renamed_option, without_effect};
use crate::keyword::{at_most, negatable, row, until};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    until(
        "1.9",
        negatable(row(
            "option forceclose",
            Sections::PROXIES,
            "",
            "The old name of `option httpclose`.",
            |line| {
                at_most(line, 0)?;
                mode(line, ir::ConnectionMode::Close)?;
                let text = "option 'forceclose' is not supported any more since HAProxy 2.0, please just remove it, or use \
                            'option httpclose' if absolutely needed.";
                let modern = modern(line, "httpclose");
                renamed_option(line, text, modern);
                Ok(())
            },
        )),
    ),
    until(
        "2.0",
        negatable(row(
            "option http-tunnel",
            Sections::PROXIES,
            "",
            "Only the first request and response of a connection are HTTP; what follows passes untouched.",
            |line| {
                at_most(line, 0)?;
                mode(line, ir::ConnectionMode::Tunnel)?;
                let text = "option 'http-tunnel' is not supported any more since HAProxy 2.1, please just remove it, it \
                            shouldn't be needed.";
                renamed_option(line, text, "please remove this line");
                Ok(())
            },
        )),
    ),
    SectionKeyword {
        support: Support::NoCounterpart(
            "messages are held in one form, as in every HAProxy since 2.1",
        ),
        ..negatable(row(
            "option http-use-htx",
            Sections::PROXIES,
            "",
            "Chose how messages were held in memory.",
            |line| {
                at_most(line, 0)?;
                without_effect(
                    line,
                    "option 'http-use-htx' does nothing any more since HAProxy 2.1.",
                );
                Ok(())
            },
        ))
    },
    until(
        "1.4",
        negatable(row(
            "option independant-streams",
            Sections::PROXIES,
            "",
            "An old spelling of `option independent-streams`.",
            |line| {
                at_most(line, 0)?;
                let on = line.negation == Negation::None;
                line.proxy()?.options.independent_streams = on;
                let modern = modern(line, "independent-streams");
                renamed_option(line, "option 'independant-streams' is misspelt.", modern);
                Ok(())
            },
        )),
    ),
    until(
        "2.4",
        negatable(row(
            "option http_proxy",
            Sections::PROXIES,
            "",
            "Without servers, a request goes to the address in its absolute target.",
            |line| {
                at_most(line, 0)?;
                let on = line.negation == Negation::None;
                line.proxy()?.options.http_proxy = on;
                let modern = match on {
                    true => {
                        "http-request set-dst url_ip\n          http-request set-dst-port url_port\n          server any 0.0.0.0:0"
                    }
                    false => "please remove this line",
                };
                renamed_option(
                    line,
                    "option 'http_proxy' is not supported any more since HAProxy 2.5.",
                    modern,
                );
                Ok(())
            },
        )),
    ),
    until(
        "3.0",
        negatable(row(
            "option accept-invalid-http-request",
            Sections::FRONT,
            "",
            "The old name of `option accept-unsafe-violations-in-http-request`.",
            |line| {
                at_most(line, 0)?;
                let on = line.negation == Negation::None;
                line.proxy()?.options.relaxed_request = on;
                deprecated(line, "http-request");
                Ok(())
            },
        )),
    ),
    until(
        "3.0",
        negatable(row(
            "option accept-invalid-http-response",
            Sections::BACK,
            "",
            "The old name of `option accept-unsafe-violations-in-http-response`.",
            |line| {
                at_most(line, 0)?;
                let on = line.negation == Negation::None;
                line.proxy()?.options.relaxed_response = on;
                deprecated(line, "http-response");
                Ok(())
            },
        )),
    ),
];

fn deprecated(line: &mut Line<'_>, what: &str) {
    let text = format!(
        "option 'accept-invalid-{what}' is deprecated. please use 'option accept-unsafe-violations-in-{what}' if absolutely \
         needed."
    );
    let modern = modern(line, &format!("accept-unsafe-violations-in-{what}"));
    renamed_option(line, text, modern);
}

/// The option's modern line with the same prefix.
fn modern(line: &Line<'_>, option: &str) -> String {
    let prefix = match line.negation {
        Negation::None => "",
        Negation::No => "no ",
        Negation::Default => "default ",
    };
    format!("{prefix}option {option}")
}

fn mode(line: &mut Line<'_>, mode: ir::ConnectionMode) -> Result<(), Fault> {
    let on = line.negation == Negation::None;
    let options = &mut line.proxy()?.options;
    if on {
        options.connection_mode = mode;
    } else if options.connection_mode == mode {
        options.connection_mode = ir::ConnectionMode::KeepAlive;
    }
    Ok(())
}
