//! `stats socket`, `stats timeout` and `stats maxconn` of `global`: the runtime API.

use hapax_core::ir;
use hapax_core::keyword::{OptionCursor, SectionKeyword, Sections, Tables};

use super::{bind, milliseconds, needed, row};
use crate::resolve;
use crate::value::address::{Accept, list};
use crate::value::{TimeError, Unit, leading_integer, time};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "stats socket",
        Sections::GLOBAL,
        "[<address:port>|<path>] [<option>...]",
        "Opens the runtime API.",
        |line| {
            let missing =
                "'stats socket' in global section expects an address or a path to a UNIX socket";
            let first = needed(line, 0, missing)?;
            let mut addresses = Vec::new();
            for item in list(&first.text) {
                let found =
                    resolve::address(&line.config.global.environment, item, Accept::BIND, true)
                        .map_err(|error| {
                            let place = line.scope.place(line.span);
                            let text = format!("parsing [{place}] : 'stats socket' : {error}");
                            line.fault_at(0, text)
                        })?;
                bind::refuse_transport(line, first, &found)?;
                for place in &found.addresses {
                    let before =
                        format!("parsing [{}] : 'stats socket'", line.scope.place(line.span));
                    bind::inherited(line, place, &before)?;
                }
                let text = String::from_utf8_lossy(item).into_owned();
                addresses.extend(
                    found
                        .addresses
                        .into_iter()
                        .map(|place| (place, text.clone())),
                );
            }
            let mut options = ir::BindOptions::default();
            let mut cursor = OptionCursor {
                words: line.words,
                at: line.name_words + 1,
                prefix: "'stats socket' : '".to_owned(),
                registry: line.registry,
                config: line.config,
                diagnostics: line.diagnostics,
            };
            bind::read_options(&mut cursor, &mut options, "'stats socket' : ", "'")?;
            let span = line.span;
            let binds = addresses.into_iter().map(|(address, text)| ir::Bind {
                address,
                span,
                text,
                options: options.clone(),
            });
            line.config.global.stats_sockets.extend(binds);
            Ok(())
        },
    ),
    row(
        "stats timeout",
        Sections::GLOBAL,
        "<timeout>",
        "How long a connection to the runtime API may be silent.",
        |line| {
            let word = line.args().first();
            let text = word.map(|word| word.text.as_slice()).unwrap_or_default();
            if let Err(TimeError::Unexpected(byte)) = time(text, Unit::Millisecond) {
                let byte = char::from(byte);
                let text = format!("'stats timeout' : unexpected character '{byte}'");
                return Err(line.fault_at(0, text));
            }
            let value = milliseconds(line, 0, "stats timeout")?;
            line.config.global.stats_timeout = Some(value);
            Ok(())
        },
    ),
    row(
        "stats maxconn",
        Sections::GLOBAL,
        "<number>",
        "Connections to the runtime API at a time.",
        |line| {
            let number = line
                .args()
                .first()
                .map_or(0, |word| leading_integer(&word.text));
            let number = i32::try_from(number).ok().filter(|number| *number > 0);
            let number = number.map(i32::unsigned_abs);
            let wrong = || line.fault_at(0, "'stats maxconn' expects a positive value");
            line.config.global.stats_maxconn = Some(number.ok_or_else(wrong)?);
            Ok(())
        },
    ),
];
