//! What is to be sent over a connection. Whole frames are added; the last one of a stream can still be made its end while it
//! waits.

use crate::h2::frame::{FrameHead, HEAD, flag};

/// See the module text.
#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
    start: usize,
    /// How many bytes were dropped before the first of `bytes`.
    base: u64,
}

impl Output {
    /// What waits.
    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// How much waits.
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// How much more is to be gathered before it is sent.
    pub fn room(&self) -> usize {
        MOST_GATHERED.saturating_sub(self.waiting())
    }

    /// So many bytes were sent.
    pub fn sent(&mut self, count: usize) {
        self.start = self.bytes.len().min(self.start + count);
        if self.start == self.bytes.len() || self.start >= MOST_GATHERED {
            self.drop_sent();
        }
    }

    /// Gives memory back: for connections that wait.
    pub fn rest(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > MOST_IDLE {
            self.bytes = Vec::new();
        }
    }

    fn drop_sent(&mut self) {
        self.base += self.start as u64;
        self.bytes.drain(..self.start);
        self.start = 0;
    }

    /// To append frames to.
    pub fn frames(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Where the next frame begins in all that was ever sent.
    pub fn position(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// The head of the frame at a position that was not sent yet.
    pub fn head_at(&self, position: u64) -> Option<FrameHead> {
        let at = usize::try_from(position.checked_sub(self.base)?).ok()?;
        let head = self.bytes.get(at..)?.first_chunk::<HEAD>()?;
        Some(FrameHead::read(head))
    }

    /// Makes the frame at a position the last one of its stream. False when a part of it was sent.
    pub fn end_at(&mut self, position: u64) -> bool {
        let Some(at) = position
            .checked_sub(self.base)
            .and_then(|at| usize::try_from(at).ok())
        else {
            return false;
        };
        match self.bytes.get_mut(at + 4) {
            Some(flags) if at >= self.start => {
                *flags |= flag::END_STREAM;
                true
            }
            _ => false,
        }
    }

    /// Appends the head of a frame, whose payload the caller appends.
    pub fn head(&mut self, kind: u8, flags: u8, stream: u32, length: usize) {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let head = FrameHead {
            length,
            kind,
            flags,
            stream,
        };
        self.bytes.extend_from_slice(&head.bytes());
    }

    /// Sets the length of the frame that began at this place of [`Output::frames`].
    pub fn set_length(&mut self, at: usize) {
        let length = self.bytes.len().saturating_sub(at + HEAD);
        let [_, a, b, c] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        if let Some(place) = self.bytes.get_mut(at..at + 3) {
            place.copy_from_slice(&[a, b, c]);
        }
    }
}

/// Streams wait when this much is to be sent.
const MOST_GATHERED: usize = 65_536;
/// A connection that has nothing to send holds this much room at most.
const MOST_IDLE: usize = 4096;
