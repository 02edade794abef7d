"""Runs the real program: `weir run` with a configuration, or its roles one by one, and asks it over HTTP."""
import base64
import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import urllib.parse

from lab import inside, stop, wait_until

PROGRAM = os.environ.get("WEIR", os.path.join(os.path.dirname(__file__), "../../build/weir"))
# The same with sanitizers; runs every role but the store, whose library does not stand them (WEIR_STORE_PROGRAM).
SANITIZED = os.environ.get("WEIR_SANITIZED") or PROGRAM
ENVIRONMENT = {
    "WEIR_STORE_PROGRAM": PROGRAM,
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}
ROLES = ("store", "orchestrator", "inlet", "outlet", "console")
DEFAULT_PORTS = {"orchestrator": 8080, "console": 8081, "inlet": 8082, "outlet": 8083, "demo-exporter": 8084,
                 "store": 8123}
USER, PASSWORD = "weir", "test-password"


def _ports():
    """Ports of this worker of pytest's alone, from below those that the kernel gives to connections: it would give away one
    that was free when a test looked and that its program does not listen on yet."""
    first, each = 11_000 + 1500 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 21_000, 1500
    return itertools.cycle(first + (os.getpid() + i) % each for i in range(each))


def free_port(ports=_ports()):
    """A port of this machine's own loopback, for TCP and UDP; never the same twice."""
    for port in ports:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)), \
                socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            udp.bind(("::", port))
            return port


def free_ports():
    """For a machine's own loopback, where the usual ports may be taken."""
    return {role: free_port() for role in DEFAULT_PORTS}


def configuration(ports=None, inputs=(), **sections):
    """A whole configuration. Sections given replace those made here, two levels deep."""
    ports = ports or DEFAULT_PORTS
    conf = {
        "http": {"listen": f"127.0.0.1:{ports['orchestrator']}"},
        "store": {"http": {"listen": f"127.0.0.1:{ports['store']}"}, "username": USER, "password": PASSWORD},
        "inlet": {"http": {"listen": f"127.0.0.1:{ports['inlet']}"}, "flow": {"inputs": list(inputs)}},
        "outlet": {"http": {"listen": f"127.0.0.1:{ports['outlet']}"}, "metadata": {"providers": [
            {"type": "static", "exporters": {"::/0": {
                "name": "any", "default": {"name": "unknown", "description": "unknown", "speed": 1000}}}}]}},
        "console": {"http": {"listen": f"127.0.0.1:{ports['console']}"}},
    }
    for name, section in sections.items():
        merged = conf.setdefault(name.replace("_", "-"), {})
        merged.update(section)
    return conf


def udp_input(listen, decoder="netflow", **options):
    return {"type": "udp", "decoder": decoder, "listen": listen, **options}


class Weir:
    """`weir run` on a configuration; in a namespace when one is given. A context manager: nothing is left running."""

    def __init__(self, folder, conf, namespace=None, ports=None, program=None):
        self.folder = str(folder)
        self.namespace = namespace
        self.ports = ports or DEFAULT_PORTS
        self.program = program or SANITIZED
        self.data = os.path.join(self.folder, "data")
        self.path = os.path.join(self.folder, "weir.yaml")
        self.process = None
        self.configure(conf)

    def configure(self, conf):
        """Writes the configuration file, by rename, as an editor does. JSON is YAML."""
        self.conf = conf
        with open(self.path + ".new", "w", encoding="utf-8") as f:
            json.dump(conf, f, indent=1)
        os.rename(self.path + ".new", self.path)

    def __enter__(self):
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _inside(self):
        return inside(self.namespace) if self.namespace else contextlib.nullcontext()

    def start(self):
        with open(os.path.join(self.folder, "weir.log"), "ab") as log, self._inside():
            self.process = subprocess.Popen(
                [self.program, "run", "--config", self.path, "--data-dir", self.data], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**os.environ, **ENVIRONMENT}, start_new_session=True)

    def close(self, seconds=15):
        if self.process is None:
            return None
        left = list(self.pids().values())
        status = stop(self.process, seconds)
        for pid in left:  # a child outlives a killed parent only for a moment
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process = None
        return status

    def log(self):
        with open(os.path.join(self.folder, "weir.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def _explain(self):
        return "\n".join(self.log().splitlines()[-30:])

    # ---- Processes

    def pids(self):
        """Role -> pid of the children that run now."""
        children = {}
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as f:
                pids = [int(p) for p in f.read().split()]
        except (FileNotFoundError, AttributeError):
            return children
        for pid in pids:
            with contextlib.suppress(FileNotFoundError, IndexError, ProcessLookupError):
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    children[f.read().split(b"\0")[1].decode()] = pid
        return children

    def kill(self, role):
        """SIGKILL to a role, or to `run` itself. False when it was not running just now."""
        if role == "run":
            children = list(self.pids().values())
            self.process.kill()
            self.process.wait()
            wait_until(lambda: not any(os.path.exists(f"/proc/{p}") for p in children), 10, "children outlive run")
            return True
        pid = self.pids().get(role)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    # ---- HTTP

    def http(self, port, method, path, body=None, headers=None, timeout=60):
        """(status, headers, body) of one request to loopback."""
        with self._inside():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
            connection.connect()
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def get(self, path, role="console"):
        return self.http(self.ports[role], "GET", path)

    def post(self, path, value, role="console"):
        """JSON in, JSON out."""
        status, headers, body = self.http(self.ports[role], "POST", path, json.dumps(value).encode(),
                                          {"Content-Type": "application/json"})
        return status, headers, json.loads(body)

    def healthy(self):
        try:
            for role in ROLES:
                status, _, body = self.get(f"/api/v0/{role}/healthcheck")
                if status != 200 or json.loads(body)["status"] == "error":
                    return False
            return True
        except (OSError, http.client.HTTPException, ValueError):
            return False

    def wait_ready(self, seconds=60):
        def ready():
            assert self.process.poll() is None, f"weir run ended with {self.process.poll()}:\n{self._explain()}"
            return self.healthy()
        wait_until(ready, seconds, lambda: f"not ready:\n{self._explain()}")
        # the orchestrator makes the tables when the store answers, and is well meanwhile
        self.wait_sql("SELECT count() FROM system.tables WHERE name IN ('flows', 'ledger')",
                      lambda rows: rows == [[2]], seconds)

    def sql(self, statement, settings=None, user=USER, password=PASSWORD):
        """Rows as lists of Python values."""
        query = urllib.parse.urlencode({"default_format": "JSONCompact", "output_format_json_quote_64bit_integers": 0,
                                        "database": "default", **(settings or {})})
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        status, _, body = self.http(self.ports["store"], "POST", "/?" + query, statement.encode(),
                                    {"Authorization": "Basic " + token})
        assert status == 200, f"{statement}: {status} {body.decode(errors='replace')}"
        return json.loads(body)["data"] if body.strip() else []

    def wait_sql(self, statement, good, seconds=30):
        """Repeats the statement until good(rows); returns the rows."""
        seen = []

        def ask():
            try:
                seen[:] = [self.sql(statement)]
            except (OSError, http.client.HTTPException):
                return False
            return good(seen[0])
        wait_until(ask, seconds, lambda: f"{statement}\nlast answer: {seen}\n{self._explain()}")
        return seen[0]


def command(*arguments, program=None, stdin=None, timeout=240):
    """Runs one of weir's tools; returns (status, stdout, stderr)."""
    done = subprocess.run([program or SANITIZED, *arguments], input=stdin, capture_output=True, text=True,
                          timeout=timeout, check=False, env={**os.environ, **ENVIRONMENT})
    return done.returncode, done.stdout, done.stderr


class Role:
    """One role alone, on this machine's loopback: weir ROLE CONFIG."""

    def __init__(self, folder, role, conf, port, program=None):
        self.role, self.port = role, port
        self.data = os.path.join(str(folder), "data")
        self.log_path = os.path.join(str(folder), role + ".log")
        self.path = os.path.join(str(folder), role + ".yaml")
        self.program = program or SANITIZED
        with open(self.path, "w", encoding="utf-8") as f:
            json.dump(conf, f)
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        stop(self.process)

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.program, self.role, self.path, "--data-dir", self.data],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **ENVIRONMENT})

        def up():
            assert self.process.poll() is None, self.log()
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.get("healthcheck")[0] == 200
            return False
        wait_until(up, 20, self.log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def get(self, what):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", f"/api/v0/{self.role}/{what}")
            answer = connection.getresponse()
            return answer.status, answer.read()

    def metric(self, name):
        """Sum of a metric over its labels."""
        text = self.get("metrics")[1].decode()
        return sum(float(line.split()[-1]) for line in text.splitlines()
                   if line.startswith((name + " ", name + "{")))
