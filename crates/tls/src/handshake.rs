//! A handshake, driven by bytes: rustls makes it, and what comes out of it are keys and what both sides agreed on.

use std::fmt;
use std::sync::Arc;

use hapax_core::secured::{Captured, Secrets, Secured};
use hapax_proto::tls as wire;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError};
use rustls::{ClientConfig, CommonState, HandshakeKind};

use crate::certificate::Certificate;
use crate::choice::Chosen;
use crate::fault;
use crate::hello::Hello;
use crate::listener::Ready;
use crate::names;
use crate::odd_name;
use crate::record::{self, HEADER, Key, RecordFault, content};
use crate::secrets;
use crate::session::{Kernel, Records};
use crate::verify::client::ClientCheck;

/// Lets rustls do what it can.
macro_rules! drive {
    ($connection:expr, $incoming:expr, $out:expr, $early:expr, $ended:expr) => {{
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
                // Its farewell came with the end of its handshake.
                Ok(ConnectionState::PeerClosed) => {
                    $ended = true;
                    None
                }
                Ok(ConnectionState::BlockedHandshake) if $ended => {
                    Some(Err(HandshakeFault::Closed))
                }
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
            // What the peer is told about it. rustls may not fail twice, and it looks at messages of the peer that wait in
            // what it was given: so it is asked for no more than it has to say, with the same bytes.
            while $connection.wants_write() {
                let incoming = $incoming.get_mut(used..).unwrap_or_default();
                let status = $connection.process_tls_records(incoming);
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

/// See the module text.
pub struct Handshake {
    side: Side,
    /// The name of the server that is asked for.
    server_name: Option<Box<[u8]>>,
    client_random: [u8; 32],
    server_random: [u8; 32],
    session_id: Box<[u8]>,
    secrets: Option<Box<Secrets>>,
    captured: Option<Box<Captured>>,
    /// The peer's first data, where they came with the end of its handshake.
    early: Vec<u8>,
    /// The peer sends no more.
    ended: bool,
    /// The name of the server is hidden from rustls.
    hidden: bool,
    /// The server sent something.
    answered: bool,
}

enum Side {
    /// A client that has not said yet what it wants.
    Awaiting(Arc<Ready>),
    Server(Box<ServerSide>),
    Client(Box<UnbufferedClientConnection>),
}

struct ServerSide {
    connection: UnbufferedServerConnection,
    /// The certificate that the client is shown.
    shown: Option<Arc<Certificate>>,
    check: Option<Arc<ClientCheck>>,
    /// The client takes a response of OCSP.
    takes_response: bool,
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
    /// There are as many connections with TLS as there may be.
    #[error("too many connections with TLS")]
    TooMany,
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
    /// Waits for a client.
    pub fn server(ready: Arc<Ready>) -> Handshake {
        Handshake::new(Side::Awaiting(ready), None)
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
        Ok(Handshake::new(Side::Client(Box::new(connection)), shown))
    }

    fn new(side: Side, server_name: Option<Box<[u8]>>) -> Handshake {
        Handshake {
            side,
            server_name,
            client_random: [0; 32],
            server_random: [0; 32],
            session_id: Box::default(),
            secrets: None,
            captured: None,
            early: Vec::new(),
            ended: false,
            hidden: false,
            answered: false,
        }
    }

    /// Whether it is ours with a server.
    pub fn is_of_client(&self) -> bool {
        matches!(self.side, Side::Client(_))
    }

    /// Takes bytes of the peer, and adds what is to be sent to `out`, which is empty. Answers how many bytes were used up;
    /// `out` is worth sending after a fault too.
    pub fn advance(
        &mut self,
        incoming: &mut [u8],
        out: &mut Vec<u8>,
    ) -> (usize, Result<Step, HandshakeFault>) {
        if let Side::Awaiting(ready) = &self.side {
            let ready = ready.clone();
            match Hello::read(incoming) {
                Ok(Some(hello)) => {
                    if let Err(fault) = self.begin(&ready, &hello) {
                        if fault == unnamed() {
                            out.extend(UNRECOGNIZED_NAME);
                        }
                        return (0, Err(fault));
                    }
                }
                Ok(None) => return (0, Ok(Step::More)),
                Err(_) if is_http(incoming) => return (0, Err(HandshakeFault::Http)),
                Err(_) if incoming.starts_with(b"CONNECT ") => {
                    return (0, Err(HandshakeFault::HttpProxy));
                }
                Err(fault) => return (0, Err(fault.into())),
            }
        }
        if self.hidden {
            // The first message, and the second that a client may be asked for.
            odd_name::hide(incoming);
        }
        odd_name::set(self.hidden);
        secrets::resume(self.secrets.take());
        let is_client = matches!(self.side, Side::Client(_));
        if is_client && !self.answered && incoming.len() >= HEADER {
            // Later rustls moves what it was given: no record may stand at the start.
            self.answered = true;
            if let Err(fault) = record::whole(incoming) {
                return (0, Err(fault.into()));
            }
        }
        if is_client && let Some(hello) = hello_of(incoming, SERVER_HELLO) {
            self.server_random = hello.random;
            self.session_id = hello.session.into();
        }
        let advanced = match &mut self.side {
            Side::Awaiting(_) => return (0, Ok(Step::More)),
            Side::Server(side) => {
                Chosen::set(side.shown.as_ref().map(|shown| shown.shown().clone()));
                let advanced = drive!(side.connection, incoming, out, self.early, self.ended);
                Chosen::set(None);
                advanced
            }
            Side::Client(connection) => drive!(connection, incoming, out, self.early, self.ended),
        };
        self.secrets = secrets::take();
        odd_name::set(false);
        if let (_, Err(HandshakeFault::Refused(rustls::Error::NoCertificatesPresented))) = &advanced
            && let Some(alert) = out.last_chunk_mut::<7>()
            && *alert == CERTIFICATE_REQUIRED
        {
            // That alert came with TLS 1.3 (RFC 8446 6.2), where it is sealed.
            alert[6] = HANDSHAKE_FAILURE;
        }
        match is_client {
            true => {
                if let Some(hello) = hello_of(out, CLIENT_HELLO) {
                    self.client_random = hello.random;
                }
            }
            false => {
                if let Some(hello) = hello_of(out, SERVER_HELLO) {
                    self.server_random = hello.random;
                    self.session_id = hello.session.into();
                }
            }
        }
        advanced
    }

    /// A client said what it wants.
    fn begin(&mut self, ready: &Ready, hello: &Hello<'_>) -> Result<(), HandshakeFault> {
        self.server_name = hello.server_name().map(Into::into);
        self.hidden = self.server_name.as_deref().is_some_and(odd_name::is_odd);
        self.client_random = hello.random();
        if ready.keeps > 0 {
            self.captured = Some(Box::new(hello.capture(ready.keeps)));
        }
        let (shown, setting) = ready.choose(hello);
        if shown.is_none() {
            return Err(unnamed());
        }
        let setting = setting.ok_or(HandshakeFault::Keys)?;
        let connection = UnbufferedServerConnection::new(setting.config(hello).clone())
            .map_err(HandshakeFault::Refused)?;
        self.side = Side::Server(Box::new(ServerSide {
            connection,
            shown,
            check: setting.check.clone(),
            takes_response: hello.takes_response(),
        }));
        Ok(())
    }

    /// What is known of one that failed.
    pub fn failed(&mut self, fault: &HandshakeFault) -> Secured {
        Secured {
            server_name: self.server_name.take(),
            client_random: self.client_random,
            server_random: self.server_random,
            captured: self.captured.take(),
            fault: fault::reason(fault).map(|reason| (reason.code, reason.text)),
            ..Secured::default()
        }
    }

    /// What came out of it.
    ///
    /// # Errors
    /// When it is not over, or the keys are of no use.
    pub fn finish(self) -> Result<Established, HandshakeFault> {
        let unusable = |_| HandshakeFault::Keys;
        let mut secured = match &self.side {
            Side::Server(side) => describe(&side.connection),
            Side::Client(connection) => describe(connection),
            Side::Awaiting(_) => return Err(HandshakeFault::Keys),
        };
        secured.server_name = self.server_name;
        secured.client_random = self.client_random;
        secured.server_random = self.server_random;
        secured.session_id = self.session_id;
        secured.secrets = self.secrets;
        secured.captured = self.captured;
        let (secrets, version, kernel) = match self.side {
            Side::Server(side) => {
                if let Some(check) = &side.check {
                    secured.verdict = check.verdict(&secured.peer);
                    if !secured.resumed {
                        secured.root = check.root(&secured.peer).map(Into::into);
                    }
                }
                let has_response = |shown: &Arc<Certificate>| shown.shown().ocsp.is_some();
                secured.stapled = side.takes_response
                    && !secured.resumed
                    && side.shown.as_ref().is_some_and(has_response);
                secured.own = side.shown.map(|shown| shown.der.clone());
                let (secrets, kernel) = side
                    .connection
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
            Side::Awaiting(_) => return Err(HandshakeFault::Keys),
        };
        let key = |(sequence, secrets)| Key::new(version, sequence, &secrets);
        let (Some(tx), Some(rx)) = (key(secrets.tx), key(secrets.rx)) else {
            return Err(HandshakeFault::Keys);
        };
        Ok(Established {
            records: Records::new(tx, rx, version, kernel),
            secured,
            early: self.early,
            ended: self.ended,
        })
    }
}

/// No certificate is for the name of the server (`strict-sni`).
fn unnamed() -> HandshakeFault {
    HandshakeFault::Refused(rustls::Error::General("no certificate".to_owned()))
}

/// The hello of this kind at the start of some bytes.
fn hello_of(bytes: &[u8], kind: u8) -> Option<wire::Begun<'_>> {
    let starts = bytes.first() == Some(&content::HANDSHAKE) && bytes.get(5) == Some(&kind);
    starts.then(|| wire::begun(bytes)).flatten()
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
    /// The peer sends no more: its farewell came with the end of its handshake.
    pub ended: bool,
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

const CLIENT_HELLO: u8 = 1;
const HANDSHAKE_FAILURE: u8 = 40;
/// A record with the alert `certificate_required`.
const CERTIFICATE_REQUIRED: [u8; 7] = [content::ALERT, 3, 3, 0, 2, 2, 116];
/// A record with the alert `unrecognized_name` (RFC 6066 3).
const UNRECOGNIZED_NAME: [u8; 7] = [content::ALERT, 3, 3, 0, 2, 2, 112];
const SERVER_HELLO: u8 = 2;
/// Room for what is sent at a time, at first.
const FLIGHT: usize = 2048;
