//! Header blocks to fields (RFC 7541 3 and 6).

use thiserror::Error;

use super::huffman;
use super::table::Table;

/// A block that cannot be decoded: the tables of both sides may differ from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("header block cannot be decoded")]
pub struct BadBlock;

impl From<huffman::BadHuffman> for BadBlock {
    fn from(_: huffman::BadHuffman) -> BadBlock {
        BadBlock
    }
}

/// The state of one direction of a connection.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    /// What the other side was told the table may grow to.
    allowed: usize,
    most_copied: usize,
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Decoder {
    /// A decoder whose table the other side may let grow to `allowed`.
    pub fn new(allowed: usize) -> Decoder {
        Decoder {
            table: Table::new(allowed.min(DEFAULT_TABLE)),
            allowed,
            most_copied: usize::MAX,
            name: Vec::new(),
            value: Vec::new(),
        }
    }

    /// Fields that the table lends to one block may have so many bytes.
    pub fn limit(&mut self, most_copied: usize) {
        self.most_copied = most_copied;
    }

    /// Decodes a whole block; `field` is called for each name and value.
    pub fn decode(
        &mut self,
        block: &[u8],
        mut field: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), BadBlock> {
        let mut rest = block;
        let mut begun = false;
        let (mut fields, mut copied) = (0, 0);
        while let Some(&first) = rest.first() {
            if first & 0xe0 != 0x20 {
                fields += 1;
                if fields >= MOST_FIELDS {
                    return Err(BadBlock);
                }
            }
            if first & 0x80 != 0 {
                let index = integer(&mut rest, 7)?;
                let (name, value) = self.table.field(index).ok_or(BadBlock)?;
                if index > STATIC_FIELDS {
                    // A few bytes may stand for very many.
                    copied += name.len() + value.len() + 2;
                    if copied > self.most_copied {
                        return Err(BadBlock);
                    }
                }
                field(name, value);
                begun = true;
                continue;
            }
            if first & 0xe0 == 0x20 {
                let limit = integer(&mut rest, 5)?;
                // Only before the first field (RFC 7541 4.2).
                if begun || limit > self.allowed {
                    return Err(BadBlock);
                }
                self.table.set_limit(limit);
                continue;
            }
            begun = true;
            let indexed = first & 0x40 != 0;
            let index = integer(&mut rest, if indexed { 6 } else { 4 })?;
            if index == 0 {
                let name = string(&mut rest, &mut self.name)?;
                let value = string(&mut rest, &mut self.value)?;
                if name.is_empty() {
                    return Err(BadBlock);
                }
                field(name, value);
                if indexed {
                    self.table.add(name, value);
                }
                continue;
            }
            let value = string(&mut rest, &mut self.value)?;
            let (name, _) = self.table.field(index).ok_or(BadBlock)?;
            field(name, value);
            if indexed {
                // To add the field may push out the one that lends its name.
                self.name.clear();
                self.name.extend_from_slice(name);
                self.table.add(&self.name, value);
            }
        }
        Ok(())
    }
}

/// An integer with a prefix of `bits` bits (RFC 7541 5.1). What does not fit 28 bits is refused.
fn integer(rest: &mut &[u8], bits: u32) -> Result<usize, BadBlock> {
    let (&first, mut tail) = rest.split_first().ok_or(BadBlock)?;
    let most = (1usize << bits) - 1;
    let mut value = usize::from(first) & most;
    if value == most {
        let mut shift = 0;
        loop {
            let (&byte, behind) = tail.split_first().ok_or(BadBlock)?;
            tail = behind;
            if shift > 21 {
                return Err(BadBlock);
            }
            value += (usize::from(byte) & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    *rest = tail;
    Ok(value)
}

/// A string; one in Huffman coding is decoded into `scratch`.
fn string<'b: 's, 's>(rest: &mut &'b [u8], scratch: &'s mut Vec<u8>) -> Result<&'s [u8], BadBlock> {
    let coded = rest.first().ok_or(BadBlock)? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let (text, tail) = rest.split_at_checked(length).ok_or(BadBlock)?;
    *rest = tail;
    if !coded {
        return Ok(text);
    }
    scratch.clear();
    huffman::decode(text, scratch)?;
    Ok(scratch)
}

/// As many fields no block has, pseudo fields and crumbs of cookies included: twice what a head may have.
const MOST_FIELDS: usize = 202;
/// Fields that every table has.
const STATIC_FIELDS: usize = 61;
/// How large the table is before anybody says something else.
pub const DEFAULT_TABLE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<String>, BadBlock> {
        let mut all = Vec::new();
        decoder.decode(block, |name, value| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            all.push(format!("{}: {}", text(name), text(value)));
        })?;
        Ok(all)
    }

    #[test]
    fn requests_of_the_specification() {
        // RFC 7541 C.4
        let mut decoder = Decoder::new(4096);
        let first = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        let expected = [
            ":method: GET",
            ":scheme: http",
            ":path: /",
            ":authority: www.example.com",
        ];
        assert_eq!(fields(&mut decoder, first).expect("valid"), expected);
        let second = b"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf";
        let all = fields(&mut decoder, second).expect("valid");
        assert_eq!(
            all[3..],
            [":authority: www.example.com", "cache-control: no-cache"]
        );
        let third = b"\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf";
        let all = fields(&mut decoder, third).expect("valid");
        assert_eq!(
            all[3..],
            [":authority: www.example.com", "custom-key: custom-value"]
        );
    }

    #[test]
    fn blocks_that_are_none() {
        for block in [
            &b"\x80"[..],
            b"\xff\x10",
            b"\xff\xff\xff\xff\xff\xff\xff",
            b"\x00\x05ab",
            b"\x00\x01",
            b"\x00\x01a\x83\xff\xff\xff",
            b"\x3f\xff\xff\x03",
            b"\x82\x20",
            b"\x40",
        ] {
            assert_eq!(
                fields(&mut Decoder::new(4096), block),
                Err(BadBlock),
                "{block:?}"
            );
        }
        let mut decoder = Decoder::new(4096);
        assert_eq!(
            fields(&mut decoder, b"\x20\x3f\xe1\x1f\x82").expect("valid"),
            [":method: GET"]
        );
    }
}
