"""weir store as others see it: ClickHouse's own client works, and a reader can read tables and nothing else."""
import gzip
import http.client
import ipaddress
import time
import urllib.parse
from datetime import datetime, timezone

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from lab import stop
from weir import PROGRAM, Role, free_ports

OWNER, READER = ("weir", "owner-password"), ("grafana", "reader-password")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    ports = free_ports()
    conf = {"store": {"http": {"listen": f"127.0.0.1:{ports['store']}"}, "username": OWNER[0], "password": OWNER[1],
                      "reader": READER[0], "reader-password": READER[1]}}
    with Role(tmp_path_factory.mktemp("store"), "store", conf, ports["store"], PROGRAM) as role:
        yield role


def client(store, user=OWNER, **options):
    return clickhouse_connect.get_client(host="127.0.0.1", port=store.port, username=user[0], password=user[1],
                                         **options)


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip", True])
def test_clickhouse_connect(store, compress):
    c = client(store, compress=compress)
    name = f"t_{str(compress).lower()}"
    c.command(f"""CREATE TABLE {name} (t DateTime, a IPv6, n UInt64, s LowCardinality(String), p Array(UInt32),
                  e Enum8('no' = 0, 'yes' = 1), f FixedString(2), l Array(UInt128)) ENGINE = MergeTree ORDER BY n""")
    when = datetime(2026, 11, 21, 10, 0, 0)
    rows = [[when, ipaddress.IPv6Address("2001:db8::1"), i, f"name {i % 7}", [i, 1], "yes", b"FR", [2**100 + i]]
            for i in range(20_000)]
    c.insert(name, rows, column_names=["t", "a", "n", "s", "p", "e", "f", "l"])
    got = c.query(f"SELECT n, s, p, e, l, toString(a) FROM {name} WHERE n >= {{from:UInt64}} ORDER BY n",
                  parameters={"from": 19_990})
    assert got.result_rows == [(i, f"name {i % 7}", [i, 1], "yes", [2**100 + i], "2001:db8::1")
                               for i in range(19_990, 20_000)]
    assert c.query(f"SELECT count(), sum(n) FROM {name}").result_rows == [(20_000, sum(range(20_000)))]
    with c.query_rows_stream(f"SELECT n FROM {name} ORDER BY n") as stream:
        assert sum(row[0] for row in stream) == sum(range(20_000))
    with pytest.raises(DatabaseError, match="(?s)60.*nothing_here"):
        c.query("SELECT * FROM nothing_here")
    c.close()


def ask(store, statement, user=OWNER, headers=None, body=None, **query):
    connection = http.client.HTTPConnection("127.0.0.1", store.port, timeout=60)
    if body is not None:
        query["query"] = statement
    connection.request("POST", "/?" + urllib.parse.urlencode(query), body if body is not None else statement.encode(),
                       {"X-ClickHouse-User": user[0], "X-ClickHouse-Key": user[1], **(headers or {})})
    answer = connection.getresponse()
    result = answer.status, answer.headers.get("X-ClickHouse-Exception-Code"), answer.read().decode(errors="replace")
    connection.close()
    return result


def test_wrong_password(store):
    status, code, text = ask(store, "SELECT 1", (OWNER[0], "guess"))
    assert status in (401, 403) and code == "516" and "AUTHENTICATION_FAILED" in text


def test_errors_carry_clickhouses_codes(store):
    assert ask(store, "SELECT 1 FROM nothing_here")[:2] == (404, "60")
    assert ask(store, "SELEC 1")[:2] == (400, "62")
    assert ask(store, "SELECT nonsense")[1] == "47"


def test_bodies_may_be_compressed(store):
    ask(store, "CREATE TABLE z (n UInt64) ENGINE = MergeTree ORDER BY n")
    body = gzip.compress("\n".join(str(n) for n in range(1000)).encode())
    assert ask(store, "INSERT INTO z FORMAT TSV", body=body, headers={"Content-Encoding": "gzip"})[0] == 200
    assert ask(store, "SELECT count(), sum(n) FROM z")[2] == "1000\t499500\n"
    status, _, text = ask(store, "INSERT INTO z FORMAT TSV", body=body, headers={"Content-Encoding": "br"})
    assert status >= 400 and ask(store, "SELECT count() FROM z")[2] == "1000\n", text


def test_a_token_inserts_once(store):
    ask(store, """CREATE TABLE once (n UInt64) ENGINE = MergeTree ORDER BY n
                  SETTINGS non_replicated_deduplication_window = 100""")
    for token in ("a", "a", "b"):
        status, _, text = ask(store, "INSERT INTO once FORMAT TSV", body=b"1\n2\n", insert_deduplication_token=token,
                              async_insert=0)
        assert status == 200, text
    assert ask(store, "SELECT count() FROM once")[2] == "4\n"


ALLOWED = [
    "SELECT 1",
    "SELECT count() FROM shown",
    "SELECT n, sum(n) OVER () FROM shown ORDER BY n",
    "WITH x AS (SELECT n FROM shown) SELECT * FROM x",
    "SELECT * FROM numbers(3)",
    "SHOW TABLES",
    "SHOW CREATE TABLE shown",
    "DESCRIBE TABLE shown",
    "EXPLAIN SELECT n FROM shown",
    "SELECT name FROM system.tables",
]
REFUSED = [
    "SELECT file('/etc/passwd')",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:1/x', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1:1', default.shown)",
    "SELECT * FROM executable('id', 'TSV', 'x String')",
    "SELECT n FROM shown INTO OUTFILE '/tmp/weir-test-outfile'",
    "SELECT 1; SELECT 2",
    "SELECT n FROM shown SETTINGS max_memory_usage = 0",
    "SELECT n FROM shown SETTINGS readonly = 0",
    "SET max_memory_usage = 0",
    "INSERT INTO shown VALUES (1)",
    "CREATE TABLE mine (n UInt8) ENGINE = Memory",
    "ALTER TABLE shown DELETE WHERE 1",
    "DROP TABLE shown",
    "TRUNCATE TABLE shown",
    "OPTIMIZE TABLE shown",
    "SYSTEM RELOAD DICTIONARIES",
    "KILL QUERY WHERE 1",
    "ATTACH TABLE shown",
    "GRANT ALL ON *.* TO grafana",
    "SELECT * FROM (SELECT * FROM file('/etc/passwd', 'LineAsString'))",
    "SELECT 1 UNION ALL SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "WITH (SELECT * FROM file('/etc/passwd', 'LineAsString') LIMIT 1) AS x SELECT x",
    "EXPLAIN SELECT file('/etc/passwd')",
]


@pytest.fixture(scope="module")
def shown(store):
    ask(store, "CREATE TABLE shown (n UInt64) ENGINE = MergeTree ORDER BY n AS SELECT number FROM numbers(10)")
    return store


@pytest.mark.parametrize("statement", ALLOWED)
def test_a_reader_may(shown, statement):
    status, _, text = ask(shown, statement, READER)
    assert status == 200, text


@pytest.mark.parametrize("statement", REFUSED)
def test_a_reader_may_not(shown, statement):
    status, code, text = ask(shown, statement, READER)
    assert status >= 400 and code, text
    assert "root:" not in text
    assert ask(shown, "SELECT count() FROM shown")[2] == "10\n"


@pytest.mark.parametrize("setting", ["readonly=0", "max_memory_usage=0", "allow_ddl=1", "max_execution_time=100000"])
def test_a_reader_cannot_lift_a_limit_by_the_address(shown, setting):
    name, value = setting.split("=")
    status, _, text = ask(shown, "SELECT * FROM shown", READER, **{name: value})
    if status == 200:  # taken, but only as far as it lowers something
        got = ask(shown, f"SELECT value FROM system.settings WHERE name = '{name}'", READER, **{name: value})
        assert got[0] != 200 or got[2].strip() != value, text


def test_even_the_owner_cannot_leave_the_folder(store):
    status, _, text = ask(store, "SELECT * FROM file('/etc/passwd', 'LineAsString')")
    assert status >= 400 and "root:" not in text


def test_a_query_ends_when_its_client_goes(store):
    connection = http.client.HTTPConnection("127.0.0.1", store.port)
    connection.request("POST", "/", b"SELECT sum(sleepEachRow(0.1)) FROM numbers(200) SETTINGS max_block_size = 1",
                       {"X-ClickHouse-User": OWNER[0], "X-ClickHouse-Key": OWNER[1]})
    running = "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%processes%'"
    end = time.monotonic() + 5
    while ask(store, running)[2] == "0\n":
        assert time.monotonic() < end, "it does not run"
        time.sleep(0.05)
    connection.close()
    end = time.monotonic() + 4
    while ask(store, running)[2] != "0\n":
        assert time.monotonic() < end, "it runs on although nobody waits"
        time.sleep(0.1)


def test_a_second_store_on_the_folder_names_the_first(store, tmp_path):
    import subprocess
    said = subprocess.run([PROGRAM, "store", store.path, "--data-dir", store.data], capture_output=True, text=True,
                          timeout=30, check=False)
    assert said.returncode != 0 and str(store.process.pid) in said.stderr, said.stderr


def test_time_is_utc(store):
    assert ask(store, "SELECT timezone()")[2] == "UTC\n"
    now = int(ask(store, "SELECT toUnixTimestamp(now())")[2])
    assert abs(now - datetime.now(timezone.utc).timestamp()) < 5


def test_killed_and_started_again_it_has_what_it_acknowledged(store):
    ask(store, "CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")
    assert ask(store, "INSERT INTO kept FORMAT TSV", body=b"1\n2\n3\n", async_insert=0)[0] == 200
    store.kill()
    store.start()
    assert ask(store, "SELECT sum(n) FROM kept")[2] == "6\n"


def test_stops_on_sigterm(store):
    start = time.monotonic()
    assert stop(store.process, 12) == 0, store.log()[-2000:]
    assert time.monotonic() - start < 10
