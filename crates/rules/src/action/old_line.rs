//! What the rules of HAProxy 1.5 do to lines: `reqrep`, `rspdel`, `reqdeny` and their kin see the request line or status line
//! and each header line (`Name: value`) as a text. No keyword of today leads here; see the rows in `legacy`.
//!
//! A header name has no letter case of its own here, expressions that heed it do: they see a name as they spell it
//! themselves, else as `Like-This`, else in lower case.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use hapax_core::contract::{Action, Outcome, Tx};
use hapax_proto::http::{Head, Kind};
use hapax_sample::matcher::{Regex, expand};

use super::reading;
use super::room;
use super::set_header::is_token;
use super::target::Part;

/// What happens when a line matches.
#[derive(Debug)]
pub(crate) enum Effect {
    /// The line goes; the first line of a message cannot.
    Delete,
    /// The line becomes this text, with groups; text behind a line feed becomes further lines.
    Replace(Vec<u8>),
    /// No further rule of the list.
    Allow,
    /// An error.
    Deny(u16),
    /// The rules behind leave the line alone.
    Pass,
    /// An error after `timeout tarpit`.
    Tarpit,
    /// This backend is chosen.
    Backend(String),
}

/// A rule over lines.
#[derive(Debug)]
pub(crate) struct OldLine {
    /// What is looked for.
    pub regex: Regex,
    /// Words in it that may be header names.
    pub spelled: Vec<Vec<u8>>,
    /// Whether letter case matters.
    pub heeds_case: bool,
    /// What is done.
    pub effect: Effect,
    /// The rule as written.
    pub text: String,
}

impl Action for OldLine {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        // Lines that a replacement adds are not looked at again.
        let mut end = reading::head(tx).len() + 1;
        let mut index = 0;
        while index < end {
            if !tx.stream.left_alone.contains(&(index as u32)) {
                match self.on_line(tx, index) {
                    Done::Next => {}
                    Done::Gone => {
                        end -= 1;
                        continue;
                    }
                    Done::Decided(outcome) => return outcome,
                }
            }
            index += 1;
        }
        Outcome::Continue
    }
}

/// What became of a line.
enum Done {
    Next,
    Gone,
    Decided(Outcome),
}

impl OldLine {
    fn on_line(&self, tx: &mut Tx<'_>, index: usize) -> Done {
        let arena = tx.arena;
        let head = reading::head(tx);
        let Some(line) = self.matching(head, index, arena) else {
            return Done::Next;
        };
        match &self.effect {
            Effect::Delete if index == 0 => Done::Next,
            Effect::Delete => {
                remove(tx, index);
                Done::Gone
            }
            Effect::Replace(text) => {
                let mut new = Vec::new();
                if let Some(captures) = self.regex.captures(&line) {
                    expand(text, &captures, &mut new);
                }
                replace(tx, index, &new)
            }
            Effect::Allow => Done::Decided(Outcome::Stop),
            Effect::Deny(status) => Done::Decided(Outcome::Deny { status: *status }),
            Effect::Tarpit => Done::Decided(Outcome::Tarpit { status: Some(500) }),
            Effect::Pass => {
                tx.stream.left_alone.push(index as u32);
                Done::Next
            }
            Effect::Backend(name) => {
                tx.stream.switched = tx.program.backend(name);
                Done::Decided(Outcome::Stop)
            }
        }
    }

    /// The text of line `index` in the spelling that matches, if one does.
    fn matching<'a>(&self, head: &Head, index: usize, arena: &'a Bump) -> Option<BumpVec<'a, u8>> {
        let mut line = BumpVec::new_in(arena);
        let Some(field) = index.checked_sub(1) else {
            first_line(head, &mut line);
            return self.regex.is_match(&line).then_some(line);
        };
        let name = head.name(field);
        line.extend_from_slice(name);
        line.extend_from_slice(b": ");
        line.extend_from_slice(head.value(field));
        if !self.heeds_case {
            return self.regex.is_match(&line).then_some(line);
        }
        let written = |line: &mut [u8], name: &[u8]| {
            for (to, from) in line.iter_mut().zip(name) {
                *to = *from;
            }
        };
        let mut spelled = self.spelled.iter();
        if let Some(spelled) = spelled.find(|word| word.eq_ignore_ascii_case(name)) {
            written(&mut line, spelled);
            if self.regex.is_match(&line) {
                return Some(line);
            }
            written(&mut line, name);
        }
        let mut begins = true;
        for byte in line.iter_mut().take(name.len()) {
            if begins {
                byte.make_ascii_uppercase();
            }
            begins = *byte == b'-';
        }
        if self.regex.is_match(&line) {
            return Some(line);
        }
        written(&mut line, name);
        self.regex.is_match(&line).then_some(line)
    }
}

/// `reqadd` and `rspadd`: appends lines.
#[derive(Debug)]
pub(crate) struct OldAdd {
    /// Names and values.
    pub lines: Vec<(Vec<u8>, Vec<u8>)>,
    /// The rule as written.
    pub text: String,
}

impl Action for OldAdd {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        for (name, value) in &self.lines {
            let more = name.len() + value.len() + room::BLOCK;
            let done = room::edit(tx, more, 0, |tx| reading::head(tx).add(name, value));
            if done != Outcome::Continue {
                return done;
            }
        }
        Outcome::Continue
    }
}

/// `block`: an error.
#[derive(Debug)]
pub(crate) struct OldBlock {
    /// The rule as written.
    pub text: String,
}

impl Action for OldBlock {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::Deny { status: 403 }
    }

    fn is_final(&self) -> bool {
        true
    }
}

/// Name and value of a header line; none when it is no header line (RFC 9112 5).
pub(crate) fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?);
    let is_name = !name.is_empty() && name.iter().all(|byte| is_token(*byte));
    let is_value = !value.iter().any(|byte| b"\0\r\n".contains(byte));
    (is_name && is_value).then(|| (name, value.trim_ascii()))
}

/// The lines of a text.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|byte| *byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn first_line(head: &Head, line: &mut BumpVec<'_, u8>) {
    let parts = match head.kind() {
        Kind::Request => [head.method(), head.uri(), head.version()],
        Kind::Response => [head.version(), head.status_text(), head.reason()],
    };
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            line.push(b' ');
        }
        line.extend_from_slice(part);
    }
}

fn remove(tx: &mut Tx<'_>, index: usize) {
    reading::head(tx).remove_at(index.saturating_sub(1));
    for other in &mut tx.stream.left_alone {
        if *other as usize > index {
            *other -= 1;
        }
    }
}

fn replace(tx: &mut Tx<'_>, index: usize, text: &[u8]) -> Done {
    if !room::has_room(tx, text.len(), 0) {
        let status = if tx.on_response { 502 } else { 400 };
        return Done::Decided(Outcome::Deny { status });
    }
    let mut lines = lines(text);
    let first = lines.next().unwrap_or_default();
    let mut done = Done::Next;
    if index == 0 {
        let taken = match tx.on_response {
            true => set_status_line(&mut tx.stream.response, first),
            false => set_request_line(&mut tx.stream.request, first, tx.arena),
        };
        if taken.is_none() {
            let status = if tx.on_response { 502 } else { 400 };
            return Done::Decided(Outcome::Deny { status });
        }
    } else if let Some((name, value)) = field(first) {
        reading::head(tx).set_line(index - 1, name, value);
    } else if first.is_empty() {
        remove(tx, index);
        done = Done::Gone;
    }
    for (name, value) in lines.filter_map(field) {
        reading::head(tx).add(name, value);
    }
    done
}

/// Takes a request line over; what it lacks stays as it was. None when it is no request line (RFC 9112 3).
fn set_request_line(request: &mut Head, line: &[u8], arena: &Bump) -> Option<()> {
    let line = line.trim_ascii();
    let space = memchr::memchr(b' ', line)?;
    let (method, rest) = (line.get(..space)?, line.get(space..)?.trim_ascii());
    let (uri, version) = match memchr::memrchr(b' ', rest) {
        Some(space) if is_version(rest.get(space + 1..)?) => {
            (rest.get(..space)?.trim_ascii(), rest.get(space + 1..))
        }
        _ => (rest, None),
    };
    let odd = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    if !method.iter().all(|byte| is_token(*byte)) || uri.is_empty() || uri.iter().any(odd) {
        return None;
    }
    // What did not change is not written anew: the target would name the host again.
    if method != request.method() {
        request.set_method(method);
    }
    if uri != request.uri() {
        Part::Uri.set(request, uri, arena);
    }
    if let Some(version) = version
        && version != request.version()
    {
        request.set_version(version);
    }
    Some(())
}

/// Takes a status line over; none when it is none (RFC 9112 4).
fn set_status_line(response: &mut Head, line: &[u8]) -> Option<()> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let (version, status) = (parts.next()?, parts.next()?);
    let reason = parts.next().unwrap_or_default();
    let number: u16 = std::str::from_utf8(status).ok()?.parse().ok()?;
    let odd = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    if !is_version(version) || !(100..=999).contains(&number) || reason.iter().any(odd) {
        return None;
    }
    if version != response.version() {
        response.set_version(version);
    }
    if number != response.status() || reason != response.reason() {
        response.set_status(number, reason);
    }
    Some(())
}

fn is_version(text: &[u8]) -> bool {
    matches!(text, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit())
}
