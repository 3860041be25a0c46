//! `balance uri`: the hash of the request's target decides.

use std::sync::Arc;

use hapax_core::contract::{Algorithm, Cx, KeyValue, RequestKey};
use hapax_core::keyword::{BalanceKeyword, Fault, Line};

use super::hashed::ByRequest;
use crate::hash::leading_integer;

/// The row.
pub const KEYWORD: BalanceKeyword = BalanceKeyword {
    name: "uri",
    usage: "[ len <len> ] [ depth <depth> ] [ path-only ] [ whole ]",
    doc: "The hash of the target up to its query decides, or of a part of it.",
    parse,
};

/// The algorithm.
#[derive(Debug, Clone, Default)]
struct Uri {
    length: Option<usize>,
    depth: Option<usize>,
    path_only: bool,
    whole: bool,
}

fn parse(line: &mut Line<'_>) -> Result<Arc<dyn Algorithm>, Fault> {
    let mut uri = Uri::default();
    let mut at = 1;
    while let Some(word) = line.arg(at).map(|word| word.into_owned()) {
        match word.as_str() {
            "len" => uri.length = Some(positive(line, &mut at)?),
            "depth" => uri.depth = Some(positive(line, &mut at)?),
            "path-only" => uri.path_only = true,
            "whole" => uri.whole = true,
            other => {
                let text = format!(
                    "balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got '{other}')."
                );
                return Err(line.fault_at(at, text));
            }
        }
        at += 1;
    }
    Ok(Arc::new(ByRequest {
        name: "uri",
        text: uri.text(),
        key: uri,
    }))
}

/// The number after the word at `at`, to which it moves.
fn positive(line: &Line<'_>, at: &mut usize) -> Result<usize, Fault> {
    let name = line.arg(*at).unwrap_or_default().into_owned();
    *at += 1;
    let word = line.arg(*at).unwrap_or_default();
    match usize::try_from(leading_integer(word.as_bytes())) {
        Ok(number) if number > 0 => Ok(number),
        _ => {
            let text = format!("balance uri : '{name}' expects a positive integer (got '{word}').");
            Err(line.fault_at((*at).min(line.args().len().saturating_sub(1)), text))
        }
    }
}

impl RequestKey for Uri {
    fn key<'a>(&self, cx: &Cx<'a>) -> KeyValue<'a> {
        let head = &cx.stream.request;
        let target = if self.path_only {
            without_authority(head.uri())
        } else {
            head.uri()
        };
        KeyValue::Bytes(self.part(target))
    }
}

impl Uri {
    /// The line's arguments.
    fn text(&self) -> String {
        let mut text = String::from("uri");
        for (name, value) in [("len", self.length), ("depth", self.depth)] {
            if let Some(value) = value {
                text.push_str(&format!(" {name} {value}"));
            }
        }
        for (name, set) in [("path-only", self.path_only), ("whole", self.whole)] {
            if set {
                text.push_str(&format!(" {name}"));
            }
        }
        text
    }

    fn part<'a>(&self, target: &'a [u8]) -> &'a [u8] {
        let most = self.length.unwrap_or(usize::MAX).min(target.len());
        let mut slashes = 0;
        for (at, &byte) in target[..most].iter().enumerate() {
            match byte {
                b'/' => {
                    slashes += 1;
                    if self.depth.is_some_and(|depth| slashes > depth) {
                        return &target[..at];
                    }
                }
                b'?' if !self.whole => return &target[..at],
                _ => {}
            }
        }
        &target[..most]
    }
}

/// A target from its path on; nothing of `*`.
fn without_authority(uri: &[u8]) -> &[u8] {
    use hapax_proto::http::Target;
    let target = Target::of(uri);
    if target.path == b"*" {
        return b"";
    }
    let query = target.query.map_or(0, |query| query.len() + 1);
    let length = target.path.len() + query;
    &uri[uri.len().saturating_sub(length)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_a_target_that_counts() {
        let part = |length, depth, whole, target: &'static str| {
            let uri = Uri {
                length,
                depth,
                whole,
                path_only: false,
            };
            String::from_utf8_lossy(uri.part(target.as_bytes())).into_owned()
        };
        assert_eq!(part(None, None, false, "/a/b?c"), "/a/b");
        assert_eq!(part(None, None, true, "/a/b?c"), "/a/b?c");
        assert_eq!(part(Some(3), None, true, "/a/b?c"), "/a/");
        assert_eq!(part(None, Some(2), false, "/a/b/c/d"), "/a/b");
        assert_eq!(part(Some(99), Some(2), false, "http://h/"), "http://h");
        assert_eq!(without_authority(b"http://h/a?b"), b"/a?b");
        assert_eq!(without_authority(b"http://h?b"), b"?b");
        assert_eq!(without_authority(b"*"), b"");
    }
}
