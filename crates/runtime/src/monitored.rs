//! Connections that only ask whether we serve (old `monitor-net` and `mode health`): answered and closed, never logged.

use std::task::Poll;

use hapax_core::ir::{CheckKind, Mode, Proxy};
use hapax_core::stream::Endpoint;
use hapax_sys::stream::{Half, send, shutdown};

use crate::buffer::Buf;
use crate::clock;
use crate::http::Client;
use crate::http::client::within;
use crate::io::Io;

/// What a connection from `source` is told, if it only asks; nothing at all may be the answer.
pub fn answer(proxy: &Proxy, source: &Endpoint) -> Option<&'static [u8]> {
    let monitored = || {
        let network = proxy.monitor_net.as_ref()?;
        source.ip().filter(|ip| network.contains(*ip))
    };
    if monitored().is_some() {
        return Some(match proxy.mode {
            Mode::Http => HTTP,
            Mode::Tcp | Mode::Log => b"",
        });
    }
    proxy.health.then_some(match proxy.check {
        CheckKind::Http => HTTP,
        _ => b"OK\n",
    })
}

/// Gives the answer and closes.
pub async fn serve(mut client: Box<Client>, answer: &'static [u8]) {
    if answer.is_empty() {
        return;
    }
    // A new connection has room for these bytes.
    let told = client
        .socket
        .with_fd(|fd| send(fd, answer, b"", false).is_ok() && shutdown(fd, Half::Write).is_ok());
    if !told {
        return;
    }
    // Bytes that nobody read would make the close a reset, and the answer might be lost.
    let Client {
        socket,
        timer,
        handle,
        ..
    } = &mut *client;
    let mut unread = 0;
    let _ = within(timer, handle, clock::now_ms() + PATIENCE_MS, |cx| {
        let mut bytes = Buf::take();
        loop {
            bytes.clear();
            match socket.poll_recv(cx, bytes.room()) {
                Poll::Ready(Ok(count)) if count > 0 && unread < MOST_UNREAD => unread += count,
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
}

const HTTP: &[u8] = b"HTTP/1.0 200 OK\r\n\r\n";

/// How long the client may take to close.
const PATIENCE_MS: u64 = 1000;

/// Bytes of the client that are read away.
const MOST_UNREAD: usize = 65536;
