//! Sections of PEM files, and what is wrong with them in OpenSSL's words.

use rustls::pki_types::pem::{self, SectionKind};

/// The first sections of a file up to its end or its first fault.
#[derive(Debug, Default)]
pub struct Sections {
    /// What could be read.
    pub read: Vec<(SectionKind, Vec<u8>)>,
    /// The fault, in OpenSSL's words.
    pub fault: Option<&'static str>,
}

/// Reads all sections.
pub fn sections(bytes: &[u8]) -> Sections {
    let mut sections = Sections::default();
    let mut rest = bytes;
    loop {
        match pem::from_buf(&mut rest) {
            Ok(Some(section)) => sections.read.push(section),
            Ok(None) => return sections,
            Err(error) => {
                sections.fault = Some(match error {
                    pem::Error::MissingSectionEnd { .. } => "bad end line",
                    pem::Error::Base64Decode(_) => "bad base64 decode",
                    _ => "no start line",
                });
                return sections;
            }
        }
    }
}
