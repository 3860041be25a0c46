"""Sample files: expressions of fetches and converters, each played with many generated inputs through one configuration.

The format is described in conformance/README.md.
"""
import base64
import os
import random
import re
import select
import socket
import time

from .case import CaseError, read_case, unescape
from .inputs import GENERATORS
from .mirror import Mirror, answer_asked_for, same_again
from .world import World

KINDS = {"global", "defaults", "frontend", "sections", "file", "inputs", "sample"}
# Where the input travels, and the beginning of every expression that reads it.
CARRIES = {"base64": "req.fhdr(x-in),b64dec", "plain": "req.fhdr(x-in)", "request": "", "response": "", "content": "", "answer": ""}
# Inputs that are what a TCP connection brings: no request chooses a rule, so all expressions are looked at for each.
CONTENTS = {"content": "request", "answer": "response"}
# How many expressions one answer shows; a response costs a connection to its server.
TOGETHER = {"response": 12}
SHOWN = 3
# What is sent ahead fits into one buffer of the reference, which mistakes the end of a full one for a request line without end.
BATCH_BYTES = 12_000


class Room:
    """One `== sample` part: the expressions of one backend, and what is sent to it."""

    def __init__(self, section, case, inputs):
        options = dict(word.split("=", 1) for word in section.words[1:] if "=" in word)
        self.name = section.words[0]
        self.carry = options.get("carry", "base64")
        together = self.carry in CONTENTS or self.carry in TOGETHER
        self.shown = options.get("shown", "length,hex" if together else "length,hex,text").split(",")
        if self.carry not in CARRIES:
            raise CaseError(f"{case.path}:{section.line}: carry is one of {', '.join(CARRIES)}")
        prefix = options.get("from", CARRIES[self.carry])
        self.lines = options.get("setup", "").split("|") if options.get("setup") else []
        self.expressions = []
        for line in section.lines:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("+ "):
                self.lines.append(line[2:])
            elif line.startswith("= "):
                self.expressions.append(line[2:])
            else:
                self.expressions.append(f"{prefix},{line}" if prefix else line)
        self.inputs = []
        for name in options.get("inputs", "").split(","):
            if name not in inputs:
                raise CaseError(f"{case.path}:{section.line}: no inputs are named '{name}'")
            self.inputs += inputs[name]

    def text(self):
        """The backend: one rule per chunk of expressions, chosen by number. A room of contents is a frontend whose log line has all."""
        if self.carry in CONTENTS:
            return self._contents()
        lines = [f"backend {self.name}"] + ["\t" + line for line in self.lines]
        chosen = "req.hdr(x-rule)"
        if self.carry == "response":
            lines += ["\toption http-server-close", "\thttp-reuse never", "\tserver mirror ${origin:reply}"]
            chosen = "var(txn.rule)"
            lines += ["\thttp-request set-var(txn.rule) req.hdr(x-rule)"]
        for number, chunk in enumerate(self.chunks()):
            form = quoted("|".join(self._form(expression) for expression in chunk))
            rule = "http-request return status 200 content-type text/plain lf-string"
            if self.carry == "response":
                # The answer replaces the response before its own text is made.
                rule = "http-response set-var-fmt(txn.shown)"
            lines.append(f"\t{rule} {form} if {{ {chosen} -m str {number} }}")
        if self.carry == "response":
            lines.append("\thttp-response return status 200 content-type text/plain lf-string %[var(txn.shown)]")
        return "\n".join(lines) + "\n"

    def chunks(self):
        """The expressions by the rules that show them."""
        size = TOGETHER.get(self.carry, 1)
        return [self.expressions[at : at + size] for at in range(0, len(self.expressions), size)]

    def _contents(self):
        """The frontend of a room of contents: each expression becomes a variable, and the line says them all."""
        side = CONTENTS[self.carry]
        form = "|".join(self._form(f"var(sess.e{number})") for number in range(len(self.expressions)))
        lines = [f"frontend {self.name}", "\tmode tcp", f"\tbind 127.0.0.1:${{port:{self.name}}}", "\tlog ${log:samples} len 60000 local0"]
        lines += [f"\tlog-format {quoted(form)}"]
        if side == "response":
            lines += [f"\tdefault_backend {self.name}-back", f"backend {self.name}-back", "\tmode tcp", "\tserver mirror ${origin:again}"]
        lines += [f"\ttcp-{side} inspect-delay 2s"]
        # Actions do not wait for what they read: conditions do, and this one holds once the other side has ended.
        lines += [f"\ttcp-{side} content set-var(sess.all) bool(true) if WAIT_END"] + ["\t" + line for line in self.lines]
        lines += [f"\ttcp-{side} content set-var(sess.e{number}) {expression}" for number, expression in enumerate(self.expressions)]
        return "\n".join(lines + (["\ttcp-request content reject"] if side == "request" else [])) + "\n"

    def _form(self, expression):
        """The log format that shows what an expression gives."""
        return " ".join(f"%[{expression}]" if word == "text" else f"%[{expression},{word}]" for word in self.shown)

    def keyed(self, expressions, data, answer):
        """(key, answer) pairs of expressions that one answer shows; each has all of an answer that is none."""
        shown = answer.split("|") if len(expressions) > 1 else [answer]
        if len(shown) != len(expressions):
            shown = [answer] * len(expressions)
        return [(f"{self.name}: {expression} of {data!r}", piece) for expression, piece in zip(expressions, shown)]

    def request(self, number, data):
        """The bytes of one request."""
        chosen = f"X-Room: {self.name}\r\nX-Rule: {number}\r\n".encode()
        if self.carry == "request":
            line, _, rest = data.partition(b"\r\n")
            return line + b"\r\n" + chosen + rest
        value = base64.b64encode(data) if self.carry in ("base64", "response") else data
        return b"GET / HTTP/1.1\r\nHost: x\r\n" + chosen + b"X-In: " + value + b"\r\n\r\n"


class SampleCase:
    """A whole sample file."""

    def __init__(self, case):
        self.name, self.path, self.title, self.header = case.name, case.path, case.title, case.header
        self.case = case
        inputs = {}
        for section in case.of("inputs"):
            inputs[section.words[0]] = read_inputs(section, case)
        self.rooms = [Room(section, case, inputs) for section in case.of("sample")]

    def configuration(self):
        """The configuration with its placeholders."""
        def lines(kind):
            return "".join("\n".join(section.lines) + "\n" for section in self.case.of(kind))

        return (
            "global\n\tnbthread 1\n" + lines("global")
            + "defaults\n\tmode http\n\ttimeout connect 3s\n\ttimeout client 20s\n\ttimeout server 20s\n" + lines("defaults")
            + "frontend fe\n\tbind 127.0.0.1:${port:fe}\n" + lines("frontend")
            + "\tuse_backend %[req.hdr(x-room)]\n"
            + lines("sections") + "".join(room.text() for room in self.rooms)
        )

    def mirrors(self):
        """The servers that the rooms need, by name."""
        carries = {room.carry for room in self.rooms}
        return ({"reply": answer_asked_for} if "response" in carries else {}) | ({"again": same_again} if "answer" in carries else {})


def read_sample(path, root):
    """Parses the file at `path`."""
    return SampleCase(read_case(path, root, ".sample", KINDS))


def read_inputs(section, case):
    """The inputs of one part: literals in quotes, and generators with a count; the same on every run."""
    inputs = []
    for offset, line in enumerate(section.lines, 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith('"'):
            inputs.append(unescape(line[1:-1]))
            continue
        name, count, *rest = line.split()
        if name not in GENERATORS:
            raise CaseError(f"{case.path}:{section.line + offset}: no generator is named '{name}'")
        source = random.Random(f"{section.words[0]}:{line}")
        inputs += [GENERATORS[name](source, *rest) for _ in range(int(count))]
    return list(dict.fromkeys(inputs))


def quoted(text):
    """One word of a configuration line that means `text`."""
    return "'" + text.replace("'", "'\\''") + "'"


def play_sample(case, side, binary, folder):
    """Plays every expression with every input: (key, answer) pairs, and what the program said."""
    world = World(side, binary, folder, float(case.header.get("deadline", "5")))
    try:
        for section in case.case.of("file"):
            for name in section.words:
                path = os.path.join(world.folder, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(world.expand("\n".join(section.lines) + "\n").encode("utf-8", "surrogateescape"))
        for name, serve in case.mirrors().items():
            world.origins[name] = Mirror(serve)
        world.configurations["haproxy.cfg"] = world.expand(case.configuration())
        with open(os.path.join(world.folder, "haproxy.cfg"), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(world.configurations["haproxy.cfg"])
        world.start("main", ["-f", "haproxy.cfg"])
        line = Line(world.port("fe"), world.deadline)
        answers = []
        if world.processes["main"].poll() is None:
            for room in case.rooms:
                if room.carry in CONTENTS:
                    answers += play_contents(room, world)
                    continue
                jobs = [(number, chunk, data) for number, chunk in enumerate(room.chunks()) for data in room.inputs]
                requests = [room.request(number, data) for number, _, data in jobs]
                for (_, chunk, data), answer in zip(jobs, line.exchange(requests, room.carry not in ("request", "response"))):
                    answers += room.keyed(chunk, data, answer)
        line.close()
        world.stop()
        return answers, world.lines("messages main"), world.lines("process")
    finally:
        world.close()


def play_contents(room, world):
    """One connection per input; what its log line says of each expression."""
    answers, channel = [], "log samples"
    for data in room.inputs:
        before = len(world.lines(channel))
        with socket.create_connection(("127.0.0.1", world.port(room.name)), timeout=world.deadline) as sock:
            try:
                sock.sendall(data)
                # A side that ends before it was accepted looks different to the reference by chance: silence lasts until the delay is over.
                if data or CONTENTS[room.carry] == "response":
                    sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
            except OSError:
                # A connection may be reset; what it was is in the log.
                pass
        came = world.wait_for(lambda seen=before: len(world.transcript.get(channel, [])) > seen)
        line = world.lines(channel)[before].partition("]: ")[2] if came else "<no line>"
        answers += room.keyed(room.expressions, data, line.removesuffix("\\r"))
    return answers


class Line:
    """A connection that carries many requests; it is opened again when the other side closed it."""

    def __init__(self, port, deadline):
        self.port, self.deadline = port, deadline
        self.socket, self.buffer = None, bytearray()

    def exchange(self, requests, pipelined):
        """The answers to all requests, in order."""
        answers = []
        while len(answers) < len(requests):
            end, size = len(answers), 0
            while end < len(requests) and (size == 0 or pipelined and size + len(requests[end]) < BATCH_BYTES):
                size += len(requests[end])
                end += 1
            got = self._batch(requests[len(answers) : end])
            answers += got or ["<no answer>"]
        return answers

    def _batch(self, requests):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=self.deadline)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.buffer.clear()
        answers = []
        # What is sent must not wait for answers that nobody reads.
        left = memoryview(b"".join(requests))
        until = time.monotonic() + self.deadline
        poll = select.poll()
        poll.register(self.socket, select.POLLIN | select.POLLOUT)
        while len(answers) < len(requests):
            events = poll.poll(max(0, until - time.monotonic()) * 1000)
            if not events:
                self.close()
                return answers + ["<deadline>"]
            try:
                if left and events[0][1] & select.POLLOUT:
                    left = left[self.socket.send(left, socket.MSG_DONTWAIT) :]
                    if not left:
                        poll.modify(self.socket, select.POLLIN)
                if events[0][1] & ~select.POLLOUT:
                    piece = self.socket.recv(1 << 16)
                    if not piece:
                        raise ConnectionResetError
                    self.buffer += piece
            except BlockingIOError:
                continue
            except OSError:
                self.close()
                return answers
            keep = True
            while keep and (answer := self._answer()):
                answers.append(answer[0])
                keep = answer[1]
            if not keep:
                self.close()
                return answers
        return answers

    def _answer(self):
        """(the next whole answer, whether the connection stays), or None."""
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self.buffer[:end]).lower()
        match = re.search(rb"\r\ncontent-length: *(\d+)", head)
        length = int(match[1]) if match else 0
        if len(self.buffer) < end + 4 + length:
            return None
        body = bytes(self.buffer[end + 4 : end + 4 + length])
        del self.buffer[: end + 4 + length]
        status = int(head[9:12])
        answer = repr(body)[2:-1] if status == 200 else f"status {status}"
        return answer, b"\r\nconnection: close" not in head

    def close(self):
        """Closes the connection."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def compare_sample(case, reference, ours, differences, itself):
    """What differs, as lines to print; empty when the two agree."""
    faults = []
    for name, (answers, messages, process) in (("reference", reference), ("hapax", ours)):
        if process or not answers:
            faults += [f"{name} did not run: {line}" for line in process + messages[:20]] or [f"{name}: no answers"]
    if faults:
        return faults
    expected, found = ([f"{key} => {answer}" for key, answer in side[0]] for side in (reference, ours))
    if not itself:
        expected = differences.apply(case.name, "reference", expected)
        found = differences.apply(case.name, "hapax", found)
    if len(expected) != len(found):
        faults.append(f"{len(expected)} answers of the reference, {len(found)} of hapax")
    wrong = [(left, right) for left, right in zip(expected, found) if left != right]
    # A few of each expression say more than many of the first.
    shown = {}
    for left, right in wrong:
        key, _, answer = left.rpartition(" => ")
        expression = key.partition(" of b")[0]
        shown[expression] = shown.get(expression, 0) + 1
        if shown[expression] <= SHOWN:
            faults += [key, f"  - {answer}", f"  + {right[len(key) + 4:]}"]
    faults += [f"{count} wrong: {expression}" for expression, count in shown.items() if count > SHOWN]
    if wrong:
        faults.append(f"{len(wrong)} of {len(expected)} answers differ")
        faults.append(f"sample file: {os.path.relpath(case.path)}")
    return faults
