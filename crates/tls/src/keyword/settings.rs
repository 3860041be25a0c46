//! Options that `bind` and `server` lines share: versions and lists.

use hapax_core::ir::{TlsSettings, TlsVersion};
use hapax_core::keyword::{Fault, OptionCursor};

use super::{fault, needed, version};

/// `ssl-min-ver` and `ssl-max-ver`.
pub(super) fn bound(cursor: &mut OptionCursor<'_>) -> Result<TlsVersion, Fault> {
    let word = needed(cursor, "missing the ssl/tls version")?;
    version(&word).ok_or_else(|| fault(cursor, format!("'{word}' : unknown ssl/tls version")))
}

/// `no-tlsv10` and the like: the version that the option's own name ends with.
pub(super) fn without(settings: &mut TlsSettings, version: TlsVersion) {
    if !settings.versions.without.contains(&version) {
        settings.versions.without.push(version);
    }
}

/// `force-tlsv12` and the like.
pub(super) fn force(settings: &mut TlsSettings, version: TlsVersion) {
    settings.versions.min = Some(version);
    settings.versions.max = Some(version);
}
