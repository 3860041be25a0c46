//! Old `option http_proxy`: without servers, a request goes to the address that its target names.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use hapax_core::ir;
use hapax_core::program::Proxy;
use hapax_proto::http::{Head, Target};

use crate::plan::ServerPlan;

/// Whether requests that reach `proxy` go where they say.
pub fn applies(proxy: &Proxy) -> bool {
    proxy.ir.options.http_proxy && proxy.live.servers.is_empty()
}

/// The server that the target of `request` names; none when it names none by address. It serves this request only.
pub fn server(proxy: &Proxy, request: &Head, global: &ir::Global) -> Option<Rc<ServerPlan>> {
    let address = address(request.uri())?;
    let address = ir::Address::Inet(address);
    Some(Rc::new(ServerPlan::unnamed(address, proxy, global)))
}

/// The address in `http://ADDRESS[:PORT]/...`; names are not resolved.
fn address(uri: &[u8]) -> Option<SocketAddr> {
    let target = Target::of(uri);
    if !target.scheme?.eq_ignore_ascii_case(b"http") {
        return None;
    }
    let host = std::str::from_utf8(target.host_and_port()?).ok()?;
    if let Ok(address) = host.parse::<SocketAddr>() {
        return Some(address);
    }
    let bare = host.strip_prefix('[').and_then(|ip| ip.strip_suffix(']'));
    let ip = match bare {
        Some(ip) => IpAddr::from(ip.parse::<Ipv6Addr>().ok()?),
        None => host.parse().ok()?,
    };
    Some(SocketAddr::new(ip, HTTP_PORT))
}

const HTTP_PORT: u16 = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_in_absolute_targets_count() {
        for (uri, expected) in [
            ("http://127.0.0.1:81/x", Some("127.0.0.1:81")),
            ("HTTP://127.0.0.1?x", Some("127.0.0.1:80")),
            ("http://u:p@10.0.0.1:8/", Some("10.0.0.1:8")),
            ("http://[::1]:8080/", Some("[::1]:8080")),
            ("http://[::1]/", Some("[::1]:80")),
            ("http://localhost/", None),
            ("http://127.0.0.1:99999/", None),
            ("https://127.0.0.1/", None),
            ("127.0.0.1:80", None),
            ("/x", None),
            ("*", None),
            ("", None),
        ] {
            let expected = expected.map(|text| text.parse().expect("an address"));
            assert_eq!(address(uri.as_bytes()), expected, "{uri}");
        }
    }
}
