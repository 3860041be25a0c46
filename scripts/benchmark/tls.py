"""TLS from clients: keep-alive, handshakes of both kinds of keys, resumption, large bodies, idle connections, many certificates."""
import base64
import os
import re
import socket
import ssl
import subprocess
import time

from . import load
from .process import cpu_seconds, end, memory_kib

NAME = "TLS"
MANY = 10_000
AT_ONCE = 400
KEYS = {"p256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"]}
TEMPLATE = "host00000.example.com"

# name, key, whether sessions go on, handshakes, target ratio of CPU per connection
HANDSHAKES = [
    ("TLS, full handshake P-256", "p256", False, 4000, 0.45),
    ("TLS, full handshake RSA-2048", "rsa", False, 2000, 0.70),
    ("TLS, resumed", "p256", True, 4500, 0.60),
]
# name, origin, path, connections, requests, target ratio of CPU per request
REQUESTS = [
    ("TLS, keep-alive small, 64 connections", "small", "/", 64, 100_000, 0.65),
    ("TLS, 1 MB bodies", "nginx", "/1m", 16, 2_000, 0.50),
]
MEMORY = "TLS, memory"
CERTIFICATES = f"TLS, {MANY:,} certificates"


def measure(stage, options, row):
    """The workloads, the two proxies in turn."""
    certificates = {key: _certificate(stage.folder, key) for key in KEYS}
    rounds = 1 if options.quick else options.rounds
    rows = []
    for name, key, goes_on, amount, target in HANDSHAKES:
        if _chosen(name, options):
            work = _resumed if goes_on else _full
            found = _in_turn(stage, certificates[key], "small", work, amount // (10 if options.quick else 1), rounds)
            rows.append(row(name, "CPU us/connection", found, "cpu", target))
    for name, origin, path, connections, amount, target in REQUESTS:
        if _chosen(name, options):
            work = _requests(path, connections)
            found = _in_turn(stage, certificates["p256"], origin, work, amount // (10 if options.quick else 1), rounds)
            rows.append(row(name, "CPU us/request", found, "cpu", target))
    if _chosen(MEMORY, options):
        count = 300 if options.quick else 2000
        rows.append(row(MEMORY, f"bytes per idle connection ({count})", _idle(stage, certificates["p256"], count), "idle", 0.60))
    if _chosen(CERTIFICATES, options):
        rows += _many(stage, certificates["p256"], options, row)
    return rows


def _chosen(name, options):
    return not options.only or any(pattern in name for pattern in options.only)


def _in_turn(stage, certificate, origin, work, amount, rounds):
    found = {side: {"cpu": []} for side in stage.binaries}
    proxies = {side: stage.proxy(side, origin, {"keep-alive", "reuse", f"crt={certificate}"}) for side in stage.binaries}
    try:
        for _, port in proxies.values():  # caches and pools are warm
            if not _goes_on(port):
                raise SystemExit("bench: no session goes on")
            work(port, max(100, amount // 20))
        for _ in range(rounds):
            for side, (process, port) in proxies.items():
                before = cpu_seconds(process.pid)
                done = work(port, amount) or amount
                found[side]["cpu"].append((cpu_seconds(process.pid) - before) / done * 1e6)
    finally:
        for process, _ in proxies.values():
            end(process)
    return found


def _requests(path, connections):
    return lambda port, amount: load.fixed(port, path, connections, max(amount, connections), "https")["requests"]


def _context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _full(port, amount):
    """Connections at saturation with one request on each, none of which goes on with a session of another."""
    for _ in range(max(1, amount // AT_ONCE)):
        load.fixed(port, "/", AT_ONCE, AT_ONCE, "https")


def _resumed(port, amount):
    """The same where each goes on with the session of the one before, as wrk does; answers how many there were."""
    return load.wrk(port, "/", 64, max(1, amount // 1500), True, "https")["requests"]


def _goes_on(port):
    """Whether sessions go on."""
    request = b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
    context, session, resumed = _context(), None, False
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            with context.wrap_socket(plain, server_hostname="bench", session=session) as sock:
                sock.sendall(request)
                while sock.recv(16384):
                    pass
                session, resumed = sock.session, sock.session_reused
    return resumed


def _named(name):
    """Connections that ask for a name, one after the other."""

    def work(port, amount):
        context = _context()
        for _ in range(amount):
            with socket.create_connection(("127.0.0.1", port), 10) as plain:
                context.wrap_socket(plain, server_hostname=name).close()

    return work


def _idle(stage, certificate, count):
    found = {}
    context = _context()
    for side in stage.binaries:
        process, port = stage.proxy(side, "small", {"many", f"crt={certificate}"})
        try:
            before = memory_kib(process.pid, "RssAnon")
            sockets = load.idle(port, count, lambda sock: context.wrap_socket(sock, server_hostname="bench"))
            time.sleep(1.0)  # what is trimmed by time is trimmed
            grown = memory_kib(process.pid, "RssAnon") - before
            for sock in sockets:
                sock.close()
        finally:
            end(process)
        found[side] = {"idle": grown * 1024 / count}
    return found


def _many(stage, single, options, row):
    """A folder of many certificates: loading it, and what a handshake costs more than with one."""
    folder = _folder(stage.folder)
    amount, rounds = (300, 1) if options.quick else (2000, options.rounds)
    name = TEMPLATE.replace("00000", f"{MANY // 2:05}")
    few = _in_turn(stage, single, "small", _named(name), amount, rounds)
    found = {side: {"load": [], "memory": [], "more": []} for side in stage.binaries}
    for _ in range(rounds):
        for side in stage.binaries:
            process, port = stage.proxy(side, "small", {"keep-alive", "reuse", f"crt={folder}"})
            try:
                found[side]["load"].append(cpu_seconds(process.pid) * 1000)
                found[side]["memory"].append(memory_kib(process.pid) / 1024)
                before = cpu_seconds(process.pid)
                _named(name)(port, amount)
                spent = (cpu_seconds(process.pid) - before) / amount * 1e6
                found[side]["more"].append(spent - sorted(few[side]["cpu"])[rounds // 2])
            finally:
                end(process)
    return [
        row(CERTIFICATES, "load, CPU ms", found, "load", 0.5),
        row(CERTIFICATES, "memory, MiB (resident)", found, "memory", 0.5),
        row(CERTIFICATES, "more than one, CPU us/handshake", found, "more", None),
    ]


def _certificate(folder, key):
    """A certificate that signed itself, and its key, in one file."""
    path = os.path.join(folder, f"{key}.pem")
    if not os.path.exists(path):
        made = os.path.join(folder, f"{key}.made")
        arguments = ["openssl", "req", "-x509", *KEYS[key], "-nodes", "-days", "30", "-subj", f"/CN={TEMPLATE}"]
        arguments += ["-addext", f"subjectAltName=DNS:{TEMPLATE}", "-keyout", made, "-out", path]
        subprocess.run(arguments, check=True, capture_output=True)
        with open(made, encoding="ascii") as secret, open(path, "a", encoding="ascii") as file:
            file.write(secret.read())
    return path


def _folder(folder):
    """Many certificates with one key, which differ in their name: nobody checks what they are signed with."""
    into = os.path.join(folder, "many")
    if os.path.isdir(into):
        return into
    os.mkdir(into)
    with open(_certificate(folder, "p256"), encoding="ascii") as file:
        body, key = re.search(r"-----BEGIN CERT.*?-----\n(.*?)-----END CERT[^\n]*\n(.*)", file.read(), re.DOTALL).groups()
    whole = base64.b64decode(body)
    for number in range(MANY):
        changed = whole.replace(TEMPLATE.encode(), TEMPLATE.replace("00000", f"{number:05}").encode())
        with open(os.path.join(into, f"{number:05}.pem"), "w", encoding="ascii") as file:
            text = base64.encodebytes(changed).decode()
            file.write(f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n{key}")
    return into
