//! Asks the agent of a server: connects, says what `agent-send` says, and takes the first line of the answer.

use hapax_balance::health::AgentAnswer;
use hapax_core::ir::Address;
use hapax_core::live::{CheckResult, CheckStatus, ServerLive};

use super::answer::Finding;
use super::probe::{connect_to, named, receive, send};
use super::recipe::Recipe;
use crate::clock;
use crate::wheel::Timer;

/// Asks once. What is received fills no more than a buffer.
pub(super) async fn ask(
    recipe: &Recipe,
    (server, most): (&ServerLive, usize),
    timer: &mut Timer,
) -> AgentAnswer {
    let started = clock::now_ms();
    let answer = line(recipe, (server, most), timer, started).await;
    let duration_ms = u32::try_from(clock::now_ms() - started).unwrap_or(u32::MAX);
    match answer {
        Ok(line) => AgentAnswer::Line(line, duration_ms),
        Err(finding) => AgentAnswer::Failed(CheckResult {
            status: finding.status,
            code: finding.code,
            duration_ms,
            info: finding.info,
        }),
    }
}

async fn line(
    recipe: &Recipe,
    (server, most): (&ServerLive, usize),
    timer: &mut Timer,
    started: u64,
) -> Result<String, Finding> {
    let Some(agent) = &server.ir.options.agent else {
        return Err(Finding::new(CheckStatus::Unknown, ""));
    };
    let inter = started + u64::from(agent.inter);
    let to_connect = match (recipe.timeout_check, recipe.timeout_connect) {
        (Some(_), Some(connect)) => inter.min(started + u64::from(connect)),
        _ => inter,
    };
    let (to, bytes) = place(server);
    let mut stream = connect_to(&to, recipe, server, false, (timer, to_connect)).await?;
    let deadline = match recipe.timeout_check {
        Some(most) => clock::now_ms() + u64::from(most),
        None => inter,
    };
    let faulty = |error| Finding::new(CheckStatus::SocketError, &named(&error));
    let late = || Finding::new(CheckStatus::L7Timeout, "");
    if !bytes.is_empty() {
        let sent = send(&bytes, &mut stream, timer, deadline).await;
        sent.map_err(faulty)?.ok_or_else(late)?;
    }
    let mut buffer = None;
    loop {
        let received = receive(&mut buffer, &mut stream, timer, deadline).await;
        let ended = received.map_err(faulty)?.ok_or_else(late)? == 0;
        let held = buffer.as_ref();
        let data = held.map_or(&[][..], |held| held.data());
        let data = &data[..data.len().min(most)];
        // Like texts everywhere it ends with a NUL.
        let text = &data[..memchr::memchr(0, data).unwrap_or(data.len())];
        if let Some(end) = memchr::memchr2(b'\n', b'\r', text) {
            return Ok(String::from_utf8_lossy(&text[..end]).into_owned());
        }
        if ended && data.is_empty() {
            let info = "TCPCHK got an empty response at step 2";
            return Err(Finding::new(CheckStatus::L7Response, info));
        }
        if ended || data.len() >= most || held.is_some_and(|held| held.tail() == 0) {
            // Upstream waits on.
            timer.at(deadline).await;
            let info = "Ignoring incomplete line from agent";
            return Err(Finding::new(CheckStatus::L7Timeout, info));
        }
    }
}

/// Where the agent is, and what it is told: the runtime API's word before the configuration's.
fn place(server: &ServerLive) -> (Address, Vec<u8>) {
    let options = &server.ir.options;
    let (port, address, bytes) = match &options.agent {
        Some(agent) => (agent.port, agent.address.as_ref(), agent.send.as_slice()),
        None => (0, None, &[][..]),
    };
    let given = address.or(options.check.address.as_ref());
    let mut to = given.map_or_else(|| (**server.address.load()).clone(), Address::clone);
    let state = server.state.lock();
    let moved = state.moved_agent.as_deref();
    if let Some(ip) = moved.and_then(|moved| moved.address) {
        to = Address::Inet((ip, port).into());
    }
    if let Address::Inet(to) = &mut to {
        to.set_port(moved.and_then(|moved| moved.port).unwrap_or(port));
    }
    let bytes = moved
        .and_then(|moved| moved.send.as_deref())
        .unwrap_or(bytes);
    (to, bytes.to_vec())
}
