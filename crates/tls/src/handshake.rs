//! A handshake, driven by bytes: rustls makes it, and what comes out of it are keys and what both sides agreed on.

use std::fmt;
use std::sync::Arc;

use hapax_core::secured::Secured;
use hapax_proto::tls as wire;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError};
use rustls::{ClientConfig, CommonState, HandshakeKind, ServerConfig};

use crate::choice::SHOWN;
use crate::names;
use crate::record::{self, Key, RecordFault};
use crate::session::{Kernel, Records};

/// See the module text.
pub struct Handshake {
    side: Side,
    asked: Asked,
    /// The peer's first data, where they came with the end of its handshake.
    early: Vec<u8>,
    /// The certificate that the peer was shown, DER.
    own: Option<Arc<[u8]>>,
}

/// What a client asked for in its first message.
#[derive(Debug, Default)]
struct Asked {
    seen: bool,
    server_name: Option<Box<[u8]>>,
    /// The message, as far as it is kept.
    hello: Option<Box<[u8]>>,
    keeps: usize,
}

enum Side {
    Server(Box<UnbufferedServerConnection>),
    Client(Box<UnbufferedClientConnection>),
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}

/// Why there is no handshake.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HandshakeFault {
    /// What the peer sent does not do.
    #[error("{0}")]
    Refused(rustls::Error),
    /// Bytes that are no record.
    #[error("{0}")]
    Record(#[from] RecordFault),
    /// A request of HTTP without TLS.
    #[error("a request without TLS")]
    Http,
    /// The same to a proxy.
    #[error("a request to a proxy without TLS")]
    HttpProxy,
    /// The peer said that it is done before anything began.
    #[error("closed")]
    Closed,
    /// The keys that came out are of no use.
    #[error("unusable keys")]
    Keys,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// More bytes of the peer are needed.
    More,
    /// Both sides have what they need, once everything is sent.
    Done,
}

impl Handshake {
    /// Waits for a client; `keeps` bytes of its first message are kept.
    ///
    /// # Errors
    /// When the configuration is of no use.
    pub fn server(config: Arc<ServerConfig>, keeps: usize) -> Result<Handshake, HandshakeFault> {
        let connection =
            UnbufferedServerConnection::new(config).map_err(HandshakeFault::Refused)?;
        Ok(Handshake {
            side: Side::Server(Box::new(connection)),
            asked: Asked {
                keeps,
                ..Asked::default()
            },
            early: Vec::new(),
            own: None,
        })
    }

    /// Begins towards a server.
    ///
    /// # Errors
    /// When the configuration is of no use.
    pub fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        shown: Option<Box<[u8]>>,
    ) -> Result<Handshake, HandshakeFault> {
        let connection =
            UnbufferedClientConnection::new(config, name).map_err(HandshakeFault::Refused)?;
        Ok(Handshake {
            side: Side::Client(Box::new(connection)),
            asked: Asked {
                seen: true,
                server_name: shown,
                ..Asked::default()
            },
            early: Vec::new(),
            own: None,
        })
    }

    /// Takes bytes of the peer, and adds what is to be sent to `out`. Answers how many bytes were used up; `out` is worth
    /// sending after a fault too.
    pub fn advance(
        &mut self,
        incoming: &mut [u8],
        out: &mut Vec<u8>,
    ) -> (usize, Result<Step, HandshakeFault>) {
        if !self.asked.seen {
            match self.asked.look(incoming) {
                Ok(true) => {}
                Ok(false) => return (0, Ok(Step::More)),
                Err(_) if is_http(incoming) => return (0, Err(HandshakeFault::Http)),
                Err(_) if incoming.starts_with(b"CONNECT ") => {
                    return (0, Err(HandshakeFault::HttpProxy));
                }
                Err(fault) => return (0, Err(fault.into())),
            }
        }
        match &mut self.side {
            Side::Server(connection) => {
                SHOWN.set(None);
                let advanced = drive!(connection, incoming, out, self.early);
                if let Some(shown) = SHOWN.take() {
                    self.own = Some(shown);
                }
                advanced
            }
            Side::Client(connection) => drive!(connection, incoming, out, self.early),
        }
    }

    /// What came out of it.
    ///
    /// # Errors
    /// When it is not over, or the keys are of no use.
    pub fn finish(self) -> Result<Established, HandshakeFault> {
        let unusable = |_| HandshakeFault::Keys;
        let mut secured = match &self.side {
            Side::Server(connection) => describe(connection),
            Side::Client(connection) => describe(connection),
        };
        secured.server_name = self.asked.server_name;
        secured.hello = self.asked.hello;
        secured.own = self.own;
        let (secrets, version, kernel) = match self.side {
            Side::Server(connection) => {
                let (secrets, kernel) = connection
                    .dangerous_into_kernel_connection()
                    .map_err(unusable)?;
                let version = kernel.protocol_version();
                (secrets, version, Kernel::Server(kernel))
            }
            Side::Client(connection) => {
                let (secrets, kernel) = connection
                    .dangerous_into_kernel_connection()
                    .map_err(unusable)?;
                let version = kernel.protocol_version();
                (secrets, version, Kernel::Client(kernel))
            }
        };
        let key = |(sequence, secrets)| Key::new(version, sequence, &secrets);
        let (Some(tx), Some(rx)) = (key(secrets.tx), key(secrets.rx)) else {
            return Err(HandshakeFault::Keys);
        };
        Ok(Established {
            records: Records::new(tx, rx, version, kernel),
            secured,
            early: self.early,
        })
    }
}

/// What came out of a handshake.
#[derive(Debug)]
pub struct Established {
    /// How bytes go from now on.
    pub records: Records,
    /// What both sides agreed on.
    pub secured: Secured,
    /// The peer's first data, where they came with the end of its handshake.
    pub early: Vec<u8>,
}

/// Lets rustls do what it can.
macro_rules! drive {
    ($connection:expr, $incoming:expr, $out:expr, $early:expr) => {{
        let mut used = 0;
        let result = loop {
            let status =
                $connection.process_tls_records($incoming.get_mut(used..).unwrap_or_default());
            let mut discard = status.discard;
            let step = match status.state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    encode($out, |room| data.encode(room));
                    None
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    None
                }
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        discard += record.discard;
                        $early.extend_from_slice(record.payload);
                    }
                    None
                }
                Ok(ConnectionState::WriteTraffic(_)) => Some(Ok(Step::Done)),
                Ok(ConnectionState::BlockedHandshake) => Some(Ok(Step::More)),
                Ok(_) => Some(Err(HandshakeFault::Closed)),
                Err(error) => Some(Err(HandshakeFault::Refused(error))),
            };
            used += discard;
            if let Some(step) = step {
                break step;
            }
        };
        if result.is_err() {
            // What the peer is told about it.
            loop {
                let status =
                    $connection.process_tls_records($incoming.get_mut(used..).unwrap_or_default());
                used += status.discard;
                match status.state {
                    Ok(ConnectionState::EncodeTlsData(mut data)) => {
                        encode($out, |room| data.encode(room));
                    }
                    _ => break,
                }
            }
        }
        (used, result)
    }};
}
use drive;

impl Asked {
    /// Looks at a client's first message. False while it has not come.
    fn look(&mut self, bytes: &[u8]) -> Result<bool, RecordFault> {
        let Some(whole) = record::whole(bytes)? else {
            return Ok(false);
        };
        let Some(first) = bytes.get(..whole) else {
            return Ok(false);
        };
        self.seen = true;
        if let wire::Found::Here(name) = wire::server_name(first) {
            self.server_name = Some(name.into());
        }
        if self.keeps > 0 {
            self.hello = Some(first.into());
        }
        Ok(true)
    }
}

fn is_http(bytes: &[u8]) -> bool {
    let methods: [&[u8]; 5] = [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS "];
    methods.iter().any(|method| bytes.starts_with(method))
}

/// Gives `encode` as much room at the end of `out` as it wants.
fn encode(out: &mut Vec<u8>, mut encode: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>) {
    let before = out.len();
    let mut room = FLIGHT;
    loop {
        out.resize(before + room, 0);
        match encode(&mut out[before..]) {
            Ok(count) => return out.truncate(before + count),
            Err(EncodeError::InsufficientSize(size)) if size.required_size > room => {
                room = size.required_size;
            }
            Err(_) => return out.truncate(before),
        }
    }
}

fn describe(common: &CommonState) -> Secured {
    let cipher = names::cipher(common.negotiated_cipher_suite().map(|suite| suite.suite()));
    Secured {
        version: names::version(common.protocol_version()),
        cipher: cipher.name,
        key_bits: cipher.bits,
        protocol: common.alpn_protocol().map(Into::into),
        resumed: common.handshake_kind() == Some(HandshakeKind::Resumed),
        group: names::group(
            common
                .negotiated_key_exchange_group()
                .map(|group| group.name()),
        ),
        peer: common
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|certificate| certificate.as_ref().into())
            .collect(),
        ..Secured::default()
    }
}

/// Room for what is sent at a time, at first.
const FLIGHT: usize = 2048;
