"""Custom dictionaries and the other wishes of section schema, on the real store: columns, their values, filter, dimensions."""
import copy
import json
import os
import time

import pytest

from lab import wait_until
from traffic import Sender
from weir import Weir, command, configuration, udp_input

NETWORKS = """# of,prefix,role,rack
x,10.0.0.0/8,private,1
x,10.0.0.0/28,first ones,2
x,"172.16.0.0/12","it's ""quoted"", <b>",3
"""
PEERS = "number,tier,kind\n64496,1,transit\n64497,,peer\n64500,3,customer\n"
INTERFACES = "device,port,link\n127.0.9.1,if1,uplink one\n::ffff:127.0.9.2,if2,uplink two\n"


def dictionaries(folder):
    def path(name):
        return os.path.join(folder, name)
    return {
        "networks": {"layout": "ip_trie", "keys": [{"name": "prefix", "type": "String"}],
                     "attributes": [{"name": "role", "label": "Role", "default": "none"},
                                    {"name": "rack", "type": "UInt16", "label": "Rack"}],
                     "source": path("networks.csv"), "dimensions": ["SrcAddr", "DstAddr"]},
        "peers": {"keys": [{"name": "number", "type": "UInt32"}],
                  "attributes": [{"name": "tier", "type": "UInt8", "label": "Tier", "default": "9"},
                                 {"name": "kind", "label": "Kind", "default": "other"}],
                  "source": path("peers.csv"), "dimensions": ["SrcAS", "DstAS"]},
        "links": {"layout": "complex_key_hashed",
                  "keys": [{"name": "device", "match-dimension": "ExporterAddress"},
                           {"name": "port", "match-dimension-suffix": "Name"}],
                  "attributes": [{"name": "link", "label": "Link"}],
                  "source": path("links.csv"), "dimensions": ["InIf", "OutIf"]}}


def write(folder, name, text):
    with open(os.path.join(folder, name + ".new"), "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(os.path.join(folder, name + ".new"), os.path.join(folder, name))


@pytest.fixture(scope="module")
def running(folder, namespace):
    write(folder, "networks.csv", NETWORKS)
    write(folder, "peers.csv", PEERS)
    write(folder, "links.csv", INTERFACES)
    conf = configuration(
        inputs=[udp_input("127.0.0.1:2055")],
        schema={"custom-dictionaries": dictionaries(folder), "enabled": ["NATEvent", "NATEventName", "ForwardingStatusName", "IPTTL", "Proto"],
                "disabled": ["SrcCountry", "DstCountry"], "main-table-only": ["DstNetName"],
                "not-main-table-only": ["SrcPort"], "materialize": ["SrcNetPrefix", "NATEventName", "PacketSizeBucket"]})
    conf["outlet"]["metadata"] = {"providers": [{"type": "static", "exporters": {"127.0.9.0/24": {
        "name": "edge", "ifindexes": {str(i): {"name": f"if{i}", "speed": 1000, "boundary": "external"}
                                      for i in (1, 2, 3)}}}}]}
    with Weir(folder, conf, namespace) as w:
        w.sender = Sender(namespace, per_second=100)
        w.sender.start()
        # the minute's sums of all exporters, which come one partition after the other
        w.wait_sql("SELECT count() > 0 AND uniqExact(ExporterAddress) = (SELECT uniqExact(ExporterAddress) FROM flows) FROM flows_1m0s",
                   lambda rows: rows[0][0] == 1, 150)
        yield w
        w.sender.stop()


def pairs(w, columns, table="flows"):
    return w.sql(f"SELECT DISTINCT {columns} FROM {table} ORDER BY ALL")


def test_forwarding_statuses_have_names(running):
    [[expression]] = running.sql("SELECT default_expression FROM system.columns WHERE database = currentDatabase() "
                                 "AND table = 'flows' AND name = 'ForwardingStatusName'")
    got = running.sql(f"SELECT {expression} FROM (SELECT arrayJoin([64, 137, 77]::Array(UInt32)) AS ForwardingStatus)")
    assert got == [["forwarded"], ["dropped: bad TTL"], ["77"]]


def test_networks_are_matched_by_the_longest(running):
    got = running.sql("SELECT DISTINCT toUInt32(toIPv4(replaceOne(toString(SrcAddr), '::ffff:', ''))) - 0x0A000000 < 16, "
                      "SrcAddrRole, SrcAddrRack, DstAddrRole FROM flows ORDER BY ALL")
    assert got == [[0, "private", 1, "it's \"quoted\", <b>"], [1, "first ones", 2, "it's \"quoted\", <b>"]]


def test_numbers_and_defaults(running):
    want = {64496: (1, "transit"), 64497: (9, "peer"), 64500: (3, "customer")}
    for table in ("flows", "flows_1m0s", "flows_5m0s", "flows_1h0m0s"):
        rows = pairs(running, "SrcAS, SrcASTier, SrcASKind", table)
        assert len(rows) == 5
        assert all((tier, kind) == want.get(asn, (9, "other")) for asn, tier, kind in rows), (table, rows)


def test_several_keys_and_suffixes(running):
    rows = pairs(running, "replaceOne(toString(ExporterAddress), '::ffff:', ''), InIfName, InIfLink, OutIfLink",
                 "flows_1m0s")
    want = {("127.0.9.1", "if1"): "uplink one", ("127.0.9.2", "if2"): "uplink two"}
    assert {link for _, _, link, _ in rows} == {"", *want.values()}
    assert all(link == want.get((device, name), "") and out == "" for device, name, link, out in rows)


def test_types_are_as_for_other_columns(running):
    types = dict(running.sql("SELECT name, type FROM system.columns WHERE table = 'flows' AND database = currentDatabase()"))
    assert types["SrcAddrRole"] == "LowCardinality(String)" and types["SrcASTier"] == "UInt8"
    rolled = {name for name, in running.sql("SELECT name FROM system.columns WHERE table = 'flows_1h0m0s'")}
    assert "SrcASTier" in rolled and "InIfLink" in rolled and "SrcAddrRole" not in rolled


def line(w, dimensions, text="", **more):
    now = time.time()
    status, _, answer = w.post("/api/v0/console/graph/line", {
        "start": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 600)),
        "end": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)), "points": 20, "dimensions": dimensions, "limit": 10,
        "filter": text, "units": "l3bps", **more})
    assert status == 200, answer
    return answer


def test_dimensions_and_filter(running):
    # the rows' order is by traffic
    assert sorted(line(running, ["SrcASKind"])["rows"]) == [["customer"], ["other"], ["peer"], ["transit"]]
    assert line(running, ["SrcAddrRole"], "SrcAddrRack = 2")["rows"] == [["first ones"]]
    assert line(running, ["SrcASTier"], 'SrcASKind IN ("transit", "peer") AND SrcASTier < 9')["rows"] == [["1"]]
    assert line(running, ["SrcAddrRole"], 'DstAddrRole = "it\'s \\"quoted\\", <b>"')["rows"]
    both = line(running, ["SrcAddrRole"], "SrcAddrRack = 2", bidirectional=True)
    assert "DstAddrRack" in json.dumps(running.post("/api/v0/console/graph/line", {
        "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "points": 5, "dimensions": ["SrcAddrRole"],
        "filter": "SrcAddrRack = 2", "bidirectional": True, "units": "pps", "limit": 5})[1]["X-SQL-Query"])
    assert both["rows"]


def test_api_knows_them(running):
    conf = json.loads(running.get("/api/v0/console/configuration")[2])
    assert {"SrcAddrRole", "DstASTier", "InIfLink"} <= set(conf["dimensions"])
    flow = json.loads(running.get("/api/v0/console/widget/flow-last")[2])
    assert {"SrcAddrRole", "SrcASTier", "OutIfLink"} <= set(flow)
    columns = [c["name"] for c in json.loads(running.get("/api/v1/columns")[2])["columns"]]
    assert "SrcAddrRack" in columns
    status, _, answer = running.post("/api/v0/console/filter/complete", {"what": "column", "prefix": "srcaddrr"})
    assert status == 200 and [c["label"] for c in answer["completions"]] == ["SrcAddrRole", "SrcAddrRack"]
    status, _, answer = running.post("/api/v0/console/filter/complete",
                                     {"what": "value", "column": "SrcAddrRole", "prefix": ""})
    assert [(c["label"], c["quoted"]) for c in answer["completions"]] == [
        ("first ones", True), ("it's \"quoted\", <b>", True), ("private", True)]
    status, _, answer = running.post("/api/v0/console/filter/complete", {"what": "value", "column": "SrcASTier", "prefix": ""})
    assert [c["label"] for c in answer["completions"]] == ["1", "3", "9"]


def test_single_flows_have_them(running):
    now = time.time()
    status, _, answer = running.post("/api/v0/console/flows", {
        "start": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 600)),
        "end": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)), "limit": 3,
        "columns": ["SrcAddr", "SrcAddrRole", "SrcASTier"], "filter": "SrcASTier = 1"})
    assert status == 200 and answer["rows"] and all(row[2] in (1, "1") for row in answer["rows"]), answer


def test_other_wishes_of_the_schema(running):
    kinds = {(t, n): (k, ty) for t, n, k, ty in running.sql(
        "SELECT table, name, default_kind, type FROM system.columns WHERE table LIKE 'flows%'")}
    assert ("flows", "SrcCountry") not in kinds and ("flows_1m0s", "DstCountry") not in kinds
    assert kinds["flows", "IPTTL"] and ("flows", "DstNetName") in kinds and ("flows_1m0s", "DstNetName") not in kinds
    assert ("flows_1h0m0s", "SrcPort") in kinds and ("flows_1h0m0s", "DstPort") not in kinds
    assert kinds["flows", "SrcNetPrefix"] == ("DEFAULT", "LowCardinality(String)")
    assert kinds["flows", "DstNetPrefix"][0] == "ALIAS"
    assert kinds["flows_1m0s", "NATEventName"][0] == "DEFAULT"
    assert ("flows_1m0s", "PacketSizeBucket") not in kinds
    assert running.sql("SELECT countIf(SrcNetPrefix != concat(replaceOne(toString(tupleElement(IPv6CIDRToRange(SrcAddr, "
                       "toUInt8(96 + SrcNetMask)), 1)), '::ffff:', ''), '/', toString(SrcNetMask))), "
                       "countIf(PacketSizeBucket = '') FROM flows") == [[0, 0]]
    # a port is in the rollup, by the outlet's own sums
    assert running.sql("SELECT min(SrcPort), max(SrcPort) FROM flows_1m0s") == [[1024, 1053]]
    status, _, answer = running.post("/api/v0/console/filter/validate", {"filter": "SrcCountry = FR"})
    assert "disabled" in answer["message"]
    assert line(running, ["SrcNetPrefix"], "SrcNetPrefix = 10.0.0.0/24")["rows"] == [["10.0.0.0/24"]]


def test_a_second_run_changes_nothing(running):
    pid = running.pids()["orchestrator"]
    running.kill("orchestrator")
    wait_until(lambda: running.pids().get("orchestrator") not in (None, pid) and running.healthy(), 30, running.log)
    time.sleep(1)
    after = running.log().rsplit("msg=started", 1)[1]
    assert "column changed" not in after and "dictionary custom" not in after, after


def test_a_broken_file_harms_nothing(running, folder):
    good = running.sql("SELECT count() FROM flows WHERE SrcASKind = 'transit'")[0][0]
    write(folder, "peers.csv", "number,tier,kind\n64496,300,transit\n")

    def warned():
        running.sql("SYSTEM RELOAD DICTIONARY custom_dict_peers")
        health = json.loads(running.get("/api/v0/orchestrator/healthcheck", "orchestrator")[2])
        return "line 2: tier: \"300\" is no number" in json.dumps(health, ensure_ascii=False).replace('\\"', '"')
    wait_until(warned, 20, running.log)
    # the last good rows are still there, and flows go on
    running.wait_sql("SELECT count() FROM flows WHERE SrcASKind = 'transit'", lambda rows: rows[0][0] > good, 30)
    write(folder, "peers.csv", PEERS.replace("transit", "upstream"))
    running.sql("SYSTEM RELOAD DICTIONARY custom_dict_peers")
    running.wait_sql("SELECT count() FROM flows WHERE SrcASKind = 'upstream'", lambda rows: rows[0][0] > 0, 30)


def test_none_is_there_at_first(running, folder):
    """A source that never was: rows have the defaults, and columns that go take their dictionary with them."""
    conf = copy.deepcopy(running.conf)
    section = conf["schema"]["custom-dictionaries"]
    del section["links"]
    section["ghosts"] = {"keys": [{"name": "n", "type": "UInt16"}], "attributes": [{"name": "Ghost", "default": "boo"}],
                         "source": "http://127.0.0.1:9/none.csv", "dimensions": ["SrcPort"]}
    running.close()
    running.configure(conf)
    running.start()
    running.wait_ready()
    running.wait_sql("SELECT count() FROM system.columns WHERE name = 'SrcPortGhost' AND table = 'flows'",
                     lambda rows: rows == [[1]], 30)
    running.wait_sql("SELECT count() FROM flows WHERE SrcPortGhost = 'boo' AND TimeReceived > now() - 10",
                     lambda rows: rows[0][0] > 0, 40)
    running.wait_sql("SELECT count() FROM system.columns WHERE name = 'InIfLink'", lambda rows: rows == [[0]], 20)
    running.wait_sql("SELECT name FROM system.tables WHERE engine = 'Dictionary' AND name LIKE 'custom%' ORDER BY 1",
                     lambda rows: rows == [["custom_dict_ghosts"], ["custom_dict_networks"], ["custom_dict_peers"]], 20)


@pytest.mark.parametrize("change, message", [
    ({"keys": []}, "it needs keys and attributes"),
    ({"layout": "ip_trie"}, "n (network) cannot be compared with SrcAS (UInt32)"),
    ({"dimensions": ["SrcAddr"]}, "n (UInt32) cannot be compared with SrcAddr (IPv6)"),
    ({"dimensions": ["SrcNothing"]}, 'n is to be compared with "SrcNothing", which is no column of flows'),
    ({"attributes": [{"name": "Path"}], "dimensions": ["Dst"], "keys": [{"name": "n", "match-dimension": "ExporterName"}]}, None),
    ({"attributes": [{"name": "a", "label": "Path"}], "dimensions": ["DstAS"]}, "there is a column DstASPath already"),
    ({"attributes": [{"name": "a", "type": "Float64"}]}, 'a has type "Float64"'),
    ({"attributes": [{"name": "a", "type": "UInt8", "default": "256"}]}, 'the default "256" is no UInt8'),
    ({"attributes": [{"name": "a b"}]}, 'attribute "a b": letters'),
    ({"keys": [{"name": "n", "type": "UInt32"}, {"name": "n", "type": "UInt32"}]}, "n is there twice"),
])
def test_mistakes_are_said(tmp_path, change, message):
    conf = {"schema": {"custom-dictionaries": {"d": {
        "keys": [{"name": "n", "type": "UInt32"}], "attributes": [{"name": "A"}], "source": "/x.csv", "dimensions": ["SrcAS"],
        **change}}}}
    path = tmp_path / "weir.yaml"
    path.write_text(json.dumps(conf))
    status, _, stderr = command("orchestrator", str(path), "--check")
    if message is None:
        assert status == 0, stderr
    else:
        assert status != 0 and message in stderr, stderr
