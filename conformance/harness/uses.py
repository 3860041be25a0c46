"""Which keywords the traffic cases use: (kind, name, place) triples from their configurations and steps.

Kinds: `section` (a keyword that opens a line; `option httplog`, `timeout client`), `bind`, `server`, `action`, `fetch`,
`converter`, `match` (`-m` forms and ACL flags), `acl` (derived criteria such as path_beg), `balance`, `alias` (log format),
`column` (statistics), `command` (runtime socket), `argument` (command line), `predicate` (`.if`), `directive` (`.if` itself).
"""
import glob
import os
import re
import shlex

from .case import configuration_text, read_case
from .sample import read_sample

SECTIONS = {
    "global", "defaults", "frontend", "backend", "listen", "userlist", "http-errors", "log-profile", "mailers", "ring", "log-forward", "traces",
    "crt-store",
}
RULES = {"http-request", "http-response", "http-after-response", "tcp-request", "tcp-response"}
CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_.\-]*)(?:\(((?:[^()]|\([^()]*\))*)\))?")
ALIAS = re.compile(r"%(?:\([^)]*\))?(?:\{[^}]*\})?([A-Za-z]+)")
SAMPLE = re.compile(r"%(?:\([^)]*\))?(?:\{[^}]*\})?\[((?:[^\[\]]|\[[^\]]*\])*)\]")


def uses_of_cases(root):
    """All triples of all `.case` and `.sample` files below `root`."""
    uses = set()
    for path in glob.glob(os.path.join(root, "**", "*.case"), recursive=True):
        uses |= uses_of_case(read_case(path, root))
    for path in glob.glob(os.path.join(root, "**", "*.sample"), recursive=True):
        uses |= uses_of_text(read_sample(path, root).configuration())
    return uses


def uses_of_case(case):
    """The triples of one case."""
    uses = set()
    for kind in ("config", "file"):
        for section in case.of(kind):
            text = configuration_text(section) if kind == "config" else "\n".join(section.lines)
            if kind == "file" and not section.words[0].endswith(".cfg"):
                continue
            uses |= uses_of_text(text)
    for section in case.of("client"):
        uses |= uses_of_steps(section.lines)
    for word in case.header.get("args", "").split():
        uses.add(("argument", word, None))
    return uses


def uses_of_text(text):
    """The triples of one configuration."""
    uses, place = set(), None
    for line in text.split("\n"):
        words = split(line)
        if not words:
            continue
        if words[0].startswith("."):
            uses.add(("directive", words[0], None))
            uses |= {("predicate", name, None) for name in re.findall(r"([a-z_]+)\(", line)}
            continue
        if words[0] in SECTIONS:
            place = words[0]
            uses.add(("section", place, None))
            continue
        if words[0] in ("no", "default") and len(words) > 1:
            uses.add(("section", words[0], place))
            words = words[1:]
        uses |= uses_of_line(words, place)
    return uses


def split(line):
    """The words of a line, comments gone; quotes as the configuration language has them (nearly)."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, "#"
    try:
        return list(lexer)
    except ValueError:
        return line.split("#")[0].split()


def uses_of_line(words, place):
    """The triples of one line of a section."""
    uses = set()
    for count in range(1, min(len(words), 4) + 1):
        uses.add(("section", " ".join(words[:count]), place))
    first = words[0]
    if first in ("bind", "server", "default-server"):
        start = {"bind": 2, "server": 3, "default-server": 1}[first]
        kind = "bind" if first == "bind" else "server"
        uses |= {(kind, word, None) for word in words[start:]}
        uses |= {(kind, word.split("(")[0], None) for word in words[start:] if "(" in word}
    elif first == "stats" and words[1:2] == ["socket"]:
        uses |= {("bind", word, None) for word in words[3:]}
    if first in RULES:
        at = 2 if first.startswith("tcp-") else 1
        phase = " ".join(words[:at])
        if len(words) > at:
            uses |= {("action", words[at], phase), ("action", words[at].split("(")[0] + "(", phase)}
    if first == "balance" and len(words) > 1:
        name, bracket, _ = words[1].partition("(")
        uses.add(("balance", name, None))
        uses.add(("balance", name + bracket, None))
    for word in words[1:]:
        uses |= expression(word)
    uses |= conditions(words)
    return uses


def conditions(words):
    """Matching methods and flags of `acl` lines and `{ ... }` conditions."""
    uses = set()
    for index, word in enumerate(words):
        if word == "-m" and index + 1 < len(words):
            uses.add(("match", words[index + 1], None))
        elif re.fullmatch(r"-[a-zA-Z-]+", word):
            uses.add(("match", word, None))
        if word == "{" and index + 1 < len(words):
            uses.add(("acl", words[index + 1].split("(")[0].split(",")[0], None))
        if re.fullmatch(r"[A-Z][A-Z0-9_.]+", word):
            uses.add(("acl", word, None))
    if words[0] == "acl" and len(words) > 2:
        uses.add(("acl", words[2].split("(")[0].split(",")[0], None))
    return uses


def expression(word):
    """Fetches, converters and log aliases that one word holds."""
    uses = set()
    samples = SAMPLE.findall(word)
    if samples or "%" in word:
        uses |= {("alias", name, None) for name in ALIAS.findall(SAMPLE.sub("", word))}
    else:
        samples = [word]
    for sample in samples:
        for index, match in enumerate(CALL.finditer(sample)):
            start = match.start()
            if index == 0 and start == 0:
                uses.add(("fetch", match[1], None))
            elif start and sample[start - 1] == ",":
                uses.add(("converter", match[1], None))
    return uses


def uses_of_steps(lines):
    """What client steps use: runtime commands, statistics columns, command-line arguments."""
    uses, runtime_api = set(), False
    for line in lines:
        words = split(line)
        if not words:
            continue
        if words[0] == "connect" and len(words) > 1:
            runtime_api = words[1].startswith("unix:${socket:")
        if words[0] in ("cli", "poll") and len(words) > 1:
            uses |= uses_of_commands(words[2] if words[0] == "poll" and len(words) > 2 else words[1])
        elif words[0] == "send" and runtime_api and len(words) > 1:
            uses |= uses_of_commands(words[1].replace("\\n", ";"))
        elif words[0] == "csv":
            uses |= {("column", name, None) for name in words[1].split(",")}
        elif words[:2] == ["recv", "csv"]:
            uses |= {("column", name, None) for name in words[2].split(",")}
        elif words[0] in ("run", "start"):
            uses |= {("argument", word, None) for word in words[1:]}
    return uses


def uses_of_commands(text):
    """The runtime commands of one line, with the shorter names that begin each."""
    uses = set()
    for command in text.split(";"):
        parts = command.split()
        for count in range(1, len(parts) + 1):
            uses.add(("command", " ".join(parts[:count]), None))
    return uses
