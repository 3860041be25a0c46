//! `namespace` of `bind` and `server` lines: the network that sockets are in.

use std::path::Path;

use hapax_core::diagnostic::{Diagnostic, Prefix, Severity};
use hapax_core::keyword::{BindOption, ServerOption, Support, Tables};

pub(crate) const TABLE: Tables = Tables {
    bind_options: BIND,
    server_options: SERVER,
    ..Tables::NONE
};

static BIND: &[BindOption] = &[BindOption {
    name: "namespace",
    usage: "<name>",
    doc: "Listens in this network namespace.",
    support: Support::Runs,
    parse: |cursor, options| {
        let at = cursor.keyword().span;
        let Some(word) = cursor.take() else {
            return Err(cursor.fault(at, "'namespace' : missing namespace id"));
        };
        let name = word.lossy();
        if !exists(&name) {
            let text = format!("Cannot open namespace '{name}'.");
            let finding = Diagnostic::whole(Severity::Alert, Some(word.span), text);
            cursor.diagnostics.push(finding.with_prefix(Prefix::Config));
            let text = "error encountered while processing 'namespace'.";
            return Err(cursor.fault(at, text));
        }
        options.namespace = Some(name.into_owned());
        Ok(())
    },
}];

static SERVER: &[ServerOption] = &[ServerOption {
    name: "namespace",
    usage: "<name>",
    doc: "Connects in this network namespace.",
    in_default_server: true,
    support: Support::Runs,
    parse: |cursor, options| {
        let at = cursor.keyword().span;
        let Some(word) = cursor.take() else {
            return Err(cursor.fault(at, "'namespace' : expects <name> as argument"));
        };
        let name = word.lossy();
        if name == "*" {
            return Err(cursor.fault(word.span, "'namespace *' is not built yet"));
        }
        if !exists(&name) {
            let text = format!("Cannot open namespace '{name}'");
            return Err(cursor.fault(word.span, text));
        }
        options.namespace = Some(name.into());
        Ok(())
    },
}];

/// Whether the system has one of that name.
fn exists(name: &str) -> bool {
    std::fs::File::open(Path::new("/var/run/netns").join(name)).is_ok()
}
