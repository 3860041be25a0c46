//! Options of HTTP: how connections are kept, and what servers learn about the client.

use std::net::IpAddr;

use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, Negation, SectionKeyword, Sections, Tables};
use hapax_core::span::Word;

use super::{at_most, negatable, row};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    negatable(row(
        "option http-keep-alive",
        Sections::PROXIES,
        "",
        "Keeps connections of both sides.",
        |line| mode(line, ir::ConnectionMode::KeepAlive),
    )),
    negatable(row(
        "option http-server-close",
        Sections::PROXIES,
        "",
        "Closes the server's connection after each response.",
        |line| mode(line, ir::ConnectionMode::ServerClose),
    )),
    negatable(row(
        "option httpclose",
        Sections::PROXIES,
        "",
        "Closes both connections after each response.",
        |line| mode(line, ir::ConnectionMode::Close),
    )),
    row(
        "option forwardfor",
        Sections::PROXIES,
        "[except <network>] [header <name>] [if-none]",
        "Tells servers the client's address.",
        |line| {
            let found = forward_for(line, "forwardfor", "X-Forwarded-For", true)?;
            line.proxy()?.forward_for = Some(found);
            Ok(())
        },
    ),
    row(
        "option http-restrict-req-hdr-names",
        Sections::PROXIES,
        "{preserve|delete|reject}",
        "What is done with request fields whose names hold more than letters, digits and hyphens.",
        odd_names,
    ),
    row(
        "option originalto",
        Sections::PROXIES,
        "[except <network>] [header <name>]",
        "Tells servers the address that the client asked for.",
        |line| {
            let found = forward_for(line, "originalto", "X-Original-To", false)?;
            line.proxy()?.original_to = Some(found);
            Ok(())
        },
    ),
];

fn odd_names(line: &mut Line<'_>) -> Result<(), Fault> {
    let names = match line.arg(0).as_deref() {
        Some("preserve") => ir::OddNames::Preserve,
        Some("delete") => ir::OddNames::Delete,
        Some("reject") => ir::OddNames::Reject,
        _ => {
            let what = match line.arg(0) {
                None => "missing parameter".to_owned(),
                Some(other) => format!("invalid parameter '{other}'"),
            };
            let text = format!(
                "{what}. option 'http-restrict-req-hdr-names' expects 'preserve', 'reject' or 'delete' option."
            );
            return Err(line.fault_at(0, text));
        }
    };
    at_most(line, 1)?;
    line.proxy()?.options.odd_names = names;
    Ok(())
}

fn mode(line: &mut Line<'_>, mode: ir::ConnectionMode) -> Result<(), Fault> {
    at_most(line, 0)?;
    let on = line.negation == Negation::None;
    let options = &mut line.proxy()?.options;
    if on {
        options.connection_mode = mode;
    } else if options.connection_mode == mode {
        options.connection_mode = ir::ConnectionMode::KeepAlive;
    }
    Ok(())
}

fn forward_for(
    line: &Line<'_>,
    name: &str,
    header: &str,
    if_none: bool,
) -> Result<ir::ForwardFor, Fault> {
    let mut found = ir::ForwardFor {
        header: header.to_owned(),
        except: None,
        if_none: false,
    };
    let mut at = 0;
    while let Some(word) = line.arg(at) {
        let value = line.args().get(at + 1);
        match word.as_ref() {
            "except" => {
                let missing =
                    format!("'option {name} except' expects <address>[/mask] as argument.");
                let network = value.and_then(network);
                found.except = Some(network.ok_or_else(|| line.fault_at(at + 1, missing))?);
                at += 2;
            }
            "header" => {
                let missing = format!("'option {name} header' expects <header_name> as argument.");
                let header = value.ok_or_else(|| line.fault_at(at, missing))?;
                found.header = header.lossy().into_owned();
                at += 2;
            }
            "if-none" if if_none => {
                found.if_none = true;
                at += 1;
            }
            _ => {
                let values = match if_none {
                    true => "'except', 'header' and 'if-none'",
                    false => "'except' and 'header'",
                };
                let text = format!("'option {name}' only supports optional values: {values}.");
                return Err(line.fault_at(at, text));
            }
        }
    }
    Ok(found)
}

/// `address[/prefix]` or `address/mask`.
pub(crate) fn network(word: &Word) -> Option<ir::Network> {
    let text = word.as_str()?;
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match mask {
        None => bits,
        Some(mask) => match mask.parse::<u8>() {
            Ok(prefix) if prefix <= bits => prefix,
            Ok(_) => return None,
            Err(_) => contiguous(mask.parse().ok()?)?,
        },
    };
    let address = match address {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::from((u32::from(ip) & mask).to_be_bytes())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::from((u128::from(ip) & mask).to_be_bytes())
        }
    };
    Some(ir::Network { address, prefix })
}

fn contiguous(mask: IpAddr) -> Option<u8> {
    let IpAddr::V4(mask) = mask else {
        return None;
    };
    let mask = u32::from(mask);
    let ones = mask.leading_ones();
    (mask.count_ones() == ones).then_some(ones as u8)
}
