//! Programs made by hand, with a minimal choice of servers, for tests of the engine alone.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use hapax_core::contract::{
    Algorithm, Assigned, BalanceKey, Balancer, Cx, Dispatch, KeyValue, Shared, Ticket, Wish,
};
use hapax_core::ir::{self, Address, Bind, BindOptions, Proxy, ProxyKind, Server, ServerPort};
use hapax_core::live::{Live, ProxyLive, Servers};
use hapax_core::program::Program;
use hapax_core::span::Span;
use hapax_core::stream::Times;
use hapax_runtime::open;
use hapax_runtime::open::hand_over::Inherited;
use hapax_runtime::serve::{self, Options, Running};
use hapax_runtime::stats::info::Facts;

#[derive(Debug)]
struct InTurn;

impl Algorithm for InTurn {
    fn text(&self) -> String {
        "in turn".into()
    }
    fn name(&self) -> &'static str {
        "roundrobin"
    }
    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::None
    }
    fn build(&self, _: &hapax_core::ir::ProxySettings, _: &Servers) -> Box<dyn Balancer> {
        unreachable!("the tests dispatch themselves")
    }
}

#[derive(Debug)]
struct Turns {
    servers: Servers,
    next: AtomicUsize,
}

impl Dispatch for Turns {
    fn assign(&self, wish: &Wish<'_>, _: &mut Ticket, _: &Waker) -> Assigned {
        let count = self.servers.len();
        for _ in 0..count * 2 {
            let index = self.next.fetch_add(1, Ordering::Relaxed) % count;
            if Some(index) != wish.avoid || count == 1 {
                self.servers[index].sessions.up();
                return Assigned::Server(index);
            }
        }
        Assigned::NoServer
    }
    fn choose(&self, _: KeyValue<'_>) -> Option<usize> {
        (!self.servers.is_empty()).then_some(0)
    }
    fn cancel(&self, _: &mut Ticket) {}
    fn release(&self, server: usize) {
        self.servers[server].sessions.down();
    }
    fn servers_changed(&self) {}
    fn requeue(&self, _: usize) -> u32 {
        0
    }
}

/// A proxy of which nothing is set but mode and timeouts.
pub fn proxy(name: &str, kind: ProxyKind) -> Proxy {
    let mut proxy = Proxy::new(name.into(), kind, Span::default(), Shared(Arc::new(InTurn)));
    proxy.mode = ir::Mode::Http;
    proxy.timeouts.client = Some(2000);
    proxy.timeouts.server = Some(2000);
    proxy.timeouts.connect = Some(1000);
    proxy
}

/// A listener on a free port of the loopback.
pub fn listener() -> Bind {
    listener_at("127.0.0.1:0".parse().expect("an address"))
}

/// A listener.
pub fn listener_at(address: SocketAddr) -> Bind {
    Bind {
        address: Address::Inet(address),
        span: Span::default(),
        text: address.to_string(),
        options: BindOptions {
            // One port for all workers, chosen by the kernel.
            shards: Some(1),
            ..BindOptions::default()
        },
    }
}

/// A server.
pub fn server(name: &str, address: SocketAddr) -> Server {
    Server {
        name: name.into(),
        span: Span::default(),
        address: Address::Inet(address),
        port: ServerPort::Fixed,
        text: address.to_string(),
        host_name: None,
        options: ir::ServerOptions::default().into(),
    }
}

/// A running program and where its listeners are, in the order of proxies and binds.
pub struct World {
    pub running: Option<Running>,
    pub program: Arc<Program>,
    pub addresses: Vec<SocketAddr>,
}

/// Runs these proxies; servers are chosen in turn.
pub fn run(global: ir::Global, proxies: Vec<Proxy>, workers: usize) -> World {
    run_with(global, proxies, workers, |_, live| {
        Arc::new(Turns {
            servers: live.servers.clone(),
            next: AtomicUsize::new(0),
        })
    })
}

/// Runs these proxies with the balance room's algorithms, limits and queues.
pub fn run_balanced(global: ir::Global, mut proxies: Vec<Proxy>, workers: usize) -> World {
    for proxy in &mut proxies {
        proxy.balance = hapax_balance::default_algorithm();
    }
    run_with(global, proxies, workers, |proxy, live| {
        Arc::new(hapax_balance::Backend::new(proxy, live, 1))
    })
}

fn run_with(
    global: ir::Global,
    proxies: Vec<Proxy>,
    workers: usize,
    dispatch: fn(&Proxy, &Arc<ProxyLive>) -> Arc<dyn Dispatch>,
) -> World {
    let config = ir::Config {
        global,
        proxies,
        ..ir::Config::default()
    };
    let live = Arc::new(Live::new(&config, workers, 1));
    for (proxy, live) in config.proxies.iter().zip(&live.proxies) {
        if !live.servers.is_empty() {
            live.dispatch.set(dispatch(proxy, live)).expect("set once");
        }
    }
    let listeners = open::listeners(
        &config.proxies,
        &config.global,
        workers,
        &mut Inherited::default(),
    )
    .expect("free ports");
    let mut addresses = Vec::new();
    let mut last = None;
    for bound in &listeners {
        if last.replace((bound.proxy, bound.listener)) != Some((bound.proxy, bound.listener)) {
            let name = hapax_sys::addr::local_addr(&bound.socket).expect("a name");
            addresses.push(name.inet().expect("an internet address"));
        }
    }
    let program = Arc::new(Program::link(config, live, "host".into()));
    let options = Options {
        listeners,
        intakes: Vec::new(),
        runtime_api: Vec::new(),
        facts: Facts::default(),
        master: None,
        reload: None,
        render: |_, cx, out| out.extend_from_slice(&line(cx)),
    };
    let running = serve::start(program.clone(), options).expect("workers");
    World {
        running: Some(running),
        program,
        addresses,
    }
}

impl World {
    /// Ends it and waits for the workers.
    pub fn end(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill();
            running.join().expect("workers end without a fault");
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill();
        }
    }
}

/// A log line for tests: server, timers as in the reference's httplog, status, bytes, termination, request.
fn line(cx: &Cx<'_>) -> Vec<u8> {
    let stream = cx.stream;
    let times = &stream.times;
    let total = Times::between(times.start, times.end);
    let state = [
        stream.termination.cause.letter(),
        stream.termination.phase.letter(),
        stream.request_cookie_state.letter(),
        stream.response_cookie_state.letter(),
    ];
    let backend = &cx.program.proxy(stream.backend).live;
    let server = stream.server.and_then(|index| backend.servers.get(index));
    format!(
        "{}/{} {} {} {} {} {}{} {}/{} \"{}\" {}",
        backend.name,
        server.map_or("<NOSRV>", |server| &server.name),
        stream.status,
        stream.bytes_in,
        stream.bytes_out,
        String::from_utf8_lossy(&state),
        stream.retries,
        if stream.redispatched { "+" } else { "" },
        stream.server_queue,
        stream.backend_queue,
        String::from_utf8_lossy(&stream.request_line),
        (total >= 0) as u8,
    )
    .into_bytes()
}

/// A listen with one listener and these servers.
pub fn listen(name: &str, servers: &[SocketAddr]) -> Proxy {
    let mut proxy = proxy(name, ProxyKind::Listen);
    proxy.binds.push(listener());
    for (index, address) in servers.iter().enumerate() {
        let name = format!("s{}", index + 1);
        proxy.servers.push(server(&name, *address).into());
    }
    proxy
}

/// Sends the proxy's log lines to `lines`.
pub fn log_to(proxy: &mut Proxy, lines: &wire::Lines) {
    proxy.log_format = Some(ir::LogFormat::default());
    proxy.logs.push(ir::LogTarget {
        address: ir::LogAddress::Datagram(Address::Inet(lines.address())),
        max_length: 1024,
        format: ir::LogFraming::Rfc3164,
        facility: 16,
        max_level: 7,
        min_level: 0,
        sample: None,
        profile: None,
        span: hapax_core::span::Span::default(),
    });
}
