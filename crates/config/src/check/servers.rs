//! Servers: their names, what they track, their addresses.

use std::net::IpAddr;

use hapax_core::diagnostic::Severity;
use hapax_core::ir;
use hashbrown::HashMap;

use super::{Check, kind, named};
use crate::resolve::{expand, lookup};
use crate::value::address::{self, Accept, AddressPlace, Host, IpFamily};

/// Two servers of one name: HAProxy 1.5 ran that; requests find the first.
pub(crate) fn names(config: &ir::Config, check: &mut Check<'_>) {
    for proxy in &config.proxies {
        let mut seen: HashMap<&str, u32> = HashMap::new();
        for (at, server) in proxy.servers.iter().enumerate() {
            let before = match proxy.servers.len() {
                // A table does not pay for a few.
                ..=FEW => {
                    let mut before = proxy.servers[..at].iter().rev();
                    let same = before.find(|other| other.name == server.name);
                    same.map(|same| same.span.line)
                }
                _ => seen.insert(&server.name, server.span.line),
            };
            if let Some(line) = before {
                let place = check.place(server.span);
                check.warn(
                    server.span,
                    format!(
                        "parsing [{place}] : {}, another server named '{}' was already defined at line {line}, please use \
                         distinct names.",
                        named(proxy),
                        server.name
                    ),
                );
            }
        }
    }
}

/// So many servers are compared with each other.
const FEW: usize = 8;

/// What is spoken with a server must be what its proxy speaks.
fn protocol(proxy: &ir::Proxy, server: &ir::Server, check: &mut Check<'_>) {
    let Some(protocol) = server.options.protocol else {
        return;
    };
    let (name, of_http) = match protocol {
        ir::BindProtocol::Http1 => ("h1", true),
        ir::BindProtocol::Http2 => ("h2", true),
        ir::BindProtocol::None => ("none", false),
    };
    if of_http != (proxy.mode == ir::Mode::Http) {
        let text = format!(
            "{} : MUX protocol '{name}' is not usable for server '{}' at [{}].",
            named(proxy),
            server.name,
            check.place(server.span)
        );
        check.alert(server.span, text);
    }
}

pub(crate) fn check(config: &ir::Config, check: &mut Check<'_>) {
    for proxy in config.proxies.iter().filter(|proxy| !proxy.disabled) {
        for server in &proxy.servers {
            if proxy.mode != ir::Mode::Http && server.options.redirect_prefix.is_some() {
                check.alert(
                    proxy.span,
                    format!(
                        "{} : server cannot have cookie or redirect prefix in non-HTTP mode.",
                        named(proxy)
                    ),
                );
            }
            if proxy.mode != ir::Mode::Http && server.options.cookie.is_some() {
                check.warn(
                    server.span,
                    format!(
                        "{} : ignoring cookie for server '{}' as HTTP mode is disabled.",
                        named(proxy),
                        server.name
                    ),
                );
            }
            if server.options.check.enabled
                && proxy.check != ir::CheckKind::External
                && has_no_port(server)
                && let Some(what) = without_port(proxy)
            {
                let text = format!(
                    "config: {} '{}': server '{}' has neither service port nor check port{what}.",
                    kind(proxy),
                    proxy.name,
                    server.name
                );
                check.alert(server.span, text);
            }
            if let Some(protocol) = server.options.check.protocol
                && server.options.check.enabled
                && (protocol == ir::CheckProtocol::Plain) == (proxy.check == ir::CheckKind::Http)
            {
                let text = format!(
                    "config: {} '{}': server '{}' uses an incompatible MUX protocol for the selected check type",
                    kind(proxy),
                    proxy.name,
                    server.name
                );
                check.alert(server.span, text);
            }
            if proxy.mode != ir::Mode::Http && server.options.check.observe == ir::Observe::Layer7 {
                let text = "'layer7' can only be used in http proxies..";
                let before = before(proxy, server, check);
                check.warn(server.span, format!("config : {before}{text}"));
            }
            if server.options.fast_open {
                let text = "server has tfo activated, the backend should be configured with at least 'conn-failure', \
                            'empty-response' and 'response-timeout' or we wouldn't be able to retry the connection on failure.";
                let before = before(proxy, server, check);
                check.warn(server.span, format!("{before}{text}"));
            }
            protocol(proxy, server, check);
            resolvers(config, proxy, server, check);
            track(config, proxy, server, check);
        }
    }
}

/// `resolvers` must name a section.
fn resolvers(config: &ir::Config, proxy: &ir::Proxy, server: &ir::Server, check: &mut Check<'_>) {
    if let Some(name) = &server.options.resolution.resolvers
        && !config.resolvers.iter().any(|section| section.name == *name)
    {
        let text = format!(
            "{}, server '{}': unable to find required resolvers '{name}'",
            named(proxy),
            server.name
        );
        check.alert(server.span, text);
    }
}

/// What stands before a finding about a server.
fn before(proxy: &ir::Proxy, server: &ir::Server, check: &Check<'_>) -> String {
    let place = check.place(server.span);
    format!("[{place}] : 'server {}/{}' : ", proxy.name, server.name)
}

/// What to add when a server without port is checked; none when the steps of the check say where to go.
pub(crate) fn without_port(proxy: &ir::Proxy) -> Option<&'static str> {
    let steps = match &proxy.check {
        ir::CheckKind::Rules if !proxy.tcp_check.is_empty() => &proxy.tcp_check,
        ir::CheckKind::Protocol(steps) => steps,
        ir::CheckKind::Http if !proxy.http_check.steps.is_empty() => &proxy.http_check.steps,
        _ => return Some(""),
    };
    let connects = || {
        steps.iter().filter_map(|step| match &step.action {
            ir::CheckAction::Connect(connect) => Some(connect),
            _ => None,
        })
    };
    let no_port =
        |connect: &ir::CheckConnect| connect.port.is_none() && connect.port_expr.is_none();
    if connects().all(no_port) {
        return Some(" nor tcp_check rule 'connect' with port information");
    }
    let silent = connects().any(no_port);
    silent.then_some(", and a tcp_check rule 'connect' with no port information")
}

pub(crate) fn has_no_port(server: &ir::Server) -> bool {
    let address = server.options.check.address.as_ref();
    let unix = |address: &ir::Address| !matches!(address, ir::Address::Inet(_));
    let own = matches!(server.port, ir::ServerPort::Fixed);
    server.options.check.port.is_none()
        && !own
        && !unix(&server.address)
        && !address.is_some_and(|address| unix(address) || address.port() > 0)
}

/// Follows `track` to a server that is checked.
fn track(config: &ir::Config, proxy: &ir::Proxy, server: &ir::Server, check: &mut Check<'_>) {
    let Some((wanted, name)) = &server.options.track else {
        return;
    };
    let before = before(proxy, server, check);
    if server.options.check.initial != ir::InitialState::None {
        let text = "unable to set init-state and tracking at the same time!";
        check.alert(server.span, format!("config : {before}{text}"));
        return;
    }
    let wanted = if wanted.is_empty() {
        &proxy.name
    } else {
        wanted
    };
    let mut fail = |text: String| check.alert(server.span, format!("{before}{text}"));
    let find = |backend: &str, name: &str| {
        let owner = config
            .proxies
            .iter()
            .find(|proxy| proxy.name == backend && proxy.kind.has_backend())?;
        let server = owner.servers.iter().find(|server| server.name == name);
        Some((owner, server))
    };
    let (owner, target) = match find(wanted, name) {
        None => {
            return fail(format!(
                "unable to find required proxy '{wanted}' for tracking."
            ));
        }
        Some((_, None)) => {
            return fail(format!(
                "unable to find required server '{name}' for tracking."
            ));
        }
        Some((owner, Some(target))) => (owner, target),
    };
    let mut at = (owner, target);
    for _ in 0..=config.proxies.iter().map(|proxy| proxy.servers.len()).sum() {
        let Some((backend, next)) = &at.1.options.track else {
            let agent = at.1.options.agent.as_ref();
            if !at.1.options.check.enabled && agent.is_none_or(|agent| !agent.enabled) {
                fail(format!(
                    "unable to use {wanted}/{name} for tracking as it does not have any check nor agent enabled."
                ));
            }
            return;
        };
        let backend = if backend.is_empty() {
            &at.0.name
        } else {
            backend
        };
        if backend == &proxy.name && *next == server.name {
            let (owner, target) = (&at.0.name, &at.1.name);
            return fail(format!(
                "unable to track {wanted}/{name} as it belongs to a tracking chain looping back to {owner}/{target}."
            ));
        }
        match find(backend, next) {
            Some((owner, Some(target))) => at = (owner, target),
            _ => return,
        }
    }
}

/// Lets a server start without an address when nothing else gives it one.
pub(crate) fn start_without_address(options: &mut ir::ServerOptions) {
    if options.init_addr.is_empty() {
        options.init_addr = vec![ir::InitAddr::Last, ir::InitAddr::Libc];
    }
    options.init_addr.push(ir::InitAddr::None);
}

/// Gives servers that were named by a host name their first address.
pub(crate) fn resolve(config: &mut ir::Config, check: &mut Check<'_>) {
    let mut cache: HashMap<(String, Option<bool>), Option<IpAddr>> = HashMap::new();
    let mut failed = false;
    let variables = config.global.environment.clone();
    for proxy in config.proxies.iter_mut() {
        let named = proxy.servers.iter_mut();
        for server in named.filter(|server| server.host_name.is_some()) {
            let Ok(parsed) =
                address::address(&expand(&variables, server.text.as_bytes()), Accept::SERVER)
            else {
                continue;
            };
            let AddressPlace::Inet(Host::Name { name, only }, _) = parsed.place else {
                continue;
            };
            let dynamic = server.options.resolution.resolvers.is_some();
            let service = name.starts_with('_');
            let methods: &[ir::InitAddr] = match server.options.init_addr.as_slice() {
                [] if dynamic => &[ir::InitAddr::Last, ir::InitAddr::Libc, ir::InitAddr::None],
                [] => &[ir::InitAddr::Last, ir::InitAddr::Libc],
                given => given,
            };
            // The system's resolver knows no service records.
            let asks = methods.contains(&ir::InitAddr::Libc) && !service;
            let mut found = None;
            let mut may_fail = false;
            for method in methods {
                match method {
                    ir::InitAddr::Last => {
                        let restored = server.options.restored.as_ref();
                        found = restored.and_then(|restored| restored.address);
                    }
                    ir::InitAddr::Address(ip) => found = Some(*ip),
                    ir::InitAddr::None => may_fail = true,
                    ir::InitAddr::Libc if service => {}
                    ir::InitAddr::Libc => {
                        let key = (name.clone(), only.map(|family| family == IpFamily::V4));
                        found = *cache.entry(key).or_insert_with(|| lookup(&name, only));
                    }
                }
                if found.is_some() || may_fail {
                    break;
                }
            }
            let place = check.sources.path(server.span.file);
            let before = format!(
                "[{place}:{}] : 'server {}/{}' : ",
                server.span.line, proxy.name, server.name
            );
            match found {
                Some(ip) => {
                    if let ir::Address::Inet(address) = &mut server.address {
                        address.set_ip(ip);
                    }
                }
                None if may_fail => {
                    if asks {
                        let text = format!(
                            "{before}could not resolve address '{name}', disabling server."
                        );
                        check.push(Severity::Notice, Some(server.span), text);
                    }
                }
                None => {
                    failed = true;
                    let what = match asks {
                        true => "could not",
                        false => "no method found to",
                    };
                    let text = format!("{before}{what} resolve address '{name}'.");
                    check.alert(server.span, text);
                }
            }
        }
    }
    if failed {
        check.push(
            Severity::Alert,
            None,
            "Failed to initialize server(s) addr.".to_owned(),
        );
    }
}
