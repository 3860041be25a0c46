//! The `hapax` program: reads its command line, loads the configuration and starts, in the steps of HAProxy.

mod added_server;
mod answer;
mod args;
mod capability;
mod dump;
mod environment;
mod libraries;
mod limits;
mod load;
mod master;
mod message;
mod reference;
mod registry;
mod reload;
mod start;
mod startup_log;
mod version;

use std::process::ExitCode;

use hapax_core::diagnostic::Severity;
use hapax_core::keyword::Registry;

use crate::args::{Args, ArgsError};
use crate::master::{Begun, Worker};
use crate::message::Printer;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("off")).init();
    let args = match args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args.called(&program_name()),
        Err(error) => return refuse(&error),
    };
    if args.version > 0 {
        print!("{}", version_text(&args));
        return ExitCode::SUCCESS;
    }
    // It lives as long as the process: the runtime API reads expressions too.
    let registry: &'static Registry = Box::leak(Box::new(registry::all()));
    if args.dump_registry {
        print!("{}", dump::rows(registry));
        return ExitCode::SUCCESS;
    }
    if let Some(folder) = &args.generate_docs {
        return generate(registry, folder);
    }
    let mut printer = Printer::new(args.quiet && !args.verbose);
    if let Some(condition) = &args.condition {
        return evaluate(condition, &mut printer);
    }
    for text in &args.warnings {
        printer.say(Severity::Warning, text);
    }
    let start_folder = std::env::current_dir().unwrap_or_default();
    if let Some(folder) = &args.folder
        && let Err(error) = std::env::set_current_dir(folder)
    {
        let text = format!(
            "Could not change to directory {folder} : {}",
            system_text(&error)
        );
        printer.say(Severity::Alert, &text);
        return ExitCode::FAILURE;
    }
    if args.files.is_empty() {
        print!("{}", version::short());
        printer.plain(&args::usage(&program_name()));
        return ExitCode::FAILURE;
    }
    environment::begin(&args);
    match master::begin(&args, start_folder, registry, &mut printer) {
        Begun::Alone => run(&args, registry, None, &mut printer),
        Begun::Worker(worker) => run(&args, registry, Some(worker), &mut printer),
        Begun::End(code) => code,
    }
}

/// From the files to the end of the process that serves.
fn run(
    args: &Args,
    registry: &'static Registry,
    worker: Option<Worker>,
    printer: &mut Printer,
) -> ExitCode {
    let loaded = match load::load(args, registry, printer) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    if let Some(classes) = &args.keywords {
        match dump::keywords(registry, classes) {
            Ok(text) => print!("{text}"),
            Err(text) => {
                printer.say(Severity::Alert, &text);
                return ExitCode::FAILURE;
            }
        }
    }
    if args.dump_libraries {
        libraries::print(args.verbose && !args.quiet);
    }
    if args.check {
        let code = loaded.verdict(args);
        // The process ends: taking a large configuration apart first would only take time.
        std::mem::forget(loaded);
        return code;
    }
    start::start(args, registry, loaded, worker, printer)
}

fn version_text(args: &Args) -> String {
    if args.version == 1 {
        version::short()
    } else {
        version::long(&capability::capabilities().features)
    }
}

fn refuse(error: &ArgsError) -> ExitCode {
    let mut printer = Printer::new(false);
    match error {
        ArgsError::Usage(text) => {
            print!("{}", version::short());
            printer.plain(&args::usage(&program_name()));
            printer.plain(text);
        }
        ArgsError::Said(text) => {
            print!("{}", version::short());
            printer.say(Severity::Alert, text);
            printer.plain(&format!("\n{}", args::usage(&program_name())));
        }
        ArgsError::Asked(text) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        ArgsError::Refused(text) => printer.say(Severity::Alert, text),
    }
    ExitCode::FAILURE
}

/// The last part of the name that this program was called by.
pub(crate) fn program_name() -> String {
    let name = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&name).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// `-cc`: 0 when true, 1 when false, 2 for an error.
fn evaluate(condition: &str, printer: &mut Printer) -> ExitCode {
    match capability::evaluate(condition) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(text) => {
            printer.say(Severity::Alert, &text);
            ExitCode::from(2)
        }
    }
}

fn generate(registry: &Registry, folder: &str) -> ExitCode {
    match reference::write(registry, std::path::Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Printer::new(false).say(
                Severity::Alert,
                &format!("cannot write the reference pages into {folder}: {error}"),
            );
            ExitCode::FAILURE
        }
    }
}

/// The system's text for an error, without Rust's `(os error N)`.
pub(crate) fn system_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
