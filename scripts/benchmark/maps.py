"""Maps and lists of patterns: time and memory to load a million entries, what a look-up costs, many patterns against one."""
import ipaddress
import os
import random
import statistics
import subprocess
import sys
import time

from . import load
from .process import cpu_seconds, end, free_port, memory_kib, start

NAME = "maps"
LOOKUPS = 50
PATH = "/p77777/a-folder/another-folder/a-file-of-some-length.html"

CONFIG = """global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 1m
    timeout server 1m
frontend fe
    bind 127.0.0.1:{port}
{lines}
    http-request return status 200 content-type text/plain string "hello, world"
"""


def measure(stage, options, row):
    """Rows of the section."""
    count = 100_000 if options.quick else 1_000_000
    rounds = 1 if options.quick else options.rounds
    rows = []
    for kind, converter, keys in (("strings", "map", strings), ("networks", "map_ip", networks)):
        path = os.path.join(stage.folder, f"map-{kind}")
        sample = write(path, keys, count)
        name = f"{NAME}: {count:,} {kind}"
        loads = {side: loaded(stage, side, path, converter, rounds) for side in stage.binaries}
        rows.append(row(name, "load, CPU ms", loads, "time", 1.0))
        rows.append(row(name, "memory, MiB (resident)", loads, "memory", 0.5))
        fetch = "str" if kind == "strings" else "ipv4"
        lines = [f"    http-request set-var(txn.x) {fetch}({key}),{converter}({path})" for key in sample]
        plain = [f"    http-request set-var(txn.x) {fetch}({key})" for key in sample]
        rows.append(row(name, "look-up, ns", per_request(stage, [plain, lines], rounds, LOOKUPS), "cpu", 1.0))
    one = ["    http-request deny if { path_beg /no-such-path }"] * LOOKUPS
    many = ["    http-request deny if { path_beg " + " ".join(f"/p{n}/{'x' * (n % 30)}" for n in range(start, start + 50)) + " }" for start in range(0, 50 * LOOKUPS, 50)]
    rows.append(row(f"{NAME}: path_beg, 50 patterns", "more than 1 pattern, ns", per_request(stage, [one, many], rounds, LOOKUPS), "cpu", None))
    path = os.path.join(stage.folder, "list-paths")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"/p{n}/{'x' * (n % 30)}\n" for n in range(1000))
    many = [f"    http-request deny if {{ path_beg -f {path} }}"] * LOOKUPS
    rows.append(row(f"{NAME}: path_beg, 1,000 patterns", "more than 1 pattern, ns", per_request(stage, [one, many], rounds, LOOKUPS), "cpu", None))
    return rows


def strings(rng):
    """A key like a host name."""
    return f"host-{rng.randrange(1 << 40):x}.example{rng.randrange(1000)}.com"


def networks(rng):
    """A network of a length that routing tables have."""
    bits = rng.choice((16, 19, 20, 21, 22, 22, 23, 24, 24, 24, 24, 28, 32))
    address = rng.randrange(1 << 32) >> (32 - bits) << (32 - bits)
    return f"{ipaddress.IPv4Address(address)}/{bits}"


def write(path, keys, count):
    """A map file; returns some of its keys, as they are asked for."""
    rng = random.Random(1)
    sample = []
    with open(path, "w", encoding="ascii") as file:
        for number in range(count):
            key = keys(rng)
            file.write(f"{key} backend{number % 100}\n")
            if number % (count // LOOKUPS) == 0:
                sample.append(key.split("/")[0])
    return sample[:LOOKUPS]


def config(stage, side, lines):
    """Writes a configuration; returns path and port."""
    port = free_port()
    path = os.path.join(stage.folder, f"maps-{side}.cfg")
    with open(path, "w", encoding="ascii") as file:
        file.write(CONFIG.format(port=port, lines="\n".join(lines)))
    return path, port


def loaded(stage, side, path, converter, rounds):
    """CPU of `-c` and memory at rest, each beyond that of an empty map."""
    found = {"time": [], "memory": []}
    fetch = "src" if converter == "map_ip" else "path"
    for _ in range(rounds):
        amounts = []
        for file in ("/dev/null", path):
            cfg, port = config(stage, side, [f"    http-request set-var(txn.x) {fetch},{converter}({file})"])
            check = subprocess.Popen([stage.binaries[side], "-c", "-f", cfg], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(check.pid, 0)
            check.returncode = os.waitstatus_to_exitcode(status)
            if check.returncode != 0:
                sys.exit(f"bench: -c of a map failed for {side}")
            process = start([stage.binaries[side], "-db", "-f", cfg], port, os.path.join(stage.folder, "messages"), 60)
            time.sleep(0.3)
            amounts.append(((usage.ru_utime + usage.ru_stime) * 1000, memory_kib(process.pid) / 1024))
            end(process)
        found["time"].append(amounts[1][0] - amounts[0][0])
        found["memory"].append(amounts[1][1] - amounts[0][1])
    return found


def per_request(stage, configurations, rounds, times, amount=20_000):
    """How much more CPU per request the second configuration takes than the first, divided by `times`, ns."""
    found = {}
    for side, binary in stage.binaries.items():
        differences = []
        for _ in range(rounds):
            spent = []
            for lines in configurations:
                cfg, port = config(stage, side, lines)
                process = start([binary, "-db", "-f", cfg], port, os.path.join(stage.folder, "messages"), 60)
                try:
                    load.fixed(port, PATH, 16, 2000)
                    before = cpu_seconds(process.pid)
                    load.fixed(port, PATH, 16, amount)
                    spent.append(cpu_seconds(process.pid) - before)
                finally:
                    end(process)
            differences.append((spent[1] - spent[0]) / amount / times * 1e9)
        found[side] = {"cpu": statistics.median(differences)}
    return found
