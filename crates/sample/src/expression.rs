//! Sample expressions, `fetch(args),converter(args),...`: text to IR, and evaluation (configuration manual 7.3).

use bumpalo::Bump;
use hapax_core::contract::Cx;
use hapax_core::ir::{AclId, Arg, Compiled, Expr, ProxyKind, Reference, ReferenceKind};
use hapax_core::keyword::{ArgKind, ArgSpec, Line, OptionCursor, Registry};
use hapax_core::pattern::Lists;
use hapax_core::sample::{Occurrence, Sample, Type, Value};
use hapax_core::span::{Span, Word};
use hashbrown::HashMap;

use crate::argument::{self, ArgumentError};
use crate::cast;
use crate::fetch::{acl, transport};
use crate::pattern::{self, User};
use crate::place;

/// Who asks for an expression: what names in it refer to.
#[derive(Clone)]
pub struct Origin<'a> {
    /// Every row.
    pub registry: &'a Registry,
    /// Name of the section; empty in `global`.
    pub proxy: String,
    /// Kind of the section; none in `global` and `defaults`.
    pub kind: Option<ProxyKind>,
    /// Where the line stands.
    pub span: Span,
    /// The same as `file:line`.
    pub place: String,
    /// Index that the section has or will have in the configuration.
    pub from: Option<usize>,
    /// The lists of patterns.
    pub patterns: Lists,
    /// What expressions are part of, as messages call it; empty where only tests of ACLs stand.
    pub usage: &'static str,
    /// The section's ACLs so far; none where no section is read.
    pub acls: Option<&'a HashMap<String, AclId>>,
}

impl<'a> Origin<'a> {
    /// The origin of what stands in a line of a section.
    pub fn of(line: &'a Line<'_>) -> Origin<'a> {
        use hapax_core::keyword::Sections;
        let named = line.section != Sections::DEFAULTS && line.section != Sections::GLOBAL;
        Origin {
            registry: line.registry,
            proxy: line
                .proxy
                .as_deref()
                .map(|proxy| proxy.name.clone())
                .unwrap_or_default(),
            kind: line
                .proxy
                .as_deref()
                .filter(|_| named)
                .map(|proxy| proxy.kind),
            span: line.span,
            place: line.scope.place(line.span),
            from: named.then_some(line.config.proxies.len()),
            patterns: line.config.patterns.clone(),
            usage: place::usage(line.words),
            acls: Some(&line.scope.acls),
        }
    }

    /// The origin of what stands in the options of a server.
    pub fn of_server(cursor: &'a OptionCursor<'_>) -> Origin<'a> {
        Origin {
            registry: cursor.registry,
            proxy: String::new(),
            kind: None,
            span: cursor.keyword().span,
            place: String::new(),
            from: Some(cursor.config.proxies.len()),
            patterns: cursor.config.patterns.clone(),
            usage: "server",
            acls: None,
        }
    }
}

/// Reads what connections to a server have in common (`sni`, `pool-conn-name`); a fault in upstream's words.
///
/// # Errors
/// When the text is no expression.
pub fn of_connections(cursor: &mut OptionCursor<'_>, text: &[u8]) -> Result<Expr, String> {
    let parsed = parse(text, Ending::Whole, &Origin::of_server(cursor)).map_err(|error| {
        format!("error detected while parsing sni or pool-conn-name expressions : {error}")
    })?;
    cursor.config.references.extend(parsed.references);
    Ok(parsed.expr)
}

/// An expression that was read, and what it refers to.
#[derive(Debug)]
pub struct Parsed {
    /// The expression.
    pub expr: Expr,
    /// Bytes of the text that it took.
    pub length: usize,
    /// Names that must exist in the end.
    pub references: Vec<Reference>,
}

/// What is wrong with an expression; the texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say what each one means")]
pub enum ExpressionError {
    #[error("missing fetch method")]
    MissingFetch,
    #[error("unknown fetch method '{0}'")]
    UnknownFetch(String),
    #[error("fetch method '{name}' : {text}")]
    FetchArgument { name: String, text: String },
    #[error("invalid args in fetch method '{name}' : {text}")]
    FetchCheck { name: String, text: String },
    #[error("unknown converter '{0}'")]
    UnknownConverter(String),
    #[error("invalid arg {position} in converter '{name}' : {text}")]
    ConverterArgument {
        name: String,
        position: usize,
        text: String,
    },
    #[error("invalid args in converter '{name}' : {text}")]
    ConverterCheck { name: String, text: String },
    #[error("converter '{0}' cannot be applied")]
    NotApplicable(String),
    #[error("missing comma after fetch keyword '{0}'")]
    MissingCommaAfterFetch(String),
    #[error("missing comma after converter '{0}'")]
    MissingCommaAfterConverter(String),
}

/// How the end of an expression is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The whole text is the expression; a comma at the end is ignored.
    Whole,
    /// It ends at the first byte that cannot continue it.
    Open,
}

/// Reads an expression.
///
/// # Errors
/// When a fetch or converter is unknown, its arguments are wrong, or types do not fit.
pub fn parse(text: &[u8], ending: Ending, origin: &Origin<'_>) -> Result<Parsed, ExpressionError> {
    parse_for(text, ending, origin.usage, origin)
}

/// Reads an expression that is part of `usage`; of a test of an ACL when that is empty.
///
/// # Errors
/// See [`parse`].
pub fn parse_for(
    text: &[u8],
    ending: Ending,
    usage: &str,
    origin: &Origin<'_>,
) -> Result<Parsed, ExpressionError> {
    let name = keyword(text);
    if name.is_empty() {
        return Err(ExpressionError::MissingFetch);
    }
    // Names of ACL keywords stand for their fetch where a plain fetch has the same name; derived forms do not.
    let Some(fetch) = origin.registry.fetches.find(name) else {
        return Err(ExpressionError::UnknownFetch(name.to_owned()));
    };
    let mut at = name.len();
    let mut references = Vec::new();
    let arguments = argument::parse(&text[at..], &fetch.args).map_err(|error| {
        ExpressionError::FetchArgument {
            name: name.to_owned(),
            text: error.text,
        }
    })?;
    at += arguments.length;
    let mut args = arguments.values;
    let user = || match usage {
        "" => format!("ACL keyword '{}'", fetch.name),
        _ => format!("sample fetch keyword '{}' in {usage}", fetch.name),
    };
    resolve(&mut args, &fetch.args, &user, origin, &mut references);
    if fetch.args.kinds.first() == Some(&ArgKind::Acl) {
        acl::resolve(&mut args, origin).map_err(|text| ExpressionError::FetchCheck {
            name: name.to_owned(),
            text,
        })?;
    }
    if let Some(check) = fetch.0.check {
        check(&mut args).map_err(|text| ExpressionError::FetchCheck {
            name: name.to_owned(),
            text,
        })?;
    }
    if transport::ignores(fetch.name) && text[name.len()..].starts_with(b"(") {
        references.push(Reference {
            kind: ReferenceKind::Odd,
            name: String::new(),
            from: origin.from,
            span: origin.span,
            missing: transport::IGNORED.to_owned(),
        });
    }
    let mut expr = Expr {
        fetch,
        args,
        converters: Vec::new(),
    };
    let mut kind = fetch.output;
    let mut last = (true, name.to_owned());
    while let Some(byte) = text.get(at) {
        if *byte != b',' {
            match (ending, last) {
                (Ending::Open, _) => break,
                (_, (true, name)) => return Err(ExpressionError::MissingCommaAfterFetch(name)),
                (_, (false, name)) => {
                    return Err(ExpressionError::MissingCommaAfterConverter(name));
                }
            }
        }
        at += 1;
        if ending == Ending::Whole {
            while text.get(at) == Some(&b',') {
                at += 1;
            }
            if at == text.len() {
                break;
            }
        }
        let name = keyword(&text[at..]);
        let Some(row) = origin.registry.converters.find(name) else {
            return Err(ExpressionError::UnknownConverter(name.to_owned()));
        };
        at += name.len();
        if !cast::possible(kind, row.input) {
            return Err(ExpressionError::NotApplicable(name.to_owned()));
        }
        let arguments = argument::parse(&text[at..], &row.args).map_err(
            |ArgumentError { position, text }| ExpressionError::ConverterArgument {
                name: name.to_owned(),
                position,
                text,
            },
        )?;
        at += arguments.length;
        let mut args = arguments.values;
        let user = || match usage {
            "" => format!("converter '{}' in ACL expression", row.name),
            _ => format!("converter '{}' in {usage}", row.name),
        };
        resolve(&mut args, &row.args, &user, origin, &mut references);
        name_acls(&mut args, &row.args, origin);
        open_maps(&mut args, &row.args, origin).map_err(|text| {
            ExpressionError::ConverterCheck {
                name: name.to_owned(),
                text,
            }
        })?;
        if let Some(check) = row.0.check {
            check(&mut args).map_err(|text| ExpressionError::ConverterCheck {
                name: name.to_owned(),
                text,
            })?;
        }
        kind = row.output;
        last = (false, name.to_owned());
        expr.converters.push((row, args));
    }
    Ok(Parsed {
        expr,
        length: at,
        references,
    })
}

/// How many words an expression takes: it goes on in the next one after a comma at the end.
pub fn joined_words(words: &[Word]) -> usize {
    let ends = words.iter().position(|word| !word.text.ends_with(b","));
    ends.map_or(words.len(), |at| at + 1)
}

/// The text of an expression that may stand in several words.
pub fn joined(words: &[Word]) -> Vec<u8> {
    let words = words.get(..joined_words(words)).unwrap_or_default();
    words.iter().flat_map(|word| &word.text).copied().collect()
}

/// The first value of an expression.
#[inline]
pub fn eval<'a>(expr: &'a Expr, cx: &Cx<'a>) -> Option<Sample<'a>> {
    let mut occurrence = Occurrence::default();
    let sample = (expr.fetch.0.run)(cx, &expr.args, &mut occurrence)?;
    convert(expr, cx, sample)
}

/// The first value of an expression, cast to a type.
pub fn eval_as<'a>(expr: &'a Expr, kind: Type, cx: &Cx<'a>) -> Option<Sample<'a>> {
    cast::cast(eval(expr, cx)?, kind, cx.arena)
}

/// Whether `found` holds for one of the values, asked in order.
#[inline]
pub fn any<'a>(expr: &'a Expr, cx: &Cx<'a>, mut found: impl FnMut(&Sample<'a>) -> bool) -> bool {
    let mut occurrence = Occurrence {
        iterating: true,
        ..Occurrence::default()
    };
    let plain = expr.converters.is_empty();
    // A head has a bounded number of values; the bound here is against a fetch that never ends.
    for _ in 0..=u16::MAX {
        occurrence.more = false;
        // Looked at where it lies: a sample that is moved right after it was written waits for the stores.
        let fetched = (expr.fetch.0.run)(cx, &expr.args, &mut occurrence);
        let fits = match &fetched {
            None => false,
            Some(sample) if plain => found(sample),
            Some(sample) => convert(expr, cx, *sample).is_some_and(|sample| found(&sample)),
        };
        if fits || !occurrence.more {
            return fits;
        }
    }
    false
}

/// The type that an expression gives.
pub fn kind(expr: &Expr) -> Type {
    let last = expr.converters.last();
    last.map_or(expr.fetch.output, |(row, _)| row.output)
}

/// A value as text in the arena or where it lies.
pub fn text<'a>(sample: Sample<'a>, arena: &'a Bump) -> &'a [u8] {
    match cast::cast(sample, Type::Str, arena) {
        Some(Sample {
            value: Value::Str(bytes),
        }) => bytes,
        _ => b"",
    }
}

/// What the converters of an expression make of a sample.
pub fn convert<'a>(expr: &'a Expr, cx: &Cx<'a>, mut sample: Sample<'a>) -> Option<Sample<'a>> {
    for (row, args) in &expr.converters {
        if !matches!(row.input, Type::Any | Type::Same) && row.input != sample.value.kind() {
            sample = cast::cast(sample, row.input, cx.arena)?;
        }
        sample = (row.0.run)(cx, args, sample)?;
    }
    Some(sample)
}

/// The leading bytes that may be a keyword.
pub fn keyword(text: &[u8]) -> &str {
    let end = text
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || b"._+-".contains(byte)))
        .unwrap_or(text.len());
    std::str::from_utf8(&text[..end]).unwrap_or_default()
}

/// Puts ACLs in the place of their names; a name that nobody has is left to the converter, which may not want an ACL.
fn name_acls(args: &mut [Arg], spec: &ArgSpec, origin: &Origin<'_>) {
    for (arg, kind) in args.iter_mut().zip(spec.kinds) {
        let negated = matches!(&*arg, Arg::Str(name) if name.starts_with(b"!"));
        if *kind == ArgKind::Acl && !negated {
            let _ = acl::resolve(std::slice::from_mut(arg), origin);
        }
    }
}

/// Puts the list in the place of the name of a map.
fn open_maps(args: &mut [Arg], spec: &ArgSpec, origin: &Origin<'_>) -> Result<(), String> {
    for (arg, kind) in args.iter_mut().zip(spec.kinds) {
        if let (ArgKind::Map, Arg::Str(name)) = (kind, &*arg) {
            let text = String::from_utf8_lossy(name).into_owned();
            let list = pattern::named(&text, User::Map, origin)?;
            *arg = Arg::Compiled(Compiled { text, value: list });
        }
    }
    Ok(())
}

/// Fills in the section itself where the name of a proxy was left out, and notes the names that must exist.
fn resolve(
    args: &mut [Arg],
    spec: &ArgSpec,
    user: &dyn Fn() -> String,
    origin: &Origin<'_>,
    references: &mut Vec<Reference>,
) {
    for (index, (arg, kind)) in args.iter_mut().zip(spec.kinds).enumerate() {
        let reference = match kind {
            ArgKind::Frontend => ReferenceKind::Frontend,
            ArgKind::Backend | ArgKind::Proxy => ReferenceKind::Backend,
            ArgKind::Server => ReferenceKind::Server,
            ArgKind::Sink => {
                sink(arg, origin, references);
                continue;
            }
            ArgKind::UserList => {
                user_list(arg, index, user, origin, references);
                continue;
            }
            _ => continue,
        };
        let own = match arg {
            Arg::Absent => true,
            Arg::Str(name) => name.is_empty(),
            Arg::Proxy(name) => name.is_empty(),
            _ => false,
        };
        if own {
            *arg = Arg::Proxy(origin.proxy.clone());
        }
        let what = match kind {
            ArgKind::Frontend => "frontend",
            ArgKind::Backend => "backend",
            ArgKind::Server => "server",
            _ => continue,
        };
        let name = match arg {
            Arg::Proxy(name) => name.clone(),
            Arg::Server(backend, server) if backend.is_empty() => server.clone(),
            Arg::Server(backend, server) => format!("{backend}/{server}"),
            _ => continue,
        };
        let usage = format!(
            "referenced in arg {} of {} in proxy '{}'",
            index + 1,
            user(),
            origin.proxy
        );
        let missing = if own {
            format!("proxy '{name}', {usage}, has not {what} capability.")
        } else if let (Arg::Server(backend, _), false) = (&*arg, name == origin.proxy) {
            let backend = if backend.is_empty() {
                &origin.proxy
            } else {
                backend
            };
            format!("unable to find server '{name}' in proxy '{backend}', {usage}.")
        } else {
            format!("unable to find {what} '{name}' {usage}.")
        };
        references.push(Reference {
            kind: reference,
            name,
            from: origin.from,
            span: origin.span,
            missing: format!("parsing [{}]: {missing}", origin.place),
        });
    }
}

/// Notes the sink of events that the argument of `debug` names.
fn sink(arg: &Arg, origin: &Origin<'_>, references: &mut Vec<Reference>) {
    let Arg::Str(name) = arg else { return };
    if name.is_empty() {
        return;
    }
    let name = String::from_utf8_lossy(name).into_owned();
    references.push(Reference {
        kind: ReferenceKind::Sink,
        from: origin.from,
        span: origin.span,
        missing: format!(
            "parsing [{}] : debug converter: sink '{name}' doesn't exist.",
            origin.place
        ),
        name,
    });
}

/// Notes the list of users that an argument names.
fn user_list(
    arg: &Arg,
    index: usize,
    user: &dyn Fn() -> String,
    origin: &Origin<'_>,
    references: &mut Vec<Reference>,
) {
    let name = match arg {
        Arg::Str(name) => String::from_utf8_lossy(name).into_owned(),
        _ => String::new(),
    };
    let usage = format!(
        "in arg {} of {} in proxy '{}'.",
        index + 1,
        user(),
        origin.proxy
    );
    let missing = if name.is_empty() {
        format!("missing userlist name {usage}")
    } else {
        format!("unable to find userlist '{name}' referenced {usage}")
    };
    references.push(Reference {
        kind: ReferenceKind::UserList,
        name,
        from: origin.from,
        span: origin.span,
        missing: format!("parsing [{}]: {missing}", origin.place),
    });
}
