//! Persistence by cookie (configuration manual 4.2, `cookie`): which server a request's cookie names, and the cookie in
//! the response.

mod date;
mod keyword;
pub mod rdp;
mod scan;
mod value;

pub use keyword::{DYNAMIC_KEY, KEYWORD};
pub use value::{Value, value};

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::ir::{Cookie, CookieMode};
use hapax_core::live::{ServerLive, Servers};
use hapax_core::stream::{RequestCookie, ResponseCookie};
use hapax_proto::http::Head;

use date::{Dates, Verdict};

/// What a request's cookie says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// The server to use; none when the cookie gives none that may be used.
    pub server: Option<usize>,
    /// For the log.
    pub state: RequestCookie,
    /// Something else than the cookie decides: none is inserted.
    pub ignored: bool,
    /// The dates of the cookie shall be renewed in the response.
    refresh: bool,
    /// When the client first came, for `maxlife`.
    first: Option<u32>,
}

/// What a cookie may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regard {
    /// Choose a server that runs.
    Running,
    /// Choose a server, even one that is down (`option persist`, `force-persist`).
    Forced,
    /// Choose none (`ignore-persist`).
    Ignored,
    /// Choose none, because this one was chosen before (`use-server`).
    Chosen(usize),
}

/// Finds the server that the request's cookie names, and takes what is ours out of the request (`indirect`, `prefix`).
/// `now` is seconds since 1970.
pub fn read_request(
    cookie: &Cookie,
    servers: &Servers,
    regard: Regard,
    head: &mut Head,
    now: u64,
) -> Found {
    let mut found = Found {
        state: RequestCookie::None,
        ..Found::default()
    };
    let mut seen = false;
    let lines: Vec<usize> = head.lines(b"cookie").map(|(index, _)| index).collect();
    // From the last line to the first, so that removing one keeps the other indexes; the first cookie decides.
    for &index in &lines {
        if seen {
            break;
        }
        if let Some(value) = scan::find(head.value(index), cookie.name.as_bytes()) {
            found = judge(cookie, servers, regard, value, now);
            seen = true;
        }
    }
    if seen {
        for index in lines.into_iter().rev() {
            match scan::rewritten(cookie, head.value(index)) {
                scan::Edit::Keep => {}
                scan::Edit::Remove => head.remove_at(index),
                scan::Edit::Replace(value) => head.set_value(index, &value),
            }
        }
    }
    if is_silent(cookie) {
        found.state = RequestCookie::NotUsed;
    }
    found.ignored = regard == Regard::Ignored;
    if let Regard::Chosen(index) = regard {
        found.server = Some(index);
        let dated = cookie.maxidle.is_some() || cookie.maxlife.is_some();
        found.refresh |= dated && found.state != RequestCookie::Unused;
    }
    found
}

fn judge(cookie: &Cookie, servers: &Servers, regard: Regard, sent: &[u8], now: u64) -> Found {
    let (name, dates) = match cookie.mode {
        CookieMode::Prefix => (scan::before(sent, b'~'), Dates::default()),
        CookieMode::Insert => (scan::before(sent, b'|'), Dates::read(sent)),
        CookieMode::Rewrite | CookieMode::Passive => (sent, Dates::default()),
    };
    let mut found = Found::default();
    let verdict = if cookie.mode == CookieMode::Insert {
        dates.judge(cookie, now)
    } else {
        Verdict::Good { refresh: false }
    };
    match verdict {
        Verdict::Expired => found.state = RequestCookie::Expired,
        Verdict::Old => found.state = RequestCookie::Old,
        Verdict::Good { refresh } if matches!(regard, Regard::Ignored | Regard::Chosen(_)) => {
            found.state = RequestCookie::Unused;
            found.refresh = refresh;
            found.first = dates.first;
        }
        Verdict::Good { refresh } => {
            let named = |server: &&Arc<ServerLive>| {
                !name.is_empty() && value(cookie, server).is_some_and(|own| *own == *name)
            };
            let mut candidates = servers.iter().filter(named).peekable();
            found.state = match candidates.peek() {
                None => RequestCookie::Invalid,
                Some(server) => {
                    found.server = (regard == Regard::Forced).then_some(server.index);
                    RequestCookie::Down
                }
            };
            let running = |server: &&Arc<ServerLive>| server.running.load(Ordering::Relaxed);
            if let Some(server) = candidates.find(running) {
                found.server = Some(server.index);
                found.state = RequestCookie::Valid;
                found.refresh = refresh;
                found.first = dates.first;
            }
        }
    }
    found
}

/// Does what the mode asks for to the response's cookies. `server` is the one that answered, `is_post` tells whether the
/// request was a POST, `cacheable_method` whether it was GET or HEAD.
pub fn write_response(
    cookie: &Cookie,
    found: &Found,
    server: &ServerLive,
    method: &[u8],
    head: &mut Head,
    now: u64,
) -> ResponseCookie {
    let mut state = treat_own_cookie(cookie, found, server, head);
    let served = found.server == Some(server.index);
    let wanted = cookie.mode == CookieMode::Insert
        && !found.ignored
        && state != ResponseCookie::Provided
        && (!served || found.refresh)
        && (!cookie.postonly || method == b"POST");
    if wanted {
        head.add(b"set-cookie", &set_cookie(cookie, found, server, now));
        let cacheable = method == b"GET" || method == b"HEAD";
        if cookie.nocache && cacheable && is_cacheable(head) {
            head.add(b"cache-control", b"private");
        }
        state = if served {
            ResponseCookie::Updated
        } else {
            ResponseCookie::Inserted
        };
    }
    if is_silent(cookie) {
        ResponseCookie::NotUsed
    } else {
        state
    }
}

/// What happens to a cookie of that name that the server itself sets.
fn treat_own_cookie(
    cookie: &Cookie,
    found: &Found,
    server: &ServerLive,
    head: &mut Head,
) -> ResponseCookie {
    let name = cookie.name.as_bytes();
    let own: Vec<usize> = head
        .lines(b"set-cookie")
        .filter(|(_, line)| scan::set_cookie_value(line, name).is_some())
        .map(|(index, _)| index)
        .collect();
    if own.is_empty() {
        return ResponseCookie::None;
    }
    let value = value(cookie, server);
    let valid = found.server.is_some();
    match (cookie.mode, value) {
        (CookieMode::Rewrite | CookieMode::Prefix, Some(value)) => {
            for index in own {
                let line = head.value(index).to_vec();
                if let Some(range) = scan::set_cookie_value(&line, name) {
                    let (before, rest) = line.split_at(range.start.min(line.len()));
                    let after = if cookie.mode == CookieMode::Prefix {
                        [b"~", rest].concat()
                    } else {
                        rest.get(range.len()..).unwrap_or_default().to_vec()
                    };
                    head.set_value(index, &[before, &value, &after].concat());
                }
            }
            ResponseCookie::Rewritten
        }
        (CookieMode::Insert, _) if !cookie.preserve => remove(head, own),
        (CookieMode::Passive, _) if cookie.indirect && !cookie.preserve && valid => {
            remove(head, own)
        }
        _ => ResponseCookie::Provided,
    }
}

fn remove(head: &mut Head, lines: Vec<usize>) -> ResponseCookie {
    for index in lines.into_iter().rev() {
        head.remove_at(index);
    }
    ResponseCookie::Deleted
}

/// The value of the inserted `Set-Cookie`; a server without a cookie ends the client's persistence.
fn set_cookie(cookie: &Cookie, found: &Found, server: &ServerLive, now: u64) -> Vec<u8> {
    let mut text = format!("{}=", cookie.name);
    match value(cookie, server) {
        Some(value) => {
            text.push_str(value.as_str());
            Dates::write(cookie, found.first, now, &mut text);
        }
        None => text.push_str("; Expires=Thu, 01-Jan-1970 00:00:01 GMT"),
    }
    text.push_str("; path=/");
    for domain in &cookie.domains {
        text.push_str("; domain=");
        text.push_str(domain);
    }
    if cookie.httponly {
        text.push_str("; HttpOnly");
    }
    if cookie.secure {
        text.push_str("; Secure");
    }
    for attribute in &cookie.attributes {
        text.push_str("; ");
        text.push_str(attribute);
    }
    text.into_bytes()
}

/// A bare `cookie NAME` only reads; the log shows nothing of it.
pub fn is_silent(cookie: &Cookie) -> bool {
    cookie.mode == CookieMode::Passive && !cookie.indirect
}

/// Whether a shared cache may keep the response (RFC 9111 3): nothing forbids it, and it has a lifetime or a validator.
fn is_cacheable(head: &Head) -> bool {
    const STATUSES: [u16; 12] = [200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 421, 501];
    let pragma = head
        .values(b"pragma")
        .any(|(_, value)| value.eq_ignore_ascii_case(b"no-cache"));
    if pragma || !STATUSES.contains(&head.status()) {
        return false;
    }
    let mut lasting = ["expires", "etag", "last-modified"]
        .iter()
        .any(|name| head.find(name.as_bytes()).is_some());
    for (_, value) in head.values(b"cache-control") {
        let word = value.to_ascii_lowercase();
        match word.as_slice() {
            b"private" | b"no-cache" | b"no-store" | b"max-age=0" | b"s-maxage=0" => return false,
            _ => lasting |= word.starts_with(b"max-age=") || word.starts_with(b"s-maxage="),
        }
    }
    lasting
}

#[cfg(test)]
mod tests;
