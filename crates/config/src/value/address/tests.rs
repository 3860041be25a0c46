//! Addresses as upstream 3.2 reads them; texts are its own.

use super::*;

fn read(word: &str, accept: Accept) -> String {
    match address(word.as_bytes(), accept) {
        Err(error) => error.to_string(),
        Ok(address) => {
            let mut text = match address.place {
                AddressPlace::Inet(host, port) => {
                    let host = match host {
                        Host::Ip(ip) => ip.to_string(),
                        Host::Any(ip) => format!("any {ip}"),
                        Host::Name { name, only } => format!("name {name} {only:?}"),
                    };
                    format!("{host} {port:?}")
                }
                other => format!("{other:?}"),
            };
            text.extend(address.ignored.map(|tail| format!(" ignored {tail}")));
            text
        }
    }
}

#[test]
fn bind_addresses_are_read_as_upstream_reads_them() {
    for (word, expected) in [
        ("*:80", "any 0.0.0.0 One(80)"),
        (":80", "any 0.0.0.0 One(80)"),
        ("127.0.0.1:80-82", "127.0.0.1 Range(80, 82)"),
        ("[::1]:80", "::1 One(80)"),
        ("::1:80", "::1 One(80)"),
        (":::80", ":: One(80)"),
        ("ipv6@:80", "any :: One(80)"),
        ("ipv6@*:80", "any :: One(80)"),
        ("tcp6@:::80", ":: One(80)"),
        ("1.2.3:80", "1.2.0.3 One(80)"),
        ("::ffff:1.2.3.4:80", "::ffff:1.2.3.4 One(80)"),
        ("stream+:80", "any 0.0.0.0 One(80)"),
        ("stream+ipv4@:80", "any 0.0.0.0 One(80)"),
        ("mptcp4@:80", "any 0.0.0.0 One(80)"),
        ("localhost:80", "name localhost None One(80)"),
        ("unix@x", "Unix([120])"),
        ("/x", "Unix([47, 120])"),
        ("abns@x", "Abstract { name: [120], padded: true }"),
        ("fd@5", "Descriptor(5)"),
        ("sockpair@5", "SocketPair(5)"),
        ("127.0.0.1:80/x", "127.0.0.1 One(80) ignored /x"),
        ("80", "missing port specification in '80'"),
        ("*", "missing port specification in '*'"),
        ("127.0.0.1:", "missing port specification in '127.0.0.1:'"),
        ("[::1]", "missing port specification in '[::1]'"),
        ("127.0.0.1:0", "invalid port '0'"),
        ("127.0.0.1:65536", "invalid port '65536'"),
        ("127.0.0.1:0-3", "invalid port '0'"),
        ("127.0.0.1:80-", "invalid port ''"),
        ("127.0.0.1:80-65536", "invalid port '65536'"),
        ("127.0.0.1:80--81", "invalid port '-81'"),
        ("127.0.0.1:82-80", "invalid port range '82-80'"),
        (
            "127.0.0.1:+1",
            "port offset not permitted here in '127.0.0.1:+1'",
        ),
        (
            "127.0.0.1:-80",
            "port offset not permitted here in '127.0.0.1:-80'",
        ),
        (
            "127.0.0.1:a",
            "invalid character 'a' in port number 'a' in '127.0.0.1:a'",
        ),
        (
            "udp4@127.0.0.1:80",
            "dgram-type address not acceptable in 'udp4@127.0.0.1:80'",
        ),
        (
            "fd@5x",
            "file descriptor '5x' is not a valid integer in 'fd@5x'",
        ),
        ("fd@", "file descriptor '' is not a valid integer in 'fd@'"),
        (
            "fd@-1",
            "file descriptor '-1' is not a valid integer in 'fd@-1'",
        ),
    ] {
        assert_eq!(read(word, Accept::BIND), expected, "{word}");
    }
}

#[test]
fn what_is_no_address_is_left_as_a_name_that_does_not_resolve() {
    for (word, host) in [
        ("::1", ":"),
        ("[::1", "[:"),
        ("ipv4@::1:80", "::1"),
        ("ipv6@127.0.0.1:80", "127.0.0.1"),
        ("quic@:80", "quic@"),
        ("foo+ipv4@:80", "foo+ipv4@"),
        ("@:80", "@"),
        ("[*]:80", "[*]"),
        ("[]:80", "[]"),
        ("1.2.3.4.5:80", "1.2.3.4.5"),
        ("256.0.0.1:80", "256.0.0.1"),
        ("be/srv:80", "be/srv"),
        ("127.0.0.1:80:81", "127.0.0.1:80"),
    ] {
        let place = address(word.as_bytes(), Accept::BIND).map(|address| address.place);
        let Ok(AddressPlace::Inet(Host::Name { name, .. }, _)) = place else {
            panic!("{word}: {place:?}");
        };
        assert_eq!(name, host, "{word}");
    }
}

#[test]
fn server_log_and_source_addresses_accept_other_forms() {
    for (word, accept, expected) in [
        ("127.0.0.1", Accept::SERVER, "127.0.0.1 None"),
        ("127.0.0.1:+1", Accept::SERVER, "127.0.0.1 Offset(1)"),
        ("127.0.0.1:-1", Accept::SERVER, "127.0.0.1 Offset(-1)"),
        (
            "127.0.0.1:+70000",
            Accept::SERVER,
            "127.0.0.1 Offset(70000)",
        ),
        ("127.0.0.1:+", Accept::SERVER, "127.0.0.1 Offset(0)"),
        ("127.0.0.1:0", Accept::SERVER, "127.0.0.1 One(0)"),
        (
            "10.211.55.5:30808/clickCount",
            Accept::SERVER,
            "10.211.55.5 One(30808) ignored /clickCount",
        ),
        (
            "127.0.0.1:80-82",
            Accept::SERVER,
            "port range not permitted here in '127.0.0.1:80-82'",
        ),
        (
            "127.0.0.1:+80-82",
            Accept::SERVER,
            "invalid character '-' in port number '80-82' in '127.0.0.1:+80-82'",
        ),
        (
            "fd@4",
            Accept::SERVER,
            "a file descriptor is not acceptable here in 'fd@4'",
        ),
        (
            "rhttp@x",
            Accept::SERVER,
            "Address 'rhttp@x' is experimental, must be allowed via a global 'expose-experimental-directives'",
        ),
        (
            "127.0.0.1:+1",
            Accept::LOG,
            "port offset not permitted here in '127.0.0.1:+1'",
        ),
        ("fd@1", Accept::LOG, "Descriptor(1)"),
        (
            "/dev/log",
            Accept::LOG,
            "Unix([47, 100, 101, 118, 47, 108, 111, 103])",
        ),
        (
            "udp@127.0.0.1",
            Accept::SOURCE,
            "dgram-type address not acceptable in 'udp@127.0.0.1'",
        ),
    ] {
        assert_eq!(read(word, accept), expected, "{word}");
    }
    let quic = address(b"quic4@:80", Accept::BIND).expect("an address");
    assert_eq!(quic.transport, Some(Transport::Quic));
}

#[test]
fn long_paths_are_refused() {
    let long = format!("unix@{}", "x".repeat(98));
    let text = read(&long, Accept::BIND);
    assert_eq!(text, format!("socket path '{long}' too long (max 97)"));
    assert!(read(&format!("unix@{}", "x".repeat(97)), Accept::BIND).starts_with("Unix"));
}

#[test]
fn lists_are_cut_at_commas() {
    let cut: Vec<&[u8]> = list(b"127.0.0.1:80,:81,").collect();
    assert_eq!(cut, [b"127.0.0.1:80".as_slice(), b":81"]);
}
