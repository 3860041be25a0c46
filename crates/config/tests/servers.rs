//! `bind`, `server` and `default-server`: text to IR.

mod text;

use hapax_core::ir::{self, Address, ServerPort};
use text::{faults, load, section};

#[test]
fn addresses_of_bind_have_all_forms() {
    let proxy = section(
        "frontend",
        "bind :80,*:81; bind 127.0.0.1:90-92 name x; bind [::1]:443; bind unix@/tmp/s; bind abns@n",
    );
    let places: Vec<_> = proxy
        .binds
        .iter()
        .map(|bind| bind.address.clone())
        .collect();
    let inet = |text: &str| Address::Inet(text.parse().expect("an address"));
    let expected = [
        inet("0.0.0.0:80"),
        inet("0.0.0.0:81"),
        inet("127.0.0.1:90"),
        inet("127.0.0.1:91"),
        inet("127.0.0.1:92"),
        inet("[::1]:443"),
        Address::Unix("/tmp/s".to_owned()),
        Address::Abstract {
            name: "n".to_owned(),
            zero_padded: true,
        },
    ];
    assert_eq!(places, expected);
    assert!(
        proxy.binds[2..5]
            .iter()
            .all(|bind| bind.options.name.as_deref() == Some("x"))
    );
    assert_eq!(proxy.binds[1].text, "*:81");
}

#[test]
fn bind_options_are_read() {
    let proxy = section(
        "frontend",
        "bind :80 name n id 7 maxconn 5 backlog 6 interface lo v4v6 transparent defer-accept mss 1400 tcp-ut 5s tfo nice 3 \
         mode 600 uid 1 gid 2 level operator severity-output string thread 1-2,4 shards 3; \
         bind :81 v6only user root group root expose-fd listeners severity-output number shards by-group; bind :82 severity-output none",
    );
    let options = &proxy.binds[0].options;
    assert_eq!((options.name.as_deref(), options.id), (Some("n"), Some(7)));
    assert_eq!((options.maxconn, options.backlog), (5, Some(6)));
    assert_eq!(options.interface.as_deref(), Some("lo"));
    assert!(options.v4v6 && options.transparent && options.defer_accept && options.fast_open);
    assert_eq!(
        (options.mss, options.tcp_user_timeout, options.nice),
        (Some(1400), Some(5000), Some(3))
    );
    assert_eq!(
        (options.unix_mode, options.unix_uid, options.unix_gid),
        (Some(0o600), Some(1), Some(2))
    );
    assert_eq!(options.level, Some(ir::CliLevel::Operator));
    assert_eq!(options.severity_output, ir::SeverityOutput::String);
    assert_eq!(
        (options.threads.as_slice(), options.shards),
        ([0, 1, 3].as_slice(), Some(3))
    );
    let options = &proxy.binds[1].options;
    assert!(options.v6only && options.expose_fd_listeners);
    assert_eq!(
        (options.unix_uid, options.unix_gid, options.shards),
        (Some(0), Some(0), Some(1))
    );
}

#[test]
fn wrong_bind_lines_are_refused() {
    for (line, text) in [
        (
            "bind",
            "'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments.",
        ),
        ("bind *", "'bind' : missing port specification in '*'"),
        ("bind :82-80", "'bind' : invalid port range '82-80'"),
        (
            "bind 127.0.0.1:-5",
            "'bind' : port offset not permitted here in '127.0.0.1:-5'",
        ),
        (
            "bind :80 name",
            "'bind :80' in section 'frontend' : 'name' : missing name",
        ),
        (
            "bind :80 id x",
            "'bind :80' in section 'frontend' : 'id' : expects an integer argument, found 'x'",
        ),
        (
            "bind :80 :81",
            "'bind :80' in section 'frontend': unknown keyword ':81'.",
        ),
        (
            "bind :80 defer-acept",
            "'bind :80' in section 'frontend': unknown keyword 'defer-acept'; did you mean 'defer-accept' maybe ?",
        ),
        (
            "bind :80 allow-0rtt",
            "'bind :80' in section 'frontend': 'allow-0rtt' is not built yet.",
        ),
        ("bind quic4@:80", "'bind' : QUIC is not built yet."),
        (
            "bind fd@99999",
            "'bind' : cannot use file descriptor '99999' : Bad file descriptor.",
        ),
    ] {
        assert_eq!(
            faults("frontend", line),
            [format!("parsing [x.cfg:2] : {text}")],
            "{line}"
        );
    }
    let loaded = load("frontend x\n bind :80 id 5\n bind :81 id 5\n");
    assert_eq!(
        loaded.said[0],
        "A parsing [x.cfg:3] : 'bind :81' in section 'frontend' : 'id' : custom id 5 already used at x.cfg:2 ('bind :80')"
    );
}

#[test]
fn servers_have_addresses_and_ports() {
    let proxy = section(
        "backend",
        "server a 1.1.1.1:80; server b 1.1.1.1; server c 1.1.1.1:+5; server d 1.1.1.1:-5; server e /tmp/s; server f localhost:80; \
         server g *:8080; server h [::1]:81",
    );
    let ports: Vec<_> = proxy.servers.iter().map(|server| server.port).collect();
    assert_eq!(
        ports[..4],
        [
            ServerPort::Fixed,
            ServerPort::SameAsClient,
            ServerPort::Offset(5),
            ServerPort::Offset(-5)
        ]
    );
    assert_eq!(proxy.servers[4].address, Address::Unix("/tmp/s".to_owned()));
    assert_eq!(proxy.servers[5].host_name.as_deref(), Some("localhost"));
    assert!(
        proxy.servers[5]
            .address
            .ip()
            .is_some_and(|ip| ip.is_loopback())
    );
    assert_eq!(
        proxy.servers[6].address.to_owned(),
        Address::Inet("0.0.0.0:8080".parse().expect("an address"))
    );
}

#[test]
fn server_options_are_read() {
    let proxy = section(
        "backend",
        "mode http; server a 1.1.1.1:80 id 9 weight 10 backup disabled cookie c maxconn 1 minconn 2 maxqueue 3 \
         redir http://x pool-max-conn 5 pool-purge-delay 6s pool-low-conn 7 max-reuse 8 source 2.2.2.2:1000-2000 interface lo \
         tcp-ut 9s tfo send-proxy-v2 on-marked-down shutdown-sessions on-marked-up shutdown-backup-sessions \
         init-addr last,none,3.3.3.3 check inter 1s fastinter 2s downinter 3s rise 4 fall 5 port 6 addr 4.4.4.4",
    );
    let options = &proxy.servers[0].options;
    assert_eq!((options.id, options.weight), (Some(9), 10));
    assert!(options.backup && options.disabled && options.fast_open);
    assert!(options.shutdown_on_down && options.shutdown_backup_on_up);
    assert_eq!(
        (
            options.cookie.as_deref(),
            options.redirect_prefix.as_deref()
        ),
        (Some("c"), Some("http://x"))
    );
    assert_eq!(
        (options.maxconn, options.minconn, options.maxqueue),
        (1, 2, 3)
    );
    assert_eq!((options.pool_max_conn, options.pool_purge_delay), (5, 6000));
    assert_eq!((options.pool_low_conn, options.max_reuse), (7, 8));
    let source = options.source.as_ref().expect("a source");
    assert_eq!(
        (source.ports, source.interface.as_deref()),
        (Some((1000, 2000)), Some("lo"))
    );
    assert_eq!(
        (options.tcp_user_timeout, options.send_proxy),
        (Some(9000), Some(2))
    );
    let three = ir::InitAddr::Address("3.3.3.3".parse().expect("an address"));
    assert_eq!(
        options.init_addr,
        [ir::InitAddr::Last, ir::InitAddr::None, three]
    );
    let check = &options.check;
    assert!(check.enabled);
    assert_eq!(
        (check.inter, check.fastinter, check.downinter),
        (1000, 2000, 3000)
    );
    assert_eq!((check.rise, check.fall, check.port), (4, 5, Some(6)));
    assert!(check.address.is_some());
}

#[test]
fn default_server_is_where_servers_start() {
    let proxy = section(
        "backend",
        "default-server check inter 5s backup disabled send-proxy tfo; server a 1.1.1.1:80; \
         server b 1.1.1.1:80 no-check no-backup enabled no-send-proxy no-tfo; default-server weight 5 no-send-proxy-v2; \
         server c 1.1.1.1:80",
    );
    let [a, b, c] = proxy.servers.as_slice() else {
        panic!("three servers");
    };
    let (a, b, c) = (&a.options, &b.options, &c.options);
    assert!(a.check.enabled && a.backup && a.disabled && a.fast_open);
    assert_eq!((a.check.inter, a.send_proxy), (5000, Some(1)));
    assert!(!(b.check.enabled || b.backup || b.disabled || b.fast_open));
    assert_eq!((b.check.inter, b.send_proxy), (5000, None));
    assert_eq!((c.weight, c.send_proxy, c.check.inter), (5, None, 5000));
}

#[test]
fn wrong_server_lines_are_refused() {
    for (line, text) in [
        (
            "server s",
            "'server' expects <name> and <addr>[:<port>] as arguments.",
        ),
        (
            "server s$ 1.1.1.1:80",
            "character '$' is not permitted in server name 's$'.",
        ),
        (
            "server s 1.1.1.1:x",
            "'server x/s' : invalid character 'x' in port number 'x' in '1.1.1.1:x'",
        ),
        (
            "server s 1.1.1.1:80-90",
            "'server x/s' : port range not permitted here in '1.1.1.1:80-90'",
        ),
        (
            "server s 1.1.1.1:80 check inter",
            "'server x/s' : 'inter' expects a delay as argument..",
        ),
        (
            "server s 1.1.1.1:80 inter 0",
            "'server x/s' : invalid value 0 for argument 'inter' of server s..",
        ),
        (
            "server s 1.1.1.1:80 rise 0",
            "'server x/s' : 'rise' has to be > 0..",
        ),
        (
            "server s 1.1.1.1:80 weight 257",
            "'server x/s' : weight of server s is not within 0 and 256 (257)..",
        ),
        (
            "server s 1.1.1.1:80 pool-max-conn -2",
            "'server x/s' : 'pool-max-conn' must be >= -1.",
        ),
        (
            "server s 1.1.1.1:80 track s check",
            "'server x/s' : unable to enable checks and tracking at the same time!",
        ),
        (
            "server s 1.1.1.1:80 guid x/y",
            "'server x/s' : 'guid': invalid character '/'.",
        ),
        (
            "default-server 1.1.1.1:80",
            "unknown keyword '1.1.1.1:80'. Hint: no address was expected for this server.",
        ),
    ] {
        assert_eq!(
            faults("backend", line),
            [format!("[x.cfg:2] : {text}")],
            "{line}"
        );
    }
}

#[test]
fn names_that_do_not_resolve_are_said_last() {
    let loaded = load(
        "backend x\n server a no-such-host.invalid:80\n server b other.invalid:80 init-addr libc,none\n",
    );
    let said: Vec<_> = loaded
        .said
        .iter()
        .filter(|line| !line.contains("missing timeouts"))
        .collect();
    assert_eq!(
        said,
        [
            "A [x.cfg:2] : 'server x/a' : could not resolve address 'no-such-host.invalid'.",
            "N [x.cfg:3] : 'server x/b' : could not resolve address 'other.invalid', disabling server.",
            "A Failed to initialize server(s) addr.",
        ]
    );
}

#[test]
fn tracked_servers_must_be_checked() {
    for (lines, text) in [
        (
            "server s 1.1.1.1:80 track x/t\n server t 1.1.1.1:80",
            "unable to use x/t for tracking as it does not have any check nor agent enabled.",
        ),
        (
            "server s 1.1.1.1:80 track y/t",
            "unable to find required proxy 'y' for tracking.",
        ),
        (
            "server s 1.1.1.1:80 track t",
            "unable to find required server 't' for tracking.",
        ),
    ] {
        let loaded = load(&format!(
            "backend x\n timeout connect 1s\n timeout server 1s\n {lines}\n"
        ));
        assert_eq!(
            loaded.said[0],
            format!("A [x.cfg:4] : 'server x/s' : {text}")
        );
    }
    let proxy = section(
        "backend",
        "server s 1.1.1.1:80 track x/t; server t 1.1.1.1:80 check",
    );
    assert_eq!(
        proxy.servers[0].options.track,
        Some(("x".to_owned(), "t".to_owned()))
    );
}

#[test]
fn variables_stand_in_addresses_without_quotes() {
    let loaded = load(
        "global\n setenv HX_A 127.0.0.9\n setenv HX_P 81\nbackend x\n server a $HX_A:80\n server b ${HX_A}:${HX_P}\n \
         server c ${HX_NOPE}\n",
    );
    let places: Vec<_> = loaded
        .proxy("x")
        .servers
        .iter()
        .map(|server| server.address.clone())
        .collect();
    let inet = |text: &str| Address::Inet(text.parse().expect("an address"));
    assert_eq!(places, [inet("127.0.0.9:80"), inet("127.0.0.9:81")]);
    assert_eq!(
        loaded.said[0],
        "A [x.cfg:7] : 'server x/c' : '${HX_NOPE}' resolves to an empty address (environment variable missing?)"
    );
}
