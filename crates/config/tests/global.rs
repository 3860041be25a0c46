//! Keywords of `global`: text to IR.

mod text;

use hapax_core::ir::{self, Address, LogAddress, LogFraming};
use text::{accepted, faults, load, load_with};

fn global(lines: &str) -> ir::Global {
    let lines: String = lines
        .split(';')
        .map(|line| format!(" {}\n", line.trim()))
        .collect();
    accepted(&format!("global\n{lines}")).global
}

#[test]
fn the_process_is_described() {
    let global = global(
        "daemon; quiet; zero-warning; nosplice; noreuseport; chroot /var/lib/x; pidfile /run/x.pid; user root; group root; \
         nbthread 4; node n.1; description two words; hard-stop-after 30s; grace 10; spread-checks 5; \
         max-spread-checks 2s; set-dumpable; no strict-limits; maxconn 4000; maxconnrate 10; maxsessrate 20; \
         ulimit-n 9000; fd-hard-limit 10000",
    );
    assert!(global.daemon && global.quiet && global.zero_warning);
    assert!(
        global.no_splice && global.no_reuseport && global.set_dumpable && global.no_strict_limits
    );
    assert_eq!(global.chroot.as_deref(), Some("/var/lib/x"));
    assert_eq!(global.pidfile.as_deref(), Some("/run/x.pid"));
    assert_eq!((global.uid, global.gid), (Some(0), Some(0)));
    assert_eq!(global.nbthread, Some(4));
    assert_eq!(global.node.as_deref(), Some("n.1"));
    assert_eq!(global.description.as_deref(), Some("two words"));
    assert_eq!(
        (global.hard_stop_after, global.grace),
        (Some(30_000), Some(10))
    );
    assert_eq!(
        (global.spread_checks, global.max_spread_checks),
        (5, Some(2000))
    );
    assert_eq!(
        (global.maxconn, global.maxconnrate, global.maxsessrate),
        (Some(4000), 10, 20)
    );
    assert_eq!(
        (global.ulimit_n, global.fd_hard_limit),
        (Some(9000), Some(10_000))
    );
}

#[test]
fn users_are_numbers_too() {
    let global = global("uid 5; gid 6; unix-bind prefix /tmp mode 600 user root gid 7");
    assert_eq!((global.uid, global.gid), (Some(5), Some(6)));
    assert_eq!(global.unix_bind_prefix.as_deref(), Some("/tmp"));
    assert_eq!(
        (
            global.unix_bind_mode,
            global.unix_bind_uid,
            global.unix_bind_gid
        ),
        (Some(0o600), Some(0), Some(7))
    );
}

#[test]
fn workers_are_pinned() {
    let one = global("cpu-map auto:1/1-3 0-1 5");
    assert_eq!(one.cpu_map, [(0, vec![0]), (1, vec![1]), (2, vec![5])]);
    let shared = global("cpu-map 1/2 0-1");
    assert_eq!(shared.cpu_map, [(1, vec![0, 1])]);
}

#[test]
fn header_names_are_adjusted() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("names");
    std::fs::write(&file, "# names\nx-a X-A\n\nx-b  X-B # b\n").expect("a file");
    let global = global(&format!(
        "h1-case-adjust host Host; h1-case-adjust-file {}",
        file.display()
    ));
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let expected = [pair("host", "Host"), pair("x-a", "X-A"), pair("x-b", "X-B")];
    assert_eq!(global.h1_case_adjust, expected);
    assert_eq!(
        faults("global", "h1-case-adjust a B"),
        ["parsing [x.cfg:2] : <from> and <to> must not differ except the case"]
    );
}

#[test]
fn log_targets_have_all_forms() {
    let global = global(
        "log 127.0.0.1 local2; log [::1]:1514 len 2000 format rfc5424 daemon err emerg; log /dev/log sample 1,3-4:5 user \
         notice; log stdout format raw local0; log stderr local1; log fd@5 local7; log-tag hx; log-send-hostname me",
    );
    let udp = |text: &str| LogAddress::Datagram(Address::Inet(text.parse().expect("an address")));
    assert_eq!(global.logs[0].address, udp("127.0.0.1:514"));
    assert_eq!(
        (global.logs[0].facility, global.logs[0].max_length),
        (18, 1024)
    );
    assert_eq!(global.logs[0].format, LogFraming::Unset);
    assert_eq!((global.logs[0].max_level, global.logs[0].min_level), (7, 0));
    assert_eq!(global.logs[1].address, udp("[::1]:1514"));
    assert_eq!(
        (global.logs[1].max_length, global.logs[1].facility),
        (2000, 3)
    );
    assert_eq!(global.logs[1].format, LogFraming::Rfc5424);
    assert_eq!((global.logs[1].max_level, global.logs[1].min_level), (3, 0));
    let unix = LogAddress::Datagram(Address::Unix("/dev/log".to_owned()));
    assert_eq!(global.logs[2].address, unix);
    let sample = global.logs[2].sample.as_ref().expect("a sample");
    assert_eq!(
        (sample.ranges.as_slice(), sample.size),
        ([(1, 1), (3, 4)].as_slice(), 5)
    );
    assert_eq!(global.logs[3].address, LogAddress::Descriptor(1));
    assert_eq!(global.logs[3].format, LogFraming::Raw);
    assert_eq!(global.logs[4].address, LogAddress::Descriptor(2));
    assert_eq!(global.logs[5].address, LogAddress::Descriptor(5));
    assert_eq!(global.log_tag.as_deref(), Some("hx"));
    assert_eq!(global.log_send_hostname.as_deref(), Some("me"));
}

#[test]
fn wrong_log_lines_are_refused() {
    for (line, text) in [
        (
            "log 127.0.0.1",
            "log : expects <address> and <facility>  as arguments",
        ),
        ("log 127.0.0.1 foo", "log : unknown log facility 'foo'"),
        (
            "log 127.0.0.1 local0 foo",
            "log : unknown optional log level 'foo'",
        ),
        (
            "log 127.0.0.1 local0 info foo",
            "log : unknown optional minimum log level 'foo'",
        ),
        (
            "log 127.0.0.1 len 10 local0",
            "log : invalid log length '10', must be between 80 and 65535",
        ),
        (
            "log 127.0.0.1 format foo local0",
            "log : unknown log format 'foo'",
        ),
        (
            "log 127.0.0.1 sample 1,1:5 local0",
            "log : ranges are overlapping",
        ),
        (
            "log 127.0.0.1 sample 3-1:5 local0",
            "log : wrong sample range '3-1'",
        ),
    ] {
        assert_eq!(
            faults("global", line),
            [format!("parsing [x.cfg:2] : {text}")],
            "{line}"
        );
    }
    assert!(
        accepted("global\n log 127.0.0.1 local0\n no log\n")
            .global
            .logs
            .is_empty()
    );
}

#[test]
fn the_runtime_api_is_opened() {
    let global = global(
        "stats socket /run/x.sock mode 660 level admin expose-fd listeners user root; stats socket ipv4@127.0.0.1:9999; \
         stats timeout 30s; stats maxconn 5",
    );
    let [unix, inet] = global.stats_sockets.as_slice() else {
        panic!("two sockets");
    };
    assert_eq!(unix.address, Address::Unix("/run/x.sock".to_owned()));
    assert_eq!(
        (unix.options.unix_mode, unix.options.unix_uid),
        (Some(0o660), Some(0))
    );
    assert_eq!(unix.options.level, Some(ir::CliLevel::Admin));
    assert!(unix.options.expose_fd_listeners);
    assert_eq!(
        inet.address,
        Address::Inet("127.0.0.1:9999".parse().expect("an address"))
    );
    assert_eq!(
        (global.stats_timeout, global.stats_maxconn),
        (Some(30_000), Some(5))
    );
}

#[test]
fn buffers_and_sockets_are_tuned() {
    let tune = global(
        "tune.bufsize 32k; tune.maxrewrite 2048; tune.http.maxhdr 200; tune.http.logurilen 2048; \
         tune.pipesize 65536; tune.rcvbuf.client 1k; tune.rcvbuf.server 2k; tune.sndbuf.client 3k; \
         tune.sndbuf.server 4k; tune.maxaccept 8",
    )
    .tune;
    let expected = ir::Tune {
        bufsize: 32768,
        maxrewrite: 2048,
        http_maxhdr: 200,
        http_logurilen: 2048,
        pipesize: 65536,
        rcvbuf_client: 1024,
        rcvbuf_server: 2048,
        sndbuf_client: 3072,
        sndbuf_server: 4096,
        maxaccept: Some(8),
        ..ir::Tune::default()
    };
    assert_eq!(tune, expected);
    assert_eq!(
        faults("global", "tune.bufsize x"),
        ["parsing [x.cfg:2] : unexpected 'x' after size passed to 'tune.bufsize'"]
    );
}

#[test]
fn variables_count_for_the_lines_that_follow() {
    let text = "global\n setenv HX_A 7\n presetenv HX_A 8\n presetenv HX_B 9\n maxconn \"$HX_A\"\n maxconnrate \"${HX_B}\"\n \
                unsetenv HX_A\n maxsessrate \"${HX_A-11}\"\n resetenv HX_C\n spread-checks \"${HX_B-12}\"\n nbthread \"${HX_C}\"\n";
    let loaded = load_with(text, &[("HX_C", "3")]);
    assert!(!loaded.refused(), "{:?}", loaded.said);
    let global = loaded.config.global;
    assert_eq!(
        (global.maxconn, global.maxconnrate, global.maxsessrate),
        (Some(7), 9, 11)
    );
    assert_eq!((global.spread_checks, global.nbthread), (12, Some(3)));
    assert_eq!(
        faults("global", "setenv A"),
        ["parsing [x.cfg:2] : 'setenv' expects environment variable value for 'A'."]
    );
}

#[test]
fn a_keyword_without_counterpart_is_listed_with_its_reason() {
    let global = global("noepoll; tune.epoll.mask-events rdhup; no busy-polling");
    let names: Vec<_> = global.no_counterpart.iter().map(|entry| entry.1).collect();
    assert_eq!(names, ["noepoll", "tune.epoll.mask-events", "busy-polling"]);
    assert!(
        global
            .no_counterpart
            .iter()
            .all(|entry| !entry.2.is_empty())
    );
}

#[test]
fn wrong_lines_are_refused_with_upstreams_text() {
    for (line, text) in [
        ("maxconn", "'maxconn' expects an integer argument."),
        (
            "maxconn x",
            "cannot parse 'maxconn' value 'x', an integer is expected.",
        ),
        (
            "maxconn 5 6",
            "'maxconn' cannot handle unexpected argument '6'.",
        ),
        (
            "daemon x",
            "'daemon' cannot handle unexpected argument 'x'.",
        ),
        (
            "nbthread 0",
            "'nbthread' value must be between 1 and 1024 (was 0)",
        ),
        (
            "user no-such-user-here",
            "cannot find user id for 'no-such-user-here' (0:Success)",
        ),
        (
            "stats foo",
            "'stats' only supports 'socket', 'maxconn', 'bind-process' and 'timeout' (got 'foo')",
        ),
        (
            "stats socket /x level foo",
            "'stats socket' : ''level' only supports 'user', 'operator', and 'admin' (got 'foo')'",
        ),
        (
            "stats maxconn 0",
            "'stats maxconn' expects a positive value",
        ),
        ("pidfile", "'pidfile' expects a file name as an argument."),
        (
            "unix-bind foo",
            "'unix-bind' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and 'group' options.",
        ),
        (
            "noepol",
            "unknown keyword 'noepol' in 'global' section; did you mean 'noepoll' maybe ?",
        ),
        (
            "lua-load x.lua",
            "'lua-load' in 'global' section is not built yet.",
        ),
    ] {
        assert_eq!(
            faults("global", line),
            [format!("parsing [x.cfg:2] : {text}")],
            "{line}"
        );
    }
    assert_eq!(
        faults("global", "no daemon"),
        [
            "parsing [x.cfg:2]: negation/default currently supported only for options, log, busy-polling, set-dumpable, \
          strict-limits, insecure-fork-wanted and numa-cpu-mapping."
        ]
    );
}

#[test]
fn several_sections_add_up() {
    let loaded = load("global\n daemon\nglobal\n chroot /a\n chroot /b\n");
    assert!(loaded.config.global.daemon);
    assert_eq!(loaded.config.global.chroot.as_deref(), Some("/a"));
    assert_eq!(
        loaded.said,
        ["W parsing [x.cfg:5] : 'chroot' is already specified. Continuing."]
    );
}
