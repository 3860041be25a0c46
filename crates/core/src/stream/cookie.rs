//! What persistence found and did: the last two letters of the termination state (configuration manual 8.5).

/// The third letter: the persistence cookie in the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RequestCookie {
    /// `-`: persistence by cookie is not in use.
    #[default]
    NotUsed,
    /// `N`: none.
    None,
    /// `I`: invalid, no server has it.
    Invalid,
    /// `D`: its server is down.
    Down,
    /// `V`: valid.
    Valid,
    /// `E`: expired.
    Expired,
    /// `O`: too old.
    Old,
    /// `U`: unused because another server was chosen on purpose.
    Unused,
}

impl RequestCookie {
    /// The letter.
    pub fn letter(self) -> u8 {
        match self {
            RequestCookie::NotUsed => b'-',
            RequestCookie::None => b'N',
            RequestCookie::Invalid => b'I',
            RequestCookie::Down => b'D',
            RequestCookie::Valid => b'V',
            RequestCookie::Expired => b'E',
            RequestCookie::Old => b'O',
            RequestCookie::Unused => b'U',
        }
    }
}

/// The fourth letter: the persistence cookie in the response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResponseCookie {
    /// `-`: persistence by cookie is not in use.
    #[default]
    NotUsed,
    /// `N`: none was provided by the server nor inserted.
    None,
    /// `I`: inserted.
    Inserted,
    /// `P`: the server provided one, left as it is.
    Provided,
    /// `R`: rewritten.
    Rewritten,
    /// `D`: deleted.
    Deleted,
    /// `U`: updated (dates).
    Updated,
}

impl ResponseCookie {
    /// The letter.
    pub fn letter(self) -> u8 {
        match self {
            ResponseCookie::NotUsed => b'-',
            ResponseCookie::None => b'N',
            ResponseCookie::Inserted => b'I',
            ResponseCookie::Provided => b'P',
            ResponseCookie::Rewritten => b'R',
            ResponseCookie::Deleted => b'D',
            ResponseCookie::Updated => b'U',
        }
    }
}
