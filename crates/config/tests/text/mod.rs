//! Text to IR and messages, for the tests of this crate.
#![allow(dead_code, reason = "each test file uses a part")]

use hapax_config::condition::Capabilities;
use hapax_core::ir;
use hapax_core::keyword::Registry;
use hapax_core::span::{Source, Sources};

/// What a text gave.
pub struct Loaded {
    pub config: ir::Config,
    /// Messages without tag, process id and `config : `; the severity's first letter and a blank before each.
    pub said: Vec<String>,
    /// Hints in the order of the messages that have one.
    pub hints: Vec<String>,
}

impl Loaded {
    pub fn refused(&self) -> bool {
        self.said.iter().any(|line| line.starts_with("A "))
    }

    /// The proxy of that name.
    pub fn proxy(&self, name: &str) -> &ir::Proxy {
        let mut proxies = self.config.proxies.iter();
        proxies
            .find(|proxy| proxy.name == name)
            .expect("a proxy of that name")
    }
}

/// Loads one file `x.cfg`.
pub fn load(text: &str) -> Loaded {
    load_with(text, &[])
}

/// The same with environment variables.
pub fn load_with(text: &str, variables: &[(&str, &str)]) -> Loaded {
    let mut sources = Sources::default();
    sources.add(Source::new("x.cfg", text.as_bytes()));
    let registry = Registry::new(
        hapax_config::TABLES
            .iter()
            .chain(hapax_balance::TABLES)
            .chain(hapax_sample::TABLES)
            .chain(hapax_rules::TABLES),
    );
    let capabilities = Capabilities {
        version: "3.2.0".to_owned(),
        ..Capabilities::default()
    };
    let environment = |name: &[u8]| {
        let found = variables.iter().find(|(other, _)| other.as_bytes() == name);
        found.map(|(_, value)| value.as_bytes().to_vec())
    };
    let (config, diagnostics) =
        hapax_config::load(&sources, &registry, &capabilities, &environment);
    let said = diagnostics
        .iter()
        .map(|finding| {
            let line = finding.line(&sources, 1);
            let (tag, text) = line.split_once(" (1) : ").expect("a process id");
            let text = text.strip_prefix("config : ").unwrap_or(text);
            format!("{} {text}", &tag[1..2])
        })
        .collect();
    let hints = diagnostics
        .iter()
        .filter_map(|finding| finding.hint.clone())
        .collect();
    Loaded {
        config,
        said,
        hints,
    }
}

/// Loads a text that must be accepted.
pub fn accepted(text: &str) -> ir::Config {
    let loaded = load(text);
    assert!(!loaded.refused(), "{text}\n{:#?}", loaded.said);
    loaded.config
}

/// The proxy that one section makes, timeouts given.
pub fn section(kind: &str, lines: &str) -> ir::Proxy {
    let timeouts = match kind {
        "frontend" => " timeout client 1s\n",
        "backend" => " timeout connect 1s\n timeout server 1s\n",
        _ => " timeout client 1s\n timeout connect 1s\n timeout server 1s\n",
    };
    let lines: String = lines
        .split(';')
        .map(|line| format!(" {}\n", line.trim()))
        .collect();
    let mut config = accepted(&format!("{kind} x\n{timeouts}{lines}"));
    config.proxies.remove(0)
}

/// The errors about one line in a section.
pub fn faults(kind: &str, line: &str) -> Vec<String> {
    let name = if kind == "global" { "" } else { " x" };
    let loaded = load(&format!("{kind}{name}\n {line}\n"));
    let errors = loaded
        .said
        .into_iter()
        .filter_map(|line| line.strip_prefix("A ").map(str::to_owned));
    errors
        .filter(|line| !line.starts_with("Error(s) found") && !line.starts_with("Fatal errors"))
        .collect()
}
