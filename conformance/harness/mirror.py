"""The servers behind sample files: what they answer is what the proxy's client asked them to."""
import base64
import re
import socket
import threading

from .world import reserve_port

HEAD_LIMIT = 1 << 16


class Mirror:
    """Listens until it is closed; each connection is served by `serve` and then closed."""

    def __init__(self, serve):
        self.serve = serve
        self.holder = reserve_port()
        self.port = self.holder.getsockname()[1]
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        # One after the other: so do the clients of sample files connect.
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            try:
                with sock:
                    sock.settimeout(5)
                    self.serve(sock)
            except (OSError, ValueError):
                continue

    def close(self):
        """Stops listening."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.holder.close()


def answer_asked_for(sock):
    """Answers a request with the bytes that its field X-In carries in base64, whatever they are."""
    data = bytearray()
    while b"\r\n\r\n" not in data and len(data) < HEAD_LIMIT:
        piece = sock.recv(65536)
        if not piece:
            return
        data += piece
    match = re.search(rb"\r\nx-in: *([^\r]*)", data, re.IGNORECASE)
    if match:
        sock.sendall(base64.b64decode(match[1]))
        end(sock)


def same_again(sock):
    """Sends back everything, once the other side has ended."""
    data = bytearray()
    while piece := sock.recv(65536):
        data += piece
    sock.sendall(data)
    end(sock)


def end(sock):
    """Ends the sending side and reads what still comes, so that closing resets nothing."""
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(65536):
        pass
