//! Values that stand in the configuration (configuration manual 7.3.2).

use hapax_core::ir::{Arg, Compiled};
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::{Sample, Value};

use super::{boolean, fetches};

const STRING: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 1,
};

fetches! {
    "always_false", ArgSpec::NONE, None, Bool, Needs::NOTHING, "False." => |_, _, _| boolean(false);
    "always_true", ArgSpec::NONE, None, Bool, Needs::NOTHING, "True." => |_, _, _| boolean(true);
    "bool", STRING, Some(check_bool), Bool, Needs::NOTHING, "The boolean given." => |_, args, _| match args.first()? {
        Arg::Int(value) => boolean(*value != 0),
        _ => None,
    };
    "int", ArgSpec { kinds: &[ArgKind::Int], required: 1 }, None, Int, Needs::NOTHING, "The integer given." => |_, args, _| match args.first()? {
        Arg::Int(value) => super::int(*value),
        _ => None,
    };
    "str", STRING, None, Str, Needs::NOTHING, "The text given." => |_, args, _| super::string(given(args)?);
    "meth", STRING, None, Meth, Needs::NOTHING, "The method given." => |_, args, _| Some(Value::Meth(given(args)?).into());
    "bin", STRING, Some(check_bin), Bin, Needs::NOTHING, "The bytes given in hexadecimal." => |_, args, _| Some(Value::Bin(given(args)?).into());
    "ipv4", ArgSpec { kinds: &[ArgKind::Ipv4], required: 1 }, None, Ipv4, Needs::NOTHING, "The IPv4 address given." => |_, args, _| ip(args);
    "ipv6", ArgSpec { kinds: &[ArgKind::Ipv6], required: 1 }, None, Ipv6, Needs::NOTHING, "The IPv6 address given." => |_, args, _| ip(args);
    "env", STRING, Some(check_env), Str, Needs::NOTHING, "The environment variable as it was when the configuration was read." => |_, args, _| match args.first()? {
        Arg::Compiled(variable) => super::string(variable.value.downcast_ref::<Vec<u8>>()?),
        _ => None,
    };
}

fn given(args: &[Arg]) -> Option<&[u8]> {
    match args.first()? {
        Arg::Str(text) => Some(text),
        _ => None,
    }
}

fn ip<'a>(args: &[Arg]) -> Option<Sample<'a>> {
    match args.first()? {
        Arg::Ip(ip) => Some(super::address(*ip)),
        _ => None,
    }
}

fn check_bool(args: &mut [Arg]) -> Result<(), String> {
    let value = match given(args) {
        Some(b"true" | b"1") => 1,
        Some(b"false" | b"0") => 0,
        _ => return Err("Expects 'true', 'false', '0' or '1'".to_owned()),
    };
    args[0] = Arg::Int(value);
    Ok(())
}

fn check_bin(args: &mut [Arg]) -> Result<(), String> {
    let bytes = crate::matcher::decode_hex(given(args).unwrap_or_default())?;
    args[0] = Arg::Str(bytes);
    Ok(())
}

fn check_env(args: &mut [Arg]) -> Result<(), String> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let name = given(args).unwrap_or_default().to_vec();
    let plain = !name.is_empty() && !name.contains(&b'=') && !name.contains(&0);
    let value = plain
        .then(|| std::env::var_os(std::ffi::OsStr::from_bytes(&name)))
        .flatten();
    args[0] = match value {
        Some(value) => Arg::Compiled(Compiled {
            text: String::from_utf8_lossy(&name).into_owned(),
            value: std::sync::Arc::new(value.into_vec()),
        }),
        None => Arg::Absent,
    };
    Ok(())
}
