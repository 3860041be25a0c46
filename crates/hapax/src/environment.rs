//! Variables that the program sets in its own environment (configuration manual 2.3), for configurations, checks and children.

use hapax_core::ir;
use hapax_sys::process::set_environment;

use crate::{args::Args, version};

/// There when a master started itself anew.
pub const AGAIN: &str = "HAPROXY_MWORKER_REEXEC";
/// What a master remembers of its children meanwhile.
pub const PROCESSES: &str = "HAPROXY_PROCESSES";

/// Sets or removes a variable, before there are threads.
pub fn set(name: &str, value: Option<&str>) {
    if let Err(error) = set_environment(name, value) {
        log::warn!("{name} cannot be set: {error}");
    }
}

/// What is known before the files are read.
pub fn begin(args: &Args) {
    set("HAPROXY_CFGFILES", Some(&args.files.join(";")));
    set("HAPROXY_BRANCH", Some("3.2"));
    if std::env::var_os(AGAIN).is_none() {
        set("HAPROXY_STARTUP_VERSION", Some(version::VERSION));
    }
    let name = args.local_peer.clone();
    if let Some(name) = name.or_else(|| hapax_sys::identity::host_name().ok()) {
        set("HAPROXY_LOCALPEER", Some(&name));
    }
}

/// What the global sections say.
pub fn discovered(global: &ir::Global, args: &Args) {
    if let (Some(name), None) = (&global.local_peer, &args.local_peer) {
        set("HAPROXY_LOCALPEER", Some(name));
    }
    let sockets: Vec<String> = global
        .stats_sockets
        .iter()
        .map(|bind| text(&bind.address))
        .collect();
    if !sockets.is_empty() {
        set("HAPROXY_CLI", Some(&sockets.join(";")));
    }
}

/// An address as these variables show it.
pub fn text(address: &ir::Address) -> String {
    match address {
        ir::Address::Inet(address) if address.is_ipv4() => format!("ipv4@{address}"),
        ir::Address::Inet(address) => format!("ipv6@{address}"),
        ir::Address::Unix(path) => format!("unix@{path}"),
        ir::Address::Abstract { name, .. } => format!("abns@{name}"),
        ir::Address::Descriptor(number) => format!("fd@{number}"),
        ir::Address::SocketPair(number) => format!("sockpair@{number}"),
    }
}
