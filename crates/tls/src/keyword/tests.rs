//! Rows by themselves: text -> settings -> what comes of them.

use hapax_core::diagnostic::Diagnostics;
use hapax_core::ir::{BindOptions, Config, GlobalTls, ServerOptions};
use hapax_core::keyword::{OptionCursor, Registry};
use hapax_core::span::{FileId, Span, Word};

use crate::listener::{Listener, Refused};
use crate::provider::Unusable;
use crate::server::{self, Server};
use crate::store::Loaded;

fn words(text: &str) -> Vec<Word> {
    let span = Span {
        file: FileId(0),
        line: 1,
        start: 0,
        end: 0,
    };
    let word = |text: &str| Word {
        text: text.as_bytes().to_vec(),
        span,
    };
    text.split(' ').map(word).collect()
}

fn read(text: &str, mut row: impl FnMut(&str, &mut OptionCursor<'_>)) {
    let words = words(text);
    let registry = Registry::new(crate::TABLES);
    let mut config = Config::default();
    let mut diagnostics = Diagnostics::default();
    let mut cursor = OptionCursor {
        words: &words,
        at: 0,
        prefix: String::new(),
        registry: &registry,
        config: &mut config,
        diagnostics: &mut diagnostics,
    };
    while let Some(word) = cursor.take() {
        row(&word.lossy(), &mut cursor);
    }
}

fn bind(text: &str) -> BindOptions {
    let mut options = BindOptions::default();
    read(text, |name, cursor| {
        let row = cursor.registry.bind_options.find(name).expect("a row");
        let read = (row.0.parse)(cursor, &mut options);
        assert!(read.is_ok(), "{name}");
    });
    options
}

fn server(text: &str) -> ServerOptions {
    let mut options = ServerOptions::default();
    read(text, |name, cursor| {
        let row = cursor.registry.server_options.find(name).expect("a row");
        let read = (row.0.parse)(cursor, &mut options);
        assert!(read.is_ok(), "{name}");
    });
    options
}

// exercises: bind/force-sslv3, bind/force-tlsv10, bind/force-tlsv11
// exercises: server/force-sslv3, server/force-tlsv10, server/force-tlsv11
#[test]
fn versions_that_are_not_built_leave_nothing() {
    for version in ["sslv3", "tlsv10", "tlsv11"] {
        let options = bind(&format!("ssl strict-sni force-{version}"));
        let tls = options.tls.expect("words of TLS");
        let refused = Listener::build(
            &tls,
            ("x", "x:1"),
            &GlobalTls::default(),
            &Loaded::default(),
        )
        .expect_err("nothing is left");
        assert!(matches!(
            refused,
            Refused::Settings(Unusable::NothingBuilt(_))
        ));
        let options = server(&format!("ssl verify none force-{version}"));
        let tls = options.tls.expect("words of TLS");
        let refused = Server::build(&tls, None, &GlobalTls::default(), &Loaded::default())
            .expect_err("nothing is left");
        assert!(matches!(
            refused,
            server::Refused::Settings(Unusable::NothingBuilt(_))
        ));
    }
}

// exercises: server/no-verifyhost
#[test]
fn verifyhost_is_taken_back() {
    let tls = |text| server(text).tls.expect("words of TLS");
    assert_eq!(tls("verifyhost a").verify_host.as_deref(), Some("a"));
    assert_eq!(tls("verifyhost a no-verifyhost").verify_host, None);
}
