"""weir rewind: names and rules that came too late are put into what is stored, and nothing is lost on the way."""
import copy
import json
import os
import socket
import struct
import subprocess
import threading
import time
import types

import pytest

from lab import inside, wait_until
from test_metadata import agents
from test_routing import Session
from weir import DEFAULT_PORTS, ENVIRONMENT, SANITIZED, Weir, command, configuration, udp_input

pytestmark = pytest.mark.root

EXPORTERS = ("127.0.8.1", "127.0.8.2", "127.0.8.3", "127.0.8.4")
GONE = EXPORTERS[3]  # sends at the beginning of the span alone, before anybody knows whom to ask for its names
STEP = 120  # of the coarsest table
TABLES = ("flows", "flows_1m0s", "flows_2m0s", "flows_2m0s_input")
NARROW = ("flows_2m0s_input", "flows_2m0s_output", "flows_2m0s_src_as", "flows_2m0s_dst_as")


def packet(n, in_if):
    record = struct.pack(">4s4sIHHIIIIHHBBBBHHBBH", b"\xc6\x33\x64\x01", struct.pack(">I", 0xcb007100 + n % 200), 0, in_if, 2,
                         10, 1000 + n % 7, 999000, 999900, 443, 1024 + n % 60000, 0, 0, 6, 0, 15169, 64500, 24, 24, 0)
    return struct.pack(">HHIIIIBBH", 5, 1, 1000000, int(time.time()), 0, n, 0, 0, 0) + record


class Sender(threading.Thread):
    """A few flows from each exporter, several times a second, until it is told to stop; it knows how many."""

    def __init__(self, namespace):
        super().__init__()
        self.namespace = namespace
        self.sent = self.burst_sent = 0
        self.over = threading.Event()
        self.sockets = []
        with inside(namespace):
            for address in EXPORTERS[:3]:
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.bind((address, 0))
                self.sockets.append(s)

    def run(self):
        while not self.over.wait(0.2):
            for s in self.sockets:
                for in_if in (1, 17):
                    s.sendto(packet(self.sent, in_if), ("127.0.0.1", 2055))
                    self.sent += 1

    def burst(self, address, number):
        with inside(self.namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((address, 0))
            for n in range(number):
                s.sendto(packet(n, 17), ("127.0.0.1", 2055))
        self.burst_sent += number

    def stop(self):
        self.over.set()
        self.join()
        for s in self.sockets:
            s.close()


AGENTS = [{"address": address, "community": "public", "name": name, "interfaces": {"17": [interface, "xe", "Peering", 1000]}}
          for address, name, interface in ((EXPORTERS[2], "edge", "xe-0/0/17"), (GONE, "gone", "xe-1/1/17"))]


def with_names(conf):
    """What the configuration lacked: names of an interface, a site by a rule, and an exporter that answers over SNMP."""
    conf = copy.deepcopy(conf)
    conf["outlet"]["metadata"] = {"providers": [{"type": "static", "exporters": {
        f"{a}/32": {"name": f"router-{i}", "ifindexes": {"17": {"name": "Gi0/0/1", "description": "Transit: Cogent", "speed": 1000}},
                    "default": {"name": "unknown", "description": "unknown", "speed": 1000}}
        for i, a in enumerate(EXPORTERS[:2])}}, {"type": "snmp", "poller-timeout": "10s", "credentials": {
            address: {"communities": ["public"]} for address in EXPORTERS[2:]}}]}
    conf["outlet"]["core"] = {"exporter-classifiers": ['ClassifySiteRegex(Exporter.Name, "^([^-]+)-", "$1")']}
    return conf


def learn_routes(w):
    """A router tells of the destinations; the outlet keeps them in its file when it is stopped, and is started again."""
    session = Session(types.SimpleNamespace(a=w.namespace, C4="127.0.0.1", X4="127.0.0.1"))
    with session.socket:
        session.vrf(0, "global", "203.0.113.0", 65999)
        wait_until(lambda: json.loads(w.get("/api/v0/outlet/routing", "outlet")[2])["routes"] == 1, 20, w.log)
        pid = w.pids()["outlet"]
        os.kill(pid, 15)
        wait_until(lambda: w.pids().get("outlet") not in (None, pid), 30, w.log)
        w.wait_ready()


@pytest.fixture(scope="module")
def running(tmp_path_factory, namespace):
    folder = tmp_path_factory.mktemp("rewind")
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")], outlet={
        "http": {"listen": f"127.0.0.1:{DEFAULT_PORTS['outlet']}"},
        "metadata": {"providers": [{"type": "static", "exporters": {"203.0.113.1/32": {
            "name": "none", "default": {"name": "unknown", "description": "unknown", "speed": 1000}}}}]},
        "routing": {"provider": {"type": "bmp", "listen": "127.0.0.1:10179"}}},
        clickhouse={"resolutions": [{"interval": 0, "ttl": "15d"}, {"interval": "1m", "ttl": "7d"}, {"interval": "2m", "ttl": "90d"}]})
    w = Weir(folder, conf, namespace)
    os.makedirs(w.data)
    with open(state(w), "w", encoding="utf-8") as f:  # of a life before: all but the end is done
        json.dump({"from": 1795000000, "to": 1795003600, "exporter": "", "tables": [{"table": "flows", "sum": 1, "done": True}]}, f)
    with agents(namespace, str(folder), AGENTS), w:
        assert "a repair of history was interrupted" in w.log()
        status, out, err = rewind(w)
        assert status == 0 and "is finished" in out and not os.path.exists(state(w)), err
        sender = Sender(namespace)
        sender.start()
        try:
            first = int(time.time()) // STEP * STEP
            first += STEP if time.time() > first + 3 * STEP // 4 else 0
            time.sleep(max(0, first + 2 - time.time()))
            sender.burst(GONE, 50)
            w.span, w.sender, w.old = (first, first + STEP), sender, conf
            time.sleep(max(0, first + STEP + 60 - time.time()))
            wait_until(lambda: settled(w), 60, w.log)
            learn_routes(w)
            w.configure(with_names(conf))
            wait_until(lambda: w.sql("SELECT uniq(ExporterName) FROM flows WHERE ExporterName != ''") == [[3]], 60, w.log)
            wait_until(lambda: os.path.exists(os.path.join(w.data, "metadata.cache")), 30, w.log)
            yield w
        finally:
            sender.stop()


def settled(w):
    """The whole span can be repaired: its last minute's sums are stored."""
    status, out, _ = rewind(w, *span(w), "--dry-run", "--json")
    return status == 0 and json.loads(out)["to"] == w.span[1]


def sums(w, table, span=None):
    where = f"WHERE TimeReceived >= {span[0]} AND TimeReceived < {span[1]}" if span else ""
    return w.sql(f"SELECT sum(Bytes), sum(Packets), uniqExact(ExporterAddress) FROM {table} {where}")


def narrow_agree(w, span=(0, 4_000_000_000)):
    """Sums of those that do not know exporters as well."""
    def by_time(table):
        return w.sql(f"SELECT TimeReceived, sum(Bytes), sum(Packets) FROM {table} WHERE TimeReceived >= {span[0]} AND "
                     f"TimeReceived < {span[1]} GROUP BY 1 ORDER BY 1")
    for table in NARROW:
        assert by_time(table) == by_time("flows_2m0s"), table


def rewind(w, *arguments, timeout=480):
    with inside(w.namespace):
        return command("rewind", "--config", w.path, "--data-dir", w.data, *arguments, timeout=timeout)


def span(w):
    return "--from", str(w.span[0]), "--to", str(w.span[1])


def staged(w):
    return w.sql("SELECT count() FROM system.tables WHERE name LIKE 'rewind%'")[0][0]


def test_the_difference_is_shown(running):
    before = [sums(running, t, running.span) for t in TABLES]
    status, out, err = rewind(running, *span(running), "--dry-run", "--json")
    assert status == 0, err
    got = json.loads(out)
    assert (got["from"], got["to"], got["less"], got["one_flow_in"]) == (*running.span, "", 1)
    assert got["stored"] == got["new"] and got["stored"]["packets"] == before[0][0][1] > 2000
    assert [(x["exporter"], x["name"]) for x in got["exporters"][:2]] == [(EXPORTERS[0], "router-0"), (EXPORTERS[1], "router-1")]
    assert len(got["exporters"]) == 4 and all(x["stored"] == x["new"] for x in got["exporters"])
    changes = {c["column"]: {(x["before"], x["after"]): x["flows"] for x in c["changes"]} for c in got["columns"]}
    two, one, gone = (sum(x["stored"]["flows"] for x in got["exporters"][a:b]) for a, b in ((0, 2), (2, 3), (3, 4)))
    assert changes["InIfName"][("17", "Gi0/0/1")] == two // 2
    assert changes["ExporterSite"] == {("", "router"): two}
    # what the outlet learnt, over SNMP and over BMP
    assert changes["InIfName"][("17", "xe-0/0/17")] == one // 2 and changes["ExporterName"][("", "edge")] == one
    # what only the repair asks, before it decodes the first flow
    assert changes["InIfName"][("17", "xe-1/1/17")] == changes["ExporterName"][("", "gone")] == gone == 50
    assert changes["DstASPath"] == {("[]", "[65999]"): one + two + gone}
    assert "SrcPort" not in changes and "SrcAS" not in changes
    # and for people
    status, out, err = rewind(running, *span(running), "--dry-run")
    assert status == 0, err
    assert "'17' -> 'Gi0/0/1'" in out and "ExporterSite" in out and "whole steps of 120 s" in err
    # nothing has changed, nothing is left behind
    assert [sums(running, t, running.span) for t in TABLES] == before
    assert running.sql(f"SELECT count() FROM flows WHERE ExporterSite = 'router' AND TimeReceived < {running.span[1]}") == [[0]]
    assert staged(running) == 0 and not os.path.exists(os.path.join(running.data, "rewind"))


def account(w):
    return w.sql(f"SELECT sum(Datagrams), sum(Decoded), sum(Stored), sum(Rejected) FROM ledger WHERE TimeReceived >= {w.span[0]} "
                 f"AND TimeReceived < {w.span[1]}")


def sites(w, table):
    """Exporters and their sites in the span."""
    return {tuple(row) for row in w.sql(f"SELECT DISTINCT ExporterAddress, ExporterSite FROM {table} WHERE TimeReceived >= "
                                        f"{w.span[0]} AND TimeReceived < {w.span[1]}")}


def expected(named):
    return {(f"::ffff:{a}", "router" if a in named else "") for a in EXPORTERS}


def state(w):
    return os.path.join(w.data, "rewind.swap")


def test_one_exporter(running):
    before = [sums(running, t, running.span) for t in TABLES]
    ledger = account(running)
    status, out, err = rewind(running, *span(running), "--exporter", EXPORTERS[1] + "/32", "--yes")
    assert status == 0, err
    assert "replaced" in out and EXPORTERS[0] not in out
    for table in TABLES:
        assert sites(running, table) == expected(EXPORTERS[1:2])
    assert [sums(running, t, running.span) for t in TABLES] == before
    assert account(running) == ledger and staged(running) == 0
    narrow_agree(running, running.span)


def test_nothing_is_replaced_unasked(running):
    status, _, err = rewind(running, *span(running))
    assert status == 1 and "--yes" in err
    assert sites(running, "flows") == expected(EXPORTERS[1:2]) and staged(running) == 0


def begin(w):
    """A rewind that has just begun to replace flows, or on a busy machine is through with it."""
    path = os.path.join(w.folder, "rewind.log")
    with inside(w.namespace), open(path, "ab") as log:
        p = subprocess.Popen([SANITIZED, "rewind", "--config", w.path, "--data-dir", w.data, *span(w), "--yes"],
                             stdout=log, stderr=log, env={**os.environ, **ENVIRONMENT})
    while not os.path.exists(state(w)) and p.poll() is None:
        time.sleep(0.002)
    assert p.poll() in (None, 0), open(path, encoding="utf-8").read()
    return p


@pytest.mark.parametrize("attempt", range(8))
def test_killed_while_replacing(running, attempt):
    """Whatever it was doing, running it again ends with every row there once, of one kind."""
    named = EXPORTERS[:2] if attempt % 2 else ()
    running.configure(with_names(running.old) if named else running.old)
    before, ledger = [sums(running, t, running.span) for t in TABLES], account(running)
    p = begin(running)
    time.sleep((0, 0.02, 0.1, 0.2, 0.05, 0.3, 0.15, 0.5)[attempt])
    p.kill()
    p.wait()
    if os.path.exists(state(running)):
        status, _, err = rewind(running, *span(running), "--dry-run")
        assert status == 1 and "was interrupted" in err
        status, out, err = rewind(running)
        assert status == 0 and "is finished" in out, err
    assert [sums(running, t, running.span) for t in TABLES] == before and account(running) == ledger
    for table in TABLES:
        assert sites(running, table) == expected(named)
    status, _, err = rewind(running)
    assert status == 1 and "nothing was interrupted" in err and staged(running) == 0


@pytest.mark.parametrize("attempt", range(3))
def test_the_store_dies_while_replacing(running, attempt):
    named = () if attempt % 2 else EXPORTERS[:2]
    running.configure(with_names(running.old) if named else running.old)
    before, ledger = [sums(running, t, running.span) for t in TABLES], account(running)
    p = begin(running)
    time.sleep((0.03, 0.2, 0.1)[attempt])
    running.kill("store")
    status = p.wait(240)
    assert (status == 0) == (not os.path.exists(state(running)))
    running.wait_ready()
    if status != 0:
        status, out, err = rewind(running)
        assert status == 0 and "is finished" in out, err
    assert [sums(running, t, running.span) for t in TABLES] == before and account(running) == ledger
    for table in TABLES:
        assert sites(running, table) == expected(named)


def test_killed_before(running):
    """Until flows are replaced nothing has happened; what was staged is made anew."""
    running.configure(with_names(running.old))
    before = [sums(running, t, running.span) for t in TABLES]
    with inside(running.namespace):
        for seconds in (0.2, 0.5, 0.9):
            p = subprocess.Popen([SANITIZED, "rewind", "--config", running.path, "--data-dir", running.data, *span(running), "--dry-run"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **ENVIRONMENT})
            time.sleep(seconds)
            p.kill()
            p.wait()
    assert not os.path.exists(state(running))
    assert [sums(running, t, running.span) for t in TABLES] == before
    assert rewind(running, *span(running), "--yes")[0] == 0
    status, out, _ = rewind(running, *span(running), "--dry-run")
    assert status == 0 and "no column of any flow compared would change" in out
    assert [sums(running, t, running.span) for t in TABLES] == before and staged(running) == 0


def test_what_is_fewer_is_refused(running):
    """A row that the spool knows nothing of."""
    address = "127.0.8.9"
    running.sql(f"INSERT INTO flows (TimeReceived, ExporterAddress, Bytes, Packets, SamplingRate) VALUES ({running.span[1] - 30}, "
                f"'::ffff:{address}', 1000, 10, 1)")
    status, _, err = rewind(running, *span(running), "--yes")
    assert status == 1 and f"bytes of {address}" in err and "--force" in err
    count = f"SELECT count() FROM flows WHERE ExporterAddress = '::ffff:{address}'"
    assert running.sql(count) == [[1]] and staged(running) == 0
    status, _, err = rewind(running, *span(running), "--yes", "--force")
    assert status == 0, err
    assert running.sql(count) == [[0]]


def test_live_flows_are_complete(running):
    """All that was sent is there once, in each table, though flows came in all the time; names are in all of it."""
    running.sender.stop()
    sent = running.sender.sent + running.sender.burst_sent
    total = [[10 * sent]]
    running.wait_sql("SELECT sum(Packets) FROM flows", lambda r: r == total, 60)
    # the last minute's aggregate comes when the minute is over
    for table in TABLES:
        running.wait_sql(f"SELECT sum(Packets) FROM {table}", lambda r: r == total, 150)
    running.wait_sql("SELECT sum(Datagrams), sum(Stored) FROM ledger", lambda r: r == [[sent, sent]], 150)
    narrow_agree(running)
    for table in TABLES:
        assert sites(running, table) == expected(EXPORTERS[:2])
        assert running.sql(f"SELECT DISTINCT InIfName FROM {table} WHERE ExporterSite = 'router' AND InIfDescription LIKE 'Transit%' "
                           f"AND TimeReceived < {running.span[1]}") == [["Gi0/0/1"]]


def test_times_that_cannot_be(running):
    for arguments, why in ((("--from", "yesterday", "--to", "now"), "yesterday"), (("--from", "1h", "--to", "2h"), "before it begins"),
                           (("--from", "1795000000", "--to", "1795003600"), "goes back to"),
                           ((*span(running), "--exporter", "x"), "no address")):
        status, _, err = rewind(running, *arguments)
        assert status == 1 and why in err
    assert rewind(running, "--from", "1h")[0] == 2


def test_without_a_spool(tmp_path):
    path = tmp_path / "weir.yaml"
    path.write_text(json.dumps(configuration()))
    status, _, err = command("rewind", "--config", str(path), "--data-dir", str(tmp_path), "--from", "2h", "--to", "1h")
    assert status == 1 and "spool" in err
    path.write_text(json.dumps({**configuration(), "kafka": {"brokers": ["127.0.0.1:9"]}}))
    status, _, err = command("rewind", "--config", str(path), "--data-dir", str(tmp_path), "--from", "2h", "--to", "1h")
    assert status == 1 and "Kafka" in err
    path.write_text(json.dumps({**configuration(), "clickhousedb": {"servers": ["127.0.0.1:9"], "cluster": "x"}}))
    status, _, err = command("rewind", "--config", str(path), "--data-dir", str(tmp_path), "--from", "2h", "--to", "1h")
    assert status == 1 and "cluster" in err
    path.write_text(json.dumps({**configuration(), "clickhousedb": {"servers": ["127.0.0.1:9", "127.0.0.2:9"]}}))
    status, _, err = command("rewind", "--config", str(path), "--data-dir", str(tmp_path), "--from", "2h", "--to", "1h")
    assert status == 1 and "clickhousedb.servers: rows of one time lie on several servers" in err
    status, _, err = command("rewind", "--data-dir", str(tmp_path), "--from", "2h", "--to", "1h")
    assert status == 1 and "--config" in err
