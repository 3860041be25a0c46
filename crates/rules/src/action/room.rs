//! How much room rewrites have: a message with the body that came with it fits into one buffer of `tune.bufsize`, counted as the
//! reference does. What a rewrite without room comes to is up to `strict-mode`.

use hapax_core::contract::{Outcome, Tx};
use hapax_proto::http::{Head, Name, counted};

/// Whether the message that a ruleset edits may grow by `more` bytes, once `less` are gone.
pub(super) fn has_room(tx: &Tx<'_>, more: usize, less: usize) -> bool {
    let tune = &tx.program.global.tune;
    let (head, body) = match tx.on_response {
        true => (&tx.stream.response, tx.response_bytes.len()),
        false => (&tx.stream.request, tx.request_bytes.len()),
    };
    let room = (tune.bufsize as usize).saturating_sub(BUFFER);
    let blocks = BLOCK * (head.len() + 2);
    // More than it can be; nearly always that is enough to know.
    if head.text_len() + LINE + blocks + body + BLOCK + more <= room {
        return true;
    }
    let here = counted(head) as usize + blocks;
    // More than that is not read before the message has gone on.
    let most = room.saturating_sub(tune.maxrewrite as usize + here);
    here + body_here(head, body).min(most) + more <= room + less
}

/// What counts as the body among the bytes behind the head.
fn body_here(head: &Head, bytes: usize) -> usize {
    let seen = head.seen();
    let length = seen
        .content_length
        .map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let body = match length {
        Some(length) => bytes.min(length),
        None if seen.chunked || head.get(Name::ContentLength).is_none() && head.status() > 0 => {
            bytes
        }
        None => 0,
    };
    body + if body > 0 { BLOCK } else { 0 }
}

/// Whether an answer that was put into `stream.response` and `stream.reply_body` has room.
pub(super) fn holds_answer(tx: &Tx<'_>) -> bool {
    holds(tx, &tx.stream.response, tx.stream.reply_body.bytes().len())
}

/// Whether a message has room.
fn holds(tx: &Tx<'_>, head: &Head, body: usize) -> bool {
    let body = body + if body > 0 { BLOCK } else { 0 };
    let here = counted(head) as usize + BLOCK * (head.len() + 2) + body;
    here <= (tx.program.global.tune.bufsize as usize).saturating_sub(BUFFER)
}

/// Whether a 103 with a field is one that has room, `fields` being the text of those before.
pub(super) fn holds_hint(tx: &Tx<'_>, name: &[u8], value: &[u8]) -> bool {
    let here = HINT + name.len() + value.len();
    here <= (tx.program.global.tune.bufsize as usize).saturating_sub(BUFFER)
}

/// A field's share beside its text.
pub(super) const BLOCK: usize = 8;

/// A rewrite found no room.
pub(super) fn failed(tx: &mut Tx<'_>) -> Outcome {
    let rewriting = &mut tx.stream.rewriting;
    rewriting.failed = rewriting.failed.saturating_add(1);
    match rewriting.lenient {
        true => Outcome::Continue,
        false => Outcome::RewriteFailed,
    }
}

/// Does `edit` if the message may grow by so much.
pub(super) fn edit(
    tx: &mut Tx<'_>,
    more: usize,
    less: usize,
    edit: impl FnOnce(&mut Tx<'_>),
) -> Outcome {
    if !has_room(tx, more, less) {
        return failed(tx);
    }
    edit(tx);
    Outcome::Continue
}

/// A 103 with one field, its text aside: start line, end of the head, three blocks.
const HINT: usize = 20 + 22 + 1 + 3 * BLOCK;
/// What the reference's buffer keeps for itself.
const BUFFER: usize = 48;
/// The share of the start line and the end of the head.
const LINE: usize = 21;
