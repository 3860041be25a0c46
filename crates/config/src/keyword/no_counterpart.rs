//! Keywords that only tune internals of HAProxy. They are accepted; each says why nothing here corresponds to it.

mod shape;

use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Support, Tables};

use super::arguments::at_most;
use shape::*;

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
        parse: |line| at_most(line, 0),
    }
}

/// The same with arguments, which are checked as HAProxy checks them.
const fn with(
    name: &'static str,
    reason: &'static str,
    parse: fn(&mut Line<'_>) -> Result<(), Fault>,
) -> SectionKeyword {
    SectionKeyword {
        parse,
        ..row(name, reason)
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
const CODES: &str = "only counters of stick tables look at these codes";
const POOLS: &str = "idle connections belong to their worker and leave by their age";
const GROUPS: &str = "workers are not put into groups";

static ROWS: &[SectionKeyword] = &[
    negatable("busy-polling", POLLER),
    negatable("numa-cpu-mapping", GROUPS),
    with("cpu-policy", GROUPS, policy),
    with("cpu-set", GROUPS, cpu_set),
    row(
        "expose-deprecated-directives",
        "old directives are always accepted with a warning",
    ),
    with("http-err-codes", CODES, status_codes),
    with("http-fail-codes", CODES, status_codes),
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
    with("thread-group", GROUPS, group),
    with("thread-groups", GROUPS, groups),
    with("thread-hard-limit", GROUPS, hard_limit),
    with("tune.applet.zero-copy-forwarding", MEMORY, on_or_off),
    with("tune.buffers.reserve", MEMORY, reserve),
    with("tune.disable-fast-forward", MEMORY, experimental),
    row("tune.disable-zero-copy-forwarding", MEMORY),
    with("tune.epoll.mask-events", POLLER, anything),
    with("tune.events.max-events-at-once", SCHEDULER, events),
    with("tune.fail-alloc", MEMORY, share_of_allocations),
    with("tune.fd.edge-triggered", POLLER, edge),
    with("tune.h1.zero-copy-fwd-recv", MEMORY, on_or_off),
    with("tune.h1.zero-copy-fwd-send", MEMORY, on_or_off),
    with(
        "stress-level",
        "upstream's switches for its own developers",
        stress,
    ),
    with(
        "tune.buffers.limit",
        "a connection holds at most a few buffers, and maxconn bounds connections",
        reserve,
    ),
    with(
        "tune.bufsize.small",
        "what is small is held in memory of its size",
        size,
    ),
    with(
        "tune.listener.default-shards",
        "each worker has a socket of its own",
        shards,
    ),
    with(
        "tune.listener.multi-queue",
        "each worker has a socket of its own",
        queueing,
    ),
    with(
        "tune.idletimer",
        "bodies are forwarded as they come, there is no slower mode for busy streams",
        idle_timer,
    ),
    with("tune.max-checks-per-thread", SCHEDULER, anything),
    with("tune.max-rules-at-once", SCHEDULER, rules),
    with("tune.maxpollevents", POLLER, poll_events),
    with("tune.memory.hot-size", MEMORY, hot_size),
    with("tune.pool-high-fd-ratio", POOLS, share),
    with("tune.pool-low-fd-ratio", POOLS, share),
    with("tune.pt.zero-copy-forwarding", MEMORY, on_or_off),
    with("tune.recv_enough", MEMORY, size),
    with(
        "tune.pattern.cache-size",
        "patterns are indexed: a look-up costs about what one in a cache would",
        rules,
    ),
    SectionKeyword {
        parse: queues,
        ..row("tune.ring.queues", "a ring is one queue behind one lock")
    },
    with("tune.runqueue-depth", SCHEDULER, number),
    with("tune.sched.low-latency", SCHEDULER, on_or_off_found),
    with("tune.takeover-other-tg-connections", GROUPS, takeover),
    with(
        "tune.rcvbuf.backend",
        "sockets that send datagrams to servers are never read",
        buffer,
    ),
    with(
        "tune.sndbuf.frontend",
        "sockets that take datagrams from clients never send",
        buffer,
    ),
    with(
        "warn-blocked-traffic-after",
        "no task here runs foreign code that a watchdog would have to stop",
        warn_after,
    ),
];
