//! What the fetch, the converters and the actions of variables share: the conditions of `set-var`.

use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::sample::Value;
use hapax_core::variable::{Name, NameError, State};

/// When a variable is set (configuration manual, converter `set-var`); all that are asked for must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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

    /// Adds the condition of that name; an empty one is none.
    ///
    /// # Errors
    /// Upstream's text, when there is no such condition.
    pub fn add(&mut self, name: &[u8]) -> Result<(), String> {
        if name.is_empty() {
            return Ok(());
        }
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

    /// Whether they hold for a new value.
    fn hold(self, old: State<'_>, new: Value<'_>) -> bool {
        let exists = old != State::Missing;
        let is_set = matches!(old, State::Set(_));
        let empty = new.bytes().is_some_and(<[u8]>::is_empty);
        let numbers = match (old, new) {
            (State::Set(Value::Int(old)), Value::Int(new)) => Some((old, new)),
            _ => None,
        };
        !(self.ask(Self::EXISTS) && !exists
            || self.ask(Self::NOT_EXISTS) && exists
            || self.ask(Self::EMPTY) && !empty
            || self.ask(Self::NOT_EMPTY) && empty
            || self.ask(Self::SET) && !is_set
            || self.ask(Self::NOT_SET) && is_set
            || self.ask(Self::GREATER) && numbers.is_some_and(|(old, new)| old <= new)
            || self.ask(Self::LESS) && numbers.is_some_and(|(old, new)| old >= new))
    }
}

/// Sets a variable if the conditions hold; `false` when it was not set.
pub fn set(cx: &Cx<'_>, name: &Name, conditions: Conditions, value: Value<'_>) -> bool {
    cx.set_variable_if(name, value, |old| conditions.hold(old, value))
}

/// Makes an argument that is the text of a name a name. Process variables become known by being named.
///
/// # Errors
/// Upstream's text.
pub fn name_argument(arg: &mut Arg) -> Result<(), String> {
    let text = match arg {
        Arg::Str(text) => text.as_slice(),
        _ => &[],
    };
    let name = Name::parse(text).map_err(|error: NameError| error.to_string())?;
    *arg = Arg::Variable(name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_follow_the_manual() {
        let hold = |name: &str, old, new| {
            let mut conditions = Conditions::default();
            conditions.add(name.as_bytes()).expect(name);
            conditions.hold(old, new)
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
