//! From the files on the command line to a checked configuration.

use std::io::Write;
use std::process::ExitCode;

use hapax_core::diagnostic::{Diagnostic, Diagnostics, Prefix, Severity};
use hapax_core::ir;
use hapax_core::keyword::Registry;
use hapax_core::span::Sources;

use crate::args::{self, Args};
use crate::capability;
use crate::message::Printer;
use crate::version;

/// A configuration without errors.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration, with what the command line overrides.
    pub config: ir::Config,
    /// The files, for messages that name a line.
    pub sources: Sources,
    /// Whether there were warnings.
    pub warned: bool,
    /// When the start began.
    pub began: std::time::Instant,
    /// What TLS needs.
    pub tls: hapax_tls::prepare::Prepared,
}

/// Loads and checks; prints what was found.
///
/// # Errors
/// The exit code, when the configuration is refused.
pub fn load(args: &Args, registry: &Registry, printer: &mut Printer) -> Result<Loaded, ExitCode> {
    let began = std::time::Instant::now();
    let sources = hapax_config::files::load(&args.files).map_err(|error| {
        printer.say(Severity::Alert, &format!("config : {error}"));
        ExitCode::FAILURE
    })?;
    if sources.iter().next().is_none() {
        // Folders without files.
        print!("{}", version::short());
        printer.plain(&args::usage(&crate::program_name()));
        return Err(ExitCode::FAILURE);
    }
    let mut dumped = false;
    let sources = if args.dump_config {
        dumped = dump(&sources, args, printer);
        // What was shown is not read.
        Sources::default()
    } else {
        sources
    };
    let load = if args.ignore_unresolved {
        hapax_config::load_ignoring_names
    } else {
        hapax_config::load
    };
    let (mut config, mut findings) = load(
        &sources,
        registry,
        &capability::capabilities(),
        &capability::environment,
    );
    config.global.tls.server_verify_none |= args.no_server_verify;
    if !findings.has_errors()
        && !config.programs.is_empty()
        && !config.global.master_worker
        && args.master.is_none()
    {
        let text = "'program' section is defined in configuration, but master-worker mode (-W) is not enabled.";
        findings.push(Diagnostic::whole(Severity::Alert, None, text).with_prefix(Prefix::Bare));
    }
    let tls = match findings.has_errors() {
        true => hapax_tls::prepare::Prepared::default(),
        false => hapax_tls::prepare::prepare(&config, &sources, &mut findings),
    };
    // `quiet` in a file that is refused would hide why; only `-q` may.
    if config.global.quiet && !args.verbose && !findings.has_errors() {
        printer.set_quiet(true);
    }
    printer.findings(&findings, &sources, args.diagnostic);
    if findings.has_errors() {
        return Err(ExitCode::FAILURE);
    }
    let warned = dumped
        || findings.count(Severity::Warning) > 0
        || (args.diagnostic && findings.count(Severity::Diag) > 0);
    if warned && (args.zero_warning || config.global.zero_warning) {
        printer.say(
            Severity::Alert,
            "Some warnings were found and 'zero-warning' is set. Aborting.",
        );
        return Err(ExitCode::FAILURE);
    }
    override_by(args, &mut config);
    list_without_counterpart(args, &config, &sources, printer);
    Ok(Loaded {
        config,
        sources,
        warned,
        began,
        tls,
    })
}

/// `-dC`: twice, as HAProxy reads the files twice. Answers whether there were warnings.
fn dump(sources: &Sources, args: &Args, printer: &mut Printer) -> bool {
    let (text, findings) =
        hapax_config::dump::dump(sources, &capability::environment, args.dump_key);
    if !args.quiet {
        for _ in 0..2 {
            // Nobody can be told when standard output is closed.
            let _ = std::io::stdout().write_all(&text);
        }
    }
    printer.findings(&findings, sources, false);
    findings.count(Severity::Warning) > 0
}

impl Loaded {
    /// The answer to `-c`.
    pub fn verdict(&self, args: &Args) -> ExitCode {
        let listens = self
            .config
            .proxies
            .iter()
            .any(|proxy| !proxy.disabled && !proxy.binds.is_empty())
            || !self.config.log_forwards.is_empty();
        let quiet = self.config.global.quiet;
        if self.warned && !quiet {
            println!("Warnings were found.");
        }
        if !listens {
            if !quiet {
                println!(
                    "Configuration file has no error but will not start (no listener) => exit(2)."
                );
            }
            return ExitCode::from(2);
        }
        if args.verbose {
            println!("Configuration file is valid");
        }
        ExitCode::SUCCESS
    }
}

/// The command line has precedence over the file.
fn override_by(args: &Args, config: &mut ir::Config) {
    let global = &mut config.global;
    if let Some(maxconn) = args.maxconn.filter(|&maxconn| maxconn > 0) {
        global.maxconn = Some(maxconn);
    }
    if let Some(path) = &args.pidfile {
        global.pidfile = Some(path.clone());
    }
    global.daemon |= args.daemon;
    if args.foreground {
        global.daemon = false;
    }
    global.quiet = (global.quiet || args.quiet) && !args.verbose;
    global.observation.events |= args.observation.events;
    for entry in &args.traces {
        entry.apply(&mut config.traces.settings);
    }
    if global.observation.events {
        global.daemon = false;
    }
    global.no_splice |= args.no_splice;
    global.no_reuseport |= args.no_reuseport;
    global.fork_wanted |= args.fork_wanted;
    global.dns_families.v6 &= !args.only_ipv4;
    if let Some(maxconn) = args.proxy_maxconn.filter(|&maxconn| maxconn > 0) {
        ir::change_settings(&mut config.proxies, |proxy| {
            proxy.maxconn.is_none().then(|| ir::ProxySettings {
                maxconn: Some(maxconn),
                ..proxy.clone()
            })
        });
    }
}

/// With `-c -V`: the keywords that were accepted without a counterpart.
fn list_without_counterpart(
    args: &Args,
    config: &ir::Config,
    sources: &Sources,
    printer: &mut Printer,
) {
    if !(args.check && args.verbose) {
        return;
    }
    let mut notes = Diagnostics::default();
    for (span, name, reason) in &config.global.no_counterpart {
        let text = format!("'{name}' has no counterpart in hapax: {reason}.");
        notes.push(
            hapax_core::diagnostic::Diagnostic::at(Severity::Notice, *span, text)
                .with_prefix(Prefix::Place),
        );
    }
    printer.findings(&notes, sources, false);
}
