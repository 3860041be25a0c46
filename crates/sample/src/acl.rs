//! The `acl` keyword: a name and one line of `fetch flags patterns` (configuration manual 7).

use std::io::Read;

use hapax_core::contract::{Cx, Shared};
use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::{Acl, AclId, AclTest, Config, Reference};
use hapax_core::keyword::{
    Fault, Line, MatchMethod, Patterns, Registry, RowRef, SectionKeyword, Sections, Support,
};
use hapax_core::sample::Type;
use hapax_core::span::Word;

use crate::expression::{self, Ending, ExpressionError, Origin};
use crate::{cast, matcher};

/// The section keyword.
pub static SECTIONS: &[SectionKeyword] = &[SectionKeyword {
    name: "acl",
    sections: Sections::PROXIES,
    negatable: false,
    usage: "<aclname> <criterion> [flags] [operator] [<value>] ...",
    doc: "Declares or completes an access list.",
    support: Support::Runs,
    parse: parse_line,
}];

/// Largest pattern file that is read, bytes.
const FILE_LIMIT: u64 = 1 << 30;

fn parse_line(line: &mut Line<'_>) -> Result<(), Fault> {
    let args = line.args();
    let Some(name) = args.first() else {
        return Err(line.fault("missing fetch method in ACL expression ''."));
    };
    if let Some(byte) = name.text.iter().find(|byte| !is_name_byte(**byte)) {
        let shown = String::from_utf8_lossy(std::slice::from_ref(byte)).into_owned();
        let text = format!(
            "character '{shown}' is not permitted in acl name '{}'.",
            name.lossy()
        );
        return Err(line.fault_at(0, text));
    }
    if name.text.eq_ignore_ascii_case(b"or") {
        let text = format!(
            "acl name '{}' will never match. 'or' is used to express a logical disjunction within a condition.",
            name.lossy()
        );
        return Err(line.fault_at(0, text));
    }
    let origin = Origin::of(line);
    let parsed = parse_test(&args[1..], &origin).map_err(|text| {
        let text = format!(
            "error detected while parsing ACL '{}' : {text}.",
            name.lossy()
        );
        line.fault_at(1, text)
    })?;
    finish(line, &parsed);
    let name = name.lossy().into_owned();
    let span = line.span;
    let known = line.scope.acls.get(&name).copied();
    match known.and_then(|id| line.config.acls.get_mut(id.0 as usize)) {
        Some(acl) => acl.tests.push(parsed.test),
        None => {
            let id = add(
                line.config,
                Acl {
                    name: name.clone(),
                    span,
                    tests: vec![parsed.test],
                },
            );
            line.scope.acls.insert(name, id);
        }
    }
    Ok(())
}

/// Adds an ACL to the configuration.
pub fn add(config: &mut Config, acl: Acl) -> AclId {
    let id = AclId(u32::try_from(config.acls.len()).unwrap_or(u32::MAX));
    config.acls.push(acl);
    id
}

/// Notes what a test that was read refers to, and what is odd about it.
pub fn finish(line: &mut Line<'_>, parsed: &ParsedTest) {
    line.config
        .references
        .extend(parsed.references.iter().cloned());
    if let Some(text) = &parsed.warning {
        let warning = Diagnostic::warning(line.span, text.clone()).with_prefix(Prefix::Config);
        line.diagnostics.push(warning);
    }
}

/// One test of an ACL, as read from the words after its name or from between braces.
#[derive(Debug)]
pub struct ParsedTest {
    /// The test.
    pub test: AclTest,
    /// Names that must exist in the end.
    pub references: Vec<Reference>,
    /// A warning to print behind `config : `.
    pub warning: Option<String>,
}

/// Reads `criterion [flags] [patterns]`.
///
/// # Errors
/// Upstream's text without its final period.
pub fn parse_test(words: &[Word], origin: &Origin<'_>) -> Result<ParsedTest, String> {
    let Some(word) = words.first() else {
        return Err("missing fetch method in ACL expression ''".to_owned());
    };
    let name = expression::keyword(&word.text);
    let keyword = origin.registry.acl_keywords.find(name);
    let parsed = match keyword {
        Some(row) => {
            let mut text = row.fetch.as_bytes().to_vec();
            text.extend_from_slice(&word.text[name.len()..]);
            expression::parse(&text, Ending::Whole, origin).map_err(|error| match error {
                ExpressionError::FetchArgument { text, .. } => {
                    format!("ACL keyword '{name}' : {text}")
                }
                ExpressionError::FetchCheck { text, .. } => {
                    format!("in argument to '{name}', {text}")
                }
                error => format!("ACL keyword '{name}' : {error}"),
            })
        }
        None => expression::parse(&word.text, Ending::Whole, origin)
            .map_err(|error| format!("{error} in ACL expression '{}'", word.lossy())),
    }?;
    // A converter changes what the patterns meet, but not the method that the keyword brings.
    let mut method = match keyword {
        Some(row) => Some(find_method(origin.registry, row.method)?),
        None => matcher::default_for(expression::kind(&parsed.expr))
            .map(|name| find_method(origin.registry, name))
            .transpose()?,
    };
    let rest = words.get(1..).unwrap_or(&[]);
    let flags = read_flags(rest, &mut method, origin)?;
    let method = method.ok_or_else(|| no_method(parsed.expr.fetch.name))?;
    let mut patterns = flags.patterns;
    let given = rest.get(flags.length..).unwrap_or(&[]);
    patterns
        .list
        .extend(given.iter().map(|word| word.text.clone()));
    let silent = flags.explicit_end || flags.from_file || method.name == "found";
    let boolean = method.name == "bool";
    let warning = (patterns.list.is_empty() && !silent && !boolean).then(|| {
        format!(
            "parsing acl keyword '{}' :\n  no pattern to match against were provided, so this ACL will never match.\n  \
             If this is what you intended, please add '--' to get rid of this warning.\n  \
             If you intended to match only for existence, please use '-m found'.\n  \
             If you wanted to force an int to match as a bool, please use '-m bool'.\n",
            word.lossy()
        )
    });
    let matcher = (method.0.build)(&patterns)?;
    let text: Vec<_> = words.iter().map(Word::lossy).collect();
    Ok(ParsedTest {
        test: AclTest {
            expr: parsed.expr,
            matcher: Shared(matcher),
            text: text.join(" "),
        },
        references: parsed.references,
        warning,
    })
}

/// Whether an ACL is true.
pub fn matches<'a>(acl: &'a Acl, cx: &Cx<'a>) -> bool {
    acl.tests.iter().any(|test| test_matches(test, cx))
}

fn test_matches<'a>(test: &'a AclTest, cx: &Cx<'a>) -> bool {
    let matcher = &*test.matcher.0;
    let input = matcher.input();
    expression::any(&test.expr, cx, |sample| {
        sample
            .and_then(|sample| {
                if input == Type::Any || input == sample.value.kind() {
                    Some(sample)
                } else {
                    cast::cast(sample, input, cx.arena)
                }
            })
            .is_some_and(|sample| matcher.matches(&sample))
    })
}

struct Flags {
    patterns: Patterns,
    length: usize,
    explicit_end: bool,
    from_file: bool,
}

fn read_flags(
    words: &[Word],
    method: &mut Option<RowRef<MatchMethod>>,
    origin: &Origin<'_>,
) -> Result<Flags, String> {
    let mut flags = Flags {
        patterns: Patterns::default(),
        length: 0,
        explicit_end: false,
        from_file: false,
    };
    while let Some(word) = words.get(flags.length) {
        if word.text.first() != Some(&b'-') || number_like(&word.text) {
            break;
        }
        let mut argument = || {
            flags.length += 1;
            words.get(flags.length).ok_or_else(|| {
                format!(
                    "'{}' expects an argument when parsing ACL expression",
                    word.lossy()
                )
            })
        };
        match word.text.as_slice() {
            b"--" => {
                flags.length += 1;
                flags.explicit_end = true;
                break;
            }
            b"-i" => flags.patterns.ignore_case = true,
            b"-n" => flags.patterns.no_names = true,
            b"-m" => *method = Some(find_method(origin.registry, &argument()?.lossy())?),
            b"-u" | b"-M" => {
                return Err(format!("'{}' is not built yet", word.lossy()));
            }
            b"-f" => {
                let path = argument()?.lossy().into_owned();
                read_file(&path, &mut flags.patterns)?;
                flags.from_file = true;
            }
            _ => {
                return Err(format!(
                    "'{}' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'",
                    word.lossy()
                ));
            }
        }
        flags.length += 1;
    }
    Ok(flags)
}

/// Patterns such as `-5` or `-1:3` need no `--`.
fn number_like(word: &[u8]) -> bool {
    word.get(1).is_some_and(u8::is_ascii_digit)
}

/// Reads a file of patterns: one per line without surrounding blanks; `#` opens a comment line.
fn read_file(path: &str, patterns: &mut Patterns) -> Result<(), String> {
    let fault = || format!("failed to open pattern file <{path}>");
    let file = std::fs::File::open(path).map_err(|_| fault())?;
    let mut text = Vec::new();
    file.take(FILE_LIMIT)
        .read_to_end(&mut text)
        .map_err(|_| fault())?;
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.trim_ascii();
        if !line.is_empty() && line[0] != b'#' {
            patterns.list.push(line.to_vec());
        }
    }
    Ok(())
}

fn find_method(registry: &Registry, name: &str) -> Result<RowRef<MatchMethod>, String> {
    registry
        .match_methods
        .find(name)
        .ok_or_else(|| format!("unknown matching method '{name}' when parsing ACL expression"))
}

/// What is compared when neither the keyword nor a flag says it.
fn no_method(fetch: &str) -> String {
    format!(
        "matching method must be specified first (using '-m') when using a sample fetch of this type ('{fetch}')"
    )
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".:_-".contains(&byte)
}
