//! `hash-type consistent`: a ring of points, the nearest of which serves a key.

use crate::farm::Member;
use hapax_proto::hash::avalanche;

/// Points on a ring of 32-bit hashes.
#[derive(Debug, Default)]
pub struct Ring {
    /// Where the points are, in ascending order, and the server of each.
    points: Vec<(u32, u32)>,
    /// The ring in equal parts of few points: the number of points before each, and of all. Small enough to stay near.
    parts: Vec<u32>,
    /// How many bits of a hash tell a place within a part.
    within: u32,
}

impl Ring {
    /// Every server in use sets as many points as its internal weight (16 per unit of the user's), at the mixed values
    /// of the numbers from its key on.
    pub fn new(members: &[Member]) -> Ring {
        let mut points: Vec<(u32, u32)> = members
            .iter()
            .flat_map(|member| {
                (0..member.weight)
                    .map(move |n| (avalanche(member.key.wrapping_add(n)), member.index as u32))
            })
            .collect();
        // Two points at one place stay in the order of the servers.
        points.sort_by_key(|&(place, _)| place);
        let bits = (points.len() / POINTS_PER_PART).checked_ilog2();
        let bits = bits.unwrap_or(0);
        let within = 32 - bits;
        let mut parts = Vec::with_capacity((1 << bits) + 1);
        for (before, (place, _)) in (0..).zip(&points) {
            let part = (u64::from(*place) >> within) as usize;
            parts.resize(parts.len().max(part + 1), before);
        }
        parts.resize((1 << bits) + 1, points.len() as u32);
        Ring {
            points,
            parts,
            within,
        }
    }

    /// The servers for a hash, nearest first: the point nearest to it (the one before among equals), then the points
    /// after that one around the ring. A server comes as often as it has points.
    pub fn walk(&self, hash: u32) -> impl Iterator<Item = usize> + '_ {
        let start = self.nearest(hash);
        let (before, from) = self.points.split_at(start.min(self.points.len()));
        from.iter().chain(before).map(|&(_, index)| index as usize)
    }

    /// Points and their servers behind the place `last`, around the ring; from the first one when it is beyond all.
    pub fn after(&self, last: u64) -> impl Iterator<Item = (u32, usize)> + '_ {
        let start = self
            .points
            .partition_point(|&(place, _)| u64::from(place) <= last);
        let (before, from) = self.points.split_at(start);
        let points = from.iter().chain(before);
        points.map(|&(place, index)| (place, index as usize))
    }

    /// The server of the last point.
    pub fn last(&self) -> Option<usize> {
        self.points.last().map(|&(_, index)| index as usize)
    }

    /// Whether a point is at this place.
    pub fn has(&self, place: u64) -> bool {
        let search = |point: &(u32, u32)| u64::from(point.0).cmp(&place);
        self.points.binary_search_by(search).is_ok()
    }

    fn nearest(&self, hash: u32) -> usize {
        let count = self.points.len();
        let after = self.before(hash);
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

    /// How many points are before a hash: those before its part, and some of the part.
    fn before(&self, hash: u32) -> usize {
        let part = (u64::from(hash) >> self.within) as usize;
        let bounds = self.parts.get(part).zip(self.parts.get(part + 1));
        let Some((&first, &end)) = bounds else {
            return 0;
        };
        let own = self.points.get(first as usize..end as usize);
        first as usize + own.map_or(0, |own| own.partition_point(|&(place, _)| place < hash))
    }
}

/// At least so many points have a part in common, on average: they fill two lines of a cache.
const POINTS_PER_PART: usize = 8;

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
    fn the_parts_lead_to_the_same_points_as_a_search() {
        for members in [1, 2, 3, 40, 900] {
            let members: Vec<Member> = (0..members)
                .map(|at| member(at, 16 + at as u32 % 5))
                .collect();
            let ring = Ring::new(&members);
            let near = ring
                .points
                .iter()
                .flat_map(|&(at, _)| [at.wrapping_sub(1), at, at.wrapping_add(1)]);
            for hash in near.chain([0, 1, u32::MAX]) {
                assert_eq!(
                    ring.before(hash),
                    ring.points.partition_point(|&(place, _)| place < hash)
                );
            }
        }
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
