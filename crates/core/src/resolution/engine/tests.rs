use super::*;
use crate::ir::{Families, Family};
use crate::span::Span;

fn engine(nameservers: usize) -> Engine {
    let mut settings = ir::Resolvers::new("dns".into(), Span::default());
    settings.retries = 2;
    settings.timeout = 100;
    settings.interval = 300;
    settings.hold.nx = 1000;
    settings.hold.valid = 500;
    settings.nameservers = (0..nameservers)
        .map(|index| ir::Nameserver {
            name: format!("ns{index}"),
            span: Span::default(),
            address: ([127, 0, 0, 1], 53).into(),
            stream: false,
        })
        .collect();
    Engine::new(settings, Families::default())
}

/// The last question's kind; and an answer to it with this response code and address.
fn reply(engine: &mut Engine, code: u8, last: Option<u8>) -> (Kind, Vec<u8>) {
    let question = engine.question().expect("a question").bytes;
    assert_eq!(engine.question(), None);
    let end = question.len() - 11;
    let kind = match question[end - 3] {
        1 => Kind::A,
        28 => Kind::Aaaa,
        _ => Kind::Srv,
    };
    let mut bytes = question[..end].to_vec();
    bytes[2] = 0x81;
    bytes[3] = 0x80 | code;
    bytes[7] = u8::from(last.is_some());
    bytes[11] = 0;
    if let Some(last) = last {
        bytes.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\x7f\0\0");
        bytes.push(last);
    }
    (kind, bytes)
}

fn key() -> Key {
    Key::host("a.test".into(), Family::V6)
}

#[test]
fn bad_answers_try_the_other_family_and_then_again() {
    let mut engine = engine(1);
    let mut events = Vec::new();
    engine.watch(&key(), 0);
    // No address of one family: the other is asked at once.
    assert_eq!(engine.poll(0, &mut events), Some(100));
    let (kind, bytes) = reply(&mut engine, 0, None);
    assert_eq!(kind, Kind::Aaaa);
    let count = engine.handle(0, &bytes, 1, &mut events);
    assert_eq!(count, NameserverCount::Empty);
    let (kind, bytes) = reply(&mut engine, 0, Some(9));
    assert_eq!(kind, Kind::A);
    let count = engine.handle(0, &bytes, 1, &mut events);
    assert_eq!(count, NameserverCount::Valid);
    assert_eq!(events, [Event::Answered(key(), 0)]);
    // What comes late, or for nobody, changes nothing.
    assert_eq!(
        engine.handle(0, &bytes, 2, &mut events),
        NameserverCount::Outdated
    );
    assert_eq!(
        engine.handle(0, b"x", 2, &mut events),
        NameserverCount::Outdated
    );
    assert!(engine.is_known(&key()));
    events.clear();
    // Bad answers fail after two rounds; the hold time decides whether that matters.
    assert_eq!(engine.poll(2, &mut events), Some(301));
    for (at, round) in [(301, 0), (1001, 1)] {
        engine.poll(at, &mut events);
        for _ in 0..2 {
            let (_, bytes) = reply(&mut engine, 3, None);
            let count = engine.handle(0, &bytes, at, &mut events);
            assert_eq!(count, NameserverCount::NoSuchName);
        }
        engine.poll(at + 100, &mut events);
        for _ in 0..2 {
            let (_, bytes) = reply(&mut engine, 3, None);
            engine.handle(0, &bytes, at + 100, &mut events);
        }
        let lost = Event::Lost(key(), Failure::NoSuchName);
        assert_eq!(events, [lost].into_iter().take(round).collect::<Vec<_>>());
    }
}

#[test]
fn silence_is_asked_again_with_the_same_question() {
    let mut engine = engine(2);
    let mut events = Vec::new();
    engine.watch(&key(), 0);
    engine.poll(0, &mut events);
    assert_eq!(reply(&mut engine, 0, None).0, Kind::Aaaa);
    engine.poll(100, &mut events);
    // One of two answers is bad: the other family is asked when the time is over.
    let (kind, bytes) = reply(&mut engine, 5, None);
    assert_eq!(kind, Kind::Aaaa);
    engine.handle(1, &bytes, 150, &mut events);
    assert_eq!(engine.question(), None);
    assert_eq!(engine.poll(200, &mut events), Some(500));
    assert_eq!(events, [Event::Lost(key(), Failure::Refused)]);
    // Nobody follows it any more: it is forgotten.
    engine.unwatch(&key());
    assert_eq!(engine.poll(600, &mut events), None);
    assert!(engine.records(&key()).is_none());
}

#[test]
fn rules_get_addresses_in_turn() {
    let mut engine = engine(1);
    let mut events = Vec::new();
    let mut ticket = 0;
    let mut ask = |engine: &mut Engine, name: &str, now_ms| {
        let waker = Waker::noop();
        let mut turn = Turn {
            now_ms,
            ticket: &mut ticket,
            waker,
        };
        engine.ask(name, Family::V4, &mut turn)
    };
    assert_eq!(ask(&mut engine, "a..test", 0), Asked::Failed);
    assert_eq!(ask(&mut engine, "A.test.", 0), Asked::Wait);
    assert_eq!(ask(&mut engine, "a.test", 0), Asked::Wait);
    engine.poll(0, &mut events);
    let (_, bytes) = reply(&mut engine, 0, Some(7));
    engine.handle(0, &bytes, 5, &mut events);
    let found = Asked::Found([127, 0, 0, 7].into());
    assert_eq!(ask(&mut engine, "a.test", 5), found);
    ticket = 0;
    let mut ask = |engine: &mut Engine, now_ms| {
        let mut turn = Turn {
            now_ms,
            ticket: &mut ticket,
            waker: Waker::noop(),
        };
        engine.ask("a.test", Family::V4, &mut turn)
    };
    assert_eq!(ask(&mut engine, 504), found);
    assert_eq!(ask(&mut engine, 505), Asked::Wait);
    engine.poll(505, &mut events);
    engine.poll(605, &mut events);
    engine.poll(705, &mut events);
    assert_eq!(ask(&mut engine, 705), Asked::Failed);
}
