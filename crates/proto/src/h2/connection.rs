//! One connection: frames in, frames out, streams in between. Who holds a stream reads and writes it through here; who holds
//! the socket passes what came to [`Connection::receive`] and sends what [`Connection::output`] gathers.
//!
//! Memory is bounded: what comes by the windows that are granted, what goes by the room of [`Output`], streams by the number
//! that is allowed, a header block by [`Config::most_block`].

mod output;
mod receive;
mod send;
mod stream;
mod watch;
mod window;

use std::collections::VecDeque;
use std::task::Waker;

use super::frame::{Code, FrameHead, HEAD, LEAST_FRAME, PREFACE, STREAM_MASK, kind, write};
use super::hpack;
use super::settings::{self, PeerSettings};
use crate::h1::Limits;
use crate::http::Head;

pub use output::Output;
pub use send::Broken;
use window::Arrivals;

pub use stream::{Reset, Stream};
pub use watch::Seen;

/// Which side we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Clients open streams to us.
    Server,
    /// We open streams.
    Client,
}

/// What is allowed, and what the other side is told.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Our side.
    pub role: Role,
    /// Bytes that each stream takes before more is granted.
    pub initial_window: u32,
    /// Bytes that all streams together may hold.
    pub receive_room: u32,
    /// Streams at a time; 0: as many as there are numbers.
    pub max_streams: u32,
    /// Streams in all, after which the other side is told to leave; 0: no limit.
    pub total_streams: u32,
    /// The largest payload we take.
    pub max_frame: u32,
    /// The table for header fields of the other side.
    pub header_table: u32,
    /// Bytes of a header block before it is decoded.
    pub most_block: usize,
    /// Clients may use extended CONNECT (RFC 8441).
    pub connect_protocol: bool,
    /// Oddities after which the connection ends; 0: never.
    pub most_glitches: u32,
    /// Of message heads.
    pub limits: Limits,
}

impl Config {
    /// The settings that nobody changed.
    pub fn new(role: Role) -> Config {
        Config {
            role,
            initial_window: LEAST_FRAME,
            receive_room: 100 * LEAST_FRAME,
            max_streams: 100,
            total_streams: 0,
            max_frame: LEAST_FRAME,
            header_table: hpack::DEFAULT_TABLE as u32,
            most_block: LEAST_FRAME as usize,
            connect_protocol: true,
            most_glitches: 0,
            limits: Limits::default(),
        }
    }
}

/// What happened, for counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// HEADERS and CONTINUATION frames that came.
    pub headers: u32,
    /// DATA frames that came.
    pub data: u32,
    /// SETTINGS frames that came.
    pub settings: u32,
    /// RST_STREAM frames that came.
    pub resets: u32,
    /// GOAWAY frames that came.
    pub goaways: u32,
    /// Errors of the connection.
    pub connection_errors: u32,
    /// Errors of streams.
    pub stream_errors: u32,
    /// RST_STREAM frames that were sent.
    pub resets_sent: u32,
    /// GOAWAY frames that were sent.
    pub goaways_sent: u32,
    /// Heads and trailers that were no messages, for the log.
    pub stream_complaints: u32,
    /// Errors of the connection that are worth a log line.
    pub connection_complaints: u32,
}

/// See the module text.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    peer: PeerSettings,
    output: Output,
    decoder: hpack::Decoder,
    /// In the order of their numbers.
    #[allow(
        clippy::vec_box,
        reason = "they are moved when one before them goes, and are kept for later ones"
    )]
    streams: Vec<Box<Stream>>,
    #[allow(clippy::vec_box, reason = "as above")]
    spare: Vec<Box<Stream>>,
    heads: Vec<Head>,
    /// Those that came and nobody has taken yet.
    opened: VecDeque<u32>,
    /// Those that wait for room or for the connection's window.
    queue: VecDeque<u32>,
    input: Input,
    /// The highest number that the other side has used, or we have as a client.
    last: u32,
    streams_begun: u32,
    send_window: i64,
    arrivals: Arrivals,
    /// The other side says that it leaves.
    leaving: bool,
    /// It was told to leave.
    dismissed: bool,
    /// Why the connection is over.
    failure: Option<Code>,
    /// The next header block says that we keep no table.
    drops_table: bool,
    /// What is wrong is not worth a log line.
    silent: bool,
    glitches: u32,
    /// Who does odd things may go on with them for now.
    pub bears_glitches: bool,
    /// Whether a ping waits for its answer.
    pinged: bool,
    /// What happened since somebody last took this.
    pub tally: Tally,
    /// Who sends the output.
    driver: Option<Waker>,
    /// Who looks at its frames.
    watch: Option<Box<watch::Watch>>,
}

/// What of the input is still to be completed.
#[derive(Debug)]
struct Input {
    /// Bytes of the preface that are missing.
    preface: usize,
    /// The first frame has come.
    settled: bool,
    step: Step,
    head: [u8; HEAD],
    held: usize,
    /// The payload of a frame that did not come at once.
    payload: Vec<u8>,
    /// The block that CONTINUATION frames go on with.
    block: Option<Block>,
    /// How many of them came.
    pieces: u32,
    fragments: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Head,
    Payload(FrameHead),
    Data(DataFrame),
}

/// A DATA frame of which some is still to come.
#[derive(Clone, Copy, Debug)]
struct DataFrame {
    head: FrameHead,
    /// Bytes of the payload that are still to come.
    left: u32,
    /// Bytes of padding at the end of them; none before its length came.
    padding: Option<u32>,
    /// Whether its bytes are passed on.
    wanted: bool,
    /// Why they are not, to be told once the padding is known.
    refused: Option<Code>,
}

/// A header block in the making.
#[derive(Clone, Copy, Debug)]
struct Block {
    stream: u32,
    ends: bool,
}

impl Connection {
    /// A connection that nothing has come of yet.
    pub fn new(config: Config) -> Connection {
        let server = config.role == Role::Server;
        let mut decoder = hpack::Decoder::new(config.header_table as usize);
        decoder.limit(config.most_block);
        let mut connection = Connection {
            peer: PeerSettings::default(),
            output: Output::default(),
            decoder,
            streams: Vec::new(),
            spare: Vec::new(),
            heads: Vec::new(),
            opened: VecDeque::new(),
            queue: VecDeque::new(),
            input: Input {
                preface: if server { PREFACE.len() } else { 0 },
                settled: false,
                step: Step::Head,
                head: [0; HEAD],
                held: 0,
                payload: Vec::new(),
                block: None,
                pieces: 0,
                fragments: Vec::new(),
            },
            last: 0,
            streams_begun: 0,
            send_window: FIRST_WINDOW,
            arrivals: Arrivals::default(),
            leaving: false,
            dismissed: false,
            failure: None,
            drops_table: false,
            silent: false,
            glitches: 0,
            bears_glitches: false,
            pinged: false,
            tally: Tally::default(),
            driver: None,
            watch: None,
            config,
        };
        if !server {
            connection.introduce();
        }
        connection
    }

    /// Says what we allow: a client at once, a server when it knows that this is HTTP/2.
    fn introduce(&mut self) {
        let config = &self.config;
        let out = self.output.frames();
        let mut said = Vec::with_capacity(6);
        if config.role == Role::Client {
            out.extend_from_slice(PREFACE);
            said.push((settings::ENABLE_PUSH, 0));
        }
        if config.connect_protocol {
            said.push((settings::CONNECT_PROTOCOL, 1));
        }
        if config.header_table as usize != hpack::DEFAULT_TABLE {
            said.push((settings::HEADER_TABLE, config.header_table));
        }
        if i64::from(config.initial_window) != FIRST_WINDOW {
            said.push((settings::INITIAL_WINDOW, config.initial_window));
        }
        if config.max_streams > 0 {
            said.push((settings::MAX_STREAMS, config.max_streams));
        }
        if config.max_frame != LEAST_FRAME {
            said.push((settings::MAX_FRAME, config.max_frame));
        }
        settings::announce(out, &said);
    }

    /// What is to be sent.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Whether something is to be sent.
    pub fn has_output(&self) -> bool {
        self.output.waiting() > 0
    }

    /// Whether so much waits to be sent that nothing more should be read.
    pub fn is_flooded(&self) -> bool {
        self.output.waiting() > MOST_BEHIND
    }

    /// So many bytes of the output were sent; streams that waited for room go on.
    pub fn sent(&mut self, count: usize) {
        self.output.sent(count);
        self.wake_writers();
    }

    /// The next stream that the other side has opened.
    pub fn next_opened(&mut self) -> Option<u32> {
        self.opened.pop_front()
    }

    /// How many streams there are.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// How many there were in all.
    pub fn streams_begun(&self) -> u32 {
        self.streams_begun
    }

    /// Our side.
    pub fn role(&self) -> Role {
        self.config.role
    }

    /// What the other side said.
    pub fn peer(&self) -> &PeerSettings {
        &self.peer
    }

    /// How often the other side did something odd.
    pub fn glitches(&self) -> u32 {
        self.glitches
    }

    /// Why the connection is over.
    pub fn failure(&self) -> Option<Code> {
        self.failure
    }

    /// Whether no stream is opened any more: one side leaves.
    pub fn is_leaving(&self) -> bool {
        self.leaving || self.dismissed || self.failure.is_some()
    }

    /// Whether the other side has said that it leaves.
    pub fn is_left(&self) -> bool {
        self.leaving
    }

    /// Whether the preface and the first settings have come.
    pub fn is_settled(&self) -> bool {
        self.input.settled
    }

    /// Asks the other side whether it is there.
    pub fn ping(&mut self) {
        self.pinged = true;
        write(self.output.frames(), kind::PING, 0, 0, PING);
        self.wake_driver();
    }

    /// Whether it has not answered yet.
    pub fn is_pinged(&self) -> bool {
        self.pinged
    }

    /// Who is to be woken when there is something to send.
    pub fn drive(&mut self, waker: &Waker) {
        Stream::watch(&mut self.driver, waker);
    }

    fn wake_driver(&self) {
        if let Some(driver) = &self.driver {
            driver.wake_by_ref();
        }
    }

    /// Tells the other side to leave; streams that it opens before it knows are served.
    pub fn dismiss(&mut self) {
        self.dismiss_behind(STREAM_MASK);
    }

    fn dismiss_behind(&mut self, last: u32) {
        if self.failure.is_none() && self.input.preface == 0 {
            self.dismissed = true;
            self.goaway(last, Code::NoError);
        }
    }

    /// No stream is opened any more; a server need not be told.
    pub fn leave(&mut self) {
        self.dismissed = true;
        self.wake_driver();
    }

    /// Tells the other side what was served, before the connection closes.
    pub fn part(&mut self) {
        let last = self.last;
        self.dismiss_behind(last);
    }

    /// The connection is over: the other side is told why, and all streams break.
    pub fn fail(&mut self, code: Code) {
        if self.failure.is_some() {
            return;
        }
        self.tally.connection_errors += 1;
        self.glitch();
        if !std::mem::take(&mut self.silent) {
            self.tally.connection_complaints += 1;
        }
        self.failure = Some(code);
        if !self.input.settled && self.config.role == Role::Server {
            // Who does not speak HTTP/2 understands no word of it.
            return;
        }
        self.goaway(self.last, code);
        for index in 0..self.streams.len() {
            let stream = &self.streams[index];
            if stream.reset.is_none() && !stream.finished {
                let id = stream.id;
                self.write_reset(id, Code::NoError);
            }
        }
        self.abandon(code, false);
    }

    /// The socket is gone: all streams break.
    pub fn lost(&mut self) {
        self.failure.get_or_insert(Code::NoError);
        self.abandon(Code::Cancel, true);
    }

    fn abandon(&mut self, code: Code, by_peer: bool) {
        let client = self.config.role == Role::Client;
        for stream in &mut self.streams {
            if client && stream.ended {
                // The answer is complete.
                stream.finished = true;
            } else {
                stream.reset.get_or_insert(Reset { code, by_peer });
            }
            stream.wake_reader();
            stream.wake_writer();
        }
    }

    fn goaway(&mut self, last: u32, code: Code) {
        let mut payload = [0; 8];
        payload[..4].copy_from_slice(&last.to_be_bytes());
        payload[4..].copy_from_slice(&(code as u32).to_be_bytes());
        write(self.output.frames(), kind::GOAWAY, 0, 0, &payload);
        self.tally.goaways_sent += 1;
        self.wake_driver();
    }

    /// The other side did something odd.
    fn glitch(&mut self) {
        self.glitches = self.glitches.saturating_add(1);
    }

    /// Whether it did so once too often.
    fn has_enough(&self) -> bool {
        let most = self.config.most_glitches;
        most > 0 && self.glitches >= most && !self.bears_glitches
    }

    fn place(&self, id: u32) -> Result<usize, usize> {
        self.streams.binary_search_by_key(&id, |stream| stream.id)
    }

    /// A stream by its number.
    pub fn stream(&mut self, id: u32) -> Option<&mut Stream> {
        let place = self.place(id).ok()?;
        self.streams.get_mut(place).map(|stream| &mut **stream)
    }

    fn add_stream(&mut self, id: u32) -> &mut Stream {
        let mut stream = self.spare.pop().unwrap_or_default();
        stream.renew(id, self.config.initial_window, self.peer.initial_window);
        let place = self.place(id).unwrap_or_else(|place| place);
        self.streams.insert(place, stream);
        self.streams_begun = self.streams_begun.saturating_add(1);
        &mut self.streams[place]
    }

    fn remove_stream(&mut self, id: u32) {
        if let Ok(place) = self.place(id) {
            let mut stream = self.streams.remove(place);
            while let Some(head) = stream.heads.pop_front() {
                self.keep_head(head);
            }
            if self.spare.len() < MOST_SPARE {
                stream.renew(0, 0, 0);
                self.spare.push(stream);
            }
        }
        if self.streams.is_empty() {
            self.output.rest();
            // Who leaves may go now.
            self.wake_driver();
        }
    }

    fn take_spare_head(&mut self) -> Head {
        self.heads.pop().unwrap_or_default()
    }

    fn keep_head(&mut self, head: Head) {
        if self.heads.len() < MOST_SPARE && head.capacity() <= MOST_HEAD {
            self.heads.push(head);
        }
    }

    /// Gives memory back: for connections that wait.
    pub fn rest(&mut self) {
        self.spare = Vec::new();
        self.heads = Vec::new();
        if matches!(self.input.step, Step::Head) {
            self.input.payload = Vec::new();
        }
        if self.input.block.is_none() {
            self.input.fragments = Vec::new();
        }
        self.output.rest();
    }
}

/// What pings carry.
const PING: &[u8; 8] = b"anyone ?";
const FIRST_WINDOW: i64 = 65_535;
const MOST_SPARE: usize = 32;
const MOST_HEAD: usize = 16_384;
/// Nothing is read while this much waits to be sent.
const MOST_BEHIND: usize = 131_072;

#[cfg(test)]
mod tests;
