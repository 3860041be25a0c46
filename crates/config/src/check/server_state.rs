//! State files are read last of all, before names are resolved: `init-addr last` looks into them.

use std::net::IpAddr;
use std::path::Path;

use hapax_core::diagnostic::Severity;
use hapax_core::ir::{self, Address, ServerStateSource};
use hapax_core::live::proxy_numbers;
use hapax_core::server_state::{FileFault, Restored, StateFile, check as check_state};

use super::{Check, kind};
use crate::value::leading_integer;

/// A backend that wants the global file needs one.
pub(crate) fn check(config: &ir::Config, check: &mut Check<'_>) {
    if config.global.server_state_file.is_some() {
        return;
    }
    for proxy in config.proxies.iter().filter(|proxy| wants(proxy)) {
        if proxy.server_state == ServerStateSource::Global {
            let text = format!(
                "{} '{}' configured to load server state file from global section 'server-state-file' directive. \
                 Unfortunately, 'server-state-file' is not set!",
                kind(proxy),
                proxy.name
            );
            check.warn(proxy.span, text);
        }
    }
}

/// Notes with every server what its file says.
pub(crate) fn restore(config: &mut ir::Config, check: &mut Check<'_>) {
    let base = config.global.server_state_base.clone();
    let global = config
        .global
        .server_state_file
        .as_ref()
        .and_then(|file| read(&base, file, None, check));
    let numbers = proxy_numbers(config);
    for (proxy, number) in config.proxies.iter_mut().zip(numbers) {
        let own = match proxy.server_state {
            ServerStateSource::Local if wants(proxy) => {
                let file = proxy.server_state_file.as_ref().unwrap_or(&proxy.name);
                let file = read(&base, file, Some(&proxy.name), check);
                compare(&proxy.name, number, file.as_ref(), check);
                file
            }
            _ => None,
        };
        let file = match proxy.server_state {
            _ if !wants(proxy) => continue,
            ServerStateSource::None => continue,
            ServerStateSource::Global => global.as_ref(),
            ServerStateSource::Local => own.as_ref(),
        };
        let Some(file) = file else {
            continue;
        };
        for server in &mut proxy.servers {
            let name = format!("{}/{}", proxy.name, server.name);
            match file.find(&proxy.name, &server.name).map(|row| row.values()) {
                None => {}
                Some(Ok(restored)) => {
                    if let Some(what) = place(server, &restored) {
                        let text =
                            format!("server-state partially applied for server '{name}'{what}");
                        check.push(Severity::Warning, None, text);
                    }
                    server.options.restored = Some(Box::new(restored));
                }
                Some(Err(wrong)) => {
                    let text =
                        format!("server-state application failed for server '{name}'{wrong}");
                    check.push(Severity::Warning, None, text);
                }
            }
        }
    }
}

fn wants(proxy: &ir::Proxy) -> bool {
    proxy.kind.has_backend() && !proxy.disabled && !proxy.servers.is_empty()
}

/// Reads a file; `proxy` is whose it is, none for the global one.
fn read(
    base: &Option<String>,
    file: &str,
    proxy: Option<&str>,
    check: &mut Check<'_>,
) -> Option<StateFile> {
    let path = match base {
        Some(base) if !file.starts_with('/') => format!("{base}/{file}"),
        _ => file.to_owned(),
    };
    let (before, global, end) = match proxy {
        Some(name) => (format!("Proxy '{name}': "), "", "."),
        None => ("config: ".to_owned(), "global ", ""),
    };
    let mut say = |severity: Severity, text: String| check.push(severity, None, text);
    let bytes = match std::fs::read(Path::new(&path)) {
        Ok(bytes) => bytes,
        // Upstream opens a folder and finds nothing in it.
        Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => Vec::new(),
        Err(error) => {
            let reason = error.raw_os_error().map(nix::errno::Errno::from_raw);
            let reason = reason.map_or("unknown", nix::errno::Errno::desc);
            let text =
                format!("{before}Can't open {global}server state file '{path}': {reason}{end}");
            say(Severity::Notice, text);
            return None;
        }
    };
    match StateFile::read(&bytes) {
        Ok(file) => return Some(file),
        Err(FileFault::Empty) => say(
            Severity::Notice,
            format!("{before}Empty {global}server state file '{path}'."),
        ),
        Err(FileFault::Version) => say(
            Severity::Warning,
            format!("{before}Can't get version of the {global}server state file '{path}'."),
        ),
        Err(FileFault::Corrupted(line)) => say(
            Severity::Warning,
            format!("{before}corrupted {global}server state file '{path}' at line {line}."),
        ),
    }
    None
}

/// A file of one backend should be about that backend.
fn compare(name: &str, number: u32, file: Option<&StateFile>, check: &mut Check<'_>) {
    for (backend, id) in file.iter().flat_map(|file| file.backends()) {
        let same = leading_integer(id.as_bytes()) == i64::from(number);
        let (what, theirs, ours) = match (backend == name, same) {
            (true, false) => ("ID", id, number.to_string()),
            (false, true) => ("name", backend, name.to_owned()),
            _ => continue,
        };
        let text = format!(
            "Proxy '{name}': backend {what} mismatch: from server state file: '{theirs}', from running config '{ours}'"
        );
        check.push(Severity::Warning, None, text);
    }
}

/// Sets where a server and its checks are; the address itself is `init-addr`'s. Tells what cannot be set.
fn place(server: &mut ir::Server, restored: &Restored) -> Option<String> {
    let service = server
        .host_name
        .as_ref()
        .filter(|name| name.starts_with('_'));
    if let (Some(own), Some(theirs)) = (service, &restored.service)
        && own != theirs
    {
        let name = &server.name;
        return Some(format!(
            ", SRV record mismatch between configuration ('{own}') and state file ('{theirs}) for server '{name}'. Previous \
             state not applied"
        ));
    }
    if let (Address::Inet(address), Some(port), ir::ServerPort::Fixed) =
        (&mut server.address, restored.port, server.port)
    {
        address.set_port(port);
    }
    let check = &mut server.options.check;
    if restored.check_address.is_some() || restored.check_port.is_some() {
        if !check.enabled || check_state::is_off(restored.check_state) {
            return Some(", health checks are not enabled on this server".into());
        }
        let (address, port) = match endpoint(
            restored.check_address.as_deref(),
            restored.check_port.as_deref(),
        ) {
            Ok(endpoint) => endpoint,
            Err(text) => return Some(text),
        };
        if let Some(ip) = address {
            check.address = Some(Address::Inet((ip, 0).into()));
        }
        check.port = port.or(check.port);
    }
    if restored.agent_address.is_some() || restored.agent_port.is_some() {
        let agent = server.options.agent.as_mut();
        let off = check_state::is_off(restored.agent_state);
        let Some(agent) = agent.filter(|agent| agent.enabled && !off) else {
            return Some(", agent checks are not enabled on this server".into());
        };
        let (address, port) = match endpoint(
            restored.agent_address.as_deref(),
            restored.agent_port.as_deref(),
        ) {
            Ok(endpoint) => endpoint,
            Err(text) => return Some(text),
        };
        if let Some(ip) = address {
            agent.address = Some(Address::Inet((ip, 0).into()));
        }
        agent.port = port.unwrap_or(agent.port);
    }
    None
}

/// An address and a port of checks, as upstream reads both.
fn endpoint(
    address: Option<&str>,
    port: Option<&str>,
) -> Result<(Option<IpAddr>, Option<u16>), String> {
    let address = match address {
        Some(text) => match text.parse() {
            Ok(ip) => Some(ip),
            Err(_) => return Err(format!(", invalid addr '{text}'")),
        },
        None => None,
    };
    let port = match port.map(str::parse::<i64>) {
        None => None,
        Some(Err(_)) => return Err(", provided port is not an integer".into()),
        Some(Ok(number)) => match u16::try_from(number) {
            Ok(port) => Some(port),
            Err(_) => return Err(", provided port is invalid".into()),
        },
    };
    Ok((address, port))
}
