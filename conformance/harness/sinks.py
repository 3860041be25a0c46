"""Log sinks: a UDP or unix datagram socket that records every line it gets."""
import os
import socket
import threading

from .peer import printable


class Sink:
    """Reads datagrams into the channel `log NAME` until it is closed."""

    def __init__(self, world, kind, name):
        self.world, self.channel = world, f"log {name}"
        if kind == "udp":
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", 0))
            self.port = self.socket.getsockname()[1]
        else:
            self.path = os.path.join(world.folder, name + ".log.sock")
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.bind(self.path)
            os.chmod(self.path, 0o666)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.settimeout(0.1)
        self.closed = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                if self.closed:
                    return
                continue
            except OSError:
                return
            ending = "" if data.endswith(b"\n") else "~"
            self.world.record(self.channel, printable(data.removesuffix(b"\n") + b"\r") + ending)

    def close(self):
        """Stops reading once the socket is drained."""
        self.closed = True
        self.thread.join(2.0)
        self.socket.close()
