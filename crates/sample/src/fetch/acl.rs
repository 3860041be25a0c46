//! ACLs as values (configuration manual 7.3.2).

use std::sync::Arc;

use hapax_core::contract::Cx;
use hapax_core::ir::{Acl, AclId, Arg, Compiled, Expr};
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};

use hashbrown::HashSet;

use super::{boolean, fetches};
use crate::acl;
use crate::condition;
use crate::expression::Origin;

const NAMES: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Acl; 12],
    required: 1,
};

fetches! {
    "acl", NAMES, None, Bool, Needs::NOTHING, "Whether all of the ACLs are true." => |cx, args, _| {
        let mut given = args.iter().filter(|arg| term(arg).is_some());
        boolean(given.all(|arg| holds(arg, cx)))
    };
}

/// Whether the ACL that [`resolve`] put into an argument is true; `false` for what is none.
pub(crate) fn holds<'a>(arg: &'a Arg, cx: &Cx<'a>) -> bool {
    term(arg).is_some_and(|term| {
        let acl = match &term.acl {
            Named::Declared(id) => cx.program.acl(*id),
            Named::Predefined(acl) => acl,
        };
        acl::matches(acl, cx) != term.negated
    })
}

#[derive(Debug)]
struct Term {
    negated: bool,
    acl: Named,
}

#[derive(Debug)]
enum Named {
    Declared(AclId),
    Predefined(Acl),
}

fn term(arg: &Arg) -> Option<&Term> {
    match arg {
        Arg::Compiled(compiled) => compiled.value.downcast_ref(),
        _ => None,
    }
}

/// Whether an expression asks for an ACL, itself or through the ACLs that it asks for.
pub(crate) fn reaches(expr: &Expr, wanted: AclId, acls: &[Acl]) -> bool {
    let mut open = asked(expr);
    let mut seen = HashSet::new();
    while let Some(id) = open.pop() {
        if id == wanted {
            return true;
        }
        let acl = acls.get(id.0 as usize).filter(|_| seen.insert(id.0));
        for test in acl.iter().flat_map(|acl| &acl.tests) {
            open.extend(asked(&test.expr));
        }
    }
    false
}

/// The declared ACLs among the arguments of an expression.
fn asked(expr: &Expr) -> Vec<AclId> {
    let converters = expr.converters.iter().flat_map(|(_, args)| args);
    let terms = expr.args.iter().chain(converters).filter_map(term);
    terms
        .filter_map(|term| match term.acl {
            Named::Declared(id) => Some(id),
            Named::Predefined(_) => None,
        })
        .collect()
}

/// Finds the ACLs by their names.
///
/// # Errors
/// When there is none of that name yet.
pub(crate) fn resolve(args: &mut [Arg], origin: &Origin<'_>) -> Result<(), String> {
    for arg in args {
        let Arg::Str(text) = arg else {
            continue;
        };
        let text = String::from_utf8_lossy(text).into_owned();
        let name = text.strip_prefix('!').unwrap_or(&text);
        let declared = origin.acls.and_then(|acls| acls.get(name));
        let acl = match declared {
            Some(id) => Named::Declared(*id),
            None => match condition::predefined(name, origin).transpose()? {
                Some(acl) => Named::Predefined(acl),
                None => return Err(format!("ACL '{name}' not found")),
            },
        };
        let term = Term {
            negated: name.len() < text.len(),
            acl,
        };
        *arg = Arg::Compiled(Compiled {
            text,
            value: Arc::new(term),
        });
    }
    Ok(())
}
