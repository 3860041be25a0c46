"""What one side of a case owns: folder, ports, sockets, processes, transcript, and the placeholders that name them."""
import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

PLACEHOLDER = re.compile(r"\$\{(port|origin|oport|nameserver|log|dlog|socket|tmp|pid|netns|file|content|base64|bytes)(?::([A-Za-z0-9_.-]+))?\}")
# Seconds that a command line may take.
PROCESS_LIMIT = 20.0


class World:
    """One binary playing one case."""

    def __init__(self, side, binary, folder, deadline):
        self.side, self.binary, self.folder, self.deadline = side, binary, folder, deadline
        os.makedirs(folder)
        os.makedirs(os.path.join(folder, "bin"))
        # Both binaries run under one name, so that names in logs and messages are equal.
        os.symlink(binary, os.path.join(folder, "bin", "haproxy"))
        self.program = os.path.join(folder, "bin", "haproxy")
        self.lock = threading.Condition()
        self.holders, self.ports, self.origins, self.sinks = [], {}, {}, {}
        self.certificates, self.namespaces = {}, {}
        self.nameservers = {}
        self.processes, self.adopted = {}, []
        self.transcript, self.client_ports, self.broken = {}, set(), []
        # File names to texts.
        self.configurations, self.events = {}, {}
        # Patterns of log lines that `wait log` does not count.
        self.ignored = []

    # Names to values.

    def expand(self, text):
        """Replaces every placeholder in `text`, allocating what it names on first use."""
        return PLACEHOLDER.sub(lambda match: self.value(match[1], match[2]), text)

    def value(self, kind, name):
        """The value of one placeholder."""
        if kind == "tmp":
            return self.folder
        if kind == "file":
            return os.path.join(self.folder, name)
        if kind == "socket":
            return os.path.join(self.folder, (name or "stats") + ".sock")
        if kind == "port":
            return str(self.port(name or "fe"))
        if kind == "origin":
            return f"127.0.0.1:{self.origin_port(name)}"
        if kind == "oport":
            return str(self.origin_port(name))
        if kind == "nameserver":
            return f"127.0.0.1:{self.nameservers[name].port}"
        if kind == "log":
            return f"127.0.0.1:{self.sink('udp', name or 'log').port}"
        if kind == "dlog":
            return self.sink("unix", name or "dlog").path
        if kind in ("content", "base64"):
            with open(os.path.join(self.folder, name), "rb") as file:
                data = file.read()
            if kind == "base64":
                return base64.b64encode(data).decode()
            return "\n".join(line for line in data.decode("latin-1").split("\n") if line) + "\n"
        if kind == "netns":
            return self.namespace(name or "netns")
        if kind == "bytes":
            with open(os.path.join(self.folder, name), "rb") as file:
                return file.read().decode("latin-1")
        if kind == "pid":
            return str(self.processes[name or "main"].pid)
        raise KeyError(kind)

    def port(self, name):
        """A TCP port from the kernel, kept reserved (bound, not listening) until the side ends."""
        with self.lock:
            if name not in self.ports:
                holder = reserve_port()
                self.holders.append(holder)
                self.ports[name] = holder.getsockname()[1]
            return self.ports[name]

    def namespace(self, name):
        """A network namespace with a loopback of its own, made by `ip netns`."""
        with self.lock:
            if name not in self.namespaces:
                made = f"hapax-{os.getpid()}-{os.path.basename(self.folder)}-{name}"
                made = re.sub(r"[^a-z0-9-]", "", f"{made}-{id(self):x}")
                subprocess.run(["ip", "netns", "add", made], check=True)
                self.namespaces[name] = made
                subprocess.run(["ip", "-n", made, "link", "set", "lo", "up"], check=True)
            return self.namespaces[name]

    def origin_port(self, name):
        """The port of a scripted origin; an origin that no section describes refuses connections."""
        origin = self.origins.get(name)
        return origin.port if origin else self.port("origin-" + name)

    def sink(self, kind, name):
        """The log sink of this name, listening."""
        from .sinks import Sink

        with self.lock:
            if name not in self.sinks:
                self.sinks[name] = Sink(self, kind, name)
            return self.sinks[name]

    def event(self, name):
        """A named event by which the scripts of one side wait for each other."""
        with self.lock:
            return self.events.setdefault(name, threading.Event())

    # What was observed.

    def record(self, channel, *lines):
        """Adds lines to one channel of the transcript and wakes who waits for one; a connection that is not counted has none."""
        if channel is None:
            return
        with self.lock:
            self.transcript.setdefault(channel, []).extend(lines)
            self.lock.notify_all()

    def lines(self, channel):
        """A copy of what a channel holds."""
        with self.lock:
            return list(self.transcript.get(channel, []))

    def counted(self, channel):
        """How many lines a channel holds that the case does not ignore; to be called in `wait_for`."""
        lines = self.transcript.get(channel, [])
        return sum(1 for line in lines if not any(pattern.search(line) for pattern in self.ignored))

    def wait_for(self, condition, seconds=None):
        """Waits until `condition()` holds; False when the deadline passed first."""
        until = time.monotonic() + (seconds or self.deadline)
        with self.lock:
            while not condition():
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self.lock.wait(min(left, 0.1))
        return True

    # Processes.

    def start(self, name, arguments, wait=True):
        """Starts the binary in its folder; its messages go to the channel `messages NAME`."""
        process = subprocess.Popen(
            [self.program, *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.processes[name] = process
        thread = threading.Thread(target=self._messages, args=(name, process), daemon=True)
        thread.start()
        process.reader = thread
        if wait:
            self.wait_listening(process, arguments)
        return process

    def _messages(self, name, process):
        for line in process.stdout:
            self.record(f"messages {name}", line.decode("utf-8", "replace").rstrip("\n"))

    def wait_listening(self, process, arguments):
        """Waits until every port and socket that its configuration binds is listening, or the process ended."""
        wanted, paths = set(), []
        own = [text for name, text in self.configurations.items() if name in arguments]
        for line in "\n".join(own or self.configurations.values()).split("\n"):
            words = line.split()
            # The kernel's table is that of the runner's own namespace.
            if words and words[0] in ("bind", "listen", "frontend") and "namespace" not in words:
                wanted.update(int(port) for port in re.findall(r":(\d+)\b", line))
                paths += [word for word in words if word.startswith("/") and word.endswith(".sock")]
            if words[:2] == ["stats", "socket"]:
                paths += [word for word in words[2:3] if word.startswith("/")]
        until = time.monotonic() + self.deadline
        while time.monotonic() < until and process.poll() is None:
            if wanted <= listening_ports() and all(os.path.exists(path) for path in paths):
                return
            time.sleep(0.01)

    def run(self, arguments):
        """Runs the binary to its end; returns (exit code, standard output, standard error)."""
        try:
            done = subprocess.run(
                [self.program, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROCESS_LIMIT
            )
        except subprocess.TimeoutExpired:
            self.broken.append("a command ran into its deadline")
            return None, "", ""
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")

    def stop(self):
        """Ends every process of this side, by pid, and waits for it."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None and not getattr(process, "awaited", False):
                self.record("process", f"{name} ended by itself with {process.returncode}")
        for number, limit in ((signal.SIGUSR1, 1.0), (signal.SIGTERM, 1.0), (signal.SIGKILL, 2.0)):
            alive = [process for process in self.processes.values() if process.poll() is None]
            for process in alive:
                process.send_signal(number)
            for process in alive:
                try:
                    process.wait(limit)
                except subprocess.TimeoutExpired:
                    pass
        for pid in self.adopted:
            end_pid(pid)
        for process in self.processes.values():
            process.reader.join(1.0)
            process.stdout.close()

    def close(self):
        """Gives back sockets and the folder."""
        for origin in self.origins.values():
            origin.close()
        for server in self.nameservers.values():
            server.close()
        for sink in self.sinks.values():
            sink.close()
        for holder in self.holders:
            holder.close()
        for namespace in self.namespaces.values():
            subprocess.run(["ip", "netns", "delete", namespace], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def end_pid(pid):
    """Kills one pid that a case adopted (a daemon) and waits until it is gone."""
    for number, limit in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 1.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        until = time.monotonic() + limit
        while time.monotonic() < until:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.01)


def reserve_port():
    """A socket bound to a port that nobody else has; others may share it only by naming it.

    SO_REUSEPORT is set after bind: with it set before, the kernel may choose a port that another such socket holds.
    """
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return holder


# The ports of connections that are established, or that the other end has closed.
OPEN = re.compile(rb":([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) (?:01|08) ")


def lingering(clients):
    """Whether an end of a connection is open at a proxy whose other end, at one of these client ports, was closed."""
    open_at_client, open_at_proxy = set(), set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            continue
        for match in OPEN.finditer(data):
            local, remote = int(match[1], 16), int(match[2], 16)
            if local in clients:
                open_at_client.add(local)
            elif remote in clients:
                open_at_proxy.add(remote)
    return bool(open_at_proxy - open_at_client)


def listening_ports():
    """The TCP ports in state LISTEN, read from the kernel's table without touching them; listening sockets stand first there."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                next(file)
                for line in file:
                    parts = line.split(None, 4)
                    if parts[3] != "0A":
                        break
                    found.add(int(parts[1].rsplit(":", 1)[1], 16))
        except FileNotFoundError:
            pass
    return found
