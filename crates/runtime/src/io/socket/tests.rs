//! Readiness: nothing is lost and nothing is waited for that is already there.

use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use hapax_sys::Addr;

use super::*;

fn run<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("runtime")
        .block_on(async { tokio::time::timeout(Duration::from_secs(10), test).await })
        .expect("in time");
}

fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let peer = TcpStream::connect(listener.local_addr().expect("addr")).expect("connect");
    let (socket, _) = listener.accept().expect("accept");
    socket.set_nonblocking(true).expect("nonblocking");
    (Socket::new(socket.into()), peer)
}

async fn read(stream: &mut Socket, room: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; room];
    let count = poll_fn(|cx| stream.poll_recv(cx, &mut bytes)).await?;
    bytes.truncate(count);
    Ok(bytes)
}

/// Polls once inside the runtime.
async fn once<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    poll_fn(|cx| {
        Poll::Ready(match poll(cx) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    })
    .await
}

#[test]
fn a_socket_with_bytes_is_read_without_registration() {
    run(async {
        let (mut stream, mut peer) = pair();
        peer.write_all(b"hello").expect("write");
        assert_eq!(read(&mut stream, 5).await.expect("read"), b"hello");
        assert!(stream.socket.events().is_none());
        assert!(stream.is_quiet());
    });
}

#[test]
fn end_after_a_short_read_is_seen_in_every_order() {
    run(async {
        // The end comes with the bytes, before the first wait.
        let (mut stream, mut peer) = pair();
        peer.write_all(b"one").expect("write");
        drop(peer);
        assert_eq!(read(&mut stream, 100).await.expect("read"), b"one");
        assert_eq!(read(&mut stream, 100).await.expect("end"), b"");

        // The end comes with the bytes, on a registered socket.
        let (mut stream, mut peer) = pair();
        assert!(once(|cx| stream.poll_recv(cx, &mut [0; 9])).await.is_none());
        peer.write_all(b"two").expect("write");
        drop(peer);
        assert_eq!(read(&mut stream, 100).await.expect("read"), b"two");
        assert_eq!(read(&mut stream, 100).await.expect("end"), b"");
        assert_eq!(read(&mut stream, 100).await.expect("still"), b"");

        // The end comes later, after a short read cleared the readiness.
        let (mut stream, mut peer) = pair();
        assert!(once(|cx| stream.poll_recv(cx, &mut [0; 9])).await.is_none());
        peer.write_all(b"three").expect("write");
        assert_eq!(read(&mut stream, 100).await.expect("read"), b"three");
        assert!(once(|cx| stream.poll_recv(cx, &mut [0; 9])).await.is_none());
        drop(peer);
        assert_eq!(read(&mut stream, 100).await.expect("end"), b"");
    });
}

#[test]
fn bytes_that_follow_a_short_read_arrive() {
    run(async {
        let (mut stream, mut peer) = pair();
        for round in 0..50u8 {
            peer.write_all(&[round]).expect("write");
            assert_eq!(read(&mut stream, 64).await.expect("read"), [round]);
        }
        peer.write_all(b"abcdef").expect("write");
        assert_eq!(read(&mut stream, 3).await.expect("full read"), b"abc");
        assert_eq!(read(&mut stream, 3).await.expect("full read"), b"def");
        assert!(once(|cx| stream.poll_recv(cx, &mut [0; 9])).await.is_none());
    });
}

#[test]
fn peer_closed_waits_and_leaves_bytes_in_place() {
    run(async {
        let (mut stream, mut peer) = pair();
        assert!(once(|cx| stream.poll_peer_closed(cx)).await.is_none());
        peer.write_all(b"pipelined").expect("write");
        tokio::task::yield_now().await;
        let waiting = tokio::time::timeout(
            Duration::from_millis(20),
            poll_fn(|cx| stream.poll_peer_closed(cx)),
        );
        assert!(waiting.await.is_err(), "bytes are no end");
        assert!(!stream.is_quiet());
        assert_eq!(read(&mut stream, 100).await.expect("kept"), b"pipelined");
        peer.write_all(b"last").expect("write");
        drop(peer);
        let closed = poll_fn(|cx| stream.poll_peer_closed(cx)).await;
        assert!(matches!(closed, PeerClosed::End));
        assert_eq!(read(&mut stream, 100).await.expect("kept"), b"last");
        assert_eq!(read(&mut stream, 100).await.expect("end"), b"");
    });
}

#[test]
fn a_reset_is_an_error_of_the_read_and_of_the_wait() {
    run(async {
        let (mut stream, peer) = pair();
        assert!(once(|cx| stream.poll_peer_closed(cx)).await.is_none());
        option::set_reset_on_close(&peer).expect("linger");
        drop(peer);
        let closed = poll_fn(|cx| stream.poll_peer_closed(cx)).await;
        assert!(matches!(closed, PeerClosed::Broken(_) | PeerClosed::End));

        let (mut stream, peer) = pair();
        option::set_reset_on_close(&peer).expect("linger");
        drop(peer);
        let error = read(&mut stream, 10).await.expect_err("reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_full_socket_waits_until_the_peer_reads() {
    run(async {
        let (mut stream, mut peer) = pair();
        let block = vec![7; 1 << 20];
        let mut sent = 0;
        while let Some(count) = once(|cx| stream.poll_send(cx, &block, b"tail", false)).await {
            sent += count.expect("send");
        }
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).expect("read");
            all.len()
        });
        sent += poll_fn(|cx| stream.poll_send(cx, b"more", b"", false))
            .await
            .expect("send");
        poll_fn(|cx| stream.poll_shutdown(cx))
            .await
            .expect("shutdown");
        assert_eq!(reader.join().expect("reader"), sent);
    });
}

#[test]
fn connecting_ends_well_or_with_the_reason() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let addr = listener.local_addr().expect("addr");
        let kernel = SockAddr::new(&Addr::Inet(addr)).expect("addr");
        let options = ConnectOptions::default();
        let mut stream = Socket::connect(&kernel, &options).expect("start");
        assert!(!stream.is_connected() && !stream.is_quiet());
        poll_fn(|cx| stream.poll_connected(cx))
            .await
            .expect("connected");
        assert!(stream.is_connected() && stream.is_quiet());

        let mut early = Socket::connect(&kernel, &options).expect("start");
        poll_fn(|cx| early.poll_send(cx, b"early", b"", false))
            .await
            .expect("send");
        assert!(early.is_connected());

        drop(listener);
        if let Ok(mut refused) = Socket::connect(&kernel, &options) {
            let error = poll_fn(|cx| refused.poll_connected(cx))
                .await
                .expect_err("closed port");
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    });
}
