//! The statistics page: which requests ask for it, who may see it, and what is answered.
//!
//! [`intercept()`] is all of it for a stream; the other functions are its steps.

mod admin;
mod document;
mod intercept;
mod rows;
mod style;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hapax_core::contract::Now;
use hapax_core::ir;
use hapax_core::program::{Program, Proxy};
use hapax_proto::http::Head;

pub use self::intercept::{intercept, remember, service, sockets};

use self::admin::Status;
use super::csv;
use super::info::{Facts, Measures};
use super::view::Selection;

/// What the page is made from.
#[derive(Debug)]
pub struct Page<'a> {
    /// The configuration in force.
    pub program: &'a Program,
    /// The proxy whose `stats` lines apply.
    pub proxy: &'a Proxy,
    /// Those lines.
    pub stats: &'a ir::Stats,
    /// What is known since the start.
    pub facts: &'a Facts,
    /// What the workers measured.
    pub measures: Measures,
    /// The time.
    pub now: Now,
    /// Whether this request may change servers.
    pub admin: bool,
}

/// An answer before its framing. Upstream sends bodies of status 200 chunked to 1.1 clients and closes after them
/// otherwise; the others have a length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status; 401 and 403 may be replaced by the proxy's error page.
    pub status: u16,
    /// The reason.
    pub reason: &'static str,
    /// The fields in upstream's order, without those of the framing; for 401 the one that error pages need too is last.
    pub fields: Vec<(&'static str, String)>,
    /// The body; empty for HEAD.
    pub body: Vec<u8>,
}

impl Reply {
    /// Whether the length is not announced (see [`Reply`]).
    pub fn streams(&self) -> bool {
        self.status == 200
    }
}

/// Whether a request asks for statistics: method GET, HEAD or POST, and a target that begins with `stats uri`.
pub fn matches(stats: &ir::Stats, head: &Head) -> bool {
    matches!(head.method(), b"GET" | b"HEAD" | b"POST")
        && local(head.uri()).starts_with(stats.uri.as_bytes())
}

/// Whether an authorization is one of the accounts of `stats auth`; always when there is none.
pub fn authorised(stats: &ir::Stats, authorization: Option<&[u8]>) -> bool {
    let given = || authorization.and_then(credentials);
    stats.auth.is_empty() || given().is_some_and(|given| knows(stats, &given))
}

impl Page<'_> {
    /// The answer to a request that matches and is allowed.
    pub fn answer(&self, head: &Head) -> Reply {
        let wish = Wish::of(self.stats, local(head.uri()));
        if head.method() == b"POST" {
            return self.moved(&wish, Status::Denied);
        }
        let (kind, body) = match wish.form {
            Form::Html => ("text/html", document::write(self, &wish)),
            Form::Csv => ("text/plain", self.text(&wish, csv::Form::Csv)),
            Form::Typed => ("text/plain", self.text(&wish, csv::Form::Typed(false))),
            Form::Json => ("application/json", self.text(&wish, csv::Form::Json(false))),
            Form::JsonSchema => ("application/json", csv::SCHEMA.into()),
        };
        let mut fields = vec![
            ("cache-control", "no-cache".into()),
            ("content-type", kind.into()),
        ];
        if self.stats.refresh > 0 && wish.refresh {
            fields.push(("refresh", self.stats.refresh.to_string()));
        }
        let is_head = head.method() == b"HEAD";
        Reply {
            status: 200,
            reason: "OK",
            fields,
            body: if is_head { Vec::new() } else { body },
        }
    }

    /// Which proxies and servers are shown.
    fn selection(&self, wish: &Wish<'_>) -> Selection {
        let own = |name: &String| match name.as_str() {
            "." => self.proxy.ir.name.clone(),
            _ => name.clone(),
        };
        Selection {
            up: wish.up,
            no_maintenance: wish.no_maintenance,
            scope: self.stats.scope.iter().map(own).collect(),
            name_part: wish.scope.to_owned(),
            legends: self.stats.show_legends,
            ..Selection::default()
        }
    }

    fn text(&self, wish: &Wish<'_>, form: csv::Form) -> Vec<u8> {
        let mut out = Vec::new();
        let selection = self.selection(wish);
        csv::write(self.program, self.now, &selection, form, &mut out);
        out
    }

    /// The answer to a form whose body is here.
    fn changed(&self, head: &Head, form: &[u8]) -> Reply {
        let wish = Wish::of(self.stats, local(head.uri()));
        let status = if !self.admin || !admin::is_own(head) {
            Status::Denied
        } else if !admin::is_whole(head, form) {
            Status::TooBig
        } else {
            admin::apply(self.program, self.proxy, self.stats, form, self.now)
        };
        self.moved(&wish, status)
    }

    /// After a form: back to the page, which says what became of it.
    fn moved(&self, wish: &Wish<'_>, status: Status) -> Reply {
        let location = wish.link_with(self.stats, Some(status), &[]);
        Reply {
            status: 303,
            reason: "See Other",
            fields: vec![
                ("cache-control", "no-cache".into()),
                ("content-type", "text/plain".into()),
                ("content-length", "0".into()),
                ("location", location),
            ],
            body: Vec::new(),
        }
    }
}

/// Forms of the statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Csv,
    Typed,
    Json,
    JsonSchema,
}

/// What follows `stats uri` in the target.
#[derive(Debug)]
struct Wish<'a> {
    form: Form,
    up: bool,
    no_maintenance: bool,
    refresh: bool,
    status: Option<Status>,
    /// Only proxies whose name contains this.
    scope: &'a str,
}

impl<'a> Wish<'a> {
    /// Options are words after a semicolon anywhere behind the prefix, as upstream finds them.
    fn of(stats: &ir::Stats, target: &'a [u8]) -> Wish<'a> {
        let rest = target.get(stats.uri.len()..).unwrap_or_default();
        let has = |option: &[u8]| memchr::memmem::find(rest, option).is_some();
        Wish {
            form: if has(b";csv") {
                Form::Csv
            } else if has(b";typed") {
                Form::Typed
            } else if has(b";json-schema") {
                Form::JsonSchema
            } else if has(b";json") {
                Form::Json
            } else {
                Form::Html
            },
            up: has(b";up"),
            no_maintenance: has(b";no-maint"),
            refresh: !has(b";norefresh"),
            status: memchr::memmem::find(rest, b";st=")
                .map(|at| Status::of(rest.get(at + 4..).unwrap_or_default())),
            scope: scope(rest),
        }
    }

    /// A link to the page with the same options, and `change`d ones: (option, on).
    fn link(&self, stats: &ir::Stats, change: &[(&str, bool)]) -> String {
        self.link_with(stats, None, change)
    }

    fn link_with(
        &self,
        stats: &ir::Stats,
        status: Option<Status>,
        change: &[(&str, bool)],
    ) -> String {
        let on = |option: &str, now: bool| {
            let changed = change.iter().find(|(name, _)| *name == option);
            changed.map_or(now, |(_, on)| *on)
        };
        let mut link = stats.uri.clone();
        if let Some(status) = status {
            link.push_str(";st=");
            link.push_str(status.word());
        }
        for (option, now) in [
            ("csv", false),
            ("json", false),
            ("up", self.up),
            ("no-maint", self.no_maintenance),
            ("norefresh", !self.refresh && stats.refresh > 0),
        ] {
            if on(option, now) {
                link.push(';');
                link.push_str(option);
            }
        }
        if !self.scope.is_empty() {
            link.push_str("?scope=");
            link.push_str(self.scope);
        }
        link
    }
}

/// The value of `scope=`; nothing when it holds what no proxy name has.
fn scope(rest: &[u8]) -> &str {
    let Some(at) = memchr::memmem::find(rest, b"scope=") else {
        return "";
    };
    let value = rest.get(at + b"scope=".len()..).unwrap_or_default();
    let end = value
        .iter()
        .position(|byte| matches!(byte, b'&' | b';' | b'#'));
    let value = value.get(..end.unwrap_or(value.len())).unwrap_or_default();
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b".:_-".contains(byte);
    if value.len() > LONGEST_SCOPE || !value.iter().all(fits) {
        return "";
    }
    std::str::from_utf8(value).unwrap_or("")
}

const LONGEST_SCOPE: usize = 20;

/// The target without scheme and authority.
fn local(uri: &[u8]) -> &[u8] {
    if uri.starts_with(b"/") {
        return uri;
    }
    let Some(scheme) = memchr::memmem::find(uri, b"://") else {
        return uri;
    };
    let rest = uri.get(scheme + 3..).unwrap_or_default();
    match memchr::memchr(b'/', rest) {
        Some(slash) => rest.get(slash..).unwrap_or_default(),
        None => b"/",
    }
}

/// `user:password` of `Basic ...`.
fn credentials(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, rest) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    STANDARD.decode(rest.trim_ascii()).ok()
}

fn knows(stats: &ir::Stats, given: &[u8]) -> bool {
    let mut known = false;
    for (user, password) in &stats.auth {
        known |= same(format!("{user}:{password}").as_bytes(), given);
    }
    known
}

/// Compares in a time that depends on the lengths only.
fn same(left: &[u8], right: &[u8]) -> bool {
    let pairs = left.iter().zip(right);
    let differs = pairs.fold(0, |differs, (left, right)| differs | (left ^ right));
    left.len() == right.len() && differs == 0
}

#[cfg(test)]
mod tests;
