//! The options of the command line: one row each.

use super::trace::traces;
use super::value::{anonymous_key, memory_options, number};
use super::{Args, ArgsError, Master, OldProcess};

/// One option.
pub(super) struct Row {
    /// As it is written, with the dash.
    pub(super) name: &'static str,
    /// Whether the rest of the word belongs to it (`-dKall`).
    pub(super) prefix: bool,
    /// The usage line; options of one family share one, empty there.
    pub(super) usage: &'static str,
    /// What it does.
    pub(super) does: Does,
}

/// What an option does.
pub(super) enum Does {
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
    /// Takes the word behind it unless that is an option; it may be wrong, and is empty where there is none.
    Optional(fn(&mut Args, &str) -> Result<(), ArgsError>),
}

/// Options, in the order in which the usage lists them.
pub(super) const ROWS: &[Row] = &[
    row("-vv", "", Does::Flag(|args| args.version = 2)),
    prefix(
        "-v",
        "-v displays version ; -vv shows known build options.",
        Does::Flag(|args| args.version = 1),
    ),
    row(
        "-d",
        "-d enters debug mode ; -db only disables background mode.",
        Does::Flag(|args| args.observation.events = true),
    ),
    row("-db", "", Does::Flag(|args| args.foreground = true)),
    prefix(
        "-dM",
        "-dM[<byte>,help,...] debug memory (no counterpart)",
        Does::Checked(memory_options),
    ),
    prefix(
        "-dt",
        "-dt activate traces on stderr",
        Does::Optional(traces),
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
        Does::Flag(|args| args.only_ipv4 = true),
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
        "-dC[key] display the configuration file, if there is a key, the file will be anonymised",
        Does::Rest(|args, key| {
            args.dump_config = true;
            args.dump_key = anonymous_key(key);
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
        "-dV disables SSL verify on servers side",
        Does::Flag(|args| args.no_server_verify = true),
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
        "-dI enable insecure fork",
        Does::Flag(|args| args.fork_wanted = true),
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
