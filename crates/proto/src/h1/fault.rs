//! What is wrong with a message, where, and what the parser was reading then.

use thiserror::Error;

use crate::http::Head;

/// A message that is refused, or (with relaxed limits) one whose violation was tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{kind} at position {at} in {state}", state = state.name())]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Position in the input, from its first byte. The position `show errors` prints.
    pub at: usize,
    /// What the parser was reading.
    pub state: State,
}

impl Fault {
    /// The status for a broken request, in the answer and in the log; whether it is sent at all says
    /// `is_answered`. The server's faults are always 502.
    pub fn request_status(&self) -> u16 {
        match self.kind {
            FaultKind::UriTooLong => 414,
            FaultKind::HeadTooLong => 431,
            FaultKind::UnknownCoding => 422,
            FaultKind::BodyNotAllowed => 413,
            _ => 400,
        }
    }

    /// Whether upstream answers a request that is refused for this; `request` is the head as far as it was parsed. It
    /// closes without a word (and logs the status) once a `content-length` above zero was read, unless a
    /// `transfer-encoding` followed.
    pub fn is_answered(&self, request: &Head) -> bool {
        let seen = request.seen();
        seen.transfer_encoding || seen.content_length.is_none_or(|length| length == 0)
    }
}

/// What can be wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[allow(missing_docs)]
pub enum FaultKind {
    #[error("byte not allowed before the start line")]
    BadStart,
    #[error("invalid method")]
    BadMethod,
    #[error("invalid request target")]
    BadUri,
    #[error("invalid version")]
    BadVersion,
    #[error("missing version")]
    MissingVersion,
    #[error("invalid status")]
    BadStatus,
    #[error("carriage return without line feed")]
    BareCr,
    #[error("invalid field name")]
    BadName,
    #[error("NUL in a field value")]
    BadValue,
    #[error("too many fields")]
    TooManyFields,
    #[error("request line too long")]
    UriTooLong,
    #[error("head too long")]
    HeadTooLong,
    #[error("invalid host")]
    BadHost,
    #[error("host fields that differ")]
    HostsDiffer,
    #[error("host that is not the authority of the target")]
    HostNotAuthority,
    #[error("invalid authority")]
    BadAuthority,
    #[error("invalid content-length")]
    BadLength,
    #[error("content-length fields that differ")]
    LengthsDiffer,
    #[error("invalid transfer-encoding")]
    BadCoding,
    #[error("transfer coding that cannot be decoded")]
    UnknownCoding,
    #[error("body of a method that had none in HTTP/1.0")]
    BodyNotAllowed,
    #[error("websocket handshake without its key")]
    BadWebSocketKey,
    #[error("switch of protocols that was not asked for, or not completely answered")]
    BadUpgrade,
    #[error("invalid chunk size")]
    BadChunkSize,
    #[error("chunk without its final line end")]
    BadChunkEnd,
    #[error("chunk extension too long")]
    ExtensionTooLong,
}

macro_rules! states {
    ($($variant:ident = $number:literal $name:literal),+ $(,)?) => {
        /// What the parser reads next. Names and numbers are those that `show errors` prints.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum State { $($variant = $number),+ }

        impl State {
            /// The name as `show errors` prints it, without its number.
            pub const fn name(self) -> &'static str {
                match self { $(State::$variant => $name),+ }
            }

            /// The number `show errors` prints in brackets.
            pub const fn number(self) -> u8 {
                self as u8
            }
        }
    };
}

states! {
    RequestBefore = 0 "MSG_RQBEFORE",
    RequestBeforeCr = 1 "MSG_RQBEFORE_CR",
    Method = 2 "MSG_RQMETH",
    MethodSpace = 3 "MSG_RQMETH_SP",
    Uri = 4 "MSG_RQURI",
    UriSpace = 5 "MSG_RQURI_SP",
    RequestVersion = 6 "MSG_RQVER",
    RequestLineEnd = 7 "MSG_RQLINE_END",
    ResponseBefore = 8 "MSG_RPBEFORE",
    ResponseBeforeCr = 9 "MSG_RPBEFORE_CR",
    ResponseVersion = 10 "MSG_RPVER",
    ResponseVersionSpace = 11 "MSG_RPVER_SP",
    Code = 12 "MSG_RPCODE",
    CodeSpace = 13 "MSG_RPCODE_SP",
    Reason = 14 "MSG_RPREASON",
    ResponseLineEnd = 15 "MSG_RPLINE_END",
    FieldFirst = 16 "MSG_HDR_FIRST",
    FieldName = 17 "MSG_HDR_NAME",
    FieldColon = 18 "MSG_HDR_COL",
    ValueBlank = 19 "MSG_HDR_L1_SP",
    ValueBlankLf = 20 "MSG_HDR_L1_LF",
    ValueBlankFold = 21 "MSG_HDR_L1_LWS",
    Value = 22 "MSG_HDR_VAL",
    ValueLf = 23 "MSG_HDR_L2_LF",
    ValueFold = 24 "MSG_HDR_L2_LWS",
    LastLf = 25 "MSG_LAST_LF",
    ChunkSize = 26 "MSG_CHUNK_SIZE",
    Data = 27 "MSG_DATA",
    ChunkEnd = 28 "MSG_CHUNK_CRLF",
    Trailers = 29 "MSG_TRAILERS",
    Done = 30 "MSG_DONE",
    Tunnel = 31 "MSG_TUNNEL",
}
