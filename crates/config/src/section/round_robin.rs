//! The algorithm of a backend that names none, or that cannot use the one it names.

use hapax_core::contract::{Algorithm, Shared};
use hapax_core::diagnostic::Diagnostics;
use hapax_core::ir;
use hapax_core::keyword::{Line, Negation, Registry, Scope, Sections};
use hapax_core::span::{Span, Word};

/// `balance roundrobin`; none when the registry has no such row.
pub(crate) fn round_robin(registry: &Registry) -> Option<Shared<dyn Algorithm>> {
    let word = |text: &str| Word {
        text: text.as_bytes().to_vec(),
        span: Span::default(),
    };
    let words = [word("balance"), word("roundrobin")];
    let row = registry.balances.find("roundrobin")?;
    let parsed = (row.0.parse)(&mut Line {
        words: &words,
        name_words: 1,
        negation: Negation::None,
        span: Span::default(),
        section: Sections::BACKEND,
        config: &mut ir::Config::default(),
        proxy: None,
        scope: &mut Scope::default(),
        registry,
        diagnostics: &mut Diagnostics::default(),
    });
    parsed.ok().map(Shared)
}
