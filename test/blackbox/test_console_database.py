"""What users keep, in each kind of database: a file, a real PostgreSQL, a real MariaDB."""
import concurrent.futures
import contextlib
import glob
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile

import pytest

from lab import stop, wait_until
from weir import Role, configuration, free_port, free_ports

FILTERS = [{"description": "From Google", "content": "SrcAS = AS15169"}]


def as_user(name):
    return ["setpriv", "--reuid", name, "--regid", name, "--clear-groups"] if os.geteuid() == 0 else []


class Postgres:
    def __init__(self, folder, port=None):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        # not in pytest's folder, which is root's alone
        self.data, self.port, self.user = tempfile.mkdtemp(prefix="weir-pg-"), port or free_port(), as_user("postgres")
        if self.user:
            shutil.chown(self.data, "postgres")
        subprocess.run([*self.user, f"{self.bin}/initdb", "-D", self.data, "-U", "weir", "--auth=trust", "--no-sync"],
                       check=True, capture_output=True, cwd="/")
        self.dsn = f"host=127.0.0.1 port={self.port} user=weir dbname=postgres"
        self.start()

    def start(self):
        self.process = subprocess.Popen([*self.user, f"{self.bin}/postgres", "-D", self.data, "-p", str(self.port), "-h", "127.0.0.1",
                                         "-k", self.data, "-c", "fsync=off"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        wait_until(lambda: subprocess.run([f"{self.bin}/pg_isready", "-h", "127.0.0.1", "-p", str(self.port)],
                                          capture_output=True, check=False).returncode == 0, 30, "PostgreSQL does not start")

    def close(self):
        stop(self.process, number=signal.SIGINT)  # it does not wait for its clients

    def remove(self):
        shutil.rmtree(self.data)


class MariaDB:
    def __init__(self, folder, port=None):
        self.data, self.port = str(folder / "maria"), port or free_port()
        subprocess.run(["mariadb-install-db", "--no-defaults", "--datadir=" + self.data, "--auth-root-authentication-method=normal",
                        "--skip-test-db"], check=True, capture_output=True)
        self.dsn = f"root:@tcp(127.0.0.1:{self.port})/weir?charset=utf8mb4"
        self.start()

    def start(self):
        init = self.data + "-init.sql"
        with open(init, "w", encoding="ascii") as f:
            f.write("CREATE DATABASE IF NOT EXISTS weir;\n")
        self.process = subprocess.Popen(
            ["mariadbd", "--no-defaults", "--datadir=" + self.data, "--bind-address=127.0.0.1", f"--port={self.port}", "--user=root",
             "--socket=" + self.data + ".sock", "--init-file=" + init], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers, 60, "MariaDB does not start")

    def _answers(self):
        assert self.process.poll() is None
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as s:
                return len(s.recv(64)) > 4
        return False

    def close(self):
        stop(self.process, 30)

    def remove(self):
        shutil.rmtree(self.data)


class File:
    def __init__(self, folder):
        self.dsn = str(folder / "console.sqlite")

    def start(self):
        pass

    def close(self):
        pass

    def remove(self):
        pass


DRIVERS = {"sqlite": File, "postgresql": Postgres, "mysql": MariaDB}


@pytest.fixture(params=list(DRIVERS))
def server(request, tmp_path):
    s = DRIVERS[request.param](tmp_path)
    s.driver = request.param
    try:
        yield s
    finally:
        s.close()
        s.remove()


def console(folder, server, filters=FILTERS):
    ports = free_ports()
    conf = configuration(ports, console={"http": {"listen": f"127.0.0.1:{ports['console']}"}, "database": {
        "driver": server.driver, "dsn": server.dsn, "saved-filters": filters}})
    os.makedirs(folder, exist_ok=True)
    return Role(folder, "console", conf, ports["console"])


def ask(role, method, path, body=None, user="alice"):
    connection = http.client.HTTPConnection("127.0.0.1", role.port, timeout=60)
    with contextlib.closing(connection):
        connection.request(method, "/api/v0/console/" + path, None if body is None else json.dumps(body), {"Remote-User": user})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


def health(role):
    return ask(role, "GET", "healthcheck")[1]


def filters_of(role, user):
    return {f["description"]: f for f in ask(role, "GET", "filter/saved", user=user)[1]["filters"]}


EVIL = "it's ?; DROP TABLE saved_filters -- \\ \" \U0001f600 $1"


def test_filters_and_settings_are_kept(tmp_path, server):
    with console(tmp_path / "one", server) as role:
        assert set(filters_of(role, "alice")) == {"From Google"}
        for description, content, shared in ((EVIL, EVIL, False), ("ours", "DstAS = 2", True)):
            assert ask(role, "POST", "filter/saved", {"description": description, "content": content, "shared": shared})[0] == 204
        mine = filters_of(role, "alice")
        assert mine[EVIL]["content"] == EVIL and mine[EVIL]["user"] == "alice" and mine[EVIL]["shared"] is False
        assert set(filters_of(role, "bob")) == {"From Google", "ours"}
        number = mine["ours"]["id"]
        assert ask(role, "DELETE", f"filter/saved/{number}", user="bob")[0] == 404
        for wrong in ("x", "-1", "99999999999999999999", "1%20OR%201=1"):
            assert ask(role, "DELETE", f"filter/saved/{wrong}")[0] == 404
        assert ask(role, "DELETE", f"filter/saved/{number}")[0] == 204
        assert ask(role, "DELETE", f"filter/saved/{number}")[0] == 404
        assert ask(role, "POST", "filter/saved", {"description": "long", "content": "x" * 16_384})[0] == 204
        assert len(filters_of(role, "alice")["long"]["content"]) == 16_384
        assert ask(role, "POST", "filter/saved", {"description": "longer than any filter", "content": "x" * 16_385})[0] == 400
        # settings
        value = {"theme": "dark", "text": EVIL, "list": [1, 2.5, None]}
        assert ask(role, "GET", "user/settings") == (200, {"settings": {}})
        assert ask(role, "PUT", "user/settings/page", {"theme": "light"})[0] == 204
        assert ask(role, "PUT", "user/settings/page", value)[0] == 204
        for name in ("n" * 65, "%FF"):
            assert ask(role, "PUT", "user/settings/" + name, 1)[0] == 400
        assert ask(role, "PUT", "user/settings/long", "x" * 65_000)[0] == 204
        assert ask(role, "GET", "user/settings")[1] == {"settings": {"page": value, "long": "x" * 65_000}}
        assert ask(role, "DELETE", "user/settings/long")[0] == 204
        assert ask(role, "GET", "user/settings", user="bob")[1] == {"settings": {}}
        assert ask(role, "DELETE", "user/settings/page", user="bob")[0] == 404
    with console(tmp_path / "two", server, [{"description": "Other", "content": "DstAS = 1"}]) as role:
        assert set(filters_of(role, "alice")) == {"Other", EVIL, "long"}
        assert ask(role, "GET", "user/settings")[1] == {"settings": {"page": value}}
        assert ask(role, "DELETE", "user/settings/page")[0] == 204
        for i in range(100):
            assert ask(role, "PUT", f"user/settings/s{i}", i)[0] == 204
        assert ask(role, "PUT", "user/settings/more", 1)[0] == 400


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_database_that_comes_back_is_used_again(tmp_path, kind):
    server = DRIVERS[kind](tmp_path)
    server.driver = kind
    try:
        with console(tmp_path / "one", server) as role:
            assert set(filters_of(role, "alice")) == {"From Google"}
            assert health(role)["details"]["database"] == {"status": "ok", "reason": ""}
            server.close()
            status, answer = ask(role, "GET", "filter/saved")
            assert status == 503 and f"({kind}) does not answer" in answer["message"]
            wait_until(lambda: health(role)["details"]["database"]["status"] == "warning", 60, "its health is known")
            assert health(role)["details"]["database"]["reason"].startswith(kind + ": ")
            server.start()
            wait_until(lambda: health(role)["details"]["database"]["status"] == "ok", 60, "it is well again")
            assert set(filters_of(role, "alice")) == {"From Google"}
    finally:
        server.close()
        server.remove()


def test_a_database_that_hangs_holds_nobody_up(tmp_path):
    """Its address answers, its processes do not, as behind a firewall that drops: the first who asks waits, the others do not."""
    server = Postgres(tmp_path)
    server.driver = "postgresql"

    def signal_all(number):
        with open(f"/proc/{server.process.pid}/task/{server.process.pid}/children", encoding="ascii") as f:
            for pid in [server.process.pid, *map(int, f.read().split())]:
                os.kill(pid, number)
    try:
        with console(tmp_path / "one", server) as role:
            assert set(filters_of(role, "alice")) == {"From Google"}
            signal_all(signal.SIGSTOP)
            try:
                with concurrent.futures.ThreadPoolExecutor(8) as pool:
                    assert [status for status, _ in pool.map(lambda _: ask(role, "GET", "filter/saved"), range(8))] == [503] * 8
                assert ask(role, "GET", "user/info")[0] == 200
            finally:
                signal_all(signal.SIGCONT)
            wait_until(lambda: ask(role, "GET", "filter/saved")[0] == 200, 60, "it is asked again")
            assert ask(role, "PUT", "user/settings/page", 1)[0] == 204
    finally:
        server.close()
        server.remove()


def test_a_full_disk_and_one_that_cannot_be_written(tmp_path):
    """SQLite: what is there can be read, nothing new is kept, and all is well again when there is room."""
    room = tmp_path / "room"
    room.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "weir-test", room], check=True)
    server = File(room)
    server.driver = "sqlite"
    try:
        with console(tmp_path / "one", server) as role:
            saved = {"description": "first", "content": "SrcAS = 1"}
            assert ask(role, "POST", "filter/saved", saved)[0] == 204
            hog = os.open(room / "hog", os.O_WRONLY | os.O_CREAT)
            with contextlib.suppress(OSError):
                while True:
                    os.write(hog, bytes(4096))
            os.close(hog)
            status, answer = ask(role, "POST", "filter/saved", {"description": "big", "content": "x" * 16_000})
            assert status == 500 and "database" in answer["message"]
            assert ask(role, "PUT", "user/settings/page", "x" * 60_000)[0] == 500
            assert set(filters_of(role, "alice")) == {"From Google", "first"}
            os.remove(room / "hog")
            assert ask(role, "PUT", "user/settings/page", "x" * 30_000)[0] == 204
            assert ask(role, "POST", "filter/saved", {"description": "big", "content": "x" * 16_000})[0] == 204
        subprocess.run(["mount", "-o", "remount,ro", room], check=True)
        with pytest.raises(AssertionError, match="room/console.sqlite: .*must be there, and be writable"):
            console(tmp_path / "two", server).start()
    finally:
        subprocess.run(["umount", "-l", room], check=True)


def test_two_consoles_share_a_database(tmp_path):
    """Both start at once on an empty one: the tables are made once."""
    server = Postgres(tmp_path)
    server.driver = "postgresql"
    try:
        with contextlib.ExitStack() as stack:
            roles = [console(tmp_path / name, server) for name in ("one", "two")]
            for role in roles:
                role.start()
                stack.callback(stop, role.process)
            assert ask(roles[0], "POST", "filter/saved", {"description": "mine", "content": "x"})[0] == 204
            assert "mine" in filters_of(roles[1], "alice")
    finally:
        server.close()
        server.remove()


def test_file_of_the_first_version_is_brought_along(tmp_path):
    path = tmp_path / "console.sqlite"
    db = sqlite3.connect(path)
    db.executescript("CREATE TABLE filters (id INTEGER PRIMARY KEY, user TEXT NOT NULL, shared INTEGER NOT NULL, description TEXT "
                     "NOT NULL, content TEXT NOT NULL); INSERT INTO filters VALUES (7, 'alice', 0, 'old', 'SrcAS = 1'); "
                     "PRAGMA user_version = 1")
    db.close()
    server = File(tmp_path)
    server.driver = "sqlite"
    for _ in range(2):
        with console(tmp_path / "one", server) as role:
            assert filters_of(role, "alice")["old"]["id"] == 7
    db = sqlite3.connect(path)
    db.execute("UPDATE weir_schema SET version = 99")
    db.commit()
    db.close()
    role = console(tmp_path / "one", server)
    with pytest.raises(AssertionError, match="newer version"):
        role.start()


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_console_starts_without_its_database(tmp_path, kind):
    """Everything else is answered; when the server comes, the tables are made, and made anew when it comes back without them."""
    server = DRIVERS[kind](tmp_path)
    server.driver = kind
    server.close()
    try:
        with console(tmp_path / "one", server) as role:
            for method, path, body in (("GET", "filter/saved", None), ("POST", "filter/saved", {"description": "d", "content": "x"}),
                                       ("DELETE", "filter/saved/1", None), ("GET", "user/settings", None),
                                       ("PUT", "user/settings/page", 1), ("DELETE", "user/settings/page", None)):
                status, answer = ask(role, method, path, body)
                assert status == 503 and f"({kind}) does not answer" in answer["message"]
            assert ask(role, "GET", "configuration")[0] == ask(role, "GET", "user/info")[0] == 200
            assert health(role)["details"]["database"]["status"] == "warning"
            assert health(role)["details"]["database"]["reason"].startswith(kind + ": ")
            server.start()
            wait_until(lambda: ask(role, "GET", "filter/saved")[0] == 200, 60, "the console finds its database")
            assert health(role)["details"]["database"] == {"status": "ok", "reason": ""}
            assert ask(role, "POST", "filter/saved", {"description": "mine", "content": "SrcAS = 1"})[0] == 204
            assert set(filters_of(role, "alice")) == {"From Google", "mine"}
            server.close()
            server.remove()
            again = DRIVERS[kind](tmp_path, server.port)
            server.process, server.data = again.process, again.data
            wait_until(lambda: ask(role, "GET", "filter/saved")[0] == 200, 60, "the console finds the empty database")
            assert set(filters_of(role, "alice")) == {"From Google"}
    finally:
        server.close()
        server.remove()


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path):
    for driver, dsn, word in (("postgresql", f"host=127.0.0.1 port={free_port()} dbname=x password=secret", "refused"),
                              ("mysql", f"root:secret@tcp(127.0.0.1:{free_port()})/x", "connect")):
        server = File(tmp_path)
        server.driver, server.dsn = driver, dsn
        with console(tmp_path / driver, server) as role:
            reason = health(role)["details"]["database"]["reason"]
            assert word in reason and "secret" not in reason


def test_wrong_dsn_is_said(tmp_path):
    for driver, dsn, word in (("postgresql", "host=127.0.0.1 password=my secret", "expected"), ("mysql", "nonsense", "expected"),
                              ("mysql", "root:secret@tcp(127.0.0.1:70000)/x", "the port is not a number")):
        server = File(tmp_path)
        server.driver, server.dsn = driver, dsn
        role = console(tmp_path / driver, server)
        with pytest.raises(AssertionError, match=word) as info:
            role.start()
        assert "secret" not in str(info.value)
