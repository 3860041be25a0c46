//! `crt-list`: a file of certificates with the names that each is for and with options of their own (configuration manual
//! 5.1, `crt-list`).

use hapax_core::contract::{Material, Shared};
use hapax_core::diagnostic::{Diagnostic, Diagnostics, Prefix, Severity};
use hapax_core::ir::{
    BindCertificate, BindOptions, BindTls, CertificateLine, CertificateList, CertificateSettings,
    Config, GlobalTls, TlsVerify, TlsVersion,
};
use hapax_core::keyword::{Fault, OptionCursor, Registry};
use hapax_core::span::{Span, Word};

use super::certificates::{By, load, place_of};
use super::{below, fault, needed, store};
use crate::certificate::{self, Files};

/// Reads the list that the next word names.
pub(super) fn add(cursor: &mut OptionCursor<'_>, tls: &mut BindTls) -> Result<(), Fault> {
    let path = needed(cursor, "missing certificate location")?;
    let path = below(cursor.config.global.tls.crt_base.as_deref(), &path);
    if !cursor.config.global.tls.lists.contains_key(&path) {
        let list = read(cursor, &path)?;
        cursor.config.global.tls.lists.insert(path.clone(), list);
    }
    take(cursor, tls, &path)
}

/// Reads the certificates of a folder, which is a list without names.
pub(super) fn add_folder(
    cursor: &mut OptionCursor<'_>,
    tls: &mut BindTls,
    path: &str,
    paths: &[String],
) -> Result<(), Fault> {
    let span = cursor.keyword().span;
    if !cursor.config.global.tls.lists.contains_key(path) {
        let mut list = CertificateList::default();
        for path in paths {
            let read = load(
                &mut cursor.config.global.tls,
                path,
                By::Bind,
                cursor.diagnostics,
                span,
            );
            for material in read.map_err(|text| fault(cursor, text))? {
                list.last_line += 1;
                list.lines.push(CertificateLine {
                    name: material.text(),
                    number: list.last_line,
                    settings: None,
                    filters: Vec::new(),
                });
            }
        }
        cursor.config.global.tls.lists.insert(path.to_owned(), list);
    }
    take(cursor, tls, path)
}

/// A listener takes the certificates of a list.
fn take(cursor: &OptionCursor<'_>, tls: &mut BindTls, path: &str) -> Result<(), Fault> {
    tls.lists.push(path.to_owned());
    let global = &cursor.config.global.tls;
    let lines = global.lists.get(path).map(|list| list.lines.as_slice());
    for line in lines.unwrap_or_default() {
        tls.certificates.extend(entry(global, path, line));
    }
    Ok(())
}

/// A line of a list as a certificate of a listener.
pub(crate) fn entry(
    global: &GlobalTls,
    list: &str,
    line: &CertificateLine,
) -> Option<BindCertificate> {
    Some(BindCertificate {
        material: global.certificates.get(&line.name)?.clone(),
        filters: line.filters.clone(),
        is_default: false,
        settings: line.settings.clone(),
        origin: Some((list.to_owned(), line.number)),
    })
}

fn read(cursor: &mut OptionCursor<'_>, path: &str) -> Result<CertificateList, Fault> {
    let bytes = std::fs::read(path).map_err(|error| {
        let why = certificate::system(&error);
        fault(
            cursor,
            format!("'crt-list' : cannot open file '{path}' : {why}"),
        )
    })?;
    let text = String::from_utf8_lossy(&bytes);
    if !text.is_empty() && !text.ends_with('\n') {
        let line = text.lines().count();
        let at = text.lines().last().map_or(0, str::len);
        let text = format!(
            "'crt-list' : parsing [{path}:{line}]: Missing LF on last line, file might have been truncated at position {at}."
        );
        return Err(fault(cursor, text));
    }
    let mut list = CertificateList::default();
    let span = cursor.keyword().span;
    for (number, line) in (1..).zip(text.lines()) {
        list.last_line = number;
        let place = Place {
            file: path,
            number,
            span,
        };
        let read = Reading {
            config: &mut *cursor.config,
            registry: cursor.registry,
            diagnostics: &mut *cursor.diagnostics,
        };
        let lines = read.line(&place, line);
        let lines = lines.map_err(|text| match text.contains('\n') {
            // Upstream sets texts of several lines apart.
            true => {
                let text = text.replace('\n', "\n  ");
                fault(cursor, format!("\n  'crt-list' : {text}"))
            }
            false => fault(cursor, format!("'crt-list' : {text}")),
        })?;
        list.lines.extend(lines);
    }
    Ok(list)
}

/// Where a line stands.
pub(crate) struct Place<'a> {
    /// The list.
    pub(crate) file: &'a str,
    /// The line, from 1.
    pub(crate) number: u32,
    /// What findings point at.
    pub(crate) span: Span,
}

/// What reading a line needs.
pub(crate) struct Reading<'a> {
    pub(crate) config: &'a mut Config,
    pub(crate) registry: &'a Registry,
    pub(crate) diagnostics: &'a mut Diagnostics,
}

impl Reading<'_> {
    /// Reads a line and loads what it names: none for an empty one, several for a bundle.
    pub(crate) fn line(
        self,
        place: &Place<'_>,
        text: &str,
    ) -> Result<Vec<CertificateLine>, String> {
        let Place { file, number, .. } = *place;
        let words = split(text).map_err(|fault| format!("parsing [{file}:{number}]: {fault}"))?;
        let Some(words) = words else {
            return Ok(Vec::new());
        };
        self.load(place, words)
    }

    /// Reads only the options of a line.
    pub(crate) fn options_of(mut self, place: &Place<'_>, text: &str) -> Result<(), String> {
        let words = split(text)?;
        let options = words.map(|words| words.options).unwrap_or_default();
        self.options(place, &options).map(drop)
    }

    /// The same of a certificate and its options, without names.
    pub(crate) fn words(
        self,
        place: &Place<'_>,
        certificate: String,
        options: Vec<String>,
    ) -> Result<Vec<CertificateLine>, String> {
        let words = Words {
            certificate,
            has_options: !options.is_empty(),
            options,
            filters: Vec::new(),
        };
        self.load(place, words)
    }

    fn load(mut self, place: &Place<'_>, words: Words) -> Result<Vec<CertificateLine>, String> {
        let Place { file, number, span } = *place;
        let options = self.options(place, &words.options)?;
        let global = &mut self.config.global.tls;
        let name = place_of(global, &words.certificate);
        let materials = if options.files == Files::default() && options.ocsp_update.is_none() {
            let known = global.certificates.contains_key(&name);
            let loaded = load(global, &name, By::List, self.diagnostics, span);
            loaded.map_err(|text| match known || text.starts_with("unable to stat") {
                true => text,
                false => format!("error processing line {number} in file '{file}' : {text}"),
            })?
        } else {
            let files = Files {
                certificate: Some(words.certificate.clone()),
                ..options.files
            };
            let place = store::Place {
                list: Some((file, number)),
                span,
            };
            let loaded = store::load(
                self.config,
                self.diagnostics,
                &name,
                files,
                options.ocsp_update,
                &place,
            );
            vec![loaded?]
        };
        let has_wildcard = words.filters.iter().any(|filter| filter.starts_with('*'));
        let has_exception = words.filters.iter().any(|filter| filter.starts_with('!'));
        if has_exception && !has_wildcard {
            let text = format!(
                "crt-list: negative filters on crt-list line \"{name}\" without a positive wildcard filter won't do anything!"
            );
            let finding = Diagnostic::whole(Severity::Warning, Some(span), text);
            self.diagnostics.push(finding.with_prefix(Prefix::Reading));
        }
        let settings = words.has_options.then(|| Box::new(options.settings));
        let line = |material: Shared<dyn Material>| CertificateLine {
            name: material.text(),
            number,
            settings: settings.clone(),
            filters: words.filters.clone(),
        };
        Ok(materials.into_iter().map(line).collect())
    }

    /// Reads the words between brackets.
    fn options(&mut self, place: &Place<'_>, words: &[String]) -> Result<Options, String> {
        let Place { file, number, span } = *place;
        let word = |text: &String| Word {
            text: text.as_bytes().to_vec(),
            span,
        };
        let all: Vec<Word> = words.iter().map(word).collect();
        let mut read = Options::default();
        let mut bind = BindOptions::default();
        let mut at = 0;
        while let Some(name) = words.get(at) {
            at += 1;
            let value = words.get(at).cloned();
            if store::is_part(name) {
                at += 1;
                store::part(name, value, &mut read.files, &mut read.ocsp_update)
                    .map_err(|text| format!("parsing [{file}:{number}] : {text}"))?;
                continue;
            }
            if name == "allow-0rtt" {
                return Err(format!(
                    "parsing [{file}:{number}]: '{name}' is not built: rustls takes no early data where sessions go on by tickets"
                ));
            }
            let row = self.registry.bind_options.find(name);
            let Some(row) = row.filter(|_| LIST_OPTIONS.contains(&name.as_str())) else {
                return Err(format!(
                    "parsing [{file}:{number}]: unknown ssl keyword {name}"
                ));
            };
            if !row.0.usage.is_empty() && value.is_none() {
                let text = format!("parsing [{file}:{number}]: ssl args out of '[]' for {name}");
                return Err(text);
            }
            let mut cursor = OptionCursor {
                words: &all,
                at,
                prefix: String::new(),
                registry: self.registry,
                config: &mut *self.config,
                diagnostics: &mut *self.diagnostics,
            };
            (row.0.parse)(&mut cursor, &mut bind).map_err(|fault| fault.diagnostic.message)?;
            at = cursor.at;
            match name.as_str() {
                "npn" => read.npn = value,
                "verify" => read.verifies = true,
                _ => {}
            }
        }
        read.settings = settings(*bind.tls.unwrap_or_default(), read.verifies);
        read.settings.text = shown(&read);
        Ok(read)
    }
}

/// The name of the certificate that a line is about.
pub(crate) fn named(global: &GlobalTls, text: &str) -> Result<String, &'static str> {
    let words = split(text)?;
    let name = words.map(|words| words.certificate).unwrap_or_default();
    Ok(place_of(global, &name))
}

/// What the words between brackets say.
#[derive(Default)]
struct Options {
    files: Files,
    ocsp_update: Option<bool>,
    settings: CertificateSettings,
    verifies: bool,
    npn: Option<String>,
}

fn settings(tls: BindTls, verifies: bool) -> CertificateSettings {
    CertificateSettings {
        settings: tls.settings,
        verify: verifies.then_some(tls.verify),
        ca_file: tls.ca_file,
        ca_verify_file: tls.ca_verify_file,
        crl_file: tls.crl_file,
        no_ca_names: tls.no_ca_names,
        text: String::new(),
    }
}

/// The words as the runtime API shows them, in its order.
fn shown(read: &Options) -> String {
    let settings = &read.settings;
    let tls = &settings.settings;
    let mut parts = Vec::new();
    parts.extend(read.npn.as_ref().map(|value| format!("npn {value}")));
    parts.extend(tls.alpn.as_ref().map(|listed| match listed.as_slice() {
        [] => "no-alpn".to_owned(),
        listed => format!("alpn {}", listed.join(",")),
    }));
    let verify = settings.verify.map(|verify| match verify {
        TlsVerify::None => "none",
        TlsVerify::Optional => "optional",
        TlsVerify::Required => "required",
    });
    parts.extend(verify.map(|verify| format!("verify {verify}")));
    let file = |file: &Option<Shared<dyn Material>>| file.as_ref().map(|file| file.text());
    if settings.no_ca_names {
        parts.push("no-ca-names".to_owned());
    }
    let mut add = |name: &str, value: Option<String>| {
        parts.extend(value.map(|value| format!("{name} {value}")));
    };
    add("ca-file", file(&settings.ca_file));
    add("crl-file", file(&settings.crl_file));
    add("ciphers", tls.ciphers.clone());
    add("ciphersuites", tls.ciphersuites.clone());
    add("curves", tls.curves.clone());
    add("ecdhe", tls.ecdhe.clone());
    add("client-sigalgs", tls.client_sigalgs.clone());
    add("sigalgs", tls.sigalgs.clone());
    let version = |version: Option<TlsVersion>| version.map(|it| it.name().to_owned());
    add("ssl-min-ver", version(tls.versions.min));
    add("ssl-max-ver", version(tls.versions.max));
    let update = read.ocsp_update.map(|on| if on { "on" } else { "off" });
    add("ocsp-update", update.map(str::to_owned));
    parts.join(" ")
}

/// The words of a line.
struct Words {
    certificate: String,
    options: Vec<String>,
    has_options: bool,
    filters: Vec<String>,
}

/// Splits a line; none when it is empty or a comment.
fn split(line: &str) -> Result<Option<Words>, &'static str> {
    let line = line.split('#').next().unwrap_or_default().trim();
    if line.is_empty() {
        return Ok(None);
    }
    if line.starts_with('[') {
        return Err("file must start with a cert");
    }
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    let (certificate, rest) = line.split_at(end);
    let mut words = Words {
        certificate: certificate.to_owned(),
        options: Vec::new(),
        has_options: false,
        filters: Vec::new(),
    };
    let owned =
        |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    let (before, behind) = match rest.split_once('[') {
        Some((before, behind)) => {
            words.has_options = true;
            (before, behind)
        }
        None if rest.contains(']') => return Err("missing '['"),
        None => {
            words.filters = owned(rest);
            return Ok(Some(words));
        }
    };
    if before.contains(']') {
        return Err("missing '['");
    }
    let (options, filters) = behind.split_once(']').unwrap_or((behind, ""));
    if behind.contains('[') {
        return Err("too many '['");
    }
    if filters.contains(']') {
        return Err("too many ']'");
    }
    words.options = owned(options);
    words.filters = owned(before);
    words.filters.extend(owned(filters));
    Ok(Some(words))
}

/// Options of `bind` lines that lines of a list take.
pub const LIST_OPTIONS: &[&str] = &[
    "alpn",
    "ca-file",
    "ca-verify-file",
    "ciphers",
    "ciphersuites",
    "client-sigalgs",
    "crl-file",
    "curves",
    "ecdhe",
    "no-alpn",
    "no-ca-names",
    "npn",
    "sigalgs",
    "ssl-max-ver",
    "ssl-min-ver",
    "verify",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (String, Vec<String>, Vec<String>) {
        let words = split(line).ok().flatten().expect("words");
        (words.certificate, words.options, words.filters)
    }

    #[test]
    fn lines_are_split() {
        let (name, options, filters) = read("a.pem [alpn h2 verify none] a !b # c");
        assert_eq!(name, "a.pem");
        assert_eq!(options, ["alpn", "h2", "verify", "none"]);
        assert_eq!(filters, ["a", "!b"]);
        assert_eq!(read("a.pem x").1, Vec::<String>::new());
        assert!(split(" # a").is_ok_and(|words| words.is_none()));
        for (line, fault) in [
            ("[a] b", "file must start with a cert"),
            ("a b ]", "missing '['"),
            ("a [b [c]", "too many '['"),
            ("a [b] ]", "too many ']'"),
        ] {
            assert_eq!(split(line).err(), Some(fault), "{line}");
        }
    }
}
