"""A client of HTTP/2 for cases: frames as a step says, also wrong ones, and what comes back as one record per stream."""
import hashlib
import struct
import time

from . import h2_origin
from .case import CaseError, duration, unescape
from .peer import SHOWN_BODY, printable

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
TYPES = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"]
CODES = [
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
    "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
]
SETTINGS = {"table": 1, "push": 2, "streams": 3, "window": 4, "frame": 5, "list": 6, "connect": 8}
END_STREAM, END_HEADERS, PADDED, PRIORITY, ACK = 1, 4, 8, 32, 1
STATIC = """:authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204|:status 206
:status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate|accept-language|accept-ranges|accept
access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|content-encoding|content-language|content-length
content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range
if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after
server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate""".replace("\n", "|").split("|")


def code_name(code):
    """An error code as the specification calls it."""
    return CODES[code] if code < len(CODES) else str(code)


def frame(kind, flags, stream, payload):
    """One frame; `kind` is a name or a number."""
    kind = TYPES.index(kind) if kind in TYPES else int(kind)
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value, bits, first):
    """An HPACK integer behind the bits of `first`."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = bytearray([first | most]), value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def encode(fields):
    """A header block of literals that no table keeps."""
    block = b""
    for name, value in fields:
        block += b"\0" + integer(len(name), 7, 0) + name + integer(len(value), 7, 0) + value
    return block


def fields_of(step):
    """`name: value` lines of a step, with escapes."""
    fields = []
    for line in step.block:
        name, _, value = line[1:].partition(":")
        fields.append((unescape(line[:1] + name), unescape(value.removeprefix(" "))))
    return fields


class Decoder:
    """HPACK with its dynamic table; Huffman strings are shown as their length."""

    def __init__(self):
        self.table = []

    def decode(self, data):
        """All fields of a block as (name, value) texts."""
        at, fields = 0, []
        while at < len(data):
            first = data[at]
            if first & 0x80:
                index, at = self.integer(data, at, 7)
                fields.append(self.entry(index))
                continue
            if first & 0xE0 == 0x20:
                _, at = self.integer(data, at, 5)
                continue
            keep = first & 0x40
            index, at = self.integer(data, at, 6 if keep else 4)
            if index:
                name = self.entry(index)[0]
            else:
                name, at = self.string(data, at)
            value, at = self.string(data, at)
            fields.append((name, value))
            if keep:
                self.table.insert(0, (name, value))
        return fields

    def entry(self, index):
        """Field `index` of both tables."""
        if index <= len(STATIC):
            name, _, value = STATIC[index - 1].partition(" ")
            return name, value
        return self.table[index - len(STATIC) - 1]

    @staticmethod
    def integer(data, at, bits):
        """An integer and where it ends."""
        value, at = data[at] & ((1 << bits) - 1), at + 1
        if value < (1 << bits) - 1:
            return value, at
        shift = 0
        while True:
            byte, at = data[at], at + 1
            value += (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return value, at

    def string(self, data, at):
        """A string and where it ends."""
        huffman = data[at] & 0x80
        length, at = self.integer(data, at, 7)
        text = data[at:at + length]
        return (f"<huffman {length}>" if huffman else printable(text).removesuffix("~")), at + length


class Connection:
    """The client's end over a `Peer`."""

    def __init__(self, peer):
        self.peer, self.decoder = peer, Decoder()
        self.streams, self.block, self.ended, self.pongs, self.settings = {}, b"", None, 0, None
        self.credits = True

    def send(self, data):
        """Bytes as they are."""
        self.peer.send(data)

    def read(self, until):
        """Takes one frame; False when none came in time or the connection ended."""
        while len(self.peer.buffer) < 9 or len(self.peer.buffer) < 9 + int.from_bytes(self.peer.buffer[:3]):
            if not self.peer.fill(until):
                return False
        head = self.peer.take(9)
        payload = self.peer.take(int.from_bytes(head[:3]))
        self.frame(head[3], head[4], int.from_bytes(head[5:]) & 0x7FFFFFFF, payload)
        return True

    def stream(self, number):
        """What is known of a stream: heads, body, how it ended."""
        return self.streams.setdefault(number, {"lines": [], "body": b"", "end": None})

    def frame(self, kind, flags, number, payload):
        """Takes one frame into account."""
        name = TYPES[kind] if kind < len(TYPES) else str(kind)
        match name:
            case "DATA":
                self.stream(number)["body"] += payload
                if self.credits and payload:
                    grant = struct.pack(">I", len(payload))
                    self.send(frame("WINDOW_UPDATE", 0, 0, grant) + frame("WINDOW_UPDATE", 0, number, grant))
            case "HEADERS" | "CONTINUATION":
                self.block += payload
                if flags & END_HEADERS:
                    stream = self.stream(number)
                    self.body(stream)
                    stream["lines"] += [f"{name}: {value}" for name, value in self.decoder.decode(self.block)] + [""]
                    self.block = b""
            case "RST_STREAM":
                stream = self.stream(number)
                if stream["end"] is None:
                    stream["end"] = f"RST_STREAM {code_name(int.from_bytes(payload))}"
            case "GOAWAY":
                last, code = struct.unpack(">II", payload[:8])
                self.ended = f"GOAWAY {code_name(code)} last {last}"
                self.peer.note(self.ended)
            case "SETTINGS" if not flags & ACK:
                pairs = [struct.unpack(">HI", payload[at:at + 6]) for at in range(0, len(payload), 6)]
                self.settings = " ".join(f"{key}={value}" for key, value in sorted(pairs))
                if self.credits:
                    self.send(frame("SETTINGS", ACK, 0, b""))
            case "PING" if flags & ACK:
                self.pongs += 1
            case "PING":
                self.peer.note(f"PING {len(payload)} bytes")
                if self.credits:
                    self.send(frame("PING", ACK, 0, payload))
        if name in ("DATA", "HEADERS") and flags & END_STREAM and self.stream(number)["end"] is None:
            self.stream(number)["end"] = "END_STREAM"

    @staticmethod
    def body(stream):
        """Writes the body so far among the lines."""
        data, stream["body"] = stream["body"], b""
        if len(data) > SHOWN_BODY:
            stream["lines"].append(f"<{len(data)} bytes, sha1 {hashlib.sha1(data).hexdigest()[:12]}>")
        elif data:
            stream["lines"] += [printable(piece) for piece in data.split(b"\n")]

    def wait(self, done, deadline):
        """Reads frames until `done`; False when the connection ended or the time is over."""
        until = time.monotonic() + deadline
        while not done():
            if not self.read(until):
                return False
        return True

    def show(self, number):
        """Records a stream."""
        stream = self.stream(number)
        self.body(stream)
        for line in stream["lines"]:
            self.peer.note(f"[{number}] {line}".rstrip())
        stream["lines"] = []


def ending(peer):
    """How the connection ended; whether by an end or a reset the kernel decides, when frames were on their way."""
    return "end" if peer.ended in ("eof", "reset", "closed") else str(peer.ended)


def h2_step(world, peer, step):
    """`h2 VERB ...`: see the manual of cases."""
    verb, *words = step.words
    connection = getattr(peer, "h2", None)
    if verb == "accept":
        peer.h2 = connection = Connection(peer)
        options = dict(word.split("=") for word in words if "=" in word)
        connection.credits = "manual" not in words
        h2_origin.begin(connection, b"".join(struct.pack(">HI", SETTINGS[key], int(value)) for key, value in options.items()))
        return
    if verb == "open":
        peer.h2 = connection = Connection(peer)
        options = dict(word.split("=") for word in words if "=" in word)
        connection.credits = "manual" not in words
        skip = int(options.pop("rest", 0))
        payload = b"".join(struct.pack(">HI", SETTINGS[key], int(value)) for key, value in options.items())
        connection.send(PREFACE[skip:] + frame("SETTINGS", 0, 0, payload))
        return
    if connection is None:
        raise CaseError("'h2' before 'h2 open'")
    match [verb, *words]:
        case ["headers" | "request" as kind, number, *rest]:
            _headers(connection, kind, int(number), rest, fields_of(step))
        case ["data", number, *rest]:
            payload = b""
            while rest and rest[0] != "end":
                word = rest.pop(0)
                payload += int(rest.pop(0)) * rest.pop(0) if word == "repeat" else word
            connection.send(frame("DATA", END_STREAM if rest else 0, int(number), payload))
        case ["frame", kind, flags, number, *rest]:
            repeat = next((int(word[1:]) for word in rest if isinstance(word, str) and word[0] == "x"), 1)
            payload = b"".join(word for word in rest if isinstance(word, bytes))
            connection.send(frame(kind, int(flags), int(number), payload) * repeat)
        case ["rst", number, code]:
            connection.send(frame("RST_STREAM", 0, int(number), struct.pack(">I", CODES.index(code))))
        case ["window", number, amount]:
            connection.send(frame("WINDOW_UPDATE", 0, int(number), struct.pack(">I", int(amount))))
        case ["settings", *pairs]:
            pairs = [pair.split("=") for pair in pairs]
            pairs = [(SETTINGS[key] if key in SETTINGS else int(key), int(value)) for key, value in pairs]
            connection.send(frame("SETTINGS", 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in pairs)))
        case ["goaway", code, *last]:
            connection.send(frame("GOAWAY", 0, 0, struct.pack(">II", int(last[0]) if last else 0, CODES.index(code))))
        case ["recv", "settings"]:
            connection.wait(lambda: connection.settings is not None, world.deadline)
            peer.note(f"settings {connection.settings}")
        case ["recv", "nothing", time_text]:
            until = time.monotonic() + duration(time_text)
            while connection.read(until):
                pass
            if peer.ended == "<deadline>":
                # That is what was waited for.
                peer.ended = None
            else:
                peer.note(ending(peer))
        case ["recv", "ping"]:
            connection.send(frame("PING", 0, 0, b"hapaxack"))
            before = connection.pongs
            pong = connection.wait(lambda: connection.pongs > before, world.deadline)
            peer.note("pong" if pong else f"no pong: {ending(peer)}")
        case ["recv", "end"]:
            connection.wait(lambda: False, world.deadline)
            for number in sorted(connection.streams):
                stream = connection.streams[number]
                if stream["lines"] or stream["body"] or (stream["end"] or "").startswith("RST") and not stream.get("told"):
                    connection.show(number)
                    peer.note(f"[{number}] {stream['end']}")
            peer.note(ending(peer))
        case ["recv", "head", *numbers]:
            for number in map(int, numbers):
                stream = connection.stream(number)
                connection.wait(lambda: stream["lines"] or stream["end"], world.deadline)  # noqa: B023
                connection.show(number)
        case ["recv", "body", number, amount]:
            stream = connection.stream(int(number))
            got = connection.wait(lambda: len(stream["body"]) >= int(amount) or stream["end"], world.deadline)
            peer.note(f"[{number}] {len(stream['body'])} bytes" if got else f"[{number}] {len(stream['body'])} bytes: {ending(peer)}")
        case ["recv", "start", number, amount]:  # how the body of a whole message begins
            stream = connection.stream(int(number))
            connection.wait(lambda: stream["end"], world.deadline)
            peer.note(f"[{number}] begins {printable(stream['body'][:int(amount)])}, {stream['end'] or ending(peer)}")
        case ["recv", *numbers]:
            for number in map(int, numbers):
                stream = connection.stream(number)
                done = connection.wait(lambda: stream["end"], world.deadline)  # noqa: B023
                connection.show(number)
                stream["told"] = True
                peer.note(f"[{number}] {stream['end'] if done else ending(peer)}")
        case _:
            raise CaseError(f"unknown form of h2: {step.words}")


def _headers(connection, kind, number, words, fields):
    """request STREAM METHOD PATH [more] | headers STREAM [more] [cont=N] [pad=N] [priority=STREAM]"""
    options = dict(word.split("=") for word in words if isinstance(word, str) and "=" in word)
    if kind == "request":
        method, path = (word if isinstance(word, bytes) else word.encode() for word in words[:2])
        named = [(b":method", method), (b":scheme", b"http"), (b":authority", b"test"), (b":path", path)]
        given = [name for name, _ in fields]
        fields = [pair for pair in named if pair[0] not in given] + fields
    flags, block = 0 if "more" in words else END_STREAM, encode(fields)
    if "priority" in options:
        block, flags = struct.pack(">IB", int(options["priority"]), 15) + block, flags | PRIORITY
    if "pad" in options:
        block, flags = bytes([int(options["pad"])]) + block + bytes(int(options["pad"])), flags | PADDED
    size = int(options.get("cont", 16384))
    pieces = [block[at:at + size] for at in range(0, len(block), size)] or [b""]
    last = 0 if "open" in words else END_HEADERS
    out = frame("HEADERS", flags | (last if len(pieces) == 1 else 0), number, pieces[0])
    for index, piece in enumerate(pieces[1:], 2):
        out += frame("CONTINUATION", last if index == len(pieces) else 0, number, piece)
    connection.send(out)
