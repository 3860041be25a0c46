"""What a system does with a proxy: scripts around socat, rsyslog that takes lines apart, an init system that is told of states."""
import os
import re
import signal
import socket
import subprocess
import time

PATIENCE = 20

SCRIPT = """
api() { printf '%s\\n' "$1" | "$SOCAT" -t 5 stdio "UNIX-CONNECT:$SOCKET"; }
api 'show stat' | cut -d, -f1,2,18,19 | grep -v '^$'
api 'show stat' | awk -F, '$1 == "app" && $2 == "BACKEND" { print $18 }'
api 'show info' | grep -E '^(Name|Nbthread|node|description):'
api 'show servers state app' | awk 'NR > 2 { print $2, $4, $6, $7, $8 }'
for server in a1 a2; do
    api "set server app/$server state drain"
    api "get weight app/$server"
    api "set server app/$server state ready"
done
api 'disable frontend fe; show stat fe 1 -1' | cut -d, -f1,2,18
api 'enable frontend fe'
api 'show stat fe 1 -1 typed' | grep -E 'pxname|status'
printf 'prompt\\nshow cli level\\nget weight app/a1\\nquit\\n' | "$SOCAT" -t 5 stdio "UNIX-CONNECT:$SOCKET"
printf 'show cli level; nonsense; show cli level\\n' | "$SOCAT" -t 5 - "UNIX-CONNECT:$SOCKET" | head -3
"""

CONFIGURATION = """global
	nbthread 1
	stats socket {folder}/own.sock level admin
	log 127.0.0.1:{log} local0
	log 127.0.0.1:{log} format rfc5424 local1 notice
	log-send-hostname there
defaults
	mode http
	log global
	option httplog
	timeout client 2s
frontend own
	bind unix@{folder}/own.http
	log-tag with-a-tag
	http-request deny if {{ path /denied }}
	http-request return status 200
"""

RSYSLOG = """
module(load="imudp")
template(name="parts" type="string"
	string="pri=%pri-text% host=%hostname% tag=%syslogtag% program=%programname% pid=%procid% msg=%msg%\\n")
input(type="imudp" port="{log}" address="127.0.0.1")
action(type="omfile" file="{folder}/split" template="parts")
"""


def socat(side):
    """Scripts around socat, as monitoring and deployment have them."""
    program = side.debian("socat", "usr/bin/socat1", "usr/bin/socat")
    environment = dict(os.environ, SOCAT=program, SOCKET=side.socket)
    return side.said("sh", "-c", SCRIPT, env=environment)


def rsyslog(side):
    """rsyslog: the fields that it finds in the lines of both formats."""
    libraries = [os.path.dirname(side.debian(package, path)) for package, path in (
        ("libestr0", "usr/lib/x86_64-linux-gnu/libestr.so.0"), ("libfastjson4", "usr/lib/x86_64-linux-gnu/libfastjson.so.4"))]
    program = side.debian("rsyslog", "usr/sbin/rsyslogd")
    modules = os.path.join(os.path.dirname(os.path.dirname(program)), "lib", "x86_64-linux-gnu", "rsyslog")
    folder, port = side.folder, side.free_port(socket.SOCK_DGRAM)
    split, settings = os.path.join(folder, "split"), os.path.join(folder, "rsyslog.conf")
    write(settings, RSYSLOG.format(folder=folder, log=port))
    environment = dict(os.environ, LD_LIBRARY_PATH=":".join(libraries))
    daemon = subprocess.Popen([program, "-n", "-f", settings, "-M", modules, "-i", os.path.join(folder, "rsyslog.pid")],
                              env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    proxy = None
    try:
        until(lambda: is_taken(port))
        path = os.path.join(folder, "own.cfg")
        write(path, CONFIGURATION.format(folder=folder, log=port))
        proxy = subprocess.Popen([side.binary, "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        http = os.path.join(folder, "own.http")
        for target in ("/", "/denied", '/with"quotes[and]%20percent', "/" + 300 * "long"):
            until(lambda target=target: asked(http, target))
        until(lambda: os.path.exists(split) and len(open(split, encoding="utf-8").readlines()) >= 4)
        proxy.send_signal(signal.SIGUSR1)
        proxy.wait(PATIENCE)
        until(lambda: "stopped" in open(split, encoding="utf-8").read())
        time.sleep(0.2)
        with open(split, encoding="utf-8") as file:
            text = file.read()
    finally:
        for process in (proxy, daemon):
            if process is not None:
                process.kill()
                process.wait()
    text = re.sub(rf"\b{proxy.pid}\b", "PID", text)
    text = re.sub(r"\[\d\d/[^]]*\]|\b\d+/\d+/\d+/\d+/\d+\b|\b\d+/-?\d+/-?\d+/-?\d+/\+?\d+\b", "TIME", text)
    # Only now: what differs from run to run would decide the order.
    return "".join(sorted(text.splitlines(keepends=True)))


def notify(side):
    """The protocol of systemd: what -Ws tells NOTIFY_SOCKET at the start, on a reload, on one that fails, and at the end."""
    folder = side.folder
    path, where = os.path.join(folder, "notified.cfg"), os.path.join(folder, "notify")
    good = CONFIGURATION.format(folder=folder, log=side.free_port(socket.SOCK_DGRAM))
    write(path, good)
    said = []
    if os.path.exists(where):
        os.unlink(where)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(where)
        listener.settimeout(PATIENCE)
        proxy = subprocess.Popen([side.binary, "-Ws", "-f", path], env=dict(os.environ, NOTIFY_SOCKET=where),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def hear(text):
            """Keeps messages up to one with this text."""
            while not said or text not in said[-1]:
                said.append(listener.recv(4096).decode())

        try:
            hear("READY=1")
            for configuration in (good, good + "nonsense\n", good):
                write(path, configuration)
                said.append("-- reload\n")
                rest(proxy)
                proxy.send_signal(signal.SIGUSR2)
                hear("READY=1")
            said.append("-- end\n")
            rest(proxy)
            proxy.send_signal(signal.SIGTERM)
            proxy.wait(PATIENCE)
            listener.settimeout(0.2)
            try:
                while True:
                    said.append(listener.recv(4096).decode())
            except TimeoutError:
                pass
        finally:
            proxy.kill()
            proxy.wait()
    text = "".join(message if message.endswith("\n") else message + "\n" for message in said)
    text = re.sub(rf"\b{proxy.pid}\b", "PID", text)
    return re.sub(r"MONOTONIC_USEC=\d+", "MONOTONIC_USEC=N", text)


def rest(process):
    """Waits until a process has used no time for a while: the reference may lose a signal just after it said that it is ready."""
    def used():
        with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[11:13]

    deadline, before, since = time.monotonic() + PATIENCE, None, 0
    while time.monotonic() < deadline:
        if used() != before:
            before, since = used(), time.monotonic()
        if time.monotonic() - since > 0.3:
            return
        time.sleep(0.02)


def write(path, text):
    """Writes a file."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def until(holds):
    """Waits until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("nothing came")
        time.sleep(0.05)


def is_taken(port):
    """Whether somebody listens on a port for datagrams."""
    with open("/proc/net/udp", encoding="ascii") as file:
        return f":{port:04X} " in file.read()


def asked(path, target):
    """Whether a request over a unix socket was answered."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        try:
            client.connect(path)
        except OSError:
            return False
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        return bool(client.recv(65536))
