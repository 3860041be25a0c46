//! A client connection: its two ends and what it keeps.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use crate::program::ProxyId;
use crate::secured::Secured;
use crate::variable::Variables;

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Endpoint {
    /// IPv4 or IPv6.
    Inet(SocketAddr),
    /// A unix or abstract socket.
    Unix,
    /// Not known (yet).
    #[default]
    Unknown,
}

impl Endpoint {
    /// The internet address.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Endpoint::Inet(address) => Some(address.ip()),
            _ => None,
        }
    }

    /// The port, 0 where there is none.
    pub fn port(&self) -> u16 {
        match self {
            Endpoint::Inet(address) => address.port(),
            _ => 0,
        }
    }
}

/// A client connection.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// The client.
    pub source: Endpoint,
    /// The address the client asked for.
    pub destination: Endpoint,
    /// The frontend.
    pub frontend: ProxyId,
    /// Index of the listener in the frontend's binds.
    pub listener: usize,
    /// What the packets to the client are to be marked with.
    pub marks: Marks,
    /// The ends that were, once something changed them.
    pub origins: Option<Box<Origins>>,
    /// Whether it began with a PROXY protocol header.
    pub received_proxy: bool,
    /// The options of that header, as they came.
    pub proxy_options: Box<[u8]>,
    /// When it was accepted.
    pub accepted_ms: u64,
    /// When it was accepted, microseconds since 1970.
    pub accepted_wall_us: u64,
    /// `sess` variables; see [`Session::variables`].
    pub own_variables: Variables,
    /// What it shares with other streams of its connection.
    pub common: Option<Rc<Common>>,
    /// What TLS agreed on, where the client speaks it.
    pub tls: Option<Arc<Secured>>,
    /// Whether the client speaks HTTP/2.
    pub http2: bool,
}

/// What the streams of a connection of HTTP/2 share, each of which has a copy of the session.
#[derive(Debug, Default)]
pub struct Common {
    /// `sess` variables.
    pub variables: Variables,
    /// How often the client did something odd.
    pub glitches: Cell<u32>,
}

/// Source and destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// The client.
    pub source: Endpoint,
    /// The address the client asked for.
    pub destination: Endpoint,
}

/// The ends of a connection before rules changed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origins {
    /// As the connection itself has them.
    pub connection: Ends,
    /// With which each exchange begins.
    pub established: Ends,
}

impl Session {
    /// `sess` variables.
    pub fn variables(&self) -> &Variables {
        match &self.common {
            Some(common) => &common.variables,
            None => &self.own_variables,
        }
    }

    /// From now on copies of it have their variables in common.
    pub fn share(&mut self) -> Rc<Common> {
        let variables = std::mem::take(&mut self.own_variables);
        let common = Rc::new(Common {
            variables,
            glitches: Cell::new(0),
        });
        self.common = Some(common.clone());
        common
    }

    /// The ends as they are now.
    pub fn ends(&self) -> Ends {
        Ends {
            source: self.source,
            destination: self.destination,
        }
    }

    /// The ends as the connection itself has them.
    pub fn connection(&self) -> Ends {
        match &self.origins {
            Some(origins) => origins.connection,
            None => self.ends(),
        }
    }

    /// Keeps the ends as they are, before they are changed.
    pub fn keep_ends(&mut self) -> &mut Origins {
        let ends = self.ends();
        self.origins.get_or_insert_with(|| {
            Box::new(Origins {
                connection: ends,
                established: ends,
            })
        })
    }
}

/// What packets are marked with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// The netfilter mark.
    pub mark: Option<u32>,
    /// The type of service.
    pub tos: Option<u8>,
    /// Whether a rule set one since they were last given to the socket.
    pub changed: bool,
}
