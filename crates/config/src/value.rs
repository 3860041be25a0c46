//! Words become values: times, sizes, integers and addresses.

pub mod address;
mod number;
mod size;
mod time;

pub use number::{leading_integer, percentage, split_integer, whole_integer};
pub use size::{SizeError, size};
pub use time::{MAX_MILLISECONDS, Time, TimeError, Unit, time};
