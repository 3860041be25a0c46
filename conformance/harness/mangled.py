"""Plays mangled messages against both programs, many connections at a time, and compares the outcomes."""
import argparse
import asyncio
import os
import random
import re
import shutil
import subprocess
import tempfile
import time

from .main import binaries
from .mangle import request, response
from .world import reserve_port

# Connections at a time; each has its own frontend, server and origin, so that what an origin sees has one cause.
LANES = 32
GOOD_REQUEST = b"GET /good HTTP/1.1\r\nHost: a.example\r\n\r\n"
GOOD_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
# The first line ends and the clocks of the configuration, in seconds.
SLOW, ENOUGH = 0.25, 4.0

GLOBAL = """
global
	nbthread 1
	log 127.0.0.1:{log} len 8192 local0
defaults
	mode http
	log global
	timeout connect 1s
	timeout client {slow}ms
	timeout http-request {slow}ms
	timeout http-keep-alive 60ms
	timeout server {server}ms
	timeout tunnel {slow}ms
	http-reuse never
	option http-server-close
	log-format "%ft %ST %tsc %[capture.req.hdr(0)]"
"""
LANE = """
listen lane{number}
	bind 127.0.0.1:{port}
	server s 127.0.0.1:{origin}
"""


def main(text):
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="conformance/mangled", description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hapax", metavar="PATH")
    parser.add_argument("--upstream", metavar="PATH")
    parser.add_argument("--requests", type=int, default=1500, metavar="N")
    parser.add_argument("--responses", type=int, default=1500, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--only", type=int, metavar="N", help="only the message of this number")
    parser.add_argument("--most", type=int, default=20, metavar="N", help="print so many differences")
    options = parser.parse_args()
    options.self = False
    reference, ours = binaries(options)
    if reference is None:
        print("mangled messages: no reference here")
        return 0
    faults = 0
    for kind, count in (("request", options.requests), ("response", options.responses)):
        messages = [message(kind, options.seed, number) for number in range(count)]
        chosen = [number for number in range(count) if options.only in (None, number)]
        outcomes = asyncio.run(both(kind, messages, chosen, (reference, ours)))
        different = [number for number in chosen if outcomes[0].get(number) != outcomes[1].get(number)]
        # A stall of the machine may have cut an exchange short: what differs is played again, and counts when it differs again.
        if different:
            again = asyncio.run(both(kind, messages, different, (reference, ours)))
            different = [number for number in different if again[0].get(number) != again[1].get(number)]
            outcomes = again
        different = [number for number in different if not deliberate(kind, messages[number], outcomes[0][number], outcomes[1][number])]
        for number in different[: options.most]:
            print(f"--- {kind} {number}: {messages[number]!r}")
            for what, first, second in zip(("client", "server", "log"), outcomes[0][number], outcomes[1][number]):
                print(f"  {what}: {first!r}" + ("" if first == second else f"\n   hapax: {second!r}"))
        faults += len(different)
        print(f"mangled {kind}s: {len(chosen)} sent, {len(different)} differ")
    return 1 if faults else 0


def message(kind, seed, number):
    """The message of one number: the same whatever else is played."""
    source = random.Random(f"{kind}/{seed}/{number}")
    return (request if kind == "request" else response)(source)


def deliberate(kind, text, expected, found):
    """Whether a difference is meant."""
    return any(rule(kind, text, expected, found) for rule in DELIBERATE)


def silent_refusal(kind, text, expected, found):
    """The reference closes without a word when it refuses a request that held a length; hapax answers what both log."""
    told = found[0][0].startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 400 "))
    return kind == "request" and expected[0] == (b"", "end") and told and expected[1:] == found[1:]


def interim_first(kind, text, expected, found):
    """An interim answer leaves at once; the reference withholds one when it finds in the same segment that the answer is broken."""
    ours, theirs = found[0][0], expected[0][0]
    return kind == "response" and INTERIM.sub(b"", ours) == theirs and theirs.startswith(b"HTTP/1.1 502 ") and expected[1:] == found[1:]


def no_class(kind, text, expected, found):
    """A status below 100 is no answer: 502. The reference passes it on, and its body without framing."""
    return kind == "response" and LOW.search(text) is not None and INTERIM.sub(b"", found[0][0]).startswith(b"HTTP/1.1 502 ") and expected[1] == found[1]


def no_switch(kind, text, expected, found):
    """The reference computes `Sec-Websocket-Accept` for an answer that speaks of websocket and is no switch."""
    return kind == "response" and ACCEPT.sub(b"", expected[0][0]) == found[0][0] and expected[1:] == found[1:]


def quoted_token(kind, text, expected, found):
    """A token of a connection line is never quoted (RFC 9110 7.6.1): a quote does not hide the comma behind it."""
    return b'"' in text and re.search(rb'(?i)connection:[^\r\n]*"', text) is not None and expected[2] == found[2]


def empty_upgrade(kind, text, expected, found):
    """An upgrade line of commas alone goes; the reference leaves some of the commas."""
    return re.search(rb"(?i)upgrade:[ \t,]*,[ \t,]*\r", text) is not None and expected[2] == found[2]


DELIBERATE = (silent_refusal, interim_first, no_class, no_switch, quoted_token, empty_upgrade)
ACCEPT = re.compile(rb"Sec-Websocket-Accept: [^\r]*\r\n")
INTERIM = re.compile(rb"^(HTTP/\S+ 1\d\d [^\r]*\r\n([^\r]+\r\n)*\r\n)+")
LOW = re.compile(rb"^(HTTP/1.1 1\d\d.*\r\n\r\n)?[\r\n]*\S+\s+0?\d?\d\s", re.DOTALL)


async def both(kind, messages, chosen, programs):
    """The outcomes of all chosen messages: one dictionary for each program."""
    return await asyncio.gather(*(Side(kind, messages, program).play(chosen) for program in programs))


class Side:
    """One program with its lanes."""

    def __init__(self, kind, messages, program):
        self.kind, self.messages, self.program = kind, messages, program
        self.seen, self.logged, self.answers = {}, {}, {}

    async def play(self, chosen):
        """Plays the messages; returns number -> (client bytes, server bytes, log lines)."""
        folder = tempfile.mkdtemp(prefix="hapax-")
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: Log(self), local_addr=("127.0.0.1", 0))
            text = GLOBAL.format(log=transport.get_extra_info("sockname")[1], slow=round(SLOW * 1000), server=round(SLOW * 1600))
            origins, ports, holders = [], [], []
            for lane in range(LANES):
                origin = await asyncio.start_server(lambda reader, writer, lane=lane: self.serve(lane, reader, writer), "127.0.0.1", 0)
                origins.append(origin)
                holders.append(reserve_port())
                ports.append(holders[-1].getsockname()[1])
                text += LANE.format(number=lane, port=ports[-1], origin=origin.sockets[0].getsockname()[1])
            path = os.path.join(folder, "haproxy.cfg")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            process = subprocess.Popen([self.program, "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                await until_open(ports[-1])
                outcomes, queue = {}, list(reversed(chosen))
                await asyncio.gather(*(self.lane(lane, ports[lane], queue, outcomes) for lane in range(LANES)))
                return outcomes
            finally:
                process.terminate()
                process.wait(10)
                for holder in origins + holders:
                    holder.close()
                transport.close()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def lane(self, lane, port, queue, outcomes):
        """Takes message after message."""
        while queue:
            number = queue.pop()
            self.seen[lane], self.logged[lane], self.answers[lane] = [], [], self.messages[number]
            sent = self.messages[number] if self.kind == "request" else GOOD_REQUEST
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            got = bytearray()
            try:
                writer.write(sent)
                async with asyncio.timeout(ENOUGH):
                    while data := await reader.read(65536):
                        got += data
                ending = "end"
            except TimeoutError:
                ending = "open"
            except OSError:
                ending = "end"
            writer.close()
            await self.settled(lane)
            outcomes[number] = (bytes(got), ending), [bytes(seen) for seen in self.seen[lane]], self.logged[lane]

    async def settled(self, lane):
        """Waits until the log line of the exchange came."""
        until = time.monotonic() + 1.0
        while not self.logged[lane] and time.monotonic() < until:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.005)

    async def serve(self, lane, reader, writer):
        """An origin: records what comes and answers the first request."""
        seen = bytearray()
        self.seen.setdefault(lane, []).append(seen)
        try:
            async with asyncio.timeout(ENOUGH):
                while b"\r\n\r\n" not in seen:
                    data = await reader.read(65536)
                    if not data:
                        return
                    seen += data
                if self.kind == "response":
                    writer.write(self.answers[lane])
                    await writer.drain()
                    # What follows the answer tells whether it was whole.
                    await asyncio.sleep(0.02)
                    writer.write_eof()
                else:
                    while not complete(seen):
                        data = await reader.read(65536)
                        if not data:
                            return
                        seen += data
                    writer.write(GOOD_RESPONSE)
                while data := await reader.read(65536):
                    seen += data
        except (OSError, TimeoutError):
            pass
        finally:
            writer.close()


def complete(seen):
    """Whether a request that a proxy wrote is whole: origins of the differential run trust the proxy's framing."""
    head, _, body = bytes(seen).partition(b"\r\n\r\n")
    if re.search(rb"\r\ntransfer-encoding: *chunked", head, re.IGNORECASE):
        return re.search(rb"(^|\r\n)0\r\n([^\r\n]+\r\n)*\r\n$", body) is not None
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return length is None or len(body) >= int(length[1])


class Log(asyncio.DatagramProtocol):
    """Sorts log lines by lane."""

    def __init__(self, side):
        self.side = side

    def datagram_received(self, data, addr):
        match = re.search(rb"lane(\d+) (.*?)\s*$", data, re.DOTALL)
        if match and int(match[1]) in self.side.logged:
            self.side.logged[int(match[1])].append(match[2])


async def until_open(port):
    """Waits until something listens."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await asyncio.sleep(0.05)
            return
        except OSError:
            await asyncio.sleep(0.02)
    raise RuntimeError("the program does not listen")
