//! The command line of HAProxy (management manual, 3): which options there are and what they say.

use std::ffi::OsString;

use hapax_core::ir::Observation;

mod row;
mod trace;
mod value;

use row::{Does, ROWS};
use value::pid;

/// What the command line asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one option of the manual"
)]
pub struct Args {
    /// `-f` and what follows `--`, in order.
    pub files: Vec<String>,
    /// `-c`.
    pub check: bool,
    /// `-cc`.
    pub condition: Option<String>,
    /// `-C`.
    pub folder: Option<String>,
    /// `-D`.
    pub daemon: bool,
    /// `-db`.
    pub foreground: bool,
    /// `-V`.
    pub verbose: bool,
    /// `-q`.
    pub quiet: bool,
    /// `-v`: 1, `-vv`: 2.
    pub version: u8,
    /// `-n`.
    pub maxconn: Option<u32>,
    /// `-N`.
    pub proxy_maxconn: Option<u32>,
    /// `-m`, megabytes.
    pub memory: Option<u64>,
    /// `-L`.
    pub local_peer: Option<String>,
    /// `-p`.
    pub pidfile: Option<String>,
    /// `-sf` and `-st`: the signal's kind and the processes.
    pub old: Vec<(OldProcess, i32)>,
    /// `-W` and `-Ws`.
    pub master: Option<Master>,
    /// `-S`: where the master's command line listens, with options behind commas.
    pub master_socket: Option<String>,
    /// `-x`: the runtime socket of the process whose listening sockets are taken over.
    pub old_sockets: Option<String>,
    /// `-dC`.
    pub dump_config: bool,
    /// `-dL`.
    pub dump_libraries: bool,
    /// `-dC` with a key that is not 0.
    pub dump_key: Option<u32>,
    /// `-d`.
    pub observation: Observation,
    /// `-dt`.
    pub traces: Vec<trace::Entry>,
    /// `-dr`.
    pub ignore_unresolved: bool,
    /// What the command line says that deserves a warning.
    pub warnings: Vec<String>,
    /// The words as they came: what a master starts itself with again.
    pub words: Vec<OsString>,
    /// `-dK`: classes of keywords.
    pub keywords: Option<String>,
    /// `-dS`, `-dF` and `-dZ`.
    pub no_splice: bool,
    /// `-dR`.
    pub no_reuseport: bool,
    /// `-4`.
    pub only_ipv4: bool,
    /// `-dV`.
    pub no_server_verify: bool,
    /// `-dI`.
    pub fork_wanted: bool,
    /// `-dW`.
    pub zero_warning: bool,
    /// `-dD`.
    pub diagnostic: bool,
    /// `--dump-registry`, of hapax' own.
    pub dump_registry: bool,
    /// `--generate-docs FOLDER`, of hapax' own.
    pub generate_docs: Option<String>,
}

/// A master process looks after the one that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Master {
    /// `-W`.
    Plain,
    /// `-Ws`: it tells the service manager how it is.
    Notify,
}

/// What an old process is asked to do once the new one is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldProcess {
    /// `-sf`: finish, then leave.
    Finish,
    /// `-st`: leave at once.
    Terminate,
}

/// The program that the unit of Enterprise Linux 7 calls: it stays in the foreground, whatever the file says, and reloads by
/// SIGUSR2.
const WRAPPER: &str = "haproxy-systemd-wrapper";

impl Args {
    /// What the name by which the program was called adds.
    #[must_use]
    pub fn called(mut self, name: &str) -> Args {
        if name == WRAPPER {
            self.master = self.master.or(Some(Master::Plain));
            self.foreground = true;
        }
        self
    }
}

/// Why a command line is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// Unknown option or missing argument: upstream prints its usage.
    #[error("{0}")]
    Usage(String),
    /// An alert, with the usage.
    #[error("{0}")]
    Said(String),
    /// No fault: a text that was asked for.
    #[error("{0}")]
    Asked(String),
    /// Something else; upstream's text, or ours for what is not built.
    #[error("{0}")]
    Refused(String),
}

/// Reads a command line without the program's name.
///
/// # Errors
/// [`ArgsError::Usage`] where upstream prints its usage, [`ArgsError::Refused`] otherwise.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Args, ArgsError> {
    let mut args = Args {
        words: words.into_iter().collect(),
        ..Args::default()
    };
    let lossy = args.words.iter().map(|word| word.to_string_lossy());
    let words: Vec<String> = lossy.map(std::borrow::Cow::into_owned).collect();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        if word == "--" {
            args.files.extend(words[at..].iter().cloned());
            break;
        }
        let row = ROWS
            .iter()
            .find(|row| row.name == word)
            .or_else(|| {
                ROWS.iter()
                    .find(|row| row.prefix && word.starts_with(row.name))
            })
            .ok_or_else(|| ArgsError::Usage(format!("unknown option '{word}'")))?;
        match row.does {
            Does::Flag(set) => {
                set(&mut args);
                if args.version > 0 {
                    // It is said at once, whatever follows.
                    return Ok(args);
                }
            }
            Does::Rest(set) => set(&mut args, &word[row.name.len()..]),
            Does::Checked(set) => set(&mut args, &word[row.name.len()..])?,
            Does::NoCounterpart(_) => {}
            Does::Optional(set) => {
                let value = words.get(at).filter(|word| !word.starts_with('-'));
                at += usize::from(value.is_some());
                set(&mut args, value.map_or("", String::as_str))?;
            }
            Does::Value(set) => {
                let value = words.get(at).ok_or_else(|| missing(row.name))?;
                at += 1;
                set(&mut args, value);
            }
            Does::Pids(what) => {
                while let Some(word) = words.get(at).filter(|word| !word.starts_with('-')) {
                    at += 1;
                    args.old.push((what, pid(row.name, word)?));
                }
            }
        }
    }
    Ok(args)
}

/// What is said when an option's argument is missing.
fn missing(option: &str) -> ArgsError {
    match option {
        "-cc" | "--generate-docs" => {
            ArgsError::Usage(format!("option '{option}' expects an argument"))
        }
        "-x" => ArgsError::Said("Unix socket path expected with the -x flag".into()),
        _ => ArgsError::Refused("failed to copy argv.".into()),
    }
}

/// The words without `-sf`, `-st` and `-x` and what belongs to them: what a master starts itself with again. `-x /dev/null`
/// stays, as it forbids to take sockets over.
pub fn again(words: &[OsString]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        match word.to_str() {
            Some("--") => {
                kept.extend_from_slice(&words[at - 1..]);
                break;
            }
            Some("-sf" | "-st") => {
                let pids = words[at..].iter();
                at += pids
                    .take_while(|word| !word.to_string_lossy().starts_with('-'))
                    .count();
            }
            Some("-x") => {
                if words.get(at).is_some_and(|path| path == "/dev/null") {
                    kept.extend(["-x".into(), "/dev/null".into()]);
                }
                at += 1;
            }
            Some(option) => {
                kept.push(word.clone());
                let row = ROWS.iter().find(|row| row.name == option);
                let next = words.get(at);
                let takes = match row.map(|row| &row.does) {
                    Some(Does::Value(_)) => next,
                    Some(Does::Optional(_)) => {
                        next.filter(|word| !word.to_string_lossy().starts_with('-'))
                    }
                    _ => None,
                };
                at += usize::from(takes.is_some());
                kept.extend(takes.cloned());
            }
            None => kept.push(word.clone()),
        }
    }
    kept
}

/// The usage text, without the program's version.
pub fn usage(program: &str) -> String {
    let mut text = format!(
        "Usage : {program} [-f <cfgfile|cfgdir>]* [ -vdVD ] [ -n <maxconn> ] [ -N <maxpconn> ]\n        \
         [ -p <pidfile> ] [ -m <max megs> ] [ -C <dir> ] [-- <cfgfile>*]\n"
    );
    for row in ROWS.iter().filter(|row| !row.usage.is_empty()) {
        text += "        ";
        text += row.usage;
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Args, ArgsError> {
        parse(words.iter().map(OsString::from))
    }

    #[test]
    fn files_keep_their_order_around_the_double_dash() {
        let args = read(&["-f", "a", "-c", "-f", "b", "--", "c", "-d"]).expect("valid");
        assert_eq!(args.files, ["a", "b", "c", "-d"]);
        assert!(args.check);
    }

    #[test]
    fn lists_of_processes_end_at_the_next_option() {
        let args = read(&["-sf", "12", "34", "-st", "-st", "56", "-D"]).expect("valid");
        assert_eq!(
            args.old,
            [
                (OldProcess::Finish, 12),
                (OldProcess::Finish, 34),
                (OldProcess::Terminate, 56)
            ]
        );
        assert_eq!(
            read(&["-sf", "12x"]),
            Err(ArgsError::Refused(
                "-sf option: some bytes unconsumed in PID list {x}".into()
            ))
        );
    }

    #[test]
    fn what_is_unknown_or_not_built_is_refused_by_name() {
        assert_eq!(read(&["-dC7"]).map(|args| args.dump_key), Ok(Some(7)));
        assert!(matches!(read(&["-dt", "fcgi"]), Err(ArgsError::Refused(_))));
        assert!(matches!(read(&["-dMfoo"]), Err(ArgsError::Refused(_))));
        assert!(read(&["-dM0x50,no-merge", "-dM"]).is_ok());
        assert!(matches!(read(&["-dM0,help"]), Err(ArgsError::Asked(_))));
        assert!(matches!(read(&["-Z"]), Err(ArgsError::Usage(_))));
        assert!(matches!(read(&["stray"]), Err(ArgsError::Usage(_))));
        assert!(matches!(read(&["-f"]), Err(ArgsError::Refused(_))));
        let args = read(&["-dt", "-d"]).expect("valid");
        assert!(args.observation.events && args.traces.len() == 1);
    }

    #[test]
    fn a_master_starts_itself_without_what_was_about_old_processes() {
        let words = |text: &str| -> Vec<OsString> { text.split(' ').map(OsString::from).collect() };
        let text = "-sf 1 2 -W -x sockpair@3 -S -x,level,user -f a -x /dev/null -st 4 -- -sf 1";
        let kept = words("-W -S -x,level,user -f a -x /dev/null -- -sf 1");
        assert_eq!(again(&words(text)), kept);
    }

    #[test]
    fn the_rest_of_a_word_belongs_to_its_option() {
        let args = read(&["-dKcfg,cli", "-dM0x50", "-V", "-vv"]).expect("valid");
        assert_eq!(args.keywords.as_deref(), Some("cfg,cli"));
        assert!(args.verbose);
        assert_eq!(args.version, 2);
    }
}
