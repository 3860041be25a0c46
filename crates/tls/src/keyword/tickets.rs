//! `tls-ticket-keys`: a file with keys of session tickets, one in a line, base64 (configuration manual 5.1).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hapax_core::contract::Shared;
use hapax_core::ir::BindTls;
use hapax_core::keyword::{Fault, OptionCursor};

use super::{fault, needed};
use crate::ticket::{TicketKey, TicketKeys};

/// Reads the file that the next word names.
pub(super) fn add(cursor: &mut OptionCursor<'_>, tls: &mut BindTls) -> Result<(), Fault> {
    let path = needed(cursor, "missing TLS ticket keys file path")?;
    let known = &cursor.config.global.tls.ticket_keys;
    if let Some((_, keys)) = known.iter().find(|(known, _)| *known == path) {
        tls.ticket_keys = Some(keys.clone());
        return Ok(());
    }
    let keys = read(&path).map_err(|text| fault(cursor, format!("'{path}' : {text}")))?;
    let keys: Shared<dyn hapax_core::contract::Material> =
        Shared(Arc::new(TicketKeys::new(path.clone(), keys)));
    tls.ticket_keys = Some(keys.clone());
    cursor.config.global.tls.ticket_keys.push((path, keys));
    Ok(())
}

fn read(path: &str) -> Result<Vec<TicketKey>, String> {
    let bytes =
        std::fs::read(path).map_err(|_| "unable to load ssl tickets keys file".to_owned())?;
    let text = String::from_utf8_lossy(&bytes);
    let mut keys: Vec<TicketKey> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let bytes = STANDARD
            .decode(line.trim_end())
            .map_err(|_| format!("unable to decode base64 key on line {number}"))?;
        let same = keys
            .first()
            .is_none_or(|first| first.bytes().len() == bytes.len());
        let key = TicketKey::new(bytes).filter(|_| same);
        keys.push(key.ok_or_else(|| format!("wrong sized key on line {number}"))?);
    }
    match keys.len() < LEAST {
        true => Err(format!(
            "please supply at least {LEAST} keys in the tls-tickets-file"
        )),
        false => Ok(keys),
    }
}

/// One that others use still, one to seal with, one that others begin to use.
const LEAST: usize = 3;
