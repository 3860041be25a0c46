//! Forwarding over loopback sockets.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::*;
use crate::io::Stream;
use crate::{pipe, turn, wheel};

fn pair() -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let peer = TcpStream::connect(listener.local_addr().expect("addr")).expect("connect");
    let (socket, _) = listener.accept().expect("accept");
    socket.set_nonblocking(true).expect("nonblocking");
    peer.set_read_timeout(Some(Duration::from_secs(10)))
        .expect("deadline");
    (Stream::new(socket.into()), peer)
}

/// Forwards between two peers that `play` drives from another thread.
fn relay(
    settings: RelaySettings,
    play: impl FnOnce(TcpStream, TcpStream) + Send + 'static,
) -> (End, Relay) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(turn::end)
        .on_thread_unpark(turn::begin)
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("runtime");
    let (mut client, client_peer) = pair();
    let (mut server, server_peer) = pair();
    let player = thread::spawn(move || play(client_peer, server_peer));
    let ended = runtime.block_on(async {
        tokio::task::spawn_local(wheel::drive());
        clock::refresh();
        let mut relay = Relay::new(settings);
        let mut first = Buf::take();
        assert!(first.push(b"early "));
        relay.preload(Side::Client, first);
        let mut timer = Timer::new();
        let run = relay.run(&mut client, &mut server, &mut timer);
        let end = tokio::time::timeout(Duration::from_secs(20), run)
            .await
            .expect("in time");
        (end, relay)
    });
    drop((client, server));
    player.join().expect("player");
    ended
}

fn read_all(mut from: &TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    from.read_to_end(&mut all).expect("read");
    all
}

#[test]
fn half_closes_pass_through_and_bytes_are_counted() {
    let (end, relay) = relay(RelaySettings::default(), |mut client, mut server| {
        client.write_all(b"question").expect("write");
        client.shutdown(Shutdown::Write).expect("shutdown");
        assert_eq!(read_all(&server), b"early question");
        server
            .write_all(b"answer")
            .expect("write after the client's end");
        drop(server);
        assert_eq!(read_all(&client), b"answer");
    });
    assert!(matches!(end, End::Closed), "{end:?}");
    assert_eq!(
        (relay.received(Side::Client), relay.delivered(Side::Client)),
        (14, 14)
    );
    assert_eq!(
        (relay.received(Side::Server), relay.delivered(Side::Server)),
        (6, 6)
    );
    assert!(relay.has_ended(Side::Client) && relay.has_ended(Side::Server));
}

#[test]
fn bulk_passes_whole_with_every_splice_policy() {
    for policy in [Splice::Never, Splice::Bulk, Splice::Always] {
        let settings = RelaySettings {
            splice_up: policy,
            splice_down: policy,
            ..RelaySettings::default()
        };
        let (end, relay) = relay(settings, |client, mut server| {
            let block: Vec<u8> = (0..5_000_000u32).map(|n| (n % 251) as u8).collect();
            let expected = block.clone();
            client.shutdown(Shutdown::Write).expect("shutdown");
            // A socket that is closed with unread bytes inside resets the connection.
            assert_eq!(read_all(&server), b"early ");
            let sender = thread::spawn(move || server.write_all(&block).expect("write"));
            assert!(read_all(&client) == expected, "bytes differ");
            sender.join().expect("sender");
        });
        assert!(matches!(end, End::Closed), "{policy:?}: {end:?}");
        assert_eq!(relay.delivered(Side::Server), 5_000_000);
        // This thread has not spliced before the first policy that splices.
        assert_eq!(pipe::open().0 > 0, policy != Splice::Never, "{policy:?}");
    }
}

#[test]
fn silence_ends_the_session_and_names_the_side() {
    let timeouts = |client, server| RelaySettings {
        client: Some(client),
        server: Some(server),
        ..RelaySettings::default()
    };
    let wait = |client: TcpStream, server: TcpStream| {
        read_all(&client);
        read_all(&server);
    };
    // The side that times out first is named; the session lasts until the other one is done.
    let start = std::time::Instant::now();
    let (end, _) = relay(timeouts(40, 120), wait);
    assert!(start.elapsed() >= Duration::from_millis(120));
    assert!(matches!(end, End::TimedOut(Side::Client)), "{end:?}");
    let (end, _) = relay(timeouts(120, 40), wait);
    assert!(matches!(end, End::TimedOut(Side::Server)), "{end:?}");
    let fin = RelaySettings {
        server_fin: Some(40),
        ..timeouts(10_000, 10_000)
    };
    let (end, relay) = relay(fin, |client, server| {
        client.shutdown(Shutdown::Write).expect("shutdown");
        assert_eq!(read_all(&server), b"early ");
        read_all(&client);
    });
    assert!(matches!(end, End::TimedOut(Side::Server)), "{end:?}");
    assert!(relay.has_ended(Side::Client));
}

#[test]
fn after_a_silent_client_the_server_may_go_on() {
    let settings = RelaySettings {
        client: Some(40),
        server: Some(150),
        ..RelaySettings::default()
    };
    let (end, relay) = relay(settings, |client, mut server| {
        assert_eq!(read_all(&server), b"early ", "the server is told");
        server.write_all(b"late").expect("write");
        assert_eq!(read_all(&client), b"late");
    });
    assert!(matches!(end, End::TimedOut(Side::Client)), "{end:?}");
    assert_eq!(relay.delivered(Side::Server), 4);
}

#[test]
fn a_side_that_takes_nothing_times_out() {
    let settings = RelaySettings {
        client: Some(100),
        ..RelaySettings::default()
    };
    let (end, relay) = relay(settings, |client, mut server| {
        server
            .set_write_timeout(Some(Duration::from_secs(10)))
            .expect("deadline");
        while server.write_all(&[1; 65536]).is_ok() {}
        drop(client);
    });
    assert!(matches!(end, End::TimedOut(Side::Client)), "{end:?}");
    assert!(relay.received(Side::Server) > relay.delivered(Side::Server));
}

#[test]
fn a_reset_names_the_side() {
    for side in [Side::Client, Side::Server] {
        let (end, _) = relay(RelaySettings::default(), move |client, server| {
            let mut early = [0; 6];
            (&server).read_exact(&mut early).expect("read");
            let (breaks, stays) = match side {
                Side::Client => (client, server),
                Side::Server => (server, client),
            };
            hapax_sys::option::set_reset_on_close(&breaks).expect("linger");
            drop(breaks);
            read_all(&stays);
        });
        assert!(
            matches!(end, End::Failed(who, _) if who == side),
            "{side:?}: {end:?}"
        );
    }
}
