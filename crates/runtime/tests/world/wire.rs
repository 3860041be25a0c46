//! Clients and servers that say exactly what a test tells them.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// No test waits longer than this for anything.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A server: for each request head that comes (and `Content-Length` bytes behind it), the next answer.
pub struct Origin {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

/// What a server does after an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum After {
    Keep,
    Close,
}

impl Origin {
    /// Answers every request with `answer`.
    pub fn new(answer: &str, after: After) -> Origin {
        let answer = answer.to_owned();
        Origin::with(move |_| (answer.clone(), after))
    }

    /// Answers as `answer` says of each request.
    pub fn with(answer: impl Fn(&str) -> (String, After) + Send + Sync + 'static) -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let origin = Origin {
            address: listener.local_addr().expect("a name"),
            seen: Arc::default(),
            connections: Arc::default(),
        };
        let (seen, connections) = (origin.seen.clone(), origin.connections.clone());
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                *connections.lock().expect("not poisoned") += 1;
                let (seen, answer) = (seen.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, &seen, &*answer));
            }
        });
        origin
    }

    /// What came so far, one text for each request.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("not poisoned").clone()
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        *self.connections.lock().expect("not poisoned")
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<String>>,
    answer: &dyn Fn(&str) -> (String, After),
) {
    let mut bytes = Vec::new();
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    loop {
        let Some(request) = request(&mut stream, &mut bytes) else {
            return;
        };
        let (answer, after) = answer(&request);
        seen.lock().expect("not poisoned").push(request);
        if stream.write_all(answer.as_bytes()).is_err() || after == After::Close {
            return;
        }
    }
}

fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<String> {
    let mut chunk = [0; 65536];
    loop {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if let Some(head) = text.find("\r\n\r\n").map(|end| end + 4) {
            let length = text[..head]
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().expect("a length"));
            let whole = match text[..head].contains("transfer-encoding: chunked") {
                true => text.find("0\r\n\r\n").map(|end| end + 5),
                false => (bytes.len() >= head + length).then_some(head + length),
            };
            if let Some(whole) = whole {
                bytes.drain(..whole);
                return Some(text[..whole].to_owned());
            }
        }
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&chunk[..count]),
            _ => return None,
        }
    }
}

/// A client's connection.
pub struct Client(pub TcpStream);

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect_timeout(&address, LIMIT).expect("connects");
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        Client(stream)
    }

    pub fn send(&mut self, text: &str) -> &mut Client {
        self.0.write_all(text.as_bytes()).expect("sends");
        self
    }

    /// Reads until `until` is the end of what came.
    pub fn read_until(&mut self, until: &str) -> String {
        let mut text = Vec::new();
        let mut chunk = [0; 65536];
        let end = Instant::now() + LIMIT;
        while !text.ends_with(until.as_bytes()) {
            assert!(
                Instant::now() < end,
                "not in time: {}",
                String::from_utf8_lossy(&text)
            );
            match self.0.read(&mut chunk) {
                Ok(count) if count > 0 => text.extend_from_slice(&chunk[..count]),
                other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&text)),
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Reads until the end of the stream.
    pub fn read_all(&mut self) -> String {
        let mut text = Vec::new();
        match self.0.read_to_end(&mut text) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&text)),
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    pub fn end(&mut self) -> &mut Client {
        self.0.shutdown(std::net::Shutdown::Write).expect("ends");
        self
    }
}

/// A UDP socket that gathers log lines.
pub struct Lines(std::net::UdpSocket);

impl Lines {
    pub fn new() -> Lines {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_read_timeout(Some(LIMIT)).expect("a timeout");
        Lines(socket)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("a name")
    }

    /// The next line, without what stands in front of the text.
    pub fn next(&self) -> String {
        let mut bytes = [0; 4096];
        let count = self.0.recv(&mut bytes).expect("a line in time");
        let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
        match text.split_once("]: ") {
            Some((_, text)) => text.trim_end().to_owned(),
            None => text,
        }
    }
}

/// Waits until something holds.
#[allow(
    clippy::disallowed_methods,
    reason = "looks again at what other threads do"
)]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
