//! How many connections fit: `maxconn` from the descriptors the system grants, as upstream computes it.

use hapax_core::ir;
use hapax_sys::limits::{self, Limit};

/// Descriptors kept for connections of the runtime API when `stats maxconn` says nothing.
const STATS_MAXCONN: u64 = 10;
/// Upstream's bound on descriptors when `fd-hard-limit` says nothing.
const HARD_LIMIT: u64 = 1_048_576;

/// The outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections of the process.
    pub maxconn: u32,
    /// Descriptors that `maxconn` asks for.
    pub sockets: u64,
    /// Descriptors the process asks the system for.
    pub files: u64,
    /// Pipes for splicing.
    pub pipes: u32,
}

/// Computes the limits; `granted` is the hard limit of open files.
pub fn compute(config: &ir::Config, workers: u16, granted: u64) -> Limits {
    let global = &config.global;
    let fixed = fixed_descriptors(config, workers);
    let spliced = !global.no_splice
        && config.proxies.iter().any(|proxy| {
            let options = &proxy.options;
            options.splice_auto || options.splice_request || options.splice_response
        });
    // Two sockets for a connection, and a pipe for one connection in four when data may be spliced.
    let sockets = |maxconn: u64| fixed + 2 * maxconn + if spliced { maxconn / 4 * 2 } else { 0 };
    let maxconn = global.maxconn.filter(|&limit| limit > 0).map_or_else(
        || {
            let bound = granted.min(global.fd_hard_limit.map_or(HARD_LIMIT, u64::from));
            let free = bound.saturating_sub(fixed);
            let mut most = if spliced { free * 2 / 5 } else { free / 2 };
            while sockets(most + 1) <= bound {
                most += 1;
            }
            while most > 0 && sockets(most) > bound {
                most -= 1;
            }
            most.max(1)
        },
        u64::from,
    );
    let sockets = sockets(maxconn);
    Limits {
        maxconn: u32::try_from(maxconn).unwrap_or(u32::MAX),
        sockets,
        files: global.ulimit_n.map_or(sockets, u64::from),
        pipes: if spliced { (maxconn / 4) as u32 } else { 0 },
    }
}

/// Raises the limit of open files. The error is upstream's text.
///
/// # Errors
/// When the system does not grant that many and `strict-limits` holds.
pub fn apply(limits: Limits, strict: bool) -> Result<Option<String>, String> {
    let now = limits::open_files().map_err(|error| error.to_string())?;
    if limits.files <= now.soft {
        return Ok(None);
    }
    let wanted = Limit {
        soft: limits.files,
        hard: now.hard.max(limits.files),
    };
    if limits::set_open_files(wanted).is_ok() {
        return Ok(None);
    }
    let text = format!(
        "[haproxy.main()] Cannot raise FD limit to {}, limit is {}.",
        limits.files, now.hard
    );
    if strict {
        return Err(text);
    }
    let reachable = Limit {
        soft: now.hard,
        hard: now.hard,
    };
    limits::set_open_files(reachable).map_err(|error| error.to_string())?;
    Ok(Some(text))
}

/// Descriptors that do not depend on the number of connections: listeners, checks, the runtime API, workers.
fn fixed_descriptors(config: &ir::Config, workers: u16) -> u64 {
    let global = &config.global;
    let listeners: usize = config.proxies.iter().map(|proxy| proxy.binds.len()).sum();
    let checks = config
        .proxies
        .iter()
        .flat_map(|proxy| &proxy.servers)
        .filter(|server| server.options.check.enabled)
        .count();
    let runtime_api = if global.stats_sockets.is_empty() {
        0
    } else {
        global.stats_sockets.len() as u64 + global.stats_maxconn.map_or(STATS_MAXCONN, u64::from)
    };
    10 + 3 * u64::from(workers) + listeners as u64 + checks as u64 + runtime_api
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration with one runtime socket and nothing else; upstream gives 487, 486 and 483 connections for 1, 2
    /// and 4 workers with one listener under 1,000 descriptors.
    fn config() -> ir::Config {
        let mut config = ir::Config::default();
        config.global.stats_sockets.push(ir::Bind {
            address: ir::Address::Unix("/tmp/s".into()),
            span: hapax_core::span::Span::default(),
            text: "/tmp/s".into(),
            options: ir::BindOptions::default(),
        });
        config
    }

    #[test]
    fn connections_follow_from_descriptors() {
        let config = config();
        assert_eq!(compute(&config, 1, 1000).maxconn, 488);
        assert_eq!(compute(&config, 2, 1000).maxconn, 486);
        assert_eq!(compute(&config, 4, 1000).maxconn, 483);
        assert_eq!(compute(&config, 2, 1024).maxconn, 498);
    }

    #[test]
    fn a_given_maxconn_asks_for_its_descriptors() {
        let mut config = config();
        config.global.maxconn = Some(100);
        let limits = compute(&config, 2, 1000);
        assert_eq!((limits.maxconn, limits.files), (100, 227));
        config.global.ulimit_n = Some(500);
        assert_eq!(compute(&config, 2, 1000).files, 500);
    }
}
