// exercises: match/found match/bool match/int match/len match/ip match/bin match/str match/beg match/end match/sub
// exercises: match/dir match/dom match/reg

use super::*;

/// The first pattern that matches.
fn find(
    method: &str,
    flags: &str,
    patterns: &[&str],
    value: Value<'_>,
) -> Result<Option<u32>, String> {
    let row = METHODS.iter().find(|row| row.name == method).expect(method);
    let mut index = (row.index)(flags.contains('i'));
    let mut entries = Entries::default();
    for pattern in patterns {
        let id = entries.push(pattern.as_bytes(), None, 1).expect("room");
        index.insert(id, &entries, Names::Refuse)?;
    }
    let found = index.find(&value, &entries);
    let arranged = index.arranged(&entries);
    let again = arranged.map(|index| index.find(&value, &entries));
    assert!(
        again.is_none_or(|again| again == found),
        "{method} {patterns:?}"
    );
    Ok(found)
}

fn run(method: &str, flags: &str, patterns: &[&str], value: Value<'_>) -> bool {
    find(method, flags, patterns, value)
        .expect("good patterns")
        .is_some()
}

fn refused(method: &str, patterns: &[&str]) -> String {
    find(method, "", patterns, Value::Int(0)).expect_err("bad patterns")
}

#[test]
fn the_right_one_of_several_patterns_is_found() {
    let path = Value::Str(b"/a/b/c");
    let first = |method, flags, patterns: &[&str]| find(method, flags, patterns, path);
    assert_eq!(first("beg", "", &["/", "/a", "/a/b", "/a/x"]), Ok(Some(2)));
    assert_eq!(first("beg", "i", &["/", "/a", "/a/b"]), Ok(Some(0)));
    assert_eq!(first("end", "", &["x", "/c", "b/c"]), Ok(Some(1)));
    assert_eq!(first("sub", "", &["x", "b/c", "a/b"]), Ok(Some(1)));
    assert_eq!(first("sub", "i", &["x", "y", "A/b"]), Ok(Some(2)));
    assert_eq!(first("dir", "", &["c", "a/b", "a"]), Ok(Some(0)));
    assert_eq!(first("reg", "", &["x", "^/a", "c$", "b"]), Ok(Some(1)));
    assert_eq!(first("str", "", &["/a", "/a/b/c", "/a/b/c"]), Ok(Some(1)));
    let ip = Value::Ipv4([10, 1, 2, 3].into());
    let networks = [
        "10.0.0.0/255.0.255.0",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.0.0/16",
    ];
    assert_eq!(find("ip", "", &networks, ip), Ok(Some(2)));
    let numbers = ["7", "1:9", "5"];
    assert_eq!(find("int", "", &numbers, Value::Int(5)), Ok(Some(1)));
}

#[test]
fn what_is_removed_is_not_found() {
    for (row, pattern) in METHODS.iter().zip([
        "",
        "",
        "5",
        "5",
        "5",
        "1.2.3.0/24",
        "61",
        "a",
        "a",
        "a",
        "a",
        "a",
        "a",
        "a",
    ]) {
        let mut index = (row.index)(false);
        let mut entries = Entries::default();
        for _ in 0..3 {
            let id = entries.push(pattern.as_bytes(), None, 1).expect("room");
            index.insert(id, &entries, Names::Refuse).expect("good");
        }
        let mut index = index.arranged(&entries).unwrap_or(index);
        for id in 0..3 {
            index.remove(id, &entries);
            entries.remove(id);
        }
        for value in [
            Value::Int(5),
            Value::Str(b"a"),
            Value::Ipv4([1, 2, 3, 4].into()),
        ] {
            assert_eq!(index.find(&value, &entries), None, "{}", row.name);
        }
    }
}

#[test]
fn text_methods() {
    let path = Value::Str(b"/images/Logo.PNG?x=1");
    assert!(run("beg", "", &["/static", "/images"], path));
    assert!(!run("beg", "", &["/IMAGES"], path) && run("beg", "i", &["/IMAGES"], path));
    assert!(run("end", "i", &[".png?X=1"], path) && !run("end", "", &["x"], path));
    assert!(run("sub", "i", &["nothing", "logo"], path) && !run("sub", "", &["logo"], path));
    assert!(run("dir", "", &["/images/"], path) && !run("dir", "", &["image"], path));
    assert!(run("dir", "i", &["logo.png"], path));
    assert!(run(
        "dom",
        "",
        &["example"],
        Value::Str(b"www.example.com:80")
    ));
    assert!(!run("dom", "", &["xample"], Value::Str(b"www.example.com")));
    assert!(run("str", "i", &["get", "head"], Value::Str(b"GET")));
    assert!(!run("str", "", &["get"], Value::Str(b"GET")));
    assert!(run("reg", "i", &["^/x", r"\.png\?"], path) && !run("reg", "", &["png"], path));
    assert!(run("len", "", &["20"], path) && run("len", "", &["5:"], path));
    assert!(run("bin", "", &["00fF"], Value::Bin(&[0, 255])));
}

#[test]
fn many_patterns_are_indexed() {
    let names: Vec<String> = (0..1000).map(|n| format!("/p{n}/")).collect();
    let patterns: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(run("beg", "i", &patterns, Value::Str(b"/P777/x")));
    assert!(!run("beg", "", &patterns, Value::Str(b"/q777/x")));
}

#[test]
fn numbers() {
    let is = |patterns: &[&str], number| run("int", "", patterns, Value::Int(number));
    assert!(is(&["1:5"], 5) && !is(&["1:5"], 6) && is(&[":5"], -3) && is(&["7:"], 9));
    assert!(is(&["80", "443"], 443) && !is(&["80", "443"], 81));
    let operator = |name: &str| Operator::of(name.as_bytes()).expect(name);
    assert_eq!(operator("gt").apply("3"), Ok(Some("4:".to_owned())));
    assert_eq!(operator("le").apply("3"), Ok(Some(":3".to_owned())));
    assert_eq!(operator("eq").apply("1:3"), Ok(Some("1:3".to_owned())));
    assert_eq!(refused("int", &["foo"]), "'foo' is not a number");
    assert_eq!(
        refused("int", &["5:2"]),
        "'5:2' is not a valid number range"
    );
}

#[test]
fn networks() {
    let is = |patterns: &[&str], ip: &str| {
        let value = match ip.parse().expect("an address") {
            std::net::IpAddr::V4(ip) => Value::Ipv4(ip),
            std::net::IpAddr::V6(ip) => Value::Ipv6(ip),
        };
        run("ip", "n", patterns, value)
    };
    assert!(is(&["127.0.0.1/8", "::1"], "127.9.9.9") && is(&["127.0.0.1/8", "::1"], "::1"));
    assert!(!is(&["10.0.0.0/255.255.0.0"], "10.1.0.1"));
    assert!(is(&["10.0.0.0/8"], "::ffff:10.2.3.4") && is(&["2001:db8::/32"], "2001:db8:1::"));
    assert!(is(&["0.0.0.0/0"], "9.9.9.9"));
    let text = "'127.1' is not a valid IPv4 or IPv6 address";
    assert_eq!(refused("ip", &["127.1"]), text);
    let text = "'1.2.3.4/33' is not a valid IPv4 or IPv6 address";
    assert_eq!(refused("ip", &["1.2.3.4/33"]), text);
}

#[test]
fn faults_in_patterns() {
    let text = "regex '(' is invalid (error=missing closing parenthesis, erroffset=1)";
    assert_eq!(refused("reg", &["("]), text);
    let text = "regex 'a(?<=b+)' is invalid (error=length of lookbehind assertion is not limited, erroffset=1)";
    assert_eq!(refused("reg", &["a(?<=b+)"]), text);
    assert_eq!(
        refused("bin", &["zz"]),
        "an hex digit is expected (found 'z')"
    );
    assert_eq!(
        refused("bin", &["0"]),
        "an even number of hex digit is expected"
    );
}
