//! What fetches ask the operating system about connections.

use std::net::{IpAddr, UdpSocket};

use hapax_core::stream::{Effort, System, TcpInfo};

/// This system.
#[derive(Debug)]
pub struct Linux;

impl System for Linux {
    fn tcp_info(&self, descriptor: i32) -> Option<TcpInfo> {
        let info = hapax_sys::option::tcp_info_of(descriptor).ok()?;
        Some(TcpInfo {
            rtt: info.rtt,
            rtt_variance: info.rtt_variance,
            unacked: info.unacked,
            sacked: info.sacked,
            lost: info.lost,
            retrans: info.retrans,
            fackets: info.fackets,
            reordering: info.reordering,
        })
    }

    fn effort(&self) -> Effort {
        crate::effort::now()
    }

    fn is_local(&self, ip: IpAddr) -> bool {
        // Only a local address can be bound to.
        UdpSocket::bind((ip, 0)).is_ok()
    }
}
