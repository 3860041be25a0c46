//! What a process has once and for all: a configuration that says something else about it needs a new process.

use hapax_core::ir;
use hapax_core::program::Program;
use hapax_core::span::Span;

/// Why a reload inside the process is refused.
pub fn refusal(what: &str) -> String {
    format!("'{what}' cannot change while the process runs.")
}

/// Refuses a configuration that changes what cannot.
///
/// # Errors
/// The first such setting.
pub fn check(before: &Program, after: &ir::Config) -> Result<(), String> {
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
