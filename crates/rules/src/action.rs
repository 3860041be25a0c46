//! The actions: one file each, with its row.

pub mod accept;
pub mod add_acl;
pub mod add_header;
pub mod allow;
pub mod auth;
pub mod capture;
pub mod close;
pub mod del_acl;
pub mod del_header;
pub mod del_map;
pub mod deny;
pub mod disable_l7_retry;
pub mod do_log;
pub mod do_resolve;
mod duration;
pub mod early_hint;
pub mod expect_proxy;
pub mod normalize_uri;
pub(crate) mod old_line;
mod pattern_list;
pub mod pause;
mod priority;
pub(crate) mod reading;
mod reason;
pub mod redirect;
pub mod reject;
mod replace;
pub mod replace_header;
pub mod replace_path;
pub mod replace_pathq;
pub mod replace_uri;
pub mod replace_value;
pub(crate) mod reply;
pub mod r#return;
mod room;
pub mod set_bandwidth_limit;
pub mod set_header;
pub mod set_log_level;
pub mod set_map;
pub mod set_mark;
pub mod set_method;
pub mod set_nice;
pub mod set_path;
pub mod set_pathq;
pub mod set_priority_class;
pub mod set_priority_offset;
pub mod set_query;
pub mod set_retries;
pub mod set_src;
pub mod set_status;
pub mod set_timeout;
pub mod set_uri;
pub mod set_var;
pub mod set_var_fmt;
pub mod silent_drop;
pub mod strict_mode;
pub mod switch_mode;
mod target;
pub mod tarpit;
pub mod unset_var;
pub mod use_service;
pub mod wait_for_body;
pub mod wait_for_handshake;

use hapax_core::keyword::{ActionKeyword, Rulesets};

/// The rows, in alphabetic order as messages list them.
pub static KEYWORDS: &[ActionKeyword] = &[
    accept::ROW,
    add_acl::ROW,
    add_header::ROW,
    allow::ROW,
    auth::ROW,
    capture::ROW,
    close::ROW,
    del_acl::ROW,
    del_header::ROW,
    del_map::ROW,
    deny::ROW,
    disable_l7_retry::ROW,
    do_resolve::ROW,
    do_log::ROW,
    early_hint::ROW,
    expect_proxy::NETSCALER,
    expect_proxy::ROW,
    normalize_uri::ROW,
    pause::ROW,
    redirect::ROW,
    reject::ROW,
    replace_header::ROW,
    replace_path::ROW,
    replace_pathq::ROW,
    replace_uri::ROW,
    replace_value::ROW,
    r#return::ROW,
    set_bandwidth_limit::ROW,
    set_mark::SET_BC_MARK,
    set_mark::SET_BC_TOS,
    set_src::SET_DST,
    set_src::SET_DST_PORT,
    set_mark::SET_FC_MARK,
    set_mark::SET_FC_TOS,
    set_header::ROW,
    set_log_level::ROW,
    set_map::ROW,
    set_mark::SET_MARK,
    set_method::ROW,
    set_nice::ROW,
    set_path::ROW,
    set_pathq::ROW,
    set_priority_class::ROW,
    set_priority_offset::ROW,
    set_query::ROW,
    set_retries::ROW,
    set_src::SET_SRC,
    set_src::SET_SRC_PORT,
    set_status::ROW,
    set_timeout::ROW,
    set_mark::SET_TOS,
    set_uri::ROW,
    set_var::ROW,
    set_var_fmt::ROW,
    silent_drop::ROW,
    use_service::ROW,
    strict_mode::ROW,
    switch_mode::ROW,
    tarpit::ROW,
    unset_var::ROW,
    wait_for_body::ROW,
    wait_for_handshake::ROW,
];

/// Rules of requests and of responses.
const BOTH: Rulesets = Rulesets::HTTP_REQUEST.or(Rulesets::HTTP_RESPONSE);

/// Rules of everything that has a head.
const HEADS: Rulesets = BOTH.or(Rulesets::HTTP_AFTER_RESPONSE);
