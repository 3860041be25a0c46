//! A bare HTTP proxy made by hand, to measure the engine alone: `bare LISTEN SERVER... `, workers in `WORKERS`.

#[path = "../tests/world/mod.rs"]
mod world;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let address = |text: Option<String>| -> std::net::SocketAddr {
        text.and_then(|text| text.parse().ok())
            .expect("usage: bare LISTEN SERVER...")
    };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let listen = address(arguments.next());
    let mut proxy = world::proxy("bare", hapax_core::ir::ProxyKind::Listen);
    proxy.binds.push(world::listener_at(listen));
    let keepalive = std::env::var("SERVER_CLOSE").is_err();
    if !keepalive {
        proxy.options.connection_mode = hapax_core::ir::ConnectionMode::ServerClose;
    }
    if std::env::var("TCP").is_ok() {
        proxy.mode = hapax_core::ir::Mode::Tcp;
    }
    proxy.timeouts.client = Some(60_000);
    proxy.timeouts.server = Some(60_000);
    proxy.forward_for = Some(hapax_core::ir::ForwardFor {
        header: "X-Forwarded-For".into(),
        except: None,
        if_none: false,
    });
    for server in arguments {
        let name = format!("s{}", proxy.servers.len());
        proxy
            .servers
            .push(world::server(&name, address(Some(server))).into());
    }
    let mut world = world::run(
        hapax_core::ir::Global::default(),
        vec![proxy],
        number("WORKERS").unwrap_or(1),
    );
    if let Some(running) = world.running.take() {
        running.join().expect("workers end without a fault");
    }
}
