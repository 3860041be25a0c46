//! DER as it is written (X.690): a tag, a length, and the parts inside.

/// A value that is built of others.
pub(super) const SEQUENCE: u8 = 0x30;
/// A set.
pub(super) const SET: u8 = 0x31;
/// Whole numbers.
pub(super) const INTEGER: u8 = 0x02;
/// Bits.
pub(super) const BITS: u8 = 0x03;
/// Bytes.
pub(super) const OCTETS: u8 = 0x04;
/// Text.
pub(super) const UTF8: u8 = 0x0c;
/// ASCII.
pub(super) const IA5: u8 = 0x16;

/// A value with this tag and these parts.
pub(crate) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
            let bytes = bytes.get(first..).unwrap_or_default();
            out.push(0x80 | bytes.len() as u8);
            out.extend_from_slice(bytes);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// A number that is not negative.
pub(super) fn number(number: u32) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(3);
    let bytes = bytes.get(first..).unwrap_or_default();
    match bytes.first() {
        Some(0x80..) => value(INTEGER, &[&[0], bytes]),
        _ => value(INTEGER, &[bytes]),
    }
}

/// Whole bytes as bits.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    value(BITS, &[&[0], bytes])
}

/// A second since 1970, as text of two digits for the year up to 2049, and of four after it (RFC 5280 4.1.2.5).
pub(super) fn time(second: i64) -> Option<Vec<u8>> {
    let at = x509_parser::time::ASN1Time::from_timestamp(second).ok()?;
    let at = at.to_datetime();
    let rest = format!(
        "{:02}{:02}{:02}{:02}{:02}Z",
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    Some(match at.year() {
        year @ 1950..2050 => value(
            UTC_TIME,
            &[format!("{:02}", year % 100).as_bytes(), rest.as_bytes()],
        ),
        year => value(
            GENERAL_TIME,
            &[format!("{year:04}").as_bytes(), rest.as_bytes()],
        ),
    })
}

const UTC_TIME: u8 = 0x17;
const GENERAL_TIME: u8 = 0x18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_as_short_as_they_can_be() {
        assert_eq!(value(SEQUENCE, &[]), [0x30, 0]);
        assert_eq!(value(OCTETS, &[&[1], &[2, 3]]), [4, 3, 1, 2, 3]);
        assert_eq!(value(OCTETS, &[&[7; 128]])[..3], [4, 0x81, 128]);
        assert_eq!(value(OCTETS, &[&[7; 300]])[..4], [4, 0x82, 1, 44]);
        assert_eq!(number(0), [2, 1, 0]);
        assert_eq!(number(127), [2, 1, 127]);
        assert_eq!(number(128), [2, 2, 0, 128]);
        assert_eq!(number(u32::MAX), [2, 5, 0, 255, 255, 255, 255]);
        assert_eq!(time(0).as_deref(), Some(&b"\x17\x0d700101000000Z"[..]));
        let later = time(2_556_144_000).expect("a time");
        assert_eq!(later, b"\x18\x0f20510101000000Z");
    }
}
