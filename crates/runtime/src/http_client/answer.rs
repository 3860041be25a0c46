//! The answer of the server, handed over as it comes.

use std::io;

use hapax_proto::h1::body::{Asked, Framing, response_framing};
use hapax_proto::h1::chunk::Decoder;
use hapax_proto::h1::{Limits, Parse, Scan, parse_response};
use hapax_proto::http::Head;

use super::{Failure, Request, SILENCE_MS, Taker, Told};
use crate::buffer::Buf;
use crate::check::probe::receive;
use crate::clock;
use crate::io::Stream;
use crate::wheel::Timer;

/// Reads it. What fails behind the head is told by flags.
pub(super) async fn take(
    request: &Request,
    stream: &mut Stream,
    timer: &mut Timer,
    taker: &mut impl Taker,
    told: &mut Told,
) -> Result<(), Failure> {
    let limits = Limits::default();
    let mut buffer = None;
    let mut head = Head::new();
    loop {
        read_head(stream, timer, (&mut buffer, &mut head), &limits).await?;
        told.head(&head);
        // What comes before the answer is of no interest (RFC 9110 15.2).
        if !(100..200).contains(&head.status()) {
            break;
        }
        head.clear();
    }
    told.answered();
    let asked = Asked {
        head: request.method == "HEAD",
        ..Asked::default()
    };
    let framing = response_framing(&head, &asked, true).map_err(|_| Failure::Invalid)?;
    if !taker.head(&head).await {
        told.flags = "CD";
        return Ok(());
    }
    let mut body = Body {
        framing,
        decoder: Decoder::new(),
    };
    loop {
        let step = match buffer.as_mut() {
            Some(held) => body.step(held, taker, told, &limits).await,
            None => body.nothing_missing(),
        };
        match step {
            Step::Done => return Ok(()),
            Step::Left => told.flags = "CD",
            Step::Broken => told.flags = "SD",
            Step::More => match more(stream, timer, &mut buffer).await {
                Ok(Some(1..)) => continue,
                Ok(Some(0)) if body.framing == Framing::UntilClose => {}
                Ok(None) => told.flags = "sD",
                Ok(Some(_)) | Err(_) => told.flags = "SD",
            },
        }
        return Ok(());
    }
}

async fn read_head(
    stream: &mut Stream,
    timer: &mut Timer,
    (buffer, head): (&mut Option<Buf>, &mut Head),
    limits: &Limits,
) -> Result<(), Failure> {
    let mut scan = Scan::default();
    loop {
        if let Some(held) = buffer.as_mut().filter(|held| !held.is_empty()) {
            match parse_response(held.data(), head, &mut scan, limits) {
                Ok(Parse::Complete { len }) => {
                    held.consume(len);
                    return Ok(());
                }
                Ok(Parse::Partial) => held.compact(),
                Err(_) => return Err(Failure::Invalid),
            }
            if held.tail() == 0 {
                return Err(Failure::Invalid);
            }
        }
        let begun = buffer.as_ref().is_some_and(|held| !held.is_empty());
        match more(stream, timer, buffer).await {
            Ok(Some(1..)) => {}
            Ok(None) => return Err(Failure::Silent),
            Ok(Some(_)) | Err(_) if begun => return Err(Failure::Invalid),
            Ok(Some(_)) | Err(_) => return Err(Failure::Empty),
        }
    }
}

async fn more(
    stream: &mut Stream,
    timer: &mut Timer,
    buffer: &mut Option<Buf>,
) -> io::Result<Option<usize>> {
    receive(buffer, stream, timer, clock::now_ms() + SILENCE_MS).await
}

/// A body on its way.
struct Body {
    framing: Framing,
    decoder: Decoder,
}

/// What follows.
enum Step {
    /// That was all.
    Done,
    /// More bytes are wanted.
    More,
    /// Who took it has gone.
    Left,
    /// It is none.
    Broken,
}

impl Body {
    /// What is known without a byte.
    fn nothing_missing(&self) -> Step {
        match self.framing {
            Framing::None | Framing::Tunnel | Framing::Length(0) => Step::Done,
            _ => Step::More,
        }
    }

    /// Hands over what has come.
    async fn step(
        &mut self,
        buffer: &mut Buf,
        taker: &mut impl Taker,
        told: &mut Told,
        limits: &Limits,
    ) -> Step {
        match self.framing {
            Framing::None | Framing::Tunnel => return Step::Done,
            Framing::Chunked => {
                while !buffer.is_empty() {
                    let Ok(progress) = self.decoder.advance(buffer.data(), limits) else {
                        return Step::Broken;
                    };
                    for range in progress.data {
                        let bytes = buffer.data().get(range).unwrap_or_default();
                        told.body(bytes.len());
                        if !taker.body(bytes).await {
                            return Step::Left;
                        }
                    }
                    buffer.consume(progress.consumed);
                    if progress.done {
                        told.trailers(self.decoder.trailers());
                        return Step::Done;
                    }
                    if progress.consumed == 0 {
                        break;
                    }
                }
                buffer.compact();
                return match buffer.tail() {
                    0 => Step::Broken,
                    _ => Step::More,
                };
            }
            Framing::Length(_) | Framing::UntilClose => {}
        }
        let most = match self.framing {
            Framing::Length(left) => usize::try_from(left).unwrap_or(usize::MAX),
            _ => usize::MAX,
        };
        let count = buffer.len().min(most);
        if count > 0 {
            told.body(count);
            let bytes = buffer.data().get(..count).unwrap_or_default();
            if !taker.body(bytes).await {
                return Step::Left;
            }
            buffer.consume(count);
        }
        buffer.compact();
        if let Framing::Length(left) = &mut self.framing {
            *left -= count as u64;
        }
        self.nothing_missing()
    }
}
