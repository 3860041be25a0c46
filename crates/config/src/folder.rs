//! `default-path`: the folder that relative paths of files lead from, while a configuration file is read.
//!
//! As in HAProxy the process goes to that folder, and back to where it was started once the file is read.

use std::io;
use std::path::{Path, PathBuf};

use hapax_core::ir::DefaultPath;

/// Where the process is while a file is read; it goes back when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    /// The folder of the file, as its path names it.
    own: PathBuf,
    /// What was followed last.
    followed: DefaultPath,
    /// Where the process was started, once it has gone elsewhere.
    start: Option<PathBuf>,
}

impl Folder {
    /// For the file at `path`, which begins with what the files before it asked for.
    pub(crate) fn of(path: &str, wanted: &DefaultPath) -> Folder {
        let mut folder = Folder {
            own: Path::new(path)
                .parent()
                .map(Path::to_path_buf)
                .unwrap_or_default(),
            followed: DefaultPath::default(),
            start: None,
        };
        // A folder that could be entered before will be found again; if not, the files that lie in it are missed.
        let _ = folder.follow(wanted);
        folder
    }

    /// Goes to the folder that is wanted, if it is another one than before.
    ///
    /// # Errors
    /// Upstream's text, when the process cannot go there.
    pub(crate) fn follow(&mut self, wanted: &DefaultPath) -> Result<(), String> {
        if *wanted == self.followed {
            return Ok(());
        }
        let start = match &self.start {
            Some(start) => start.clone(),
            None => std::env::current_dir().unwrap_or_default(),
        };
        let target = match wanted {
            DefaultPath::Current => start.clone(),
            DefaultPath::Config => start.join(&self.own),
            DefaultPath::Parent => start.join(&self.own).join(".."),
            DefaultPath::Origin(origin) => start.join(origin),
        };
        self.followed = wanted.clone();
        go(&target).map_err(|error| {
            let what = match wanted {
                DefaultPath::Origin(origin) => format!("origin '{origin}'"),
                _ => format!("'{}'", target.display()),
            };
            format!(
                "couldn't set 'default-path' to {what}: Impossible to get back to directory '{}': {error}.",
                start.display()
            )
        })?;
        self.start = Some(start);
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(start) = &self.start {
            // It was there; who took it away meanwhile took it from the whole process.
            let _ = go(start);
        }
    }
}

/// The system's text is that of `strerror`.
fn go(folder: &Path) -> Result<(), String> {
    std::env::set_current_dir(folder).map_err(|error: io::Error| {
        let text = error.to_string();
        match text.split_once(" (os error") {
            Some((text, _)) => text.to_owned(),
            None => text,
        }
    })
}
