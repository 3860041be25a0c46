//! Runs the steps of a check: connects, sends, and waits for what is expected.

use std::io;

use hapax_core::ir::{
    BindProtocol, CheckAction, CheckConnect, CheckData, CheckExpect, CheckPattern, CheckProtocol,
    CheckRequest, CheckStep, HttpCheck, SetVariable, http_step_numbers,
};
use hapax_core::live::{CheckStatus, Operation, ServerLive};
use hapax_core::program::{Program, ProxyId};
use hapax_core::variable::Name;

use super::answer::{Answer, Finding, cut};
use super::frames::Frames;
use super::probe::{
    Opening, Secured, named, open, proxy_line, proxy_line_v1, receive, secure, send,
};
use super::recipe::Recipe;
use super::request;
use super::scene::Scene;
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
    /// What holds for an HTTP check as a whole; none is another one.
    http: Option<HttpSettings>,
}

#[derive(Debug)]
struct HttpSettings {
    /// `http-check disable-on-404`.
    disable_on_404: bool,
    /// `http-check send-state`.
    send_state: bool,
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
    Connect(Box<CheckConnect>),
    Send(CheckData),
    SendSslHello,
    Request(Box<CheckRequest>),
    Expect(Box<Expectation>),
    Set(Box<SetVariable>),
    Unset(Name),
}

/// What the steps share.
struct Talk<'a> {
    recipe: &'a Recipe,
    script: &'a Script,
    scene: Scene<'a>,
    stream: Option<Stream>,
    /// In its place one that speaks HTTP/2.
    frames: Option<Box<Frames>>,
    deadline: u64,
    buffer: Option<Buf>,
    /// Whether the server will send no more.
    ended: bool,
    /// `tune.bufsize`: more is not looked at.
    most: usize,
    /// The response to the last request.
    answer: Option<Answer>,
    /// Whether the last connection speaks TLS.
    secured: bool,
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
    pub(super) fn new(lines: &[CheckStep], named: bool) -> Result<Script, String> {
        Script::made(lines, 1.., named)
    }

    /// The steps of an HTTP check.
    pub(super) fn http(check: &HttpCheck) -> Result<Script, String> {
        let mut script = Script::made(&check.steps, http_step_numbers(&check.steps), false)?;
        let asks = |step: &Step| matches!(step.action, Action::Request(_));
        let explicit = script.steps.iter().any(asks);
        if !explicit {
            let asked = Action::Request(Box::new(check.request.clone().unwrap_or_default()));
            let connect = |step: &Step| matches!(step.action, Action::Connect(_));
            let at = script.steps.iter().position(connect).unwrap_or(0);
            script.steps.insert(at + 1, Step::silent(0, asked));
        }
        let talks = |step: &&Step| !step.action.is_aside();
        if !matches!(
            script.steps.iter().rfind(talks),
            Some(Step {
                action: Action::Expect(_),
                ..
            })
        ) {
            let last = http_step_numbers(&check.steps).last();
            let number = last.unwrap_or(0) + 1 + usize::from(!explicit);
            let expect = CheckExpect {
                error: CheckStatus::L7Status,
                ..CheckExpect::new(CheckPattern::Status(vec![(200, 399)]))
            };
            let expectation = Box::new(Expectation::new(&expect, false)?);
            script
                .steps
                .push(Step::silent(number, Action::Expect(expectation)));
        }
        script.http = Some(HttpSettings {
            disable_on_404: check.disable_on_404,
            send_state: check.send_state,
        });
        Ok(script)
    }

    fn made(
        lines: &[CheckStep],
        numbers: impl IntoIterator<Item = usize>,
        named: bool,
    ) -> Result<Script, String> {
        let mut steps: Vec<Step> = Vec::with_capacity(lines.len() + 1);
        let mut note: Option<&String> = None;
        for (line, number) in lines.iter().zip(numbers) {
            let action = match &line.action {
                CheckAction::Note => {
                    note = line.comment.as_ref();
                    continue;
                }
                CheckAction::Connect(connect) => Action::Connect(Box::new(connect.clone())),
                CheckAction::Send(data) => Action::Send(data.clone()),
                CheckAction::SendSslHello => Action::SendSslHello,
                CheckAction::Request(asked) => Action::Request(Box::new(asked.clone())),
                CheckAction::Expect(expect) => {
                    Action::Expect(Box::new(Expectation::new(expect, named)?))
                }
                CheckAction::Set(wish) => Action::Set(Box::new(wish.clone())),
                CheckAction::Unset(name) => Action::Unset(name.clone()),
            };
            // What nothing is expected between leaves at once.
            if let (
                Action::Send(CheckData::Fixed(bytes)),
                Some(Step {
                    action: Action::Send(CheckData::Fixed(before)),
                    number: last,
                    comment,
                }),
            ) = (&action, steps.last_mut())
            {
                before.extend_from_slice(bytes);
                *last = number;
                *comment = line.comment.as_ref().or(note.take()).cloned();
                continue;
            }
            steps.push(Step {
                number,
                comment: line.comment.as_ref().or(note.take()).cloned(),
                action,
            });
            note = None;
        }
        let begins = steps.iter().position(|step| !step.action.is_aside());
        let begins = begins.unwrap_or(steps.len());
        if !matches!(
            steps.get(begins),
            Some(Step {
                action: Action::Connect(_),
                ..
            })
        ) {
            let connect = CheckConnect {
                as_server: true,
                ..CheckConnect::default()
            };
            steps.insert(begins, Step::silent(0, Action::Connect(Box::new(connect))));
        }
        Ok(Script {
            steps,
            named,
            http: None,
        })
    }

    /// Checks a server once.
    pub(super) async fn run(
        &self,
        recipe: &Recipe,
        (program, proxy, server): (&Program, ProxyId, &ServerLive),
        timer: &mut Timer,
    ) -> Result<Finding, Finding> {
        let mut talk = Talk {
            recipe,
            script: self,
            scene: Scene::new(program, proxy, server),
            stream: None,
            frames: None,
            deadline: clock::now_ms(),
            buffer: None,
            ended: false,
            most: program.global.tune.bufsize as usize,
            answer: None,
            secured: false,
        };
        for step in &self.steps {
            let done = match &step.action {
                Action::Connect(connect) => talk.connect(connect, timer).await,
                Action::Send(data) => talk.send_data(data, step, timer).await,
                Action::SendSslHello => talk.send(&ssl_hello(clock::wall_us()), timer).await,
                Action::Request(asked) => talk.ask(asked, timer).await,
                Action::Expect(expectation) if self.http.is_some() => {
                    talk.expect_response(expectation, step, timer).await
                }
                Action::Expect(expectation) => talk.expect(expectation, step, timer).await,
                Action::Set(wish) => {
                    talk.scene.set(wish, talk.received());
                    Ok(())
                }
                Action::Unset(name) => {
                    talk.scene.unset(name);
                    Ok(())
                }
            };
            done.map_err(|failure| self.failed(step, failure))?;
        }
        Ok(talk.passed())
    }

    /// The last step that is part of the talk.
    fn last(&self) -> Option<&Step> {
        let talks = |step: &&Step| !step.action.is_aside();
        self.steps.iter().rfind(talks)
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
            Action::Connect(connect) => match connect.port {
                Some(port) => format!("connect port {port}"),
                None => "connect".to_owned(),
            },
            Action::Expect(expectation) => format!("expect {}", expectation.shown()),
            _ => "send".to_owned(),
        };
        let mut place = format!(" at step {} of tcp-check ({what})", step.number);
        if let Some(comment) = &step.comment {
            place.push_str(&format!(" comment: '{comment}'"));
        }
        place
    }
}

impl Step {
    /// One that is only looked at by its number.
    #[cfg(test)]
    pub(super) fn numbered(number: usize) -> Step {
        Step::silent(number, Action::SendSslHello)
    }

    /// One that no line asks for.
    fn silent(number: usize, action: Action) -> Step {
        Step {
            number,
            comment: None,
            action,
        }
    }
}

impl Action {
    /// See [`CheckAction::is_aside`].
    fn is_aside(&self) -> bool {
        matches!(self, Action::Set(_) | Action::Unset(_))
    }
}

impl Talk<'_> {
    /// What has come since the last send: of a response, its body.
    fn received(&self) -> &[u8] {
        match &self.answer {
            Some(answer) => answer.body(),
            None => {
                let data = self.buffer.as_ref().map_or(&[][..], |held| held.data());
                &data[..data.len().min(self.most)]
            }
        }
    }

    /// Whether nothing but its status 404 is wrong with a server that is up.
    fn is_disabling(&self) -> bool {
        let disables = self.script.http.as_ref();
        disables.is_some_and(|http| http.disable_on_404)
            && self.scene.stream.response.status() == 404
            && self.scene.server.state.lock().operation != Operation::Stopped
    }

    fn passed(&self) -> Finding {
        let script = self.script;
        let mut info = match script.last() {
            Some(step) if script.named && step.number > 0 => "(tcp-check)".to_owned(),
            _ => String::new(),
        };
        let (status, code) = match script.last().map(|step| &step.action) {
            Some(Action::Expect(expectation)) => {
                let received = self.received();
                if let Some(text) = expectation.success_text(received, &self.scene) {
                    info = text;
                }
                let status = match self.is_disabling() {
                    true => CheckStatus::L7OkConditionally,
                    false => expectation.ok(),
                };
                (status, expectation.code(received, &self.scene))
            }
            Some(Action::Connect(_)) | None if self.secured => (CheckStatus::L6Ok, 0),
            Some(Action::Connect(_)) | None => (CheckStatus::L4Ok, 0),
            Some(_) => (CheckStatus::L7Ok, 0),
        };
        cut(&mut info);
        Finding { status, code, info }
    }

    async fn connect(&mut self, connect: &CheckConnect, timer: &mut Timer) -> Result<(), Failure> {
        // The one before ends first; one of HTTP was done with.
        let framed = self.frames.as_ref().map(|frames| frames.wire());
        if let (Some(_), Some(before)) = (&self.script.http, self.stream.as_ref().or(framed)) {
            let _ = before.close_plainly();
        }
        (self.stream, self.frames) = (None, None);
        (self.buffer, self.ended) = (None, false);
        (self.answer, self.secured) = (None, false);
        let port = connect.port_expr.as_ref();
        let port = port.and_then(|expr| self.scene.integer(expr, &[]));
        let server = self.scene.server;
        let opening = Opening {
            recipe: self.recipe,
            server,
            connect,
            // Upstream takes the number modulo 65536.
            port: port
                .map(|port| (port & 0xffff) as u16)
                .filter(|port| *port > 0),
            started: clock::now_ms(),
        };
        let (mut stream, deadline) = open(&opening, timer).await.map_err(Failure::Found)?;
        self.deadline = deadline;
        self.scene.connected(&stream);
        let line = match (connect.send_proxy, connect.as_server) {
            (true, _) => Some(proxy_line_v1(&stream)),
            (false, true) => proxy_line(server, &stream),
            (false, false) => None,
        };
        if let Some(line) = line {
            let sent = send(&line, &mut stream, timer, deadline).await?;
            sent.ok_or(Failure::Late)?;
        }
        let how = Secured::of(connect);
        let secured = secure(server, how, &mut stream, timer, deadline).await;
        self.secured = secured.map_err(Failure::Found)?;
        match self.script.http.is_some() && speaks_frames(connect, server, &stream) {
            true => {
                let tune = &self.scene.program.global.tune;
                self.frames = Some(Box::new(Frames::begin(stream, tune)));
            }
            false => self.stream = Some(stream),
        }
        Ok(())
    }

    async fn send_data(
        &mut self,
        data: &CheckData,
        step: &Step,
        timer: &mut Timer,
    ) -> Result<(), Failure> {
        if let CheckData::Fixed(bytes) = data {
            return self.send(bytes, timer).await;
        }
        match self.scene.bytes(data, self.received()) {
            Ok(bytes) => self.send(&bytes, timer).await,
            Err(_) => {
                let text = format!(
                    "tcp-check send : failed to build log-format string at step {}",
                    step.number
                );
                Err(Failure::Found(Finding::new(CheckStatus::L7Response, &text)))
            }
        }
    }

    async fn ask(&mut self, asked: &CheckRequest, timer: &mut Timer) -> Result<(), Failure> {
        let http = self.script.http.as_ref();
        let send_state = http.is_some_and(|http| http.send_state);
        let failed = |_| {
            let text = "tcp-check send : failed to build log-format string";
            Failure::Found(Finding::new(CheckStatus::L7Response, text))
        };
        self.answer = Some(Answer::new(asked.method.as_deref() == Some("HEAD")));
        let Some(frames) = &mut self.frames else {
            let bytes = request::bytes(asked, send_state, &self.scene).map_err(failed)?;
            self.scene.stream.response.clear();
            return self.send(&bytes, timer).await;
        };
        let made = request::frames(asked, send_state, &self.scene).map_err(failed)?;
        self.scene.stream.response.clear();
        (self.buffer, self.ended) = (None, false);
        let (head, body) = made.ok_or_else(nothing)?;
        let sent = frames.ask(&head, &body, timer, self.deadline).await;
        sent.map_err(|_| nothing())?.ok_or(Failure::Late)
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
            match expectation.judge(data, self.ended, full, (step, &self.scene)) {
                Verdict::Pass => return Ok(()),
                Verdict::Fail(finding) => return Err(Failure::Found(finding)),
                Verdict::Wait => {}
            }
            self.receive(timer).await?;
        }
    }

    async fn expect_response(
        &mut self,
        expectation: &Expectation,
        step: &Step,
        timer: &mut Timer,
    ) -> Result<(), Failure> {
        loop {
            let mut answer = self.answer.take().ok_or_else(nothing)?;
            if let Some(frames) = self.frames.as_mut().filter(|_| !answer.has_head()) {
                let head = &mut self.scene.stream.response;
                let came = frames.head(head, timer, self.deadline).await;
                came.map_err(|_| nothing())?.ok_or(Failure::Late)?;
                answer.behind_head();
            }
            let mut held = self.buffer.take().unwrap_or_else(Buf::take);
            let verdict = match answer.head(&mut held, self.ended, &mut self.scene) {
                None => Verdict::Wait,
                Some(Err(finding)) => Verdict::Fail(finding),
                Some(Ok(())) => {
                    let state = (self.ended, self.is_disabling());
                    answer.judge(expectation, &mut held, state, (step, &self.scene))
                }
            };
            (self.answer, self.buffer) = (Some(answer), Some(held));
            match verdict {
                Verdict::Pass => return Ok(()),
                Verdict::Fail(finding) => return Err(Failure::Found(finding)),
                Verdict::Wait if self.ended => return Err(nothing()),
                Verdict::Wait => self.receive(timer).await?,
            }
        }
    }

    /// Waits for more.
    async fn receive(&mut self, timer: &mut Timer) -> Result<(), Failure> {
        if let Some(frames) = &mut self.frames {
            let received = frames.receive(&mut self.buffer, timer, self.deadline).await;
            self.ended = received.ok_or(Failure::Late)? == 0;
            return Ok(());
        }
        let Some(stream) = &mut self.stream else {
            return Err(Failure::Late);
        };
        let received = receive(&mut self.buffer, stream, timer, self.deadline).await?;
        self.ended = received.ok_or(Failure::Late)? == 0;
        Ok(())
    }
}

fn nothing() -> Failure {
    Failure::Found(Finding::new(CheckStatus::SocketError, ""))
}

/// Whether HTTP is spoken in frames: as the step or the line of the server says, or as ALPN chose.
fn speaks_frames(connect: &CheckConnect, server: &ServerLive, stream: &Stream) -> bool {
    let options = &server.ir.options;
    let of_server = || match options.check.protocol {
        None => options
            .protocol
            .map(|protocol| protocol == BindProtocol::Http2),
        Some(protocol) => Some(protocol == CheckProtocol::Http2),
    };
    let told = match connect.protocol {
        None if connect.as_server => of_server(),
        told => told.map(|protocol| protocol == CheckProtocol::Http2),
    };
    told.unwrap_or_else(|| {
        let secured = stream.secured();
        secured.is_some_and(|secured| secured.protocol.as_deref() == Some(b"h2"))
    })
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
