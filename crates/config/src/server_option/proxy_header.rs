//! What a header of the PROXY protocol tells a server beside the addresses.

use hapax_core::ir::{self, Expr, ProxyHeader};
use hapax_core::keyword::{Fault, OptionCursor, ServerOption, Tables};
use hapax_core::span::Word;
use hapax_sample::expression::{self, Ending, Origin};
use hapax_sample::log_format::{self, Style};
use hapax_sample::place::Place;

use super::{fault, row};

pub(crate) const TABLE: Tables = Tables {
    server_options: ROWS,
    ..Tables::NONE
};

static ROWS: &[ServerOption] = &[
    row(
        "no-check-send-proxy",
        "",
        "Takes `check-send-proxy` back.",
        |_, options| {
            options.check.send_proxy = false;
            Ok(())
        },
    ),
    row(
        "no-send-proxy-v2-ssl",
        "",
        "No PROXY protocol.",
        |_, options| {
            options.send_proxy = None;
            header(options).tls = false;
            Ok(())
        },
    ),
    row(
        "no-send-proxy-v2-ssl-cn",
        "",
        "No PROXY protocol.",
        |_, options| {
            options.send_proxy = None;
            let header = header(options);
            (header.tls, header.common_name) = (false, None);
            Ok(())
        },
    ),
    row(
        "proxy-v2-options",
        "<option>[,...]",
        "What the PROXY protocol, version 2, tells more: ssl, cert-cn, ssl-cipher, cert-sig, cert-key, authority, crc32c, unique-id.",
        |cursor, options| {
            let text = cursor.take().map(Word::lossy).unwrap_or_default();
            for option in text.split(',') {
                choose(cursor, options, option)?;
            }
            Ok(())
        },
    ),
    row(
        "send-proxy-v2-ssl",
        "",
        "Begins with the PROXY protocol, version 2, which tells about the client's TLS.",
        |_, options| {
            options.send_proxy = Some(2);
            header(options).tls = true;
            Ok(())
        },
    ),
    row(
        "send-proxy-v2-ssl-cn",
        "",
        "The same, with the name in the client's certificate.",
        |cursor, options| {
            options.send_proxy = Some(2);
            header(options).tls = true;
            choose(cursor, options, "cert-cn")
        },
    ),
    row(
        "set-proxy-v2-tlv-fmt",
        "(<id>) <fmt>",
        "A field of its own in the PROXY protocol, version 2.",
        field,
    ),
];

fn header(options: &mut ir::ServerOptions) -> &mut ProxyHeader {
    options.proxy_header.get_or_insert_default()
}

fn choose(
    cursor: &mut OptionCursor<'_>,
    options: &mut ir::ServerOptions,
    option: &str,
) -> Result<(), Fault> {
    match option {
        "ssl" => header(options).tls = true,
        "cert-cn" => header(options).common_name = known(cursor, "ssl_c_s_dn(CN)"),
        "ssl-cipher" => header(options).cipher = true,
        "cert-sig" => header(options).signature = known(cursor, "ssl_f_sig_alg"),
        "cert-key" => header(options).key = true,
        "authority" => header(options).authority = true,
        "crc32c" => header(options).checksum = true,
        "unique-id" => header(options).unique_id = true,
        other => {
            let text = format!("'{other}' : proxy v2 option not implemented");
            return Err(fault(cursor, text));
        }
    }
    Ok(())
}

/// An expression that is known to be good; none where nothing looks into TLS.
fn known(cursor: &OptionCursor<'_>, text: &str) -> Option<Expr> {
    let parsed =
        expression::parse(text.as_bytes(), Ending::Whole, &Origin::of_server(cursor)).ok()?;
    Some(parsed.expr)
}

fn field(cursor: &mut OptionCursor<'_>, options: &mut ir::ServerOptions) -> Result<(), Fault> {
    let word = cursor.keyword().lossy().into_owned();
    let inside = word.split_once('(').map_or("", |(_, inside)| inside);
    let wrong = |text: &str| fault(cursor, format!("'{word}' : {text}"));
    let (hexadecimal, digits) = match inside.strip_prefix("0x") {
        Some(digits) => (true, digits),
        None => (false, inside),
    };
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, digits),
    };
    let radix = if hexadecimal { 16 } else { 10 };
    let end = digits
        .find(|digit: char| !digit.is_digit(radix))
        .unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if digits.is_empty() {
        return Err(wrong("could not convert TLV ID"));
    }
    if !rest.starts_with(')') {
        return Err(wrong("expects set-proxy-v2-tlv(<TLV ID>)"));
    }
    let kind = u8::from_str_radix(digits, radix).ok().filter(|_| !negative);
    let kind = kind.ok_or_else(|| wrong("the maximum allowed TLV ID is 255"))?;
    let text = cursor.take().map(|word| word.text.clone());
    let parsed = log_format::parse(
        &text.unwrap_or_default(),
        Style::Plain,
        Place::SERVER_SOURCE,
        &Origin::of_server(cursor),
    )
    .map_err(|error| fault(cursor, error))?;
    cursor.config.references.extend(parsed.references);
    header(options).fields.push((kind, parsed.format));
    Ok(())
}
