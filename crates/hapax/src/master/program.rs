//! `program` sections: what the master starts beside the process that serves.

use std::ffi::{OsStr, OsString};

use hapax_core::diagnostic::Severity;
use hapax_core::ir::ExternalProgram;
use hapax_sys::identity;
use hapax_sys::process::{self, Forked};
use hapax_sys::signal::{self, Signal};

use super::family::{Child, Family, Kind};
use crate::message::Printer;
use crate::system_text;

/// Tells those that a former master started, and starts new ones. False in a program that could not be executed.
///
/// # Errors
/// Why none could be forked.
pub fn start(
    programs: &[ExternalProgram],
    family: &mut Family,
    printer: &mut Printer,
) -> Result<bool, String> {
    for child in &mut family.children {
        if child.kind != Kind::Program {
            continue;
        }
        // One that is gone is about to be reaped.
        let _ = process::kill(child.pid, Some(Signal::SIGUSR1));
        let mut programs = programs.iter();
        child.stays = programs.any(|program| program.name == child.name && program.stays_on_reload);
    }
    for program in programs {
        let mut children = family.children.iter();
        let runs = children.any(|child| child.kind == Kind::Program && child.name == program.name);
        if runs && program.stays_on_reload {
            continue;
        }
        match process::fork().map_err(|error| system_text(&error))? {
            Forked::Child => {
                printer.renew();
                let error = execute(program);
                printer.say(Severity::Alert, &error);
                return Ok(false);
            }
            Forked::Parent(pid) => {
                let text = format!("New program '{}' ({pid}) forked", program.name);
                printer.say(Severity::Notice, &text);
                family.children.push(Child::program(pid, &program.name));
            }
        }
    }
    Ok(true)
}

/// Becomes the program; returns only why that failed.
fn execute(program: &ExternalProgram) -> String {
    let mut words = program.command.iter();
    let command = words.next().map(String::as_str).unwrap_or_default();
    let words: Vec<OsString> = words.map(OsString::from).collect();
    let become_user = || {
        signal::unblock_all()?;
        if let Some(gid) = program.gid {
            identity::set_group(gid, &[gid])?;
        }
        match program.uid {
            Some(uid) => identity::set_user(uid),
            None => Ok(()),
        }
    };
    let error = match become_user() {
        Ok(()) => process::execute(OsStr::new(command), &words),
        Err(error) => error,
    };
    format!("Cannot execute {command}: {}", system_text(&error))
}
