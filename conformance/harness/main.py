"""The command line of the runner, the parallel play of all cases, and the report."""
import argparse
import copy
import difflib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from .case import CaseError, read_case
from .check import Snippet, compare_check, play_check, read_check
from .differences import Differences
from .play import play
from .sample import SampleCase, compare_sample, play_sample, read_sample
from .stall import StallMeter
from .states import States

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(HERE)

# A whole run holds both programs to the clock on a shared machine. A case that failed beside others is played again
# alone: it has to pass this many times in a row, and only this share of all cases may need it.
ALONE = 3
UNSTEADY_SHARE = 0.005


def main():
    """Returns the exit code."""
    options = arguments()
    differences = Differences(os.path.join(HERE, "differences.toml"))
    options.seen = States()
    try:
        cases = collect(options)
    except CaseError as error:
        print(error, file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(case.name for case in cases))
        return 0
    reference, ours = binaries(options)
    if reference is None or ours is None:
        print(f"0 passed, 0 failed, {len(cases)} skipped")
        return 0
    results = run_all(cases, reference, ours, differences, options)
    if not options.k and options.repeat == 1:
        results = again_alone(cases, results, reference, ours, differences, options)
    counts = {kind: sum(1 for result in results if result[1] == kind) for kind in ("passed", "failed", "skipped")}
    for name, kind, reason in results:
        if kind == "skipped":
            print(f"skipped {name}: {reason}")
    failed = [name for name, kind, _ in results if kind == "failed"]
    whole = not options.k and not options.self and not counts["skipped"]
    for line in differences.unused() if whole else []:
        print(line)
        failed.append("differences.toml")
    for line in options.seen.table() if options.states else []:
        print(line)
    for line in options.seen.missing(manual_folder()) if whole else []:
        print(line)
        failed.append("states.py")
    if failed:
        print("failed: " + " ".join(sorted(failed)))
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if failed else 0


def arguments():
    """Parses argv."""
    parser = argparse.ArgumentParser(prog="conformance/run", description=__doc__)
    parser.add_argument("-k", metavar="PATTERN", action="append", default=[], help="only cases whose name contains PATTERN")
    parser.add_argument("--hapax", metavar="PATH", help="the binary under test (default: target/release/hapax)")
    parser.add_argument("--upstream", metavar="PATH", help="the reference (default: brought by scripts/upstream)")
    parser.add_argument("--self", action="store_true", help="play the reference against itself: are the cases sound?")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--show", action="store_true", help="print the transcript of the reference")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="play each case N times")
    parser.add_argument("-j", type=int, default=3, metavar="N", help="cases at the same time, each with both sides")
    parser.add_argument("--states", action="store_true", help="print the termination states that the reference logged, with a case each")
    parser.add_argument("-v", action="store_true", help="name each case with the time it took")
    return parser.parse_args()


def collect(options):
    """All cases and snippets that the patterns choose."""
    cases = []
    for folder, _, files in sorted(os.walk(HERE)):
        for file in sorted(files):
            path = os.path.join(folder, file)
            if file.endswith(".case"):
                cases.append(read_case(path, HERE))
            elif file.endswith(".check"):
                cases += read_check(path, HERE)
            elif file.endswith(".sample"):
                cases.append(read_sample(path, HERE))
    names = [case.name for case in cases]
    for name in set(names):
        if names.count(name) > 1:
            raise CaseError(f"two cases are named {name}")
    return [case for case in cases if not options.k or any(pattern in case.name for pattern in options.k)]


def binaries(options):
    """Absolute paths of the reference and of hapax; None where one is not to be had."""
    reference = options.upstream
    if reference is None:
        done = subprocess.run([os.path.join(TOP, "scripts", "upstream"), "--path"], capture_output=True, text=True)
        if done.returncode != 0:
            print(f"conformance: no reference here: {done.stderr.strip()}")
            return None, None
        reference = done.stdout.strip()
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(TOP, "target"))
    ours = reference if options.self else options.hapax or os.path.join(target, "release", "hapax")
    for path in (reference, ours):
        if not os.access(path, os.X_OK):
            print(f"conformance: no program at {path}", file=sys.stderr)
            sys.exit(2)
    return os.path.abspath(reference), os.path.abspath(ours)


def run_all(cases, reference, ours, differences, options):
    """Plays every case; prints each failure as it comes; returns (name, kind, reason) each."""
    base = tempfile.mkdtemp(prefix="hapax-")
    # Proxies that drop their privileges still reach their own files.
    os.chmod(base, 0o755)
    lock, results = threading.Lock(), []

    meter = StallMeter()
    meter.start()

    def one(job):
        number, case = job
        started = time.monotonic()
        try:
            kind, text = judge(case, reference, ours, differences, os.path.join(base, f"{number:06}"), options)
        except Exception as error:  # a fault of the runner must not look like a pass
            kind, text = "failed", f"the runner failed: {type(error).__name__}: {error}"
        with lock:
            if kind == "failed" or (options.show and text):
                print(f"--- {case.name}\n{text}", flush=True)
                print(f"the machine stalled for up to {meter.worst(started)} ms meanwhile\n", flush=True)
            if options.v:
                print(f"{kind} {case.name} {time.monotonic() - started:.2f}s", flush=True)
            results.append((case.name, kind, text))

    try:
        jobs = list(enumerate(case for case in cases for _ in range(options.repeat)))
        with ThreadPoolExecutor(max_workers=options.j) as pool:
            list(pool.map(one, jobs))
    finally:
        meter.stop()
        shutil.rmtree(base, ignore_errors=True)
    return results


def again_alone(cases, results, reference, ours, differences, options):
    """Plays what failed beside other cases again with nothing beside it; returns the results with the last word on each."""
    failed = {name for name, kind, _ in results if kind == "failed"}
    if not failed or len(failed) > max(3, UNSTEADY_SHARE * len(cases)):
        return results
    alone = copy.copy(options)
    alone.j, alone.repeat = 1, ALONE
    steady = set()
    for case in [case for case in cases if case.name in failed]:
        print(f"once more, alone, {ALONE} times: {case.name}", flush=True)
        if all(kind == "passed" for _, kind, _ in run_all([case], reference, ours, differences, alone)):
            steady.add(case.name)
            print(f"unsteady: {case.name} passed {ALONE} times alone", flush=True)
    return [(name, "passed" if name in steady else kind, text) for name, kind, text in results]


def judge(case, reference, ours, differences, folder, options):
    """Plays one case on both sides at the same time and compares."""
    if isinstance(case, Snippet):
        return judge_check(case, reference, ours, differences, folder, options)
    reason = unmet(case)
    if reason:
        return "skipped", reason
    if case.header.get("reference") == "2.6":
        reference = second_reference()
        ours = reference if options.self else ours
        if reference is None:
            return "skipped", "needs HAProxy 2.6"
    outcomes = {}
    sample = isinstance(case, SampleCase)

    def side(name, binary, letter):
        try:
            outcomes[name] = (play_sample if sample else play)(case, "reference" if options.self else name, binary, os.path.join(folder, letter))
        except Exception as error:
            outcomes[name] = error

    os.makedirs(folder)
    threads = [threading.Thread(target=side, args=words) for words in (("reference", reference, "r"), ("hapax", ours, "h"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, outcome in outcomes.items():
        if isinstance(outcome, Exception):
            return "failed", f"{name}: {type(outcome).__name__}: {outcome}"
    if sample:
        return judge_sample(case, outcomes["reference"], outcomes["hapax"], differences, options)
    return verdict(case, outcomes["reference"], outcomes["hapax"], differences, options)


def manual_folder():
    """Where the manual of the reference lies."""
    done = subprocess.run([os.path.join(TOP, "scripts", "upstream"), "--manual"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@functools.cache
def second_reference():
    """The path of HAProxy 2.6, which still runs some of what 3.2 refuses; None where it cannot be brought."""
    done = subprocess.run([os.path.join(TOP, "scripts", "upstream"), "--old", "--path"], capture_output=True, text=True)
    return os.path.abspath(done.stdout.strip()) if done.returncode == 0 else None


def verdict(case, reference, ours, differences, options):
    """Compares two outcomes channel by channel."""
    options.seen.see(case.name, reference.transcript)
    faults = []
    if reference.broken:
        faults.append("the case itself is at fault, the reference says: " + "; ".join(reference.broken))
        faults += ["  " + line for line in reference.messages]
    if any("<deadline" in line for lines in reference.transcript.values() for line in lines):
        faults.append("the case itself is at fault: the reference ran into a deadline")
    if not reference.transcript:
        faults.append("the case observes nothing")
    for channel in sorted(set(reference.transcript) | set(ours.transcript)):
        expected, found = reference.transcript.get(channel, []), ours.transcript.get(channel, [])
        if not options.self:
            expected = differences.apply(case.name, "reference", expected)
            found = differences.apply(case.name, "hapax", found)
        if expected != found:
            faults.append(f"{channel}:")
            diff = list(difflib.unified_diff(expected, found, "reference", "hapax", lineterm="", n=3))
            faults += ["  " + line for line in diff[2:]]
    for section in [] if options.self else case.of("expect"):
        for line in section.lines:
            wanted = line.strip()
            where = ours.messages + [text for lines in ours.transcript.values() for text in lines]
            if wanted and not any(wanted in text for text in where):
                faults.append(f"hapax does not say: {wanted}")
    if faults:
        faults += ["  hapax: " + text for text in ours.broken]
        if ours.messages != reference.messages:
            faults += ["messages of hapax:"] + ["  " + line for line in ours.messages[:20]]
        faults.append(f"case file: {os.path.relpath(case.path)}")
    if options.show:
        faults += ["what the reference did:"]
        for channel, content in reference.transcript.items():
            faults += [f"{channel}:"] + ["  " + line for line in content]
        faults += ["messages (not compared unless asked):"] + ["  " + line for line in reference.messages]
        return ("failed" if faults[0] != "what the reference did:" else "passed"), "\n".join(faults)
    return ("failed" if faults else "passed"), "\n".join(faults)


def judge_sample(case, reference, ours, differences, options):
    """Compares the answers to all inputs of a sample file."""
    faults = compare_sample(case, reference, ours, differences, options.self)
    shown = [f"{key} => {answer}" for key, answer in reference[0]] if options.show else []
    return ("failed" if faults else "passed"), "\n".join(shown + faults)


def judge_check(snippet, reference, ours, differences, folder, options):
    """Plays one snippet of a check file."""
    first = play_check(snippet, reference, os.path.join(folder, "r"), "reference")
    second = play_check(snippet, ours, os.path.join(folder, "h"), "reference" if options.self else "hapax")
    if not options.self:
        first = (first[0], differences.apply(snippet.name, "reference", first[1]), first[2])
        second = (second[0], differences.apply(snippet.name, "hapax", second[1]), second[2])
    if options.self:
        snippet.parts["says"] = snippet.parts["not"] = []
    faults = compare_check(snippet, first, second)
    if any(option.startswith("since") for option in snippet.options) and not snippet.parts["modern"]:
        faults.append("a snippet with 'since' needs a '--- modern' part")
    shutil.rmtree(folder, ignore_errors=True)
    return ("failed", "\n".join(faults)) if faults else ("passed", "")


def unmet(case):
    """Why a case cannot run on this machine, or None."""
    for need in case.header.get("needs", "").split():
        if need == "root" and os.geteuid() != 0:
            return "needs root"
        if need == "ipv6" and not os.path.exists("/proc/net/if_inet6"):
            return "needs IPv6"
        if need == "netns" and subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode:
            return "needs to be allowed network namespaces"
        if need not in ("root", "ipv6", "netns") and shutil.which(need) is None:
            return f"needs {need}"
    return None
