"""One end of a TCP or unix connection: sends bytes, reads delimited pieces, writes what it saw into the transcript."""
import hashlib
import os
import re
import select
import socket
import struct
import time

SHOWN_BODY = 2048
HEAD_LIMIT = 1 << 20


class Peer:
    """A connected socket with a read buffer; every method that reads records what it read on `channel`."""

    def __init__(self, world, channel, sock, mark="<"):
        self.world, self.channel, self.socket, self.mark = world, channel, sock, mark
        self.buffer, self.ended = bytearray(), None
        self.head_requested = False
        self.secured, self.on_close = None, None
        self.head = b""

    # Sending.

    def send(self, data):
        """Writes everything; a peer that stopped reading is no outcome by itself, what it answered is."""
        self.socket.settimeout(self.world.deadline)
        try:
            self.socket.sendall(data)
        except TimeoutError:
            self.note("<deadline while sending>")
        except OSError:
            pass

    def half_close(self):
        """Sends FIN and keeps reading."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        """Closes with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def raw(self, data):
        """Sends bytes beside TLS, as if they were records."""
        try:
            while data:
                data = data[os.write(self.socket.fileno(), data):]
        except OSError:
            self.ended = self.ended or "closed"

    def close(self):
        """Closes the socket."""
        if self.on_close:
            self.on_close()
            self.on_close = None
        self.socket.close()

    # Reading.

    def fill(self, until):
        """Reads once more; False at the end of the stream, after a reset, or when the deadline passed."""
        if self.ended:
            return False
        left = until - time.monotonic()
        try:
            ready = select.poll()
            ready.register(self.socket, select.POLLIN)
            # What TLS opened already makes no socket ready.
            opened = getattr(self.socket, "pending", lambda: 0)()
            if not opened and (left <= 0 or not ready.poll(left * 1000)):
                self.ended = "<deadline>"
                return False
        except ValueError:  # closed under our hands by `origin down`
            self.ended = "closed"
            return False
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError:
            self.ended = "reset"
            return False
        except OSError:
            self.ended = "closed"
            return False
        if not data:
            self.ended = "eof"
            return False
        self.buffer += data
        return True

    def _limit(self):
        return time.monotonic() + self.world.deadline

    def take(self, size):
        """Removes and returns the first `size` bytes of the buffer."""
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def read_until(self, mark):
        """Bytes up to and with `mark`, or None (and the end recorded) when it never came."""
        limit, start = self._limit(), 0
        while (found := self.buffer.find(mark, max(0, start - len(mark)))) < 0:
            start = len(self.buffer)
            if not self.fill(limit):
                self.give_up()
                return None
        return self.take(found + len(mark))

    def read_bytes(self, size):
        """Exactly `size` bytes, or None (and the end recorded)."""
        limit = self._limit()
        while len(self.buffer) < size:
            if not self.fill(limit):
                self.give_up()
                return None
        return self.take(size)

    def read_eof(self):
        """Everything to the end; returns (bytes, how it ended)."""
        limit = self._limit()
        while self.fill(limit):
            pass
        return self.take(len(self.buffer)), self.ended

    def give_up(self):
        """Records what is left and how the stream ended."""
        if self.buffer:
            self.show(self.take(len(self.buffer)))
        self.note(self.ended)
        if self.ended == "<deadline>":
            self.ended = None

    def read_message(self, kind):
        """One HTTP message: returns (head, body, trailers), or None. Chunked bodies come decoded."""
        while self.buffer[:2] == b"\r\n":
            self.take(2)
        head = self.read_until(b"\r\n\r\n")
        if head is None:
            return None
        self.head = head
        fields = head.lower()
        status = int(head[9:12]) if kind == "response" and head[9:12].isdigit() else 0
        if kind == "response" and (self.head_requested or status in (204, 304) or 100 <= status < 200):
            return head, b"", None
        if re.search(rb"\r\ntransfer-encoding:[^\r]*chunked", fields):
            return self._chunked(head)
        length = re.search(rb"\r\ncontent-length: *(\d+)", fields)
        if length:
            body = self.read_bytes(int(length[1]))
            if body is None:
                self.show(head)
            return None if body is None else (head, body, None)
        if kind == "response":
            body, how = self.read_eof()
            self.show(head + body)
            self.note(how)
            return None
        return head, b"", None

    def _chunked(self, head):
        body = bytearray()
        while True:
            line = self.read_until(b"\r\n")
            if line is None:
                break
            size = re.match(rb"([0-9a-fA-F]+)", line)
            if not size:
                self.note(f"<bad chunk line {line!r}>")
                break
            size = int(size[1], 16)
            if size == 0:
                trailers = b""
                while (line := self.read_until(b"\r\n")) not in (b"\r\n", None):
                    trailers += line
                return (head, bytes(body), trailers) if line else None
            chunk = self.read_bytes(size + 2)
            if chunk is None:
                break
            body += chunk[:-2]
        self.show(head + b"<chunked, incomplete>\r\n" + bytes(body))
        return None

    # The transcript.

    def note(self, text):
        """Records a fact that is not bytes."""
        self.world.record(self.channel, f"{self.mark} {text}")

    def show(self, data):
        """Records bytes, one line of text per line on the wire, with what is not printable escaped."""
        for piece in data.split(b"\n"):
            if piece or data.count(b"\n") == 0:
                self.world.record(self.channel, f"{self.mark} {printable(piece)}")

    def show_message(self, message):
        """Records a message as read by `read_message`."""
        head, body, trailers = message
        self.show(head)
        if trailers is not None:
            self.note("chunked:")
        if body:
            if len(body) > SHOWN_BODY:
                self.note(f"<{len(body)} bytes, sha1 {hashlib.sha1(body).hexdigest()[:12]}>")
            else:
                self.show(body)
        if trailers:
            self.show(trailers)


def printable(data):
    r"""Bytes as text: a final CR is dropped from view only as \r when it is missing its line feed partner."""
    text = []
    for byte in data.removesuffix(b"\r"):
        text.append(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}")
    ending = "" if data.endswith(b"\r") or not data else "~"
    return "".join(text) + ending
