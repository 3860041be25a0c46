//! Stats-files: what `dump stats-file` writes and a later process reads (management manual, 9.5).

use std::borrow::Cow;

/// Columns of frontends and listeners.
pub const FRONT_COLUMNS: &[&str] = &[
    "stot",
    "bin",
    "bout",
    "dreq",
    "dresp",
    "ereq",
    "rate",
    "hrsp_1xx",
    "hrsp_2xx",
    "hrsp_3xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "hrsp_other",
    "req_rate",
    "req_tot",
    "comp_in",
    "comp_out",
    "comp_byp",
    "comp_rsp",
    "conn_rate",
    "conn_tot",
    "intercepted",
    "dcon",
    "dses",
    "wrew",
    "cache_lookups",
    "cache_hits",
    "eint",
    "h1sess",
    "h2sess",
    "h3sess",
    "req_other",
    "h1req",
    "h2req",
    "h3req",
];

/// Columns of servers and backends.
pub const BACK_COLUMNS: &[&str] = &[
    "stot",
    "bin",
    "bout",
    "dreq",
    "dresp",
    "econ",
    "eresp",
    "wretr",
    "wredis",
    "chkfail",
    "chkdown",
    "lastchg",
    "lbtot",
    "rate",
    "hrsp_1xx",
    "hrsp_2xx",
    "hrsp_3xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "hrsp_other",
    "hanafail",
    "req_tot",
    "cli_abrt",
    "srv_abrt",
    "comp_in",
    "comp_out",
    "comp_byp",
    "comp_rsp",
    "lastsess",
    "wrew",
    "connect",
    "reuse",
    "cache_lookups",
    "cache_hits",
    "eint",
];

/// What a part of the file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `#fe`: frontends and listeners.
    Front,
    /// `#be`: servers and backends.
    Back,
}

impl Part {
    /// The word that names it.
    pub fn name(self) -> &'static str {
        match self {
            Part::Front => "fe",
            Part::Back => "be",
        }
    }

    /// Its columns.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Part::Front => FRONT_COLUMNS,
            Part::Back => BACK_COLUMNS,
        }
    }
}

/// A line of values.
#[derive(Debug, PartialEq, Eq)]
pub struct Row<'t> {
    /// Which line of the file it is, from 1.
    pub line: usize,
    /// The part it stands in.
    pub part: Part,
    /// Whose values these are.
    pub guid: Cow<'t, str>,
    /// Columns and values; the last one counts where a column has several.
    pub values: Vec<(&'static str, u64)>,
}

/// A line that is not used, or why nothing more is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file does not begin as a stats-file does.
    #[error("invalid format")]
    Format,
    /// A line that names columns, and cannot be read; its part is left out.
    #[error("unknown header at line {0}")]
    Header(usize),
}

/// Reads a file line by line; ends after [`Fault::Format`].
pub fn rows(text: &[u8]) -> impl Iterator<Item = Result<Row<'_>, Fault>> {
    let mut columns = Columns::Unknown;
    let mut lines = pieces(text).enumerate();
    let mut ended = false;
    std::iter::from_fn(move || {
        while !ended {
            let (index, line) = lines.next()?;
            let line = cut(line);
            if line.is_empty() {
                continue;
            }
            if line.starts_with(b"#") {
                match (header(line), &columns) {
                    (Some(found), _) => columns = found,
                    (None, Columns::Unknown) => {
                        ended = true;
                        return Some(Err(Fault::Format));
                    }
                    (None, _) => {
                        columns = Columns::LeftOut;
                        return Some(Err(Fault::Header(index + 1)));
                    }
                }
                continue;
            }
            match &columns {
                Columns::Unknown => {
                    ended = true;
                    return Some(Err(Fault::Format));
                }
                Columns::LeftOut => {}
                Columns::Known(part, names) => {
                    return Some(Ok(values(index + 1, *part, names, line)));
                }
            }
        }
        None
    })
}

/// What the last header said.
enum Columns {
    /// There was none.
    Unknown,
    /// It is a part that is not known.
    LeftOut,
    /// The columns in their order; none is one that is not known.
    Known(Part, Vec<Option<&'static str>>),
}

/// Lines, and pieces of those that are too long.
fn pieces(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let most = text.get(..LONGEST_PIECE).unwrap_or(text);
        let end = most.iter().position(|byte| *byte == b'\n');
        let (piece, rest) = text.split_at(end.map_or(most.len(), |end| end + 1));
        text = rest;
        Some(piece)
    })
}

/// Without the line's end, and what stands behind a NUL.
fn cut(line: &[u8]) -> &[u8] {
    let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// `#PART guid,COLUMN,...,`
fn header(line: &[u8]) -> Option<Columns> {
    let line = line.strip_prefix(b"#")?.trim_ascii_end();
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (part, names) = (line.get(..space)?, line.get(space + 1..)?);
    let part = match part {
        b"" => return None,
        b"fe" => Part::Front,
        b"be" => Part::Back,
        _ => return Some(Columns::LeftOut),
    };
    let names = names.strip_prefix(b"guid,")?;
    let names = match names {
        b"" => names,
        _ => names.strip_suffix(b",")?,
    };
    let known = |name: &[u8]| {
        let mut columns = part.columns().iter().copied();
        columns.find(|column| column.as_bytes() == name)
    };
    let names = names.split(|byte| *byte == b',').map(known).collect();
    Some(Columns::Known(part, names))
}

fn values<'t>(line: usize, part: Part, names: &[Option<&'static str>], text: &'t [u8]) -> Row<'t> {
    let mut fields = text.split(|byte| *byte == b',');
    let guid = String::from_utf8_lossy(fields.next().unwrap_or_default());
    let named = names.iter().zip(fields);
    let values = named.filter_map(|(name, field)| Some(((*name)?, number(field))));
    Row {
        line,
        part,
        guid,
        values: values.collect(),
    }
}

/// Digits as a number, at most the greatest; 0 where something else is among them.
fn number(text: &[u8]) -> u64 {
    if !text.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    text.iter().fold(0_u64, |number, digit| {
        let digit = u64::from(digit - b'0');
        number.saturating_mul(10).saturating_add(digit)
    })
}

/// Bytes of a line that upstream reads at once.
const LONGEST_PIECE: usize = 2047;

#[cfg(test)]
mod tests {
    use super::*;

    type Read = Result<(usize, String, Vec<(&'static str, u64)>), Fault>;

    fn read(text: &str) -> Vec<Read> {
        rows(text.as_bytes())
            .map(|row| row.map(|row| (row.line, row.guid.into_owned(), row.values)))
            .collect()
    }

    #[test]
    fn values_stand_under_their_columns() {
        let text = "#fe guid,bout,nothing,stot,\nf,1,2,3,4\n\n#be guid,stot,\r\nb,x,\nc,99999999999999999999\n";
        let expected = vec![
            Ok((2, "f".into(), vec![("bout", 1), ("stot", 3)])),
            Ok((5, "b".into(), vec![("stot", 0)])),
            Ok((6, "c".into(), vec![("stot", u64::MAX)])),
        ];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn a_file_begins_with_a_header() {
        assert_eq!(read("f,1,\n#fe guid,stot,\nf,1,\n"), [Err(Fault::Format)]);
        assert_eq!(read("#fe guid,stot\nf,1,\n"), [Err(Fault::Format)]);
        assert_eq!(read(""), []);
        assert_eq!(read("\0garbage"), []);
    }

    #[test]
    fn a_broken_header_leaves_its_part_out() {
        let text = "#fe guid,stot,\n# hello\nf,1\n#xx guid,a,\nf,1\n#be guid,stot,\nb,4\n";
        let expected = vec![
            Err(Fault::Header(2)),
            Ok((7, "b".into(), vec![("stot", 4)])),
        ];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn long_lines_are_cut_in_pieces() {
        let text = format!("#fe guid,stot,\n{},3\nf,4,\n", "x".repeat(5000));
        let read = read(&text);
        assert_eq!(read.len(), 4);
        assert_eq!(read.last(), Some(&Ok((5, "f".into(), vec![("stot", 4)]))));
    }
}
