//! OpenSSL's numbers and names for faults of certificates.

use hapax_core::ir::TlsIgnored;
use rustls::{CertificateError, Error};

/// X509_V_ERR_UNSPECIFIED
pub const UNSPECIFIED: u16 = 1;
/// X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
pub const NO_ISSUER_OF_KNOWN: u16 = 2;
/// X509_V_ERR_CERT_NOT_YET_VALID
pub const NOT_YET_VALID: u16 = 9;
/// X509_V_ERR_CERT_HAS_EXPIRED
pub const EXPIRED: u16 = 10;
/// X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
pub const SELF_SIGNED: u16 = 18;
/// X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
pub const SELF_SIGNED_IN_CHAIN: u16 = 19;
/// X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
pub const NO_ISSUER: u16 = 20;

/// The number of a fault that webpki found.
pub(crate) fn number(error: &Error) -> u16 {
    let Error::InvalidCertificate(error) = error else {
        return UNSPECIFIED;
    };
    match error {
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            NOT_YET_VALID
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => EXPIRED,
        CertificateError::BadSignature => 7,
        CertificateError::Revoked => 23,
        CertificateError::UnknownIssuer => NO_ISSUER,
        CertificateError::UnknownRevocationStatus => 3,
        CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => 12,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => 26,
        CertificateError::UnhandledCriticalExtension => 34,
        _ => UNSPECIFIED,
    }
}

/// Whether a fault is let pass.
pub(crate) fn is_ignored(ignored: &TlsIgnored, number: u16) -> bool {
    match ignored {
        TlsIgnored::None => false,
        TlsIgnored::All => true,
        TlsIgnored::These(numbers) => numbers.contains(&number),
    }
}

/// The number that a name of OpenSSL stands for.
pub fn by_name(name: &str) -> Option<u16> {
    let found = NAMES.iter().find(|(known, _)| *known == name);
    found.map(|(_, number)| *number)
}

/// The name of a number.
pub fn name(number: u16) -> Option<&'static str> {
    let found = NAMES.iter().find(|(_, known)| *known == number);
    found.map(|(name, _)| *name)
}

/// The names of the library's public headers (openssl-verify(1)).
static NAMES: &[(&str, u16)] = &[
    ("X509_V_OK", 0),
    ("X509_V_ERR_UNSPECIFIED", 1),
    ("X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT", 2),
    ("X509_V_ERR_UNABLE_TO_GET_CRL", 3),
    ("X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE", 4),
    ("X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE", 5),
    ("X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", 6),
    ("X509_V_ERR_CERT_SIGNATURE_FAILURE", 7),
    ("X509_V_ERR_CRL_SIGNATURE_FAILURE", 8),
    ("X509_V_ERR_CERT_NOT_YET_VALID", 9),
    ("X509_V_ERR_CERT_HAS_EXPIRED", 10),
    ("X509_V_ERR_CRL_NOT_YET_VALID", 11),
    ("X509_V_ERR_CRL_HAS_EXPIRED", 12),
    ("X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD", 13),
    ("X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD", 14),
    ("X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD", 15),
    ("X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD", 16),
    ("X509_V_ERR_OUT_OF_MEM", 17),
    ("X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT", 18),
    ("X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN", 19),
    ("X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", 20),
    ("X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE", 21),
    ("X509_V_ERR_CERT_CHAIN_TOO_LONG", 22),
    ("X509_V_ERR_CERT_REVOKED", 23),
    ("X509_V_ERR_INVALID_CA", 79),
    ("X509_V_ERR_PATH_LENGTH_EXCEEDED", 25),
    ("X509_V_ERR_INVALID_PURPOSE", 26),
    ("X509_V_ERR_CERT_UNTRUSTED", 27),
    ("X509_V_ERR_CERT_REJECTED", 28),
    ("X509_V_ERR_SUBJECT_ISSUER_MISMATCH", 29),
    ("X509_V_ERR_AKID_SKID_MISMATCH", 30),
    ("X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH", 31),
    ("X509_V_ERR_KEYUSAGE_NO_CERTSIGN", 32),
    ("X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER", 33),
    ("X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION", 34),
    ("X509_V_ERR_KEYUSAGE_NO_CRL_SIGN", 35),
    ("X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION", 36),
    ("X509_V_ERR_INVALID_NON_CA", 37),
    ("X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED", 38),
    ("X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE", 39),
    ("X509_V_ERR_PROXY_CERTIFICATES_NOT_ALLOWED", 40),
    ("X509_V_ERR_INVALID_EXTENSION", 41),
    ("X509_V_ERR_INVALID_POLICY_EXTENSION", 42),
    ("X509_V_ERR_NO_EXPLICIT_POLICY", 43),
    ("X509_V_ERR_APPLICATION_VERIFICATION", 50),
    ("X509_V_ERR_HOSTNAME_MISMATCH", 62),
    ("X509_V_ERR_EMAIL_MISMATCH", 63),
    ("X509_V_ERR_IP_ADDRESS_MISMATCH", 64),
    ("X509_V_ERR_EE_KEY_TOO_SMALL", 66),
    ("X509_V_ERR_CA_KEY_TOO_SMALL", 67),
    ("X509_V_ERR_CA_MD_TOO_WEAK", 68),
];
