//! What the engine asks of the rooms beside it, which it knows only as functions: conditions, expressions, log formats
//! and the statistics page.

use hapax_core::contract::{Cx, Outcome, Tx};
use hapax_core::ir::{Condition, Expr};
use hapax_core::program::ProxyId;
use hapax_core::sample::Sample;

use crate::log::Render;

/// See the module text.
#[derive(Clone, Copy, Debug)]
pub struct Rooms {
    /// Renders a log format.
    pub render: Render,
    /// Whether a condition holds.
    pub holds: fn(&Condition, &Cx<'_>) -> bool,
    /// The value of an expression.
    pub eval: for<'a> fn(&'a Expr, &Cx<'a>) -> Option<Sample<'a>>,
    /// Answers a request for the statistics page of a proxy: puts the answer into `stream.response` and
    /// `stream.reply_body`, and says [`Outcome::Reply`]. `request_bytes` is what came of the request's body.
    /// [`Outcome::Continue`] says that the request is not for the page.
    pub stats: fn(&mut Tx<'_>, ProxyId) -> Outcome,
}
