//! TLS handshakes: with clients before their session begins, with servers before the first byte of a request.

use hapax_core::stream::Session;
use hapax_tls::fault;
use hapax_tls::listener::Listener;

use crate::http::Client;
use crate::http::client::within;
use crate::io::LayerFault;
use crate::plan::Plan;

/// What the listener of a session needs to speak TLS; none when it does not.
pub fn listener<'a>(plan: &'a Plan, session: &Session) -> Option<&'a Listener> {
    let live = plan.live(session.frontend);
    let tls = live.listeners.get(session.listener)?.tls.get()?;
    tls.as_any().downcast_ref()
}

/// Makes the handshake with a client. False when it failed, which was logged then.
pub async fn with_client(client: &mut Client) -> bool {
    let plan = client.plan.clone();
    let Some(listener) = listener(&plan, &client.session) else {
        return true;
    };
    let Ok(handshake) = listener.handshake() else {
        return false;
    };
    let ir = &plan.proxy(client.session.frontend).ir;
    let timeouts = &ir.timeouts;
    let deadline = Client::after(timeouts.client_hs.or(timeouts.client));
    client.socket.secure(handshake, client.input.take());
    let (socket, timer, handle) = (&mut client.socket, &mut client.timer, &client.handle);
    let made = within(timer, handle, deadline, |cx| socket.poll_secured(cx)).await;
    let log_null = !ir.options.dontlognull;
    let (why, reason, counts) = match made {
        Ok(Ok(())) => {
            client.session.tls = client.socket.secured().cloned();
            return true;
        }
        Ok(Err(LayerFault::Closed)) => (CLOSED, None, log_null),
        Ok(Err(LayerFault::Broken(_))) => (BROKEN, None, log_null),
        Ok(Err(LayerFault::Handshake(fault))) => {
            log::debug!("handshake with a client failed: {fault}");
            (FAILURE, fault::reason(&fault), true)
        }
        Err(_) => (LATE, None, log_null),
    };
    if counts {
        match reason {
            Some(reason) => {
                let text = format!("{why} ({reason})");
                plan.logger
                    .no_session(&client.session, client.local.now(), &text);
            }
            None => plan
                .logger
                .no_session(&client.session, client.local.now(), why),
        }
    }
    false
}

const FAILURE: &str = "SSL handshake failure";
const CLOSED: &str = "Connection closed during SSL handshake";
const BROKEN: &str = "Connection error during SSL handshake";
const LATE: &str = "Timeout during SSL handshake";
