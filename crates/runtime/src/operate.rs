//! What a worker does besides traffic: worker 0 answers the runtime API; checks run on all of them.

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hapax_core::ir::{Address, Bind};
use hapax_core::program::Program;

use crate::check;
use crate::cli::{self, Access, Cli, Listening, Serving};
use crate::local::Local;
use crate::stats::info::Facts;
use crate::stats::measure;

/// Serves the sockets of the runtime API, given in the order of the `stats socket` lines.
pub fn runtime_api(local: &Rc<Local>, sockets: Vec<OwnedFd>, facts: Facts) {
    let program = local.plan().program.clone();
    let most = program.global.stats_maxconn.unwrap_or(STATS_MAXCONN);
    let serving = Serving::new(most);
    let (clock, speaker) = (local.clone(), local.clone());
    let cli = Rc::new(Cli {
        program: Arc::new(ArcSwap::new(program.clone())),
        errors: local.errors.clone(),
        facts,
        measures: Box::new(measure::all),
        announce: Box::new(move |proxy, notices| {
            check::announce(&speaker.plan().logger, proxy, notices);
        }),
        clock: Box::new(move || clock.now()),
    });
    for (bind, socket) in program.global.stats_sockets.iter().zip(sockets) {
        let listening = match bind.address {
            Address::Inet(_) => Listening::tcp(socket),
            _ => Listening::unix(socket),
        };
        match listening {
            Ok(listening) => {
                let (cli, serving) = (cli.clone(), serving.clone());
                let access = access(&program, bind);
                tokio::task::spawn_local(cli::serve(listening, cli, access, serving));
            }
            Err(error) => log::error!("the runtime API cannot listen: {error}"),
        }
    }
}

fn access(program: &Program, bind: &Bind) -> Access {
    let default = Access::default();
    Access {
        level: bind.options.level.unwrap_or(default.level),
        severity: bind.options.severity_output,
        timeout_ms: program
            .global
            .stats_timeout
            .map_or(default.timeout_ms, u64::from),
        longest: program.global.tune.bufsize as usize,
    }
}

/// `stats maxconn` where none is given.
const STATS_MAXCONN: u32 = 10;
