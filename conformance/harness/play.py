"""Plays one case against one binary and returns its normalised transcript."""
import os
import re
import threading
import time

from .case import configuration_text, read_steps
from .nameserver import Nameserver
from .normalise import Normaliser, is_banner
from .origin import Origin
from .script import ClientScript
from .tls import write_certificate
from .world import World

STOPPING = re.compile(r"(Stopping |Proxy \S+ stopped|stopped \(cumulated conns|Exiting Master|All workers exited)")

# Seconds that origins have to see the end of the proxy.
SETTLING = 2.0


class Outcome:
    """What one side did: channel -> lines, and why the case itself is at fault, if it is."""

    def __init__(self, transcript, broken, messages, config):
        self.transcript, self.broken, self.messages, self.config = transcript, broken, messages, config


def play(case, side, binary, folder, change=None, deadline=None):
    """Runs the whole case for `side` (`reference` or `hapax`); `change` may rewrite the text of a configuration."""
    world = World(side, binary, folder, deadline or float(case.header.get("deadline", "20")))
    try:
        return _play(case, side, world, change or (lambda text: text))
    finally:
        world.close()


def _play(case, side, world, change):
    world.ignored = ignored_by(case)
    for section in case.of("certificate"):
        write_certificate(world, section)
    for section in case.of("origin"):
        world.origins[section.words[0]] = Origin(world, section, case.path)
    for section in case.of("nameserver"):
        world.nameservers[section.words[0]] = Nameserver(world, section)
    for section in case.of("file"):
        path = os.path.join(world.folder, section.words[0])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        ending = "\r\n" if "crlf" in section.words else "\n"
        data = world.expand(ending.join(section.lines) + ending).encode("utf-8", "surrogateescape")
        with open(path, "wb") as file:
            file.write(data)
        if data.startswith(b"#!"):
            os.chmod(path, 0o755)
    configs = case.of("config")
    if side == "reference" and case.of("upstream-config"):
        configs = case.of("upstream-config")
    arguments = []
    for section in configs:
        name = next((word for word in section.words if word.endswith(".cfg") and not word.startswith("from=")), "haproxy.cfg")
        text = world.expand(change(configuration_text(section)))
        world.configurations[name] = text
        with open(os.path.join(world.folder, name), "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        arguments += ["-f", name]
    if "args" in case.header:
        arguments = world.expand(case.header["args"]).split()
    if configs and case.header.get("start") != "no":
        world.start("main", arguments)
    _clients(case, world)
    world.wait_for(lambda: True)
    before = {channel: len(lines) for channel, lines in world.transcript.items()}
    world.stop()
    until = time.monotonic() + SETTLING
    for origin in world.origins.values():
        origin.settle(until)
    for sink in world.sinks.values():
        sink.close()
    return _outcome(case, world, before)


def _clients(case, world):
    background = []
    for number, section in enumerate(case.of("client"), 1):
        names = [word for word in section.words if word != "&"]
        script = ClientScript(world, names[0] if names else str(number), read_steps(section, case.path))
        if "&" in section.words:
            thread = threading.Thread(target=script.play, daemon=True)
            thread.start()
            background.append(thread)
        else:
            script.play()
    for thread in background:
        thread.join(world.deadline * 6)
        if thread.is_alive():
            world.broken.append("a client never came to its end")


def ignored_by(case):
    """Patterns of the lines that the case leaves out of every channel."""
    return [re.compile(line) for line in case.header.get("ignore", "").split("\n") if line]


def _outcome(case, world, before):
    normaliser = Normaliser(world)
    shown, messages = {}, []
    ignored = ignored_by(case)
    for channel in sorted(world.transcript):
        lines = world.lines(channel)
        if not case.compares("stop") and channel.split()[0] in ("log", "messages"):
            edge = before.get(channel, 0)
            lines = lines[:edge] + [line for line in lines[edge:] if not STOPPING.search(line)]
        if channel.startswith("messages "):
            lines = [normaliser.line(line) for line in lines if not is_banner(line)]
            messages += lines
            if not case.compares("messages"):
                continue
        else:
            lines = [normaliser.line(line) for line in lines]
        for mask in case.header.get("mask", "").split("\n"):
            pattern, arrow, text = mask.partition(" => ")
            if arrow:
                lines = [re.sub(pattern, text, line) for line in lines]
        lines = [line for line in lines if not any(ignore.search(line) for ignore in ignored)]
        if channel.startswith("nameserver "):
            lines.sort()
        if case.compares("unordered") and channel.split()[0] in ("log", "messages"):
            lines.sort()
        if lines:
            shown[channel] = lines
    if case.compares("unordered-origins"):
        shown = _merge_origins(shown)
    return Outcome(shown, world.broken, messages, "\n".join(world.configurations.values()))


def _merge_origins(shown):
    """All connections of an origin in one sorted channel: for cases where their order is free."""
    merged = {}
    for channel, lines in shown.items():
        key = channel.split(" connection ")[0]
        merged.setdefault(key, []).extend(lines)
    return {channel: sorted(lines) if channel.startswith("origin ") else lines for channel, lines in merged.items()}
