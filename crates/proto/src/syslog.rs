//! Messages of syslog: what their heads say (RFC 3164, RFC 5424), and how they follow each other on a stream (RFC 6587).
//!
//! Anything is a message: what no head can be read from is all text.

/// A message in its parts; what it does not say is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// Facility times 8 plus level; none when it does not begin with one.
    pub priority: Option<u16>,
    /// How its head is written.
    pub head: Head,
    /// The time as it stands there.
    pub time: &'a [u8],
    /// The host.
    pub host: &'a [u8],
    /// The program.
    pub tag: &'a [u8],
    /// Its process.
    pub pid: &'a [u8],
    /// The kind of message; RFC 5424 only.
    pub kind: &'a [u8],
    /// Structured data; RFC 5424 only.
    pub data: &'a [u8],
    /// What is left.
    pub text: &'a [u8],
}

/// How a head is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Head {
    /// There is none behind the priority.
    #[default]
    None,
    /// `Oct 11 22:14:15 host tag[pid]: `
    Rfc3164,
    /// `1 2003-10-11T22:14:15.003Z host tag pid kind data `
    Rfc5424,
}

impl<'a> Message<'a> {
    /// A message that is text and nothing else.
    pub fn plain(text: &'a [u8]) -> Message<'a> {
        Message {
            text,
            ..Message::default()
        }
    }

    /// Reads a message.
    pub fn parse(bytes: &'a [u8]) -> Message<'a> {
        let (priority, rest) = match priority(bytes) {
            Some((priority, rest)) => (Some(priority), rest),
            None => (None, bytes),
        };
        let message = priority.and_then(|_| rfc5424(rest).or_else(|| rfc3164(rest)));
        Message {
            priority,
            ..message.unwrap_or(Message::plain(rest))
        }
    }
}

/// `<13>`: upstream shows the last three digits of what is too large.
fn priority(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let rest = bytes.strip_prefix(b"<")?;
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = rest.split_at(end);
    let add = |number: u16, digit: &u8| (number * 10 + u16::from(digit - b'0')) % 1000;
    let number = digits.iter().fold(0, add);
    Some((number, rest.strip_prefix(b">")?))
}

fn rfc3164(bytes: &[u8]) -> Option<Message<'_>> {
    let (time, rest) = bytes.split_at_checked(15)?;
    if !is_bsd_time(time) {
        return None;
    }
    let (host, rest) = word(rest.strip_prefix(b" ")?)?;
    let (tag, pid, text) = match word(rest) {
        Some((first, text)) if first.ends_with(b":") => {
            let name = first.get(..first.len() - 1).unwrap_or_default();
            let bracket = name.iter().position(|byte| *byte == b'[');
            let (tag, pid) = name.split_at(bracket.unwrap_or(name.len()));
            let pid = pid
                .strip_prefix(b"[")
                .and_then(|pid| pid.strip_suffix(b"]"));
            (tag, pid.unwrap_or_default(), text)
        }
        _ => (&b""[..], &b""[..], rest),
    };
    Some(Message {
        head: Head::Rfc3164,
        time,
        host,
        tag,
        pid,
        text,
        ..Message::default()
    })
}

/// `Oct 11 22:14:15`: digits are not looked at closer.
fn is_bsd_time(time: &[u8]) -> bool {
    const SHAPE: &[u8; 15] = b"### _0 00:00:00";
    let shaped = time.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'#' => true,
        b'0' => byte.is_ascii_digit(),
        b'_' => byte.is_ascii_digit() || *byte == b' ',
        fixed => byte == fixed,
    });
    shaped && month(time).is_some()
}

/// The number of a month (from 1) whose name some text begins with.
pub fn month(text: &[u8]) -> Option<usize> {
    let name = text.get(..3)?;
    MONTHS
        .iter()
        .position(|month| *month == name)
        .map(|at| at + 1)
}

/// The names of months in RFC 3164.
pub const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

fn rfc5424(bytes: &[u8]) -> Option<Message<'_>> {
    let (time, rest) = word(bytes.strip_prefix(b"1 ")?)?;
    if time != b"-" && !is_iso_time(time) {
        return None;
    }
    let (host, rest) = word(rest)?;
    let (tag, rest) = word(rest)?;
    let (pid, rest) = word(rest)?;
    let (kind, rest) = word(rest)?;
    let (data, text) = structured(rest)?;
    let given = |field: &'static [u8]| field;
    let said = |field| if field == b"-" { given(b"") } else { field };
    Some(Message {
        priority: None,
        head: Head::Rfc5424,
        time: said(time),
        host: said(host),
        tag: said(tag),
        pid: said(pid),
        kind: said(kind),
        data: said(data),
        text,
    })
}

/// Whether a text begins as `2003-10-11T22:14:15`.
fn is_iso_time(time: &[u8]) -> bool {
    const SHAPE: &[u8; 19] = b"0000-00-00T00:00:00";
    let byte_fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        fixed => byte == fixed,
    };
    time.len() >= SHAPE.len() && time.iter().zip(SHAPE).all(byte_fits)
}

/// A word that is not empty, and what stands behind the blank after it.
fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', bytes).filter(|&end| end > 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// `-`, or elements in brackets whose values are quoted; and what stands behind the blank after them.
fn structured(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.first() != Some(&b'[') {
        return word(bytes).filter(|(data, _)| *data == b"-");
    }
    let (mut quoted, mut escaped, mut inside) = (false, false, false);
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if inside => quoted = !quoted,
            _ if quoted => {}
            b'[' if !inside => inside = true,
            b']' if inside => inside = false,
            b' ' if !inside => return Some((bytes.get(..at)?, bytes.get(at + 1..)?)),
            _ if inside => {}
            _ => return None,
        }
    }
    None
}

/// What comes next on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// A message stands at these bytes; it is over, with what ends it, after `taken` bytes.
    Message {
        /// Where it begins.
        from: usize,
        /// Where it ends.
        to: usize,
        /// What is read once it is.
        taken: usize,
    },
    /// More bytes are needed.
    Partial,
    /// This is no stream of messages, or one longer than is taken.
    Bad,
}

/// Looks for the next message: behind its length in bytes, or up to a line feed. `lines` expects the latter always.
pub fn frame(bytes: &[u8], lines: bool, longest: usize) -> Frame {
    let partial = |read: usize| {
        if read >= longest {
            Frame::Bad
        } else {
            Frame::Partial
        }
    };
    match bytes.first() {
        None => Frame::Partial,
        Some(byte) if lines || *byte == b'<' => match memchr::memchr(b'\n', bytes) {
            Some(to) => Frame::Message {
                from: 0,
                to,
                taken: to + 1,
            },
            None => partial(bytes.len()),
        },
        Some(b'1'..=b'9') => {
            let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
            let digits = digits.count();
            let add = |number: usize, digit: &u8| {
                let next = number.checked_mul(10)?;
                next.checked_add(usize::from(digit - b'0'))
            };
            let length = bytes.iter().take(digits).try_fold(0, add);
            match (length, bytes.get(digits)) {
                (None, _) | (_, Some(0..=31 | 33..)) => Frame::Bad,
                (Some(length), _) if length + digits >= longest => Frame::Bad,
                (Some(length), Some(_)) => match digits + 1 + length {
                    end if end <= bytes.len() => Frame::Message {
                        from: digits + 1,
                        to: end,
                        taken: end,
                    },
                    _ => Frame::Partial,
                },
                (Some(_), None) => Frame::Partial,
            }
        }
        Some(_) => Frame::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_are_written() {
        let message = Message::parse(b"<13>Oct 11 22:14:15 mymachine su[231]: hello");
        assert_eq!(message.priority, Some(13));
        assert_eq!(message.head, Head::Rfc3164);
        assert_eq!(
            (message.time, message.host),
            (&b"Oct 11 22:14:15"[..], &b"mymachine"[..])
        );
        assert_eq!((message.tag, message.pid), (&b"su"[..], &b"231"[..]));
        assert_eq!(message.text, b"hello");
        let line = br#"<13>1 2003-10-11T22:14:15.003Z m.example log 55 ID47 [a b="]\""][c] BOM x"#;
        let message = Message::parse(line);
        assert_eq!(message.head, Head::Rfc5424);
        assert_eq!((message.kind, message.pid), (&b"ID47"[..], &b"55"[..]));
        assert_eq!(message.data, br#"[a b="]\""][c]"#);
        assert_eq!(message.text, b"BOM x");
        let message = Message::parse(b"<13>1 - - - - - - msg");
        assert_eq!(
            (message.host, message.time, message.text),
            (&b""[..], &b""[..], &b"msg"[..])
        );
    }

    #[test]
    fn what_is_no_head_is_text() {
        let rest = |bytes: &'static [u8]| {
            let message = Message::parse(bytes);
            assert_eq!(message.head, Head::None, "{bytes:?}");
            (message.priority, message.text)
        };
        assert_eq!(rest(b"hello"), (None, &b"hello"[..]));
        assert_eq!(rest(b"<13>hello"), (Some(13), &b"hello"[..]));
        assert_eq!(rest(b"<1234>x"), (Some(234), &b"x"[..]));
        assert_eq!(rest(b"<1x>y"), (None, &b"<1x>y"[..]));
        for line in [
            &b"<13>Oct 11 22:14:15 h"[..],
            b"<13>oct 11 22:14:15 h a: x",
            b"<13>Oct 11 22:14:15  h a: x",
            b"<13>1 2003-10-11T22:14:15Z h a p m [a t",
            b"<13>1 notadate h a p m - t",
            b"<13>",
            b"<13",
            b"",
        ] {
            assert_eq!(Message::parse(line).head, Head::None, "{line:?}");
        }
    }

    #[test]
    fn streams_are_cut_into_messages() {
        let message = |from, to, taken| Frame::Message { from, to, taken };
        let cut = |bytes: &[u8]| frame(bytes, false, 100);
        assert_eq!(
            cut(b"5 <13>x"),
            Frame::Message {
                from: 2,
                to: 7,
                taken: 7
            }
        );
        assert_eq!(cut(b"<13>a\n<14>b\n"), message(0, 5, 6));
        for partial in [&b""[..], b"5", b"5 ", b"5 <13>", b"<13>"] {
            assert_eq!(cut(partial), Frame::Partial, "{partial:?}");
        }
        for bad in [
            &b"0 "[..],
            b"12x",
            b"foo\n",
            b"\n",
            b"99999999999999999999999 a",
            b"101 x",
        ] {
            assert_eq!(cut(bad), Frame::Bad, "{bad:?}");
        }
        assert_eq!(cut(&[b'<'; 200]), Frame::Bad);
        assert_eq!(frame(b"5 <13>x\n", true, 100), message(0, 7, 8));
    }
}
