//! Rights of the superuser that stay when the user changes (`capabilities(7)`).

use std::io;

/// One right, by the number the kernel gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Ports below 1024.
    NetBindService = 10,
    /// Interfaces, routes, transparent sockets.
    NetAdmin = 12,
    /// Raw and transparent sockets.
    NetRaw = 13,
    /// Namespaces and more.
    SysAdmin = 21,
}

/// Keeps what is permitted over the next change of the user; [`limit_to`] comes after it.
pub fn keep_over_change_of_user() -> io::Result<()> {
    // SAFETY: takes no pointers.
    crate::check(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) })?;
    Ok(())
}

/// From now on the calling thread, and those it starts, may do what is listed and nothing else of the superuser.
pub fn limit_to(kept: &[Capability]) -> io::Result<()> {
    let mask = kept.iter().fold(0_u32, |mask, one| mask | 1 << *one as u32);
    let header = Header {
        version: VERSION_3,
        pid: 0,
    };
    let low = Sets {
        effective: mask,
        permitted: mask,
        inheritable: 0,
    };
    let sets = [low, Sets::default()];
    // SAFETY: both point to memory of the size and shape that version 3 of the call reads.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `_LINUX_CAPABILITY_VERSION_3`.
const VERSION_3: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}
