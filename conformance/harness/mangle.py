"""Seeded HTTP/1 messages that are broken, odd, or barely right: what the differential run sends."""

METHODS = [b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"TRACE", b"DELETE", b"PATCH", b"BREW", b"get", b"G\x00T", b"", b"M" * 300,
           b"GE\tT", b"G(T", b"PRI", b"CONNECT"]
TARGETS = [b"/", b"/a?b=c", b"*", b"", b"//", b"/a b", b"/a\tb", b"/\x00", b"/\x7f", b"/\xc3\xa9", b"/#frag", b"/?#", b"a", b"?", b"#",
           b"http://a.example/", b"http://a.example", b"http://a.example:80/", b"http://user@a.example/", b"http:///x", b"http:/x", b"HTTP://A.example/x",
           b"http://b.example/", b"https://a.example/", b"ftp://a.example/", b"http://[::1]/", b"http://a.example?x", b"http://a.example#x", b"a.example:443", b"a.example",
           b"/%zz", b"/%00", b"/..//.", b"/\\", b"/" + b"x" * 2000, b"://", b"http://a.example:/", b"http://:80/"]
VERSIONS = [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"HTTP/1", b"HTTP/1.", b"HTTP/11.1", b"HTTP/1.01", b"http/1.1", b"XTTP/1.1", b"HTTP/a.b",
            b"RTSP/1.0", b"", b"HTTP/1.1 ", b"HTTP/9.9", b"HTTP/1.1x", b"HTTP/ 1.1"]
ENDS = [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b" \r\n", b"\t\r\n"]
NAMES = [b"X-A", b"x-a", b"X_A", b"X A", b"X-A ", b" X-A", b"\tX-A", b"", b"X\x00A", b"X\x7fA", b"X\xe9A", b"X(A", b"X/A", b"X;A", b"X\"A", b"X-A\x0b", b"A" * 200]
VALUES = [b"v", b"", b" v ", b"\tv\t", b"a\x00b", b"a\x01b", b"a\x7fb", b"a\xffb", b"a\rb", b"a\nb", b"a\x0bb", b"a\x0cb", b"a\x1fb", b"a\r\n b", b"a\r\n\tb", b"a\r\n\r\n", b":", b",,", b"\xc2\xa0"]
LENGTHS = [b"0", b"5", b"5, 5", b"5,5", b"5, 6", b"+5", b"-5", b"0x5", b"5 ", b" 5", b"", b"05", b"5.0", b"5e0", b"5;", b"99999999999999999999", b"18446744073709551616",
           b"18446744073709551615", b"9223372036854775808", b"5 5", b"\t5", b"5\x0b", b"5,", b",5", b"\"5\"", b"1 2"]
CODINGS = [b"chunked", b"Chunked", b"CHUNKED", b"chunked, chunked", b"gzip, chunked", b"chunked, gzip", b"gzip", b"identity", b"chunked;q=1", b"", b"xchunked", b"chunkedx",
           b"\x0bchunked", b"chunked\x0b", b",chunked", b"chunked,", b"identity, chunked", b"\"chunked\"", b"chunked chunked", b"trailers, chunked", b"deflate,chunked"]
CONNECTIONS = [b"close", b",x-a", b"x-a,,y", b", ,", b",close", b" , x-a", b"x-a,",  b"keep-alive", b"Close", b"close, keep-alive", b"upgrade", b"x-a", b"content-length", b"transfer-encoding", b"te", b"host", b"", b",", b"close,", b"upgrade, close", b"keep-alive, x-b", b"proxy-connection"]
HOSTS = [b"a.example", b"a.example:80", b"a.example:", b"a.example:99999", b"", b"a b", b"a.example, b.example", b"user@a.example", b"[::1]", b"[::1]:80", b"A.EXAMPLE", b"a.example/", b"a.example?", b"a\x00b", b"a.example:8x", b"*", b"-", b"\xe9", b"a.example:080"]
OTHERS = [(b"Host", b"a b"), (b"Upgrade", b"websocket"), (b"Upgrade", b"h2c"), (b"HTTP2-Settings", b"AAMAAABkAAQAAP__"), (b"Expect", b"100-continue"), (b"Expect", b"200-ok"), (b"Expect", b""), (b"TE", b"trailers"),
          (b"TE", b"trailers, deflate"), (b"Trailer", b"X-T"), (b"Keep-Alive", b"timeout=5"), (b"Proxy-Connection", b"keep-alive"), (b"Content-Type", b"text/plain"), (b"Accept", b"*/*"), (b"Cookie", b"a=b"),
          (b"Max-Forwards", b"0"), (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="), (b"Sec-WebSocket-Version", b"13"), (b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked")]
SIZES = [b"5", b"05", b"0005", b"5;a=b", b"5 ;a", b"5 ", b" 5", b"+5", b"-5", b"0x5", b"5\t", b"5;\"q\"", b"5;a=\"\x00\"", b"A", b"a", b"FFFFFFFFF", b"FFFFFFFFFFFFFFFFF", b"10000000000000005", b"", b"g", b"5;\n", b"5;x\x01", b"5\x00", b"5,5", b"5;" + b"e" * 300]
STATUSES = [b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1  200 OK", b"HTTP/1.1 99 Low", b"HTTP/1.1 1000 High", b"HTTP/1.1 600 Six", b"HTTP/1.1 20x OK", b"HTTP/1.1 -20 OK",
            b"HTTP/1.1 204 No", b"HTTP/1.1 304 Not", b"HTTP/1.1 205 Reset", b"HTTP/1.1 101 Switching", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK",
            b"HTTP/1.1 199 Odd\r\n\r\nHTTP/1.1 200 OK", b"HTTP/2.0 200 OK", b"HTTP/1.2 200 OK", b"HTTP/0.9 200 OK", b"http/1.1 200 OK", b"ICY 200 OK", b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 200 O\tK", b"HTTP/1.1 200 O\x01K", b"HTTP/1.1 200 \xe9",
            b"\r\nHTTP/1.1 200 OK", b"HTTP/1.1\t200\tOK", b"HTTP/1.1 000 Zero", b"HTTP/11 200 OK", b"RTSP/1.0 200 OK", b" HTTP/1.1 200 OK", b"garbage", b"", b"HTTP/1.1 200 " + b"r" * 500]


def request(random):
    """The bytes of one request, and whether more than one message may be in it."""
    method = pick(random, METHODS, b"GET", 0.8)
    target = pick(random, TARGETS, b"/", 0.7)
    version = pick(random, VERSIONS, b"HTTP/1.1", 0.8)
    gap = random.choice([b" "] * 12 + [b"  ", b"\t", b"", b"\x0b"])
    fields = [(b"Host", pick(random, HOSTS, b"a.example", 0.7))] if random.random() < 0.93 else []
    fields += some_fields(random, HOSTS)
    body, framing = a_body(random, method not in (b"GET", b"HEAD") or random.random() < 0.2)
    head = method + gap + target + gap + version
    if random.random() < 0.03:
        head = method + b" " + target
    text = random.choice([b""] * 20 + [b"\r\n", b"\n", b"\r\n\r\n", b"\r", b" "]) + laid_out(random, head, fields + framing) + body
    if random.random() < 0.1:
        text += b"GET /second HTTP/1.1\r\nHost: a.example\r\n\r\n"
    return bytes(bitten(random, text))


def response(random):
    """The bytes of one response."""
    status = pick(random, STATUSES, b"HTTP/1.1 200 OK", 0.6)
    body, framing = a_body(random, random.random() < 0.8)
    text = laid_out(random, status, some_fields(random, None) + framing) + body
    if random.random() < 0.08:
        text += b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"
    return bytes(bitten(random, text))


def pick(random, odd, usual, share):
    """The usual one in most cases, else one of the odd."""
    return usual if random.random() < share else random.choice(odd)


def some_fields(random, hosts):
    """A few fields, odd ones among them."""
    fields = []
    for _ in range(random.choice([0, 0, 1, 1, 2, 3])):
        kind = random.randrange(6)
        if kind == 0:
            fields.append((random.choice(NAMES), b"v"))
        elif kind == 1:
            fields.append((b"X-A", random.choice(VALUES)))
        elif kind == 2:
            fields.append((b"Connection", random.choice(CONNECTIONS)))
        elif kind == 3 and hosts and random.random() < 0.4:
            fields.append((b"Host", random.choice(hosts)))
        else:
            fields.append(random.choice(OTHERS))
    return fields


def a_body(random, wanted):
    """A body and the fields that frame it, rightly or not."""
    if not wanted:
        return b"", []
    kind = random.randrange(8)
    if kind < 3:
        length = pick(random, LENGTHS, b"5", 0.6)
        fields = [(b"Content-Length", length)]
        if random.random() < 0.15:
            fields.append((b"Content-Length", random.choice(LENGTHS)))
        return random.choice([b"hello"] * 6 + [b"hell", b"hello!", b""]), fields
    coding = pick(random, CODINGS, b"chunked", 0.7)
    fields = [(b"Transfer-Encoding", coding)]
    if random.random() < 0.12:
        fields.append(random.choice([(b"Content-Length", b"5"), (b"Transfer-Encoding", random.choice(CODINGS)), (b"content-length", b"x")]))
    random.shuffle(fields)
    return chunks(random), fields


def chunks(random):
    """A chunked body that may be broken."""
    parts = []
    for _ in range(random.choice([1, 1, 2])):
        size = pick(random, SIZES, b"5", 0.7)
        parts += [size, pick(random, ENDS, b"\r\n", 0.9), b"hello", pick(random, ENDS + [b"", b"x"], b"\r\n", 0.9)]
    parts += [random.choice([b"0"] * 8 + [b"00", b"0;x", b"0 ", b"000000000000000000", b"-0", b""]), pick(random, ENDS, b"\r\n", 0.93)]
    for _ in range(random.choice([0, 0, 0, 1, 2])):
        parts += [pick(random, NAMES + [b"Content-Length", b"Transfer-Encoding", b"Host", b"Upgrade", b"Connection", b"TE", b"Expect"], b"X-T", 0.6), b": ", pick(random, VALUES + HOSTS + CONNECTIONS, b"t", 0.5), b"\r\n"]
    parts.append(pick(random, ENDS, b"\r\n", 0.95))
    return b"".join(parts)


def laid_out(random, first, fields):
    """A head: lines and their ends."""
    lines = [first] + [name + random.choice([b": "] * 12 + [b":", b" : ", b" ", b":\t", b""]) + value for name, value in fields]
    usual = random.random() < 0.9
    out = bytearray()
    for line in lines:
        out += line + (b"\r\n" if usual or random.random() < 0.8 else random.choice(ENDS))
    return bytes(out + pick(random, ENDS, b"\r\n", 0.97))


def bitten(random, text):
    """The text, sometimes with a byte changed, lost or doubled."""
    text = bytearray(text)
    if text and random.random() < 0.15:
        at = random.randrange(min(len(text), 400))
        match random.randrange(4):
            case 0:
                text[at] = random.randrange(256)
            case 1:
                del text[at]
            case 2:
                text.insert(at, random.choice(b"\r\n\t \x00:,;=\"\x7f\x80"))
            case 3:
                del text[at:]
    return text
