"""Whether the checks of many servers come evenly: how many connections an origin gets in each tenth of a second."""
import os
import resource
import selectors
import socket
import subprocess
import threading
import time

from .programs import Missing

SERVERS, BACKENDS, INTERVAL, ROUNDS = 10_000, 100, 4, 2
# No tenth of a second may hold more than this many times its share; a machine that stalls makes up for a moment.
MOST = 3.0

CONFIGURATION = """global
	nbthread 1
	maxconn 100
defaults
	mode tcp
	timeout connect 2s
	timeout client 5s
	timeout server 5s
	# A check that only connects is reset before the origin is told of it.
	option tcp-check
	tcp-check expect string ok
	default-server check inter {interval}s
frontend fe
	bind unix@{folder}/spread.sock
"""


def measure(binary, folder):
    """Connections per tenth of a second, from the first one on."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < SERVERS + 1000 and os.geteuid() != 0:
        raise Missing(f"only {hard} descriptors are allowed")
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as origin:
        path = os.path.join(folder, "spread.cfg")
        with open(path, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(interval=INTERVAL, folder=folder))
            for number in range(BACKENDS):
                file.write(f"backend b{number}\n")
                file.writelines(f"\tserver s{one} 127.0.0.1:{origin.getsockname()[1]}\n" for one in range(SERVERS // BACKENDS))
        limit = max(hard, SERVERS * 2)
        process = subprocess.Popen([binary, "-db", "-f", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        try:
            return arrivals(origin, process)
        finally:
            process.terminate()
            process.wait(20)


def arrivals(origin, process):
    """Accepts and closes until the rounds are over."""
    origin.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(origin, selectors.EVENT_READ)
    began, counts, patience = None, [0] * (INTERVAL * ROUNDS * 10), time.monotonic() + 30
    while True:
        selector.select(1)
        now = time.monotonic()
        place = 0 if began is None else int((now - began) * 10)
        if place >= len(counts) or now > patience or process.poll() is not None:
            selector.close()
            return counts
        while True:
            try:
                client = origin.accept()[0]
            except BlockingIOError:
                break
            client.send(b"ok")
            client.close()
            began = began or now
            counts[place] += 1


def run(binaries, folder):
    """Measures all sides at the same time and prints what came; whether the checks of each came evenly."""
    found = {}

    def one(name, binary):
        place = os.path.join(folder, f"spread-{name}")
        os.mkdir(place)
        try:
            found[name] = measure(binary, place)
        except Missing as reason:
            found[name] = reason
    threads = [threading.Thread(target=one, args=side) for side in binaries.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return all([judge(name, found.get(name)) for name in binaries])


def judge(name, counts):
    """Prints what came from one side; whether that is even."""
    if isinstance(counts, Missing):
        print(f"spread: skipped: {counts}")
        return True
    if counts is None:
        print(f"spread: {name} could not be measured")
        return False
    share, total = SERVERS / INTERVAL / 10, sum(counts) / ROUNDS
    good = total >= SERVERS * 0.8 and max(counts) <= share * MOST
    print(f"spread: {name}: {total:.0f} checks in {INTERVAL} s, at most {max(counts)} in 100 ms where {share:.0f} are even{'' if good else ': not spread'}", flush=True)
    return good
