//! Runs the steps of a check: connects, sends, and waits for what is expected.

use std::io;

use hapax_core::ir::{CheckAction, CheckConnect, CheckStep};
use hapax_core::live::{CheckStatus, ServerLive};

use super::answer::{Finding, cut};
use super::probe::{Opening, named, open, proxy_line, proxy_line_v1, receive, send};
use super::recipe::Recipe;
use super::verdict::{Expectation, Verdict};
use crate::buffer::Buf;
use crate::clock;
use crate::io::Stream;
use crate::wheel::Timer;

/// The steps, made once.
#[derive(Debug)]
pub(super) struct Script {
    steps: Vec<Step>,
    /// Whether they come from `tcp-check` lines: findings tell the step then.
    named: bool,
}

#[derive(Debug)]
pub(super) struct Step {
    /// Its number among all lines, from 1; 0 is the connection that no line asks for.
    pub(super) number: usize,
    pub(super) comment: Option<String>,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Connect(CheckConnect),
    Send(Vec<u8>),
    SendSslHello,
    Expect(Expectation),
}

/// What the steps share.
struct Talk<'a> {
    recipe: &'a Recipe,
    server: &'a ServerLive,
    stream: Option<Stream>,
    deadline: u64,
    buffer: Option<Buf>,
    /// Whether the server will send no more.
    ended: bool,
    /// `tune.bufsize`: more is not looked at.
    most: usize,
}

/// How a step failed: by itself, by the system, by time.
enum Failure {
    Found(Finding),
    System(io::Error),
    Late,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::System(error)
    }
}

impl Script {
    /// Compiles the patterns of `lines`.
    pub(super) fn new(lines: &[CheckStep], named: bool) -> Result<Script, regex::Error> {
        let mut steps = Vec::with_capacity(lines.len() + 1);
        let mut note: Option<&String> = None;
        for (index, line) in lines.iter().enumerate() {
            let action = match &line.action {
                CheckAction::Note => {
                    note = line.comment.as_ref();
                    continue;
                }
                CheckAction::Connect(connect) => Action::Connect(connect.clone()),
                CheckAction::Send(bytes) => match steps.pop() {
                    // What nothing is expected between leaves at once.
                    Some(Step {
                        action: Action::Send(before),
                        ..
                    }) => Action::Send([&before, &bytes[..]].concat()),
                    other => {
                        steps.extend(other);
                        Action::Send(bytes.clone())
                    }
                },
                CheckAction::SendSslHello => Action::SendSslHello,
                CheckAction::Expect(expect) => Action::Expect(Expectation::new(expect, named)?),
            };
            steps.push(Step {
                number: index + 1,
                comment: line.comment.as_ref().or(note.take()).cloned(),
                action,
            });
            note = None;
        }
        if !matches!(
            steps.first(),
            Some(Step {
                action: Action::Connect(_),
                ..
            })
        ) {
            let connect = CheckConnect {
                as_server: true,
                ..CheckConnect::default()
            };
            steps.insert(
                0,
                Step {
                    number: 0,
                    comment: None,
                    action: Action::Connect(connect),
                },
            );
        }
        Ok(Script { steps, named })
    }

    /// Checks a server once.
    pub(super) async fn run(
        &self,
        recipe: &Recipe,
        (server, most): (&ServerLive, usize),
        timer: &mut Timer,
    ) -> Result<Finding, Finding> {
        let mut talk = Talk {
            recipe,
            server,
            stream: None,
            deadline: clock::now_ms(),
            buffer: None,
            ended: false,
            most,
        };
        for step in &self.steps {
            let done = match &step.action {
                Action::Connect(connect) => talk.connect(connect, timer).await,
                Action::Send(bytes) => talk.send(bytes, timer).await,
                Action::SendSslHello => talk.send(&ssl_hello(clock::wall_us()), timer).await,
                Action::Expect(expectation) => talk.expect(expectation, step, timer).await,
            };
            done.map_err(|failure| self.failed(step, failure))?;
        }
        Ok(self.passed(talk.buffer.as_ref().map_or(&[], |held| held.data())))
    }

    fn passed(&self, received: &[u8]) -> Finding {
        let mut info = match self.steps.last() {
            Some(step) if self.named && step.number > 0 => "(tcp-check)".to_owned(),
            _ => String::new(),
        };
        let (status, code) = match self.steps.last().map(|step| &step.action) {
            Some(Action::Expect(expectation)) => {
                if let Some(text) = expectation.success_text(received) {
                    info = text;
                }
                (expectation.ok(), expectation.code(received))
            }
            Some(Action::Send(_) | Action::SendSslHello) => (CheckStatus::L7Ok, 0),
            Some(Action::Connect(_)) | None => (CheckStatus::L4Ok, 0),
        };
        cut(&mut info);
        Finding { status, code, info }
    }

    fn failed(&self, step: &Step, failure: Failure) -> Finding {
        let mut finding = match failure {
            Failure::Found(finding) => match &step.action {
                Action::Connect(_) => Finding {
                    info: finding.info + &self.place(step),
                    ..finding
                },
                _ => finding,
            },
            Failure::System(error) => Finding::new(
                CheckStatus::SocketError,
                &format!("{}{}", named(&error), self.place(step)),
            ),
            Failure::Late => {
                let status = match &step.action {
                    Action::Expect(expectation) => expectation.timeout(),
                    _ => CheckStatus::L7Timeout,
                };
                Finding::new(status, &self.place(step))
            }
        };
        cut(&mut finding.info);
        finding
    }

    /// Where in the lines something went wrong.
    fn place(&self, step: &Step) -> String {
        if !self.named || step.number == 0 {
            return String::new();
        }
        let what = match &step.action {
            Action::Connect(CheckConnect {
                port: Some(port), ..
            }) => format!("connect port {port}"),
            Action::Connect(_) => "connect".to_owned(),
            Action::Send(_) | Action::SendSslHello => "send".to_owned(),
            Action::Expect(expectation) => format!("expect {}", expectation.shown()),
        };
        let mut place = format!(" at step {} of tcp-check ({what})", step.number);
        if let Some(comment) = &step.comment {
            place.push_str(&format!(" comment: '{comment}'"));
        }
        place
    }
}

impl Talk<'_> {
    async fn connect(&mut self, connect: &CheckConnect, timer: &mut Timer) -> Result<(), Failure> {
        // The one before ends first.
        (self.stream, self.buffer, self.ended) = (None, None, false);
        let opening = Opening {
            recipe: self.recipe,
            server: self.server,
            connect,
            started: clock::now_ms(),
        };
        let (stream, deadline) = open(&opening, timer).await.map_err(Failure::Found)?;
        let line = match (connect.send_proxy, connect.as_server) {
            (true, _) => Some(proxy_line_v1(&stream)),
            (false, true) => proxy_line(self.server, &stream),
            (false, false) => None,
        };
        (self.stream, self.deadline) = (Some(stream), deadline);
        match line {
            Some(line) => self.send(&line, timer).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, bytes: &[u8], timer: &mut Timer) -> Result<(), Failure> {
        // What came before was the answer to something else.
        self.buffer = None;
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let sent = send(bytes, stream, timer, self.deadline).await?;
        sent.ok_or(Failure::Late)
    }

    async fn expect(
        &mut self,
        expectation: &Expectation,
        step: &Step,
        timer: &mut Timer,
    ) -> Result<(), Failure> {
        loop {
            if let Some(held) = &mut self.buffer {
                held.compact();
            }
            let data = self.buffer.as_ref().map_or(&[][..], |held| held.data());
            let full = data.len() >= self.most
                || self.buffer.as_ref().is_some_and(|held| held.tail() == 0);
            let data = &data[..data.len().min(self.most)];
            match expectation.judge(data, self.ended, full, step) {
                Verdict::Pass => return Ok(()),
                Verdict::Fail(finding) => return Err(Failure::Found(finding)),
                Verdict::Wait => {}
            }
            let Some(stream) = &mut self.stream else {
                return Err(Failure::Late);
            };
            let received = receive(&mut self.buffer, stream, timer, self.deadline).await?;
            self.ended = received.ok_or(Failure::Late)? == 0;
        }
    }
}

/// A hello of SSL version 3 with the time in it and every cipher of old.
fn ssl_hello(wall_us: u64) -> Vec<u8> {
    let seconds = u32::try_from((wall_us / 1_000_000) & u64::from(u32::MAX)).unwrap_or(0);
    let ciphers: Vec<u8> = (0x01..=0x1b)
        .chain(0x2f..=0x3a)
        .flat_map(|cipher| [0, cipher])
        .collect();
    let time = seconds.to_be_bytes();
    let parts: [&[u8]; 6] = [
        b"\x16\x03\0\0\x79\x01\0\0\x75\x03\0",
        &time,
        b"HAPROXYSSLCHK\nHAPROXYSSLCHK\n",
        b"\0\0\x4e",
        &ciphers,
        b"\x01\0",
    ];
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hello_is_as_long_as_it_says() {
        let hello = ssl_hello(1_700_000_000_000_000);
        assert_eq!(hello.len(), 5 + 0x79);
        assert_eq!(hello[11..15], 1_700_000_000_u32.to_be_bytes());
    }
}
