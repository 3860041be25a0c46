//! A request target taken apart without copying.

/// The parts of a request target in any of its four forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// `http` of `http://host/`, when the target is absolute.
    pub scheme: Option<&'a [u8]>,
    /// `user@host:port` of an absolute target, or the whole of an authority-form one.
    pub authority: Option<&'a [u8]>,
    /// From the first `/` to `?` or the end; empty when there is none.
    pub path: &'a [u8],
    /// What follows the first `?`.
    pub query: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    /// Takes `uri` apart. What is neither absolute nor begins with `/` or `*` counts as an authority.
    pub fn of(uri: &'a [u8]) -> Target<'a> {
        if matches!(uri.first(), None | Some(b'/')) {
            let (path, query) = split_query(uri);
            return Target {
                scheme: None,
                authority: None,
                path,
                query,
            };
        }
        if uri == b"*" {
            return Target {
                scheme: None,
                authority: None,
                path: &[],
                query: None,
            };
        }
        let Some(scheme) = scheme(uri) else {
            return Target {
                scheme: None,
                authority: Some(uri),
                path: &[],
                query: None,
            };
        };
        let rest = &uri[scheme.len() + 3..];
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
            .unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (path, query) = split_query(rest);
        Target {
            scheme: Some(scheme),
            authority: Some(authority),
            path,
            query,
        }
    }

    /// The authority without `user:password@`.
    pub fn host_and_port(&self) -> Option<&'a [u8]> {
        let authority = self.authority?;
        Some(memchr::memrchr(b'@', authority).map_or(authority, |at| &authority[at + 1..]))
    }

    /// Bytes before the path, and bytes of the path.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        let scheme = self.scheme.map_or(0, |scheme| scheme.len() + 3);
        (
            scheme + self.authority.map_or(0, <[u8]>::len),
            self.path.len(),
        )
    }
}

/// Host and port of `host:port`; the port is what follows the last colon outside brackets.
pub(crate) fn split_port(host: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memrchr(b':', host) {
        Some(colon) if !host[colon..].contains(&b']') => (&host[..colon], Some(&host[colon + 1..])),
        _ => (host, None),
    }
}

/// The scheme when `uri` begins with `scheme://`.
fn scheme(uri: &[u8]) -> Option<&[u8]> {
    if !uri.first()?.is_ascii_alphabetic() {
        return None;
    }
    let end = uri
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || b"+-.".contains(byte)))?;
    uri[end..].starts_with(b"://").then(|| &uri[..end])
}

fn split_query(uri: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'?', uri) {
        Some(mark) => (&uri[..mark], Some(&uri[mark + 1..])),
        None => (uri, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let target = Target::of(b"/p?q?r");
        assert_eq!(
            (target.path, target.query, target.authority),
            (&b"/p"[..], Some(&b"q?r"[..]), None)
        );
        let target = Target::of(b"https://u:p@h:1?q");
        assert_eq!(
            (target.scheme, target.host_and_port()),
            (Some(&b"https"[..]), Some(&b"h:1"[..]))
        );
        assert_eq!((target.path, target.query), (&b""[..], Some(&b"q"[..])));
        assert_eq!(Target::of(b"h:80").authority, Some(&b"h:80"[..]));
        assert_eq!(Target::of(b"*").authority, None);
        assert_eq!(Target::of(b"1a://x/").scheme, None);
    }

    #[test]
    fn ports() {
        assert_eq!(split_port(b"[::1]"), (&b"[::1]"[..], None));
        assert_eq!(split_port(b"[::1]:80"), (&b"[::1]"[..], Some(&b"80"[..])));
        assert_eq!(split_port(b"h:"), (&b"h"[..], Some(&b""[..])));
    }
}
