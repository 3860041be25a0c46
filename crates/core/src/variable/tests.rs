use std::sync::Arc;

use bumpalo::Bump;

use super::store::Room;
use super::*;

fn always(_: State<'_>) -> Decision {
    Decision::Set
}

fn unset_only(old: State<'_>) -> Decision {
    match old {
        State::Unset => Decision::Set,
        _ => Decision::Leave,
    }
}

fn name(text: &str) -> Name {
    Name::parse(text.as_bytes()).expect(text)
}

#[test]
fn names_have_a_scope() {
    assert_eq!(name("txn.a").scope(), Scope::Transaction);
    assert_eq!(name("proc.a.b_1").scope(), Scope::Process);
    assert_eq!(name("ptxn.a").scope(), Scope::Parent);
    assert_ne!(name("req.a"), name("res.a"));
    let error = |text: &str| Name::parse(text.as_bytes()).expect_err(text).to_string();
    assert_eq!(error(""), "Empty variable name cannot be accepted");
    assert_eq!(error("txn.a-b"), "invalid syntax at char '-'");
    assert!(error("txn.").starts_with("invalid variable name 'txn.'. A variable name must start"));
    assert!(error("tx").starts_with("invalid variable name 'tx'."));
}

#[test]
fn values_are_kept_by_scope() {
    let arena = Bump::new();
    let variables = Variables::default();
    let is = |text: &str, state: State<'_>| {
        let mut same = false;
        variables.write(&name(text), Value::Int(0), None, |known| {
            same = known == state;
            Decision::Leave
        });
        same
    };
    assert!(is("req.a", State::Missing));
    assert!(variables.write(&name("req.a"), Value::Str(b"one"), None, always));
    assert!(variables.write(&name("res.a"), Value::Int(2), None, always));
    assert_eq!(
        variables.read(&name("req.a"), &arena),
        Some(Value::Str(b"one"))
    );
    assert!(variables.write(
        &name("req.a"),
        Value::Bin(b"another, longer one"),
        None,
        always
    ));
    assert_eq!(
        variables.read(&name("req.a"), &arena),
        Some(Value::Bin(b"another, longer one"))
    );
    variables.unset(&name("req.a"));
    assert!(is("req.a", State::Missing));
    let create = |_: State<'_>| Decision::Create;
    assert!(!variables.write(&name("req.a"), Value::Int(0), None, create));
    assert!(is("req.a", State::Unset));
    variables.clear(Scope::Request);
    assert!(is("req.a", State::Missing));
    assert_eq!(variables.read(&name("res.a"), &arena), Some(Value::Int(2)));
}

#[test]
fn limits_hold_and_room_comes_back() {
    let arena = Bump::new();
    let usage = Arc::new(Usage::default());
    let limits = Limits {
        process: 2 * ENTRY_SIZE + 10,
        ..Limits::default()
    };
    let room = Room {
        limits: &limits,
        usage: &usage,
        session: 0,
    };
    let (one, other) = (Variables::default(), Variables::default());
    assert!(one.write(&name("txn.a"), Value::Str(b"12345"), Some(room), always));
    assert!(!other.write(&name("txn.a"), Value::Str(b"123456"), Some(room), always));
    assert!(other.write(&name("txn.a"), Value::Str(b"12345"), Some(room), always));
    drop(one);
    assert!(other.write(&name("txn.b"), Value::Int(1), Some(room), always));
    assert_eq!(other.read(&name("txn.b"), &arena), Some(Value::Int(1)));
    other.clear_all();
    assert_eq!(other.counted(), 0);
}

const ENTRY_SIZE: u64 = super::account::ENTRY;

#[test]
fn a_pointer_is_all_an_idle_session_pays() {
    assert_eq!(size_of::<Variables>(), size_of::<usize>());
}

#[test]
fn the_process_keeps_values_for_all() {
    let arena = Bump::new();
    let process = ProcessVariables::default();
    let (a, limits) = (name("proc.a"), Limits::default());
    assert_eq!(process.state(&a, &arena), State::Unset);
    assert!(process.write(&a, Value::Int(1), &limits, unset_only));
    assert!(!process.write(&a, Value::Int(2), &limits, unset_only));
    assert_eq!(process.read(&a, &arena), Some(Value::Int(1)));
    process.unset(&a, &limits);
    assert_eq!(process.read(&a, &arena), None);
}

// exercises: section/tune.vars.check-max-size
#[test]
fn checks_have_a_limit_of_their_own() {
    let usage = Arc::new(Usage::default());
    let limits = Limits {
        check: ENTRY_SIZE,
        ..Limits::default()
    };
    let room = Room {
        limits: &limits,
        usage: &usage,
        session: 0,
    };
    let variables = Variables::default();
    assert!(variables.write(&name("check.a"), Value::Int(1), Some(room), always));
    assert!(!variables.write(&name("check.b"), Value::Int(1), Some(room), always));
}
