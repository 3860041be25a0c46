//! Numbers, ranges and operators: `-m int` and `-m len`.

use std::sync::Arc;

use hapax_core::contract::Matcher;
use hapax_core::keyword::Patterns;
use hapax_core::sample::{Sample, Type, Value};

use super::describe;

#[derive(Debug)]
struct Ranges {
    text: String,
    of_length: bool,
    /// Sorted and merged, both ends included.
    ranges: Vec<(i64, i64)>,
}

pub fn build(patterns: &Patterns, of_length: bool) -> Result<Arc<dyn Matcher>, String> {
    let mut ranges = Vec::new();
    let mut operator = Operator::Equal;
    for (index, pattern) in patterns.list.iter().enumerate() {
        let text = String::from_utf8_lossy(pattern);
        if let Some(found) = Operator::of(&text) {
            operator = found;
            continue;
        }
        ranges.extend(read(&text, operator, index == 0)?);
    }
    ranges.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
    for (low, high) in ranges {
        match merged.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            _ => merged.push((low, high)),
        }
    }
    Ok(Arc::new(Ranges {
        text: describe(if of_length { "len" } else { "int" }, patterns),
        of_length,
        ranges: merged,
    }))
}

impl Matcher for Ranges {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn input(&self) -> Type {
        if self.of_length { Type::Str } else { Type::Int }
    }

    fn matches(&self, sample: &Sample<'_>) -> bool {
        let number = match sample.value {
            Value::Int(number) => number,
            value => match value.bytes() {
                Some(bytes) if self.of_length => i64::try_from(bytes.len()).unwrap_or(i64::MAX),
                _ => return false,
            },
        };
        let after = self.ranges.partition_point(|range| range.0 <= number);
        after
            .checked_sub(1)
            .and_then(|index| self.ranges.get(index))
            .is_some_and(|range| number <= range.1)
    }
}

#[derive(Clone, Copy)]
enum Operator {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Operator {
    fn of(text: &str) -> Option<Operator> {
        match text {
            "eq" => Some(Operator::Equal),
            "gt" => Some(Operator::Greater),
            "ge" => Some(Operator::GreaterOrEqual),
            "lt" => Some(Operator::Less),
            "le" => Some(Operator::LessOrEqual),
            _ => None,
        }
    }
}

fn read(text: &str, operator: Operator, first: bool) -> Result<Option<(i64, i64)>, String> {
    let not_a_range = || format!("'{text}' is not a valid number range");
    let (low, high) = match text.split_once(':') {
        Some((low, high)) => {
            let end = |text: &str, open: i64| match text {
                "" => Ok(open),
                text => text.parse::<i64>().map_err(|_| not_a_range()),
            };
            let range = (end(low, i64::MIN)?, end(high, i64::MAX)?);
            if range.0 > range.1 || (low.is_empty() && high.is_empty()) {
                return Err(not_a_range());
            }
            range
        }
        None => {
            let number = text.parse::<i64>().map_err(|_| {
                if first {
                    format!("'{text}' is not a number")
                } else {
                    format!("'{text}' is neither a number nor a supported operator")
                }
            })?;
            (number, number)
        }
    };
    Ok(match operator {
        Operator::Equal => Some((low, high)),
        Operator::Greater => high.checked_add(1).map(|low| (low, i64::MAX)),
        Operator::GreaterOrEqual => Some((low, i64::MAX)),
        Operator::Less => low.checked_sub(1).map(|high| (i64::MIN, high)),
        Operator::LessOrEqual => Some((i64::MIN, high)),
    })
}
