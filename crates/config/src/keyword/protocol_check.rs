//! `option mysql-check` and its relatives: checks that are fixed lists of the steps that `tcp-check` lines make.

use hapax_core::ir::{
    self, CheckAction, CheckConnect, CheckData, CheckExpect, CheckPattern, CheckStep, CheckText,
};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};
use hapax_core::live::CheckStatus;
use hapax_core::span::Span;

use super::row;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "option ldap-check",
        Sections::BACK,
        "",
        "Checks servers with an anonymous LDAP bind.",
        |line| {
            no_more(line, "ldap-check", 0)?;
            set(line, ldap())
        },
    ),
    row(
        "option mysql-check",
        Sections::BACK,
        "[user <username> [post-41|pre-41]]",
        "Checks servers with the beginning of a MySQL session.",
        mysql,
    ),
    row(
        "option pgsql-check",
        Sections::BACK,
        "user <username>",
        "Checks servers with the beginning of a PostgreSQL session.",
        |line| {
            let text = "'option pgsql-check' expects 'user <username>' as argument.";
            let (Some(word), Some(user)) = (line.arg(0), line.args().get(1)) else {
                return Err(line.fault(text));
            };
            if word != "user" {
                return Err(line.fault_at(0, text));
            }
            let steps = pgsql(&user.text);
            no_more(line, "pgsql-check", 2)?;
            set(line, steps)
        },
    ),
    row(
        "option redis-check",
        Sections::BACK,
        "",
        "Checks servers with a Redis PING.",
        |line| {
            no_more(line, "redis-check", 0)?;
            set(line, redis())
        },
    ),
    row(
        "option smtpchk",
        Sections::BACK,
        "[HELO|EHLO <domain>]",
        "Checks servers with an SMTP greeting.",
        |line| {
            no_more(line, "smtpchk", 2)?;
            let hello = match (line.arg(0).as_deref(), line.args().get(1)) {
                (Some(word @ ("HELO" | "EHLO")), Some(domain)) => {
                    [word.as_bytes(), b" ", &domain.text, b"\r\n"].concat()
                }
                _ => b"HELO localhost\r\n".to_vec(),
            };
            set(line, smtp(hello))
        },
    ),
    row(
        "option spop-check",
        Sections::BACK,
        "",
        "Checks servers with the hello of an SPOE agent.",
        |line| {
            no_more(line, "spop-check", 0)?;
            set(line, spop())
        },
    ),
    row(
        "option ssl-hello-chk",
        Sections::BACK,
        "",
        "Checks servers with a hello of SSL version 3.",
        |line| {
            no_more(line, "ssl-hello-chk", 0)?;
            set(line, ssl_hello())
        },
    ),
];

/// Refuses words behind the first `most` ones.
pub(crate) fn no_more(line: &Line<'_>, name: &str, most: usize) -> Result<(), Fault> {
    match line.arg(most) {
        None => Ok(()),
        Some(extra) => {
            let text = format!("'option {name}' cannot handle unexpected argument '{extra}'.");
            Err(line.fault_at(most, text))
        }
    }
}

fn set(line: &mut Line<'_>, steps: Vec<CheckStep>) -> Result<(), Fault> {
    line.proxy()?.check = ir::CheckKind::Protocol(steps);
    Ok(())
}

fn mysql(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(word) = line.arg(0) else {
        return set(
            line,
            vec![
                connect(true),
                expect(CheckExpect::new(CheckPattern::MysqlGreeting)),
            ],
        );
    };
    if word != "user" {
        let text =
            format!("'option mysql-check' only supports optional values: 'user' (got '{word}').");
        return Err(line.fault_at(0, text));
    }
    let Some(user) = line.args().get(1) else {
        let text = "'option mysql-check user' expects <username> as argument.";
        return Err(line.fault_at(0, text));
    };
    let login = match line.arg(2).as_deref() {
        None | Some("post-41") => login(NEW_LOGIN, &user.text),
        Some("pre-41") => login(OLD_LOGIN, &user.text),
        Some(other) => {
            let text =
                format!("keyword 'user' only supports 'post-41' and 'pre-41' (got '{other}').");
            return Err(line.fault_at(2, text));
        }
    };
    no_more(line, "mysql-check", 3)?;
    let steps = vec![
        connect(true),
        send(login),
        expect(CheckExpect::new(CheckPattern::MysqlGreeting)),
        expect(CheckExpect::new(CheckPattern::MysqlAnswer)),
    ];
    set(line, steps)
}

/// A login packet without password, and the packet that ends the session.
fn login(before: &[u8], user: &[u8]) -> Vec<u8> {
    let length = u32::try_from(before.len() + user.len() + 2).unwrap_or(u32::MAX);
    let length = length.to_le_bytes();
    let quit = [1, 0, 0, 0, 1];
    [&length[..3], &[1], before, user, &[0, 0], &quit].concat()
}

/// A PostgreSQL start-up message; the answer is an error, or asks for one of the known ways to authenticate.
fn pgsql(user: &[u8]) -> Vec<CheckStep> {
    let rest = [&[0, 3, 0, 0], &b"user\0"[..], user, &[0, 0]].concat();
    let length = u32::try_from(rest.len() + 4).unwrap_or(u32::MAX);
    let error = CheckExpect {
        negated: true,
        min_recv: Some(5),
        on_error: Some(CheckText::Behind(6)),
        ..CheckExpect::new(CheckPattern::BinaryRegex("^45".to_owned()))
    };
    let asks = "^52000000..000000(00|02|03|04|05|06|07|09|0A)";
    let asked = CheckExpect {
        min_recv: Some(9),
        error: CheckStatus::L7Status,
        on_success: Some(CheckText::Fixed("PostgreSQL server is ok".to_owned())),
        on_error: Some(CheckText::Fixed("PostgreSQL unknown error".to_owned())),
        ..CheckExpect::new(CheckPattern::BinaryRegex(asks.to_owned()))
    };
    vec![
        connect(true),
        send([&length.to_be_bytes(), &rest[..]].concat()),
        expect(error),
        expect(asked),
    ]
}

fn redis() -> Vec<CheckStep> {
    let pong = CheckExpect {
        error: CheckStatus::L7Status,
        on_success: Some(CheckText::Fixed("Redis server is ok".to_owned())),
        on_error: Some(CheckText::LineBehind(0)),
        ..CheckExpect::new(CheckPattern::String(b"+PONG\r\n".to_vec()))
    };
    vec![
        connect(false),
        send(b"*1\r\n$4\r\nPING\r\n".to_vec()),
        expect(pong),
    ]
}

fn smtp(hello: Vec<u8>) -> Vec<CheckStep> {
    let is_smtp = CheckExpect {
        min_recv: Some(4),
        on_error: Some(CheckText::LineBehind(0)),
        ..CheckExpect::new(CheckPattern::Regex("^[0-9]{3}[ \r]".to_owned()))
    };
    let good = |pattern: &str, min_recv| CheckExpect {
        min_recv,
        error: CheckStatus::L7Status,
        on_error: Some(CheckText::LineBehind(4)),
        has_code: true,
        ..CheckExpect::new(CheckPattern::Regex(pattern.to_owned()))
    };
    let last = CheckExpect {
        on_success: Some(CheckText::LineBehind(4)),
        ..good("^2[0-9]{2}[- \r]", Some(4))
    };
    vec![
        connect(true),
        expect(is_smtp),
        expect(good("^2[0-9]{2}[ \r]", Some(4))),
        send(hello),
        expect(good("^(2[0-9]{2}-[^\r]*\r\n)*2[0-9]{2}[ \r]", None)),
        send(b"QUIT\r\n".to_vec()),
        expect(last),
    ]
}

fn ldap() -> Vec<CheckStep> {
    let message = CheckExpect {
        min_recv: Some(14),
        on_error: Some(CheckText::Fixed("Not LDAPv3 protocol".to_owned())),
        ..CheckExpect::new(CheckPattern::BinaryRegex("^30".to_owned()))
    };
    vec![
        connect(false),
        send(b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0".to_vec()),
        expect(message),
        expect(CheckExpect::new(CheckPattern::LdapBind)),
    ]
}

/// The hello of version 2.0, with the largest frame and no capability; the agent closes after its own.
fn spop() -> Vec<CheckStep> {
    let hello =
        b"\x01\0\0\0\x01\0\0\x12supported-versions\x08\x032.0\x0emax-frame-size\x03\xfc\xf0\x06\
                  \x0ccapabilities\x08\0\x0bhealthcheck\x11";
    let length = u32::try_from(hello.len()).unwrap_or(u32::MAX);
    let answer = CheckExpect {
        min_recv: Some(4),
        on_success: Some(CheckText::Fixed("SPOA server is ok".to_owned())),
        ..CheckExpect::new(CheckPattern::SpopHello)
    };
    vec![
        connect(false),
        send([&length.to_be_bytes(), &hello[..]].concat()),
        expect(answer),
    ]
}

fn ssl_hello() -> Vec<CheckStep> {
    let hello = CheckExpect {
        min_recv: Some(5),
        ok: CheckStatus::L6Ok,
        error: CheckStatus::L6Response,
        timeout: CheckStatus::L6Timeout,
        ..CheckExpect::new(CheckPattern::BinaryRegex("^1[56]".to_owned()))
    };
    // The connection is no step of its own here: texts count from the hello.
    vec![step(CheckAction::SendSslHello), expect(hello)]
}

fn connect(linger: bool) -> CheckStep {
    step(CheckAction::Connect(CheckConnect {
        as_server: true,
        linger,
        ..CheckConnect::default()
    }))
}

fn send(bytes: Vec<u8>) -> CheckStep {
    step(CheckAction::Send(CheckData::Fixed(bytes)))
}

fn expect(expect: CheckExpect) -> CheckStep {
    step(CheckAction::Expect(expect))
}

fn step(action: CheckAction) -> CheckStep {
    CheckStep {
        comment: None,
        action,
        span: Span::default(),
    }
}

/// A login packet of MySQL 4.1 and later: what the client can, the largest packet, the character set, zeros.
const NEW_LOGIN: &[u8] = &[
    0x00, 0x82, 0, 0, 0x00, 0x80, 0, 0x01, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0,
];

/// A login packet before MySQL 4.1.
const OLD_LOGIN: &[u8] = &[0x00, 0x80, 0, 0, 0x01];
