//! `show sess` and `shutdown session`.

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;

use hapax_core::ir::Mode;
use hapax_core::live::{ProxyLive, ServerLive};
use hapax_core::program::{Program, ProxyId};
use hapax_core::stream::Endpoint;

use super::anonymity::name;
use super::connection;
use super::{Answer, Call};
use crate::log::date;
use crate::sessions::{self, Entry};

/// `shutdown session`.
pub fn shutdown(call: &mut Call<'_>) -> Answer {
    let Some(id) = number(call.arg(0)) else {
        return refused("Session pointer expected (use 'show sess').\n");
    };
    match sessions::all().into_iter().find(|entry| entry.id == id) {
        Some(entry) => {
            sessions::end(&entry);
            Answer::Written
        }
        None => refused("No such session (use 'show sess').\n"),
    }
}

/// Which sessions are shown.
#[derive(Debug, Default)]
struct Selection {
    id: Option<u64>,
    long: bool,
    older_ms: Option<u64>,
    /// Only those that were told to end and are still there.
    lingering: bool,
    server: Option<Arc<ServerLive>>,
    backend: Option<Arc<ProxyLive>>,
    frontend: Option<Arc<ProxyLive>>,
}

impl Selection {
    /// Whether the session is one of the proxies and of the server that were named.
    fn is_between(&self, entry: &Entry) -> bool {
        let live = |id: ProxyId| &entry.program.proxy(id).live;
        let is = |wanted: &Option<Arc<ProxyLive>>, id: Option<ProxyId>| match wanted {
            Some(wanted) => id.is_some_and(|id| live(id).is_same_as(wanted)),
            None => true,
        };
        let server = entry
            .server
            .and_then(|(id, index)| live(id).servers.get(index));
        let served = self
            .server
            .as_ref()
            .is_none_or(|wanted| server.is_some_and(|server| server.is_same_as(wanted)));
        served && is(&self.backend, entry.backend) && is(&self.frontend, Some(entry.about.frontend))
    }
}

/// `show sess`.
pub fn show(call: &mut Call<'_>) -> Answer {
    let selection = match select(call) {
        Ok(selection) => selection,
        Err(answer) => return answer,
    };
    let now_ms = call.now.ms;
    let mut entries = sessions::all();
    entries.retain(|entry| {
        selection.id.is_none_or(|id| id == entry.id)
            && selection
                .older_ms
                .is_none_or(|age| now_ms.saturating_sub(entry.since_ms) >= age)
            && (entry.ending || !selection.lingering)
            && selection.is_between(entry)
    });
    if selection.id.is_some() && entries.is_empty() {
        return refused("Session not found.\n");
    }
    let key = call.state.anonymous;
    for entry in &entries {
        match selection.long {
            true => long(&entry.program, entry, (now_ms, key), call.out),
            false => short(&entry.program, entry, (now_ms, key), call.out),
        }
    }
    Answer::Written
}

fn select(call: &Call<'_>) -> Result<Selection, Answer> {
    let mut selection = Selection::default();
    let mut words = call.args.iter().map(String::as_str).peekable();
    match words.peek().copied() {
        Some("all") => {
            selection.long = true;
            words.next();
        }
        // As upstream: it comes first, and what it finds is told at length.
        Some("older") => {
            words.next();
            let Some(age) = words.next() else {
                return Err(refused("Expects a minimum age (in seconds by default).\n"));
            };
            let Some(age) = connection::age(age) else {
                return Err(refused("Invalid age.\n"));
            };
            selection.older_ms = Some(age);
            selection.long = true;
        }
        Some("help") => return Err(Answer::Information(USAGE.into())),
        Some(word) if number(word).is_some() => {
            selection.id = number(word);
            selection.long = true;
            words.next();
        }
        _ => {}
    }
    while let Some(word) = words.next() {
        // As upstream: what follows one of these is no option any more.
        let ended = selection.server.is_some()
            || selection.backend.is_some()
            || selection.frontend.is_some();
        match word {
            other if ended => return Err(unsupported(other)),
            "server" => {
                let (backend, name) = words
                    .next()
                    .and_then(|text| text.split_once('/'))
                    .ok_or_else(|| refused("Require 'backend/server'.\n"))?;
                let proxy = call
                    .program
                    .backend(backend)
                    .ok_or_else(|| refused("No such backend.\n"))?;
                let mut servers = call.program.proxy(proxy).live.servers.iter();
                let server = servers
                    .find(|server| server.name == name)
                    .ok_or_else(|| refused("No such server.\n"))?;
                selection.server = Some(server.clone());
            }
            "backend" => {
                let found = call.program.backend(words.next().unwrap_or_default());
                let found = found.ok_or_else(|| refused("No such backend.\n"))?;
                selection.backend = Some(call.program.proxy(found).live.clone());
            }
            "frontend" => {
                let found = call.program.frontend(words.next().unwrap_or_default());
                let found = found.ok_or_else(|| refused("No such frontend.\n"))?;
                selection.frontend = Some(call.program.proxy(found).live.clone());
            }
            "susp" => selection.lingering = true,
            "show-uri" => return Err(refused("'show sess show-uri' is not built yet.\n")),
            other => return Err(unsupported(other)),
        }
    }
    Ok(selection)
}

const USAGE: &str = "Usage: show sess [<id> | all | help] [<options>*]
Dumps active streams (formerly called 'sessions'). Available selectors:
   <id>         dump only this stream identifier (0x...)
   all          dump all matching streams in large format
   help         show this message
   susp         report streams considered suspicious
Available options: 
   show-uri     also display the transaction URI, if available
   older <age>  only display streams older than <age> seconds
   server <b/s> only show streams attached to this backend+server
   backend <b>  only show streams attached to this backend
   frontend <f> only show streams attached to this frontend
Without any argument, all streams are dumped in a shorter format.
";

fn unsupported(word: &str) -> Answer {
    Answer::Refused(format!(
        "Unsupported option '{word}', try 'help' for more info.\n"
    ))
}

fn refused(text: &str) -> Answer {
    Answer::Refused(text.into())
}

/// A session's number, as `show sess` prints it, or in decimal; no session has 0.
fn number(word: &str) -> Option<u64> {
    let number = match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => word.parse(),
    };
    number.ok().filter(|number| *number > 0)
}

fn inet(end: &Endpoint) -> Option<std::net::SocketAddr> {
    match end {
        Endpoint::Inet(address) => Some(*address),
        _ => None,
    }
}

fn protocol(end: &Endpoint) -> &'static str {
    match inet(end) {
        Some(address) if address.is_ipv6() => "tcpv6",
        Some(_) => "tcpv4",
        None => "unix_stream",
    }
}

fn source(end: &Endpoint) -> String {
    match inet(end) {
        Some(address) => address.to_string(),
        None => "unix".into(),
    }
}

fn names<'p>(program: &'p Program, entry: &Entry, key: Option<u32>) -> [Cow<'p, str>; 3] {
    let frontend = &program.proxy(entry.about.frontend).ir.name;
    let backend = entry
        .backend
        .map_or("<NONE>".into(), |id| name(key, &program.proxy(id).ir.name));
    let server = entry.server.and_then(|(id, index)| {
        let servers = &program.proxy(id).live.servers;
        servers.get(index).map(|server| name(key, &server.name))
    });
    [
        name(key, frontend),
        backend,
        server.unwrap_or("<none>".into()),
    ]
}

fn short(program: &Program, entry: &Entry, (now_ms, key): (u64, Option<u32>), out: &mut Vec<u8>) {
    let [frontend, backend, server] = names(program, entry, key);
    let _ = writeln!(
        out,
        "{:#x}: proto={} src={} fe={frontend} be={backend} srv={server} age={}s",
        entry.id,
        protocol(&entry.about.source),
        source(&entry.about.source),
        now_ms.saturating_sub(entry.since_ms) / 1000,
    );
}

fn long(program: &Program, entry: &Entry, (now_ms, key): (u64, Option<u32>), out: &mut Vec<u8>) {
    let about = &entry.about;
    let mode = |id: ProxyId| match program.proxy(id).ir.mode {
        Mode::Http => "http",
        _ => "tcp",
    };
    let _ = write!(out, "{:#x}: [", entry.id);
    date::precise(about.accepted_wall_us, out);
    let _ = writeln!(
        out,
        "] proto={} source={}",
        protocol(&about.source),
        source(&about.source)
    );
    let [frontend, backend, server] = names(program, entry, key);
    let live = &program.proxy(about.frontend).live;
    let listener = live.listeners.get(about.listener);
    let _ = writeln!(
        out,
        "  frontend={frontend} (id={} mode={}), listener={} (id={}) addr={}",
        live.uuid,
        mode(about.frontend),
        listener.map_or("?", |listener| &listener.name),
        listener.map_or(0, |listener| listener.id),
        source(&about.destination)
    );
    match entry.backend {
        Some(id) => {
            let uuid = program.proxy(id).live.uuid;
            let _ = writeln!(out, "  backend={backend} (id={uuid} mode={})", mode(id));
        }
        None => out.extend_from_slice(b"  backend=<NONE> (id=-1 mode=-)\n"),
    }
    let found = entry
        .server
        .and_then(|(id, index)| program.proxy(id).live.servers.get(index));
    match found {
        Some(found) => {
            let address = found
                .inet()
                .map_or_else(|| "unix".into(), |a| a.to_string());
            let _ = writeln!(out, "  server={server} (id={}) addr={address}", found.id);
        }
        None => out.extend_from_slice(b"  server=<NONE> (id=-1)\n"),
    }
    let _ = writeln!(
        out,
        "  task=(tid={} age={}s)",
        entry.worker,
        now_ms.saturating_sub(entry.since_ms) / 1000
    );
}
