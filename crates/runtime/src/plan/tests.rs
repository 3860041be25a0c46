//! What the configuration does to sockets towards servers.

use nix::sys::socket::{getsockopt, sockopt};

use super::*;
use crate::open::tests::proxy;

// exercises: section/tune.rcvbuf.server
// exercises: section/tune.sndbuf.server
// exercises: section/tune.notsent-lowat.server
// exercises: server/tfo
#[test]
fn sockets_to_servers_are_tuned() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = Addr::Inet(listener.local_addr().expect("address"));
    let address = SockAddr::new(&address).expect("address");
    let mut global = ir::Global::default();
    global.tune.rcvbuf_server = 20_000;
    global.tune.sndbuf_server = 30_000;
    global.tune.notsent_lowat_server = 40_000;
    let mut server = ir::ServerOptions::default();
    for fast_open in [false, true] {
        server.fast_open = fast_open;
        let options = connect_options(&server, &proxy(), &global);
        let socket = hapax_sys::connect::connect(&address, &options).expect("connect");
        // Linux grants twice of what is asked for.
        assert_eq!(getsockopt(&socket, sockopt::RcvBuf).expect("read"), 40_000);
        assert_eq!(getsockopt(&socket, sockopt::SndBuf).expect("read"), 60_000);
        let unsent = hapax_sys::option::unsent_low_water(&socket).expect("read");
        assert_eq!(unsent, 40_000);
        let set = getsockopt(&socket, sockopt::TcpFastOpenConnect).expect("read");
        assert_eq!(set, fast_open);
    }
}
