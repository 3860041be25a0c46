//! What the runtime API shows and changes of TLS (management guide 9.3): certificates, authorities, lists, names, responses of
//! OCSP, keys of tickets. Texts are upstream's.

mod authority;
mod certificate;
mod list;
mod ocsp;
mod sni;
mod tickets;

use hapax_core::ir::Config;
use hapax_core::keyword::Registry;

use crate::listener::Listener;
use crate::server::Server;
use crate::store::{State, Store};

pub use authority::{
    Files, abort as abort_file, add as add_authority, commit as commit_file, delete as delete_file,
};
pub use authority::{create as create_file, set as set_file, show as show_files};
pub use certificate::{abort, commit, create, delete, dump, set, show};
pub use list::{add as add_to_list, delete as delete_from_list, show as show_lists};
pub(crate) use ocsp::staple;
pub use ocsp::{
    providers, set as set_response, show as show_responses, update as update_response, updates,
};
pub use sni::show as show_names;
pub use tickets::{set as set_ticket_key, show as show_ticket_keys};

/// What a command says.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// Lines.
    Lines(String),
    /// A message about what was done.
    Done(String),
    /// Why it was not done.
    Refused(String),
}

/// A command with its words behind its name.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// What it is about.
    pub store: &'a Store,
    /// All rows.
    pub registry: &'a Registry,
    /// The words.
    pub words: &'a [String],
    /// What came behind `<<`.
    pub payload: Option<&'a [u8]>,
    /// Milliseconds since 1970.
    pub now: i64,
}

impl Call<'_> {
    fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }
}

fn done(text: String) -> Told {
    Told::Done(text + "\n")
}

fn refused(text: impl AsRef<str>) -> Told {
    Told::Refused(format!("{}\n", text.as_ref()))
}

/// Makes everything anew that uses certificates or files of these names.
fn make_anew(
    store: &Store,
    state: &State,
    uses: impl Fn(&Listener) -> bool,
    serves: impl Fn(&Server) -> bool,
) -> Result<(), String> {
    let why = |refused| format!("{refused:?}");
    for listener in state.listeners.iter().filter(|listener| uses(listener)) {
        listener
            .change(&store.global, &state.loaded, |_| {})
            .map_err(why)?;
    }
    for server in state.servers.iter().filter(|server| serves(server)) {
        server
            .change(&store.global, &state.loaded)
            .map_err(|refused| format!("{refused:?}"))?;
    }
    Ok(())
}

/// A configuration with what is loaded now, to read a line of a list with.
fn configuration(store: &Store, state: &State) -> Config {
    let mut config = Config::default();
    config.global.tls = store.global.clone();
    state.loaded.fill(&mut config.global.tls);
    config
}

#[cfg(test)]
mod tests;
