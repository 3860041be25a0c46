//! What the process is and does: descriptors, threads, memory, machine, start.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::Ordering;

use hapax_core::counter::Count;

use super::{Answer, Call};
use crate::stats::info::Measures;
use crate::stats::measure;

/// `show fd [<fd>]`: the open descriptors, and which listener holds one.
pub fn descriptors(call: &mut Call<'_>) -> Answer {
    let only = match call.arg(0) {
        "" => None,
        word => match word.parse::<i32>() {
            Ok(number) => Some(number),
            Err(_) => return Answer::Refused("Invalid FD type\n".into()),
        },
    };
    let mut open = BTreeMap::new();
    for entry in std::fs::read_dir("/proc/self/fd").into_iter().flatten() {
        let Ok(entry) = entry else { continue };
        let name = entry.file_name();
        if let Some(number) = name.to_str().and_then(|name| name.parse::<i32>().ok())
            && let Ok(target) = std::fs::read_link(entry.path())
        {
            open.insert(number, target);
        }
    }
    let own =
        |target: &std::path::Path| target.starts_with(format!("/proc/{}/fd", std::process::id()));
    for (number, target) in open {
        // The folder that is being read.
        if only.is_some_and(|only| only != number) || own(&target) {
            continue;
        }
        let _ = write!(call.out, "{number:7} : {}", target.display());
        if let Some(about) = socket(number) {
            let _ = write!(call.out, " {about}");
        }
        call.out.push(b'\n');
    }
    Answer::Written
}

/// What is known of a socket.
fn socket(number: i32) -> Option<String> {
    let socket = hapax_sys::process::inherited(number).ok()?;
    let local = hapax_sys::addr::local_addr(&socket).ok()?;
    let mut text = match local {
        hapax_sys::Addr::Inet(inet) => {
            let family = if inet.is_ipv4() { "ipv4" } else { "ipv6" };
            format!("fam={family} laddr={} lport={}", inet.ip(), inet.port())
        }
        hapax_sys::Addr::Unix(_) => "fam=unix".to_owned(),
    };
    if let Ok(hapax_sys::Addr::Inet(peer)) = hapax_sys::addr::peer_addr(&socket) {
        text.push_str(&format!(" peer={peer}"));
    }
    Some(text)
}

/// `show threads`: the workers, as the system sees them.
pub fn threads(call: &mut Call<'_>) -> Answer {
    let mut threads: Vec<(u32, String)> = Vec::new();
    for entry in std::fs::read_dir("/proc/self/task").into_iter().flatten() {
        let Ok(entry) = entry else { continue };
        let name = entry.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        threads.push((number, stat));
    }
    threads.sort_unstable_by_key(|(number, _)| *number);
    for (index, (number, stat)) in threads.iter().enumerate() {
        let name = stat
            .split_once('(')
            .and_then(|(_, rest)| rest.rsplit_once(')'));
        let (name, rest) = name.unwrap_or(("?", ""));
        let mut fields = rest.split_whitespace();
        let state = fields.next().unwrap_or("?");
        // User and system time are fields 14 and 15; the state is the third.
        let mut time = fields
            .skip(10)
            .filter_map(|field| field.parse::<u64>().ok());
        let (user, system) = (time.next().unwrap_or(0), time.next().unwrap_or(0));
        let _ = writeln!(
            call.out,
            "  Thread {} : id={number} name={name} state={state} user_ticks={user} system_ticks={system}",
            index + 1
        );
    }
    Answer::Written
}

/// `show libs`: the files whose code is mapped.
pub fn libraries(call: &mut Call<'_>) -> Answer {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (path, from, to) in objects(&maps) {
        let _ = writeln!(
            call.out,
            "0x{from:012x}-0x{to:012x} (0x{:07x}) {path}",
            to - from
        );
    }
    Answer::Written
}

/// Each mapped file that holds code, with its first and last address, in the order of the map.
pub fn objects(maps: &str) -> Vec<(&str, u64, u64)> {
    let mut objects: Vec<(&str, u64, u64, bool)> = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else {
            continue;
        };
        let Some(path) = line.find(" /").and_then(|at| line.get(at + 1..)) else {
            continue;
        };
        let Some((from, to)) = range.split_once('-') else {
            continue;
        };
        let address = |text| u64::from_str_radix(text, 16).unwrap_or_default();
        let code = rights.contains('x');
        match objects.iter_mut().find(|object| object.0 == path) {
            Some(object) => {
                object.2 = address(to);
                object.3 |= code;
            }
            None => objects.push((path, address(from), address(to), code)),
        }
    }
    let code = objects.into_iter().filter(|object| object.3);
    code.map(|(path, from, to, _)| (path, from, to)).collect()
}

/// `show pools`: the memory that the workers hold in pools.
pub fn pools(call: &mut Call<'_>) -> Answer {
    let all = (call.cli.measures)(call.program, call.now);
    call.out.extend_from_slice(dumped(&all).as_bytes());
    Answer::Written
}

/// The pools of all workers, as `show pools` and SIGQUIT tell of them.
pub fn dumped(all: &Measures) -> String {
    let size = crate::buffer::size();
    let buffers = |bytes: u64| bytes / (size as u64).max(1);
    format!(
        "Dumping pools usage.\n  - Pool buffer ({size} bytes) : {} allocated ({} bytes), {} used\n  \
         - Pool pipe (2 fds) : {} allocated, {} used\n\
         Total: 2 pools, {} bytes allocated, {} used.\n",
        buffers(all.pool_allocated),
        all.pool_allocated,
        buffers(all.pool_used),
        all.pipes_used + all.pipes_free,
        all.pipes_used,
        all.pool_allocated,
        all.pool_used,
    )
}

/// `show activity`: what the workers have done; sums first, then each worker.
pub fn activity(call: &mut Call<'_>) -> Answer {
    let live = &call.program.live;
    let now = call.now;
    let _ = writeln!(
        call.out,
        "thread_id: 1 (1..{})\ndate_now: {}.{:06}\nuptime_now: {}.{:03}000",
        live.workers,
        now.wall_us / 1_000_000,
        now.wall_us % 1_000_000,
        now.ms / 1000,
        now.ms % 1000,
    );
    let each = measure::each();
    let mut row = |name: &str, values: Vec<u64>| {
        let total: u64 = values.iter().sum();
        let _ = write!(call.out, "{name}: {total}");
        if values.len() > 1 {
            let texts: Vec<String> = values.iter().map(u64::to_string).collect();
            let _ = write!(call.out, " [ {} ]", texts.join(" "));
        }
        call.out.push(b'\n');
    };
    let of = |count: Count| -> Vec<u64> {
        (0..live.workers)
            .map(|worker| live.process.counters.of(worker, count))
            .collect()
    };
    row("accepted", of(Count::Connections));
    row("stream_calls", of(Count::Streams));
    row("tasks", each.iter().map(|one| one.tasks.into()).collect());
    row(
        "pool_bytes",
        each.iter().map(|one| one.pool_allocated).collect(),
    );
    row(
        "spliced_bytes",
        each.iter().map(|one| one.spliced_bytes).collect(),
    );
    let busy = |idle: u32| u64::from(100_u32.saturating_sub(idle));
    let busy: Vec<u64> = each.iter().map(|one| busy(one.idle_percent)).collect();
    let average = busy.iter().sum::<u64>() / (busy.len() as u64).max(1);
    let texts: Vec<String> = busy.iter().map(u64::to_string).collect();
    let _ = writeln!(call.out, "avg_cpu_pct: {average} [ {} ]", texts.join(" "));
    let dropped = live.process.dropped_logs.load(Ordering::Relaxed);
    let _ = writeln!(call.out, "dropped_logs: {dropped}");
    Answer::Written
}

/// `show tasks`: how many there are on each worker.
pub fn tasks(call: &mut Call<'_>) -> Answer {
    let each = measure::each();
    let total: u32 = each.iter().map(|one| one.tasks).sum();
    let _ = writeln!(call.out, "Running tasks: {total} ({} threads)", each.len());
    for (worker, one) in each.iter().enumerate() {
        let _ = writeln!(call.out, "  thread {:<4} {:8}", worker + 1, one.tasks);
    }
    Answer::Written
}

/// `show dev`: the program, the machine and the process.
pub fn machine(call: &mut Call<'_>) -> Answer {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let kernel = |what: &str| read(&format!("/proc/sys/kernel/{what}")).trim().to_owned();
    let status = read("/proc/self/status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let limits = read("/proc/self/limits");
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut files = files.unwrap_or_default().split_whitespace().skip(3);
    let command: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let node = super::anonymity::name(call.state.anonymous, &kernel("hostname")).into_owned();
    let _ = write!(
        call.out,
        "HAProxy version {}\nPlatform info\n  OS name: {}\n  OS release: {}\n  OS version: {}\n  OS architecture: {}\n  \
         node name: {node}\nProcess info\n  pid: {}\n  cmdline: {} \n  runtime capabilities:\n  \tCapEff: 0x{}\n  \
         \tCapPrm: 0x{}\n  \tCapInh: 0x{}\n  identity:\n      uid: {}\n      gid: {}\n  limits:\n      fd limit (soft): {}\n      \
         fd limit (hard): {}\n",
        call.cli.facts.version,
        kernel("ostype"),
        kernel("osrelease"),
        kernel("version"),
        std::env::consts::ARCH,
        std::process::id(),
        command.join(" "),
        field("CapEff:"),
        field("CapPrm:"),
        field("CapInh:"),
        field("Uid:").split_whitespace().next().unwrap_or_default(),
        field("Gid:").split_whitespace().next().unwrap_or_default(),
        files.next().unwrap_or_default(),
        files.next().unwrap_or_default(),
    );
    Answer::Written
}

/// `show startup-logs`: what was said while this process started.
pub fn startup_logs(call: &mut Call<'_>) -> Answer {
    call.out.extend_from_slice(&call.cli.facts.startup_logs);
    Answer::Written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_code_are_listed_once() {
        let maps = "10-20 r--p 0 08:01 7    /bin/a\n20-30 r-xp 0 08:01 7    /bin/a\n\
                    30-40 r--p 0 08:01 8    /etc/data\n40-50 rw-p 0 00:00 0 [heap]\n";
        assert_eq!(objects(maps), [("/bin/a", 0x10, 0x30)]);
    }
}
