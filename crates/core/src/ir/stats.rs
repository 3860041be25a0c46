//! The statistics page.

use serde::Serialize;

use super::{Condition, Rule};

/// `stats ...` of a proxy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// `stats uri`; upstream's default is `/haproxy?stats`.
    pub uri: String,
    /// `stats realm`.
    pub realm: Option<String>,
    /// `stats auth user:password`, in order.
    pub auth: Vec<(String, String)>,
    /// `stats refresh`, seconds.
    pub refresh: u32,
    /// `stats hide-version`.
    pub hide_version: bool,
    /// `stats show-legends`.
    pub show_legends: bool,
    /// `stats show-node`: none is off, an empty name is the global node.
    pub show_node: Option<String>,
    /// `stats show-desc`: none is off, an empty text is the global description.
    pub show_description: Option<String>,
    /// `stats scope`; `.` is the proxy itself.
    pub scope: Vec<String>,
    /// `stats show-modules`.
    pub show_modules: bool,
    /// `stats admin`: who may change servers over the page.
    pub admin: Vec<Condition>,
    /// `stats http-request` rules.
    pub rules: Vec<Rule>,
}

impl Default for Stats {
    fn default() -> Self {
        Stats {
            uri: "/haproxy?stats".into(),
            realm: None,
            auth: Vec::new(),
            refresh: 0,
            hide_version: false,
            show_legends: false,
            show_node: None,
            show_description: None,
            scope: Vec::new(),
            show_modules: false,
            admin: Vec::new(),
            rules: Vec::new(),
        }
    }
}
