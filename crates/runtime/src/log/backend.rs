//! A worker's way to a backend with `mode log`: each line goes to the server that its algorithm chooses.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bumpalo::Bump;
use hapax_core::contract::{BalanceKey, Cx, KeyValue, Now};
use hapax_core::ir;
use hapax_core::live::ServerLive;
use hapax_core::program::{Program, ProxyId};
use hapax_core::sample::{Sample, Value};
use hapax_core::stream::{Session, Stream};
use hapax_sample::expression;

use super::sink::{self, Sink};
use crate::address::socket_address;

/// A backend as one worker sends lines to it.
#[derive(Debug)]
pub(super) struct LogBackend {
    program: Arc<Program>,
    id: ProxyId,
    /// Per server, once a line went there.
    ways: Vec<RefCell<Option<Way>>>,
}

/// The way to a server at the address it had.
#[derive(Debug)]
struct Way {
    generation: u32,
    sink: Rc<Sink>,
}

impl LogBackend {
    /// The backend of that name.
    pub(super) fn open(program: &Arc<Program>, name: &str) -> Option<Rc<LogBackend>> {
        let id = program.backend(name)?;
        let servers = &program.proxy(id).live.servers;
        Some(Rc::new(LogBackend {
            id,
            ways: servers.iter().map(|_| RefCell::default()).collect(),
            program: program.clone(),
        }))
    }

    /// The way that a line with this text goes. One that no server takes is lost, and counted as such.
    pub(super) fn sink(&self, text: &[u8]) -> Option<Rc<Sink>> {
        let sink = self.choose(text).and_then(|index| self.server(index));
        if sink.is_none() {
            let lost = &self.program.live.process.dropped_logs;
            lost.fetch_add(1, Ordering::Relaxed);
        }
        sink
    }

    fn choose(&self, text: &[u8]) -> Option<usize> {
        let proxy = self.program.proxy(self.id);
        let dispatch = proxy.live.dispatch()?;
        let BalanceKey::Message(expr) = proxy.ir.balance.key() else {
            return dispatch.choose(KeyValue::None);
        };
        let (arena, session, stream) = (Bump::new(), Session::default(), Stream::default());
        let cx = Cx {
            program: &self.program,
            session: &session,
            stream: &stream,
            request_bytes: &[],
            response_bytes: &[],
            arena: &arena,
            now: Now::default(),
            on_response: false,
        };
        let made = expression::convert(expr, &cx, Sample::from(Value::Str(text)));
        dispatch.choose(match made {
            Some(sample) => KeyValue::Bytes(expression::text(sample, &arena)),
            None => KeyValue::None,
        })
    }

    fn server(&self, index: usize) -> Option<Rc<Sink>> {
        let live = self.program.proxy(self.id).live.servers.get(index)?;
        let mut known = self.ways.get(index)?.borrow_mut();
        let generation = live.generation.load(Ordering::Relaxed);
        if let Some(way) = known.as_ref().filter(|way| way.generation == generation) {
            return Some(way.sink.clone());
        }
        let sink = Sink::open(self.target(live)?, Some(self.program.live.clone()));
        sink.set_send_buffer(self.program.global.tune.sndbuf_backend);
        let way = Way { generation, sink };
        Some(known.insert(way).sink.clone())
    }

    fn target(&self, server: &ServerLive) -> Option<sink::Target> {
        if server.ir.options.datagrams {
            let address = socket_address(&server.address.load()).ok()?;
            return Some(sink::Target::Datagram(address));
        }
        let backend = &self.program.proxy(self.id).live.name;
        let ring = ir::Ring::of_server(backend, &server.ir.name);
        let ring = self.program.live.ring(&ring)?;
        Some(sink::Target::Ring(ring.clone()))
    }

    /// Sends what has gathered, at once.
    pub(super) fn flush(&self) {
        for known in &self.ways {
            if let Some(way) = &*known.borrow() {
                way.sink.flush();
            }
        }
    }
}
