//! The HTTP message model: one head, its fields, and the ways to look at a request target.

pub(crate) mod head;
mod name;
mod size;
pub(crate) mod uri;
pub(crate) mod values;

pub use head::{Field, Head, Kind, Seen, Span};
pub use name::Name;
pub use size::counted;
pub use uri::Target;
pub use values::{Values, first_value, tokens};
