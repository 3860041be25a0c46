//! Users and groups that name each other.

use hapax_core::diagnostic::{Diagnostic, Prefix, Severity};
use hapax_core::ir;

use super::Check;

/// Adds to each user the groups that name it; names must exist.
pub(super) fn complete(config: &mut ir::Config, check: &mut Check<'_>) {
    for list in &mut config.user_lists {
        let mut faults = Vec::new();
        let lossy = String::from_utf8_lossy;
        for user in &list.users {
            for name in &user.groups {
                if !list.groups.iter().any(|group| group.name == *name) {
                    faults.push(format!(
                        "no such group '{}' specified in user '{}'",
                        lossy(name),
                        lossy(&user.name)
                    ));
                }
            }
        }
        for group in &list.groups {
            for name in &group.users {
                let user = list.users.iter_mut().find(|user| user.name == *name);
                match user {
                    Some(user) if user.groups.contains(&group.name) => {}
                    Some(user) => user.groups.push(group.name.clone()),
                    None => faults.push(format!(
                        "no such user '{}' specified in group '{}'",
                        lossy(name),
                        lossy(&group.name)
                    )),
                }
            }
        }
        for fault in faults {
            let text = format!("userlist '{}': {fault}", list.name);
            check
                .diagnostics
                .push(Diagnostic::whole(Severity::Alert, None, text).with_prefix(Prefix::Bare));
        }
    }
}
