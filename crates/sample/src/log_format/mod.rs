//! Log formats: text to pieces, and pieces to bytes (configuration manual 8.2.6).

pub mod alias;
mod captured;
mod cbor;
mod date;
mod encoded;
mod parse;
mod render;
pub mod unique_id;
mod why;

use hapax_core::ir::LogFormat;

pub use date::Stamp;
pub use parse::{ParsedFormat, parse};
pub use render::{default_line, render, text};

use crate::expression::Origin;
use crate::place::Place;

/// Where the bytes of a format go, which decides about gaps and encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A log line: blanks are merged, absent values are `-`.
    Log,
    /// `unique-id-format`: blanks are merged, nothing is encoded.
    Merged,
    /// A header field or a part of the request line: bytes that must not stand there are encoded as `%XX`.
    Header,
    /// A body or a name: nothing is encoded.
    Plain,
}

/// `option httplog`.
pub const HTTP_LOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";

/// `option httplog clf`.
pub const HTTP_CLF: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";

/// `option tcplog`.
pub const TCP_LOG: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";

/// `option tcplog clf`.
pub const TCP_CLF: &str = "%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s %Th %Tw %Tc %Tt %U %ts-- %ac %fc %bc %sc %rc %sq %bq \"\" \"\" ";

/// `option httpslog`.
pub const HTTPS_LOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc";

/// `option httplog json`.
pub const HTTP_JSON: &str = "%{+json,+utf8}o %(client_ip)ci %(client_port:sint)cp %(date)tr %(frontend)ft %(backend)b %(server)s %(time_request)TR %(time_wait)Tw %(time_connect)Tc %(time_response)Tr %(time_active)Ta %(status)ST %(bytes_out)B %(bytes_in)U %(request_cookie)CC %(response_cookie)CS %(termination)tsc %(connections)ac %(frontend_connections)fc %(backend_connections)bc %(server_connections)sc %(retries)rc %(server_queue)sq %(backend_queue)bq %(request_captures)hrl %(response_captures)hsl %(method)HM %(uri)HU %(version)HV %(unique_id)ID %(why)why";

/// `option tcplog json`.
pub const TCP_JSON: &str = "%{+json,+utf8}o %(client_ip)ci %(client_port:sint)cp %(date)t %(frontend)ft %(backend)b %(server)s %(time_wait)Tw %(time_connect)Tc %(time_total)Tt %(bytes_out)B %(bytes_in)U %(termination)ts %(connections)ac %(frontend_connections)fc %(backend_connections)bc %(server_connections)sc %(retries)rc %(server_queue)sq %(backend_queue)bq %(unique_id)ID %(why)why";

/// [`HTTPS_LOG`], compiled; what connections without TLS give where nothing looks into TLS.
pub fn https(origin: &Origin<'_>) -> LogFormat {
    let parsed = parse(HTTPS_LOG.as_bytes(), Style::Log, Place::LOG, origin);
    let mut format = parsed.map_or_else(
        |_| {
            let plain = HTTPS_LOG
                .replace("%[ssl_fc_is_resumed]", "0")
                .replace("%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]", "-/-/-")
                .replace("%[ssl_fc_sni]", "-");
            builtin(&plain, origin)
        },
        |parsed| parsed.format,
    );
    format.text = HTTPS_LOG.to_owned();
    format
}

/// One of the formats above, compiled. Should a table lack one of its names, the format is empty.
pub fn builtin(text: &str, origin: &Origin<'_>) -> LogFormat {
    parse(text.as_bytes(), Style::Log, Place::LOG, origin)
        .map(|parsed| parsed.format)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
