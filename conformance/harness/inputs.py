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
