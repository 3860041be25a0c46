//! One `log` line at work: who gets a line, and the header in front of it.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hapax_core::ir::{Address, LogAddress, LogFraming, LogOrigin, LogSample, LogTarget, StepLog};
use hapax_core::program::Program;

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
        let count = program.global.logs.len() + own;
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
    sink: Rc<Sink>,
    ir: LogTarget,
    round: usize,
    rounds: Arc<Rounds>,
    /// Its profile, a position in the program's.
    profile: Option<usize>,
    /// What headers say where the profile has a tag of its own.
    origin: Option<Rc<Origin>>,
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
        sink: Rc<Sink>,
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
            sink,
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
        self.sink.line(self.ir.max_length as usize, |line| {
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
        LogAddress::Stream(_) => return Err(std::io::ErrorKind::Unsupported.into()),
        place => place,
    };
    Ok(match place {
        LogAddress::Descriptor(number)
        | LogAddress::Datagram(Address::Descriptor(number) | Address::SocketPair(number)) => {
            sink::Target::Descriptor(descriptor(*number)?)
        }
        LogAddress::Datagram(address) => sink::Target::Datagram(socket_address(address)?),
        LogAddress::Ring(_) | LogAddress::Stream(_) => {
            return Err(std::io::ErrorKind::Unsupported.into());
        }
    })
}
