//! The client for HTTP of the process itself, outside the path of requests: it asks one server for one thing and hands the
//! answer to who wanted it. What it does is what upstream's does: fields, retries, pages for errors, log lines.

mod answer;
mod line;
mod url;

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;

use hapax_core::ir::Address;
use hapax_core::program::Program;
use hapax_core::resolution::{Asked, Turn};
use hapax_proto::http::Head;
use hapax_sys::connect::ConnectOptions;
use hapax_tls::handshake::Handshake;
use hapax_tls::store::Store;

use crate::address::socket_address;
use crate::check::probe::{send, within};
use crate::clock;
use crate::http::error_page::page;
use crate::io::Stream;
use crate::local::Local;
use crate::wheel::Timer;

pub(crate) use self::line::Told;
pub(crate) use self::url::Url;

/// What is asked.
#[derive(Debug)]
pub(crate) struct Request {
    /// The method, in capitals.
    pub method: &'static str,
    /// The target as it was written, for the log.
    pub text: String,
    /// Where it is.
    pub url: Url,
    /// What the body is, and the body.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// A proxy that is asked in place of the server.
    pub through: Option<SocketAddr>,
}

/// Who wants the answer. False says that it wants no more.
pub(crate) trait Taker {
    /// The head, which does not tell of the framing any more than it did on the wire.
    async fn head(&mut self, head: &Head) -> bool;
    /// More of the body.
    async fn body(&mut self, bytes: &[u8]) -> bool;
}

/// The methods that are known.
const METHODS: [&str; 8] = [
    "OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT",
];

impl Request {
    /// What such a text asks for; none when it cannot be asked.
    pub(crate) fn new(method: &str, text: &str) -> Option<Request> {
        Some(Request {
            method: METHODS.into_iter().find(|known| *known == method)?,
            text: text.to_owned(),
            url: Url::parse(text)?,
            body: None,
            through: None,
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let target = match self.through {
            Some(_) => &self.text,
            None => &self.url.target,
        };
        let mut out = format!("{} {target} HTTP/1.1\r\n", self.method).into_bytes();
        if let Some((kind, _)) = &self.body {
            out.extend_from_slice(format!("content-type: {kind}\r\n").as_bytes());
        }
        let fields = format!(
            "host: {}\r\naccept: */*\r\nuser-agent: HAProxy\r\n",
            self.url.authority
        );
        out.extend_from_slice(fields.as_bytes());
        match &self.body {
            Some((_, body)) => {
                let chunk = format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n", body.len());
                out.extend_from_slice(chunk.as_bytes());
                out.extend_from_slice(body);
                out.extend_from_slice(b"\r\n0\r\n\r\n");
            }
            None => out.extend_from_slice(b"\r\n"),
        }
        out
    }
}

/// Why there is no answer of the server.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// Its name has no address.
    Unresolved,
    /// It cannot be reached. Soon it may.
    Refused,
    /// TLS with it cannot be spoken, or it did not answer in time; another try need not wait.
    Unsecured,
    /// It closed without a byte.
    Empty,
    /// What it says is no HTTP.
    Invalid,
    /// It said nothing for too long.
    Silent,
}

/// Asks, and hands over the answer; a page of our own when there is none. Tells what the log says of it.
pub(crate) async fn ask(local: &Rc<Local>, request: &Request, taker: &mut impl Taker) -> Told {
    let program = local.plan().program.clone();
    let mut timer = Timer::new();
    let mut told = Told::begin();
    let settings = &program.global.http_client;
    let retries = settings.retries.unwrap_or(RETRIES);
    let connect = u64::from(settings.timeout_connect.unwrap_or(CONNECT_MS));
    let failure = loop {
        match attempt(
            local,
            &program,
            request,
            (&mut timer, connect),
            (taker, &mut told),
        )
        .await
        {
            Ok(()) => return told,
            Err(failure @ (Failure::Refused | Failure::Unsecured | Failure::Empty))
                if told.retries < retries =>
            {
                told.retries += 1;
                if failure == Failure::Refused {
                    let until = clock::now_ms() + connect.min(TURNAROUND_MS);
                    let _ = within(&mut timer, until, |_| Poll::<()>::Pending).await;
                }
            }
            Err(failure) => break failure,
        }
    };
    let (status, flags) = match failure {
        Failure::Unresolved => (503, "LR"),
        Failure::Refused | Failure::Unsecured => (503, "SC"),
        Failure::Empty => (502, "SH"),
        Failure::Invalid => (502, "PH"),
        Failure::Silent => (504, "sH"),
    };
    let mut head = Head::new();
    let page = page(status);
    let body = match failure {
        Failure::Unresolved => {
            head.start_response(b"HTTP/1.1", status, page.reason.as_bytes());
            head.add(b"content-length", b"0");
            String::new()
        }
        _ => page.fill(&mut head),
    };
    told.flags = flags;
    told.head(&head);
    told.body(body.len());
    if taker.head(&head).await {
        taker.body(body.as_bytes()).await;
    }
    told
}

/// Asks once.
async fn attempt(
    local: &Rc<Local>,
    program: &Program,
    request: &Request,
    (timer, connect): (&mut Timer, u64),
    (taker, told): (&mut impl Taker, &mut Told),
) -> Result<(), Failure> {
    let refused = |_: io::Error| Failure::Refused;
    let to = match (request.through, request.url.host.parse()) {
        (Some(proxy), _) => proxy,
        (None, Ok(ip)) => SocketAddr::new(ip, request.url.port),
        (None, Err(_)) => {
            let ip = resolve(local, program, &request.url.host).await?;
            told.resolved = Some(ip);
            SocketAddr::new(ip, request.url.port)
        }
    };
    let deadline = clock::now_ms() + connect;
    let how = ConnectOptions {
        nodelay: true,
        ..ConnectOptions::default()
    };
    let began = clock::now_ms();
    let to = socket_address(&Address::Inet(to)).map_err(refused)?;
    let mut stream = Stream::connect(&to, &how).map_err(refused)?;
    match within(timer, deadline, |cx| stream.poll_connected(cx)).await {
        Some(connected) => connected.map_err(refused)?,
        None => return Err(Failure::Unsecured),
    }
    if request.url.secured {
        let handshake = handshake(program, &request.url.host).map_err(|why| {
            log::debug!("TLS with {} cannot be spoken: {why}", request.url.host);
            Failure::Unsecured
        })?;
        stream.secure(handshake, None);
        match within(timer, deadline, |cx| stream.poll_secured(cx)).await {
            Some(Ok(())) => {}
            Some(Err(_)) | None => return Err(Failure::Unsecured),
        }
    }
    told.connected(began);
    let bytes = request.bytes();
    let until = clock::now_ms() + SILENCE_MS;
    match send(&bytes, &mut stream, timer, until).await {
        Ok(Some(())) => {}
        Ok(None) => return Err(Failure::Silent),
        // The answer may be there all the same.
        Err(error) => log::debug!("not all of a request was sent: {error}"),
    }
    answer::take(request, &mut stream, timer, taker, told).await
}

/// The address of a host. Where none is looked up, nothing is at any.
async fn resolve(local: &Rc<Local>, program: &Program, host: &str) -> Result<IpAddr, Failure> {
    let settings = &program.global.http_client;
    let section = settings.section();
    let section = section.and_then(|name| program.live.resolvers(name));
    let section = section.ok_or(Failure::Refused)?;
    let mut ticket = 0;
    poll_fn(|cx| {
        let mut turn = Turn {
            now_ms: local.now().ms,
            ticket: &mut ticket,
            waker: cx.waker(),
        };
        match section.ask(host, settings.prefer, &mut turn) {
            Asked::Wait => Poll::Pending,
            Asked::Found(ip) => Poll::Ready(Ok(ip)),
            Asked::Failed => Poll::Ready(Err(Failure::Unresolved)),
        }
    })
    .await
}

fn handshake(program: &Program, host: &str) -> Result<Handshake, String> {
    let store = program.live.tls.get();
    let store: Option<&Store> = store.and_then(|store| store.as_any().downcast_ref());
    store
        .ok_or("there is no TLS")?
        .client(&program.global.http_client, host)
}

/// How often it is tried again (`httpclient.retries`).
const RETRIES: u32 = 3;
/// Milliseconds to connect (`httpclient.timeout.connect`).
const CONNECT_MS: u32 = 5000;
/// Milliseconds between two tries of a server that refuses.
const TURNAROUND_MS: u64 = 1000;
/// Milliseconds that a server may say nothing.
const SILENCE_MS: u64 = 60_000;
