"""Origins that speak HTTP/2: one that answers by itself; scripts use the steps of `h2`."""
import struct
import time

from . import h2

END_STREAM, END_HEADERS = 1, 4


def begin(connection, settings):
    """Takes the client's preface and says ours."""
    peer = connection.peer
    came = peer.read_bytes(len(h2.PREFACE))
    if came != h2.PREFACE:
        if came is not None:
            peer.note(f"no preface: {came!r}")
        return False
    connection.send(h2.frame("SETTINGS", 0, 0, settings))
    return True


def answer_all(origin, peer, extra):
    """Answers every request with the origin's name, the connection's and the request's number, target and length of the body.

    What begins with /hold waits until something that begins with /go comes, on whatever connection."""
    connection = h2.Connection(peer)
    streams = next((word[8:] for word in origin.options if word.startswith("streams=")), None)
    if not begin(connection, struct.pack(">HI", 3, int(streams)) if streams else b""):
        return
    until, count, number, done = time.monotonic() + 60, 0, None, set()
    quiet = "quiet" in origin.options
    while connection.read(until):
        for stream in [one for one in connection.streams if connection.streams[one]["end"] and one not in done]:
            done.add(stream)
            if connection.streams[stream]["end"] != "END_STREAM":
                continue
            state = connection.streams[stream]
            fields = dict(line.split(": ", 1) for line in state["lines"] if ": " in line)
            if fields.get(":method") == "OPTIONS":
                connection.send(h2.frame("HEADERS", END_STREAM | END_HEADERS, stream, h2.encode([(b":status", b"200")])))
                continue
            count += 1
            if number is None:
                number = origin._number(peer)
                if peer.secured:
                    peer.note(peer.secured)
            target, length = fields.get(":path", ""), len(state["body"])
            if not quiet:
                connection.show(stream)
                peer.note(f"[{stream}] END_STREAM")
            text = f"{origin.name} c{number} r{count} {target} {length}\n".encode()
            head = [(b":status", b"200"), (b"content-length", str(len(text)).encode()), *extra]
            bare = fields.get(":method") == "HEAD"
            answer = h2.frame("HEADERS", END_HEADERS | (END_STREAM if bare else 0), stream, h2.encode(head))
            if not bare:
                answer += h2.frame("DATA", END_STREAM, stream, text)
            if target.startswith("/hold"):
                origin.held.append((connection, answer))
                continue
            connection.send(answer)
            if target.startswith("/go"):
                # In an order that nobody's speed decides about.
                time.sleep(0.1)
                while origin.held:
                    other, late = origin.held.pop(0)
                    other.send(late)
