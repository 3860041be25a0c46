"""Plays seeded sequences of HTTP/2 frames, most of them wrong somewhere, against both programs and compares what came back."""
import argparse
import asyncio
import os
import random
import shutil
import struct
import subprocess
import tempfile

from .h2 import ACK, END_HEADERS, END_STREAM, PADDED, PREFACE, PRIORITY, TYPES, code_name, encode, frame
from .main import binaries
from .mangled import until_open
from .world import reserve_port

# Connections at a time.
LANES = 24
# How long answers may take, and how long a connection on which nothing more comes is watched, in seconds.
ENOUGH, QUIET = 5.0, 0.3

CONFIGURATION = """
global
	nbthread 1
defaults
	mode http
	timeout connect 1s
	timeout client 10s
	timeout server 10s
	timeout http-request 10s
	timeout http-keep-alive 10s
frontend fe
	bind 127.0.0.1:{port}
	http-request wait-for-body time 10s if METH_POST
	http-request return status 200 content-type text/plain lf-string "glitches %[fc_glitches]" if {{ path /glitches }}
	http-request return status 200 content-type text/plain lf-string "%[method] %[path] %[req.body_len]"
"""
# The stream behind all others, which asks how many oddities were counted.
LAST = 0x70000001
GET = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/")]
GLITCHES = GET[:3] + [(b":path", b"/glitches")]
POST = [(b":method", b"POST")] + GET[1:]
BAD = [
    GET + [(b"Upper", b"x")], GET[1:], GET + [(b":method", b"GET")], GET + [(b"connection", b"close")], GET + [(b"a", b"b\r\nc: d")],
    GET + [(b"te", b"gzip")], GET[:3], [(b"x", b"y")] + GET, GET + [(b":unknown", b"x")], POST + [(b"content-length", b"x")],
]
# Header blocks that no decoder takes, and some that only look like it.
BLOCKS = [
    b"", b"\x80", b"\xff\xff\xff\xff\xff\xff", b"\xbe", b"\x3f\xff\xff\x7f", b"\x20\x82\x84\x86", b"\x82\x84\x86\x20", b"\x82\x84\x86\x40",
    b"\x82\x84\x86\x00\x7f", b"\x82\x84\x86\x00\x01a\x81\xff", b"\x82\x84\x86\x00\x01a\x85\xff\xff\xff\xff\xff", b"\x82\x84\x86",
    b"\x82\x84\x86\x41\x01a", b"\x82\x84\x86\xc0", b"\x00\x00\x00", b"\x82\x84\x86\x0f\x2f\x00",
]


def main(text):
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="conformance/frames", description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hapax", metavar="PATH")
    parser.add_argument("--upstream", metavar="PATH")
    parser.add_argument("--number", type=int, default=600, metavar="N", help="random sequences beside the matrix")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--only", metavar="NAME", help="only the sequence of this name")
    parser.add_argument("--most", type=int, default=25, metavar="N", help="print so many differences")
    parser.add_argument("--self", action="store_true", help="the reference against itself")
    options = parser.parse_args()
    reference, ours = binaries(options)
    if reference is None:
        print("frames: no reference here")
        return 0
    ours = reference if options.self else ours
    sequences = dict(matrix()) | dict(floods()) | {f"random {number}": chance(options.seed, number) for number in range(options.number)}
    names = [name for name in sequences if options.only in (None, name)]
    outcomes = asyncio.run(both(sequences, names, (reference, ours)))
    different = [name for name in names if outcomes[0][name] != outcomes[1][name]]
    # A stall of the machine may have cut one short: what differs is played again, and counts when it differs again.
    if different:
        outcomes = asyncio.run(both(sequences, different, (reference, ours)))
        different = [name for name in different if outcomes[0][name] != outcomes[1][name]]
    meant = {name: why for name in different if (why := reason(name, sequences[name], outcomes[0][name], outcomes[1][name]))}
    different = [name for name in different if name not in meant]
    for name in different[: options.most]:
        print(f"--- {name}: {' '.join(shown(piece) for piece in sequences[name])}")
        print(f"  reference: {' | '.join(outcomes[0][name])}\n  hapax:     {' | '.join(outcomes[1][name])}")
    print(f"frames: {len(names)} sequences, {len(meant)} differ for a reason, {len(different)} differ")
    return 1 if different else 0


def headers(stream, fields, end=True, flags=END_HEADERS, before=b"", after=b""):
    """A HEADERS frame."""
    return frame("HEADERS", flags | (END_STREAM if end else 0), stream, before + encode(fields) + after)


# What a stream has seen before the frame under test: its number is 3.
STATES = {
    "idle": [],
    "open": [headers(3, POST, end=False)],
    "half-closed": [headers(3, POST + [(b"expect", b"never")], end=False), frame("DATA", END_STREAM, 3, b"x")],
    "closed": [headers(3, GET)],
    "reset": [headers(3, POST, end=False), frame("RST_STREAM", 0, 3, struct.pack(">I", 8))],
    "passed over": [headers(5, GET)],
    "in a block": [headers(3, GET, flags=0)],
}


def matrix():
    """Every kind of frame in every state of a stream, with the flags that mean something and some that do not."""
    payloads = {
        "DATA": [(b"", 0), (b"x", 0), (b"x", END_STREAM), (b"", END_STREAM), (b"\x02abc", PADDED), (b"\x04abc", PADDED), (b"", PADDED), (b"x", 0xF6)],
        "HEADERS": [
            (encode(GET), END_HEADERS | END_STREAM), (encode(GET), END_HEADERS), (encode([(b"t", b"1")]), END_HEADERS | END_STREAM),
            (b"", END_HEADERS | END_STREAM), (b"\xff" + encode(GET), END_HEADERS | END_STREAM | PADDED),
            (struct.pack(">IB", 3, 1) + encode(GET), END_HEADERS | END_STREAM | PRIORITY), (b"abc", END_HEADERS | PRIORITY),
            (struct.pack(">IB", 7, 1) + encode(GET), END_HEADERS | END_STREAM | PRIORITY),
        ],
        "PRIORITY": [(struct.pack(">IB", 1, 1), 0), (struct.pack(">IB", 3, 1), 0), (b"abcd", 0), (b"abcdef", 0)],
        "RST_STREAM": [(struct.pack(">I", 8), 0), (b"abc", 0), (b"abcde", 0)],
        "SETTINGS": [(b"", 0), (struct.pack(">HI", 4, 9), 0)],
        "PUSH_PROMISE": [(struct.pack(">I", 4) + encode(GET), END_HEADERS)],
        "PING": [(b"12345678", 0), (b"12345678", ACK), (b"1234567", 0)],
        "GOAWAY": [(struct.pack(">II", 0, 0), 0), (b"1234567", 0)],
        "WINDOW_UPDATE": [(struct.pack(">I", 1), 0), (struct.pack(">I", 0), 0), (struct.pack(">I", 0x7FFFFFFF), 0), (b"abc", 0), (struct.pack(">I", 1 << 31), 0)],
        "CONTINUATION": [(encode(GET[1:]), END_HEADERS), (b"", 0), (b"", END_HEADERS), (encode([(b"a", b"b")]), 0)],
        "12": [(b"abc", 0), (b"", 255)],
    }
    for kind, forms in payloads.items():
        for number, (payload, flags) in enumerate(forms):
            for state, before in STATES.items():
                yield f"{kind} {number} {state}", [*before, frame(kind, flags, 3, payload)]
            yield f"{kind} {number} on the connection", [frame(kind, flags, 0, payload)]
            yield f"{kind} {number} on an even stream", [frame(kind, flags, 2, payload)]
            yield f"{kind} {number} first of all", [b"", frame(kind, flags, 3, payload)]
    for number, block in enumerate(BLOCKS):
        yield f"block {number}", [frame("HEADERS", END_HEADERS | END_STREAM, 1, block)]
        yield f"trailing block {number}", [headers(1, POST, end=False), frame("HEADERS", END_HEADERS | END_STREAM, 1, block)]
    for number, fields in enumerate(BAD):
        yield f"fields {number}", [headers(1, fields)]
    for length in (16384, 16385, 20000):
        yield f"DATA of {length}", [headers(1, POST, end=False), frame("DATA", END_STREAM, 1, b"x" * length)]
        yield f"HEADERS of {length}", [frame("HEADERS", END_HEADERS | END_STREAM, 1, encode(GET + [(b"a", b"x" * (length - 100))]))]
        yield f"unknown of {length}", [frame("77", 0, 1, b"x" * length)]


def floods():
    """Much of one kind."""
    rst, one = struct.pack(">I", 8), struct.pack(">I", 1)
    begun = headers(1, POST, end=False)
    yield "flood of resets", [piece for at in range(300) for piece in (headers(2 * at + 1, GET), frame("RST_STREAM", 0, 2 * at + 1, rst))]
    yield "flood of resets of one", [begun] + [frame("RST_STREAM", 0, 1, rst)] * 300
    yield "flood of settings", [frame("SETTINGS", 0, 0, struct.pack(">HI", 4, 65535 + at)) for at in range(300)]
    yield "flood of empty settings", [frame("SETTINGS", 0, 0, b"")] * 300
    yield "flood of answered settings", [frame("SETTINGS", ACK, 0, b"")] * 300
    yield "flood of pongs", [frame("PING", ACK, 0, b"12345678")] * 300
    yield "flood of pings", [frame("PING", 0, 0, b"12345678")] * 300
    yield "flood of priorities", [frame("PRIORITY", 0, 1, struct.pack(">IB", 3, 1))] * 300
    yield "flood of windows", [begun] + [frame("WINDOW_UPDATE", 0, 1, one)] * 300
    yield "flood of windows of all", [frame("WINDOW_UPDATE", 0, 0, one)] * 300
    yield "flood of empty data", [begun] + [frame("DATA", 0, 1, b"")] * 300 + [frame("DATA", END_STREAM, 1, b"")]
    yield "flood of padding", [begun] + [frame("DATA", PADDED, 1, b"\xff" + bytes(255))] * 40 + [frame("DATA", END_STREAM, 1, b"x")]
    yield "flood of small data", [begun] + [frame("DATA", 0, 1, b"x")] * 300 + [frame("DATA", END_STREAM, 1, b"")]
    for number in (3, 10, 40, 300):
        block = headers(1, GET, flags=0)
        yield f"flood of {number} empty pieces", [block] + [frame("CONTINUATION", 0, 1, b"")] * number + [frame("CONTINUATION", END_HEADERS, 1, b"")]
        small = encode([(b"a", b"b")])
        yield f"flood of {number} pieces", [block] + [frame("CONTINUATION", 0, 1, small)] * number + [frame("CONTINUATION", END_HEADERS, 1, b"")]
        yield f"flood of {number} late requests", [headers(2 * at + 1, POST, end=False) for at in range(number)]
        yield f"flood of {number} bad requests", [headers(2 * at + 1, BAD[0]) for at in range(number)]
    yield "bomb of one field", [frame("HEADERS", END_HEADERS | END_STREAM, 1, encode(GET) + b"\x40\x01a\x7f\xa1\x1e" + b"x" * 4000 + b"\xbe" * 9000)]
    yield "bomb of small fields", [frame("HEADERS", END_HEADERS | END_STREAM, 1, encode(GET) + b"\x40\x01a\x01b" + b"\xbe" * 12000)]
    yield "bomb of table sizes", [frame("HEADERS", END_HEADERS | END_STREAM, 1, b"\x20" * 10000 + encode(GET))]
    yield "bomb of cookies", [frame("HEADERS", END_HEADERS | END_STREAM, 1, encode(GET) + b"\x60\x03a=b" + b"\xbe" * 5000)]


def chance(seed, number):
    """A few frames that a random source of that number chose; most are right."""
    source = random.Random(f"frames/{seed}/{number}")
    sequence, stream = [], 1
    for _ in range(source.randint(1, 7)):
        at = source.choice([stream, stream, max(stream - 2, 1), 0, stream + 2, stream + 1])
        match source.randrange(14):
            case 0 | 1 | 2:
                sequence.append(headers(stream, source.choice([GET, GET, POST]), end=source.random() < 0.7))
                stream += 2
            case 3 | 4:
                sequence.append(frame("DATA", source.choice([0, END_STREAM, PADDED]), at, bytes([source.choice([0, 1, 9])]) + b"x" * source.choice([0, 1, 100])))
            case 5:
                sequence.append(headers(at, source.choice([GET, POST, [(b"t", b"1")], *BAD]), end=source.random() < 0.5, flags=source.choice([0, END_HEADERS, END_HEADERS])))
            case 6:
                sequence.append(frame("CONTINUATION", source.choice([0, END_HEADERS]), at, encode([(b"c", b"d")])))
            case 7:
                sequence.append(frame("RST_STREAM", 0, at, struct.pack(">I", source.randrange(16))))
            case 8:
                sequence.append(frame("WINDOW_UPDATE", 0, at, struct.pack(">I", source.choice([0, 1, 65535, 0x7FFFFFFF]))))
            case 9:
                sequence.append(frame("PRIORITY", 0, at, struct.pack(">IB", source.choice([0, at, 1]), 1)))
            case 10:
                setting = (source.choice([1, 2, 3, 4, 5, 6, 8, 99]), source.choice([0, 1, 2, 16383, 16384, 65535, 1 << 31]))
                sequence.append(frame("SETTINGS", source.choice([0, 0, ACK]), source.choice([0, 0, 0, 1]), struct.pack(">HI", *setting)))
            case 11:
                sequence.append(frame("PING", source.choice([0, ACK]), source.choice([0, 0, 0, 1]), b"12345678"))
            case 12:
                sequence.append(frame(source.choice(TYPES), source.randrange(256), at, source.randbytes(source.randrange(12))))
            case 13:
                sequence.append(frame("HEADERS", END_HEADERS | END_STREAM, stream, source.choice(BLOCKS)))
                stream += 2
    return sequence


def shown(piece):
    """A frame in words."""
    if not piece:
        return "(no settings)"
    kind, flags, stream = piece[3], piece[4], int.from_bytes(piece[5:9])
    name = TYPES[kind] if kind < len(TYPES) else kind
    return f"{name}[{flags:#x} {stream} {piece[9:40]!r}{'...' if len(piece) > 40 else ''}]"


def reason(name, sequence, expected, found):
    """Why the outcomes may differ; none when they may not."""
    for why, rule in DELIBERATE:
        if rule(name, sequence, expected, found):
            return why
    return None


def unknown_kind(_name, sequence, _expected, _found):
    """Frames of unknown kinds."""
    return any(len(piece) > 3 and piece[3] >= len(TYPES) for piece in sequence)


def lingering(_name, _sequence, expected, found):
    """The connection is over for both."""
    over = any(line.startswith("GOAWAY ") and "NO_ERROR" not in line for line in expected)
    return over and expected[:-1] == found[:-1]


DELIBERATE = (
    ("frames of unknown kinds are ignored on every stream (RFC 9113 4.1, 5.5); the reference breaks streams off for them", unknown_kind),
    ("the reference may leave the connection open for a while after it said why it is over", lingering),
)


async def both(sequences, names, programs):
    """The outcomes of all sequences: one dictionary for each program."""
    return await asyncio.gather(*(play(sequences, names, program) for program in programs))


async def play(sequences, names, program):
    """Plays them against one program; name -> lines."""
    folder = tempfile.mkdtemp(prefix="hapax-")
    holder = reserve_port()
    port = holder.getsockname()[1]
    try:
        path = os.path.join(folder, "haproxy.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(port=port))
        process = subprocess.Popen([program, "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await until_open(port)
            outcomes, queue = {}, list(reversed(names))

            async def lane():
                while queue:
                    name = queue.pop()
                    outcomes[name] = await exchange(port, sequences[name])

            await asyncio.gather(*(lane() for _ in range(LANES)))
            return outcomes
        finally:
            process.terminate()
            process.wait(10)
    finally:
        holder.close()
        shutil.rmtree(folder, ignore_errors=True)


async def exchange(port, sequence):
    """Sends the frames; what came back, stream by stream."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    settled = sequence[:1] != [b""]
    said = [PREFACE] + ([frame("SETTINGS", 0, 0, b"")] if settled else []) + sequence + [headers(LAST, GLITCHES), frame("PING", 0, 0, b"the end.")]
    seen, ending = Seen(), "open"
    try:
        writer.write(b"".join(said))
        async with asyncio.timeout(ENOUGH):
            while True:
                # Once the last ping was answered, what is still to come was made already, or waits for more from here.
                patience = QUIET if seen.pong else ENOUGH
                head = await asyncio.wait_for(reader.readexactly(9), patience)
                payload = await asyncio.wait_for(reader.readexactly(int.from_bytes(head[:3])), patience)
                seen.take(head[3], head[4], int.from_bytes(head[5:]) & 0x7FFFFFFF, payload)
    except TimeoutError:
        pass
    except (OSError, asyncio.IncompleteReadError):
        ending = "end"
    writer.close()
    return [*seen.lines(), ending]


class Seen:
    """What a program said, without what it may order as it likes."""

    def __init__(self):
        self.streams, self.connection, self.pong = {}, [], False

    def take(self, kind, flags, number, payload):
        """Takes one frame into account."""
        name = TYPES[kind] if kind < len(TYPES) else str(kind)
        stream = self.streams.setdefault(number, []) if number else []
        match name:
            case "HEADERS":
                # The end of the table, where the client took it away.
                payload = payload[1:] if payload[:1] == b"\x20" else payload
                status = {0x88: "200", 0x8C: "400", 0x8D: "404", 0x8E: "500"}.get(payload[0]) if payload else None
                stream.append("head " + (status or payload[:12].hex()))
            case "DATA" if number == LAST and payload:
                stream.append(payload.decode(errors="replace"))
            case "RST_STREAM":
                stream.append(f"RST {code_name(int.from_bytes(payload))}")
            case "GOAWAY":
                last, code = struct.unpack(">II", payload[:8])
                self.connection.append(f"GOAWAY {code_name(code)} last {last}")
            case "PING" if flags & ACK:
                if payload == b"the end.":
                    self.pong = True
                else:
                    self.connection.append("PONG")
        if name in ("HEADERS", "DATA") and flags & END_STREAM:
            stream.append("end")

    def lines(self):
        """One text per stream, then what concerns the connection."""
        told = [f"[{number}] {' '.join(said)}" for number, said in sorted(self.streams.items()) if said]
        return told + self.connection + (["pong"] if self.pong else [])
