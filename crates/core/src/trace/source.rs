//! The sources of traces, their events, and what they can be locked on.

use serde::Serialize;

/// A part of the program that tells of its work, in the order in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Source {
    /// Handshakes.
    Ssl,
    /// Connections of HTTP/2 and their frames.
    H2,
    /// Messages of HTTP/1, and heads of others.
    H1,
    /// Streams.
    Stream,
    /// Health checks.
    Check,
    /// Connections of clients.
    Session,
}

/// What is known of a source.
#[derive(Debug)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Its events: names and what happens.
    pub events: &'static [(&'static str, &'static str)],
    /// What it can be locked on, in the order in which that is listed.
    pub criteria: &'static [(Criterion, &'static str, &'static str)],
    /// How much it tells: names and what that is.
    pub verbosities: &'static [(&'static str, &'static str)],
}

/// What a trace can be locked on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Criterion {
    /// Not at all.
    #[default]
    Nothing,
    /// A worker.
    Thread,
    /// A listener.
    Listener,
    /// A frontend.
    Frontend,
    /// A backend.
    Backend,
    /// A server.
    Server,
    /// A session.
    Session,
    /// A connection; that of a client stands for both sides.
    Connection,
    /// What only this source has: a stream, a check.
    Own,
}

/// One event of a source, or what is several at once: a bit for each, in the order of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The source.
    pub source: Source,
    /// The events.
    pub bits: u64,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $source:ident $at:literal;)*) => {
        impl Event {
            $($(#[$doc])* pub const $name: Event = Event { source: Source::$source, bits: 1 << $at };)*
        }
    };
}

events! {
    /// A handshake begins.
    SSL_NEW = Ssl 0;
    /// A handshake broke.
    SSL_ERR = Ssl 1;
    /// A handshake was made.
    SSL_HANDSHAKE = Ssl 2;
    /// A connection begins.
    H2_NEW = H2 0;
    /// A connection ends.
    H2_END = H2 1;
    /// A connection ends because of an error.
    H2_ERR = H2 2;
    /// A head came in HEADERS frames.
    H2_RX_HEADERS = H2 5;
    /// A head goes in HEADERS frames.
    H2_TX_HEADERS = H2 16;
    /// A message's head came.
    H1_RX_HEADERS = H1 0;
    /// A response's head goes to the client.
    H1_TX_HEADERS = H1 1;
    /// What came is no message.
    H1_ERR = H1 2;
    /// A stream begins.
    STREAM_NEW = Stream 0;
    /// A stream ends.
    STREAM_FREE = Stream 1;
    /// A stream ended before it was served.
    STREAM_ERR = Stream 2;
    /// A check begins.
    CHECK_START = Check 0;
    /// A check ended.
    CHECK_END = Check 1;
    /// A check found the server well.
    CHECK_OK = Check 2;
    /// A check did not find the server well.
    CHECK_ERR = Check 3;
    /// A session begins.
    SESSION_NEW = Session 0;
    /// A session ends.
    SESSION_END = Session 1;
    /// A session ends before its first stream.
    SESSION_ERR = Session 2;
}

impl Event {
    /// A frame of a kind (RFC 9113 6) that came, or that was `sent`.
    pub fn h2_frame(kind: u8, sent: bool) -> Event {
        let first = if sent {
            FIRST_SENT_FRAME
        } else {
            FIRST_RECEIVED_FRAME
        };
        let own = match kind {
            0..=9 => 1 << (first + 1 + u64::from(kind)),
            _ => 0,
        };
        Event {
            source: Source::H2,
            bits: 1 << first | own,
        }
    }

    /// Two events at once, of one source.
    #[must_use]
    pub fn and(self, other: Event) -> Event {
        Event {
            source: self.source,
            bits: self.bits | other.bits,
        }
    }

    /// The name of the last of its events.
    pub fn name(self) -> &'static str {
        let at = (63 - self.bits.leading_zeros().min(63)) as usize;
        self.source
            .kind()
            .events
            .get(at)
            .map_or("", |(name, _)| name)
    }
}

impl Source {
    /// All of them.
    pub const ALL: [Source; 6] = [
        Source::Ssl,
        Source::H2,
        Source::H1,
        Source::Stream,
        Source::Check,
        Source::Session,
    ];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Source> {
        Source::ALL
            .into_iter()
            .find(|source| source.kind().name == name)
    }

    /// What is known of it.
    pub fn kind(self) -> &'static Kind {
        match self {
            Source::Ssl => &SSL,
            Source::H2 => &H2,
            Source::H1 => &H1,
            Source::Stream => &STREAM,
            Source::Check => &CHECK,
            Source::Session => &SESSION,
        }
    }

    pub(super) fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Names of sources of the reference of which there is none here.
pub const NOT_BUILT: [&str; 9] = [
    "acme", "applet", "fcgi", "h3", "peers", "pt", "qmux", "quic", "spop",
];

const FIRST_RECEIVED_FRAME: u64 = 3;
const FIRST_SENT_FRAME: u64 = 14;

static SSL: Kind = Kind {
    name: "ssl",
    description: "SSL xprt",
    events: &[
        ("sslc_new", "new SSL connection"),
        ("sslc_err", "SSL error"),
        ("sslc_hndshk", "SSL handshake"),
    ],
    criteria: &[
        BACKEND, CONNECTION, FRONTEND, LISTENER, NOTHING, SERVER, SESSION_, THREAD,
    ],
    verbosities: &[
        QUIET,
        CLEAN,
        ("minimal", "report only conn, no real decoding"),
        ("simple", "add error messages"),
        ("advanced", "add handshake-related details"),
        COMPLETE,
    ],
};

static H2: Kind = Kind {
    name: "h2",
    description: "HTTP/2 multiplexer",
    events: &[
        ("h2c_new", "new H2 connection"),
        ("h2c_end", "H2 connection terminated"),
        ("h2c_err", "error on H2 connection"),
        ("rx_frame", "receipt of any H2 frame"),
        ("rx_data", "receipt of H2 DATA frame"),
        ("rx_hdr", "receipt of H2 HEADERS frame"),
        ("rx_prio", "receipt of H2 PRIORITY frame"),
        ("rx_rst", "receipt of H2 RST_STREAM frame"),
        ("rx_settings", "receipt of H2 SETTINGS frame"),
        ("rx_push", "receipt of H2 PUSH_PROMISE frame"),
        ("rx_ping", "receipt of H2 PING frame"),
        ("rx_goaway", "receipt of H2 GOAWAY frame"),
        ("rx_wu", "receipt of H2 WINDOW_UPDATE frame"),
        ("rx_cont", "receipt of H2 CONTINUATION frame"),
        ("tx_frame", "transmission of any H2 frame"),
        ("tx_data", "transmission of H2 DATA frame"),
        ("tx_hdr", "transmission of H2 HEADERS frame"),
        ("tx_prio", "transmission of H2 PRIORITY frame"),
        ("tx_rst", "transmission of H2 RST_STREAM frame"),
        ("tx_settings", "transmission of H2 SETTINGS frame"),
        ("tx_push", "transmission of H2 PUSH_PROMISE frame"),
        ("tx_ping", "transmission of H2 PING frame"),
        ("tx_goaway", "transmission of H2 GOAWAY frame"),
        ("tx_wu", "transmission of H2 WINDOW_UPDATE frame"),
        ("tx_cont", "transmission of H2 CONTINUATION frame"),
    ],
    criteria: &[
        BACKEND,
        CONNECTION,
        FRONTEND,
        LISTENER,
        NOTHING,
        SERVER,
        SESSION_,
        THREAD,
        (Criterion::Own, "h2s", "H2 stream"),
    ],
    verbosities: &[
        QUIET,
        CLEAN,
        (
            "minimal",
            "report only h2c/h2s state and flags, no real decoding",
        ),
        (
            "simple",
            "add request/response status line or frame info when available",
        ),
        (
            "advanced",
            "add header fields or frame decoding when available",
        ),
        COMPLETE,
    ],
};

static H1: Kind = Kind {
    name: "h1",
    description: "HTTP/1 multiplexer",
    events: &[
        ("rx_headers", "receipt of H1 headers"),
        ("tx_headers", "transmission of all headers"),
        ("h1s_err", "error on H1 stream"),
    ],
    criteria: &[
        BACKEND,
        CONNECTION,
        FRONTEND,
        LISTENER,
        NOTHING,
        SERVER,
        SESSION_,
        THREAD,
        (Criterion::Own, "h1s", "H1 stream"),
    ],
    verbosities: &[
        QUIET,
        CLEAN,
        (
            "minimal",
            "report only h1c/h1s state and flags, no real decoding",
        ),
        (
            "simple",
            "add request/response status line or htx info when available",
        ),
        (
            "advanced",
            "add header fields or frame decoding when available",
        ),
        COMPLETE,
    ],
};

static STREAM: Kind = Kind {
    name: "stream",
    description: "Applicative stream",
    events: &[
        ("strm_new", "new stream"),
        ("strm_free", "release stream"),
        ("strm_err", "error during stream processing"),
    ],
    criteria: &[
        BACKEND,
        FRONTEND,
        LISTENER,
        NOTHING,
        SERVER,
        SESSION_,
        (
            Criterion::Own,
            "stream",
            "lock on the stream that started the trace",
        ),
        THREAD,
    ],
    verbosities: CHANNELS,
};

static CHECK: Kind = Kind {
    name: "check",
    description: "Health-check",
    events: &[
        ("hchck_start", "Health-check started"),
        ("hchck_end", "Health-check terminated"),
        ("hchck_succ", "Health-check success"),
        ("hchck_err", "Health-check failure"),
    ],
    criteria: &[
        (
            Criterion::Own,
            "check",
            "lock on the check that started the trace",
        ),
        NOTHING,
        THREAD,
    ],
    verbosities: CHANNELS,
};

static SESSION: Kind = Kind {
    name: "session",
    description: "client session management",
    events: &[
        ("sess_new", "new session creation"),
        ("sess_end", "session termination"),
        ("sess_err", "session error"),
    ],
    criteria: &[FRONTEND, LISTENER, NOTHING, SESSION_, THREAD],
    verbosities: &[
        QUIET,
        ("default", "report extra information when available"),
    ],
};

type CriterionRow = (Criterion, &'static str, &'static str);

const BACKEND: CriterionRow = (
    Criterion::Backend,
    "backend",
    "lock on the backend that started the trace",
);
const CONNECTION: CriterionRow = (
    Criterion::Connection,
    "connection",
    "lock on the connection that started the trace",
);
const FRONTEND: CriterionRow = (
    Criterion::Frontend,
    "frontend",
    "lock on the frontend that started the trace",
);
const LISTENER: CriterionRow = (
    Criterion::Listener,
    "listener",
    "lock on the listener that started the trace",
);
const NOTHING: CriterionRow = (Criterion::Nothing, "nothing", "do not lock on anything");
const SERVER: CriterionRow = (
    Criterion::Server,
    "server",
    "lock on the server that started the trace",
);
const SESSION_: CriterionRow = (
    Criterion::Session,
    "session",
    "lock on the session that started the trace",
);
const THREAD: CriterionRow = (
    Criterion::Thread,
    "thread",
    "lock on the thread that started the trace",
);

const QUIET: (&str, &str) = ("quiet", "only report basic information with no decoding");
const CLEAN: (&str, &str) = (
    "clean",
    "only user-friendly stuff, generally suitable for level \"user\"",
);
const COMPLETE: (&str, &str) = ("complete", "add full data dump when available");
const CHANNELS: &[(&str, &str)] = &[
    QUIET,
    CLEAN,
    ("minimal", "report info on streams and connectors"),
    ("simple", "add info on request and response channels"),
    (
        "advanced",
        "add info on channel's buffer for data and developer levels only",
    ),
    ("complete", "add info on channel's buffer"),
];
