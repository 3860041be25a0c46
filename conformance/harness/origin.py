"""Scripted and ready-made origin servers."""
import socket
import threading
import time

from .case import CaseError, Step, read_steps
from .peer import Peer
from .script import peer_step
from .tls import secure_origin
from .world import reserve_port


class Origin:
    """A listener whose connections each play a script (`on N`, `on *`) or answer HTTP by themselves (`http`)."""

    def __init__(self, world, section, path):
        self.world, self.name, self.path = world, section.words[0], path
        self.options = section.words[1:]
        self.scripts = split_scripts(read_steps(section, path))
        self.accepted = 0
        self.port, self.listener, self.peers, self.threads = None, None, [], []
        self.closed, self.waiting = False, []
        self.unix = next((word[5:] for word in self.options if word.startswith("unix=")), None)
        self.open()
        if "down" in self.options:
            self.shut_listener()

    def open(self):
        """Listens, on the port of the first time."""
        if self.port is None:
            # Keeps the number ours while the listener is down.
            self.address = next((word[8:] for word in self.options if word.startswith("address=")), "127.0.0.1")
            beside = next((word[7:] for word in self.options if word.startswith("beside=")), None)
            self.holder = reserve_port()
            self.port = self.world.origins[beside].port if beside else self.holder.getsockname()[1]
        listener = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((self.address, self.port))
        listener.listen(0 if "full" in self.options else 128)
        self.listener = listener
        if "full" in self.options:
            return self._fill()
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _fill(self):
        """Takes the places of the listener's queue, so that whoever connects gets no answer."""
        self.waiting = [socket.socket(self.listener.family) for _ in range(2)]
        for sock in self.waiting:
            sock.setblocking(False)
            sock.connect_ex((self.address, self.port))

    def shut_listener(self):
        """Refuses new connections and resets those that are open."""
        listener, self.listener = self.listener, None
        if listener is not None:
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()
        for peer in self.peers:
            try:
                peer.reset()
            except OSError:
                pass
        self.peers = []

    def close(self):
        """Ends the origin."""
        self.closed = True
        self.shut_listener()
        for sock in self.waiting:
            sock.close()
        self.holder.close()

    def _accept(self, listener):
        while not self.closed:
            try:
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                return
            peer = Peer(self.world, None, sock, ">")
            self.peers.append(peer)
            # Numbered in the order of arrival, not in that of the threads.
            number = None if self._counts_late() else self._number(peer)
            thread = threading.Thread(target=self._serve, args=(sock, peer, number), daemon=True)
            thread.start()
            self.threads.append(thread)

    def _counts_late(self):
        """Whether connections get a number only when they bring something."""
        return "http" in self.options or "lazy" in self.options

    def settle(self, until):
        """Waits, until a point in time, for what the connections still record when the proxy has ended."""
        for thread in self.threads:
            thread.join(max(0, until - time.monotonic()))

    def _serve(self, sock, peer, number):
        if self._counts_late():
            # Connections that bring no byte (health checks) get no number.
            try:
                sock.settimeout(60)
                if not sock.recv(1, socket.MSG_PEEK):
                    return peer.close()
            except OSError:
                return peer.close()
        secures = dict(word.split("=", 1) for word in self.options if "=" in word)
        if "tls" in secures and not secure_origin(self.world, peer, secures):
            return peer.close()
        try:
            if "http" in self.options:
                self._http(peer)
            else:
                self._script(peer, number or self._number(peer))
        except (CaseError, OSError, ValueError, TypeError) as error:
            if not self.closed:
                if isinstance(error, OSError):
                    return
                self.world.broken.append(f"origin {self.name}: {error}")
        finally:
            peer.close()

    def _number(self, peer):
        """Counts a connection and gives it its channel."""
        with self.world.lock:
            self.accepted += 1
            peer.channel = f"origin {self.name} connection {self.accepted}"
            self.world.lock.notify_all()
            return self.accepted

    def _script(self, peer, number):
        steps = self.scripts.get(str(number)) or self.scripts.get("*")
        if steps is None:
            self.world.record(peer.channel, "a connection that no script expects")
            return
        for step in steps:
            if not peer_step(self.world, peer, Step(step.line, step.verb, step.words, step.block)):
                raise CaseError(f"line {step.line}: unknown step '{step.verb}'")

    def _http(self, peer):
        """Answers every request with its own name, the connection's and the request's number; OPTIONS is a check."""
        count, number = 0, None
        status = next((word[7:] for word in self.options if word.startswith("status=")), "200 OK")
        extra = "".join(word[7:].replace("_", " ") + "\r\n" for word in self.options if word.startswith("header="))
        while True:
            if not peer.buffer and not peer.fill(_far()):
                return
            message = peer.read_message("request")
            if message is None:
                return
            head, body, _ = message
            method, target = head.split(b" ", 2)[:2]
            if method == b"OPTIONS":
                peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                continue
            count += 1
            if number is None and peer.secured:
                number = self._number(peer)
                peer.note(peer.secured)
            number = number or self._number(peer)
            if "quiet" not in self.options:
                peer.show_message(message)
            answer = f"{self.name} c{number} r{count} {target.decode('latin-1')} {len(body)}\n".encode()
            if "plain" in self.options:
                answer = f"{self.name}\n".encode()
            head = f"HTTP/1.1 {status}\r\ncontent-length: {len(answer)}\r\n{extra}\r\n".encode()
            peer.send(head + (b"" if method == b"HEAD" else answer))
            if b"\r\nconnection: close" in message[0].lower():
                return


def _far():
    """How long an idle keep-alive connection is kept: longer than any case lasts."""
    return time.monotonic() + 60


def split_scripts(steps):
    """Groups steps under their `on N` lines; without any, all belong to every connection."""
    scripts, current = {}, None
    for step in steps:
        if step.verb == "on":
            current = scripts.setdefault(step.words[0], [])
        else:
            if current is None:
                current = scripts.setdefault("*", [])
            current.append(step)
    return scripts
