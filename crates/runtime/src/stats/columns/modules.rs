//! Counters of protocols that are not spoken here (QUIC, HTTP/3): nothing of theirs happens, so they are 0;
//! and those of HTTP/2.
//! They keep upstream's places, because tools look columns up by position.

use hapax_core::counter::Count;

use super::columns;
use crate::stats::value::StatValue;
use crate::stats::view::View;

columns! {
    "ssl_sess", ALL, "MCP", "TLS: handshakes that made new sessions", |v| v.count(Count::TlsSessions);
    "ssl_reused_sess", ALL, "MCP", "TLS: handshakes that went on with former sessions", |v| v.count(Count::TlsResumed);
    "ssl_failed_handshake", ALL, "MCP", "TLS: handshakes that failed", |v| v.count(Count::TlsFailed);
    "ssl_ocsp_staple", ALL, "MCP", "TLS: responses of OCSP that were stapled", |v| v.count(Count::TlsStapled);
    idle "ssl_failed_ocsp_staple", ALL, "MCP", "TLS: failed ocsp staple", |_| StatValue::U64(0);
    idle "h3_data", F, "MCP", "HTTP/3: data", |_| StatValue::U64(0);
    idle "h3_headers", F, "MCP", "HTTP/3: headers", |_| StatValue::U64(0);
    idle "h3_cancel_push", F, "MCP", "HTTP/3: cancel push", |_| StatValue::U64(0);
    idle "h3_push_promise", F, "MCP", "HTTP/3: push promise", |_| StatValue::U64(0);
    idle "h3_max_push_id", F, "MCP", "HTTP/3: max push id", |_| StatValue::U64(0);
    idle "h3_goaway", F, "MCP", "HTTP/3: goaway", |_| StatValue::U64(0);
    idle "h3_settings", F, "MCP", "HTTP/3: settings", |_| StatValue::U64(0);
    idle "h3_no_error", F, "MCP", "HTTP/3: no error", |_| StatValue::U64(0);
    idle "h3_general_protocol_error", F, "MCP", "HTTP/3: general protocol error", |_| StatValue::U64(0);
    idle "h3_internal_error", F, "MCP", "HTTP/3: internal error", |_| StatValue::U64(0);
    idle "h3_stream_creation_error", F, "MCP", "HTTP/3: stream creation error", |_| StatValue::U64(0);
    idle "h3_closed_critical_stream", F, "MCP", "HTTP/3: closed critical stream", |_| StatValue::U64(0);
    idle "h3_frame_unexpected", F, "MCP", "HTTP/3: frame unexpected", |_| StatValue::U64(0);
    idle "h3_frame_error", F, "MCP", "HTTP/3: frame error", |_| StatValue::U64(0);
    idle "h3_excessive_load", F, "MCP", "HTTP/3: excessive load", |_| StatValue::U64(0);
    idle "h3_id_error", F, "MCP", "HTTP/3: id error", |_| StatValue::U64(0);
    idle "h3_settings_error", F, "MCP", "HTTP/3: settings error", |_| StatValue::U64(0);
    idle "h3_missing_settings", F, "MCP", "HTTP/3: missing settings", |_| StatValue::U64(0);
    idle "h3_request_rejected", F, "MCP", "HTTP/3: request rejected", |_| StatValue::U64(0);
    idle "h3_request_cancelled", F, "MCP", "HTTP/3: request cancelled", |_| StatValue::U64(0);
    idle "h3_request_incomplete", F, "MCP", "HTTP/3: request incomplete", |_| StatValue::U64(0);
    idle "h3_message_error", F, "MCP", "HTTP/3: message error", |_| StatValue::U64(0);
    idle "h3_connect_error", F, "MCP", "HTTP/3: connect error", |_| StatValue::U64(0);
    idle "h3_version_fallback", F, "MCP", "HTTP/3: version fallback", |_| StatValue::U64(0);
    idle "pack_decompression_failed", F, "MCP", "HTTP/3: pack decompression failed", |_| StatValue::U64(0);
    idle "qpack_encoder_stream_error", F, "MCP", "HTTP/3: encoder stream error", |_| StatValue::U64(0);
    idle "qpack_decoder_stream_error", F, "MCP", "HTTP/3: decoder stream error", |_| StatValue::U64(0);
    idle "quic_rxbuf_full", F, "MCP", "QUIC: rxbuf full", |_| StatValue::U64(0);
    idle "quic_dropped_pkt", F, "MCP", "QUIC: dropped pkt", |_| StatValue::U64(0);
    idle "quic_dropped_pkt_bufoverrun", F, "MCP", "QUIC: dropped pkt bufoverrun", |_| StatValue::U64(0);
    idle "quic_dropped_parsing_pkt", F, "MCP", "QUIC: dropped parsing pkt", |_| StatValue::U64(0);
    idle "quic_socket_full", F, "MCP", "QUIC: socket full", |_| StatValue::U64(0);
    idle "quic_sendto_err", F, "MCP", "QUIC: sendto err", |_| StatValue::U64(0);
    idle "quic_sendto_err_unknwn", F, "MCP", "QUIC: sendto err unknwn", |_| StatValue::U64(0);
    idle "quic_sent_pkt", F, "MCP", "QUIC: sent pkt", |_| StatValue::U64(0);
    idle "quic_lost_pkt", F, "MCP", "QUIC: lost pkt", |_| StatValue::U64(0);
    idle "quic_too_short_dgram", F, "MCP", "QUIC: too short dgram", |_| StatValue::U64(0);
    idle "quic_retry_sent", F, "MCP", "QUIC: retry sent", |_| StatValue::U64(0);
    idle "quic_retry_validated", F, "MCP", "QUIC: retry validated", |_| StatValue::U64(0);
    idle "quic_retry_error", F, "MCP", "QUIC: retry error", |_| StatValue::U64(0);
    idle "quic_half_open_conn", F, "MGP", "QUIC: half open conn", |_| StatValue::U64(0);
    idle "quic_hdshk_fail", F, "MCP", "QUIC: hdshk fail", |_| StatValue::U64(0);
    idle "quic_stless_rst_sent", F, "MCP", "QUIC: stless rst sent", |_| StatValue::U64(0);
    idle "quic_conn_migration_done", F, "MCP", "QUIC: conn migration done", |_| StatValue::U64(0);
    idle "quic_transp_err_no_error", F, "MCP", "QUIC: transp err no error", |_| StatValue::U64(0);
    idle "quic_transp_err_internal_error", F, "MCP", "QUIC: transp err internal error", |_| StatValue::U64(0);
    idle "quic_transp_err_connection_refused", F, "MCP", "QUIC: transp err connection refused", |_| StatValue::U64(0);
    idle "quic_transp_err_flow_control_error", F, "MCP", "QUIC: transp err flow control error", |_| StatValue::U64(0);
    idle "quic_transp_err_stream_limit_error", F, "MCP", "QUIC: transp err stream limit error", |_| StatValue::U64(0);
    idle "quic_transp_err_stream_state_error", F, "MCP", "QUIC: transp err stream state error", |_| StatValue::U64(0);
    idle "quic_transp_err_final_size_error", F, "MCP", "QUIC: transp err final size error", |_| StatValue::U64(0);
    idle "quic_transp_err_frame_encoding_error", F, "MCP", "QUIC: transp err frame encoding error", |_| StatValue::U64(0);
    idle "quic_transp_err_transport_parameter_error", F, "MCP", "QUIC: transp err transport parameter error", |_| StatValue::U64(0);
    idle "quic_transp_err_connection_id_limit", F, "MCP", "QUIC: transp err connection id limit", |_| StatValue::U64(0);
    idle "quic_transp_err_protocol_violation_error", F, "MCP", "QUIC: transp err protocol violation error", |_| StatValue::U64(0);
    idle "quic_transp_err_invalid_token", F, "MCP", "QUIC: transp err invalid token", |_| StatValue::U64(0);
    idle "quic_transp_err_application_error", F, "MCP", "QUIC: transp err application error", |_| StatValue::U64(0);
    idle "quic_transp_err_crypto_buffer_exceeded", F, "MCP", "QUIC: transp err crypto buffer exceeded", |_| StatValue::U64(0);
    idle "quic_transp_err_key_update_error", F, "MCP", "QUIC: transp err key update error", |_| StatValue::U64(0);
    idle "quic_transp_err_aead_limit_reached", F, "MCP", "QUIC: transp err aead limit reached", |_| StatValue::U64(0);
    idle "quic_transp_err_no_viable_path", F, "MCP", "QUIC: transp err no viable path", |_| StatValue::U64(0);
    idle "quic_transp_err_crypto_error", F, "MCP", "QUIC: transp err crypto error", |_| StatValue::U64(0);
    idle "quic_transp_err_unknown_error", F, "MCP", "QUIC: transp err unknown error", |_| StatValue::U64(0);
    idle "quic_data_blocked", F, "MCP", "QUIC: data blocked", |_| StatValue::U64(0);
    idle "quic_stream_data_blocked", F, "MCP", "QUIC: stream data blocked", |_| StatValue::U64(0);
    idle "quic_streams_blocked_bidi", F, "MCP", "QUIC: streams blocked bidi", |_| StatValue::U64(0);
    idle "quic_streams_blocked_uni", F, "MCP", "QUIC: streams blocked uni", |_| StatValue::U64(0);
    "h2_headers_rcvd", FB, "MCP", "HTTP/2: headers rcvd", |v| v.count(Count::Http2Headers);
    "h2_data_rcvd", FB, "MCP", "HTTP/2: data rcvd", |v| v.count(Count::Http2Data);
    "h2_settings_rcvd", FB, "MCP", "HTTP/2: settings rcvd", |v| v.count(Count::Http2Settings);
    "h2_rst_stream_rcvd", FB, "MCP", "HTTP/2: rst stream rcvd", |v| v.count(Count::Http2Resets);
    "h2_goaway_rcvd", FB, "MCP", "HTTP/2: goaway rcvd", |v| v.count(Count::Http2Goaways);
    "h2_detected_conn_protocol_errors", FB, "MCP", "HTTP/2: detected conn protocol errors", |v| v.count(Count::Http2ConnectionErrors);
    "h2_detected_strm_protocol_errors", FB, "MCP", "HTTP/2: detected strm protocol errors", |v| v.count(Count::Http2StreamErrors);
    "h2_rst_stream_resp", FB, "MCP", "HTTP/2: rst stream resp", |v| v.count(Count::Http2ResetsSent);
    "h2_goaway_resp", FB, "MCP", "HTTP/2: goaway resp", |v| v.count(Count::Http2GoawaysSent);
    "h2_open_connections", FB, "MGP", "HTTP/2: open connections", open_connections;
    idle "h2_backend_open_streams", FB, "MGP", "HTTP/2: backend open streams", |_| StatValue::U64(0);
    "h2_total_connections", FB, "MCP", "HTTP/2: total connections", |v| v.count(Count::Http2Connections);
    idle "h2_backend_total_streams", FB, "MCP", "HTTP/2: backend total streams", |_| StatValue::U64(0);
}

fn open_connections<'v>(view: &'v View<'_>) -> StatValue<'v> {
    match (view.count(Count::Http2Begun), view.count(Count::Http2Ended)) {
        (StatValue::U64(begun), StatValue::U64(ended)) => {
            StatValue::U64(begun.saturating_sub(ended))
        }
        (other, _) => other,
    }
}
