"""Configurations in which one keyword does nothing: what a case has to notice.

Each function yields changed texts of a configuration. A line that opens with the keyword is left out, an option of a
`bind` or `server` line is cut out with its arguments, a criterion or method is replaced by one that never matches.
"""
import re

from .uses import RULES, SECTIONS, conditions, split

# A criterion that holds for nothing, whatever values stand behind it.
NEVER = "str(nobody-sends-this)"
OPTION_LINES = {"bind": {"bind": 2}, "server": {"server": 3, "default-server": 1, "server-template": 4}}


def mutants(row, text, options):
    """Texts in which the row's keyword does nothing; `options` are the names of all options of the row's kind."""
    kind, name = row["kind"], row["name"]
    lines = text.split("\n")
    place = None
    for index, line in enumerate(lines):
        words = split(line)
        if not words or words[0].startswith("."):
            continue
        if words[0] in SECTIONS:
            place = words[0]
            continue
        for changed in changes(kind, name, place, line, words, row, options):
            yield "\n".join(lines[:index] + changed + lines[index + 1 :])


def changes(kind, name, place, line, words, row, options):
    """What may stand for one line, as lists of lines."""
    bare = words[1:] if words[0] in ("no", "default") and len(words) > 1 else words
    match kind:
        case "section":
            wanted = name.split()
            if bare[: len(wanted)] == wanted and (not row.get("place") or place in row["place"]):
                yield []
        case "action":
            at = 2 if words[0].startswith("tcp-") else 1
            if words[0] in RULES and len(words) > at and words[at].partition("(")[0] == name.rstrip("("):
                phase = " ".join(words[:at])
                if not row.get("place") or phase in row["place"]:
                    yield []
        case "balance":
            if words[0] == "balance" and len(words) > 1 and words[1].partition("(")[0] == name.rstrip("("):
                for other in ("static-rr", "first", "source"):
                    if other != name:
                        yield [f"\tbalance {other}"]
        case "bind" | "server":
            yield from without_option(name, words, OPTION_LINES[kind], options)
        case "match" | "acl":
            if any(found == (kind, name, None) for found in conditions(words)):
                yield from without_condition(kind, name, line)


def without_option(name, words, kinds, options):
    """The line without one option and the words up to the next option."""
    start = kinds.get(words[0])
    if words[:2] == ["stats", "socket"] and "bind" in kinds:
        start = 3
    if start is None:
        return
    for at in range(start, len(words)):
        if words[at] == name:
            end = at + 1
            while end < len(words) and words[end] not in options:
                end += 1
            yield ["\t" + " ".join(quoted(word) for word in words[:at] + words[end:])]


def quoted(word):
    """A word as it stands in a configuration."""
    if re.fullmatch(r"[^\s\"'\\#]+", word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def without_condition(kind, name, line):
    """The line with one criterion, method or flag that holds for nothing, or without it."""
    if kind == "match":
        flag = f"-m {name}" if not name.startswith("-") else name
        pattern = re.compile(rf"(?<=\s){re.escape(flag)}(?=\s)")
        if name.startswith("-"):
            yield [pattern.sub("", line, count=1)]
        else:
            for other in ("str", "end", "found", "len", "int", "ip"):
                if other != name:
                    yield [pattern.sub(f"-m {other}", line, count=1)]
        return
    pattern = re.compile(rf"(?<=\s){re.escape(name)}(\((?:[^()]|\([^()]*\))*\))?(?:,[^\s]*)?(?=\s|$)")
    if pattern.search(line):
        yield [pattern.sub(NEVER + " -m str" if "-m" not in line else NEVER, line, count=1)]
        yield [pattern.sub("FALSE", line, count=1)]
        yield [pattern.sub("always_false", line, count=1)]
