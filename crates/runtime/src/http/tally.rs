//! `option contstats`: the bytes of a stream are counted while it goes on, not only at its end.

use std::rc::Rc;

use hapax_core::counter::{Count, Counters};
use hapax_core::program::ProxyId;

use super::client::Client;
use super::exchange::Exchange;
use crate::clock;
use crate::plan::Plan;

/// Milliseconds between two counts.
const INTERVAL: u64 = 5000;

/// What of a stream's bytes is counted already, and where.
#[derive(Debug)]
pub struct Tally {
    plan: Rc<Plan>,
    worker: usize,
    frontend: ProxyId,
    listener: usize,
    backend: ProxyId,
    server: Option<usize>,
    due: u64,
    counted: (u64, u64),
}

impl Tally {
    /// Begins to count a stream that has its server, the first time after `wait` milliseconds; only where the frontend's option
    /// asks for it.
    pub fn begin(client: &Client, exchange: &mut Exchange, wait: u64) {
        let frontend = client.session.frontend;
        if exchange.tally.is_some() || !client.plan.proxy(frontend).ir.options.contstats {
            return;
        }
        exchange.tally = Some(Box::new(Tally {
            plan: client.plan.clone(),
            worker: client.local.worker,
            frontend,
            listener: client.session.listener,
            backend: exchange.stream.backend,
            server: exchange.stream.server,
            due: clock::now_ms() + wait,
            counted: (0, 0),
        }));
    }

    /// What is counted, of both directions.
    pub fn counted(&self) -> (u64, u64) {
        self.counted
    }

    /// Counts what has come until now, when it is time to; tells when it is the next time.
    pub fn due(&mut self, bytes_in: u64, bytes_out: u64) -> u64 {
        let now = clock::now_ms();
        if now >= self.due {
            self.due = now + INTERVAL;
            self.count(bytes_in, bytes_out, now);
        }
        self.due
    }

    fn count(&mut self, bytes_in: u64, bytes_out: u64, now: u64) {
        let (more_in, more_out) = (
            bytes_in.saturating_sub(self.counted.0),
            bytes_out.saturating_sub(self.counted.1),
        );
        self.counted = (bytes_in, bytes_out);
        let worker = self.worker;
        let add = |counters: &Counters| {
            counters.add(worker, Count::BytesIn, more_in);
            counters.add(worker, Count::BytesOut, more_out);
        };
        let (frontend, backend) = (self.plan.live(self.frontend), self.plan.live(self.backend));
        add(&frontend.frontend.counters);
        if let Some(listener) = frontend.listeners.get(self.listener) {
            add(&listener.counters);
        }
        add(&backend.backend.counters);
        if let Some(server) = self.server.and_then(|index| backend.servers.get(index)) {
            add(&server.counters);
        }
        let process = &self.plan.program.live.process;
        process.counters.add(worker, Count::BytesOut, more_out);
        let amount = u32::try_from(more_out).unwrap_or(u32::MAX);
        process.bytes_out_rate.add_many(worker, amount, now);
    }
}
