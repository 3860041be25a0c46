//! Options of `bind` lines about TLS (configuration manual 5.1).

use hapax_core::ir::{BindOptions, BindTls, TlsIgnored, TlsVerify, TlsVersion};
use hapax_core::keyword::{BindOption, Fault, OptionCursor, Support, Tables};

use super::{certificates, fault, list, needed, protocols, settings, tickets};
use crate::verify::fault::by_name;

pub(crate) const TABLE: Tables = Tables {
    bind_options: ROWS,
    ..Tables::NONE
};

type Parse = fn(&mut OptionCursor<'_>, &mut BindOptions) -> Result<(), Fault>;

const fn row(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    parse: Parse,
) -> BindOption {
    BindOption {
        name,
        usage,
        doc,
        support: Support::Runs,
        parse,
    }
}

/// A row for what rustls has not: it changes nothing by itself, and what a line leaves of versions counts all the same.
macro_rules! version_rows {
    ($($no:literal, $force:literal, $version:ident);* $(;)?) => {
        static VERSIONS: &[BindOption] = &[$(
            row($no, "", "Leaves a version of the protocol out.", |_, options| {
                settings::without(&mut tls(options).settings, TlsVersion::$version);
                Ok(())
            }),
            row($force, "", "Speaks this version of the protocol only.", |_, options| {
                settings::force(&mut tls(options).settings, TlsVersion::$version);
                Ok(())
            }),
        )*];
    };
}
version_rows! {
    "no-sslv3", "force-sslv3", Ssl3;
    "no-tlsv10", "force-tlsv10", Tls10;
    "no-tlsv11", "force-tlsv11", Tls11;
    "no-tlsv12", "force-tlsv12", Tls12;
    "no-tlsv13", "force-tlsv13", Tls13;
}
pub(crate) const VERSION_TABLE: Tables = Tables {
    bind_options: VERSIONS,
    ..Tables::NONE
};

static ROWS: &[BindOption] = &[
    row(
        "alpn",
        "<protocols>",
        "The protocols that ALPN offers, in order.",
        |cursor, options| {
            let text = needed(cursor, "missing the comma-delimited ALPN protocol suite")?;
            tls(options).settings.alpn = Some(protocols(&text));
            Ok(())
        },
    ),
    row(
        "ca-file",
        "<file>",
        "The authorities of clients' certificates.",
        |cursor, options| {
            tls(options).ca_file = Some(certificates::authorities(cursor, "missing CAfile path")?);
            Ok(())
        },
    ),
    row(
        "ca-ignore-err",
        "all|<number or name>[,...]",
        "Faults of authorities that are let pass.",
        |cursor, options| {
            tls(options).ca_ignored = ignored(cursor)?;
            Ok(())
        },
    ),
    row(
        "ca-sign-file",
        "<file>",
        "The authority, with its key, that signs certificates which are made for a name.",
        |cursor, options| {
            tls(options).signs_with = Some(needed(cursor, "missing CAfile path")?);
            Ok(())
        },
    ),
    BindOption {
        support: Support::NoCounterpart(
            "HAProxy 3.2 asks the terminal for the passphrase whatever stands here: a key with one is refused",
        ),
        ..row(
            "ca-sign-pass",
            "<passphrase>",
            "Accepted without effect.",
            |cursor, options| {
                needed(cursor, "missing CAkey password")?;
                tls(options);
                Ok(())
            },
        )
    },
    row(
        "ca-verify-file",
        "<file>",
        "More authorities, that clients are not told of.",
        |cursor, options| {
            tls(options).ca_verify_file =
                Some(certificates::authorities(cursor, "missing CAfile path")?);
            Ok(())
        },
    ),
    row(
        "ciphers",
        "<ciphers>",
        "The ciphers of TLS 1.2.",
        |cursor, options| {
            tls(options).settings.ciphers = Some(needed(cursor, "missing cipher suite")?);
            Ok(())
        },
    ),
    row(
        "ciphersuites",
        "<ciphersuites>",
        "The ciphers of TLS 1.3.",
        |cursor, options| {
            tls(options).settings.ciphersuites = Some(needed(cursor, "missing cipher suite")?);
            Ok(())
        },
    ),
    row(
        "client-sigalgs",
        "<algorithms>",
        "The signature algorithms of clients' certificates.",
        |cursor, options| {
            tls(options).settings.client_sigalgs =
                Some(needed(cursor, "missing signature algorithm list")?);
            Ok(())
        },
    ),
    row(
        "crl-file",
        "<file>",
        "Lists of revoked certificates.",
        |cursor, options| {
            tls(options).crl_file =
                Some(certificates::authorities(cursor, "missing CRLfile path")?);
            Ok(())
        },
    ),
    row(
        "crt",
        "<path>",
        "A certificate with its key, or a folder of them.",
        |cursor, options| certificates::add(cursor, tls(options), false),
    ),
    row(
        "crt-ignore-err",
        "all|<number or name>[,...]",
        "Faults of clients' own certificates that are let pass.",
        |cursor, options| {
            tls(options).crt_ignored = ignored(cursor)?;
            Ok(())
        },
    ),
    row(
        "crt-list",
        "<file>",
        "A list of certificates and of the names that each is for.",
        |cursor, options| list::add(cursor, tls(options)),
    ),
    row(
        "curves",
        "<groups>",
        "The groups for the exchange of keys.",
        |cursor, options| {
            tls(options).settings.curves = Some(needed(cursor, "missing curve suite")?);
            Ok(())
        },
    ),
    row(
        "default-crt",
        "<path>",
        "The certificate for clients that ask for no name of another one.",
        |cursor, options| certificates::add(cursor, tls(options), true),
    ),
    row(
        "ecdhe",
        "<group>",
        "The group for the exchange of keys.",
        |cursor, options| {
            tls(options).settings.ecdhe = Some(needed(cursor, "missing named curve")?);
            Ok(())
        },
    ),
    row(
        "generate-certificates",
        "",
        "Makes certificates for names that none is for.",
        |_, options| {
            tls(options).generates = true;
            Ok(())
        },
    ),
    row(
        "no-alpn",
        "",
        "Offers no protocol by ALPN.",
        |_, options| {
            tls(options).settings.alpn = Some(Vec::new());
            Ok(())
        },
    ),
    row(
        "no-ca-names",
        "",
        "Does not tell clients the names of authorities.",
        |_, options| {
            tls(options).no_ca_names = true;
            Ok(())
        },
    ),
    row(
        "no-strict-sni",
        "",
        "Takes `strict-sni` back.",
        |_, options| {
            tls(options).strict_sni = false;
            Ok(())
        },
    ),
    row(
        "no-tls-tickets",
        "",
        "Gives clients no session tickets.",
        |_, options| {
            tls(options).settings.tickets = Some(false);
            Ok(())
        },
    ),
    BindOption {
        support: Support::NoCounterpart("clients that know NPN only are gone: ALPN took its place"),
        ..row(
            "npn",
            "<protocols>",
            "The protocols that NPN offered.",
            |cursor, options| {
                needed(cursor, "missing the comma-delimited NPN protocol suite")?;
                tls(options);
                Ok(())
            },
        )
    },
    row(
        "prefer-client-ciphers",
        "",
        "The client's order of ciphers decides.",
        |_, options| {
            tls(options).prefer_client_ciphers = true;
            Ok(())
        },
    ),
    row(
        "sigalgs",
        "<algorithms>",
        "The signature algorithms of our own key.",
        |cursor, options| {
            tls(options).settings.sigalgs =
                Some(needed(cursor, "missing signature algorithm list")?);
            Ok(())
        },
    ),
    row("ssl", "", "Speaks TLS with clients.", |_, options| {
        tls(options).enabled = true;
        Ok(())
    }),
    row(
        "ssl-max-ver",
        "<version>",
        "The newest version that is spoken.",
        |cursor, options| {
            tls(options).settings.versions.max = Some(settings::bound(cursor)?);
            Ok(())
        },
    ),
    row(
        "ssl-min-ver",
        "<version>",
        "The oldest version that is spoken.",
        |cursor, options| {
            tls(options).settings.versions.min = Some(settings::bound(cursor)?);
            Ok(())
        },
    ),
    row(
        "strict-sni",
        "",
        "Refuses clients that ask for a name without certificate.",
        |_, options| {
            tls(options).strict_sni = true;
            Ok(())
        },
    ),
    row(
        "tls-ticket-keys",
        "<file>",
        "The keys of session tickets, which processes share.",
        |cursor, options| tickets::add(cursor, tls(options)),
    ),
    row(
        "tls-tickets",
        "",
        "Takes `no-tls-tickets` back.",
        |_, options| {
            tls(options).settings.tickets = Some(true);
            Ok(())
        },
    ),
    row(
        "verify",
        "none|optional|required",
        "What is asked of clients' certificates.",
        |cursor, options| {
            let word = needed(cursor, "missing verify method")?;
            tls(options).verify = match word.as_str() {
                "none" => TlsVerify::None,
                "optional" => TlsVerify::Optional,
                "required" => TlsVerify::Required,
                other => {
                    let text = format!(
                        "'verify' : unknown verify method '{other}', only 'none', 'optional', and 'required' are supported"
                    );
                    return Err(fault(cursor, text));
                }
            };
            Ok(())
        },
    ),
];

fn tls(options: &mut BindOptions) -> &mut BindTls {
    options.tls.get_or_insert_default()
}

/// `all`, or numbers and names between commas.
fn ignored(cursor: &mut OptionCursor<'_>) -> Result<TlsIgnored, Fault> {
    let name = cursor.keyword().lossy().into_owned();
    let text = needed(cursor, "missing error IDs list")?;
    if text == "all" {
        return Ok(TlsIgnored::All);
    }
    let mut numbers = Vec::new();
    for word in text.split(',') {
        let number = word.parse().ok().filter(|number: &u16| *number > 0);
        let number = number.or_else(|| by_name(word)).ok_or_else(|| {
            fault(
                cursor,
                format!("'{name}' : error constant '{word}' unknown in error IDs list '{text}'"),
            )
        })?;
        numbers.push(number);
    }
    Ok(TlsIgnored::These(numbers))
}
