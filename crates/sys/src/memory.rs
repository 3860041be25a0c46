//! The memory of the process: pages from the system, and giving back what the allocator does not use.

use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::slice;

/// Bytes in pages of their own, zero at first. Those that were never written to take no memory, and the system has all of
/// it back when they are dropped; the allocator promises neither.
#[derive(Debug)]
pub struct Pages {
    bytes: NonNull<u8>,
    length: usize,
    /// From mmap rather than from the allocator.
    mapped: bool,
}

// SAFETY: it owns its bytes like a box does; nothing about them belongs to a thread.
unsafe impl Send for Pages {}
// SAFETY: as above; a shared reference only reads.
unsafe impl Sync for Pages {}

impl Pages {
    /// `length` bytes.
    pub fn new(length: usize) -> Pages {
        // SAFETY: a private anonymous mapping at a place of the kernel's choice touches nothing that exists.
        let place = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        match NonNull::new(place.cast::<u8>()) {
            Some(bytes) if place != libc::MAP_FAILED => Pages {
                bytes,
                length,
                mapped: true,
            },
            // No length at all, or too many mappings.
            _ => Pages {
                bytes: NonNull::from(Box::leak(vec![0; length].into_boxed_slice())).cast(),
                length,
                mapped: false,
            },
        }
    }
}

impl Default for Pages {
    /// None.
    fn default() -> Self {
        Pages {
            bytes: NonNull::dangling(),
            length: 0,
            mapped: false,
        }
    }
}

impl Deref for Pages {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: `bytes` points to `length` initialized bytes that are ours while `self` lives.
        unsafe { slice::from_raw_parts(self.bytes.as_ptr(), self.length) }
    }
}

impl DerefMut for Pages {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is borrowed for nobody else.
        unsafe { slice::from_raw_parts_mut(self.bytes.as_ptr(), self.length) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if self.mapped {
            // SAFETY: it is our mapping, with the length it was made with, and nobody refers to it any more.
            unsafe {
                libc::munmap(self.bytes.as_ptr().cast(), self.length);
            }
        } else {
            let bytes = ptr::slice_from_raw_parts_mut(self.bytes.as_ptr(), self.length);
            // SAFETY: these are the bytes of the leaked box, or no bytes at all, for which any place will do.
            drop(unsafe { Box::from_raw(bytes) });
        }
    }
}

/// Gives pages that the allocator holds without using them back to the system; does nothing where the C library has no
/// call for it.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number, touches nothing but the allocator's own free pages, and may be called from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_zero_and_can_be_written() {
        for length in [0, 1, 4096, 70_000] {
            let mut pages = Pages::new(length);
            assert_eq!(pages.len(), length);
            assert!(pages.iter().all(|byte| *byte == 0));
            pages.fill(7);
            assert!(pages.iter().all(|byte| *byte == 7));
        }
        assert!(Pages::default().is_empty());
        give_back();
    }
}
