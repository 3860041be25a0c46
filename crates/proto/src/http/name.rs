//! Well-known field names as integers, so that the engine compares a byte instead of a string.

macro_rules! names {
    ($($variant:ident = $text:literal),+ $(,)?) => {
        /// A field name that the program knows; everything else is `Other`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum Name { Other, $($variant),+ }

        impl Name {
            /// The lower-case spelling; empty for `Other`.
            pub const fn as_str(self) -> &'static str {
                match self { Name::Other => "", $(Name::$variant => $text),+ }
            }

            /// The name spelled `text`, in any letter case.
            pub fn of(text: &[u8]) -> Name {
                const ALL: &[(Name, &str)] = &[$((Name::$variant, $text)),+];
                let Some(&first) = text.first() else { return Name::Other };
                let first = first.to_ascii_lowercase();
                // Length and first byte leave at most three candidates, and the lists are tiny.
                let Some(bucket) = BUCKETS.get(text.len()) else { return Name::Other };
                for &index in bucket.iter() {
                    let Some((name, spelled)) = ALL.get(usize::from(index).wrapping_sub(1)) else { break };
                    if spelled.as_bytes().first() == Some(&first) && same(text, spelled.as_bytes()) {
                        return *name;
                    }
                }
                Name::Other
            }
        }

        const BUCKETS: [[u8; WIDTH]; LONGEST + 1] = {
            let lengths = [$($text.len()),+];
            let mut buckets = [[0u8; WIDTH]; LONGEST + 1];
            let mut index = 0;
            while index < lengths.len() {
                let mut slot = 0;
                while buckets[lengths[index]][slot] != 0 { slot += 1; }
                buckets[lengths[index]][slot] = index as u8 + 1;
                index += 1;
            }
            buckets
        };
    };
}

/// Compares without regard to case. Setting bit 5 lowers letters and leaves what else stands in `lower` alone; only
/// control bytes could be mistaken, and no name holds them.
fn same(text: &[u8], lower: &[u8]) -> bool {
    text.len() == lower.len()
        && text
            .iter()
            .zip(lower)
            .fold(0, |differ, (a, b)| differ | ((a | 0x20) ^ b))
            == 0
}

/// Longest well-known name; `BUCKETS` is indexed by length and lists 1-based positions, 0 ends a list.
const LONGEST: usize = 25;
const WIDTH: usize = 8;

names! {
    Accept = "accept",
    AcceptEncoding = "accept-encoding",
    AcceptLanguage = "accept-language",
    Age = "age",
    Authorization = "authorization",
    CacheControl = "cache-control",
    Connection = "connection",
    ContentEncoding = "content-encoding",
    ContentLength = "content-length",
    ContentType = "content-type",
    Cookie = "cookie",
    Date = "date",
    Etag = "etag",
    Expect = "expect",
    Expires = "expires",
    Forwarded = "forwarded",
    Host = "host",
    IfModifiedSince = "if-modified-since",
    IfNoneMatch = "if-none-match",
    KeepAlive = "keep-alive",
    LastModified = "last-modified",
    Location = "location",
    Pragma = "pragma",
    ProxyAuthenticate = "proxy-authenticate",
    ProxyAuthorization = "proxy-authorization",
    ProxyConnection = "proxy-connection",
    Range = "range",
    Referer = "referer",
    SecWebSocketAccept = "sec-websocket-accept",
    SecWebSocketKey = "sec-websocket-key",
    Server = "server",
    SetCookie = "set-cookie",
    Te = "te",
    Trailer = "trailer",
    TransferEncoding = "transfer-encoding",
    Upgrade = "upgrade",
    UserAgent = "user-agent",
    Vary = "vary",
    Via = "via",
    WwwAuthenticate = "www-authenticate",
    XForwardedFor = "x-forwarded-for",
    XForwardedProto = "x-forwarded-proto",
    XOriginalTo = "x-original-to",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_case_finds_the_name() {
        assert_eq!(Name::of(b"Content-Length"), Name::ContentLength);
        assert_eq!(Name::of(b"TE"), Name::Te);
        assert_eq!(Name::of(b"transfer-encodinh"), Name::Other);
        assert_eq!(Name::of(b""), Name::Other);
        assert_eq!(Name::of(&[b'a'; 400]), Name::Other);
    }

    #[test]
    fn every_name_finds_itself() {
        for bucket in BUCKETS {
            for index in bucket.into_iter().filter(|&index| index != 0) {
                assert!(usize::from(index) <= Name::XOriginalTo as usize);
            }
        }
        for name in [
            Name::Accept,
            Name::Host,
            Name::Via,
            Name::XOriginalTo,
            Name::SecWebSocketKey,
            Name::Upgrade,
        ] {
            assert_eq!(
                Name::of(name.as_str().to_ascii_uppercase().as_bytes()),
                name
            );
        }
    }
}
