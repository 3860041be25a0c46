//! The sockets of the master's command line (`-S`): a `bind` line with commas for spaces.

use hapax_core::diagnostic::Severity;
use hapax_core::ir::CliLevel;
use hapax_core::span::{Source, Sources};
use hapax_runtime::cli::master::MasterAccess;
use hapax_runtime::open;
use hapax_runtime::open::hand_over::Inherited;

use super::supervise::CommandSocket;
use crate::args::Args;
use crate::{capability, environment, registry};

/// Opens what `-S` asks for.
///
/// # Errors
/// Why it cannot be opened.
pub fn open(args: &Args) -> Result<Vec<CommandSocket>, String> {
    let Some(words) = args
        .master_socket
        .as_ref()
        .filter(|words| !words.is_empty())
    else {
        return Ok(Vec::new());
    };
    let line = words.replace(',', " ");
    let mut sources = Sources::default();
    sources.add(Source::new(
        "-S",
        format!("global\n\tstats socket {line}\n").into_bytes(),
    ));
    let (config, findings) = hapax_config::load(
        &sources,
        &registry::all(),
        &capability::capabilities(),
        &capability::environment,
    );
    let wrong = findings
        .iter()
        .find(|finding| finding.severity == Severity::Alert && finding.span.is_some());
    if let Some(finding) = wrong {
        let text = finding.message.replace("'stats socket' : ", "");
        // The address and its first option.
        let shown: Vec<&str> = words.split(',').take(2).collect();
        return Err(format!(
            "'{}' : {text}\nCan't create the master's CLI.",
            shown.join(" ")
        ));
    }
    let opened = open::runtime_api(&config.global, &mut Inherited::default());
    let opened = opened.map_err(|errors| {
        let texts: Vec<String> = errors.iter().map(|error| error.text(&sources)).collect();
        format!("{}\nCan't create the master's CLI.", texts.join("\n"))
    })?;
    let binds = &config.global.stats_sockets;
    let addresses: Vec<String> = binds
        .iter()
        .map(|bind| environment::text(&bind.address))
        .collect();
    environment::set("HAPROXY_MASTER_CLI", Some(&addresses.join(";")));
    let sockets = binds.iter().zip(opened).map(|(bind, socket)| {
        let access = MasterAccess {
            level: bind.options.level.unwrap_or(CliLevel::Admin),
        };
        (socket, access)
    });
    Ok(sockets.collect())
}
