"""The rows of the registry that a binary accepts, and what uses them: cases, and tests in Rust that observe an effect."""
import glob
import json
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Crates whose tests see the intermediate form only.
READERS = {"config"}


def as_list(value):
    """A list from a list or a single value."""
    return value if isinstance(value, list) else [value]


def read_rows(binary=None, text=None):
    """What `--dump-registry` prints, each (kind, name) once with all its places."""
    if text is None:
        text = subprocess.run([binary, "--dump-registry"], capture_output=True, text=True, check=True).stdout
    rows = {}
    for line in text.split("\n"):
        if line.strip():
            row = json.loads(line)
            known = rows.setdefault((row["kind"], row["name"]), row)
            if known is not row:
                known["place"] = sorted(set(as_list(known.get("place") or []) + as_list(row.get("place") or [])))
    return list(rows.values())


def used(row, uses):
    """Whether one of the uses is the row's, where the row is allowed."""
    places = set(as_list(row.get("place") or []))
    for kind, name, place in uses:
        if kind == row["kind"] and (name == row["name"] or row["name"].endswith("(") and name.startswith(row["name"])):
            if not places or place is None or place in places:
                return True
    return False


def named_by_tests():
    """(kind, name) pairs that `// exercises:` lines and `[effect ...]` options name, each with the crates of its tests."""
    found = {}
    for path in glob.glob(os.path.join(TOP, "crates", "**", "*.rs"), recursive=True):
        crate = os.path.relpath(path, os.path.join(TOP, "crates")).split(os.sep)[0]
        if crate in READERS:
            continue
        with open(path, encoding="utf-8") as file:
            for line in file:
                match = re.match(r"\s*// exercises: (.+)", line)
                if match:
                    # Items are separated by commas or blanks; a name may hold blanks (`section/option httplog`).
                    for item in re.split(r"[,\s]+(?=[a-z]+/)", match[1]):
                        kind, _, name = item.strip(" ,").partition("/")
                        found.setdefault((kind, name), set()).add(crate)
    for path in glob.glob(os.path.join(TOP, "conformance", "**", "*.check"), recursive=True):
        with open(path, encoding="utf-8", errors="replace") as file:
            for match in re.finditer(r"^=== .*\[(.*)\]$", file.read(), re.MULTILINE):
                for option in match[1].split(","):
                    if option.strip().startswith("effect "):
                        kind, _, name = option.strip()[7:].partition("/")
                        found.setdefault((kind, name), set()).add("check")
    return found
