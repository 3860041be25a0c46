"""Deliberate differences: rules from differences.toml that rewrite lines of both transcripts before they are compared."""
import fnmatch
import re
import tomllib


class Differences:
    """The rows of differences.toml; each must name a case, a reason and what it rewrites."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.rows = tomllib.load(file).get("difference", [])
        for row in self.rows:
            missing = {"case", "reason"} - set(row)
            if missing or not ({"reference", "hapax"} & set(row)):
                raise SystemExit(f"{path}: a row lacks {missing or 'reference/hapax'}: {row}")
        self.used = set()

    def unused(self):
        """A line for each row that rewrote nothing: what it excused is gone, or it never was."""
        rows = enumerate(self.rows)
        return [f"differences.toml: no longer needed: {row['case']}: {row['reason']}" for number, row in rows if number not in self.used]

    def apply(self, name, side, lines):
        """Rewrites `lines` of one side of the case `name`: a match becomes the row's `text` (empty: the line goes)."""
        for number, row in enumerate(self.rows):
            if side not in row or not applies(row, name):
                continue
            pattern, kept = re.compile(row[side]), []
            for line in lines:
                changed = pattern.sub(row.get("text", ""), line)
                if changed != line:
                    self.used.add(number)
                if changed or changed == line:
                    kept.append(changed)
            lines = kept
        return lines


def applies(row, name):
    """Whether a row is about the case `name`; its `case` is a pattern or a list of them."""
    cases = row["case"] if isinstance(row["case"], list) else [row["case"]]
    return any(fnmatch.fnmatchcase(name, case) for case in cases)
