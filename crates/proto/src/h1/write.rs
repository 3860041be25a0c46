//! A head back to bytes, as upstream sends it: lower-case names, `name: value`, one CRLF per line, order kept.

use crate::http::{Head, Kind, Span};

/// Appends `head` and the empty line to `out`.
///
/// Lines that were neither edited nor unusual in the input are copied together, most often the whole head at once.
pub fn write_head(head: &Head, out: &mut Vec<u8>) {
    out.reserve(head_len(head));
    match head.kind {
        Kind::Request => {
            for part in [
                head.method(),
                b" ",
                head.sent_uri(),
                b" ",
                version(head),
                b"\r\n",
            ] {
                out.extend_from_slice(part);
            }
        }
        Kind::Response => {
            for part in [
                version(head),
                b" ",
                head.status_text(),
                b" ",
                head.reason(),
                b"\r\n",
            ] {
                out.extend_from_slice(part);
            }
        }
    }
    write_fields(head, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends the header lines of `head` without an empty line behind them; also writes trailers.
pub(super) fn write_fields(head: &Head, out: &mut Vec<u8>) {
    let mut run: Option<Span> = None;
    for field in &head.fields {
        let line = Span {
            start: field.name.start,
            end: field.value.end.saturating_add(2),
        };
        if is_plain(head, field.name, field.value) {
            run = Some(match run {
                Some(before) if before.end == line.start => Span {
                    start: before.start,
                    end: line.end,
                },
                Some(before) => {
                    out.extend_from_slice(before.of(&head.text));
                    line
                }
                None => line,
            });
            continue;
        }
        if let Some(before) = run.take() {
            out.extend_from_slice(before.of(&head.text));
        }
        out.extend_from_slice(field.name.of(&head.text));
        out.extend_from_slice(b": ");
        out.extend_from_slice(field.value.of(&head.text));
        out.extend_from_slice(b"\r\n");
    }
    if let Some(before) = run {
        out.extend_from_slice(before.of(&head.text));
    }
}

/// Bytes that `write_head` appends.
pub fn head_len(head: &Head) -> usize {
    let start = match head.kind {
        Kind::Request => head.method.len() + head.sent_uri().len() + version(head).len() + 4,
        Kind::Response => version(head).len() + head.status_text().len() + head.reason.len() + 4,
    };
    let fields: usize = head
        .fields
        .iter()
        .map(|field| field.name.len() + field.value.len() + 4)
        .sum();
    start + fields + 2
}

/// What 1.1 and later are sent as is 1.1; earlier and foreign versions stay.
fn version(head: &Head) -> &[u8] {
    if head.is_11() {
        b"HTTP/1.1"
    } else {
        head.version()
    }
}

/// Whether the text holds this line exactly as it is to be sent.
fn is_plain(head: &Head, name: Span, value: Span) -> bool {
    let (name_end, value_end) = (name.end as usize, value.end as usize);
    value.start == name.end.saturating_add(2)
        && head.text.get(name_end..name_end + 2) == Some(b": ")
        && head.text.get(value_end..value_end + 2) == Some(b"\r\n")
}
