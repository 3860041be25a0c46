//! Chunked bodies (RFC 9112 7.1): a decoder that names the data in the caller's bytes, and an encoder.
//!
//! Upstream drops extensions and leading zeros, merges the chunks that it finds together in its buffer, and keeps a
//! chunk's announced size when only a part of it is there. `Decoder` and `Encoder` together do the same.

use std::ops::Range;

use smallvec::SmallVec;

use crate::h1::fault::{Fault, FaultKind, State};
use crate::h1::parse::{Limits, Parse, Scan, parse_trailers};
use crate::h1::write::write_fields;
use crate::http::Head;

/// Takes chunked bytes apart. One per body; `reset` makes it ready for the next one and keeps its memory.
#[derive(Debug, Default)]
pub struct Decoder {
    step: Step,
    /// Bytes missing from the current chunk, or its size while the digits are read.
    left: u64,
    digits: bool,
    extension: usize,
    /// Bytes consumed so far, and where the current size line began.
    position: usize,
    line: usize,
    trailers: Head,
    scan: Scan,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Size,
    Blank,
    Extension,
    SizeLf,
    Data,
    EndCr,
    EndLf,
    Trailers,
    Done,
}

/// What one call of `Decoder::advance` found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes taken; the caller drops them once the data is used. What is left must be given again with more behind it.
    pub consumed: usize,
    /// Where the body's bytes are in the input, in order.
    pub data: SmallVec<[Range<usize>; 8]>,
    /// Sum of the sizes of the chunks whose size line ended in this call: what an encoder may announce.
    pub announced: u64,
    /// The body and its trailers have ended; bytes after `consumed` are the next message's.
    pub done: bool,
}

impl Decoder {
    /// A decoder at the start of a body.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Ready for another body.
    pub fn reset(&mut self) {
        let mut trailers = std::mem::take(&mut self.trailers);
        trailers.clear();
        *self = Decoder {
            trailers,
            ..Decoder::default()
        };
    }

    /// The trailer fields; complete once `done` was reported.
    pub fn trailers(&self) -> &Head {
        &self.trailers
    }

    /// The trailer fields, for rules that edit them.
    pub fn trailers_mut(&mut self) -> &mut Head {
        &mut self.trailers
    }

    /// Bytes consumed so far, from the first of the body.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether the body has ended.
    pub fn is_done(&self) -> bool {
        self.step == Step::Done
    }

    /// Bytes of the current chunk that have not been seen. The caller may move so many without `advance` (splice)
    /// and tell with `skip`.
    pub fn in_chunk(&self) -> u64 {
        if self.step == Step::Data {
            self.left
        } else {
            0
        }
    }

    /// `length` bytes of the current chunk went by another way; more than `in_chunk` counts as that.
    pub fn skip(&mut self, length: u64) {
        if self.step == Step::Data {
            let length = length.min(self.left);
            self.left -= length;
            self.position = self
                .position
                .saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
            if self.left == 0 {
                self.step = Step::EndCr;
            }
        }
    }

    /// Reads on. All bytes are consumed except an unfinished trailer section, which must be given again from its
    /// start. Positions of faults count from the first byte of the body; those of trailers name the last size line.
    ///
    /// Sizes have at most 13 digits after leading zeros; size lines and chunks end with CRLF, not LF alone (trailer
    /// lines may); blanks may stand behind the size and anything but CR and LF in an extension, whose length is bound
    /// by `limits.max_head`.
    pub fn advance(&mut self, bytes: &[u8], limits: &Limits) -> Result<Progress, Fault> {
        let mut progress = Progress::default();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.step {
                Step::Size => self.size(byte, at)?,
                Step::Blank => self.blank(byte, at)?,
                Step::Extension => self.in_extension(byte, at, limits)?,
                Step::SizeLf => {
                    self.expect(byte, b'\n', at, FaultKind::BadChunkSize, State::ChunkSize)?;
                    self.step = if self.left == 0 {
                        Step::Trailers
                    } else {
                        Step::Data
                    };
                    progress.announced = progress.announced.saturating_add(self.left);
                }
                Step::Data => {
                    let available = bytes.len() - at;
                    let taken =
                        usize::try_from(self.left).map_or(available, |left| left.min(available));
                    self.left -= taken as u64;
                    progress.data.push(at..at + taken);
                    at += taken;
                    if self.left == 0 {
                        self.step = Step::EndCr;
                    }
                    continue;
                }
                Step::EndCr => {
                    self.expect(byte, b'\r', at, FaultKind::BadChunkEnd, State::ChunkEnd)?;
                    self.step = Step::EndLf;
                }
                Step::EndLf => {
                    self.expect(byte, b'\n', at, FaultKind::BadChunkEnd, State::ChunkEnd)?;
                    self.begin(at + 1);
                }
                Step::Trailers => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let parsed = parse_trailers(rest, &mut self.trailers, &mut self.scan, limits);
                    match parsed.map_err(|fault| Fault {
                        at: self.line,
                        ..fault
                    })? {
                        Parse::Complete { len } => at += len,
                        Parse::Partial => break,
                    }
                    self.step = Step::Done;
                    continue;
                }
                Step::Done => break,
            }
            at += 1;
        }
        self.position = self.position.saturating_add(at);
        progress.consumed = at;
        progress.done = self.step == Step::Done;
        Ok(progress)
    }

    /// A new size line begins at `at` of the bytes in hand.
    fn begin(&mut self, at: usize) {
        self.step = Step::Size;
        self.digits = false;
        self.extension = 0;
        self.line = self.position.saturating_add(at);
    }

    fn fault(&self, kind: FaultKind, at: usize, state: State) -> Fault {
        Fault {
            kind,
            at: self.position.saturating_add(at),
            state,
        }
    }

    fn expect(
        &self,
        byte: u8,
        wanted: u8,
        at: usize,
        kind: FaultKind,
        state: State,
    ) -> Result<(), Fault> {
        if byte == wanted {
            Ok(())
        } else {
            Err(self.fault(kind, at, state))
        }
    }

    fn size(&mut self, byte: u8, at: usize) -> Result<(), Fault> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ if self.digits => return self.blank(byte, at),
            _ => return Err(self.fault(FaultKind::BadChunkSize, at, State::ChunkSize)),
        };
        if self.left >= LARGEST >> 4 {
            return Err(self.fault(FaultKind::BadChunkSize, at, State::ChunkSize));
        }
        self.left = self.left << 4 | u64::from(digit);
        self.digits = true;
        Ok(())
    }

    fn blank(&mut self, byte: u8, at: usize) -> Result<(), Fault> {
        self.step = match byte {
            b' ' | b'\t' => Step::Blank,
            b';' => Step::Extension,
            b'\r' => Step::SizeLf,
            _ => return Err(self.fault(FaultKind::BadChunkSize, at, State::ChunkSize)),
        };
        self.bounded(at, usize::MAX)
    }

    fn in_extension(&mut self, byte: u8, at: usize, limits: &Limits) -> Result<(), Fault> {
        match byte {
            b'\r' => self.step = Step::SizeLf,
            b'\n' => return Err(self.fault(FaultKind::BadChunkSize, at, State::ChunkSize)),
            _ => {}
        }
        self.bounded(at, limits.max_head)
    }

    fn bounded(&mut self, at: usize, most: usize) -> Result<(), Fault> {
        self.extension = self.extension.saturating_add(1);
        if self.extension > most {
            return Err(self.fault(FaultKind::ExtensionTooLong, at, State::ChunkSize));
        }
        Ok(())
    }
}

/// Chunk sizes stay below this: 13 hexadecimal digits.
const LARGEST: u64 = 1 << 52;

/// Puts bytes into chunks. Sizes are announced first (`announce`), so that a chunk may be longer than the bytes in
/// hand; `next` then tells what to write around them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Encoder {
    open: u64,
    announced: u64,
}

/// What stands around a piece of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The size line to write first, if a chunk begins here.
    pub header: Option<Header>,
    /// Bytes of data that belong here.
    pub take: usize,
    /// The chunk ends behind them: write CRLF.
    pub ends: bool,
}

impl Encoder {
    /// So many more bytes will come; call it with `Progress::announced`, or with the length of own data.
    pub fn announce(&mut self, length: u64) {
        self.announced = self.announced.saturating_add(length);
    }

    /// The next piece of `available` bytes of data; `None` when there is nothing to write. Data that was not announced
    /// is announced here.
    pub fn next(&mut self, available: usize) -> Option<Piece> {
        if available == 0 {
            return None;
        }
        let mut header = None;
        if self.open == 0 {
            self.open = if self.announced == 0 {
                available as u64
            } else {
                self.announced
            };
            self.announced = 0;
            header = Some(Header::new(self.open));
        }
        let take = usize::try_from(self.open).map_or(available, |open| open.min(available));
        self.open -= take as u64;
        Some(Piece {
            header,
            take,
            ends: self.open == 0,
        })
    }

    /// Bytes that the open chunk still lacks.
    pub fn open(&self) -> u64 {
        self.open
    }

    /// `length` bytes of the open chunk were moved another way (splice); tells whether CRLF is due.
    pub fn skip(&mut self, length: u64) -> bool {
        let was_open = self.open > 0;
        self.open = self.open.saturating_sub(length);
        was_open && self.open == 0
    }

    /// Appends `data` in chunks to `out`.
    pub fn put(&mut self, mut data: &[u8], out: &mut Vec<u8>) {
        while let Some(piece) = self.next(data.len()) {
            if let Some(header) = &piece.header {
                out.extend_from_slice(header.as_bytes());
            }
            let (now, later) = data.split_at(piece.take);
            out.extend_from_slice(now);
            if piece.ends {
                out.extend_from_slice(b"\r\n");
            }
            data = later;
        }
    }
}

/// The end of a chunked body without trailers.
pub const LAST: &[u8] = b"0\r\n\r\n";

/// Appends the end of a chunked body and the fields of `trailers`.
pub fn write_last(trailers: &Head, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    write_fields(trailers, out);
    out.extend_from_slice(b"\r\n");
}

/// A size line, on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; 18],
    start: u8,
}

impl Header {
    /// The line for a chunk of `size` bytes: capital digits, CRLF.
    pub fn new(mut size: u64) -> Header {
        let mut bytes = *b"0000000000000000\r\n";
        let mut start = 16;
        loop {
            start -= 1;
            bytes[start] = b"0123456789ABCDEF"[(size & 15) as usize];
            size >>= 4;
            if size == 0 {
                return Header {
                    bytes,
                    start: start as u8,
                };
            }
        }
    }

    /// The bytes to write.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(usize::from(self.start)..)
            .unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
