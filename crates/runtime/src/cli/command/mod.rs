//! The commands: a row and a function each, in families.

mod agent;
mod anonymity;
mod awaited;
mod connection;
mod counters;
mod debug;
mod dynamic_cookie;
mod events;
mod frontend;
pub(super) mod help;
mod http_client;
mod left_out;
mod pattern;
mod process;
mod profiling;
mod reload;
mod resolvers;
mod server;
mod server_list;
mod server_state;
mod session;
mod show;
mod stats_file;
mod tls;
mod trace;
mod unfinished;
mod variable;
mod wait;
mod weight;

pub(super) use awaited::Awaited;
pub(super) use connection::level_name;
pub(super) use events::Following;
pub use process::{dumped as pools, objects};
pub(super) use show::write_environment;
pub use unfinished::Unfinished;
pub use wait::Waiting;

use std::sync::Arc;

use hapax_core::contract::Now;
use hapax_core::ir::CliLevel;
use hapax_core::keyword::CliCommand;
use hapax_core::program::Program;

use super::Cli;
use super::session::State;

/// One command with what it may look at and change.
pub struct Call<'a> {
    /// Everything.
    pub cli: &'a Cli,
    /// The configuration in force.
    pub program: &'a Arc<Program>,
    /// The time.
    pub now: Now,
    /// The connection.
    pub state: &'a mut State,
    /// All words.
    pub words: &'a [String],
    /// The words after the command's name.
    pub args: &'a [String],
    /// Lines that came with it, of the last command of a line.
    pub payload: Option<&'a [u8]>,
    /// Where the answer goes.
    pub out: &'a mut Vec<u8>,
}

impl Call<'_> {
    /// Argument `index` (from 0), empty when missing.
    pub fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }
}

/// What a command says.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// It wrote its answer, which may be nothing.
    Written,
    /// A message.
    Information(String),
    /// A message that deserves more attention.
    Notice(String),
    /// The same, still more.
    Warning(String),
    /// Why it was not done.
    Refused(String),
    /// The connection closes.
    Close,
    /// The listening sockets follow.
    HandOver,
}

/// A command's function.
type Run = fn(&mut Call<'_>) -> Answer;

macro_rules! commands {
    ($($name:literal, $usage:literal, $level:ident, $doc:literal, $run:path;)*) => {
        /// The rows, in the order in which `help` lists them.
        pub const ROWS: &[CliCommand] = &[$(
            CliCommand { name: $name, usage: $usage, doc: $doc, level: CliLevel::$level },
        )*];

        /// Their functions, in the same order.
        const RUN: &[Run] = &[$($run),*];
    };
}

commands! {
    "_getsocks", "", User, "", connection::hand_over;
    "abort ssl ca-file", "<cafile>", Admin, "abort a transaction for a CA file", tls::abort_authorities;
    "abort ssl cert", "<certfile>", Admin, "abort a transaction for a certificate file", tls::abort_certificate;
    "abort ssl crl-file", "<crlfile>", Admin, "abort a transaction for a CRL file", tls::abort_revoked;
    "add acl", "[@<ver>] <acl> <pattern>", User, "add an acl entry", pattern::add_acl;
    "add map", "[@<ver>] <map> <key> <val>", User, "add a map entry (payload supported instead of key/val)", pattern::add_map;
    "add server", "<bk>/<srv>", Admin, "create a new server", server_list::add;
    "add ssl ca-file", "<cafile> <payload>", Admin, "add a certificate into the CA file", tls::add_authorities;
    "add ssl crt-list", "<list> <cert> [opts]*", Admin, "add to crt-list file <list> a line <cert> or a payload", tls::add_to_list;
    "clear acl", "[@<ver>] <acl>", User, "clear the contents of this acl", pattern::clear_acl;
    "clear counters", "[all]", Operator, "clear max statistics counters (or all counters)", counters::clear;
    "clear map", "[@<ver>] <map>", User, "clear the contents of this map", pattern::clear_map;
    "commit acl", "@<ver> <acl>", User, "commit the ACL at this version", pattern::commit_acl;
    "commit map", "@<ver> <map>", User, "commit the map at this version", pattern::commit_map;
    "commit ssl ca-file", "<cafile>", Admin, "commit a CA file", tls::commit_authorities;
    "commit ssl cert", "<certfile>", Admin, "commit a certificate file", tls::commit_certificate;
    "commit ssl crl-file", "<crlfile>", Admin, "commit a CRL file", tls::commit_revoked;
    "debug dev delay", "[ms]", Admin, "sleep this long", debug::delay;
    "debug dev exit", "[code]", Admin, "immediately exit the process", debug::exit;
    "debug dev hash", "  [msg]", User, "return msg hashed if anon is set", anonymity::hash;
    "debug dev log", "[msg] ...", Admin, "send this msg to global logs", debug::log;
    "debug dev loop", "<ms>", Admin, "loop this long, possibly isolated", debug::busy;
    "debug dev panic", "", Admin, "immediately trigger a panic", debug::abort;
    "debug dev write", "[size]", Admin, "write that many bytes in return", debug::write;
    "del acl", "<acl> [<key>|#<ref>]", User, "delete acl entries matching <key>", pattern::del_acl;
    "del map", "<map> [<key>|#<ref>]", User, "delete map entries matching <key>", pattern::del_map;
    "del server", "<bk>/<srv>", Admin, "remove a server", server_list::delete;
    "del ssl ca-file", "<cafile>", Admin, "delete an unused CA file", tls::delete_authorities;
    "del ssl cert", "<certfile>", Admin, "delete an unused certificate file", tls::delete_certificate;
    "del ssl crl-file", "<crlfile>", Admin, "delete an unused CRL file", tls::delete_revoked;
    "del ssl crt-list", "<list> <cert[:line]>", Admin, "delete a line <cert> from crt-list file <list>", tls::delete_from_list;
    "disable agent", "", Admin, "disable agent checks", agent::disable;
    "disable dynamic-cookie backend", "<bk>", Admin, "disable dynamic cookies on a specific backend", dynamic_cookie::disable;
    "disable frontend", "<frontend>", Admin, "temporarily disable specific frontend", frontend::disable;
    "disable health", "", Admin, "disable health checks", server::disable_health;
    "disable server", "(DEPRECATED)", Admin, "disable a server for maintenance (use 'set server' instead)", server::disable;
    "dump ssl cert", "<certfile>", Admin, "dump the SSL certificates in PEM format", tls::dump_certificate;
    "dump stats-file", "", User, "dump stats for restore", stats_file::dump;
    "echo", "<text>", User, "print text to the output", connection::echo;
    "enable agent", "", Admin, "enable agent checks", agent::enable;
    "enable dynamic-cookie backend", "<bk>", Admin, "enable dynamic cookies on a specific backend", dynamic_cookie::enable;
    "enable frontend", "<frontend>", Admin, "re-enable specific frontend", frontend::enable;
    "enable health", "", Admin, "enable health checks", server::enable_health;
    "enable server", " (DEPRECATED)", Admin, "enable a disabled server (use 'set server' instead)", server::enable;
    "expert-mode", "[on|off]", Admin, "", connection::expert;
    "get acl", "<acl> <value>", User, "report the patterns matching a sample for an ACL", pattern::get_acl;
    "get map", "<map> <value>", User, "report the keys and values matching a sample for a map", pattern::get_map;
    "get var", "<name>", Operator, "retrieve contents of a process-wide variable", variable::get;
    "get weight", "<bk>/<srv>", User, "report a server's current weight", weight::get;
    "httpclient", "<method> <URI>", Admin, "launch an HTTP request", http_client::ask_for;
    "new ssl ca-file", "<cafile>", Admin, "create a new CA file to be used in a crt-list", tls::new_authorities;
    "new ssl cert", "<certfile>", Admin, "create a new certificate file to be used in a crt-list or a directory", tls::new_certificate;
    "new ssl crl-file", "<crlfile>               ", Admin, "create a new CRL file to be used in a crt-list", tls::new_revoked;
    "operator", "", Operator, "lower the level of the current CLI session to operator", connection::operator;
    "prepare acl", "<acl>", User, "prepare a new version for atomic ACL replacement", pattern::prepare_acl;
    "prepare map", "<map>", User, "prepare a new version for atomic map replacement", pattern::prepare_map;
    "reload configuration", "", Admin, "read the configuration again and apply it inside the process", reload::configuration;
    "set anon global-key", "<value>", Admin, "change the global anonymizing key", anonymity::set_global_key;
    "set anon off", "", User, "deactivate the anonymized mode", anonymity::off;
    "set anon on", "[value]", User, "activate the anonymized mode", anonymity::on;
    "set dynamic-cookie-key backend", "<bk> <k>", Admin, "change a backend secret key for dynamic cookies", dynamic_cookie::set_key;
    "set map", "<map> [<key>|#<ref>] <value>", User, "modify a map entry", pattern::set_map;
    "set maxconn frontend", "<frontend> <value>", Admin, "change a frontend's maxconn setting", frontend::set_maxconn;
    "set maxconn global", "<value>", Admin, "change the per-process maxconn setting", frontend::set_global_maxconn;
    "set maxconn server", "<bk>/<srv>", Admin, "change a server's maxconn setting", server::set_maxconn;
    "set profiling", "<what> {auto|on|off}", Admin, "enable/disable resource profiling (tasks,memory)", profiling::set;
    "set rate-limit", "<setting> <value>", Admin, "change a rate limiting value", frontend::set_rate_limit;
    "set server", "<bk>/<srv> [opts]", Admin, "change a server's state, weight, address or ssl", server::set;
    "set severity-output", "[none|number|string]", User, "set presence of severity level in feedback information", connection::set_severity;
    "set ssl ca-file", "<cafile> <payload>", Admin, "replace a CA file", tls::set_authorities;
    "set ssl cert", "<certfile> <payload>", Admin, "replace a certificate file", tls::set_certificate;
    "set ssl crl-file", "<crlfile> <payload>", Admin, "replace a CRL file", tls::set_revoked;
    "set ssl ocsp-response", "<resp|payload>       ", User, "update a certificate's OCSP Response from a base64-encode DER", tls::set_response;
    "set ssl tls-key", "[id|file] <key>", User, "set the next TLS key for the <id> or <file> listener to <key>", tls::set_ticket_key;
    "set timeout", "[cli] <delay>", User, "change a timeout setting", connection::set_timeout;
    "set var", "<name> [fmt|expr] {<fmt>|<expr>}", Operator, "set variable from an expression or a format", variable::set;
    "set weight", "<bk>/<srv>  (DEPRECATED)", Admin, "change a server's weight (use 'set server' instead)", server::set_weight;
    "show acl", "[@<ver>] <acl>", User, "report available acls or dump an acl's contents", pattern::show_acl;
    "show activity", "[-1|0|thread_num]", Operator, "show per-thread activity stats (for support/developers)", process::activity;
    "show anon", "", User, "display the current state of anonymized mode", anonymity::show;
    "show backend", "", User, "list backends in the current running config", show::backend;
    "show cli level", "", User, "display the level of the current CLI session", connection::show_level;
    "show cli sockets", "", User, "dump list of cli sockets", show::sockets;
    "show dev", "", User, "show debug info for developers", process::machine;
    "show env", "[var]", Operator, "dump environment variables known to the process", show::env;
    "show errors", "[<px>] [request|response]", Operator, "report last request and/or response errors for each proxy", show::errors;
    "show events", "[<sink>] [-w] [-n] [-0]", Operator, "show event sink state", events::show;
    "show fd", "[-!plcfbsd]* [num]", Operator, "dump list of file descriptors in use or a specific one", process::descriptors;
    "show info", "[desc|json|typed|float]*", User, "report information about the running process", show::info;
    "show libs", "", Operator, "show loaded object files and libraries", process::libraries;
    "show map", "[@<ver>] [map]", User, "report available maps or dump a map's contents", pattern::show_map;
    "show pools", "", User, "report information about the memory pools usage", process::pools;
    "show profiling", "[<what>|<#lines>|<opts>]*", Operator, "show profiling state (all,status,tasks,memory)", profiling::show;
    "show resolvers", "[id]", User, "dumps counters from all resolvers section and associated name servers", resolvers::show;
    "show schema json", "", User, "report schema used for stats", show::schema;
    "show servers conn", "[<backend>]", User, "dump server connections status (all or for a single backend)", server_state::connections;
    "show servers state", "[<backend>]", User, "dump volatile server information (all or for a single backend)", server_state::state;
    "show sess", "[help|<id>|all] [opts...]", Operator, "report the list of current streams or dump this exact stream", session::show;
    "show ssl ca-file", "[<cafile>[:<index>]]", Operator, "display the SSL CA files used in memory, or the details of a <cafile>, or a single certificate of index <index> of a CA file <cafile>", tls::show_authorities;
    "show ssl cert", "[<certfile>]", Operator, "display the SSL certificates used in memory, or the details of a file", tls::show_certificates;
    "show ssl crl-file", "[<crlfile[:<index>>]]", Operator, "display the SSL CRL files used in memory, or the details of a <crlfile>, or a single CRL of index <index> of CRL file <crlfile>", tls::show_revoked;
    "show ssl crt-list", "[-n] [<list>]", Admin, "show the list of crt-lists or the content of a crt-list file <list>", tls::show_lists;
    "show ssl ocsp-response", "[[text|base64] id]  ", User, "display the IDs of the OCSP responses used in memory, or the details of a single OCSP response (in text or base64 format)", tls::show_responses;
    "show ssl ocsp-updates", "                     ", User, "display information about the next 'nb' ocsp responses that will be updated automatically", tls::show_updates;
    "show ssl providers", "", User, "show loaded SSL providers", tls::show_providers;
    "show ssl sni", "[-f <frontend>] [-A]", User, "display the list of SNI and their corresponding filename", tls::show_names;
    "show startup-logs", "", User, "report logs emitted during HAProxy startup", process::startup_logs;
    "show stat", "[desc|json|no-maint|typed|up]*", User, "report counters for each proxy and server", show::stat;
    "show tasks", "", User, "show running tasks", process::tasks;
    "show threads", "", User, "show some threads debugging information", process::threads;
    "show tls-keys", "[id|*]", User, "show tls keys references or dump tls ticket keys when id specified", tls::show_ticket_keys;
    "show trace", "[<module>]", User, "show live tracing state", trace::show;
    "show version", "", User, "show version of the current process", show::version;
    "shutdown frontend", "<frontend>", Admin, "stop a specific frontend", frontend::shutdown;
    "shutdown session", "[id]", Admin, "kill a specific session", session::shutdown;
    "shutdown sessions server", "<bk>/<srv>", Admin, "kill sessions on a server", server::shutdown_sessions;
    "trace", "[<module>|0] [cmd [args...]]", Operator, "manage live tracing (empty to list, 0 to stop all)", trace::set;
    "update ssl ocsp-response", "<certfile>", User, "send ocsp request and update stored ocsp response", tls::update_response;
    "user", "", User, "lower the level of the current CLI session to user", connection::user;
    "wait", "{-h|<delay_ms>} cond [args...]", Admin, "wait the specified delay or condition (-h to see list)", wait::wait;
    "experimental-mode", "[on|off]", Admin, "allow commands that may change or go", connection::experimental;
    "help", "[<command>]", User, "list matching or all commands", help::help;
    "prompt", "[help | n | i | p | timed ]*", User, "toggle interactive mode with prompt", connection::prompt;
    "quit", "", User, "disconnect", connection::quit;
}

/// Commands of experimental mode only; the others' lists do not show them.
pub const EXPERIMENTAL: &[&str] = &["set var"];

/// Commands of expert mode only; the others' lists do not show them.
pub const EXPERT: &[&str] = &[
    "debug dev delay",
    "debug dev exit",
    "debug dev log",
    "debug dev loop",
    "debug dev panic",
    "debug dev write",
    "httpclient",
];

/// Commands that no list shows.
pub const UNLISTED: &[&str] = &[
    "_getsocks",
    "experimental-mode",
    "expert-mode",
    "reload configuration",
];

/// Finds and runs the command of some words; nothing is an empty command.
pub fn run(mut call: Call<'_>) -> Answer {
    if call.words.is_empty() {
        return Answer::Written;
    }
    if call.words.len() > MOST_WORDS {
        let text =
            format!("Too many arguments. Commands must have at most {MOST_WORDS} arguments.\n");
        return Answer::Refused(text);
    }
    let Some((row, run)) = find(call.words) else {
        return left_out::refusal(&call).unwrap_or_else(|| help::unknown(&mut call));
    };
    if EXPERIMENTAL.contains(&row.name) && !call.state.experimental {
        let text = "This command is restricted to experimental mode only.\n";
        return Answer::Refused(text.into());
    }
    if EXPERT.contains(&row.name) && !call.state.expert {
        let text = "This command is restricted to expert mode only.\n";
        return Answer::Refused(text.into());
    }
    if call.state.access.level < row.level {
        return Answer::Refused("Permission denied\n".into());
    }
    let name_words = row.name.split(' ').count();
    call.args = call.words.get(name_words..).unwrap_or_default();
    run(&mut call)
}

/// Words of a command, its name included.
const MOST_WORDS: usize = 64;

fn find(words: &[String]) -> Option<(&'static CliCommand, Run)> {
    let rows = ROWS.iter().zip(RUN);
    rows.map(|(row, run)| (row, *run)).find(|(row, _)| {
        let mut words = words.iter();
        row.name
            .split(' ')
            .all(|part| words.next().is_some_and(|word| word == part))
    })
}
