//! `hash-type map-based` and static round robin: a table with one place per unit of weight.

use crate::farm::Member;

/// The table of servers, one place per unit of weight.
#[derive(Debug, Default)]
pub struct Map {
    places: Vec<usize>,
}

impl Map {
    /// Builds the table for the servers in use; `divisor` divides their weights.
    pub fn new(members: &[Member], divisor: u32) -> Map {
        let weights: Vec<u32> = members
            .iter()
            .map(|one| one.weight / divisor.max(1))
            .collect();
        Map {
            places: spread(&weights)
                .into_iter()
                .filter_map(|at| members.get(at).map(|member| member.index))
                .collect(),
        }
    }

    /// The server at place `at` modulo the size.
    pub fn at(&self, at: u32) -> Option<usize> {
        let size = u32::try_from(self.places.len()).ok()?;
        let at = at.checked_rem(size)?;
        self.places.get(at as usize).copied()
    }

    /// The server, when there is only one.
    pub fn only(&self) -> Option<usize> {
        let (first, rest) = self.places.split_first()?;
        rest.iter().all(|index| index == first).then_some(*first)
    }

    /// Number of places: the total weight in lowest terms.
    pub fn len(&self) -> usize {
        self.places.len()
    }
}

/// The order in which weights take the places of one round, spread smoothly.
///
/// Each place gives every candidate its weight as credit and goes to the one with the most *whole rounds* of credit (the
/// first among equals), who pays one round. Credits may be negative by less than a round.
fn spread(weights: &[u32]) -> Vec<usize> {
    let round: i64 = weights.iter().map(|&weight| i64::from(weight)).sum();
    let mut credits = vec![0i64; weights.len()];
    let mut places = Vec::with_capacity(usize::try_from(round).unwrap_or(0));
    for _ in 0..round {
        let mut best: Option<(i64, usize)> = None;
        for (at, (credit, &weight)) in credits.iter_mut().zip(weights).enumerate() {
            if weight == 0 {
                continue;
            }
            *credit += i64::from(weight);
            let rounds = (*credit + round) / round;
            if best.is_none_or(|(most, _)| rounds > most) {
                best = Some((rounds, at));
            }
        }
        if let Some((_, at)) = best {
            credits[at] -= round;
            places.push(at);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_gets_its_weight() {
        for weights in [
            &[5, 1, 1][..],
            &[7, 3, 2, 5],
            &[1, 2, 3, 4, 5],
            &[256, 1],
            &[1; 40],
        ] {
            let places = spread(weights);
            for (at, &weight) in weights.iter().enumerate() {
                let count = places.iter().filter(|&&place| place == at).count();
                assert_eq!(count, weight as usize, "{weights:?}");
            }
        }
    }

    #[test]
    fn no_server_means_no_place() {
        assert_eq!(Map::new(&[], 1).at(7), None);
    }
}
