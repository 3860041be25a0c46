//! The grammar of conditional expressions: `||` over `&&` over `!` over numbers, predicates and parentheses.

use super::predicate::Predicate;
use super::{Condition, ConditionError};
use crate::excerpt::is_space;

/// Parses a whole expression; none when it is empty.
pub(super) fn expression(text: &[u8]) -> Result<Option<Condition>, ConditionError> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    parser.skip_spaces();
    if parser.rest().is_empty() {
        return Ok(None);
    }
    let start = parser.at;
    let condition = match parser.any() {
        Ok(condition) => condition,
        Err(Fault::Said(error)) => return Err(error),
        Err(Fault::Open { at }) => return Err(parser.unparsable(start, at)),
    };
    parser.skip_spaces();
    match parser.rest().first() {
        None => Ok(Some(condition)),
        Some(byte) => Err(ConditionError {
            message: format!(
                "unexpected character '{}' at the end of conditional expression '{}'",
                char::from(*byte),
                lossy(text.get(start..).unwrap_or(&[]))
            ),
            at: parser.at,
        }),
    }
}

enum Fault {
    Said(ConditionError),
    /// Nothing stands after `||`; the enclosing term reports it.
    Open {
        at: usize,
    },
}

impl From<ConditionError> for Fault {
    fn from(error: ConditionError) -> Fault {
        Fault::Said(error)
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Condition, Fault> {
        let mut terms = vec![self.all()?];
        let mut first = None;
        while let Some(operator) = self.operator(b"||") {
            let first = *first.get_or_insert(operator);
            if self.rest().is_empty() {
                return Err(Fault::Open { at: first });
            }
            terms.push(self.all()?);
        }
        Ok(one_or(terms, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, Fault> {
        let mut terms = vec![self.term()?];
        let mut first = None;
        while let Some(operator) = self.operator(b"&&") {
            let first = *first.get_or_insert(operator);
            if self.rest().is_empty() {
                return Err(self.unparsable(first, first).into());
            }
            terms.push(self.term()?);
        }
        Ok(one_or(terms, Condition::All))
    }

    fn term(&mut self) -> Result<Condition, Fault> {
        self.skip_spaces();
        let start = self.at;
        let mut negated = false;
        while self.rest().first() == Some(&b'!') {
            negated = !negated;
            self.at += 1;
            self.skip_spaces();
        }
        let inner = match self.rest().first() {
            Some(b'(') => self.parentheses(start)?,
            Some(b'0'..=b'9' | b'+' | b'-') => self.number(start)?,
            _ => self.predicate(start)?,
        };
        Ok(if negated {
            Condition::Not(Box::new(inner))
        } else {
            inner
        })
    }

    fn parentheses(&mut self, start: usize) -> Result<Condition, Fault> {
        self.at += 1;
        self.skip_spaces();
        if self.rest().is_empty() {
            return Err(self.unparsable(start, start).into());
        }
        if self.depth == MAX_DEPTH {
            return Err(ConditionError {
                message: format!(
                    "unparsable conditional sub-expression '{}'",
                    lossy(self.text.get(start..).unwrap_or(&[]))
                ),
                at: start,
            }
            .into());
        }
        self.depth += 1;
        let inner = self.any();
        self.depth -= 1;
        let inner = match inner {
            Err(Fault::Open { .. }) => return Err(self.unparsable(start, start).into()),
            other => other?,
        };
        self.skip_spaces();
        if self.rest().first() != Some(&b')') {
            return Err(ConditionError {
                message: format!(
                    "expected ')' after conditional expression '{}'",
                    lossy(self.text.get(start..).unwrap_or(&[]))
                ),
                at: start,
            }
            .into());
        }
        self.at += 1;
        Ok(inner)
    }

    fn number(&mut self, start: usize) -> Result<Condition, Fault> {
        if matches!(self.rest().first(), Some(b'+' | b'-')) {
            self.at += 1;
        }
        let rest = self.rest();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Err(self.unparsable(start, start).into());
        }
        let zero = rest.iter().take(digits).all(|&byte| byte == b'0');
        self.at += digits;
        Ok(Condition::Constant(!zero))
    }

    fn predicate(&mut self, start: usize) -> Result<Condition, Fault> {
        let rest = self.rest();
        let length = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        let name = rest.get(..length).unwrap_or(&[]);
        let Some(predicate) = Predicate::find(name) else {
            return Err(self.unparsable(start, start).into());
        };
        self.at += length;
        let mut arguments = vec![];
        if self.rest().first() == Some(&b'(') {
            self.at += 1;
            arguments = self.arguments(predicate)?;
        } else if predicate.arity() > 1 {
            return Err(self.missing(predicate).into());
        }
        Ok(Condition::Predicate(predicate, arguments))
    }

    /// What stands between parentheses, cut at commas; quotes and escapes are resolved a second time.
    fn arguments(&mut self, predicate: Predicate) -> Result<Vec<Vec<u8>>, ConditionError> {
        let mut arguments = vec![];
        loop {
            arguments.push(self.argument());
            let full = arguments.len() == predicate.arity();
            match self.rest().first() {
                Some(b',') if !full => self.at += 1,
                Some(b')') if full => {
                    self.at += 1;
                    return Ok(arguments);
                }
                _ if !full => return Err(self.missing(predicate)),
                found => {
                    let before = match found {
                        Some(_) => format!(" before '{}'", lossy(self.rest())),
                        None => String::new(),
                    };
                    return Err(ConditionError {
                        message: format!("expected ')'{before} {}", predicate.whose_argument()),
                        at: self.at,
                    });
                }
            }
        }
    }

    fn argument(&mut self) -> Vec<u8> {
        let mut word = vec![];
        let mut quote = None;
        while let Some(&byte) = self.rest().first() {
            let next = self.rest().get(1).copied();
            match (quote, byte) {
                (None, b',' | b')') => break,
                (None, b'"' | b'\'') => quote = Some(byte),
                (Some(open), _) if open == byte => quote = None,
                (None | Some(b'"'), b'\\') => match next.and_then(escaped) {
                    Some(meaning) => {
                        word.push(meaning);
                        self.at += 1;
                    }
                    None => word.push(byte),
                },
                _ => word.push(byte),
            }
            self.at += 1;
        }
        word
    }

    fn missing(&self, predicate: Predicate) -> ConditionError {
        ConditionError {
            message: format!(
                "missing arguments (got 1/{}), type 'string' expected {}",
                predicate.arity(),
                predicate.whose_argument()
            ),
            at: self.at,
        }
    }

    /// Steps over an operator and the spaces around it; its place.
    fn operator(&mut self, operator: &[u8]) -> Option<usize> {
        let before = self.at;
        self.skip_spaces();
        let at = self.at;
        if !self.rest().starts_with(operator) {
            self.at = before;
            return None;
        }
        self.at += operator.len();
        self.skip_spaces();
        Some(at)
    }

    fn unparsable(&self, text: usize, at: usize) -> ConditionError {
        ConditionError {
            message: format!(
                "unparsable conditional expression '{}'",
                lossy(self.text.get(text..).unwrap_or(&[]))
            ),
            at,
        }
    }

    fn skip_spaces(&mut self) {
        self.at += self
            .rest()
            .iter()
            .take_while(|byte| is_space(**byte))
            .count();
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or(&[])
    }
}

fn one_or(mut terms: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match (terms.len(), terms.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            terms.extend(last);
            many(terms)
        }
    }
}

fn escaped(byte: u8) -> Option<u8> {
    match byte {
        b'\\' | b'"' | b'\'' | b' ' => Some(byte),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        _ => None,
    }
}

fn lossy(text: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(text)
}

/// How deep parentheses nest; the stack of a thread holds it with room to spare.
const MAX_DEPTH: usize = 200;
