use super::*;

/// A question as [`question`] writes it, turned into the head of an answer.
fn head(name: &str, kind: Kind, answers: u16, more: u16) -> Vec<u8> {
    let mut bytes = question(7, name, kind, 512).expect("a name");
    bytes.truncate(bytes.len() - 11);
    bytes[2] = 0x81;
    bytes[3] = 0x80;
    bytes[6..8].copy_from_slice(&answers.to_be_bytes());
    bytes[10..12].copy_from_slice(&more.to_be_bytes());
    bytes
}

fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = owner.to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 0, 5]);
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn questions_announce_what_they_take() {
    let bytes = question(0x1234, "a.test", Kind::Aaaa, 4096).expect("a name");
    assert_eq!(
        bytes,
        b"\x12\x34\x01\0\0\x01\0\0\0\0\0\x01\x01a\x04test\0\0\x1c\0\x01\0\0\x29\x10\0\0\0\0\0\0\0"
    );
    assert_eq!(id(&bytes), Some(0x1234));
    assert_eq!(normalised(b"App.Test."), Ok("app.test".to_owned()));
    for bad in [&b""[..], b".", b"a..b", &[b'a'; 64], &[b'.'; 300], b"\xff"] {
        assert_eq!(normalised(bad), Err(BadName));
    }
}

#[test]
fn addresses_behind_aliases() {
    let mut bytes = head("a.test", Kind::A, 3, 0);
    bytes.extend(record(b"\xc0\x0c", 5, b"\x01B\xc0\x0e"));
    bytes.extend(record(b"\x01b\x04test\0", 1, &[127, 0, 0, 9]));
    bytes.extend(record(b"\xc0\x0c", 4711, b"whatever"));
    let found = answer(&bytes, "a.test", Kind::A);
    assert_eq!(found, Ok(vec![Record::Address([127, 0, 0, 9].into())]));
    assert_eq!(answer(&bytes, "b.test", Kind::A), Err(Fault::Invalid));
    assert_eq!(answer(&bytes, "a.test", Kind::Aaaa), Err(Fault::Invalid));
    let mut bytes = head("a.test", Kind::A, 2, 0);
    bytes.extend(record(b"\xc0\x0c", 5, b"\x01B\xc0\x0e"));
    bytes.extend(record(b"\xc0\x0c", 1, &[127, 0, 0, 9]));
    assert_eq!(answer(&bytes, "a.test", Kind::A), Err(Fault::Alias));
}

#[test]
fn services_with_their_addresses() {
    let mut bytes = head("_h._tcp.test", Kind::Srv, 1, 1);
    bytes.extend(record(
        b"\xc0\x0c",
        33,
        b"\0\x01\0\x05\x1f\x90\x01A\x04test\0",
    ));
    bytes.extend(record(b"\x01a\x04test\0", 1, &[10, 0, 0, 1]));
    let service = Service {
        host: "a.test".into(),
        port: 8080,
        weight: 5,
        priority: 1,
        address: Some([10, 0, 0, 1].into()),
    };
    let found = answer(&bytes, "_h._tcp.test", Kind::Srv);
    assert_eq!(found, Ok(vec![Record::Service(service)]));
}

#[test]
fn hostile_answers_are_refused() {
    let ask = |bytes: &[u8]| answer(bytes, "a.test", Kind::A);
    let whole = head("a.test", Kind::A, 0, 0);
    assert_eq!(ask(&whole), Err(Fault::Empty));
    for length in 0..12 {
        assert_eq!(ask(&whole[..length]), Err(Fault::Invalid));
    }
    for (at, value, fault) in [
        (2, 0x83, Fault::Truncated),
        (3, 0x83, Fault::NoSuchName),
        (3, 0x85, Fault::Refused),
        (3, 0x82, Fault::Other),
        (5, 0, Fault::Invalid),
        (7, 9, Fault::Invalid),
    ] {
        let mut bytes = whole.clone();
        bytes[at] = value;
        assert_eq!(ask(&bytes), Err(fault));
    }
    // A name that points to itself, and a record that is longer than the message.
    let mut bytes = head("a.test", Kind::A, 1, 0);
    let at = bytes.len() as u8;
    bytes.extend(record(&[0xc0, at], 1, &[127, 0, 0, 1]));
    assert_eq!(ask(&bytes), Err(Fault::Invalid));
    let mut bytes = head("a.test", Kind::A, 1, 0);
    bytes.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\x0f\xff\x7f\0\0\x01");
    assert_eq!(ask(&bytes), Err(Fault::Invalid));
}
