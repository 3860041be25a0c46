//! The command line of HAProxy (management manual, 3): which options there are and what they say.

use std::ffi::OsString;

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

/// Why a command line is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// Unknown option or missing argument: upstream prints its usage.
    #[error("{0}")]
    Usage(String),
    /// An alert, with the usage.
    #[error("{0}")]
    Said(String),
    /// Something else; upstream's text, or ours for what is not built.
    #[error("{0}")]
    Refused(String),
}

/// One option.
struct Row {
    /// As it is written, with the dash.
    name: &'static str,
    /// Whether the rest of the word belongs to it (`-dKall`).
    prefix: bool,
    /// The usage line; options of one family share one, empty there.
    usage: &'static str,
    /// What it does.
    does: Does,
}

enum Does {
    /// Sets something.
    Flag(fn(&mut Args)),
    /// Takes an argument.
    Value(fn(&mut Args, &str)),
    /// Takes the rest of its own word.
    Rest(fn(&mut Args, &str)),
    /// Takes the rest of its own word, which may be wrong.
    Checked(fn(&mut Args, &str) -> Result<(), ArgsError>),
    /// Takes process numbers up to the next option.
    Pids(OldProcess),
    /// Has no counterpart here: why.
    NoCounterpart(#[allow(dead_code, reason = "read by the documentation")] &'static str),
    /// Not built yet.
    NotBuilt,
}

/// Options, in the order in which the usage lists them.
const ROWS: &[Row] = &[
    row("-vv", "", Does::Flag(|args| args.version = 2)),
    row(
        "-v",
        "-v displays version ; -vv shows known build options.",
        Does::Flag(|args| args.version = 1),
    ),
    row(
        "-db",
        "-db disables background mode ; -d (debug mode) is not built yet.",
        Does::Flag(|args| args.foreground = true),
    ),
    row("-d", "", Does::NotBuilt),
    prefix(
        "-dM",
        "-dM[<byte>,help,...] debug memory (no counterpart)",
        Does::Checked(memory_options),
    ),
    prefix(
        "-dt",
        "-dt activate traces on stderr (not built yet)",
        Does::NotBuilt,
    ),
    row(
        "-V",
        "-V enters verbose mode (disables quiet mode)",
        Does::Flag(|args| {
            args.verbose = true;
            args.quiet = false;
        }),
    ),
    row(
        "-D",
        "-D goes daemon ; -C changes to <dir> before loading files.",
        Does::Flag(|args| args.daemon = true),
    ),
    row(
        "-C",
        "",
        Does::Value(|args, value| args.folder = Some(value.into())),
    ),
    prefix(
        "-W",
        "-W master-worker mode.",
        Does::Rest(|args, _| args.master = args.master.or(Some(Master::Plain))),
    ),
    row(
        "-Ws",
        "-Ws master-worker mode with systemd notify support.",
        Does::Flag(|args| args.master = Some(Master::Notify)),
    ),
    row(
        "-q",
        "-q quiet mode : don't display messages",
        Does::Flag(|args| args.quiet = true),
    ),
    row(
        "-c",
        "-c check mode : only check config files and exit",
        Does::Flag(|args| args.check = true),
    ),
    row(
        "-cc",
        "-cc check condition : evaluate a condition and exit",
        Does::Value(|args, value| args.condition = Some(value.into())),
    ),
    row(
        "-4",
        "-4 force resolvers to consider IPv4 responses only",
        Does::NoCounterpart("there are no resolvers whose answers it could narrow"),
    ),
    row(
        "-n",
        "-n sets the maximum total # of connections (uses ulimit -n)",
        Does::Value(|args, value| args.maxconn = Some(number(value))),
    ),
    row(
        "-m",
        "-m limits the usable amount of memory (in MB)",
        Does::Value(|args, value| args.memory = Some(u64::from(number(value)))),
    ),
    row(
        "-N",
        "-N sets the default, per-proxy maximum # of connections (0)",
        Does::Value(|args, value| args.proxy_maxconn = Some(number(value))),
    ),
    row(
        "-L",
        "-L set local peer name (default to hostname)",
        Does::Value(|args, value| args.local_peer = Some(value.into())),
    ),
    row(
        "-p",
        "-p writes pids of all children to this file",
        Does::Value(|args, value| args.pidfile = Some(value.into())),
    ),
    prefix(
        "-dC",
        "-dC display the configuration file (with a key: not built yet)",
        Does::Checked(|args, key| {
            args.dump_config = true;
            if key.is_empty() {
                return Ok(());
            }
            let text = "option '-dC' with a key is not built in hapax yet.";
            Err(ArgsError::Refused(text.into()))
        }),
    ),
    row(
        "-de",
        "-de disables epoll() usage even when available (no counterpart)",
        Does::NoCounterpart("there is one event system"),
    ),
    row(
        "-dp",
        "-dp disables poll() usage even when available (no counterpart)",
        Does::NoCounterpart("there is one event system"),
    ),
    row("-dk", "", Does::NoCounterpart("there is one event system")),
    row("-dv", "", Does::NoCounterpart("there is one event system")),
    row(
        "-dS",
        "-dS disables splice usage (broken on old kernels)",
        Does::Flag(|args| args.no_splice = true),
    ),
    row(
        "-dG",
        "-dG disables getaddrinfo() usage (no counterpart)",
        Does::NoCounterpart("names are resolved by the system in one way"),
    ),
    row(
        "-dR",
        "-dR disables SO_REUSEPORT usage",
        Does::Flag(|args| args.no_reuseport = true),
    ),
    row(
        "-dL",
        "-dL dumps loaded object files after config checks",
        Does::Flag(|args| args.dump_libraries = true),
    ),
    row(
        "-dc",
        "-dc dumps the list of selected and evicted CPUs (no counterpart)",
        Does::NoCounterpart("workers are not bound to CPUs by default"),
    ),
    prefix(
        "-dK",
        "-dK{class[,...]} dump registered keywords (use 'help' for list)",
        Does::Rest(|args, rest| args.keywords = Some(rest.into())),
    ),
    row(
        "-dr",
        "-dr ignores server address resolution failures",
        Does::Flag(|args| args.ignore_unresolved = true),
    ),
    row(
        "-dV",
        "-dV disables SSL verify on servers side (no counterpart)",
        Does::NoCounterpart("there are no TLS servers whose verification could be turned off"),
    ),
    row(
        "-dW",
        "-dW fails if any warning is emitted",
        Does::Flag(|args| args.zero_warning = true),
    ),
    row(
        "-dD",
        "-dD diagnostic mode : warn about suspicious configuration statements",
        Does::Flag(|args| args.diagnostic = true),
    ),
    row(
        "-dF",
        "-dF disable fast-forward",
        Does::Flag(|args| args.no_splice = true),
    ),
    row(
        "-dI",
        "-dI enable insecure fork (no counterpart)",
        Does::NoCounterpart("nothing here forks while it serves"),
    ),
    row(
        "-dZ",
        "-dZ disable zero-copy forwarding",
        Does::Flag(|args| args.no_splice = true),
    ),
    row(
        "-sf",
        "-sf/-st [pid ]* finishes/terminates old pids.",
        Does::Pids(OldProcess::Finish),
    ),
    row("-st", "", Does::Pids(OldProcess::Terminate)),
    row(
        "-x",
        "-x <unix_socket> get listening sockets from a unix socket",
        Does::Value(|args, value| {
            if args.old_sockets.replace(value.into()).is_some() {
                let text = "-x option already set, overwriting the value";
                args.warnings.push(text.into());
            }
        }),
    ),
    row(
        "-S",
        "-S <bind>[,<bind options>...] new master CLI",
        Does::Value(|args, value| args.master_socket = Some(value.into())),
    ),
    row(
        "-f",
        "",
        Does::Value(|args, value| args.files.push(value.into())),
    ),
    row(
        "--dump-registry",
        "--dump-registry prints every keyword as a line of JSON",
        Does::Flag(|args| args.dump_registry = true),
    ),
    row(
        "--generate-docs",
        "--generate-docs <dir> writes the reference pages",
        Does::Value(|args, value| args.generate_docs = Some(value.into())),
    ),
];

/// `-dM[BYTE][,OPTION...]` tunes HAProxy's memory pools; its words are looked at all the same.
fn memory_options(_: &mut Args, text: &str) -> Result<(), ArgsError> {
    const OPTIONS: &[&str] = &[
        "fail",
        "merge",
        "cold-first",
        "hot-first",
        "integrity",
        "global",
        "cache",
        "caller",
        "tag",
        "poison",
        "uaf",
        "backup",
        "help",
    ];
    let mut words = text.split(',');
    let first = words.next().unwrap_or_default();
    let first = (!first.starts_with(|c: char| c.is_ascii_digit())).then_some(first);
    for word in first
        .into_iter()
        .chain(words)
        .filter(|word| !word.is_empty())
    {
        if !OPTIONS.contains(&word.strip_prefix("no-").unwrap_or(word)) {
            let text = format!("-dM: unknown pool debugging feature <{word}>");
            return Err(ArgsError::Refused(text));
        }
    }
    Ok(())
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
            Does::Flag(set) => set(&mut args),
            Does::Rest(set) => set(&mut args, &word[row.name.len()..]),
            Does::Checked(set) => set(&mut args, &word[row.name.len()..])?,
            Does::NoCounterpart(_) => {}
            Does::NotBuilt => {
                return Err(ArgsError::Refused(format!(
                    "option '{}' is not built in hapax yet.",
                    row.name
                )));
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
        "-S" => ArgsError::Refused("failed to copy argv.".into()),
        "-x" => ArgsError::Said("Unix socket path expected with the -x flag".into()),
        _ => ArgsError::Usage(format!("option '{option}' expects an argument")),
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
                let takes = ROWS.iter().find(|row| row.name == option);
                if takes.is_some_and(|row| matches!(row.does, Does::Value(_))) {
                    kept.extend(words.get(at).cloned());
                    at += 1;
                }
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

const fn row(name: &'static str, usage: &'static str, does: Does) -> Row {
    Row {
        name,
        prefix: false,
        usage,
        does,
    }
}

const fn prefix(name: &'static str, usage: &'static str, does: Does) -> Row {
    Row {
        name,
        prefix: true,
        usage,
        does,
    }
}

/// As upstream reads numbers on its command line: leading digits, 0 without any.
fn number(word: &str) -> u32 {
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse()
        .unwrap_or(if digits.is_empty() { 0 } else { u32::MAX })
}

fn pid(option: &str, word: &str) -> Result<i32, ArgsError> {
    let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    match word[..digits].parse::<i32>() {
        Ok(pid) if digits == word.len() && pid > 0 => Ok(pid),
        _ => Err(ArgsError::Refused(format!(
            "{option} option: some bytes unconsumed in PID list {{{}}}",
            &word[digits..]
        ))),
    }
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
        assert!(matches!(read(&["-dC7"]), Err(ArgsError::Refused(_))));
        assert!(matches!(read(&["-dMfoo"]), Err(ArgsError::Refused(_))));
        assert!(read(&["-dM0x50,no-merge,help", "-dM"]).is_ok());
        assert!(matches!(read(&["-Z"]), Err(ArgsError::Usage(_))));
        assert!(matches!(read(&["stray"]), Err(ArgsError::Usage(_))));
        assert!(matches!(read(&["-f"]), Err(ArgsError::Usage(_))));
        assert_eq!(
            read(&["-d"]),
            Err(ArgsError::Refused(
                "option '-d' is not built in hapax yet.".into()
            ))
        );
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
