//! The conditions of `set-var`.

use serde::Serialize;

use super::{Decision, State};
use crate::sample::Value;

/// When a variable is set (configuration manual, converter `set-var`); all that are asked for must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Conditions(u16);

/// The conditions by name.
const CONDITIONS: &[(&str, Conditions)] = &[
    ("ifexists", Conditions::EXISTS),
    ("ifnotexists", Conditions::NOT_EXISTS),
    ("ifempty", Conditions::EMPTY),
    ("ifnotempty", Conditions::NOT_EMPTY),
    ("ifset", Conditions::SET),
    ("ifnotset", Conditions::NOT_SET),
    ("ifgt", Conditions::GREATER),
    ("iflt", Conditions::LESS),
];

impl Conditions {
    const EXISTS: Conditions = Conditions(1);
    const NOT_EXISTS: Conditions = Conditions(2);
    const EMPTY: Conditions = Conditions(4);
    const NOT_EMPTY: Conditions = Conditions(8);
    const SET: Conditions = Conditions(16);
    const NOT_SET: Conditions = Conditions(32);
    const GREATER: Conditions = Conditions(64);
    const LESS: Conditions = Conditions(128);

    /// Adds the condition of that name.
    ///
    /// # Errors
    /// Upstream's text, when there is no such condition.
    pub fn add(&mut self, name: &[u8]) -> Result<(), String> {
        let found = CONDITIONS
            .iter()
            .find(|(known, _)| known.as_bytes() == name);
        let Some((_, condition)) = found else {
            let name = String::from_utf8_lossy(name);
            return Err(format!("unknown condition \"{name}\""));
        };
        self.0 |= condition.0;
        Ok(())
    }

    fn ask(self, condition: Conditions) -> bool {
        self.0 & condition.0 != 0
    }

    /// What they decide about a new value.
    pub fn decide(self, old: State<'_>, new: Value<'_>) -> Decision {
        let exists = old != State::Missing;
        if self.ask(Self::EXISTS) && !exists || self.ask(Self::NOT_EXISTS) && exists {
            return Decision::Leave;
        }
        let is_set = matches!(old, State::Set(_));
        let empty = new.bytes().is_some_and(<[u8]>::is_empty);
        let numbers = match (old, new) {
            (State::Set(Value::Int(old)), Value::Int(new)) => Some((old, new)),
            _ => None,
        };
        let fails = self.ask(Self::EMPTY) && !empty
            || self.ask(Self::NOT_EMPTY) && empty
            || self.ask(Self::SET) && !is_set
            || self.ask(Self::NOT_SET) && is_set
            || self.ask(Self::GREATER) && numbers.is_some_and(|(old, new)| old <= new)
            || self.ask(Self::LESS) && numbers.is_some_and(|(old, new)| old >= new);
        // As upstream does it, a variable exists once something but its existence was asked.
        if fails {
            Decision::Create
        } else {
            Decision::Set
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_follow_the_manual() {
        let hold = |name: &str, old, new| {
            let mut conditions = Conditions::default();
            conditions.add(name.as_bytes()).expect(name);
            conditions.decide(old, new) == Decision::Set
        };
        let one = State::Set(Value::Int(1));
        assert!(hold("ifexists", State::Unset, Value::Int(1)));
        assert!(!hold("ifexists", State::Missing, Value::Int(1)));
        assert!(hold("ifnotexists", State::Missing, Value::Int(1)));
        assert!(!hold("ifset", State::Unset, Value::Int(1)));
        assert!(hold("ifnotset", State::Unset, Value::Int(1)));
        assert!(hold("ifempty", one, Value::Str(b"")) && !hold("ifempty", one, Value::Int(0)));
        assert!(!hold("ifnotempty", one, Value::Str(b"")));
        assert!(hold("ifgt", State::Set(Value::Int(2)), Value::Int(1)));
        assert!(!hold("ifgt", one, Value::Int(1)) && hold("ifgt", one, Value::Str(b"9")));
        assert!(hold("iflt", one, Value::Int(2)) && !hold("iflt", one, Value::Int(1)));
    }
}
