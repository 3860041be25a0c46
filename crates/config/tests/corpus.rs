//! Replays the corpora of the fuzz targets `lexer` and `configuration`.

use hapax_config::condition::{Capabilities, evaluate};
use hapax_config::lexer::{MAX_WORDS, Place, words, words_without_quotes};
use hapax_config::value::{Unit, address, size, time};
use hapax_core::keyword::Registry;
use hapax_core::span::{FileId, Source, Sources};

#[test]
fn no_seed_panics_and_words_are_bounded() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/lexer");
    let place = Place {
        file: FileId(0),
        path: "x.cfg",
        line: 1,
        section: b"s",
    };
    let environment = |name: &[u8]| name.starts_with(b"A").then(|| b" a  b ".to_vec());
    let (mut read, mut refused) = (0, 0);
    for entry in std::fs::read_dir(folder).expect("the corpus is part of the repository") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read(&path).expect("a seed");
        let _ = words_without_quotes(&text, &place);
        match words(&text, &place, &environment) {
            Ok(line) => {
                read += 1;
                assert!(line.words.len() <= MAX_WORDS, "{path:?}");
                for word in &line.words {
                    let _ = evaluate(&word.text, &Capabilities::default(), &environment);
                    let _ = address::address(&word.text, address::Accept::BIND);
                    let _ = address::address(&word.text, address::Accept::SERVER);
                    let _ = (time(&word.text, Unit::Millisecond), size(&word.text));
                }
            }
            Err(error) => {
                refused += 1;
                let shown = error.diagnostic(&text, &place).message;
                assert!(shown.len() < 400, "{path:?}");
            }
        }
    }
    assert!(read >= 5 && refused >= 4, "{read} read, {refused} refused");
}

#[test]
fn no_configuration_panics_and_every_finding_can_be_shown() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fuzz/corpus/configuration"
    );
    let rooms = [
        hapax_config::TABLES,
        hapax_balance::TABLES,
        hapax_sample::TABLES,
        hapax_rules::TABLES,
    ];
    let registry = Registry::new(rooms.into_iter().flatten());
    let environment = |name: &[u8]| name.starts_with(b"A").then(|| b" a  b ".to_vec());
    let (mut lines, mut findings) = (0, 0);
    for entry in std::fs::read_dir(folder).expect("the corpus is part of the repository") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read(&path).expect("a seed");
        lines += text.split(|byte| *byte == b'\n').count();
        let mut sources = Sources::default();
        sources.add(Source::new("x.cfg", text));
        let capabilities = Capabilities::default();
        let (_, found) = hapax_config::load(&sources, &registry, &capabilities, &environment);
        for finding in found.iter() {
            findings += 1;
            assert!(!finding.line(&sources, 1).is_empty());
            let _ = finding.picture(&sources);
        }
    }
    assert!(
        lines > 40 && findings > 10,
        "{lines} lines, {findings} findings"
    );
}
