//! Faults of handshakes in OpenSSL's words, which logs show.

use std::fmt;

use rustls::{AlertDescription, Error, PeerIncompatible};

use crate::handshake::HandshakeFault;

/// A fault as OpenSSL prints it: its number and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// The number, library included.
    pub code: u32,
    /// The reason.
    pub text: &'static str,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error:{:08X}:SSL routines::{}", self.code, self.text)
    }
}

/// The reason of a fault, where OpenSSL would find the same one.
pub fn reason(fault: &HandshakeFault) -> Option<Reason> {
    let (number, text) = match fault {
        HandshakeFault::Http => (156, "http request"),
        HandshakeFault::HttpProxy => (155, "https proxy request"),
        HandshakeFault::Record(_) => (267, "wrong version number"),
        HandshakeFault::Refused(error) => return refused(error),
        HandshakeFault::Closed | HandshakeFault::TooMany | HandshakeFault::Keys => return None,
    };
    Some(Reason {
        code: SSL | number,
        text,
    })
}

fn refused(error: &Error) -> Option<Reason> {
    let (number, text) = match error {
        Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls13RequiredForQuic
            | PeerIncompatible::SupportedVersionsExtensionRequired,
        ) => (258, "unsupported protocol"),
        // Without a common group OpenSSL finds no cipher that could use one.
        Error::PeerIncompatible(
            PeerIncompatible::NoCipherSuitesInCommon | PeerIncompatible::NoKxGroupsInCommon,
        ) => (193, "no shared cipher"),
        Error::PeerIncompatible(PeerIncompatible::NoSignatureSchemesInCommon) => {
            (118, "no suitable signature algorithm")
        }
        Error::NoCertificatesPresented => (199, "peer did not return a certificate"),
        Error::InvalidCertificate(_) => (134, "certificate verify failed"),
        Error::NoApplicationProtocol => (235, "no application protocol"),
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            (244, "unexpected message")
        }
        Error::InvalidMessage(_) => (159, "length mismatch"),
        Error::General(_) => (234, "callback failed"),
        Error::AlertReceived(alert) => return received(*alert),
        _ => return None,
    };
    Some(Reason {
        code: SSL | number,
        text,
    })
}

/// Whether the peer's certificate was refused.
pub fn is_distrust(fault: &HandshakeFault) -> bool {
    matches!(fault, HandshakeFault::Refused(Error::InvalidCertificate(_)))
}

/// An alert of the peer.
fn received(alert: AlertDescription) -> Option<Reason> {
    let number = u8::from(alert);
    let found = ALERTS.iter().find(|(known, _)| *known == number);
    found.map(|(number, text)| Reason {
        code: SSL | (1000 + u32::from(*number)),
        text,
    })
}

/// The number of the library "SSL routines".
const SSL: u32 = 20 << 23;
static ALERTS: &[(u8, &str)] = &[
    (10, "ssl/tls alert unexpected message"),
    (20, "ssl/tls alert bad record mac"),
    (40, "ssl/tls alert handshake failure"),
    (42, "ssl/tls alert bad certificate"),
    (43, "ssl/tls alert unsupported certificate"),
    (44, "ssl/tls alert certificate revoked"),
    (45, "ssl/tls alert certificate expired"),
    (46, "ssl/tls alert certificate unknown"),
    (47, "ssl/tls alert illegal parameter"),
    (48, "tlsv1 alert unknown ca"),
    (49, "tlsv1 alert access denied"),
    (50, "tlsv1 alert decode error"),
    (51, "tlsv1 alert decrypt error"),
    (70, "tlsv1 alert protocol version"),
    (71, "tlsv1 alert insufficient security"),
    (80, "tlsv1 alert internal error"),
    (90, "tlsv1 alert user cancelled"),
];
