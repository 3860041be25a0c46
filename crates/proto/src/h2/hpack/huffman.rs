//! Huffman coding of strings (RFC 7541 5.2, appendix B). The code is canonical: decoding compares with the first code of
//! each length.

/// What is no Huffman text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHuffman;

/// Appends the decoded text to `out`.
pub fn decode(text: &[u8], out: &mut Vec<u8>) -> Result<(), BadHuffman> {
    let (mut bits, mut held) = (0u64, 0u32);
    for &byte in text {
        bits = bits << 8 | u64::from(byte);
        held += 8;
        while let Some((symbol, length)) = symbol(bits, held) {
            if symbol == END {
                return Err(BadHuffman);
            }
            out.push(symbol as u8);
            held -= length;
        }
        // No code is longer: what is held is one that does not exist.
        if held > LONGEST {
            return Err(BadHuffman);
        }
    }
    // What is left has to be the beginning of the code of the end.
    let left = (1u64 << held) - 1;
    match held < 8 && bits & left == left {
        true => Ok(()),
        false => Err(BadHuffman),
    }
}

/// The symbol that begins `held` bits and the length of its code; none when bits are missing.
#[inline]
fn symbol(bits: u64, held: u32) -> Option<(u16, u32)> {
    let window = match held {
        32.. => (bits >> (held - 32)) as u32,
        _ => (bits << (32 - held)) as u32,
    };
    let (symbol, length) = SHORT[(window >> (32 - SHORT_BITS)) as usize];
    if length > 0 {
        return (u32::from(length) <= held).then_some((symbol, u32::from(length)));
    }
    let mut length = SHORT_BITS + 1;
    while length <= LONGEST && length <= held {
        let code = window >> (32 - length);
        let of = &LENGTHS[length as usize];
        if let Some(index) = code.checked_sub(of.first)
            && index < of.count
        {
            return Some((SORTED[(of.at + index) as usize], length));
        }
        length += 1;
    }
    None
}

/// The codes of one length: the first of them, how many, and where their symbols stand in [`SORTED`].
#[derive(Clone, Copy)]
struct Length {
    first: u32,
    count: u32,
    at: u32,
}

const SHORT_BITS: u32 = 9;
const LONGEST: u32 = 30;
const END: u16 = 256;

/// Symbols in the order of their codes' lengths, then of the symbols.
static SORTED: [u16; 257] = {
    let mut sorted = [0u16; 257];
    let (mut length, mut at) = (1, 0);
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < 257 {
            if CODES[symbol].1 as u32 == length {
                sorted[at] = symbol as u16;
                at += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    sorted
};

static LENGTHS: [Length; LONGEST as usize + 1] = {
    let mut lengths = [Length {
        first: 0,
        count: 0,
        at: 0,
    }; LONGEST as usize + 1];
    let (mut length, mut at) = (1, 0);
    while length <= LONGEST {
        let (mut symbol, mut count, mut first) = (0, 0, 0);
        while symbol < 257 {
            if CODES[symbol].1 as u32 == length {
                if count == 0 {
                    first = CODES[symbol].0;
                }
                count += 1;
            }
            symbol += 1;
        }
        lengths[length as usize] = Length { first, count, at };
        at += count;
        length += 1;
    }
    lengths
};

/// What the first bits of a text say where its code is short: the symbol and the length, 0 where it is not.
static SHORT: [(u16, u8); 1 << SHORT_BITS] = {
    let mut short = [(0, 0); 1 << SHORT_BITS];
    let mut symbol = 0;
    while symbol < 257 {
        let (code, length) = CODES[symbol];
        if length as u32 <= SHORT_BITS {
            let free = SHORT_BITS - length as u32;
            let mut low = 0;
            while low < 1 << free {
                short[((code << free) | low) as usize] = (symbol as u16, length);
                low += 1;
            }
        }
        symbol += 1;
    }
    short
};

/// Code and its length in bits of each byte, and of the end.
#[rustfmt::skip]
static CODES: [(u32, u8); 257] = [
    (0x1ff8, 13), (0x7fffd8, 23), (0xfffffe2, 28), (0xfffffe3, 28),
    (0xfffffe4, 28), (0xfffffe5, 28), (0xfffffe6, 28), (0xfffffe7, 28),
    (0xfffffe8, 28), (0xffffea, 24), (0x3ffffffc, 30), (0xfffffe9, 28),
    (0xfffffea, 28), (0x3ffffffd, 30), (0xfffffeb, 28), (0xfffffec, 28),
    (0xfffffed, 28), (0xfffffee, 28), (0xfffffef, 28), (0xffffff0, 28),
    (0xffffff1, 28), (0xffffff2, 28), (0x3ffffffe, 30), (0xffffff3, 28),
    (0xffffff4, 28), (0xffffff5, 28), (0xffffff6, 28), (0xffffff7, 28),
    (0xffffff8, 28), (0xffffff9, 28), (0xffffffa, 28), (0xffffffb, 28),
    (0x14, 6), (0x3f8, 10), (0x3f9, 10), (0xffa, 12),
    (0x1ff9, 13), (0x15, 6), (0xf8, 8), (0x7fa, 11),
    (0x3fa, 10), (0x3fb, 10), (0xf9, 8), (0x7fb, 11),
    (0xfa, 8), (0x16, 6), (0x17, 6), (0x18, 6),
    (0x0, 5), (0x1, 5), (0x2, 5), (0x19, 6),
    (0x1a, 6), (0x1b, 6), (0x1c, 6), (0x1d, 6),
    (0x1e, 6), (0x1f, 6), (0x5c, 7), (0xfb, 8),
    (0x7ffc, 15), (0x20, 6), (0xffb, 12), (0x3fc, 10),
    (0x1ffa, 13), (0x21, 6), (0x5d, 7), (0x5e, 7),
    (0x5f, 7), (0x60, 7), (0x61, 7), (0x62, 7),
    (0x63, 7), (0x64, 7), (0x65, 7), (0x66, 7),
    (0x67, 7), (0x68, 7), (0x69, 7), (0x6a, 7),
    (0x6b, 7), (0x6c, 7), (0x6d, 7), (0x6e, 7),
    (0x6f, 7), (0x70, 7), (0x71, 7), (0x72, 7),
    (0xfc, 8), (0x73, 7), (0xfd, 8), (0x1ffb, 13),
    (0x7fff0, 19), (0x1ffc, 13), (0x3ffc, 14), (0x22, 6),
    (0x7ffd, 15), (0x3, 5), (0x23, 6), (0x4, 5),
    (0x24, 6), (0x5, 5), (0x25, 6), (0x26, 6),
    (0x27, 6), (0x6, 5), (0x74, 7), (0x75, 7),
    (0x28, 6), (0x29, 6), (0x2a, 6), (0x7, 5),
    (0x2b, 6), (0x76, 7), (0x2c, 6), (0x8, 5),
    (0x9, 5), (0x2d, 6), (0x77, 7), (0x78, 7),
    (0x79, 7), (0x7a, 7), (0x7b, 7), (0x7ffe, 15),
    (0x7fc, 11), (0x3ffd, 14), (0x1ffd, 13), (0xffffffc, 28),
    (0xfffe6, 20), (0x3fffd2, 22), (0xfffe7, 20), (0xfffe8, 20),
    (0x3fffd3, 22), (0x3fffd4, 22), (0x3fffd5, 22), (0x7fffd9, 23),
    (0x3fffd6, 22), (0x7fffda, 23), (0x7fffdb, 23), (0x7fffdc, 23),
    (0x7fffdd, 23), (0x7fffde, 23), (0xffffeb, 24), (0x7fffdf, 23),
    (0xffffec, 24), (0xffffed, 24), (0x3fffd7, 22), (0x7fffe0, 23),
    (0xffffee, 24), (0x7fffe1, 23), (0x7fffe2, 23), (0x7fffe3, 23),
    (0x7fffe4, 23), (0x1fffdc, 21), (0x3fffd8, 22), (0x7fffe5, 23),
    (0x3fffd9, 22), (0x7fffe6, 23), (0x7fffe7, 23), (0xffffef, 24),
    (0x3fffda, 22), (0x1fffdd, 21), (0xfffe9, 20), (0x3fffdb, 22),
    (0x3fffdc, 22), (0x7fffe8, 23), (0x7fffe9, 23), (0x1fffde, 21),
    (0x7fffea, 23), (0x3fffdd, 22), (0x3fffde, 22), (0xfffff0, 24),
    (0x1fffdf, 21), (0x3fffdf, 22), (0x7fffeb, 23), (0x7fffec, 23),
    (0x1fffe0, 21), (0x1fffe1, 21), (0x3fffe0, 22), (0x1fffe2, 21),
    (0x7fffed, 23), (0x3fffe1, 22), (0x7fffee, 23), (0x7fffef, 23),
    (0xfffea, 20), (0x3fffe2, 22), (0x3fffe3, 22), (0x3fffe4, 22),
    (0x7ffff0, 23), (0x3fffe5, 22), (0x3fffe6, 22), (0x7ffff1, 23),
    (0x3ffffe0, 26), (0x3ffffe1, 26), (0xfffeb, 20), (0x7fff1, 19),
    (0x3fffe7, 22), (0x7ffff2, 23), (0x3fffe8, 22), (0x1ffffec, 25),
    (0x3ffffe2, 26), (0x3ffffe3, 26), (0x3ffffe4, 26), (0x7ffffde, 27),
    (0x7ffffdf, 27), (0x3ffffe5, 26), (0xfffff1, 24), (0x1ffffed, 25),
    (0x7fff2, 19), (0x1fffe3, 21), (0x3ffffe6, 26), (0x7ffffe0, 27),
    (0x7ffffe1, 27), (0x3ffffe7, 26), (0x7ffffe2, 27), (0xfffff2, 24),
    (0x1fffe4, 21), (0x1fffe5, 21), (0x3ffffe8, 26), (0x3ffffe9, 26),
    (0xffffffd, 28), (0x7ffffe3, 27), (0x7ffffe4, 27), (0x7ffffe5, 27),
    (0xfffec, 20), (0xfffff3, 24), (0xfffed, 20), (0x1fffe6, 21),
    (0x3fffe9, 22), (0x1fffe7, 21), (0x1fffe8, 21), (0x7ffff3, 23),
    (0x3fffea, 22), (0x3fffeb, 22), (0x1ffffee, 25), (0x1ffffef, 25),
    (0xfffff4, 24), (0xfffff5, 24), (0x3ffffea, 26), (0x7ffff4, 23),
    (0x3ffffeb, 26), (0x7ffffe6, 27), (0x3ffffec, 26), (0x3ffffed, 26),
    (0x7ffffe7, 27), (0x7ffffe8, 27), (0x7ffffe9, 27), (0x7ffffea, 27),
    (0x7ffffeb, 27), (0xffffffe, 28), (0x7ffffec, 27), (0x7ffffed, 27),
    (0x7ffffee, 27), (0x7ffffef, 27), (0x7fffff0, 27), (0x3ffffee, 26),
    (0x3fffffff, 30),];

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &[u8]) -> Vec<u8> {
        let mut bits = String::new();
        for &byte in text {
            let (code, length) = CODES[usize::from(byte)];
            bits += &format!("{code:0width$b}", width = usize::from(length));
        }
        while !bits.len().is_multiple_of(8) {
            bits.push('1');
        }
        let byte = |at: usize| u8::from_str_radix(&bits[at..at + 8], 2).expect("binary digits");
        (0..bits.len()).step_by(8).map(byte).collect()
    }

    fn decoded(text: &[u8]) -> Result<Vec<u8>, BadHuffman> {
        let mut out = Vec::new();
        decode(text, &mut out).map(|()| out)
    }

    #[test]
    fn examples_of_the_specification() {
        let www = [
            0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
        ];
        assert_eq!(decoded(&www), Ok(b"www.example.com".to_vec()));
        assert_eq!(
            decoded(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]),
            Ok(b"no-cache".to_vec())
        );
    }

    #[test]
    fn all_bytes_come_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decoded(&encode(&all)), Ok(all));
        for byte in 0..=255 {
            assert_eq!(decoded(&encode(&[byte])), Ok(vec![byte]));
        }
    }

    #[test]
    fn bad_ends_and_the_end_itself() {
        assert_eq!(decoded(&[0xff]), Err(BadHuffman));
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), Err(BadHuffman));
        // An `a` with zeros behind it.
        assert_eq!(decoded(&[0x18]), Err(BadHuffman));
        assert_eq!(decoded(&[]), Ok(Vec::new()));
    }
}
