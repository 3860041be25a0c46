//! `persist rdp-cookie`: the cookie of a remote desktop client names the server it was on (configuration manual 4.2).
//!
//! The value is `ADDRESS.PORT.RESERVED`: the address as a number whose lowest byte stands first in it, the port with its
//! bytes swapped ([MS-RDPBCGR] 3.2.5.3.1, routing tokens).

use std::net::{Ipv4Addr, SocketAddr};

use hapax_core::ir::Address;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Support};
use hapax_core::live::Servers;

/// The row.
pub const KEYWORD: SectionKeyword = SectionKeyword {
    name: "persist",
    sections: Sections::PROXIES,
    negatable: false,
    usage: "rdp-cookie[(<name>)]",
    doc: "Remote desktop clients come back to the server that their cookie names, msts if no name is given.",
    support: Support::Runs,
    parse,
};

fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(word) = line.arg(0).map(|word| word.into_owned()) else {
        return Err(line.fault("missing persist method."));
    };
    let Some(rest) = word.strip_prefix("rdp-cookie") else {
        return Err(line.fault("unknown persist method."));
    };
    let name = match rest {
        "" => "msts",
        rest => rest
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map(|(name, _)| name)
            .filter(|name| !name.is_empty())
            .ok_or_else(|| {
                line.fault_at(0, "persist rdp-cookie(name)' requires an rdp cookie name.")
            })?,
    };
    let reader = crate::algorithm::rdp_cookie::reader(line, name)?;
    line.proxy()?.rdp_cookie = Some(reader);
    Ok(())
}

/// The server that the value of a cookie names.
pub fn server(value: &[u8], servers: &Servers) -> Option<usize> {
    let wanted = address(value)?;
    servers
        .iter()
        .find(
            |server| matches!(**server.address.load(), Address::Inet(address) if address == wanted),
        )
        .map(|server| server.index)
}

fn address(value: &[u8]) -> Option<SocketAddr> {
    let mut parts = std::str::from_utf8(value).ok()?.split('.');
    let ip: u32 = parts.next()?.parse().ok()?;
    let port: u16 = parts.next()?.parse().ok()?;
    parts.next()?;
    Some((Ipv4Addr::from(ip.to_le_bytes()), port.swap_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    // exercises: section/persist
    #[test]
    fn a_routing_token_is_an_address_and_a_port() {
        let read = |text: &str| address(text.as_bytes()).map(|address| address.to_string());
        assert_eq!(
            read("3640205228.15629.0000").as_deref(),
            Some("172.31.249.216:3389")
        );
        for wrong in ["", "1", "1.2", "x.2.3", "1.65536.0", "4294967296.1.0"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
