//! Wire formats of hapax, without I/O.
