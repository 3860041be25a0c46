//! Hash functions.

use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::Sample;

use super::{converters, int, int_arg};

const SEED: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Int],
    required: 0,
};

converters! {
    "crc32", SEED, None, Bin => Int, "CRC-32 (IEEE), avalanche with 1 as argument." => |_, args, sample| hash32(args, sample, |bytes| !crc(bytes, 0xedb8_8320, !0));
    "crc32c", SEED, None, Bin => Int, "CRC-32C (Castagnoli), avalanche with 1 as argument." => |_, args, sample| hash32(args, sample, |bytes| !crc(bytes, 0x82f6_3b78, !0));
    "djb2", SEED, None, Bin => Int, "The hash djb2." => |_, args, sample| hash32(args, sample, djb2);
    "sdbm", SEED, None, Bin => Int, "The hash sdbm." => |_, args, sample| hash32(args, sample, |bytes| sdbm(0, bytes));
    "xxh32", SEED, None, Bin => Int, "The hash XXH32 with a seed." => |_, args, sample| {
        int(i64::from(xxhash_rust::xxh32::xxh32(sample.value.bytes()?, seed(args) as u32)))
    };
    "xxh64", SEED, None, Bin => Int, "The hash XXH64 with a seed." => |_, args, sample| {
        int(xxhash_rust::xxh64::xxh64(sample.value.bytes()?, seed(args)) as i64)
    };
    "xxh3", SEED, None, Bin => Int, "The hash XXH3 of 64 bits with a seed." => |_, args, sample| {
        int(xxhash_rust::xxh3::xxh3_64_with_seed(sample.value.bytes()?, seed(args)) as i64)
    };
}

fn seed(args: &[Arg]) -> u64 {
    int_arg(args, 0).unwrap_or(0) as u64
}

fn hash32<'a>(args: &[Arg], sample: Sample<'a>, function: fn(&[u8]) -> u32) -> Option<Sample<'a>> {
    let hash = function(sample.value.bytes()?);
    let full = int_arg(args, 0).is_some_and(|argument| argument != 0);
    int(i64::from(if full { avalanche(hash) } else { hash }))
}

/// Mixes all bits of a hash: Bob Jenkins' integer hash (burtleburtle.net/bob/hash/integer.html), then a multiplication by
/// 3·2^30 + 1, as the reference's results show.
pub(crate) fn avalanche(hash: u32) -> u32 {
    let mut a = hash;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(0xc000_0001)
}

fn crc(bytes: &[u8], polynomial: u32, start: u32) -> u32 {
    let mut crc = start;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let mask = (crc & 1).wrapping_neg();
            crc = (crc >> 1) ^ (polynomial & mask);
        }
    }
    crc
}

fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381, |hash: u32, byte| {
        hash.wrapping_mul(33).wrapping_add(u32::from(*byte))
    })
}

/// The hash of what was hashed to `start`, and more bytes.
pub(crate) fn sdbm(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |hash: u32, byte| {
        u32::from(*byte)
            .wrapping_add(hash << 6)
            .wrapping_add(hash << 16)
            .wrapping_sub(hash)
    })
}
