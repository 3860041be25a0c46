//! The words of TLS on `bind` and `server` lines and in `global`.

pub(crate) mod bind;
mod certificates;
pub(crate) mod frontend;
pub(crate) mod global;
pub(crate) mod http_client;
pub(crate) mod list;
pub(crate) mod ocsp_update;
pub(crate) mod server;
mod settings;
pub(crate) mod store;
mod tickets;

pub(crate) use certificates::{bare, note};
pub use list::LIST_OPTIONS;

use hapax_core::ir;
use hapax_core::keyword::{Fault, OptionCursor};

/// The next word; `missing` behind the option's name when there is none.
fn needed(cursor: &mut OptionCursor<'_>, missing: &str) -> Result<String, Fault> {
    let name = cursor.keyword().lossy().into_owned();
    match cursor.take() {
        Some(word) => Ok(word.lossy().into_owned()),
        None => Err(fault(cursor, format!("'{name}' : {missing}"))),
    }
}

/// A fault at the word taken last.
fn fault(cursor: &OptionCursor<'_>, text: impl Into<String>) -> Fault {
    cursor.fault(cursor.keyword().span, text)
}

/// A path below a folder, unless it is a whole one.
pub(crate) fn below(base: Option<&str>, path: &str) -> String {
    match base {
        Some(base) if !path.starts_with('/') => format!("{base}/{path}"),
        _ => path.to_owned(),
    }
}

/// The version of a word; none when it is none.
fn version(word: &str) -> Option<ir::TlsVersion> {
    ir::TlsVersion::ALL
        .into_iter()
        .find(|version| version.name() == word)
}

/// The names of a list between commas.
fn protocols(text: &str) -> Vec<String> {
    let names = text.split(',').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
