//! Lists of patterns by name: files, `virt@`, `opt@` (configuration manual 2.7), read once and shared.

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::pattern::{Entries, List, Source, View};

use crate::expression::Origin;

/// Who uses a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// The first column of its lines is all there is to a pattern: no, the whole line is.
    Acl,
    /// An ACL that reads its lines as those of a map (`-M`).
    AclOfMap,
    /// A map: a key, blanks and a value.
    Map,
}

/// Largest pattern file that is read, bytes.
const FILE_LIMIT: u64 = 1 << 30;

/// The list of a name, which is read unless another one uses it already.
///
/// # Errors
/// Upstream's text.
pub fn named(given: &str, user: User, origin: &Origin<'_>) -> Result<Arc<List>, String> {
    let path = name(given);
    let optional = given.starts_with("opt@");
    let is_map = user != User::Acl;
    let known = origin.patterns.find(path);
    let list = match known {
        Some(list) if list.is_map == is_map => list,
        Some(_) => {
            let (is, be) = if is_map {
                ("one", "two")
            } else {
                ("two", "one")
            };
            return Err(format!(
                "The file \"{given}\" is already used as {is} column file and cannot be used by as {be} column file."
            ));
        }
        None => {
            let entries = match path.strip_prefix("virt@") {
                Some(name) if !name.is_empty() => Entries::default(),
                _ => read(path, is_map, optional)?,
            };
            let source = Source {
                text: format!("pattern loaded from file '{given}'"),
                users: Vec::new(),
            };
            let list = List::new(path.to_owned(), is_map, source);
            list.fill(entries);
            origin.patterns.add(list)
        }
    };
    let who = if is_map { "map" } else { "acl" };
    list.used(format!("by {who} at {}", place(origin)));
    let uses = match user {
        User::Map => &list.for_maps,
        User::Acl | User::AclOfMap => &list.for_acls,
    };
    uses.store(true, Ordering::Relaxed);
    if is_map {
        list.for_maps.store(true, Ordering::Relaxed);
    }
    Ok(list)
}

/// The name of a list without what it says about its file.
pub fn name(given: &str) -> &str {
    let prefixes = ["opt@", "file@"];
    let short = prefixes
        .iter()
        .find_map(|prefix| given.strip_prefix(prefix));
    short.unwrap_or(given)
}

/// The patterns that stand in an ACL line itself.
pub fn inline(criterion: &str, patterns: &[Vec<u8>], origin: &Origin<'_>) -> Arc<List> {
    let source = Source {
        text: format!("acl '{criterion}' {}", place(origin)),
        users: Vec::new(),
    };
    let list = List::new(String::new(), false, source);
    let mut entries = Entries::default();
    for pattern in patterns {
        entries.push(pattern, None, 1);
    }
    list.fill(entries);
    list.for_acls.store(true, Ordering::Relaxed);
    origin.patterns.add(list)
}

/// `file 'x.cfg' line 5`.
fn place(origin: &Origin<'_>) -> String {
    let (file, line) = origin
        .place
        .rsplit_once(':')
        .unwrap_or((&origin.place, "0"));
    format!("file '{file}' line {line}")
}

fn read(path: &str, is_map: bool, optional: bool) -> Result<Entries, String> {
    let mut entries = Entries::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(_) if optional && !path.is_empty() => return Ok(entries),
        Err(_) => {
            let prefix = if optional { "opt@" } else { "" };
            return Err(format!("failed to open pattern file <{prefix}{path}>"));
        }
    };
    let mut text = Vec::new();
    file.take(FILE_LIMIT)
        .read_to_end(&mut text)
        .map_err(|error| {
            let why = error.to_string();
            let why = why.split(" (os error").next().unwrap_or_default();
            format!("error encountered while reading  <{path}> : {why}")
        })?;
    entries.reserve(&text);
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if let Some((key, value)) = entry(line, is_map) {
            let number = u32::try_from(number + 1).unwrap_or(u32::MAX);
            entries
                .push(key, value, number)
                .ok_or_else(|| format!("the file <{path}> holds too much"))?;
        }
    }
    Ok(entries)
}

/// Key and value of a line; none of one that is empty or a comment.
pub fn entry(line: &[u8], is_map: bool) -> Option<(&[u8], Option<&[u8]>)> {
    if line.first() == Some(&b'#') {
        return None;
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let start = line.iter().position(|byte| !blank(byte))?;
    let line = &line[start..];
    if !is_map {
        return Some((line, None));
    }
    let end = line.iter().position(blank).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let start = rest.iter().position(|byte| !blank(byte));
    let stop = rest.iter().rposition(|byte| !blank(byte));
    let value = match (start, stop) {
        (Some(start), Some(stop)) => &rest[start..=stop],
        _ => &[],
    };
    Some((key, Some(value)))
}

/// Key and value of a line that came with a command; nothing is a comment there.
pub fn payload_entry(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end = line.iter().position(blank).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let start = rest.iter().position(|byte| !blank(byte));
    let value = start
        .and_then(|start| rest.get(start..))
        .unwrap_or_default();
    (!line.is_empty()).then_some((key, value))
}

/// Whether a value is one that a view's users can take.
///
/// # Errors
/// Upstream's text.
pub fn check_value(view: &View, value: &[u8]) -> Result<(), String> {
    let good = match view.output {
        Some("int") => number(value).is_some(),
        Some("ip") => address(value).is_some(),
        _ => true,
    };
    match good {
        true => Ok(()),
        false => Err(format!(
            "unable to parse '{}'",
            String::from_utf8_lossy(value)
        )),
    }
}

/// An integer as values of maps are.
pub fn number(value: &[u8]) -> Option<i64> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| crate::cast::leading_int(value))
}

/// An address as values of maps are.
pub fn address(value: &[u8]) -> Option<hapax_core::sample::Value<'static>> {
    use hapax_core::sample::Value;
    let text = std::str::from_utf8(value).ok()?;
    let four = text.parse::<Ipv4Addr>().ok().map(Value::Ipv4);
    four.or_else(|| text.parse::<Ipv6Addr>().ok().map(Value::Ipv6))
}

/// The text of what is wrong with an entry of a file.
pub fn at_line(given: &str, (line, text): (u32, String)) -> String {
    format!("{text} at line {line} of file '{given}'")
}
