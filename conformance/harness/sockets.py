"""What the kernel says about the proxy's own sockets, looked at through duplicates of their descriptors."""
import ctypes
import os
import re
import socket
import struct
import time

from .case import CaseError

PIDFD_GETFD = 438
INTEGERS = {
    name: (level, getattr(socket, name, number))
    for level, names in (
        (socket.SOL_SOCKET, {"SO_KEEPALIVE": 9, "SO_LINGER": 13, "SO_MARK": 36, "SO_PRIORITY": 12, "SO_RCVBUF": 8, "SO_SNDBUF": 7}),
        (socket.IPPROTO_IP, {"IP_TOS": 1, "IP_TRANSPARENT": 19, "IP_FREEBIND": 15}),
        (
            socket.IPPROTO_TCP,
            {
                "TCP_NODELAY": 1, "TCP_MAXSEG": 2, "TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6, "TCP_DEFER_ACCEPT": 9,
                "TCP_QUICKACK": 12, "TCP_USER_TIMEOUT": 18, "TCP_FASTOPEN": 23, "TCP_FASTOPEN_CONNECT": 30,
            },
        ),
        (socket.IPPROTO_IPV6, {"IPV6_V6ONLY": 26, "IPV6_TCLASS": 67}),
    )
    for name, number in names.items()
}
TEXTS = {"SO_BINDTODEVICE": (socket.SOL_SOCKET, 25), "TCP_CONGESTION": (socket.IPPROTO_TCP, 13)}
LISTENING = "0A"


def describe(world, words):
    """`listen PORT OPTION...`, `from PORT OPTION...` or `to ORIGIN OPTION...`: one line of values, the same for all such sockets."""
    kind, name, *options = words
    until = time.monotonic() + world.deadline
    while True:
        found = {line for pid, number in sockets(world, kind, name) if (line := values(pid, number, options)) is not None}
        if found or time.monotonic() > until:
            break
        time.sleep(0.01)
    text = " and ".join(sorted(found)) or "<deadline>"
    return f"socket {kind} {name}: {text}"


def sockets(world, kind, name):
    """(pid, descriptor) of each socket of the proxy's processes that is meant."""
    port = world.origins[name].port if kind == "to" else world.port(name)
    wanted = set()
    for inode, local, remote, state in table():
        match kind:
            case "listen" if local == port and state == LISTENING:
                wanted.add(inode)
            case "from" if local == port and state != LISTENING:
                wanted.add(inode)
            case "to" if remote == port:
                wanted.add(inode)
            case "listen" | "from" | "to":
                pass
            case _:
                raise CaseError(f"unknown kind of socket: {kind}")
    for pid in processes(world):
        folder = f"/proc/{pid}/fd"
        for number in os.listdir(folder):
            try:
                link = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"{folder}/{number}"))
            except FileNotFoundError:
                continue
            if link and link[1] in wanted:
                yield pid, int(number)


def table():
    """(inode, local port, remote port, state) of each TCP socket."""
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                for parts in (line.split() for line in file.readlines()[1:]):
                    yield parts[9], int(parts[1].rsplit(":", 1)[1], 16), int(parts[2].rsplit(":", 1)[1], 16), parts[3]


def processes(world):
    """The processes of this side and their children."""
    pids = [process.pid for process in world.processes.values() if process.poll() is None]
    for pid in pids:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            pids += [int(child) for child in file.read().split()]
    return pids


def values(pid, number, options):
    """`OPTION=VALUE` of each option; None when the descriptor is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, handle, number, 0)
    finally:
        os.close(handle)
    if copy < 0:
        error = ctypes.get_errno()
        if error in (3, 9):  # ESRCH, EBADF: closed meanwhile
            return None
        raise OSError(error, "pidfd_getfd")
    with socket.socket(fileno=copy) as duplicate:
        return " ".join(f"{option}={value(duplicate, option)}" for option in options)


def value(sock, option):
    """One option as text; `BACKLOG` is the limit of a listening socket's queue."""
    try:
        if option == "BACKLOG":
            # tcpi_sacked of a listening socket: tcpi_unacked stands before it, at byte 24.
            return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 28)[0]
        if option == "SO_LINGER":
            return "{}/{}".format(*struct.unpack("ii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)))
        if option in TEXTS:
            return sock.getsockopt(*TEXTS[option], 32).rstrip(b"\0").decode() or "-"
        return sock.getsockopt(*INTEGERS[option])
    except OSError as error:
        return error.strerror.replace(" ", "-")
