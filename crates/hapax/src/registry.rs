//! Joins the tables of all rooms into the registry.

use hapax_core::keyword::Registry;

/// Every keyword that this program knows.
pub fn all() -> Registry {
    let rooms = [
        hapax_config::TABLES,
        hapax_balance::TABLES,
        hapax_sample::TABLES,
        hapax_rules::TABLES,
        hapax_tls::TABLES,
        hapax_runtime::stats::TABLES,
        hapax_runtime::cli::TABLES,
    ];
    Registry::new(rooms.into_iter().flatten())
}
