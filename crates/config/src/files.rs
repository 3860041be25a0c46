//! Which files a configuration is made of, and what is wrong with a file as a whole (management manual 3, `-f`).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use hapax_core::diagnostic::{Diagnostic, Prefix, Severity};
use hapax_core::span::{FileId, Source, Sources, Span};
use thiserror::Error;

/// Why files cannot be read; upstream prints the text as an alert behind `config : ` and exits with 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FileError {
    /// An argument of `-f` leads nowhere.
    #[error("Cannot open configuration file/directory {path} : {reason}")]
    Missing {
        /// The argument.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// A folder, or something in it, cannot be read.
    #[error("Cannot open configuration file {path} : {reason}")]
    Folder {
        /// The folder.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// A file cannot be read.
    #[error("Could not open configuration file {path} : {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// More than 65,536 files or 1 GB in one.
    #[error("Could not open configuration file {path} : too large")]
    TooLarge {
        /// The file.
        path: String,
    },
}

/// Reads the files that the arguments of `-f` name, in upstream's order: that of the arguments; in a folder, files whose
/// name ends in `.cfg` and does not start with a dot, by the bytes of their names. No file may be left, as when all
/// arguments are empty folders: upstream prints its usage then.
pub fn load<S: AsRef<str>>(arguments: &[S]) -> Result<Sources, FileError> {
    let mut paths = vec![];
    for argument in arguments {
        expand(argument.as_ref(), &mut paths)?;
    }
    let mut sources = Sources::default();
    for (count, path) in paths.into_iter().enumerate() {
        if count > usize::from(u16::MAX) {
            return Err(FileError::TooLarge { path });
        }
        let text = read(&path)?;
        sources.add(Source::new(path, text));
    }
    Ok(sources)
}

/// What is wrong with a file as a whole: NUL bytes, which upstream's reading stops at and which are refused, and a missing
/// final line feed, which upstream refuses since 2.1 and which is accepted here with a warning.
pub fn faults(source: &Source, file: FileId) -> Vec<Diagnostic> {
    let mut faults = vec![];
    let text: &[u8] = &source.text;
    if text.ends_with(b"\n") && memchr::memchr(0, text).is_none() {
        return faults;
    }
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    for (line, number) in lines.zip(1u32..) {
        let nul = memchr::memchr(0, line);
        let ended = line.last() == Some(&b'\n');
        if ended && nul.is_none() {
            continue;
        }
        let at = nul.unwrap_or(line.len());
        let span = Span {
            file,
            line: number,
            start: at as u32,
            end: at as u32,
        };
        let last = !ended || line.as_ptr_range().end == text.as_ptr_range().end;
        let message = if last {
            format!(
                "Missing LF on last line, file might have been truncated at position {}.",
                at + 1
            )
        } else {
            format!("Stray NUL character at position {}.", at + 1)
        };
        let severity = match nul {
            Some(_) => Severity::Alert,
            None => Severity::Warning,
        };
        faults.push(Diagnostic::at(severity, span, message).with_prefix(Prefix::Reading));
    }
    faults
}

fn expand(argument: &str, paths: &mut Vec<String>) -> Result<(), FileError> {
    let metadata = std::fs::metadata(argument).map_err(|error| FileError::Missing {
        path: argument.to_owned(),
        reason: reason(&error),
    })?;
    if !metadata.is_dir() {
        paths.push(argument.to_owned());
        return Ok(());
    }
    let folder = |error: std::io::Error| FileError::Folder {
        path: argument.to_owned(),
        reason: reason(&error),
    };
    let mut names = vec![];
    for entry in std::fs::read_dir(argument).map_err(folder)? {
        let name = entry.map_err(folder)?.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(b".") || !bytes.ends_with(b".cfg") {
            continue;
        }
        if std::fs::metadata(Path::new(argument).join(&name))
            .map_err(folder)?
            .is_file()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    paths.extend(names.iter().map(|name| format!("{argument}/{name}")));
    Ok(())
}

fn read(path: &str) -> Result<Vec<u8>, FileError> {
    let unreadable = |error: std::io::Error| FileError::Unreadable {
        path: path.to_owned(),
        reason: reason(&error),
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut text = vec![];
    let read = file
        .take(MAX_FILE + 1)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    if read as u64 > MAX_FILE {
        return Err(FileError::TooLarge {
            path: path.to_owned(),
        });
    }
    Ok(text)
}

/// The system's words without the number that Rust adds.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(at) => text.get(..at).unwrap_or_default().to_owned(),
        None => text,
    }
}

const MAX_FILE: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &[u8]) -> Vec<String> {
        faults(&Source::new("x.cfg", text), FileId(0))
            .into_iter()
            .map(|fault| {
                let line = fault.span.map_or(0, |span| span.line);
                format!("{:?} {line} {}", fault.severity, fault.message)
            })
            .collect()
    }

    #[test]
    fn a_missing_line_feed_warns_and_a_nul_is_refused() {
        let missing = "Missing LF on last line, file might have been truncated at position";
        let stray = "Stray NUL character at position";
        for (text, expected) in [
            (
                b"global".as_slice(),
                vec![format!("Warning 1 {missing} 7.")],
            ),
            (
                b"global\n maxconn 3",
                vec![format!("Warning 2 {missing} 11.")],
            ),
            (b"global\n  ", vec![format!("Warning 2 {missing} 3.")]),
            (b"global\r\n", vec![]),
            (b"", vec![]),
            (b"foo\0bar\n", vec![format!("Alert 1 {missing} 4.")]),
            (b"foo\0bar\nx\n", vec![format!("Alert 1 {stray} 4.")]),
            (b"x\n\0", vec![format!("Alert 2 {missing} 1.")]),
        ] {
            assert_eq!(said(text), expected);
        }
    }
}
