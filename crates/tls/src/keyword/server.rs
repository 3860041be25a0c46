//! Options of `server` lines about TLS (configuration manual 5.2).

use hapax_core::ir::{ServerOptions, ServerTls, TlsVerify, TlsVersion};
use hapax_core::keyword::{Fault, OptionCursor, ServerOption, Support, Tables};
use hapax_sample::expression;

use super::{below, certificates, fault, needed, protocols, settings};

pub(crate) const TABLE: Tables = Tables {
    server_options: ROWS,
    ..Tables::NONE
};

type Parse = fn(&mut OptionCursor<'_>, &mut ServerOptions) -> Result<(), Fault>;

const fn row(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    parse: Parse,
) -> ServerOption {
    ServerOption {
        name,
        usage,
        doc,
        in_default_server: true,
        support: Support::Runs,
        parse,
    }
}

macro_rules! version_rows {
    ($($no:literal, $force:literal, $version:ident);* $(;)?) => {
        static VERSIONS: &[ServerOption] = &[$(
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
    server_options: VERSIONS,
    ..Tables::NONE
};

static ROWS: &[ServerOption] = &[
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
        "The authorities of the server's certificate.",
        |cursor, options| {
            tls(options).ca_file = Some(certificates::server_authorities(
                cursor,
                "missing CAfile path",
            )?);
            Ok(())
        },
    ),
    row(
        "check-alpn",
        "<protocols>",
        "The protocols that ALPN offers in checks.",
        |cursor, options| {
            let text = needed(cursor, "missing the comma-delimited ALPN protocol suite")?;
            tls(options).check_alpn = Some(protocols(&text));
            Ok(())
        },
    ),
    row(
        "check-sni",
        "<name>",
        "The name that checks ask for.",
        |cursor, options| {
            tls(options).check_sni = Some(needed(cursor, "missing SNI")?);
            Ok(())
        },
    ),
    row("check-ssl", "", "Checks over TLS.", |_, options| {
        tls(options).checks = true;
        Ok(())
    }),
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
        "The signature algorithms of the certificate for the server.",
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
            tls(options).crl_file = Some(certificates::server_authorities(
                cursor,
                "missing CRLfile path",
            )?);
            Ok(())
        },
    ),
    row(
        "crt",
        "<file>",
        "The certificate for the server.",
        |cursor, options| {
            let path = needed(cursor, "missing certificate file path")?;
            let path = below(cursor.config.global.tls.crt_base.as_deref(), &path);
            tls(options).certificate = Some((path, cursor.keyword().span));
            Ok(())
        },
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
        "no-check-ssl",
        "",
        "Takes `check-ssl` back.",
        |_, options| {
            tls(options).checks = false;
            Ok(())
        },
    ),
    row("no-ssl", "", "Takes `ssl` back.", |_, options| {
        tls(options).enabled = false;
        Ok(())
    }),
    row(
        "no-ssl-reuse",
        "",
        "Each connection makes a new session.",
        |_, options| {
            tls(options).no_reuse = true;
            Ok(())
        },
    ),
    row(
        "no-tls-tickets",
        "",
        "Takes no session tickets.",
        |_, options| {
            tls(options).settings.tickets = Some(false);
            Ok(())
        },
    ),
    row(
        "no-verifyhost",
        "",
        "Takes `verifyhost` back.",
        |_, options| {
            if let Some(tls) = &mut options.tls {
                tls.verify_host = None;
            }
            Ok(())
        },
    ),
    ServerOption {
        support: Support::NoCounterpart("servers that know NPN only are gone: ALPN took its place"),
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
        "sigalgs",
        "<algorithms>",
        "The signature algorithms of the server.",
        |cursor, options| {
            tls(options).settings.sigalgs =
                Some(needed(cursor, "missing signature algorithm list")?);
            Ok(())
        },
    ),
    row(
        "sni",
        "<expression>",
        "The name that the server is asked for.",
        |cursor, options| {
            let text = needed(cursor, "missing sni expression")?;
            let expr = expression::of_connections(cursor, text.as_bytes())
                .map_err(|error| fault(cursor, error))?;
            tls(options).sni = Some((expr, text));
            Ok(())
        },
    ),
    row("ssl", "", "Speaks TLS with the server.", |_, options| {
        let tls = tls(options);
        tls.enabled = true;
        tls.switchable = true;
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
        "ssl-reuse",
        "",
        "Takes `no-ssl-reuse` back.",
        |_, options| {
            tls(options).no_reuse = false;
            Ok(())
        },
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
        "none|required",
        "What is asked of the server's certificate.",
        |cursor, options| {
            let word = needed(cursor, "missing verify method")?;
            tls(options).verify = Some(match word.as_str() {
                "none" => TlsVerify::None,
                "required" => TlsVerify::Required,
                other => {
                    let text = format!(
                        "'verify' : unknown verify method '{other}', only 'none' and 'required' are supported"
                    );
                    return Err(fault(cursor, text));
                }
            });
            Ok(())
        },
    ),
    row(
        "verifyhost",
        "<name>",
        "The name that the server's certificate must have.",
        |cursor, options| {
            tls(options).verify_host = Some(needed(cursor, "missing hostname to verify against")?);
            Ok(())
        },
    ),
];

fn tls(options: &mut ServerOptions) -> &mut ServerTls {
    options.tls.get_or_insert_default()
}
