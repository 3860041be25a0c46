//! Certificates and lists of revoked ones in OpenSSL's words, as the runtime API shows them.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use x509_parser::prelude::{
    CertificateRevocationList, FromDer, GeneralName, X509Certificate, X509Name,
};
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

use crate::fetch::certificate::{key, signature_name};

/// The lines about a certificate, from its number to its issuer.
pub(crate) fn certificate(der: &[u8]) -> String {
    let mut text = String::new();
    let Ok((_, read)) = X509Certificate::from_der(der) else {
        return text;
    };
    let validity = read.validity();
    let fingerprint = hexadecimal(digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref());
    let _ = write!(
        text,
        "Serial: {}\nnotBefore: {}\nnotAfter: {}\nSubject Alternative Name: {}\nAlgorithm: {}\nSHA1 FingerPrint: {fingerprint}\n\
         Subject: {}\nIssuer: {}\n",
        serial(read.raw_serial()),
        date(&validity.not_before),
        date(&validity.not_after),
        alternative_names(&read).unwrap_or_default(),
        algorithm(&read),
        name(read.subject()),
        name(read.issuer()),
    );
    text
}

/// The lines about a certificate behind another one in a chain.
pub(crate) fn link(der: &[u8]) -> String {
    match X509Certificate::from_der(der) {
        Ok((_, read)) => format!(
            "Chain Subject: {}\nChain Issuer: {}\n",
            name(read.subject()),
            name(read.issuer())
        ),
        Err(_) => String::new(),
    }
}

/// The alternative names of a certificate between commas; none without any.
pub(crate) fn alternative_names(read: &X509Certificate<'_>) -> Option<String> {
    let names = read.subject_alternative_name().ok()??;
    let names = names.value.general_names.iter().map(|name| match name {
        GeneralName::DNSName(name) => format!("DNS:{name}"),
        GeneralName::RFC822Name(name) => format!("email:{name}"),
        GeneralName::URI(name) => format!("URI:{name}"),
        GeneralName::IPAddress(bytes) => format!("IP Address:{}", address(bytes)),
        GeneralName::DirectoryName(name) => format!("DirName:{name}"),
        GeneralName::RegisteredID(id) => format!("Registered ID:{}", id.to_id_string()),
        GeneralName::OtherName(..) => "othername:<unsupported>".to_owned(),
        _ => "<unsupported>".to_owned(),
    });
    Some(names.collect::<Vec<_>>().join(", "))
}

fn address(bytes: &[u8]) -> String {
    match bytes.len() {
        4 => bytes
            .iter()
            .map(u8::to_string)
            .collect::<Vec<_>>()
            .join("."),
        16 => {
            let pairs = bytes.as_chunks::<2>().0.iter();
            let parts = pairs.map(|pair| format!("{:X}", u16::from_be_bytes(*pair)));
            parts.collect::<Vec<_>>().join(":")
        }
        _ => "<invalid>".to_owned(),
    }
}

/// The algorithm of a key with its bits.
fn algorithm(read: &X509Certificate<'_>) -> String {
    match read.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA{}", key.key_size()),
        Ok(PublicKey::EC(point)) => format!("EC{}", point.key_size()),
        Ok(PublicKey::DSA(_)) => "DSA".to_owned(),
        _ => "EC256".to_owned(),
    }
}

/// A name as `/C=FR/O=x`.
pub(crate) fn name(name: &X509Name<'_>) -> String {
    let parts = name.iter_attributes().map(|attribute| {
        let value = String::from_utf8_lossy(attribute.attr_value().data).into_owned();
        format!("/{}={value}", key(attribute.attr_type()))
    });
    parts.collect()
}

/// A date as `Nov 21 19:53:16 2026 GMT`.
pub(crate) fn date(time: &ASN1Time) -> String {
    let time = time.to_datetime();
    let month = MONTHS.get(usize::from(u8::from(time.month())) - 1);
    format!(
        "{} {:2} {:02}:{:02}:{:02} {} GMT",
        month.unwrap_or(&"???"),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.year()
    )
}

/// A number without the byte that only keeps it positive.
pub(crate) fn serial(bytes: &[u8]) -> String {
    match bytes {
        [0, rest @ ..] if !rest.is_empty() => hexadecimal(rest),
        _ => hexadecimal(bytes),
    }
}

/// Digits in upper case.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The lines about a list of revoked certificates.
pub(crate) fn revoked(der: &[u8]) -> String {
    let mut text = String::new();
    let Ok((_, list)) = CertificateRevocationList::from_der(der) else {
        return text;
    };
    let version = list.version().map_or(1, |version| version.0 + 1);
    let algorithm = list.signature_algorithm.algorithm.to_id_string();
    let next = list
        .next_update()
        .map_or_else(|| "NONE".to_owned(), |next| date(&next));
    let _ = write!(
        text,
        "Version {version}\nSignature Algorithm: {}\nIssuer: {}\nLast Update: {}\nNext Update: {next}\n",
        signature_name(&algorithm).unwrap_or(&algorithm),
        name(list.issuer()),
        date(&list.last_update()),
    );
    let mut entries = list.iter_revoked_certificates().peekable();
    text.push_str(match entries.peek() {
        Some(_) => "Revoked Certificates:\n",
        None => "No Revoked Certificates.\n",
    });
    for entry in entries {
        let _ = write!(
            text,
            "    Serial Number: {}\n        Revocation Date: {}\n",
            serial(entry.raw_serial()),
            date(&entry.revocation_date)
        );
    }
    text
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
