//! Which processors a thread may run on.

use std::io;
use std::mem::size_of;

use crate::check;

/// Processors that the calling thread may use, in order.
pub fn allowed() -> io::Result<Vec<usize>> {
    // SAFETY: cpu_set_t is plain integers, for which all zero bytes are a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most the size of the set.
    check(unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) })?;
    let most = libc::CPU_SETSIZE as usize;
    // SAFETY: reads one bit, with an index below the size of the set.
    Ok((0..most)
        .filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) })
        .collect())
}

/// Restricts the calling thread to these processors. Numbers past the kernel's set are refused.
pub fn restrict(cpus: &[usize]) -> io::Result<()> {
    // SAFETY: cpu_set_t is plain integers, for which all zero bytes are a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for cpu in cpus {
        if *cpu >= libc::CPU_SETSIZE as usize {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: sets one bit, with an index below the size of the set.
        unsafe { libc::CPU_SET(*cpu, &mut set) };
    }
    // SAFETY: the kernel reads the size of the set.
    check(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_restricted_to_one_processor() {
        let all = allowed().expect("read");
        restrict(&all[..1]).expect("restrict");
        assert_eq!(allowed().expect("read"), &all[..1]);
        assert!(restrict(&[1 << 20]).is_err());
    }
}
