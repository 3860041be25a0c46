//! Servers that the runtime API adds (`add server`): the words of a line, without what `default-server` said.

use hapax_core::diagnostic::Diagnostics;
use hapax_core::ir;
use hapax_core::keyword::{OptionCursor, Registry};
use hapax_core::live::ServerLive;
use hapax_core::program::{Program, ProxyId};
use hapax_core::span::{FileId, Span, Word};

use crate::check::servers::{has_no_port, without_port};
use crate::keyword::server::{Target, options_of};
use crate::resolve;
use crate::section;
use crate::value::address::{Accept, Port};

/// The options that a server may have which comes while the process runs, in the order in which upstream lists them.
pub static OPTIONS: &[&str] = &[
    "allow-0rtt",
    "alpn",
    "ca-file",
    "check-alpn",
    "check-sni",
    "check-ssl",
    "ciphers",
    "ciphersuites",
    "client-sigalgs",
    "crl-file",
    "curves",
    "crt",
    "force-sslv3",
    "force-tlsv10",
    "force-tlsv11",
    "force-tlsv12",
    "force-tlsv13",
    "no-ssl-reuse",
    "no-sslv3",
    "no-tlsv10",
    "no-tlsv11",
    "no-tlsv12",
    "no-tlsv13",
    "no-tls-tickets",
    "npn",
    "send-proxy-v2-ssl",
    "send-proxy-v2-ssl-cn",
    "sigalgs",
    "sni",
    "ssl",
    "ssl-min-ver",
    "ssl-max-ver",
    "tls-tickets",
    "verify",
    "verifyhost",
    "backup",
    "cookie",
    "disabled",
    "error-limit",
    "guid",
    "ws",
    "hash-key",
    "id",
    "idle-ping",
    "init-state",
    "maxconn",
    "maxqueue",
    "minconn",
    "no-backup",
    "no-send-proxy",
    "no-send-proxy-v2",
    "no-tfo",
    "observe",
    "on-error",
    "on-marked-down",
    "on-marked-up",
    "pool-conn-name",
    "pool-low-conn",
    "pool-max-conn",
    "pool-purge-delay",
    "proto",
    "proxy-v2-options",
    "send-proxy",
    "send-proxy-v2",
    "set-proxy-v2-tlv-fmt",
    "shard",
    "slowstart",
    "source",
    "strict-maxconn",
    "tfo",
    "track",
    "usesrc",
    "weight",
    "addr",
    "agent-addr",
    "agent-check",
    "agent-inter",
    "agent-port",
    "agent-send",
    "check",
    "check-pool-conn-name",
    "check-proto",
    "check-reuse-pool",
    "check-send-proxy",
    "check-via-socks4",
    "rise",
    "fall",
    "inter",
    "fastinter",
    "downinter",
    "port",
];

/// Whether such a server may have an option.
pub(crate) fn may_have(name: &str) -> bool {
    OPTIONS.contains(&name)
}

/// A server that was read, and what there is to say about it.
pub struct Read {
    /// What its line says.
    pub server: ir::Server,
    /// Warnings.
    pub warnings: Vec<String>,
    /// The global settings, with what its options loaded.
    pub global: ir::Global,
}

/// Reads the words behind `add server BACKEND/NAME`: the address and the options.
///
/// # Errors
/// What is wrong with them.
pub fn read(
    program: &Program,
    registry: &Registry,
    (backend, name): (ProxyId, &str),
    words: &[String],
) -> Result<Read, String> {
    let proxy = &program.proxy(backend).ir;
    if let Some(byte) = section::forbidden(name.as_bytes()) {
        let byte = char::from(byte);
        return Err(format!(
            "character '{byte}' is not permitted in server name '{name}'."
        ));
    }
    let words: Vec<Word> = words
        .iter()
        .map(|word| Word {
            text: word.clone().into_bytes(),
            span: NOWHERE,
        })
        .collect();
    let Some(address) = words.first() else {
        return Err("'server' expects <name> and <addr>[:<port>] as arguments.".into());
    };
    let variables = &program.global.environment;
    let found = resolve::address(variables, &address.text, Accept::SERVER, false)?;
    if let Some(what) = found.exotic {
        return Err(format!("{what} is not built yet."));
    }
    if found.datagram {
        return Err("servers over datagrams are not built yet.".into());
    }
    let mut config = ir::Config {
        global: program.global.clone(),
        ..ir::Config::default()
    };
    let mut options = ir::ServerOptions::default();
    let mut diagnostics = Diagnostics::default();
    let prefix = format!("'server {}/{name}' : ", proxy.name);
    let mut cursor = OptionCursor {
        words: &words,
        at: 1,
        prefix: prefix.clone(),
        registry,
        config: &mut config,
        diagnostics: &mut diagnostics,
    };
    let bare = |text: &str| text.strip_prefix(&prefix).unwrap_or(text).to_owned();
    // Where several things are wrong with a file, the last line says what that means.
    let last = |text: &str| text.lines().next_back().unwrap_or_default().to_owned();
    options_of(&mut cursor, &mut options, Target::Added)
        .map_err(|fault| last(&bare(&fault.diagnostic.message)))?;
    let findings = diagnostics.iter();
    let mut warnings: Vec<String> = findings.map(|finding| bare(&finding.message)).collect();
    if !config.patterns.is_empty() || !config.acls.is_empty() {
        return Err("lists of patterns are not built yet for servers that are added.".into());
    }
    if let Some((backend, _)) = &mut options.track
        && backend.is_empty()
    {
        backend.clone_from(&proxy.name);
    }
    let Some(place) = found.addresses.into_iter().next() else {
        return Err("no address".into());
    };
    let server = ir::Server {
        name: name.to_owned(),
        span: NOWHERE,
        address: place,
        port: match found.port {
            Port::None => ir::ServerPort::SameAsClient,
            Port::Offset(offset) => ir::ServerPort::Offset(offset),
            Port::One(_) | Port::Range(..) => ir::ServerPort::Fixed,
        },
        text: address.lossy().into_owned(),
        host_name: found.name.map(|(name, _)| name),
        options: options.into(),
    };
    check(program, backend, &server, &mut warnings)?;
    Ok(Read {
        server,
        warnings,
        global: config.global,
    })
}

/// What must hold between a server and what is there.
fn check(
    program: &Program,
    backend: ProxyId,
    server: &ir::Server,
    warnings: &mut Vec<String>,
) -> Result<(), String> {
    let proxy = program.proxy(backend);
    let options = &server.options;
    if options.track.is_some() && options.check.enabled {
        return Err("unable to enable checks and tracking at the same time!".into());
    }
    let agent = options.agent.as_ref().filter(|agent| agent.enabled);
    if agent.is_some_and(|agent| agent.port == 0) {
        let name = &server.name;
        return Err(format!(
            "server {name} does not have agent port. Agent check has been disabled."
        ));
    }
    if let Some(id) = options.id
        && let Some(other) = proxy.live.servers.iter().find(|other| other.id == id)
    {
        let place = place(program, other);
        let other = &other.name;
        return Err(format!(
            "'id' : custom id {id} already used at {place} ('server {other}')."
        ));
    }
    if let Some(guid) = &options.guid
        && let Some(other) = crate::guid::owner(program, guid)
    {
        return Err(format!("'guid': duplicate entry with {other}."));
    }
    let is_http = proxy.ir.mode == ir::Mode::Http;
    if let Some(protocol) = options.protocol
        && (protocol != ir::BindProtocol::None) != is_http
    {
        return Err("MUX protocol is not usable for server.".into());
    }
    if options.check.enabled
        && proxy.ir.check != ir::CheckKind::External
        && has_no_port(server)
        && without_port(&proxy.ir).is_some()
    {
        return Err(format!(
            "config: {} '{}': server '{}' has neither service port nor check port nor tcp_check rule 'connect' with port \
             information.",
            crate::check::kind(&proxy.ir),
            proxy.ir.name,
            server.name
        ));
    }
    track(program, backend, server)?;
    if options.check.observe == ir::Observe::Layer7 && !is_http {
        return Err("'layer7' can only be used in http proxies..".into());
    }
    if options.cookie.is_some() && !is_http {
        warnings.push("Ignoring cookie as HTTP mode is disabled.".into());
    }
    Ok(())
}

/// Only servers of the configuration may be tracked.
fn track(program: &Program, backend: ProxyId, server: &ir::Server) -> Result<(), String> {
    let Some((wanted, name)) = &server.options.track else {
        return Ok(());
    };
    if server.options.check.initial != ir::InitialState::None {
        return Err("unable to set init-state and tracking at the same time!".into());
    }
    let own = &program.proxy(backend).ir.name;
    let wanted = match wanted.as_str() {
        "" => own,
        wanted => wanted,
    };
    let Some(leaders) = program.backend(wanted) else {
        return Err(format!(
            "unable to find required proxy '{wanted}' for tracking."
        ));
    };
    let mut servers = program.proxy(leaders).live.servers.iter();
    let Some(leader) = servers.find(|leader| leader.name == *name) else {
        return Err(format!(
            "unable to find required server '{name}' for tracking."
        ));
    };
    let unable = |why: &str| {
        Err(format!(
            "unable to use {wanted}/{name} for tracking as it {why}."
        ))
    };
    if leader.added {
        return unable("is a dynamic server");
    }
    // What it tracks itself is followed by the configuration's check.
    let agent = leader.ir.options.agent.as_ref();
    let alone = leader.ir.options.track.is_none();
    if alone && !leader.ir.options.check.enabled && agent.is_none_or(|agent| !agent.enabled) {
        return unable("does not have any check nor agent enabled");
    }
    Ok(())
}

/// Where a server stands; upstream has no words for those that were added.
fn place(program: &Program, server: &ServerLive) -> String {
    if server.added {
        return "(null):0".into();
    }
    let file = program.file(server.ir.span).unwrap_or_default();
    format!("{file}:{}", server.ir.span.line)
}

const NOWHERE: Span = Span {
    file: FileId(0),
    line: 0,
    start: 0,
    end: 0,
};
