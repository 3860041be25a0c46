//! The identifier of an exchange, `unique-id-format`: made once, when it is asked for first.

use hapax_core::contract::Cx;
use hapax_core::ir::{LogFlags, LogOrigin};

use super::render::{render, unencoded};

/// Hands the identifier over, and makes it if there is none yet; none without a format.
pub fn with<T>(cx: &Cx<'_>, with: impl FnOnce(Option<&[u8]>) -> T) -> T {
    let frontend = &cx.program.proxy(cx.session.frontend).ir;
    let nothing_began = matches!(
        cx.stream.log_origin,
        LogOrigin::TcpConnection
            | LogOrigin::TcpSession
            | LogOrigin::SessionError
            | LogOrigin::SessionKilled
    );
    match frontend
        .unique_id_format
        .as_ref()
        .filter(|_| !nothing_began)
    {
        None => with(None),
        Some(format) => {
            let make = |out: &mut Vec<u8>| render(format, cx, out);
            cx.stream.unique_id.with(make, |id| with(Some(id)))
        }
    }
}

/// `%ID`: as it is, `-` without a format.
pub(super) fn append(cx: &Cx<'_>, flags: LogFlags, out: &mut Vec<u8>) {
    with(cx, |id| {
        unencoded(id.unwrap_or_default(), flags, out);
    });
}
