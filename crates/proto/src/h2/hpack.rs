//! Header compression (RFC 7541).

mod decode;
pub mod encode;
mod huffman;
mod table;

pub use decode::{BadBlock, DEFAULT_TABLE, Decoder};
