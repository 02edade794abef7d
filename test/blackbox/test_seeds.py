"""What the first users were promised: the tables' definition, finding an attack by SQL, and the filters of the examples."""
import socket
import struct
import time
from datetime import datetime, timedelta, timezone

import pytest

from lab import inside
from weir import Weir, command, configuration, udp_input

pytestmark = pytest.mark.root
VICTIM = "203.0.113.168"
EXPORTER = "127.0.8.1"


def record(source, target, proto, sport, dport, octets, packets, source_as, interface):
    return struct.pack(">4s4sIHHIIIIHHBBBBHHBBH", socket.inet_aton(source), socket.inet_aton(target), 0, interface, 99,
                       packets, octets, 999000, 999900, sport, dport, 0, 0, proto, 0, source_as, 64500, 24, 24, 0)


def datagrams(records):
    for i in range(0, len(records), 30):
        part = records[i:i + 30]
        yield struct.pack(">HHIIIIBBH", 5, len(part), 1000000, int(time.time()), 0, i, 0, 0, 0) + b"".join(part)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory, namespace):
    """A weir that has just seen an NTP reflection attack beside ordinary traffic."""
    folder = tmp_path_factory.mktemp("seeds")
    interfaces = {
        "1": {"name": "xe-0/0/1", "description": "Transit: Cogent", "speed": 10000, "provider": "cogent",
              "connectivity": "transit", "boundary": "external"},
        "2": {"name": "xe-0/0/2", "description": "IX", "speed": 10000, "provider": "amsix", "connectivity": "ix",
              "boundary": "external"},
        "99": {"name": "ae0", "description": "core", "speed": 100000, "boundary": "internal"},
    }
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")], outlet={
        "http": {"listen": "127.0.0.1:8083"},
        "metadata": {"providers": [{"type": "static", "exporters": {f"{EXPORTER}/32": {
            "name": "edge1", "default": {"name": "unknown", "description": "unknown", "speed": 1000},
            "ifindexes": interfaces}}}]}})
    attack = [record(f"198.{18 + i % 2}.{i // 250}.{i % 250 + 1}", VICTIM, 17, 123, 40000 + i % 100, 46_800_000, 100_000,
                     64496 + i % 40, 1) for i in range(600)]
    ordinary = [record(f"192.0.2.{i % 200 + 1}", f"203.0.113.{i % 100 + 1}", 6, 443, 50000 + i, 40_000, 40,
                       (15169, 36040, 32934)[i % 3], 1 + i % 2) for i in range(600)]
    with Weir(folder, conf, namespace) as w:
        with inside(namespace):
            out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            out.bind((EXPORTER, 0))
        with out:
            for data in datagrams(attack + ordinary):
                out.sendto(data, ("127.0.0.1", 2055))
        w.wait_sql("SELECT count() FROM flows", lambda r: r[0][0] == 1200, 30)
        yield w


def test_show_create_table(attacked):
    text = attacked.sql("SHOW CREATE TABLE flows")[0][0]
    assert "MergeTree" in text and "TTL TimeReceived" in text and "PARTITION BY" in text
    for column in ("`TimeReceived` DateTime", "`SrcAddr` IPv6", "`ExporterAddress` LowCardinality(IPv6)", "`Bytes` UInt64"):
        assert column in text


def test_attack_is_found_and_nothing_else(attacked):
    rows = attacked.sql("""
        SELECT TimeReceived, DstAddr, protocol, SrcPort, Gbps, flows, sources, countries
        FROM (SELECT toStartOfMinute(TimeReceived) AS TimeReceived,
                     dictGetOrDefault('protocols', 'name', Proto, '???') AS protocol,
                     DstAddr, SrcPort,
                     SUM(Bytes*SamplingRate*8/1000/1000/1000)/300 AS Gbps,
                     quantile(0.1)(Bytes/Packets) AS size, COUNT(*) AS flows,
                     uniq(SrcAddr) AS sources, uniq(SrcCountry) AS countries
              FROM flows
              WHERE TimeReceived > date_sub(minute, 5, now())
              GROUP BY TimeReceived, DstAddr, protocol, SrcPort)
        WHERE (sources > 50 OR countries > 10) AND Gbps > 0.2 AND protocol = 'UDP'
        ORDER BY TimeReceived DESC, Gbps DESC""")
    assert rows, "the attack was not found"
    assert {(r[1], r[3]) for r in rows} == {(f"::ffff:{VICTIM}", 123)}
    assert sum(r[5] for r in rows) == 600


FILTERS = [
    ("InIfBoundary = external", "InIfBoundary = 'external'", 1200),
    ('InIfBoundary = external AND InIfProvider = "cogent"', "InIfBoundary = 'external' AND InIfProvider = 'cogent'", 900),
    ("InIfBoundary = external AND SrcAS IN (AS15169, AS36040)", "InIfBoundary = 'external' AND SrcAS IN (15169, 36040)",
     400),
]


@pytest.mark.parametrize("text,sql,rows", FILTERS, ids=[f[0] for f in FILTERS])
def test_filters_of_the_examples(attacked, text, sql, rows):
    import json
    status, out, err = command("filter", text)
    assert status == 0, err
    where = json.loads(out)["sql"]
    assert attacked.sql(f"SELECT count() FROM flows WHERE {where}") == [[rows]]
    assert attacked.sql(f"SELECT count() FROM flows WHERE {sql}") == [[rows]]


@pytest.mark.parametrize("text,dimensions", [(FILTERS[1][0], ["SrcAS"]), (FILTERS[2][0], ["EType"])])
def test_examples_as_charts(attacked, text, dimensions):
    end = datetime.now(timezone.utc) + timedelta(seconds=60)
    status, headers, answer = attacked.post("/api/v0/console/graph/line", {
        "start": (end - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"), "end": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "points": 100, "dimensions": dimensions, "limit": 10, "limitType": "avg", "filter": text, "units": "l3bps",
        "bidirectional": False, "previous-period": False, "truncate-v4": 32, "truncate-v6": 128})
    assert status == 200, answer
    assert "SELECT" in headers["X-SQL-Query"]
    where = next(sql for t, sql, _ in FILTERS if t == text)
    octets = attacked.sql(f"SELECT sum(Bytes) FROM flows WHERE {where}")[0][0]
    assert sum(answer["total"]) == pytest.approx(octets * 8, rel=0.001)
    assert len(answer["rows"]) >= 1 and all(len(points) == len(answer["t"]) for points in answer["points"])
