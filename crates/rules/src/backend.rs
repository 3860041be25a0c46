//! `use_backend` and `default_backend` at work: which backend an exchange goes to.

use hapax_core::contract::Tx;
use hapax_core::ir::BackendTarget;
use hapax_core::program::ProxyId;
use hapax_sample::{condition, log_format};

/// The backend for an exchange of its frontend; none when no rule applies and there is no default.
pub fn choose(tx: &mut Tx<'_>) -> Option<ProxyId> {
    let program = tx.program;
    let proxy = program.proxy(tx.session.frontend);
    for (rule, fixed) in proxy.ir.use_backend.iter().zip(&proxy.use_backend) {
        let applies = rule
            .condition
            .as_ref()
            .is_none_or(|condition| condition::holds(condition, &tx.cx()));
        if !applies {
            continue;
        }
        let found = match &rule.target {
            BackendTarget::Name(_) => *fixed,
            BackendTarget::Format(format) => {
                let mut name = std::mem::take(tx.scratch);
                name.clear();
                log_format::render(format, &tx.cx(), &mut name);
                let found = std::str::from_utf8(&name)
                    .ok()
                    .and_then(|name| program.backend(name));
                *tx.scratch = name;
                found
            }
        };
        // A computed name that does not exist ends the search: the default backend takes the exchange.
        if found.is_some() {
            tx.stream.decided_by = Some(rule.span);
            return found;
        }
        break;
    }
    proxy.default_backend
}
