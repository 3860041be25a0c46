//! What a worker does besides traffic: worker 0 answers the runtime API; checks run on all of them.

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hapax_core::ir::{Address, Bind, CliLevel};
use hapax_core::program::Program;
use hapax_sys::signal::Signal;

use crate::check;
use crate::cli::{self, Access, Cli, Listening, Serving};
use crate::local::Local;
use crate::open::hand_over::Exposed;
use crate::stats::info::Facts;
use crate::stats::measure;
use crate::succession::Reload;

/// What the runtime API works with.
#[derive(Debug)]
pub struct RuntimeApi {
    /// Its sockets, in the order of the `stats socket` lines.
    pub sockets: Vec<OwnedFd>,
    /// The end of the pair over which a master passes connections.
    pub master: Option<OwnedFd>,
    /// What `show info` says about the start.
    pub facts: Facts,
    /// The listening sockets, for who may ask for them.
    pub exposed: Arc<Exposed>,
    /// The program in force.
    pub program: Arc<ArcSwap<Program>>,
    /// What reads the configuration again.
    pub reload: Option<Reload>,
}

/// Serves the sockets of the runtime API.
pub fn runtime_api(local: &Rc<Local>, api: RuntimeApi) {
    let RuntimeApi {
        sockets,
        master,
        facts,
        exposed,
        program: current,
        reload,
    } = api;
    let program = local.plan().program.clone();
    let most = program.global.stats_maxconn.unwrap_or(STATS_MAXCONN);
    let serving = Serving::new(most);
    let (clock, speaker) = (local.clone(), local.clone());
    let cli = Rc::new(Cli {
        program: current,
        reload,
        errors: local.errors.clone(),
        facts,
        measures: Box::new(measure::all),
        announce: Box::new(move |proxy, notices| {
            check::announce(&speaker.plan().logger, proxy, notices);
        }),
        clock: Box::new(move || clock.now()),
        exposed,
    });
    if let Some(pair) = master {
        match Listening::pair(pair) {
            Ok(listening) => {
                let access = Access {
                    level: CliLevel::Admin,
                    expose_listeners: true,
                    ..access(&program, None)
                };
                let serving = Serving::new(MASTER_MAXCONN);
                let served = cli::serve(listening, cli.clone(), access, serving);
                tokio::task::spawn_local(async move {
                    served.await;
                    // The master is gone, and with it who could stop this process: as if it had said so.
                    let own = std::process::id().cast_signed();
                    let _ = hapax_sys::process::kill(own, Some(Signal::SIGTERM));
                });
            }
            Err(error) => log::error!("the master cannot be heard: {error}"),
        }
    }
    for (bind, socket) in program.global.stats_sockets.iter().zip(sockets) {
        let listening = match bind.address {
            Address::SocketPair(_) => Listening::pair(socket),
            _ => Listening::new(socket),
        };
        match listening {
            Ok(listening) => {
                let (cli, serving) = (cli.clone(), serving.clone());
                let access = access(&program, Some(bind));
                tokio::task::spawn_local(cli::serve(listening, cli, access, serving));
            }
            Err(error) => log::error!("the runtime API cannot listen: {error}"),
        }
    }
}

fn access(program: &Program, bind: Option<&Bind>) -> Access {
    let default = Access::default();
    let options = bind.map(|bind| &bind.options);
    Access {
        level: options.and_then(|own| own.level).unwrap_or(default.level),
        severity: options.map_or(default.severity, |own| own.severity_output),
        expose_listeners: options.is_some_and(|own| own.expose_fd_listeners),
        timeout_ms: program
            .global
            .stats_timeout
            .map_or(default.timeout_ms, u64::from),
        longest: program.global.tune.bufsize as usize,
    }
}

/// `stats maxconn` where none is given.
const STATS_MAXCONN: u32 = 10;
/// Connections that a master passes at the same time.
const MASTER_MAXCONN: u32 = 64;
