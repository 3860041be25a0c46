//! A message as the blocks that upstream keeps it in, for developers (configuration manual 7.3.7): start line, header
//! fields, end of head, the part of the body that is here, trailers, end of trailers.

use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Mode};
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::{Sample, Value};
use hapax_proto::http::{Head, Kind};

use super::body::{self, Contents};
use super::{boolean, fetches, int, string};

const MESSAGE: Needs = Needs::REQUEST.or(Needs::RESPONSE);
const BLOCK: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str],
    required: 1,
};

fetches! {
    "internal.htx.data", ArgSpec::NONE, None, Int, MESSAGE, "Bytes of the message's blocks." => |cx, _, _| int(Message::of(cx)?.data() as i64);
    "internal.htx.free", ArgSpec::NONE, None, Int, MESSAGE, "Bytes left in the message's buffer." => |cx, _, _| int(Message::of(cx)?.free());
    "internal.htx.free_data", ArgSpec::NONE, None, Int, MESSAGE, "Bytes left in the message's buffer for one more block." => |cx, _, _| int((Message::of(cx)?.free() - DESCRIPTION).max(0));
    "internal.htx.has_eom", ArgSpec::NONE, None, Bool, MESSAGE, "Whether the end of the message was seen." => |cx, _, _| boolean(Message::of(cx)?.contents.complete);
    "internal.htx.nbblks", ArgSpec::NONE, None, Int, MESSAGE, "How many blocks the message has." => |cx, _, _| int(Message::of(cx)?.len() as i64);
    "internal.htx.size", ArgSpec::NONE, None, Int, MESSAGE, "Bytes that the message's buffer has for blocks." => |cx, _, _| int(Message::of(cx)?.size);
    "internal.htx.used", ArgSpec::NONE, None, Int, MESSAGE, "Bytes that the message's blocks and their descriptions take." => |cx, _, _| int(Message::of(cx)?.used());
    "internal.htx_blk.size", BLOCK, Some(check), Int, MESSAGE, "Bytes of a block." => |cx, args, _| int(Message::of(cx)?.block(args).map_or(0, |block| block.size()) as i64);
    "internal.htx_blk.type", BLOCK, Some(check), Str, MESSAGE, "The type of a block." => |cx, args, _| string(Message::of(cx)?.block(args).map_or(b"HTX_BLK_UNUSED", |block| block.name()));
    "internal.htx_blk.data", BLOCK, Some(check), Bin, MESSAGE, "The contents of a block of data." => |cx, args, _| match Message::of(cx)?.block(args) {
        Some(Block::Data(bytes)) => Some(Value::Bin(bytes).into()),
        _ => Some(Value::Bin(b"").into()),
    };
    "internal.htx_blk.hdrname", BLOCK, Some(check), Str, MESSAGE, "The name of a header field's block." => |cx, args, _| match Message::of(cx)?.block(args) {
        Some(Block::Field(name, _)) => string(name),
        _ => string(b""),
    };
    "internal.htx_blk.hdrval", BLOCK, Some(check), Str, MESSAGE, "The value of a header field's block." => |cx, args, _| match Message::of(cx)?.block(args) {
        Some(Block::Field(_, value)) => string(value),
        _ => string(b""),
    };
    "internal.htx_blk.start_line", BLOCK, Some(check), Str, MESSAGE, "The start line of a start line's block." => |cx, args, _| match Message::of(cx)?.block(args) {
        Some(Block::Start(head)) => start_line(cx, head),
        _ => string(b""),
    };
    "internal.strm.is_htx", ArgSpec::NONE, None, Bool, Needs::INTERNAL, "Whether the exchange is one of HTTP." => |cx, _, _| {
        boolean(cx.program.proxy(cx.session.frontend).ir.mode == Mode::Http)
    };
}

/// The bytes of the blocks of one side's message.
pub(super) fn length(cx: &Cx<'_>, response: bool) -> Option<usize> {
    Some(Message::on(cx, response)?.data())
}

/// What upstream's buffer keeps for itself, and what describes one block.
const OWN: i64 = 48;
const DESCRIPTION: i64 = 8;
/// What a start line takes beside its three texts.
const START: usize = 20;

/// A message and the part of its body that is here.
struct Message<'a> {
    head: &'a Head,
    contents: Contents<'a>,
    size: i64,
}

/// One block of a message.
enum Block<'a> {
    Start(&'a Head),
    Field(&'a [u8], &'a [u8]),
    EndOfHead,
    Data(&'a [u8]),
    EndOfTrailers,
}

impl<'a> Message<'a> {
    /// The message that rules here look at; none when there is none.
    fn of(cx: &Cx<'a>) -> Option<Message<'a>> {
        Message::on(cx, cx.on_response)
    }

    fn on(cx: &Cx<'a>, response: bool) -> Option<Message<'a>> {
        let (head, contents) = if response {
            (&cx.stream.response, body::of_response(cx)?)
        } else {
            (&cx.stream.request, body::of_request(cx))
        };
        let there = !head.version().is_empty() || !head.is_empty();
        there.then_some(Message {
            head,
            contents,
            size: i64::from(cx.program.global.tune.bufsize) - OWN,
        })
    }

    fn has_data(&self) -> bool {
        !self.contents.data.is_empty()
    }

    fn has_end(&self) -> bool {
        self.contents.chunked && self.contents.complete
    }

    fn len(&self) -> usize {
        self.head.len() + 2 + usize::from(self.has_data()) + usize::from(self.has_end())
    }

    fn at(&self, index: usize) -> Option<Block<'a>> {
        let fields = self.head.len();
        if index == 0 {
            return Some(Block::Start(self.head));
        }
        if index <= fields {
            let at = index - 1;
            return Some(Block::Field(self.head.name(at), self.head.value(at)));
        }
        match (index - fields - 1, self.has_data(), self.has_end()) {
            (0, ..) => Some(Block::EndOfHead),
            (1, true, _) => Some(Block::Data(self.contents.data)),
            (1, false, true) | (2, true, true) => Some(Block::EndOfTrailers),
            _ => None,
        }
    }

    fn block(&self, args: &[Arg]) -> Option<Block<'a>> {
        match args.first()? {
            Arg::Int(index) => self.at(usize::try_from(*index).ok()?),
            Arg::Str(name) if name == b"tail" => self.at(self.len() - 1),
            _ => self.at(0),
        }
    }

    fn data(&self) -> usize {
        let blocks = (0..self.len()).filter_map(|index| self.at(index));
        blocks.map(|block| block.size()).sum()
    }

    fn used(&self) -> i64 {
        self.data() as i64 + DESCRIPTION * self.len() as i64
    }

    fn free(&self) -> i64 {
        (self.size - self.used()).max(0)
    }
}

impl Block<'_> {
    fn name(&self) -> &'static [u8] {
        match self {
            Block::Start(head) if head.kind() == Kind::Response => b"HTX_BLK_RES_SL",
            Block::Start(_) => b"HTX_BLK_REQ_SL",
            Block::Field(..) => b"HTX_BLK_HDR",
            Block::EndOfHead => b"HTX_BLK_EOH",
            Block::Data(_) => b"HTX_BLK_DATA",
            Block::EndOfTrailers => b"HTX_BLK_EOT",
        }
    }

    fn size(&self) -> usize {
        match self {
            Block::Start(head) => START + parts(head).iter().map(|part| part.len()).sum::<usize>(),
            Block::Field(name, value) => name.len() + value.len(),
            Block::EndOfHead | Block::EndOfTrailers => 1,
            Block::Data(bytes) => bytes.len(),
        }
    }
}

fn parts(head: &Head) -> [&[u8]; 3] {
    match head.kind() {
        Kind::Request => [head.method(), head.uri(), head.version()],
        Kind::Response => {
            let reason: &[u8] = match head.seen().reason_added {
                true => b"",
                false => head.reason(),
            };
            [head.version(), head.status_text(), reason]
        }
    }
}

fn start_line<'a>(cx: &Cx<'a>, head: &'a Head) -> Option<Sample<'a>> {
    let mut out = bumpalo::collections::Vec::new_in(cx.arena);
    for (index, part) in parts(head).into_iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(part);
    }
    string(out.into_bump_slice())
}

fn check(args: &mut [Arg]) -> Result<(), String> {
    let Some(Arg::Str(text)) = args.first() else {
        return Ok(());
    };
    let position = match text.as_slice() {
        b"" => {
            let text =
                "a block position is expected (> 0) or a special block name (head, tail, first)";
            return Err(text.to_owned());
        }
        b"head" | b"tail" | b"first" => return Ok(()),
        digits if digits.iter().all(u8::is_ascii_digit) => crate::cast::leading_int(digits),
        _ => return Err("invalid block position".to_owned()),
    };
    if let Some(arg) = args.first_mut() {
        *arg = Arg::Int(position);
    }
    Ok(())
}
