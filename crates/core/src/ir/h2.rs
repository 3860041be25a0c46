//! Settings of HTTP/2.

use serde::Serialize;

use super::Tune;

/// `tune.h2.*`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TuneH2 {
    /// Connections of clients.
    pub front: H2Side,
    /// Connections to servers.
    pub back: H2Side,
    /// `tune.h2.initial-window-size`, bytes.
    pub initial_window: Option<u32>,
    /// `tune.h2.max-concurrent-streams`.
    pub max_streams: u32,
    /// `tune.h2.max-frame-size`, bytes; 0 is as large as a buffer.
    pub max_frame: u32,
    /// `tune.h2.header-table-size`, bytes.
    pub header_table: u32,
    /// `tune.h2.fe.max-total-streams`; 0 is no limit.
    pub total_streams: u32,
    /// `tune.h2.fe.max-rst-at-once`; 0 is no limit.
    pub resets_at_once: u32,
    /// `tune.glitches.kill.cpu-usage`, percent: a thread that does less bears connections with too many oddities.
    pub glitches_kill_usage: u32,
    /// `tune.h2.log-errors`.
    pub log_errors: H2LogErrors,
}

/// What both sides have a setting of their own for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct H2Side {
    /// `initial-window-size`, bytes.
    pub initial_window: Option<u32>,
    /// `max-concurrent-streams`.
    pub max_streams: Option<u32>,
    /// `rxbuf`, bytes.
    pub receive_room: Option<u32>,
    /// `max-frames-at-once`; 0 is no limit.
    pub frames_at_once: u32,
    /// `glitches-threshold`; 0 is none.
    pub glitches: u32,
}

/// Which errors leave a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum H2LogErrors {
    /// None.
    None,
    /// Those of connections.
    Connection,
    /// Those of streams too.
    #[default]
    Stream,
}

impl Default for TuneH2 {
    fn default() -> TuneH2 {
        TuneH2 {
            front: H2Side::default(),
            back: H2Side::default(),
            initial_window: None,
            max_streams: 100,
            max_frame: 0,
            header_table: 4096,
            total_streams: 0,
            resets_at_once: 0,
            glitches_kill_usage: 0,
            log_errors: H2LogErrors::Stream,
        }
    }
}

impl TuneH2 {
    /// The largest payload that is taken.
    pub fn frame(&self, tune: &Tune) -> u32 {
        let buffer = tune.bufsize.max(LEAST_FRAME);
        match self.max_frame {
            0 => buffer,
            said => said.clamp(LEAST_FRAME, buffer),
        }
    }
}

impl H2Side {
    /// What each stream takes before more is granted.
    pub fn window(&self, tune: &Tune) -> u32 {
        let said = self.initial_window.or(tune.h2.initial_window);
        said.unwrap_or(tune.bufsize)
    }

    /// How many streams there may be at a time; 0 is no limit.
    pub fn streams(&self, tune: &Tune) -> u32 {
        self.max_streams.unwrap_or(tune.h2.max_streams)
    }

    /// What all streams of a connection may hold.
    pub fn room(&self, tune: &Tune) -> u32 {
        let streams = match self.streams(tune) {
            0 => 100,
            streams => streams,
        };
        let least = tune.bufsize.saturating_mul(streams);
        match self.receive_room {
            Some(said) => said.max(least),
            None => least.max(100 * LEAST_FRAME),
        }
    }
}

const LEAST_FRAME: u32 = 16_384;
