//! From a configuration that was read to listeners and servers that are ready, with everything that is wrong with them.

use std::sync::Arc;

use hapax_core::contract::TlsContext;
use hapax_core::diagnostic::{Diagnostic, Diagnostics, Prefix, Severity};
use hapax_core::ir;
use hapax_core::program::Program;
use hapax_core::span::{Sources, Span};

use crate::certificate;
use crate::client;
use crate::keyword::{bare, list, note};
use crate::listener::{self, Listener};
use crate::provider::Unusable;
use crate::server::{self, Server};
use crate::store::{Loaded, Store};

/// What every listener and server needs, in the order of the configuration.
#[derive(Debug, Default)]
pub struct Prepared {
    listeners: Vec<Vec<Option<Arc<Listener>>>>,
    servers: Vec<Vec<Option<Arc<Server>>>>,
    store: Option<Arc<Store>>,
}

/// Makes everything ready.
pub fn prepare(config: &ir::Config, sources: &Sources, diagnostics: &mut Diagnostics) -> Prepared {
    let mut prepared = Prepared::default();
    let mut loaded = Loaded::new(config);
    for proxy in &config.proxies {
        let servers = proxy.servers.iter();
        if servers.clone().all(|server| server.options.tls.is_none()) {
            prepared.servers.push(Vec::new());
            continue;
        }
        let servers = servers
            .map(|server| prepare_server(config, &mut loaded, proxy, server, sources, diagnostics));
        prepared.servers.push(servers.collect());
    }
    for proxy in &config.proxies {
        let mut before: Option<(Span, Option<Arc<Listener>>)> = None;
        let mut listeners = Vec::new();
        for bind in &proxy.binds {
            // The addresses of one line share one.
            let listener = match before {
                Some((span, listener)) if span == bind.span => listener,
                _ => prepare_bind(config, &loaded, proxy, bind, sources, diagnostics),
            };
            before = Some((bind.span, listener.clone()));
            listeners.push(listener);
        }
        prepared.listeners.push(listeners);
    }
    if let Err(text) = client::prepare(config, &mut loaded) {
        let path = client::place(&config.global.http_client, &config.global.tls);
        let last = format!(
            "httpclient: cannot initialize: cannot initialize SSL verify with 'ca-file \"{path}\"'."
        );
        let span = config
            .global
            .http_client
            .ca_file
            .as_ref()
            .map(|file| file.1);
        for text in [text, last] {
            let finding = Diagnostic::whole(Severity::Alert, span, text);
            diagnostics.push(finding.with_prefix(Prefix::Bare));
        }
    }
    let all = prepared.listeners.iter().flatten().flatten().cloned();
    let mut listeners: Vec<Arc<Listener>> = all.collect();
    listeners.dedup_by(|one, other| Arc::ptr_eq(one, other));
    let store = Store::new(config, loaded);
    let servers = prepared.servers.iter().flatten().flatten().cloned();
    store.attach(listeners, servers.collect());
    store.follow(certificate::now());
    prepared.store = Some(Arc::new(store));
    if diagnostics.has_errors() {
        let text = "Fatal errors found in configuration.";
        let last = Diagnostic::whole(Severity::Alert, None, text).with_prefix(Prefix::Bare);
        diagnostics.push(last);
    }
    prepared
}

impl Prepared {
    /// Gives a program's listeners and servers what they need.
    pub fn attach(self, program: &Program) {
        if let Some(store) = self.store {
            let store: Arc<dyn TlsContext> = store;
            let _ = program.live.tls.set(store);
        }
        for ((proxy, listeners), servers) in
            program.proxies.iter().zip(self.listeners).zip(self.servers)
        {
            if listeners.is_empty() && servers.is_empty() {
                continue;
            }
            for (live, listener) in proxy.live.listeners.iter().zip(listeners) {
                if let Some(listener) = listener {
                    let listener: Arc<dyn TlsContext> = listener;
                    let _ = live.tls.set(listener);
                }
            }
            for (live, server) in proxy.live.servers.iter().zip(servers) {
                if let Some(server) = server {
                    let server: Arc<dyn TlsContext> = server;
                    let _ = live.tls.set(server);
                }
            }
        }
    }
}

/// What a server needs that comes while the program runs; `global` has what its options loaded.
///
/// # Errors
/// What is wrong with it, in upstream's words.
pub fn prepare_added(
    program: &Program,
    global: ir::Global,
    proxy: &ir::Proxy,
    server: &ir::Server,
) -> Result<Option<Arc<dyn TlsContext>>, String> {
    let Some(tls) = server.options.tls.as_deref() else {
        return Ok(None);
    };
    let config = ir::Config {
        global,
        ..ir::Config::default()
    };
    let kept = program.live.tls.get();
    let kept = kept.and_then(|kept| kept.as_any().downcast_ref::<Store>());
    let mut loaded = Loaded::default();
    if let Some(store) = kept {
        store.state().loaded.join(&mut loaded);
    }
    // Files are read at the start only.
    for (word, file) in [("ca-file", &tls.ca_file), ("crl-file", &tls.crl_file)] {
        if let Some(file) = file
            && loaded.authorities(&file.text()).is_none()
        {
            return Err(format!("'{word}' : unable to load {}.", file.text()));
        }
    }
    let missing = tls.certificate.as_ref().map(|(path, _)| path);
    if let Some(path) = missing.filter(|path| loaded.certificate(path).is_none()) {
        let text = format!("unable to stat SSL certificate '{path}'.");
        let verifies = tls.verify != Some(ir::TlsVerify::None) && tls.ca_file.is_none();
        return Err(match verifies {
            true => format!("{text}\n{NO_AUTHORITY}"),
            false => text,
        });
    }
    let mut diagnostics = Diagnostics::default();
    let sources = Sources::default();
    let ready = prepare_server(
        &config,
        &mut loaded,
        proxy,
        server,
        &sources,
        &mut diagnostics,
    );
    let bare = |finding: &Diagnostic| {
        let text = finding.message.split_once("' : ");
        text.map_or(finding.message.clone(), |(_, text)| text.to_owned())
    };
    let mut alerts = diagnostics.iter();
    if let Some(alert) = alerts.find(|finding| finding.severity == Severity::Alert) {
        return Err(bare(alert));
    }
    let Some(ready) = ready else {
        return Ok(None);
    };
    if let Some(store) = kept {
        store.state().servers.push(ready.clone());
    }
    Ok(Some(ready))
}

fn prepare_bind(
    config: &ir::Config,
    loaded: &Loaded,
    proxy: &ir::Proxy,
    bind: &ir::Bind,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<Listener>> {
    let tls = bind.options.tls.as_deref().filter(|tls| tls.enabled)?;
    let shared = format!("@{}", proxy.name);
    let lines = config.global.tls.lists.get(&shared);
    let lines = lines.map_or(&[][..], |list| list.lines.as_slice());
    let mut all = tls.clone();
    if !lines.is_empty() {
        all.lists.push(shared.clone());
    }
    if all.settings.alpn.is_none() {
        let names = offered(proxy, bind).iter();
        all.settings.alpn = Some(names.map(|name| (*name).to_owned()).collect());
    }
    for line in lines {
        let entry = list::entry(&config.global.tls, &shared, line);
        all.certificates.extend(entry);
    }
    let tls = &all;
    let at = format!("{}:{}", sources.path(bind.span.file), bind.span.line);
    let place = format!("bind '{}' at [{at}]", bind.text);
    let name = &proxy.name;
    let mut say = |severity, text: String| diagnostics.push(bare(severity, bind.span, text));
    warn_versions(
        &tls.settings,
        &config.global.tls.bind,
        &mut say,
        &format!("Proxy '{name}'"),
        &place,
    );
    let strict = tls.strict_sni || config.global.tls.bind_strict_sni;
    if tls.certificates.is_empty() && strict && !tls.generates {
        say(
            Severity::Warning,
            format!(
                "Proxy '{name}': no SSL certificate specified for {place}, ssl connections will fail (use 'crt')."
            ),
        );
    }
    let built = Listener::build(tls, (&proxy.name, &at), &config.global.tls, loaded);
    let (listener, left_out) = match built {
        Ok(built) => built,
        Err(refused) => {
            let twice = |text: String| format!("{text}\n{text}");
            say(
                Severity::Alert,
                match refused {
                    listener::Refused::NoCertificate => {
                        format!(
                            "Proxy '{name}': no SSL certificate specified for {place} (use 'crt')."
                        )
                    }
                    listener::Refused::NoSigner => format!(
                        "Proxy '{name}': cannot enable certificate generation, no CA certificate File configured at [{at}]."
                    ),
                    listener::Refused::Signer(path, text) => format!(
                        "Proxy '{name}': Failed to read CA certificate file '{path}' at [{at}]. Chain loading failed: {text}\n"
                    ),
                    listener::Refused::NoAuthority { on_line } => {
                        let text = format!(
                            "Proxy '{name}': verify is enabled but no CA file specified for {place}."
                        );
                        if on_line { text } else { twice(text) }
                    }
                    listener::Refused::OnLine(Unusable::List(what, text)) => {
                        format!("Proxy '{name}': unable to set {what} to '{text}' for {place}.")
                    }
                    listener::Refused::Settings(Unusable::List(what, text)) => twice(format!(
                        "Proxy '{name}': unable to set {what} to '{text}' for {place}."
                    )),
                    listener::Refused::Settings(Unusable::NoVersion)
                    | listener::Refused::OnLine(Unusable::NoVersion) => {
                        format!("Proxy '{name}': all SSL/TLS versions are disabled for {place}.")
                    }
                    listener::Refused::Settings(Unusable::NothingBuilt(left))
                    | listener::Refused::OnLine(Unusable::NothingBuilt(left)) => format!(
                        "Proxy '{name}': nothing that hapax can speak is left for {place} ({left})."
                    ),
                    listener::Refused::Verifier(text) => {
                        format!("Proxy '{name}': unable to verify clients for {place}: {text}.")
                    }
                },
            );
            return None;
        }
    };
    if !left_out.is_empty() {
        let left = left_out.join(", ");
        say(
            Severity::Warning,
            format!("Proxy '{name}': not offered by hapax, and left out for {place}: {left}."),
        );
    }
    Some(Arc::new(listener))
}

/// What ALPN offers where nobody says: what the proxy can speak.
fn offered(proxy: &ir::Proxy, bind: &ir::Bind) -> &'static [&'static str] {
    match (proxy.mode, bind.options.protocol) {
        (ir::Mode::Tcp | ir::Mode::Log, _) | (_, Some(ir::BindProtocol::None)) => &[],
        (_, None) => &["h2", "http/1.1"],
        (_, Some(ir::BindProtocol::Http1)) => &["http/1.1"],
        (_, Some(ir::BindProtocol::Http2)) => &["h2"],
    }
}

/// `no-*` beside a bound is without effect, and upstream says so.
fn warn_versions(
    own: &ir::TlsSettings,
    defaults: &ir::TlsSettings,
    say: &mut impl FnMut(Severity, String),
    who: &str,
    place: &str,
) {
    let (own, defaults) = (&own.versions, &defaults.versions);
    let bounded = own
        .min
        .or(own.max)
        .or(defaults.min)
        .or(defaults.max)
        .is_some();
    if bounded && !(own.without.is_empty() && defaults.without.is_empty()) {
        say(
            Severity::Warning,
            format!(
                "{who}: no-sslv3/no-tlsv1x are ignored for {place}. Use only 'ssl-min-ver' and 'ssl-max-ver' to fix."
            ),
        );
    }
}

fn prepare_server(
    config: &ir::Config,
    loaded: &mut Loaded,
    proxy: &ir::Proxy,
    server: &ir::Server,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<Server>> {
    let tls = server
        .options
        .tls
        .as_deref()
        .filter(|tls| tls.enabled || tls.switchable || tls.checks || tls.steps)?;
    let before = format!(
        "[{}:{}] : 'server {}/{}' : ",
        sources.path(server.span.file),
        server.span.line,
        proxy.name,
        server.name
    );
    let mut say = |severity, text: &str| {
        let finding = Diagnostic::whole(severity, Some(server.span), format!("{before}{text}"));
        diagnostics.push(finding.with_prefix(Prefix::Bare));
    };
    let mut certificate = None;
    let mut notes = Vec::new();
    if let Some((path, _)) = &tls.certificate {
        certificate = match loaded.certificate(path) {
            Some(known) => Some(known.path.clone()),
            None => match certificate::load(path, &config.global.tls, &mut notes) {
                Ok(read) => loaded.add(read),
                Err(error) => {
                    say(Severity::Alert, &error.to_string());
                    return None;
                }
            },
        };
    }
    note(notes, diagnostics, server.span);
    let mut say = |severity, text: &str| {
        let finding = Diagnostic::whole(severity, Some(server.span), format!("{before}{text}"));
        diagnostics.push(finding.with_prefix(Prefix::Bare));
    };
    if let Some(text) = odd_versions(&tls.settings, &config.global.tls.server, proxy, server) {
        say(Severity::Warning, &text);
    }
    match Server::build(tls, certificate.as_deref(), &config.global.tls, loaded) {
        Ok((built, left_out)) => {
            if !left_out.is_empty() {
                let left = left_out.join(", ");
                say(
                    Severity::Warning,
                    &format!("not offered by hapax, and left out: {left}."),
                );
            }
            Some(Arc::new(built))
        }
        Err(refused) => {
            let text = match refused {
                server::Refused::NoAuthority => NO_AUTHORITY.to_owned(),
                server::Refused::Settings(Unusable::List(what, text))
                    if matches!(what, "SSL cipher list" | "TLS 1.3 cipher suites") =>
                {
                    format!("unable to set {what} to '{text}'.")
                }
                server::Refused::Settings(Unusable::List(what, text)) => format!(
                    "Proxy '{}': unable to set {what} to '{text}' for server '{}'.",
                    proxy.name, server.name
                ),
                server::Refused::Settings(Unusable::NoVersion) => format!(
                    "{} '{}': all SSL/TLS versions are disabled for server '{}'.",
                    word(proxy),
                    proxy.name,
                    server.name
                ),
                server::Refused::Settings(Unusable::NothingBuilt(left)) => {
                    format!("nothing that hapax can speak is left ({left}).")
                }
                server::Refused::Verifier(text) => format!("unable to verify the server: {text}."),
            };
            say(Severity::Alert, &text);
            None
        }
    }
}

/// What upstream says of a server's `no-*`: they are without effect beside a bound, and leave no hole else.
fn odd_versions(
    own: &ir::TlsSettings,
    defaults: &ir::TlsSettings,
    proxy: &ir::Proxy,
    server: &ir::Server,
) -> Option<String> {
    let (own, defaults) = (&own.versions, &defaults.versions);
    let bounds = [own.min, own.max, defaults.min, defaults.max];
    let without = |version: &ir::TlsVersion| {
        own.without.contains(version) || defaults.without.contains(version)
    };
    if bounds.iter().any(Option::is_some) {
        return ir::TlsVersion::ALL.iter().any(without).then(|| {
            "no-sslv3/no-tlsv1x are ignored for this server. Use only 'ssl-min-ver' and 'ssl-max-ver' to fix."
                .to_owned()
        });
    }
    let [_, built @ ..] = ir::TlsVersion::ALL;
    let first = built.iter().position(|version| !without(version))?;
    let last = built.iter().rposition(|version| !without(version))?;
    let hole = built
        .get(first..last)?
        .iter()
        .rfind(|version| without(version))?;
    Some(format!(
        "{} '{}': SSL/TLS versions range not contiguous for server '{}'. Hole find for {}. Use only 'ssl-min-ver' and \
         'ssl-max-ver' to fix.",
        word(proxy),
        proxy.name,
        server.name,
        hole.name()
    ))
}

/// What upstream calls a proxy with servers.
fn word(proxy: &ir::Proxy) -> &'static str {
    match proxy.kind {
        ir::ProxyKind::Backend => "backend",
        ir::ProxyKind::Frontend | ir::ProxyKind::Listen => "proxy",
    }
}

const NO_AUTHORITY: &str = "verify is enabled by default but no CA file specified. If you're running on a LAN where you're certain \
to trust the server's certificate, please set an explicit 'verify none' statement on the 'server' line, or use \
'ssl-server-verify none' in the global section to disable server-side verifications by default.";
