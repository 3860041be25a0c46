//! Numbers and ranges: `-m int` and `-m len`. Operators become ranges before they come here.

use std::collections::BTreeSet;

use hapax_core::pattern::{Entries, Index, Names};
use hapax_core::sample::Value;
use hashbrown::HashMap;
use smallvec::SmallVec;

/// Single numbers by value, ranges in order.
#[derive(Debug)]
pub struct Numbers {
    of_length: bool,
    read: fn(&str) -> Result<(i64, i64), String>,
    single: HashMap<i64, SmallVec<[u32; 1]>>,
    ranges: Vec<(i64, i64, u32)>,
    /// The first of the ranges, cut where one of them begins or ends.
    segments: Option<Segments>,
}

/// Ranges that lie over each other, as segments side by side.
#[derive(Debug)]
struct Segments {
    /// Where each begins, and the first range that covers it.
    starts: Vec<(i64, Option<u32>)>,
    /// How many ranges there were when they were cut.
    known: usize,
}

/// Ranges from which on segments are cut.
const SEVERAL: usize = 8;

impl Segments {
    fn of(ranges: &[(i64, i64, u32)]) -> Segments {
        let mut edges = Vec::with_capacity(ranges.len() * 2);
        for &(low, high, id) in ranges {
            edges.push((low, true, id));
            // A range without end has none.
            edges.extend(high.checked_add(1).map(|end| (end, false, id)));
        }
        edges.sort_unstable();
        let mut open = BTreeSet::new();
        let mut starts: Vec<(i64, Option<u32>)> = Vec::new();
        for (at, begins, id) in edges {
            match begins {
                true => open.insert(id),
                false => open.remove(&id),
            };
            let first = open.first().copied();
            match starts.last_mut() {
                Some(last) if last.0 == at => last.1 = first,
                _ => starts.push((at, first)),
            }
        }
        Segments {
            starts,
            known: ranges.len(),
        }
    }

    fn find(&self, number: i64) -> Option<u32> {
        let after = self.starts.partition_point(|(start, _)| *start <= number);
        self.starts.get(after.checked_sub(1)?)?.1
    }
}

impl Numbers {
    /// Without patterns; of versions, which are read by `read`.
    pub fn read_by(read: fn(&str) -> Result<(i64, i64), String>) -> Numbers {
        Numbers {
            read,
            ..Numbers::new(false)
        }
    }

    /// Without patterns; of the length of a text, or of an integer.
    pub fn new(of_length: bool) -> Numbers {
        Numbers {
            of_length,
            read: range,
            single: HashMap::new(),
            ranges: Vec::new(),
            segments: None,
        }
    }
}

impl Index for Numbers {
    fn insert(&mut self, id: u32, entries: &Entries, _: Names) -> Result<(), String> {
        let (low, high) = (self.read)(&String::from_utf8_lossy(entries.key(id)))?;
        if low == high {
            self.single.entry(low).or_default().push(id);
        } else {
            self.ranges.push((low, high, id));
        }
        Ok(())
    }

    fn remove(&mut self, id: u32, entries: &Entries) {
        let Ok((low, high)) = (self.read)(&String::from_utf8_lossy(entries.key(id))) else {
            return;
        };
        if low != high {
            self.ranges.retain(|(_, _, other)| *other != id);
            self.segments = None;
        } else if let Some(ids) = self.single.get_mut(&low) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.single.remove(&low);
            }
        }
    }

    fn find(&self, value: &Value<'_>, _: &Entries) -> Option<u32> {
        let number = number(value, self.of_length)?;
        let single = self.single.get(&number).and_then(|ids| ids.first());
        let segments = self.segments.as_ref();
        let cut = segments.and_then(|segments| segments.find(number));
        let fresh = segments.map_or(0, |segments| segments.known);
        let fresh = self.ranges.get(fresh..).unwrap_or_default();
        let range = fresh
            .iter()
            .find(|(low, high, _)| (*low..=*high).contains(&number));
        [single.copied(), cut, range.map(|(_, _, id)| *id)]
            .into_iter()
            .flatten()
            .min()
    }

    fn in_tree(&self, _: u32, _: &Entries) -> bool {
        false
    }

    fn arranged(&self, _: &Entries) -> Option<Box<dyn Index>> {
        let known = self.segments.as_ref().map_or(0, |segments| segments.known);
        let fresh = self.ranges.len().saturating_sub(known);
        if self.ranges.len() < SEVERAL || fresh <= known / 8 {
            return None;
        }
        Some(Box::new(Numbers {
            of_length: self.of_length,
            read: self.read,
            single: self.single.clone(),
            ranges: self.ranges.clone(),
            segments: Some(Segments::of(&self.ranges)),
        }))
    }

    fn empty(&self) -> Box<dyn Index> {
        Box::new(Numbers {
            read: self.read,
            ..Numbers::new(self.of_length)
        })
    }
}

/// What is compared: an integer, or the length of a text.
#[inline]
fn number(value: &Value<'_>, of_length: bool) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        value if of_length => Some(i64::try_from(value.bytes()?.len()).unwrap_or(i64::MAX)),
        _ => None,
    }
}

/// A few numbers and ranges side by side, as one ACL line has them.
#[derive(Debug)]
pub struct Few {
    of_length: bool,
    ranges: SmallVec<[(i64, i64); 2]>,
}

impl Few {
    /// The patterns of a line; none when one of them is no range.
    pub fn new(patterns: &[Vec<u8>], of_length: bool) -> Option<Few> {
        let read = |pattern: &Vec<u8>| range(std::str::from_utf8(pattern).ok()?).ok();
        let ranges: Option<_> = patterns.iter().map(read).collect();
        ranges.map(|ranges| Few { of_length, ranges })
    }

    /// Whether one of them covers the value.
    #[inline]
    pub fn has(&self, value: &Value<'_>) -> bool {
        number(value, self.of_length).is_some_and(|number| {
            let mut ranges = self.ranges.iter();
            ranges.any(|(low, high)| *low <= number && number <= *high)
        })
    }
}

/// Reads `5`, `1:5`, `:5` or `1:`.
///
/// # Errors
/// Upstream's text.
pub fn range(text: &str) -> Result<(i64, i64), String> {
    let not_a_range = || format!("'{text}' is not a valid number range");
    let Some((low, high)) = text.split_once(':') else {
        let number = text.parse::<i64>();
        let number = number.map_err(|_| format!("'{text}' is not a number"))?;
        return Ok((number, number));
    };
    let end = |text: &str, open: i64| match text {
        "" => Ok(open),
        text => text.parse::<i64>().map_err(|_| not_a_range()),
    };
    let range = (end(low, i64::MIN)?, end(high, i64::MAX)?);
    if range.0 > range.1 || (low.is_empty() && high.is_empty()) {
        return Err(not_a_range());
    }
    Ok(range)
}

/// The operators of ACL lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `eq`.
    Equal,
    /// `gt`.
    Greater,
    /// `ge`.
    GreaterOrEqual,
    /// `lt`.
    Less,
    /// `le`.
    LessOrEqual,
}

impl Operator {
    /// The operator of that name.
    pub fn of(text: &[u8]) -> Option<Operator> {
        match text {
            b"eq" => Some(Operator::Equal),
            b"gt" => Some(Operator::Greater),
            b"ge" => Some(Operator::GreaterOrEqual),
            b"lt" => Some(Operator::Less),
            b"le" => Some(Operator::LessOrEqual),
            _ => None,
        }
    }

    /// A pattern under the operator, as a range; none when nothing can match.
    ///
    /// # Errors
    /// Upstream's text.
    pub fn apply(self, pattern: &str) -> Result<Option<String>, String> {
        let (low, high) = range(pattern)?;
        // Ranges stay what they are.
        if pattern.contains(':') {
            return Ok(Some(pattern.to_owned()));
        }
        Ok(match self {
            Operator::Equal => Some(pattern.to_owned()),
            Operator::Greater => high.checked_add(1).map(|low| format!("{low}:")),
            Operator::GreaterOrEqual => Some(format!("{low}:")),
            Operator::Less => low.checked_sub(1).map(|high| format!(":{high}")),
            Operator::LessOrEqual => Some(format!(":{high}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Segments;

    #[test]
    fn segments_find_what_a_scan_finds() {
        let ranges = [
            (10, 20, 5),
            (15, 30, 1),
            (i64::MIN, -5, 2),
            (25, i64::MAX, 7),
            (12, 12, 0),
            (15, 30, 9),
            (i64::MIN, i64::MAX, 40),
        ];
        for count in 0..=ranges.len() {
            let ranges = &ranges[..count];
            let segments = Segments::of(ranges);
            for number in (-10..40).chain([i64::MIN, i64::MAX]) {
                let covers = |(low, high, _): &&(i64, i64, u32)| (*low..=*high).contains(&number);
                let scanned = ranges.iter().filter(covers).map(|(.., id)| *id).min();
                assert_eq!(segments.find(number), scanned, "{number}");
            }
        }
    }
}
