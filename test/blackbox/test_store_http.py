"""The embedded store behind ClickHouse's HTTP interface, and the orchestrator's tables in it: real roles, real engine."""
import base64
import contextlib
import gzip
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.parse
from datetime import datetime, timedelta, timezone

import clickhouse_connect
import lz4.block
import lz4.frame
import pytest
from backports import zstd

from lab import stop, wait_until
from weir import PROGRAM, free_ports

OWNER, READER = ("owner", "o-w&ner'"), ("grafana", "see")
TABLES = {"flows", "flows_1m0s", "flows_5m0s", "flows_1h0m0s", "exporters", "ledger"}


class Store:
    """Roles store and orchestrator on free ports."""

    def __init__(self, folder):
        self.folder = folder
        self.data = os.path.join(folder, "data")
        ports = free_ports()
        self.port, self.orchestrator = ports["store"], ports["orchestrator"]
        self.conf = {
            "http": {"listen": f"127.0.0.1:{self.orchestrator}"},
            "store": {"http": {"listen": f"127.0.0.1:{self.port}"}, "username": OWNER[0], "password": OWNER[1],
                      "reader": READER[0], "reader-password": READER[1], "max-query-time": "2s"},
            "clickhousedb": {"servers": [f"127.0.0.1:{self.port}"], "username": OWNER[0], "password": OWNER[1]},
            "clickhouse": {"asns": {"64501": "Our own", "15169": "Somebody"}},
        }
        self.path = os.path.join(folder, "weir.yaml")
        self.processes = {}

    def write(self):
        with open(self.path, "w", encoding="utf-8") as f:
            json.dump(self.conf, f)

    def start(self, role):
        self.write()
        log = open(os.path.join(self.folder, role + ".log"), "ab")
        self.processes[role] = subprocess.Popen([PROGRAM, role, self.path, "--data-dir", self.data], stdout=log, stderr=log)

    def stop(self, role, sig=signal.SIGTERM):
        return stop(self.processes.pop(role), number=sig)

    def log(self, role):
        with open(os.path.join(self.folder, role + ".log"), encoding="utf-8") as f:
            return f.read()

    def up(self):
        self.start("store")
        self.start("orchestrator")
        wait_until(self.ready, 20, lambda: self.log("store") + self.log("orchestrator"))

    def ready(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, _, body = self.get(f"http://127.0.0.1:{self.orchestrator}/api/v0/healthcheck")
            return status == 200 and json.loads(body)["details"]["clickhouse"]["status"] == "ok"
        return False

    @staticmethod
    def get(url):
        parts = urllib.parse.urlsplit(url)
        c = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        c.request("GET", parts.path + ("?" + parts.query if parts.query else ""))
        r = c.getresponse()
        return r.status, r.headers, r.read()

    def ask(self, sql=b"", who=OWNER, method="POST", headers=None, timeout=60, **args):
        """Status, headers, body."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        h = {"X-ClickHouse-User": who[0], "X-ClickHouse-Key": who[1], **(headers or {})} if who else headers or {}
        body = sql.encode() if isinstance(sql, str) else sql
        c.request(method, "/?" + urllib.parse.urlencode(args), body if method == "POST" else None, h)
        r = c.getresponse()
        return r.status, r.headers, r.read()

    def one(self, sql, **kw):
        status, _, body = self.ask(sql, **kw)
        assert status == 200, body.decode()
        return body.decode().rstrip("\n")

    def refused(self, sql, code, status=None, **kw):
        got, headers, body = self.ask(sql, **kw)
        assert got != 200 and headers["X-ClickHouse-Exception-Code"] == str(code), (got, body)
        assert body.decode().startswith(f"Code: {code}. DB::") and "(version " in body.decode()
        if status:
            assert got == status, body
        return body.decode()


@pytest.fixture(scope="module")
def store(folder):
    s = Store(folder)
    try:
        s.up()
        yield s
    finally:
        for role in list(s.processes):
            s.stop(role)


# ---- the interface

def test_ping_and_empty_get(store):
    assert store.get(f"http://127.0.0.1:{store.port}/ping")[2] == b"Ok.\n"
    assert store.ask(method="GET")[2] == b"Ok.\n"


def test_statements_by_get_and_post(store):
    assert store.one("SELECT 1") == "1"
    assert store.ask(method="GET", query="SELECT 2")[2] == b"2\n"
    assert store.one("1 + 2", query="SELECT") == "3"
    assert store.one("SELECT {a:UInt8} + {b:UInt8}, {s:String}", param_a="1", param_b="2", param_s="x'y") == "3\tx\\'y"
    assert store.one("SELECT 1", default_format="JSONEachRow") == '{"1":1}'
    assert store.one("SELECT currentDatabase()", database="system") == "system"
    assert store.one("SELECT getSetting('max_block_size')", max_block_size="77") == "77"
    assert store.one("SELECT timezone()") == "UTC"
    assert abs(int(store.one("SELECT toUnixTimestamp(now())")) - time.time()) < 60


def test_headers(store):
    _, h, _ = store.ask("SELECT 1 FORMAT JSON", query_id="q-1")
    assert h["X-ClickHouse-Format"] == "JSON" and h["X-ClickHouse-Query-Id"] == "q-1"
    assert h["X-ClickHouse-Timezone"] == "UTC" and h["Content-Type"].startswith("application/json")
    assert json.loads(h["X-ClickHouse-Summary"])["read_rows"] == "1"


def test_users(store):
    token = base64.b64encode(":".join(OWNER).encode()).decode()
    assert store.ask("SELECT 1", who=None, headers={"Authorization": "Basic " + token})[0] == 200
    assert store.ask("SELECT 1", who=None, **{"user": OWNER[0], "password": OWNER[1]})[0] == 200
    for user in (None, (OWNER[0], ""), (OWNER[0], OWNER[1] + "x"), (OWNER[0], OWNER[1][:-1]), ("default", ""), (READER[0], OWNER[1])):
        store.refused("SELECT 1", 516, 403, who=user)


def test_errors_have_the_code_and_status_of_clickhouse(store):
    store.refused("SELECT 1 FROM", 62, 400)
    store.refused("SELECT * FROM nothing", 60, 404)
    store.refused("SELECT nothing", 47, 404)
    store.refused("SELECT 1", 81, 404, database="nothing")
    store.refused("SELECT 1", 115, 404, nothing_like_it="1")
    store.refused("SELECT 1; SELECT 2", 62, 400)
    store.refused("", 62, 400)
    store.refused("DROP TABLE flows", 164, method="GET", query="DROP TABLE flows")
    store.refused("SELECT sum(number) FROM numbers(1e12)", 159, 408, max_execution_time="0.2")
    store.refused("SELECT groupArray(number) FROM numbers(1e8)", 241, 500, max_memory_usage="10000000")


def test_a_stream_that_fails_half_way_is_no_whole_answer(store):
    with pytest.raises(http.client.IncompleteRead) as failed:
        store.ask("SELECT throwIf(number = 3000000) FROM numbers(4000000) FORMAT CSV", max_block_size="10000")
    assert re.search(rb"\n\r\n__exception__\r\n([a-z]{16})\r\nCode: 395\. DB::Exception: [^\r]*\n\d+ \1\r\n__exception__\r\n$",
                     failed.value.partial)
    store.refused("SELECT throwIf(number = 3000000) FROM numbers(4000000) FORMAT CSV", 395, max_block_size="10000",
                  wait_end_of_query="1")


def test_a_reader_who_asks_for_too_many_rows_is_told(store):
    with pytest.raises(http.client.IncompleteRead) as failed:
        store.ask("SELECT number FROM numbers(30000000)", who=READER)
    assert b"\nCode: 396. DB::Exception: Limit for result exceeded" in failed.value.partial[-2000:]


def test_large_answers_arrive_whole(store):
    for form in ("TabSeparated", "JSONEachRow", "JSONCompact", "CSVWithNames"):
        body = store.ask(f"SELECT number FROM numbers(500000) FORMAT {form}")[2]
        assert body.count(b"499999") >= 1 and body.count(b"123456") >= 1
    assert len(json.loads(store.ask("SELECT number FROM numbers(500000) FORMAT JSONCompact")[2])["data"]) == 500000


# ---- inserts and bodies

def test_inserts_of_all_shapes(store):
    store.one("CREATE OR REPLACE TABLE shapes (a UInt32, s String) ENGINE = MergeTree ORDER BY a")
    store.one("INSERT INTO shapes VALUES (1, 'x;y'), (2, 'it''s')")
    store.one("INSERT INTO shapes FORMAT CSV\n3,\"a;b\n c\"\n")
    store.one(b"4,four\n", query="INSERT INTO shapes FORMAT CSV")
    store.one('{"a":5,"s":"five"}', query="INSERT INTO shapes (a, s) FORMAT JSONEachRow")
    store.one("INSERT INTO shapes SELECT 6, 'six'")
    native = store.ask("SELECT 7::UInt32 AS a, 'seven;\\n' AS s FORMAT Native")[2]
    store.one(native, query="INSERT INTO shapes FORMAT Native")
    assert store.one("SELECT groupArray(s) FROM (SELECT s FROM shapes ORDER BY a) FORMAT TSVRaw") == \
        "['x;y','it\\'s','a;b\\n c','four','five','six','seven;\\n']"
    store.refused(native[:-3], 33, query="INSERT INTO shapes FORMAT Native")
    store.refused("x", 164, method="GET", query="INSERT INTO shapes VALUES (9, 'x')")
    assert store.one("SELECT count() FROM shapes") == "7"


def test_packed_bodies(store):
    store.one("CREATE OR REPLACE TABLE packed (a UInt32) ENGINE = MergeTree ORDER BY a")
    rows = "".join(f"{n}\n" for n in range(1000)).encode()
    for name, data in (("gzip", gzip.compress(rows)), ("lz4", lz4.frame.compress(rows))):
        store.one(data, query="INSERT INTO packed FORMAT CSV", headers={"Content-Encoding": name})
    assert store.one("SELECT count(), sum(a) FROM packed") == "2000\t999000"
    store.refused(lz4.frame.compress(rows)[:-9], 117, 400, query="INSERT INTO packed FORMAT CSV", headers={"Content-Encoding": "lz4"})
    store.refused(rows, 48, 501, query="INSERT INTO packed FORMAT CSV", headers={"Content-Encoding": "br"})
    # packed without saying so is no empty statement
    assert store.ask(gzip.compress(b"INSERT INTO packed VALUES (1)"))[0] != 200
    assert store.one("SELECT count() FROM packed") == "2000"


def test_packed_answers(store):
    _, h, body = store.ask("SELECT number FROM numbers(10000)", enable_http_compression="1",
                           headers={"Accept-Encoding": "lz4"})
    assert h["Content-Encoding"] == "lz4" and lz4.frame.decompress(body).count(b"\n") == 10000
    _, h, body = store.ask("SELECT number FROM numbers(10000) FORMAT Native", enable_http_compression="1",
                           headers={"Accept-Encoding": "gzip"})
    assert h["Content-Encoding"] == "gzip" and len(gzip.decompress(body)) > 80000


# ---- ClickHouse's own frames: 16 bytes CityHash128, method, bytes from the method on, bytes unpacked, data

LZ4, ZSTD, NONE = 0x82, 0x90, 0x02


def check_of(framed):
    from clickhouse_cityhash.cityhash import CityHash128  # an implementation that is not weir's
    both = CityHash128(framed)
    return struct.pack("<QQ", both >> 64, both & (2**64 - 1))


def frame(text, method):
    data = lz4.block.compress(text, store_size=False) if method == LZ4 else zstd.compress(text) if method == ZSTD else text
    framed = struct.pack("<BII", method, 9 + len(data), len(text)) + data
    return check_of(framed) + framed


def unframe(body):
    text = b""
    while body:
        method, packed, n = struct.unpack("<BII", body[16:25])
        assert check_of(body[16:16 + packed]) == body[:16] and method in (LZ4, NONE)
        data, body = body[25:16 + packed], body[16 + packed:]
        text += lz4.block.decompress(data, uncompressed_size=n) if method == LZ4 else data
    return text


def test_frames_of_bodies(store):
    store.one("CREATE OR REPLACE TABLE framed (a UInt32) ENGINE = MergeTree ORDER BY a")
    into = {"query": "INSERT INTO framed FORMAT CSV", "decompress": "1"}
    rows = "".join(f"{n}\n" for n in range(100000)).encode()
    cut = len(rows) // 3
    for method in (LZ4, ZSTD, NONE):
        store.one(frame(rows[:cut], method) + frame(rows[cut:], method), **into)
    assert store.one("SELECT count(), sum(a) FROM framed") == "300000\t14999850000"
    # frames within a content coding, and a statement in frames
    store.one(gzip.compress(frame(b"1\n", LZ4)), headers={"Content-Encoding": "gzip"}, **into)
    assert store.one(frame(b"SELECT count() FROM framed", ZSTD), decompress="1") == "300001"
    good = frame(rows, LZ4)
    for bad in (rows, good[:-1], good[:40] + b"!" + good[41:], good + b"x", frame(rows, LZ4)[:16] + frame(rows, ZSTD)[16:],
                frame(b"x" * (65 << 20), LZ4)):
        store.refused(bad, 117, 400, **into)
    assert store.one("SELECT count() FROM framed") == "300001"


def test_frames_of_answers(store):
    for form in ("TabSeparated", "Native", "JSONCompact"):  # streamed and not
        sql = f"SELECT number FROM numbers(300000) FORMAT {form}"
        _, h, body = store.ask(sql, compress="1")
        plain = store.ask(sql)[2]
        assert "Content-Encoding" not in h and len(body) < len(plain)
        if form == "JSONCompact":  # it tells how long it took
            assert json.loads(unframe(body))["data"] == json.loads(plain)["data"]
        else:
            assert unframe(body) == plain
    assert store.ask("SELECT 1 WHERE 0", compress="1")[2] == b""
    _, h, body = store.ask("SELECT 1", compress="1", enable_http_compression="1", headers={"Accept-Encoding": "gzip"})
    assert h["Content-Encoding"] == "gzip" and unframe(gzip.decompress(body)) == b"1\n"
    status, h, body = store.ask("SELECT nothing", compress="1")
    assert status == 404 and h["X-ClickHouse-Exception-Code"] == "47" and unframe(body).startswith(b"Code: 47. DB::")
    assert store.ask("SELECT 1", who=(OWNER[0], "guess"), compress="1")[2].startswith(b"Code: 516.")


# ---- a client that is not weir's

@pytest.mark.parametrize("compress", [False, True, "lz4", "zstd", "gzip"])
def test_clickhouse_connect(store, compress):
    client = clickhouse_connect.get_client(host="127.0.0.1", port=store.port, username=OWNER[0], password=OWNER[1],
                                           compress=compress)
    client.command("DROP TABLE IF EXISTS connect")
    client.command("CREATE TABLE connect (n UInt32, s LowCardinality(String), a Array(UInt32), ip IPv6, t DateTime, "
                   "e Enum8('no' = 0, 'yes' = 1), f FixedString(2), l Array(UInt128)) ENGINE = MergeTree ORDER BY n")
    rows = [[n, f"s{n % 7}", [n, n + 1], "2001:db8::1", 1700000000 + n, "yes", b"FR", [2**100 + n]] for n in range(5000)]
    client.insert("connect", rows, column_names=["n", "s", "a", "ip", "t", "e", "f", "l"])
    got = client.query("SELECT n, s, a, toString(ip), toUnixTimestamp(t), e, toString(f), l FROM connect WHERE n < {m:UInt32} ORDER BY n",
                       parameters={"m": 4000}).result_rows
    assert len(got) == 4000 and got[123] == (123, "s4", [123, 124], "2001:db8::1", 1700000123, "yes", "FR", [2**100 + 123])
    assert client.command("SELECT count() FROM connect") == 5000
    with client.query_row_block_stream("SELECT number FROM numbers(300000)") as stream:
        assert sum(len(block) for block in stream) == 300000
    with pytest.raises(clickhouse_connect.driver.exceptions.DatabaseError, match="UNKNOWN_TABLE"):
        client.query("SELECT * FROM nothing")
    with pytest.raises(clickhouse_connect.driver.exceptions.Error, match="Code: 395"):
        client.query("SELECT throwIf(number = 3000000) FROM numbers(4000000)", settings={"max_block_size": 10000})
    client.close()


# ---- readers

def test_a_reader_reads(store):
    assert store.one("SELECT sum(number) FROM numbers(10)", who=READER) == "45"
    assert store.one("SELECT count() FROM flows WHERE SrcAS IN (15169, 36040)", who=READER) == "0"
    assert store.one("WITH x AS (SELECT 1 AS a) SELECT a FROM x FORMAT JSONEachRow", who=READER) == '{"a":1}'
    assert "flows" in store.one("SHOW TABLES", who=READER)
    assert store.one("SELECT number, sum(number) OVER () FROM numbers(2) ORDER BY number", who=READER) == "0\t1\n1\t1"
    assert "SrcAddr" in store.one("DESCRIBE TABLE flows", who=READER)
    assert store.one("EXISTS TABLE flows", who=READER) == "1"
    assert "PRIMARY KEY" in store.one("SHOW CREATE TABLE flows", who=READER)
    assert store.one("EXPLAIN indexes = 1 SELECT count() FROM flows", who=READER)
    assert store.one("SELECT dictGet('asns', 'name', 64501::UInt64)", who=READER) == "Our own"
    assert store.one("SELECT name FROM system.tables WHERE database = 'default' AND name = 'flows'", who=READER) == "flows"
    assert store.one("SELECT {x:String}", who=READER, param_x="y") == "y"
    assert store.one("SELECT 1", who=READER, output_format_json_quote_64bit_integers="1", default_format="CSV") == "1"


@pytest.mark.parametrize("sql", [
    "SELECT * FROM file('/etc/passwd', 'LineAsString')", "SELECT file('/etc/passwd')",
    "SELECT * FROM url('http://127.0.0.1/', 'LineAsString')", "SELECT * FROM s3('http://x/y')",
    "SELECT * FROM remote('127.0.0.1', 'system', 'one')", "SELECT * FROM executable('id', 'LineAsString', 's String')",
    "SELECT 1 INTO OUTFILE '/tmp/weir-outfile'", "INSERT INTO ledger VALUES (1)", "INSERT INTO FUNCTION file('x') SELECT 1",
    "CREATE TABLE t (a Int8) ENGINE = Memory", "CREATE TEMPORARY TABLE t (a Int8)", "DROP TABLE flows",
    "ALTER TABLE flows DELETE WHERE 1", "SYSTEM SHUTDOWN", "KILL QUERY WHERE 1", "SET max_memory_usage = 0",
    "SELECT 1 SETTINGS max_execution_time = 0", "SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)",
    "SELECT * FROM (SELECT 1 AS `x)\n     Explain` SETTINGS max_memory_usage = 0)",
    "SELECT arrayMap(x -> file(x), ['/etc/passwd'])", "SELECT * APPLY(file) FROM numbers(1)", "SELECT (SELECT file('x'))",
    "WITH (SELECT file('x')) AS z SELECT z", "SELECT 1 WHERE 1 IN (SELECT * FROM url('http://x'))", "SELECT 1 IN file('x')",
    "DESCRIBE TABLE url('http://x')", "EXPLAIN SELECT * FROM file('x')", "EXPLAIN TABLE OVERRIDE mysql('a') COLUMNS (a Int8)",
    "SELECT * FROM `file`('x')", "SELECT * FROM FILE('x')", "SELECT * FROM eval('SELECT 1')", "SELECT * FROM merge('system', '.*')",
    "SELECT * FROM cluster('default', system.one)", "SELECT hasColumnInTable('127.0.0.1', 'u', 'p', 'd', 't', 'c')",
    "SELECT * FROM system.processes", "SELECT query_id IN system.processes", "SHOW PROCESSLIST", "SELECT sleep(3)",
    "SELECT 1 UNION ALL SELECT * FROM file('/etc/passwd', 'LineAsString')", "SELECT * FROM numbers(1) SETTINGS readonly = 0",
    "SYSTEM RELOAD DICTIONARIES", "EXPLAIN SELECT file('/etc/passwd')",
    "SELECT 1; DROP TABLE flows", "SELECT 1 PARALLEL WITH SELECT 2", "BACKUP TABLE flows TO File('x')", "USE system",
    "ATTACH TABLE x", "GRANT ALL ON *.* TO grafana", "CREATE FUNCTION f AS (x) -> x", "RENAME TABLE flows TO x",
    "SELECT * FROM '/etc/passwd'", "SELECT * FROM default.`/etc/passwd`", "DESCRIBE TABLE `/etc/passwd`", "SELECT 1 IN `/etc/passwd`",
    "SHOW CREATE TABLE `/etc/passwd`", "EXISTS TABLE `/etc/passwd`", "OPTIMIZE TABLE flows FINAL", "TRUNCATE TABLE flows", "EXCHANGE TABLES flows AND ledger", "CHECK TABLE flows",
])
def test_a_reader_may_only_read(store, sql):
    status, headers, body = store.ask(sql, who=READER)
    assert status != 200 and headers["X-ClickHouse-Exception-Code"] in ("497", "164", "62"), body
    assert b"root:" not in body
    assert not os.path.exists("/tmp/weir-outfile")


def test_a_reader_cannot_lift_limits(store):
    for name in ("max_memory_usage", "max_execution_time", "readonly_", "max_threads", "max_rows_to_read", "allow_ddl"):
        store.refused("SELECT 1", 164, who=READER, **{name: "0"})
    store.refused("SELECT count() FROM numbers(1e13)", 159, 408, who=READER)
    store.refused("SELECT 1 FROM numbers(2000000) FORMAT Null", 396, who=READER)
    assert store.one("SELECT getSetting('readonly')", who=READER, readonly="0") == "1"


def test_the_engine_is_confined(store):
    """What the kernel refuses even to the owner; a reader never gets so far."""
    assert "confined=yes" in store.log("store")
    store.refused("SELECT * FROM file('/etc/passwd', 'LineAsString')", 76)
    store.refused("INSERT INTO FUNCTION file('/tmp/weir-confined', 'CSV', 'a Int8') SELECT 1", 76)
    assert not os.path.exists("/tmp/weir-confined")


# ---- cancelling, many at once

def running(store):
    return int(store.one("SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'"))


def test_a_query_ends_when_its_client_leaves(store):
    slow = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"
    for extra in ("", " FORMAT JSON"):
        with socket.create_connection(("127.0.0.1", store.port)) as s:
            body = slow + extra
            s.sendall(f"POST /?user={OWNER[0]}&password={urllib.parse.quote(OWNER[1])} HTTP/1.1\r\nHost: x\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            wait_until(lambda: running(store) == 1, 5, "the query does not run")
        wait_until(lambda: running(store) == 0, 3, "the query goes on without its client")


def test_many_at_once(store):
    store.one("CREATE OR REPLACE TABLE many (a UInt32) ENGINE = MergeTree ORDER BY a")
    wrong = []

    def work(n):
        for i in range(10):
            if n % 2:
                store.one(f"{n}\n{i}\n", query="INSERT INTO many FORMAT CSV")
            elif store.one(f"SELECT {n} + count() - count() FROM many") != str(n):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(300)
    assert not wrong and store.one("SELECT count() FROM many") == "120"


# ---- the orchestrator's tables

def test_tables_read_well(store):
    assert TABLES <= set(store.one("SHOW TABLES").split())
    text = store.one("SHOW CREATE TABLE flows FORMAT TSVRaw")
    assert "`SrcAddr` IPv6 CODEC(ZSTD(1))" in text and "`TimeReceived` DateTime CODEC(T64, LZ4)" in text
    assert re.search(r"ORDER BY \(toStartOfFiveMinutes\(TimeReceived\), ExporterAddress, InIfName, OutIfName\)", text)
    assert "TTL TimeReceived + toIntervalSecond(1296000)" in text and "INDEX idx_SrcAS SrcAS TYPE bloom_filter(0.001) GRANULARITY 4" in text
    rollup = store.one("SHOW CREATE TABLE flows_5m0s FORMAT TSVRaw")
    assert "SummingMergeTree((Bytes, Packets))" in rollup and "SrcAddr" not in rollup
    assert "PRIMARY KEY (TimeReceived, ExporterAddress, EType, Proto, InIfName, SrcAS, ForwardingStatus, OutIfName, DstAS, SamplingRate)" in rollup


def test_dictionaries_come_from_the_orchestrator(store):
    assert store.one("SELECT dictGet('asns', 'name', 15169::UInt64), dictGet('asns', 'name', 174::UInt64)") == "Somebody\tCogent"
    assert store.one("SELECT dictGet('protocols', 'name', 6::UInt64), dictGet('tcp', 'name', 443::UInt64), dictGet('udp', 'name', 53::UInt64)") == "TCP\thttps\tdomain"
    assert store.one("SELECT dictGet('icmp', 'name', (1::UInt32, 8::UInt8, 0::UInt8))") == "Echo"


YESTERDAY = (datetime.now(timezone.utc) - timedelta(days=1)).strftime("%Y-%m-%d")  # the tables forget what is older than a week


def minute_rows(n, bytes_each):
    return "".join(f"{YESTERDAY} 10:0{i % 10}:00,192.0.2.1,{i % 50},{bytes_each},1,1000\n" for i in range(n))


def sums(store):
    return [store.one(f"SELECT sum(Bytes), sum(Packets) FROM {t}") for t in ("flows_1m0s", "flows_5m0s", "flows_1h0m0s")]


def test_a_block_sent_again_changes_nothing(store):
    """The coarser rollups hang on flows_1m0s by views: the token must hold for all three."""
    settings = {"insert_deduplicate": 1, "deduplicate_blocks_in_dependent_materialized_views": 1, "async_insert": 0,
                "optimize_on_insert": 0, "max_partitions_per_insert_block": 0}
    into = "INSERT INTO flows_1m0s (TimeReceived, ExporterAddress, SrcAS, Bytes, Packets, SamplingRate) FORMAT CSV"

    def insert(token, rows):
        store.one(rows.replace("192.0.2.1", "::ffff:192.0.2.1"), query=into, insert_deduplication_token=token, **settings)

    insert("flows-0-1-100", minute_rows(1000, 7))
    assert sums(store) == ["7000\t1000"] * 3
    insert("flows-0-1-100", minute_rows(1000, 7))
    assert sums(store) == ["7000\t1000"] * 3
    insert("flows-0-1-100", minute_rows(1000, 8))  # enriched otherwise: the first one stored wins
    assert sums(store) == ["7000\t1000"] * 3
    insert("flows-0-101-200", minute_rows(1000, 7))  # the same rows, but another block
    assert sums(store) == ["14000\t2000"] * 3
    # and without a token the same rows would be told from one another by nothing
    assert store.one("SELECT uniqExact(TimeReceived) FROM flows_5m0s") == "2"


def test_a_killed_store_finds_its_tables_again(store):
    before = sums(store)
    store.stop("store", signal.SIGKILL)
    store.start("store")
    wait_until(lambda: answers(store), 20, lambda: store.log("store"))
    assert sums(store) == before


def answers(store):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return store.ask("SELECT 1")[0] == 200
    return False


def test_a_second_store_is_told_who_has_the_directory(store):
    r = subprocess.run([PROGRAM, "store", store.path, "--data-dir", store.data], capture_output=True, text=True, timeout=120, check=False)
    assert r.returncode != 0 and str(store.processes["store"].pid) in r.stderr


def test_changes_are_migrated(store):
    store.stop("orchestrator")
    store.conf["schema"] = {"enabled": ["SrcVlan", "DstVlan"], "disabled": ["SrcGeoCity", "DstGeoCity"]}
    store.conf["clickhouse"]["resolutions"] = [{"interval": 0, "ttl": "10d"}, {"interval": "1m", "ttl": "7d"},
                                               {"interval": "5m", "ttl": "90d"}, {"interval": "1h", "ttl": "360d"}]
    before = sums(store)
    store.start("orchestrator")
    wait_until(store.ready, 20, lambda: store.log("orchestrator"))
    assert store.one("SELECT count() FROM system.columns WHERE database = 'default' AND table = 'flows' AND name IN ('SrcVlan', 'SrcGeoCity')") == "1"
    assert "SrcVlan" in store.one("SELECT sorting_key FROM system.tables WHERE name = 'flows_1h0m0s'")
    assert "toIntervalSecond(864000)" in store.one("SHOW CREATE TABLE flows FORMAT TSVRaw")
    assert "DstVlan" in store.one("SHOW CREATE TABLE flows_5m0s_consumer FORMAT TSVRaw")
    assert sums(store) == before
    _, _, metrics = store.get(f"http://127.0.0.1:{store.orchestrator}/api/v0/metrics")
    applied = int(re.search(rb"weir_orchestrator_clickhouse_migrations_applied_steps_total (\d+)", metrics)[1])
    store.stop("orchestrator")
    store.start("orchestrator")
    wait_until(store.ready, 20, lambda: store.log("orchestrator"))
    _, _, metrics = store.get(f"http://127.0.0.1:{store.orchestrator}/api/v0/metrics")
    again = int(re.search(rb"weir_orchestrator_clickhouse_migrations_applied_steps_total (\d+)", metrics)[1])
    assert applied > 5 and again == 0


def test_a_token_still_holds_after_a_view_changed(store):
    before = sums(store)
    into = "INSERT INTO flows_1m0s (TimeReceived, ExporterAddress, SrcAS, Bytes, Packets, SamplingRate) FORMAT CSV"
    store.one(minute_rows(1000, 7).replace("192.0.2.1", "::ffff:192.0.2.1"), query=into, insert_deduplication_token="flows-0-1-100",
              insert_deduplicate=1, deduplicate_blocks_in_dependent_materialized_views=1, async_insert=0, optimize_on_insert=0,
              max_partitions_per_insert_block=0)
    assert sums(store) == before


# ---- weir sql, memory

def sql(store, *args, **kw):
    return subprocess.run([PROGRAM, "sql", "--config", store.path, "--data-dir", store.data, *args], capture_output=True, text=True,
                          timeout=120, check=False, **kw)


def test_weir_sql(store):
    r = sql(store, "--format", "JSONEachRow", "SELECT 1 AS x")
    assert (r.returncode, r.stdout) == (0, '{"x":1}\n')
    assert sql(store, input="SELECT 2").stdout == "2\n"
    r = sql(store, "SELECT nothing")
    assert r.returncode == 1 and "UNKNOWN_IDENTIFIER" in r.stderr and r.stdout == ""
    r = sql(store, "SELECT throwIf(number = 3000000) FROM numbers(5000000)")  # rows are out by then
    assert r.returncode == 1 and r.stderr.startswith("weir sql: Code: 395. DB::Exception: ") and "does weir run" not in r.stderr
    assert len(r.stdout) > 100000 and not r.stdout.strip("0\n")
    assert sql(store, "--format", "Vertical", "SELECT 1 AS x").stdout.startswith("Row 1:")


def test_the_disk_budget_drops_the_oldest_detail(store):
    store.one("INSERT INTO flows (TimeReceived, Bytes, SrcAddr, DstAddr) SELECT now() - number % 800000, 1, IPv6NumToString(sipHash128(number)), IPv6NumToString(sipHash128(number, 1)) "
              "FROM numbers(2200000) SETTINGS max_partitions_per_insert_block = 0, async_insert = 0")
    span = "SELECT toUnixTimestamp(max(TimeReceived)), toUnixTimestamp(min(TimeReceived)) FROM flows"
    newest, oldest = store.one(span).split()
    rollups = sums(store)
    store.stop("store")
    store.conf["store"]["max-size"] = "64MiB"
    store.start("store")
    wait_until(lambda: "oldest data dropped" in store.log("store"), 30, lambda: store.log("store"))
    wait_until(lambda: answers(store) and int(store.one("SELECT sum(bytes_on_disk) FROM system.parts WHERE active")) <= 64 << 20, 20, "still too large")
    now_newest, now_oldest = store.one(span).split()
    assert now_newest == newest and int(now_oldest) > int(oldest)
    assert sums(store) == rollups
    _, _, body = store.get(f"http://127.0.0.1:{store.port}/api/v0/healthcheck")
    assert json.loads(body)["details"]["store"]["status"] == "warning"
    _, _, body = store.get(f"http://127.0.0.1:{store.port}/api/v0/metrics")
    assert int(re.search(rb"weir_store_dropped_partitions_total (\d+)", body)[1]) > 0


def test_memory_at_rest(store):
    time.sleep(1)
    with open(f"/proc/{store.processes['store'].pid}/status", encoding="ascii") as f:
        rss = int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
    assert rss < 1200 * 1024  # after everything above; what an idle one takes is in doc/performance.md


def test_it_stops_when_told(store):
    answers_of = []

    def ask(sql):
        answers_of.append(store.ask(sql)[0::2])

    slow = b"SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"
    threads = [threading.Thread(target=ask, args=(slow + extra,)) for extra in (b"", b" FORMAT JSON")]
    for t in threads:
        t.start()
    wait_until(lambda: running(store) == 2, 10, "the queries do not run")
    began = time.monotonic()
    assert store.stop("store") == 0 and time.monotonic() - began < 30, store.log("store")[-2000:]
    for t in threads:
        t.join()
    assert len(answers_of) == 2
    for status, body in answers_of:  # whoever waited is told why
        assert status == 500 and b"QUERY_WAS_CANCELLED" in body
