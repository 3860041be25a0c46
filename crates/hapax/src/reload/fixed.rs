//! What a process has once and for all: a configuration that says something else about it needs a new process.

use hapax_core::ir;
use hapax_core::program::Program;
use hapax_core::span::Span;

/// Why a reload inside the process is refused; a master starts a new one then.
pub fn refusal(what: &str) -> String {
    format!("'{what}' {NEEDS_A_PROCESS}")
}

/// How such a refusal ends.
pub const NEEDS_A_PROCESS: &str = "cannot change while the process runs.";

/// Refuses a configuration that changes what cannot.
///
/// # Errors
/// The first such setting.
pub fn check(
    before: &Program,
    programs: &[ir::ExternalProgram],
    after: &ir::Config,
) -> Result<(), String> {
    let placeless = |programs: &[ir::ExternalProgram]| -> Vec<_> {
        let programs = programs.iter().cloned().map(|mut program| {
            program.span = Span::default();
            program
        });
        programs.collect()
    };
    if placeless(programs) != placeless(&after.programs) {
        return Err(refusal("program"));
    }
    let (old, new) = (&before.global, &after.global);
    macro_rules! fixed {
        ($($name:literal $($field:ident).+),* $(,)?) => {
            $(if old.$($field).+ != new.$($field).+ {
                return Err(refusal($name));
            })*
        };
    }
    fixed! {
        "daemon" daemon,
        "master-worker" master_worker,
        "master-worker" no_exit_on_failure,
        "mworker-max-reloads" mworker_max_reloads,
        "reload-in-place" reload_in_place,
        "restart-worker" restart_worker,
        "chroot" chroot,
        "user" uid,
        "group" gid,
        "ulimit-n" ulimit_n,
        "fd-hard-limit" fd_hard_limit,
        "setcap" capabilities,
        "set-dumpable" set_dumpable,
        "insecure-setuid-wanted" setuid_wanted,
        "tune.renice.runtime" renice_runtime,
        "noreuseport" no_reuseport,
        "cpu-map" cpu_map,
        "stats timeout" stats_timeout,
        "stats maxconn" stats_maxconn,
        "tune.bufsize" tune.bufsize,
        "tune.pipesize" tune.pipesize,
        "tune.maxaccept" tune.maxaccept,
        "tune.rcvbuf.frontend" tune.rcvbuf_frontend,
    }
    if binds(&old.stats_sockets) != binds(&new.stats_sockets) {
        return Err(refusal("stats socket"));
    }
    let sections = |sections: &[ir::LogForward]| -> Vec<_> {
        let sections = sections.iter().cloned().map(|mut section| {
            section.span = Span::default();
            section.streams = binds(&section.streams);
            section.datagrams = binds(&section.datagrams);
            section
        });
        sections.collect()
    };
    if sections(&before.log_forwards) != sections(&after.log_forwards) {
        return Err(refusal("log-forward"));
    }
    Ok(())
}

/// What lines say, wherever they stand.
fn binds(lines: &[ir::Bind]) -> Vec<ir::Bind> {
    let lines = lines.iter().cloned().map(|mut bind| {
        bind.span = Span::default();
        bind
    });
    lines.collect()
}
