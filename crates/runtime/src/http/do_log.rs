//! Log lines that rules ask for (`do-log`): what is known of the exchange by then.

use hapax_core::contract::{TrafficLog, Tx};
use hapax_core::ir::LogOrigin;
use hapax_core::stream::{Cause, Phase, Termination};

use super::exchange::Notes;
use super::finish::counts;
use crate::plan::Plan;

/// The way from the rules of an exchange to the log.
#[derive(Debug)]
pub struct ByRule<'a> {
    plan: &'a Plan,
    notes: &'a Notes,
}

impl<'a> ByRule<'a> {
    /// That of an exchange under a plan.
    pub fn new(plan: &'a Plan, notes: &'a Notes) -> ByRule<'a> {
        ByRule { plan, notes }
    }
}

impl TrafficLog for ByRule<'_> {
    fn line(&self, tx: &mut Tx<'_>, origin: LogOrigin) {
        let frontend = tx.session.frontend;
        let stream = &mut *tx.stream;
        let kept = (stream.status, stream.times, stream.termination);
        let mut line = Vec::new();
        match origin {
            // Nothing but the connection is known, which nobody serves yet.
            LogOrigin::TcpConnection | LogOrigin::TcpSession => {
                stream.status = 0;
                stream.times.start = tx.session.accepted_ms;
                stream.times.start_wall_us = tx.session.accepted_wall_us;
                stream.termination = Termination {
                    cause: Cause::Proxy,
                    phase: Phase::Request,
                };
            }
            LogOrigin::TcpContent | LogOrigin::HttpRequest => stream.times.request = 0,
            LogOrigin::TcpResponse => stream.times.response = 0,
            LogOrigin::HttpResponse | LogOrigin::HttpAfterResponse => {
                stream.status = stream.response.status() as i16;
            }
            _ => {}
        }
        if origin == LogOrigin::TcpContent && stream.backend == frontend {
            line = std::mem::take(&mut stream.request_line);
        }
        stream.counts = counts(self.plan, frontend, stream, self.notes);
        stream.times.end = tx.now.ms;
        stream.log_origin = origin;
        self.plan.logger.by_rule(&tx.cx());
        let stream = &mut *tx.stream;
        stream.log_origin = LogOrigin::Unspecified;
        (stream.status, stream.times, stream.termination) = kept;
        if !line.is_empty() {
            stream.request_line = line;
        }
    }
}
