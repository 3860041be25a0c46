//! Checks configuration files as `hapax -c` does, with the rows of the crates below the binary.
//!
//! usage: check -c -f FILE...

use hapax_config::condition::Capabilities;
use hapax_core::diagnostic::Severity;
use hapax_core::keyword::Registry;

fn main() -> std::process::ExitCode {
    let mut files = Vec::new();
    let mut dump = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "-c" | "-f" => {}
            "--ir" => dump = true,
            _ => files.push(argument),
        }
    }
    let pid = std::process::id();
    let sources = match hapax_config::files::load(&files) {
        Ok(sources) => sources,
        Err(error) => {
            eprintln!("[ALERT]    ({pid}) : config : {error}");
            return 1.into();
        }
    };
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
        let name = std::str::from_utf8(name).ok()?;
        std::env::var_os(name).map(|value| value.into_encoded_bytes())
    };
    let (config, diagnostics) =
        hapax_config::load(&sources, &registry, &capabilities, &environment);
    for finding in diagnostics
        .iter()
        .filter(|finding| finding.severity != Severity::Diag)
    {
        eprintln!("{}", finding.line(&sources, pid));
        let picture = finding.picture(&sources);
        if !picture.is_empty() && std::env::var_os("PICTURE").is_some() {
            eprintln!("{picture}");
        }
    }
    if dump {
        println!("{config:#?}");
    }
    if diagnostics.has_errors() {
        return 1.into();
    }
    if diagnostics.count(Severity::Warning) > 0 {
        println!("Warnings were found.");
    }
    let listening = config
        .proxies
        .iter()
        .any(|proxy| !proxy.disabled && !proxy.binds.is_empty())
        || !config.global.stats_sockets.is_empty();
    if !listening {
        println!("Configuration file has no error but will not start (no listener) => exit(2).");
        return 2.into();
    }
    println!("Configuration file is valid");
    0.into()
}
