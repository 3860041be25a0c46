"""Load generators: wrk for saturation, h2load for a fixed number of requests, and idle connections."""
import re
import resource
import socket
import subprocess


def wrk(port, path, connections, seconds, close=False, scheme="http"):
    """Requests per second and requests done at saturation."""
    arguments = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
    if close:
        arguments += ["-H", "Connection: close"]
    text = subprocess.run([*arguments, f"{scheme}://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True).stdout
    done = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if not done or "Non-2xx" in text:
        raise SystemExit(f"bench: wrk failed:\n{text}")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return {"requests": int(done[1]), "rate": float(rate[1]), "errors": sum(map(int, errors.groups())) if errors else 0}


def fixed(port, path, connections, requests, scheme="http"):
    """Exactly `requests` requests over keep-alive connections."""
    return _h2load(["--h1", f"-c{connections}"], port, path, requests, scheme)


def streams(port, path, connections, at_once, requests):
    """Exactly `requests` requests over connections of HTTP/2, so many streams at a time on each."""
    return _h2load([f"-c{connections}", f"-m{at_once}"], port, path, requests)


def _h2load(options, port, path, requests, scheme="http"):
    arguments = ["h2load", "-t1", *options, f"-n{requests}", f"{scheme}://127.0.0.1:{port}{path}"]
    text = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    done = re.search(r"requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded", text)
    rate = re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", text)
    if not done or int(done[1]) != requests:
        raise SystemExit(f"bench: h2load failed:\n{text}")
    return {"requests": requests, "rate": float(rate[1]), "errors": 0}


def idle(port, count, secure=None):
    """Opens `count` keep-alive connections, made secure by `secure`, one request on each, and returns their sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 1000), hard))
    sockets = []
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", port), 10)
        sock = secure(sock) if secure else sock
        sock.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
        head = b""
        while b"hello, world" not in head:
            piece = sock.recv(4096)
            if not piece:
                raise SystemExit("bench: an idle connection was closed")
            head += piece
        sockets.append(sock)
    return sockets
