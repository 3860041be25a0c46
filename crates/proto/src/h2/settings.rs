//! What both sides tell each other at the beginning (RFC 9113 6.5).

use super::frame::{Code, LEAST_FRAME, MOST_FRAME, STREAM_MASK, flag, kind, write};

/// What the other side said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerSettings {
    /// How many streams it lets us open.
    pub max_streams: u32,
    /// What it takes of each stream before it grants more.
    pub initial_window: u32,
    /// The largest payload it takes.
    pub max_frame: u32,
    /// Its table for header fields.
    pub header_table: u32,
    /// Whether extended CONNECT may be used (RFC 8441).
    pub connect_protocol: bool,
}

impl Default for PeerSettings {
    fn default() -> PeerSettings {
        PeerSettings {
            max_streams: u32::MAX,
            initial_window: 65_535,
            max_frame: LEAST_FRAME,
            header_table: 4096,
            connect_protocol: false,
        }
    }
}

impl PeerSettings {
    /// Takes the payload of a frame, of which the length is a multiple of six.
    pub fn take(&mut self, payload: &[u8]) -> Result<(), Code> {
        for pair in payload.chunks_exact(6) {
            let [a, b, v0, v1, v2, v3] = *pair else {
                return Err(Code::FrameSize);
            };
            let value = u32::from_be_bytes([v0, v1, v2, v3]);
            match u16::from_be_bytes([a, b]) {
                HEADER_TABLE => self.header_table = value,
                ENABLE_PUSH if value > 1 => return Err(Code::Protocol),
                MAX_STREAMS => self.max_streams = value,
                INITIAL_WINDOW if value > STREAM_MASK => return Err(Code::FlowControl),
                INITIAL_WINDOW => self.initial_window = value,
                MAX_FRAME if !(LEAST_FRAME..=MOST_FRAME).contains(&value) => {
                    return Err(Code::Protocol);
                }
                MAX_FRAME => self.max_frame = value,
                CONNECT_PROTOCOL => self.connect_protocol = value == 1,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Appends a frame with these settings.
pub fn announce(out: &mut Vec<u8>, settings: &[(u16, u32)]) {
    let mut payload = Vec::with_capacity(settings.len() * 6);
    for (name, value) in settings {
        payload.extend_from_slice(&name.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    write(out, kind::SETTINGS, 0, 0, &payload);
}

/// Appends the answer to a frame with settings.
pub fn acknowledge(out: &mut Vec<u8>) {
    write(out, kind::SETTINGS, flag::ACK, 0, &[]);
}

/// SETTINGS_HEADER_TABLE_SIZE.
pub const HEADER_TABLE: u16 = 1;
/// SETTINGS_ENABLE_PUSH.
pub const ENABLE_PUSH: u16 = 2;
/// SETTINGS_MAX_CONCURRENT_STREAMS.
pub const MAX_STREAMS: u16 = 3;
/// SETTINGS_INITIAL_WINDOW_SIZE.
pub const INITIAL_WINDOW: u16 = 4;
/// SETTINGS_MAX_FRAME_SIZE.
pub const MAX_FRAME: u16 = 5;
/// SETTINGS_ENABLE_CONNECT_PROTOCOL.
pub const CONNECT_PROTOCOL: u16 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pairs: &[(u16, u32)]) -> Result<PeerSettings, Code> {
        let mut frame = Vec::new();
        announce(&mut frame, pairs);
        let mut settings = PeerSettings::default();
        settings.take(&frame[9..]).map(|()| settings)
    }

    #[test]
    fn settings_and_their_bounds() {
        let taken = take(&[(INITIAL_WINDOW, 7), (99, 1), (MAX_STREAMS, 3)]).expect("valid");
        assert_eq!((taken.initial_window, taken.max_streams), (7, 3));
        assert_eq!(take(&[(INITIAL_WINDOW, 1 << 31)]), Err(Code::FlowControl));
        assert_eq!(take(&[(MAX_FRAME, 16_383)]), Err(Code::Protocol));
        assert_eq!(take(&[(MAX_FRAME, 1 << 24)]), Err(Code::Protocol));
        assert_eq!(take(&[(ENABLE_PUSH, 2)]), Err(Code::Protocol));
    }
}
