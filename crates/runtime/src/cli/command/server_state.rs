//! `show servers state` and `show servers conn`.

use std::io::Write;
use std::sync::atomic::Ordering;

use hapax_core::anonymous;
use hapax_core::contract::Now;
use hapax_core::ir::{Address, ServerPort};
use hapax_core::live::{CheckStatus, ServerLive, ServerState};
use hapax_core::program::{Program, Proxy, ProxyId};
use hapax_core::server_state::{HEADER, VERSION, admin, check, operation_number};

use hapax_sample::cast;

use super::anonymity::name;
use super::{Answer, Call, Unfinished};

/// `show servers state [<backend>]`: what a later process can load.
pub fn state(call: &mut Call<'_>) -> Answer {
    let only = match wanted(call) {
        Ok(only) => only,
        Err(answer) => return answer,
    };
    let _ = writeln!(call.out, "{VERSION}\n{HEADER}");
    let key = call.state.anonymous;
    each_server(call, only, move |proxy, server, now, out| {
        let state = server.state.lock().clone();
        write_state(proxy, server, &state, (now.ms, key), out);
    })
}

/// `show servers conn [<backend>]`.
pub fn connections(call: &mut Call<'_>) -> Answer {
    let only = match wanted(call) {
        Ok(only) => only,
        Err(answer) => return answer,
    };
    let workers = call.program.live.workers;
    let key = call.state.anonymous;
    let _ = writeln!(
        call.out,
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim idle_cur \
         idle_per_thr[{workers}]"
    );
    each_server(call, only, move |proxy, server, _, out| {
        let address = address(server, key);
        let _ = write!(
            out,
            "{}/{} {}/{} {address} {} - {}",
            name(key, &proxy.ir.name),
            name(key, &server.name),
            proxy.live.uuid,
            server.id,
            port(server),
            server.ir.options.pool_purge_delay
        );
        let idle = server.idle.load(Ordering::Relaxed);
        let safe = server.idle_safe.load(Ordering::Relaxed);
        let _ = write!(
            out,
            " {} {} {} {} {safe} {} {idle}",
            server.used.load(Ordering::Relaxed),
            server.most_used.load(Ordering::Relaxed),
            server.needed.load(Ordering::Relaxed),
            idle - safe,
            server.ir.options.pool_max_conn
        );
        for own in &server.idle_by_worker {
            let _ = write!(out, " {}", own.load(Ordering::Relaxed));
        }
        out.push(b'\n');
    })
}

/// The number of the backend that is asked for by name; none is all.
fn wanted(call: &Call<'_>) -> Result<Option<u32>, Answer> {
    let text = call.arg(0);
    if text.is_empty() {
        return Ok(None);
    }
    let named = match text.strip_prefix('#') {
        Some(number) => {
            let number = cast::leading_int(number.as_bytes());
            let mut proxies = call.program.proxies.iter();
            let at = proxies.position(|proxy| {
                proxy.ir.kind.has_backend() && i64::from(proxy.live.uuid) == number
            });
            at.map(|at| ProxyId(at as u32))
        }
        None => call.program.backend(text),
    };
    match named {
        Some(id) => Ok(Some(call.program.proxy(id).live.uuid)),
        None => Err(Answer::Refused("Can't find backend.\n".into())),
    }
}

/// An answer that says something about every server, backend by backend.
fn each_server(
    call: &mut Call<'_>,
    only: Option<u32>,
    mut each: impl FnMut(&Proxy, &ServerLive, Now, &mut Vec<u8>) + 'static,
) -> Answer {
    let rows = move |_: &Program, proxy: &Proxy, now, out: &mut Vec<u8>| {
        let chosen = only.is_none_or(|uuid| uuid == proxy.live.uuid);
        if chosen && !proxy.ir.disabled && proxy.ir.kind.has_backend() {
            for server in &proxy.live.servers {
                each(proxy, server, now, out);
            }
        }
    };
    call.state.unfinished = Some(Unfinished::over_proxies(call.program, rows));
    Answer::Written
}

/// The row of a server.
fn write_state(
    proxy: &Proxy,
    server: &ServerLive,
    state: &ServerState,
    (now_ms, key): (u64, Option<u32>),
    out: &mut Vec<u8>,
) {
    let options = &server.ir.options;
    let status = state
        .check
        .as_ref()
        .map_or(CheckStatus::Initializing, |check| check.status);
    let own = &options.check;
    // A server that follows another has no health of its own.
    let health = match own.enabled || options.track.is_none() || state.never_paused {
        true => state.health,
        false => own.rise,
    };
    let port_of_checks = state.check_port.or(own.port).or_else(|| {
        let address = own.address.as_ref()?;
        Some(address.port()).filter(|&port| port > 0)
    });
    let port_of_checks = port_of_checks.unwrap_or(0);
    let configured = own.address.as_ref().and_then(Address::ip);
    let text = |ip: Option<std::net::IpAddr>| ip.map_or_else(|| "-".into(), |ip| ip.to_string());
    let address_of_checks: String = text(state.check_address.or(configured));
    let agent = options.agent.as_deref();
    let moved = state.moved_agent.as_deref();
    let address_of_agent = moved.and_then(|moved| moved.address);
    let address_of_agent = address_of_agent
        .or_else(|| agent?.address.as_ref()?.ip())
        .or(configured);
    let address_of_agent: String = text(address_of_agent);
    let port_of_agent = moved.and_then(|moved| moved.port);
    let port_of_agent = port_of_agent
        .or_else(|| Some(agent?.port).filter(|&port| port > 0))
        .or(own.port);
    let _ = writeln!(
        out,
        "{} {} {} {} {} {} {} {} {} {} {} {} {health} {} {} {} {} {} {} {} {} {port_of_checks} {address_of_checks} \
         {address_of_agent} {}",
        proxy.live.uuid,
        name(key, &proxy.ir.name),
        server.id,
        name(key, &server.name),
        address(server, key),
        operation_number(state.operation),
        admin_bits(server, state),
        server.user_weight.load(Ordering::Relaxed),
        options.weight,
        state.seconds_since_change(now_ms),
        status.number(),
        result_number(state),
        check_bits(server, state),
        agent_bits(state),
        u8::from(proxy.ir.id.is_some()),
        u8::from(options.id.is_some()),
        server
            .host_name
            .load()
            .as_ref()
            .map_or("-", |name| name.as_str()),
        port(server),
        service(server),
        u8::from(!server.plain.load(Ordering::Relaxed)),
        port_of_agent.unwrap_or(0),
    );
}

/// The address in force; `-` for what is no internet address, or not known yet.
fn address(server: &ServerLive, key: Option<u32>) -> String {
    let unresolved = server.state.lock().admin.unresolved;
    match server.inet() {
        Some(address) if !unresolved && !server.lacks_address() => match key {
            Some(key) => anonymous::address(address.ip(), key),
            None => address.ip().to_string(),
        },
        _ => "-".into(),
    }
}

/// What its agent is, and whether it runs.
fn agent_bits(state: &ServerState) -> u32 {
    state.agent.as_ref().map_or(0, |agent| {
        let enabled = match agent.paused {
            true => 0,
            false => check::ENABLED,
        };
        check::AGENT | check::CONFIGURED | enabled
    })
}

/// The name of the service records that the server stands for.
fn service(server: &ServerLive) -> &str {
    let name = server.ir.host_name.as_deref().unwrap_or_default();
    match name.starts_with('_') {
        true => name,
        false => "-",
    }
}

fn port(server: &ServerLive) -> i32 {
    match (server.port(), server.inet()) {
        (ServerPort::Fixed, Some(address)) => i32::from(address.port()),
        (ServerPort::Offset(offset), _) => offset,
        _ => 0,
    }
}

fn admin_bits(server: &ServerLive, state: &ServerState) -> u32 {
    let bit = |set: bool, bit: u32| if set { bit } else { 0 };
    let own = state.admin;
    bit(own.maintenance || own.from_configuration, admin::MAINTENANCE)
        | bit(own.inherited_maintenance, admin::INHERITED_MAINTENANCE)
        // Upstream never forgets that.
        | bit(server.ir.options.disabled, admin::FROM_CONFIGURATION)
        | bit(own.drain, admin::DRAIN)
        | bit(own.inherited_drain, admin::INHERITED_DRAIN)
        | bit(own.unresolved, admin::UNRESOLVED)
        // Upstream marks the names that service records give, too.
        | bit(server.was_named.load(Ordering::Relaxed), admin::NAME_SET)
}

fn check_bits(server: &ServerLive, state: &ServerState) -> u32 {
    let own = state.admin;
    if !server.ir.options.check.enabled {
        // As upstream leaves it behind.
        return match server.ir.options.disabled {
            true => check::PAUSED,
            false => 0,
        };
    }
    let maintenance = own.maintenance || own.from_configuration || own.inherited_maintenance;
    let paused = match maintenance && (!state.never_paused || server.ir.options.disabled) {
        true => check::PAUSED,
        false => 0,
    };
    let enabled = match state.checks_disabled {
        true => 0,
        false => check::ENABLED,
    };
    check::CONFIGURED | enabled | paused | u32::from(state.check_running)
}

/// What the last check came to: 0 unknown, 2 failed, 3 passed, 4 passed on conditions.
fn result_number(state: &ServerState) -> u32 {
    if state.check_running {
        return 0;
    }
    if let Some(number) = state.restored_result {
        return number;
    }
    match state.check.as_ref().map(|check| check.status) {
        None | Some(CheckStatus::Unknown | CheckStatus::Initializing) => 0,
        Some(CheckStatus::L7OkConditionally) => 4,
        Some(status) if status.passed() => 3,
        Some(_) => 2,
    }
}
