//! What must hold for the bytes of any message head. The fuzz targets, the corpus replay and the property tests share this
//! file.

use hapax_proto::h1::{
    Fault, Limits, Parse, Scan, head_len, parse_request, parse_response, write_head,
};
use hapax_proto::http::{Head, Kind};

fn parse(
    kind: Kind,
    bytes: &[u8],
    head: &mut Head,
    scan: &mut Scan,
    limits: &Limits,
) -> Result<Parse, Fault> {
    match kind {
        Kind::Request => parse_request(bytes, head, scan, limits),
        Kind::Response => parse_response(bytes, head, scan, limits),
    }
}

/// A head reads the same however its bytes arrive, and what is written of it reads as itself.
pub fn head(kind: Kind, bytes: &[u8]) {
    for relaxed in [false, true] {
        let limits = Limits {
            relaxed,
            ..Limits::default()
        };
        let (mut whole, mut scan) = (Head::new(), Scan::default());
        let expected = parse(kind, bytes, &mut whole, &mut scan, &limits);
        let written = written(&whole, expected);
        for first in splits(bytes.len()) {
            let (mut head, mut scan) = (Head::new(), Scan::default());
            let mut parsed = parse(kind, &bytes[..first], &mut head, &mut scan, &limits);
            if parsed == Ok(Parse::Partial) {
                parsed = parse(kind, bytes, &mut head, &mut scan, &limits);
            }
            assert_eq!(parsed, expected, "split at {first}");
            assert_eq!(self::written(&head, parsed), written, "split at {first}");
        }
        if let Some(written) = written {
            again(kind, &written, &limits);
        }
    }
}

fn written(head: &Head, parsed: Result<Parse, Fault>) -> Option<Vec<u8>> {
    let Ok(Parse::Complete { .. }) = parsed else {
        return None;
    };
    let mut out = Vec::new();
    write_head(head, &mut out);
    assert_eq!(out.len(), head_len(head));
    Some(out)
}

/// What one hop sends, the next one accepts and sends unchanged. What only relaxed limits let in may be refused for
/// what it leads to (a 1.0 body, for one), but never read as something else.
fn again(kind: Kind, sent: &[u8], limits: &Limits) {
    let (mut head, mut scan) = (Head::new(), Scan::default());
    let parsed = parse(kind, sent, &mut head, &mut scan, limits);
    match written(&head, parsed) {
        Some(twice) => assert_eq!(
            String::from_utf8_lossy(&twice),
            String::from_utf8_lossy(sent)
        ),
        None => assert!(
            limits.relaxed,
            "{parsed:?} for {:?}",
            String::from_utf8_lossy(sent)
        ),
    }
}

/// Every position of short input, some of long input.
fn splits(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by(length / 400 + 1)
}
