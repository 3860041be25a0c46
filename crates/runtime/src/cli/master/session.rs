//! One connection to the master's command line.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use hapax_core::ir::CliLevel;
use tokio::time::timeout;

use super::super::line;
use super::super::serve::Stream;
use super::command::{self, Answer};
use super::{MasterAccess, Supervisor, Target};

/// What commands change of their connection.
#[derive(Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a mode of the manual"
)]
pub(super) struct State {
    pub level: CliLevel,
    pub prompt: bool,
    pub timed: bool,
    pub expert: bool,
    pub experimental: bool,
    pub debug: bool,
    /// The worker that commands without a prefix go to; none is the master.
    pub worker: Option<i32>,
}

/// What follows a line.
#[derive(PartialEq, Eq)]
enum Then {
    More,
    /// The rest of the line is not done.
    Skip,
    Close,
}

/// Longest line, and longest payload, bytes.
const LONGEST: usize = 16_384;
/// Bytes read at a time.
const READ: usize = 4096;
/// How long a client or a worker may be silent.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Answers a client until it or the master ends the conversation.
pub(super) async fn converse(
    client: Rc<Stream>,
    master: Rc<dyn Supervisor>,
    access: MasterAccess,
) -> io::Result<()> {
    let state = State {
        level: access.level,
        prompt: false,
        timed: false,
        expert: false,
        experimental: false,
        debug: false,
        worker: None,
    };
    let mut session = Session {
        client,
        master,
        state,
        payload: None,
    };
    let (mut pending, mut room) = (Vec::new(), vec![0; READ]);
    loop {
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', pending.get(start..).unwrap_or_default()) {
            let line: Vec<u8> = pending[start..start + length].to_vec();
            start += length + 1;
            if session.line(&line).await? == Then::Close {
                return Ok(());
            }
        }
        pending.drain(..start);
        if pending.len() >= LONGEST {
            return Ok(());
        }
        let length = timeout(PATIENCE, session.client.read(&mut room)).await??;
        if length == 0 {
            return Ok(());
        }
        pending.extend_from_slice(room.get(..length).unwrap_or_default());
    }
}

struct Session {
    client: Rc<Stream>,
    master: Rc<dyn Supervisor>,
    state: State,
    /// A command with the lines that belong to it, and the line that ends them.
    payload: Option<(Vec<u8>, Vec<u8>)>,
}

impl Session {
    async fn line(&mut self, line: &[u8]) -> io::Result<Then> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some((mut text, end)) = self.payload.take() {
            text.extend_from_slice(line);
            text.push(b'\n');
            if line == end {
                return self.commands(&text).await;
            }
            if text.len() >= LONGEST {
                return Ok(Then::Close);
            }
            self.payload = Some((text, end));
            return Ok(Then::More);
        }
        if let Some((_, end)) = line::payload(line) {
            let mut text = line.to_vec();
            text.push(b'\n');
            self.payload = Some((text, end));
            return Ok(Then::More);
        }
        self.commands(line).await
    }

    /// A line, with what belongs to it.
    async fn commands(&mut self, text: &[u8]) -> io::Result<Then> {
        let trimmed = text.trim_ascii_start();
        if trimmed.starts_with(b"@@") {
            return self.enter(trimmed).await;
        }
        for command in pieces(text) {
            match self.command(command).await? {
                Then::Close => return Ok(Then::Close),
                Then::Skip => {
                    self.show_prompt().await?;
                    break;
                }
                Then::More => self.show_prompt().await?,
            }
        }
        Ok(Then::More)
    }

    async fn command(&mut self, text: &[u8]) -> io::Result<Then> {
        let mut text = text.trim_ascii_start();
        let mut worker = self.state.worker;
        if text.starts_with(b"@") {
            let (prefix, rest) = first_word(text);
            let Ok(found) = self.resolve(prefix.get(1..).unwrap_or_default()) else {
                return self.no_target(prefix).await;
            };
            if rest.is_empty() {
                self.state.worker = found;
                return Ok(Then::More);
            }
            (worker, text) = (found, rest);
        }
        match worker {
            Some(pid) if !is_own_command(text) => {
                let Some(socket) = self.master.connect(pid) else {
                    return Ok(Then::Close);
                };
                let worker = Stream::unix(socket)?;
                let mut command = self.lowered();
                command.extend_from_slice(text);
                if !command.ends_with(b"\n") {
                    command.push(b'\n');
                }
                worker.write_all(&command, PATIENCE).await?;
                worker.end()?;
                copy(&worker, &self.client).await?;
                Ok(Then::More)
            }
            _ => self.own(text).await,
        }
    }

    /// A command of the master itself.
    async fn own(&mut self, text: &[u8]) -> io::Result<Then> {
        let text = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let words = line::commands(text).into_iter().next().unwrap_or_default();
        if words.is_empty() {
            self.client.write_all(b"\n", PATIENCE).await?;
            return Ok(Then::More);
        }
        let out = match command::run(&*self.master, &mut self.state, &words) {
            Answer::Close => {
                self.show_prompt().await?;
                return Ok(Then::Close);
            }
            Answer::Bytes(bytes) => bytes,
            Answer::Usage(text) => {
                self.client.write_all(text.as_bytes(), PATIENCE).await?;
                return Ok(Then::Skip);
            }
            Answer::Text(text) => {
                let mut bytes = text.into_bytes();
                bytes.push(b'\n');
                bytes
            }
            Answer::Reload { hard } => {
                self.master.reload(hard, self.client.duplicate()?);
                return Ok(Then::Close);
            }
        };
        self.client.write_all(&out, PATIENCE).await?;
        Ok(Then::More)
    }

    /// `@@`: the connection is the worker's until it closes it.
    async fn enter(&mut self, text: &[u8]) -> io::Result<Then> {
        let (prefix, rest) = first_word(text);
        let Ok(Some(pid)) = self.resolve(prefix.get(2..).unwrap_or_default()) else {
            let then = self.no_target(prefix).await;
            self.show_prompt().await?;
            return then;
        };
        let Some(socket) = self.master.connect(pid) else {
            return Ok(Then::Close);
        };
        let worker = Rc::new(Stream::unix(socket)?);
        let mut first = self.lowered();
        if rest.is_empty() {
            let mode: &[u8] = if self.state.prompt {
                b"prompt p\n"
            } else {
                b"prompt i\n"
            };
            first.extend_from_slice(mode);
        } else {
            first.extend_from_slice(rest);
            if !first.ends_with(b"\n") {
                first.push(b'\n');
            }
        }
        worker.write_all(&first, PATIENCE).await?;
        let (from, to) = (self.client.clone(), worker.clone());
        let forward = tokio::task::spawn_local(async move {
            // Either side may go first; the answer is read on.
            let _ = copy(&from, &to).await;
            let _ = to.end();
        });
        let copied = copy(&worker, &self.client).await;
        forward.abort();
        copied?;
        self.show_prompt().await?;
        Ok(Then::More)
    }

    /// The worker that a prefix means; none is the master.
    fn resolve(&self, name: &[u8]) -> Result<Option<i32>, ()> {
        let name = std::str::from_utf8(name).map_err(drop)?;
        let target = match name.strip_prefix('!') {
            Some(pid) => Target::Pid(pid.parse().map_err(drop)?),
            None if matches!(name, "" | "master" | "0") => return Ok(None),
            None => Target::Number(name.parse().map_err(drop)?),
        };
        self.master.find(target).map(Some).ok_or(())
    }

    async fn no_target(&self, prefix: &[u8]) -> io::Result<Then> {
        let prefix = String::from_utf8_lossy(prefix);
        let text = format!("Can't find the target PID matching the prefix '{prefix}'\n");
        self.client.write_all(text.as_bytes(), PATIENCE).await?;
        Ok(Then::Skip)
    }

    /// Commands that give a worker's connection, which may do anything, the modes and the level of this one.
    fn lowered(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if self.state.expert {
            text.extend_from_slice(b"expert-mode on -;");
        }
        if self.state.experimental {
            text.extend_from_slice(b"experimental-mode on -;");
        }
        match self.state.level {
            CliLevel::User => text.extend_from_slice(b"user -;"),
            CliLevel::Operator => text.extend_from_slice(b"operator -;"),
            CliLevel::Admin => {}
        }
        text
    }

    async fn show_prompt(&self) -> io::Result<()> {
        let state = &self.state;
        if !state.prompt {
            return Ok(());
        }
        let mut text = String::new();
        if state.timed {
            text += &self.master.uptime();
        }
        text += &match state.worker {
            Some(pid) => pid.to_string(),
            None => "master".into(),
        };
        if self.master.reload_failed() && state.worker.is_none() {
            text += "[ReloadFailed]";
        }
        let modes = [
            (state.experimental, 'x'),
            (state.expert, 'e'),
            (state.debug, 'd'),
        ];
        if modes.iter().any(|(on, _)| *on) {
            text.push('(');
            text.extend(
                modes
                    .iter()
                    .filter(|(on, _)| *on)
                    .map(|(_, letter)| *letter),
            );
            text.push(')');
        }
        text += "> ";
        self.client.write_all(text.as_bytes(), PATIENCE).await
    }
}

/// Commands about the connection with the master are the master's, wherever the others go.
fn is_own_command(text: &[u8]) -> bool {
    let (first, _) = first_word(text);
    matches!(
        first,
        b"prompt" | b"quit" | b"mcli-debug-mode" | b"expert-mode" | b"experimental-mode"
    )
}

async fn copy(from: &Stream, to: &Stream) -> io::Result<()> {
    let mut room = vec![0; READ];
    loop {
        let length = timeout(PATIENCE, from.read(&mut room)).await??;
        if length == 0 {
            return Ok(());
        }
        let bytes = room.get(..length).unwrap_or_default();
        to.write_all(bytes, PATIENCE).await?;
    }
}

/// A line cut at the semicolons that no backslash precedes. A payload stays with the last command.
fn pieces(text: &[u8]) -> Vec<&[u8]> {
    let line = memchr::memchr(b'\n', text).unwrap_or(text.len());
    let (mut pieces, mut start, mut at) = (Vec::new(), 0, 0);
    while at < line {
        match text[at] {
            b'\\' => at += 1,
            b';' => {
                pieces.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    pieces.push(&text[start..]);
    pieces
}

fn first_word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(u8::is_ascii_whitespace);
    let (first, rest) = text.split_at(end.unwrap_or(text.len()));
    (first, rest.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_semicolons_and_payload_is_not() {
        assert_eq!(pieces(b"a;b\\;c;"), [&b"a"[..], b"b\\;c", b""]);
        assert_eq!(pieces(b"a;b <<\nx;y\n\n"), [&b"a"[..], b"b <<\nx;y\n\n"]);
        assert_eq!(pieces(b"a\\"), [&b"a\\"[..]]);
    }
}
