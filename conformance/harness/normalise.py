"""Takes out of a transcript what differs from run to run: pids, ports, dates, durations, versions, folders."""
import re

MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
RULES = [
    # syslog headers: rfc3164 and the iso date of rfc5424
    (re.compile(rf"^((?:> )?<\d+>)(?:{MONTHS}) [ \d]\d \d\d:\d\d:\d\d "), r"\1DATE "),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"), "ISODATE"),
    (re.compile(rf"\b\d\d/(?:{MONTHS})/\d{{4}}:\d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{{4}})?"), "DATE"),
    (re.compile(rf"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:{MONTHS}) \d{{4}} \d\d:\d\d:\d\d GMT"), "HTTPDATE"),
    # pids: `[123]:` in syslog, `(123)` in messages; looked for behind a word only, or long words would cost their square, and while
    # an expression runs no other case does
    (re.compile(r"(?<=\w)\[\d+\]:"), "[PID]:"),
    (re.compile(r"^(\[(?:ALERT|NOTICE|WARNING|DIAG|INFO)\]\s+)\(\d+\) :"), r"\1(PID) :"),
    # rfc5424: the pid after the tag; CLF: milliseconds and timers between quoted names
    (re.compile(r"^(<\d+>1 ISODATE \S+ \S+) \d+ "), r"\1 PID "),
    (re.compile(r'( <client>) \d+( "\S*" "\S*" "\S*") (-1|\d+) (-1|\d+) (-1|\d+) (-1|\d+) \d+ '), r"\1 MS\2 T "),
    (re.compile(r"\bcheck duration: \d+ms"), "check duration: Tms"),
    # `show servers state`: seconds since the last change, when it was in this run.
    (re.compile(r"^(cli show servers state[^:]*: \d+ \S+ \d+ \S+ \S+ \d+ \d+ \d+ \d+) \d{1,2} "), r"\1 AGE "),
    (re.compile(r"\bpid=\d+"), "pid=PID"),
    (re.compile(r"\(#\d+\) Forked"), "(#PID) Forked"),
    (re.compile(r"(worker|process) \(?\d{2,}\)?"), r"\1 (PID)"),
]
TIMERS = re.compile(r"(\] \S+ \S+/\S+ )((?:-1|\+?\d+)(?:/(?:-1|\+?\d+)){2,4})( )")
BANNER = re.compile(r"^\[NOTICE\]\s+\(\d+\) : (haproxy version is |path to executable is |hapax )")


class Normaliser:
    """The rules for one side: its ports and folder are known by name."""

    def __init__(self, world):
        self.names = {str(port): f"<{name}>" for name, port in world.ports.items()}
        self.names.update({str(origin.port): f"<{name}>" for name, origin in world.origins.items()})
        self.names.update({str(server.port): f"<{name}>" for name, server in world.nameservers.items()})
        self.names.update({str(sink.port): f"<{name}>" for name, sink in world.sinks.items() if hasattr(sink, "port")})
        self.names.update({str(port): "<client>" for port in world.client_ports})
        self.folder = world.folder

    def line(self, text):
        """One line of a transcript."""
        text = text.replace(self.folder, "${tmp}")
        text = re.sub(r"(?<![\w.])\d{5}(?!\d)", self._port, text)
        text = re.sub(r"(?<=:)(\d{5})(?!\d)", lambda match: self._port(match) if match[0] in self.names else "<port>", text)
        for pattern, replacement in RULES:
            text = pattern.sub(replacement, text)
        return TIMERS.sub(lambda match: match[1] + timers(match[2]) + match[3], text)

    def _port(self, match):
        return self.names.get(match[0], match[0])


def timers(text):
    """`0/0/1/-1/+3` as `T/T/T/-1/+T`."""
    return "/".join("-1" if part == "-1" else "+T" if part.startswith("+") else "T" for part in text.split("/"))


def is_banner(line):
    """Messages that name the program itself, printed before the first alert or warning."""
    return bool(BANNER.match(line))
