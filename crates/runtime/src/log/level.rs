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

impl Level {
    /// The level of a number from 0 (emerg) to 7; higher ones are `debug`.
    pub fn from_number(number: u8) -> Level {
        match number {
            0 => Level::Emergency,
            1 => Level::Alert,
            2 => Level::Critical,
            3 => Level::Error,
            4 => Level::Warning,
            5 => Level::Notice,
            6 => Level::Info,
            _ => Level::Debug,
        }
    }
}
