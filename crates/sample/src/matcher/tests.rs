// exercises: match/found match/bool match/int match/len match/ip match/bin match/str match/beg match/end match/sub
// exercises: match/dir match/dom match/reg

use super::*;

fn run(method: &str, flags: &str, patterns: &[&str], value: Value<'_>) -> bool {
    let row = METHODS.iter().find(|row| row.name == method).expect(method);
    let patterns = Patterns {
        list: patterns
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect(),
        ignore_case: flags.contains('i'),
        no_names: flags.contains('n'),
    };
    (row.build)(&patterns)
        .expect("good patterns")
        .matches(&value.into())
}

fn refused(method: &str, patterns: &[&str]) -> String {
    let row = METHODS.iter().find(|row| row.name == method).expect(method);
    let patterns = Patterns {
        list: patterns
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect(),
        no_names: true,
        ..Patterns::default()
    };
    (row.build)(&patterns).expect_err("bad patterns")
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
    assert!(run("found", "", &[], path));
    assert!(run("reg", "i", &["^/x", r"\.png\?"], path) && !run("reg", "", &["png"], path));
    assert!(run("len", "", &["20"], path) && run("len", "", &["ge", "5"], path));
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
    assert!(is(&["gt", "3"], 4) && !is(&["gt", "3"], 3) && is(&["le", "3"], 3));
    assert!(is(&["80", "443"], 443) && !is(&["80", "443"], 81));
    assert!(!is(&["gt"], 4), "an operator alone matches nothing");
    assert!(run("bool", "", &[], Value::Bool(true)) && !run("bool", "", &[], Value::Bool(false)));
    assert_eq!(refused("int", &["foo"]), "'foo' is not a number");
    let text = "'foo' is neither a number nor a supported operator";
    assert_eq!(refused("int", &["gt", "1", "foo"]), text);
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
    assert!(is(&["127.1"], "127.0.0.1") && !is(&["127/8"], "127.0.0.1"));
    assert!(is(&["127.0/16"], "127.0.0.1") && is(&["10"], "0.0.0.10"));
    let text = "'1.2.3.4/33' is not a valid IPv4 or IPv6 address";
    assert_eq!(refused("ip", &["1.2.3.4/33"]), text);
}

#[test]
fn faults_in_patterns() {
    let text = "regex '(' is invalid (error=missing closing parenthesis, erroffset=1)";
    assert_eq!(refused("reg", &["("]), text);
    assert!(refused("reg", &["(?=a)"]).starts_with("regex '(?=a)' cannot be used: look-around"));
    assert_eq!(
        refused("bin", &["zz"]),
        "an hex digit is expected (found 'z')"
    );
    assert_eq!(
        refused("bin", &["0"]),
        "an even number of hex digit is expected"
    );
}
