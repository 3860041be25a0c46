//! Lists of groups for the exchange of keys: `curves` and `ecdhe`.

use rustls::NamedGroup;

use super::{Listed, Nonsense};
use crate::names::GROUPS;

/// `curves`: what of it can be used.
///
/// # Errors
/// When a name is none.
pub fn groups(text: &str) -> Result<Listed<NamedGroup>, Nonsense> {
    let mut listed = Listed::default();
    for word in text.split([':', '/']).filter(|word| !word.is_empty()) {
        // Groups that may be missing, and those whose share is sent at once (OpenSSL 3.5).
        let optional = word.contains('?');
        let name = word.trim_start_matches(['?', '*']);
        if let Some(name) = name.strip_prefix('-') {
            let removed = find(name);
            listed.usable.retain(|group| Some(*group) != removed);
            continue;
        }
        if name.eq_ignore_ascii_case("DEFAULT") || name.eq_ignore_ascii_case("auto") {
            listed.usable.extend(GROUPS.iter().map(|(group, _)| *group));
            continue;
        }
        match find(name) {
            Some(group) => listed.usable.push(group),
            None if is_known(name) => listed.left_out.push(name.to_owned()),
            None if optional => {}
            None => return Err(Nonsense),
        }
    }
    match listed.usable.is_empty() && listed.left_out.is_empty() {
        true => Err(Nonsense),
        false => Ok(listed),
    }
}

fn find(name: &str) -> Option<NamedGroup> {
    let known = GROUPS
        .iter()
        .find(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)));
    known.map(|(group, _)| *group)
}

/// Whether OpenSSL knows a group that rustls has not.
fn is_known(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    UNBUILT.contains(&name.as_str())
        || [
            "brainpool",
            "ffdhe",
            "sect",
            "secp",
            "prime",
            "mlkem",
            "gost",
        ]
        .iter()
        .any(|start| {
            name.strip_prefix(start)
                .is_some_and(|rest| rest.starts_with(|byte: char| byte.is_ascii_alphanumeric()))
        })
}

const UNBUILT: &[&str] = &[
    "x448",
    "p-192",
    "p-224",
    "b-163",
    "b-283",
    "k-283",
    "secp384r1mlkem1024",
    "sm2",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_groups() {
        let listed = groups("X25519:P-256:X448:secp384r1").expect("a list");
        assert_eq!(
            listed.usable,
            [
                NamedGroup::X25519,
                NamedGroup::secp256r1,
                NamedGroup::secp384r1
            ]
        );
        assert_eq!(listed.left_out, ["X448"]);
        assert_eq!(groups("NONSENSE"), Err(Nonsense));
        assert_eq!(
            groups("?NONSENSE:?X25519").map(|listed| listed.usable.len()),
            Ok(1)
        );
    }
}
