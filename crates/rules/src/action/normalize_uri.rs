//! `normalize-uri`: one spelling for targets that mean the same.

use std::sync::Arc;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use hapax_core::contract::{Action, Outcome, Tx};
use hapax_core::diagnostic::Diagnostic;
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};

use super::reading;
use super::target::Part;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "normalize-uri",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "{ fragment-encode | fragment-strip | path-merge-slashes | path-strip-dot | path-strip-dotdot [ full ] | percent-decode-unreserved [ strict ] | percent-to-uppercase [ strict ] | query-sort-by-name }",
    doc: "Rewrites the request target to a normal form.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    if !cursor.line.config.global.expose_experimental {
        let text = "'normalize-uri' action is experimental, must be allowed via a global 'expose-experimental-directives'";
        return Err(Diagnostic::alert(cursor.line.span, text).into());
    }
    let name = reading::expect(cursor, "missing argument <normalizer>")?;
    let normalizer = match name.text.as_slice() {
        b"fragment-encode" => Normalizer::FragmentEncode,
        b"fragment-strip" => Normalizer::FragmentStrip,
        b"path-merge-slashes" => Normalizer::MergeSlashes,
        b"path-strip-dot" => Normalizer::StripDot,
        b"path-strip-dotdot" => Normalizer::StripDotdot {
            full: flag(cursor, "full", "path-strip-dotdot")?,
        },
        b"percent-decode-unreserved" => Normalizer::Decode {
            strict: flag(cursor, "strict", "percent-decode-unreserved")?,
        },
        b"percent-to-uppercase" => Normalizer::Uppercase {
            strict: flag(cursor, "strict", "percent-to-uppercase")?,
        },
        b"query-sort-by-name" => Normalizer::SortQuery,
        _ => {
            let text = format!("unknown normalizer '{}'", name.lossy());
            return Err(reading::fault_at(cursor, name.span, text));
        }
    };
    Ok(Arc::new(NormalizeUri {
        normalizer,
        text: reading::text(cursor),
    }))
}

/// The one flag that a normalizer may have.
fn flag(cursor: &mut ActionCursor<'_, '_>, flag: &str, name: &str) -> Result<bool, Fault> {
    if cursor.at_condition() {
        return Ok(false);
    }
    match cursor.take() {
        Some(word) if *word == flag => Ok(true),
        Some(word) => {
            let text = format!(
                "unknown argument '{}' for '{name}' normalizer",
                word.lossy()
            );
            Err(reading::fault_at(cursor, word.span, text))
        }
        None => Ok(false),
    }
}

#[derive(Debug, Clone, Copy)]
enum Normalizer {
    FragmentEncode,
    FragmentStrip,
    MergeSlashes,
    StripDot,
    StripDotdot { full: bool },
    Decode { strict: bool },
    Uppercase { strict: bool },
    SortQuery,
}

#[derive(Debug)]
struct NormalizeUri {
    normalizer: Normalizer,
    text: String,
}

impl Action for NormalizeUri {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        let (part, find): (Part, fn(u8) -> bool) = match self.normalizer {
            Normalizer::FragmentEncode | Normalizer::FragmentStrip => {
                (Part::PathAndQuery, |byte| byte == b'#')
            }
            Normalizer::Decode { .. } | Normalizer::Uppercase { .. } => {
                (Part::PathAndQuery, |byte| byte == b'%')
            }
            Normalizer::MergeSlashes => (Part::Path, |byte| byte == b'/'),
            Normalizer::StripDot | Normalizer::StripDotdot { .. } => {
                (Part::Path, |byte| byte == b'.')
            }
            Normalizer::SortQuery => (Part::Query, |byte| byte == b'&'),
        };
        let text = part.of(&tx.stream.request);
        if !text.iter().any(|byte| find(*byte)) {
            return Outcome::Continue;
        }
        let mut out = BumpVec::with_capacity_in(text.len() + 8, tx.arena);
        if !self.normalizer.apply(text, &mut out, tx.arena) {
            return Outcome::BadRequest;
        }
        if out.as_slice() != text {
            part.set(&mut tx.stream.request, &out, tx.arena);
        }
        Outcome::Continue
    }
}

impl Normalizer {
    /// Appends the normal form; false when the text is one that must be refused.
    fn apply(self, text: &[u8], out: &mut BumpVec<'_, u8>, arena: &Bump) -> bool {
        match self {
            Normalizer::FragmentEncode => {
                for byte in text {
                    match byte {
                        b'#' => out.extend_from_slice(b"%23"),
                        _ => out.push(*byte),
                    }
                }
            }
            Normalizer::FragmentStrip => {
                let end = text.iter().position(|byte| *byte == b'#');
                out.extend_from_slice(text.get(..end.unwrap_or(text.len())).unwrap_or_default());
            }
            Normalizer::MergeSlashes => {
                for byte in text {
                    if *byte != b'/' || out.last() != Some(&b'/') {
                        out.push(*byte);
                    }
                }
            }
            Normalizer::StripDot => strip_dot(text, out),
            Normalizer::StripDotdot { full } => strip_dotdot(text, full, out, arena),
            Normalizer::Decode { strict } => {
                return percent(text, strict, out, |high, low, byte, out| {
                    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                        out.push(byte);
                    } else {
                        out.extend_from_slice(&[b'%', high, low]);
                    }
                });
            }
            Normalizer::Uppercase { strict } => {
                return percent(text, strict, out, |high, low, _, out| {
                    out.extend_from_slice(&[
                        b'%',
                        high.to_ascii_uppercase(),
                        low.to_ascii_uppercase(),
                    ]);
                });
            }
            Normalizer::SortQuery => {
                let pairs = text.split(|byte| *byte == b'&');
                let mut pairs = BumpVec::from_iter_in(pairs, arena);
                // Sorts in place without allocation: pairs know where they stood.
                pairs.sort_unstable_by(|one, other| {
                    name(one)
                        .cmp(name(other))
                        .then_with(|| one.as_ptr().cmp(&other.as_ptr()))
                });
                for (index, pair) in pairs.iter().enumerate() {
                    if index > 0 {
                        out.push(b'&');
                    }
                    out.extend_from_slice(pair);
                }
            }
        }
        true
    }
}

fn name(pair: &[u8]) -> &[u8] {
    pair.split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// Leaves out segments that are one dot.
fn strip_dot(path: &[u8], out: &mut BumpVec<'_, u8>) {
    let mut segments = path.split(|byte| *byte == b'/').peekable();
    let mut first = true;
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if segment == b"." && !first && !last {
            continue;
        }
        if !first {
            out.push(b'/');
        }
        if segment != b"." || first {
            out.extend_from_slice(segment);
        }
        first = false;
    }
}

/// Lets segments of two dots take away the one before; those that find none stay, unless `full`.
fn strip_dotdot(path: &[u8], full: bool, out: &mut BumpVec<'_, u8>, arena: &Bump) {
    let mut kept: BumpVec<'_, &[u8]> = BumpVec::new_in(arena);
    let mut segments = path.split(|byte| *byte == b'/').peekable();
    if let Some(start) = segments.next() {
        out.extend_from_slice(start);
    }
    while let Some(segment) = segments.next() {
        if segment != b".." {
            kept.push(segment);
            continue;
        }
        match kept.last() {
            Some(before) if *before != b".." => {
                kept.pop();
            }
            _ if full => {}
            _ => kept.push(segment),
        }
        if segments.peek().is_none() {
            kept.push(b"");
        }
    }
    for segment in kept {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
}

/// Passes each percent-encoded byte to `encoded`; false when there is a broken one and `strict` forbids it.
fn percent<'b>(
    text: &[u8],
    strict: bool,
    out: &mut BumpVec<'b, u8>,
    mut encoded: impl FnMut(u8, u8, u8, &mut BumpVec<'b, u8>),
) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return true,
            [b'%', after @ ..] => match after {
                [high, low, behind @ ..] if digit(*high).is_some() && digit(*low).is_some() => {
                    let byte = digit(*high).unwrap_or(0) << 4 | digit(*low).unwrap_or(0);
                    encoded(*high, *low, byte, out);
                    behind
                }
                _ if strict => return false,
                _ => {
                    out.push(b'%');
                    after
                }
            },
            [byte, behind @ ..] => {
                out.push(*byte);
                behind
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(normalizer: Normalizer, text: &str) -> Option<String> {
        let arena = Bump::new();
        let mut out = BumpVec::new_in(&arena);
        let fine = normalizer.apply(text.as_bytes(), &mut out, &arena);
        fine.then(|| String::from_utf8_lossy(&out).into_owned())
    }

    // exercises: action/normalize-uri
    #[test]
    fn the_manual_s_examples() {
        let dotdot = Normalizer::StripDotdot { full: false };
        let full = Normalizer::StripDotdot { full: true };
        let decode = Normalizer::Decode { strict: false };
        for (normalizer, text, expected) in [
            (Normalizer::FragmentEncode, "/#foo", "/%23foo"),
            (Normalizer::FragmentStrip, "/#foo", "/"),
            (Normalizer::StripDot, "/.", "/"),
            (Normalizer::StripDot, "/./bar/", "/bar/"),
            (Normalizer::StripDot, "/a/./a", "/a/a"),
            (Normalizer::StripDot, "/.well-known/", "/.well-known/"),
            (dotdot, "/foo/../", "/"),
            (dotdot, "/foo/../bar/", "/bar/"),
            (dotdot, "/foo/bar/../", "/foo/"),
            (dotdot, "/../bar/", "/../bar/"),
            (dotdot, "/bar/../../", "/../"),
            (dotdot, "/foo//../", "/foo/"),
            (dotdot, "/foo/%2E%2E/", "/foo/%2E%2E/"),
            (full, "/../bar/", "/bar/"),
            (full, "/bar/../../", "/"),
            (Normalizer::MergeSlashes, "//", "/"),
            (Normalizer::MergeSlashes, "/foo//bar", "/foo/bar"),
            (decode, "/%61dmin", "/admin"),
            (decode, "/foo%3Fbar=baz", "/foo%3Fbar=baz"),
            (decode, "/%%36%36", "/%66"),
            (decode, "/%ZZ", "/%ZZ"),
            (Normalizer::SortQuery, "c=3&a=1&b=2", "a=1&b=2&c=3"),
            (
                Normalizer::SortQuery,
                "a=3&b=4&a=1&b=5&a=2",
                "a=3&a=1&a=2&b=4&b=5",
            ),
        ] {
            assert_eq!(
                normal(normalizer, text).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        let strict = Normalizer::Uppercase { strict: true };
        assert_eq!(normal(strict, "/%zz"), None);
        assert_eq!(normal(strict, "/%6f").as_deref(), Some("/%6F"));
        assert_eq!(normal(strict, "/%6"), None);
    }
}
