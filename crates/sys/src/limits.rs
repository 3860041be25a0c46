//! Resource limits of the process.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// A soft limit, which binds, and a hard limit, up to which the soft one may be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What binds now.
    pub soft: u64,
    /// How far `soft` may be raised without privileges.
    pub hard: u64,
}

/// Most open descriptors.
pub fn open_files() -> io::Result<Limit> {
    read(Resource::RLIMIT_NOFILE)
}

/// Sets the most open descriptors.
pub fn set_open_files(limit: Limit) -> io::Result<()> {
    Ok(setrlimit(Resource::RLIMIT_NOFILE, limit.soft, limit.hard)?)
}

/// Sets the largest core file; `u64::MAX` for no limit.
pub fn set_core_size(limit: Limit) -> io::Result<()> {
    Ok(setrlimit(Resource::RLIMIT_CORE, limit.soft, limit.hard)?)
}

/// Largest address space, in bytes.
pub fn address_space() -> io::Result<Limit> {
    read(Resource::RLIMIT_AS)
}

/// Sets the largest address space, in bytes.
pub fn set_address_space(limit: Limit) -> io::Result<()> {
    Ok(setrlimit(Resource::RLIMIT_AS, limit.soft, limit.hard)?)
}

fn read(resource: Resource) -> io::Result<Limit> {
    let (soft, hard) = getrlimit(resource)?;
    Ok(Limit { soft, hard })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_can_be_set_to_itself() {
        let limit = open_files().expect("read");
        assert!(limit.soft > 0 && limit.soft <= limit.hard);
        set_open_files(limit).expect("unchanged");
        assert_eq!(open_files().expect("read"), limit);
    }
}
