"""Many backends: time and memory to start 25,000 of them with 50,000 servers, and what their checks cost."""
import os
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time

from .process import TICK, cpu_seconds, end, free_port, memory_kib

NAME = "backends"
CHECK_SECONDS = 10

CONFIG = """global
    nbthread 1
    maxconn 1000
defaults
    mode http
    timeout connect 5s
    timeout client 1m
    timeout server 1m
    option httpchk GET /health
frontend fe
    bind 127.0.0.1:{port}
    default_backend b0
"""


def measure(stage, options, row):
    """Rows of the section."""
    count = 2500 if options.quick else 25_000
    rounds = 1 if options.quick else options.rounds
    rows = []
    found = {side: {"cpu": [], "time": [], "memory": []} for side in stage.binaries}
    for _ in range(rounds):
        for side in stage.binaries:
            for key, value in started(stage, side, count).items():
                found[side][key].append(value)
    name = f"{NAME}: {count:,} with {2 * count:,} servers"
    rows.append(row(name, "until it listens, ms", found, "time", 0.5))
    rows.append(row(name, "CPU to start, ms", found, "cpu", 0.5))
    rows.append(row(name, "memory, MiB (resident)", found, "memory", 0.5))
    if not raise_limit(2 * count + 3000):
        print(f"{NAME}: no checks: too few descriptors are allowed", file=sys.stderr)
        return rows
    checks = {side: {"cpu": statistics.median(checked(stage, side, count) for _ in range(rounds))} for side in stage.binaries}
    rows.append(row(name, f"CPU us/check, every {CHECK_SECONDS} s each", checks, "cpu", 1.0))
    return rows


def raise_limit(wanted):
    """Whether so many descriptors may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
        except (OSError, ValueError):
            return False
    return True


def config(stage, side, count, server):
    """Writes a configuration; returns path and port."""
    port, path = free_port(), os.path.join(stage.folder, f"many-{side}.cfg")
    with open(path, "w", encoding="ascii") as file:
        file.write(CONFIG.format(port=port))
        for number in range(count):
            file.write(f"backend b{number}\n    server s1 {server}\n    server s2 {server}\n")
    return path, port


def launch(stage, side, path, port):
    """Starts a side; returns the process and how long it took until it listened, seconds."""
    began = time.monotonic()
    with open(os.path.join(stage.folder, "messages"), "ab") as log:
        process = subprocess.Popen([stage.binaries[side], "-db", "-f", path], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    while time.monotonic() < began + 60 and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process, time.monotonic() - began
        except OSError:
            time.sleep(0.005)
    end(process)
    sys.exit(f"bench: {side} does not start with many backends")


def started(stage, side, count):
    """One start without checks. CPU is read when it has come to rest: who listens early may have work left."""
    path, port = config(stage, side, count, "127.0.0.1:9")
    process, seconds = launch(stage, side, path, port)
    try:
        spent, before = cpu_seconds(process.pid), -1.0
        while spent - before > 2 / TICK:
            time.sleep(0.3)
            spent, before = cpu_seconds(process.pid), spent
        return {"cpu": spent * 1000, "time": seconds * 1000, "memory": memory_kib(process.pid) / 1024}
    finally:
        end(process)


def checked(stage, side, count):
    """CPU per check, us, once each server was checked."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as origin:
        done = [0]
        threading.Thread(target=answer, args=(origin, done), daemon=True).start()
        address = f"127.0.0.1:{origin.getsockname()[1]} check inter {CHECK_SECONDS}s"
        process, _ = launch(stage, side, *config(stage, side, count, address))
        try:
            time.sleep(CHECK_SECONDS + 1)
            before, first = cpu_seconds(process.pid), done[0]
            time.sleep(CHECK_SECONDS)
            spent, checks = cpu_seconds(process.pid) - before, done[0] - first
        finally:
            end(process)
    if checks < count:
        sys.exit(f"bench: {side} made {checks} checks of {2 * count} servers")
    return spent / checks * 1e6


def answer(origin, done):
    """An origin that says 200 to whatever comes; the request came with the connection, or right after it."""
    while True:
        try:
            client = origin.accept()[0]
        except OSError:
            return
        with client:
            try:
                client.settimeout(1)
                client.recv(1024)
                client.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            except OSError:
                pass
        done[0] += 1
