//! What the client for HTTP asks of the certificates of servers (configuration manual 3.4).

use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir::TlsVerify;
use hapax_core::keyword::{SectionKeyword, Tables};

use super::global::{at_most, row, word};

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[
    row(
        "httpclient.ssl.ca-file",
        "<file>",
        "The authorities that the client for HTTP trusts; those of the system when none are named.",
        |line| {
            at_most(line, 1)?;
            let path = word(line, 0).to_owned();
            line.config.global.http_client.ca_file = Some((path, line.span));
            Ok(())
        },
    ),
    row(
        "httpclient.ssl.verify",
        "none|required",
        "Whether the client for HTTP verifies the certificates of servers.",
        |line| {
            at_most(line, 1)?;
            let verify = match word(line, 0) {
                "none" => TlsVerify::None,
                "required" => TlsVerify::Required,
                _ => {
                    let text = "'httpclient.ssl.verify' expects 'none' or 'required' as argument.";
                    line.diagnostics.push(Diagnostic::alert(line.span, text));
                    return Err(line.fault("(null)"));
                }
            };
            line.config.global.http_client.verify = Some(verify);
            Ok(())
        },
    ),
];
