//! What the log says of a request of the client: a line of the HTTP format, whose frontend has neither address nor server.

use std::net::IpAddr;
use std::rc::Rc;

use hapax_proto::http::Head;

use super::Request;
use crate::clock;
use crate::local::Local;
use crate::log::Level;

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Told {
    began_ms: u64,
    began_wall_us: u64,
    connected_ms: Option<u64>,
    connect_took: Option<u64>,
    answered_ms: Option<u64>,
    /// How often it was tried again.
    pub(super) retries: u32,
    /// Why and where it ended.
    pub(super) flags: &'static str,
    /// The status.
    pub(crate) status: u16,
    /// Bytes of the answer, as upstream counts what it keeps of one.
    bytes: usize,
    /// The address that the host's name has.
    pub(super) resolved: Option<IpAddr>,
}

impl Told {
    pub(super) fn begin() -> Told {
        Told {
            began_ms: clock::now_ms(),
            began_wall_us: clock::wall_us(),
            connected_ms: None,
            connect_took: None,
            answered_ms: None,
            retries: 0,
            flags: "--",
            status: 0,
            bytes: 0,
            resolved: None,
        }
    }

    pub(super) fn connected(&mut self, began_ms: u64) {
        let now = clock::now_ms();
        self.connected_ms = Some(now);
        self.connect_took = Some(now.saturating_sub(began_ms));
    }

    pub(super) fn answered(&mut self) {
        self.answered_ms = Some(clock::now_ms());
    }

    /// A head came: its words, and 20 bytes of its own.
    pub(super) fn head(&mut self, head: &Head) {
        self.status = head.status();
        let line = head.version().len() + head.status_text().len() + head.reason().len();
        self.bytes += 20 + line + fields(head);
    }

    /// So many bytes of the body came.
    pub(super) fn body(&mut self, count: usize) {
        self.bytes += count;
    }

    /// Trailers came.
    pub(super) fn trailers(&mut self, trailers: &Head) {
        self.bytes += match trailers.is_empty() {
            true => 0,
            false => fields(trailers),
        };
    }

    /// Whether all of an answer came.
    pub(crate) fn is_whole(&self) -> bool {
        self.flags == "--"
    }

    /// Whether it went wrong, which includes what went well at last and what the server says of itself.
    pub(crate) fn is_error(&self) -> bool {
        self.flags != "--" || self.retries > 0 || self.status >= 500
    }

    /// Leaves the line; `name` stands for the frontend. Where names are looked up it has captured the address.
    pub(crate) fn log(&self, local: &Rc<Local>, request: &Request, name: &str) {
        let now = clock::now_ms();
        let plan = local.plan();
        let connections = plan.program.live.process.connections.value();
        let settings = &plan.program.global.http_client;
        let section = settings.section();
        let looks_up = section.is_some_and(|name| plan.program.live.resolvers(name).is_some());
        let captures = match (self.resolved, looks_up) {
            (Some(ip), _) => format!("{{{ip}}} "),
            (None, true) => "{} ".to_owned(),
            (None, false) => String::new(),
        };
        let queued = if self.flags == "LR" { "-1" } else { "0" };
        let since = |from: Option<u64>, to: Option<u64>| match (from, to) {
            (Some(from), Some(to)) => to.saturating_sub(from).to_string(),
            _ => "-1".to_owned(),
        };
        let mut date = Vec::new();
        crate::log::date::precise(self.began_wall_us, &mut date);
        date.truncate(date.len().saturating_sub(3));
        let text = format!(
            "-:- [{}] {name} -/- 0/{queued}/{}/{}/{} {} {} - - {}-- {connections}/0/0/0/{} 0/0 {captures}\"{} {} HTTP/1.1\"",
            String::from_utf8_lossy(&date),
            self.connect_took
                .map_or("-1".to_owned(), |took| took.to_string()),
            since(self.connected_ms, self.answered_ms),
            now.saturating_sub(self.began_ms),
            self.status,
            self.bytes,
            self.flags,
            self.retries,
            request.method,
            escaped(&request.text),
        );
        plan.logger.message(None, Level::Info, &text);
    }
}

/// Bytes of fields, and of what ends them.
fn fields(head: &Head) -> usize {
    head.iter()
        .map(|(name, value)| name.len() + value.len())
        .sum::<usize>()
        + 1
}

/// Bytes that would confuse who reads the line are shown by their numbers.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'#' | b'{' | b'|' | b'}' | 0..=0x1f | 0x7f.. => {
                out.push_str(&format!("#{byte:02X}"));
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_bytes_are_shown_by_their_numbers() {
        assert_eq!(escaped("a#b\"\u{e9}"), "a#23b#22#C3#A9");
    }
}
