//! `show ...`.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use hapax_core::ir::{Address, CliLevel};
use hapax_core::program::{Program, Proxy};

use super::connection::level_name;
use super::{Answer, Call, Unfinished};
use crate::stats::csv::{self, Form, Rows};
use crate::stats::errors::Wanted;
use crate::stats::info::{self, InfoForm, InfoView};
use crate::stats::view::Selection;

/// `show version`.
pub fn version(call: &mut Call<'_>) -> Answer {
    Answer::Information(format!("{}\n", call.cli.facts.version))
}

/// `show backend`.
pub fn backend(call: &mut Call<'_>) -> Answer {
    call.out.extend_from_slice(b"# name\n");
    for proxy in &call.program.proxies {
        if proxy.ir.kind.has_backend() && !proxy.ir.disabled {
            let _ = writeln!(call.out, "{}", proxy.ir.name);
        }
    }
    Answer::Written
}

/// `show env`.
pub fn env(call: &mut Call<'_>) -> Answer {
    if write_environment(call.args.first().map(String::as_str), call.out) {
        Answer::Written
    } else {
        Answer::Refused("Variable not found\n".into())
    }
}

/// Writes one variable of the environment, or all; false when there is none of that name.
pub fn write_environment(name: Option<&str>, out: &mut Vec<u8>) -> bool {
    let mut line = |name: &std::ffi::OsStr, value: &std::ffi::OsStr| {
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        out.extend_from_slice(value.as_bytes());
        out.push(b'\n');
    };
    match name {
        // The C library refuses such names, and Rust's panics.
        Some(name) if name.is_empty() || name.contains(['=', '\0']) => return false,
        Some(name) => match std::env::var_os(name) {
            Some(value) => line(name.as_ref(), &value),
            None => return false,
        },
        None => std::env::vars_os().for_each(|(name, value)| line(&name, &value)),
    }
    true
}

/// `show cli sockets`.
pub fn sockets(call: &mut Call<'_>) -> Answer {
    call.out.extend_from_slice(b"# socket lvl processes\n");
    for bind in &call.program.global.stats_sockets {
        let address = match &bind.address {
            Address::Inet(address) if address.is_ipv4() => format!("ipv4@{address}"),
            Address::Inet(address) => format!("ipv6@{address}"),
            Address::Unix(path) => format!("unix@{path}"),
            Address::Abstract { name, .. } => format!("abns@{name}"),
            Address::Descriptor(fd) => format!("fd@{fd}"),
            Address::SocketPair(fd) => format!("sockpair@{fd}"),
        };
        let level = level_name(bind.options.level.unwrap_or(CliLevel::Operator));
        let _ = writeln!(call.out, "{address} {level} all");
    }
    Answer::Written
}

/// `show errors`.
pub fn errors(call: &mut Call<'_>) -> Answer {
    let proxy = match call.args.first() {
        None => None,
        Some(all) if all == "-1" => None,
        Some(name) => match number(call.program, name) {
            Some(number) => Some(number),
            None => return Answer::Refused("No such proxy.\n".into()),
        },
    };
    let wanted = Wanted {
        proxy,
        response: match call.arg(1) {
            "request" => Some(false),
            "response" => Some(true),
            _ => None,
        },
    };
    let proxies = &call.program.proxies;
    let order: Vec<u32> = proxies.iter().map(|proxy| proxy.live.uuid).collect();
    call.cli
        .errors
        .write(call.now.wall_us, &order, wanted, call.out);
    Answer::Written
}

/// The number of a proxy that is given by number, also behind a `#`, or by name. A number that no proxy has selects nothing.
fn number(program: &Program, text: &str) -> Option<u32> {
    if let Ok(number) = text.strip_prefix('#').unwrap_or(text).parse() {
        return Some(number);
    }
    let mut proxies = program.proxies.iter();
    let found = proxies.find(|proxy| proxy.ir.name == text);
    found.map(|proxy| proxy.live.uuid)
}

/// `show info`; words that are none of its own are passed over, as upstream does.
pub fn info(call: &mut Call<'_>) -> Answer {
    let mut form = InfoForm::Plain;
    let (mut describe, mut float) = (false, false);
    for arg in call.args {
        match arg.as_str() {
            "typed" => form = InfoForm::Typed,
            "json" => form = InfoForm::Json,
            "desc" => describe = true,
            "float" => float = true,
            _ => {}
        }
    }
    let view = InfoView {
        program: call.program,
        facts: &call.cli.facts,
        measures: (call.cli.measures)(call.program, call.now),
        now: call.now,
        float,
    };
    info::write(&view, form, describe, call.out);
    Answer::Written
}

/// `show schema json`.
pub fn schema(call: &mut Call<'_>) -> Answer {
    call.out.extend_from_slice(csv::SCHEMA.as_bytes());
    Answer::Written
}

/// The number that a word begins with.
fn leading(word: &str) -> i32 {
    let number = hapax_sample::cast::leading_int(word.as_bytes());
    i32::try_from(number).unwrap_or(0)
}

/// `show stat [domain <domain>] [{<iid>|<proxy>} <type> <sid>] [desc|json|no-maint|typed|up]*`.
pub fn stat(call: &mut Call<'_>) -> Answer {
    let mut selection = Selection {
        legends: call.state.access.level >= CliLevel::Operator,
        ..Selection::default()
    };
    let mut args = call.args;
    if let [domain, rest @ ..] = args
        && domain == "domain"
    {
        match rest.split_first() {
            Some((domain, rest)) if domain == "proxy" => args = rest,
            Some((domain, rest)) if domain == "resolvers" => {
                return super::resolvers::stat(call.program, rest, call.out);
            }
            _ => return Answer::Refused("Invalid statistics domain.\n".into()),
        }
    }
    // As upstream: three words are always these.
    if let [proxy, kinds, id, rest @ ..] = args {
        let (kinds, id) = (leading(kinds), leading(id));
        args = rest;
        if proxy != "-1" {
            match number(call.program, proxy) {
                Some(number) => selection.proxy = Some(number),
                None => return Answer::Refused("No such proxy.\n".into()),
            }
        }
        selection.kinds = (kinds != -1).then_some((kinds & 15) as u8);
        selection.id = u32::try_from(id).ok();
    }
    let mut form: fn(bool) -> Form = |_| Form::Csv;
    let mut describe = false;
    for arg in args {
        match arg.as_str() {
            "typed" => form = Form::Typed,
            "json" => form = Form::Json,
            "desc" => describe = true,
            "up" => selection.up = true,
            "no-maint" => selection.no_maintenance = true,
            _ => {}
        }
    }
    selection.counts_servers = selection.up || selection.no_maintenance;
    let form = form(describe);
    let mut rows = Rows::begin(form, call.out);
    let each = move |program: &Program, proxy: &Proxy, now, out: &mut Vec<u8>| {
        rows.proxy((program, proxy), now, &selection, out);
    };
    let unfinished = Unfinished::over_proxies(call.program, each);
    call.state.unfinished = Some(unfinished.ending_with(Rows::end(form)));
    Answer::Written
}
