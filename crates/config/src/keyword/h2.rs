//! Settings of HTTP/2 (configuration manual 3.2, `tune.h2.*`).

use hapax_core::ir::{self, H2LogErrors};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Support, Tables};

use super::{at_most, row};
use crate::value::{SizeError, leading_integer, size};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

/// Where a number goes.
type Place = fn(&mut ir::Tune) -> &mut u32;

/// A number from 0 on; without one it is 0.
macro_rules! number {
    ($name:literal, $doc:literal, $($field:ident).+) => {
        row($name, Sections::GLOBAL, "<number>", $doc, |line| {
            let number = positive(line)?;
            line.config.global.tune.h2.$($field).+ = number;
            Ok(())
        })
    };
}

static ROWS: &[SectionKeyword] = &[
    row(
        "h2-workaround-bogus-websocket-clients",
        Sections::GLOBAL,
        "",
        "Does not tell clients of HTTP/2 that they may open websockets.",
        |line| {
            at_most(line, 0)?;
            line.config.global.h2_no_websocket = true;
            Ok(())
        },
    ),
    row(
        "tune.h2.fe.initial-window-size",
        Sections::GLOBAL,
        "<number>",
        "Bytes that a stream of a client takes before more is granted.",
        |line| {
            let number = positive(line)?;
            line.config.global.tune.h2.front.initial_window = Some(number).filter(|said| *said > 0);
            Ok(())
        },
    ),
    row(
        "tune.h2.initial-window-size",
        Sections::GLOBAL,
        "<number>",
        "The same of both sides, where a side has no number of its own.",
        |line| {
            let number = positive(line)?;
            line.config.global.tune.h2.initial_window = Some(number);
            Ok(())
        },
    ),
    row(
        "tune.h2.fe.max-concurrent-streams",
        Sections::GLOBAL,
        "<number>",
        "Streams at a time of a client's connection.",
        |line| {
            let number = positive(line)?;
            line.config.global.tune.h2.front.max_streams = Some(number).filter(|said| *said > 0);
            Ok(())
        },
    ),
    number!(
        "tune.h2.max-concurrent-streams",
        "The same of both sides, where a side has no number of its own.",
        max_streams
    ),
    number!(
        "tune.h2.fe.max-total-streams",
        "Streams after which a client is told to leave.",
        total_streams
    ),
    row(
        "tune.glitches.kill.cpu-usage",
        Sections::GLOBAL,
        "<number>",
        "Percent of its time that a thread must work before connections with too many oddities end.",
        |line| {
            at_most(line, 1)?;
            let wrong = "'tune.glitches.kill.cpu-usage' expects a numeric value between 0 and 100";
            let text = line.arg(0).map(|text| text.into_owned());
            let number = text.map(|text| leading_integer(text.as_bytes()));
            let number = number.and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| *number <= 100);
            line.config.global.tune.h2.glitches_kill_usage =
                number.ok_or_else(|| line.fault(wrong))?;
            Ok(())
        },
    ),
    number!(
        "tune.h2.fe.glitches-threshold",
        "Oddities after which a client's connection ends.",
        front.glitches
    ),
    row(
        "tune.h2.fe.rxbuf",
        Sections::GLOBAL,
        "<size>",
        "Bytes that all streams of a client's connection may hold.",
        |line| {
            let bytes = room(line)?;
            line.config.global.tune.h2.front.receive_room = Some(bytes);
            Ok(())
        },
    ),
    row(
        "tune.h2.be.initial-window-size",
        Sections::GLOBAL,
        "<number>",
        "Bytes that a stream of a server takes before more is granted.",
        |line| {
            let number = positive(line)?;
            line.config.global.tune.h2.back.initial_window = Some(number).filter(|said| *said > 0);
            Ok(())
        },
    ),
    row(
        "tune.h2.be.max-concurrent-streams",
        Sections::GLOBAL,
        "<number>",
        "Streams at a time of a connection to a server.",
        |line| {
            let number = positive(line)?;
            line.config.global.tune.h2.back.max_streams = Some(number).filter(|said| *said > 0);
            Ok(())
        },
    ),
    number!(
        "tune.h2.be.glitches-threshold",
        "Oddities after which a connection to a server ends.",
        back.glitches
    ),
    row(
        "tune.h2.be.rxbuf",
        Sections::GLOBAL,
        "<size>",
        "Bytes that all streams of a connection to a server may hold.",
        |line| {
            let bytes = room(line)?;
            line.config.global.tune.h2.back.receive_room = Some(bytes);
            Ok(())
        },
    ),
    row(
        "tune.h2.header-table-size",
        Sections::GLOBAL,
        "<number>",
        "Bytes of the table that header fields of the other side are kept in.",
        |line| between(line, 4096, 65_536, |tune| &mut tune.h2.header_table),
    ),
    row(
        "tune.h2.max-frame-size",
        Sections::GLOBAL,
        "<number>",
        "The largest frame that is taken.",
        |line| between(line, 16_384, 16_777_215, |tune| &mut tune.h2.max_frame),
    ),
    row(
        "tune.h2.log-errors",
        Sections::GLOBAL,
        "{none|connection|stream}",
        "Which errors of HTTP/2 leave a log line.",
        |line| {
            at_most(line, 1)?;
            let text = "'tune.h2.log-errors' expects 'none', 'connection', or 'stream'";
            line.config.global.tune.h2.log_errors = match line.arg(0).as_deref() {
                Some("none") => H2LogErrors::None,
                Some("connection") => H2LogErrors::Connection,
                Some("stream") => H2LogErrors::Stream,
                _ => return Err(line.fault_at(0, text)),
            };
            Ok(())
        },
    ),
    without("tune.h2.be.max-frames-at-once", BY_BUFFER, |line| {
        at_most(line, 1)
    }),
    without("tune.h2.fe.max-frames-at-once", BY_BUFFER, |line| {
        at_most(line, 1)
    }),
    without("tune.h2.fe.max-rst-at-once", BY_BUFFER, |line| {
        at_most(line, 1)
    }),
    without("tune.h2.zero-copy-fwd-send", COPIES, |line| {
        at_most(line, 1)?;
        match line.arg(0).as_deref() {
            Some("on" | "off") => Ok(()),
            _ => Err(line.fault_at(0, "'tune.h2.zero-copy-fwd-send' expects 'on' or 'off'.")),
        }
    }),
];

const BY_BUFFER: &str =
    "a connection gives way to others after each few buffers, whatever frames are in them";
const COPIES: &str = "bodies are copied into the frames of their connection once";

const fn without(
    name: &'static str,
    reason: &'static str,
    parse: fn(&mut Line<'_>) -> Result<(), Fault>,
) -> SectionKeyword {
    SectionKeyword {
        support: Support::NoCounterpart(reason),
        ..row(
            name,
            Sections::GLOBAL,
            "...",
            "Accepted without effect.",
            parse,
        )
    }
}

fn positive(line: &Line<'_>) -> Result<u32, Fault> {
    at_most(line, 1)?;
    let word = line
        .args()
        .first()
        .map_or(0, |word| leading_integer(&word.text));
    // The reference reads 32 bits, of which the first one is the sign.
    u32::try_from(word as i32).map_err(|_| {
        let text = format!("'{}' expects a positive numeric value.", line.keyword());
        line.fault_at(0, text)
    })
}

fn between(line: &mut Line<'_>, least: u32, most: u32, place: Place) -> Result<(), Fault> {
    at_most(line, 1)?;
    let word = line
        .args()
        .first()
        .map_or(0, |word| leading_integer(&word.text));
    let number = u32::try_from(word)
        .ok()
        .filter(|number| (least..=most).contains(number));
    let wrong = || {
        let keyword = line.keyword();
        let text = format!("'{keyword}' expects a numeric value between {least} and {most}.");
        line.fault_at(0, text)
    };
    let number = number.ok_or_else(wrong)?;
    *place(&mut line.config.global.tune) = number;
    Ok(())
}

fn room(line: &Line<'_>) -> Result<u32, Fault> {
    at_most(line, 1)?;
    let keyword = line.keyword();
    let word = line.arg(0).unwrap_or_default();
    size(word.as_bytes()).map_err(|error| {
        let character = match error {
            SizeError::Unexpected(character) => char::from(character),
            // The reference prints the end of the word as it stands, which ends its message.
            SizeError::Missing => {
                let text = format!("'{keyword}': unexpected character '");
                return line.fault_at(0, text);
            }
        };
        let text =
            format!("'{keyword}': unexpected character '{character}' in size argument '{word}'.");
        line.fault_at(0, text)
    })
}
