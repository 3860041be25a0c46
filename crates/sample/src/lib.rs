//! Fetches, converters, ACLs, patterns, expressions and log formats.
