//! `show info`: what the process says of itself.

use std::io::Write;
use std::sync::atomic::Ordering;

use hapax_core::contract::Now;
use hapax_core::counter::Count;
use hapax_core::program::Program;

use super::csv::write_json_value;
use super::value::StatValue;

/// What is known once the process has started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The version as `-v` prints it, for example `3.2.0-hapax`.
    pub version: String,
    /// Its date, `YYYY/MM/DD`.
    pub release_date: String,
    /// The limit of open files in force.
    pub ulimit_n: u32,
    /// Sockets the process may need, as upstream computes them.
    pub maxsock: u32,
    /// `maxconn` before anything lowered it.
    pub hard_maxconn: u32,
    /// Limit of pipes for splicing; 0 is none.
    pub maxpipes: u32,
    /// Limit of memory (`-m`), MB; 0 is none.
    pub memmax_mb: u32,
    /// Warnings given while starting.
    pub warnings: u32,
    /// How long the start took, ms.
    pub boot_ms: u32,
    /// What was said meanwhile.
    pub startup_logs: Vec<u8>,
}

/// What the workers measure of themselves when they are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measures {
    /// Bytes of buffers allocated by the pools.
    pub pool_allocated: u64,
    /// Bytes of buffers in use.
    pub pool_used: u64,
    /// Pipes in use.
    pub pipes_used: u32,
    /// Pipes kept for the next use.
    pub pipes_free: u32,
    /// Tasks.
    pub tasks: u32,
    /// Share of time without work, percent.
    pub idle_percent: u32,
    /// Bytes sent to clients in the last second.
    pub bytes_out_rate: u64,
    /// Bytes spliced to either side.
    pub spliced_bytes: u64,
    /// Times the process limit of connections was reached.
    pub maxconn_reached: u32,
}

/// Everything `show info` looks at.
#[derive(Debug)]
pub struct InfoView<'a> {
    /// The configuration in force.
    pub program: &'a Program,
    /// What is known since the start.
    pub facts: &'a Facts,
    /// What the workers measured.
    pub measures: Measures,
    /// The time.
    pub now: Now,
    /// Whether rates and times are given with fractions (`float`).
    pub float: bool,
}

/// One line.
pub struct InfoLine {
    /// Its name.
    pub name: &'static str,
    /// Origin, nature and scope.
    tags: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    value: for<'v, 'a> fn(&'v InfoView<'a>) -> StatValue<'v>,
}

impl InfoLine {
    /// Its value; empty when the line is left out.
    pub fn value<'v>(&self, view: &'v InfoView<'_>) -> StatValue<'v> {
        (self.value)(view)
    }
}

/// The line of a name.
pub fn find(name: &str) -> Option<&'static InfoLine> {
    LINES.iter().find(|line| line.name == name)
}

/// Forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InfoForm {
    /// `Name: value`.
    Plain,
    /// Management manual 9.2.
    Typed,
    /// JSON.
    Json,
}

/// Appends the answer; `describe` adds the documentation of each line.
pub fn write(view: &InfoView<'_>, form: InfoForm, describe: bool, out: &mut Vec<u8>) {
    let mut first = true;
    if form == InfoForm::Json {
        out.push(b'[');
    }
    for (position, line) in LINES.iter().enumerate() {
        let value = line.value(view);
        if value.is_empty() {
            continue;
        }
        match form {
            InfoForm::Plain => {
                let _ = write!(out, "{}: ", line.name);
                value.write(out);
            }
            InfoForm::Typed => {
                let (name, tags, kind) = (line.name, line.tags, value.type_name());
                let _ = write!(out, "{position}.{name}.1:{tags}:{kind}:");
                value.write(out);
            }
            InfoForm::Json => {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                let _ = write!(
                    out,
                    "{{\"field\":{{\"pos\":{position},\"name\":\"{}\"}},\"processNum\":1,",
                    line.name
                );
                let doc = describe.then_some(line.doc);
                write_json_value(line.tags, &value, doc, out);
                continue;
            }
        }
        if describe {
            let _ = write!(out, ":\"{}\"", line.doc);
        }
        out.push(b'\n');
    }
    if form == InfoForm::Json {
        out.extend_from_slice(b"]\n");
    }
}

/// Seconds as upstream writes an uptime.
pub fn uptime(now: Now) -> String {
    let seconds = now.ms / 1000;
    format!(
        "{}d {}h{:02}m{:02}s",
        seconds / 86400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60
    )
}

macro_rules! lines {
    ($($name:literal, $tags:literal, $doc:literal, $value:expr;)*) => {
        &[$(InfoLine { name: $name, tags: $tags, doc: $doc, value: $value },)*]
    };
}

/// The lines in upstream's order. Those of compression, peers and resolvers are 0: there are none of these.
pub static LINES: &[InfoLine] = lines! {
    "Name", "POS", "name of the product", |_| StatValue::text("HAProxy");
    "Version", "POS", "version", |v| StatValue::text(&v.facts.version);
    "Release_date", "POS", "date of the version", |v| StatValue::text(&v.facts.release_date);
    "Nbthread", "CGS", "workers", |v| count(v.program.live.workers);
    "Nbproc", "CGS", "processes, always 1", |_| StatValue::U32(1);
    "Process_num", "KGP", "number of this process, always 1", |_| StatValue::U32(1);
    "Pid", "SGP", "process id", |_| StatValue::U32(std::process::id());
    "Uptime", "MDP", "time since the start", |v| StatValue::Str(uptime(v.now).into());
    "Uptime_sec", "MDP", "seconds since the start", |v| match v.float {
        true => StatValue::Float(v.now.ms * 1000),
        false => StatValue::seconds(v.now.ms / 1000),
    };
    "Memmax_MB", "CLP", "limit of memory, MB", |v| StatValue::U32(v.facts.memmax_mb);
    "PoolAlloc_MB", "MGP", "memory of the buffer pools, MB", |v| StatValue::seconds(v.measures.pool_allocated >> 20);
    "PoolUsed_MB", "MGP", "memory of buffers in use, MB", |v| StatValue::seconds(v.measures.pool_used >> 20);
    "PoolFailed", "MCP", "allocations that failed; memory that is not there ends the process", zero;
    "Ulimit-n", "CLP", "limit of open files", |v| StatValue::U32(v.facts.ulimit_n);
    "Maxsock", "CLP", "limit of sockets", |v| StatValue::U32(v.facts.maxsock);
    "Maxconn", "CLP", "limit of connections in force", |v| StatValue::U32(v.program.live.process.maxconn.load(Ordering::Relaxed));
    "Hard_maxconn", "CLP", "limit of connections at the start", |v| StatValue::U32(v.facts.hard_maxconn);
    "CurrConns", "MGP", "connections now", |v| StatValue::U32(v.program.live.process.connections.value());
    "CumConns", "MCP", "connections ever", |v| low(process(v, Count::Connections));
    "CumReq", "MCP", "requests ever", |v| low(streams(v));
    "MaxSslConns", "MMP", "limit of TLS connections", |v| StatValue::U32(v.program.global.tls.maxconn);
    "CurrSslConns", "MGP", "TLS connections now", |_| StatValue::U32(crate::io::tls_connections());
    "CumSslConns", "MCP", "TLS connections ever", |v| low(process(v, Count::TlsConnections));
    "Maxpipes", "CLP", "limit of pipes for splicing", |v| StatValue::U32(v.facts.maxpipes);
    "PipesUsed", "MGP", "pipes in use", |v| StatValue::U32(v.measures.pipes_used);
    "PipesFree", "MGP", "pipes kept for the next use", |v| StatValue::U32(v.measures.pipes_free);
    "ConnRate", "MRP", "connections in the last second", |v| rate(v, v.program.live.process.connection_rate.per_second(v.now.ms));
    "ConnRateLimit", "CLP", "limit of connections per second", |v| StatValue::U32(v.program.live.process.connection_rate_limit.load(Ordering::Relaxed));
    "MaxConnRate", "MMP", "most connections in a second", |v| StatValue::U32(v.program.live.process.connection_rate.highest());
    "SessRate", "MRP", "sessions in the last second", |v| rate(v, v.program.live.process.session_rate.per_second(v.now.ms));
    "SessRateLimit", "CLP", "limit of sessions per second", |v| StatValue::U32(v.program.live.process.session_rate_limit.load(Ordering::Relaxed));
    "MaxSessRate", "MRP", "most sessions in a second", |v| StatValue::U32(v.program.live.process.session_rate.highest());
    "SslRate", "MRP", "TLS connections in the last second", |v| rate(v, v.program.live.process.tls_rate.per_second(v.now.ms));
    "SslRateLimit", "CLP", "limit of TLS connections per second", |v| StatValue::U32(v.program.live.process.tls_rate_limit.load(Ordering::Relaxed));
    "MaxSslRate", "MMP", "most TLS connections in a second", |v| StatValue::U32(v.program.live.process.tls_rate.highest());
    "SslFrontendKeyRate", "MGP", "TLS keys made in the last second", |v| rate(v, v.program.live.process.tls_key_rate.per_second(v.now.ms));
    "SslFrontendMaxKeyRate", "MMP", "most TLS keys made in a second", |v| StatValue::U32(v.program.live.process.tls_key_rate.highest());
    "SslFrontendSessionReuse_pct", "MGP", "share of resumed TLS sessions", |v| rate(v, resumed(v));
    "SslBackendKeyRate", "MRP", "TLS keys made towards servers in the last second", |v| rate(v, v.program.live.process.tls_server_key_rate.per_second(v.now.ms));
    "SslBackendMaxKeyRate", "MMP", "most TLS keys made towards servers in a second", |v| StatValue::U32(v.program.live.process.tls_server_key_rate.highest());
    "SslCacheLookups", "MCP", "look-ups of TLS sessions", zero;
    "SslCacheMisses", "MCP", "look-ups of TLS sessions in vain", zero;
    "CompressBpsIn", "MRP", "bytes per second given to compression", |v| rate(v, 0);
    "CompressBpsOut", "MRP", "bytes per second out of compression", |v| rate(v, 0);
    "CompressBpsRateLim", "CLP", "limit of compression", zero;
    "ZlibMemUsage", "MGP", "memory of zlib; there is none", |_| StatValue::Empty;
    "MaxZlibMemUsage", "CLP", "limit of zlib's memory; there is none", |_| StatValue::Empty;
    "Tasks", "MGP", "tasks", |v| StatValue::U32(v.measures.tasks);
    "Run_queue", "MGP", "tasks that wait for their turn: those run before anybody can ask", zero;
    "Idle_pct", "MaP", "share of time without work, percent", |v| StatValue::U32(v.measures.idle_percent);
    "node", "COS", "name of the node", node;
    "description", "COS", "description", |v| v.program.global.description.as_deref().map_or(StatValue::Empty, StatValue::text);
    "Stopping", "MGP", "1 once no connections are taken any more", |v| StatValue::U32(u32::from(v.program.live.process.stopping.load(Ordering::Relaxed)));
    "Jobs", "MGP", "what keeps a stopping process alive", jobs;
    "Unstoppable Jobs", "MGP", "jobs that end by themselves only", zero;
    "Listeners", "MGP", "listening sockets", listeners;
    "ActivePeers", "MGP", "peers that are in sync", zero;
    "ConnectedPeers", "MGP", "peers that are connected", zero;
    "DroppedLogs", "MGP", "log lines that could not be sent", |v| low(v.program.live.process.dropped_logs.load(Ordering::Relaxed));
    "BusyPolling", "MGP", "1 when workers poll without waiting: never", zero;
    "FailedResolutions", "MGP", "names that did not resolve at run time: none are asked for", zero;
    "TotalBytesOut", "MGP", "bytes sent to clients", |v| StatValue::U64(process(v, Count::BytesOut));
    "TotalSplicedBytesOut", "MGP", "bytes spliced to either side", |v| StatValue::U64(v.measures.spliced_bytes);
    "BytesOutRate", "MRP", "bytes sent to clients in the last second", |v| StatValue::U64(v.measures.bytes_out_rate);
    "DebugCommandsIssued", "MGP", "debug commands given: there are none", zero;
    "CumRecvLogs", "MCP", "log lines received: none are", zero;
    "Build info", "POS", "version", |v| StatValue::text(&v.facts.version);
    "Memmax_bytes", "CLP", "limit of memory, bytes", |v| StatValue::seconds(u64::from(v.facts.memmax_mb) << 20);
    "PoolAlloc_bytes", "MGP", "memory of the buffer pools", |v| StatValue::U64(v.measures.pool_allocated);
    "PoolUsed_bytes", "MGP", "memory of buffers in use", |v| StatValue::U64(v.measures.pool_used);
    "Start_time_sec", "MDP", "when it started, seconds since 1970", |v| match v.float {
        true => StatValue::Float(v.program.live.process.started_wall_us),
        false => StatValue::seconds(v.program.live.process.started_wall_us / 1_000_000),
    };
    "Tainted", "SGP", "marks of experimental use: none", |_| StatValue::text("0");
    "TotalWarnings", "MCP", "warnings given", |v| StatValue::U32(v.facts.warnings);
    "MaxconnReached", "MCP", "times the limit of connections was reached", |v| StatValue::U32(v.measures.maxconn_reached);
    "BootTime_ms", "MDP", "how long the start took, ms", |v| StatValue::U32(v.facts.boot_ms);
    "Niced_tasks", "MGP", "tasks with another priority: none", zero;
    "CurrStreams", "MGP", "exchanges now", |v| StatValue::U64(open_streams(v));
    "CumStreams", "MGP", "streams ever", |v| StatValue::U64(streams(v).saturating_sub(process(v, Count::Unbegun)));
    "BlockedTrafficWarnings", "MGP", "times a worker was stuck: not watched", zero;
};

fn zero<'v>(_: &'v InfoView<'_>) -> StatValue<'v> {
    StatValue::U32(0)
}

/// Events per second.
fn rate<'v>(view: &'v InfoView<'_>, rate: u32) -> StatValue<'v> {
    match view.float {
        true => StatValue::Float(u64::from(rate) * 1_000_000),
        false => StatValue::U32(rate),
    }
}

/// Of the connections in the last second that had TLS, how many of a hundred made no new session.
fn resumed(view: &InfoView<'_>) -> u32 {
    let process = &view.program.live.process;
    let all = process.tls_rate.per_second(view.now.ms);
    let made = process.tls_key_rate.per_second(view.now.ms).min(all);
    u32::try_from(100 * u64::from(all - made) / u64::from(all.max(1))).unwrap_or(0)
}

fn count<'v>(number: usize) -> StatValue<'v> {
    StatValue::U32(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Counters that upstream shows with 32 bits.
fn low<'v>(number: u64) -> StatValue<'v> {
    StatValue::U32((number & u64::from(u32::MAX)) as u32)
}

fn process(view: &InfoView<'_>, what: Count) -> u64 {
    view.program.live.process.counters.sum(what)
}

fn node<'v>(view: &'v InfoView<'_>) -> StatValue<'v> {
    let node = view.program.global.node.as_deref();
    StatValue::text(node.unwrap_or(&view.program.host_name))
}

fn listeners<'v>(view: &'v InfoView<'_>) -> StatValue<'v> {
    if view.program.live.process.stopping.load(Ordering::Relaxed) {
        return StatValue::U32(0);
    }
    let of_proxies = view.program.proxies.iter().filter(|p| !p.ir.disabled);
    let of_proxies: usize = of_proxies.map(|proxy| proxy.ir.binds.len()).sum();
    count(of_proxies + view.program.global.stats_sockets.len())
}

/// Listening sockets, connections of clients and of the runtime API, and the process itself.
fn jobs<'v>(view: &'v InfoView<'_>) -> StatValue<'v> {
    let connections = view.program.live.process.jobs.load(Ordering::Relaxed);
    let listeners = u32::try_from(listeners(view).number()).unwrap_or(u32::MAX);
    StatValue::U32(listeners.saturating_add(connections).saturating_add(1))
}

/// Exchanges, connections of TCP and of the runtime API.
fn streams(view: &InfoView<'_>) -> u64 {
    u64::from(view.program.live.process.streams.load(Ordering::Relaxed))
}

fn open_streams(view: &InfoView<'_>) -> u64 {
    let proxies = view.program.proxies.iter();
    let of_clients: u64 = proxies
        .map(|proxy| proxy.live.frontend.counters.open_streams())
        .sum();
    of_clients.saturating_add(view.program.live.process.counters.open_streams())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::tests::{NOW, config, link};

    fn show(form: InfoForm, describe: bool) -> String {
        show_with(form, describe, false)
    }

    fn show_with(form: InfoForm, describe: bool, float: bool) -> String {
        let mut config = config();
        config.global.maxconnrate = 50;
        config.global.node = Some("thenode".into());
        let program = link(config);
        program
            .live
            .process
            .counters
            .add(0, Count::Connections, (1 << 32) + 7);
        let facts = Facts {
            version: "3.2.0-hapax".into(),
            ulimit_n: 1024,
            ..Facts::default()
        };
        let view = InfoView {
            program: &program,
            facts: &facts,
            measures: Measures::default(),
            now: NOW,
            float,
        };
        let mut out = Vec::new();
        write(&view, form, describe, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn lines_stand_in_upstreams_order() {
        let text = show(InfoForm::Plain, false);
        assert!(text.starts_with("Name: HAProxy\nVersion: 3.2.0-hapax\n"));
        assert!(text.contains("\nUptime: 0d 0h01m00s\nUptime_sec: 60\n"));
        assert!(text.contains("\nMaxconn: 2000\n") && text.contains("\nCumConns: 7\n"));
        assert!(text.contains("\nConnRateLimit: 50\n") && text.contains("\nListeners: 1\n"));
        assert!(
            text.contains("\nnode: thenode\nStopping: 0\n"),
            "no description"
        );
        assert!(text.ends_with("\nBlockedTrafficWarnings: 0\n"));
        assert_eq!(text.lines().count(), 76);
    }

    // exercises: command/show info
    #[test]
    fn float_shows_fractions_of_times_and_types_of_rates() {
        let text = show_with(InfoForm::Typed, false, true);
        assert!(text.contains("\n8.Uptime_sec.1:MDP:flt:60"), "{text}");
        assert!(text.contains("\n26.ConnRate.1:MRP:flt:0\n"));
        assert!(text.contains(".Start_time_sec.1:MDP:flt:"));
    }

    #[test]
    fn typed_and_json_keep_the_positions() {
        let text = show(InfoForm::Typed, false);
        assert!(text.contains("\n13.Ulimit-n.1:CLP:u32:1024\n"));
        assert!(text.contains("\n50.node.1:COS:str:thenode\n52.Stopping.1:MGP:u32:0\n"));
        assert!(text.ends_with("\n78.BlockedTrafficWarnings.1:MGP:u32:0\n"));
        let json = show(InfoForm::Json, false);
        assert!(json.starts_with("[{\"field\":{\"pos\":0,\"name\":\"Name\"},\"processNum\":1,\"tags\":{\"origin\":\"Product\",\"nature\":\"Output\",\"scope\":\"Service\"},\"value\":{\"type\":\"str\",\"value\":\"HAProxy\"}},"));
        assert!(json.ends_with("}]\n"));
        assert!(show(InfoForm::Plain, true).starts_with("Name: HAProxy:\"name of the product\"\n"));
    }
}
