//! What upstream 3.2 answers to single lines; texts and positions are its own.

use super::*;

const PLACE: Place<'static> = Place {
    file: FileId(0),
    path: "x.cfg",
    line: 1,
    section: b"",
};

fn environment(name: &[u8]) -> Option<Vec<u8>> {
    let value: &[u8] = match name {
        b"HOME" => b"/root",
        b"MULTI" => b"a b  c\td \"e f\" $HOME",
        b"LEAD" => b" a b ",
        b"SP" => b"  ",
        b"EMPTY" => b"",
        _ => return None,
    };
    Some(value.to_vec())
}

fn joined(line: &str) -> String {
    match words(line.as_bytes(), &PLACE, &environment) {
        Ok(line) => {
            let words: Vec<_> = line.words.iter().map(|word| word.lossy()).collect();
            words.join("|")
        }
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn lines_are_cut_as_upstream_cuts_them() {
    for (line, expected) in [
        (r"a\ b", "a b"),
        (r"a\qb", r"a\qb"),
        ("abc\\", "abc\\"),
        (r#""\q\n\'""#, "\\q\n'"),
        ("$HOME", "$HOME"),
        (r#""$HOME" "${HOME}" "$HOME[*]""#, "/root|/root|/root[*]"),
        (
            r#""${HOMEX-def}" "${HOMEX-d e}" "${HOME-x}""#,
            "def|d e|/root",
        ),
        (r#""${HOMEX-"def"}" "${X-a}b}""#, "\"def\"|ab}"),
        (r#""${X-\"}" "${X-$HOME}" "${X-}x""#, "\\\"|$HOME|x"),
        (r#""$HOME-X" "$HOME X""#, "/root-X|/root X"),
        (
            r#""$.LINE" "$.FILE" "x$.SECTION" "$.LINE.FILE""#,
            "1|x.cfg|x|1.FILE",
        ),
        (r##"a#b"##, "a"),
        (r##"a\#b "a#b""##, "a#b|a#b"),
        (r#"\$HOME "\$HOME""#, r"\$HOME|$HOME"),
        ("a'b c'd", "ab cd"),
        (r#""a b"c"#, "a bc"),
        ("a\\\tb", "a\\|b"),
        ("\"a\\\tb\"", "a\\\tb"),
        (r"a\x41", "aA"),
        ("a\rb", "a"),
        ("abc\r", "abc"),
        ("x\u{c}y\u{b}z", "x|y|z"),
        (r#""'" '"'"#, "'|\""),
        (r#""${MULTI[*]}""#, "a|b|c|d|\"e|f\"|$HOME"),
        (r#"x"${MULTI[*]}"y"#, "xa|b|c|d|\"e|f\"|$HOMEy"),
        (r#""${LEAD[*]}""#, "|a|b|"),
        (r#"x"${LEAD[*]}"y"#, "x|a|b|y"),
        (r#"x"${EMPTY[*]}"y"#, "xy"),
        (r#"x "${UNSET[*]}" "${UNSET[*]}" y"#, "x|y"),
        (r#"x "${UNSET[*]}""#, "x|"),
        (r#"x "${SP[*]}" y"#, "x|||y"),
        (r#""${UNSET[*]-a b}" c"#, "a|b|c"),
        (r#"x y"""#, "x|y"),
        ("", ""),
        ("  # x", ""),
    ] {
        assert_eq!(joined(line), expected, "{line}");
    }
}

#[test]
fn broken_lines_get_upstreams_text() {
    for (line, expected) in [
        (
            r"  a\x41\x4 b",
            "truncated or invalid hexadecimal sequence at position 8",
        ),
        (
            r".notice a\x",
            "truncated or invalid hexadecimal sequence at position 10",
        ),
        (r#".notice "abc"#, "unmatched quote at position 9"),
        (r#".notice "abc\"#, "unmatched quote at position 9"),
        (r#".notice abc""#, "unmatched quote at position 12"),
        (r#".if 'a\'b'"#, "unmatched quote at position 10"),
        ("\"a\rb\"", "unmatched quote at position 1"),
        (
            r#".notice "${HOMEX:-def}""#,
            "unmatched brace in environment variable name at position 11",
        ),
        (
            r#".notice "${HOME""#,
            "unmatched brace in environment variable name at position 11",
        ),
        (
            r#".notice "${HOME-x""#,
            "unmatched brace in environment variable name at position 11",
        ),
        (
            r#".notice "${A.B}""#,
            "unmatched brace in environment variable name at position 11",
        ),
        (
            r#".if "${A[*]x}""#,
            "unmatched brace in environment variable name at position 7",
        ),
        (
            r#".notice "$""#,
            "forbidden first char in environment variable name at position 11",
        ),
        (
            r#".notice "${}""#,
            "forbidden first char in environment variable name at position 12",
        ),
        (
            r#".notice "$1""#,
            "forbidden first char in environment variable name at position 11",
        ),
        (
            r#".notice "${.LINE}" "$.FOO""#,
            "forbidden first char in environment variable name at position 22",
        ),
        (
            r#".notice "${MULTI[0]}""#,
            "truncated or invalid word expansion sequence at position 17",
        ),
        (
            r#".notice "${HOME[*}""#,
            "truncated or invalid word expansion sequence at position 16",
        ),
    ] {
        assert_eq!(joined(line), format!("error: {expected}"), "{line}");
    }
}

#[test]
fn the_sixty_fifth_word_is_one_too_many() {
    assert!(!joined(&format!(" foo {}", "a ".repeat(63))).starts_with("error"));
    assert_eq!(
        joined(&format!(" foo {}", "a ".repeat(64))),
        "error: too many words, truncating after word 64, position 129: <a>."
    );
}

#[test]
fn an_empty_word_ends_the_arguments_with_upstreams_warning() {
    for (line, index, position) in [
        (r#".if x "${EMPTY}" y"#, 2, 7),
        (r#"  "" maxconn 3"#, 0, 3),
        (r#".if "a b" """#, 2, 11),
        (r#".if "${HOME}" b """#, 3, 5),
        (r#".if x "$HOME" "" c"#, 3, 7),
        (r"a \x00 b", 1, 3),
    ] {
        let read = words(line.as_bytes(), &PLACE, &environment).expect(line);
        let empty = read.empty.expect(line);
        assert_eq!((empty.index, empty.at + 1), (index, position), "{line}");
        assert_eq!(read.arguments().len(), index);
    }
    let line = br#".if x "" y"#;
    let warning = words(line, &PLACE, &environment)
        .ok()
        .and_then(|read| read.empty_warning(line, &PLACE))
        .expect("a warning");
    assert_eq!(
        warning.message,
        "argument number 2 at position 7 is empty and marks the end of the argument list; all subsequent arguments will be \
         ignored:\n  .if x \"\" y\n        ^"
    );
}

#[test]
fn an_error_prints_as_upstream_does() {
    let mut sources = hapax_core::span::Sources::default();
    sources.add(hapax_core::span::Source::new("x.cfg", b"".as_slice()));
    let line = br#" foo "unmatched"#;
    let error = words(line, &PLACE, &environment).expect_err("unmatched");
    assert_eq!(
        error.diagnostic(line, &PLACE).line(&sources, 7),
        "[ALERT]    (7) : config : parsing [x.cfg:1]: unmatched quote at position 6:\n  foo \"unmatched\n      ^"
    );
}

#[test]
fn words_know_where_they_stood_and_bytes_stay() {
    let read = words(b" foo \"b r\"\\ x \xff\xfe", &PLACE, &environment).expect("words");
    let spans: Vec<_> = read
        .words
        .iter()
        .map(|w| (w.span.start, w.span.end))
        .collect();
    assert_eq!(spans, [(1, 4), (5, 13), (14, 16)]);
    assert_eq!(read.words[2].text, b"\xff\xfe");
}

#[test]
fn before_1_6_quotes_were_ordinary_characters() {
    let read = words_without_quotes(br#"reqdel ^X-"a\ b' "$HOME" # c"#, &PLACE).expect("words");
    let words: Vec<_> = read.words.iter().map(|word| word.lossy()).collect();
    assert_eq!(words, ["reqdel", "^X-\"a b'", "\"$HOME\""]);
}
