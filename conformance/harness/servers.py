"""The run of `conformance/servers`: both proxies in front of real servers, what happens to those, and what is compared."""
import argparse
import csv
import difflib
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from . import programs, spread
from .main import binaries
from .programs import Dnsmasq, Missing

# What anything may take, in seconds: programs start, checks notice, clients are served.
PATIENCE = 20
TIMES_ALONE = 3
ANSWERS = 3

GLOBAL = """global
	nbthread 1
	log 127.0.0.1:{log} local0
	stats socket {folder}/stats.sock level admin
defaults
	mode tcp
	log global
	timeout connect 1s
	timeout client 5s
	timeout server 5s
	timeout check 500ms
	default-server check inter 200ms rise 2 fall 2 on-marked-down shutdown-sessions
"""
LISTEN = """listen {name}
	bind 127.0.0.1:{port}
	{lines}
	server a 127.0.0.1:{a}
	server b 127.0.0.1:{b} backup
"""
NAMES = """resolvers names
	nameserver dnsmasq 127.0.0.1:{dns}
	resolve_retries 2
	timeout resolve 100ms
	timeout retry 100ms
	hold valid 100ms
	hold obsolete 200ms
	hold nx 200ms
	hold timeout 400ms
	hold refused 400ms
	hold other 400ms
listen names
	bind 127.0.0.1:{port}
	server host host.example:{origin} resolvers names init-addr none resolve-prefer ipv4
listen template
	bind 127.0.0.1:{template}
	server-template t 2 host.example:{origin} resolvers names init-addr none resolve-prefer ipv4
"""


class Failed(Exception):
    """What did not happen."""


class Side:
    """One of the two proxies with its ports and its log."""

    def __init__(self, name, binary, folder):
        self.name, self.binary, self.folder = name, binary, os.path.join(folder, name)
        os.mkdir(self.folder)
        self.ports, self.lines, self.process = {}, [], None
        self.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.sink.bind(("127.0.0.1", 0))
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        """Collects log lines of the process itself."""
        while True:
            line = self.sink.recv(65536).decode("utf-8", "replace").strip()
            if re.search(r": (Server|Proxy|Backend|\[?backend|\S+/\S+ changed)", line):
                self.lines.append(re.sub(r"^<\d+>.*?\]: ", "", line))

    def start(self, parts):
        """Starts it with a configuration made of parts that name their ports."""
        path = os.path.join(self.folder, "haproxy.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(GLOBAL.format(folder=self.folder, log=self.sink.getsockname()[1]) + "".join(parts))
        self.messages = open(os.path.join(self.folder, "messages"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([self.binary, "-db", "-f", path], stdout=self.messages, stderr=self.messages, stdin=subprocess.DEVNULL)

        def started():
            if self.process.poll() is not None:
                self.messages.seek(0)
                raise Failed(f"{self.name} does not start:\n{self.messages.read()}")
            return os.path.exists(os.path.join(self.folder, "stats.sock"))
        wait(started, f"{self.name} to start")

    def ask(self, command):
        """The answer of the runtime API."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(os.path.join(self.folder, "stats.sock"))
            client.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: client.recv(65536), b"")).decode()

    def servers(self, proxy):
        """The statistics of a proxy's servers, by name."""
        rows = csv.DictReader(io.StringIO(self.ask(f"show stat {proxy} 4 -1").removeprefix("# ")))
        return {row["svname"]: row for row in rows}

    def states(self, proxy):
        """The status words of a proxy's servers."""
        return {name: row["status"] for name, row in self.servers(proxy).items()}

    def addresses(self, proxy):
        """The addresses of a proxy's servers, in order."""
        rows = [line.split() for line in self.ask(f"show servers state {proxy}").splitlines()[2:]]
        return sorted(row[4] for row in rows if len(row) > 4)

    def describe(self, proxy):
        """What it says about each server at rest; a check that is under way has emptied some fields, and is waited for."""
        fields = ("status", "check_status", "check_code", "last_chk", "check_desc", "chkdown", "act", "bck")
        rows = {}

        def rest():
            rows.update({name: row for name, row in self.servers(proxy).items() if name not in rows and not row["check_status"].startswith("*")})
            return len(rows) == len(self.states(proxy))
        wait(rest, f"the checks of {proxy} to end")
        return [f"{proxy}/{name}: " + ", ".join(f"{field} {row[field]}" for field in fields) for name, row in sorted(rows.items())]

    def said(self, proxy):
        """Its log lines about a proxy's servers, without what the moment decides."""
        found = [line for line in list(self.lines) if re.search(rf"\b{proxy}/", line) or re.search(rf"\b{proxy}(\s|')", line)]
        masks = ((r"\d+ms", "Nms"), (r"\d+ sessions active, \d+ requeued, \d+ remaining", "N sessions active, N requeued, N remaining"),
                 (rf"127\.0\.0\.1:{self.ports.get(proxy)}\b", "PORT"))
        for pattern, text in masks:
            found = [re.sub(pattern, text, line) for line in found]
        return found

    def end(self):
        """Stops it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Traffic:
    """A client that asks again and again through one proxy of one side, each time with a new connection."""

    def __init__(self, ask, side, proxy):
        self.ask, self.side, self.port, self.answers, self.over = ask, side, side.ports[proxy], [], False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        """Notes when each question was asked and what came of it."""
        while not self.over:
            asked = time.monotonic()
            try:
                answer = self.ask(self.port)
            except OSError as error:
                answer = error
            self.answers.append((asked, answer))
            time.sleep(0.05)

    def served_by(self, wanted, since):
        """Waits until enough questions asked after `since` have an answer; each must come from `wanted` (None: from nobody)."""
        def enough():
            return sum(asked >= since for asked, _ in list(self.answers)) >= ANSWERS
        wait(enough, f"answers through {self.side.name}")
        for asked, answer in list(self.answers):
            came = None if isinstance(answer, OSError) else answer
            if asked >= since and came != wanted:
                raise Failed(f"through {self.side.name}: {answer!r} in place of {wanted}")

    def end(self):
        """Asks no more."""
        self.over = True
        self.thread.join()


def wait(condition, what):
    """Until a condition holds."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > limit:
            raise Failed(f"waited for {what() if callable(what) else what} in vain")
        time.sleep(0.03)


class Play:
    """What happens to one kind of server; the two transcripts are compared at the end."""

    def __init__(self, kind, sides, folder):
        self.kind, self.name, self.sides = kind, kind.name(), sides
        self.transcripts = {side.name: [] for side in sides}
        self.program, self.proxies, self.fault, self.skip = kind(folder), list(kind.checks), None, None
        self.over, self.seconds = False, 0.0

    def parts(self, side):
        """Lines of the configuration."""
        out = []
        for proxy, lines in self.kind.checks.items():
            side.ports[proxy] = programs.quiet_port()
            out.append(LISTEN.format(name=proxy, port=side.ports[proxy], lines="\n\t".join(lines), **self.program.ports))
        return out

    def make(self):
        """Prepares and starts the programs, or keeps why that cannot be done."""
        try:
            self.program.prepare()
            self.begin()
        except Missing as reason:
            self.skip = reason
        except (Failed, OSError, LookupError, ValueError, subprocess.SubprocessError) as fault:
            self.fault = str(fault) if isinstance(fault, Failed) else repr(fault)

    def begin(self):
        """Starts the programs and waits until they answer: the first checks find all of them."""
        def answers(name):
            try:
                return self.program.ask(self.program.ports[name]) == str(self.program.ports[name])
            except OSError:
                return False
        for name in "ab":
            self.program.start(name)
        for name in "ab":
            wait(lambda: answers(name), lambda: f"{self.name} to start ({self.program.messages(name)})")

    def run(self):
        """Plays; what did not happen is kept."""
        began = time.monotonic()
        try:
            if self.fault is None:
                self.play()
                self.over = True
        except (Failed, OSError, LookupError, ValueError) as fault:
            self.fault = str(fault) if isinstance(fault, Failed) else repr(fault)
        finally:
            self.program.clear()
        self.seconds = time.monotonic() - began

    def settled(self, title, **wanted):
        """Waits until both sides have a state for each server, then notes all that they say; the moment when that was so."""
        def right(proxy, states):
            return all(states[name] == ("DOWN" if proxy.endswith("-stranger") else state) for name, state in wanted.items())

        def seen():
            return "; ".join(f"{side.name}: {proxy} {side.servers(proxy)[name]['last_chk']!r} {state}"
                             for side in self.sides for proxy in self.proxies for name, state in side.states(proxy).items())
        wait(lambda: all(right(proxy, side.states(proxy)) for side in self.sides for proxy in self.proxies), lambda: f"{title} ({seen()})")
        for side in self.sides:
            self.transcripts[side.name] += [f"{title}: {line}" for proxy in self.proxies for line in side.describe(proxy)]
        return time.monotonic()

    def play(self):
        """Both run, `a` is killed, comes back, hangs, and goes on."""
        program = self.program
        first, second = (str(program.ports[name]) for name in "ab")
        now = self.settled("both run", a="UP", b="UP")
        clients = [Traffic(program.ask, side, self.proxies[0]) for side in self.sides]
        try:
            self.served(clients, first, now)
            program.kill("a")
            self.served(clients, second, self.settled("a is dead", a="DOWN", b="UP"))
            program.start("a")
            self.served(clients, first, self.settled("a is back", a="UP", b="UP"))
            program.signal("a", signal.SIGSTOP)
            self.served(clients, second, self.settled("a hangs", a="DOWN", b="UP"))
            program.signal("a", signal.SIGCONT)
            self.served(clients, first, self.settled("a goes on", a="UP", b="UP"))
        finally:
            for client in clients:
                client.end()
        for side in self.sides:
            # Where both servers go down at the start, the first line of each depends on which came first.
            proxies = [proxy for proxy in self.proxies if not proxy.endswith("-stranger")]
            self.transcripts[side.name] += [f"log: {line}" for proxy in proxies for line in side.said(proxy)]

    @staticmethod
    def served(clients, wanted, since):
        """All clients are served by one server."""
        for client in clients:
            client.served_by(wanted, since)


class NamePlay(Play):
    """What happens to a name that servers have."""

    proxies = ("names", "template")

    def __init__(self, kind, sides, folder):
        super().__init__(kind, sides, folder)
        self.proxies = ["names", "template"]
        self.origins, self.origin = [], programs.quiet_port()
        for address in ("127.0.0.1", "127.0.0.2"):
            self.origins.append(socket.create_server((address, self.origin)))
            threading.Thread(target=self.tell, args=self.origins[-1:], daemon=True).start()

    @staticmethod
    def tell(listener):
        """An origin that tells its address."""
        while True:
            client, _ = listener.accept()
            with client:
                try:
                    client.sendall(listener.getsockname()[0].encode())
                except OSError:
                    pass

    @staticmethod
    def ask(port):
        """The address of the origin behind a port; OSError where none is."""
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            return client.recv(100).decode() or wrong("nothing came")

    def parts(self, side):
        for proxy in self.proxies:
            side.ports[proxy] = programs.quiet_port()
        return [NAMES.format(dns=self.program.ports["a"], origin=self.origin, port=side.ports["names"], template=side.ports["template"])]

    def begin(self):
        """Starts the name server and waits until it answers."""
        self.program.names("127.0.0.1")
        self.program.start("a")
        wait(self.program.answers, lambda: f"dnsmasq to start ({self.program.messages('a')})")

    def addressed(self, title, state, *addresses):
        """Waits until both sides have these addresses and this state of them."""
        def right(side):
            servers = side.states("template")
            # What has an address again is checked anew.
            if any(row["status"].startswith("UP") and row["check_status"] in ("", "INI") for row in side.servers("template").values()):
                return False
            return (side.addresses("names")[0] in (addresses or side.addresses("names")) and side.states("names") == {"host": state}
                    and list(servers.values()).count("UP") == len(addresses)
                    and (not addresses or set(side.addresses("template")) >= set(addresses)))

        def seen():
            return "; ".join(f"{side.name}: {proxy} {side.states(proxy)} {side.addresses(proxy)}" for side in self.sides for proxy in self.proxies)
        wait(lambda: all(right(side) for side in self.sides), lambda: f"{title} ({seen()})")
        for side in self.sides:
            self.transcripts[side.name] += [f"{title}: {line}" for line in side.describe("names") + sorted(re.sub(r"/t\d", "/t", line) for line in side.describe("template"))]
        return time.monotonic()

    def play(self):
        """The name has an address, none, the same again, another, two; the name server dies and comes back."""
        program = self.program
        lost = "MAINT (resolution)"
        now = self.addressed("the name is there", "UP", "127.0.0.1")
        clients = [Traffic(self.ask, side, "names") for side in self.sides]
        try:
            self.served(clients, "127.0.0.1", now)
            program.names()
            self.served(clients, None, self.addressed("the name is gone", lost))
            program.names("127.0.0.1")
            self.served(clients, "127.0.0.1", self.addressed("the name is back", "UP", "127.0.0.1"))
            program.names("127.0.0.2")
            self.served(clients, "127.0.0.2", self.addressed("another address", "UP", "127.0.0.2"))
            program.names("127.0.0.1", "127.0.0.2")
            self.addressed("two addresses", "UP", "127.0.0.1", "127.0.0.2")
            program.kill("a")
            self.served(clients, None, self.addressed("the name server is dead", lost))
            program.start("a")
            self.addressed("the name server is back", "UP", "127.0.0.1", "127.0.0.2")
        finally:
            for client in clients:
                client.end()
        for side in self.sides:
            self.transcripts[side.name] += [f"log: {line}" for line in side.said("names")]


def wrong(text):
    """Raises OSError."""
    raise OSError(text)


def main(text):
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="conformance/servers", description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hapax", metavar="PATH")
    parser.add_argument("--upstream", metavar="PATH")
    parser.add_argument("--show", action="store_true", help="print what the reference said")
    parser.add_argument("-k", action="append", default=[], metavar="PATTERN", help="only kinds whose name contains this")
    options = parser.parse_args()
    options.self = False
    reference, ours = binaries(options)
    if reference is None:
        return 0
    kinds = [kind for kind in [*programs.KINDS, Dnsmasq] if not options.k or any(pattern in kind.name() for pattern in options.k)]
    binaries_by_side = {"reference": reference, "hapax": ours}
    kinds = at_hand(kinds)
    good = True
    for kind in play_all(kinds, binaries_by_side, options.show):
        # As in the suite of cases: what differed beside others must be equal alone, three times.
        print(f"once more, alone, {TIMES_ALONE} times: {kind.name()}", flush=True)
        if any(play_all([kind], binaries_by_side, options.show) for _ in range(TIMES_ALONE)):
            good = False
        else:
            print(f"unsteady: {kind.name()} was equal {TIMES_ALONE} times alone", flush=True)
    if not options.k or any(pattern in "spread" for pattern in options.k):
        with tempfile.TemporaryDirectory(prefix="hapax-servers-") as folder:
            good = spread.run(binaries_by_side, folder) and good
    return 0 if good else 1


def play_all(kinds, binaries_by_side, show):
    """Plays kinds of servers at the same time; those that differed."""
    folder = tempfile.mkdtemp(prefix="hapax-servers-")
    os.chmod(folder, 0o755)
    sides = [Side(name, binary, folder) for name, binary in binaries_by_side.items()]
    plays = [(NamePlay if kind is Dnsmasq else Play)(kind, sides, folder) for kind in kinds]
    try:
        together(play.make for play in plays)
        for play in [play for play in plays if play.skip]:
            print(f"{play.name}: skipped: {play.skip}")
            play.program.clear()
            plays.remove(play)
        for side in sides:
            side.start([part for play in plays for part in play.parts(side)])
        together(play.run for play in plays)
        return [play.kind for play in plays if not judge(play, show)]
    finally:
        for play in plays:
            play.program.clear()
        for side in sides:
            side.end()
        shutil.rmtree(folder, ignore_errors=True)


def together(jobs):
    """Runs functions at the same time, each to its end."""
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def at_hand(kinds):
    """The kinds whose programs are here, after an attempt to install those that are not."""
    def lacking(kind):
        try:
            return kind.lacks()
        except Missing as reason:
            return [str(reason)]
    wanted = [kind for kind in kinds if lacking(kind)]
    reason = programs.install(wanted) if wanted else None
    for kind in wanted:
        if lacking(kind):
            print(f"{kind.name()}: skipped: {', '.join(lacking(kind))} missing{f' ({reason})' if reason else ''}")
    return [kind for kind in kinds if not lacking(kind)]


def judge(play, show):
    """Prints how a play ended; whether well."""
    theirs, ours = play.transcripts.values()
    if show:
        print("\n".join(theirs))
    if play.fault:
        print(f"{play.name}: {play.fault}")
    for line in difflib.unified_diff(theirs, ours, "reference", "hapax", lineterm="", n=0):
        print(f"    {line}")
    good = play.fault is None and theirs == ours and play.over
    print(f"{play.name}: {len(theirs)} lines {'are equal' if good else 'differ'}, {play.seconds:.1f} s", flush=True)
    return good


if __name__ == "__main__":
    raise SystemExit("conformance/servers runs this")
