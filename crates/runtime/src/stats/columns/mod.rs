//! The columns of `show stat`, in upstream's order: a row and the function of its value per column.

mod agent;
pub mod checks;
pub mod connections;
pub mod details;
pub mod h1;
pub mod identity;
pub mod modules;
pub mod protocols;
pub mod rates;
pub mod state;
pub mod timing;
pub mod traffic;

use super::value::StatValue;
use super::view::{Kinds, View};

/// A column: its row, and how its value is found.
pub struct Column {
    /// Its name in the header.
    pub name: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// What has it.
    pub kinds: Kinds,
    /// Origin, nature and scope of the typed form; after `|` those of backends where they differ.
    tags: &'static str,
    value: for<'v, 'a> fn(&'v View<'a>) -> StatValue<'v>,
}

impl Column {
    /// The value for a row.
    pub fn value<'v>(&self, view: &'v View<'_>) -> StatValue<'v> {
        if self.kinds.has(view.kind()) {
            (self.value)(view)
        } else {
            StatValue::Empty
        }
    }

    /// Origin, nature and scope as upstream's three letters.
    pub fn tags(&self, view: &View<'_>) -> &'static str {
        match self.tags.split_once('|') {
            Some((_, backend)) if view.kind() == Kinds::B => backend,
            Some((others, _)) => others,
            None => self.tags,
        }
    }
}

/// The columns before the `-`, whose places are fixed.
pub fn of_core() -> impl Iterator<Item = &'static Column> {
    [
        identity::COLUMNS,
        traffic::COLUMNS,
        state::COLUMNS,
        rates::COLUMNS,
        checks::COLUMNS,
        timing::COLUMNS,
        details::COLUMNS,
        connections::COLUMNS,
        protocols::COLUMNS,
    ]
    .into_iter()
    .flatten()
}

/// The columns after the `-`.
pub fn of_modules() -> impl Iterator<Item = &'static Column> {
    modules::COLUMNS.iter().chain(h1::COLUMNS)
}

/// The column of a name.
pub fn find(name: &str) -> Option<&'static Column> {
    of_core()
        .chain(of_modules())
        .find(|column| column.name == name)
}

/// Makes `COLUMNS`, and the `TABLE` of rows that the registry lists. Columns marked `idle` hold the place of something
/// that is not built: they are printed with upstream's idle value, and are no rows.
macro_rules! columns {
    ($($($idle:ident)? $name:literal, $kinds:ident, $tags:literal, $doc:literal, $value:expr;)*) => {
        /// The columns of this file.
        pub static COLUMNS: &[$crate::stats::columns::Column] = &[$(
            $crate::stats::columns::Column {
                name: $name,
                doc: $doc,
                kinds: $crate::stats::view::Kinds::$kinds,
                tags: $tags,
                value: $value,
            },
        )*];

        /// Their rows.
        pub const TABLE: hapax_core::keyword::Tables = hapax_core::keyword::Tables {
            columns: $crate::stats::columns::rows!([] $($($idle)? $name, $doc;)*),
            ..hapax_core::keyword::Tables::NONE
        };
    };
}

/// The rows that are not `idle`.
macro_rules! rows {
    ([$($row:expr,)*]) => { &[$($row,)*] };
    ([$($row:expr,)*] idle $name:literal, $doc:literal; $($rest:tt)*) => {
        $crate::stats::columns::rows!([$($row,)*] $($rest)*)
    };
    ([$($row:expr,)*] $name:literal, $doc:literal; $($rest:tt)*) => {
        $crate::stats::columns::rows!(
            [$($row,)* hapax_core::keyword::StatColumn { name: $name, doc: $doc },] $($rest)*
        )
    };
}
pub(crate) use {columns, rows};
