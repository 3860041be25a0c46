"""Certificates that cases ask for, and TLS for clients and origins."""
import hashlib
import os
import ssl
import subprocess
import tempfile
import threading

_LOCK = threading.Lock()
_FOLDER = None


def write_certificate(world, section):
    """`== certificate NAME [rsa] [ca] [by=NAME] [names=a,b] [subject=/CN=x] [revoked=NAME]
    [ocsp=NAME [revoked-status]]`: NAME.crt, NAME.key and NAME.pem (both), with `revoked` NAME.crl, in which its signer revokes
    it, and with `ocsp` NAME.ocsp, in which its signer answers for it. They are made once per run of the harness, so that both sides have the same."""
    name, words = section.words[0], section.words[1:]
    with _LOCK:
        made = _made(name, words, world)
    for end in (".crt", ".key", ".pem", ".crl"):
        if os.path.exists(made + end):
            with open(made + end, "rb") as source, open(os.path.join(world.folder, name + end), "wb") as file:
                file.write(source.read())
    world.certificates[name] = made
    ocsp = dict(word.split("=", 1) for word in words if "=" in word).get("ocsp")
    words = [word if not word.startswith("signed=") else "signed=" + world.certificates[word[7:]] for word in words]
    if ocsp:
        with _LOCK:
            _respond(world.certificates[ocsp], made, words)
        with open(made + ".ocsp", "rb") as source, open(os.path.join(world.folder, name + ".ocsp"), "wb") as file:
            file.write(source.read())
    signer = dict(word.split("=", 1) for word in words if "=" in word).get("revoked")
    if signer:
        with _LOCK:
            _revoke(world.certificates[signer], made)
        with open(made + ".crl", "rb") as source, open(os.path.join(world.folder, name + ".crl"), "wb") as file:
            file.write(source.read())


def _made(name, words, world):
    global _FOLDER
    if _FOLDER is None:
        _FOLDER = tempfile.mkdtemp(prefix="certificates-")
    options = dict(word.split("=", 1) for word in words if "=" in word)
    signer = world.certificates[options["by"]] if "by" in options else None
    key = hashlib.sha1(repr((name, words, signer)).encode()).hexdigest()[:16]
    base = os.path.join(_FOLDER, key)
    if os.path.exists(base + ".pem"):
        return base
    kind = ["rsa:2048"] if "rsa" in words else ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    names = options.get("names", name).split(",")
    lines = ["[r]", "distinguished_name=d", "[d]", "[x]"]
    lines.append("subjectKeyIdentifier=hash")
    lines.append("basicConstraints=critical,CA:" + ("TRUE" if "ca" in words else "FALSE"))
    if "ca" not in words:
        alternative = ",".join(("IP:" if item.replace(".", "").isdigit() else "DNS:") + item for item in names)
        lines.append("subjectAltName=" + alternative)
    if "aia" in options:
        lines.append("authorityInfoAccess=OCSP;URI:" + options["aia"])
    if "answers" in words:
        lines.append("extendedKeyUsage=OCSPSigning")
    config = base + ".cnf"
    with open(config, "w", encoding="ascii") as file:
        file.write("\n".join(lines).replace("[r]", "[req]") + "\n")
    subject = options.get("subject", "/CN=" + names[0]).replace("_", " ")
    request = ["openssl", "req", "-new", "-newkey", *kind, "-nodes", "-keyout", base + ".key", "-subj", subject, "-config", config]
    dates = ["-days", "-1" if "expired" in words else "3650"]
    if "from" in options:
        dates = ["-not_before", options["from"], "-not_after", options["to"]]
    if signer is None and "from" not in options:
        _run([*request, "-x509", "-extensions", "x", *dates, "-out", base + ".crt"])
    else:
        _run([*request, "-out", base + ".csr"])
        sign = ["-CA", signer + ".crt", "-CAkey", signer + ".key", "-CAcreateserial"] if signer else ["-signkey", base + ".key"]
        _run(["openssl", "x509", "-req", "-in", base + ".csr", *sign, *dates, "-extfile", config, "-extensions", "x", "-out", base + ".crt"])
    with open(base + ".pem", "wb") as file:
        for end in (".crt", ".key"):
            with open(base + end, "rb") as part:
                file.write(part.read())
    return base


def _revoke(signer, certificate):
    """Makes CERTIFICATE.crl, the list of its signer that revokes it."""
    if os.path.exists(certificate + ".crl"):
        return
    shown = subprocess.run(["openssl", "x509", "-in", certificate + ".crt", "-noout", "-serial"], capture_output=True, timeout=20)
    serial = shown.stdout.decode().strip().partition("=")[2]
    with open(certificate + ".index", "w", encoding="ascii") as file:
        file.write(f"R\t350101000000Z\t250101000000Z\t{serial}\tunknown\t/CN=x\n")
    config = certificate + ".ca"
    with open(config, "w", encoding="ascii") as file:
        file.write(f"[ca]\ndefault_ca=c\n[c]\ndatabase={certificate}.index\ndefault_md=sha256\ndefault_crl_days=3650\n")
        file.write(f"crlnumber={certificate}.number\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid:always\n")
    with open(certificate + ".number", "w", encoding="ascii") as file:
        file.write("01\n")
    sign = ["-keyfile", signer + ".key", "-cert", signer + ".crt"]
    _run(["openssl", "ca", "-gencrl", "-config", config, *sign, "-out", certificate + ".crl"])


def _respond(issuer, certificate, words):
    """Makes CERTIFICATE.ocsp, in which its signer (or another one, `signed=PATH`) says that it is good, or revoked, or unknown to it, for
    30 days (`minutes=N`; 0 is without an end)."""
    options = dict(word.split("=", 1) for word in words if "=" in word)
    if os.path.exists(certificate + ".ocsp"):
        return
    shown = subprocess.run(["openssl", "x509", "-in", certificate + ".crt", "-noout", "-serial"], capture_output=True, timeout=20)
    serial = shown.stdout.decode().strip().partition("=")[2]
    state = "R\t350101000000Z\t250101000000Z" if "revoked-status" in words else "V\t350101000000Z\t"
    serial = "01" if "unknown-status" in words else serial
    with open(certificate + ".responder", "w", encoding="ascii") as file:
        file.write(f"{state}\t{serial}\tunknown\t/CN=x\n")
    signer = options.get("signed", issuer)
    sign = ["-rsigner", signer + ".crt", "-rkey", signer + ".key", "-CA", issuer + ".crt"]
    asks = ["-issuer", issuer + ".crt", "-cert", certificate + ".crt", "-no_nonce"]
    minutes = options.get("minutes", "43200")
    until = [] if minutes == "0" else ["-nmin", minutes]
    _run(["openssl", "ocsp", *asks, "-reqout", certificate + ".request"])
    _run(["openssl", "ocsp", "-index", certificate + ".responder", *sign, "-reqin", certificate + ".request", "-respout", certificate + ".ocsp", *until])


def _run(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    if done.returncode != 0:
        raise ValueError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")


VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def secure_client(world, peer, words, sessions):
    """`tls [sni=NAME] [alpn=a,b] [min=1.2] [max=1.2] [ciphers=LIST] [crt=NAME] [ca=NAME] [resume=NAME] [quiet]`: makes the handshake
    on the current connection and records what came of it."""
    options = dict(word.split("=", 1) for word in words if "=" in word)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for bound, attribute in (("min", "minimum_version"), ("max", "maximum_version")):
        if bound in options:
            setattr(context, attribute, VERSIONS[options[bound]])
    if "ciphers" in options:
        context.set_ciphers(options["ciphers"])
    if "alpn" in options:
        context.set_alpn_protocols(options["alpn"].split(","))
    if "crt" in options:
        context.load_cert_chain(os.path.join(world.folder, options["crt"] + ".pem"))
    if "ca" in options:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(os.path.join(world.folder, options["ca"] + ".crt"))
    session = None
    if "resume" in options and options["resume"] in sessions:
        context, session = sessions[options["resume"]]
    peer.socket.settimeout(world.deadline)
    try:
        peer.socket = context.wrap_socket(peer.socket, server_hostname=options.get("sni"), session=session)
    except (ssl.SSLError, OSError) as error:
        peer.ended = "closed"
        # Which alert it is, where the library names one.
        reason = getattr(error, "reason", None) or type(error).__name__
        peer.note(f"tls: {reason}" if "quiet" not in words else "tls: failed")
        return
    der = peer.socket.getpeercert(binary_form=True)
    name = next((name for name, base in world.certificates.items() if _der(base) == der), "unknown")
    cipher, version, _ = peer.socket.cipher()
    shown = f"tls: {peer.socket.version()} {cipher} certificate {name}"
    if peer.socket.selected_alpn_protocol():
        shown += f" alpn {peer.socket.selected_alpn_protocol()}"
    if peer.socket.session_reused:
        shown += " resumed"
    peer.note(shown)
    if "resume" in options:
        sessions[options["resume"]] = (context, None)
        peer.on_close = lambda: sessions.__setitem__(options["resume"], (context, peer.socket.session))


def openssl_client(world, channel, words):
    """`s_client PORT /keep/ [ARGS]`: what `openssl s_client` tells of a connection to a port, only the lines that are kept."""
    port, keep = world.port(words[0]), words[1]
    arguments = [word.decode() if isinstance(word, bytes) else word for word in words[2:]]
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=world.deadline)
    lines = done.stdout.decode(errors="replace").split("\n")
    world.record(channel, *[f"s_client: {line.strip()}" for line in lines if keep.search(line)])


def _der(base):
    with open(base + ".crt", encoding="ascii") as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


def secure_origin(world, peer, options):
    """Makes the handshake of an origin with the option `tls=NAME`; False when there is none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(world.folder, options["tls"] + ".pem"))
    if "ca" in options:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(os.path.join(world.folder, options["ca"] + ".crt"))
    if "alpn" in options:
        context.set_alpn_protocols(options["alpn"].split(","))
    if "max" in options:
        context.maximum_version = VERSIONS[options["max"]]
    asked = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    peer.socket.settimeout(world.deadline)
    try:
        peer.socket = context.wrap_socket(peer.socket, server_side=True)
    except (ssl.SSLError, OSError):
        return False
    peer.secured = f"tls: {peer.socket.version()} sni {asked[0] if asked else None}"
    if peer.socket.selected_alpn_protocol():
        peer.secured += f" alpn {peer.socket.selected_alpn_protocol()}"
    if peer.socket.getpeercert(binary_form=True):
        peer.secured += " with a certificate"
    return True
