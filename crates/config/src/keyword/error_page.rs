//! `errorfile` and `errorloc`: what is sent for a status instead of the built-in page.

use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};
use hapax_core::span::Word;

use super::row;
use crate::value::leading_integer;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "errorfile",
        Sections::PROXIES.or(Sections::HTTP_ERRORS),
        "<code> <file>",
        "Sends a file for a status.",
        |line| {
            let in_section = line.section == Sections::HTTP_ERRORS;
            let (Some(code), Some(file)) = (line.args().first(), line.args().get(1)) else {
                let colon = if in_section { ":" } else { " :" };
                let text =
                    format!("errorfile{colon} expects <status_code> and <file> as arguments.");
                return Err(line.fault(text));
            };
            if line.args().len() > 2 && !in_section {
                return Err(line.fault_at(2, "errorfile : expects exactly two arguments."));
            }
            let status = status(line, code, "errorfile")?;
            let path = file.lossy().into_owned();
            let content =
                read(&path).map_err(|error| line.fault_at(1, format!("errorfile : {error}")))?;
            set(line, status, content, path)
        },
    ),
    row(
        "errorfiles",
        Sections::PROXIES,
        "<name> [<code> ...]",
        "Sends pages of an http-errors section.",
        |line| {
            let Some(name) = line.args().first() else {
                return Err(line.fault("errorfiles : expects <name> as argument."));
            };
            let codes = line.args().iter().skip(1);
            let statuses = codes
                .map(|code| status(line, code, "errorfiles"))
                .collect::<Result<_, _>>()?;
            let import = ir::ErrorLine::Import {
                name: name.lossy().into_owned(),
                statuses,
                span: line.span,
            };
            line.proxy()?.error_lines.push(import);
            Ok(())
        },
    ),
    row(
        "errorloc",
        Sections::PROXIES,
        "<code> <url>",
        "Redirects with 302 for a status.",
        |line| location(line, 302),
    ),
    row(
        "errorloc302",
        Sections::PROXIES,
        "<code> <url>",
        "Redirects with 302 for a status.",
        |line| location(line, 302),
    ),
    row(
        "errorloc303",
        Sections::PROXIES,
        "<code> <url>",
        "Redirects with 303 for a status.",
        |line| location(line, 303),
    ),
];

fn location(line: &mut Line<'_>, redirect: u16) -> Result<(), Fault> {
    let keyword = line.keyword();
    let (Some(code), Some(url)) = (line.args().first(), line.args().get(1)) else {
        let text = format!("{keyword} : expects <status_code> and <url> as arguments.");
        return Err(line.fault(text));
    };
    if line.args().len() > 2 {
        return Err(line.fault_at(2, format!("{keyword} : expects exactly two arguments.")));
    }
    let status = status(line, code, &keyword)?;
    let reason = if redirect == 302 {
        "Found"
    } else {
        "See Other"
    };
    let mut content = format!(
        "HTTP/1.1 {redirect} {reason}\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: "
    )
    .into_bytes();
    content.extend_from_slice(&url.text);
    content.extend_from_slice(b"\r\n\r\n");
    let origin = format!("{keyword} {}", url.lossy());
    set(line, status, content, origin)
}

fn status(line: &Line<'_>, word: &Word, keyword: &str) -> Result<u16, Fault> {
    let number = leading_integer(&word.text);
    let known = u16::try_from(number)
        .ok()
        .filter(|code| STATUSES.contains(code));
    let unknown = || {
        line.fault_at(
            0,
            format!("{keyword} : status code '{number}' not handled."),
        )
    };
    known.ok_or_else(unknown)
}

/// Reads a page and looks whether it is a response.
fn read(path: &str) -> Result<Vec<u8>, String> {
    let metadata = std::fs::metadata(path).map_err(|_| format!("error opening file '{path}'."))?;
    if metadata.is_file() && metadata.len() > MAX_PAGE {
        return Err(format!("file '{path}' is larger than a buffer."));
    }
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(|_| format!("error opening file '{path}'."))?;
    let mut limited = std::io::Read::take(file, MAX_PAGE + 1);
    std::io::Read::read_to_end(&mut limited, &mut content)
        .map_err(|_| format!("error reading file '{path}'."))?;
    if content.len() as u64 > MAX_PAGE {
        return Err(format!("file '{path}' is larger than a buffer."));
    }
    match content.is_empty() || is_response(&content) {
        true => Ok(content),
        false => Err(format!(
            "'{path}': unable to parse headers (error offset: 0)"
        )),
    }
}

/// A status line and header fields up to an empty line.
fn is_response(content: &[u8]) -> bool {
    let mut lines = content
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let status = lines.next().unwrap_or_default();
    let version = [b"HTTP/1.0 ".as_slice(), b"HTTP/1.1 "]
        .iter()
        .any(|start| status.starts_with(start));
    let code = status
        .get(9..12)
        .is_some_and(|code| code.iter().all(u8::is_ascii_digit));
    version && code && lines.take_while(|line| !line.is_empty()).all(is_field)
}

fn is_field(line: &[u8]) -> bool {
    match line.iter().position(|byte| *byte == b':') {
        None | Some(0) => false,
        Some(at) => line
            .get(..at)
            .is_some_and(|name| name.iter().all(|byte| byte.is_ascii_graphic())),
    }
}

fn set(line: &mut Line<'_>, status: u16, content: Vec<u8>, origin: String) -> Result<(), Fault> {
    let page = ir::ErrorPage {
        status,
        content: content.into(),
        reply: None,
        origin,
    };
    if line.section != Sections::HTTP_ERRORS {
        line.proxy()?.error_lines.push(ir::ErrorLine::Page(page));
    } else if let Some(section) = line.config.http_errors.last_mut() {
        section.pages.retain(|other| other.status != status);
        section.pages.push(page);
    }
    Ok(())
}

/// The largest page: a buffer as it is by default.
const MAX_PAGE: u64 = 16384;

static STATUSES: &[u16] = &[
    200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502,
    503, 504,
];
