"""Processes that the bench starts, and what the kernel says about them."""
import os
import re
import signal
import socket
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    """A TCP port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_port(port, process, seconds=10):
    """Waits until something accepts on `port`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"bench: {process.args[0]} ended with {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"bench: nothing listens on {port}")


def start(arguments, port, log, patience=10):
    """Starts a process that listens on `port`; its messages go to the file `log`."""
    with open(log, "ab") as file:
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
    try:
        wait_port(port, process, patience)
    except SystemExit:
        with open(log, encoding="utf-8", errors="replace") as file:
            print(file.read()[-2000:])
        raise
    return process


def end(process):
    """Ends one process by its pid."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_seconds(pid):
    """utime + stime of all threads of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_kib(pid, kind="VmRSS"):
    """
    Resident memory of a process (`RssAnon`: without the pages of programs and libraries). Not Pss: the origin is the
    reference's program too, whose pages it would take from the reference's share.
    """
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            match = re.search(rf"^{kind}:\s+(\d+) kB", file.read(), re.MULTILINE)
    except OSError:
        return 0
    return int(match[1]) if match else 0


def syscalls(pid, during):
    """System calls that a process made while `during()` ran; (its result, calls), or (result, None) without strace."""
    try:
        tracer = subprocess.Popen(
            ["strace", "-c", "-f", "-p", str(pid)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
    except FileNotFoundError:
        return during(), None
    time.sleep(0.5)
    result = during()
    tracer.send_signal(signal.SIGINT)
    _, text = tracer.communicate(timeout=20)
    match = re.search(r"^\s*100\.00\s+\S+\s+(?:\S+\s+)?(\d+)\s+(?:\d+\s+)?total", text, re.MULTILINE)
    return result, int(match[1]) if match else None
