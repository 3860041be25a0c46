"""Check mode: many short configurations per `.check` file, each through `-c` of both binaries."""
import os
import re
import subprocess

from .normalise import is_banner

TITLE = re.compile(r"^=== (.*?)(?: \[([^\]]*)\])?$")
MESSAGE = re.compile(r"^\[(ALERT|WARNING|DIAG|NOTICE)\]")
# What a message says it expects: two words or more in quotes.
LIST = re.compile(r"'[^']+'(?:(?:,| \.\.\.) '[^']+')+(?=, but got| in (?:frontend|backend|defaults) ')")
# What is proposed instead, out of a list that may be shorter.
PROPOSED = re.compile(r"(?<=\.) Did you mean '[^']+' maybe \?$")
# A proxy that is complete, for snippets that need one so that nothing else is wrong.
PROXY = "listen complete\n\tmode http\n\ttimeout client 1s\n\ttimeout server 1s\n\ttimeout connect 1s\n\tbind 127.0.0.1:1\n"


class Snippet:
    """One configuration of a check file.

    Options: `proxy` appends a complete proxy; `more` allows hapax to report further errors; `since X` says that the
    reference lacks it (the part after `--- modern` is what the reference is given); `crlf`; `no-newline` (not in that part);
    `fewer` allows the lists of what is expected to leave out what hapax has not built, but not to name something else, and what is
    proposed out of them may differ;
    `out` compares what is no message too; `args ...` arguments instead of `-c -f FILE`.
    """

    def __init__(self, name, title, options, lines):
        self.name, self.title, self.options = name, title, options
        parts = {"text": [], "modern": [], "says": [], "not": []}
        current = "text"
        for line in lines:
            if line.startswith("--- ") and line[4:] in parts:
                current = line[4:]
            else:
                parts[current].append(line)
        while parts["text"] and not parts["text"][-1].strip():
            parts["text"].pop()
        self.parts = parts

    def text(self, part):
        """The bytes of the configuration file."""
        text = "\n".join(self.parts[part]) + "\n"
        if "proxy" in self.options:
            text += PROXY
        if "no-newline" in self.options and part == "text":
            text = text.removesuffix("\n")
        if "crlf" in self.options:
            text = text.replace("\n", "\r\n")
        data = text.encode("utf-8", "surrogateescape")
        return re.sub(rb"\\x\{([0-9a-f]{2})\}", lambda match: bytes([int(match[1], 16)]), data)


def read_check(path, root):
    """The snippets of one file."""
    base = os.path.relpath(path, root).removesuffix(".check")
    snippets, lines, title = [], [], None
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        for line in file.read().split("\n"):
            match = TITLE.match(line)
            if match:
                if title:
                    snippets.append(Snippet(f"{base}:{title[0]}", *title, lines))
                options = [word.strip() for word in (match[2] or "").split(",") if word.strip()]
                title, lines = (match[1], options), []
            else:
                lines.append(line)
    if title:
        snippets.append(Snippet(f"{base}:{title[0]}", *title, lines))
    return snippets


def play_check(snippet, binary, folder, side):
    """(exit code, messages, other output) of one binary."""
    os.makedirs(folder, exist_ok=True)
    since = any(option.startswith("since") for option in snippet.options)
    part = "modern" if side == "reference" and since else "text"
    with open(os.path.join(folder, "x.cfg"), "wb") as file:
        file.write(snippet.text(part))
    program = os.path.join(folder, "haproxy")
    if not os.path.islink(program):
        os.symlink(binary, program)
    arguments = next((option[4:].split() for option in snippet.options if option.split()[0] == "args"), ["-c", "-f", "x.cfg"])
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent", "SET": "value words", "EMPTY": ""}
    try:
        done = subprocess.run(
            [program, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=20
        )
    except subprocess.TimeoutExpired:
        return None, ["<deadline>"], []
    text = (done.stderr + done.stdout).decode("utf-8", "backslashreplace")
    messages, other = [], []
    for line in text.split("\n"):
        if is_banner(line) or not line.strip():
            continue
        line = re.sub(r"^(\[\w+\]\s+)\(\d+\) :", r"\1:", line).replace(folder, "${tmp}")
        (messages if MESSAGE.match(line) else other).append(line)
    return done.returncode, messages, other


def foreign(reference, ours):
    """A line for each word that hapax lists as expected and the reference does not, message by message."""
    known = {LIST.sub("LIST", line): set(re.findall("'[^']+'", LIST.search(line)[0])) for line in reference if LIST.search(line)}
    faults = []
    for line in ours:
        found = LIST.search(line)
        for word in re.findall("'[^']+'", found[0]) if found else []:
            if word not in known.get(LIST.sub("LIST", line), set()):
                faults.append(f"hapax lists {word}, the reference does not: {LIST.sub('LIST', line)}")
    return faults


def compare_check(snippet, reference, ours):
    """What differs, as lines to print; empty when the two agree."""
    faults = []
    if "fewer" in snippet.options:
        reference, ours = ((side[0], [PROPOSED.sub("", line) for line in side[1]], side[2]) for side in (reference, ours))
        faults += foreign(reference[1], ours[1])
        reference = (reference[0], [LIST.sub("LIST", line) for line in reference[1]], reference[2])
        ours = (ours[0], [LIST.sub("LIST", line) for line in ours[1]], ours[2])
    if reference[0] != ours[0]:
        faults.append(f"exit code: reference {reference[0]}, hapax {ours[0]}")
    if not any(option.startswith("since") for option in snippet.options):
        for line in reference[1]:
            if line not in ours[1]:
                faults.append(f"- {line}")
        if "more" not in snippet.options:
            for line in ours[1]:
                if line not in reference[1]:
                    faults.append(f"+ {line}")
    if "out" in snippet.options and reference[2] != ours[2]:
        faults += [f"- {line}" for line in reference[2]] + [f"+ {line}" for line in ours[2]]
    for line in snippet.parts["says"]:
        if line.strip() and not any(line.strip() in message for message in ours[1] + ours[2]):
            faults.append(f"hapax does not say: {line.strip()}")
    for line in snippet.parts["not"]:
        if line.strip() and any(line.strip() in message for message in ours[1] + ours[2]):
            faults.append(f"hapax says: {line.strip()}")
    return faults
