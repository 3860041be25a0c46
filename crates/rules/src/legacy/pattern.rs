//! Extended regular expressions of POSIX, as 1.5 took them, for the engine of today.
//!
//! They differ within brackets, where POSIX knows no escape, no nested bracket and no operators. A backslash before what
//! escapes there in PCRE, which most builds of 1.5 used, is read so, unless that leaves the bracket open.

use hapax_sample::matcher::Regex;

/// Compiles an expression; it runs in linear time.
pub(crate) fn compile(pattern: &[u8], ignore_case: bool) -> Result<Regex, String> {
    Regex::new(&translated(pattern, true), ignore_case)
        .or_else(|_| Regex::new(&translated(pattern, false), ignore_case))
        .or_else(|_| Regex::new(pattern, ignore_case))
}

/// Runs of letters, digits and hyphens, which may be header names.
pub(crate) fn names(pattern: &[u8]) -> Vec<Vec<u8>> {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let runs = pattern.split(|byte| !part(byte));
    runs.filter(|run| run.len() > 1)
        .map(<[u8]>::to_vec)
        .collect()
}

fn translated(pattern: &[u8], escapes: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        out.push(byte);
        match byte {
            b'\\' => {
                if let Some((&escaped, after)) = rest.split_first() {
                    out.push(escaped);
                    rest = after;
                }
            }
            b'[' => rest = bracket(rest, escapes, &mut out),
            _ => {}
        }
    }
    out
}

/// What stands behind `[`, with the closing bracket; what is left.
fn bracket<'p>(mut rest: &'p [u8], escapes: bool, out: &mut Vec<u8>) -> &'p [u8] {
    if let Some(after) = rest.strip_prefix(b"^") {
        out.push(b'^');
        rest = after;
    }
    let mut first = true;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b']' if !first => {
                out.push(b']');
                return rest;
            }
            b'[' if rest.first() == Some(&b':') => {
                let end = rest
                    .windows(2)
                    .position(|two| two == b":]")
                    .map_or(0, |at| at + 2);
                out.push(b'[');
                out.extend_from_slice(rest.get(..end).unwrap_or_default());
                rest = rest.get(end..).unwrap_or_default();
            }
            b'\\' if escapes && !rest.is_empty() => {
                out.push(b'\\');
                if let Some((&escaped, after)) = rest.split_first() {
                    out.push(escaped);
                    rest = after;
                }
            }
            b']' | b'[' | b'&' | b'~' | b'\\' => out.extend([b'\\', byte]),
            b'-' if first || rest.first() == Some(&b']') => out.extend(b"\\-"),
            _ => out.push(byte),
        }
        first = false;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_mean_what_they_did() {
        for (pattern, text, expected) in [
            (r"^[^ :]* /", "GET /", true),
            (r"^[]x[]+$", "]x[", true),
            (r"^[^]]+$", "a]", false),
            (r"^[a&&b]+$", "&", true),
            (r"^[/\]+$", r"/\", true),
            (r"^[\w\.-]+$", "a.b-c", true),
            (r"^[[:digit:]x]+$", "1x", true),
            (r"^[-a~~]+$", "-~", true),
            (r"^a\[b", "a[b", true),
            (r"\ x\/y\:", " x/y:", true),
        ] {
            let regex = compile(pattern.as_bytes(), false).expect(pattern);
            assert_eq!(
                regex.is_match(text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
        assert!(compile(b"(a", false).is_err());
    }
}
