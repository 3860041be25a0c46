//! `usesrc`: what stands behind the address of a `source`.

use hapax_core::ir::{self, Presented};

use crate::resolve;
use crate::value::address::Accept;
use crate::value::leading_integer;

/// Reads the word behind `usesrc`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn presented(variables: &resolve::Variables, text: &str) -> Result<Presented, String> {
    match text {
        "client" => return Ok(Presented::Client),
        "clientip" => return Ok(Presented::ClientIp),
        _ => {}
    }
    if let Some(field) = text.strip_prefix("hdr_ip(") {
        let field = field.strip_suffix(')').unwrap_or(field);
        let (name, which) = match field.split_once(',') {
            Some((name, which)) => (name, leading_integer(which.as_bytes())),
            None => (field, -1),
        };
        if which < LAST_FROM_END {
            let text = "usesrc hdr_ip(name,num) does not support negative occurrences values smaller than 10.";
            return Err(text.into());
        }
        let which = i32::try_from(which).unwrap_or(i32::MAX);
        return Ok(Presented::Field(name.to_ascii_lowercase(), which));
    }
    let found = resolve::address(variables, text.as_bytes(), Accept::SOURCE, true)
        .map_err(|error| format!("'usesrc {text}' : {error}"))?;
    match found.addresses.first() {
        Some(ir::Address::Inet(address)) => Ok(Presented::Address(*address)),
        _ => Err(format!(
            "'usesrc {text}' : only internet addresses can be presented"
        )),
    }
}

/// As many values from the end may be counted.
const LAST_FROM_END: i64 = -10;
