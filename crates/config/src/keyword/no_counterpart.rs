//! Keywords that only tune internals of HAProxy. They are accepted; each says why nothing here corresponds to it.

use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Support, Tables};

use super::at_most;
use crate::value::leading_integer;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

/// A keyword of `global` and the reason.
const fn row(name: &'static str, reason: &'static str) -> SectionKeyword {
    SectionKeyword {
        name,
        sections: Sections::GLOBAL,
        negatable: false,
        usage: "...",
        doc: "Accepted without effect.",
        support: Support::NoCounterpart(reason),
        parse: |_| Ok(()),
    }
}

/// The same, which `no` and `default` may precede.
const fn negatable(name: &'static str, reason: &'static str) -> SectionKeyword {
    SectionKeyword {
        negatable: true,
        ..row(name, reason)
    }
}

const POLLER: &str = "readiness comes from tokio, which has one poller for each system";
const SCHEDULER: &str = "tasks are scheduled by tokio";
const MEMORY: &str = "memory is managed by the allocator; buffers have their own pool";
const FORK: &str = "no right of this process is taken away from the programs that it starts";
const POOLS: &str = "idle connections belong to their worker and leave by their age";
const GROUPS: &str = "workers are not put into groups";

static ROWS: &[SectionKeyword] = &[
    negatable("busy-polling", POLLER),
    negatable("numa-cpu-mapping", GROUPS),
    row("cpu-policy", GROUPS),
    row("cpu-set", GROUPS),
    row(
        "expose-deprecated-directives",
        "old directives are always accepted with a warning",
    ),
    row("insecure-setuid-wanted", FORK),
    row("no-memory-trimming", MEMORY),
    row("noepoll", POLLER),
    row("noevports", POLLER),
    row(
        "nogetaddrinfo",
        "names are always resolved through getaddrinfo",
    ),
    row("nokqueue", POLLER),
    row("nopoll", POLLER),
    row(
        "prealloc-fd",
        "there is no table of descriptors to allocate before its time",
    ),
    row("thread-group", GROUPS),
    row("thread-groups", GROUPS),
    row("thread-hard-limit", GROUPS),
    row("tune.applet.zero-copy-forwarding", MEMORY),
    row("tune.buffers.reserve", MEMORY),
    row("tune.disable-fast-forward", MEMORY),
    row("tune.disable-zero-copy-forwarding", MEMORY),
    row("tune.epoll.mask-events", POLLER),
    row("tune.events.max-events-at-once", SCHEDULER),
    row("tune.fail-alloc", MEMORY),
    row("tune.fd.edge-triggered", POLLER),
    row("tune.h1.zero-copy-fwd-recv", MEMORY),
    row("tune.h1.zero-copy-fwd-send", MEMORY),
    row("stress-level", "upstream's switches for its own developers"),
    row(
        "tune.buffers.limit",
        "a connection holds at most a few buffers, and maxconn bounds connections",
    ),
    row(
        "tune.bufsize.small",
        "what is small is held in memory of its size",
    ),
    row(
        "tune.idle-pool.shared",
        "idle connections belong to their worker",
    ),
    row(
        "tune.listener.default-shards",
        "each worker has a socket of its own",
    ),
    row(
        "tune.listener.multi-queue",
        "each worker has a socket of its own",
    ),
    row(
        "tune.idletimer",
        "bodies are forwarded as they come, there is no slower mode for busy streams",
    ),
    row("tune.max-checks-per-thread", SCHEDULER),
    row("tune.max-rules-at-once", SCHEDULER),
    row("tune.maxpollevents", POLLER),
    row("tune.memory.hot-size", MEMORY),
    row(
        "tune.pattern.cache-size",
        "patterns are indexed: a look-up costs about what one in a cache would",
    ),
    row("tune.pool-high-fd-ratio", POOLS),
    row("tune.pool-low-fd-ratio", POOLS),
    row("tune.pt.zero-copy-forwarding", MEMORY),
    row("tune.recv_enough", MEMORY),
    SectionKeyword {
        parse: queues,
        ..row("tune.ring.queues", "a ring is one queue behind one lock")
    },
    row("tune.runqueue-depth", SCHEDULER),
    row("tune.sched.low-latency", SCHEDULER),
    row("tune.takeover-other-tg-connections", GROUPS),
    row(
        "tune.rcvbuf.backend",
        "sockets that send datagrams to servers are never read",
    ),
    row(
        "tune.sndbuf.frontend",
        "sockets that take datagrams from clients never send",
    ),
    row(
        "warn-blocked-traffic-after",
        "no task here runs foreign code that a watchdog would have to stop",
    ),
];

fn queues(line: &mut Line<'_>) -> Result<(), Fault> {
    at_most(line, 1)?;
    let text = line.arg(0).unwrap_or_default();
    match leading_integer(text.as_bytes()) {
        0..=16 => Ok(()),
        _ => Err(line.fault_at(
            0,
            format!("'tune.ring.queues' expects a number between 0 and 16 but got '{text}'."),
        )),
    }
}
