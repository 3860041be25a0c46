//! What a new connection to a server begins with (`send-proxy` and `proxy-v2-options`).

use hapax_core::contract::Cx;
use hapax_core::ir::{Expr, ProxyHeader};
use hapax_core::sample::Type;
use hapax_core::secured::Secured;
use hapax_core::stream::Endpoint;
use hapax_proto::proxy::{self, AUTHORITY, UNIQUE_ID, Version};
use hapax_sample::expression;
use hapax_sample::log_format::{self, unique_id};

use super::exchange::Exchange;
use super::{Client, rules};
use crate::plan::ServerPlan;

/// The header for `server`; empty when it wants none.
pub fn preface(client: &Client, exchange: &mut Exchange, server: &ServerPlan) -> Vec<u8> {
    let session = &client.session;
    let ends = match (session.source, session.destination) {
        (Endpoint::Inet(source), Endpoint::Inet(destination)) => Some((source, destination)),
        _ => None,
    };
    let options = &server.live.ir.options;
    match (options.send_proxy, &options.proxy_header) {
        (None, _) => Vec::new(),
        (Some(2), Some(wanted)) => {
            // The request is on its way then: its fields are no part of what the header may tell.
            let request = std::mem::take(&mut exchange.stream.request);
            let cx = rules::cx(&client.plan, session, exchange, client.local.now());
            let header = with_fields(wanted, ends, &cx);
            exchange.stream.request = request;
            header
        }
        (Some(2), None) => proxy::header(Version::Two, ends),
        (Some(_), _) => proxy::header(Version::One, ends),
    }
}

fn with_fields(
    wanted: &ProxyHeader,
    ends: Option<(std::net::SocketAddr, std::net::SocketAddr)>,
    cx: &Cx<'_>,
) -> Vec<u8> {
    let mut fields: Vec<(u8, Vec<u8>)> = Vec::new();
    for (kind, format) in &wanted.fields {
        let mut text = Vec::new();
        log_format::render(format, cx, &mut text);
        fields.push((*kind, text));
    }
    let checksum = wanted.checksum.then_some(fields.len());
    let tls = cx.session.tls.as_deref();
    if let Some(protocol) = tls.and_then(|tls| tls.protocol.as_deref()) {
        fields.push((PROTOCOL, protocol.to_vec()));
    }
    if wanted.authority
        && let Some(name) = tls.and_then(|tls| tls.server_name.as_deref())
    {
        fields.push((AUTHORITY, name.to_vec()));
    }
    if wanted.unique_id {
        unique_id::with(cx, |id| {
            fields.extend(id.map(|id| (UNIQUE_ID, id.to_vec())))
        });
    }
    if wanted.tls {
        fields.push((TLS, about_tls(wanted, tls, cx)));
    }
    let fields: Vec<_> = fields
        .iter()
        .map(|(kind, content)| (*kind, content.as_slice()))
        .collect();
    proxy::header_with(ends, &fields, checksum)
}

/// What the client's TLS is: how it is used, what the verification found, and fields of their own.
fn about_tls(wanted: &ProxyHeader, tls: Option<&Secured>, cx: &Cx<'_>) -> Vec<u8> {
    let Some(tls) = tls else {
        return vec![0; 5];
    };
    let shown = match tls.peer.is_empty() {
        true => 0,
        false => SHOWN_HERE | SHOWN_IN_SESSION,
    };
    let mut out = vec![SECURED | shown];
    out.extend(u32::from(tls.verdict.result).to_be_bytes());
    proxy::add_field(&mut out, VERSION, tls.version.as_bytes());
    let value = |expr: &Option<Expr>| {
        let sample = expression::eval_as(expr.as_ref()?, Type::Str, cx)?;
        Some(sample.value.bytes()?.to_vec())
    };
    if let Some(name) = value(&wanted.common_name) {
        proxy::add_field(&mut out, COMMON_NAME, &name);
    }
    if wanted.key
        && let Some(key) = tls.own.as_deref().and_then(hapax_tls::key_name)
    {
        proxy::add_field(&mut out, KEY, key.as_bytes());
    }
    if let Some(signature) = value(&wanted.signature) {
        proxy::add_field(&mut out, SIGNATURE, &signature);
    }
    if wanted.cipher {
        proxy::add_field(&mut out, CIPHER, tls.cipher.as_bytes());
    }
    out
}

const PROTOCOL: u8 = 0x01;
const TLS: u8 = 0x20;
const VERSION: u8 = 0x21;
const COMMON_NAME: u8 = 0x22;
const CIPHER: u8 = 0x23;
const SIGNATURE: u8 = 0x24;
const KEY: u8 = 0x25;
const SECURED: u8 = 1;
const SHOWN_HERE: u8 = 2;
const SHOWN_IN_SESSION: u8 = 4;
