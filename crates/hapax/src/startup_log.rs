//! What was said during the last start or reload, for `show startup-logs`: in memory that master and worker share.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use hapax_sys::process::memory_file;

/// See the top of the file; clones are the same log, in a forked process too.
#[derive(Debug, Clone)]
pub struct StartupLog {
    file: Arc<File>,
}

/// Bytes that are kept.
const MOST: u64 = 65_536;

impl StartupLog {
    /// An empty one.
    ///
    /// # Errors
    /// When the system gives no memory for it.
    pub fn new() -> io::Result<StartupLog> {
        Ok(StartupLog {
            file: Arc::new(memory_file("startup-logs")?),
        })
    }

    /// Adds a line, as long as there is room.
    pub fn add(&self, line: &str) {
        let mut text = line.to_owned();
        text.push('\n');
        let length = self.file.metadata().map_or(MOST, |data| data.len());
        if length + (text.len() as u64) < MOST {
            // Processes that share it share its position, so that each adds at the end.
            let _ = (&*self.file).write_all(text.as_bytes());
        }
    }

    /// What was said so far.
    pub fn read(&self) -> Vec<u8> {
        let length = self.file.metadata().map_or(0, |data| data.len()).min(MOST);
        let mut text = vec![0; usize::try_from(length).unwrap_or_default()];
        let read = self.file.read_at(&mut text, 0).unwrap_or_default();
        text.truncate(read);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_up_to_a_bound() {
        let log = StartupLog::new().expect("memory");
        log.add("one");
        log.clone().add("two");
        assert_eq!(log.read(), b"one\ntwo\n");
        log.add(&"x".repeat(70_000));
        assert_eq!(log.read(), b"one\ntwo\n");
    }
}
