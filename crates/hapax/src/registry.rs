//! Joins the tables of all rooms into the registry.

use hapax_core::keyword::Registry;

/// Every keyword that this program knows.
pub fn all() -> Registry {
    Registry::new(
        hapax_config::TABLES
            .iter()
            .chain(hapax_balance::TABLES.iter()),
    )
}
