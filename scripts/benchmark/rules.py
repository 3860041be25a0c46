"""Rules: what one costs that does not match, what twenty typical ones add to a request, many patterns against one."""
import os

from .maps import per_request

NAME = "rules"
TIMES = 200

# Conditions that do not hold for `GET /` without cookies, asked for by load.fixed.
CONDITIONS = [
    ("path_beg", "{ path_beg /no-such-path }"),
    ("path_end -i", "{ path_end -i .jpg .gif .png .css .js }"),
    ("hdr(host)", "{ hdr(host) www.example.com }"),
    ("hdr(host) -i", "{ hdr(host) -i www.example.com example.com }"),
    ("hdr_dom(host)", "{ hdr_dom(host) -i example.com }"),
    ("method", "{ method POST }"),
    ("src", "{ src 10.0.0.0/8 192.168.0.0/16 }"),
    ("hdr_cnt gt", "{ req.hdr_cnt(x-forwarded-for) gt 1 }"),
    ("req.hdr -m found", "{ req.hdr(authorization) -m found }"),
    ("cook", "{ req.cook(session) -m found }"),
    ("path_reg", "{ path_reg ^/(api|v[0-9]+)/users/[0-9]+$ }"),
    ("path_sub", "{ path_sub admin }"),
    ("path_dir", "{ path_dir admin }"),
    ("url_param", "{ url_param(debug) 1 }"),
    ("var -m found", "{ var(txn.flag) -m found }"),
    ("path,lower -m str", "{ path,lower -m str /admin }"),
    ("two named ACLs", "is_api !is_host"),
]

TYPICAL = """    acl is_static path_beg /static /images /javascript /stylesheets
    acl is_asset path_end -i .jpg .gif .png .css .js
    acl is_api path_beg /api/ /v1/ /v2/
    acl is_admin path_beg -i /admin
    acl is_www hdr(host) -i www.example.com
    acl is_internal src 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16
    acl is_write method POST PUT DELETE
    acl has_auth req.hdr(authorization) -m found
    http-request deny if is_admin !is_internal
    http-request deny if { req.hdr_cnt(host) gt 1 }
    http-request deny if { path_sub ../ }
    http-request deny if { path_reg -i \\.(php|asp|cgi)$ }
    http-request deny if { hdr_sub(user-agent) -i nikto sqlmap }
    http-request deny if is_write is_static
    http-request redirect code 301 prefix https://www.example.com if { hdr(host) -i example.com }
    http-request redirect location /index.html code 302 if { path /old }
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Port %[dst_port]
    http-request set-header X-Client-IP %[src]
    http-request add-header X-Tag static if is_static or is_asset
    http-request del-header X-Internal-User
    http-request del-header Proxy
    http-request set-var(txn.host) req.hdr(host),lower
    http-request set-var(txn.path) path
    http-request set-var(txn.api) bool(true) if is_api
    http-request set-path /v1%[path] if is_api !has_auth
    http-request replace-header Cookie (.*)debug=[^;]*(.*) \\1\\2 if { req.cook(debug) -m found }
    http-request deny if { var(txn.host) -m str blocked.example.com }""".split("\n")


def measure(stage, options, row):
    """Rows of the section; `--only "rules: hdr"` chooses some."""
    rounds = 1 if options.quick else options.rounds
    rows = []

    def chosen(name):
        return not options.only or any(pattern in f"{NAME}: {name}" for pattern in options.only)

    def compare(name, quantity, configurations, times, target, amount=20_000):
        if chosen(name):
            rows.append(row(f"{NAME}: {name}", quantity, per_request(stage, configurations, rounds, times, amount), "cpu", target))

    acls = ["    acl is_api path_beg /api/", "    acl is_host hdr(host) -i www.example.com"]
    for name, condition in CONDITIONS:
        lines = acls + [f"    http-request deny if {condition}"] * TIMES
        compare(name, "a rule that does not match, ns", [acls, lines], TIMES, 1.0)
    compare("20 typical rules", "more per request, ns", [[], TYPICAL], 1, 1.0, 100_000)
    path = os.path.join(stage.folder, "list-hosts")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"www{n}.example{n % 30}.com\n" for n in range(1000))
    one = ["    http-request deny if { hdr(host) -i no-such-host }"] * TIMES
    many = [f"    http-request deny if {{ hdr(host) -i -f {path} }}"] * TIMES
    compare("hdr(host) -i, 1,000 patterns", "more than 1 pattern, ns", [one, many], TIMES, None)
    return rows
