//! Tests of the statistics over a small program made by hand.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hapax_core::contract::{Algorithm, BalanceKey, Balancer, KeyValue, Now, Shared};
use hapax_core::counter::Count;
use hapax_core::ir;
use hapax_core::live::{CheckResult, CheckStatus, Live, Operation, Servers};
use hapax_core::program::Program;
use hapax_core::span::Span;

use super::columns;
use super::csv;
use super::view::{self, Kinds, Selection};

#[derive(Debug)]
struct Turns;

impl Algorithm for Turns {
    fn text(&self) -> String {
        "roundrobin".into()
    }

    fn name(&self) -> &'static str {
        "roundrobin"
    }

    fn key(&self) -> BalanceKey<'_> {
        BalanceKey::None
    }

    fn build(&self, _: &ir::ProxySettings, _: &Servers) -> Box<dyn Balancer> {
        Box::new(Nobody)
    }
}

#[derive(Debug)]
struct Nobody;

impl Balancer for Nobody {
    fn choose(&self, _: KeyValue<'_>, _: Option<usize>) -> Option<usize> {
        None
    }

    fn connections_changed(&self, _: usize) {}

    fn servers_changed(&self) {}
}

fn proxy(name: &str, kind: ir::ProxyKind) -> ir::Proxy {
    let mut proxy = ir::Proxy::new(name.into(), kind, Span::default(), Shared(Arc::new(Turns)));
    proxy.mode = ir::Mode::Http;
    proxy
}

fn server(name: &str, change: impl FnOnce(&mut ir::ServerOptions)) -> ir::SharedServer {
    let mut options = ir::ServerOptions::default();
    change(&mut options);
    ir::Server {
        name: name.into(),
        span: Span::default(),
        address: ir::Address::Inet("127.0.0.1:8082".parse().expect("an address")),
        port: ir::ServerPort::Fixed,
        text: "127.0.0.1:8082".into(),
        host_name: None,
        options: options.into(),
    }
    .into()
}

/// Frontend `fe` (with a listener) and backend `be` with servers of every sort.
pub(crate) fn config() -> ir::Config {
    let mut fe = proxy("fe", ir::ProxyKind::Frontend);
    fe.maxconn = Some(100);
    fe.rate_limit_sessions = 7;
    fe.options.socket_stats = true;
    fe.default_backend = Some(("be".into(), Span::default()));
    fe.binds.push(ir::Bind {
        address: ir::Address::Inet("127.0.0.1:8080".parse().expect("an address")),
        span: Span::default(),
        text: "127.0.0.1:8080".into(),
        options: ir::BindOptions {
            maxconn: 3,
            ..ir::BindOptions::default()
        },
    });
    let mut be = proxy("be", ir::ProxyKind::Backend);
    be.servers = vec![
        server("s1", |o| {
            o.check.enabled = true;
            o.weight = 10;
            o.maxconn = 50;
            o.maxqueue = 5;
            o.cookie = Some("a,b".into());
            o.pool_max_conn = 4;
        }),
        server("s2", |o| {
            o.check.enabled = true;
            o.backup = true;
        }),
        server("s3", |o| o.disabled = true),
        server("s4", |o| o.track = Some(("be".into(), "s1".into()))),
        server("s5", |_| {}),
    ];
    let mut config = ir::Config::default();
    config.global.maxconn = Some(2000);
    config.proxies = vec![fe, be];
    config
}

/// The program of [`config`].
pub(crate) fn program() -> Program {
    link(config())
}

pub(crate) fn link(config: ir::Config) -> Program {
    let live = Arc::new(Live::new(&config, 1, 1_700_000_000_000_000));
    Program::link(config, live, "host".into())
}

pub(crate) const NOW: Now = Now {
    ms: 60_500,
    wall_us: 1_700_000_060_500_000,
};

/// The value of a column in the row `proxy/service` as text.
fn value(program: &Program, row: &str, column: &str) -> String {
    let selection = Selection {
        legends: true,
        counts_servers: false,
        ..Selection::default()
    };
    let column = columns::find(column).expect("a column");
    let service = columns::find("svname").expect("a column");
    let mut found = None;
    view::for_each(program, NOW, &selection, |view| {
        let mut name = format!("{}/", view.proxy.ir.name).into_bytes();
        service.value(view).write(&mut name);
        if name == row.as_bytes() {
            let mut text = Vec::new();
            column.value(view).write(&mut text);
            found = String::from_utf8(text).ok();
        }
    });
    found.expect("a row")
}

fn values(program: &Program, row: &str, wanted: &[(&str, &str)]) {
    for (column, expected) in wanted {
        assert_eq!(value(program, row, column), *expected, "{row} {column}");
    }
}

#[test]
fn the_header_has_upstreams_columns() {
    let mut out = Vec::new();
    csv::write_header(&mut out);
    let header = String::from_utf8(out).expect("text");
    let names: Vec<&str> = header.trim_end().split(',').collect();
    assert!(header.starts_with("# pxname,svname,qcur,"));
    // The manual (9.1) numbers the fixed columns: these places must never move.
    for (place, name) in [
        (17, "status"),
        (32, "type"),
        (48, "req_tot"),
        (73, "addr"),
        (80, "intercepted"),
        (98, "need_conn_est"),
        (112, "proto"),
        (113, "-"),
    ] {
        assert_eq!(names.get(place), Some(&name));
    }
    assert_eq!(
        names.len(),
        208,
        "206 columns, the dash, and the comma at the end"
    );
}

// exercises: column/pxname column/svname column/slim column/rate_lim column/pid column/iid column/sid column/type
// exercises: column/addr column/mode column/algo column/proto column/cookie column/weight column/uweight column/act
// exercises: column/bck column/tracked column/qlimit column/src_ilim column/check_rise column/check_fall column/lastchg
// exercises: column/check_health column/status column/downtime
#[test]
fn what_the_configuration_says_is_shown() {
    let program = program();
    values(
        &program,
        "fe/FRONTEND",
        &[
            ("pxname", "fe"),
            ("status", "OPEN"),
            ("slim", "100"),
            ("rate_lim", "7"),
            ("type", "0"),
            ("iid", "1"),
            ("pid", "1"),
            ("mode", "http"),
            ("weight", ""),
        ],
    );
    values(
        &program,
        "fe/sock-1",
        &[
            ("slim", "3"),
            ("type", "3"),
            ("addr", "127.0.0.1:8080"),
            ("proto", "tcpv4"),
        ],
    );
    values(
        &program,
        "be/s1",
        &[
            ("status", "UP 1/3"),
            ("weight", "10"),
            ("act", "1"),
            ("bck", "0"),
            ("slim", "50"),
            ("qlimit", "5"),
            ("sid", "1"),
            ("src_ilim", "4"),
            ("check_rise", "2"),
            ("check_fall", "3"),
            ("check_health", "2"),
            ("lastchg", "60"),
            ("cookie", "a,b"),
            ("addr", "127.0.0.1:8082"),
        ],
    );
    values(&program, "be/s2", &[("act", "0"), ("bck", "1")]);
    values(
        &program,
        "be/s3",
        &[("status", "MAINT"), ("check_status", ""), ("downtime", "")],
    );
    values(&program, "be/s4", &[("tracked", "be/s1"), ("chkfail", "")]);
    values(&program, "be/s5", &[("status", "no check")]);
    values(
        &program,
        "be/BACKEND",
        &[
            ("status", "UP"),
            ("act", "3"),
            ("bck", "1"),
            ("weight", "12"),
            ("uweight", "12"),
            ("slim", "10"),
            ("algo", "roundrobin"),
            ("type", "1"),
            ("iid", "2"),
            ("downtime", "0"),
        ],
    );
}

// exercises: column/stot column/bin column/bout column/dreq column/dresp column/ereq column/econ column/eresp
// exercises: column/wretr column/wredis column/lbtot column/hrsp_1xx column/hrsp_2xx column/hrsp_3xx column/hrsp_4xx
// exercises: column/hrsp_5xx column/hrsp_other column/req_tot column/cli_abrt column/srv_abrt column/conn_tot
// exercises: column/intercepted column/dcon column/dses column/wrew column/connect column/reuse column/eint
// exercises: column/sess_other column/h1sess column/h1req column/h1_total_connections column/h1_total_streams
#[test]
fn every_counter_has_its_column() {
    let program = program();
    let pairs = [
        ("stot", Count::Sessions),
        ("bin", Count::BytesIn),
        ("bout", Count::BytesOut),
        ("dreq", Count::DeniedRequests),
        ("dresp", Count::DeniedResponses),
        ("ereq", Count::RequestErrors),
        ("econ", Count::ConnectionErrors),
        ("eresp", Count::ResponseErrors),
        ("wretr", Count::Retries),
        ("wredis", Count::Redispatches),
        ("lbtot", Count::Chosen),
        ("hrsp_1xx", Count::Status1xx),
        ("hrsp_2xx", Count::Status2xx),
        ("hrsp_3xx", Count::Status3xx),
        ("hrsp_4xx", Count::Status4xx),
        ("hrsp_5xx", Count::Status5xx),
        ("hrsp_other", Count::StatusOther),
        ("cli_abrt", Count::ClientAborts),
        ("srv_abrt", Count::ServerAborts),
        ("conn_tot", Count::Connections),
        ("intercepted", Count::Intercepted),
        ("dcon", Count::DeniedConnections),
        ("dses", Count::DeniedSessions),
        ("wrew", Count::FailedRewrites),
        ("connect", Count::Connects),
        ("reuse", Count::Reuses),
        ("eint", Count::InternalErrors),
    ];
    let [fe, be] = [
        &program.proxies[0].live.frontend,
        &program.proxies[1].live.backend,
    ];
    for (number, (_, what)) in pairs.iter().enumerate() {
        fe.counters.add(0, *what, 1000 + number as u64);
        be.counters.add(0, *what, 2000 + number as u64);
    }
    for (number, (column, _)) in pairs.iter().enumerate() {
        let kinds = columns::find(column).expect("a column").kinds;
        if kinds.has(Kinds::F) {
            assert_eq!(
                value(&program, "fe/FRONTEND", column),
                (1000 + number).to_string()
            );
        }
        if kinds.has(Kinds::B) {
            assert_eq!(
                value(&program, "be/BACKEND", column),
                (2000 + number).to_string()
            );
        }
    }
    fe.counters.add(0, Count::Requests, 40);
    be.counters.add(0, Count::Requests, 30);
    values(
        &program,
        "fe/FRONTEND",
        &[
            ("req_tot", "40"),
            ("h1req", "40"),
            ("h1sess", "1000"),
            ("sess_other", "0"),
            ("h1_total_connections", "1019"),
            ("h1_total_streams", "40"),
        ],
    );
    values(
        &program,
        "be/BACKEND",
        &[
            ("req_tot", "30"),
            ("h1_total_connections", "2024"),
            ("h1_total_streams", "4049"),
        ],
    );
    let server = &program.proxies[1].live.servers[0];
    server.counters.add(0, Count::Status2xx, 4);
    server.counters.add(0, Count::Status5xx, 1);
    values(&program, "be/s1", &[("req_tot", "5")]);
}

#[test]
fn in_tcp_mode_http_columns_are_empty() {
    let mut config = config();
    for proxy in &mut config.proxies {
        proxy.mode = ir::Mode::Tcp;
    }
    let program = link(config);
    program.proxies[0]
        .live
        .frontend
        .counters
        .add(0, Count::Sessions, 3);
    values(
        &program,
        "fe/FRONTEND",
        &[
            ("hrsp_2xx", ""),
            ("intercepted", ""),
            ("req_tot", "0"),
            ("sess_other", "3"),
            ("h1sess", "0"),
            ("mode", "tcp"),
        ],
    );
    values(
        &program,
        "be/BACKEND",
        &[("hrsp_2xx", ""), ("req_tot", ""), ("cache_hits", "")],
    );
}

// exercises: column/scur column/smax column/qcur column/qmax column/rate column/rate_max column/req_rate
// exercises: column/req_rate_max column/conn_rate column/conn_rate_max column/lastsess column/qtime column/ctime
// exercises: column/rtime column/ttime column/qtime_max column/ctime_max column/rtime_max column/ttime_max
// exercises: column/srv_icur column/idle_conn_cur column/safe_conn_cur column/used_conn_cur column/need_conn_est column/h1_open_connections
#[test]
fn gauges_rates_and_times_are_shown() {
    let program = program();
    let front = &program.proxies[0].live.frontend;
    let back = &program.proxies[1].live;
    let server = &back.servers[0];
    values(&program, "be/s1", &[("lastsess", "-1")]);
    for gauge in [
        &front.sessions,
        &server.sessions,
        &back.queue,
        &server.queue,
    ] {
        gauge.up();
        gauge.up();
        gauge.down();
    }
    for rate in [
        &front.session_rate,
        &front.request_rate,
        &front.connection_rate,
        &server.session_rate,
    ] {
        rate.add(0, NOW.ms);
        rate.add(0, NOW.ms);
    }
    server.last_session_ms.store(50_000, Ordering::Relaxed);
    server.averages.add([2048, 3, 5000, 9000]);
    server.idle.store(3, Ordering::Relaxed);
    server.idle_safe.store(2, Ordering::Relaxed);
    server.used.store(3, Ordering::Relaxed);
    server.needed.store(4, Ordering::Relaxed);
    values(
        &program,
        "fe/FRONTEND",
        &[
            ("scur", "1"),
            ("smax", "2"),
            ("rate", "2"),
            ("rate_max", "2"),
            ("req_rate", "2"),
            ("req_rate_max", "2"),
            ("conn_rate", "2"),
            ("conn_rate_max", "2"),
            ("h1_open_connections", "1"),
        ],
    );
    values(
        &program,
        "be/s1",
        &[
            ("scur", "1"),
            ("qcur", "1"),
            ("qmax", "2"),
            ("rate", "2"),
            ("lastsess", "10"),
            ("qtime", "2"),
            ("ctime", "1"),
            ("rtime", "5"),
            ("ttime", "9"),
            ("qtime_max", "2048"),
            ("ctime_max", "3"),
            ("rtime_max", "5000"),
            ("ttime_max", "9000"),
            ("srv_icur", "3"),
            ("idle_conn_cur", "1"),
            ("safe_conn_cur", "2"),
            ("used_conn_cur", "3"),
            ("need_conn_est", "4"),
        ],
    );
    values(
        &program,
        "be/BACKEND",
        &[("qcur", "1"), ("qmax", "2"), ("h1_open_connections", "6")],
    );
}

// exercises: column/check_status column/check_code column/check_duration column/last_chk column/check_desc
// exercises: column/chkfail column/chkdown column/throttle
#[test]
fn health_is_told_as_upstream_tells_it() {
    let mut config = config();
    config.proxies[1].servers[0].options.check.rise = 3;
    config.proxies[1].servers[0].options.check.fall = 4;
    let program = link(config);
    let server = &program.proxies[1].live.servers[0];
    let status = |change: &dyn Fn(&mut hapax_core::live::ServerState)| {
        change(&mut server.state.lock());
        value(&program, "be/s1", "status")
    };
    assert_eq!(status(&|s| s.health = 6), "UP");
    assert_eq!(status(&|s| s.health = 5), "UP 3/4");
    assert_eq!(value(&program, "be/s4", "status"), "UP 3/4", "tracked");
    assert_eq!(status(&|s| s.health = 3), "UP 1/4");
    assert_eq!(status(&|s| s.operation = Operation::Stopping), "NOLB 1/4");
    assert_eq!(status(&|s| s.admin.drain = true), "NOLB 1/4");
    assert_eq!(status(&|s| s.operation = Operation::Running), "DRAIN 1/4");
    assert_eq!(
        status(&|s| {
            s.operation = Operation::Stopped;
            s.health = 0;
        }),
        "DOWN"
    );
    assert_eq!(status(&|s| s.health = 2), "DOWN 2/3");
    assert_eq!(status(&|s| s.admin.unresolved = true), "MAINT (resolution)");
    assert_eq!(
        status(&|s| s.admin.inherited_maintenance = true),
        "MAINT (via /)"
    );
    assert_eq!(status(&|s| s.admin.maintenance = true), "MAINT");
    {
        let mut state = server.state.lock();
        state.admin = hapax_core::live::Admin::default();
        state.failed_checks = 4;
        state.down_transitions = 1;
        state.downtime = 5;
        state.last_change_ms = 58_000;
        state.check = Some(CheckResult {
            status: CheckStatus::L7Status,
            code: 500,
            duration_ms: 12,
            info: "Internal Server Error".into(),
        });
    }
    values(
        &program,
        "be/s1",
        &[
            ("chkfail", "4"),
            ("chkdown", "1"),
            ("downtime", "7"),
            ("check_status", "L7STS"),
            ("check_code", "500"),
            ("check_duration", "12"),
            ("last_chk", "Internal Server Error"),
            ("check_desc", "Layer7 wrong status"),
            ("throttle", ""),
        ],
    );
    server.state.lock().operation = Operation::Starting;
    server.effective_weight.store(11, Ordering::Relaxed);
    values(&program, "be/s1", &[("throttle", "6"), ("weight", "1")]);
    server.state.lock().check_running = true;
    values(&program, "be/s1", &[("check_status", "* L7STS")]);
}

#[test]
fn a_backend_without_usable_servers_is_down() {
    let program = program();
    let back = &program.proxies[1].live;
    for server in &back.servers {
        server.usable.store(false, Ordering::Relaxed);
    }
    back.down_transitions.store(2, Ordering::Relaxed);
    back.last_change_ms.store(50_500, Ordering::Relaxed);
    values(
        &program,
        "be/BACKEND",
        &[
            ("status", "DOWN"),
            ("act", "0"),
            ("weight", "0"),
            ("chkdown", "2"),
            ("downtime", "10"),
            ("lastchg", "10"),
        ],
    );
    back.servers[1].usable.store(true, Ordering::Relaxed);
    values(
        &program,
        "be/BACKEND",
        &[("status", "UP"), ("bck", "1"), ("weight", "1")],
    );
}

#[test]
fn rows_can_be_selected() {
    let program = program();
    let rows = |selection: &Selection| {
        let mut names = Vec::new();
        view::for_each(&program, NOW, selection, |view| {
            let mut name = Vec::new();
            columns::find("svname")
                .expect("a column")
                .value(view)
                .write(&mut name);
            names.push(String::from_utf8(name).expect("text"));
        });
        names.join(" ")
    };
    let all = Selection::default();
    assert_eq!(rows(&all), "FRONTEND sock-1 s1 s2 s3 s4 s5 BACKEND");
    assert_eq!(
        rows(&Selection {
            kinds: Some(4),
            id: Some(3),
            ..all.clone()
        }),
        "s3"
    );
    assert_eq!(
        rows(&Selection {
            proxy: Some(2),
            up: true,
            ..all.clone()
        }),
        "s1 s2 s4 s5 BACKEND"
    );
    assert_eq!(
        rows(&Selection {
            no_maintenance: true,
            kinds: Some(4),
            ..all.clone()
        }),
        "s1 s2 s4 s5"
    );
    assert_eq!(
        rows(&Selection {
            scope: vec!["fe".into()],
            ..all
        }),
        "FRONTEND sock-1"
    );
}
