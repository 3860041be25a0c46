//! Whom the process becomes.

use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::{at_most, needed, row};
use crate::value::{leading_integer, whole_integer};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "user",
        Sections::GLOBAL,
        "<name>",
        "User to become.",
        |line| {
            at_most(line, 1)?;
            let name = line.arg(0).unwrap_or_default();
            let text = format!("cannot find user id for '{name}' (0:Success)");
            let uid = user_id(&name).ok_or_else(|| line.fault_at(0, text))?;
            set_uid(line, uid)
        },
    ),
    row(
        "uid",
        Sections::GLOBAL,
        "<number>",
        "User to become, as a number.",
        |line| {
            let uid = number(line, "uid", "user")?;
            set_uid(line, uid)
        },
    ),
    row(
        "group",
        Sections::GLOBAL,
        "<name>",
        "Group to become.",
        |line| {
            at_most(line, 1)?;
            let name = line.arg(0).unwrap_or_default();
            let text = format!("cannot find group id for '{name}' (0:Success)");
            let gid = group_id(&name).ok_or_else(|| line.fault_at(0, text))?;
            set_gid(line, gid)
        },
    ),
    row(
        "gid",
        Sections::GLOBAL,
        "<number>",
        "Group to become, as a number.",
        |line| {
            let gid = number(line, "gid", "group")?;
            set_gid(line, gid)
        },
    ),
];

/// The number of a user of this machine.
pub(crate) fn user_id(name: &str) -> Option<u32> {
    let user = nix::unistd::User::from_name(name).ok()??;
    Some(user.uid.as_raw())
}

/// The number of a group of this machine.
pub(crate) fn group_id(name: &str) -> Option<u32> {
    let group = nix::unistd::Group::from_name(name).ok()??;
    Some(group.gid.as_raw())
}

fn number(line: &mut Line<'_>, keyword: &str, other: &str) -> Result<u32, Fault> {
    let word = needed(
        line,
        0,
        &format!("'{keyword}' expects an integer argument."),
    )?;
    at_most(line, 1)?;
    let number = whole_integer(&word.text);
    if number.is_none() {
        let text = word.lossy();
        line.warn(format!(
            " {keyword}: string '{text}' is not a number.\n   | You might want to use the '{other}' parameter to use a system \
             {other} name."
        ));
    }
    let number = leading_integer(&word.text);
    u32::try_from(number).map_err(|_| line.fault_at(0, format!("'{keyword}' is out of range.")))
}

fn set_uid(line: &mut Line<'_>, uid: u32) -> Result<(), Fault> {
    if line.config.global.uid.is_some_and(|other| other != uid) {
        line.warn("user/uid already specified. Continuing.");
        return Ok(());
    }
    line.config.global.uid = Some(uid);
    Ok(())
}

fn set_gid(line: &mut Line<'_>, gid: u32) -> Result<(), Fault> {
    if line.config.global.gid.is_some_and(|other| other != gid) {
        line.warn("group/gid already specified. Continuing.");
        return Ok(());
    }
    line.config.global.gid = Some(gid);
    Ok(())
}
