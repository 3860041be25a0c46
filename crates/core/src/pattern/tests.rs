use super::*;

#[derive(Debug, Default)]
struct Exact(Keys);

impl Index for Exact {
    fn insert(&mut self, id: u32, entries: &Entries, _: Names) -> Result<(), String> {
        let key = entries.key(id);
        if key == b"bad" {
            return Err("bad".to_owned());
        }
        self.0.insert(Hash::of(key.iter().copied()), id);
        Ok(())
    }

    fn remove(&mut self, id: u32, entries: &Entries) {
        self.0.remove(Hash::of(entries.key(id).iter().copied()), id);
    }

    fn find(&self, value: &Value<'_>, entries: &Entries) -> Option<u32> {
        let bytes = value.bytes()?;
        let hash = Hash::of(bytes.iter().copied());
        self.0.find(hash, |id| entries.key(id) == bytes)
    }

    fn in_tree(&self, _: u32, _: &Entries) -> bool {
        true
    }

    fn empty(&self) -> Box<dyn Index> {
        Box::<Exact>::default()
    }
}

const VIEW: View = View {
    method: "str",
    ignore_case: false,
    output: Some("str"),
};

fn list(entries: &[(&str, &str)]) -> List {
    let list = List::new("m".to_owned(), true, Source::default());
    let mut read = Entries::default();
    for (line, (key, value)) in entries.iter().enumerate() {
        read.push(key.as_bytes(), Some(value.as_bytes()), line as u32 + 1);
    }
    list.fill(read);
    let view = list.view(VIEW, || Box::<Exact>::default(), Names::Refuse, |_| Ok(()));
    assert_eq!(view, Ok(0));
    list
}

fn get(list: &List, key: &str) -> Option<String> {
    list.find(0, &Value::Str(key.as_bytes()), |found| {
        String::from_utf8_lossy(found.value.unwrap_or_default()).into_owned()
    })
}

fn fine(_: &View, _: &[u8]) -> Result<(), String> {
    Ok(())
}

#[test]
fn entries_come_and_go() {
    let list = list(&[("a", "1"), ("b", "2"), ("a", "3")]);
    assert_eq!(get(&list, "a").as_deref(), Some("1"));
    assert_eq!(list.add(None, b"c", Some(b"4"), fine), Ok(()));
    assert_eq!(get(&list, "c").as_deref(), Some("4"));
    assert_eq!(
        list.add(None, b"bad", Some(b"4"), fine),
        Err("bad".to_owned())
    );
    assert_eq!(list.set(b"a", b"5", fine), Ok(true));
    assert_eq!(get(&list, "a").as_deref(), Some("5"));
    assert!(list.remove(b"a") && !list.remove(b"a"));
    assert_eq!(get(&list, "a"), None);
    assert_eq!(list.set_or_add(b"a", b"6", fine), Ok(()));
    assert_eq!(get(&list, "a").as_deref(), Some("6"));
    assert_eq!(list.versions(), (0, 0, 3));
    let mut references = Vec::new();
    list.show(None, |entry| references.push(entry.reference));
    assert!(list.remove_reference(references[0]) && !list.remove_reference(references[0]));
    assert_eq!(get(&list, "b"), None);
    list.clear(None);
    assert!(!list.remove_reference(references[1]), "a number of before");
}

#[test]
fn versions_replace_each_other() {
    let list = list(&[("a", "1")]);
    assert_eq!(list.prepare(), 1);
    assert!(!list.is_ahead(1) && list.is_ahead(2));
    assert_eq!(list.add(Some(1), b"b", Some(b"2"), fine), Ok(()));
    assert_eq!(
        (get(&list, "a").as_deref(), get(&list, "b")),
        (Some("1"), None)
    );
    assert!(list.commit(1) && !list.commit(1) && !list.commit(2));
    assert_eq!(
        (get(&list, "a"), get(&list, "b").as_deref()),
        (None, Some("2"))
    );
}

#[test]
fn much_change_leaves_no_garbage() {
    let list = list(&[]);
    for round in 0..5000u32 {
        let key = round.to_string();
        assert_eq!(list.set_or_add(key.as_bytes(), b"v", fine), Ok(()));
        assert!(list.remove(key.as_bytes()));
    }
    assert_eq!(list.versions(), (0, 0, 0));
    assert_eq!(list.add(None, b"x", Some(b"y"), fine), Ok(()));
    assert_eq!(get(&list, "x").as_deref(), Some("y"));
}
