//! The address of what is asked for.

/// See the module text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    /// Whether TLS is spoken.
    pub secured: bool,
    /// The host as the field `host` names it.
    pub authority: String,
    /// The host alone: a name or an address, which has no brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path and query.
    pub target: String,
}

impl Url {
    /// Takes it apart; none when it names no host, or has bytes that cannot stand in a request line.
    pub(crate) fn parse(text: &str) -> Option<Url> {
        let (scheme, rest) = text.split_once("://")?;
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return None;
        }
        let secured = scheme.eq_ignore_ascii_case("https");
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                (host, port.strip_prefix(':').filter(|port| !port.is_empty()))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port).filter(|port| !port.is_empty())),
                None => (authority, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().ok()?,
            None if secured => 443,
            None => 80,
        };
        if host.is_empty() {
            return None;
        }
        let target = match target.starts_with('/') {
            true => target.to_owned(),
            false => format!("/{target}"),
        };
        Some(Url {
            secured,
            authority: authority.to_owned(),
            host: host.to_owned(),
            port,
            target,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parsed = |text: &str| {
            let url = Url::parse(text)?;
            Some((url.secured, url.authority, url.host, url.port, url.target))
        };
        let expected = |secured, authority: &str, host: &str, port, target: &str| {
            Some((
                secured,
                authority.to_owned(),
                host.to_owned(),
                port,
                target.to_owned(),
            ))
        };
        assert_eq!(
            parsed("http://a.example/x?y=z"),
            expected(false, "a.example", "a.example", 80, "/x?y=z")
        );
        assert_eq!(
            parsed("https://u:p@[::1]:8443"),
            expected(true, "[::1]:8443", "::1", 8443, "/")
        );
        assert_eq!(parsed("http://a?b"), expected(false, "a", "a", 80, "/?b"));
        for text in [
            "",
            "/a",
            "127.0.0.1:80/",
            "http://",
            "http://:80/",
            "http://a:99999/",
            "http://a:b/",
            "http://a/\nb",
            "http://[::1",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
    }
}
