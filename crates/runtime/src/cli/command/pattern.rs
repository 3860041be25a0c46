//! Maps and lists of ACLs: `show`, `get`, `add`, `set`, `del`, `clear`, `prepare` and `commit`.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bumpalo::Bump;
use hapax_core::pattern::{List, Reading, View};
use hapax_core::sample::{Type, Value};
use hapax_sample::cast;
use hapax_sample::matcher::METHODS;
use hapax_sample::pattern::{self, check_value};

use super::{Answer, Call};

/// Which lists a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Map,
    Acl,
}

macro_rules! both {
    ($($map:ident, $acl:ident => $run:ident;)+) => { $(
        #[doc = concat!("`", stringify!($map), "`.")]
        pub fn $map(call: &mut Call<'_>) -> Answer {
            answer($run(call, Kind::Map))
        }

        #[doc = concat!("`", stringify!($acl), "`.")]
        pub fn $acl(call: &mut Call<'_>) -> Answer {
            answer($run(call, Kind::Acl))
        }
    )+ };
}

both! {
    show_map, show_acl => show;
    get_map, get_acl => get;
    add_map, add_acl => add;
    del_map, del_acl => del;
    clear_map, clear_acl => clear;
    prepare_map, prepare_acl => prepare;
    commit_map, commit_acl => commit;
}

/// `set map`.
pub fn set_map(call: &mut Call<'_>) -> Answer {
    answer(set(call))
}

fn answer(done: Result<Answer, String>) -> Answer {
    done.unwrap_or_else(|text| Answer::Refused(text + "\n"))
}

impl Kind {
    /// `map` or `ACL`, as messages have it.
    fn name(self) -> &'static str {
        match self {
            Kind::Map => "map",
            Kind::Acl => "ACL",
        }
    }

    /// The word of the command.
    fn word(self) -> &'static str {
        match self {
            Kind::Map => "map",
            Kind::Acl => "acl",
        }
    }

    fn has(self, list: &List) -> bool {
        match self {
            Kind::Map => list.for_maps.load(Ordering::Relaxed),
            Kind::Acl => list.for_acls.load(Ordering::Relaxed),
        }
    }

    fn unknown(self) -> String {
        let name = self.name();
        format!("Unknown {name} identifier. Please use #<id> or <file>.")
    }
}

/// `@<version>` before the list's name, and the words from the name on.
fn version<'a>(call: &Call<'a>) -> (Option<u32>, &'a [String]) {
    let args = call.args;
    match args.first().and_then(|word| word.strip_prefix('@')) {
        Some(number) => {
            let number = u32::try_from(cast::leading_int(number.as_bytes())).unwrap_or(0);
            (Some(number), args.get(1..).unwrap_or_default())
        }
        None => (None, args),
    }
}

/// The list of a name or `#<id>`.
fn find(call: &Call<'_>, kind: Kind, name: Option<&String>) -> Result<Arc<List>, String> {
    let name = name.map_or("", String::as_str);
    let lists = call.program.patterns.all();
    let found = match name.strip_prefix('#') {
        Some(id) => {
            let id = id.parse().map_err(|_| kind.unknown())?;
            let is_it = |list: &&Arc<List>| list.id.load(Ordering::Relaxed) == id;
            lists.iter().find(is_it)
        }
        None => {
            let name = pattern::name(name);
            lists
                .iter()
                .find(|list| !name.is_empty() && list.name == name)
        }
    };
    let found = found.filter(|list| kind.has(list));
    found.cloned().ok_or_else(|| kind.unknown())
}

fn show(call: &mut Call<'_>, kind: Kind) -> Result<Answer, String> {
    let (version, args) = version(call);
    if args.is_empty() {
        call.out.extend_from_slice(b"# id (file) description\n");
        for list in call.program.patterns.all() {
            if !kind.has(&list) {
                continue;
            }
            let (current, next, count) = list.versions();
            let id = list.id.load(Ordering::Relaxed);
            // Writing into a vector cannot fail.
            let _ = writeln!(
                call.out,
                "{id} ({}) {}. curr_ver={current} next_ver={next} entry_cnt={count}",
                list.name,
                list.description()
            );
        }
        return Ok(Answer::Written);
    }
    let list = find(call, kind, args.first())?;
    let out = &mut *call.out;
    list.show(version, |entry| {
        let _ = write!(out, "0x{:x} ", entry.reference);
        out.extend_from_slice(entry.key);
        if list.is_map {
            out.push(b' ');
            out.extend_from_slice(entry.value.unwrap_or_default());
        }
        out.push(b'\n');
    });
    Ok(Answer::Written)
}

fn get(call: &mut Call<'_>, kind: Kind) -> Result<Answer, String> {
    let (Some(name), Some(key)) = (call.args.first(), call.args.get(1)) else {
        let name = kind.name();
        return Err(format!("Missing {name} identifier and/or key."));
    };
    let list = find(call, kind, Some(name))?;
    let arena = Bump::new();
    let out = &mut *call.out;
    list.ask(
        |view| {
            let input = input(view)?;
            Some(cast::cast(Value::Str(key.as_bytes()).into(), input, &arena)?.value)
        },
        |view, found| describe(out, kind, view, found),
    );
    Ok(Answer::Written)
}

/// The type that a view compares; none of methods that compare nothing.
fn input(view: &View) -> Option<Type> {
    let method = if view.method == "regm" {
        "reg"
    } else {
        view.method
    };
    let row = METHODS.iter().find(|row| row.name == method)?;
    (!matches!(method, "found" | "bool")).then_some(row.input)
}

fn describe(out: &mut Vec<u8>, kind: Kind, view: &View, found: Option<(Reading<'_>, bool)>) {
    let case = if view.ignore_case {
        "insensitive"
    } else {
        "sensitive"
    };
    let word = match kind {
        Kind::Map => "found",
        Kind::Acl => "match",
    };
    let _ = write!(out, "type={}, case={case}, {word}=", view.method);
    let Some((entry, in_tree)) = found else {
        out.extend_from_slice(b"no\n");
        return;
    };
    let index = if in_tree { "tree" } else { "list" };
    let what = match kind {
        Kind::Map => "key",
        Kind::Acl => "pattern",
    };
    let _ = write!(out, "yes, idx={index}, {what}=\"");
    out.extend_from_slice(entry.key);
    out.push(b'"');
    if kind == Kind::Map {
        let value = entry.value.unwrap_or_default();
        match view.output {
            None => out.extend_from_slice(b", value=none"),
            Some(output) => {
                out.extend_from_slice(b", value=\"");
                out.extend_from_slice(value);
                let name = match (output, pattern::address(value)) {
                    ("int", _) => "sint",
                    ("ip", Some(Value::Ipv6(_))) => "ipv6",
                    ("ip", _) => "ipv4",
                    _ => "str",
                };
                let _ = write!(out, "\", type=\"{name}\"");
            }
        }
    }
    out.push(b'\n');
}

fn add(call: &mut Call<'_>, kind: Kind) -> Result<Answer, String> {
    const MAP: &str = "'add map' expects three parameters (map identifier, key and value) or one parameter (map \
                       identifier) and a payload";
    const ACL: &str = "'add acl' expects two parameters: ACL identifier and pattern.";
    let (version, args) = version(call);
    let payload = call.payload.filter(|_| kind == Kind::Map);
    let name = args.first();
    match kind {
        Kind::Map if payload.is_none() && args.len() < 3 => return Err(MAP.to_owned()),
        Kind::Map if name.is_none() => return Err(MAP.to_owned()),
        Kind::Acl if args.len() < 2 => return Err(ACL.to_owned()),
        _ => {}
    }
    let list = find(call, kind, name)?;
    if version.is_some_and(|version| list.is_ahead(version)) {
        let word = kind.word();
        return Err(format!(
            "Version number in the future, please use 'prepare {word}' before."
        ));
    }
    let one = |key: &[u8], value: Option<&[u8]>| {
        list.add(version, key, value, check_value)
            .map_err(|text| text + ".")
    };
    match payload {
        None => {
            let value = args.get(2).map(String::as_bytes);
            let key = args.get(1).map_or(&b""[..], |key| key.as_bytes());
            one(key, value.filter(|_| kind == Kind::Map))?;
        }
        Some(payload) => {
            for line in payload.split(|byte| *byte == b'\n') {
                let Some((key, value)) = pattern::payload_entry(line) else {
                    continue;
                };
                if value.is_empty() {
                    let key = String::from_utf8_lossy(key);
                    return Err(format!("Missing value for key '{key}'."));
                }
                one(key, Some(value))?;
            }
        }
    }
    Ok(Answer::Written)
}

fn set(call: &mut Call<'_>) -> Result<Answer, String> {
    let [name, key, value, ..] = call.args else {
        return Err("'set map' expects three parameters: map identifier, key and value.".into());
    };
    let list = find(call, Kind::Map, Some(name))?;
    let value = value.as_bytes();
    let (done, missing) = match key.strip_prefix('#') {
        Some(reference) => match reference_of(reference) {
            Some(reference) => {
                let done = list.set_reference(reference, value, check_value);
                (done, "key or pattern not found.")
            }
            None => (Ok(false), "entry not found."),
        },
        None => {
            let done = list.set(key.as_bytes(), value, check_value);
            (done, "entry not found.")
        }
    };
    match done.map_err(|text| text + ".")? {
        true => Ok(Answer::Written),
        false => Err(missing.to_owned()),
    }
}

fn del(call: &mut Call<'_>, kind: Kind) -> Result<Answer, String> {
    let [name, key, ..] = call.args else {
        let name = kind.name();
        return Err(format!(
            "This command expects two parameters: {name} identifier and key."
        ));
    };
    let list = find(call, kind, Some(name))?;
    let done = match key.strip_prefix('#') {
        Some(reference) => {
            reference_of(reference).is_some_and(|entry| list.remove_reference(entry))
        }
        None => list.remove(key.as_bytes()),
    };
    match done {
        true => Ok(Answer::Written),
        false => Err("Key not found.".to_owned()),
    }
}

/// The number of an entry, as `show map` gives it.
fn reference_of(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).ok()
}

fn clear(call: &mut Call<'_>, kind: Kind) -> Result<Answer, String> {
    let (version, args) = version(call);
    let Some(name) = args.first() else {
        return Err(format!("Missing {} identifier.", kind.name()));
    };
    find(call, kind, Some(name))?.clear(version);
    Ok(Answer::Written)
}

fn prepare(call: &mut Call<'_>, kind: Kind) -> Result<Answer, String> {
    let list = find(call, kind, call.args.first())?;
    let version = list.prepare();
    Ok(Answer::Information(format!(
        "New version created: {version}\n"
    )))
}

fn commit(call: &mut Call<'_>, kind: Kind) -> Result<Answer, String> {
    let (Some(version), args) = version(call) else {
        return Err("Missing version number.".to_owned());
    };
    let list = find(call, kind, args.first())?;
    match list.commit(version) {
        true => Ok(Answer::Written),
        false => Err("Version number out of range.".to_owned()),
    }
}
