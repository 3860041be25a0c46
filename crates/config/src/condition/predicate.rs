//! The predicates that conditional expressions know.

use super::Capabilities;
use crate::lexer::Environment;

/// One predicate; a row of [`PREDICATES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predicate {
    Defined,
    Feature,
    StringsEqual,
    StringsDiffer,
    StringContains,
    VersionAtLeast,
    VersionBefore,
    OpensslAtLeast,
    OpensslBefore,
    SslLibraryName,
    Enabled,
}

/// What predicates may ask.
pub(super) struct Scope<'a> {
    pub(super) capabilities: &'a Capabilities,
    pub(super) environment: &'a dyn Environment,
}

static PREDICATES: &[(&str, Predicate, usize)] = &[
    ("defined", Predicate::Defined, 1),
    ("feature", Predicate::Feature, 1),
    ("streq", Predicate::StringsEqual, 2),
    ("strneq", Predicate::StringsDiffer, 2),
    ("strstr", Predicate::StringContains, 2),
    ("version_atleast", Predicate::VersionAtLeast, 1),
    ("version_before", Predicate::VersionBefore, 1),
    ("openssl_version_atleast", Predicate::OpensslAtLeast, 1),
    ("openssl_version_before", Predicate::OpensslBefore, 1),
    ("ssllib_name_startswith", Predicate::SslLibraryName, 1),
    ("enabled", Predicate::Enabled, 1),
];

impl Predicate {
    pub(super) fn find(name: &[u8]) -> Option<Predicate> {
        PREDICATES
            .iter()
            .find(|row| row.0.as_bytes() == name)
            .map(|row| row.1)
    }

    pub(super) fn arity(self) -> usize {
        self.row().map_or(1, |row| row.2)
    }

    pub(super) fn whose_argument(self) -> String {
        format!(
            "in argument 1 of predicate '{}' used in conditional expression",
            self.name()
        )
    }

    pub(super) fn value(self, arguments: &[Vec<u8>], scope: &Scope<'_>) -> Result<bool, String> {
        let argument = |index: usize| arguments.get(index).map_or(&[] as &[u8], Vec::as_slice);
        let (first, second) = (argument(0), argument(1));
        let listed = |names: &[&'static str]| names.iter().any(|name| name.as_bytes() == first);
        let capabilities = scope.capabilities;
        Ok(match self {
            Predicate::Defined => scope.environment.lookup(first).is_some(),
            Predicate::Feature => listed(&capabilities.features),
            Predicate::Enabled => listed(&capabilities.enabled),
            Predicate::StringsEqual => first == second,
            Predicate::StringsDiffer => first != second,
            Predicate::StringContains => memchr::memmem::find(first, second).is_some(),
            Predicate::VersionAtLeast => version(&capabilities.version) >= version_bytes(first),
            Predicate::VersionBefore => version(&capabilities.version) < version_bytes(first),
            Predicate::OpensslAtLeast => self.openssl(first, capabilities)?.is_ge(),
            Predicate::OpensslBefore => self.openssl(first, capabilities)?.is_lt(),
            Predicate::SslLibraryName => capabilities.ssllib_name.as_bytes().starts_with(first),
        })
    }

    /// How the library's version compares with the argument.
    fn openssl(
        self,
        argument: &[u8],
        capabilities: &Capabilities,
    ) -> Result<std::cmp::Ordering, String> {
        let asked = openssl_version(argument).ok_or_else(|| {
            format!(
                "invalid argument to conditional expression predicate '{}': '{}'",
                self.name(),
                String::from_utf8_lossy(argument)
            )
        })?;
        let own = openssl_version(capabilities.openssl_version.as_bytes()).unwrap_or_default();
        Ok(own.cmp(&asked))
    }

    fn name(self) -> &'static str {
        self.row().map_or("", |row| row.0)
    }

    fn row(self) -> Option<&'static (&'static str, Predicate, usize)> {
        PREDICATES.iter().find(|row| row.1 == self)
    }
}

/// Major, minor, patch, release (a `-dev` version is before it), build; missing parts are zero.
type Version = [u64; 5];

fn version(text: &str) -> Version {
    version_bytes(text.as_bytes())
}

fn version_bytes(text: &[u8]) -> Version {
    let mut version: Version = [0, 0, 0, 1, 0];
    let text = text.trim_ascii_start();
    let numbers = text
        .iter()
        .position(|byte| !byte.is_ascii_digit() && *byte != b'.')
        .unwrap_or(text.len());
    let (numbers, rest) = text.split_at(numbers);
    for (part, digits) in version
        .iter_mut()
        .zip(numbers.split(|byte| *byte == b'.').take(3))
    {
        *part = leading_number(digits);
    }
    if let Some(suffix) = rest.strip_prefix(b"-") {
        if suffix.first().is_some_and(u8::is_ascii_digit) {
            version[4] = leading_number(suffix);
        } else if suffix.starts_with(b"dev") || suffix.starts_with(b"rc") {
            version[3] = 0;
            let letters = suffix.iter().take_while(|byte| byte.is_ascii_alphabetic());
            version[4] = leading_number(suffix.get(letters.count()..).unwrap_or(&[]));
        }
    }
    version
}

/// `1.1.1`, `1.1.1w`, `3.0.0-beta2`: three numbers are required; text that is neither is ignored.
fn openssl_version(text: &[u8]) -> Option<[u64; 5]> {
    let text = text.trim_ascii_start();
    let mut parts = text.splitn(3, |byte| *byte == b'.');
    let whole = |part: Option<&[u8]>| {
        let part = part?;
        (!part.is_empty() && part.iter().all(u8::is_ascii_digit)).then(|| leading_number(part))
    };
    let (major, minor) = (whole(parts.next())?, whole(parts.next())?);
    let last = parts
        .next()
        .filter(|part| part.first().is_some_and(u8::is_ascii_digit))?;
    let digits = last.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = last.get(digits..).unwrap_or(&[]);
    let letter = match rest.first() {
        Some(letter) if letter.is_ascii_lowercase() => u64::from(letter - b'a' + 1),
        _ => 0,
    };
    let released = !(rest.starts_with(b"-alpha") || rest.starts_with(b"-beta"));
    Some([
        major,
        minor,
        leading_number(last),
        letter,
        u64::from(released),
    ])
}

fn leading_number(text: &[u8]) -> u64 {
    text.iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0u64, |number, digit| {
            number
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        })
}
