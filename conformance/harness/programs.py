"""Server programs of Debian that `conformance/servers` starts, kills and asks: each on ports and in folders of its own."""
import ipaddress
import os
import pwd
import random
import shutil
import signal
import smtplib
import socket
import subprocess

PATIENCE = 20
POLICY = "/usr/sbin/policy-rc.d"


class Missing(Exception):
    """Why a program cannot play here."""


class Program:
    """One kind of server: two processes of it, `a` and `b`, each of which says its own port to a client."""

    # Debian packages, programs that must be there, the lines of a proxy that check it.
    packages, needs, checks = (), (), ()
    # Folders that hold programs beside those of PATH.
    places = ("/usr/sbin", "/usr/local/sbin")

    def __init__(self, folder):
        self.folder = os.path.join(folder, self.name())
        os.makedirs(self.folder)
        self.ports = {name: quiet_port() for name in "ab"}
        self.running = {}

    @classmethod
    def name(cls):
        """What it is called in configurations and lists."""
        return cls.__name__.lower()

    @classmethod
    def find(cls, program):
        """The path of a program, or None."""
        return shutil.which(program) or shutil.which(program, path=os.pathsep.join(cls.places))

    @classmethod
    def lacks(cls):
        """Programs that are not here."""
        return [program for program in cls.needs if not cls.find(program)]

    def prepare(self):
        """Makes what both processes need: databases, configurations."""

    def command(self, name):
        """The words that start process `name` in the foreground."""
        raise NotImplementedError

    def ask(self, port):
        """Asks through a proxy on `port`: the port of the server that answered; OSError or what a program said otherwise."""
        raise NotImplementedError

    def home(self, name):
        """A folder of one process."""
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        return path

    def write(self, name, text):
        """A file in the folder of the kind."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start(self, name):
        """Starts a process; it may take a while until it answers."""
        with open(os.path.join(self.folder, f"{name}.messages"), "ab") as log:
            self.running[name] = subprocess.Popen(
                self.command(name), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/", **self.account())

    def messages(self, name):
        """The end of what a process said."""
        with open(os.path.join(self.folder, f"{name}.messages"), encoding="utf-8", errors="replace") as file:
            return file.read().strip()[-300:]

    def signal(self, name, number):
        """Sends a signal to a process and to all that it forked."""
        process = self.running[name]
        if process.poll() is None:
            os.killpg(process.pid, number)

    def kill(self, name):
        """Ends a process at once and waits for it."""
        self.signal(name, signal.SIGKILL)
        self.running.pop(name).wait(PATIENCE)

    def clear(self):
        """Ends what runs, so that nothing of it stays (shared memory, files)."""
        for name, process in self.running.items():
            self.signal(name, signal.SIGCONT)
            self.signal(name, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                self.signal(name, signal.SIGKILL)
                process.wait(PATIENCE)
        self.running.clear()

    def account(self):
        """Who runs it: servers that refuse root run as nobody."""
        return {}

    def give(self, path):
        """Gives a folder to who runs it."""
        user = self.account().get("user")
        if user is not None:
            os.chown(path, pwd.getpwnam(user).pw_uid, -1)

    def run(self, *words):
        """Runs a program of theirs to its end."""
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd="/", **self.account())
        if done.returncode != 0:
            raise Missing(f"{os.path.basename(words[0])}: {(done.stderr or done.stdout).strip()[-300:]}")


class Unprivileged(Program):
    """A server that does not want to be root."""

    def account(self):
        return {"user": "nobody"} if os.geteuid() == 0 else {}


def quiet_port():
    """A free port that the kernel gives to no connection while its server is dead."""
    for _ in range(1000):
        port = random.randrange(10240, 32768)
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
                return port
            except OSError:
                continue
    raise Missing("no free port below 32768")


def said(*words):
    """The last line that a client program printed; OSError with its complaint."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=5, env=os.environ | {"LC_ALL": "C"})
    except subprocess.TimeoutExpired as error:
        raise OSError("the client waited too long") from error
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        raise OSError((done.stderr.strip() or "nothing")[-200:])
    return lines[-1].strip()


class Redis(Program):
    """Redis, with its own check and with a script of tcp-check."""

    packages, needs = ("redis-server", "redis-tools"), ("redis-server", "redis-cli")
    checks = {
        "redis": ["option redis-check"],
        "redis-script": ["option tcp-check", "tcp-check connect", "tcp-check send PING\\r\\n", "tcp-check expect string +PONG",
                         "tcp-check send info\\ replication\\r\\n", "tcp-check expect string role:master",
                         "tcp-check send QUIT\\r\\n", "tcp-check expect string +OK"],
    }

    def command(self, name):
        return [self.find("redis-server"), "--port", str(self.ports[name]), "--bind", "127.0.0.1", "127.0.0.2", "--save", "", "--dir", self.home(name)]

    def ask(self, port):
        return said("redis-cli", "-p", str(port), "config", "get", "port")


class Postgres(Unprivileged):
    """PostgreSQL; a user that is none is an answer too."""

    packages, needs = ("postgresql",), ("psql", "initdb", "postgres")
    checks = {"pgsql": ["option pgsql-check user proxy"], "pgsql-script": [
        "option tcp-check", "tcp-check connect", "tcp-check send-binary 0000000804d2162f", "tcp-check expect binary 4e"]}

    @classmethod
    def find(cls, program):
        root = "/usr/lib/postgresql"
        versions = sorted(os.listdir(root), key=lambda text: [int(part) for part in text.split(".") if part.isdigit()], reverse=True) if os.path.isdir(root) else []
        return shutil.which(program, path=os.pathsep.join(f"{root}/{version}/bin" for version in versions)) or super().find(program)

    def prepare(self):
        self.give(self.folder)
        first = os.path.join(self.folder, "a")
        self.run(self.find("initdb"), "-D", first, "-U", "proxy", "--auth=trust", "--no-sync", "--no-instructions", "--locale=C", "--encoding=UTF8")
        self.run("cp", "-r", first, os.path.join(self.folder, "b"))

    def command(self, name):
        settings = [f"port={self.ports[name]}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB"]
        return [self.find("postgres"), "-D", os.path.join(self.folder, name), *(word for setting in settings for word in ("-c", setting))]

    def ask(self, port):
        return said(self.find("psql"), "-h", "127.0.0.1", "-p", str(port), "-U", "proxy", "-d", "postgres", "-Atc", "show port")


class Mariadb(Unprivileged):
    """MariaDB, with both generations of the check's handshake, without a user, and with one that may not come in."""

    packages = ("mariadb-server-core", "mariadb-client-core")
    needs = ("mariadbd", "mariadb-install-db", "mariadb")
    checks = {
        "mysql": ["option mysql-check user proxy"],
        "mysql-old": ["option mysql-check user proxy pre-41"],
        "mysql-plain": ["option mysql-check"],
        "mysql-stranger": ["option mysql-check user stranger"],
    }

    def prepare(self):
        self.give(self.folder)
        first = os.path.join(self.folder, "a")
        self.run(self.find("mariadb-install-db"), "--no-defaults", f"--datadir={first}", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
                 "--innodb-log-file-size=4M", "--innodb-flush-method=nosync")
        self.run("cp", "-r", first, os.path.join(self.folder, "b"))
        # Refused checks and aborted ones count as faults of the host, which is blocked after some; this is how one runs MariaDB behind a proxy.
        self.write("users.sql", "CREATE USER IF NOT EXISTS 'proxy'@'%';\nDROP USER IF EXISTS ''@'localhost';\nSET GLOBAL max_connect_errors = 4294967295;\n")

    def command(self, name):
        folder = os.path.join(self.folder, name)
        return [self.find("mariadbd"), "--no-defaults", f"--datadir={folder}", f"--port={self.ports[name]}", "--bind-address=127.0.0.1", f"--socket={folder}/socket",
                f"--pid-file={folder}/pid", "--skip-name-resolve", f"--init-file={self.folder}/users.sql", "--innodb-flush-method=nosync",
                "--innodb-log-file-size=4M", "--innodb-buffer-pool-size=8M"]

    def ask(self, port):
        return said("mariadb", "--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-P", str(port), "-u", "proxy", "--skip-ssl", "-NBe", "select @@port")


class Exim(Program):
    """An SMTP server: Exim in front of a black hole."""

    packages, needs = ("exim4-daemon-light",), ("exim4",)
    checks = {"smtp": ["option smtpchk"], "smtp-ehlo": ["option smtpchk EHLO proxy.example"]}

    @classmethod
    def lacks(cls):
        if os.geteuid() != 0:
            raise Missing("Exim takes another configuration from root alone")
        return super().lacks()

    def prepare(self):
        for name in "ab":
            self.write(f"{name}.conf", f"""spool_directory = {self.home(name)}
log_file_path = {self.home(name)}/%slog
primary_hostname = {name}.example
smtp_banner = {self.ports[name]} is the port of $primary_hostname
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = accept
acl_smtp_data = accept
queue_only
smtp_accept_max = 200
tls_advertise_hosts =
begin routers
hole:
  driver = redirect
  data = :blackhole:
""")
            shutil.chown(self.home(name), "Debian-exim")

    def command(self, name):
        return [self.find("exim4"), "-C", os.path.join(self.folder, f"{name}.conf"), "-bdf", "-oX", f"<; 127.0.0.1.{self.ports[name]}", "-oP", f"{self.home(name)}/pid"]

    def ask(self, port):
        try:
            with smtplib.SMTP(timeout=5) as client:
                _, banner = client.connect("127.0.0.1", port)
                client.sendmail("a@proxy.example", ["b@proxy.example"], "Subject: test\r\n\r\nA mail through a proxy.\r\n")
        except smtplib.SMTPException as error:
            raise OSError(str(error)) from error
        return banner.split()[0].decode()


class Slapd(Program):
    """An LDAP server: OpenLDAP with an empty data base named after the port."""

    packages, needs = ("slapd", "ldap-utils"), ("slapd", "ldapsearch")
    checks = {"ldap": ["option ldap-check"]}

    def prepare(self):
        for name in "ab":
            self.write(f"{name}.conf", f"modulepath /usr/lib/ldap\nmoduleload back_null\ndatabase null\nsuffix cn={self.ports[name]}\n")

    def command(self, name):
        return [self.find("slapd"), "-d", "none", "-f", os.path.join(self.folder, f"{name}.conf"), "-h", f"ldap://127.0.0.1:{self.ports[name]}"]

    def ask(self, port):
        text = said("ldapsearch", "-x", "-LLL", "-o", "nettimeout=3", "-H", f"ldap://127.0.0.1:{port}", "-s", "base", "-b", "", "namingContexts")
        return text.removeprefix("namingContexts: cn=")


class Dnsmasq(Program):
    """A name server whose only name comes and goes."""

    packages, needs = ("dnsmasq-base",), ("dnsmasq",)

    def command(self, name):
        return [self.find("dnsmasq"), "-k", "--conf-file=/dev/null", f"--port={self.ports[name]}", "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv",
                "--no-hosts", f"--addn-hosts={self.folder}/hosts", "--local=/example/", "--local-ttl=0", "--pid-file=", "--cache-size=0",
                *(["--user=root", "--group="] if os.geteuid() == 0 else [])]

    def names(self, *addresses):
        """The addresses that host.example has from now on."""
        for address in addresses:
            ipaddress.ip_address(address)
        path = self.write("hosts.new", "".join(f"{address} host.example\n" for address in addresses))
        os.rename(path, os.path.join(self.folder, "hosts"))
        if "a" in self.running:
            self.signal("a", signal.SIGHUP)

    def answers(self):
        """Whether it runs: any answer to a question will do."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.2)
            client.connect(("127.0.0.1", self.ports["a"]))
            try:
                client.send(b"\x00\x01\x01\x00\x00\x01" + b"\0" * 6 + b"\x04host\x07example\x00\x00\x01\x00\x01")
                return len(client.recv(512)) > 12
            except OSError:
                return False


KINDS = [Redis, Postgres, Mariadb, Exim, Slapd]


def install(kinds):
    """Installs the packages of programs that are not here, without starting a service; returns why not, or None."""
    packages = sorted({package for kind in kinds for package in kind.packages})
    if shutil.which("apt-get") is None:
        return "there is no apt here"
    if os.geteuid() != 0:
        return f"sudo apt-get install -y --no-install-recommends {' '.join(packages)}"
    ours = not os.path.exists(POLICY)
    if ours:
        with open(POLICY, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\nexit 101\n")
        os.chmod(POLICY, 0o755)
    try:
        words = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for _ in range(2):
            done = subprocess.run(words, capture_output=True, text=True, env=environment)
            if done.returncode == 0:
                return None
            subprocess.run(["apt-get", "update", "-q"], capture_output=True)
        return (done.stderr.strip().splitlines() or ["apt-get failed"])[-1]
    finally:
        if ours:
            os.remove(POLICY)
