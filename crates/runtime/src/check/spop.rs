//! The answer of an SPOP agent to the hello of `option spop-check`.

use hapax_core::live::CheckStatus;

use super::answer::Finding;
use super::verdict::{Verdict, incomplete};

/// Whether the agent's hello is one. `last` says that no more will come.
pub(super) fn judge(data: &[u8], last: bool) -> Verdict {
    let Some((length, rest)) = data.split_first_chunk::<4>() else {
        return incomplete(last);
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if rest.len() < length {
        return incomplete(last);
    }
    match hello(rest) {
        Ok(()) => Verdict::Pass,
        Err(text) => Verdict::Fail(Finding::new(CheckStatus::L7Response, text)),
    }
}

/// Type, flags, two numbers that are 0, then names and values.
fn hello(frame: &[u8]) -> Result<(), &'static str> {
    const INVALID: &str = "invalid frame received";
    let mut reader = Reader(frame);
    let [AGENT_HELLO | AGENT_DISCONNECT, _, _, _, flags] = *reader.take(5).ok_or(INVALID)? else {
        return Err(INVALID);
    };
    if flags & COMPLETE == 0 || reader.number() != Some(0) || reader.number() != Some(0) {
        return Err(INVALID);
    }
    let (mut version, mut size, mut capabilities) = (false, false, false);
    while !reader.0.is_empty() {
        let name = reader.text().ok_or(INVALID)?;
        let kind = *reader.take(1).and_then(<[u8]>::first).ok_or(INVALID)?;
        match name {
            b"version" => {
                if kind & KIND != STRING {
                    return Err("version value not found");
                }
                let text = reader.text().ok_or(INVALID)?.trim_ascii();
                if !text.starts_with(b"2.") {
                    return Err("unsupported version");
                }
                version = true;
            }
            b"max-frame-size" => {
                if !matches!(kind & KIND, INT32 | UINT32 | INT64 | UINT64) {
                    return Err("max-frame-size value not found");
                }
                reader.number().ok_or(INVALID)?;
                size = true;
            }
            b"capabilities" => {
                if kind & KIND != STRING {
                    return Err("capabilities value not found");
                }
                reader.text().ok_or(INVALID)?;
                capabilities = true;
            }
            _ => reader.skip(kind).ok_or(INVALID)?,
        }
    }
    match (version, size, capabilities) {
        (false, ..) => Err("version value not found"),
        (_, false, _) => Err("max-frame-size value not found"),
        (.., false) => Err("capabilities value not found"),
        _ => Ok(()),
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of variable length: below 240 it is one byte, above the bits go on in sevens.
    fn number(&mut self) -> Option<u64> {
        let first = *self.take(1)?.first()?;
        let mut value = u64::from(first);
        if first < 240 {
            return Some(value);
        }
        let mut shift = 4;
        loop {
            let byte = *self.take(1)?.first()?;
            let part = u64::from(byte).checked_shl(shift)?;
            value = value.checked_add(part)?;
            if byte < 128 {
                return Some(value);
            }
            shift += 7;
        }
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    fn skip(&mut self, kind: u8) -> Option<()> {
        match kind & KIND {
            0 | 1 => {}
            INT32 | UINT32 | INT64 | UINT64 => drop(self.number()?),
            6 => drop(self.take(4)?),
            7 => drop(self.take(16)?),
            STRING | 9 => drop(self.text()?),
            _ => return None,
        }
        Some(())
    }
}

const AGENT_HELLO: u8 = 101;
const AGENT_DISCONNECT: u8 = 102;
/// The flag of a frame that is no fragment.
const COMPLETE: u8 = 1;
/// The bits of a value's first byte that tell its type.
const KIND: u8 = 0x0f;
const INT32: u8 = 2;
const UINT32: u8 = 3;
const INT64: u8 = 4;
const UINT64: u8 = 5;
const STRING: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let content = [&[kind, 0, 0, 0, 1, 0, 0], body].concat();
        let length = u32::try_from(content.len()).expect("short").to_be_bytes();
        [&length[..], &content].concat()
    }

    // exercises: section/option spop-check
    #[test]
    fn hellos_are_read_whatever_comes() {
        let good = b"\x07version\x08\x032.0\x01x\x11\x0emax-frame-size\x03\xfc\xf0\x06\x0ccapabilities\x08\x00";
        let whole = frame(AGENT_HELLO, good);
        assert_eq!(judge(&whole, false), Verdict::Pass);
        for end in 0..whole.len() {
            assert_eq!(judge(&whole[..end], false), Verdict::Wait, "{end}");
        }
        for end in 0..good.len() {
            // What is cut is refused, and nothing panics.
            assert_ne!(
                judge(&frame(AGENT_HELLO, &good[..end]), true),
                Verdict::Pass
            );
        }
        let text = |bytes: &[u8]| match judge(bytes, true) {
            Verdict::Fail(finding) => finding.info,
            other => panic!("{other:?}"),
        };
        assert_eq!(text(&frame(103, good)), "invalid frame received");
        assert_eq!(text(&frame(102, b"")), "version value not found");
        assert_eq!(
            text(&frame(101, b"\x07version\x08\x031.0")),
            "unsupported version"
        );
        assert_eq!(text(&frame(101, &[0xff; 40])), "invalid frame received");
    }
}
