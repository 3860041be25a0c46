//! A whole configuration of any bytes, against all keywords: no panic, findings instead.
#![no_main]

use std::sync::LazyLock;

use hapax_config::condition::Capabilities;
use hapax_core::keyword::Registry;
use hapax_core::span::{Source, Sources};
use libfuzzer_sys::{Corpus, fuzz_target};

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let rooms = [
        hapax_config::TABLES,
        hapax_balance::TABLES,
        hapax_sample::TABLES,
        hapax_rules::TABLES,
    ];
    Registry::new(rooms.into_iter().flatten())
});

fuzz_target!(|text: &[u8]| -> Corpus {
    // Names would be asked for, and files opened, that the fuzzer makes up.
    if OUTSIDE.iter().any(|word| memmem(text, word)) {
        return Corpus::Reject;
    }
    let mut sources = Sources::default();
    sources.add(Source::new("x.cfg", text));
    let environment = |name: &[u8]| name.starts_with(b"A").then(|| b" a  b ".to_vec());
    let capabilities = Capabilities::default();
    let (_, diagnostics) = hapax_config::load(&sources, &REGISTRY, &capabilities, &environment);
    for finding in diagnostics.iter() {
        let _ = (finding.line(&sources, 1), finding.picture(&sources));
    }
    Corpus::Keep
});

fn memmem(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

static OUTSIDE: &[&[u8]] = &[b"file", b"/dev/", b"/proc/", b"-f"];
