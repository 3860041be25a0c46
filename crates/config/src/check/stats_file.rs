//! The stats-file is read last of all: it names objects of the configuration.

use hapax_core::diagnostic::Severity;
use hapax_core::ir::{self, Counted, CountedBefore};
use hapax_core::stats_file::{Fault, Part, Row, rows};
use hashbrown::HashMap;

use super::Check;
use crate::guid::check_text;

/// Notes which counters begin with what.
pub(crate) fn read(config: &mut ir::Config, check: &mut Check<'_>) {
    let Some(file) = config.global.stats_file.clone() else {
        return;
    };
    let mut warn = |text: String| check.push(Severity::Warning, None, text);
    let text = match std::fs::read(&file) {
        Ok(text) => text,
        // Upstream opens a folder and finds nothing in it.
        Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => Vec::new(),
        Err(_) => {
            warn(format!(
                "config: Can't load stats-file '{file}': cannot open file."
            ));
            return;
        }
    };
    let objects = objects(config);
    let mut counted = Vec::new();
    for row in rows(&text) {
        match row {
            Ok(row) => match target(&objects, &row) {
                Ok(None) => {}
                Ok(Some(of)) => {
                    let values = row.values;
                    counted.push(CountedBefore { of, values });
                }
                Err(()) => {
                    let line = row.line;
                    warn(format!(
                        "config: Ignored stats-file line {line} in file '{file}'."
                    ));
                }
            },
            Err(Fault::Header(line)) => warn(format!(
                "config: Ignored stats-file header line '{line}' in file '{file}'."
            )),
            Err(Fault::Format) => {
                warn(format!(
                    "config: Invalid stats-file format in file '{file}'."
                ));
            }
        }
    }
    drop(objects);
    config.counted_before = counted;
}

/// What has a name in a stats-file.
#[derive(Clone, Copy)]
enum Object {
    Proxy(usize, ir::ProxyKind),
    Listener(usize, usize),
    Server(usize, usize),
}

fn objects(config: &ir::Config) -> HashMap<&str, Object> {
    let mut objects = HashMap::new();
    for (index, proxy) in config.proxies.iter().enumerate() {
        if let Some(guid) = &proxy.guid {
            objects.insert(&**guid, Object::Proxy(index, proxy.kind));
        }
        for (number, bind) in proxy.binds.iter().enumerate() {
            if let Some(guid) = &bind.options.guid {
                objects.insert(guid, Object::Listener(index, number));
            }
        }
        for (number, server) in proxy.servers.iter().enumerate() {
            if let Some(guid) = &server.options.guid {
                objects.insert(guid, Object::Server(index, number));
            }
        }
    }
    objects
}

/// Whose values a row has; none where the configuration has no such thing.
fn target(objects: &HashMap<&str, Object>, row: &Row<'_>) -> Result<Option<Counted>, ()> {
    check_text(row.guid.as_bytes()).map_err(|_| ())?;
    let Some(object) = objects.get(&*row.guid) else {
        return Ok(None);
    };
    match (*object, row.part) {
        (Object::Proxy(proxy, kind), Part::Front) if kind.has_frontend() => {
            Ok(Some(Counted::Frontend(proxy)))
        }
        (Object::Proxy(proxy, kind), Part::Back) if kind.has_backend() => {
            Ok(Some(Counted::Backend(proxy)))
        }
        (Object::Proxy(..), _) => Ok(None),
        (Object::Listener(proxy, bind), Part::Front) => Ok(Some(Counted::Listener(proxy, bind))),
        (Object::Server(proxy, server), Part::Back) => Ok(Some(Counted::Server(proxy, server))),
        _ => Err(()),
    }
}
