//! `stats admin`: what the page's form asks for, and what became of it.

use hapax_core::contract::{Cx, Now};
use hapax_core::ir;
use hapax_core::live::{Operation, ServerLive};
use hapax_core::program::{Program, Proxy, ProxyId};
use hapax_core::stream::Cause;
use hapax_proto::http::Head;

use super::super::percent;
use crate::administer::{Deed, administer};
use crate::{check, serve};

/// How a form ended; the page shows it after `;st=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Every server was changed.
    Done,
    /// Nothing was to be done.
    None,
    /// Some servers are unknown.
    Part,
    /// An unknown action, backend or server.
    Wrong,
    /// The form does not fit into a buffer.
    TooBig,
    /// It is not allowed.
    Denied,
    /// A word in a link that no form ends with.
    Unknown,
}

impl Status {
    /// The word in links.
    pub fn word(self) -> &'static str {
        match self {
            Status::Done => "DONE",
            Status::None => "NONE",
            Status::Part => "PART",
            Status::Wrong => "ERRP",
            Status::TooBig => "EXCD",
            Status::Denied => "DENY",
            Status::Unknown => "UNKN",
        }
    }

    /// What a link says.
    pub fn of(word: &[u8]) -> Status {
        let all = [
            Status::Done,
            Status::None,
            Status::Part,
            Status::Wrong,
            Status::TooBig,
            Status::Denied,
        ];
        let mut known = all.into_iter();
        let found = known.find(|status| word.starts_with(status.word().as_bytes()));
        found.unwrap_or(Status::Unknown)
    }

    /// The class and the text of the message on the page.
    pub fn message(self) -> (&'static str, &'static str) {
        match self {
            Status::Done => ("active_up", "Action processed successfully."),
            Status::None => ("active_going_down", "Nothing has changed."),
            Status::Part => (
                "active_going_down",
                "Action partially processed.<br>Some server names are probably unknown or ambiguous (duplicated names in the \
                 backend).",
            ),
            Status::Wrong => (
                "active_down",
                "Action not processed because of invalid parameters.<ul><li>The action is maybe unknown.</li><li>Invalid key \
                 parameter (empty or too long).</li><li>The backend name is probably unknown or ambiguous (duplicated \
                 names).</li><li>Some server names are probably unknown or ambiguous (duplicated names in the \
                 backend).</li></ul>",
            ),
            Status::TooBig => (
                "active_down",
                "<b>Action not processed : the buffer couldn't store all the data.<br>You should retry with less servers at a \
                 time.</b>",
            ),
            Status::Denied => ("active_down", "<b>Action denied.</b>"),
            Status::Unknown => ("active_no_check", "Unexpected result."),
        }
    }
}

/// Whether a request may change servers.
pub fn allowed(stats: &ir::Stats, cx: &Cx<'_>) -> bool {
    let mut conditions = stats.admin.iter();
    conditions.any(|condition| hapax_sample::condition::holds(condition, cx))
}

/// Whether the form comes from this page, as far as the browser tells: `Origin`, or `Referer` without it, must name the
/// host that was asked.
pub fn is_own(head: &Head) -> bool {
    let Some(from) = head.find(b"origin").or_else(|| head.find(b"referer")) else {
        return true;
    };
    let after_scheme = match memchr::memmem::find(from, b"://") {
        Some(at) => from.get(at + 3..).unwrap_or_default(),
        None => from,
    };
    let end = memchr::memchr(b'/', after_scheme).unwrap_or(after_scheme.len());
    let authority = after_scheme.get(..end).unwrap_or_default();
    let host = match memchr::memchr(b'@', authority) {
        Some(at) => authority.get(at + 1..).unwrap_or_default(),
        None => authority,
    };
    let asked = head.find(b"host").unwrap_or_default();
    !host.is_empty() && host.eq_ignore_ascii_case(asked)
}

/// Whether all of the body is here.
pub fn is_whole(head: &Head, body: &[u8]) -> bool {
    let length = head.find(b"content-length");
    let length = length.and_then(|text| std::str::from_utf8(text).ok()?.parse::<usize>().ok());
    length.is_none_or(|length| body.len() >= length)
}

/// Does what a form asks for.
pub fn apply(program: &Program, page: &Proxy, stats: &ir::Stats, form: &[u8], now: Now) -> Status {
    let Some(form) = percent::decode(form) else {
        return Status::None;
    };
    let Some(form) = Form::read(&form) else {
        return Status::None;
    };
    let (Some(action), Some(backend)) = (form.action, form.backend) else {
        return Status::None;
    };
    if form.servers.is_empty() {
        return Status::None;
    }
    let Some(action) = Action::of(action) else {
        return Status::Wrong;
    };
    let id = find(program, backend);
    let named = id.map(|id| program.proxy(id));
    let in_scope = |name: &str| {
        let own = |scope: &String| match scope.as_str() {
            "." => page.ir.name == name,
            other => other == name,
        };
        stats.scope.is_empty() || stats.scope.iter().any(own)
    };
    match named {
        Some(proxy) if !in_scope(&proxy.ir.name) => return Status::Denied,
        None if !stats.scope.is_empty() => return Status::Denied,
        _ => {}
    }
    let (Some(id), Some(proxy)) = (id, named) else {
        return Status::Wrong;
    };
    let (mut known, mut unknown, mut changed) = (0, 0, 0);
    // As upstream: from the last to the first.
    for name in form.servers.iter().rev() {
        let mut servers = proxy.live.servers.iter();
        let Some(server) = servers.find(|server| server.name.as_bytes() == *name) else {
            unknown += 1;
            continue;
        };
        known += 1;
        changed += u32::from(action.run(program, id, server, now));
    }
    match (known, unknown, changed) {
        (0, ..) => Status::Wrong,
        (_, 1.., _) => Status::Part,
        (_, _, 0) => Status::None,
        _ => Status::Done,
    }
}

/// A backend by its name, or `#` and its number.
fn find(program: &Program, name: &[u8]) -> Option<ProxyId> {
    let name = std::str::from_utf8(name).ok()?;
    match name.strip_prefix('#') {
        None => program.backend(name),
        Some(number) => {
            let number: u32 = number.parse().ok()?;
            let mut proxies = program.proxies.iter();
            let at = proxies
                .position(|proxy| proxy.live.uuid == number && proxy.ir.kind.has_backend())?;
            u32::try_from(at).ok().map(ProxyId)
        }
    }
}

/// The fields of the form.
#[derive(Debug, Default, PartialEq, Eq)]
struct Form<'a> {
    action: Option<&'a [u8]>,
    backend: Option<&'a [u8]>,
    servers: Vec<&'a [u8]>,
}

impl<'a> Form<'a> {
    /// The last action and the last backend count.
    fn read(text: &'a [u8]) -> Option<Form<'a>> {
        if text.starts_with(b"&") {
            return None;
        }
        let mut form = Form::default();
        for field in text.split(|byte| *byte == b'&') {
            let Some(at) = memchr::memchr(b'=', field) else {
                continue;
            };
            let value = field.get(at + 1..).unwrap_or_default();
            match field.get(..at).unwrap_or_default() {
                b"action" => form.action = Some(value),
                b"b" => form.backend = Some(value),
                b"s" if form.servers.len() < MOST_SERVERS => form.servers.push(value),
                _ => {}
            }
        }
        Some(form)
    }
}

/// Servers of one form.
const MOST_SERVERS: usize = 16_384;

/// What can be done with the servers that are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Ready,
    Drain,
    Maintenance,
    DisableChecks,
    EnableChecks,
    Health(Operation),
    DisableAgent,
    EnableAgent,
    Agent(bool),
    Shutdown,
    Stop,
    Start,
    Enable,
    Disable,
}

/// The choices of the form: the word, and how it is shown.
pub const CHOICES: &[(&str, &str)] = &[
    ("ready", "Set state to READY"),
    ("drain", "Set state to DRAIN"),
    ("maint", "Set state to MAINT"),
    ("dhlth", "Health: disable checks"),
    ("ehlth", "Health: enable checks"),
    ("hrunn", "Health: force UP"),
    ("hnolb", "Health: force NOLB"),
    ("hdown", "Health: force DOWN"),
    ("dagent", "Agent: disable checks"),
    ("eagent", "Agent: enable checks"),
    ("arunn", "Agent: force UP"),
    ("adown", "Agent: force DOWN"),
    ("shutdown", "Kill Sessions"),
];

impl Action {
    fn of(word: &[u8]) -> Option<Action> {
        Some(match word {
            b"ready" => Action::Ready,
            b"drain" => Action::Drain,
            b"maint" => Action::Maintenance,
            b"dhlth" => Action::DisableChecks,
            b"ehlth" => Action::EnableChecks,
            b"hrunn" => Action::Health(Operation::Running),
            b"hnolb" => Action::Health(Operation::Stopping),
            b"hdown" => Action::Health(Operation::Stopped),
            b"dagent" => Action::DisableAgent,
            b"eagent" => Action::EnableAgent,
            b"arunn" => Action::Agent(true),
            b"adown" => Action::Agent(false),
            b"shutdown" => Action::Shutdown,
            // Words of older pages.
            b"stop" => Action::Stop,
            b"start" => Action::Start,
            b"enable" => Action::Enable,
            b"disable" => Action::Disable,
            _ => return None,
        })
    }

    /// Does it; whether that was possible.
    fn run(self, program: &Program, proxy: ProxyId, server: &ServerLive, now: Now) -> bool {
        let options = &server.ir.options;
        let admin = server.state.lock().admin;
        let maintained = admin.maintenance || admin.from_configuration;
        let deed = match self {
            Action::Ready => Deed::Ready,
            Action::Drain => Deed::Drain(""),
            Action::Maintenance => Deed::Maintenance(""),
            Action::DisableChecks | Action::EnableChecks => {
                let disabled = self == Action::DisableChecks;
                server.state.lock().checks_disabled = disabled && options.check.enabled;
                return options.check.enabled;
            }
            Action::Health(_) if options.track.is_some() => return false,
            Action::Health(to) => Deed::Health(to, CHANGED),
            Action::DisableAgent | Action::EnableAgent => {
                let mut state = server.state.lock();
                let Some(agent) = &mut state.agent else {
                    return false;
                };
                agent.paused = self == Action::DisableAgent;
                return true;
            }
            Action::Agent(_) if server.state.lock().active_agent().is_none() => return false,
            Action::Agent(up) => Deed::Agent(up, CHANGED),
            Action::Shutdown => {
                let servers = &program.proxy(proxy).live.servers;
                serve::end_sessions(servers.get(server.index).cloned(), Cause::Killed);
                return true;
            }
            Action::Stop if admin.drain => return false,
            Action::Stop => Deed::Drain(" ('stop' on stats page)"),
            Action::Start if !admin.drain => return false,
            Action::Start => Deed::LeaveDrain,
            Action::Enable if !maintained => return false,
            Action::Enable => Deed::LeaveMaintenance,
            Action::Disable if maintained => return false,
            Action::Disable => Deed::Maintenance(" ('disable' on stats page)"),
        };
        for (proxy, notices) in administer(program, (proxy, server.index), deed, now) {
            serve::with_local(|local| check::announce(&local.plan().logger, proxy, &notices));
        }
        true
    }
}

const CHANGED: &str = "changed from Web interface";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read() {
        let form = Form::read(b"x&s=a&action=ready&b=two&s=b&b=be").expect("a form");
        assert_eq!(form.action, Some(&b"ready"[..]));
        assert_eq!(form.backend, Some(&b"be"[..]));
        assert_eq!(form.servers, [&b"a"[..], b"b"]);
        assert_eq!(Form::read(b"&s=a"), None);
    }

    #[test]
    fn forms_of_other_pages_are_denied() {
        let from = |name: &str, value: &str| {
            let mut head = Head::new();
            head.start_request(b"POST", b"/s", b"HTTP/1.1");
            head.add(b"host", b"foo:80");
            head.add(name.as_bytes(), value.as_bytes());
            is_own(&head)
        };
        assert!(from("origin", "http://foo:80") && from("origin", "HTTPS://FOO:80/"));
        assert!(from("referer", "http://u@foo:80/x") && from("x", "y"));
        assert!(!from("origin", "null") && !from("origin", "") && !from("origin", "http://foo"));
        assert!(!from("referer", "http://foo:801/x") && !from("referer", "/x"));
    }
}
