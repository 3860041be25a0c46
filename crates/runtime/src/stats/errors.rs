//! The last bad request and the last bad response of each proxy, for `show errors`.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;

use parking_lot::Mutex;

/// Most bytes of a message that are kept.
pub const LONGEST: usize = 16_384;

/// A message that could not be parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BadMessage {
    /// Wall clock, microseconds since 1970.
    pub wall_us: u64,
    /// Whether it is a response.
    pub response: bool,
    /// The proxy that found it: for requests the frontend, for responses the backend (`iid` and name).
    pub proxy: (u32, String),
    /// The other proxy, if there was one already.
    pub other: Option<(u32, String)>,
    /// The server.
    pub server: Option<(u32, String)>,
    /// The client.
    pub client: Option<SocketAddr>,
    /// The bytes that were there; cut at [`LONGEST`].
    pub bytes: Vec<u8>,
    /// Index of the byte that is wrong.
    pub position: usize,
    /// What the parser was reading, in its words; may be empty.
    pub state: String,
}

/// The store: bounded by two messages per proxy.
#[derive(Debug, Default)]
pub struct Errors {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    total: u32,
    last: BTreeMap<(u32, bool), (u32, BadMessage)>,
}

/// Which messages are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only of the proxy of this number.
    pub proxy: Option<u32>,
    /// Only responses (true) or requests (false).
    pub response: Option<bool>,
}

impl Errors {
    /// Remembers a message in place of the proxy's last one.
    pub fn record(&self, mut message: BadMessage) {
        message.bytes.truncate(LONGEST);
        let mut inner = self.inner.lock();
        let number = inner.total;
        inner.total = inner.total.wrapping_add(1);
        let key = (message.proxy.0, message.response);
        inner.last.insert(key, (number, message));
    }

    /// Appends the answer of `show errors`. `order` lists the proxies' numbers in the order of the configuration.
    pub fn write(&self, now_wall_us: u64, order: &[u32], wanted: Wanted, out: &mut Vec<u8>) {
        let inner = self.inner.lock();
        let _ = writeln!(
            out,
            "Total events captured on [{}] : {}",
            date(now_wall_us),
            inner.total
        );
        for proxy in order {
            for response in [false, true] {
                let asked = wanted.proxy.is_none_or(|wanted| wanted == *proxy)
                    && wanted.response.is_none_or(|wanted| wanted == response);
                if let Some((number, message)) = inner.last.get(&(*proxy, response))
                    && asked
                {
                    write_message(*number, message, out);
                }
            }
        }
    }
}

fn write_message(number: u32, message: &BadMessage, out: &mut Vec<u8>) {
    let named = |entry: &Option<(u32, String)>| match entry {
        Some((id, name)) => format!("{name} (#{id})"),
        None => "<NONE> (#-1)".into(),
    };
    let (id, name) = &message.proxy;
    let date = date(message.wall_us);
    let server = named(&message.server);
    let other = named(&message.other);
    let client = match message.client {
        Some(client) => format!("{}:{}", client.ip(), client.port()),
        None => "unix".into(),
    };
    let _ = if message.response {
        write!(
            out,
            " \n[{date}] backend {name} (#{id}): invalid response\n  frontend {other}"
        )
    } else {
        write!(
            out,
            " \n[{date}] frontend {name} (#{id}): invalid request\n  backend {other}"
        )
    };
    let length = message.bytes.len();
    let _ = write!(
        out,
        ", server {server}, event #{number}, src {client}\n  buffer starts at 0 (including 0 out), {} free,\n  len {length}, wraps at {WRAPS}, error at position {}\n",
        LONGEST.saturating_sub(length),
        message.position,
    );
    if !message.state.is_empty() {
        let _ = writeln!(out, "  H1 msg state {}", message.state);
    }
    out.extend_from_slice(b"  \n");
    dump(&message.bytes, out);
}

/// Where upstream's buffer of that size says that it wraps.
const WRAPS: usize = 16_336;
/// Characters per line of the dump.
const WIDTH: usize = 70;

/// Appends lines of escaped bytes, each with its offset; `+` marks one that goes on.
fn dump(bytes: &[u8], out: &mut Vec<u8>) {
    let mut text = String::with_capacity(WIDTH);
    let (mut start, mut continued) = (0, false);
    let mut line = |start: usize, continued: bool, text: &mut String| {
        let mark = if continued { '+' } else { ' ' };
        let _ = writeln!(out, "  {start:05}{mark} {text}");
        text.clear();
    };
    for (place, &byte) in bytes.iter().enumerate() {
        let escaped = escape(byte);
        if text.len() + escaped.len() > WIDTH {
            line(start, continued, &mut text);
            (start, continued) = (place, true);
        }
        text.push_str(&escaped);
        if byte == b'\n' {
            line(start, continued, &mut text);
            (start, continued) = (place + 1, false);
        }
    }
    if !text.is_empty() {
        line(start, continued, &mut text);
    }
}

fn escape(byte: u8) -> String {
    match byte {
        b'\r' => "\\r".into(),
        b'\n' => "\\n".into(),
        b'\t' => "\\t".into(),
        0x1b => "\\e".into(),
        b'\\' => "\\\\".into(),
        0x20..=0x7e => char::from(byte).to_string(),
        other => format!("\\x{other:02X}"),
    }
}

/// A date as logs write it, with milliseconds, in local time.
fn date(wall_us: u64) -> String {
    let time = i64::try_from(wall_us)
        .ok()
        .and_then(|us| jiff::Timestamp::from_microsecond(us).ok())
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::system());
    format!(
        "{}.{:03}",
        time.strftime("%d/%b/%Y:%H:%M:%S"),
        wall_us / 1000 % 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(errors: &Errors, wanted: Wanted) -> String {
        let mut out = Vec::new();
        errors.write(0, &[2, 4], wanted, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_last_message_of_each_proxy_and_side_is_kept() {
        let errors = Errors::default();
        assert!(shown(&errors, Wanted::default()).ends_with("] : 0\n"));
        for text in ["first", "GET \\\x1b\t\x7f\u{e9}\"\r\nx"] {
            errors.record(BadMessage {
                proxy: (2, "fe".into()),
                client: "127.0.0.1:99".parse().ok(),
                bytes: text.as_bytes().to_vec(),
                position: 4,
                ..BadMessage::default()
            });
        }
        errors.record(BadMessage {
            proxy: (4, "be".into()),
            other: Some((2, "fe".into())),
            server: Some((1, "s1".into())),
            response: true,
            bytes: vec![b'y'; 100_000],
            ..BadMessage::default()
        });
        let text = shown(&errors, Wanted::default());
        assert!(text.contains("] : 3\n \n["));
        assert!(!text.contains("first"));
        assert!(text.contains("frontend fe (#2): invalid request\n  backend <NONE> (#-1), server <NONE> (#-1), event #1, src 127.0.0.1:99\n"));
        assert!(text.contains("  00000  GET \\\\\\e\\t\\x7F\\xC3\\xA9\"\\r\\n\n  00013  x\n"));
        assert!(text.contains("backend be (#4): invalid response\n  frontend fe (#2), server s1 (#1), event #2, src unix\n"));
        assert!(text.contains(&format!("\n  00070+ {}\n", "y".repeat(70))));
        assert!(text.contains("len 16384,"), "the copy is bounded");
        let requests = Wanted {
            response: Some(false),
            ..Wanted::default()
        };
        assert!(!shown(&errors, requests).contains("invalid response"));
        let of_backend = Wanted {
            proxy: Some(4),
            ..Wanted::default()
        };
        assert!(!shown(&errors, of_backend).contains("invalid request"));
    }
}
