"""Runs the steps that clients and origins share, and those that only clients have."""
import base64
import csv
import hashlib
import io
import os
import re
import resource
import shutil
import signal
import socket
import stat
import time

from .case import CaseError, duration
from .h2 import h2_step
from .peer import Peer, printable
from .sockets import describe
from .tls import openssl_client, secure_client
from .world import lingering, listening_ports


def payload(world, step):
    """The bytes of a `send` step: quoted words, `repeat N "x"`, and `|` lines that end in CRLF each."""
    out, words = b"", list(step.words)
    while words:
        word = words.pop(0)
        if word == "repeat":
            count = int(words.pop(0))
            out += words.pop(0) * count
        elif isinstance(word, bytes):
            out += word
        else:
            out += str(word).encode()
    for line in step.block:
        out += line.encode("utf-8", "surrogateescape") + b"\r\n"
    if b"${" in out:
        out = world.expand(out.decode("latin-1")).encode("latin-1")
    return out


def peer_step(world, peer, step):
    """One step on a connection; False when the verb is not of this kind."""
    words = step.words
    match step.verb:
        case "send":
            peer.send(payload(world, step))
        case "slowly":  # slowly 50ms "a" "b": each piece its own segment
            for piece in words[1:]:
                peer.send(piece)
                time.sleep(duration(words[0]))
        case "raw":
            peer.raw(payload(world, step))
        case "recv":
            receive(world, peer, words)
        case "websocket":
            peer.send(switch(peer.head, payload(world, step)))
        case "shut":
            peer.half_close()
        case "close":
            peer.close()
        case "reset":
            peer.reset()
        case "sleep":
            time.sleep(duration(words[0]))
        case "await":  # an event that another script of the case gives
            event = world.event(words[0])
            if not event.wait(world.deadline):
                world.broken.append(f"event {words[0]} never came")
        case "tell":
            world.event(words[0]).set()
        case "h2":
            h2_step(world, peer, step)
        case _:
            return False
    return True


def switch(request, extra):
    """A server's switch to the websocket that `request` asked for (RFC 6455 4.2.2)."""
    key = re.search(rb"\r\nsec-websocket-key: *([^\r]*)", request, re.IGNORECASE)
    digest = hashlib.sha1((key[1] if key else b"") + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
    return head + base64.b64encode(digest) + b"\r\n" + extra + b"\r\n"


def receive(world, peer, words):
    """The forms of `recv`."""
    match words:
        case ["response" | "request" as kind, *rest]:
            peer.head_requested = "to-head" in rest
            count = next((int(word) for word in rest if word.isdigit()), 1)
            for _ in range(count):
                message = peer.read_message(kind)
                if message is None:
                    return
                peer.show_message(message)
        case ["head"]:
            _show(peer, peer.read_until(b"\r\n\r\n"))
        case ["line"]:
            _show(peer, peer.read_until(b"\n"))
        case ["until", bytes() as mark]:
            _show(peer, peer.read_until(mark))
        case ["eof"]:
            data, how = peer.read_eof()
            if data:
                peer.show(data)
            peer.note(how)
        case ["end"]:  # eof or reset, whichever: for the places where the kernel decides
            data, how = peer.read_eof()
            if data:
                peer.show(data)
            peer.note("end" if how in ("eof", "reset") else how)
        case ["sum", size]:
            data = peer.read_bytes(int(size))
            if data is not None:
                peer.note(f"<{len(data)} bytes, sha1 {hashlib.sha1(data).hexdigest()[:12]}>")
        case ["words", re.Pattern() as pattern]:  # what a pattern finds in everything up to the end, each once
            data, how = peer.read_eof()
            found = dict.fromkeys(match[match.lastindex or 0] for match in pattern.finditer(data.decode("utf-8", "replace")))
            peer.note(f"{how}: " + ", ".join(repr(word) for word in found))
        case ["csv", columns]:
            data, how = peer.read_eof()
            head, _, body = data.partition(b"\r\n\r\n")
            peer.show(head)
            peer.note(how)
            table = csv.DictReader(io.StringIO(body.decode("utf-8", "replace").removeprefix("# ")))
            peer.note("fields: " + ",".join(table.fieldnames or []))
            for row in table:
                peer.note(" ".join(f"{column}={row.get(column)}" for column in columns.split(",")))
        case ["nothing", time_text]:
            until = time.monotonic() + duration(time_text)
            while peer.fill(until):
                pass
            if peer.ended == "<deadline>":
                peer.ended = None
                peer.note("nothing" if not peer.buffer else "something")
            else:
                peer.note(peer.ended)
            if peer.buffer:
                peer.show(peer.take(len(peer.buffer)))
        case [size] if size.isdigit():
            _show(peer, peer.read_bytes(int(size)))
        case _:
            raise CaseError(f"unknown form of recv: {words}")


def _show(peer, data):
    if data is not None:
        peer.show(data)


def bind_from(sock, address, low):
    """Binds to an address; `low` to a port that only the superuser may send from."""
    if not low:
        sock.bind((address, 0))
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for port in range(1023, 600, -1):
        try:
            sock.bind((address, port))
            return
        except OSError:
            continue

# Seconds that a proxy has to close what its client closed.
LETTING_GO = 0.2


class ClientScript:
    """One `== client` section: its own channel, one current connection at a time, named ones beside it."""

    def __init__(self, world, name, steps):
        self.world, self.name, self.steps = world, name, steps
        self.channel, self.peers, self.current = f"client {name}", {}, "-"
        self.reached = set()
        self.sessions = {}

    def play(self):
        """Runs all steps; a fault of the script itself breaks the case."""
        try:
            for step in self.steps:
                self.step(step)
        except (CaseError, KeyError, IndexError, ValueError, TypeError, OSError) as error:
            self.world.broken.append(f"line {step.line}: {step.verb}: {type(error).__name__} {error}")
        finally:
            for peer in self.peers.values():
                peer.close()

    def step(self, step):
        """Runs one step."""
        world, words = self.world, [world_word(self.world, word) for word in step.words]
        step.words = words
        match step.verb:
            case "connect":
                self.connect(words)
            case "tls":
                secure_client(world, self.peers[self.current], words, self.sessions)
            case "s_client":
                openssl_client(world, self.channel, words)
            case "use":
                self.current = words[0]
            case "cli":
                self.cli(words)
            case "csv":
                self.csv(words)
            case "poll":
                self.poll(words)
            case "wait":
                self.wait(words)
            case "signal":
                self.reached.clear()
                self.signal(words)
            case "signal-child":
                self.signal_child(words)
            case "exit":
                self.exit(words)
            case "start":
                self.reached.clear()
                world.start(words[0], [text(word) for word in words[1:]])
            case "socket":
                world.record(self.channel, describe(world, words))
            case "stat":
                found = os.lstat(words[0])
                self.world.record(self.channel, f"stat {os.path.basename(words[0])}: {stat.filemode(found.st_mode)} {found.st_uid} {found.st_gid}")
            case "link":
                self.world.record(self.channel, f"link {os.path.basename(words[0])}: {os.readlink(words[0])}")
            case "descriptors":
                self.descriptors(int(words[0]))
            case "run":
                self.run([text(word) for word in words])
            case "copy":
                shutil.copyfile(os.path.join(world.folder, words[0]), os.path.join(world.folder, words[1]))
            case "adopt":
                with open(os.path.join(world.folder, words[0]), encoding="ascii") as file:
                    world.adopted += [int(line) for line in file.read().split()]
            case "origin":
                origin = world.origins[words[1]]
                origin.open() if words[0] == "up" else origin.shut_listener()
            case "zone":
                world.nameservers[words[0]].change([world.expand(line) for line in step.block])
            case "datagram":
                self.datagram(step)
            case "request":
                self.request(words)
            case "show":
                keep = words[1] if len(words) > 1 else re.compile("")
                name = os.path.basename(words[0])
                with open(os.path.join(world.folder, words[0]), encoding="utf-8", errors="replace") as file:
                    found = [line for line in file.read().split("\n") if keep.search(line)]
                world.record(self.channel, *[f"{name}: {line}" for line in found])
            case _:
                if step.verb not in ("await", "tell", "sleep") and self.current not in self.peers:
                    raise CaseError(f"'{step.verb}' before any connect")
                if not peer_step(world, self.peers.get(self.current), step):
                    raise CaseError(f"unknown step '{step.verb}'")

    def let_go(self):
        """Gives the proxy a moment to close what the client closed before, so that its counts are those of the case."""
        until = time.monotonic() + LETTING_GO
        while self.world.client_ports and lingering(self.world.client_ports) and time.monotonic() < until:
            time.sleep(0.005)

    def connect(self, words):
        """connect TARGET [as NAME] [from ADDRESS] [rcvbuf N] [once]"""
        target, options = words[0], dict(zip(words[1::2], words[2::2]))
        family, address = self.address(target)
        name = options.get("as", "-")
        if name in self.peers:
            self.peers[name].close()
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(self.world.deadline)
        if "rcvbuf" in options:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(options["rcvbuf"]))
        if "from" in options:
            address_from, _, low = options["from"].partition(":")
            bind_from(sock, address_from, low == "low")
        if family != socket.AF_UNIX and options.get("try") != "once":
            until = time.monotonic() + self.world.deadline
            while address[1] not in listening_ports() and time.monotonic() < until:
                main = self.world.processes.get("main")
                if main is not None and main.poll() is not None and not self.world.adopted:
                    break
                time.sleep(0.01)
            self.let_go()
        reset = False
        try:
            sock.connect(address)
        except ConnectionResetError:
            reset = True  # accepted and reset before we looked: a connection that was reset
        except OSError as error:
            self.world.record(self.channel, f"connect: {type(error).__name__}")
            sock.close()
            raise CaseError(f"cannot connect to {target}") if options.get("try") != "once" else CaseError("refused") from None
        if family != socket.AF_UNIX and not reset:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.world.client_ports.add(sock.getsockname()[1])
        self.current = name
        self.peers[name] = Peer(self.world, self.channel, sock, "<" if name == "-" else f"{name} <")
        if reset:
            self.peers[name].ended = "reset"

    def address(self, target):
        """(family, address) of a port name, host:port, or unix:path."""
        if target.startswith("unix:"):
            return socket.AF_UNIX, target[5:]
        if ":" in target:
            host, port = target.rsplit(":", 1)
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return family, (host.strip("[]"), int(port))
        return socket.AF_INET, ("127.0.0.1", self.world.port(target))

    def request(self, words):
        """request PORT-NAME PATH [COUNT] [header "..."]: whole exchanges on own connections, one line each."""
        count = next((int(word) for word in words[2:] if word.isdigit()), 1)
        extra = b"".join(word + b"\r\n" for word in words[2:] if isinstance(word, bytes))
        source = next((word[5:] for word in words[2:] if isinstance(word, str) and word.startswith("from=")), None)
        for _ in range(count):
            # Whether a port listens is looked up once: the kernel's table is slow to read.
            once = ["try", "once"] if words[0] in self.reached else []
            self.connect([words[0], "as", "quick"] + (["from", source] if source else []) + once)
            self.reached.add(words[0])
            peer = self.peers["quick"]
            peer.mark = "<"
            host = b"" if extra.lower().startswith(b"host:") else b"host: test\r\n"
            head = f"GET {words[1]} HTTP/1.1\r\n".encode() + host + b"connection: close\r\n" + extra + b"\r\n"
            peer.send(head)
            data, how = peer.read_eof()
            status, _, rest = data.partition(b"\r\n")
            body = rest.partition(b"\r\n\r\n")[2]
            self.world.record(self.channel, f"{words[1]}: {printable(status)} {how}: {printable(body.strip())}")
            peer.close()

    def datagram(self, step):
        """Sends one datagram to a port of 127.0.0.1, or to `unix:PATH`."""
        target = text(step.words.pop(0))
        data = payload(self.world, step)
        unix = target.startswith("unix:")
        family = socket.AF_UNIX if unix else socket.AF_INET
        port = target[5:] if unix else ("127.0.0.1", int(target if target.isdigit() else self.world.ports[target]))
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.sendto(data, port)

    def ask(self, command, target=None):
        """Sends one line to the runtime socket and reads the answer to the end."""
        path = target or self.world.value("socket", "stats")
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(self.world.deadline)
        try:
            sock.connect(path)
            sock.sendall(command.encode() + b"\n")
            answer = b""
            while piece := sock.recv(65536):
                answer += piece
        except OSError as error:
            return f"<{type(error).__name__}>"
        finally:
            sock.close()
        return answer.decode("utf-8", "replace")

    def cli(self, words):
        """cli "COMMAND" [/keep/] [on PATH]"""
        command, keep, target = text(words[0]), None, None
        for index, word in enumerate(words[1:], 1):
            if isinstance(word, re.Pattern):
                keep = word
            elif word == "on":
                target = text(words[index + 1])
        for line in self.ask(command, target).split("\n"):
            if line and (keep is None or keep.search(line)):
                self.world.record(self.channel, f"cli {command.partition(chr(10))[0]}: {line}")

    def table(self):
        """`show stat` as a list of dicts."""
        return list(csv.DictReader(io.StringIO(self.ask("show stat").removeprefix("# "))))

    def csv(self, words):
        """csv COLUMN,COLUMN [/rows/]: chosen columns of `show stat`, one line per row."""
        rows = next((word for word in words if isinstance(word, re.Pattern)), re.compile(""))
        for row in self.table():
            name = f"{row.get('pxname')}/{row.get('svname')}"
            if rows.search(name):
                values = " ".join(f"{column}={row.get(column)}" for column in words[0].split(","))
                self.world.record(self.channel, f"csv {name}: {values}")

    def poll(self, words):
        """poll cli "COMMAND" /pattern/ | poll log /pattern/ | poll messages /pattern/ | poll request PORT /pattern/"""
        what, pattern = words[0], words[-1]
        until = time.monotonic() + self.world.deadline
        while time.monotonic() < until:
            if what == "cli":
                found = pattern.search(self.ask(text(words[1])))
            else:
                channels = [channel for channel in list(self.world.transcript) if channel.split()[0] == what]
                found = any(pattern.search(line) for channel in channels for line in self.world.lines(channel))
            if found:
                return
            time.sleep(0.02)
        self.world.record(self.channel, f"poll {what} {pattern.pattern}: <deadline>")

    def wait(self, words):
        """wait log [NAME] N | wait origin NAME N | wait nameserver NAME QUESTION TYPE N: until that many lines or connections were seen.

        wait idle FRONTEND N: until the frontend had N connections and all of them are gone.
        """
        count = int(words[-1])
        if words[0] == "nameserver":
            server = self.world.nameservers[words[1]]
            done = self.world.wait_for(lambda: server.count(words[2], words[3]) >= count)
        elif words[0] == "idle":
            done = self.idle(words[1], count)
        elif words[0] == "log":
            channel = f"log {words[1] if len(words) > 2 else 'log'}"
            done = self.world.wait_for(lambda: self.world.counted(channel) >= count)
        else:
            done = self.world.wait_for(lambda: self.world.origins[words[1]].accepted >= count)
        if not done:
            self.world.record(self.channel, f"wait {' '.join(words)}: <deadline>")

    def idle(self, frontend, count):
        """Whether all connections of a frontend, of which there were `count`, were gone before the deadline."""
        until = time.monotonic() + self.world.deadline
        while time.monotonic() < until:
            for row in self.table():
                if (row.get("pxname"), row.get("svname")) == (frontend, "FRONTEND") and row.get("scur") == "0":
                    if int(row.get("conn_tot") or 0) >= count:
                        return True
            time.sleep(0.02)
        return False

    def signal(self, words):
        """signal NAME SIGNAL"""
        name = words[0] if len(words) > 1 else "main"
        self.world.processes[name].send_signal(getattr(signal, "SIG" + words[-1]))

    def signal_child(self, words):
        """signal-child NAME SIGNAL: to the child processes of NAME."""
        pid = self.world.processes[words[0]].pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            for child in file.read().split():
                os.kill(int(child), getattr(signal, "SIG" + words[1]))

    def descriptors(self, number):
        """descriptors N: from now on the proxy gets no descriptor whose number is N or more."""
        pid = self.world.processes["main"].pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (number, hard))

    def exit(self, words):
        """exit [NAME]: waits for the end of a process and records its code."""
        name = words[0] if words else "main"
        process = self.world.processes[name]
        process.awaited = True
        try:
            self.world.record(self.channel, f"{name} exits with {process.wait(self.world.deadline)}")
        except Exception:
            self.world.record(self.channel, f"{name} exits: <deadline>")

    def run(self, words):
        """run ARGS: a command line to its end, its code and both streams recorded."""
        code, out, err = self.world.run(words)
        self.world.record(self.channel, f"run {' '.join(words)}: exit {code}")
        for label, stream in (("out", out), ("err", err)):
            self.world.record(self.channel, *[f"{label}: {line}" for line in stream.split("\n") if line])


def world_word(world, word):
    """Placeholders replaced in a bare or quoted word."""
    if isinstance(word, str):
        return world.expand(word)
    if isinstance(word, bytes) and b"${" in word:
        return world.expand(word.decode("latin-1")).encode("latin-1")
    return word


def text(word):
    """A word as text."""
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)

