//! Syslog levels (configuration manual 8.1).

/// How grave a line is; smaller is graver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// `emerg`.
    Emergency = 0,
    /// `alert`.
    Alert = 1,
    /// `crit`.
    Critical = 2,
    /// `err`.
    Error = 3,
    /// `warning`.
    Warning = 4,
    /// `notice`.
    Notice = 5,
    /// `info`.
    Info = 6,
    /// `debug`.
    Debug = 7,
}
