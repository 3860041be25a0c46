//! The actions: one file each, with its row.

pub mod add_acl;
pub mod add_header;
pub mod allow;
pub mod auth;
pub mod del_acl;
pub mod del_header;
pub mod del_map;
pub mod deny;
pub mod disable_l7_retry;
mod pattern_list;
mod reading;
mod reason;
pub mod redirect;
pub mod reject;
mod replace;
pub mod replace_header;
pub mod replace_path;
pub mod replace_pathq;
pub mod replace_uri;
pub mod replace_value;
mod reply;
pub mod r#return;
pub mod set_bandwidth_limit;
pub mod set_header;
pub mod set_map;
pub mod set_method;
pub mod set_path;
pub mod set_pathq;
pub mod set_query;
pub mod set_status;
pub mod set_uri;
pub mod set_var;
pub mod set_var_fmt;
mod target;
pub mod tarpit;
pub mod unset_var;

use hapax_core::keyword::{ActionKeyword, Rulesets};

/// The rows, in alphabetic order as messages list them.
pub static KEYWORDS: &[ActionKeyword] = &[
    add_acl::ROW,
    add_header::ROW,
    allow::ROW,
    auth::ROW,
    del_acl::ROW,
    del_header::ROW,
    del_map::ROW,
    deny::ROW,
    disable_l7_retry::ROW,
    redirect::ROW,
    reject::ROW,
    replace_header::ROW,
    replace_path::ROW,
    replace_pathq::ROW,
    replace_uri::ROW,
    replace_value::ROW,
    r#return::ROW,
    set_bandwidth_limit::ROW,
    set_header::ROW,
    set_map::ROW,
    set_method::ROW,
    set_path::ROW,
    set_pathq::ROW,
    set_query::ROW,
    set_status::ROW,
    set_uri::ROW,
    set_var::ROW,
    set_var_fmt::ROW,
    tarpit::ROW,
    unset_var::ROW,
];

/// Rules of requests and of responses.
const BOTH: Rulesets = Rulesets::HTTP_REQUEST.or(Rulesets::HTTP_RESPONSE);
