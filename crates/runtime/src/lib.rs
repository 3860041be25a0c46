//! The event loop: moves bytes and time.
