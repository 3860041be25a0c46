"""Termination states: which of those that the manual documents (8.5) the reference's log lines showed in a run."""
import glob
import gzip
import os
import re

# `1/1/0/0/0` behind the state is what makes a word of a log line one.
STATE = re.compile(r" ([A-Za-z-]{2})([NIDVEOU-][NIUPRD-])? \d+/\d+/\d+/\d+/\+?\d+ ")
PAIR = re.compile(r"^ {5}([A-Za-z-]{2}) {3}\S")
LETTER = re.compile(r"^ {8}([A-Za-z-]) : ")

# What no configuration brings about on purpose, with the reason.
UNREACHED = {
    "RC": "the reference says SC without descriptors or source ports (traffic/log/no-sockets); memory is not exhausted beside other programs",
    "PC": "the reference says SC at its limit of sockets too, with 'not enough free sockets' in the log",
    "CT": "the reference says PT when the client leaves the tarpit, by FIN or RST, with option abortonclose and without (traffic/log/ends)",
}
UNREACHED_COOKIES = {
    "VI": "the reference says DI when it redispatches, whether the server refuses, is silent, full or fails (traffic/log/cookie-states)",
}


class States:
    """Which states the log lines of a run showed, each with the first case that did."""

    def __init__(self):
        self.ends, self.cookies, self.letters = {}, {}, {}

    def see(self, case, transcript):
        """Remembers the states in the log lines of one case."""
        for channel, lines in transcript.items():
            if channel.split()[0] == "log":
                for match in (match for line in lines for match in STATE.finditer(line)):
                    self.ends.setdefault(match[1], case)
                    if match[2]:
                        self.cookies.setdefault(match[2], case)
                    for place, letter in enumerate(match[2] or ""):
                        self.letters.setdefault((place, letter), case)

    def table(self):
        """One line for each state that was seen."""
        lines = [f"{state}: {case}" for state, case in sorted(self.ends.items())]
        return lines + [f"--{state}: {case}" for state, case in sorted(self.cookies.items())]

    def missing(self, folder):
        """What the manual below `folder` documents and no case showed."""
        ends, cookies, letters = documented(manual(folder))
        faults = [f"no case shows the termination state {pair}" for pair in sorted(ends - set(self.ends) - set(UNREACHED))]
        faults += [f"{pair} is shown by {self.ends[pair]}: it is no longer unreached" for pair in UNREACHED if pair in self.ends]
        faults += [f"no case shows the cookie state --{pair}" for pair in sorted(cookies - set(self.cookies) - set(UNREACHED_COOKIES))]
        faults += [f"--{pair} is shown by {self.cookies[pair]}: it is no longer unreached" for pair in UNREACHED_COOKIES if pair in self.cookies]
        for place, letter in sorted(letters - set(self.letters)):
            faults.append(f"no case shows '{letter}' for the cookie of the {('client', 'server')[place]}")
        return faults


def manual(folder):
    """The text of configuration.txt somewhere below `folder`."""
    path = sorted(glob.glob(os.path.join(folder, "**", "configuration.txt*"), recursive=True))[0]
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
        return file.read()


def documented(text):
    """What section 8.5 lists: pairs of how streams end, pairs of cookies, and letters of the third and fourth place."""
    section = text.split("\n8.5. Stream state at disconnection\n")[-1].split("\n8.6. ")[0]
    explained, _, listed = section.partition("The combination of the two first flags")
    ends, _, cookies = listed.partition("The combination of the two last flags")
    letters, place = set(), None
    for line in explained.split("\n"):
        for number, words in enumerate(("- the third character", "- the last character")):
            if words in line:
                place = number
        match = LETTER.match(line)
        if match and place is not None:
            letters.add((place, match[1]))
    return pairs_of(ends), pairs_of(cookies), letters


def pairs_of(text):
    """The pairs of letters that open a paragraph."""
    return {match[1] for match in map(PAIR.match, text.split("\n")) if match}
