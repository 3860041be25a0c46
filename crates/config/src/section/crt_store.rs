//! `crt-store [NAME]`.

use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir::CertificateStore;
use hapax_core::span::Word;

use super::Open;
use crate::parser::Parser;

/// A `crt-store` line.
pub(super) fn open(parser: &mut Parser<'_>, words: &[Word]) -> Open {
    if let Some(more) = words.get(2) {
        let text = "'crt-store' section only supports a <name> argument.";
        parser.diagnostics.push(Diagnostic::alert(more.span, text));
        return Open::Refused("crt-store".to_owned());
    }
    let name = words.get(1).map(|word| word.lossy().into_owned());
    let name = name.unwrap_or_default();
    parser.config.global.tls.store = CertificateStore {
        name: name.clone(),
        ..CertificateStore::default()
    };
    Open::CrtStore(name, Box::default())
}
