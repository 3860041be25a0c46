//! One `log` line at work: who gets a line, and the header in front of it.

use std::io::Write;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hapax_core::ir::{
    Address, HostStrategy, LogAddress, LogFraming, LogOrigin, LogSample, LogTarget, StepLog,
};
use hapax_core::program::Program;
use hapax_proto::syslog::{self, Message};

use super::backend::LogBackend;
use super::console::descriptor;
use super::date::Dates;
use super::level::Level;
use super::sink::{self, Sink};
use crate::address::socket_address;

/// Where the samplings of all targets stand; one for a program, shared by its workers.
#[derive(Debug)]
pub struct Rounds(Vec<AtomicU32>);

impl Rounds {
    /// All at their start.
    pub fn new(program: &Program) -> Arc<Rounds> {
        let own: usize = program
            .proxies
            .iter()
            .map(|proxy| proxy.ir.logs.len())
            .sum();
        let passed: usize = program
            .log_forwards
            .iter()
            .map(|forward| forward.logs.len())
            .sum();
        let count = program.global.logs.len() + own + passed;
        Arc::new(Rounds((0..count).map(|_| AtomicU32::new(0)).collect()))
    }

    /// Whether the line that comes now is one of those to send.
    fn takes(&self, round: usize, sample: &LogSample) -> bool {
        let Some(turn) = self.0.get(round) else {
            return true;
        };
        let size = sample.size.max(1);
        let next = |turn: u32| Some((turn + 1) % size);
        let turn = match turn.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(turn) | Err(turn) => turn % size + 1,
        };
        sample
            .ranges
            .iter()
            .any(|&(first, last)| (first..=last).contains(&turn))
    }
}

/// A target of this worker.
#[derive(Debug)]
pub(super) struct Target {
    way: Way,
    ir: LogTarget,
    round: usize,
    rounds: Arc<Rounds>,
    /// Its profile, a position in the program's.
    profile: Option<usize>,
    /// What headers say where the profile has a tag of its own.
    origin: Option<Rc<Origin>>,
}

/// Where the lines of a target go.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// All to one place.
    Sink(Rc<Sink>),
    /// Each to a server of a backend.
    Backend(Rc<LogBackend>),
}

impl Way {
    /// Adds a line with this text that `write` appends, cut to `most` bytes.
    fn line(&self, text: &[u8], most: u32, write: impl FnOnce(&mut Vec<u8>)) {
        match self {
            Way::Sink(sink) => sink.line(most as usize, write),
            Way::Backend(backend) => {
                if let Some(sink) = backend.sink(text) {
                    sink.line(most as usize, write);
                }
            }
        }
    }
}

/// What a line says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    /// `log-format-sd`, for RFC 5424 only.
    pub(super) structured: &'a [u8],
    /// The line behind the header.
    pub(super) text: &'a [u8],
}

impl<'a> Text<'a> {
    /// A line without structured data.
    pub(super) fn plain(text: &'a [u8]) -> Text<'a> {
        Text {
            structured: b"",
            text,
        }
    }
}

/// What headers say about this process and a proxy.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// `log-send-hostname` with a blank behind it; none when it is off.
    pub(super) host: Option<Vec<u8>>,
    /// The tag.
    pub(super) tag: Vec<u8>,
    /// The process.
    pub(super) pid: Vec<u8>,
}

impl Target {
    /// A target over a sink; `round` is its place in `rounds`.
    pub(super) fn new(
        way: Way,
        mut ir: LogTarget,
        program: &Program,
        origin: &Origin,
        (round, rounds): (usize, Arc<Rounds>),
    ) -> Target {
        if let LogAddress::Ring(name) = &ir.address {
            // A ring has a format of its own.
            let ring = program.rings.iter().find(|ring| ring.name == *name);
            ir.format = ring.and_then(|ring| ring.format).unwrap_or(ir.format);
        }
        let named = |name: &String| {
            let mut profiles = program.log_profiles.iter();
            profiles.position(|profile| profile.name == *name)
        };
        let profile = ir.profile.as_ref().and_then(named);
        let tag = profile
            .and_then(|profile| program.log_profiles.get(profile))
            .and_then(|profile| profile.tag.as_ref());
        Target {
            way,
            ir,
            round,
            rounds,
            profile,
            origin: tag.map(|tag| {
                Rc::new(Origin {
                    tag: tag.as_bytes().to_vec(),
                    ..origin.clone()
                })
            }),
        }
    }

    /// What the profile of this target says about lines of an origin.
    pub(super) fn step<'p>(&self, program: &'p Program, from: LogOrigin) -> Option<&'p StepLog> {
        program.log_profiles.get(self.profile?)?.step(from)
    }

    /// Whether lines have structured data here.
    pub(super) fn is_structured(&self) -> bool {
        self.ir.format == LogFraming::Rfc5424
    }

    /// Whether the level range and the sampling let a line pass; it counts for the sampling.
    pub(super) fn takes(&self, level: Level) -> bool {
        if level as u8 > self.ir.max_level {
            return false;
        }
        match &self.ir.sample {
            Some(sample) => self.rounds.takes(self.round, sample),
            None => true,
        }
    }

    /// Sends `text` behind the header of this target, if it takes the line.
    pub(super) fn send(
        &self,
        level: Level,
        origin: &Origin,
        dates: &Dates,
        wall_us: u64,
        text: Text<'_>,
    ) {
        if self.takes(level) {
            self.write(level, origin, dates, wall_us, text);
        }
    }

    /// Sends `text` behind the header of this target.
    pub(super) fn write(
        &self,
        level: Level,
        origin: &Origin,
        dates: &Dates,
        wall_us: u64,
        text: Text<'_>,
    ) {
        if text.text.is_empty() {
            return;
        }
        let level = (level as u8).max(self.ir.min_level);
        let origin = self.origin.as_deref().unwrap_or(origin);
        self.way.line(text.text, self.ir.max_length, |line| {
            header(
                &self.ir,
                level,
                origin,
                dates,
                (wall_us, text.structured),
                line,
            );
            line.extend_from_slice(text.text);
        });
    }
}

/// A message of somebody else that is passed on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed<'a> {
    /// Its parts.
    pub(super) message: Message<'a>,
    /// It is passed as it is, where the target asks for no format.
    pub(super) verbatim: bool,
    /// Who sent it, where that is an internet address.
    pub(super) from: Option<IpAddr>,
    /// What becomes of the host.
    pub(super) host: HostStrategy,
}

impl Target {
    /// Passes a message on, if this target takes it.
    pub(super) fn pass(&self, passed: &Passed<'_>, dates: &Dates, wall_us: u64) {
        let message = &passed.message;
        let level = Level::from_number((message.priority.unwrap_or(0) & 7) as u8);
        // A message without text counts for the sampling.
        if !self.takes(level) || message.text.is_empty() {
            return;
        }
        let level = u16::from((level as u8).max(self.ir.min_level));
        let facility = message.priority.map(|priority| priority >> 3);
        let priority = facility.unwrap_or(self.ir.facility.into()) * 8 + level;
        self.way.line(message.text, self.ir.max_length, |line| {
            passed.head(self.ir.format, (priority, level), dates, wall_us, line);
            let text = message.text;
            line.extend_from_slice(text.strip_suffix(b"\n").unwrap_or(text));
        });
    }
}

impl Passed<'_> {
    fn head(
        &self,
        framing: LogFraming,
        (priority, level): (u16, u16),
        dates: &Dates,
        wall_us: u64,
        line: &mut Vec<u8>,
    ) {
        let message = &self.message;
        let framing = match (framing, message.head) {
            (LogFraming::Unset, _) if self.verbatim => LogFraming::Raw,
            (LogFraming::Unset, syslog::Head::Rfc5424) if self.has_host() => LogFraming::Rfc5424,
            (LogFraming::Unset, _) if self.has_host() => LogFraming::Rfc3164,
            // The richest that what is known suffices for.
            (LogFraming::Unset, _) if !message.tag.is_empty() => LogFraming::Local,
            (LogFraming::Unset, _) if message.priority.is_some() => LogFraming::Priority,
            (LogFraming::Unset, _) => LogFraming::Raw,
            (given, _) => given,
        };
        match framing {
            LogFraming::Raw => {}
            LogFraming::Short => numbered(line, level),
            LogFraming::Priority => numbered(line, priority),
            LogFraming::Timed => {
                numbered(line, level);
                self.iso(dates, wall_us, line);
            }
            LogFraming::Iso => self.iso(dates, wall_us, line),
            LogFraming::Local | LogFraming::Rfc3164 | LogFraming::Unset => {
                numbered(line, priority);
                self.bsd(dates, wall_us, line);
                if framing != LogFraming::Local {
                    self.host(b"localhost", line);
                }
                if !message.tag.is_empty() {
                    line.extend_from_slice(message.tag);
                    if !message.pid.is_empty() {
                        line.push(b'[');
                        line.extend_from_slice(message.pid);
                        line.push(b']');
                    }
                    line.extend_from_slice(b": ");
                }
            }
            LogFraming::Rfc5424 => {
                numbered(line, priority);
                line.extend_from_slice(b"1 ");
                match message.head {
                    // A time that was left out on purpose stays so.
                    syslog::Head::Rfc5424 if message.time.is_empty() => {
                        line.extend_from_slice(b"- ");
                    }
                    _ => self.iso(dates, wall_us, line),
                }
                self.host(b"-", line);
                for field in [message.tag, message.pid, message.kind, message.data] {
                    line.extend_from_slice(if field.is_empty() { b"-" } else { field });
                    line.push(b' ');
                }
            }
        }
    }

    /// Whether there is a host to name.
    fn has_host(&self) -> bool {
        !self.message.host.is_empty() || self.host != HostStrategy::Keep && self.from.is_some()
    }

    /// The time as in RFC 5424: its own where it has one.
    fn iso(&self, dates: &Dates, wall_us: u64, line: &mut Vec<u8>) {
        let time = self.message.time;
        match self.message.head {
            syslog::Head::Rfc5424 if !time.is_empty() => {
                line.extend_from_slice(time);
                line.push(b' ');
            }
            // `Oct 11 22:14:15` is of this year, in no zone that is known.
            syslog::Head::Rfc3164 => {
                let month = syslog::month(time).unwrap_or(1);
                dates.year(wall_us, line);
                line.extend_from_slice(&[
                    b'-',
                    b'0' + (month / 10) as u8,
                    b'0' + (month % 10) as u8,
                ]);
                line.push(b'-');
                let day = time.get(4..6).unwrap_or(b"01");
                line.extend(
                    day.iter()
                        .map(|byte| if *byte == b' ' { b'0' } else { *byte }),
                );
                line.push(b'T');
                line.extend_from_slice(time.get(7..).unwrap_or_default());
                line.extend_from_slice(b"-00:00 ");
            }
            _ => dates.iso(wall_us, line),
        }
    }

    /// The time as in RFC 3164, with a blank.
    fn bsd(&self, dates: &Dates, wall_us: u64, line: &mut Vec<u8>) {
        let time = self.message.time;
        match self.message.head {
            syslog::Head::Rfc3164 => {
                line.extend_from_slice(time);
                line.push(b' ');
            }
            syslog::Head::Rfc5424 if time.len() >= 19 => {
                let digit = |at: usize| time.get(at).map_or(0, |byte| usize::from(byte - b'0'));
                let month = (digit(5) * 10 + digit(6)).clamp(1, 12);
                line.extend_from_slice(syslog::MONTHS[month - 1]);
                line.push(b' ');
                let day = time.get(8..10).unwrap_or(b"01");
                line.push(if day[0] == b'0' { b' ' } else { day[0] });
                line.push(day[1]);
                line.push(b' ');
                line.extend_from_slice(time.get(11..19).unwrap_or_default());
                line.push(b' ');
            }
            _ => dates.bsd(wall_us, line),
        }
    }

    /// The host with a blank; `none` where there is none.
    fn host(&self, none: &[u8], line: &mut Vec<u8>) {
        let own = self.message.host;
        // What is passed as it is has no host that could be asked for.
        let from = self.from.filter(|_| !self.verbatim);
        let (own, from) = match (self.host, from) {
            (HostStrategy::Keep, _) | (_, None) => (own, None),
            (HostStrategy::Replace, from) => (&b""[..], from),
            (HostStrategy::Fill, _) if !own.is_empty() => (own, None),
            (HostStrategy::Fill | HostStrategy::Append, from) => (own, from),
        };
        line.extend_from_slice(own);
        if let Some(from) = from {
            if !own.is_empty() {
                line.push(b',');
            }
            // Writing into a vector cannot fail.
            let _ = write!(line, "{from}");
        } else if own.is_empty() {
            line.extend_from_slice(none);
        }
        line.push(b' ');
    }
}

fn numbered(line: &mut Vec<u8>, number: u16) {
    // Writing into a vector cannot fail.
    let _ = write!(line, "<{number}>");
}

fn header(
    target: &LogTarget,
    level: u8,
    origin: &Origin,
    dates: &Dates,
    (wall_us, structured): (u64, &[u8]),
    line: &mut Vec<u8>,
) {
    let priority = target.facility * 8 + level;
    let framing = match (target.format, &origin.host) {
        (LogFraming::Unset, Some(_)) => LogFraming::Rfc3164,
        (LogFraming::Unset, None) => LogFraming::Local,
        (given, _) => given,
    };
    match framing {
        LogFraming::Raw => {}
        LogFraming::Short => bracketed(line, level),
        LogFraming::Priority => bracketed(line, priority),
        LogFraming::Timed => {
            bracketed(line, level);
            dates.iso(wall_us, line);
        }
        LogFraming::Iso => dates.iso(wall_us, line),
        LogFraming::Local | LogFraming::Unset => {
            bracketed(line, priority);
            dates.bsd(wall_us, line);
            tagged(line, origin);
        }
        LogFraming::Rfc3164 => {
            bracketed(line, priority);
            dates.bsd(wall_us, line);
            line.extend_from_slice(origin.host.as_deref().unwrap_or(b"localhost "));
            tagged(line, origin);
        }
        LogFraming::Rfc5424 => {
            bracketed(line, priority);
            line.extend_from_slice(b"1 ");
            dates.iso(wall_us, line);
            line.extend_from_slice(origin.host.as_deref().unwrap_or(b"- "));
            line.extend_from_slice(&origin.tag);
            line.push(b' ');
            line.extend_from_slice(&origin.pid);
            line.extend_from_slice(b" - ");
            line.extend_from_slice(match structured {
                b"" => b"-",
                structured => structured,
            });
            line.push(b' ');
        }
    }
}

fn tagged(line: &mut Vec<u8>, origin: &Origin) {
    line.extend_from_slice(&origin.tag);
    line.push(b'[');
    line.extend_from_slice(&origin.pid);
    line.extend_from_slice(b"]: ");
}

fn bracketed(line: &mut Vec<u8>, number: u8) {
    line.push(b'<');
    for unit in [100, 10, 1] {
        if number >= unit || unit == 1 {
            line.push(b'0' + number / unit % 10);
        }
    }
    line.push(b'>');
}

/// Where a sink for this address sends.
///
/// # Errors
/// When the descriptor is not open, or the address is none that datagrams can be sent to.
pub(super) fn open(address: &LogAddress, program: &Program) -> std::io::Result<sink::Target> {
    let place = match address {
        LogAddress::Ring(name) => {
            let ring = program.live.ring(name);
            let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
            return ring.cloned().map(sink::Target::Ring).ok_or_else(missing);
        }
        LogAddress::Stream(_) | LogAddress::Backend(_) => {
            return Err(std::io::ErrorKind::Unsupported.into());
        }
        place => place,
    };
    Ok(match place {
        LogAddress::Descriptor(number)
        | LogAddress::Datagram(Address::Descriptor(number) | Address::SocketPair(number)) => {
            sink::Target::Descriptor(descriptor(*number)?)
        }
        LogAddress::Datagram(address) => sink::Target::Datagram(socket_address(address)?),
        LogAddress::Ring(_) | LogAddress::Stream(_) | LogAddress::Backend(_) => {
            return Err(std::io::ErrorKind::Unsupported.into());
        }
    })
}
