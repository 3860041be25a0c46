//! Versions `MAJOR.MINOR` as numbers: what `req.ssl_ver` is compared with.

use std::sync::Arc;

use hapax_core::contract::Matcher;
use hapax_core::keyword::Patterns;

use super::integer;

pub fn build(patterns: &Patterns) -> Result<Arc<dyn Matcher>, String> {
    let mut numbers = Patterns {
        list: Vec::with_capacity(patterns.list.len()),
        ..patterns.clone()
    };
    for pattern in &patterns.list {
        let text = String::from_utf8_lossy(pattern);
        let number = range(&text).unwrap_or_else(|| text.into_owned());
        numbers.list.push(number.into_bytes());
    }
    integer::build(&numbers, false)
}

/// `3.1`, `3.1:3.3`, `3.1:` and `:3.3` as ranges of numbers.
fn range(text: &str) -> Option<String> {
    let parts: Option<Vec<_>> = text.split(':').map(version).collect();
    Some(parts?.join(":"))
}

fn version(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(String::new());
    }
    let (major, minor) = text.split_once('.')?;
    let (major, minor) = (major.parse::<u16>().ok()?, minor.parse::<u16>().ok()?);
    Some((u32::from(major) << 16 | u32::from(minor)).to_string())
}
