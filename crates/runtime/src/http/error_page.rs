//! The built-in pages for errors, byte for byte as the reference sends them.

use hapax_proto::http::Head;

/// A built-in page.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Status.
    pub status: u16,
    /// Reason phrase.
    pub reason: &'static str,
    /// The sentence below the title.
    text: &'static str,
}

/// The built-in page for `status`; the one of 500 for statuses that have none.
pub fn page(status: u16) -> &'static Page {
    PAGES
        .iter()
        .find(|page| page.status == status)
        .unwrap_or(&INTERNAL)
}

impl Page {
    /// The body.
    pub fn body(&self) -> String {
        format!(
            "<html><body><h1>{} {}</h1>\n{}\n</body></html>\n",
            self.status, self.reason, self.text
        )
    }

    /// Makes it the response.
    pub fn fill(&self, response: &mut Head) -> String {
        let body = self.body();
        response.start_response(b"HTTP/1.1", self.status, self.reason.as_bytes());
        response.add(b"content-length", body.len().to_string().as_bytes());
        response.add(b"cache-control", b"no-cache");
        response.add(b"content-type", b"text/html");
        body
    }

    /// Whether the page itself says that the connection closes.
    pub fn closes(&self) -> bool {
        matches!(self.status, 400 | 408)
    }

    /// The whole answer to bytes that are no request: the reference answers those below its message layer, with names
    /// in another letter case, and some pages without `Connection`.
    pub fn raw(&self) -> Vec<u8> {
        let body = self.body();
        let close = if self.closes() {
            "Connection: close\r\n"
        } else {
            ""
        };
        format!(
            "HTTP/1.1 {} {}\r\nContent-length: {}\r\nCache-Control: no-cache\r\n{close}Content-Type: text/html\r\n\r\n{body}",
            self.status,
            self.reason,
            body.len()
        )
        .into_bytes()
    }
}

/// Takes the content of an `errorfile` apart: head into `response`, the body is returned. None when it is no response.
pub fn parse(content: &[u8], response: &mut Head) -> Option<usize> {
    use hapax_proto::h1::{Limits, Parse, Scan, parse_response};
    let limits = Limits {
        max_head: usize::MAX,
        ..Limits::default()
    };
    match parse_response(content, response, &mut Scan::default(), &limits) {
        Ok(Parse::Complete { len }) => Some(len),
        _ => None,
    }
}

macro_rules! pages {
    ($($status:literal $reason:literal $text:literal,)+) => {
        const PAGES: &[Page] = &[$(Page { status: $status, reason: $reason, text: $text }),+];
    };
}

pages! {
    200 "OK" "Service ready.",
    400 "Bad request" "Your browser sent an invalid request.",
    401 "Unauthorized" "You need a valid user and password to access this content.",
    403 "Forbidden" "Request forbidden by administrative rules.",
    404 "Not Found" "The resource could not be found.",
    405 "Method Not Allowed" "A request was made of a resource using a request method not supported by that resource.",
    407 "Unauthorized" "You need a valid user and password to access this content.",
    408 "Request Time-out" "Your browser didn't send a complete request in time.",
    410 "Gone" "The resource is no longer available and will not be available again.",
    413 "Payload Too Large" "The request entity exceeds the maximum allowed.",
    414 "URI Too Long" "The URI provided was too long for the server to process.",
    421 "Misdirected Request" "Request sent to a non-authoritative server.",
    422 "Unprocessable Content" "The server cannot process the contained instructions.",
    425 "Too Early" "Your browser sent early data.",
    429 "Too Many Requests" "You have sent too many requests in a given amount of time.",
    431 "Request Header Fields Too Large" "Request Header Fields Too Large.",
    501 "Not Implemented" "The server does not support the functionality required to fulfill the request.",
    502 "Bad Gateway" "The server returned an invalid or incomplete response.",
    503 "Service Unavailable" "No server is available to handle this request.",
    504 "Gateway Time-out" "The server didn't respond in time.",
}

const INTERNAL: Page = Page {
    status: 500,
    reason: "Internal Server Error",
    text: "An internal server error occurred.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_reference() {
        for (status, length) in [
            (200, 58),
            (400, 90),
            (405, 147),
            (500, 97),
            (503, 107),
            (504, 92),
        ] {
            assert_eq!(page(status).body().len(), length, "{status}");
        }
        let raw = String::from_utf8(page(414).raw()).expect("ascii");
        assert!(raw.starts_with("HTTP/1.1 414 URI Too Long\r\nContent-length: 110\r\n"));
        assert!(!raw.contains("Connection"));
    }
}
