"""The console's API over planted rows: every number is computed a second time here, from the rows themselves."""
import contextlib
import http.client
import ipaddress
import itertools
import json
import os
import random
import re
import signal
import time
from collections import defaultdict
from datetime import datetime, timezone

import pytest

from lab import wait_until
from weir import PROGRAM, Role, configuration, free_ports

USER, PASSWORD = "weir", "test-password"
ROLLED = ["TimeReceived", "SamplingRate", "ExporterAddress", "ExporterName", "SrcAS", "DstAS", "InIfName", "OutIfName",
          "InIfSpeed", "OutIfSpeed", "InIfProvider", "OutIfProvider", "InIfBoundary", "OutIfBoundary", "EType", "Proto"]
MAIN = ["SrcAddr", "DstAddr", "SrcPort", "DstPort", "DstCommunities", "DstASPath"]
HOURS = 3


def gap_of(now):
    """Ten minutes in which nothing was received, an hour and a half ago."""
    return (now - 5400) // 60 * 60


def make_rows(now):
    """Rows of the last three hours and of the same hours a day before, some with texts as an attacker would write them."""
    random.seed(20261121)
    rows = []
    for i in range(24_000):
        age = random.randrange(HOURS * 3600)
        if i % 6 == 0:
            age += 86_400
        outside = random.random() < 0.6
        provider = random.choice(["cogent", "telia", "it's \\ \"<script>\"", ""])
        row = {
            "TimeReceived": now - age, "SamplingRate": random.choice([1, 100, 1000]),
            "ExporterAddress": f"::ffff:192.0.2.{i % 4}", "ExporterName": f"edge{i % 4}" if i % 4 else "",
            "SrcAddr": f"::ffff:198.51.{i % 3}.{i % 50}" if i % 5 else f"2001:db8:{i % 3}::{i % 50:x}",
            "DstAddr": f"::ffff:10.0.{i % 7}.1" if i % 5 else f"2001:db8:f::{i % 7:x}",
            "SrcAS": random.choice([15169, 36040, 2906, 64500 + i % 40]), "DstAS": random.choice([64501, 15169]),
            "InIfName": f"in{i % 3}", "OutIfName": f"out{i % 2}", "InIfSpeed": [1000, 10000, 0][i % 3],
            "OutIfSpeed": [1000, 40000][i % 2], "InIfProvider": provider if outside else "",
            "OutIfProvider": "" if outside else provider,
            "InIfBoundary": "external" if outside else "internal", "OutIfBoundary": "internal" if outside else "external",
            "EType": 2048 if i % 5 else 34525, "Proto": random.choice([6, 17, 1]),
            "SrcPort": random.choice([443, 80, 53, 1024 + i % 100]), "DstPort": random.choice([443, 22]),
            "DstCommunities": [[], [(64500 << 16) + 7], [(64500 << 16) + 7, 5]][i % 3], "DstASPath": [[], [64500, 64501]][i % 2],
            "Bytes": random.randrange(64, 1_000_000), "Packets": random.randrange(1, 900)}
        # left out when all is drawn: the others are the same rows, whatever the second is
        if not gap_of(now) <= now - age < gap_of(now) + 600:
            rows.append(row)
    return rows


class Console:
    def __init__(self, ports, now, rows, border):
        self.ports, self.now, self.rows, self.border = ports, now, rows, border

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["console"], timeout=60)
        with contextlib.closing(connection):
            connection.request(method, "/api/v0/console/" + path, None if body is None else json.dumps(body), headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, json.loads(answer.read() or b"null")

    def line(self, hours=HOURS, end=None, **question):
        end = end or self.now + 1
        status, headers, answer = self.ask("POST", "graph/line", {
            "start": stamp(end - hours * 3600), "end": stamp(end), **question})
        assert status == 200, answer
        assert "SELECT" in headers["X-SQL-Query"]
        return answer


def stamp(t):
    return datetime.fromtimestamp(t, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text):
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp())


def sql(port, statement, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        text = statement if body is None else statement + "\n" + body
        connection.request("POST", "/?max_partitions_per_insert_block=0&optimize_on_insert=0", text.encode(),
                           {"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD})
        answer = connection.getresponse()
        result = answer.read().decode()
        assert answer.status == 200, result
        return result


def plant(port, rows, border):
    """All rows into `flows`; into the rollup the minutes before the border, and half of the one that begins there."""
    sql(port, "INSERT INTO flows FORMAT JSONEachRow", "\n".join(json.dumps(row) for row in rows))
    sums = defaultdict(lambda: [0, 0])
    for i, row in enumerate(rows):
        minute = row["TimeReceived"] // 60 * 60
        if minute < border or (minute == border and i % 2):
            key = tuple({**row, "TimeReceived": minute}[c] for c in ROLLED)
            sums[key][0] += row["Bytes"]
            sums[key][1] += row["Packets"]
    sql(port, "INSERT INTO flows_1m0s FORMAT JSONEachRow", "\n".join(
        json.dumps({**dict(zip(ROLLED, key)), "Bytes": b, "Packets": p}) for key, (b, p) in sums.items()))


def plant_ledger(port, now):
    """
    Something came in every minute, but for ten minutes an hour and a half ago: nothing in the first five, and nothing that could
    be kept in the others. Before that, some was lost: in the kernel, on the way, and so little that it is not worth telling.
    """
    gap, first = gap_of(now), (now - HOURS * 3600) // 60 * 60
    ledger = {m: {"Datagrams": 5, "Decoded": 900} for m in range(first, now // 60 * 60, 60) if not gap <= m < gap + 600}
    ledger |= {m: {"Shed": 7} for m in range(gap + 300, gap + 600, 60)}
    for minutes, more in (((1800, 1860), {"KernelDropped": 5}), ((2700,), {"SequenceLost": 100}), ((3000,), {"SequenceLost": 1, "Decoded": 2000}),
                          ((3600,), {"Shed": 1, "KernelDropped": 2, "SequenceLost": 300})):
        for m in minutes:
            ledger[first + m] |= more
    sql(port, "INSERT INTO ledger FORMAT JSONEachRow", "\n".join(
        json.dumps({"TimeReceived": m, "ExporterAddress": "::ffff:192.0.2.1", **row}) for m, row in ledger.items()))
    return gap, ledger


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    folder, ports = tmp_path_factory.mktemp("console"), free_ports()
    conf = configuration(
        ports, clickhouse={"orchestrator-url": f"http://127.0.0.1:{ports['orchestrator']}"},
        clickhousedb={"servers": [f"127.0.0.1:{ports['store']}"], "username": USER, "password": PASSWORD},
        console={"http": {"listen": f"127.0.0.1:{ports['console']}"}, "cache-ttl": "1m",
                 "homepage-graph-timerange": "3h"})
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(Role(folder, "store", conf, ports["store"], PROGRAM))
        stack.enter_context(Role(folder, "orchestrator", conf, ports["orchestrator"]))
        wait_until(lambda: {"udp", "ledger"} <= set(sql(ports["store"], "SHOW TABLES").split()), 30, "the orchestrator made no tables")
        role = stack.enter_context(Role(folder, "console", conf, ports["console"]))
        now = int(time.time()) - 20
        border = now // 60 * 60 - 120
        rows = make_rows(now)
        c = Console(ports, now, rows, border)
        c.conf = conf
        # a chart first: the configuration does not wait long for what is known of the tables
        c.empty = {"line": c.ask("POST", "graph/line", {"start": stamp(now - 3600), "end": stamp(now)})}
        for path in ("configuration", "widget/flow-last", "widget/graph", "widget/top/src-as"):
            c.empty[path] = c.ask("GET", path)
        plant(ports["store"], rows, border)
        c.gap, c.ledger = plant_ledger(ports["store"], now)
        time.sleep(4)  # what the console knows of the tables may be three seconds old, and older when the store is slow
        newest = max(r["TimeReceived"] for r in rows)
        wait_until(lambda: (at := c.ask("GET", "widget/flow-last")[2].get("TimeReceived")) and seconds(at) == newest, 20,
                   "the console does not see the rows")
        c.role, c.store = role, store
        yield c


# ---- The second computation

SWAP = {"Src": "Dst", "Dst": "Src", "InIf": "OutIf", "OutIf": "InIf"}


def other_side(column):
    for a, b in SWAP.items():
        if column.startswith(a):
            return b + column[len(a):] if b + column[len(a):] in ROLLED + MAIN else column
    return column


def reversed_row(row):
    return {column: row[other_side(column)] for column in row}


NAMES = {15169: "Google", 36040: "YouTube", 2906: "Netflix"}


def label(column, value):
    if column in ("SrcAS", "DstAS"):
        return str(value)  # the name behind it is the dictionary's business
    if column == "EType":
        return {2048: "IPv4", 34525: "IPv6"}[value]
    if column == "Proto":
        return {6: "TCP", 17: "UDP", 1: "ICMP"}[value]
    if column.endswith("Addr") or column == "ExporterAddress":
        return str(ipaddress.ip_address(value).ipv4_mapped or ipaddress.ip_address(value))
    if column == "DstCommunities":
        return " ".join(f"{v >> 16}:{v & 65535}" for v in value)
    if column == "DstASPath":
        return " ".join(str(v) for v in value)
    return str(value)


def plain(text):
    head, colon, _ = text.partition(": ")
    return head if colon and head.isdigit() else text


def amount(row, units):
    return {"l3bps": row["Bytes"] * 8 * row["SamplingRate"],
            "l2bps": (row["Bytes"] + 38 * row["Packets"]) * 8 * row["SamplingRate"],
            "pps": row["Packets"] * row["SamplingRate"], "fps": 1}[units]


def expected(rows, answer, dimensions, units, keep, shift=0):
    """(bucket, labels) -> rate, of all tuples."""
    interval, first = answer["interval"], seconds(answer["t"][0])
    sums = defaultdict(float)
    for row in rows:
        bucket = (row["TimeReceived"] + shift - first) // interval
        if 0 <= bucket < len(answer["t"]) and keep(row):
            sums[(bucket, tuple(label(d, row[d]) for d in dimensions))] += amount(row, units) / interval
    return sums


def check_axis(answer, axis, sums, dimensions, limit, fixed_rows=None):
    """The answer's rows of this axis are the largest tuples (or those given), the rest is in Other, exactly."""
    totals = defaultdict(float)
    for (_, labels), value in sums.items():
        totals[labels] += value
    got = [(tuple(plain(v) for v in row), points) for row, points, a in
           zip(answer["rows"], answer["points"], answer["axis"]) if a == axis]
    other = tuple("Other" for _ in dimensions) or None
    named = [row for row, _ in got if row != other]
    if fixed_rows is None:
        ranked = sorted(totals.values(), reverse=True)[:limit]
        assert [totals[row] for row in named] == pytest.approx(ranked)
    else:
        assert set(named) <= set(fixed_rows)
        named = fixed_rows
    assert len(got) == len({row for row, _ in got})
    want = defaultdict(lambda: [0.0] * len(answer["t"]))
    for (bucket, labels), value in sums.items():
        want[labels if labels in named else other][bucket] += value
    for row, points in got:
        assert points == pytest.approx(want.pop(row)), row
    assert not want, f"no row for {list(want)}"
    return named


# ---- Before anything is stored

def test_nothing_stored_is_no_error(console):
    for path, (status, _, answer) in console.empty.items():
        assert status == 200, (path, answer)
    assert console.empty["configuration"][2]["defaultVisualizeOptions"]["filter"] == ""
    assert "boundary" in console.empty["configuration"][2]["defaultFilterNote"]
    assert console.empty["widget/flow-last"][2] == {}
    assert console.empty["widget/top/src-as"][2] == {"top": []}
    assert console.empty["line"][2]["rows"] == []


def test_default_filter_is_used_once_there_are_boundaries(console):
    answer = console.ask("GET", "configuration")[2]
    assert answer["defaultVisualizeOptions"]["filter"] == "InIfBoundary = external"
    assert answer["defaultFilterNote"] is None
    assert {"SrcAS", "SrcAddr", "InIfProvider"} <= set(answer["dimensions"]) and "Bytes" not in answer["dimensions"]
    assert set(answer["truncatable"]) == {"SrcAddr", "DstAddr"}


# ---- Numbers

EVERY = [("", lambda r: True)]
SEEDS = [
    ("InIfBoundary = external", lambda r: r["InIfBoundary"] == "external"),
    ('InIfBoundary = external AND InIfProvider = "cogent"',
     lambda r: r["InIfBoundary"] == "external" and r["InIfProvider"] == "cogent"),
    ("InIfBoundary = external AND SrcAS IN (AS15169, AS36040)",
     lambda r: r["InIfBoundary"] == "external" and r["SrcAS"] in (15169, 36040)),
]
MORE = [
    ("SrcAddr << 198.51.1.0/24 OR SrcAddr << 2001:db8:1::/48",
     lambda r: "198.51.1." in r["SrcAddr"] or r["SrcAddr"].startswith("2001:db8:1:")),
    ("SrcAddr IN (198.51.0.3, 198.51.2.0/24, 2001:db8::5)",
     lambda r: r["SrcAddr"] in ("::ffff:198.51.0.3", "2001:db8:0::5") or "198.51.2." in r["SrcAddr"]),
    ("NOT (SrcPort < 1024 OR DstPort = 22)", lambda r: r["SrcPort"] >= 1024 and r["DstPort"] != 22),
    ("Proto = 'tcp'", lambda r: r["Proto"] == 6),
    ("Proto NOTIN ('TCP', 'UDP')", lambda r: r["Proto"] == 1),
    ("EType = IPv6 AND Proto != 17", lambda r: r["EType"] == 34525 and r["Proto"] != 17),
    ("SrcAS = DstAS", lambda r: r["SrcAS"] == r["DstAS"]),
    ("DstCommunities = 64500:7", lambda r: (64500 << 16) + 7 in r["DstCommunities"]),
    ("DstASPath != AS64501", lambda r: 64501 not in r["DstASPath"]),
    ("InIfProvider = \"it's \\\\ \\\"<script>\\\"\"", lambda r: r["InIfProvider"].startswith("it's")),
    ("InIfProvider LIKE 'co%' OR InIfProvider ILIKE '%LIA'", lambda r: r["InIfProvider"] in ("cogent", "telia")),
    ("ExporterName UNLIKE '%1' AND ExporterAddress != 192.0.2.3", lambda r: r["ExporterName"] in ("", "edge2")),
    ("InIfSpeed >= 1000 AND InIfSpeed < OutIfSpeed", lambda r: 1000 <= r["InIfSpeed"] < r["OutIfSpeed"]),
]


@pytest.mark.parametrize("text,keep", EVERY + SEEDS + MORE, ids=lambda v: v if isinstance(v, str) else "")
def test_filters(console, text, keep):
    answer = console.line(points=50, filter=text, units="l3bps")
    check_axis(answer, 1, expected(console.rows, answer, [], "l3bps", keep), [], 10)


@pytest.mark.parametrize("points", [5, 50, 100, 500])
@pytest.mark.parametrize("units", ["l3bps", "l2bps", "pps", "fps"])
@pytest.mark.parametrize("dimensions", [["SrcAS"], ["ExporterName", "Proto", "EType"], ["SrcAddr"]], ids="-".join)
def test_units_and_tables(console, points, units, dimensions):
    """Coarse tables, the rollup's border and the tail from `flows`: the sums are those of the rows, once each."""
    answer = console.line(points=points, dimensions=dimensions, units=units, limit=5)
    check_axis(answer, 1, expected(console.rows, answer, dimensions, units, lambda r: True), dimensions, 5)
    detail = units == "fps" or dimensions == ["SrcAddr"]
    table = "flows" if detail or points == 500 else "flows_5m0s" if points == 5 else "flows_1m0s"
    assert answer["table"] == table or points == 50
    assert (answer["interval"] <= HOURS * 3600 / points) or answer["table"] != "flows"


def test_border_is_inside_the_answer(console):
    """The planted half minute in the rollup is not used: its rows come from `flows`."""
    status, headers, _ = console.ask("POST", "graph/line", {"start": stamp(console.now - 10800), "end": stamp(console.now),
                                                            "points": 100, "dimensions": ["SrcAS"]})
    assert status == 200
    border = datetime.fromtimestamp(console.border, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    statement = headers["X-SQL-Query"]
    assert f"FROM flows_1m0s WHERE TimeReceived >= toDateTime('" in statement
    assert f"FROM flows WHERE TimeReceived >= toDateTime('{border}', 'UTC')" in statement
    now = int(time.time())
    answer = console.line(points=100, end=now, dimensions=["SrcAS"])
    newest = max(r["TimeReceived"] for r in console.rows)  # the collector may be behind
    assert min(now - 30, newest) - answer["interval"] <= seconds(answer["incomplete-from"]) <= min(now, newest + 1)


@pytest.mark.parametrize("kind", ["avg", "max", "last"])
def test_limit(console, kind):
    answer = console.line(points=5, end=console.now // 3600 * 3600, hours=2, dimensions=["SrcAS"], limit=3, limitType=kind)
    sums = expected(console.rows, answer, ["SrcAS"], "l3bps", lambda r: True)
    by_row = defaultdict(lambda: [0.0] * len(answer["t"]))
    for (bucket, labels), value in sums.items():
        by_row[labels][bucket] = value
    weigh = {"avg": sum, "max": max, "last": lambda p: p[-1]}[kind]
    want = sorted(by_row, key=lambda row: -weigh(by_row[row]))[:3]
    assert [tuple(plain(v) for v in row) for row in answer["rows"]] == want + [("Other",)]


@pytest.mark.parametrize("dimensions", [["SrcAS"], ["SrcAS", "InIfProvider"], ["DstPort"]], ids="-".join)
def test_both_directions_and_the_period_before(console, dimensions):
    text, keep = SEEDS[0]
    answer = console.line(points=50, dimensions=dimensions, limit=4, filter=text, bidirectional=True, **{"previous-period": True})
    direct = expected(console.rows, answer, dimensions, "l3bps", keep)
    rows = check_axis(answer, 1, direct, dimensions, 4)
    swapped = [reversed_row(row) for row in console.rows]
    check_axis(answer, 2, expected(swapped, answer, dimensions, "l3bps", keep), dimensions, 4, rows)
    for axis, source in ((3, console.rows), (4, swapped)):
        day_before = expected(source, answer, [], "l3bps", keep, shift=86_400)
        points = [p for p, a in zip(answer["points"], answer["axis"]) if a == axis]
        assert len(points) == 1
        assert points[0] == pytest.approx([day_before[(i, ())] for i in range(len(answer["t"]))])
    assert answer["axis-names"] == {"1": "Direct", "2": "Reverse", "3": "Previous day", "4": "Previous day (reverse)"}


@pytest.mark.parametrize("units,speed,name", [("inl2%", "InIfSpeed", "InIfName"), ("outl2%", "OutIfSpeed", "OutIfName")])
def test_percent_of_interfaces(console, units, speed, name):
    answer = console.line(points=5, dimensions=["ExporterName"], units=units)
    first, interval = seconds(answer["t"][0]), answer["interval"]
    used, seen = defaultdict(float), defaultdict(set)
    for row in console.rows:
        bucket = (row["TimeReceived"] - first) // interval
        if row[speed] and 0 <= bucket < len(answer["t"]):
            key = (bucket, row["ExporterName"])
            used[key] += amount(row, "l2bps") * 100 / (row[speed] * 1e6) / interval
            seen[key].add((row["ExporterAddress"], row[name]))
    for (exporter,), points in zip(answer["rows"], answer["points"]):
        assert points == pytest.approx([used[(i, exporter)] / max(1, len(seen[(i, exporter)])) for i in range(len(points))])
    assert "total" not in answer and "speed" in answer["note"][0]


PERCENT = ("inl2%", "outl2%")


def points_of(rows, answer, dimensions, units, keep, named, shift=0):
    """Labels -> a value for each bucket; what is not named is Other. Percent: averaged over the interfaces that are seen."""
    interval, first, n = answer["interval"], seconds(answer["t"][0]), len(answer["t"])
    side = "OutIf" if units == "outl2%" else "InIf"
    sums, seen = defaultdict(lambda: [0.0] * n), defaultdict(lambda: [set() for _ in range(n)])
    for row in rows:
        bucket = (row["TimeReceived"] + shift - first) // interval
        if not 0 <= bucket < n or not keep(row) or (units in PERCENT and not row[side + "Speed"]):
            continue
        labels = tuple(label(d, row[d]) for d in dimensions)
        labels = labels if named is None or labels in named else ("Other",) * len(dimensions)
        if units in PERCENT:
            sums[labels][bucket] += amount(row, "l2bps") / interval * 100 / (row[side + "Speed"] * 1e6)
            seen[labels][bucket].add((row["ExporterAddress"], row[side + "Name"]))
        else:
            sums[labels][bucket] += amount(row, units) / interval
    return {k: [v / max(1, len(i)) for v, i in zip(vs, seen[k])] if units in PERCENT else vs for k, vs in sums.items()}


def statistics(points):
    ordered, at = sorted(points), 0.95 * (len(points) - 1)
    low = int(at)
    return {"average": sum(points) / len(points), "max": ordered[-1], "min": min((p for p in points if p > 0), default=0),
            "95th": ordered[low] + (at - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]), "last": points[-1]}


UNITS = ["l3bps", "l2bps", "pps", "fps", *PERCENT]
SHAPES = [(5, "avg", ["SrcAS"]), (50, "max", ["ExporterName", "InIfName"]), (100, "avg", []), (500, "max", ["SrcAddr"]),
          (7, "avg", ["InIfName", "DstPort"])]


@pytest.mark.parametrize("units,points,kind,dimensions", [(u, *SHAPES[(i + k) % 5]) for i, u in enumerate(UNITS) for k in (0, 2)],
                         ids=lambda v: "-".join(v) if isinstance(v, list) else str(v))
def test_every_number_of_every_unit(console, units, points, kind, dimensions):
    """All four axes, the rows that are shown, Other and the numbers below, in each unit, over the tables that the points lead to."""
    text, keep = SEEDS[0]
    answer = console.line(points=points, dimensions=dimensions, units=units, limit=3, limitType=kind, filter=text, bidirectional=True,
                          **{"previous-period": True})
    swapped = [reversed_row(row) for row in console.rows]
    got = {axis: {tuple(plain(v) for v in row): p for row, p, a in zip(answer["rows"], answer["points"], answer["axis"]) if a == axis}
           for axis in (1, 2, 3, 4)}
    every = points_of(console.rows, answer, dimensions, units, keep, None)
    named = [row for row in got[1] if row != ("Other",) * len(dimensions)] if dimensions else [()]
    weigh = {"avg": sum, "max": max}[kind]
    assert sorted((weigh(every[row]) for row in named), reverse=True) == pytest.approx(sorted(map(weigh, every.values()), reverse=True)[:3])
    for axis, rows, dims, shown, shift in ((1, console.rows, dimensions, named, 0), (2, swapped, dimensions, named, 0),
                                           (3, console.rows, [], None, 86_400), (4, swapped, [], None, 86_400)):
        want = points_of(rows, answer, dims, units, keep, shown, shift)
        if axis > 2:  # one row for all
            want = {("Other",) * len(dimensions): values for values in want.values()}
        assert set(want) == set(got[axis])
        for row, values in want.items():
            assert got[axis][row] == pytest.approx(values), (axis, row)
    now = answer["incomplete-from"]
    known = [i for i, t in enumerate(answer["t"]) if (now is None or t < now) and not any(m["start"] <= t < m["end"] for m in answer["missing"])]
    assert 0 < len(known) and ("total" in answer) == (units not in PERCENT)
    for i, row in enumerate(answer["points"]):
        for key, value in statistics([row[k] for k in known]).items() if answer["axis"][i] <= 2 else ():
            assert answer[key][i] == pytest.approx(value), (key, answer["rows"][i])
        if units not in PERCENT:
            assert answer["total"][i] == pytest.approx(sum(row) * answer["interval"])


def test_truncated_addresses(console):
    answer = console.line(points=5, dimensions=["SrcAddr"], limit=10, **{"truncate-v4": 24, "truncate-v6": 48})
    sums = defaultdict(float)
    for (_, (address,)), value in expected(console.rows, answer, ["SrcAddr"], "l3bps", lambda r: True).items():
        sums[str(ipaddress.ip_network(address + ("/48" if ":" in address else "/24"), strict=False))] += value
    got = {row[0]: sum(points) for row, points in zip(answer["rows"], answer["points"])}
    assert got == pytest.approx(sums)


def test_numbers_below_the_chart(console):
    end = console.now // 3600 * 3600
    answer = console.line(points=50, hours=2, end=end, dimensions=["Proto"])
    assert answer["incomplete-from"] is None
    known = [i for i, t in enumerate(answer["t"]) if not any(m["start"] <= t < m["end"] for m in answer["missing"])]
    assert len(known) < len(answer["t"])
    for i, row in enumerate(answer["points"]):
        points = [row[k] for k in known]
        ordered = sorted(points)
        at = 0.95 * (len(points) - 1)
        p95 = ordered[int(at)] + (at - int(at)) * (ordered[min(int(at) + 1, len(points) - 1)] - ordered[int(at)])
        assert answer["average"][i] == pytest.approx(sum(points) / len(points))
        assert answer["min"][i] == pytest.approx(min(p for p in points if p > 0))
        assert answer["max"][i] == pytest.approx(max(points))
        assert answer["last"][i] == pytest.approx(points[-1])
        assert answer["95th"][i] == pytest.approx(p95)
        assert answer["total"][i] == pytest.approx(sum(points) * answer["interval"])


@pytest.mark.parametrize("points,text", [(100, "SrcAddr = 198.51.0.3"), (600, "SrcAddr = 198.51.0.3")])
def test_time_without_telemetry_is_missing_not_zero(console, points, text):
    answer = console.line(points=points, filter=text)
    points, t = answer["points"][0], [seconds(x) for x in answer["t"]]
    missing = {i for i, at in enumerate(t) for span in answer["missing"] if seconds(span["start"]) <= at < seconds(span["end"])}
    empty = {i for i, at in enumerate(t) if console.gap <= at and at + answer["interval"] <= console.gap + 600 and not points[i]}
    assert missing == empty and len(empty) >= 2
    assert all(span["reason"] for span in answer["missing"])
    known = [p for i, p in enumerate(points) if i not in missing and (
        answer["incomplete-from"] is None or t[i] < seconds(answer["incomplete-from"]))]
    assert answer["average"][0] == pytest.approx(sum(known) / len(known))


LOSSES = {"Shed": ("shed", "datagrams were given up because the bus had no room"),
          "KernelDropped": ("kernel-dropped", "the kernel dropped datagrams"),
          "SequenceLost": ("sequence-lost", "gaps in sequence numbers: datagrams were lost on their way")}


def lost_share(row):
    datagrams, reports = (row["Datagrams"] + row["Shed"] + row["KernelDropped"]), row["SequenceLost"] + row["Decoded"]
    return 1 - (row["Datagrams"] / datagrams if datagrams else 1) * (row["Decoded"] / reports if reports else 1)


@pytest.mark.parametrize("points", [150, 75, 15])
def test_what_was_lost_and_what_never_came_is_told(console, points):
    """From the ledger's minutes: a span for each run of buckets, its cause, its sums, the share; and what that leaves of the whole."""
    answer = console.line(points=points, end=console.now // 600 * 600 - 600, hours=2.5)
    interval, t = answer["interval"], [seconds(x) for x in answer["t"]]
    buckets = [{k: sum(row.get(k, 0) for m, row in console.ledger.items() if at <= m < at + interval) for k in ("Datagrams", "Decoded", *LOSSES)}
               for at in t]
    told, run = [], []
    for at, row in zip([*t, t[-1] + interval], [*buckets, None]):
        if row and row["Datagrams"] and lost_share(row) >= 0.001:
            run.append((at, row))
            continue
        if run:
            total = {k: sum(row[k] for _, row in run) for k in run[0][1]}
            told.append({"start": stamp(run[0][0]), "end": stamp(run[-1][0] + interval), "received": total["Datagrams"],
                         "reason": next(reason for k, (_, reason) in LOSSES.items() if total[k]),
                         "share": pytest.approx(lost_share(total)), **{name: total[k] for k, (name, _) in LOSSES.items()}})
        run = []
    assert answer["losses"] == told and told
    silent = [at for at, row in zip(t, buckets) if not row["Datagrams"]]
    reasons = {at: m["reason"] for m in answer["missing"] for at in range(seconds(m["start"]), seconds(m["end"]), interval)}
    assert sorted(reasons) == silent
    for at in silent:
        assert ("bus had no room" in reasons[at]) == (at + interval > console.gap + 300), (at, reasons[at])
    assert answer["completeness"] == pytest.approx(sum(0 if at in reasons else 1 - lost_share(row) for at, row in zip(t, buckets)) / len(t))


def test_sankey(console):
    dimensions = ["SrcAS", "InIfProvider", "SrcPort"]
    end = console.now // 3600 * 3600
    status, _, answer = console.ask("POST", "graph/sankey", {
        "start": stamp(end - 7200), "end": stamp(end), "dimensions": dimensions, "limit": 5, "bidirectional": True,
        "filter": "InIfBoundary = external"})
    assert status == 200, answer
    for axis, rows in ((1, console.rows), (2, [reversed_row(r) for r in console.rows])):
        inside = [r for r in rows if end - 7200 <= r["TimeReceived"] < end and r["InIfBoundary"] == "external"]
        if axis == 1:
            totals = defaultdict(float)
            for r in inside:
                totals[tuple(label(d, r[d]) for d in dimensions)] += amount(r, "l3bps")
            top = sorted(totals, key=lambda t: -totals[t])[:5]
            shown = [{t[i] for t in top} for i in range(3)]
        want = defaultdict(float)
        for r in inside:
            labels = tuple(label(d, r[d]) for d in dimensions)
            want[tuple(v if v in shown[i] else "Other" for i, v in enumerate(labels))] += amount(r, "l3bps") / (7200 - 600)
        got = {tuple(plain(v) for v in row): x for row, x, a in zip(answer["rows"], answer["xps"], answer["axis"]) if a == axis}
        assert got == pytest.approx(want)
    flow = sum(x for x, a in zip(answer["xps"], answer["axis"]) if a == 1)
    into = sum(link["xps"] for link in answer["links"] if link["axis"] == 1 and link["source"].startswith("SrcAS"))
    assert into == pytest.approx(flow)


# ---- What an answer says of itself

def test_answers_carry_their_passport(console):
    question = {"start": stamp(console.now - 10800), "end": stamp(console.now), "dimensions": ["SrcAS"], "points": 77}
    for path, extra in (("graph/line", {}), ("graph/sankey", {"dimensions": ["SrcAS", "DstAS"]})):
        status, headers, answer = console.ask("POST", path, {**question, **extra})
        assert status == 200, answer
        assert answer["table"].startswith("flows") and answer["resolution"] >= 1
        assert 0.9 < answer["completeness"] < 1, "ten of 180 minutes are missing"
        assert answer["rows-read"] > 1000 and answer["bytes-read"] > answer["rows-read"] and answer["time-ms"] >= 0
        assert answer["sql"] == headers["X-SQL-Query"]


def test_time_before_the_data_is_missing_not_zero(console):
    oldest = min(r["TimeReceived"] for r in console.rows)
    answer = console.line(points=50, hours=60)
    t, i = [seconds(x) for x in answer["t"]], answer["interval"]
    assert answer["missing"][0]["start"] == answer["t"][0] and "stored" in answer["missing"][0]["reason"]
    assert seconds(answer["missing"][0]["end"]) == oldest
    spans = [(seconds(m["start"]), seconds(m["end"])) for m in answer["missing"]]
    known = [p for p, at in zip(answer["points"][0], t) if at > oldest and at + i <= console.now and
             not any(a <= at < b for a, b in spans)]
    assert answer["average"][0] == pytest.approx(sum(known) / len(known), rel=1e-6)


def test_error_band(console):
    """196 % / sqrt(samples), of what was sampled."""
    end = console.now // 3600 * 3600
    answer = console.line(points=5, hours=2, end=end, dimensions=["ExporterName"], **{"error-band": True})
    first, interval = seconds(answer["t"][0]), answer["interval"]
    sampled, samples = defaultdict(float), defaultdict(int)
    for row in console.rows:
        bucket = (row["TimeReceived"] - first) // interval
        if 0 <= bucket < len(answer["t"]) and row["SamplingRate"] > 1:
            sampled[(bucket, row["ExporterName"])] += amount(row, "l3bps") / interval
            samples[(bucket, row["ExporterName"])] += row["Packets"]
    for (name,), error in zip(answer["rows"], answer["error"]):
        assert error == pytest.approx([1.96 * sampled[(i, name)] / samples[(i, name)] ** 0.5 for i in range(len(error))])


# ---- Single flows

def test_flows_behind_a_point(console):
    start, end = console.now - 900, console.now - 300
    question = {"start": stamp(start), "end": stamp(end), "filter": "SrcAS = AS15169 AND Proto = 'udp'", "limit": 20,
                "columns": ["TimeReceived", "SrcAddr", "SrcAS", "Proto", "EType", "InIfProvider", "DstCommunities", "Bytes"]}
    status, _, answer = console.ask("POST", "flows", question)
    assert status == 200, answer
    want = sorted((r for r in console.rows if start <= r["TimeReceived"] < end and r["SrcAS"] == 15169 and r["Proto"] == 17),
                  key=lambda r: -r["TimeReceived"])
    assert [c["name"] for c in answer["columns"]] == question["columns"]
    assert [seconds(r[0]) for r in answer["rows"]] == [r["TimeReceived"] for r in want[:20]]
    assert answer["more"] is (len(want) > 20) and answer["table"] == "flows" and answer["rows-read"] > 0
    known = {(r["TimeReceived"], label("SrcAddr", r["SrcAddr"]), "UDP", label("EType", r["EType"]), r["InIfProvider"],
              label("DstCommunities", r["DstCommunities"]), r["Bytes"]) for r in want}
    for t, address, asn, proto, etype, provider, communities, size in answer["rows"]:
        assert plain(asn) == "15169"
        assert (seconds(t), address, proto, etype, provider, communities, size) in known
    largest = console.ask("POST", "flows", {**question, "order": "-Bytes", "limit": 3, "offset": 2})[2]["rows"]
    assert [r[-1] for r in largest] == sorted((r["Bytes"] for r in want), reverse=True)[2:5]
    everything = console.ask("POST", "flows", {**question, "columns": ["*"], "limit": 1})[2]
    assert {"SrcAddr", "DstASPath", "PacketSizeBucket"} <= {c["name"] for c in everything["columns"]}
    old = console.ask("POST", "flows", {**question, "start": stamp(console.now - 90 * 86400)})[2]
    assert "kept since" in old["note"][0]


@pytest.mark.parametrize("change,word", [
    ({"columns": ["Nothing"]}, "Nothing"), ({"columns": "SrcAS"}, "list"), ({"columns": ["SrcAS", "srcas"]}, "twice"),
    ({"order": "x; DROP TABLE flows"}, "order"), ({"order": "-"}, "order"), ({"limit": 10001}, "limit"),
    ({"offset": -1}, "offset"), ({"filter": "SrcAS ="}, "AS number"), ({"columns": [5]}, "columns")])
def test_bad_questions_for_flows_are_refused(console, change, word):
    question = {"start": stamp(console.now - 3600), "end": stamp(console.now), **change}
    status, _, answer = console.ask("POST", "flows", question)
    assert status == 400 and word in answer["message"]


# ---- The other endpoints

def test_widgets(console):
    def recent():
        return sum(int(time.time()) - 300 < r["TimeReceived"] for r in console.rows)
    most = recent()
    rate = console.ask("GET", "widget/flow-rate")[2]
    assert rate["period"] == "second" and recent() / 300 - 1e-6 <= rate["rate"] <= most / 300 + 1e-6
    last = console.ask("GET", "widget/flow-last")[2]
    latest = max(r["TimeReceived"] for r in console.rows)
    newest = [r for r in console.rows if r["TimeReceived"] == latest]
    assert seconds(last["TimeReceived"]) == latest
    assert last["Bytes"] in {str(r["Bytes"]) for r in newest}
    top = console.ask("GET", "widget/top/src-as")[2]["top"]
    assert len(top) == 5 and all(0 < t["percent"] <= 100 for t in top)
    assert [t["percent"] for t in top] == sorted((t["percent"] for t in top), reverse=True)
    assert console.ask("GET", "widget/top/src-port")[2]["top"][0]["name"].split("/")[0] in ("TCP", "UDP", "ICMP")
    names = [t["name"] for t in console.ask("GET", "widget/top/exporter")[2]["top"]]
    assert sorted(names) == ["192.0.2.0", "edge1", "edge2", "edge3"]
    assert console.ask("GET", "widget/top/nothing")[0] == 404
    graph = console.ask("GET", "widget/graph")[2]
    outside = sum(amount(r, "l3bps") for r in console.rows
                  if r["InIfBoundary"] == "external" and seconds(graph["data"][0]["t"]) <= r["TimeReceived"])
    assert sum(p["gbps"] for p in graph["data"]) * 1e9 * graph["interval"] == pytest.approx(outside)


def test_completion(console):
    def complete(**question):
        status, _, answer = console.ask("POST", "filter/complete", question)
        assert status == 200, answer
        return {c["label"]: c for c in answer["completions"]}
    assert set(complete(what="column", prefix="inifb")) == {"InIfBoundary"}
    assert set(complete(what="operator", column="SrcAddr", prefix="")) == {"=", "!=", "<<", "!<<", "IN", "NOTIN"}
    assert set(complete(what="operator", prefix="")) == {"AND", "OR"}
    assert set(complete(what="value", column="InIfBoundary", prefix="e")) == {"external"}
    google = complete(what="value", column="SrcAS", prefix="AS15169")["AS15169"]
    assert google["quoted"] is False
    assert complete(what="value", column="Proto", prefix="tc")["TCP"]["quoted"] is True
    assert "443" in complete(what="value", column="DstPort", prefix="https")
    assert "64500:7" in complete(what="value", column="DstCommunities", prefix="645")
    newest = max(r["TimeReceived"] for r in console.rows)
    seen = defaultdict(int)  # ports of the last five minutes
    for r in console.rows:
        seen[r["SrcPort"]] += r["Bytes"] if r["TimeReceived"] > newest - 300 else 0
    port = min(seen, key=lambda p: (-seen[p], p))
    assert next(iter(complete(what="value", column="SrcPort", prefix=""))) == str(port), "what is seen most comes first"
    unnamed = [p for p in seen if 1024 <= p and seen[p]]
    assert unnamed
    for p in unnamed[:3]:
        assert str(p) in complete(what="value", column="SrcPort", prefix=str(p)), "seen, but without a name"
    protocols = list(complete(what="value", column="Proto", prefix=""))
    assert set(protocols[:3]) == {"TCP", "UDP", "ICMP"} and protocols[3] == "HOPOPT"
    assert {"AS15169", "AS36040", "AS2906"} <= set(complete(what="value", column="SrcAS", prefix="as"))
    assert complete(what="value", column="SrcAddr", prefix="") == {}
    assert complete(what="value", column="InIfProvider", prefix="%' OR 1=1 --") == {}
    assert console.ask("POST", "filter/complete", {"what": "nothing"})[0] == 400


def test_validation(console):
    answer = console.ask("POST", "filter/validate", {"filter": "SrcAS = AS15169"})[2]
    assert answer == {"message": "ok", "parsed": "SrcAS = 15169", "errors": []}
    answer = console.ask("POST", "filter/validate", {"filter": "SrcAS = AS1\nAND Src = 5"})[2]
    assert (answer["errors"][0]["line"], answer["errors"][0]["column"], answer["errors"][0]["offset"]) == (2, 5, 16)
    assert answer["message"].startswith("at line 2, position 5: ")
    assert console.ask("POST", "filter/validate", {"filter": " "})[2]["errors"] == []
    for wrong in ([], {"filter": 5}, {"filter": ["SrcAS = 1"]}):
        assert console.ask("POST", "filter/validate", wrong)[0] == 400


@pytest.mark.parametrize("change,word", [
    ({"filter": "SrcAS = "}, "AS number"), ({"limit": 51}, "limit"), ({"points": 1}, "points"), ({"units": "x"}, "units"),
    ({"dimensions": ["Bytes"]}, "Bytes"), ({"dimensions": ["SrcAS", "srcas"]}, "twice"), ({"start": "yesterday"}, "start"),
    ({"end": "2020-01-01T00:00:00Z"}, "after"), ({"limitType": "sum"}, "limitType"), ({"bidirectional": "yes"}, "bidirectional"),
    ({"end": 4294967295}, "2100"), ({"start": 0}, "20 years"), ({"end": 99999999999}, "end"), ({"start": -1}, "start"),
    ({"start": 1.5}, "no time"), ({"start": "2026-02-30T00:00:00Z"}, "no time"), ({"start": None}, "missing")])
def test_bad_questions_are_refused(console, change, word):
    question = {"start": stamp(console.now - 3600), "end": stamp(console.now), **change}
    status, _, answer = console.ask("POST", "graph/line", question)
    assert status == 400 and word in answer["message"]


def test_table_interval(console):
    answer = console.ask("POST", "graph/table-interval", {
        "start": stamp(console.now - 10800), "end": stamp(console.now), "points": 100, "dimensions": ["SrcAS"]})[2]
    assert answer == {"table": "flows_1m0s", "interval": 60}
    answer = console.ask("POST", "graph/table-interval", {
        "start": stamp(console.now - 10800), "end": stamp(console.now), "points": 100, "filter": "SrcPort = 80"})[2]
    assert answer["table"] == "flows"


NARROW = [({"dimensions": ["SrcAS"], "filter": "InIfBoundary = external", "limit": 4}, lambda r: r["InIfBoundary"] == "external", "src_as"),
          ({"dimensions": ["ExporterName", "InIfName"], "filter": "InIfProvider = 'telia'", "limit": 3}, lambda r: r["InIfProvider"] == "telia",
           "input"),
          ({"filter": "OutIfBoundary = external"}, lambda r: r["OutIfBoundary"] == "external",
           "(input|output|src_as|dst_as)")]


def narrow_answers(console, points, tables):
    """Both directions of each question are what the rows say; `tables`: all that a statement reads by five minutes."""
    for question, keep, name in NARROW:
        dimensions = question.get("dimensions", [])
        status, headers, answer = console.ask("POST", "graph/line", {
            "start": stamp(console.now + 1 - HOURS * 3600), "end": stamp(console.now + 1), "points": points, "bidirectional": True, **question})
        assert status == 200, answer
        direct = headers["X-SQL-Query"].split(" reverse AS (")[0]
        for table in tables:
            assert re.search(f"FROM {table.format(name)} WHERE", direct)
        assert ("FROM flows_5m0s WHERE" in direct) == ("flows_5m0s" in tables)
        rows = check_axis(answer, 1, expected(console.rows, answer, dimensions, "l3bps", keep), dimensions, question.get("limit", 10))
        check_axis(answer, 2, expected([reversed_row(r) for r in console.rows], answer, dimensions, "l3bps", keep), dimensions, 10, rows)


def test_narrow_rollups_tell_the_same(console):
    """They answer for the time from which on they are complete, and the wide ones for the time before."""
    narrow_answers(console, 11, ["flows_5m0s_{}"])
    cut = console.now - HOURS * 1800
    for table in [f"flows_{step}_{name}" for step in ("5m0s", "1h0m0s") for name in ("src_as", "dst_as", "input", "output")]:
        comment = sql(console.ports["store"], f"SELECT comment FROM system.tables WHERE name = '{table}'").strip()
        assert " since 0 by " in comment
        changed = comment.replace(" since 0 by ", f" since {cut} by ")
        sql(console.ports["store"], f"ALTER TABLE {table} MODIFY COMMENT '{changed}'")
        sql(console.ports["store"], f"DELETE FROM {table} WHERE TimeReceived < {cut} SETTINGS lightweight_deletes_sync = 2")
    earlier = itertools.count(1)  # another question each time: answers are kept

    def is_known():
        question = {**NARROW[0][0], "start": stamp(console.now + 1 - HOURS * 3600 - next(earlier)), "end": stamp(console.now + 1), "points": 13}
        return "FROM flows_5m0s WHERE" in console.ask("POST", "graph/line", question)[1]["X-SQL-Query"]
    wait_until(is_known, 20, "the console does not see what the tables say")  # what it knows of them may be three seconds old
    narrow_answers(console, 13, ["flows_5m0s", "flows_5m0s_{}"])


def test_answers_are_cached(console):
    question = {"start": stamp(console.now - 7200), "end": stamp(console.now - 3600), "dimensions": ["SrcAS"]}
    first = console.ask("POST", "graph/line", question)
    hits = console.role.metric("weir_console_cache_hits_total")
    again = console.ask("POST", "graph/line", question)
    assert again[2] == first[2] and again[1]["X-SQL-Query"] == first[1]["X-SQL-Query"]
    assert console.role.metric("weir_console_cache_hits_total") == hits + 1


def test_who_it_is_may_be_written_in_latin1(console):
    for login, want in (("R\u00e9mi".encode("latin-1"), "R\u00e9mi"), ("\u4e2d".encode(), "\u4e2d"), (b"\xff\xfe", "\u00ff\u00fe")):
        headers = {"Remote-User": login, "Remote-Name": login}
        assert console.ask("GET", "user/info", headers=headers)[2] == {"login": want, "name": want}
        assert console.ask("POST", "filter/saved", {"description": "mine", "content": "SrcAS = 1"}, headers)[0] == 204
        (mine,) = console.ask("GET", "filter/saved", headers=headers)[2]["filters"]
        assert mine["user"] == want
        assert console.ask("DELETE", f"filter/saved/{mine['id']}", headers=headers)[0] == 204


def test_documentation_for_programs_and_for_the_page(console):
    def page(path, accept):
        connection = http.client.HTTPConnection("127.0.0.1", console.ports["console"], timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Accept": accept})
            answer = connection.getresponse()
            assert answer.status == 200 and "Accept" in answer.headers.get_all("Vary")
            return answer.headers["Content-Type"], answer.read().decode()
    rendered = json.loads(page("/api/v0/console/docs/introduction", "application/json")[1])
    assert rendered["markdown"].startswith('<h1 id="introduction">')
    for entry in rendered["toc"]:
        kind, text = page("/docs/" + entry["name"], "*/*")
        assert kind.startswith("text/markdown") and text == page(f"/docs/{entry['name']}.md", "*/*")[1], "links of the pages are written so"
        assert text == page("/api/v0/console/docs/" + entry["name"], "text/markdown")[1]
        for link in re.findall(r"\]\(([a-z]+)\.md(?:#([^)]*))?\)", text):
            (to,) = [e for e in rendered["toc"] if e["name"] == link[0]]
            assert not link[1] or link[1] in {h["id"] for h in to["headers"]}, (entry["name"], link)
    for name in ("configuration", "troubleshooting"):
        assert page("/docs/" + name, "text/html")[0].startswith("text/html")
        assert name in {h["id"] for e in rendered["toc"] if e["name"] == name for h in e["headers"]}


def test_every_path_is_in_the_documentation():
    top = os.path.join(os.path.dirname(__file__), "../..")
    with open(top + "/src/api/routes.def", encoding="utf-8") as routes, open(top + "/doc/api.md", encoding="utf-8") as doc:
        paths, text = re.findall(r'ROUTE\("\w+", "/api/v0/console/([^"{]+)', routes.read()), doc.read()
    assert len(paths) > 20 and [p for p in paths if p.rstrip("/") not in text] == []
def test_a_store_that_hangs_holds_nobody_up_who_can_do_with_what_is_known(console):
    """Which table would answer is known, if not quite freshly; the store is waited for two seconds, and then not again for ten."""
    def ask():
        began = time.monotonic()
        status, _, answer = console.ask("POST", "graph/table-interval", {
            "start": stamp(console.now - 10800), "end": stamp(console.now), "points": 100})
        assert status == 200 and answer == {"table": "flows_1m0s", "interval": 60}
        return time.monotonic() - began
    ask()
    time.sleep(3.5)  # what is known of the tables is not fresh any more
    console.store.process.send_signal(signal.SIGSTOP)
    try:
        assert ask() < 20
        assert min(ask() for _ in range(4)) < 1.5  # one of them may be the next that waits
    finally:
        console.store.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("headers,status", [
    ({}, 200), ({"Sec-Fetch-Site": "same-origin"}, 200), ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403),
    ({"Origin": "https://flows.example", "X-Forwarded-Host": "flows.example"}, 200)])
def test_other_sites_may_not_use_it(console, headers, status):
    assert console.ask("POST", "filter/validate", {"filter": ""}, headers)[0] == status
    own = {"Origin": f"http://127.0.0.1:{console.ports['console']}"}
    assert console.ask("POST", "filter/validate", {"filter": ""}, own)[0] == 200


def test_question_ends_with_its_asker(console, tmp_path):
    """A closed page leaves nothing running in the store."""
    ports = {**free_ports(), "store": console.ports["store"]}
    conf = configuration(ports, clickhousedb=console.conf["clickhousedb"], console={
        "http": {"listen": f"127.0.0.1:{ports['console']}"},
        "homepage-graph-filter": "(SELECT max(sipHash64(number)) FROM numbers(1000000000000)) > 0"})
    running = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'"
    with Role(tmp_path, "console", conf, ports["console"]):
        connection = http.client.HTTPConnection("127.0.0.1", ports["console"], timeout=60)
        connection.request("GET", "/api/v0/console/widget/graph")
        wait_until(lambda: sql(ports["store"], running).strip() != "0", 5, "the question was never at work")
        time.sleep(1)
        assert sql(ports["store"], running).strip() == "1"
        connection.close()
        wait_until(lambda: sql(ports["store"], running).strip() == "0", 3, "the question is still at work")


def test_store_away_is_said(console, tmp_path):
    ports = free_ports()
    conf = configuration(ports, clickhousedb={"servers": [f"127.0.0.1:{ports['store']}"]})
    with Role(tmp_path, "console", conf, ports["console"]):
        lost = Console(ports, console.now, [], 0)
        status, _, answer = lost.ask("POST", "graph/line", {"start": stamp(console.now - 60), "end": stamp(console.now)})
        assert status == 500 and "does not answer" in answer["message"]
        assert lost.ask("GET", "configuration")[0] == 200
        health = lost.ask("GET", "healthcheck")[2]
        assert health["status"] == "warning" and "connect" in health["details"]["clickhouse"]["reason"]
