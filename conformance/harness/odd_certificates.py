"""Certificates as they may be and hardly are: names in every string type, with what has to be escaped, several values in one, long and
short serial numbers, dates far away, alternative names of all kinds. Each is made from a seed."""
import random
import subprocess

# Kinds of names, most of them with a short word in OpenSSL.
KINDS = ["2.5.4.3", "2.5.4.10", "2.5.4.11", "2.5.4.6", "2.5.4.7", "2.5.4.8", "2.5.4.9", "2.5.4.5", "2.5.4.12", "2.5.4.4", "2.5.4.42", "2.5.4.17",
         "1.2.840.113549.1.9.1", "0.9.2342.19200300.100.1.25", "0.9.2342.19200300.100.1.1", "1.2.3.4.5.6"]
UTF8, PRINTABLE, T61, IA5, BMP, UNIVERSAL = 0x0C, 0x13, 0x14, 0x16, 0x1E, 0x1C
PLAIN = ["a", "Example", "Some Name", "x" * 40, "1.2.3", "name@host.example", "ABC-123"]
ESCAPED = [" leading", "trailing ", "#hash", "a,b", "a+b", 'a"b', "a\\b", "a<b>c", "a;b", "a=b", "a/b", "/CN=c", "tab\there", "line\nfeed", "\x7f", "", " "]
WIDE = ["ü", "Müller", "日本語", "ﬀ", "é,à", "naïve café", "Ω=x"]


def value(tag, *parts):
    """A value of DER."""
    body = b"".join(parts)
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([0x80 | (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + length + body


def identifier(text):
    """An object identifier."""
    first, second, *rest = map(int, text.split("."))
    body = bytes([first * 40 + second])
    for number in rest:
        piece = [number & 127]
        while number := number >> 7:
            piece.insert(0, 128 | number & 127)
        body += bytes(piece)
    return value(6, body)


def text(chance):
    """A string of some type."""
    kind = chance.choice([UTF8, UTF8, UTF8, PRINTABLE, IA5, T61, BMP, UNIVERSAL])
    words = PLAIN if kind == PRINTABLE else PLAIN + ESCAPED if kind in (IA5, T61) else PLAIN + ESCAPED + WIDE
    word = chance.choice(words)
    encoding = {UTF8: "utf-8", BMP: "utf-16-be", UNIVERSAL: "utf-32-be"}.get(kind, "ascii")
    return value(kind, word.encode(encoding))


def name(chance, most):
    """A distinguished name."""
    sets = []
    for _ in range(chance.randint(0, most)):
        pairs = [value(0x30, identifier(chance.choice(KINDS)), text(chance)) for _ in range(chance.choice([1, 1, 1, 2]))]
        sets.append(value(0x31, *sorted(pairs)))
    return value(0x30, *sets)


def alternative(chance):
    """Alternative names."""
    kinds = [lambda: value(0x82, b"host.example"), lambda: value(0x81, b"a@b.example"), lambda: value(0x86, b"urn:x:y"),
             lambda: value(0x87, bytes([192, 0, 2, 7])), lambda: value(0x88, identifier("1.2.3.4")[2:]), lambda: value(0xA4, name(chance, 2)),
             lambda: value(0xA0, identifier("1.2.3.4"), value(0xA0, value(UTF8, "é".encode())))]
    return value(0x30, *[chance.choice(kinds)() for _ in range(chance.randint(1, 4))])


def extension(number, body):
    return value(0x30, identifier(number), value(4, body))


def make(base, signer, seed):
    """Writes BASE.crt, BASE.key and BASE.pem: a certificate of that seed, signed by SIGNER.key."""
    chance = random.Random(seed)
    run = lambda *command, data=None: subprocess.run(command, check=True, capture_output=True, input=data, timeout=20).stdout
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", base + ".key")
    public = run("openssl", "pkey", "-in", base + ".key", "-pubout", "-outform", "DER")
    subject_of = run("openssl", "x509", "-in", signer + ".crt", "-outform", "DER")
    serial = chance.choice([b"\x01", b"\x7f", b"\x00\x80", b"\x00\xff\x00", bytes([chance.randint(1, 127)]) + chance.randbytes(chance.randint(1, 19))])
    before = chance.choice([value(0x17, b"200101000000Z"), value(0x17, b"700101000000Z"), value(0x17, b"991231235959Z")])
    after = chance.choice([value(0x18, b"20500101000000Z"), value(0x18, b"99991231235959Z"), value(0x17, b"491231235959Z")])
    extensions = [extension("2.5.29.17", alternative(chance))] if chance.random() < 0.7 else []
    extensions += [extension("1.2.3.4.5", b"\x05\x00")] if chance.random() < 0.3 else []
    algorithm = value(0x30, identifier("1.2.840.10045.4.3.2"))
    body = value(0x30, value(0xA0, b"\x02\x01\x02"), value(2, serial), algorithm, subject(subject_of), value(0x30, before, after), name(chance, 6), public,
                 *([value(0xA3, value(0x30, *extensions))] if extensions else []))
    signature = run("openssl", "dgst", "-sha256", "-sign", signer + ".key", data=body)
    whole = value(0x30, body, algorithm, value(3, b"\x00", signature))
    certificate = run("openssl", "x509", "-inform", "DER", data=whole)
    with open(base + ".crt", "wb") as file:
        file.write(certificate)
    with open(base + ".key", "rb") as key, open(base + ".pem", "wb") as file:
        file.write(certificate + key.read())


def subject(whole):
    """The subject of a certificate, DER."""
    _, inside, _ = split(whole)
    _, inside, _ = split(inside)
    fields = []
    while inside:
        start = inside
        tag, _, inside = split(inside)
        if tag != 0xA0:
            fields.append(start[: len(start) - len(inside)])
    return fields[4]


def split(data):
    """Tag and contents of the first value, and what is behind it."""
    size, at = data[1], 2
    if size & 0x80:
        at = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:at], "big")
    return data[0], data[at : at + size], data[at + size :]
