//! `anonkey`: the key under which names give way to hashes.

use hapax_core::keyword::{SectionKeyword, Sections, Tables};

use super::{reading, row};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[row(
    "anonkey",
    Sections::GLOBAL,
    "<key>",
    "The key of `set anon on` and of anonymised dumps.",
    |line| {
        let Some(text) = line.arg(0) else {
            return Err(reading(line, "a key is expected after 'anonkey'."));
        };
        let number = crate::value::leading_integer(text.as_bytes());
        let key = u32::try_from(number).map_err(|_| {
            let text = format!("'anonkey' value must be within range 0-4294967295 (was '{text}').");
            reading(line, text)
        })?;
        line.config.global.anonymous_key = key;
        Ok(())
    },
)];
