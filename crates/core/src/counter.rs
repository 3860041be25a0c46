//! Counters: one slot per worker with a single writer, summed when read.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::slots::Slots;

/// What is counted. The same list serves frontends, listeners, backends and servers; each uses what applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Count {
    /// Connections accepted (frontends).
    Connections,
    /// Sessions; for backends and servers the streams that reached them.
    Sessions,
    /// Bytes from clients.
    BytesIn,
    /// Bytes to clients.
    BytesOut,
    /// Requests denied by rules.
    DeniedRequests,
    /// Responses denied by rules.
    DeniedResponses,
    /// Connections denied by rules.
    DeniedConnections,
    /// Sessions denied by rules.
    DeniedSessions,
    /// Broken requests.
    RequestErrors,
    /// Failed connections to servers.
    ConnectionErrors,
    /// Broken responses and aborts by servers.
    ResponseErrors,
    /// Retries.
    Retries,
    /// Redispatches.
    Redispatches,
    /// HTTP requests.
    Requests,
    /// Responses 1xx.
    Status1xx,
    /// Responses 2xx.
    Status2xx,
    /// Responses 3xx.
    Status3xx,
    /// Responses 4xx.
    Status4xx,
    /// Responses 5xx.
    Status5xx,
    /// Other responses.
    StatusOther,
    /// Aborts by clients.
    ClientAborts,
    /// Aborts by servers.
    ServerAborts,
    /// Requests answered here (`intercepted`).
    Intercepted,
    /// Server connections opened.
    Connects,
    /// Server connections reused.
    Reuses,
    /// Times a server was chosen by load balancing.
    Chosen,
    /// Header rewrites that failed.
    FailedRewrites,
    /// Internal errors.
    InternalErrors,
    /// Sum of queue times of requests that counted, ms.
    QueueTime,
    /// Sum of connect times, ms.
    ConnectTime,
    /// Sum of response times, ms.
    ResponseTime,
    /// Sum of total times, ms.
    TotalTime,
    /// What was waited for as a request and never began.
    Unbegun,
    /// Bytes received from the network: by frontends from clients, by servers from them. In HTTP mode.
    WireIn,
    /// Bytes sent to the network, likewise.
    WireOut,
    /// Those of the received ones that went into a pipe.
    SplicedIn,
    /// Those of the sent ones that came out of a pipe.
    SplicedOut,
    /// Sessions of HTTP/2 (frontends).
    Http2Sessions,
    /// Those of them that never looked like HTTP/1.
    Http2FromStart,
    /// Requests of HTTP/2 (frontends).
    Http2Requests,
    /// HEADERS and CONTINUATION frames that came.
    Http2Headers,
    /// DATA frames that came.
    Http2Data,
    /// SETTINGS frames that came.
    Http2Settings,
    /// RST_STREAM frames that came.
    Http2Resets,
    /// GOAWAY frames that came.
    Http2Goaways,
    /// Errors of connections of HTTP/2.
    Http2ConnectionErrors,
    /// Errors of streams of HTTP/2.
    Http2StreamErrors,
    /// RST_STREAM frames that were sent.
    Http2ResetsSent,
    /// GOAWAY frames that were sent.
    Http2GoawaysSent,
    /// Connections of HTTP/2 in all.
    Http2Connections,
    /// Handshakes of TLS that made new sessions.
    TlsSessions,
    /// Handshakes of TLS that went on with former sessions.
    TlsResumed,
    /// Handshakes of TLS that failed.
    TlsFailed,
    /// Responses of OCSP that were stapled.
    TlsStapled,
    /// Exchanges that began; never set to zero.
    Streams,
    /// Connections with TLS, of both sides, in the process; never set to zero.
    TlsConnections,
    /// Exchanges that ended; never set to zero.
    StreamsEnded,
    /// Connections of HTTP/2 that began; never set to zero.
    Http2Begun,
    /// Connections of HTTP/2 that ended; never set to zero.
    Http2Ended,
}

const COUNTS: usize = Count::Http2Ended as usize + 1;
const CLEARED: usize = Count::Streams as usize;

/// One worker's slot, on cache lines of its own.
#[repr(align(128))]
#[derive(Debug)]
struct Slot([AtomicU64; COUNTS]);

impl Default for Slot {
    fn default() -> Slot {
        Slot([const { AtomicU64::new(0) }; COUNTS])
    }
}

/// Counters of one object.
#[derive(Debug)]
pub struct Counters {
    slots: Slots<Slot>,
}

impl Counters {
    /// How many workers there are slots for.
    pub fn workers(&self) -> usize {
        self.slots.workers()
    }

    /// Zeros for `workers` workers.
    pub fn new(workers: usize) -> Counters {
        Counters {
            slots: Slots::new(workers),
        }
    }

    /// Adds on behalf of a worker; only that worker writes its slot.
    #[inline]
    pub fn add(&self, worker: usize, what: Count, amount: u64) {
        if let Some(Slot(slot)) = self.slots.of(worker) {
            let cell = &slot[what as usize];
            cell.store(
                cell.load(Ordering::Relaxed).wrapping_add(amount),
                Ordering::Relaxed,
            );
        }
    }

    /// The count of one worker.
    pub fn of(&self, worker: usize, what: Count) -> u64 {
        let slot = self.slots.all().get(worker);
        slot.map_or(0, |Slot(slot)| slot[what as usize].load(Ordering::Relaxed))
    }

    /// The sum over the workers.
    pub fn sum(&self, what: Count) -> u64 {
        let slots = self.slots.all().iter();
        slots
            .map(|Slot(slot)| slot[what as usize].load(Ordering::Relaxed))
            .fold(0, u64::wrapping_add)
    }

    /// Exchanges that began and did not end yet.
    pub fn open_streams(&self) -> u64 {
        // In this order: what ends meanwhile is not counted twice.
        let ended = self.sum(Count::StreamsEnded);
        self.sum(Count::Streams).saturating_sub(ended)
    }

    /// Sets everything but what is needed as a difference to zero; increments that race with it may survive.
    pub fn clear(&self) {
        for Slot(slot) in self.slots.all() {
            for cell in slot.iter().take(CLEARED) {
                cell.store(0, Ordering::Relaxed);
            }
        }
    }
}

/// A number that goes up and down, and its highest value. Exact across workers.
#[derive(Debug, Default)]
pub struct Gauge {
    current: AtomicU32,
    highest: AtomicU32,
}

impl Gauge {
    /// One more; returns the new value.
    #[inline]
    pub fn up(&self) -> u32 {
        let value = self.current.fetch_add(1, Ordering::Relaxed) + 1;
        if value > self.highest.load(Ordering::Relaxed) {
            self.highest.fetch_max(value, Ordering::Relaxed);
        }
        value
    }

    /// One more, unless that exceeds `limit`; tells whether it was added.
    #[inline]
    pub fn try_up(&self, limit: u32) -> bool {
        let mut value = self.current.load(Ordering::Relaxed);
        loop {
            if value >= limit {
                return false;
            }
            match self.current.compare_exchange_weak(
                value,
                value + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => value = now,
            }
        }
        self.highest.fetch_max(value + 1, Ordering::Relaxed);
        true
    }

    /// One less.
    #[inline]
    pub fn down(&self) {
        let before = self.current.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(before > 0, "a gauge went below zero");
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> u32 {
        self.current.load(Ordering::Relaxed)
    }

    /// The highest value so far.
    pub fn highest(&self) -> u32 {
        self.highest.load(Ordering::Relaxed)
    }

    /// The highest value was that at least.
    pub fn raise_highest(&self, value: u32) {
        self.highest.fetch_max(value, Ordering::Relaxed);
    }

    /// Forgets the highest value.
    pub fn clear_highest(&self) {
        self.highest.store(self.value(), Ordering::Relaxed);
    }
}

/// Events per second: the current and the previous second per worker.
#[derive(Debug)]
pub struct Rate {
    slots: Slots<RateSlot>,
    highest: AtomicU32,
}

#[repr(align(64))]
#[derive(Debug, Default)]
struct RateSlot {
    second: AtomicU64,
    current: AtomicU32,
    previous: AtomicU32,
}

impl Rate {
    /// Zeros for `workers` workers.
    pub fn new(workers: usize) -> Rate {
        Rate {
            slots: Slots::new(workers),
            highest: AtomicU32::new(0),
        }
    }

    /// Counts one event of a worker at `now_ms`.
    #[inline]
    pub fn add(&self, worker: usize, now_ms: u64) {
        self.add_many(worker, 1, now_ms);
    }

    /// Counts `events` at once.
    #[inline]
    pub fn add_many(&self, worker: usize, events: u32, now_ms: u64) {
        let Some(slot) = self.slots.of(worker) else {
            return;
        };
        let second = now_ms / 1000;
        let seen = slot.second.load(Ordering::Relaxed);
        if seen != second {
            let last = if seen + 1 == second {
                slot.current.load(Ordering::Relaxed)
            } else {
                0
            };
            slot.previous.store(last, Ordering::Relaxed);
            slot.current.store(0, Ordering::Relaxed);
            slot.second.store(second, Ordering::Relaxed);
        }
        let count = slot.current.load(Ordering::Relaxed).saturating_add(events);
        slot.current.store(count, Ordering::Relaxed);
        // With one worker the count is the rate; the sum is only taken when this slot alone could be a new maximum.
        let highest = self.highest.load(Ordering::Relaxed);
        if count.saturating_mul(self.slots.workers() as u32) > highest {
            let rate = self.per_second(now_ms);
            if rate > highest {
                self.highest.fetch_max(rate, Ordering::Relaxed);
            }
        }
    }

    /// Events in the last second: the current one, and the previous one by the share that is left of it.
    pub fn per_second(&self, now_ms: u64) -> u32 {
        let second = now_ms / 1000;
        let left = 1000 - (now_ms % 1000);
        let (mut current, mut previous) = (0u64, 0u64);
        for slot in self.slots.all() {
            let seen = slot.second.load(Ordering::Relaxed);
            if seen == second {
                current += u64::from(slot.current.load(Ordering::Relaxed));
                previous += u64::from(slot.previous.load(Ordering::Relaxed));
            } else if seen + 1 == second {
                previous += u64::from(slot.current.load(Ordering::Relaxed));
            }
        }
        (current + previous * left / 1000) as u32
    }

    /// The highest rate so far.
    pub fn highest(&self) -> u32 {
        self.highest.load(Ordering::Relaxed)
    }

    /// Forgets the highest rate.
    pub fn clear_highest(&self) {
        self.highest.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_sum_over_workers() {
        let counters = Counters::new(2);
        counters.add(0, Count::Requests, 2);
        counters.add(1, Count::Requests, 3);
        counters.add(9, Count::Requests, 100);
        assert_eq!(counters.sum(Count::Requests), 5);
        counters.clear();
        assert_eq!(counters.sum(Count::Requests), 0);
    }

    #[test]
    fn a_gauge_stops_at_its_limit() {
        let gauge = Gauge::default();
        assert!(gauge.try_up(2) && gauge.try_up(2) && !gauge.try_up(2));
        gauge.down();
        assert_eq!((gauge.value(), gauge.highest()), (1, 2));
    }

    #[test]
    fn a_rate_slides_over_the_second() {
        let rate = Rate::new(1);
        for _ in 0..100 {
            rate.add(0, 5000);
        }
        assert_eq!(rate.per_second(5999), 100);
        assert_eq!(rate.per_second(6500), 50);
        assert_eq!(rate.per_second(7000), 0);
        assert_eq!(rate.highest(), 100);
    }
}
