//! `stats ...` of a proxy: the statistics page.

use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::{joined, needed, reading, row};
use crate::value::{MAX_MILLISECONDS, TimeError, Unit, time};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

macro_rules! stats {
    ($name:literal, $usage:literal, $doc:literal, $parse:expr) => {
        row(
            concat!("stats ", $name),
            Sections::PROXIES,
            $usage,
            $doc,
            |line| {
                let parse: fn(&mut Line<'_>) -> Result<(), Fault> = $parse;
                parse(line)
            },
        )
    };
}

static ROWS: &[SectionKeyword] = &[
    stats!("enable", "", "Shows the page.", |line| {
        page(line)?;
        Ok(())
    }),
    stats!("uri", "<prefix>", "Where the page is.", |line| {
        let uri = needed(line, 0, "'uri' needs an URI prefix.")?
            .lossy()
            .into_owned();
        page(line)?.uri = uri;
        Ok(())
    }),
    stats!(
        "realm",
        "<realm>",
        "The text of the browser's question for a password.",
        |line| {
            let realm = needed(line, 0, "'realm' needs an realm name.")?
                .lossy()
                .into_owned();
            page(line)?.realm = Some(realm);
            Ok(())
        }
    ),
    stats!(
        "auth",
        "<user>:<password>",
        "Who may see the page.",
        |line| {
            let text = needed(line, 0, "'auth' needs a user:password account.")?
                .lossy()
                .into_owned();
            let (user, password) = match text.split_once(':') {
                Some((user, password)) => (user.to_owned(), password.to_owned()),
                None => (text, String::new()),
            };
            page(line)?.auth.push((user, password));
            Ok(())
        }
    ),
    stats!(
        "refresh",
        "<delay>",
        "How often the page loads itself again.",
        |line| {
            let word = needed(
                line,
                0,
                "'refresh' needs a positive interval value, in seconds.",
            )?;
            page(line)?.refresh = match time(&word.text, Unit::Second) {
                Ok(time) => {
                    if let Some(warning) = time.trailing_warning(&word.lossy()) {
                        line.warn(warning);
                    }
                    time.value
                }
                Err(TimeError::Unexpected(byte)) => {
                    let byte = char::from(byte);
                    let text = format!(
                        "unexpected character '{byte}' in argument to stats refresh interval."
                    );
                    return Err(reading(line, text));
                }
                Err(TimeError::Overflow | TimeError::Missing) => {
                    let text = word.lossy();
                    let text = format!(
                        "timer overflow in argument <{text}> to stats refresh interval, maximum value is {MAX_MILLISECONDS} s (~68 years)."
                    );
                    return Err(reading(line, text));
                }
            };
            Ok(())
        }
    ),
    stats!("hide-version", "", "Does not show the version.", |line| {
        page(line)?.hide_version = true;
        Ok(())
    }),
    stats!("show-legends", "", "Shows more in tooltips.", |line| {
        page(line)?.show_legends = true;
        Ok(())
    }),
    stats!(
        "show-modules",
        "",
        "Shows the counters of modules.",
        |line| {
            page(line)?.show_modules = true;
            Ok(())
        }
    ),
    stats!("show-node", "[<name>]", "Shows the node's name.", |line| {
        let name = line.arg(0).unwrap_or_default().into_owned();
        page(line)?.show_node = Some(name);
        Ok(())
    }),
    stats!("show-desc", "[<text>]", "Shows a description.", |line| {
        let text = joined(line, 0);
        page(line)?.show_description = Some(text);
        Ok(())
    }),
    stats!(
        "scope",
        "{<name> | \".\"}",
        "Shows these proxies only.",
        |line| {
            let name = needed(line, 0, "'scope' needs a proxy name.")?
                .lossy()
                .into_owned();
            page(line)?.scope.push(name);
            Ok(())
        }
    ),
];

/// The page of the proxy. What `defaults` says is a start that the first line of a section changes.
fn page<'l>(line: &'l mut Line<'_>) -> Result<&'l mut ir::Stats, Fault> {
    Ok(line.proxy()?.stats.get_or_insert_with(ir::Stats::default))
}
