//! The operating system: sockets, splice, users, limits; the only `unsafe` code of hapax.
