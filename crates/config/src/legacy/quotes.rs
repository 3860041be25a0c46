//! Quotes had no meaning before HAProxy 1.6: where a line with an unmatched one is still taken as it was then.
//!
//! A quote that somebody forgot to close must not pass for one of those. So the old reading holds in two places only:
//! - lines of directives that went away with 2.1, whose texts and regular expressions date from then;
//! - texts of other keywords in which every quote is an apostrophe between two letters or digits (`stats realm L'broker`).

use hapax_core::span::Word;

/// Whether `words`, a line read without quotes, may mean what it says.
pub(crate) fn are_ordinary(words: &[Word]) -> bool {
    let [first, rest @ ..] = words else {
        return false;
    };
    let begins = |with: &[u8]| first.text.starts_with(with);
    if begins(b"req") || begins(b"rsp") || *first == "block" {
        return true;
    }
    let takes_text = TEXTS.iter().any(|name| {
        let mut words = words.iter();
        name.split(' ')
            .all(|part| words.next().is_some_and(|word| *word == part))
    });
    takes_text && rest.iter().all(|word| only_apostrophes(&word.text))
}

/// The line as it is written today: with a backslash before each quote.
pub(crate) fn escaped(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let plain = text.trim().split_inclusive(['\'', '"']);
    let with_backslash = plain.map(|piece| match piece.char_indices().last() {
        Some((at, quote @ ('\'' | '"'))) => {
            format!("{}\\{quote}", piece.get(..at).unwrap_or_default())
        }
        _ => piece.to_owned(),
    });
    with_backslash.collect()
}

/// Whether each quote in `text` stands between two letters or digits and is a single one.
fn only_apostrophes(text: &[u8]) -> bool {
    let inside = |at: usize| {
        let around = [at.checked_sub(1), at.checked_add(1)];
        let letter = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(is_letter);
        text.get(at) == Some(&b'\'') && around.into_iter().all(letter)
    };
    let quotes = text.iter().enumerate().filter(|(_, byte)| is_quote(byte));
    quotes.map(|(at, _)| at).all(inside)
}

fn is_quote(byte: &u8) -> bool {
    matches!(byte, b'\'' | b'"')
}

/// A letter or digit; bytes above ASCII are letters of some language.
fn is_letter(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// Keywords of 1.5 with a text in which an apostrophe makes sense.
static TEXTS: &[&str] = &[
    "acl",
    "capture",
    "description",
    "errorloc",
    "errorloc302",
    "errorloc303",
    "http-check",
    "http-request",
    "http-response",
    "log-format",
    "monitor-uri",
    "option httpchk",
    "redirect",
    "stats auth",
    "stats realm",
    "stats show-desc",
    "stats uri",
    "tcp-request",
    "tcp-response",
    "use_backend",
    "user",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::{Place, words_without_quotes};
    use hapax_core::span::FileId;

    #[test]
    fn an_apostrophe_in_a_text_is_one_and_a_quote_that_was_left_open_is_not() {
        for (line, expected) in [
            ("stats realm L'broker", true),
            ("errorloc 503 http://x/it's/over", true),
            ("acl don't path_beg /x", true),
            ("http-request deny if { path /o'hara/l'eau }", true),
            ("reqrep ^([^\"]*) \\1", true),
            ("rspadd X-Note:\\ 'quoted", true),
            ("stats realm 'broker", false),
            ("stats realm broker'", false),
            ("stats realm \"My realm", false),
            ("stats realm L\"broker", false),
            ("acl a path_beg '/x", false),
            ("http-request set-header x \"a b", false),
            ("http-request set-header \"a b\" it's", false),
            ("bind :80 name it's", false),
            ("server it's 127.0.0.1:1", false),
            ("timeout client 1's", false),
            ("'", false),
        ] {
            let place = Place {
                file: FileId(0),
                path: "x.cfg",
                line: 1,
                section: b"",
            };
            let read = words_without_quotes(line.as_bytes(), &place).expect("words");
            assert_eq!(are_ordinary(&read.words), expected, "{line}");
        }
    }
}
