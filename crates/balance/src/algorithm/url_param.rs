//! `balance url_param NAME`: the hash of a parameter's value decides, in the query or in the body of a POST.

use std::sync::Arc;

use hapax_core::contract::{Algorithm, Cx, KeyValue, RequestKey};
use hapax_core::keyword::{BalanceKeyword, Fault, Line};
use hapax_proto::http::Head;
use hapax_sample::fetch::request_body;

use super::hashed::ByRequest;

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "url_param",
    usage: "<name> [ check_post ]",
    doc: "The hash of a parameter decides; it may also stand in the body of a POST, with or without check_post.",
    parse,
};

/// The algorithm. Upstream 3.2 looks into bodies whether `check_post` is given or not.
#[derive(Debug, Clone)]
struct Parameter {
    name: Vec<u8>,
}

fn parse(line: &mut Line<'_>) -> Result<Arc<dyn Algorithm>, Fault> {
    let Some(name) = line.args().get(1).map(|word| word.text.clone()) else {
        return Err(line.fault("balance url_param requires an URL parameter name."));
    };
    if let Some(modifier) = line.arg(2).filter(|word| word != "check_post") {
        let text =
            format!("balance url_param only accepts 'check_post' modifier (got '{modifier}').");
        return Err(line.fault_at(2, text));
    }
    Ok(Arc::new(ByRequest {
        name: "url_param",
        text: format!("url_param {}", String::from_utf8_lossy(&name)),
        key: Parameter { name },
    }))
}

impl RequestKey for Parameter {
    fn key<'a>(&self, cx: &Cx<'a>) -> KeyValue<'a> {
        let head = &cx.stream.request;
        if let Some(value) = self.in_query(head) {
            return KeyValue::Bytes(value);
        }
        if head.method() != b"POST" {
            return KeyValue::None;
        }
        self.in_body(request_body(cx))
            .map_or(KeyValue::None, KeyValue::Bytes)
    }

    fn awaits_body(&self, request: &Head) -> bool {
        request.method() == b"POST" && self.in_query(request).is_none()
    }
}

impl Parameter {
    fn in_query<'a>(&self, head: &'a Head) -> Option<&'a [u8]> {
        let uri = head.uri();
        let mark = uri.iter().position(|&byte| byte == b'?')?;
        self.value(&uri[mark + 1..])
    }

    /// The value goes up to the first blank or line end; what is no token is no value.
    fn in_body<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        let value = self.value(body)?;
        let blank = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' ');
        let value = &value[..value.iter().position(blank).unwrap_or(value.len())];
        value.iter().all(|&byte| is_token(byte)).then_some(value)
    }

    /// The value of the first `name=` at the start or behind `&`.
    fn value<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        text.split(|&byte| byte == b'&')
            .find_map(|pair| pair.strip_prefix(self.name.as_slice())?.strip_prefix(b"="))
    }
}

/// RFC 9110 5.6.2, `tchar`.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_queries_and_bodies() {
        let parameter = Parameter { name: b"a".into() };
        assert_eq!(parameter.value(b"b=1&a=2;c&d"), Some(&b"2;c"[..]));
        assert_eq!(parameter.value(b"a&xa=1"), None);
        assert_eq!(parameter.in_body(b"a=1\r\nb"), Some(&b"1"[..]));
        assert_eq!(parameter.in_body(b"a=1;b"), None);
        assert_eq!(parameter.in_body(b"a="), Some(&b""[..]));
    }
}
