//! The section keywords that make rules.

mod backend;
mod capture;
mod log_format;
mod monitor;
mod redirect;
mod rule;
mod set_var;

use hapax_core::keyword::{Rulesets, SectionKeyword, Sections, Support};

/// The rows.
pub static KEYWORDS: &[SectionKeyword] = &[
    SectionKeyword {
        name: "set-var",
        sections: Sections::GLOBAL,
        negatable: false,
        usage: "<var-name> <expr>",
        doc: "Sets a variable of the process to the value of an expression.",
        support: Support::Runs,
        parse: set_var::parse,
    },
    SectionKeyword {
        name: "set-var-fmt",
        sections: Sections::GLOBAL,
        negatable: false,
        usage: "<var-name> <fmt>",
        doc: "Sets a variable of the process to the text of a log format.",
        support: Support::Runs,
        parse: set_var::parse_format,
    },
    SectionKeyword {
        name: "http-request",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "<action> [options...] [ { if | unless } <condition> ]",
        doc: "A rule for requests.",
        support: Support::Runs,
        parse: |line| rule::parse(line, Rulesets::HTTP_REQUEST),
    },
    SectionKeyword {
        name: "stats http-request",
        sections: Sections(Sections::FRONTEND.0 | Sections::LISTEN.0 | Sections::BACKEND.0),
        negatable: false,
        usage: "{ allow | deny | auth [realm <realm>] } [ { if | unless } <condition> ]",
        doc: "A rule for requests for the statistics page.",
        support: Support::Runs,
        parse: |line| rule::parse(line, Rulesets::STATS),
    },
    SectionKeyword {
        name: "http-response",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "<action> [options...] [ { if | unless } <condition> ]",
        doc: "A rule for responses.",
        support: Support::Runs,
        parse: |line| rule::parse(line, Rulesets::HTTP_RESPONSE),
    },
    SectionKeyword {
        name: "redirect",
        sections: Sections(Sections::FRONTEND.0 | Sections::LISTEN.0 | Sections::BACKEND.0),
        negatable: false,
        usage: "{ location | prefix | scheme } <to> [code <code>] [<option>...] [ { if | unless } <condition> ]",
        doc: "Redirects requests to another location.",
        support: Support::Runs,
        parse: redirect::parse,
    },
    SectionKeyword {
        name: "use_backend",
        sections: Sections(Sections::FRONTEND.0 | Sections::LISTEN.0),
        negatable: false,
        usage: "<backend> [ { if | unless } <condition> ]",
        doc: "Switches to a backend under a condition.",
        support: Support::Runs,
        parse: backend::use_backend,
    },
    SectionKeyword {
        name: "default_backend",
        sections: Sections::FRONT,
        negatable: false,
        usage: "<backend>",
        doc: "The backend when no use_backend rule applies.",
        support: Support::Runs,
        parse: backend::default_backend,
    },
    SectionKeyword {
        name: "monitor fail",
        sections: Sections(Sections::FRONTEND.0 | Sections::LISTEN.0),
        negatable: false,
        usage: "{ if | unless } <condition>",
        doc: "Makes the answer to monitor-uri a failure under a condition.",
        support: Support::Runs,
        parse: monitor::fail,
    },
    SectionKeyword {
        name: "log-format",
        sections: Sections::FRONT,
        negatable: false,
        usage: "<fmt>",
        doc: "The format of log lines.",
        support: Support::Runs,
        parse: log_format::parse,
    },
    SectionKeyword {
        name: "unique-id-format",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "<fmt>",
        doc: "How an identifier for each exchange is made.",
        support: Support::Runs,
        parse: log_format::parse_unique_id,
    },
    SectionKeyword {
        name: "unique-id-header",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "<name>",
        doc: "The field in which servers get the identifier of an exchange.",
        support: Support::Runs,
        parse: log_format::parse_unique_id_header,
    },
    SectionKeyword {
        name: "capture",
        sections: Sections(Sections::DEFAULTS.0 | Sections::FRONTEND.0 | Sections::LISTEN.0),
        negatable: false,
        usage: "{ request header | response header | cookie } <name> len <length>",
        doc: "Keeps a field or a cookie for logs and rules.",
        support: Support::Runs,
        parse: capture::parse,
    },
    SectionKeyword {
        name: "declare",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "capture { request | response } len <length>",
        doc: "Declares a slot that rules may capture into.",
        support: Support::Runs,
        parse: capture::declare,
    },
    SectionKeyword {
        name: "error-log-format",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "<fmt>",
        doc: "The format of log lines about what was no request.",
        support: Support::Runs,
        parse: log_format::parse_error,
    },
    SectionKeyword {
        name: "log-format-sd",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "<fmt>",
        doc: "The structured data of RFC 5424 log lines.",
        support: Support::Runs,
        parse: log_format::parse_structured,
    },
];
