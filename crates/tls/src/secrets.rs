//! Secrets of handshakes, which rustls tells while it makes them: for `ssl_fc_session_key` and what `tune.ssl.keylog` allows.

use std::cell::RefCell;

use hapax_core::secured::Secrets;
use rustls::KeyLog;

thread_local! {
    /// Those of the handshake that is being advanced on this thread.
    static TOLD: RefCell<Option<Box<Secrets>>> = const { RefCell::new(None) };
}

/// Keeps what rustls tells.
#[derive(Debug)]
pub(crate) struct Listening {
    /// `tune.ssl.keylog`: beside the master secret of TLS 1.2.
    pub(crate) all: bool,
}

impl KeyLog for Listening {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        TOLD.with_borrow_mut(|told| {
            let told = told.get_or_insert_default();
            let place = match label {
                "CLIENT_RANDOM" => &mut told.master,
                "CLIENT_EARLY_TRAFFIC_SECRET" => &mut told.client_early,
                "CLIENT_HANDSHAKE_TRAFFIC_SECRET" => &mut told.client_handshake,
                "SERVER_HANDSHAKE_TRAFFIC_SECRET" => &mut told.server_handshake,
                "CLIENT_TRAFFIC_SECRET_0" => &mut told.client_traffic,
                "SERVER_TRAFFIC_SECRET_0" => &mut told.server_traffic,
                "EXPORTER_SECRET" => &mut told.exporter,
                _ => return,
            };
            *place = secret.to_vec();
        });
    }

    fn will_log(&self, label: &str) -> bool {
        self.all || label == "CLIENT_RANDOM"
    }
}

/// Puts what was told so far back in place, before a handshake goes on.
pub(crate) fn resume(told: Option<Box<Secrets>>) {
    TOLD.with_borrow_mut(|place| *place = told);
}

/// Takes what was told.
pub(crate) fn take() -> Option<Box<Secrets>> {
    TOLD.with_borrow_mut(Option::take)
}
