//! Cookies that are made of the servers' addresses: turning them on and off, and their key.

use std::sync::Arc;

use hapax_core::ir::Cookie;
use hapax_core::program::Proxy;

use super::{Answer, Call};

/// `enable dynamic-cookie backend`.
pub fn enable(call: &mut Call<'_>) -> Answer {
    change(call, |cookie, _| cookie.dynamic = true)
}

/// `disable dynamic-cookie backend`.
pub fn disable(call: &mut Call<'_>) -> Answer {
    change(call, |cookie, _| cookie.dynamic = false)
}

/// `set dynamic-cookie-key backend`.
pub fn set_key(call: &mut Call<'_>) -> Answer {
    if !call.arg(0).is_empty()
        && call.arg(1).is_empty()
        && call.program.backend(call.arg(0)).is_some()
    {
        return Answer::Refused("String value expected.\n".into());
    }
    change(call, |cookie, key| cookie.key = Some(key.to_owned()))
}

/// Changes the cookie in force of a backend.
fn change(call: &mut Call<'_>, with: impl FnOnce(&mut Cookie, &str)) -> Answer {
    if call.arg(0).is_empty() {
        return Answer::Refused("A backend name is expected.\n".into());
    }
    let Some(id) = call.program.backend(call.arg(0)) else {
        return Answer::Refused("No such backend.\n".into());
    };
    let proxy = call.program.proxy(id);
    // A backend without cookies has nothing to make.
    if let Some(mut cookie) = in_force(proxy) {
        with(&mut cookie, call.arg(1));
        proxy.live.cookie.store(Some(Arc::new(cookie)));
    }
    Answer::Written
}

fn in_force(proxy: &Proxy) -> Option<Cookie> {
    let changed = proxy.live.cookie.load();
    let mut cookie = changed.as_deref().or(proxy.ir.cookie.as_ref()).cloned()?;
    if cookie.key.is_none() {
        cookie.key.clone_from(&proxy.ir.dynamic_cookie_key);
    }
    Some(cookie)
}
