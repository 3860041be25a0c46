//! Tests: what is evaluated on the path of a request allocates nothing while it stays in the buffer.

use allocation_counter::measure;
use bumpalo::Bump;
use hapax_core::sample::Type;

use crate::TABLES;
use crate::acl;
use crate::expression::{self, Ending};
use crate::fixture::Fixture;

/// Enough for the scratch memory of every expression here, so that only other memory is seen.
const SCRATCH: usize = 1 << 16;

fn fixture() -> Fixture {
    let mut fixture = Fixture::new(TABLES);
    fixture.arena = Bump::with_capacity(SCRATCH);
    let request = &mut fixture.stream.request;
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.1, 192.0.2.2"),
        ("cookie", "a=b; SRV=one"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
    ] {
        request.add(name.as_bytes(), value.as_bytes());
    }
    fixture
}

#[test]
fn expressions_allocate_nothing() {
    let fixture = fixture();
    let program = fixture.program();
    let mut allocating = Vec::new();
    for text in [
        "path",
        "path,field(2,/)",
        "url,word(2,/)",
        "base",
        "query",
        "url_param(c)",
        "method",
        "req.hdr(host)",
        "req.hdr(host),lower",
        "req.hdr(host),lower,field(1,:)",
        "req.hdr(x-forwarded-for,-1)",
        "req.hdr_ip(x-forwarded-for,1)",
        "req.hdr_cnt(host)",
        "req.cook(SRV)",
        "src",
        "src,ipmask(24)",
        "dst_port",
        "req.hdr(host),length,add(5),mul(2)",
        "path,bytes(1,2)",
        "path,xxh32",
        "path,crc32",
        "fe_name",
        "ssl_fc",
    ] {
        let origin = fixture.origin();
        let Ok(parsed) = expression::parse(text.as_bytes(), Ending::Whole, &origin) else {
            // Rows of other rooms are not in these tables.
            continue;
        };
        let cx = fixture.cx(&program);
        // The first time may fill what is kept for later ones.
        let _ = expression::eval_as(&parsed.expr, Type::Str, &cx);
        let used = measure(|| {
            let _ = std::hint::black_box(expression::eval_as(&parsed.expr, Type::Str, &cx));
        });
        if used.count_total > 0 {
            allocating.push(text);
        }
    }
    assert!(allocating.is_empty(), "{allocating:?}");
}

#[test]
fn acls_allocate_nothing() {
    let mut fixture = fixture();
    for test in [
        "path_beg /a /b /c",
        "path -m str /a/b",
        "path_end .png .jpg",
        "path_sub admin",
        "path_dir b",
        "hdr(host) -i example.org:80 other.example",
        "hdr_dom(host) -i example",
        "hdr_cnt(cookie) gt 0",
        "hdr(user-agent) -m reg -i ^mozilla",
        "path_reg ^/a/",
        "src 10.0.0.0/8 127.0.0.0/8",
        "method GET HEAD",
        "cook(SRV) -m found",
        "dst_port 80 443",
    ] {
        fixture.line(&format!("acl named {test}")).expect("an acl");
    }
    let program = fixture.program();
    let cx = fixture.cx(&program);
    assert!(!program.acls.is_empty());
    for one in &program.acls {
        let _ = acl::matches(one, &cx);
        let used = measure(|| {
            let _ = std::hint::black_box(acl::matches(one, &cx));
        });
        assert_eq!(used.count_total, 0, "{:?}", one.tests.first());
    }
}
