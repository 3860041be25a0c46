//! Reason phrases by status (RFC 9110 15, and the later registrations upstream knows).

/// The phrase for `status`, used where a server sent none; empty for statuses without one.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        _ => "",
    }
}
