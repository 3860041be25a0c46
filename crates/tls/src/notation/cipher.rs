//! Cipher lists: those of TLS 1.2 and older have a language of their own (openssl-ciphers(1)), those of TLS 1.3 are names.

use rustls::CipherSuite;

use super::{Listed, Nonsense};
use crate::names::{CIPHERS, Cipher};

/// `ciphers`: what of TLS 1.2 can be used.
///
/// # Errors
/// When not one word means anything.
pub fn ciphers(text: &str) -> Result<Listed<CipherSuite>, Nonsense> {
    let all: Vec<&Cipher> = CIPHERS.iter().filter(|cipher| !is_13(cipher)).collect();
    let mut active: Vec<&Cipher> = Vec::new();
    let mut killed: Vec<&Cipher> = Vec::new();
    let mut left_out = Vec::new();
    let mut known = false;
    for word in text
        .split([':', ',', ' ', ';'])
        .filter(|word| !word.is_empty())
    {
        if word == "@STRENGTH" {
            active.sort_by_key(|cipher| std::cmp::Reverse(cipher.bits));
            continue;
        }
        if word.starts_with('@') {
            continue;
        }
        let (sign, name) = match word.split_at_checked(1) {
            Some((sign @ ("!" | "-" | "+"), name)) => (sign, name),
            _ => ("", word),
        };
        // The system's own list, as RHEL and Fedora know it.
        let name = if name.starts_with("PROFILE=") {
            "DEFAULT"
        } else {
            name
        };
        let matching: Vec<&Cipher> = all
            .iter()
            .copied()
            .filter(|cipher| matches(name, cipher))
            .collect();
        let is = |other: &&Cipher| matching.iter().any(|cipher| cipher.suite == other.suite);
        match sign {
            "!" => {
                active.retain(|cipher| !is(cipher));
                killed.extend(&matching);
            }
            "-" => active.retain(|cipher| !is(cipher)),
            "+" => active.sort_by_key(is),
            _ => {
                known |= !matching.is_empty();
                if matching.is_empty() && is_known(name) {
                    known = true;
                    left_out.push(name.to_owned());
                }
                for cipher in matching {
                    let is = |other: &&Cipher| other.suite == cipher.suite;
                    if !active.iter().any(is) && !killed.iter().any(is) {
                        active.push(cipher);
                    }
                }
            }
        }
    }
    match known {
        true => Ok(Listed {
            usable: active.iter().map(|cipher| cipher.suite).collect(),
            left_out,
        }),
        false => Err(Nonsense),
    }
}

/// `ciphersuites`: what of TLS 1.3 can be used.
///
/// # Errors
/// When a name is none.
pub fn suites(text: &str) -> Result<Listed<CipherSuite>, Nonsense> {
    let mut listed = Listed::default();
    for name in text.split(':').filter(|name| !name.is_empty()) {
        let found = CIPHERS
            .iter()
            .find(|cipher| is_13(cipher) && cipher.name == name);
        match found {
            Some(cipher) => listed.usable.push(cipher.suite),
            None if UNBUILT_13.contains(&name) => listed.left_out.push(name.to_owned()),
            None => return Err(Nonsense),
        }
    }
    Ok(listed)
}

fn is_13(cipher: &Cipher) -> bool {
    cipher.name.starts_with("TLS_")
}

/// Whether a word names a cipher; parts joined by `+` must all do.
fn matches(word: &str, cipher: &Cipher) -> bool {
    let has = |part: &str| cipher.name.contains(part);
    word.split('+').all(|part| match part {
        "ALL" | "DEFAULT" | "COMPLEMENTOFDEFAULT" | "HIGH" | "FIPS" | "TLSv1.2" => true,
        "kEECDH" | "kECDHE" | "EECDH" | "ECDHE" | "ECDH" | "kECDH" => true,
        "aRSA" => has("-RSA-"),
        "aECDSA" | "ECDSA" => has("-ECDSA-"),
        "AES" => has("AES"),
        "AES128" => has("AES128"),
        "AES256" => has("AES256"),
        "AESGCM" => has("-GCM-"),
        "CHACHA20" => has("CHACHA20"),
        "SHA256" => cipher.name.ends_with("-SHA256"),
        "SHA384" => cipher.name.ends_with("-SHA384"),
        "SUITEB128" | "SUITEB128ONLY" => has("ECDSA-AES128-GCM"),
        "SUITEB192" => has("ECDSA-AES256-GCM"),
        name => name == cipher.name || standard_name(cipher) == Some(name),
    })
}

/// The name in RFCs, which OpenSSL takes too.
fn standard_name(cipher: &Cipher) -> Option<&'static str> {
    cipher.suite.as_str()
}

/// Whether OpenSSL knows a word that fits nothing here.
fn is_known(word: &str) -> bool {
    word.split('+').all(|part| {
        WORDS.contains(&part)
            || part.starts_with("TLS_")
            || (part.contains('-') && part.split('-').all(|token| TOKENS.contains(&token)))
    })
}

/// Ciphers of TLS 1.3 that rustls has not.
const UNBUILT_13: &[&str] = &["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"];
/// Words for groups of ciphers of which rustls has none.
const WORDS: &[&str] = &[
    "COMPLEMENTOFALL",
    "LOW",
    "MEDIUM",
    "EXP",
    "EXPORT",
    "eNULL",
    "NULL",
    "aNULL",
    "kRSA",
    "RSA",
    "kDHE",
    "kEDH",
    "DH",
    "DHE",
    "EDH",
    "ADH",
    "AECDH",
    "aDSS",
    "DSS",
    "aPSK",
    "PSK",
    "kPSK",
    "kECDHEPSK",
    "kDHEPSK",
    "kRSAPSK",
    "SRP",
    "kSRP",
    "aSRP",
    "AESCCM",
    "AESCCM8",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "ARIAGCM",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "3DES",
    "DES",
    "RC4",
    "RC2",
    "IDEA",
    "SEED",
    "MD5",
    "SHA1",
    "SHA",
    "GOST94",
    "GOST89MAC",
    "aGOST",
    "kGOST",
    "CBC",
    "TLSv1",
    "TLSv1.0",
    "SSLv3",
    "SSLv2",
    "aDH",
    "kDHr",
    "kDHd",
    "kECDHr",
    "kECDHe",
    "EXPORT40",
    "EXPORT56",
    "LEGACY",
    "AES128",
    "AES256",
    "SHA256",
    "SHA384",
    "AESGCM",
    "AES",
    "CHACHA20",
    "aRSA",
    "aECDSA",
    "ECDSA",
    "HIGH",
    "ALL",
    "kEECDH",
    "kECDHE",
    "EECDH",
    "ECDHE",
    "ECDH",
    "TLSv1.2",
    "FIPS",
];
/// Parts of the names of ciphers.
const TOKENS: &[&str] = &[
    "ECDHE",
    "DHE",
    "EDH",
    "EECDH",
    "ECDH",
    "ADH",
    "AECDH",
    "DH",
    "RSA",
    "DSS",
    "ECDSA",
    "PSK",
    "SRP",
    "AES128",
    "AES256",
    "AES",
    "128",
    "256",
    "GCM",
    "CBC",
    "CBC3",
    "CCM",
    "CCM8",
    "SHA",
    "SHA256",
    "SHA384",
    "MD5",
    "DES",
    "3DES",
    "EDE",
    "RC4",
    "RC2",
    "40",
    "56",
    "CAMELLIA128",
    "CAMELLIA256",
    "CAMELLIA",
    "SEED",
    "ARIA128",
    "ARIA256",
    "CHACHA20",
    "POLY1305",
    "NULL",
    "IDEA",
    "EXP",
    "EXP1024",
    "KRB5",
    "ANON",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> String {
        let listed = ciphers(text).expect("a list");
        let name = |suite: &CipherSuite| crate::names::cipher(Some(*suite)).name;
        let names: Vec<_> = listed.usable.iter().map(name).collect();
        format!("{}|{}", names.join(" "), listed.left_out.join(" "))
    }

    #[test]
    fn the_language_of_lists() {
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256"),
            "ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-GCM-SHA256|AES128-SHA"
        );
        assert_eq!(
            names("kEECDH+aRSA+AES128:RC4:!aNULL:!MD5"),
            "ECDHE-RSA-AES128-GCM-SHA256|RC4"
        );
        assert_eq!(names("ALL:!aRSA:-AESGCM"), "ECDHE-ECDSA-CHACHA20-POLY1305|");
        assert_eq!(
            names("ECDHE+AESGCM:+AES256:@SECLEVEL=1"),
            "ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384|"
        );
        assert_eq!(names("PROFILE=SYSTEM"), names("DEFAULT"));
        assert_eq!(names("no-dhe:AES256-SHA"), "|AES256-SHA");
        assert_eq!(ciphers("NONSENSE"), Err(Nonsense));
        assert_eq!(
            suites("TLS_AES_128_CCM_SHA256").map(|listed| listed.left_out.len()),
            Ok(1)
        );
        assert_eq!(suites("TLS_NONE"), Err(Nonsense));
    }
}
