//! DNS messages (RFC 1035, 2782, 3596, 6891): questions for addresses and services, and what answers say about them.

use std::net::IpAddr;

use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record as WireRecord, RecordType};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Services: hosts, ports and weights.
    Srv,
}

impl Kind {
    /// The number on the wire.
    pub fn number(self) -> u16 {
        self.wire().into()
    }

    fn wire(self) -> RecordType {
        match self {
            Kind::A => RecordType::A,
            Kind::Aaaa => RecordType::AAAA,
            Kind::Srv => RecordType::SRV,
        }
    }
}

/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An address.
    Address(IpAddr),
    /// A service.
    Service(Service),
}

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its host, in lower case.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its weight.
    pub weight: u16,
    /// Its priority.
    pub priority: u16,
    /// The address of the host that came along (an additional record).
    pub address: Option<IpAddr>,
}

/// Why an answer is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It cannot be read, or is about something else.
    #[error("the answer cannot be read")]
    Invalid,
    /// It was cut off.
    #[error("the answer was cut off")]
    Truncated,
    /// The name does not exist.
    #[error("no such name")]
    NoSuchName,
    /// The server does not want to answer.
    #[error("the question was refused")]
    Refused,
    /// Another error of the server.
    #[error("the name server failed")]
    Other,
    /// It has no record.
    #[error("the answer is empty")]
    Empty,
    /// Aliases do not lead to the records.
    #[error("an alias leads nowhere")]
    Alias,
}

/// A name that no question can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a host name")]
pub struct BadName;

/// A name as keys and comparisons have it: in lower case, without a final dot.
///
/// # Errors
/// When a label is empty or longer than 63 bytes, or the whole is longer than 253 bytes.
pub fn normalised(name: &[u8]) -> Result<String, BadName> {
    let name = name.strip_suffix(b".").unwrap_or(name);
    let labels = || name.split(|byte| *byte == b'.');
    if name.is_empty() || name.len() > 253 || labels().any(|label| !(1..=63).contains(&label.len()))
    {
        return Err(BadName);
    }
    let name = std::str::from_utf8(name).map_err(|_| BadName)?;
    Ok(name.to_ascii_lowercase())
}

/// Writes a question, with `payload` as the size of answers that are taken.
///
/// # Errors
/// When the name cannot be written.
pub fn question(id: u16, name: &str, kind: Kind, payload: u16) -> Result<Vec<u8>, BadName> {
    let mut name = Name::from_labels(name.split('.').map(str::as_bytes)).map_err(|_| BadName)?;
    name.set_fqdn(true);
    let mut message = Message::new();
    message.set_id(id).set_recursion_desired(true);
    message.add_query(Query::query(name, kind.wire()));
    let mut edns = Edns::new();
    edns.set_max_payload(payload);
    message.set_edns(edns);
    message.to_vec().map_err(|_| BadName)
}

/// The number by which an answer names its question; none when it is too short to have one.
pub fn id(answer: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([*answer.first()?, *answer.get(1)?]))
}

/// Reads the answer to a question. Records of other types are left out; `name` is normalised.
///
/// # Errors
/// Why it is of no use.
pub fn answer(bytes: &[u8], name: &str, kind: Kind) -> Result<Vec<Record>, Fault> {
    // The head first, as what an answer says of itself counts even where the rest cannot be read.
    let head: [u8; 12] = bytes
        .get(..12)
        .and_then(|head| head.try_into().ok())
        .ok_or(Fault::Invalid)?;
    if head[2] & TRUNCATED != 0 {
        return Err(Fault::Truncated);
    }
    match ResponseCode::from(0, head[3] & CODE) {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Err(Fault::NoSuchName),
        ResponseCode::Refused => return Err(Fault::Refused),
        _ => return Err(Fault::Other),
    }
    if head[4..6] != [0, 1] {
        return Err(Fault::Invalid);
    }
    if head[6..8] == [0, 0] {
        return Err(Fault::Empty);
    }
    let message = Message::from_vec(bytes).map_err(|_| Fault::Invalid)?;
    let asked = message.query().ok_or(Fault::Invalid)?;
    if asked.query_type() != kind.wire() || written(asked.name()) != name {
        return Err(Fault::Invalid);
    }
    let records = records(&message, name, kind)?;
    if records.is_empty() {
        return Err(Fault::Empty);
    }
    Ok(records)
}

/// The records of the kind, behind the aliases that lead to them.
fn records(message: &Message, name: &str, kind: Kind) -> Result<Vec<Record>, Fault> {
    let mut expected = name.to_owned();
    let mut aliased = false;
    let mut records = Vec::new();
    for record in message.answers() {
        let data = record.data();
        let of_kind = record.record_type() == kind.wire();
        if !of_kind && !matches!(data, RData::CNAME(_)) {
            continue;
        }
        if written(record.name()) != expected {
            return Err(match aliased {
                true => Fault::Alias,
                false => Fault::Invalid,
            });
        }
        match data {
            RData::CNAME(target) => {
                expected = written(&target.0);
                aliased = true;
            }
            RData::SRV(service) => {
                let host = written(service.target());
                if host.is_empty() {
                    continue;
                }
                records.push(Record::Service(Service {
                    address: additional(message, &host),
                    host,
                    port: service.port(),
                    weight: service.weight(),
                    priority: service.priority(),
                }));
            }
            _ => records.extend(address(record).map(Record::Address)),
        }
    }
    if aliased && records.is_empty() {
        return Err(Fault::Alias);
    }
    Ok(records)
}

/// The first address of a host that came along.
fn additional(message: &Message, host: &str) -> Option<IpAddr> {
    let mut records = message.additionals().iter();
    records.find_map(|record| {
        let address = address(record)?;
        (written(record.name()) == host).then_some(address)
    })
}

fn address(record: &WireRecord) -> Option<IpAddr> {
    match record.data() {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    }
}

/// A name as [`normalised`] gives it. What is no text becomes some that no name equals.
fn written(name: &Name) -> String {
    let mut text = String::new();
    for label in name.iter() {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
    }
    text
}

/// The bit in the third byte of a message.
const TRUNCATED: u8 = 0x02;
/// The bits of the response code in the fourth byte.
const CODE: u8 = 0x0f;

#[cfg(test)]
mod tests;
