//! Tests of the page: matching, accounts, options of the target, rows by state, and hostile names.

use std::sync::atomic::Ordering;

use super::*;
use crate::stats::tests::{NOW, config, link};

fn request(method: &str, uri: &str, authorization: Option<&str>) -> Head {
    let mut head = Head::new();
    head.start_request(method.as_bytes(), uri.as_bytes(), b"HTTP/1.1");
    if let Some(value) = authorization {
        head.add(b"authorization", value.as_bytes());
    }
    head
}

fn stats() -> ir::Stats {
    ir::Stats {
        uri: "/s".into(),
        ..ir::Stats::default()
    }
}

fn answer(stats: &ir::Stats, head: &Head, change: impl FnOnce(&mut ir::Config)) -> Option<Reply> {
    let mut config = config();
    change(&mut config);
    let program = link(config);
    let facts = Facts {
        version: "3.2.0-hapax".into(),
        ..Facts::default()
    };
    let server = &program.proxies[1].live.servers[4];
    server.state.lock().operation = hapax_core::live::Operation::Stopped;
    server.usable.store(false, Ordering::Relaxed);
    let page = Page {
        program: &program,
        proxy: &program.proxies[0],
        stats,
        facts: &facts,
        measures: Measures::default(),
        now: NOW,
        admin: false,
    };
    matches(stats, head).then(|| page.answer(head))
}

fn body(stats: &ir::Stats, uri: &str) -> String {
    let reply = answer(stats, &request("GET", uri, None), |_| ()).expect("an answer");
    String::from_utf8(reply.body).expect("text")
}

#[test]
fn targets_match_by_prefix() {
    let matching = |method, uri| matches(&stats(), &request(method, uri, None));
    for uri in ["/s", "/s?x", "/sx", "/s;csv", "/s/", "http://host:80/s"] {
        assert!(matching("GET", uri), "{uri}");
    }
    for uri in ["/S", "/", "/x/s", "*", "http://s", ""] {
        assert!(!matching("GET", uri), "{uri}");
    }
    assert!(matching("HEAD", "/s") && matching("POST", "/s") && !matching("DELETE", "/s"));
    assert!(answer(&stats(), &request("GET", "/other", None), |_| ()).is_none());
}

#[test]
fn accounts_are_asked_for() {
    let stats = ir::Stats {
        auth: vec![("u".into(), "p".into()), ("admin".into(), "a:b".into())],
        ..stats()
    };
    let known = |authorization: &str| authorised(&stats, Some(authorization.as_bytes()));
    assert!(known("Basic dTpw") && known("basic YWRtaW46YTpi"));
    for wrong in [
        "Basic dTpx",
        "Basic",
        "Basic ",
        "Basic !!",
        "Bearer dTpw",
        "dTpw",
        "",
    ] {
        assert!(!known(wrong), "{wrong}");
    }
    assert!(!authorised(&stats, None));
    assert!(authorised(&super::tests::stats(), None));
}

#[test]
fn forms_and_fields_follow_the_target() {
    let stats = ir::Stats {
        refresh: 5,
        ..stats()
    };
    let fields = |method, uri| {
        let reply = answer(&stats, &request(method, uri, None), |_| ()).expect("an answer");
        let fields = reply
            .fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}"));
        format!("{} {}", reply.status, fields.collect::<Vec<_>>().join(", "))
    };
    let html = "200 cache-control: no-cache, content-type: text/html, refresh: 5";
    assert_eq!(fields("GET", "/s"), html);
    assert_eq!(fields("HEAD", "/s"), html);
    assert_eq!(
        fields("GET", "/s;csv;norefresh"),
        "200 cache-control: no-cache, content-type: text/plain"
    );
    assert!(fields("GET", "/s;json;norefresh").ends_with("application/json"));
    assert!(fields("GET", "/s;json-schema;norefresh").ends_with("application/json"));
    assert_eq!(
        fields("POST", "/s"),
        "303 cache-control: no-cache, content-type: text/plain, content-length: 0, location: /s;st=DENY"
    );
    assert!(body(&stats, "/s;csv").starts_with("# pxname,svname,"));
    assert!(body(&stats, "/s;typed").starts_with("F.1.0.0.pxname.1:KNS:str:fe\n"));
    assert!(body(&stats, "/s;foo;csvx").starts_with("# pxname"));
    assert!(!body(&stats, "/s;csv").contains("127.0.0.1"), "no legends");
    let head = answer(&stats, &request("HEAD", "/s", None), |_| ()).expect("an answer");
    assert!(head.body.is_empty());
}

#[test]
fn rows_carry_the_class_of_their_state() {
    let page = body(&stats(), "/s");
    for (class, name) in [
        ("frontend", "fe/Frontend"),
        ("socket", "fe/+sock-1"),
        ("active_going_down", "be/s1"),
        ("backup_going_down", "be/s2"),
        ("maintain", "be/s3"),
        ("active_going_down", "be/s4"),
        ("active_down", "be/s5"),
        ("backend", "be/Backend"),
    ] {
        let row =
            format!("<tr class=\"{class}\"><td class=\"ac\"><a class=\"lfsb\" name=\"{name}\"");
        assert!(page.contains(&row), "{row}");
    }
    assert!(page.contains("<h1>HAProxy version 3.2.0-hapax</h1>"));
    assert!(!page.contains("<script"));
    // Every row has as many cells as the header has columns: 31 with the name.
    for row in page
        .lines()
        .filter(|line| line.starts_with("<tr class=\"active"))
    {
        assert_eq!(row.matches("<td").count(), 31);
    }
    let up = body(&stats(), "/s;up");
    assert!(!up.contains("be/s5") && up.contains("be/s1"));
    assert!(up.contains("href=\"/s\">Show all servers"));
}

#[test]
fn scope_hides_proxies() {
    let own = ir::Stats {
        scope: vec![".".into()],
        hide_version: true,
        show_node: Some(String::new()),
        show_description: Some("<text>".into()),
        show_legends: true,
        ..stats()
    };
    let page = body(&own, "/s");
    assert!(page.contains("fe/Frontend") && !page.contains("be/Backend"));
    assert!(page.contains("<h1>HAProxy</h1>") && page.contains("on host: &lt;text&gt;</h2>"));
    assert!(page.contains("title=\"cap: frontend, mode: http, id: 1\""));
    assert!(page.contains("title=\"127.0.0.1:8080, proto=tcpv4, id: 1\""));
    let page = body(&stats(), "/s?scope=be");
    assert!(!page.contains("fe/Frontend") && page.contains("be/Backend"));
    assert!(page.contains("href=\"/s;up?scope=be\""));
    for hostile in [
        "/s?scope=<b>",
        "/s?scope=aaaaaaaaaaaaaaaaaaaaa",
        "/s?scope=\"x",
    ] {
        assert!(body(&stats(), hostile).contains("value=\"\""), "{hostile}");
    }
}

#[test]
fn names_cannot_break_the_page() {
    let reply = answer(&stats(), &request("GET", "/s", None), |config| {
        config.proxies[1].servers[0].name = "\"><script>".into();
        config.proxies[1].description = Some("<b>".into());
    });
    let page = String::from_utf8(reply.expect("an answer").body).expect("text");
    assert!(!page.contains("<script") && !page.contains("<b>"));
    assert!(page.contains("&quot;&gt;&lt;script&gt;"));
}
