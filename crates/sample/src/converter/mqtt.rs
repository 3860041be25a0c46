//! The packets CONNECT and CONNACK of MQTT 3.1, 3.1.1 (OASIS) and 5.0 (OASIS).

use hapax_core::contract::Cx;
use hapax_core::ir::{Arg, Compiled};
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::{Sample, Value};

use super::{boolean, converters, kept, str_arg};

converters! {
    "mqtt_is_valid", ArgSpec::NONE, None, Bin => Bool, "Whether it is a packet CONNECT or CONNACK of MQTT; no value while it is not complete." => |_, _, sample| match Packet::read(sample.value.bytes()?) {
        Ok(_) => boolean(true),
        Err(Fault::Invalid) => boolean(false),
        Err(Fault::Incomplete) => None,
    };
    "mqtt_field_value", ArgSpec { kinds: &[ArgKind::Str, ArgKind::Str], required: 2 }, Some(check), Bin => Str, "A field or property of a packet CONNECT or CONNACK of MQTT." => field_value;
}

const CONNECT: u8 = 1;
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const PUBREL: u8 = 6;
const SUBSCRIBE: u8 = 8;
const UNSUBSCRIBE: u8 = 10;

/// Types of packets by name; only the first two can be asked for fields.
const TYPES: [&str; 15] = [
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
];

/// Names of fields by packet.
const CONNECT_FIELDS: &[(&str, Field)] = &[
    ("flags", Field::Flags),
    ("protocol_name", Field::ProtocolName),
    ("protocol_version", Field::ProtocolVersion),
    ("client_identifier", Field::ClientIdentifier),
    ("will_topic", Field::WillTopic),
    ("will_payload", Field::WillPayload),
    ("username", Field::Username),
    ("password", Field::Password),
    ("keepalive", Field::KeepAlive),
];
const CONNACK_FIELDS: &[(&str, Field)] = &[
    ("flags", Field::Flags),
    ("protocol_version", Field::ProtocolVersion),
    ("reason_code", Field::ReasonCode),
];

/// Properties by number (MQTT 5.0, 2.2.2.2): what their values are, and where they may stand.
const PROPERTIES: &[(u8, Shape, &[Place])] = &[
    (1, Shape::Byte, &[Place::Will]),
    (2, Shape::Four, &[Place::Will]),
    (3, Shape::Text, &[Place::Will]),
    (8, Shape::Text, &[Place::Will]),
    (9, Shape::Text, &[Place::Will]),
    (17, Shape::Four, &[Place::Connect, Place::Connack]),
    (18, Shape::Text, &[Place::Connack]),
    (19, Shape::Two, &[Place::Connack]),
    (21, Shape::Text, &[Place::Connect, Place::Connack]),
    (22, Shape::Text, &[Place::Connect, Place::Connack]),
    (23, Shape::Byte, &[Place::Connect]),
    (24, Shape::Four, &[Place::Will]),
    (25, Shape::Byte, &[Place::Connect]),
    (26, Shape::Text, &[Place::Connack]),
    (28, Shape::Text, &[Place::Connack]),
    (31, Shape::Text, &[Place::Connack]),
    (33, Shape::Two, &[Place::Connect, Place::Connack]),
    (34, Shape::Two, &[Place::Connect, Place::Connack]),
    (36, Shape::Byte, &[Place::Connack]),
    (37, Shape::Byte, &[Place::Connack]),
    (
        38,
        Shape::Pair,
        &[Place::Connect, Place::Connack, Place::Will],
    ),
    (39, Shape::Four, &[Place::Connect, Place::Connack]),
    (40, Shape::Byte, &[Place::Connack]),
    (41, Shape::Byte, &[Place::Connack]),
    (42, Shape::Byte, &[Place::Connack]),
];
/// The property that may occur more than once, and that cannot be asked for.
const USER_PROPERTY: u8 = 38;
/// Data needs a method.
const AUTHENTICATION_METHOD: u8 = 21;
const AUTHENTICATION_DATA: u8 = 22;
/// Receive maximum and maximum packet size.
const NEVER_ZERO: [u8; 2] = [33, 39];

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Byte,
    Two,
    Four,
    Text,
    Pair,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Connect,
    Will,
    Connack,
}

#[derive(Clone, Copy, PartialEq)]
enum Field {
    Flags,
    ProtocolName,
    ProtocolVersion,
    ClientIdentifier,
    WillTopic,
    WillPayload,
    Username,
    Password,
    KeepAlive,
    ReasonCode,
    Property(u8),
}

struct Wanted {
    kind: u8,
    field: Field,
}

fn check(args: &mut [Arg]) -> Result<(), String> {
    let text =
        |index| String::from_utf8_lossy(str_arg(args, index).unwrap_or_default()).into_owned();
    let (kind_text, field_text) = (text(0), text(1));
    let by_number = kind_text
        .parse::<u8>()
        .ok()
        .filter(|number| (1..=15).contains(number));
    let by_name = || {
        TYPES
            .iter()
            .position(|name| name.eq_ignore_ascii_case(&kind_text))
    };
    let kind = by_number
        .or_else(|| by_name().map(|index| index as u8 + 1))
        .ok_or_else(|| format!("Unknown MQTT type '{kind_text}'"))?;
    let (fields, places): (_, &[Place]) = match kind {
        CONNECT => (CONNECT_FIELDS, &[Place::Connect, Place::Will]),
        CONNACK => (CONNACK_FIELDS, &[Place::Connack]),
        _ => (&[][..], &[]),
    };
    let named = fields
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&field_text));
    let property = || {
        let number: u8 = field_text.parse().ok()?;
        let (_, _, found) = PROPERTIES.iter().find(|(known, ..)| *known == number)?;
        found
            .iter()
            .any(|place| places.contains(place))
            .then_some(Field::Property(number))
    };
    let field = named
        .map(|(_, field)| *field)
        .or_else(property)
        .ok_or_else(|| {
            format!("Unknown MQTT field name '{field_text}' for packet type '{kind_text}'")
        })?;
    args[0] = Arg::Compiled(Compiled {
        text: format!("{kind_text},{field_text}"),
        value: std::sync::Arc::new(Wanted { kind, field }),
    });
    Ok(())
}

fn field_value<'a>(cx: &Cx<'a>, args: &'a [Arg], sample: Sample<'a>) -> Option<Sample<'a>> {
    let Some(Arg::Compiled(compiled)) = args.first() else {
        return None;
    };
    let wanted: &Wanted = compiled.value.downcast_ref()?;
    let packet = Packet::read(sample.value.bytes()?).ok()?;
    if packet.kind != wanted.kind {
        return None;
    }
    let bytes = |bytes: Option<&'a [u8]>| {
        bytes
            .filter(|bytes| !bytes.is_empty())
            .map(|bytes| Sample::from(Value::Bin(bytes)))
    };
    let number = |number: u32| kept(cx.arena, number.to_string().as_bytes());
    match wanted.field {
        Field::Flags => number(u32::from(packet.flags)),
        Field::ProtocolName => bytes(packet.protocol),
        Field::ProtocolVersion => number(u32::from(packet.version)),
        Field::ClientIdentifier => bytes(packet.client),
        Field::WillTopic => bytes(packet.will_topic),
        Field::WillPayload => bytes(packet.will_payload),
        Field::Username => bytes(packet.username),
        Field::Password => bytes(packet.password),
        Field::KeepAlive => number(u32::from(packet.keep_alive)),
        Field::ReasonCode => number(u32::from(packet.reason)),
        Field::Property(wanted) => {
            let mut found = [packet.properties, packet.will_properties]
                .into_iter()
                .flat_map(Properties);
            match found.find(|(number, _)| *number == wanted) {
                Some((_, Content::Number(value))) => number(value),
                Some((_, Content::Text(text))) => bytes(Some(text)),
                // A number that is not there is 0, as upstream has it.
                None => {
                    let (_, shape, places) =
                        PROPERTIES.iter().find(|(known, ..)| *known == wanted)?;
                    let numeric = matches!(shape, Shape::Byte | Shape::Two | Shape::Four);
                    let there = packet.will_topic.is_some() || !places.contains(&Place::Will);
                    (numeric && there && packet.version == 5)
                        .then(|| number(0))
                        .flatten()
                }
            }
        }
    }
}

enum Fault {
    Invalid,
    Incomplete,
}

/// A packet that was checked.
#[derive(Default)]
struct Packet<'a> {
    kind: u8,
    flags: u8,
    protocol: Option<&'a [u8]>,
    version: u8,
    keep_alive: u16,
    reason: u8,
    client: Option<&'a [u8]>,
    will_topic: Option<&'a [u8]>,
    will_payload: Option<&'a [u8]>,
    username: Option<&'a [u8]>,
    password: Option<&'a [u8]>,
    properties: &'a [u8],
    will_properties: &'a [u8],
}

impl<'a> Packet<'a> {
    fn read(text: &'a [u8]) -> Result<Packet<'a>, Fault> {
        let mut rest = Reader(text);
        let first = rest.byte().ok_or(Fault::Incomplete)?;
        // Only PUBLISH has flags of its own (MQTT 5.0, 2.1.3).
        let flags = match first >> 4 {
            PUBLISH => first & 15,
            PUBREL | SUBSCRIBE | UNSUBSCRIBE => 2,
            _ => 0,
        };
        if first >> 4 == 0 || first & 15 != flags {
            return Err(Fault::Invalid);
        }
        let length = match rest.length() {
            Some(length) => length,
            None if rest.0.len() < 4 => return Err(Fault::Incomplete),
            None => return Err(Fault::Invalid),
        };
        let mut body = Reader(rest.take(length).ok_or(Fault::Incomplete)?);
        let packet = match first {
            0x10 => body.connect(),
            // What follows a packet is not looked at, except behind the short form of CONNACK.
            0x20 if length == 2 && !rest.0.is_empty() => None,
            0x20 => body.connack(),
            _ => None,
        };
        packet.filter(|_| body.0.is_empty()).ok_or(Fault::Invalid)
    }
}

/// What is left of a packet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn two(&mut self) -> Option<u16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*bytes))
    }

    fn four(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    /// Text behind its length of two bytes.
    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.two()?;
        self.take(usize::from(length))
    }

    /// A number of seven bits a byte, four bytes at most.
    fn length(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = *self.0.get(shift / 7)?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                self.take(shift / 7 + 1)?;
                return Some(value);
            }
        }
        None
    }

    fn properties(&mut self, place: Place) -> Option<&'a [u8]> {
        let length = self.length()?;
        let properties = self.take(length)?;
        let (mut seen, mut method, mut data) = (0u64, false, false);
        let mut rest = Reader(properties);
        while !rest.0.is_empty() {
            let (number, content) = rest.property(Some(place))?;
            let filled = matches!(content, Content::Text(text) if !text.is_empty());
            method |= number == AUTHENTICATION_METHOD && filled;
            data |= number == AUTHENTICATION_DATA && filled;
            if number != USER_PROPERTY && seen & 1 << number != 0 {
                return None;
            }
            seen |= 1 << number;
        }
        (method || !data || place != Place::Connect).then_some(properties)
    }

    fn property(&mut self, place: Option<Place>) -> Option<(u8, Content<'a>)> {
        let number = self.byte()?;
        let (_, shape, places) = PROPERTIES.iter().find(|(known, ..)| *known == number)?;
        if place.is_some_and(|place| !places.contains(&place)) {
            return None;
        }
        let content = match shape {
            // Every property of one byte is a yes or no, or a quality of service that is no default.
            Shape::Byte => Content::Number(self.byte().filter(|value| *value < 2)?.into()),
            Shape::Two => Content::Number(u32::from(self.two()?)),
            Shape::Four => Content::Number(self.four()?),
            Shape::Text => Content::Text(self.text()?),
            Shape::Pair => {
                self.text()?;
                Content::Text(self.text()?)
            }
        };
        let zero = matches!(content, Content::Number(0));
        (!(zero && NEVER_ZERO.contains(&number))).then_some((number, content))
    }

    fn connect(&mut self) -> Option<Packet<'a>> {
        let protocol = self.text()?;
        let version = self.byte()?;
        let named = [&b"MQTT"[..], b"MQIsdp"]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(protocol));
        let known = named && matches!(version, 3..=5);
        let flags = self.byte()?;
        let (will, will_quality) = (flags & 4 != 0, flags >> 3 & 3);
        if !known || flags & 1 != 0 || will_quality == 3 {
            return None;
        }
        let mut packet = Packet {
            kind: CONNECT,
            flags,
            protocol: Some(protocol),
            version,
            keep_alive: self.two()?,
            ..Packet::default()
        };
        if version == 5 {
            packet.properties = self.properties(Place::Connect)?;
        }
        packet.client = Some(self.text()?);
        if will {
            if version == 5 {
                packet.will_properties = self.properties(Place::Will)?;
            }
            packet.will_topic = Some(self.text()?);
            packet.will_payload = Some(self.text()?);
        }
        if flags & 0x80 != 0 {
            packet.username = Some(self.text()?);
        }
        if flags & 0x40 != 0 {
            packet.password = Some(self.text()?);
        }
        Some(packet)
    }

    fn connack(&mut self) -> Option<Packet<'a>> {
        let flags = self.byte()?;
        let reason = self.byte()?;
        if flags > 1 {
            return None;
        }
        let mut packet = Packet {
            kind: CONNACK,
            flags,
            reason,
            version: 4,
            ..Packet::default()
        };
        if !self.0.is_empty() {
            packet.version = 5;
            packet.properties = self.properties(Place::Connack)?;
        }
        Some(packet)
    }
}

enum Content<'a> {
    Number(u32),
    Text(&'a [u8]),
}

/// The properties of a list that was checked.
struct Properties<'a>(&'a [u8]);

impl<'a> Iterator for Properties<'a> {
    type Item = (u8, Content<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = Reader(self.0);
        let found = rest.property(None);
        self.0 = rest.0;
        found
    }
}
