//! What HTTP/1 messages are let pass although they are ambiguous.

use hapax_core::keyword::{SectionKeyword, Sections, Tables};

use super::{at_most, row};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "h1-accept-payload-with-any-method",
        Sections::GLOBAL,
        "",
        "Lets HTTP/1.0 requests of GET, HEAD and DELETE have a body.",
        |line| {
            at_most(line, 0)?;
            line.config.global.tune.h1_any_payload = true;
            Ok(())
        },
    ),
    row(
        "h1-do-not-close-on-insecure-transfer-encoding",
        Sections::GLOBAL,
        "",
        "Keeps the connection after a request with both content-length and transfer-encoding.",
        |line| {
            at_most(line, 0)?;
            line.config.global.tune.h1_trust_both_lengths = true;
            Ok(())
        },
    ),
];
