//! The `acl` keyword: a name and one line of `fetch flags patterns` (configuration manual 7).

use std::sync::Arc;

use bumpalo::Bump;
use hapax_core::contract::{Cx, Matcher, Shared};
use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::{Acl, AclId, AclTest, Config, Reference};
use hapax_core::keyword::{
    Fault, Line, MatchMethod, Needs, Registry, RowRef, SectionKeyword, Sections, Support,
};
use hapax_core::pattern::{List, Names, View};
use hapax_core::sample::{Sample, Type, Value};
use hapax_core::span::Word;

mod groups;

use crate::condition::Verdict;
use crate::expression::{self, Ending, ExpressionError, Origin};
use crate::matcher::{Operator, Written};
use crate::pattern::{self, User};
use crate::{cast, matcher};

pub use groups::Groups;

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
    let name = name.lossy().into_owned();
    finish(line, &parsed, &name);
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
pub fn finish(line: &mut Line<'_>, parsed: &ParsedTest, name: &str) {
    line.config
        .references
        .extend(parsed.references.iter().cloned());
    groups::refer(line, parsed, name);
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
    /// Groups of users that the patterns are.
    pub groups: Vec<Groups>,
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
            expression::parse_for(&text, Ending::Whole, "", origin).map_err(|error| match error {
                ExpressionError::FetchArgument { text, .. } => {
                    format!("ACL keyword '{name}' : {text}")
                }
                ExpressionError::FetchCheck { text, .. } => {
                    format!("in argument to '{name}', {text}")
                }
                error => format!("ACL keyword '{name}' : {error}"),
            })
        }
        None => expression::parse_for(&word.text, Ending::Whole, "", origin)
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
    let criterion = expression::keyword(&word.text);
    let flags = read_flags(rest, &mut method, origin)?;
    let method = method.ok_or_else(|| no_method(parsed.expr.fetch.name))?;
    let given = rest.get(flags.length..).unwrap_or(&[]);
    let files = flags.lists;
    let silent = flags.explicit_end || !files.is_empty() || method.name == "found";
    let boolean = method.name == "bool";
    let warning = (given.is_empty() && !silent && !boolean).then(|| {
        format!(
            "parsing acl keyword '{}' :\n  no pattern to match against were provided, so this ACL will never match.\n  \
             If this is what you intended, please add '--' to get rid of this warning.\n  \
             If you intended to match only for existence, please use '-m found'.\n  \
             If you wanted to force an int to match as a bool, please use '-m bool'.\n",
            word.lossy()
        )
    });
    let patterns = read_patterns(given, method)?;
    let list = pattern::inline(criterion, &patterns, origin);
    if let Some(id) = flags.id {
        list.id.store(id, std::sync::atomic::Ordering::Relaxed);
    }
    let view = view(&list, method, flags.ignore_case, flags.names).map_err(|(_, text)| text)?;
    let as_groups = keyword.is_some() && parsed.expr.converters.is_empty() && !flags.method;
    let lists = files.iter().map(|(list, _)| list).chain([&list]);
    let groups = groups::of(&parsed.expr, lists, |list| {
        let in_tree = matches!(method.name, "str" | "beg") && !flags.ignore_case;
        if as_groups || !(in_tree || matches!(method.name, "found" | "bool")) {
            groups::written(list)
        } else {
            Vec::new()
        }
    });
    let written = Written::new(&patterns, method, flags.ignore_case, &list, view);
    let text: Vec<_> = words.iter().map(Word::lossy).collect();
    Ok(ParsedTest {
        test: AclTest {
            expr: parsed.expr,
            matcher: Shared(Arc::new(Compared {
                text: format!("-m {} {}", method.name, text.join(" ")),
                input: method.input,
                files,
                written,
                list,
                view,
                answer: match method.name {
                    "found" => Answer::Always,
                    "bool" => Answer::True,
                    _ => Answer::Lists,
                },
            })),
            text: text.join(" "),
        },
        references: parsed.references,
        warning,
        groups,
    })
}

/// What a sample is compared with.
#[derive(Debug)]
struct Compared {
    text: String,
    input: Type,
    /// Lists of files, with the place of the view.
    files: Vec<(Arc<List>, usize)>,
    /// The patterns of the line itself as they were written.
    written: Written,
    /// The same as the runtime API knows them.
    list: Arc<List>,
    view: usize,
    answer: Answer,
}

/// How it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Any value will do.
    Always,
    /// `true` will do.
    True,
    /// The lists know.
    Lists,
}

impl Matcher for Compared {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn matches(&self, sample: &Sample<'_>, arena: &Bump) -> bool {
        if self.answer == Answer::Always {
            return true;
        }
        if self.takes(sample.value.kind()) {
            return self.compare(&sample.value);
        }
        cast::cast(*sample, self.input, arena).is_some_and(|sample| self.compare(&sample.value))
    }
}

impl Compared {
    /// Whether values of a type are compared as they are.
    #[inline]
    fn takes(&self, kind: Type) -> bool {
        kind == self.input
            || match self.input {
                Type::Any | Type::Same => true,
                Type::Str => kind == Type::Meth,
                Type::Addr => matches!(kind, Type::Ipv4 | Type::Ipv6),
                _ => false,
            }
    }

    #[inline]
    fn compare(&self, value: &Value<'_>) -> bool {
        if self.answer == Answer::True {
            return *value == Value::Bool(true);
        }
        let mut files = self.files.iter();
        self.written.has(value, &self.list, self.view)
            || files.any(|(list, view)| list.has(*view, value))
    }
}

/// The view of an ACL on a list.
fn view(
    list: &List,
    method: RowRef<MatchMethod>,
    ignore_case: bool,
    names: Names,
) -> Result<usize, (u32, String)> {
    let view = View {
        method: method.0.name,
        ignore_case,
        output: None,
    };
    let index = || (method.0.index)(ignore_case);
    list.view(view, index, names, |_| Ok(()))
}

/// The patterns of the line itself. Operators of integers become ranges.
fn read_patterns(words: &[Word], method: RowRef<MatchMethod>) -> Result<Vec<Vec<u8>>, String> {
    if !matches!(method.name, "int" | "int dotted" | "len") {
        return Ok(words.iter().map(|word| word.text.clone()).collect());
    }
    let mut patterns = Vec::new();
    let mut given = None;
    for word in words {
        if let Some(found) = Operator::of(&word.text) {
            given = Some(found);
            continue;
        }
        let operator = given.unwrap_or(Operator::Equal);
        let text = match method.name {
            "int dotted" => matcher::version_numbers(&word.lossy()).into(),
            _ => word.lossy(),
        };
        let pattern = operator.apply(&text).map_err(|error| {
            if given.is_some() && error.ends_with("is not a number") {
                format!("'{text}' is neither a number nor a supported operator")
            } else {
                error
            }
        })?;
        patterns.extend(pattern.map(String::into_bytes));
    }
    Ok(patterns)
}

/// Whether an ACL is true.
pub fn matches<'a>(acl: &'a Acl, cx: &Cx<'a>) -> bool {
    acl.tests.iter().any(|test| test_matches(test, cx))
}

/// Whether an ACL is true, if that can be said before more bytes came.
pub(crate) fn judge<'a>(acl: &'a Acl, cx: &Cx<'a>) -> Verdict {
    let inspection = &cx.stream.inspection;
    let mut verdict = Verdict::No;
    for test in &acl.tests {
        inspection.take_undecided();
        if test_matches(test, cx) {
            return Verdict::Yes;
        }
        let needs = test.expr.fetch.needs;
        let of_head =
            !cx.on_response && (needs.covers(Needs::REQUEST) || needs.covers(Needs::REQUEST_LINE));
        if inspection.take_undecided() || (of_head && inspection.partial_head) {
            verdict = Verdict::Open;
        }
    }
    verdict
}

#[inline]
fn test_matches<'a>(test: &'a AclTest, cx: &Cx<'a>) -> bool {
    let matcher = &*test.matcher.0;
    expression::any(&test.expr, cx, |sample| matcher.matches(sample, cx.arena))
}

struct Flags {
    /// Whether `-m` is there.
    method: bool,
    lists: Vec<(Arc<List>, usize)>,
    ignore_case: bool,
    names: Names,
    id: Option<u32>,
    length: usize,
    explicit_end: bool,
}

fn read_flags(
    words: &[Word],
    method: &mut Option<RowRef<MatchMethod>>,
    origin: &Origin<'_>,
) -> Result<Flags, String> {
    let mut flags = Flags {
        method: false,
        lists: Vec::new(),
        ignore_case: false,
        names: Names::Resolve,
        id: None,
        length: 0,
        explicit_end: false,
    };
    let mut user = User::Acl;
    let mut files: Vec<(String, bool, Names)> = Vec::new();
    while let Some(word) = words.get(flags.length) {
        if word.text.first() != Some(&b'-') {
            break;
        }
        let mut argument = || {
            flags.length += 1;
            let word = words.get(flags.length);
            word.map(|word| word.lossy().into_owned())
                .unwrap_or_default()
        };
        match word.text.as_slice() {
            b"--" => {
                flags.length += 1;
                flags.explicit_end = true;
                break;
            }
            b"-i" => flags.ignore_case = true,
            b"-n" => flags.names = Names::Refuse,
            b"-m" => {
                let name = argument();
                if !files.is_empty() {
                    return Err("'-m' must only be specified before patterns and files in parsing ACL expression".into());
                }
                *method = Some(find_method(origin.registry, &name)?);
                flags.method = true;
            }
            b"-u" => {
                let text = argument();
                let id = if text.is_empty() {
                    Ok(0)
                } else {
                    text.parse::<i64>()
                };
                let id = id.map_err(|_| "the argument of -u must be an integer".to_owned())?;
                // Upstream keeps 32 bits.
                let id = id as u32;
                if origin.patterns.has_id(id) {
                    return Err("the id is already used".to_owned());
                }
                flags.id = Some(id);
            }
            b"-M" => user = User::AclOfMap,
            b"-f" => files.push((argument(), flags.ignore_case, flags.names)),
            _ => {
                return Err(format!(
                    "'{}' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'",
                    word.lossy()
                ));
            }
        }
        flags.length += 1;
    }
    for (given, ignore_case, names) in files {
        let list = pattern::named(&given, user, origin)?;
        if let Some(method) = *method {
            let view = view(&list, method, ignore_case, names);
            let view = view.map_err(|error| pattern::at_line(&given, error))?;
            flags.lists.push((list, view));
        }
    }
    Ok(flags)
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
