//! `show`, `new`, `set`, `add`, `commit`, `abort` and `del` of `ssl ca-file` and `ssl crl-file`.

use std::fmt::Write as _;
use std::sync::Arc;

use hapax_core::contract::{Material, Shared};
use hapax_core::ir::BindTls;

use super::{Call, Told, done, make_anew, refused};
use crate::authority::Authorities;
use crate::describe;
use crate::store::State;

/// Which of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// Certificates of authorities.
    Authorities,
    /// Lists of revoked certificates.
    Revoked,
}

impl Files {
    fn name(self) -> &'static str {
        match self {
            Files::Authorities => "CA",
            Files::Revoked => "CRL",
        }
    }

    fn command(self) -> &'static str {
        match self {
            Files::Authorities => "ca-file",
            Files::Revoked => "crl-file",
        }
    }

    fn pending(self, state: &mut State) -> &mut Option<(String, Authorities)> {
        match self {
            Files::Authorities => &mut state.authorities,
            Files::Revoked => &mut state.revoked,
        }
    }

    fn find<'a>(self, state: &'a State, name: &str) -> Option<&'a Arc<Authorities>> {
        let found = state.loaded.authorities(name);
        found.filter(|found| found.is_revocation == (self == Files::Revoked))
    }

    fn count(self, file: &Authorities) -> String {
        match self {
            Files::Authorities => format!(" - {} certificate(s)", file.certificates.len()),
            Files::Revoked => String::new(),
        }
    }
}

/// `show ssl ca-file [NAME[:INDEX]]`.
pub fn show(call: &Call<'_>, files: Files) -> Told {
    let mut state = call.store.state();
    let asked = call.word(0);
    let mut text = String::new();
    if asked.is_empty() {
        if let Some((name, file)) = files.pending(&mut state) {
            let _ = writeln!(text, "# transaction\n*{name}{}", files.count(file));
        }
        text.push_str("# filename\n");
        let is_one = |file: &&Arc<Authorities>| file.is_revocation == (files == Files::Revoked);
        let mut all: Vec<(String, Arc<Authorities>)> = state
            .loaded
            .authorities
            .iter()
            .filter(|(_, file)| is_one(file))
            .map(|(name, file)| (name.clone(), file.clone()))
            .collect();
        if files == Files::Authorities
            && !state.loaded.authorities.contains_key(SYSTEM)
            && let Ok(system) = Authorities::load(SYSTEM)
        {
            all.push((SYSTEM.to_owned(), Arc::new(system)));
            all.sort_by(|one, other| one.0.cmp(&other.0));
        }
        for (name, file) in all {
            let _ = writeln!(text, "{name}{}", files.count(&file));
        }
        return Told::Lines(text);
    }
    let (name, index) = match asked.rsplit_once(':') {
        Some((name, index)) if index.parse::<usize>().is_ok() => (name, index.parse().ok()),
        _ => (asked, None),
    };
    let not_found = || {
        refused(format!(
            "Can't display the {} file : Not found!",
            files.name()
        ))
    };
    let (file, status) = match name.strip_prefix('*') {
        Some(name) => match files.pending(&mut state) {
            Some((known, file)) if known == name => (Arc::new(file.clone()), "Uncommitted"),
            _ => return not_found(),
        },
        None => {
            let plain = name.strip_prefix('\\').unwrap_or(name);
            let Some(file) = files.find(&state, plain).cloned() else {
                return not_found();
            };
            let empty = file.certificates.is_empty() && file.revoked.is_empty();
            let status = match uses(&state, plain) {
                _ if empty => "Empty",
                0 => "Unused",
                _ => "Used",
            };
            (file, status)
        }
    };
    if status == "Empty" && files == Files::Authorities {
        return Told::Lines(text);
    }
    let (what, described): (&str, Vec<String>) = match files {
        Files::Authorities => (
            "Certificate",
            file.certificates
                .iter()
                .map(|der| describe::certificate(der))
                .collect(),
        ),
        Files::Revoked => (
            "Certificate Revocation List",
            file.revoked
                .iter()
                .map(|der| describe::revoked(der))
                .collect(),
        ),
    };
    if index.is_some_and(|index| index == 0 || index > described.len()) {
        return Told::Lines(text);
    }
    let _ = writeln!(text, "Filename: {name}\nStatus: {status}");
    for (number, described) in (1..).zip(described) {
        if index.is_none_or(|index: usize| index == number) {
            let _ = write!(text, " \n{what} #{number}:\n{described}");
        }
    }
    Told::Lines(text)
}

const SYSTEM: &str = "@system-ca";

/// How many certificates of listeners, and servers, are verified with a file.
fn uses(state: &State, name: &str) -> usize {
    let listeners = state.listeners.iter();
    let shown = listeners.map(|listener| listener.with_bind(|bind| entries_with(bind, name)));
    let servers = state
        .servers
        .iter()
        .filter(|server| server.verifies_with(name));
    shown.sum::<usize>() + servers.count()
}

fn entries_with(bind: &BindTls, name: &str) -> usize {
    let is = |file: &Option<Shared<dyn Material>>| file.as_ref().map(|file| file.text() == name);
    let own = [&bind.ca_file, &bind.ca_verify_file, &bind.crl_file].map(is);
    let certificates = bind.certificates.iter().filter(|entry| {
        let line = entry.settings.as_deref();
        let line = line.map_or([None; 3], |line| {
            [&line.ca_file, &line.ca_verify_file, &line.crl_file].map(is)
        });
        line.into_iter()
            .zip(own)
            .any(|(line, own)| line.or(own) == Some(true))
    });
    certificates.count()
}

/// `new ssl ca-file NAME`.
pub fn create(call: &Call<'_>, files: Files) -> Told {
    let name = call.word(0);
    let kind = files.name();
    if name.is_empty() {
        return refused(format!("'new ssl {}' expects a filename", files.command()));
    }
    let mut state = call.store.state();
    if state.loaded.authorities.contains_key(name) {
        return refused(format!("{kind} file '{name}' already exists!"));
    }
    let file = Authorities::empty(name, files == Files::Revoked);
    state
        .loaded
        .authorities
        .insert(name.to_owned(), Arc::new(file));
    done(format!("New {kind} file created '{name}'!"))
}

/// `del ssl ca-file NAME`.
pub fn delete(call: &Call<'_>, files: Files) -> Told {
    let name = call.word(0);
    let kind = files.name();
    if name.is_empty() {
        return refused(format!("'del ssl {}' expects a filename", files.command()));
    }
    let mut state = call.store.state();
    let not = |why: &str| {
        refused(format!(
            "Can't remove the {kind} file: {kind} file '{name}' {why}"
        ))
    };
    if files.find(&state, name).is_none() {
        return not("doesn't exist!");
    }
    if uses(&state, name) > 0 {
        return not("in use, can't be deleted!");
    }
    state.loaded.authorities.remove(name);
    done(format!("{kind} file '{name}' deleted!"))
}

/// `set ssl ca-file NAME PAYLOAD`.
pub fn set(call: &Call<'_>, files: Files) -> Told {
    place(call, files, false)
}

/// `add ssl ca-file NAME PAYLOAD`.
pub fn add(call: &Call<'_>) -> Told {
    place(call, Files::Authorities, true)
}

fn place(call: &Call<'_>, files: Files, adds: bool) -> Told {
    let name = call.word(0);
    let (kind, verb) = (files.name(), if adds { "add" } else { "set" });
    let (Some(payload), false) = (call.payload, name.is_empty()) else {
        let command = files.command();
        return refused(format!(
            "'{verb} ssl {command}' expects a filename and {kind}s as a payload"
        ));
    };
    let mut state = call.store.state();
    let not = |why: String| refused(format!("{why}\nCan't update {name}!"));
    let known = files
        .find(&state, name)
        .map(|known| Authorities::clone(known));
    if let Some((other, _)) = files.pending(&mut state)
        && other != name
    {
        return not(format!(
            "The ongoing transaction is about '{other}' but you are trying to set '{name}'"
        ));
    }
    let Some(known) = known else {
        return not(format!(
            "Can't replace a {kind} file which is not referenced by the configuration!"
        ));
    };
    let before = files.pending(&mut state).take();
    let verb = if before.is_some() {
        "updated"
    } else {
        "created"
    };
    let base = before.clone().map_or(known, |(_, file)| file);
    let mut file = Authorities::empty(name, files == Files::Revoked);
    if adds {
        file.certificates = base.certificates;
    }
    if !file.read(payload) {
        *files.pending(&mut state) = before;
        return not("Error while setting or adding a ca-file: no certificate or crl found\nCan't load the payload".to_owned());
    }
    *files.pending(&mut state) = Some((name.to_owned(), file));
    done(format!("transaction {verb} for {kind} {name}!"))
}

/// `abort ssl ca-file NAME`.
pub fn abort(call: &Call<'_>, files: Files) -> Told {
    let name = call.word(0);
    if name.is_empty() {
        return refused(format!(
            "'abort ssl {}' expects a filename",
            files.command()
        ));
    }
    let mut state = call.store.state();
    let pending = files.pending(&mut state);
    match pending {
        None => refused("No ongoing transaction!"),
        Some((other, _)) if other != name => refused(format!(
            "The ongoing transaction is about '{other}' but you are trying to abort a transaction for '{name}'"
        )),
        Some(_) => {
            *pending = None;
            done(format!("Transaction aborted for certificate '{name}'!"))
        }
    }
}

/// `commit ssl ca-file NAME`.
pub fn commit(call: &Call<'_>, files: Files) -> Told {
    let name = call.word(0);
    if name.is_empty() {
        return refused(format!(
            "'commit ssl {}' expects a filename",
            files.command()
        ));
    }
    let mut state = call.store.state();
    let not = |why: String| refused(format!("{why}\nCan't commit {name}!"));
    let file = match files.pending(&mut state) {
        None => return not("No ongoing transaction! !".to_owned()),
        Some((other, _)) if other != name => {
            return not(format!(
                "The ongoing transaction is about '{other}' but you are trying to set '{name}'"
            ));
        }
        Some((_, file)) => file.clone(),
    };
    let before = state
        .loaded
        .authorities
        .insert(name.to_owned(), Arc::new(file));
    let made = make_anew(
        call.store,
        &state,
        |listener| listener.with_bind(|bind| entries_with(bind, name) > 0),
        |server| server.verifies_with(name),
    );
    if let Err(why) = made {
        if let Some(before) = before {
            state.loaded.authorities.insert(name.to_owned(), before);
        }
        return not(why);
    }
    *files.pending(&mut state) = None;
    let dots = ".".repeat(uses(&state, name));
    Told::Lines(format!("Committing {name}{dots}\nSuccess!\n"))
}
