//! Hash functions.

use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec};
use hapax_core::sample::Sample;
use hapax_proto::hash::{avalanche, crc32, crc32c, djb2, sdbm};

use super::{converters, int, int_arg};

const SEED: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Int],
    required: 0,
};

converters! {
    "crc32", SEED, None, Bin => Int, "CRC-32 (IEEE), avalanche with 1 as argument." => |_, args, sample| hash32(args, sample, crc32);
    "crc32c", SEED, None, Bin => Int, "CRC-32C (Castagnoli), avalanche with 1 as argument." => |_, args, sample| hash32(args, sample, crc32c);
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
