//! A name server that is asked over TCP (RFC 1035 4.2.2, RFC 7766): questions share a connection, which is closed when it
//! was idle for a while.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::net::TcpStream;

use crate::clock;
use crate::wheel::NEVER;

/// One connection, made with the first question and again whenever it is gone.
pub(super) struct Messages {
    peer: SocketAddr,
    state: State,
    /// What is to be written.
    output: VecDeque<u8>,
    /// What was read and is no whole message.
    input: Vec<u8>,
    used_ms: u64,
}

enum State {
    Idle,
    Connecting(Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>),
    Open(TcpStream),
}

impl Messages {
    pub(super) fn to(peer: SocketAddr) -> Messages {
        Messages {
            peer,
            state: State::Idle,
            output: VecDeque::new(),
            input: Vec::new(),
            used_ms: 0,
        }
    }

    pub(super) fn send(&mut self, question: &[u8]) -> bool {
        let Ok(length) = u16::try_from(question.len()) else {
            return false;
        };
        if self.output.len() > MOST_WAITING {
            return false;
        }
        if matches!(self.state, State::Idle) {
            self.state = State::Connecting(Box::pin(TcpStream::connect(self.peer)));
        }
        self.output.extend(length.to_be_bytes());
        self.output.extend(question);
        self.used_ms = clock::now_ms();
        true
    }

    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<usize> {
        let polled = self.poll(cx, buffer);
        if let Poll::Ready(Err(error)) = &polled {
            log::debug!("the name server {} cannot be asked: {error}", self.peer);
            self.state = State::Idle;
            self.output.clear();
            self.input.clear();
        }
        match polled {
            Poll::Ready(Ok(length)) => Poll::Ready(length),
            _ => Poll::Pending,
        }
    }

    pub(super) fn deadline(&self) -> u64 {
        match self.state {
            State::Idle => NEVER,
            _ => self.used_ms + IDLE_MS,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.deadline() <= clock::now_ms() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if let State::Connecting(connecting) = &mut self.state {
            let stream = std::task::ready!(connecting.as_mut().poll(cx))?;
            self.state = State::Open(stream);
        }
        let State::Open(stream) = &mut self.state else {
            return Poll::Pending;
        };
        while !self.output.is_empty() {
            match stream.poll_write_ready(cx) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => break,
            }
            match stream.try_write(self.output.as_slices().0) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        loop {
            if let Some(message) = next_message(&mut self.input) {
                // What is longer than the buffer is too long for its taker, too.
                let length = message.len().min(buffer.len());
                buffer[..length].copy_from_slice(&message[..length]);
                self.used_ms = clock::now_ms();
                return Poll::Ready(Ok(length));
            }
            std::task::ready!(stream.poll_read_ready(cx))?;
            let mut chunk = [0; 4096];
            match stream.try_read(&mut chunk) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => self.input.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// Takes the first message, if all of it is there.
fn next_message(input: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = usize::from(u16::from_be_bytes([*input.first()?, *input.get(1)?]));
    let message = input.get(2..2 + length)?.to_vec();
    input.drain(..2 + length);
    Some(message)
}

const IDLE_MS: u64 = 5000;
/// Bytes of questions that wait for a connection.
const MOST_WAITING: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole() {
        let mut input = b"\0\x03ab".to_vec();
        assert_eq!(next_message(&mut input), None);
        input.extend(b"c\0\0\0\x01");
        assert_eq!(next_message(&mut input), Some(b"abc".to_vec()));
        assert_eq!(next_message(&mut input), Some(Vec::new()));
        assert_eq!(next_message(&mut input), None);
        assert_eq!(input, b"\0\x01");
    }
}
