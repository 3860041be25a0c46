"""What choosing a server costs, and a new ring when one goes down: crates/balance/examples/choose.rs, without a socket."""
import os
import subprocess
import sys

NAME = "choosing a server"
GOALS = {10: 100, 10_000: 500}
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def measure(_stage, _options, _row):
    """Rows of the section; the reference has nothing that could be asked for this alone."""
    words = ["cargo", "run", "--quiet", "--release", "-p", "hapax-balance", "--example", "choose"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=TOP)
    if done.returncode != 0:
        sys.exit(f"bench: the example does not run: {done.stderr[-500:]}")
    return [line(*text.split()) for text in done.stdout.splitlines()]


def line(algorithm, servers, workers, nanoseconds):
    """One row of what the example prints; the goal is a value."""
    count, took = int(servers), float(nanoseconds)
    if algorithm == "rebuild":
        return f"{NAME}: consistent hash of {count:,} servers", "new ring, ms", None, took / 1e6, None, 10, False
    return f"{NAME}: {algorithm}, {count:,} servers", f"ns, {workers} worker{'s' if workers != '1' else ''}", None, took, None, GOALS[count], False
