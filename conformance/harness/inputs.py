"""Generators of inputs for sample files: each takes a source of random numbers and gives the bytes of one input."""

import struct

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


@generator
def base64(source):
    """Base64 of either alphabet, with and without padding, sometimes with one wrong letter."""
    import base64 as codec

    encode = source.choice([codec.b64encode, codec.urlsafe_b64encode])
    text = bytearray(encode(source.randbytes(source.randint(0, 12))))
    if source.random() < 0.4:
        text = text.rstrip(b"=")
    if text and source.random() < 0.3:
        text[source.randrange(len(text))] = source.choice(b"=+/-_ A9*")
    return bytes(text)


@generator
def json(source):
    """JSON around the names a and b, some of it broken."""
    def value(depth):
        kind = source.randrange(9 if depth < 4 else 6)
        if kind == 0:
            return source.choice(["true", "false", "null", "nul", "True"])
        if kind <= 2:
            return source.choice([str(source.randint(-(2**65), 2**65)), str(source.randint(-9, 2000000)), repr(source.uniform(-1000, 1000)), f"{source.uniform(-9, 9):e}", "0", "-0", "1E5", "0.5"])
        if kind <= 5:
            return '"' + "".join(source.choice(["a", "b", "é", "\\n", "\\u00e9", "\\\\", '\\"', " ", "\\/", "\\u2028", "x"]) for _ in range(source.randint(0, 5))) + '"'
        if kind == 6:
            return "[" + space() + ",".join(space() + value(depth + 1) for _ in range(source.randint(0, 3))) + "]"
        return "{" + ",".join(f'{space()}"{source.choice(["a", "b", "a.b", "c"])}"{space()}:{space()}{value(depth + 1)}' for _ in range(source.randint(0, 3))) + space() + "}"

    def space():
        return source.choice(["", "", "", " ", "\t", "\n "])

    made = '{"a":' + value(0) + "}" if source.random() < 0.5 else value(0)
    return spoiled(source, made.encode(), 0.2, b'{}[],:" 0ae\\')


def spoiled(source, data, share, letters=None):
    """The data with a byte changed, lost or added, or cut; in a share of the cases."""
    if not data or source.random() >= share:
        return data
    at = source.randrange(len(data))
    byte = bytes([source.choice(letters) if letters else source.randrange(256)])
    return source.choice([data[:at], data[:at] + data[at + 1 :], data[:at] + byte + data[at + 1 :], data[:at] + byte + data[at:], data + byte])


@generator
def node(source):
    """A node of a Forwarded field."""
    name = source.choice(["unknown", "_a", "_b.c-d", "_", "1.2.3.4", "255.255.255.255", "1.2.3", "1.2.3.400", "[::1]", "[2001:db8::1]", "[1.2.3.4]", "[::ffff:1.2.3.4]", "[]", "", "abc", "Unknown"])
    port = source.choice(["", "", ":80", ":0", ":65535", ":65536", ":_p", ":_", ":", ":080", ":x", "x"])
    return (name + port).encode()


@generator
def forwarded(source):
    """A Forwarded field, near what is valid."""
    parts = []
    for _ in range(source.randint(1, 4)):
        name = source.choice(["for", "by", "host", "proto", "For", "x"] if source.random() < 0.2 else ["for", "by", "host", "proto"])
        if name in ("for", "by"):
            value = node(source).decode()
        elif name == "host":
            value = source.choice(["a.b", "a.b:80", "[::1]:80", "1.2.3.4", "", "a_b", "a b", "A-b.C", "a~b", "a:", "a:0", "[::1]"])
        else:
            value = source.choice(["http", "https", "http", "https", "HTTP", "ftp", ""])
        if source.random() < (0.6 if ":" in value else 0.2):
            value = f'"{value}"'
        parts.append(f"{name}={value}")
    return spoiled(source, source.choice([";", ";", ";", ";", "; ", ","]).join(parts).encode(), 0.1, b'";=, a:').strip()


def varint(number):
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while True:
        low, number = number & 0x7F, number >> 7
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


@generator
def protobuf(source, depth="0"):
    """A protocol buffer whose fields have small numbers."""
    out = b""
    for _ in range(source.randint(1, 3)):
        number, wire = source.choice([1, 1, 2, 3, 1000]), source.choice([0, 1, 2, 2, 5])
        out += varint(number << 3 | wire)
        if wire == 0:
            out += varint(source.choice([0, 1, 127, 128, 300, 2**31, 2**32 - 1, 2**63, 2**64 - 1, source.getrandbits(64), source.getrandbits(10)]))
        elif wire == 1:
            out += struct.pack("<d", source.choice([0, 1.5, -2.25, 1e300, 9e18, 1e19, source.uniform(-1e6, 1e6)])) if source.random() < 0.5 else source.randbytes(8)
        elif wire == 5:
            out += struct.pack("<f", source.choice([0, 1.5, -2.25, 1e30, source.uniform(-1e6, 1e6)])) if source.random() < 0.5 else source.randbytes(4)
        else:
            inner = protobuf(source, str(int(depth) + 1)) if int(depth) < 2 and source.random() < 0.6 else source.randbytes(source.randint(0, 6))
            out += varint(len(inner)) + inner
    return spoiled(source, out, 0.1 if depth == "0" else 0)


@generator
def grpc(source):
    """Messages of gRPC."""
    out = b""
    for _ in range(source.randint(1, 2)):
        inner = protobuf(source)
        out += bytes([source.choice([0, 0, 1])]) + struct.pack(">I", len(inner)) + inner
    return spoiled(source, out, 0.15)


@generator
def fix(source):
    """A FIX message, its length and sum mostly right."""
    fields = [f"35={source.choice(['A', '0', 'D', ''] if source.random() < 0.1 else ['A', '0', 'D'])}"]
    for _ in range(source.randint(0, 4)):
        fields.append(f"{source.choice([49, 56, 34, 52, 58, 8, 10, 'x', ''] if source.random() < 0.2 else [49, 56, 34, 52, 58])}={source.choice(['BANK', 'x=y', '1', 'a b'])}")
    if source.random() < 0.1:
        source.shuffle(fields)
    body = "".join(field + "\x01" for field in fields)
    length = len(body) + (source.choice([-1, 1, 5]) if source.random() < 0.1 else 0)
    version = source.choice(["FIX.4.0", "FIX.4.1", "FIX.4.2", "FIX.4.3", "FIX.4.4", "FIXT.1.1", "FIX.5.0", "FIX.4.5", "fix.4.4"])
    head = f"8={version}\x019={length}\x01{body}"
    total = sum(head.encode()) % 256 + (1 if source.random() < 0.1 else 0)
    return spoiled(source, (head + f"10={total:03}\x01").encode(), 0.25, b"\x01=0189")


@generator
def mqtt(source):
    """A packet of MQTT, mostly CONNECT or CONNACK."""
    def text(data=None):
        data = source.choice([b"", b"client", b"a/b", b"\xff\x00x", b"user"]) if data is None else data
        return struct.pack(">H", len(data)) + data

    shapes = {1: 1, 2: 4, 3: 0, 8: 0, 9: 0, 17: 4, 18: 0, 19: 2, 21: 0, 22: 0, 23: 1, 24: 4, 25: 1, 26: 0, 28: 0, 31: 0, 33: 2, 34: 2, 36: 1, 37: 1, 38: -1, 39: 4, 40: 1, 41: 1, 42: 1}

    def properties(known):
        numbers = source.sample(known, source.randint(0, min(4, len(known))))
        if source.random() < 0.1:
            numbers.append(source.choice(list(shapes) + [0, 50]))
        out = b""
        for number in numbers:
            shape = shapes.get(number, 1)
            value = text() + text() if shape < 0 else text() if shape == 0 else source.choice([b"\0" * shape, b"\0" * (shape - 1) + b"\1", source.randbytes(shape)])
            out += bytes([number]) + value
        return varint(len(out)) + out

    if source.random() < 0.7:
        name, version = source.choice([(b"MQTT", 4), (b"MQTT", 5), (b"MQTT", 5), (b"MQIsdp", 3), (b"MQTT", 3), (b"MQIsdp", 4), (b"mqtt", 4), (b"MQTT", 6)] if source.random() < 0.3 else [(b"MQTT", 4), (b"MQTT", 5), (b"MQIsdp", 3)])
        will, user, password = source.random() < 0.5, source.random() < 0.5, source.random() < 0.5
        quality = source.choice([0, 1, 2]) if will else 0
        flags = will << 2 | quality << 3 | (will and source.random() < 0.5) << 5 | password << 6 | user << 7 | source.choice([0, 2])
        if source.random() < 0.1:
            flags = source.randrange(256)
        body = text(name) + bytes([version, flags]) + struct.pack(">H", source.choice([0, 60, 65535]))
        if version == 5:
            body += properties([17, 33, 39, 34, 25, 23, 21, 22, 38])
        body += text()
        if will:
            body += (properties([24, 1, 2, 3, 8, 9, 38]) if version == 5 else b"") + text() + text()
        body += (text() if user else b"") + (text() if password else b"")
        kind = 0x10
    else:
        body = bytes([source.choice([0, 1, 0, 1, 2]), source.choice([0, 1, 5, 0x80, 0x87, 255])])
        if source.random() < 0.6:
            body += properties([17, 33, 36, 37, 39, 18, 34, 31, 38, 40, 41, 42, 19, 26, 28, 21, 22])
        kind = 0x20
    if source.random() < 0.05:
        kind = source.randrange(256)
    return spoiled(source, bytes([kind]) + varint(len(body)) + body, 0.15)


@generator
def date(source):
    """A date of HTTP in one of its three forms, sometimes spoiled."""
    day, month, year = source.randint(1, 31), source.choice("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()), source.choice([1970, 1999, 2000, 2024, 2038, 2100, source.randint(1970, 2500)])
    long = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split()
    name = source.choice(long)
    clock = f"{source.randint(0, 23):02}:{source.randint(0, 59):02}:{source.randint(0, 59):02}"
    forms = [f"{name[:3]}, {day:02} {month} {year} {clock} GMT", f"{name}, {day:02}-{month}-{source.randint(70, 99)} {clock} GMT", f"{name[:3]} {month} {day:2} {clock} {year}"]
    return spoiled(source, source.choice(forms).encode(), 0.3, b" 0159:,-xS").strip()


@generator
def language(source):
    """An Accept-Language field."""
    parts = []
    for _ in range(source.randint(1, 4)):
        part = source.choice(["fr", "en", "en-US", "fr-CA", "de", "en-GB", "EN", "*", "fr-FR-x"])
        if source.random() < 0.6:
            part += source.choice([";q=", "; q=", " ;q = ", ";Q="]) + source.choice(["0", "1", "0.5", "0.9", "0.001", "0.55", "1.0", "0.9999", ".5", "x", ""])
        parts.append(part)
    return source.choice([",", ", ", " , "]).join(parts).encode()


@generator
def jwt(source, key="secret", algorithm="HS256"):
    """A JSON Web Token signed with HMAC, some of them spoiled."""
    import base64 as codec
    import hashlib
    import hmac

    def part(data):
        return codec.urlsafe_b64encode(data).rstrip(b"=")

    header = source.choice([b'{"alg":"%s","typ":"JWT"}' % algorithm.encode(), b'{"alg":"none"}', b"{}", b"not json"])
    payload = source.choice([b'{"iss":"me","exp":1700000000,"admin":true,"roles":["a","b"]}', b'{"iss":"' + text(source).replace(b'"', b"") + b'"}', b"", b"\xff\x00"])
    message = part(header) + b"." + part(payload)
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
    made = message + b"." + part(hmac.new(key.encode(), message, digest).digest())
    if source.random() < 0.1:
        made = source.choice([message, message + b".", made + b".x", b"." + made, message + b"..", b"..", b"a.b.c"])
    return spoiled(source, made, 0.25, b"Aa0-_.=")


@generator
def http_response(source):
    """A response, ordinary or odd: status, fields, cookies, a body by length, in chunks or to the end of the connection."""
    status = source.choice(["200 OK", "200", "204 No Content", "404 Not Found", "500 ", "301 Moved  twice", "999 x", "299 \t", "200 caf\xe9"])
    fields = []
    for _ in range(source.randint(0, 4)):
        values = [source.choice(WORDS) for _ in range(source.choice([1, 1, 1, 2, 3, 4]))]
        fields.append(source.choice(["X", "x", "Y", "Server", "Date"]) + source.choice([": ", ":", ":  "]) + source.choice([", ", ",", " ,", "; "]).join(values))
    for _ in range(source.choice([0, 0, 1, 1, 2, 3])):
        cookie = source.choice(COOKIES) if source.random() < 0.5 else source.choice("aabA") + "=" + source.choice(WORDS)
        cookie += source.choice(["", "; path=/", ";Secure", "; a=2", ", b=3", "; expires=Thu, 01 Jan 1970 00:00:00 GMT"])
        fields.append(source.choice(["Set-Cookie", "set-cookie", "Set-Cookie2"]) + ": " + cookie)
    body = b"" if status.startswith("204") else source.randbytes(source.choice([0, 1, 7, 100]))
    kind = source.randrange(3)
    if status.startswith("204"):
        pass
    elif kind == 0:
        fields.append(f"Content-Length: {len(body)}")
    elif kind == 1:
        fields.append("Transfer-Encoding: chunked")
        size = source.choice([1, 3, 60])
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    source.shuffle(fields)
    version = source.choice(["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"])
    if version == "HTTP/1.0" and kind == 1:
        version = "HTTP/1.1"
    return (f"{version} {status}\r\n" + "".join(field + "\r\n" for field in fields) + "\r\n").encode("latin-1") + body


def sized(data, bytes_of_length, spoil=0):
    """Data behind its length."""
    return (max(0, len(data) + spoil)).to_bytes(bytes_of_length, "big") + data


@generator
def hello(source, side="client"):
    """A record with the hello of a TLS client or server, in the old form at times, some of them spoiled or cut."""
    slip = lambda: source.choice([-2, -1, 1, 3, 200]) if source.random() < 0.02 else 0  # noqa: E731
    if side == "client" and source.random() < 0.06:
        ciphers = source.randbytes(3 * source.randint(1, 4))
        inner = b"\x01" + source.choice([b"\x00\x02", b"\x03\x00", b"\x03\x01"]) + sized(ciphers, 2)[:2] + b"\0\0" + b"\0\x10" + ciphers + source.randbytes(16)
        return spoiled(source, bytes([0x80, len(inner)]) + inner, 0.2)
    extensions = []
    names = b"".join(bytes([source.choice([0, 0, 0, 1])]) + sized(source.choice([b"example.org", b"A.b", b"", b"x" * 60, b"\xff\x00"]), 2, slip()) for _ in range(source.choice([1, 1, 1, 2])))
    protocols = b"".join(sized(source.choice([b"h2", b"http/1.1", b"", b"x" * 30]), 1, slip()) for _ in range(source.randint(1, 3)))
    numbers = lambda most: b"".join(source.choice([b"\x00\x1d", b"\x00\x17", b"\x0a\x0a", b"\x04\x03", source.randbytes(2)]) for _ in range(source.randint(0, most)))  # noqa: E731
    shares = b"".join(numbers(1)[:2].rjust(2, b"\0") + sized(source.randbytes(source.choice([0, 1, 32])), 2, slip()) for _ in range(source.randint(0, 3)))
    for kind, body in (
        (0, sized(names, 2, slip())), (16, sized(protocols, 2, slip())), (10, sized(numbers(5), 2, slip())), (13, sized(numbers(6), 2, slip())),
        (51, sized(shares, 2, slip())), (35, source.randbytes(source.choice([0, 0, 16]))), (11, b"\x01\x00"), (43, sized(source.choice([b"\x03\x04", b"\x03\x04\x03\x03", b"\x0a\x0a\x03\x04", b"\x7f\x1c"]), 1, slip())),
        (65281, b"\0"), (21, b"\0" * source.choice([0, 40])),
    ):  # fmt: skip
        if source.random() < 0.6:
            extensions.append(kind.to_bytes(2, "big") + sized(body, 2, slip()))
    source.shuffle(extensions)
    version = source.choice([b"\x03\x03", b"\x03\x03", b"\x03\x01", b"\x03\x00", b"\x03\x04", b"\x02\x00"])
    body = version + source.randbytes(32) + sized(source.randbytes(source.choice([0, 32])), 1, slip())
    body += sized(numbers(8), 2, slip()) + sized(b"\0", 1, slip()) if side == "client" else b"\x13\x01\0"
    if source.random() < 0.95:
        body += sized(b"".join(extensions), 2, slip())
    kind = source.choice([1, 1, 1, 1, 1, 0, 2, 11]) if source.random() < 0.2 else 1 if side == "client" else 2
    record = bytes([source.choice([22, 22, 22, 22, 22, 20, 21, 23]) if source.random() < 0.2 else 22]) + source.choice([b"\x03\x01", b"\x03\x01", b"\x03\x03", b"\x03\x00", b"\x03\x05", b"\x02\x00"])
    record += sized(bytes([kind]) + sized(body, 3, slip()), 2, slip())
    if source.random() < 0.1:
        record = record[: source.randint(0, len(record))]
    elif source.random() < 0.1:
        record += source.randbytes(5)
    return spoiled(source, record, 0.15)


@generator
def rdp(source):
    """The first packet of a remote desktop client, with or without its cookie."""
    cookie = source.choice(["Cookie: ", "cookie: ", "Cookie:", "Cookie: "]) + source.choice(["mstshash", "MSTS", "MSTSHash", "x", ""]) + source.choice(["=", "=", "=", " = ", ""])
    cookie += source.choice(["user", "3640205228.15629.0000", "a b", "", "u\x80", "x" * 100]) + source.choice(["\r\n", "\r\n", "\r\n", "\n", "\r", ""])
    data = cookie.encode("latin-1") if source.random() < 0.9 else b""
    data += source.choice([b"", b"\x01\0\x08\0\x03\0\0\0"])
    inner = bytes([source.choice([0xE0, 0xE0, 0xE0, 0xD0])]) + source.choice([b"\0\0\0\0\0", b"\0\0\0\0\0", b"\0\0\0\0\1"]) + data
    inner = bytes([(len(inner) + (source.choice([-1, 1]) if source.random() < 0.1 else 0)) & 255]) + inner
    packet = source.choice([b"\x03\0", b"\x03\0", b"\x03\0", b"\x02\0", b"\x03\x01"]) + (len(inner) + 4 + (source.choice([-1, 1]) if source.random() < 0.1 else 0)).to_bytes(2, "big") + inner
    return spoiled(source, packet, 0.15)


@generator
def distcc(source, spoil="0.2"):
    """What a distcc client sends: tokens with a parameter, most of them followed by as many bytes."""
    counts = (b"DIST", b"ARGC", b"DONE", b"STAT", b"NFIL")
    out = b""
    for _ in range(source.randint(1, 6)):
        token = source.choice([b"DIST", b"ARGC", b"ARGV", b"ARGV", b"DOTI", b"DONE", b"STAT", b"SERR", b"argc", b"\0\0\0\0", b"NFIL", b"FILE"])
        body = b"" if token in counts else source.randbytes(source.choice([0, 1, 5, 20]))
        number = source.choice([0, 1, 3, 2**31, 2**32 - 1]) if token in counts else len(body)
        form = b"%08X" if source.random() < 0.2 else b"%08x"
        out += token + form % number + body
    return spoiled(source, out, float(spoil), b"0aF ARGVxz")
