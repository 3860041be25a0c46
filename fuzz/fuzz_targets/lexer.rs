//! The line reader and the conditions on any bytes: no panic, bounded output.
#![no_main]

use hapax_config::condition::{Capabilities, evaluate};
use hapax_config::lexer::{MAX_WORDS, Place, words, words_without_quotes};
use hapax_config::value::{Unit, address, size, time};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let place = Place {
        file: hapax_core::span::FileId(0),
        path: "x.cfg",
        line: 1,
        section: b"s",
    };
    let environment = |name: &[u8]| name.starts_with(b"A").then(|| b" a  b ".to_vec());
    let _ = words_without_quotes(text, &place);
    match words(text, &place, &environment) {
        Ok(line) => {
            assert!(line.words.len() <= MAX_WORDS);
            let _ = line.empty_warning(text, &place);
            for word in &line.words {
                let _ = evaluate(&word.text, &Capabilities::default(), &environment);
                let _ = address::address(&word.text, address::Accept::BIND);
                let _ = address::address(&word.text, address::Accept::SERVER);
                let _ = (time(&word.text, Unit::Millisecond), size(&word.text));
            }
        }
        Err(error) => drop(error.diagnostic(text, &place)),
    }
});
