//! One connection to the runtime API, without its socket: bytes in, answers out.

use hapax_core::ir::{CliLevel, SeverityOutput};

use std::collections::VecDeque;

use super::command::{self, Answer, Awaited, Call, Following, Unfinished, Waiting};
use super::{Cli, line};

/// What a connection may do and how it is treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The level it starts with.
    pub level: CliLevel,
    /// How severities are marked at first.
    pub severity: SeverityOutput,
    /// Idle time before it is closed, ms.
    pub timeout_ms: u64,
    /// Longest line, bytes.
    pub longest: usize,
    /// `expose-fd listeners`.
    pub expose_listeners: bool,
}

impl Default for Access {
    fn default() -> Self {
        Access {
            level: CliLevel::Operator,
            severity: SeverityOutput::None,
            timeout_ms: 10_000,
            longest: 16_384,
            expose_listeners: false,
        }
    }
}

/// Whether lines follow each other, and what stands before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode {
    /// The connection stays open after a line.
    pub interactive: bool,
    /// `> ` is shown.
    pub prompt: bool,
    /// The uptime is shown in the prompt.
    pub timed: bool,
}

/// What commands may change of their connection.
#[derive(Debug)]
pub struct State {
    /// See [`Access`].
    pub access: Access,
    /// See [`Mode`].
    pub mode: Mode,
    /// Commands that may change or go are allowed.
    pub experimental: bool,
    /// Commands that may do harm are allowed.
    pub expert: bool,
    /// The key under which names are shown as hashes.
    pub anonymous: Option<u32>,
    /// The ring whose events are shown as they come.
    pub following: Option<Following>,
    /// What the next command waits for.
    pub waiting: Option<Waiting>,
    /// What is left of the answer of the last command.
    pub unfinished: Option<Unfinished>,
    /// What the last command will say once it is done.
    pub awaited: Option<Awaited>,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The connection waits for more.
    More,
    /// It closes once everything is sent.
    Close,
    /// The listening sockets are sent, then it closes.
    HandOver,
    /// There is more to say, once what was said is sent: see [`Session::proceed`].
    Proceed,
    /// The last command is not done: see [`Session::awaited`], then [`Session::proceed`].
    Await,
    /// Events are shown as they come, until anything is received.
    Follow,
    /// Nothing is said before what a command waits for is there: see [`Session::waited`].
    Wait,
}

/// A connection.
#[derive(Debug)]
pub struct Session {
    state: State,
    pending: Vec<u8>,
    payload: Option<Payload>,
    /// Commands of the line that are not done.
    queue: VecDeque<Vec<String>>,
    /// What came with the last of them.
    last_payload: Option<Vec<u8>>,
}

/// Lines that belong to a command.
#[derive(Debug)]
struct Payload {
    command: Vec<u8>,
    end: Vec<u8>,
    text: Vec<u8>,
    bytes: usize,
}

impl Session {
    /// A new connection.
    pub fn new(access: Access) -> Session {
        Session {
            state: State {
                access,
                mode: Mode::default(),
                experimental: false,
                expert: false,
                anonymous: None,
                following: None,
                waiting: None,
                unfinished: None,
                awaited: None,
            },
            pending: Vec::new(),
            payload: None,
            queue: VecDeque::new(),
            last_payload: None,
        }
    }

    /// Idle time before the connection is closed, ms; `set timeout cli` changes it.
    pub fn timeout_ms(&self) -> u64 {
        self.state.access.timeout_ms
    }

    /// The ring whose events are to be shown as they come.
    pub fn following(&mut self) -> Option<&mut Following> {
        self.state.following.as_mut()
    }

    /// What the last command will say once it is done.
    pub fn awaited(&self) -> Option<&Awaited> {
        self.state.awaited.as_ref()
    }

    /// Nothing more is shown; what is between this command and the next.
    pub fn stop_following(&mut self, out: &mut Vec<u8>) -> Then {
        self.state.following = None;
        out.push(b'\n');
        if self.state.mode.prompt {
            out.extend_from_slice(b"> ");
        }
        match self.state.mode.interactive {
            true => Then::More,
            false => Then::Close,
        }
    }

    /// Takes bytes from the client, appends the answers.
    pub fn input(&mut self, cli: &Cli, bytes: &[u8], out: &mut Vec<u8>) -> Then {
        self.pending.extend_from_slice(bytes);
        let mut start = 0;
        let mut then = Then::More;
        while let Some(length) = self.pending.get(start..).and_then(line_length) {
            let line = self.pending[start..start + length].to_vec();
            start += length + 1;
            then = if line.len() >= self.state.access.longest {
                too_long(out)
            } else {
                self.line(cli, &line, out)
            };
            if then != Then::More {
                break;
            }
        }
        self.pending.drain(..start.min(self.pending.len()));
        if then == Then::More && self.pending.len() >= self.state.access.longest {
            return too_long(out);
        }
        then
    }

    /// Goes on after [`Then::Proceed`].
    pub fn proceed(&mut self, cli: &Cli, out: &mut Vec<u8>) -> Then {
        match self.commands(cli, out) {
            Then::More => self.input(cli, &[], out),
            then => then,
        }
    }

    /// Whether what a command waits for is decided by now, then with what it says; `gone` is set when the client went.
    pub fn waited(&mut self, cli: &Cli, gone: bool, out: &mut Vec<u8>) -> Option<Then> {
        let program = cli.program.load();
        let answer = match &self.state.waiting {
            Some(waiting) => waiting.answer(&program, (cli.clock)().ms, gone)?,
            None => return Some(Then::More),
        };
        self.state.waiting = None;
        self.answer(answer, out);
        out.extend_from_slice(b"\n");
        Some(self.proceed(cli, out))
    }

    /// Until when to wait at most, ms.
    pub fn waits_until(&self) -> u64 {
        self.state
            .waiting
            .as_ref()
            .map_or(0, |waiting| waiting.until_ms)
    }

    /// Keeps what came while a command waits; false when it is too much.
    pub fn keep(&mut self, bytes: &[u8]) -> bool {
        self.pending.extend_from_slice(bytes);
        self.pending.len() < self.state.access.longest
    }

    fn line(&mut self, cli: &Cli, line: &[u8], out: &mut Vec<u8>) -> Then {
        if let Some(mut payload) = self.payload.take() {
            let text = line.strip_suffix(b"\r").unwrap_or(line);
            payload.bytes += line.len() + 1;
            if payload.bytes >= self.state.access.longest {
                return too_long(out);
            }
            if text == payload.end {
                return self.execute(cli, &payload.command, Some(&payload.text), out);
            }
            payload.text.extend_from_slice(text);
            payload.text.push(b'\n');
            self.payload = Some(payload);
            self.more_payload(out);
            return Then::More;
        }
        if let Some((command, end)) = line::payload(line) {
            self.payload = Some(Payload {
                command: command.to_vec(),
                end,
                text: Vec::new(),
                bytes: line.len() + 1,
            });
            self.more_payload(out);
            return Then::More;
        }
        self.execute(cli, line, None, out)
    }

    /// What a master says before a command that it passes, to give this connection the level of its own: commands with a
    /// dash are not answered.
    fn is_silent(&mut self, words: &[String]) -> bool {
        let Some((first, [.., dash])) = words.split_first() else {
            return false;
        };
        let level = match first.as_str() {
            "operator" => CliLevel::Operator,
            "user" => CliLevel::User,
            "experimental-mode" => self.state.access.level,
            "expert-mode" => self.state.access.level,
            _ => return false,
        };
        if dash != "-" {
            return false;
        }
        self.state.access.level = level.min(self.state.access.level);
        if first == "experimental-mode" {
            self.state.experimental = words.iter().any(|word| word == "on");
        }
        if first == "expert-mode" {
            self.state.expert = words.iter().any(|word| word == "on");
        }
        true
    }

    fn more_payload(&self, out: &mut Vec<u8>) {
        if self.state.mode.prompt {
            out.extend_from_slice(b"+ ");
        }
    }

    fn execute(
        &mut self,
        cli: &Cli,
        line: &[u8],
        payload: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Then {
        self.queue = line::commands(line).into();
        self.last_payload = payload.map(<[u8]>::to_vec);
        self.state.following = None;
        self.commands(cli, out)
    }

    /// Runs the commands that are left of a line, until enough is said at a time.
    fn commands(&mut self, cli: &Cli, out: &mut Vec<u8>) -> Then {
        let mut steps = 0;
        loop {
            steps += 1;
            if out.len() >= PIECE || steps > STEPS {
                return Then::Proceed;
            }
            if let Some(mut unfinished) = self.state.unfinished.take() {
                match unfinished.next((cli.clock)(), out) {
                    true => self.state.unfinished = Some(unfinished),
                    false => out.push(b'\n'),
                }
                continue;
            }
            if let Some(awaited) = self.state.awaited.take() {
                match awaited.take(out) {
                    Some(answer) => {
                        self.answer(answer, out);
                        out.push(b'\n');
                    }
                    None => {
                        self.state.awaited = Some(awaited);
                        return Then::Await;
                    }
                }
                continue;
            }
            let Some(words) = self.queue.pop_front() else {
                break;
            };
            if self.is_silent(&words) {
                continue;
            }
            let start = out.len();
            let payload = match self.queue.is_empty() {
                true => self.last_payload.take(),
                false => None,
            };
            let answer = command::run(Call {
                cli,
                program: &cli.program.load_full(),
                now: (cli.clock)(),
                state: &mut self.state,
                words: &words,
                args: &[],
                payload: payload.as_deref(),
                out,
            });
            match answer {
                Answer::Close => return self.leave(Then::Close),
                Answer::HandOver => return self.leave(Then::HandOver),
                other => self.answer(other, out),
            }
            if self.state.awaited.is_some() {
                return Then::Await;
            }
            if self.state.waiting.is_some() {
                return Then::Wait;
            }
            if self.state.following.is_some() {
                return self.leave(Then::Follow);
            }
            if self.state.unfinished.is_some() {
                continue;
            }
            if out.len() > start && !out.ends_with(b"\n") {
                out.push(b'\n');
            }
            out.push(b'\n');
        }
        if !self.state.mode.interactive {
            return Then::Close;
        }
        if self.state.mode.prompt {
            if self.state.mode.timed {
                let seconds = (cli.clock)().ms / 1000;
                let (days, hours) = (seconds / 86400, seconds / 3600 % 24);
                let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
                out.extend_from_slice(
                    format!("[{days}:{hours:02}:{minutes:02}:{seconds:02}]").as_bytes(),
                );
            }
            out.extend_from_slice(b"> ");
        }
        Then::More
    }

    fn answer(&self, answer: Answer, out: &mut Vec<u8>) {
        match answer {
            Answer::Information(text) => self.say(6, "info", &text, out),
            Answer::Notice(text) => self.say(5, "notice", &text, out),
            Answer::Warning(text) => self.say(4, "warning", &text, out),
            Answer::Refused(text) => self.say(3, "err", &text, out),
            Answer::Written | Answer::Close | Answer::HandOver => {}
        }
    }

    /// The rest of the line is not done.
    fn leave(&mut self, then: Then) -> Then {
        self.queue.clear();
        then
    }

    fn say(&self, number: u8, name: &str, text: &str, out: &mut Vec<u8>) {
        let mark = match self.state.access.severity {
            SeverityOutput::None => String::new(),
            SeverityOutput::Number => format!("[{number}]: "),
            SeverityOutput::String => format!("[{name}]: "),
        };
        out.extend_from_slice(mark.as_bytes());
        out.extend_from_slice(text.as_bytes());
    }
}

/// Bytes that are said at a time; traffic goes on between.
const PIECE: usize = 16_384;
/// Proxies that are looked at in one go, also when nothing is said about them.
const STEPS: usize = 256;

fn line_length(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', bytes)
}

fn too_long(out: &mut Vec<u8>) -> Then {
    out.extend_from_slice(
        b"The command line is too big for the buffer size. Please change tune.bufsize in the configuration to use a bigger command.\n",
    );
    Then::Close
}
