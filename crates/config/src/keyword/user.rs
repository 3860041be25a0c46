//! The lines of a `userlist` section.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::{Group, Password, User, UserList};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::row;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "group",
        Sections::USER_LIST,
        "<name> [users <user>,<user>,...]",
        "A group and its users.",
        group,
    ),
    row(
        "user",
        Sections::USER_LIST,
        "<name> [password|insecure-password <password>] [groups <group>,<group>,...]",
        "A user, the password as a hash or in clear text, and the groups.",
        user,
    ),
];

fn group(line: &mut Line<'_>) -> Result<(), Fault> {
    let name = name(line, "group")?;
    let list = list(line)?;
    if list.groups.iter().any(|group| group.name == name) {
        ignore_duplicate(line, "group", &name);
        return Ok(());
    }
    let mut users = None;
    let mut options = line.args().iter().skip(1);
    while let Some(option) = options.next() {
        if *option != "users" {
            return Err(reading(line, "'group' only supports 'users' option."));
        }
        if users.is_some() {
            let text = format!(
                "'users' option already defined in 'group' name '{}'.",
                String::from_utf8_lossy(&name)
            );
            return Err(reading(line, text));
        }
        users = Some(
            options
                .next()
                .map(|word| names(&word.text))
                .unwrap_or_default(),
        );
    }
    self::list(line)?.groups.push(Group {
        name,
        users: users.unwrap_or_default(),
    });
    Ok(())
}

fn user(line: &mut Line<'_>) -> Result<(), Fault> {
    let name = name(line, "user")?;
    let list = list(line)?;
    if list.users.iter().any(|user| user.name == name) {
        ignore_duplicate(line, "user", &name);
        return Ok(());
    }
    let mut user = User {
        name,
        password: Password::None,
        groups: Vec::new(),
    };
    let mut options = line.args().iter().skip(1);
    while let Some(option) = options.next() {
        let value = options.next().map(|word| word.text.as_slice());
        match option.text.as_slice() {
            b"password" => user.password = Password::Hashed(value.unwrap_or_default().to_vec()),
            b"insecure-password" => {
                user.password = Password::Plain(value.unwrap_or_default().to_vec());
            }
            b"groups" => user.groups = value.map(names).unwrap_or_default(),
            _ => {
                let text =
                    "'user' only supports 'password', 'insecure-password' and 'groups' options.";
                return Err(reading(line, text));
            }
        }
    }
    self::list(line)?.users.push(user);
    Ok(())
}

fn names(text: &[u8]) -> Vec<Vec<u8>> {
    let names = text.split(|byte| *byte == b',');
    let filled = names.filter(|name| !name.is_empty());
    filled.map(<[u8]>::to_vec).collect()
}

fn name(line: &Line<'_>, keyword: &str) -> Result<Vec<u8>, Fault> {
    let Some(name) = line.args().first() else {
        let text = format!("'{keyword}' expects <name> as arguments.");
        return Err(reading(line, text));
    };
    Ok(name.text.clone())
}

/// The list whose section is open.
fn list<'l>(line: &'l mut Line<'_>) -> Result<&'l mut UserList, Fault> {
    let span = line.span;
    let list = line.config.user_lists.last_mut();
    list.ok_or_else(|| Diagnostic::alert(span, "not in a userlist section").into())
}

fn ignore_duplicate(line: &mut Line<'_>, what: &str, name: &[u8]) {
    let list = line.config.user_lists.last();
    let text = format!(
        "ignoring duplicated {what} '{}' in userlist '{}'.",
        String::from_utf8_lossy(name),
        list.map_or("", |list| list.name.as_str())
    );
    line.diagnostics
        .push(Diagnostic::warning(line.span, text).with_prefix(Prefix::Reading));
}

fn reading(line: &Line<'_>, text: impl Into<String>) -> Fault {
    Diagnostic::alert(line.span, text)
        .with_prefix(Prefix::Reading)
        .into()
}
