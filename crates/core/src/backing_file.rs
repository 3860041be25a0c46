//! `backing-file` of a ring: what it holds lies in a file too, so that it can be looked at after the process ended.
//!
//! The file has a fixed size. Messages are written as lines one after the other, and from the start again at the end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The file, open since the configuration was read: later the process may have no right to open it.
#[derive(Debug, Clone)]
pub struct BackingFile {
    /// Its path as the configuration has it.
    pub path: String,
    file: Arc<File>,
    size: u64,
}

impl BackingFile {
    /// Creates the file for a ring of that size; one with messages gets the ending `.bak` first, in place of what has it.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &str, size: usize) -> io::Result<BackingFile> {
        if has_messages(Path::new(path)) {
            // A folder that does not let it be renamed keeps no copy.
            let _ = std::fs::rename(path, format!("{path}.bak"));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        let size = (size as u64).next_multiple_of(PAGE);
        file.set_len(size)?;
        Ok(BackingFile {
            path: path.to_owned(),
            file: Arc::new(file),
            size,
        })
    }

    /// Writes a message at a position, both counted since the file was made; tells the next one. What cannot be written is missing
    /// in the file only.
    pub fn write(&self, position: u64, message: &[u8]) -> u64 {
        let mut line = Vec::with_capacity(message.len() + 1);
        line.extend_from_slice(message);
        line.push(b'\n');
        let at = position % self.size;
        let room = usize::try_from(self.size - at).unwrap_or(usize::MAX);
        let (first, rest) = line.split_at(room.min(line.len()));
        let _ = self.file.write_all_at(first, at);
        let rest = rest.get(..self.size as usize).unwrap_or(rest);
        let _ = self.file.write_all_at(rest, 0);
        position + line.len() as u64
    }
}

/// Two are the same only when they are one: a configuration that is read again has made the file anew.
impl PartialEq for BackingFile {
    fn eq(&self, other: &BackingFile) -> bool {
        Arc::ptr_eq(&self.file, &other.file)
    }
}

impl Serialize for BackingFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.path)
    }
}

/// Whether a file holds anything but zeros; its start tells.
fn has_messages(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).map(|file| file.take(PAGE).read_to_end(&mut start));
    read.is_ok() && start.iter().any(|byte| *byte != 0)
}

const PAGE: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_kept_and_go_on_at_the_start() {
        let folder = std::env::temp_dir().join(format!("hapax-backing-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        let path = folder.join("ring");
        let path = path.to_str().expect("text");
        let read = |path: &str| std::fs::read(path).expect("read");
        let file = BackingFile::create(path, 100).expect("file");
        assert_eq!(read(path), [0; 4096]);
        let next = file.write(0, b"one");
        assert_eq!((next, &read(path)[..5]), (4, &b"one\n\0"[..]));
        assert_eq!(file.write(4094, b"wraps"), 4100);
        let all = read(path);
        assert_eq!((&all[4094..], &all[..5]), (&b"wr"[..], &b"aps\n\0"[..]));
        let _again = BackingFile::create(path, 100).expect("file");
        assert_eq!(read(path), [0; 4096]);
        assert_eq!(read(&format!("{path}.bak")), all);
        std::fs::remove_dir_all(&folder).expect("clean");
    }
}
