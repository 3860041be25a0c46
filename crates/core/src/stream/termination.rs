//! Why an exchange ended (configuration manual 8.5).

/// Why an exchange ended: the first two letters of the termination state (configuration manual 8.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Termination {
    /// The event that ended it.
    pub cause: Cause,
    /// The phase it was in.
    pub phase: Phase,
}

/// The first letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cause {
    /// `-`: normal end of both sides.
    #[default]
    None,
    /// `C`: the client aborted.
    ClientAbort,
    /// `S`: the server aborted or refused.
    ServerAbort,
    /// `P`: ended by the proxy: a limit, a rule or a check of the message.
    Proxy,
    /// `L`: answered locally.
    Local,
    /// `R`: a resource of the proxy was exhausted.
    Resource,
    /// `I`: an internal error.
    Internal,
    /// `D`: killed because the server went down.
    Down,
    /// `U`: killed on a backup server because an active one came up.
    Up,
    /// `K`: killed by the administrator.
    Killed,
    /// `c`: the client timeout.
    ClientTimeout,
    /// `s`: the server timeout.
    ServerTimeout,
}

impl Cause {
    /// The letter.
    pub fn letter(self) -> u8 {
        match self {
            Cause::None => b'-',
            Cause::ClientAbort => b'C',
            Cause::ServerAbort => b'S',
            Cause::Proxy => b'P',
            Cause::Local => b'L',
            Cause::Resource => b'R',
            Cause::Internal => b'I',
            Cause::Down => b'D',
            Cause::Up => b'U',
            Cause::Killed => b'K',
            Cause::ClientTimeout => b'c',
            Cause::ServerTimeout => b's',
        }
    }
}

/// The second letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// `-`: after the end of the data.
    #[default]
    None,
    /// `R`: waiting for the request.
    Request,
    /// `Q`: waiting in the queue.
    Queue,
    /// `C`: connecting to the server.
    Connect,
    /// `H`: waiting for the response's head.
    Headers,
    /// `D`: transferring data.
    Data,
    /// `L`: the proxy still sends the last data to the client, the server has finished.
    Last,
    /// `T`: the request was tarpitted.
    Tarpit,
}

impl Phase {
    /// The letter.
    pub fn letter(self) -> u8 {
        match self {
            Phase::None => b'-',
            Phase::Request => b'R',
            Phase::Queue => b'Q',
            Phase::Connect => b'C',
            Phase::Headers => b'H',
            Phase::Data => b'D',
            Phase::Last => b'L',
            Phase::Tarpit => b'T',
        }
    }
}
