//! TLS in the `global` section (configuration manual 3.1, 3.2).

use std::sync::Arc;

use hapax_core::contract::Shared;
use hapax_core::diagnostic::{Diagnostic, Prefix, Severity};
use hapax_core::ir::{ExtraFiles, GlobalTls, TlsSettings, TlsVersion};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Support, Tables};

use super::{settings, version};
use crate::certificate::Issuers;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

type Parse = fn(&mut Line<'_>) -> Result<(), Fault>;

pub(super) const fn row(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    parse: Parse,
) -> SectionKeyword {
    SectionKeyword {
        name,
        sections: Sections::GLOBAL,
        negatable: false,
        usage,
        doc,
        support: Support::Runs,
        parse,
    }
}

const fn idle(
    name: &'static str,
    usage: &'static str,
    reason: &'static str,
    parse: Parse,
) -> SectionKeyword {
    SectionKeyword {
        support: Support::NoCounterpart(reason),
        ..row(name, usage, "Accepted without effect.", parse)
    }
}

const RUSTLS: &str = "TLS is rustls, which has no engines or providers to choose";
const NO_DH: &str = "rustls exchanges keys over elliptic curves only";

static ROWS: &[SectionKeyword] = &[
    row(
        "maxsslconn",
        "<number>",
        "Connections of the process with TLS, on both sides.",
        |line| {
            line.config.global.tls.maxconn = number(line)?;
            Ok(())
        },
    ),
    row(
        "maxsslrate",
        "<number>",
        "New client connections of the process with TLS in a second.",
        |line| {
            // Upstream takes less than nothing for no limit.
            let negative = word(line, 0).starts_with('-');
            line.config.global.tls.maxrate = if negative { 0 } else { number(line)? };
            Ok(())
        },
    ),
    row("crt-base", "<folder>", "Where certificates are.", |line| {
        let path = folder(line, |tls| tls.crt_base.is_some())?;
        line.config.global.tls.crt_base = Some(path);
        Ok(())
    }),
    row(
        "ca-base",
        "<folder>",
        "Where files of authorities are.",
        |line| {
            let path = folder(line, |tls| tls.ca_base.is_some())?;
            line.config.global.tls.ca_base = Some(path);
            Ok(())
        },
    ),
    row(
        "key-base",
        "<folder>",
        "Where the keys of certificates are.",
        |line| {
            let path = folder(line, |tls| tls.key_base.is_some())?;
            line.config.global.tls.key_base = Some(path);
            Ok(())
        },
    ),
    row(
        "ssl-default-bind-ciphers",
        "<ciphers>",
        "The ciphers of TLS 1.2 of listeners.",
        |line| {
            let list = list(line, "a cipher suite as an argument")?;
            line.config.global.tls.bind.ciphers = Some(list);
            Ok(())
        },
    ),
    row(
        "ssl-default-bind-ciphersuites",
        "<ciphersuites>",
        "The ciphers of TLS 1.3 of listeners.",
        |line| {
            let list = list(line, "a cipher suite as an argument")?;
            line.config.global.tls.bind.ciphersuites = Some(list);
            Ok(())
        },
    ),
    row(
        "ssl-default-bind-curves",
        "<groups>",
        "The groups of listeners.",
        |line| {
            let list = list(line, "a curves suite as an arguments")?;
            line.config.global.tls.bind.curves = Some(list);
            Ok(())
        },
    ),
    row(
        "ssl-default-bind-sigalgs",
        "<algorithms>",
        "The signature algorithms of listeners.",
        |line| {
            let list = list(line, "a curves suite as an arguments")?;
            line.config.global.tls.bind.sigalgs = Some(list);
            Ok(())
        },
    ),
    row(
        "ssl-default-bind-client-sigalgs",
        "<algorithms>",
        "The signature algorithms of clients' certificates.",
        |line| {
            let list = list(line, "signature algorithms as an arguments")?;
            line.config.global.tls.bind.client_sigalgs = Some(list);
            Ok(())
        },
    ),
    row(
        "ssl-default-bind-options",
        "<option>...",
        "Options of listeners.",
        |line| options(line, true),
    ),
    row(
        "ssl-default-server-ciphers",
        "<ciphers>",
        "The ciphers of TLS 1.2 of servers.",
        |line| {
            let list = list(line, "a cipher suite as an argument")?;
            line.config.global.tls.server.ciphers = Some(list);
            Ok(())
        },
    ),
    row(
        "ssl-default-server-ciphersuites",
        "<ciphersuites>",
        "The ciphers of TLS 1.3 of servers.",
        |line| {
            let list = list(line, "a cipher suite as an argument")?;
            line.config.global.tls.server.ciphersuites = Some(list);
            Ok(())
        },
    ),
    row(
        "ssl-default-server-curves",
        "<groups>",
        "The groups of servers.",
        |line| {
            let list = list(line, "a curves suite as an arguments")?;
            line.config.global.tls.server.curves = Some(list);
            Ok(())
        },
    ),
    row(
        "ssl-default-server-sigalgs",
        "<algorithms>",
        "The signature algorithms of servers.",
        |line| {
            let list = list(line, "a curves suite as an arguments")?;
            line.config.global.tls.server.sigalgs = Some(list);
            Ok(())
        },
    ),
    row(
        "ssl-default-server-client-sigalgs",
        "<algorithms>",
        "The signature algorithms of certificates for servers.",
        |line| {
            let list = list(line, "signature algorithms as an arguments")?;
            line.config.global.tls.server.client_sigalgs = Some(list);
            Ok(())
        },
    ),
    row(
        "ssl-default-server-options",
        "<option>...",
        "Options of servers.",
        |line| options(line, false),
    ),
    row(
        "ssl-server-verify",
        "none|required",
        "What is asked of servers' certificates.",
        |line| {
            let none = match word(line, 0) {
                "none" => true,
                "required" => false,
                "" => return Err(line.fault("'ssl-server-verify' expects an integer argument.")),
                _ => {
                    return Err(
                        line.fault("'ssl-server-verify' expects 'none' or 'required' as argument.")
                    );
                }
            };
            line.config.global.tls.server_verify_none = none;
            Ok(())
        },
    ),
    row(
        "ssl-load-extra-files",
        "none|all|<kind>...",
        "Which files beside certificates are read.",
        extra_files,
    ),
    row(
        "ssl-load-extra-del-ext",
        "",
        "Files beside certificates replace their extension.",
        |line| {
            line.config.global.tls.extra_del_ext = true;
            Ok(())
        },
    ),
    row(
        "tune.ssl.cachesize",
        "<sessions>",
        "Sessions that are kept.",
        |line| {
            let sessions = number(line)?;
            line.config.global.tls.cache_size = Some(sessions);
            Ok(())
        },
    ),
    row(
        "tune.ssl.lifetime",
        "<time>",
        "How long session tickets live.",
        |line| {
            let text = word(line, 0).to_owned();
            if text.is_empty() {
                let text =
                    "'tune.ssl.lifetime' expects ssl sessions <lifetime> in seconds as argument.";
                return Err(line.fault(text));
            }
            let end = text
                .find(|byte: char| !byte.is_ascii_digit())
                .unwrap_or(text.len());
            let (digits, unit) = text.split_at(end);
            let each: u64 = match unit {
                "ms" => 1,
                "" | "s" => 1000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                other => {
                    let byte = other.chars().next().unwrap_or_default();
                    let text = format!(
                        "unexpected character '{byte}' in argument to <tune.ssl.lifetime>."
                    );
                    return Err(line.fault(text));
                }
            };
            let time = digits
                .parse::<u64>()
                .unwrap_or(u64::MAX)
                .saturating_mul(each);
            line.config.global.tls.lifetime = Some(u32::try_from(time).unwrap_or(u32::MAX));
            Ok(())
        },
    ),
    idle("ssl-dh-param-file", "<file>", NO_DH, |line| {
        let path = word(line, 0).to_owned();
        if path.is_empty() {
            return Err(line.fault("'ssl-dh-param-file' expects a file path as an argument."));
        }
        let text = std::fs::read(&path).unwrap_or_default();
        let has = String::from_utf8_lossy(&text).contains("-----BEGIN DH PARAMETERS-----");
        match has {
            true => Ok(()),
            false => Err(line.fault(format!(
                "'ssl-dh-param-file': unable to load DH parameters from file <{path}>."
            ))),
        }
    }),
    idle("tune.ssl.default-dh-param", "<bits>", NO_DH, |line| {
        let bits = number(line)?;
        match bits < 1024 {
            true => Err(line.fault("'tune.ssl.default-dh-param' expects a value >= 1024.")),
            false => Ok(()),
        }
    }),
    row(
        "tune.ssl.ssl-ctx-cache-size",
        "<number>",
        "How many certificates are kept that were made for a name (`generate-certificates`).",
        |line| {
            let most = number(line)?;
            line.config.global.tls.made_size = Some(most);
            Ok(())
        },
    ),
    idle(
        "tune.ssl.force-private-cache",
        "",
        "there is one process, and its workers share sessions",
        |_| Ok(()),
    ),
    idle(
        "tune.ssl.maxrecord",
        "<bytes>",
        "records are as large as what is sent at once",
        |line| number(line).map(drop),
    ),
    idle(
        "tune.ssl.hard-maxrecord",
        "<bytes>",
        "records are as large as what is sent at once",
        |line| number(line).map(drop),
    ),
    idle(
        "tune.ssl.certificate-compression",
        "auto|off",
        "certificates are sent as they are",
        |line| match word(line, 0) {
            "auto" | "off" => Ok(()),
            other => {
                let text = format!(
                    "'tune.ssl.certificate-compression' expects either 'auto' or 'off' but got '{other}'."
                );
                Err(line.fault(text))
            }
        },
    ),
    idle("ssl-mode-async", "", RUSTLS, |_| Ok(())),
    idle("ssl-engine", "<name> [algo <list>]", RUSTLS, |_| Ok(())),
    idle("ssl-propquery", "<query>", RUSTLS, |_| Ok(())),
    idle("ssl-provider", "<name>", RUSTLS, |line| {
        match word(line, 0) {
        "" => Err(line.fault("global statement 'ssl-provider' expects a valid engine provider name as an argument.")),
        _ => Ok(()),
    }
    }),
    idle("ssl-provider-path", "<path>", RUSTLS, |_| Ok(())),
    idle(
        "ssl-security-level",
        "<number>",
        "rustls has nothing below the strength that OpenSSL's levels up to 2 ask for",
        |line| match word(line, 0).parse::<u8>() {
            Ok(0..=5) => Ok(()),
            _ => Err(line.fault("'ssl-security-level' : expects a value between 0 and 5")),
        },
    ),
    row(
        "ssl-skip-self-issued-ca",
        "",
        "Chains are sent without the authority that signed itself.",
        |line| {
            line.config.global.tls.skip_self_issued = true;
            Ok(())
        },
    ),
    row(
        "issuers-chain-path",
        "<folder>",
        "Chains that complete certificates which come without one.",
        |line| {
            let path = word(line, 0).to_owned();
            let read = if path.is_empty() {
                None
            } else {
                Issuers::load(&path).ok()
            };
            let Some(read) = read else {
                let text = "global statement 'issuers-chain-path' expects a directory path as an argument.\n";
                return Err(line.fault(text));
            };
            line.config.global.tls.issuers = Some(Shared(Arc::new(read)));
            Ok(())
        },
    ),
    row(
        "tune.ssl.capture-buffer-size",
        "<bytes>",
        "Bytes of lists of a client's first message that are kept.",
        capture_size,
    ),
    SectionKeyword {
        support: Support::Runs,
        ..row(
            "tune.ssl.capture-cipherlist-size",
            "<bytes>",
            "The older name of `tune.ssl.capture-buffer-size`.",
            |line| {
                let text = "'tune.ssl.capture-cipherlist-size' is deprecated and will be removed in version 2.7. Please use 'tune.ssl.capture-buffer-size' instead.";
                let warning = Diagnostic::whole(Severity::Warning, Some(line.span), text);
                line.diagnostics.push(warning.with_prefix(Prefix::Reading));
                capture_size(line)
            },
        )
    },
    row(
        "tune.ssl.keylog",
        "on|off",
        "Keeps secrets of TLS 1.3 for the fetches that tell them.",
        |line| {
            let on = match word(line, 0) {
                "on" => true,
                "off" => false,
                other => {
                    let text = format!(
                        "'tune.ssl.keylog' expects either 'on' or 'off' but got '{other}'."
                    );
                    return Err(line.fault(text));
                }
            };
            line.config.global.tls.keylog = on;
            Ok(())
        },
    ),
];

/// `on` or `off`; what is neither is warned of, and off.
pub(super) fn switch(line: &mut Line<'_>, name: &str) -> Result<bool, Fault> {
    match word(line, 0) {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => {
            line.warn(format!("'{name}' : expecting <on|off>"));
            Ok(false)
        }
    }
}

fn capture_size(line: &mut Line<'_>) -> Result<(), Fault> {
    let size = number(line)?;
    let place = &mut line.config.global.tls.capture_size;
    if *place != 0 {
        let text = format!("'{}' is already configured.", line.keyword());
        return Err(line.fault(text));
    }
    *place = size;
    Ok(())
}

pub(super) fn word<'a>(line: &Line<'a>, at: usize) -> &'a str {
    let words: &'a [hapax_core::span::Word] = line.words;
    let word = words.get(line.name_words + at);
    word.and_then(|word| word.as_str()).unwrap_or_default()
}

/// Only `most` arguments may stand there.
pub(super) fn at_most(line: &Line<'_>, most: usize) -> Result<(), Fault> {
    match line.args().get(most) {
        Some(more) => {
            let text = format!(
                "'{}' cannot handle unexpected argument '{}'.",
                line.keyword(),
                more.lossy()
            );
            Err(line.fault_at(most, text))
        }
        None => Ok(()),
    }
}

fn folder(line: &Line<'_>, given: fn(&GlobalTls) -> bool) -> Result<String, Fault> {
    at_most(line, 1)?;
    let name = line.keyword();
    let path = word(line, 0);
    if given(&line.config.global.tls) {
        return Err(line.fault(format!("'{name}' already specified.")));
    }
    if path.is_empty() {
        let text = format!("global statement '{name}' expects a directory path as an argument.");
        return Err(line.fault(text));
    }
    Ok(path.to_owned())
}

fn list(line: &Line<'_>, what: &str) -> Result<String, Fault> {
    at_most(line, 1)?;
    match word(line, 0) {
        "" => {
            let text = format!("global statement '{}' expects {what}.", line.keyword());
            Err(line.fault(text))
        }
        list => Ok(list.to_owned()),
    }
}

pub(super) fn number(line: &Line<'_>) -> Result<u32, Fault> {
    at_most(line, 1)?;
    let name = line.keyword();
    let text = word(line, 0);
    if text.is_empty() {
        return Err(line.fault(format!("'{name}' expects an integer argument.")));
    }
    if text.starts_with('-') {
        return Err(line.fault(format!("'{name}' expects a positive numeric value.")));
    }
    let digits = text
        .find(|byte: char| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    Ok(text[..digits].parse().unwrap_or(0))
}

fn options(line: &mut Line<'_>, bind: bool) -> Result<(), Fault> {
    let name = line.keyword();
    if line.args().is_empty() {
        let text = format!("global statement '{name}' expects an option as an argument.");
        return Err(line.fault(text));
    }
    let words: Vec<String> = line
        .args()
        .iter()
        .map(|word| word.lossy().into_owned())
        .collect();
    let mut words = words.iter().map(String::as_str);
    while let Some(option) = words.next() {
        let tls = &mut line.config.global.tls;
        let common = if bind { &mut tls.bind } else { &mut tls.server };
        match option {
            "ssl-min-ver" | "ssl-max-ver" => {
                let text = words.next();
                let bound = match text {
                    Some(text) => {
                        version(text).ok_or_else(|| format!("'{text}' : unknown ssl/tls version"))
                    }
                    None => Err(format!("'{option}' : missing the ssl/tls version")),
                };
                match (bound, option) {
                    (Ok(bound), "ssl-min-ver") => common.versions.min = Some(bound),
                    (Ok(bound), _) => common.versions.max = Some(bound),
                    (Err(text), _) => {
                        return Err(line.fault(format!("{text} on global statement '{name}'.")));
                    }
                }
            }
            "no-tls-tickets" => common.tickets = Some(false),
            "tls-tickets" => common.tickets = Some(true),
            "strict-sni" if bind => tls.bind_strict_sni = true,
            "no-strict-sni" if bind => tls.bind_strict_sni = false,
            "prefer-client-ciphers" if bind => tls.bind_prefer_client_ciphers = true,
            option if is_version(common, option) => {}
            _ => {
                let text = format!("unknown option '{option}' on global statement '{name}'.");
                return Err(line.fault(text));
            }
        }
    }
    Ok(())
}

/// `no-tlsv10`, `force-tlsv12` and the like.
fn is_version(common: &mut TlsSettings, option: &str) -> bool {
    let (force, name) = match (option.strip_prefix("force-"), option.strip_prefix("no-")) {
        (Some(name), _) => (true, name),
        (_, Some(name)) => (false, name),
        _ => return false,
    };
    let version = match name {
        "sslv3" => TlsVersion::Ssl3,
        "tlsv10" => TlsVersion::Tls10,
        "tlsv11" => TlsVersion::Tls11,
        "tlsv12" => TlsVersion::Tls12,
        "tlsv13" => TlsVersion::Tls13,
        _ => return false,
    };
    match force {
        true => settings::force(common, version),
        false => settings::without(common, version),
    }
    true
}

fn extra_files(line: &mut Line<'_>) -> Result<(), Fault> {
    const USAGE: &str = "'ssl-load-extra-files' expects one or multiple arguments (none, all, bundle, sctl, ocsp, issuer).";
    let none = ExtraFiles {
        bundle: false,
        sctl: false,
        ocsp: false,
        issuer: false,
        key: false,
    };
    let mut files = none;
    if line.args().is_empty() {
        return Err(line.fault(USAGE));
    }
    for word in line.args() {
        match word.lossy().as_ref() {
            "bundle" => files.bundle = true,
            "ocsp" => files.ocsp = true,
            "sctl" => files.sctl = true,
            "issuer" => files.issuer = true,
            "key" => files.key = true,
            only @ ("none" | "all") => {
                if line.args().len() > 1 {
                    let text = "'ssl-load-extra-files' 'none' and 'all' can be only used alone";
                    return Err(line.fault(text));
                }
                files = if only == "all" {
                    ExtraFiles::default()
                } else {
                    none
                };
            }
            _ => return Err(line.fault(USAGE)),
        }
    }
    line.config.global.tls.extra_files = files;
    Ok(())
}
