//! `hash-type consistent`: a ring of points, the nearest of which serves a key.

use crate::farm::Member;
use hapax_proto::hash::avalanche;

/// Points on a ring of 32-bit hashes.
#[derive(Debug, Default)]
pub struct Ring {
    points: Vec<(u32, usize)>,
}

impl Ring {
    /// Every server in use sets as many points as its internal weight (16 per unit of the user's), at the mixed values
    /// of the numbers from its key on.
    pub fn new(members: &[Member]) -> Ring {
        let mut points: Vec<(u32, usize)> = members
            .iter()
            .flat_map(|member| {
                (0..member.weight)
                    .map(move |n| (avalanche(member.key.wrapping_add(n)), member.index))
            })
            .collect();
        // Two points at one place stay in the order of the servers.
        points.sort_by_key(|&(place, _)| place);
        Ring { points }
    }

    /// The servers for a hash, nearest first: the point nearest to it (the one before among equals), then the points
    /// after that one around the ring. A server comes as often as it has points.
    pub fn walk(&self, hash: u32) -> impl Iterator<Item = usize> + '_ {
        let start = self.nearest(hash);
        let (before, from) = self.points.split_at(start.min(self.points.len()));
        from.iter().chain(before).map(|&(_, index)| index)
    }

    /// Points and their servers behind the place `last`, around the ring; from the first one when it is beyond all.
    pub fn after(&self, last: u64) -> impl Iterator<Item = (u32, usize)> + '_ {
        let start = self
            .points
            .partition_point(|&(place, _)| u64::from(place) <= last);
        let (before, from) = self.points.split_at(start);
        from.iter().chain(before).copied()
    }

    /// The server of the last point.
    pub fn last(&self) -> Option<usize> {
        self.points.last().map(|&(_, index)| index)
    }

    /// Whether a point is at this place.
    pub fn has(&self, place: u64) -> bool {
        let search = |point: &(u32, usize)| u64::from(point.0).cmp(&place);
        self.points.binary_search_by(search).is_ok()
    }

    fn nearest(&self, hash: u32) -> usize {
        let count = self.points.len();
        let after = self.points.partition_point(|&(place, _)| place < hash);
        let before = after.checked_sub(1).unwrap_or(count.saturating_sub(1));
        let after = if after == count { 0 } else { after };
        match (self.points.get(before), self.points.get(after)) {
            (Some(&(previous, _)), Some(&(next, _)))
                if hash.wrapping_sub(previous) <= next.wrapping_sub(hash) =>
            {
                before
            }
            _ => after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(index: usize, weight: u32) -> Member {
        Member {
            index,
            id: index as u32 + 1,
            key: (index as u32 + 1) * 4096,
            weight,
        }
    }

    #[test]
    fn a_server_that_leaves_only_moves_its_own_keys() {
        let all: Vec<Member> = (0..5).map(|at| member(at, 16)).collect();
        let full = Ring::new(&all);
        let fewer = Ring::new(&all[..4]);
        let mut moved = 0;
        for key in 0..5000u32 {
            let hash = avalanche(key);
            let (was, is) = (full.walk(hash).next(), fewer.walk(hash).next());
            if was == Some(4) {
                moved += 1;
                assert!(is < Some(4) && is.is_some());
            } else {
                assert_eq!(was, is);
            }
        }
        assert!((300..2500).contains(&moved), "{moved}");
    }

    #[test]
    fn the_walk_meets_every_server() {
        let ring = Ring::new(&[member(0, 16), member(1, 32)]);
        let mut seen: Vec<usize> = ring.walk(12345).collect();
        assert_eq!(seen.len(), 48);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [0, 1]);
        assert_eq!(Ring::new(&[]).walk(1).next(), None);
    }
}
