"""Workloads, the interleaved run, the table."""
import argparse
import datetime
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from . import choose, configs, http2, load, many, maps, rules, tls
from .process import cpu_seconds, end, free_port, memory_kib, start, syscalls

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = {"wrk": "wrk", "h2load": "nghttp2-client", "nginx": "nginx-light", "strace": "strace", "socat": "socat"}

# name, proxy options, origin, path, connections, kind of load, target ratio of CPU per request
WORKLOADS = [
    ("keep-alive small, 64 connections", {"keep-alive"}, "small", "/", 64, "keep", 0.75),
    ("keep-alive small, 1000 connections", {"keep-alive"}, "small", "/", 1000, "keep", 0.60),
    ("server-close small, 64 connections", set(), "small", "/", 64, "keep", None),
    ("connection per request", set(), "small", "/", 64, "close", 0.80),
    ("16 KB bodies", {"keep-alive"}, "small", "/16k", 64, "keep", 0.65),
    ("1 MB bodies", {"keep-alive"}, "nginx", "/1m", 16, "bulk", 0.50),
    ("1 MB bodies, splice-auto", {"keep-alive", "splice"}, "nginx", "/1m", 16, "bulk", 0.90),
    ("L4 bulk", {"tcp"}, "nginx", "/1m", 16, "bulk", 0.85),
    ("L4 small", {"tcp"}, "small", "/", 64, "keep", 0.90),
]
MEMORY = "memory"
CHECK = "check of 100,000 lines"


def main():
    """Returns the exit code."""
    options = arguments()
    need_programs()
    binaries = {"reference": reference(options), "hapax": os.path.abspath(options.hapax)}
    folder = tempfile.mkdtemp(prefix="hapax-bench-")
    os.chmod(folder, 0o755)
    try:
        with Stage(folder, binaries) as stage:
            rows = run(stage, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table = render(rows, binaries)
    print("\n" + table)
    if options.write:
        write(table)
    return 0


def arguments():
    """Parses argv."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(TOP, "target"))
    parser.add_argument("--quick", action="store_true", help="one second and one round each")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="workloads whose name contains NAME")
    parser.add_argument("--hapax", default=os.path.join(target, "release", "hapax"), metavar="PATH")
    parser.add_argument("--upstream", metavar="PATH")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args()


def need_programs():
    """Installs what is missing when that is possible, or says how."""
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if not missing:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-q", *missing], check=True, stdout=subprocess.DEVNULL)
    else:
        sys.exit(f"bench: install what is missing: sudo apt-get install -y {' '.join(missing)}")


def reference(options):
    """The reference's path."""
    if options.upstream:
        return os.path.abspath(options.upstream)
    return subprocess.run([os.path.join(TOP, "scripts", "upstream"), "--path"], capture_output=True, text=True, check=True).stdout.strip()


class Stage:
    """Origins and the log sink, which live for the whole run."""

    def __init__(self, folder, binaries):
        self.folder, self.binaries, self.running = folder, binaries, []

    def __enter__(self):
        for name in ("empty", "files"):
            os.mkdir(os.path.join(self.folder, name))
        with open(os.path.join(self.folder, "16k"), "wb") as file:
            file.write(b"0123456789abcdef" * 1024)
        with open(os.path.join(self.folder, "files", "1m"), "wb") as file:
            file.write(os.urandom(1 << 20))
        os.chmod(os.path.join(self.folder, "files", "1m"), 0o644)
        self.ports = {"small": free_port(), "nginx": free_port()}
        with open(os.path.join(self.folder, "origin.cfg"), "w", encoding="ascii") as file:
            file.write(configs.ORIGIN.format(port=self.ports["small"], folder=self.folder))
        with open(os.path.join(self.folder, "nginx.conf"), "w", encoding="ascii") as file:
            file.write(configs.NGINX.format(port=self.ports["nginx"], folder=self.folder))
        log = os.path.join(self.folder, "messages")
        small = [self.binaries["reference"], "-db", "-f", os.path.join(self.folder, "origin.cfg")]
        self.running.append(start(small, self.ports["small"], log))
        self.running.append(start(["nginx", "-c", os.path.join(self.folder, "nginx.conf")], self.ports["nginx"], log))
        self._sink()
        return self

    def _sink(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            self.log = sock.getsockname()[1]
        receive = f"UDP-RECV:{self.log},bind=127.0.0.1,rcvbuf=4194304"
        self.running.append(subprocess.Popen(["socat", "-b65536", "-u", receive, "OPEN:/dev/null,wronly"], stdin=subprocess.DEVNULL))

    def __exit__(self, *_):
        for process in self.running:
            end(process)

    def proxy(self, side, origin, options):
        """Starts one side's proxy; returns (process, port)."""
        port = free_port()
        path = os.path.join(self.folder, f"{side}.cfg")
        with open(path, "w", encoding="ascii") as file:
            file.write(configs.proxy(side, self.folder, port, self.ports[origin], self.log, options))
        return start([self.binaries[side], "-db", "-f", path], port, os.path.join(self.folder, "messages")), port


def run(stage, options):
    """All chosen workloads; returns rows (name, quantity, reference, hapax, ratio, target)."""
    rows = []
    for workload in WORKLOADS:
        if chosen(workload[0], options):
            rows += measure(stage, workload, options)
    if chosen(MEMORY, options):
        rows += measure_memory(stage, options)
    if chosen(CHECK, options):
        rows += measure_check(stage, options)
    for section in (maps, rules, http2, tls, many, choose):
        if chosen(section.NAME, options) or any(pattern.startswith(section.NAME) for pattern in options.only):
            found = section.measure(stage, options, row)
            for line in found:
                print(show(line), flush=True)
            rows += found
    return rows


def chosen(name, options):
    """Whether --only names this workload."""
    return not options.only or any(pattern in name for pattern in options.only)


def measure(stage, workload, options):
    """One workload: the two proxies in turn, several rounds; CPU at equal work, then saturation, then system calls."""
    name, features, origin, path, connections, kind, target = workload
    rounds, seconds = (1, 1) if options.quick else (options.rounds, 3)
    found = {side: {"cpu": [], "rate": [], "calls": None} for side in stage.binaries}
    proxies = {side: stage.proxy(side, origin, features) for side in stage.binaries}
    try:
        for process, port in proxies.values():  # caches, pools and idle connections are warm
            load.wrk(port, path, connections, 1, kind == "close")
        for _ in range(rounds):
            for side, (process, port) in proxies.items():
                before = cpu_seconds(process.pid)
                result = load.wrk(port, path, connections, seconds, kind == "close")
                spent = cpu_seconds(process.pid) - before
                found[side]["rate"].append(result["rate"])
                if kind == "close":
                    found[side]["cpu"].append(spent / max(1, result["requests"]) * 1e6)
            if kind != "close":
                amount = max(connections, int(min(found[side]["rate"][-1] for side in proxies) * seconds * 0.8))
                for side, (process, port) in proxies.items():
                    before = cpu_seconds(process.pid)
                    load.fixed(port, path, connections, amount)
                    found[side]["cpu"].append((cpu_seconds(process.pid) - before) / amount * 1e6)
        for side, (process, port) in proxies.items():
            result, calls = syscalls(process.pid, lambda: load.wrk(port, path, min(connections, 64), 1, kind == "close"))
            found[side]["calls"] = calls / max(1, result["requests"]) if calls else None
    finally:
        for process, _ in proxies.values():
            end(process)
    rows = [
        row(name, "CPU us/request", found, "cpu", target),
        row(name, "requests/s at saturation", found, "rate", 1.0, more=True),
        row(name, "system calls/request", found, "calls", None),
    ]
    for line in rows:
        print(show(line), flush=True)
    return rows


def row(name, quantity, found, key, target, more=False):
    """One line of the table from the medians of both sides."""
    values = []
    for side in ("reference", "hapax"):
        value = found[side][key]
        values.append(statistics.median(value) if isinstance(value, list) else value)
    ratio = values[1] / values[0] if values[0] and values[1] is not None else None
    return name, quantity, values[0], values[1], ratio, target, more


def measure_memory(stage, options):
    """Resident memory at rest, and per idle keep-alive connection."""
    count = 500 if options.quick else 5000
    found = {}
    for side in stage.binaries:
        process, port = stage.proxy(side, "small", {"many"})
        try:
            base, before = memory_kib(process.pid), memory_kib(process.pid, "RssAnon")
            sockets = load.idle(port, count)
            time.sleep(1.0)  # what is trimmed by time is trimmed
            grown = memory_kib(process.pid, "RssAnon") - before
            for sock in sockets:
                sock.close()
        finally:
            end(process)
        found[side] = {"base": float(base), "idle": grown * 1024 / count}
    rows = [
        row(MEMORY, "base, KiB (resident)", found, "base", 0.5),
        row(MEMORY, f"bytes per idle keep-alive connection ({count})", found, "idle", 0.90),
    ]
    for line in rows:
        print(show(line), flush=True)
    return rows


def measure_check(stage, options):
    """Time and peak memory of `-c`."""
    path = os.path.join(stage.folder, "large.cfg")
    with open(path, "w", encoding="ascii") as file:
        file.write(configs.large(100_000))
    found = {side: {"time": [], "memory": []} for side in stage.binaries}
    for _ in range(1 if options.quick else options.rounds):
        for side, binary in stage.binaries.items():
            process = subprocess.Popen([binary, "-c", "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            text = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                sys.exit(f"bench: -c failed: {text.decode('utf-8', 'replace')[-500:]}")
            found[side]["time"].append((usage.ru_utime + usage.ru_stime) * 1000)
            found[side]["memory"].append(usage.ru_maxrss / 1024)
    rows = [row(CHECK, "CPU ms", found, "time", 0.5), row(CHECK, "peak memory, MiB", found, "memory", 0.5)]
    for line in rows:
        print(show(line), flush=True)
    return rows


def show(line):
    """A row for the terminal."""
    name, quantity, first, second, ratio, target, more = line
    if ratio is None and first is None and second is not None:
        goal = "" if target is None else f"  (goal <= {target})"
        return f"{name:<36} {quantity:<28} {'-':>12} {second:>12.2f}{goal}"
    if ratio is None:
        return f"{name:<36} {quantity:<28} -"
    goal = "" if target is None else f"  (goal {'>=' if more else '<='} {target})"
    return f"{name:<36} {quantity:<28} {first:>12.2f} {second:>12.2f}  {ratio:5.2f}{goal}"


def render(rows, binaries):
    """The table as markdown, with date and machine."""
    versions = {}
    for side, binary in binaries.items():
        versions[side] = subprocess.run([binary, "-v"], capture_output=True, text=True).stdout.split("\n")[0]
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
    out = [
        f"{datetime.date.today().isoformat()}, {os.cpu_count()} cores, {cpu}, Linux {platform.release()}",
        f"reference: {versions['reference']}; hapax: {versions['hapax']}",
        "",
        "| workload | quantity | HAProxy 3.2 | hapax | ratio | goal |",
        "|---|---|---:|---:|---:|---|",
    ]
    for name, quantity, first, second, ratio, target, more in rows:
        if ratio is None and first is None and second is not None:
            # What only hapax can be asked: the goal is a value.
            goal = "" if target is None else f"≤ {target:.0f} {'met' if second <= target else 'missed'}"
            out.append(f"| {name} | {quantity} | | {second:.2f} | | {goal} |")
            continue
        if ratio is None:
            continue
        goal = "" if target is None else ("≥ " if more else "≤ ") + f"{target:.2f}"
        mark = "" if target is None else (" met" if (ratio >= target if more else ratio <= target) else " missed")
        out.append(f"| {name} | {quantity} | {first:.2f} | {second:.2f} | {ratio:.2f} | {goal}{mark} |")
    return "\n".join(out) + "\n"


def write(table):
    """Puts the newest table first into docs/performance.md."""
    path, mark = os.path.join(TOP, "docs", "performance.md"), "<!-- runs of scripts/bench, newest first -->\n"
    with open(path, encoding="utf-8") as file:
        head, _, tail = file.read().partition(mark)
    with open(path, "w", encoding="utf-8") as file:
        file.write(head + mark + "\n" + table + "\n" + tail.lstrip("\n"))


