"""HTTP/2 from clients: CPU per request with many streams on a connection, with one, and with large bodies."""
from . import load
from .process import cpu_seconds, end

NAME = "HTTP/2"

# name, origin, path, connections, streams on each, requests, target ratio of CPU per request
WORKLOADS = [
    ("HTTP/2, 16 connections of 16 streams", "small", "/", 16, 16, 100_000, 0.75),
    ("HTTP/2, 64 connections of 1 stream", "small", "/", 64, 1, 100_000, 0.90),
    ("HTTP/2, 1 MB bodies", "nginx", "/1m", 16, 4, 2_000, 0.75),
]


def measure(stage, options, row):
    """The workloads, the two proxies in turn."""
    rows = []
    for name, origin, path, connections, streams, requests, target in WORKLOADS:
        if options.only and not any(pattern in name or pattern == NAME for pattern in options.only):
            continue
        rounds, amount = (1, requests // 10) if options.quick else (options.rounds, requests)
        found = {side: {"cpu": [], "rate": []} for side in stage.binaries}
        proxies = {side: stage.proxy(side, origin, {"keep-alive"}) for side in stage.binaries}
        try:
            for _, port in proxies.values():  # caches and pools are warm
                load.streams(port, path, connections, streams, amount // 10)
            for _ in range(rounds):
                for side, (process, port) in proxies.items():
                    before = cpu_seconds(process.pid)
                    result = load.streams(port, path, connections, streams, amount)
                    found[side]["cpu"].append((cpu_seconds(process.pid) - before) / amount * 1e6)
                    found[side]["rate"].append(result["rate"])
        finally:
            for process, _ in proxies.values():
                end(process)
        rows.append(row(name, "CPU us/request", found, "cpu", target))
        rows.append(row(name, "requests/s at saturation", found, "rate", 1.0, more=True))
    return rows
