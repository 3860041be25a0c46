//! `option external-check`: a program of the administrator's says how a server is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::future::poll_fn;
use std::sync::atomic::Ordering;

use hapax_core::ir::{self, Address};
use hapax_core::live::{CheckStatus, ServerLive};
use hapax_core::program::{Program, ProxyId};
use hapax_sys::child::{Child, Exit};

use super::answer::Finding;
use super::probe::{plain, within};
use crate::clock;
use crate::log::{Logger, Severity};
use crate::wheel::{Timer, pause};
use crate::worker;

/// Runs the program once. It has the time of `inter`; then it is told to end, and made to end when it does not.
pub(super) async fn run(
    (program, logger): (&Program, &Logger),
    proxy: ProxyId,
    server: &ServerLive,
    timer: &mut Timer,
) -> Finding {
    let deadline = clock::now_ms() + u64::from(server.ir.options.check.inter);
    let owner = &program.proxy(proxy).ir;
    let (ends, environment) = environment(program, proxy, server);
    let command = owner
        .external_check
        .as_ref()
        .and_then(|own| own.command.as_deref());
    let command = command.unwrap_or_default();
    let keeps = program
        .global
        .external_check
        .is_some_and(|own| own.keeps_environment);
    let mut child = match Child::start(command, &ends, &environment, keeps) {
        Ok(child) => child,
        Err(error) if is_shortage(&error) => {
            let text = format!(
                "Failed to fork process for external health check{}: {}. Aborting.",
                if program.global.fork_wanted {
                    ""
                } else {
                    " (likely caused by missing 'insecure-fork-wanted')"
                },
                plain(&error)
            );
            logger.say(Severity::Alert, &text);
            return Finding::new(CheckStatus::SocketError, &plain(&error));
        }
        Err(error) => {
            let text = format!(
                "Failed to exec process for external health check: {}. Aborting.",
                plain(&error)
            );
            logger.say(Severity::Alert, &text);
            return exited(255);
        }
    };
    match within(timer, deadline, |cx| child.poll_exit(cx)).await {
        Some(Ok(Exit::Code(code))) => exited(code),
        Some(Ok(Exit::Signal)) => exited(-1),
        Some(Err(error)) => Finding::new(CheckStatus::SocketError, &plain(&error)),
        None => {
            logger.say(Severity::Warning, &format!("kill {}", child.pid()));
            let _ = child.terminate();
            worker::spawn(bury(child));
            Finding::new(CheckStatus::ProcessTimeout, "")
        }
    }
}

/// Waits for the end of a program that was told to end; what does not listen is killed.
async fn bury(mut child: Child) {
    let mut timer = Timer::new();
    let patience = clock::now_ms() + PATIENCE_MS;
    if within(&mut timer, patience, |cx| child.poll_exit(cx))
        .await
        .is_none()
    {
        let _ = child.kill();
        let _ = poll_fn(|cx| child.poll_exit(cx)).await;
    }
    // The wake-up of the timer is of no use to anybody.
    pause(0).await;
}

const PATIENCE_MS: u64 = 1000;

fn exited(code: i32) -> Finding {
    let status = if code == 0 {
        CheckStatus::ProcessOk
    } else {
        CheckStatus::ProcessError
    };
    Finding {
        status,
        code,
        info: String::new(),
    }
}

/// Whether no process could be had, rather than no program.
fn is_shortage(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::OutOfMemory
    )
}

type Environment = BTreeMap<&'static str, OsString>;

/// The four arguments, and the variables (configuration manual 4.2, `external-check command`).
fn environment(
    program: &Program,
    proxy: ProxyId,
    server: &ServerLive,
) -> ([OsString; 4], Environment) {
    let owner = program.proxy(proxy);
    let (at, at_port) = first_bind(&owner.ir);
    let (to, to_port) = match &**server.address.load() {
        Address::Inet(address) => (address.ip().to_string(), address.port().to_string()),
        Address::Unix(path) => (path.clone(), String::new()),
        _ => (String::new(), String::new()),
    };
    let path = owner
        .ir
        .external_check
        .as_ref()
        .and_then(|own| own.path.clone());
    let protocol = match owner.ir.mode {
        ir::Mode::Http => "h1",
        _ => "tcp",
    };
    let or_not_used = |text: &str| match text {
        "" => OsString::from("NOT_USED"),
        text => OsString::from(text),
    };
    let arguments = [&at, &at_port, &to, &to_port].map(|text| or_not_used(text));
    let variables = [
        ("HAPROXY_PROXY_ADDR", at),
        ("HAPROXY_PROXY_ID", owner.live.uuid.to_string()),
        ("HAPROXY_PROXY_NAME", owner.live.name.to_string()),
        ("HAPROXY_PROXY_PORT", at_port),
        ("HAPROXY_SERVER_ADDR", to),
        (
            "HAPROXY_SERVER_CURCONN",
            server.sessions.value().to_string(),
        ),
        ("HAPROXY_SERVER_ID", server.id.to_string()),
        (
            "HAPROXY_SERVER_MAXCONN",
            server.maxconn.load(Ordering::Relaxed).to_string(),
        ),
        ("HAPROXY_SERVER_NAME", server.name.clone()),
        ("HAPROXY_SERVER_PORT", to_port),
        ("HAPROXY_SERVER_PROTO", protocol.to_owned()),
        ("HAPROXY_SERVER_SSL", "0".to_owned()),
        ("PATH", path.unwrap_or_default()),
    ];
    let variables = variables.map(|(name, value)| (name, OsString::from(value)));
    (arguments, variables.into())
}

/// Address and port of the first listener that has some; a unix socket has no port.
fn first_bind(proxy: &ir::Proxy) -> (String, String) {
    let known = proxy.binds.iter().find_map(|bind| match &bind.address {
        Address::Inet(address) => Some((address.ip().to_string(), address.port().to_string())),
        Address::Unix(path) => Some((path.clone(), String::new())),
        _ => None,
    });
    known.unwrap_or_default()
}
