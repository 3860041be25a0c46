"""Generators of inputs for sample files: each takes a source of random numbers and gives the bytes of one input."""

GENERATORS = {}


def generator(function):
    """Makes a function known by its name, with dashes."""
    GENERATORS[function.__name__.replace("_", "-")] = function
    return function


LIMITS = [0, 1, -1, 2, 9, 10, 127, 128, 255, 256, 1000, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, -(2**63), -(2**63) + 1]


@generator
def integer(source):
    """An integer as text: near a limit, small, or of any size."""
    kind = source.randrange(3)
    if kind == 0:
        number = source.choice(LIMITS) + source.randint(-2, 2)
    elif kind == 1:
        number = source.randint(-1000, 1000)
    else:
        number = source.randint(-(2**63), 2**63 - 1) >> source.randrange(63)
    return str(max(-(2**63), min(2**63 - 1, number))).encode()


@generator
def binary(source, most="64"):
    """Any bytes, up to `most` of them."""
    return source.randbytes(source.randint(0, int(most)))


@generator
def text(source, letters="abcABC0129 ,;:=/.-_", most="40"):
    """Text over a few letters, so that separators and repetitions occur; `letters` may hold escapes."""
    alphabet = letters.encode().decode("unicode_escape").encode("latin-1")
    return bytes(source.choice(alphabet) for _ in range(source.randint(0, int(most))))


@generator
def unicode(source, most="20"):
    """UTF-8 text of all planes, sometimes broken."""
    ranges = [(0, 0x7F), (0x20, 0x7E), (0x80, 0x7FF), (0x800, 0xFFFF), (0x10000, 0x10FFFF)]
    out = bytearray()
    for _ in range(source.randint(0, int(most))):
        if source.random() < 0.1:
            out += source.randbytes(source.randint(1, 3))
            continue
        low, high = source.choice(ranges)
        out += chr(source.randint(low, high)).encode("utf-8", "surrogatepass")
    return bytes(out)


@generator
def long(source, least="1000", most="5000"):
    """Long printable text."""
    length = source.randint(int(least), int(most))
    return bytes(source.choices(b"abcdefghijklmnopqrstuvwxyz0123456789 -_/.,;", k=length))


@generator
def address(source):
    """An address of either family, in several notations, sometimes none."""
    four = lambda: ".".join(str(source.choice([0, 1, 10, 127, 192, 255, source.randrange(256)])) for _ in range(4))  # noqa: E731
    six = lambda: ":".join(f"{source.choice([0, 0, 1, 0xffff, source.randrange(65536)]):x}" for _ in range(8))  # noqa: E731
    forms = [four, six, lambda: "::" + four(), lambda: "::ffff:" + four(), lambda: "2001:db8::" + f"{source.randrange(65536):x}"]
    forms += [lambda: f"2002:{source.randrange(65536):x}:{source.randrange(65536):x}::", lambda: four() + "." + "1", lambda: four()[:-1]]
    return source.choice(forms)().encode()


WORDS = ["a", "b", "", "bc", "12", "12abc", "-5", "+3", " 7", "1.2.3.4", "1.2.3.4:80", "1.2.3.4:99999", "1.2.3.4:", "[::1]", "[::1]:22", "::1", "[::1",
         '"a,b"', '"a;b"', '"x\\"y"', "a b", "a=b", "%20", "256.1.1.1", "::ffff:1.2.3.4", "9223372036854775808", "99999999999999999999", "0x10", "\t",
         "\xe9", '"unterminated', '"1.2.3.4"', "b,", "host", "_hidden", "a;b", "unknown", "00012", ":80"]  # fmt: skip
COOKIES = ["$Version=1", "a", "=x", "a =1", 'a= "q;r" ', "", " ", "A=3", "a=", "a=\t", "b=2", 'a="u;v', "a=1"]


def parameters(source):
    """`name=value` pairs with any of the separators between them."""
    pairs = [
        source.choice(["a", "b", "n", "A", "", "a%20", "n"]) + source.choice(["=", "=", ""]) + source.choice(["b", "12", "", "12x", "a=b", "x/y", "%41", '"q"', "-4"])
        for _ in range(source.randint(1, 4))
    ]
    return source.choice(["&", "&", ";", "/", "?", "&&"]).join(pairs)


def authorization(source):
    """A value of the header of that name, good or bad."""
    import base64

    who = source.choice(["u:p", "u:", "u", ":p", "u:p:q", "", "v:w", "u:wrong", "w:zz", "h:secret", "h:other", "s:secret", "s:x", "m:secret", "m:x", "d:secret", "d:x", "e:secret", "x" * 1100 + ":p"])
    token = base64.b64encode(who.encode()).decode()
    scheme = source.choice(["Basic ", "basic  ", "Basic", "Bearer ", "bearer  ", "Bearer", "Digest ", "BASIC ", "Basic\t"])
    return scheme + source.choice([token, token, token, token + "=", token[:-1], "!!", "a b", ""])


@generator
def http_request(source):
    """A request, ordinary or odd: target, fields, cookies, credentials, a body by length or in chunks."""
    method = source.choice(["GET", "GET", "POST", "PUT", "OPTIONS", "FOO", "DELETE"])
    host = source.choice(["ex.org", "ex.org:80", "EX.org", "1.2.3.4", "1.2.3.4:81", "[::1]", "[::1]:82"])
    target = source.choice(["/", "/a", "/a/b", "/a;b=c", "/a//b/", "/%2e", "/a;a=b;n=12", "//x/y", "/a,b", "/~", "/a@b"])
    target += source.choice(["", "", "?"]) or source.choice(["", "?" + parameters(source)])
    if source.random() < 0.15:
        target = source.choice(["http", "https", "HTTP", "ftp"]) + "://" + host + source.choice([target, target, ""])
    elif method == "OPTIONS" and source.random() < 0.5:
        target = "*"
    fields = [source.choice(["Host", "host"]) + ": " + host]
    for _ in range(source.randint(0, 3)):
        values = [source.choice(WORDS) for _ in range(source.choice([1, 1, 1, 2, 3, 4]))]
        fields.append(source.choice(["X", "x", "Y", "X"]) + source.choice([": ", ":", ":  "]) + source.choice([", ", ",", " ,", "; ", ";"]).join(values))
    for _ in range(source.choice([0, 0, 1, 1, 2])):
        cookies = [source.choice(COOKIES) if source.random() < 0.5 else source.choice("aab") + "=" + source.choice(WORDS) for _ in range(source.choice([0, 1, 2, 3, 5]))]
        fields.append(source.choice(["Cookie", "cookie"]) + ": " + source.choice(["; ", ";", ", "]).join(cookies))
    if source.random() < 0.3:
        fields.append("Authorization: " + authorization(source))
    body = b""
    if method in ("POST", "PUT", "FOO") and source.random() < 0.8:
        body = source.choice([parameters(source), parameters(source), "a=" + "x" * source.choice([10, 1000])]).encode()
        if source.random() < 0.4:
            fields.append("Transfer-Encoding: chunked")
            chunks = []
            while body:
                size = source.choice([1, 3, 10, 1000])
                chunks.append(b"%x%s\r\n%s\r\n" % (len(body[:size]), source.choice([b"", b"", b";ext=1"]), body[:size]))
                body = body[size:]
            body = b"".join(chunks) + b"0\r\n\r\n"
        else:
            fields.append(f"Content-Length: {len(body)}")
    head = f"{method} {target} HTTP/1.1\r\n" + "\r\n".join(fields) + "\r\n\r\n"
    return head.encode("latin-1") + body
