//! Statistics: the columns of `show stat`, the lines of `show info`, and the page that shows them.

pub mod columns;
pub mod csv;
pub mod errors;
pub mod file;
pub mod info;
pub mod measure;
pub mod page;
mod percent;
pub mod prometheus;
pub mod status;
pub mod value;
pub mod view;

use hapax_core::keyword::Tables;

/// The rows of this room.
pub static TABLES: &[Tables] = &[
    columns::identity::TABLE,
    columns::traffic::TABLE,
    columns::state::TABLE,
    columns::rates::TABLE,
    columns::checks::TABLE,
    columns::timing::TABLE,
    columns::details::TABLE,
    columns::connections::TABLE,
    columns::protocols::TABLE,
    columns::h1::TABLE,
];

#[cfg(test)]
pub(crate) mod tests;
