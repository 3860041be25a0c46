//! What stands in certificates: the client's (`ssl_c_*`), the one it was shown (`ssl_f_*`), the server's (`ssl_s_*`).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use hapax_core::contract::Cx;
use hapax_core::ir::Arg;
use hapax_core::keyword::{ArgKind, ArgSpec, Needs};
use hapax_core::sample::Sample;
use x509_parser::asn1_rs::{Any, Oid, Tag};
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, X509Certificate, X509Name};
use x509_parser::time::ASN1Time;

use super::{binary, fetches, int, kept, string};
use crate::describe::hexadecimal;
use crate::forge::der;

const NONE: ArgSpec = ArgSpec::NONE;
const DN: ArgSpec = ArgSpec {
    kinds: &[ArgKind::Str, ArgKind::Int, ArgKind::Str],
    required: 0,
};
const HERE: Needs = Needs::CLIENT_CONNECTION;

macro_rules! family {
    ($($name:literal, $args:expr, $output:ident, $doc:literal => $run:expr;)+) => {
        fetches! { $($name, $args, $output, HERE, $doc => $run;)+ }
    };
}

family! {
    "ssl_c_der", NONE, Bin, "The client's certificate." => |cx, _, _| binary(client(cx)?);
    "ssl_c_i_dn", DN, Str, "The name of the issuer of the client's certificate, or an entry of it." => |cx, args, _| issuer(cx, client(cx)?, args);
    "ssl_c_key_alg", NONE, Str, "The algorithm of the client's key." => |cx, _, _| key_algorithm(client(cx)?);
    "ssl_c_notafter", NONE, Str, "When the client's certificate ends." => |cx, _, _| dates(cx, client(cx)?).and_then(|(_, end)| end);
    "ssl_c_notbefore", NONE, Str, "When the client's certificate begins." => |cx, _, _| dates(cx, client(cx)?).and_then(|(begin, _)| begin);
    "ssl_c_r_dn", DN, Str, "The name of the authority that the client's certificates lead to, or an entry of it; none where a session goes on." => |cx, args, _| subject(cx, cx.session.tls.as_deref()?.root.as_deref()?, args);
    "ssl_c_s_dn", DN, Str, "The name in the client's certificate, or an entry of it." => |cx, args, _| subject(cx, client(cx)?, args);
    "ssl_c_san", NONE, Str, "The alternative names in the client's certificate." => |cx, _, _| alternative(cx, client(cx)?);
    "ssl_c_serial", NONE, Bin, "The number of the client's certificate." => |cx, _, _| serial(cx, client(cx)?);
    "ssl_c_sha1", NONE, Bin, "The fingerprint of the client's certificate." => |cx, _, _| fingerprint(cx, client(cx)?);
    "ssl_c_sig_alg", NONE, Str, "The algorithm of the signature of the client's certificate." => |cx, _, _| signature(client(cx)?);
    "ssl_c_version", NONE, Int, "The version of the client's certificate." => |cx, _, _| version(client(cx)?);
    "ssl_f_der", NONE, Bin, "The certificate that the client was shown." => |cx, _, _| binary(shown(cx)?);
    "ssl_f_i_dn", DN, Str, "The name of its issuer, or an entry of it." => |cx, args, _| issuer(cx, shown(cx)?, args);
    "ssl_f_key_alg", NONE, Str, "The algorithm of its key." => |cx, _, _| key_algorithm(shown(cx)?);
    "ssl_f_notafter", NONE, Str, "When it ends." => |cx, _, _| dates(cx, shown(cx)?).and_then(|(_, end)| end);
    "ssl_f_notbefore", NONE, Str, "When it begins." => |cx, _, _| dates(cx, shown(cx)?).and_then(|(begin, _)| begin);
    "ssl_f_s_dn", DN, Str, "The name in it, or an entry of that." => |cx, args, _| subject(cx, shown(cx)?, args);
    "ssl_f_serial", NONE, Bin, "Its number." => |cx, _, _| serial(cx, shown(cx)?);
    "ssl_f_sha1", NONE, Bin, "Its fingerprint." => |cx, _, _| fingerprint(cx, shown(cx)?);
    "ssl_f_sig_alg", NONE, Str, "The algorithm of its signature." => |cx, _, _| signature(shown(cx)?);
    "ssl_f_version", NONE, Int, "Its version." => |cx, _, _| version(shown(cx)?);
    "ssl_s_chain_der", NONE, Bin, "All certificates of the server." => |cx, _, _| {
        let tls = cx.stream.server_tls.as_deref()?;
        let mut all = Vec::new();
        tls.peer.iter().for_each(|der| all.extend_from_slice(der));
        (!all.is_empty()).then(|| binary(kept(cx, &all))).flatten()
    };
    "ssl_s_der", NONE, Bin, "The server's certificate." => |cx, _, _| binary(server(cx)?);
    "ssl_s_i_dn", DN, Str, "The name of the issuer of the server's certificate, or an entry of it." => |cx, args, _| issuer(cx, server(cx)?, args);
    "ssl_s_key_alg", NONE, Str, "The algorithm of the server's key." => |cx, _, _| key_algorithm(server(cx)?);
    "ssl_s_notafter", NONE, Str, "When the server's certificate ends." => |cx, _, _| dates(cx, server(cx)?).and_then(|(_, end)| end);
    "ssl_s_notbefore", NONE, Str, "When the server's certificate begins." => |cx, _, _| dates(cx, server(cx)?).and_then(|(begin, _)| begin);
    "ssl_s_s_dn", DN, Str, "The name in the server's certificate, or an entry of it." => |cx, args, _| subject(cx, server(cx)?, args);
    "ssl_s_serial", NONE, Bin, "The number of the server's certificate." => |cx, _, _| serial(cx, server(cx)?);
    "ssl_s_sha1", NONE, Bin, "The fingerprint of the server's certificate." => |cx, _, _| fingerprint(cx, server(cx)?);
    "ssl_s_sig_alg", NONE, Str, "The algorithm of the signature of the server's certificate." => |cx, _, _| signature(server(cx)?);
    "ssl_s_version", NONE, Int, "The version of the server's certificate." => |cx, _, _| version(server(cx)?);
}

fn client<'a>(cx: &Cx<'a>) -> Option<&'a [u8]> {
    cx.session.tls.as_deref()?.peer.first().map(|der| &der[..])
}

fn shown<'a>(cx: &Cx<'a>) -> Option<&'a [u8]> {
    cx.session.tls.as_deref()?.own.as_deref()
}

fn server<'a>(cx: &Cx<'a>) -> Option<&'a [u8]> {
    cx.stream
        .server_tls
        .as_deref()?
        .peer
        .first()
        .map(|der| &der[..])
}

fn read(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der)
        .ok()
        .map(|(_, certificate)| certificate)
}

fn subject<'a>(cx: &Cx<'a>, der: &'a [u8], args: &[Arg]) -> Option<Sample<'a>> {
    name(cx, read(der)?.subject(), args)
}

fn issuer<'a>(cx: &Cx<'a>, der: &'a [u8], args: &[Arg]) -> Option<Sample<'a>> {
    name(cx, read(der)?.issuer(), args)
}

/// The whole name as `/C=../O=..`, after RFC 2253, or the entry with a given key and position.
fn name<'a>(cx: &Cx<'a>, name: &X509Name<'_>, args: &[Arg]) -> Option<Sample<'a>> {
    let text = match (args.first(), args.get(2)) {
        (Some(Arg::Str(wanted)), _) if !wanted.is_empty() => {
            let position = match args.get(1) {
                Some(Arg::Int(position)) if *position != 0 => *position,
                _ => 1,
            };
            let found: Vec<_> = name
                .iter_attributes()
                .filter(|attribute| key(attribute.attr_type()).as_bytes() == &wanted[..])
                .collect();
            let index = usize::try_from(position.unsigned_abs())
                .ok()?
                .checked_sub(1)?;
            let found = match position < 0 {
                true => found.get(found.len().checked_sub(index + 1)?),
                false => found.get(index),
            };
            shown_bytes(found?)?.to_vec()
        }
        (_, Some(Arg::Str(format))) if format == b"rfc2253" => after_rfc_2253(name),
        _ => {
            let mut text = Vec::new();
            for attribute in name.iter_attributes() {
                text.push(b'/');
                text.extend_from_slice(key(attribute.attr_type()).as_bytes());
                text.push(b'=');
                text.extend_from_slice(shown_bytes(attribute)?);
            }
            text
        }
    };
    (!text.is_empty())
        .then(|| string(kept(cx, &text)))
        .flatten()
}

/// The bytes of a value as they stand there; none of one with a zero before its end, as text in two or four bytes has them.
fn shown_bytes<'n>(attribute: &'n AttributeTypeAndValue<'_>) -> Option<&'n [u8]> {
    let bytes = attribute.attr_value().data;
    let (_, before) = bytes.split_last().unwrap_or((&0, &[]));
    (!before.contains(&0)).then_some(bytes)
}

/// The last entry first, with what has to be escaped (RFC 2253 2).
fn after_rfc_2253(name: &X509Name<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    let sets: Vec<_> = name.iter_rdn().collect();
    for (number, set) in sets.into_iter().rev().enumerate() {
        let values: Vec<_> = set.iter().collect();
        for (position, attribute) in values.into_iter().rev().enumerate() {
            match (number, position) {
                (0, 0) => {}
                (_, 0) => text.push(b','),
                _ => text.push(b'+'),
            }
            let known = known(attribute.attr_type());
            let value = attribute.attr_value();
            match known {
                Some(key) => {
                    text.extend_from_slice(key.as_bytes());
                    text.push(b'=');
                    escape(value, &mut text);
                }
                None => {
                    // RFC 2253 2.4: of a kind that nobody knows, the encoding.
                    let der = der::value(value.tag().0 as u8, &[value.data]);
                    text.extend_from_slice(attribute.attr_type().to_id_string().as_bytes());
                    text.extend_from_slice(b"=#");
                    text.extend_from_slice(hexadecimal(&der).as_bytes());
                }
            }
        }
    }
    text
}

/// Adds the text of a value with what RFC 2253 2.4 escapes, and all that is not printable ASCII.
fn escape(value: &Any<'_>, text: &mut Vec<u8>) {
    let value = characters(value);
    let mut left = value.chars().count();
    let mut is_first = true;
    for character in value.chars() {
        left -= 1;
        match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => text.extend([b'\\', character as u8]),
            ' ' if is_first || left == 0 => text.extend(b"\\ "),
            '#' if is_first && left > 0 => text.extend(b"\\#"),
            ' '..='~' => text.push(character as u8),
            _ => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    text.extend(format!("\\{byte:02X}").bytes());
                }
            }
        }
        is_first = false;
    }
}

/// The characters of a value, by its type (X.680 41).
fn characters(value: &Any<'_>) -> String {
    let bytes = value.data;
    match value.tag() {
        Tag::Utf8String => String::from_utf8_lossy(bytes).into_owned(),
        Tag::BmpString => {
            let pairs = bytes.as_chunks::<2>().0.iter();
            let units = pairs.map(|pair| u16::from_be_bytes(*pair));
            char::decode_utf16(units)
                .map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        Tag::UniversalString => {
            let words = bytes.as_chunks::<4>().0.iter();
            words
                .map(|word| char::from_u32(u32::from_be_bytes(*word)))
                .map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        _ => bytes.iter().copied().map(char::from).collect(),
    }
}

/// The short name of a part of names, or its number where nobody gave it one.
pub(crate) fn key(oid: &Oid<'_>) -> String {
    known(oid).map_or_else(|| oid.to_id_string(), str::to_owned)
}

fn known(oid: &Oid<'_>) -> Option<&'static str> {
    let text = oid.to_id_string();
    let known = KEYS.iter().find(|(known, _)| *known == text);
    known.map(|(_, name)| *name)
}

static KEYS: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.16", "postalAddress"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.20", "telephoneNumber"),
    ("2.5.4.26", "registeredAddress"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("2.5.4.72", "role"),
    ("2.5.4.97", "organizationIdentifier"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
    ("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL"),
    ("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.3", "mail"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

fn alternative<'a>(cx: &Cx<'a>, der: &[u8]) -> Option<Sample<'a>> {
    let text = crate::describe::alternative_names(&read(der)?)?;
    string(kept(cx, text.as_bytes()))
}

fn key_algorithm(der: &[u8]) -> Option<Sample<'_>> {
    let oid = read(der)?.public_key().algorithm.algorithm.to_id_string();
    let found = KEY_ALGORITHMS.iter().find(|(known, _)| *known == oid);
    found.and_then(|(_, name)| string(name.as_bytes()))
}

/// Kind and size of the key of a certificate (DER), as in `RSA2048` and `EC256`; none of other kinds.
pub fn key_name(der: &[u8]) -> Option<String> {
    use x509_parser::public_key::PublicKey;
    let certificate = read(der)?;
    let key = certificate.public_key().parsed().ok()?;
    let kind = match &key {
        PublicKey::RSA(_) => "RSA",
        PublicKey::EC(_) => "EC",
        PublicKey::DSA(_) => "DSA",
        _ => return None,
    };
    Some(format!("{kind}{}", key.key_size()))
}

static KEY_ALGORITHMS: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.1", "rsaEncryption"),
    ("1.2.840.113549.1.1.10", "rsassaPss"),
    ("1.2.840.10045.2.1", "id-ecPublicKey"),
    ("1.3.101.112", "ED25519"),
    ("1.3.101.113", "ED448"),
    ("1.2.840.10040.4.1", "dsaEncryption"),
];

fn signature(der: &[u8]) -> Option<Sample<'_>> {
    let oid = read(der)?.signature_algorithm.algorithm.to_id_string();
    signature_name(&oid).and_then(|name| string(name.as_bytes()))
}

/// The name of an algorithm of signatures.
pub(crate) fn signature_name(oid: &str) -> Option<&'static str> {
    let found = SIGNATURES.iter().find(|(known, _)| *known == oid);
    found.map(|(_, name)| *name)
}

static SIGNATURES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.5", "RSA-SHA1"),
    ("1.2.840.113549.1.1.11", "RSA-SHA256"),
    ("1.2.840.113549.1.1.12", "RSA-SHA384"),
    ("1.2.840.113549.1.1.13", "RSA-SHA512"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.3.101.112", "ED25519"),
];

/// Begin and end as `YYMMDDhhmmssZ`. Upstream tells those of this century only.
fn dates<'a>(cx: &Cx<'a>, der: &[u8]) -> Option<(Option<Sample<'a>>, Option<Sample<'a>>)> {
    let certificate = read(der)?;
    let validity = certificate.validity();
    let text = |time: &ASN1Time| {
        let time = time.to_datetime();
        let year = time.year();
        if !(2000..2100).contains(&year) {
            return None;
        }
        let text = format!(
            "{:02}{:02}{:02}{:02}{:02}{:02}Z",
            year % 100,
            u8::from(time.month()),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        );
        string(kept(cx, text.as_bytes()))
    };
    Some((text(&validity.not_before), text(&validity.not_after)))
}

fn serial<'a>(cx: &Cx<'a>, der: &[u8]) -> Option<Sample<'a>> {
    let certificate = read(der)?;
    // Without the byte that only keeps it positive.
    let number = match certificate.raw_serial() {
        [0, rest @ ..] if !rest.is_empty() => rest,
        number => number,
    };
    binary(kept(cx, number))
}

fn fingerprint<'a>(cx: &Cx<'a>, der: &[u8]) -> Option<Sample<'a>> {
    binary(kept(cx, digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref()))
}

fn version<'a>(der: &[u8]) -> Option<Sample<'a>> {
    int(read(der)?.version().0 + 1)
}
