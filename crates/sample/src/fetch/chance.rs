//! Random numbers and identifiers (configuration manual 7.3.2): fit to spread load and to tell things apart, not for secrets.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};

use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};

use super::{fetches, int, string};

const NUMBER: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Int],
    required: 0,
};

fetches! {
    "rand", NUMBER, None, Int, Needs::NOTHING, "A random number below a bound." => |_, args, _| {
        let number = (random() >> 32) as u32;
        int(match args.first() {
            Some(Arg::Int(bound)) => ((i128::from(number) * i128::from(*bound)) >> 32) as i64,
            _ => i64::from(number),
        })
    };
    "uuid", NUMBER, Some(check_version), Str, Needs::NOTHING, "A new identifier of version 4 (random) or 7 (the time, then random)." => |cx, args, _| {
        let (mut high, low) = (random(), random());
        let version = match args.first() {
            Some(Arg::Int(7)) => {
                high = ((cx.now.wall_us / 1000) << 16) | (high & 0xffff);
                7
            }
            _ => 4,
        };
        let text = identifier(high, low, version);
        string(cx.arena.alloc(text))
    };
}

fn check_version(args: &mut [Arg]) -> Result<(), String> {
    match args.first() {
        Some(Arg::Int(version)) if ![4, 7].contains(version) => {
            Err(format!("Unsupported UUID version: '{version}'"))
        }
        _ => Ok(()),
    }
}

/// The text form, with version and variant in their places (RFC 9562 4).
fn identifier(high: u64, low: u64, version: u64) -> [u8; 36] {
    let high = (high & !0xf000) | (version << 12);
    let low = (low & !(3 << 62)) | (1 << 63);
    let number = (u128::from(high) << 64) | u128::from(low);
    let mut text = [b'-'; 36];
    let mut shift = 128;
    for (index, byte) in text.iter_mut().enumerate() {
        if ![8, 13, 18, 23].contains(&index) {
            shift -= 4;
            *byte = b"0123456789abcdef"[(number >> shift) as usize & 15];
        }
    }
    text
}

thread_local! {
    static STATE: Cell<[u64; 4]> = Cell::new(std::array::from_fn(|_| {
        // The keys of the standard hasher come from the operating system's randomness.
        RandomState::new().build_hasher().finish()
    }));
}

/// The next number of a generator per thread (xoshiro256++).
fn random() -> u64 {
    STATE.with(|state| {
        let mut s = state.get();
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        state.set(s);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_name_their_version() {
        let text = identifier(u64::MAX, u64::MAX, 4);
        assert_eq!(&text, b"ffffffff-ffff-4fff-bfff-ffffffffffff");
        let text = identifier(0x0123_4567_89ab_0000, 0, 7);
        assert_eq!(&text, b"01234567-89ab-7000-8000-000000000000");
    }
}
