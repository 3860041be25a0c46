"""The configurations of proxies and origins: what CentOS 7 ships, with `bind` lines, logs to a sink that is read."""
import os

CENTOS = """global
    log         127.0.0.1:{log} local2
    {chroot}
    pidfile     {folder}/{name}.pid
    maxconn     {maxconn}
    {identity}
    stats socket {folder}/{name}.sock

defaults
    mode                    {mode}
    log                     global
    option                  {format}log
    option                  dontlognull
    {close}
    {splice}{reuse}
    option                  redispatch
    retries                 3
    {http}
    timeout queue           1m
    timeout connect         10s
    timeout client          1m
    timeout server          1m
    timeout check           10s
    maxconn                 {maxconn}

frontend main
    bind 127.0.0.1:{port}{tls}
    {acls}
    default_backend         app

backend static
    balance     roundrobin
    server      static 127.0.0.1:{origin} check

backend app
    balance     roundrobin
    server  app1 127.0.0.1:{origin} check
    server  app2 127.0.0.1:{origin} check
    server  app3 127.0.0.1:{origin} check
    server  app4 127.0.0.1:{origin} check
"""

ACLS = """acl url_static       path_beg       -i /static /images /javascript /stylesheets
    acl url_static       path_end       -i .jpg .gif .png .css .js
    use_backend static          if url_static"""

ORIGIN = """global
    maxconn 9000
    tune.bufsize 65536
    nbthread 1
defaults
    mode http
    timeout client 1m
    timeout connect 5s
    timeout server 1m
frontend origin
    bind 127.0.0.1:{port} backlog 10000
    http-request return status 200 content-type text/plain file {folder}/16k if {{ path_beg /16k }}
    http-request return status 200 content-type text/plain string "hello, world"
"""

NGINX = """worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 10000000;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port} backlog=10000;
        root {folder}/files;
    }}
}}
"""


def proxy(name, folder, port, origin, log, options):
    """The proxy's configuration; `options` is a set of keep-alive, splice, tcp, many, reuse, and `crt=PATH` for TLS."""
    root = os.geteuid() == 0
    tcp = "tcp" in options
    secured = [option[len("crt=") :] for option in options if option.startswith("crt=")]
    text = CENTOS.format(
        name=name,
        folder=folder,
        port=port,
        origin=origin,
        log=log,
        maxconn=9000 if "many" in options else 4000,
        chroot=f"chroot      {folder}/empty" if root else "",
        identity="user        nobody\n    group       nogroup" if root else "",
        mode="tcp" if tcp else "http",
        tls="".join(f" ssl crt {path}" for path in secured),
        format="tcp" if tcp else "http",
        close="" if tcp else "option http-keep-alive" if "keep-alive" in options else "option http-server-close",
        reuse="http-reuse always" if "reuse" in options else "",
        splice="option splice-auto" if "splice" in options else "",
        http="" if tcp else HTTP,
        acls="" if tcp else ACLS,
    )
    return text


HTTP = """option forwardfor       except 127.0.0.0/8
    timeout http-request    10s
    timeout http-keep-alive 60s"""


def large(lines):
    """A configuration of about `lines` lines that checks clean."""
    out = ["defaults", "    mode http", "    timeout client 1m", "    timeout server 1m", "    timeout connect 5s"]
    count = max(1, (lines - 5) // 20)
    for number in range(count):
        out += [
            f"backend be{number}",
            "    balance roundrobin",
            "    option httpchk GET /health",
            f"    acl is_api path_beg /api/{number} /v1/{number}",
            f"    acl is_host hdr(host) -i host{number}.example.com",
            "    http-request deny if is_api !is_host",
            f"    http-request set-header X-Backend be{number}",
            "    http-response del-header Server",
            "    timeout queue 30s",
            "    retries 3",
            "    # a comment, as real files have them",
        ]
        out += [f"    server s{index} 10.{number >> 8 & 255}.{number & 255}.{index}:8080 check inter 5s weight 10" for index in range(1, 9)]
        out.append("")
    out += ["frontend fe", "    bind 127.0.0.1:1", "    default_backend be0"]
    return "\n".join(out) + "\n"
