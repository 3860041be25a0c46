//! Servers that come and go while the process runs: `add server`, `del server`.

use std::sync::atomic::Ordering;

use hapax_balance::health;

use super::server::Found;
use super::{Answer, Call};
use crate::log::Severity;
use crate::serve;

/// `add server BACKEND/NAME ADDRESS [OPTION...]`, `add server help`.
pub fn add(call: &mut Call<'_>) -> Answer {
    let live = &call.program.live;
    let Some(maker) = live.server_maker.get() else {
        return refused("Servers cannot be added here.");
    };
    if call.arg(0) == "help" {
        let mut text = String::from("List of keywords supported for dynamic server:\n");
        for name in maker.options() {
            text.push_str(name);
            text.push('\n');
        }
        return Answer::Information(text);
    }
    let path = call.arg(0).split_once('/');
    let Some((backend, name)) = path.filter(|(_, name)| !name.is_empty()) else {
        return refused("Require 'backend/server'.");
    };
    let Some(id) = call.program.backend(backend) else {
        return refused("No such backend.");
    };
    let proxy = call.program.proxy(id);
    if health::has_fixed_weights(&proxy.ir) {
        return refused("Backend must use a dynamic load balancing to support dynamic servers.");
    }
    let words = call.args.get(1..).unwrap_or_default();
    let made = match maker.make(call.program, (id, name), words) {
        Ok(made) => made,
        Err(text) => {
            say(Severity::Alert, (backend, name), &text);
            return refused(&text);
        }
    };
    if proxy.live.servers.iter().any(|other| other.name == name) {
        let text = "Already exists a server with the same name in backend.";
        say(Severity::Alert, (backend, name), text);
        return refused(text);
    }
    let workers = live.workers;
    let added = proxy
        .live
        .add_server(&made.ir.into(), made.tls, workers, call.now.ms);
    if added.is_none() {
        return refused("Too many servers were added to this backend since the start.");
    }
    live.server_changes.fetch_add(1, Ordering::Relaxed);
    let mut text = String::new();
    for warning in &made.warnings {
        say(Severity::Warning, (backend, name), warning);
        text.push_str(warning);
        text.push('\n');
    }
    say(Severity::Notice, (backend, name), "New server registered.");
    text.push_str("New server registered.\n");
    Answer::Information(text)
}

/// `del server BACKEND/NAME`.
pub fn delete(call: &mut Call<'_>) -> Answer {
    let found = match Found::of(call) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    match removable(&found) {
        Removable::Yes => {}
        Removable::Busy => {
            return refused("Server still has connections attached to it, cannot remove it.");
        }
        Removable::Never(why) => return refused(why),
    }
    let proxy = found.proxy();
    found.server.deleted.store(true, Ordering::Relaxed);
    found.server.usable.store(false, Ordering::Relaxed);
    found.server.running.store(false, Ordering::Relaxed);
    if let Some(dispatch) = proxy.live.dispatch() {
        dispatch.servers_changed();
    }
    health::refresh_totals(&proxy.live, call.now);
    call.program
        .live
        .server_changes
        .fetch_add(1, Ordering::Relaxed);
    serve::with_local(|local| {
        let logger = &local.plan().logger;
        logger.say(Severity::Notice, "Server deleted.");
    });
    Answer::Information("Server deleted.\n".into())
}

/// Whether a server can be deleted.
pub(super) enum Removable {
    /// Now.
    Yes,
    /// Not before its connections end.
    Busy,
    /// Not as things are.
    Never(&'static str),
}

/// Whether a server can be deleted. Connections that are idle go with it.
pub(super) fn removable(found: &Found) -> Removable {
    let server = &found.server;
    if found.program.is_pinned(found.id, server.index) {
        return Removable::Never(
            "This server cannot be removed at runtime due to other configuration elements pointing to it.",
        );
    }
    let state = server.state.lock();
    if !state.admin.in_maintenance() {
        return Removable::Never("Only servers in maintenance mode can be deleted.");
    }
    let sessions = server.sessions.value() > 0 || server.queue.value() > 0;
    match sessions || state.check_running || server.used.load(Ordering::Relaxed) > 0 {
        true => Removable::Busy,
        false => Removable::Yes,
    }
}

fn refused(text: &str) -> Answer {
    Answer::Refused(format!("{text}\n"))
}

/// Says on standard error what became of a server that was to be added.
fn say(severity: Severity, (backend, name): (&str, &str), text: &str) {
    let text = match text.starts_with("'server' expects") {
        true => format!("CLI : {text}"),
        false => format!("CLI : 'server {backend}/{name}' : {text}"),
    };
    serve::with_local(|local| local.plan().logger.say(severity, &text));
}
