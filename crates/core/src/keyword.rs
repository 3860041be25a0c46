//! Rows: every keyword hapax knows is one of these, in a `static` table beside the code that runs it.
//!
//! The binary joins the tables into a [`Registry`]. Look-up, "did you mean", allowed places, the `-dK` dump and the
//! reference pages come from the rows; nothing else matches keyword strings.

mod action;
mod entry;
mod expression;
mod option;
mod registry;
mod section;

use std::fmt;

use serde::{Serialize, Serializer};

pub use action::*;
pub use entry::*;
pub use expression::*;
pub use option::*;
pub use registry::*;
pub use section::*;

/// Something with a name in a table.
pub trait Row: 'static {
    /// The keyword.
    fn name(&self) -> &'static str;
}

/// A reference to a row; printed, compared and dumped by its name.
pub struct RowRef<T: Row>(pub &'static T);

impl<T: Row> Clone for RowRef<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Row> Copy for RowRef<T> {}

impl<T: Row> fmt::Debug for RowRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl<T: Row> PartialEq for RowRef<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl<T: Row> Serialize for RowRef<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<T: Row> std::ops::Deref for RowRef<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}

macro_rules! rows {
    ($($type:ty),*) => { $(
        impl Row for $type {
            fn name(&self) -> &'static str {
                self.name
            }
        }
    )* };
}
rows!(
    SectionKeyword,
    BindOption,
    ServerOption,
    ActionKeyword,
    Fetch,
    Converter,
    MatchMethod,
    AclKeyword,
    LogAlias,
    BalanceKeyword,
    CliCommand,
    StatColumn
);
