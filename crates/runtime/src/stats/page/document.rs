//! The page itself: what the process is, the legend, the choices, and a table per proxy.

use std::io::Write;
use std::sync::atomic::Ordering;

use hapax_core::program::Proxy;

use super::admin::CHOICES;
use super::rows::{self, Cells, MODULES, Shape};
use super::style::STYLE;
use super::{Page, Wish};
use crate::stats::columns::details;
use crate::stats::info;
use crate::stats::view;

/// Writes the page.
pub fn write(page: &Page<'_>, wish: &Wish<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 * 1024);
    let on = node(page).map(|name| format!(" on {}", escape(name)));
    let on = on.unwrap_or_default();
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Statistics Report for HAProxy{on}</title>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style></head>\n<body>\n"
    );
    let version = match page.stats.hide_version {
        true => String::new(),
        false => format!(" version {}", escape(&page.facts.version)),
    };
    let _ = writeln!(out, "<h1>HAProxy{version}</h1>");
    let description = description(page).map(|text| format!(": {}", escape(text)));
    let _ = writeln!(
        out,
        "<h2>Statistics Report for pid {}{on}{}</h2>",
        std::process::id(),
        description.unwrap_or_default()
    );
    if let Some(status) = wish.status {
        let (class, text) = status.message();
        let target = escape(&wish.link(page.stats, &[]));
        let _ = writeln!(
            out,
            "<div class=\"says {class}\"><a class=\"lfsb\" href=\"{target}\" title=\"Remove this message\">[X]</a> {text}</div>"
        );
    }
    out.extend_from_slice(b"<div class=\"top\">\n");
    process(page, &mut out);
    out.extend_from_slice(LEGEND.as_bytes());
    choices(page, wish, &mut out);
    out.extend_from_slice(b"</div>\n");
    let selection = page.selection(wish);
    let cells = Cells::new();
    for proxy in &page.program.proxies {
        if view::selects(&selection, proxy) {
            let form = page.admin && proxy.ir.kind.has_backend() && !proxy.live.servers.is_empty();
            if form {
                out.extend_from_slice(b"<form method=\"post\">");
            }
            begin_table(page, proxy, form, &mut out);
            let shape = Shape {
                marks: form,
                modules: page.stats.show_modules,
            };
            view::for_each_of(page.program, proxy, page.now, &selection, &mut |row| {
                rows::write(&cells, row, shape, &mut out);
            });
            out.extend_from_slice(b"</table></div>\n");
            if form {
                end_form(proxy, &mut out);
            }
        }
    }
    out.extend_from_slice(b"</body></html>\n");
    out
}

fn node<'a>(page: &'a Page<'_>) -> Option<&'a str> {
    let name = page.stats.show_node.as_deref()?;
    let global = page.program.global.node.as_deref();
    Some(match name {
        "" => global.unwrap_or(&page.program.host_name),
        name => name,
    })
}

fn description<'a>(page: &'a Page<'_>) -> Option<&'a str> {
    match page.stats.show_description.as_deref()? {
        "" => page.program.global.description.as_deref(),
        text => Some(text),
    }
}

fn process(page: &Page<'_>, out: &mut Vec<u8>) {
    let live = &page.program.live.process;
    let (facts, measures) = (page.facts, &page.measures);
    let memory = match facts.memmax_mb {
        0 => "unlimited".to_owned(),
        limit => format!("{limit} MB"),
    };
    let lines = [
        (
            "pid",
            format!(
                "{} (process #1, nbproc = 1, nbthread = {})",
                std::process::id(),
                page.program.live.workers
            ),
        ),
        (
            "uptime",
            format!("{}; warnings = {}", info::uptime(page.now), facts.warnings),
        ),
        (
            "system limits",
            format!("memmax = {memory}; ulimit-n = {}", facts.ulimit_n),
        ),
        (
            "maxsock",
            format!(
                "{}; maxconn = {}; reached = {}; maxpipes = {}",
                facts.maxsock,
                live.maxconn.load(Ordering::Relaxed),
                measures.maxconn_reached,
                facts.maxpipes
            ),
        ),
        (
            "current conns",
            format!(
                "{}; current pipes = {}/{}; conn rate = {}/sec",
                live.connections.value(),
                measures.pipes_used,
                measures.pipes_used + measures.pipes_free,
                live.connection_rate.per_second(page.now.ms)
            ),
        ),
    ];
    out.extend_from_slice(b"<dl>");
    for (name, value) in lines {
        let _ = write!(out, "<dt>{name}</dt><dd>{value}</dd>");
    }
    out.extend_from_slice(b"</dl>\n");
}

const LEGEND: &str = "<div class=\"legend\">\
<i class=\"active_up\"></i><span>active UP</span><i class=\"backup_up\"></i><span>backup UP</span>\
<i class=\"active_going_down\"></i><span>active UP, going down</span><i class=\"backup_going_down\"></i><span>backup UP, going down</span>\
<i class=\"active_going_up\"></i><span>active DOWN, going up</span><i class=\"backup_going_up\"></i><span>backup DOWN, going up</span>\
<i class=\"active_down\"></i><span>active or backup DOWN</span><i class=\"active_no_check\"></i><span>not checked</span>\
<i class=\"maintain\"></i><span class=\"wide\">in maintenance (MAINT)</span>\
<i class=\"active_draining\"></i><span class=\"wide\">UP, but takes no new load (NOLB, DRAIN)</span>\
</div>\n";

fn choices(page: &Page<'_>, wish: &Wish<'_>, out: &mut Vec<u8>) {
    let _ = write!(
        out,
        "<div><form method=\"GET\">Scope: <input name=\"scope\" value=\"{}\" size=\"8\" maxlength=\"20\"></form>\n<ul>",
        escape(wish.scope)
    );
    let mut link = |text: &str, change: &[(&str, bool)]| {
        let target = escape(&wish.link(page.stats, change));
        let _ = write!(out, "<li><a href=\"{target}\">{text}</a></li>");
    };
    if wish.up {
        link("Show all servers", &[("up", false)]);
    } else {
        link("Hide 'DOWN' servers", &[("up", true)]);
    }
    if page.stats.refresh > 0 && wish.refresh {
        link("Disable refresh", &[("norefresh", true)]);
    } else if page.stats.refresh > 0 {
        link("Enable refresh", &[("norefresh", false)]);
    }
    link("Refresh now", &[]);
    link(
        "CSV export",
        &[("csv", true), ("norefresh", page.stats.refresh > 0)],
    );
    link(
        "JSON export",
        &[("json", true), ("norefresh", page.stats.refresh > 0)],
    );
    out.extend_from_slice(b"</ul></div>\n");
}

/// What to do with the servers that are marked.
fn end_form(proxy: &Proxy, out: &mut Vec<u8>) {
    out.extend_from_slice(
        b"<p class=\"act\">Choose the action to perform on the checked servers : <select name=\"action\"><option value=\"\"></option>",
    );
    for (word, text) in CHOICES {
        let _ = write!(out, "<option value=\"{word}\">{text}</option>");
    }
    let _ = writeln!(
        out,
        "</select><input type=\"hidden\" name=\"b\" value=\"#{}\">&nbsp;<input type=\"submit\" value=\"Apply\"></p></form>",
        proxy.live.uuid
    );
}

fn begin_table(page: &Page<'_>, proxy: &Proxy, form: bool, out: &mut Vec<u8>) {
    let name = escape(&proxy.ir.name);
    let hint = match page.stats.show_legends {
        true => format!(
            " title=\"cap: {}, mode: {}, id: {}\"",
            proxy.ir.kind.name(),
            details::mode(proxy.ir.mode),
            proxy.live.uuid
        ),
        false => String::new(),
    };
    let description = proxy.ir.description.as_deref();
    let description = description.map(|text| format!("<span>{}</span>", escape(text)));
    let _ = writeln!(
        out,
        "<div class=\"scroll\"><table class=\"tbl\"><caption><a class=\"px\" name=\"{name}\" href=\"#{name}\"{hint}>{name}</a>{}</caption>",
        description.unwrap_or_default()
    );
    let mark = match form {
        true => format!(
            "<th rowspan=\"2\"><input type=\"checkbox\" title=\"All servers\" onclick=\"for(const c of document.getElementsByClassName('be-{}'))c.checked=this.checked\"></th>",
            proxy.live.uuid
        ),
        false => String::new(),
    };
    let modules = page.stats.show_modules;
    let extra = match modules {
        true => format!("<th colspan=\"{}\">Extra modules</th>", MODULES.len()),
        false => String::new(),
    };
    let _ = write!(
        out,
        "<tr class=\"titre\">{mark}{HEADER}{extra}</tr>\n<tr class=\"titre\">{SECOND}"
    );
    for (name, _) in MODULES.iter().filter(|_| modules) {
        let _ = write!(out, "<th>{name}</th>");
    }
    out.extend_from_slice(b"</tr>\n");
}

const HEADER: &str = "<th rowspan=\"2\"></th><th colspan=\"3\">Queue</th><th colspan=\"3\">Session rate</th><th colspan=\"6\">Sessions</th><th colspan=\"2\">Bytes</th><th colspan=\"2\">Denied</th><th colspan=\"3\">Errors</th><th colspan=\"2\">Warnings</th><th colspan=\"9\">Server</th>";

/// The second line of it.
const SECOND: &str = "<th>Cur</th><th>Max</th><th>Limit</th><th>Cur</th><th>Max</th><th>Limit</th><th>Cur</th><th>Max</th><th>Limit</th><th>Total</th><th>LbTot</th><th>Last</th><th>In</th><th>Out</th><th>Req</th><th>Resp</th><th>Req</th><th>Conn</th><th>Resp</th><th>Retr</th><th>Redis</th><th>Status</th><th>LastChk</th><th>Wght</th><th>Act</th><th>Bck</th><th>Chk</th><th>Dwn</th><th>Dwntme</th><th>Thrtle</th>";

/// Text for HTML, also inside attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
