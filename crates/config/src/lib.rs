//! From haproxy.cfg text to the IR.
