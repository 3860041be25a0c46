//! Maps: `map`, `map_beg`, ... with their outputs (configuration manual 7.3.1).

use std::sync::Arc;

use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Compiled};
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::pattern::{List, Names, View};
use hapax_core::sample::{Sample, Value};
use hashbrown::HashMap;
use parking_lot::RwLock;

use super::{converters, expand, string};
use crate::matcher::{Expressions, METHODS};
use crate::pattern;
use crate::regex::Regex;

const STR: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Map, ArgKind::Str],
    required: 1,
};
const INT: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Map, ArgKind::Int],
    required: 1,
};
const KEY: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Map],
    required: 1,
};

converters! {
    "map", STR, Some(|args| open(args, "str", "str")), Str => Str, "Looks the value up in a map (str) and gives the text found." => |cx, args, sample| look_up(cx, args, sample, Output::Str);
    "map_str", STR, Some(|args| open(args, "str", "str")), Str => Str, "Looks the value up in a map (str) and gives the text found." => |cx, args, sample| look_up(cx, args, sample, Output::Str);
    "map_str_int", INT, Some(|args| open(args, "str", "int")), Str => Int, "Looks the value up in a map (str) and gives the integer found." => |cx, args, sample| look_up(cx, args, sample, Output::Int);
    "map_str_ip", STR, Some(|args| open(args, "str", "ip")), Str => Addr, "Looks the value up in a map (str) and gives the address found." => |cx, args, sample| look_up(cx, args, sample, Output::Ip);
    "map_str_key", KEY, Some(|args| open(args, "str", "str")), Str => Str, "Looks the value up in a map (str) and gives the key found." => |cx, args, sample| look_up(cx, args, sample, Output::Key);
    "map_beg", STR, Some(|args| open(args, "beg", "str")), Str => Str, "Looks the value up in a map (beg) and gives the text found." => |cx, args, sample| look_up(cx, args, sample, Output::Str);
    "map_beg_int", INT, Some(|args| open(args, "beg", "int")), Str => Int, "Looks the value up in a map (beg) and gives the integer found." => |cx, args, sample| look_up(cx, args, sample, Output::Int);
    "map_beg_ip", STR, Some(|args| open(args, "beg", "ip")), Str => Addr, "Looks the value up in a map (beg) and gives the address found." => |cx, args, sample| look_up(cx, args, sample, Output::Ip);
    "map_beg_key", KEY, Some(|args| open(args, "beg", "str")), Str => Str, "Looks the value up in a map (beg) and gives the key found." => |cx, args, sample| look_up(cx, args, sample, Output::Key);
    "map_sub", STR, Some(|args| open(args, "sub", "str")), Str => Str, "Looks the value up in a map (sub) and gives the text found." => |cx, args, sample| look_up(cx, args, sample, Output::Str);
    "map_sub_int", INT, Some(|args| open(args, "sub", "int")), Str => Int, "Looks the value up in a map (sub) and gives the integer found." => |cx, args, sample| look_up(cx, args, sample, Output::Int);
    "map_sub_ip", STR, Some(|args| open(args, "sub", "ip")), Str => Addr, "Looks the value up in a map (sub) and gives the address found." => |cx, args, sample| look_up(cx, args, sample, Output::Ip);
    "map_sub_key", KEY, Some(|args| open(args, "sub", "str")), Str => Str, "Looks the value up in a map (sub) and gives the key found." => |cx, args, sample| look_up(cx, args, sample, Output::Key);
    "map_dir", STR, Some(|args| open(args, "dir", "str")), Str => Str, "Looks the value up in a map (dir) and gives the text found." => |cx, args, sample| look_up(cx, args, sample, Output::Str);
    "map_dir_int", INT, Some(|args| open(args, "dir", "int")), Str => Int, "Looks the value up in a map (dir) and gives the integer found." => |cx, args, sample| look_up(cx, args, sample, Output::Int);
    "map_dir_ip", STR, Some(|args| open(args, "dir", "ip")), Str => Addr, "Looks the value up in a map (dir) and gives the address found." => |cx, args, sample| look_up(cx, args, sample, Output::Ip);
    "map_dir_key", KEY, Some(|args| open(args, "dir", "str")), Str => Str, "Looks the value up in a map (dir) and gives the key found." => |cx, args, sample| look_up(cx, args, sample, Output::Key);
    "map_dom", STR, Some(|args| open(args, "dom", "str")), Str => Str, "Looks the value up in a map (dom) and gives the text found." => |cx, args, sample| look_up(cx, args, sample, Output::Str);
    "map_dom_int", INT, Some(|args| open(args, "dom", "int")), Str => Int, "Looks the value up in a map (dom) and gives the integer found." => |cx, args, sample| look_up(cx, args, sample, Output::Int);
    "map_dom_ip", STR, Some(|args| open(args, "dom", "ip")), Str => Addr, "Looks the value up in a map (dom) and gives the address found." => |cx, args, sample| look_up(cx, args, sample, Output::Ip);
    "map_dom_key", KEY, Some(|args| open(args, "dom", "str")), Str => Str, "Looks the value up in a map (dom) and gives the key found." => |cx, args, sample| look_up(cx, args, sample, Output::Key);
    "map_end", STR, Some(|args| open(args, "end", "str")), Str => Str, "Looks the value up in a map (end) and gives the text found." => |cx, args, sample| look_up(cx, args, sample, Output::Str);
    "map_end_int", INT, Some(|args| open(args, "end", "int")), Str => Int, "Looks the value up in a map (end) and gives the integer found." => |cx, args, sample| look_up(cx, args, sample, Output::Int);
    "map_end_ip", STR, Some(|args| open(args, "end", "ip")), Str => Addr, "Looks the value up in a map (end) and gives the address found." => |cx, args, sample| look_up(cx, args, sample, Output::Ip);
    "map_end_key", KEY, Some(|args| open(args, "end", "str")), Str => Str, "Looks the value up in a map (end) and gives the key found." => |cx, args, sample| look_up(cx, args, sample, Output::Key);
    "map_reg", STR, Some(|args| open(args, "reg", "str")), Str => Str, "Looks the value up in a map (reg) and gives the text found." => |cx, args, sample| look_up(cx, args, sample, Output::Str);
    "map_reg_int", INT, Some(|args| open(args, "reg", "int")), Str => Int, "Looks the value up in a map (reg) and gives the integer found." => |cx, args, sample| look_up(cx, args, sample, Output::Int);
    "map_reg_ip", STR, Some(|args| open(args, "reg", "ip")), Str => Addr, "Looks the value up in a map (reg) and gives the address found." => |cx, args, sample| look_up(cx, args, sample, Output::Ip);
    "map_reg_key", KEY, Some(|args| open(args, "reg", "str")), Str => Str, "Looks the value up in a map (reg) and gives the key found." => |cx, args, sample| look_up(cx, args, sample, Output::Key);
    "map_int", STR, Some(|args| open(args, "int", "str")), Int => Str, "Looks the value up in a map (int) and gives the text found." => |cx, args, sample| look_up(cx, args, sample, Output::Str);
    "map_int_int", INT, Some(|args| open(args, "int", "int")), Int => Int, "Looks the value up in a map (int) and gives the integer found." => |cx, args, sample| look_up(cx, args, sample, Output::Int);
    "map_int_ip", STR, Some(|args| open(args, "int", "ip")), Int => Addr, "Looks the value up in a map (int) and gives the address found." => |cx, args, sample| look_up(cx, args, sample, Output::Ip);
    "map_int_key", KEY, Some(|args| open(args, "int", "str")), Int => Str, "Looks the value up in a map (int) and gives the key found." => |cx, args, sample| look_up(cx, args, sample, Output::Key);
    "map_ip", STR, Some(|args| open(args, "ip", "str")), Addr => Str, "Looks the value up in a map (ip) and gives the text found." => |cx, args, sample| look_up(cx, args, sample, Output::Str);
    "map_ip_int", INT, Some(|args| open(args, "ip", "int")), Addr => Int, "Looks the value up in a map (ip) and gives the integer found." => |cx, args, sample| look_up(cx, args, sample, Output::Int);
    "map_ip_ip", STR, Some(|args| open(args, "ip", "ip")), Addr => Addr, "Looks the value up in a map (ip) and gives the address found." => |cx, args, sample| look_up(cx, args, sample, Output::Ip);
    "map_ip_key", KEY, Some(|args| open(args, "ip", "str")), Addr => Str, "Looks the value up in a map (ip) and gives the key found." => |cx, args, sample| look_up(cx, args, sample, Output::Key);
    "map_regm", STR, Some(|args| open(args, "regm", "str")), Str => Str, "Looks the value up in a map (reg) and gives the text found, groups put in." => replace;
}

/// What a look-up gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Str,
    Int,
    Ip,
    Key,
}

/// A map as a converter uses it.
#[derive(Debug)]
struct Map {
    list: Arc<List>,
    view: usize,
    /// Compiled keys, for groups.
    expressions: RwLock<HashMap<Vec<u8>, Regex>>,
}

/// Expressions that are kept compiled.
const MOST_EXPRESSIONS: usize = 4096;

/// Puts a view of the list in its place, and reads the default.
fn open(args: &mut [Arg], method: &'static str, output: &'static str) -> Result<(), String> {
    let Some(Arg::Compiled(compiled)) = args.first() else {
        return Err("no map".to_owned());
    };
    let Ok(list) = compiled.value.clone().downcast::<List>() else {
        return Err("no map".to_owned());
    };
    let name = if method == "regm" { "reg" } else { method };
    let row = METHODS.iter().find(|row| row.name == name);
    let row = row.ok_or_else(|| format!("unknown matching method '{name}'"))?;
    let view = View {
        method,
        ignore_case: false,
        output: Some(output),
    };
    let check = |value: &[u8]| pattern::check_value(&view, value);
    let at = list
        .view(
            view,
            || match method {
                "regm" => Box::new(Expressions::with_groups()),
                _ => (row.index)(false),
            },
            Names::Refuse,
            check,
        )
        .map_err(|error| pattern::at_line(&compiled.text, error))?;
    let compiled = Compiled {
        text: compiled.text.clone(),
        value: Arc::new(Map {
            list,
            view: at,
            expressions: RwLock::default(),
        }),
    };
    if let (Some(Arg::Str(text)), "ip") = (args.get(1), output)
        && pattern::address(text).is_none()
    {
        let text = String::from_utf8_lossy(text);
        return Err(format!("map: cannot parse default ip <{text}>."));
    }
    if let Some(arg) = args.first_mut() {
        *arg = Arg::Compiled(compiled);
    }
    Ok(())
}

fn map(args: &[Arg]) -> Option<&Map> {
    match args.first() {
        Some(Arg::Compiled(compiled)) => compiled.value.downcast_ref(),
        _ => None,
    }
}

fn look_up<'a>(
    cx: &Cx<'a>,
    args: &'a [Arg],
    sample: Sample<'a>,
    output: Output,
) -> Option<Sample<'a>> {
    let map = map(args)?;
    let found = map.list.find(map.view, &sample.value, |found| {
        let value = found.value.unwrap_or_default();
        match output {
            Output::Str => Some(Value::Str(cx.arena.alloc_slice_copy(value))),
            Output::Key => Some(Value::Str(cx.arena.alloc_slice_copy(found.key))),
            Output::Int => pattern::number(value).map(Value::Int),
            Output::Ip => pattern::address(value),
        }
    });
    match found.flatten() {
        Some(value) => Some(value.into()),
        None => default(args.get(1)?, output),
    }
}

fn default(arg: &Arg, output: Output) -> Option<Sample<'_>> {
    match (arg, output) {
        (Arg::Str(text), Output::Ip) => pattern::address(text).map(Sample::from),
        (Arg::Str(text), _) => string(text),
        (Arg::Int(number), _) => Some(Value::Int(*number).into()),
        _ => None,
    }
}

/// `map_regm`: the groups of the expression go into the value.
fn replace<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let map = map(args)?;
    let found = map.list.find(map.view, &sample.value, |found| {
        let key: &[u8] = cx.arena.alloc_slice_copy(found.key);
        let value: &[u8] = cx.arena.alloc_slice_copy(found.value.unwrap_or_default());
        (key, value)
    });
    let Some((key, value)) = found else {
        return default(args.get(1)?, Output::Str);
    };
    let regex = expression(map, key)?;
    let captures = regex.captures(sample.value.bytes()?)?;
    let mut text = Vec::new();
    expand(value, &captures, &mut text);
    string(cx.arena.alloc_slice_copy(&text))
}

fn expression(map: &Map, key: &[u8]) -> Option<Regex> {
    if let Some(regex) = map.expressions.read().get(key) {
        return Some(regex.clone());
    }
    let regex = Regex::new(key, false).ok()?;
    let mut known = map.expressions.write();
    if known.len() >= MOST_EXPRESSIONS {
        known.clear();
    }
    known.insert(key.to_vec(), regex.clone());
    Some(regex)
}
