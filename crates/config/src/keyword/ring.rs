//! The keywords of `ring` sections (configuration manual 12.5).

use hapax_core::backing_file::BackingFile;
use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::log::framing;
use super::{behind, row, server};
use crate::value::{self, TimeError, Unit, leading_integer};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "backing-file",
        Sections::RING,
        "<path>",
        "A file that keeps the latest messages too, for a look at them after the process ended.",
        |line| {
            let path = line.arg(0).unwrap_or_default().into_owned();
            let Some(known) = line.config.rings.last() else {
                return Ok(());
            };
            if let Some(before) = &known.backing {
                let text = format!(
                    "'backing-file' already specified for ring '{}' (was '{}').",
                    known.name, before.path
                );
                return Err(line.fault(text));
            }
            let made = BackingFile::create(&path, known.size).map_err(|error| {
                let error = error.to_string();
                let error = error.split(" (os error").next().unwrap_or_default();
                let name = &known.name;
                line.fault(format!(
                    "cannot open backing-file '{path}' for ring '{name}': {error}."
                ))
            })?;
            ring(line, |ring| ring.backing = Some(made));
            Ok(())
        },
    ),
    row(
        "description",
        Sections::RING,
        "<text>",
        "What the ring is for, as `show events` tells it.",
        |line| {
            let Some(text) = line.arg(0) else {
                return Err(line.fault("missing ring description text."));
            };
            ring(line, |ring| ring.description = text.into_owned());
            Ok(())
        },
    ),
    row(
        "format",
        Sections::RING,
        "<format>",
        "How messages are framed in the ring.",
        |line| {
            let text = line.arg(0).unwrap_or_default();
            let Some(format) = framing(&text) else {
                return Err(line.fault(format!("unknown format '{text}'.")));
            };
            ring(line, |ring| ring.format = Some(format));
            Ok(())
        },
    ),
    row(
        "maxlen",
        Sections::RING,
        "<length>",
        "The longest message of the ring.",
        |line| {
            let most = size(line)?;
            ring(line, |ring| ring.maxlen = Some(most));
            Ok(())
        },
    ),
    row(
        "server",
        Sections::RING,
        "<name> <address> [<option>...]",
        "A syslog server that gets every message of the ring.",
        |line| {
            server::server(line)?;
            let server = line.proxy()?.servers.pop();
            match server {
                Some(server) if server.host_name.is_some() => {
                    let text = "servers of rings that are named by a host name are not built yet.";
                    Err(line.fault_at(1, text))
                }
                server => {
                    line.proxy()?.servers.extend(server);
                    Ok(())
                }
            }
        },
    ),
    row(
        "size",
        Sections::RING,
        "<size>",
        "How much the ring holds.",
        |line| {
            let bytes = size(line)?;
            if line
                .config
                .rings
                .last()
                .is_some_and(|ring| ring.backing.is_some())
            {
                return Err(line.fault(
                    "cannot resize an already mapped file, please specify 'size' before 'backing-file'.",
                ));
            }
            ring(line, |ring| ring.size = bytes);
            Ok(())
        },
    ),
    row(
        "timeout connect",
        Sections::RING,
        "<timeout>",
        "How long connecting to a server may take.",
        |line| {
            let time = time(line, "timeout connect")?;
            line.proxy()?.timeouts.connect = Some(time);
            Ok(())
        },
    ),
    row(
        "timeout server",
        Sections::RING,
        "<timeout>",
        "How long a server may leave messages untaken.",
        |line| {
            let time = time(line, "timeout server")?;
            line.proxy()?.timeouts.server = Some(time);
            Ok(())
        },
    ),
];

fn ring(line: &mut Line<'_>, change: impl FnOnce(&mut ir::Ring)) {
    if let Some(ring) = line.config.rings.last_mut() {
        change(ring);
    }
}

/// A number of bytes; what is larger than a machine's memory is as much as can be.
fn size(line: &Line<'_>) -> Result<usize, Fault> {
    let text = line.arg(0).unwrap_or_default();
    match usize::try_from(leading_integer(text.as_bytes())) {
        Ok(bytes) if bytes > 0 => Ok(bytes.min(MOST)),
        _ => Err(line.fault(format!("invalid size '{text}' for new sink buffer."))),
    }
}

fn time(line: &Line<'_>, name: &str) -> Result<ir::Milliseconds, Fault> {
    let Some(word) = line.args().first() else {
        return Err(line.fault_at(0, format!("'{name}' expects <time> as argument.")));
    };
    match value::time(&word.text, Unit::Millisecond) {
        Ok(time) => Ok(time.value),
        Err(TimeError::Unexpected(byte)) => {
            let byte = char::from(byte);
            let text = format!("unexpected character '{byte}' in argument to <{name}>.");
            Err(behind(Prefix::Reading, line.fault_at(0, text)))
        }
        Err(TimeError::Overflow | TimeError::Missing) => {
            Err(line.fault_at(0, format!("'{name}' expects <time> as argument.")))
        }
    }
}

const MOST: usize = 1 << 40;

/// A ring for a `log` line with the address of a stream; its name.
pub(crate) fn implicit(line: &mut Line<'_>, address: ir::Address, length: u32) -> String {
    let rings = &mut line.config.rings;
    let number = rings.iter().filter(|ring| ring.format.is_none()).count() + 1;
    let name = format!("ring#{number}");
    let path = line.scope.paths.get(usize::from(line.span.file.0));
    let description = format!(
        "created from log directive declared into '{}' at line {}",
        path.map_or("?", String::as_str),
        line.span.line
    );
    let length = length as usize;
    let size = ir::Ring::named("").size.max(length * 8);
    rings.push(ir::Ring {
        span: line.span,
        description,
        format: None,
        maxlen: Some(length),
        size,
        servers: vec![
            ir::Server {
                name: "server".to_owned(),
                span: line.span,
                address,
                port: ir::ServerPort::Fixed,
                text: String::new(),
                host_name: None,
                options: ir::ServerOptions::default().into(),
            }
            .into(),
        ],
        ..ir::Ring::named(&name)
    });
    name
}

/// What is said about rings as a whole.
pub(crate) fn findings(ring: &mut ir::Ring) -> Option<Diagnostic> {
    let (most, wanted) = (ring.most(), ring.maxlen.filter(|_| ring.format.is_some())?);
    if wanted <= most {
        return None;
    }
    ring.maxlen = Some(most);
    let text = format!(
        "ring '{}' event max length '{wanted}' exceeds max payload size, forced to '{most}'.",
        ring.name
    );
    Some(Diagnostic::warning(ring.span, text).with_prefix(Prefix::Config))
}
