//! Persistence by cookie (configuration manual, `cookie`): which server a client belongs to, and telling it.

use hapax_core::ir::{self, Cookie, CookieMode};
use hapax_core::stream::{RequestCookie, ResponseCookie};
use hapax_proto::http::Name;

use super::client::Client;
use super::exchange::Exchange;

/// What persistence found in a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Persistence {
    /// The server the client belongs to.
    pub server: Option<usize>,
    /// When the cookie was first given, seconds since 1970; 0 is not known.
    first: u64,
}

/// Looks for the persistence cookie in the request.
pub fn on_request(client: &Client, exchange: &mut Exchange) {
    let backend = client.plan.proxy(exchange.stream.backend);
    let Some(cookie) = &backend.ir.cookie else {
        return;
    };
    let name = cookie.name.as_bytes();
    let mut state = RequestCookie::None;
    let mut persistence = Persistence::default();
    let request = &mut exchange.stream.request;
    for index in 0..request.len() {
        if request.fields()[index].id != Name::Cookie {
            continue;
        }
        let Some(found) = find(request.value(index), name) else {
            continue;
        };
        let line = request.value(index);
        let value = line.get(found.value.clone()).unwrap_or_default();
        let (mark, rest) = match cookie.mode {
            CookieMode::Prefix => split_at(value, b'~'),
            _ => split_at(value, b'|'),
        };
        if cookie.mode == CookieMode::Prefix && rest.is_none() {
            state = RequestCookie::Invalid;
            break;
        }
        let now = client.local.now().wall_us / 1_000_000;
        state = match dates(cookie, rest, now, &mut persistence) {
            Some(too_old) => too_old,
            None => match server_of(&backend.ir, mark) {
                None => RequestCookie::Invalid,
                Some(server) if is_running(backend, server) => {
                    persistence.server = Some(server);
                    RequestCookie::Valid
                }
                Some(_) => RequestCookie::Down,
            },
        };
        let edited = match cookie.mode {
            CookieMode::Prefix => rest
                .map(|rest| [&line[..found.value.start], rest, &line[found.value.end..]].concat()),
            CookieMode::Insert if cookie.indirect => Some(without(line, &found)),
            _ => None,
        };
        match edited {
            Some(line) if line.is_empty() => request.remove_at(index),
            Some(line) => request.set_value(index, &line),
            None => {}
        }
        break;
    }
    let told = cookie.mode != CookieMode::Passive || cookie.indirect;
    exchange.stream.request_cookie_state = if told { state } else { RequestCookie::NotUsed };
    exchange.persistence = persistence;
}

/// The server that persistence asks for.
pub fn wanted(exchange: &Exchange) -> Option<usize> {
    exchange.persistence.server
}

/// Does to the response what the cookie's mode says.
pub fn on_response(client: &Client, exchange: &mut Exchange) {
    let backend = client.plan.proxy(exchange.stream.backend);
    let Some(cookie) = &backend.ir.cookie else {
        return;
    };
    let own = exchange
        .stream
        .server
        .and_then(|index| backend.ir.servers.get(index))
        .and_then(|server| server.options.cookie.as_deref());
    let valid = exchange.stream.request_cookie_state == RequestCookie::Valid
        && exchange.persistence.server == exchange.stream.server;
    let told = cookie.mode != CookieMode::Passive || cookie.indirect;
    let mut state = ResponseCookie::None;
    let response = &mut exchange.stream.response;
    let mut index = 0;
    while index < response.len() {
        let Some(found) = (response.fields()[index].id == Name::SetCookie)
            .then(|| find_set(response.value(index), cookie.name.as_bytes()))
            .flatten()
        else {
            index += 1;
            continue;
        };
        state = ResponseCookie::Provided;
        let line = response.value(index);
        let delete = cookie.indirect && cookie.mode != CookieMode::Insert && valid
            || cookie.mode == CookieMode::Insert && !cookie.preserve;
        if delete {
            response.remove_at(index);
            state = ResponseCookie::Deleted;
            continue;
        }
        if let (CookieMode::Rewrite | CookieMode::Prefix, Some(own)) = (cookie.mode, own) {
            let kept = match cookie.mode {
                CookieMode::Prefix => [b"~", &line[found.clone()]].concat(),
                _ => Vec::new(),
            };
            let line = [
                &line[..found.start],
                own.as_bytes(),
                &kept,
                &line[found.end..],
            ]
            .concat();
            response.set_value(index, &line);
            state = ResponseCookie::Rewritten;
        }
        index += 1;
    }
    let timed = cookie.maxidle.is_some() || cookie.maxlife.is_some();
    let may = cookie.mode == CookieMode::Insert
        && state != ResponseCookie::Provided
        && (!cookie.postonly || exchange.stream.request.method() == b"POST");
    let refresh = valid && timed;
    if may
        && (!valid || refresh)
        && let Some(own) = own
    {
        let now = client.local.now().wall_us / 1_000_000;
        let first = match exchange.persistence.first {
            0 => now,
            first => first,
        };
        let value = set_cookie(cookie, own, now, first);
        response.add(b"set-cookie", &value);
        state = if refresh {
            ResponseCookie::Updated
        } else {
            ResponseCookie::Inserted
        };
    }
    exchange.stream.response_cookie_state = if told { state } else { ResponseCookie::NotUsed };
}

fn is_running(proxy: &hapax_core::program::Proxy, server: usize) -> bool {
    proxy
        .live
        .servers
        .get(server)
        .is_some_and(|server| server.running.load(std::sync::atomic::Ordering::Relaxed))
}

fn server_of(proxy: &ir::Proxy, mark: &[u8]) -> Option<usize> {
    proxy.servers.iter().position(|server| {
        server
            .options
            .cookie
            .as_ref()
            .is_some_and(|own| own.as_bytes() == mark)
    })
}

fn set_cookie(cookie: &Cookie, own: &str, now: u64, first: u64) -> Vec<u8> {
    let mut value = format!("{}={own}", cookie.name).into_bytes();
    if cookie.maxidle.is_some() || cookie.maxlife.is_some() {
        value.push(b'|');
        value.extend_from_slice(&encode_date(now));
        if cookie.maxlife.is_some() {
            value.push(b'|');
            value.extend_from_slice(&encode_date(first));
        }
    }
    value.extend_from_slice(b"; path=/");
    for domain in &cookie.domains {
        value.extend_from_slice(b"; domain=");
        value.extend_from_slice(domain.as_bytes());
    }
    if cookie.httponly {
        value.extend_from_slice(b"; HttpOnly");
    }
    if cookie.secure {
        value.extend_from_slice(b"; Secure");
    }
    for attribute in &cookie.attributes {
        value.extend_from_slice(b"; ");
        value.extend_from_slice(attribute.as_bytes());
    }
    value
}

/// The dates behind the server's mark, `LAST` or `LAST|FIRST`. Some: the cookie is no longer good.
fn dates(
    cookie: &Cookie,
    rest: Option<&[u8]>,
    now: u64,
    persistence: &mut Persistence,
) -> Option<RequestCookie> {
    if cookie.mode == CookieMode::Prefix {
        return None;
    }
    let (last, first) = split_at(rest?, b'|');
    let (last, first) = (decode_date(last), first.and_then(decode_date));
    let too_old = |date: Option<u64>, most: Option<u32>| match (date, most) {
        (Some(date), Some(most)) => date + u64::from(most) < now,
        _ => false,
    };
    if too_old(first, cookie.maxlife) {
        return Some(RequestCookie::Old);
    }
    if too_old(last, cookie.maxidle) {
        return Some(RequestCookie::Expired);
    }
    persistence.first = first.unwrap_or(0);
    None
}

/// Seconds since 1970 in five letters: a quarter of them, in base 64.
fn encode_date(seconds: u64) -> [u8; 5] {
    let quarter = seconds >> 2;
    std::array::from_fn(|index| DIGITS[(quarter >> (24 - 6 * index) & 63) as usize])
}

fn decode_date(text: &[u8]) -> Option<u64> {
    if text.len() != 5 {
        return None;
    }
    let mut quarter = 0;
    for byte in text {
        let digit = DIGITS.iter().position(|digit| digit == byte)? as u64;
        quarter = quarter << 6 | digit;
    }
    Some(quarter << 2)
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn split_at(value: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(mark, value) {
        Some(at) => (&value[..at], Some(&value[at + 1..])),
        None => (value, None),
    }
}

/// Where a cookie stands in a `cookie` line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    /// From its name to its value's end.
    whole: std::ops::Range<usize>,
    value: std::ops::Range<usize>,
}

fn find(line: &[u8], name: &[u8]) -> Option<Found> {
    let mut at = 0;
    while at < line.len() {
        let end = line[at..]
            .iter()
            .position(|byte| matches!(byte, b';' | b','))
            .map_or(line.len(), |found| at + found);
        let blanks = line[at..end]
            .iter()
            .take_while(|byte| **byte == b' ' || **byte == b'\t');
        let start = at + blanks.count();
        if let Some(equals) = memchr::memchr(b'=', &line[start..end])
            && line[start..start + equals].trim_ascii() == name
        {
            let raw = &line[start + equals + 1..end];
            let lead = raw.len() - raw.trim_ascii_start().len();
            let from = start + equals + 1 + lead;
            return Some(Found {
                whole: start..end,
                value: from..from + raw.trim_ascii().len(),
            });
        }
        at = end + 1;
    }
    None
}

/// The range of the value in a `set-cookie` line for `name`.
fn find_set(line: &[u8], name: &[u8]) -> Option<std::ops::Range<usize>> {
    let end = memchr::memchr(b';', line).unwrap_or(line.len());
    let found = find(&line[..end], name)?;
    Some(found.value)
}

/// The line without a cookie and the separator that goes with it.
fn without(line: &[u8], found: &Found) -> Vec<u8> {
    let before = line[..found.whole.start].trim_ascii_end();
    let after = line
        .get(found.whole.end + 1..)
        .unwrap_or_default()
        .trim_ascii_start();
    if before.is_empty() || after.is_empty() {
        let before = before
            .strip_suffix(b";")
            .or(before.strip_suffix(b","))
            .unwrap_or(before);
        return [before, after].concat();
    }
    [before, b" ", after].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_and_taken_out() {
        let line = b"x=1; SRV = A|b ; y=2";
        let found = find(line, b"SRV").expect("there");
        assert_eq!(&line[found.value.clone()], b"A|b");
        assert_eq!(without(line, &found), b"x=1; y=2");
        let line = b"SRV=A";
        assert!(without(line, &find(line, b"SRV").expect("there")).is_empty());
        let line = b"a=1; SRV=A";
        assert_eq!(without(line, &find(line, b"SRV").expect("there")), b"a=1");
        assert_eq!(find(b"XSRV=1; SRVX=2", b"SRV"), None);
        assert_eq!(find(b"", b"SRV"), None);
    }

    #[test]
    fn dates_are_those_of_the_reference() {
        assert_eq!(&encode_date(1_795_182_608), b"awBQE");
        assert_eq!(decode_date(b"awBQE"), Some(1_795_182_608));
        assert_eq!(decode_date(b"aw=QE"), None);
    }
}
