//! A head back to bytes, as upstream sends it: lower-case names, `name: value`, one CRLF per line, order kept.

use crate::http::{Head, Kind, Span};

/// Appends `head` and the empty line to `out`.
///
/// Lines that were neither edited nor unusual in the input are copied together, most often the whole head at once.
pub fn write_head(head: &Head, out: &mut Vec<u8>) {
    out.reserve(head_len(head));
    match head.kind {
        Kind::Request => {
            for (part, end) in [
                (head.method, &b" "[..]),
                (head.uri, b" "),
                (head.version, b"\r\n"),
            ] {
                out.extend_from_slice(part.of(&head.text));
                out.extend_from_slice(end);
            }
        }
        Kind::Response => {
            out.extend_from_slice(head.version());
            out.push(b' ');
            out.extend_from_slice(head.status_text());
            out.push(b' ');
            out.extend_from_slice(head.reason());
            out.extend_from_slice(b"\r\n");
        }
    }
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
    out.extend_from_slice(b"\r\n");
}

/// Bytes that `write_head` appends.
pub fn head_len(head: &Head) -> usize {
    let start = match head.kind {
        Kind::Request => head.method.len() + head.uri.len() + head.version.len() + 4,
        Kind::Response => head.version.len() + head.status_text().len() + head.reason.len() + 4,
    };
    let fields: usize = head
        .fields
        .iter()
        .map(|field| field.name.len() + field.value.len() + 4)
        .sum();
    start + fields + 2
}

/// Whether the text holds this line exactly as it is to be sent.
fn is_plain(head: &Head, name: Span, value: Span) -> bool {
    let (name_end, value_end) = (name.end as usize, value.end as usize);
    value.start == name.end.saturating_add(2)
        && head.text.get(name_end..name_end + 2) == Some(b": ")
        && head.text.get(value_end..value_end + 2) == Some(b"\r\n")
}
