"""Reads a `.case` file: header, sections, and the steps of clients and origins.

The format is described in conformance/README.md.
"""
import os
import re
from dataclasses import dataclass, field

REPEATED = {"ignore", "mask"}
HEADER_KEYS = {"since", "reference", "compare", "needs", "deadline", "start", "args", "ignore", "mask"}
PRELUDES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "preludes")
EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(PRELUDES)), "docs", "examples")
WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(/(?:[^/\\]|\\.)*/)(?=\s|$)|(\S+)')
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\", '"': b'"', "e": b"\x1b"}


class CaseError(Exception):
    """A case file that cannot be read; the text names file and line."""


@dataclass
class Step:
    """One line of a script: a verb, its words (str bare, bytes quoted, Pattern between slashes), its `|` block."""

    line: int
    verb: str
    words: list
    block: list = field(default_factory=list)


@dataclass
class Section:
    """One `== kind words` part of a case with its raw lines."""

    line: int
    kind: str
    words: list
    lines: list = field(default_factory=list)


@dataclass
class Case:
    """A whole case, not yet tied to ports or to a binary."""

    name: str
    path: str
    title: str
    header: dict
    sections: list

    def of(self, kind):
        """All sections of one kind, in file order."""
        return [section for section in self.sections if section.kind == kind]

    def compares(self, what):
        """Whether the header asks for an optional comparison."""
        return what in self.header.get("compare", "").split()


KINDS = {"config", "upstream-config", "file", "certificate", "origin", "nameserver", "client", "expect", "run"}


def read_case(path, root, suffix=".case", kinds=KINDS):
    """Parses the file at `path`; its name is the path below `root` without the suffix."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        lines = file.read().split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    name = os.path.relpath(path, root).removesuffix(suffix)
    title, header, sections = [], {}, []
    for number, line in enumerate(lines, 1):
        if line.startswith("== "):
            kind, *words = line[3:].split()
            if kind not in kinds:
                raise CaseError(f"{path}:{number}: unknown section '{kind}'")
            sections.append(Section(number, kind, words))
        elif sections:
            sections[-1].lines.append(line)
        elif line.startswith("#"):
            title.append(line[1:].strip())
        elif line.strip():
            key, colon, value = line.partition(":")
            if not colon or key not in HEADER_KEYS:
                raise CaseError(f"{path}:{number}: not a header line: {line!r}")
            value = value.strip()
            header[key] = f"{header[key]}\n{value}" if key in REPEATED and key in header else value
    for section in sections:
        while section.lines and not section.lines[-1].strip():
            section.lines.pop()
    return Case(name, path, " ".join(title), header, sections)


def configuration_text(section):
    """The text of a config section: its lines behind the preludes it asks for (`+name`), or an example file rewritten."""
    text = []
    for word in section.words:
        if word.startswith("from="):
            return _rewritten(os.path.join(EXAMPLES, word[5:]), section)
    for word in section.words:
        if word.startswith("+"):
            with open(os.path.join(PRELUDES, word[1:] + ".cfg"), encoding="utf-8") as file:
                text.append(file.read())
    text.append("\n".join(section.lines) + "\n")
    if "no-final-newline" in section.words:
        text[-1] = text[-1][:-1]
    return "".join(text)


def _rewritten(path, section):
    """The file at `path` with each `OLD => NEW` line of the section applied; every OLD must occur."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for offset, line in enumerate(section.lines, 1):
        if line.strip():
            old, _, new = line.strip().partition(" => ")
            if old not in text:
                raise CaseError(f"line {section.line + offset}: {old!r} is not in {path}")
            text = text.replace(old, new.replace("\\n", "\n"))
    return text


def read_steps(section, path):
    """The steps of a client or origin section."""
    steps = []
    for offset, line in enumerate(section.lines, 1):
        number = section.line + offset
        if line.startswith("|"):
            if not steps:
                raise CaseError(f"{path}:{number}: text before the first step")
            steps[-1].block.append(line[2:] if line.startswith("| ") else line[1:])
            continue
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        words = [_word(match) for match in WORD.finditer(stripped)]
        steps.append(Step(number, words[0], words[1:]))
    return steps


def _word(match):
    quoted, pattern, bare = match.groups()
    if quoted is not None:
        return unescape(quoted)
    if pattern is not None:
        return re.compile(pattern[1:-1].replace("\\/", "/"))
    return bare


def duration(text):
    """Seconds from `200ms`, `3s` or `3`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)?", text)
    if not match:
        raise CaseError(f"not a duration: {text!r}")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def unescape(text):
    r"""Turns \r \n \t \0 \\ \" \xNN into bytes."""
    out, index = bytearray(), 0
    while index < len(text):
        char = text[index]
        if char == "\\" and index + 1 < len(text):
            follow = text[index + 1]
            if follow == "x":
                out.append(int(text[index + 2 : index + 4], 16))
                index += 4
                continue
            out += ESCAPES.get(follow, b"\\" + follow.encode())
            index += 2
            continue
        out += char.encode("utf-8", "surrogateescape")
        index += 1
    return bytes(out)
