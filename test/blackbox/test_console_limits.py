"""What the console stands: other sites, other names, many clients at once, slow and large ones; and answers in two steps."""
import contextlib
import gzip
import http.client
import json
import os
import re
import socket
import threading
import time

import pytest

from lab import wait_until
from test_console_api import sql, stamp
from weir import PROGRAM, Role, configuration, free_ports

USER, PASSWORD = "weir", "test-password"
ROWS = 1_200_000


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Rows of the last day, in detail alone."""
    folder, ports = tmp_path_factory.mktemp("limits"), free_ports()
    conf = configuration(
        ports, clickhouse={"orchestrator-url": f"http://127.0.0.1:{ports['orchestrator']}"},
        clickhousedb={"servers": [f"127.0.0.1:{ports['store']}"], "username": USER, "password": PASSWORD},
        console={"http": {"listen": f"127.0.0.1:{ports['console']}", "hosts": ["flows.example"]}})
    with contextlib.ExitStack() as stack:
        stack.enter_context(Role(folder, "store", conf, ports["store"], PROGRAM))
        stack.enter_context(Role(folder, "orchestrator", conf, ports["orchestrator"]))
        wait_until(lambda: {"udp", "flows", "ledger"} <= set(sql(ports["store"], "SHOW TABLES").split()), 30, "the orchestrator made no tables")
        now = int(time.time()) - 20
        sql(ports["store"], "INSERT INTO flows (TimeReceived, SamplingRate, ExporterAddress, SrcAddr, SrcAS, SrcPort, Proto, "
            f"EType, Bytes, Packets) SELECT toDateTime({now} - intDiv(number * 86000, {ROWS})), 1, "
            "toIPv6('::ffff:192.0.2.1'), toIPv6(concat('::ffff:10.0.0.', toString(number % 200))), 64500 + number % 7, "
            f"1024 + number % 50, 6, 2048, 1000, 1 FROM numbers({ROWS})")
        role = stack.enter_context(Role(folder, "console", conf, ports["console"]))
        yield ports, now, role


def ask(ports, method, path, body=None, headers=None, timeout=60):
    connection = http.client.HTTPConnection("127.0.0.1", ports["console"], timeout=timeout)
    with contextlib.closing(connection):
        connection.request(method, path, None if body is None else json.dumps(body), headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


# ---- Who may ask

@pytest.mark.parametrize("host,status", [
    ("127.0.0.1", 200), ("localhost:8081", 200), ("[::1]:8081", 200), ("192.0.2.7", 200), ("flows.example", 200),
    ("FLOWS.example.:443", 200), ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("localhost.evil.example", 421), ("", 421)])
def test_names_that_point_here_are_not_enough(site, host, status):
    ports, _, _ = site
    for path in ("/api/v0/console/user/info", "/", "/api/v0/console/metrics"):
        assert ask(ports, "GET", path, headers={"Host": host})[0] == status


def test_headers_that_keep_browsers_safe(site):
    ports, _, _ = site
    for path in ("/", "/api/v0/console/user/info", "/api/v0/console/user/avatar", "/api/v0/nothing"):
        _, headers, _ = ask(ports, "GET", path)
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
        if headers["Content-Type"] == "application/json":
            assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "text/html" not in headers["Content-Type"] or "default-src 'self'" in headers["Content-Security-Policy"]
    assert "script-src" not in ask(ports, "GET", "/api/v0/console/user/avatar")[1].get("Content-Security-Policy", "")


@pytest.mark.parametrize("path", [
    "/api/v0/console/docs/..%2f..%2f..%2fetc%2fpasswd", "/assets/../../../../etc/passwd", "/assets/..%2f..%2fetc/passwd",
    "/docs/..%2f..%2fetc%2fpasswd", "/assets/docs/%2e%2e/%2e%2e/etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/%00"])
def test_no_path_leads_out(site, path):
    ports, _, _ = site
    status, _, body = ask(ports, "GET", path, headers={"Accept": "text/markdown"})
    assert b"root:" not in body and status in (200, 400, 404)


def test_only_pages_of_the_console_are_answered_with_the_page(site):
    """Those that its router knows. Others are 404: shown by the page to people, told in a line to programs."""
    ports, _, _ = site
    html = {"Accept": "text/html,*/*;q=0.8"}
    with open(os.path.join(os.path.dirname(__file__), "../../web/src/router.ts"), encoding="utf-8") as f:
        pages = [p.split("/:")[0] for p in re.findall(r'path: "([^"]*)"', f.read())]
    assert len(pages) == 6 and pages.pop() == ""  # the rest
    for path in pages:
        for below in ("", "/v1-abc", "/a.b"):
            if below and path in ("/", "/docs"):
                continue
            status, headers, body = ask(ports, "GET", path + below, headers=html)
            assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8") and b"<base href" in body
            assert ask(ports, "HEAD", path + below, headers=html)[0] == 200
    for path in ("/nowhere", "/debug/pprof/", "/visualizer"):
        status, headers, body = ask(ports, "GET", path, headers=html)
        assert status == 404 and b"<base href" in body and "default-src 'self'" in headers["Content-Security-Policy"]
        assert ask(ports, "GET", path)[0] == 404
    for path in ("/wp-login.php", "/.env", "/x/y.js", "/assets/gone.js", "/assets", "/api", "/api/v2/x", "/sitemap.xml"):
        for accept in (html, {}):
            status, headers, body = ask(ports, "GET", path, headers=accept)
            assert (status, headers["Content-Type"]) == (404, "application/json") and "no such" in json.loads(body)["message"]
    assert ask(ports, "GET", "/robots.txt")[2] == b"User-agent: *\nDisallow: /\n"
    assert ask(ports, "GET", "/favicon.ico")[1]["Content-Type"] == "image/svg+xml"


def test_files_are_sent_once(site):
    ports, _, _ = site
    page = ask(ports, "GET", "/")[2].decode()
    script = "/" + re.search(r'src="[./]*(assets/[^"]+\.js)"', page)[1]
    _, headers, plain = ask(ports, "GET", script)
    assert "immutable" in headers["Cache-Control"] and "Content-Encoding" not in headers
    for accept in ("gzip", "br, gzip;q=0.5", "zstd, GZIP"):
        _, packed, body = ask(ports, "GET", script, headers={"Accept-Encoding": accept})
        assert packed["Content-Encoding"] == "gzip" and gzip.decompress(body) == plain
        assert packed["ETag"] != headers["ETag"] and packed["Vary"] == "Accept-Encoding"
    for accept in ("gzip;q=0", "br", "gzipped"):
        assert ask(ports, "GET", script, headers={"Accept-Encoding": accept})[2] == plain
    for tag in (headers["ETag"], "W/" + headers["ETag"], '"other", ' + headers["ETag"]):
        assert ask(ports, "GET", script, headers={"If-None-Match": tag})[0::2] == (304, b"")


def test_a_target_for_proxies_is_a_path(site):
    ports, _, _ = site
    for target, status in (("http://localhost/api/v0/console/user/info", 200), ("HTTP://127.0.0.1:1/", 200),
                           ("http://localhost", 200), ("http://evil.example/api/v0/console/user/info", 421)):
        assert ask(ports, "GET", target)[0] == status


def test_a_login_is_told_once(site):
    """A proxy that adds its header to the visitor's own would let visitors choose who they are."""
    ports, _, _ = site
    with socket.create_connection(("127.0.0.1", ports["console"]), timeout=10) as s:
        s.sendall(b"GET /api/v0/console/user/info HTTP/1.1\r\nHost: localhost\r\nremote-user: admin\r\nRemote-User: alice\r\n\r\n")
        answer = s.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"admin" not in answer


TO = b"POST /api/v0/console/filter/validate HTTP/1.1\r\n"


@pytest.mark.parametrize("head", [
    b"Host: localhost\r\nContent-Length: 2\r\nContent-Length: 40\r\n", b"Host: localhost\r\nContent-Length: 0\r\nContent-Length: 40\r\n",
    b"Host: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"Host: localhost\r\nTransfer-Encoding: gzip, chunked\r\n",
    b"Host: localhost\r\nTransfer-Encoding: xchunked\r\n", b"Host: localhost\r\nHost: evil.example\r\nContent-Length: 2\r\n",
    b"Content-Length: 2\r\n", b"Host: localhost\r\nContent-Length : 2\r\n", b"Host: localhost\r\nRemote-User : admin\r\n"])
def test_nothing_is_carried_past_a_proxy(site, head):
    """One answer and an end, whatever follows: a proxy in front may see the request's end elsewhere."""
    ports, _, _ = site
    with socket.create_connection(("127.0.0.1", ports["console"]), timeout=60) as s:
        s.sendall(TO + head + b"\r\n{}GET /api/v0/console/user/info HTTP/1.1\r\nHost: localhost\r\nRemote-User: admin\r\n\r\n")
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := s.recv(65536):
                answer += part
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1") == 1 and b"admin" not in answer


@pytest.mark.parametrize("method,path,allow", [
    ("GET", "/api/v0/console/graph/line", "POST"), ("POST", "/api/v0/console/widget/graph", "GET, HEAD"),
    ("GET", "/api/v0/console/filter/saved/1", "DELETE"), ("PUT", "/api/v0/console/filter/saved", "GET, HEAD, POST"),
    ("PATCH", "/api/v1/flows", "GET, HEAD, POST")])
def test_other_methods_are_told_which_ones_there_are(site, method, path, allow):
    status, headers, body = ask(site[0], method, path)
    assert (status, headers["Allow"]) == (405, allow) and b"method" in body


# ---- Too much

def test_large_bodies_are_refused_unread(site):
    ports, _, _ = site
    with socket.create_connection(("127.0.0.1", ports["console"]), timeout=60) as s:
        s.sendall(b"POST /api/v0/console/graph/line HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n")
        assert b" 413 " in s.recv(4096)
    # one that is not much too long is read to its end, so that who sends it sees the answer and no reset
    for _ in range(20):
        assert ask(ports, "POST", "/api/v0/console/graph/line", "x" * 3_000_000)[0] == 413
    deep = "[" * 200_000
    connection = http.client.HTTPConnection("127.0.0.1", ports["console"], timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", "/api/v0/console/graph/line", deep)
        assert connection.getresponse().status == 400
    status, _, body = ask(ports, "POST", "/api/v0/console/filter/validate", {"filter": "(" * 16000})
    assert status == 200 and b"deep" in body
    assert ask(ports, "POST", "/api/v0/console/filter/validate", {"filter": "SrcAS = 1 OR " * 5000 + "SrcAS = 1"})[0] == 200


def test_slow_clients_do_not_keep_others_out(site):
    ports, _, role = site
    slow = [socket.create_connection(("127.0.0.1", ports["console"]), timeout=60) for _ in range(300)]
    try:
        for s in slow:
            s.sendall(b"POST /api/v0/console/graph/line HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
        began = time.monotonic()
        assert ask(ports, "GET", "/api/v0/console/user/info")[0] == 200
        assert time.monotonic() - began < 20  # the slow ones are cut off after half a minute
    finally:
        for s in slow:
            s.close()
    assert role.process.poll() is None


def thousand_clients(ports, now):
    """All ask for a dashboard's worth at once; -> (good, status) of each answer."""
    answers, lock = [], threading.Lock()

    def client(i):
        for path, body in (("graph/line", {"start": now - 3600, "end": now - 600, "dimensions": ["SrcAS"], "limit": 1 + i % 5}),
                           ("widget/flow-rate", None), ("widget/top/protocol", None)):
            try:
                status, _, text = ask(ports, "POST" if body else "GET", "/api/v0/console/" + path, body, timeout=300)
                good = status == 200 and bool(json.loads(text)) or status == 503
            except (OSError, http.client.HTTPException, ValueError) as e:
                status, good = repr(e), False
            with lock:
                answers.append((good, status))
    threads = [threading.Thread(target=client, args=(i,)) for i in range(1000)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return answers


def everyone_was_answered(answers, role):
    bad = [s for good, s in answers if not good]
    assert len(answers) == 3000 and not bad, bad[:5]
    assert sum(s == 200 for _, s in answers) > 2900
    assert role.process.poll() is None
    assert role.metric("weir_console_cache_joined_total") > 0


def test_a_thousand_clients(site):
    ports, now, role = site
    everyone_was_answered(thousand_clients(ports, now), role)


def test_a_thousand_clients_do_not_take_the_memory(site, tmp_path):
    """The same of the program as it is built for users: a sanitizer needs memory of its own."""
    ports, now, _ = site
    mine = {**free_ports(), "store": ports["store"]}
    conf = configuration(mine, clickhousedb={"servers": [f"127.0.0.1:{ports['store']}"], "username": USER, "password": PASSWORD},
                         console={"http": {"listen": f"127.0.0.1:{mine['console']}"}})
    with Role(tmp_path, "console", conf, mine["console"], PROGRAM) as role:
        everyone_was_answered(thousand_clients(mine, now), role)
        with open(f"/proc/{role.process.pid}/status", encoding="ascii") as f:
            resident = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
        assert resident < 500 * 1024, f"{resident} KiB"


# ---- Fairness

def test_one_user_cannot_take_all_connections(site, tmp_path):
    ports, now, _ = site
    mine = {**free_ports(), "store": ports["store"]}
    conf = configuration(mine, clickhousedb={"servers": [f"127.0.0.1:{ports['store']}"], "username": USER,
                                             "password": PASSWORD, "max-open-conns": 3},
                         console={"http": {"listen": f"127.0.0.1:{mine['console']}"},
                                  "query-limits": {"concurrent": 2, "time": "20s"}})
    with Role(tmp_path, "console", conf, mine["console"]) as role:
        assert ask(mine, "GET", "/api/v0/console/widget/flow-rate")[0] == 200
        stop, running = threading.Event(), []

        def greedy(i):
            n = 0
            while not stop.is_set():
                n += 1
                ask(mine, "POST", "/api/v0/console/graph/line",
                    {"start": now - 86400, "end": now - i * 100 - n * 7 % 97, "dimensions": ["SrcAddr", "SrcPort"]},
                    {"Remote-User": "greedy"})
        threads = [threading.Thread(target=greedy, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        try:
            def at_work():
                running.append(int(sql(ports["store"], "SELECT count() FROM system.processes WHERE query LIKE '%cityHash64(d1%' "
                                       "AND query NOT LIKE '%processes%'")))
                return running[-1]
            wait_until(at_work, 10, "no question is at work")
            for _ in range(10):
                time.sleep(0.2)
                at_work()
            began = time.monotonic()
            status, _, body = ask(mine, "POST", "/api/v0/console/graph/line", {"start": now - 300, "end": now - 200},
                                  {"Remote-User": "modest"})
            assert status == 200, body
            assert time.monotonic() - began < 30  # not for as long as the greedy one goes on asking
        finally:
            stop.set()
            for t in threads:
                t.join()
        assert 1 <= max(running) <= 2
        assert role.process.poll() is None


# ---- A first look, then the exact answer

@pytest.mark.parametrize("path,dimensions", [("graph/line", ["SrcAddr"]), ("graph/line", []), ("graph/sankey", ["SrcAS", "SrcPort"])])
def test_slow_answers_come_in_two_steps(site, path, dimensions):
    ports, now, _ = site
    question = {"start": stamp(now - 86400), "end": stamp(now - 600), "dimensions": dimensions, "limit": 3,
                "filter": f"SrcPort >= {len(path)}"}
    status, headers, body = ask(ports, "POST", f"/api/v0/console/{path}?progress", question)
    assert status == 200 and headers["Content-Type"] == "application/x-ndjson"
    first, exact = (json.loads(line) for line in body.decode().splitlines())
    assert first["coarse"] is True and "coarse" not in exact
    assert first["rows-read"] < exact["rows-read"] / 2
    if path == "graph/line":
        assert len(first["t"]) < len(exact["t"])
        assert sum(first["average"]) == pytest.approx(sum(exact["average"]), rel=0.1)
    else:
        assert sum(first["xps"]) == pytest.approx(sum(exact["xps"]), rel=0.1)
    # kept: the next one is told at once, and the same as to those who do not want steps
    plain = json.loads(ask(ports, "POST", f"/api/v0/console/{path}", question)[2])
    again = ask(ports, "POST", f"/api/v0/console/{path}?progress", question)[2].decode().splitlines()
    assert plain == exact and [json.loads(line) for line in again] == [exact]


def test_quick_answers_come_at_once(site):
    ports, now, _ = site
    body = ask(ports, "POST", "/api/v0/console/graph/line?progress", {"start": stamp(now - 900), "end": stamp(now - 600)})[2]
    assert len(body.decode().splitlines()) == 1


def test_failures_are_a_line_too(site):
    ports, now, _ = site
    assert ask(ports, "POST", "/api/v0/console/graph/line?progress", {"start": "x"})[0] == 400
