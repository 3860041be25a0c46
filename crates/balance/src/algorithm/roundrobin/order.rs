//! The order of weighted turns, as observed from the reference: two heaps of positions, this round's and the next one's.
//!
//! A round has as many steps as the weights add up to (in units of a sixteenth); every choice is one step. Being chosen moves
//! a server ahead by `total / weight` positions, with the remainder carried along. Whoever stands at or before the step is
//! due; when nobody is, a server that was never chosen begins there, heaviest first; when there is none, the nearest one
//! ahead is taken. Who would pass the end of the round waits for the next one.
//!
//! A server that comes (back), or changes its weight, gets the place `step + (total - step) / weight`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::farm::Member;

/// Who is next.
#[derive(Debug, Default)]
pub struct Order {
    now: BinaryHeap<Reverse<Turn>>,
    later: BinaryHeap<Reverse<Turn>>,
    fresh: VecDeque<Member>,
    /// The next step of the round.
    step: u64,
    /// Steps that the round had when it began.
    round: u64,
    /// Sum of the weights.
    total: u64,
    turns: u64,
    /// Weight of each server in use, 0 for others.
    weights: Vec<u32>,
    /// The remainder that each server carries, also while it is not in use.
    remainders: Vec<u32>,
    begun: bool,
}

/// Where a server stands: whole steps, then what of its weight the remainder left unused (most first), then who came
/// there first. The order of the fields is the order of comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    position: u64,
    remainder_less_weight: i64,
    turn: u64,
    index: usize,
    weight: u32,
    /// In the heap of the next round: what positions there are counted from, at least.
    base: u64,
}

impl Order {
    /// Whether nobody takes turns.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Takes the next turn among servers that `takes` allows.
    pub fn next(&mut self, takes: impl Fn(usize) -> bool) -> Option<usize> {
        let mut passed: SmallVec<[Reverse<Turn>; 4]> = SmallVec::new();
        let fresh = self.fresh.iter().position(|member| takes(member.index));
        let mut chosen = self.first_due(&takes, fresh.is_none(), &mut passed);
        if chosen.is_none() {
            if let Some(member) = fresh.and_then(|at| self.fresh.remove(at)) {
                chosen = Some(Turn {
                    position: self.step,
                    remainder_less_weight: -i64::from(member.weight),
                    turn: 0,
                    index: member.index,
                    weight: member.weight,
                    base: 0,
                });
            } else if self.later.iter().any(|Reverse(turn)| takes(turn.index)) {
                self.begin_round();
                chosen = self.first_due(&takes, true, &mut passed);
            }
        }
        self.now.extend(passed);
        let turn = chosen?;
        let weight = turn.weight.max(1);
        let mut position = turn.position + self.total / u64::from(weight);
        let carried = turn.remainder_less_weight + i64::from(turn.weight);
        let mut remainder =
            u32::try_from(carried).unwrap_or(0) + (self.total % u64::from(weight)) as u32;
        if remainder >= weight {
            remainder -= weight;
            position += 1;
        }
        self.step += 1;
        self.place(turn.index, weight, position, remainder);
        Some(turn.index)
    }

    /// The servers in use and their weights are these from now on.
    pub fn update(&mut self, members: &[Member]) {
        let mut weights = vec![0; self.weights.len()];
        for member in members {
            if member.index >= weights.len() {
                weights.resize(member.index + 1, 0);
            }
            weights[member.index] = member.weight;
        }
        self.weights.resize(weights.len(), 0);
        self.remainders.resize(weights.len(), 0);
        if !std::mem::replace(&mut self.begun, true) {
            self.fresh = members.to_vec().into();
            self.fresh
                .make_contiguous()
                .sort_by_key(|member| Reverse(member.weight));
            self.total = members.iter().map(|member| u64::from(member.weight)).sum();
            self.round = self.total;
            self.weights = weights;
            return;
        }
        let before = std::mem::replace(&mut self.weights, weights);
        let weights = &self.weights;
        let is_as_before =
            |index: usize, weight: u32| weights.get(index).is_some_and(|&now| now == weight);
        self.now
            .retain(|Reverse(turn)| is_as_before(turn.index, turn.weight));
        self.later
            .retain(|Reverse(turn)| is_as_before(turn.index, turn.weight));
        self.fresh
            .retain(|member| is_as_before(member.index, member.weight));
        let stay = members
            .iter()
            .filter(|member| before.get(member.index) == Some(&member.weight));
        self.total = stay.map(|member| u64::from(member.weight)).sum();
        for member in members {
            if before.get(member.index) != Some(&member.weight) {
                self.total += u64::from(member.weight);
                let weight = u64::from(member.weight.max(1));
                let position = self.step + self.total.saturating_sub(self.step) / weight;
                let remainder = self.remainders.get(member.index).copied().unwrap_or(0);
                self.place(member.index, member.weight, position, remainder);
            }
        }
    }

    /// The first of this round that is due and allowed; with `early` the first that is allowed. Those before it are put
    /// into `passed`.
    fn first_due(
        &mut self,
        takes: impl Fn(usize) -> bool,
        early: bool,
        passed: &mut SmallVec<[Reverse<Turn>; 4]>,
    ) -> Option<Turn> {
        while let Some(Reverse(turn)) = self.now.peek().copied() {
            if turn.position > self.step && !early {
                return None;
            }
            self.now.pop();
            if takes(turn.index) {
                return Some(turn);
            }
            passed.push(Reverse(turn));
        }
        None
    }

    fn place(&mut self, index: usize, weight: u32, position: u64, remainder: u32) {
        if let Some(kept) = self.remainders.get_mut(index) {
            *kept = remainder;
        }
        self.turns += 1;
        let turn = Reverse(Turn {
            position,
            remainder_less_weight: i64::from(remainder) - i64::from(weight),
            turn: self.turns,
            index,
            weight,
            base: self.round.max(self.total),
        });
        if position < self.round.min(self.total) {
            self.now.push(turn);
        } else {
            self.later.push(turn);
        }
    }

    /// The next round becomes this one. Its positions count from the end of the last; when that moved after somebody had
    /// passed it, nobody stands before its first whole share.
    fn begin_round(&mut self) {
        let ended = self.round.max(self.total);
        self.round = self.total;
        let mut turns = std::mem::take(&mut self.later).into_vec();
        let moved = turns
            .iter()
            .any(|Reverse(turn)| turn.position < turn.base.max(ended));
        for Reverse(turn) in &mut turns {
            turn.position = turn.position.saturating_sub(turn.base.max(ended));
            if moved {
                let share = self.total / u64::from(turn.weight.max(1));
                turn.position = turn.position.max(share.saturating_sub(1));
            }
        }
        self.now.extend(turns);
        if let Some(Reverse(first)) = self.now.peek() {
            self.step = first.position;
        }
    }
}
