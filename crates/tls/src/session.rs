//! A connection whose handshake is over: records both ways, and the few messages that may still come.

use std::fmt;

use rustls::ProtocolVersion;
use rustls::client::ClientConnectionData;
use rustls::kernel::KernelConnection;
use rustls::server::ServerConnectionData;

use crate::record::{Key, RecordFault, content};

/// See the module text.
pub struct Records {
    /// The key of what is sent.
    pub tx: Key,
    /// The key of what is received.
    pub rx: Key,
    version: ProtocolVersion,
    is_of_server: bool,
    /// What keys can be changed and tickets be kept with; TLS 1.2 has neither.
    kernel: Option<Box<Kernel>>,
    /// The beginning of a message that came in parts.
    partial: Vec<u8>,
    /// The peer wants the key of what is sent to be changed too.
    answers: bool,
    /// The client wants a new handshake, and is to be told that there is none.
    declines: bool,
}

/// rustls' part of a connection whose records are made here.
pub enum Kernel {
    /// A client's.
    Server(KernelConnection<ServerConnectionData>),
    /// A server's.
    Client(KernelConnection<ClientConnectionData>),
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Records({:?}, {:?}, {:?})",
            self.version, self.tx, self.rx
        )
    }
}

impl Records {
    pub(crate) fn new(tx: Key, rx: Key, version: ProtocolVersion, kernel: Kernel) -> Records {
        Records {
            tx,
            rx,
            version,
            is_of_server: matches!(kernel, Kernel::Server(_)),
            kernel: (version == ProtocolVersion::TLSv1_3).then(|| Box::new(kernel)),
            partial: Vec::new(),
            answers: false,
            declines: false,
        }
    }

    /// Shrinks what can be made again.
    pub fn rest(&mut self) {
        self.tx.rest();
        self.rx.rest();
        self.partial = Vec::new();
    }

    /// Whether a record that changes the key has to be sent before data.
    pub fn is_key_due(&self) -> bool {
        self.answers || (self.tx.is_worn() && self.kernel.is_some())
    }

    /// Whether the client has to be told that there is no new handshake; once for each time that it asked.
    pub fn declines(&mut self) -> bool {
        std::mem::take(&mut self.declines)
    }

    /// Seals the record that changes the key of what is sent, into `room`. Answers its length.
    ///
    /// # Errors
    /// When there is no other key.
    pub fn change_key(&mut self, room: &mut [u8]) -> Result<usize, RecordFault> {
        let length = self.tx.seal(content::HANDSHAKE, &KEY_UPDATE, &[], room)?;
        let kernel = self.kernel.as_mut().ok_or(RecordFault::WornOut)?;
        let next = match kernel.as_mut() {
            Kernel::Server(kernel) => kernel.update_tx_secret(),
            Kernel::Client(kernel) => kernel.update_tx_secret(),
        };
        let (sequence, secrets) = next.map_err(|_| RecordFault::WornOut)?;
        self.tx = Key::new(self.version, sequence, &secrets).ok_or(RecordFault::WornOut)?;
        self.answers = false;
        Ok(length)
    }

    /// Takes the contents of a record that is not data. True when the peer sends no more.
    ///
    /// # Errors
    /// The connection is over then.
    pub fn control(&mut self, kind: u8, bytes: &[u8]) -> Result<bool, RecordFault> {
        match kind {
            content::ALERT => match *bytes {
                [_, CLOSE_NOTIFY] => Ok(true),
                // RFC 8446 6.1: who cancels closes next.
                [_, USER_CANCELED] => Ok(false),
                [_, alert] => Err(RecordFault::Alert(alert)),
                _ => Err(RecordFault::Malformed),
            },
            content::HANDSHAKE => self.messages(bytes).map(|()| false),
            _ => Err(RecordFault::Unexpected),
        }
    }

    fn messages(&mut self, bytes: &[u8]) -> Result<(), RecordFault> {
        let Some(kernel) = &mut self.kernel else {
            // A new handshake is not made, whoever asks for it; who asks as a client may goes on without one.
            self.declines = self.is_of_server && bytes.first() == Some(&CLIENT_HELLO);
            return match self.declines {
                true => Ok(()),
                false => Err(RecordFault::Unexpected),
            };
        };
        if self.partial.len() + bytes.len() > MOST_MESSAGE {
            return Err(RecordFault::TooLong);
        }
        self.partial.extend_from_slice(bytes);
        loop {
            let [kind, a, b, c, ..] = *self.partial.as_slice() else {
                return Ok(());
            };
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let Some(body) = self.partial.get(4..4 + length) else {
                return match length > MOST_MESSAGE {
                    true => Err(RecordFault::TooLong),
                    false => Ok(()),
                };
            };
            match (kind, kernel.as_mut()) {
                (NEW_SESSION_TICKET, Kernel::Client(kernel)) => {
                    // A ticket that is of no use is not kept.
                    let _ = kernel.handle_new_session_ticket(body);
                }
                (KEY_UPDATE_KIND, kernel) => {
                    self.answers |= match body {
                        [0] => false,
                        [1] => true,
                        _ => return Err(RecordFault::Malformed),
                    };
                    let next = match kernel {
                        Kernel::Server(kernel) => kernel.update_rx_secret(),
                        Kernel::Client(kernel) => kernel.update_rx_secret(),
                    };
                    let (sequence, secrets) = next.map_err(|_| RecordFault::Unexpected)?;
                    self.rx = Key::new(self.version, sequence, &secrets)
                        .ok_or(RecordFault::Unexpected)?;
                    if self.partial.len() > 4 + length {
                        // RFC 8446 5.1: the key does not change within a record.
                        return Err(RecordFault::Unexpected);
                    }
                }
                _ => return Err(RecordFault::Unexpected),
            }
            self.partial.drain(..4 + length);
            if self.partial.is_empty() {
                self.partial = Vec::new();
            }
        }
    }
}

/// The alert that says that there is no new handshake (RFC 5246 7.2.2).
pub const NO_RENEGOTIATION: [u8; 2] = [1, 100];
const CLIENT_HELLO: u8 = 1;
/// The alert that ends what is sent (RFC 8446 6.1).
pub const CLOSING: [u8; 2] = [1, CLOSE_NOTIFY];
const CLOSE_NOTIFY: u8 = 0;
const USER_CANCELED: u8 = 90;
const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE_KIND: u8 = 24;
/// A key update that asks for none in return.
const KEY_UPDATE: [u8; 5] = [KEY_UPDATE_KIND, 0, 0, 1, 0];
/// Longest message after the handshake: a ticket with its extensions.
const MOST_MESSAGE: usize = 65536 + 512;
