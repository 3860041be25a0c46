//! Versions `MAJOR.MINOR` as numbers: what `req.ssl_ver` is compared with.

use super::integer;

/// Reads `3.1`, `3.1:3.3`, `3.1:` and `:3.3`, or what stands for them as numbers.
///
/// # Errors
/// Upstream's text.
pub fn range(text: &str) -> Result<(i64, i64), String> {
    integer::range(&numbers(text))
}

/// The same text with numbers in place of versions; left alone when it is none.
pub fn numbers(text: &str) -> String {
    let parts: Option<Vec<_>> = text.split(':').map(number).collect();
    parts.map_or_else(|| text.to_owned(), |parts| parts.join(":"))
}

fn number(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(String::new());
    }
    let (major, minor) = text.split_once('.')?;
    let (major, minor) = (major.parse::<u16>().ok()?, minor.parse::<u16>().ok()?);
    Some(((u32::from(major) << 16) | u32::from(minor)).to_string())
}
