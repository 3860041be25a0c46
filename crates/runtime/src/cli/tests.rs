//! Tests of the runtime API: lines in, answers out, and once over a real socket.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hapax_core::counter::Count;
use hapax_core::ir::{CliLevel, SeverityOutput};
use tokio::net::{UnixListener, UnixStream};

use super::*;
use crate::stats::errors::BadMessage;
use crate::stats::tests::{NOW, program};

fn cli() -> Cli {
    Cli {
        program: Arc::new(ArcSwap::from_pointee(program())),
        errors: Arc::default(),
        exposed: Arc::default(),
        reload: None,
        facts: Facts {
            version: "3.2.0-hapax".into(),
            ..Facts::default()
        },
        measures: Box::new(|_, _| Measures::default()),
        announce: Box::new(|_, _| {}),
        clock: Box::new(|| NOW),
    }
}

fn access(level: CliLevel) -> Access {
    Access {
        level,
        ..Access::default()
    }
}

/// What a connection answers to each of some inputs; `<EOF>` where it closes.
fn talk(cli: &Cli, level: CliLevel, inputs: &[&str]) -> Vec<String> {
    let mut session = Session::new(access(level));
    let mut answers = Vec::new();
    for input in inputs {
        let mut out = Vec::new();
        let then = session.input(cli, input.as_bytes(), &mut out);
        let mut text = String::from_utf8(out).expect("text");
        if then == Then::Close {
            text.push_str("<EOF>");
        }
        answers.push(text);
        if then == Then::Close {
            break;
        }
    }
    answers
}

fn admin(input: &str) -> String {
    talk(&cli(), CliLevel::Admin, &[input]).concat()
}

// exercises: command/show version command/echo command/quit command/prompt
#[test]
fn modes_and_prompts_are_upstreams() {
    assert_eq!(admin("show version\n"), "3.2.0-hapax\n\n<EOF>");
    assert_eq!(admin("show version"), "", "a line needs its end");
    assert_eq!(
        admin("show version;show version\n"),
        "3.2.0-hapax\n\n3.2.0-hapax\n\n<EOF>"
    );
    assert_eq!(
        admin("show version;;echo  a  b\n"),
        "3.2.0-hapax\n\n\na b\n\n<EOF>"
    );
    assert_eq!(admin("show version\r\n"), "3.2.0-hapax\n\n\n<EOF>");
    assert_eq!(admin("quit;show version\n"), "<EOF>");
    assert_eq!(admin("echo\n"), "\n\n<EOF>");
    assert_eq!(admin("prompt n\n"), "\n<EOF>");
    let steps = ["prompt\nshow version\n", "\n", "prompt timed\n", "prompt\n"];
    assert_eq!(
        talk(&cli(), CliLevel::User, &steps),
        [
            "\n> 3.2.0-hapax\n\n> ",
            "\n> ",
            "\n[0:00:01:00]> ",
            "\n<EOF>"
        ]
    );
    assert_eq!(
        talk(&cli(), CliLevel::User, &["prompt i\n", "echo x\n"]),
        ["\n", "x\n\n"]
    );
    assert!(admin("prompt x\n").starts_with("Usage: prompt [help | n | i | p | timed]*\n"));
    assert_eq!(
        talk(
            &cli(),
            CliLevel::User,
            &["prompt\n", "echo x <<%E%\n", "a\n", "%E%\n"]
        ),
        ["\n> ", "+ ", "+ ", "x\n\n> "]
    );
}

#[test]
fn what_is_left_out_on_purpose_says_why() {
    assert_eq!(
        admin("expert-mode on;debug dev hex 0x1000\n"),
        "\n'debug dev hex' is not built: memory is not looked at or changed by address.\n\n<EOF>"
    );
    let refused = admin("debug counters all\n");
    assert!(refused.starts_with("'debug counters' is not built: "));
}

#[test]
fn long_lines_are_refused() {
    let text = "The command line is too big for the buffer size. Please change tune.bufsize in the configuration to use a bigger command.\n<EOF>";
    assert_eq!(admin(&"x".repeat(20_000)), text);
    assert_eq!(admin(&format!("{}\n", "x".repeat(20_000))), text);
    let mut endless = vec!["echo x <<\n".to_owned()];
    endless.extend((0..20).map(|_| format!("{}\n", "y".repeat(1000))));
    let steps: Vec<_> = endless.iter().map(String::as_str).collect();
    assert_eq!(
        talk(&cli(), CliLevel::User, &steps)
            .last()
            .map(String::as_str),
        Some(text)
    );
}

// exercises: command/help
#[test]
fn help_lists_what_is_allowed_and_resembles() {
    let all = admin("help\n");
    assert!(all.starts_with("The following commands are valid at this level:\n"));
    assert!(all.contains("\n  add acl [@<ver>] <acl> <pattern>        : "));
    assert!(all.ends_with("  quit                                    : disconnect\n\n<EOF>"));
    let user = talk(&cli(), CliLevel::User, &["help\n"]).concat();
    assert!(!user.contains("show errors") && user.contains("show stat"));
    let show = admin("help show ver\n");
    assert!(show.contains("show version") && !show.contains("show stat"));
    let unknown = admin("foo bar\n");
    assert!(unknown.starts_with("Unknown command: 'foo', but maybe one of the following ones is a better match:\n  help [<command>]"));
    assert!(admin("SHOW version\n").contains("  show version "));
    assert!(admin("\"show\" version\n").starts_with("Unknown command: '\"show\"',"));
}

// exercises: command/user command/operator command/show cli level command/set severity-output command/set timeout
#[test]
fn levels_and_settings_of_the_connection() {
    assert_eq!(admin("operator;show cli level\n"), "\noperator\n\n<EOF>");
    assert_eq!(admin("user;operator\n"), "\nPermission denied\n\n<EOF>");
    assert_eq!(admin("user;show errors\n"), "\nPermission denied\n\n<EOF>");
    assert_eq!(
        admin("operator;clear counters all\n"),
        "\nPermission denied\n\n<EOF>"
    );
    assert_eq!(
        admin("set severity-output number;show env NO_SUCH_VARIABLE;show version\n"),
        "\n[3]: Variable not found\n\n[6]: 3.2.0-hapax\n\n<EOF>"
    );
    assert_eq!(
        admin("set severity-output string;get weight a/b\n"),
        "\n[err]: No such backend.\n\n<EOF>"
    );
    assert_eq!(
        admin("set severity-output number;echo a;get weight be/s1\n"),
        "\n[6]: a\n\n10 (initial 10)\n\n<EOF>"
    );
    assert_eq!(
        admin("set severity-output x\n"),
        "one of 'none', 'number', 'string' is a required argument\n\n<EOF>"
    );
    assert_eq!(
        admin("set timeout cli 5x\n"),
        "Invalid timeout value.\n\n<EOF>"
    );
    assert_eq!(
        admin("set timeout cli\n"),
        "Expects an integer value.\n\n<EOF>"
    );
    assert_eq!(
        admin("set timeout x 1\n"),
        "'set timeout' only supports 'cli'.\n\n<EOF>"
    );
    let mut session = Session::new(access(CliLevel::User));
    session.input(&cli(), b"prompt;set timeout cli 2m\n", &mut Vec::new());
    assert_eq!(session.timeout_ms(), 120_000);
    let number = Access {
        severity: SeverityOutput::Number,
        ..Access::default()
    };
    let mut out = Vec::new();
    Session::new(number).input(&cli(), b"get weight x\n", &mut out);
    assert_eq!(out, b"[3]: Require 'backend/server'.\n\n");
}

// exercises: command/get weight command/show backend command/show env command/show cli sockets
#[test]
fn small_answers() {
    assert_eq!(admin("get weight be/s1\n"), "10 (initial 10)\n\n<EOF>");
    assert_eq!(admin("get weight be/x\n"), "No such server.\n\n<EOF>");
    assert_eq!(admin("show backend\n"), "# name\nbe\n\n<EOF>");
    assert_eq!(
        admin("show cli sockets\n"),
        "# socket lvl processes\n\n<EOF>"
    );
    let path = std::env::var("PATH").expect("there is a PATH");
    assert_eq!(admin("show env PATH\n"), format!("PATH={path}\n\n<EOF>"));
    assert!(admin("show env\n").contains(&format!("PATH={path}\n")));
    assert_eq!(admin("show env A=B\n"), "Variable not found\n\n<EOF>");
}

// exercises: command/show errors
#[test]
fn bad_messages_are_shown() {
    let cli = cli();
    cli.errors.record(BadMessage {
        proxy: (1, "fe".into()),
        bytes: b"BAD\0".to_vec(),
        position: 3,
        ..BadMessage::default()
    });
    let ask = |line| talk(&cli, CliLevel::Operator, &[line]).concat();
    assert!(ask("show errors\n").contains("frontend fe (#1): invalid request\n"));
    assert!(ask("show errors fe request\n").contains("error at position 3\n"));
    assert!(ask("show errors 1\n").contains("  00000  BAD\\x00\n"));
    assert!(ask("show errors be\n").ends_with("] : 1\n\n<EOF>"));
    assert_eq!(ask("show errors nope\n"), "No such proxy.\n\n<EOF>");
}

// exercises: command/show info command/show stat command/clear counters
#[test]
fn statistics_are_shown_and_cleared() {
    assert!(admin("show info\n").starts_with("Name: HAProxy\nVersion: 3.2.0-hapax\n"));
    assert!(admin("show info typed\n").starts_with("0.Name.1:POS:str:HAProxy\n"));
    assert!(admin("show info float\n").contains("\nUptime_sec: 60.5\n"));
    let rows = |line: &str| {
        let text = admin(line);
        let names = text.lines().filter(|row| !row.starts_with('#'));
        let names = names.map(|row| row.split(',').take(2).collect::<Vec<_>>().join("/"));
        names
            .filter(|name| name.contains('/'))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        rows("show stat\n"),
        "fe/FRONTEND fe/sock-1 be/s1 be/s2 be/s3 be/s4 be/s5 be/BACKEND"
    );
    assert_eq!(
        rows("show stat be 4 -1 no-maint\n"),
        "be/s1 be/s2 be/s4 be/s5"
    );
    assert_eq!(rows("show stat -1 4 1\n"), "be/s1");
    assert_eq!(
        rows("show stat 2\n").split(' ').count(),
        8,
        "three words select, or none"
    );
    assert_eq!(admin("show stat zz 1 -1\n"), "No such proxy.\n\n<EOF>");
    assert!(admin("show stat typed\n").starts_with("F.1.0.0.pxname.1:KNS:str:fe\n"));
    assert!(admin("show stat -1 2 -1 json\n").starts_with("[[{\"objType\":\"Backend\",\"proxyId\":2,\"id\":0,\"field\":{\"pos\":0,\"name\":\"pxname\"},\"processNum\":1,"));
    let user = talk(&cli(), CliLevel::User, &["show stat -1 4 1\n"]).concat();
    assert!(
        !user.contains("127.0.0.1:8082"),
        "addresses are not for users"
    );

    let cli = cli();
    let program = cli.program.load_full();
    let side = &program.proxies[0].live.frontend;
    side.sessions.up();
    side.sessions.down();
    side.counters.add(0, Count::Sessions, 3);
    talk(&cli, CliLevel::Operator, &["clear counters\n"]);
    assert_eq!(
        (side.sessions.highest(), side.counters.sum(Count::Sessions)),
        (0, 3)
    );
    talk(&cli, CliLevel::Admin, &["clear counters all\n"]);
    assert_eq!(side.counters.sum(Count::Sessions), 0);
}

#[test]
fn hostile_bytes_do_no_harm() {
    let cli = cli();
    let pieces: &[&[u8]] = &[
        b"show stat",
        b"show errors ",
        b"set timeout cli ",
        b"99999999999999999999d",
        b"get weight ",
        b"/",
        b"prompt i",
        b"\n",
        b"\r\n",
        b";",
        b"\\",
        b" <<",
        b"<<\xff\n",
        b"\0",
        b"\xff\xfe",
        b"-1 ",
        b"4294967296 ",
        b"show env ",
        b"=",
        b"help ",
        b"\xc3\xa9",
        b" ",
    ];
    // A small generator with a fixed seed: the same lines in every run.
    let mut seed = 7_u64;
    let mut next = |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for _ in 0..2000 {
        let mut session = Session::new(access(CliLevel::Operator));
        let mut out = Vec::new();
        for _ in 0..8 {
            let piece = pieces[next(pieces.len())];
            if session.input(&cli, piece, &mut out) == Then::Close {
                break;
            }
        }
        assert!(out.len() < 1 << 20);
    }
}

#[test]
fn a_socket_answers_and_closes_what_idles() {
    let folder = std::env::temp_dir().join(format!("hapax-cli-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("socket");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = UnixListener::bind(&path).expect("bound");
        let access = Access {
            timeout_ms: 200,
            ..Access::default()
        };
        let serving = Serving::new(1);
        let server = tokio::task::spawn_local(serve(
            Listening::Unix(listener),
            Rc::new(cli()),
            access,
            serving,
        ));
        let ask = async |bytes: &[u8]| {
            let stream = UnixStream::connect(&path).await.expect("connected");
            stream.writable().await.expect("writable");
            stream.try_write(bytes).expect("written");
            let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
            loop {
                stream.readable().await.expect("readable");
                match stream.try_read(&mut buffer) {
                    Ok(0) => return String::from_utf8(all).expect("text"),
                    Ok(length) => all.extend_from_slice(&buffer[..length]),
                    Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
                }
            }
        };
        let all = tokio::time::timeout(Duration::from_secs(10), async {
            assert_eq!(ask(b"show version\n").await, "3.2.0-hapax\n\n");
            assert!(ask(b"show stat\n").await.ends_with(",\n\n"));
            // One that says nothing is closed by the timeout, which makes room for the next.
            let idle = UnixStream::connect(&path).await.expect("connected");
            assert_eq!(ask(b"echo next\n").await, "next\n\n");
            idle.readable().await.expect("readable");
            assert_eq!(idle.try_read(&mut [0; 8]).expect("closed"), 0);
        });
        all.await.expect("in time");
        server.abort();
    });
    std::fs::remove_dir_all(&folder).expect("removed");
}

// exercises: command/shutdown session command/show sess
#[test]
fn sessions_that_are_none_cannot_be_ended() {
    assert_eq!(
        admin("shutdown session x\n"),
        "Session pointer expected (use 'show sess').\n\n<EOF>"
    );
    assert_eq!(
        admin("shutdown session 0x1\n"),
        "No such session (use 'show sess').\n\n<EOF>"
    );
    assert_eq!(admin("show sess 0x1\n"), "Session not found.\n\n<EOF>");
}

// exercises: command/show activity command/show tasks command/show pools command/show fd command/show threads
// exercises: command/show libs command/show dev command/show startup-logs
#[test]
fn the_process_tells_what_it_is() {
    let file = std::fs::File::open("/dev/null").expect("open");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listener.local_addr().expect("address").port();
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    assert_eq!(
        admin(&format!("show fd {number}\n")),
        format!("{number:7} : /dev/null\n\n<EOF>")
    );
    assert!(admin("show fd\n").contains(&format!("fam=ipv4 laddr=127.0.0.1 lport={port}\n")));
    assert_eq!(admin("show fd x\n"), "Invalid FD type\n\n<EOF>");
    assert!(admin("show threads\n").contains("  Thread 1 : id="));
    assert!(admin("show libs\n").contains("libc"));
    assert!(admin("show dev\n").contains(&format!("  pid: {}\n", std::process::id())));
    assert!(admin("show pools\n").contains("Total: 2 pools, "));
    assert!(admin("show activity\n").contains("\naccepted: "));
    assert!(admin("show tasks\n").starts_with("Running tasks: "));
    let mut told = cli();
    told.facts.startup_logs = b"[WARNING] one\n".to_vec();
    assert_eq!(
        talk(&told, CliLevel::User, &["show startup-logs\n"]).concat(),
        "[WARNING] one\n\n<EOF>"
    );
    for command in ["activity", "fd", "libs"] {
        let answer = talk(&cli(), CliLevel::User, &[&format!("show {command}\n")]).concat();
        assert_eq!(answer, "Permission denied\n\n<EOF>", "{command}");
    }
}

#[test]
fn long_answers_are_said_in_pieces() {
    let mut session = Session::new(access(CliLevel::Admin));
    let (cli, mut out, mut pieces) = (cli(), Vec::new(), Vec::new());
    let line = format!("{}echo end\necho next\n", "show stat;".repeat(40));
    let mut then = session.input(&cli, b"prompt i\n", &mut Vec::new());
    assert_eq!(then, Then::More);
    then = session.input(&cli, line.as_bytes(), &mut out);
    while then == Then::Proceed {
        assert!(out.len() < 40_000, "{} bytes at a time", out.len());
        pieces.append(&mut out);
        then = session.proceed(&cli, &mut out);
    }
    pieces.append(&mut out);
    assert_eq!(then, Then::More);
    let text = String::from_utf8(pieces).expect("text");
    assert_eq!(text.matches("# pxname,").count(), 40);
    let one = admin("show stat\n").replace("<EOF>", "");
    assert_eq!(text, format!("{}end\n\nnext\n\n", one.repeat(40)));
}
