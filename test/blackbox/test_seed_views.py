"""
The four views of the slides that the product began with, as golden answers of the API: every number here was worked out by hand.

Ten minutes of traffic at a fixed place in time; each minute is the same, so a rate is the same in every point. Ten more before
them, in which it is not, tell minimum, average, maximum and 95th percentile apart.
"""
import contextlib
import json
import time

import pytest

from lab import wait_until
from test_console_api import Console, sql, stamp
from weir import PROGRAM, Role, configuration, free_ports

USER, PASSWORD = "weir", "test-password"
GOOGLE, YOUTUBE, NETFLIX, SMALL = 15169, 36040, 2906, 64500
#      source AS, provider, connectivity, port, boundary, EType, kbit/s
PARTS = [
    (GOOGLE, "cogent", "transit", 443, "external", 2048, 800),
    (GOOGLE, "telia", "transit", 443, "external", 34525, 400),
    (YOUTUBE, "cogent", "transit", 443, "external", 34525, 600),
    (NETFLIX, "franceix", "ix", 443, "external", 2048, 1000),
    (SMALL, "cogent", "transit", 53, "external", 2048, 20),
    (SMALL + 1, "telia", "transit", 123, "external", 2048, 10),
    (GOOGLE, "", "", 443, "internal", 2048, 5000),  # must not count
]
MINUTES = 10


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    folder, ports = tmp_path_factory.mktemp("views"), free_ports()
    conf = configuration(
        ports, clickhouse={"orchestrator-url": f"http://127.0.0.1:{ports['orchestrator']}"},
        clickhousedb={"servers": [f"127.0.0.1:{ports['store']}"], "username": USER, "password": PASSWORD},
        console={"http": {"listen": f"127.0.0.1:{ports['console']}"}})
    with contextlib.ExitStack() as stack:
        stack.enter_context(Role(folder, "store", conf, ports["store"], PROGRAM))
        stack.enter_context(Role(folder, "orchestrator", conf, ports["orchestrator"]))
        wait_until(lambda: {"flows", "asns", "ledger", "udp"} <= set(sql(ports["store"], "SHOW TABLES").split()), 30, "no tables")
        end = int(time.time()) // 600 * 600 - 600
        rows = [{"TimeReceived": end - 60 * m - 30, "SamplingRate": 100, "ExporterAddress": "::ffff:192.0.2.1", "ExporterName": "edge1",
                 "SrcAS": asn, "DstAS": 64512, "InIfName": "in", "OutIfName": "out", "InIfProvider": provider, "InIfConnectivity": connectivity,
                 "InIfBoundary": boundary, "OutIfBoundary": "internal" if boundary == "external" else "external", "SrcPort": port,
                 "DstPort": 50000, "Proto": 6, "EType": etype, "Bytes": kbps * 1000 * 60 // 8 // 100, "Packets": 1}
                for m in range(MINUTES) for asn, provider, connectivity, port, boundary, etype, kbps in PARTS]
        # ten minutes before these in which IPv6 grows and IPv4 is there in all minutes but one
        for m in range(MINUTES):
            for asn, etype, kbps in ((YOUTUBE, 34525, 200 * (m + 1)), (GOOGLE, 2048, 0 if m == 3 else 500)):
                rows += [{**rows[0], "TimeReceived": end - 1200 + 60 * m + 30, "SrcAS": asn, "EType": etype,
                          "Bytes": kbps * 1000 * 60 // 8 // 100}] if kbps else []
        # something before and after, so that the ten minutes are whole
        rows += [{**rows[0], "TimeReceived": t, "InIfBoundary": "internal"} for t in (end - 1300, end + 60)]
        sql(ports["store"], "INSERT INTO flows FORMAT JSONEachRow", "\n".join(json.dumps(r) for r in rows))
        stack.enter_context(Role(folder, "console", conf, ports["console"]))
        console = Console(ports, end, rows, 0)
        console.end = end
        yield console


def line(view, earlier=0, **question):
    end = view.end - earlier
    status, _, answer = view.ask("POST", "graph/line", {"start": stamp(end - 600), "end": stamp(end), "points": 10, **question})
    assert status == 200, answer
    assert len(answer["t"]) == MINUTES and answer["interval"] == 60 and answer["missing"] == []
    return answer


def rates(answer):
    """Row -> kbit/s, the same in all points."""
    out = {}
    for row, points in zip(answer["rows"], answer["points"]):
        assert points == pytest.approx([points[0]] * MINUTES)
        out[tuple(row)] = pytest.approx(points[0] / 1000)
    return out


def test_source_as_stacked(view):
    answer = line(view, dimensions=["SrcAS"], filter="InIfBoundary = external", limit=3)
    assert [row[0].split(":")[0] for row in answer["rows"]] == ["15169", "2906", "36040", "Other"]
    assert all(": " in row[0] and not row[0].endswith("???") for row in answer["rows"][:3]), "AS numbers with their names"
    assert list(rates(answer).values()) == [1200, 1000, 600, 30]


def test_lines_of_one_provider(view):
    answer = line(view, dimensions=["SrcAS"], filter='InIfBoundary = external AND InIfProvider = "cogent"', limit=10)
    assert [row[0].split(":")[0] for row in answer["rows"]] == ["15169", "36040", "64500"]
    assert list(rates(answer).values()) == [800, 600, 20]
    both = line(view, dimensions=["SrcAS"], filter='InIfBoundary = external AND InIfProvider = "cogent"', bidirectional=True)
    assert set(both["axis"]) == {1}, "nothing goes back to that provider"


def test_etype_with_its_numbers(view):
    answer = line(view, dimensions=["EType"], filter="InIfBoundary = external AND SrcAS IN (AS15169, AS36040)")
    assert answer["rows"] == [["IPv6"], ["IPv4"]]
    for key in ("min", "max", "average", "95th", "last"):
        assert answer[key] == pytest.approx([1_000_000, 800_000]), key
    assert answer["total"] == pytest.approx([1_000_000 * 600, 800_000 * 600])
    grows = line(view, 600, dimensions=["EType"], filter="InIfBoundary = external AND SrcAS IN (AS15169, AS36040)")
    assert grows["rows"] == [["IPv6"], ["IPv4"]]
    assert {key: grows[key] for key in ("min", "max", "average", "95th", "last")} == {
        "min": pytest.approx([200_000, 500_000]), "max": pytest.approx([2_000_000, 500_000]), "average": pytest.approx([1_100_000, 450_000]),
        "95th": pytest.approx([1_910_000, 500_000]), "last": pytest.approx([2_000_000, 500_000])}


def test_sankey_of_four(view):
    status, _, answer = view.ask("POST", "graph/sankey", {
        "start": stamp(view.end - 600), "end": stamp(view.end), "limit": 4, "filter": "InIfBoundary = external",
        "dimensions": ["SrcAS", "InIfProvider", "InIfConnectivity", "SrcPort"]})
    assert status == 200, answer
    assert all(name == "Other" or (": " in name and not name.endswith("???")) for name, *_ in answer["rows"]), "AS numbers with their names"
    got = [(row[0].split(":")[0], *row[1:], round(x / 1000)) for row, x in zip(answer["rows"], answer["xps"])]
    assert got == [("2906", "franceix", "ix", "443", 1000), ("15169", "cogent", "transit", "443", 800),
                   ("36040", "cogent", "transit", "443", 600), ("15169", "telia", "transit", "443", 400),
                   ("Other", "cogent", "transit", "Other", 20), ("Other", "telia", "transit", "Other", 10)]
    links = {(link["source"].split(": ")[0], link["source"].split(": ")[-1], link["target"]): round(link["xps"] / 1000) for link in answer["links"]}
    assert links[("InIfProvider", "cogent", "InIfConnectivity: transit")] == 1420
    assert links[("InIfConnectivity", "transit", "SrcPort: 443")] == 1800
    assert links[("InIfConnectivity", "transit", "SrcPort: Other")] == 30
    assert sum(v for k, v in links.items() if k[0] == "SrcAS") == 2830
