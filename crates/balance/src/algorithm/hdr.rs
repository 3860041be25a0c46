//! `balance hdr(NAME)`: the hash of a header's first value decides.

use std::sync::Arc;

use hapax_core::contract::{Algorithm, Cx, KeyValue, RequestKey};
use hapax_core::keyword::{BalanceKeyword, Fault, Line};

use super::hashed::ByRequest;

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "hdr(",
    usage: "<name>) [ use_domain_only ]",
    doc: "The hash of a header's first value decides, or of the main part of the domain in it.",
    parse,
};

/// The algorithm.
#[derive(Debug, Clone)]
struct Header {
    name: Vec<u8>,
    domain_only: bool,
}

fn parse(line: &mut Line<'_>) -> Result<Arc<dyn Algorithm>, Fault> {
    let word = line.arg(0).unwrap_or_default().into_owned();
    let name = word
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let Some((name, _)) = name.filter(|(name, _)| !name.is_empty()) else {
        return Err(line.fault_at(0, "balance hdr requires an http header field name."));
    };
    let domain_only = match line.arg(1) {
        None => false,
        Some(modifier) if modifier == "use_domain_only" => true,
        Some(other) => {
            let text = format!(
                "balance hdr({name}) only accepts 'use_domain_only' modifier (got '{other}')."
            );
            return Err(line.fault_at(1, text));
        }
    };
    let only = if domain_only { " use_domain_only" } else { "" };
    Ok(Arc::new(ByRequest {
        name: "hdr",
        text: format!("hdr({name}){only}"),
        key: Header {
            name: name.as_bytes().to_vec(),
            domain_only,
        },
    }))
}

impl RequestKey for Header {
    fn key<'a>(&self, cx: &Cx<'a>) -> KeyValue<'a> {
        let mut values = cx.stream.request.values(&self.name);
        match values.next() {
            None | Some((_, b"")) => KeyValue::None,
            Some((_, value)) if self.domain_only => KeyValue::Bytes(main_part(value)),
            Some((_, value)) => KeyValue::Bytes(value),
        }
    }
}

/// What stands between the last two dots; everything when no dot has something before it. A dot right before the last one
/// does not count, as in upstream.
fn main_part(host: &[u8]) -> &[u8] {
    let Some(last) = host.iter().rposition(|&byte| byte == b'.') else {
        return host;
    };
    let Some(before) = last.checked_sub(1) else {
        return host;
    };
    let start = host[..before]
        .iter()
        .rposition(|&byte| byte == b'.')
        .map_or(0, |dot| dot + 1);
    &host[start..last]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_part_of_a_domain() {
        for (host, part) in [
            (&b"haproxy.1wt.eu"[..], &b"1wt"[..]),
            (b"1wt.eu", b"1wt"),
            (b"www.example.com:80", b"example"),
            (b"a", b"a"),
            (b"a.", b"a"),
            (b".a", b".a"),
            (b".a.b", b"a"),
            (b"com..x", b"com."),
            (b"", b""),
        ] {
            assert_eq!(main_part(host), part);
        }
    }
}
