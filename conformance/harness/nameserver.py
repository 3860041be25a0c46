"""A DNS server of a case: records that steps change, and answers that no server should give.

    == nameserver ns
    app.test A 127.0.0.1 127.0.0.2
    _http._tcp.test SRV 0 10 8080 app.test
    gone.test nx

Behind a name stands a type of record with its values, or a word of `FAULTS`. What is not there answers NXDOMAIN; a name
without the type that is asked for has an empty answer. It serves UDP and TCP on the same port.
"""
import ipaddress
import socket
import struct
import threading
import time

from .case import CaseError

TYPES = {"A": 1, "CNAME": 5, "TXT": 16, "AAAA": 28, "SRV": 33, "OPT": 41}
NAMES = {number: name for name, number in TYPES.items()}
CODES = {"formerr": 1, "servfail": 2, "nx": 3, "notimp": 4, "refused": 5}
FAULTS = [
    *CODES, "silent", "truncated", "loop", "wrong-id", "wrong-question", "no-question", "question", "garbage", "short",
    "long-record", "count", "empty-name", "delay", "unknown-type", "other-name",
    "elsewhere",
]


class Elsewhere(bytes):
    """An answer from an address that was not asked."""


class Nameserver:
    """Answers questions, and records every distinct one."""

    def __init__(self, world, section):
        self.world, self.name = world, section.words[0]
        self.channel = f"nameserver {self.name}"
        self.zone, self.lock, self.asked = {}, threading.Lock(), {}
        self.additional = "additional" in section.words
        self.closed = False
        self.change([world.expand(line) for line in section.lines])
        while True:
            self.stream = socket.socket()
            self.stream.bind(("127.0.0.1", 0))
            self.port = self.stream.getsockname()[1]
            self.datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self.datagram.bind(("127.0.0.1", self.port))
                break
            except OSError:
                self.stream.close()
        self.stream.listen(16)
        threading.Thread(target=self._datagrams, daemon=True).start()
        threading.Thread(target=self._streams, daemon=True).start()

    def change(self, lines):
        """Sets what the names of these lines have; `NAME -` takes a name away."""
        zone = {}
        for line in lines:
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            entry = zone.setdefault(words[0].lower(), [])
            if len(words) > 1 and words[1] != "-":
                if words[1] not in TYPES and words[1] not in FAULTS:
                    raise CaseError(f"nameserver: neither a type nor a fault: {line!r}")
                entry.append(words[1:])
        with self.lock:
            self.zone.update(zone)

    def close(self):
        """Ends both sockets."""
        self.closed = True
        for sock in (self.datagram, self.stream):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def count(self, name, kind):
        """How often a name was asked for."""
        return self.asked.get((name, kind), 0)

    def _datagrams(self):
        while not self.closed:
            try:
                data, peer = self.datagram.recvfrom(65536)
            except OSError:
                return
            for answer in self._answers(data, "udp"):
                try:
                    if isinstance(answer, Elsewhere):
                        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                            other.sendto(answer, peer)
                        continue
                    self.datagram.sendto(answer, peer)
                except OSError:
                    return

    def _streams(self):
        while not self.closed:
            try:
                sock, _ = self.stream.accept()
            except OSError:
                return
            threading.Thread(target=self._stream, args=(sock,), daemon=True).start()

    def _stream(self, sock):
        with sock:
            file = sock.makefile("rb")
            try:
                while len(head := file.read(2)) == 2:
                    data = file.read(struct.unpack("!H", head)[0])
                    for answer in self._answers(data, "tcp"):
                        sock.sendall(struct.pack("!H", len(answer)) + answer)
            except OSError:
                return

    def _answers(self, data, transport):
        try:
            number, flags, questions, _, _, more = struct.unpack("!6H", data[:12])
            name, at = read_name(data, 12)
            kind, group = struct.unpack("!HH", data[at : at + 4])
        except (struct.error, IndexError):
            self.world.record(self.channel, "a question that cannot be read")
            return []
        size = struct.unpack("!H", data[at + 7 : at + 9])[0] if more else 0
        shown = f"{transport} {name} {NAMES.get(kind, kind)} class={group} flags={flags:04x} questions={questions} size={size}"
        asked = (name, NAMES.get(kind, str(kind)))
        with self.lock:
            first = asked not in self.asked
            self.asked[asked] = self.asked.get(asked, 0) + 1
            entry = self.zone.get(name.lower())
        if first:
            self.world.record(self.channel, shown)
        return self._reply(number, name, data[12 : at + 4], kind, entry)

    def _reply(self, number, name, question, kind, entry):
        fault = next((words for words in entry or [] if words[0] in FAULTS and (len(words) < 2 or words[0] == "delay" or kind == TYPES.get(words[1]))), None)
        word = fault[0] if fault else ""
        if word == "delay":
            time.sleep(float(fault[1]))
        if entry is None:
            word = "nx"
        match word:
            case "silent":
                return []
            case "garbage":
                return [b"\xff" * 40]
            case "short":
                return [struct.pack("!HH", number, 0x8180)]
            case "question":
                return [head(number, 0x0100, 1) + question]
            case code if code in CODES:
                return [head(number, 0x8180 | CODES[code], 1) + question]
        answers = self._records(name.lower(), kind)
        extra = []
        if self.additional:
            targets = [words[4] for words in entry or [] if words[0] == "SRV"]
            extra = [one for target in targets for type_ in (1, 28) for one in self._records(target, type_)]
        flags = 0x8180
        body = question
        match word:
            case "truncated":
                flags |= 0x0200
            case "wrong-id":
                number ^= 0x5555
            case "wrong-question":
                body = write_name("other.test") + question[-4:]
            case "no-question":
                return [head(number, flags, 0, len(answers)) + b"".join(answers)]
            case "loop":
                answers = [b"\xc0" + bytes([12 + len(question)]) + struct.pack("!HHIH", kind, 1, 5, 4) + b"\x7f\x00\x00\x01"]
            case "long-record":
                answers = [b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 5, 4000) + b"\x7f\x00\x00\x01"]
            case "count":
                return [head(number, flags, 1, 60000) + body + b"".join(answers)]
            case "empty-name":
                answers = [b"\x00" + struct.pack("!HHIH", kind, 1, 5, 4) + b"\x7f\x00\x00\x01"]
            case "unknown-type":
                answers = [b"\xc0\x0c" + struct.pack("!HHIH", 4711, 1, 5, 4) + b"\x7f\x00\x00\x01"] + answers
            case "other-name":
                answers = [write_name("other.test") + answer[2:] for answer in answers]
        kind_of = Elsewhere if word == "elsewhere" else bytes
        return [kind_of(head(number, flags, 1, len(answers), len(extra)) + body + b"".join(answers + extra))]

    def _records(self, name, kind, depth=0):
        """The encoded records of a name: those of the type, behind the aliases that lead there."""
        with self.lock:
            entry = self.zone.get(name) or []
        owner = b"\xc0\x0c" if not depth else write_name(name)
        if depth == 0:
            owner = write_name(name)
        records = []
        for words in entry:
            if words[0] == "CNAME" and kind != TYPES["CNAME"] and depth < 8:
                records.append(record(owner, TYPES["CNAME"], write_name(words[1])))
                records += self._records(words[1], kind, depth + 1)
            if TYPES.get(words[0]) != kind:
                continue
            if words[0] in ("A", "AAAA"):
                for value in words[1:]:
                    address, _, count = value.partition("+")
                    first = ipaddress.ip_address(address)
                    records += [record(owner, kind, (first + step).packed) for step in range(int(count or 1))]
            elif words[0] == "SRV":
                priority, weight, port = (int(word) for word in words[1:4])
                records.append(record(owner, kind, struct.pack("!3H", priority, weight, port) + write_name(words[4])))
            elif words[0] == "TXT":
                records.append(record(owner, kind, bytes([len(words[1])]) + words[1].encode()))
        return records


def head(number, flags, questions, answers=0, additional=0):
    """The first twelve bytes."""
    return struct.pack("!6H", number, flags, questions, answers, 0, additional)


def record(owner, kind, data):
    """One record."""
    return owner + struct.pack("!HHIH", kind, 1, 5, len(data)) + data


def read_name(data, at):
    """A name without compression, and where it ends."""
    labels = []
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode("latin-1"))
        at += 1 + length
    return ".".join(labels), at + 1


def write_name(name):
    """A name without compression."""
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"
