//! Frames: their heads, kinds, flags and the codes of errors (RFC 9113 4 to 7).

use thiserror::Error;

/// What a connection of a client begins with.
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a frame's head.
pub const HEAD: usize = 9;

/// The largest payload that everybody takes.
pub const LEAST_FRAME: u32 = 16_384;

/// The largest payload that a frame can have.
pub const MOST_FRAME: u32 = (1 << 24) - 1;

/// The kinds of frames.
pub mod kind {
    #![allow(missing_docs)]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// The flags of frames.
pub mod flag {
    #![allow(missing_docs)]
    pub const END_STREAM: u8 = 0x1;
    pub const ACK: u8 = 0x1;
    pub const END_HEADERS: u8 = 0x4;
    pub const PADDED: u8 = 0x8;
    pub const PRIORITY: u8 = 0x20;
}

/// Why a stream or a connection ends (RFC 9113 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum Code {
    #[error("NO_ERROR")]
    NoError = 0,
    #[error("PROTOCOL_ERROR")]
    Protocol = 1,
    #[error("INTERNAL_ERROR")]
    Internal = 2,
    #[error("FLOW_CONTROL_ERROR")]
    FlowControl = 3,
    #[error("STREAM_CLOSED")]
    StreamClosed = 5,
    #[error("FRAME_SIZE_ERROR")]
    FrameSize = 6,
    #[error("REFUSED_STREAM")]
    RefusedStream = 7,
    #[error("CANCEL")]
    Cancel = 8,
    #[error("COMPRESSION_ERROR")]
    Compression = 9,
    #[error("CONNECT_ERROR")]
    Connect = 10,
    #[error("ENHANCE_YOUR_CALM")]
    EnhanceYourCalm = 11,
    #[error("INADEQUATE_SECURITY")]
    InadequateSecurity = 12,
    #[error("HTTP_1_1_REQUIRED")]
    Http11Required = 13,
}

impl Code {
    /// The code of a number; what nobody knows is taken as an internal error.
    pub fn of(number: u32) -> Code {
        match number {
            0 => Code::NoError,
            1 => Code::Protocol,
            3 => Code::FlowControl,
            5 => Code::StreamClosed,
            6 => Code::FrameSize,
            7 => Code::RefusedStream,
            8 => Code::Cancel,
            9 => Code::Compression,
            10 => Code::Connect,
            11 => Code::EnhanceYourCalm,
            12 => Code::InadequateSecurity,
            13 => Code::Http11Required,
            _ => Code::Internal,
        }
    }
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameHead {
    /// Bytes of the payload.
    pub length: u32,
    /// One of [`kind`], or one that nobody knows.
    pub kind: u8,
    /// Some of [`flag`].
    pub flags: u8,
    /// The stream, 0 for the connection.
    pub stream: u32,
}

impl FrameHead {
    /// Reads a head.
    pub fn read(bytes: &[u8; HEAD]) -> FrameHead {
        let [a, b, c, kind, flags, s0, s1, s2, s3] = *bytes;
        FrameHead {
            length: u32::from_be_bytes([0, a, b, c]),
            kind,
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & STREAM_MASK,
        }
    }

    /// The head as bytes.
    pub fn bytes(self) -> [u8; HEAD] {
        let [_, a, b, c] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [a, b, c, self.kind, self.flags, s0, s1, s2, s3]
    }

    /// Whether all of these flags are set.
    pub fn has(self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}

/// Appends a frame.
pub fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(MOST_FRAME);
    let head = FrameHead {
        length,
        kind,
        flags,
        stream,
    };
    out.extend_from_slice(&head.bytes());
    out.extend_from_slice(payload);
}

/// A number of four bytes, of which the first bit says nothing.
pub fn number(payload: &[u8]) -> Option<u32> {
    let bytes = payload.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*bytes))
}

/// The largest stream identifier and the largest window.
pub const STREAM_MASK: u32 = 0x7fff_ffff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_as_it_was_written() {
        let head = FrameHead {
            length: 0x01_02_03,
            kind: kind::HEADERS,
            flags: flag::END_HEADERS | flag::END_STREAM,
            stream: 7,
        };
        assert_eq!(FrameHead::read(&head.bytes()), head);
        assert!(head.has(flag::END_HEADERS));
        assert!(!head.has(flag::END_HEADERS | flag::PADDED));
        let mut reserved = head.bytes();
        reserved[5] |= 0x80;
        assert_eq!(FrameHead::read(&reserved).stream, 7);
    }

    #[test]
    fn codes_have_their_numbers() {
        for number in [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13] {
            assert_eq!(Code::of(number) as u32, number);
        }
        assert_eq!(Code::of(99), Code::Internal);
    }
}
