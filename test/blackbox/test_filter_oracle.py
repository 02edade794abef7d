"""
The filter language against an oracle: more than 300 filters run over planted rows in the store, and over the same rows in Python.

The oracle knows nothing of SQL: a filter's meaning stands beside it as a function of a row.
"""
import contextlib
import ipaddress
import json
import random
import re
import time

import pytest

from lab import wait_until
from test_console_api import Console, sql, stamp
from weir import PROGRAM, Role, configuration, free_ports

FIRST_MS = 1_763_719_200_000  # 2025-11-21T10:00:00Z
USER, PASSWORD = "weir", "test-password"
NAMES = ["edge1", "edge2", "Edge%3", "it's", 'say "hi"', "back\\slash", "<script>alert(1)</script>", "", "héhé 中文", "a_b", "a%b"]


def make_rows(now):
    random.seed(300)
    rows = []
    for i in range(4000):
        v6 = i % 4 == 0
        source = f"2001:db8:{i % 5}::{i % 60:x}" if v6 else f"::ffff:198.51.{i % 3}.{i % 90}"
        target = f"2001:db8:f{i % 3}::{i % 7:x}" if v6 else f"::ffff:203.0.{i % 4}.{i % 30}"
        rows.append({
            "TimeReceived": now - random.randrange(600), "SamplingRate": [1, 100][i % 2], "ExporterAddress": f"::ffff:192.0.2.{i % 4}",
            "ExporterName": NAMES[i % len(NAMES)], "ExporterGroup": NAMES[i % 3], "ExporterRole": "edge", "ExporterSite": "",
            "ExporterRegion": "", "ExporterTenant": "",
            "SrcAddr": source, "DstAddr": target, "SrcNetMask": 48 if v6 else 24, "DstNetMask": 64 if v6 else [24, 25][i % 2],
            "SrcAS": random.choice([0, 15169, 36040, 64500 + i % 6, 4200000000]), "DstAS": random.choice([15169, 64501, 4294967295]),
            "SrcNetName": NAMES[i % 2], "DstNetName": NAMES[i % 2 + 1], "SrcCountry": ["FR", "DE", "US"][i % 3], "DstCountry": ["FR", "ZA"][i % 2],
            "SrcVlan": i % 10, "DstVlan": i % 4094, "DstASPath": [[], [64500], [64500, 64501, 64501]][i % 3], "Dst1stAS": [0, 64500][i % 3 > 0],
            "SrcCommunities": [[], [(65000 << 16) + 100]][i % 2], "DstCommunities": [[], [(64500 << 16) + 7], [(64500 << 16) + 7, 5]][i % 3],
            "DstLargeCommunities": [[], [(64500 << 64) + (1 << 32) + 2]][i % 2],
            "InIfName": f"in{i % 3}", "OutIfName": f"out{i % 3}" if i % 2 else f"in{i % 3}", "InIfDescription": NAMES[i % len(NAMES)],
            "OutIfDescription": NAMES[(i + i % 2) % len(NAMES)], "InIfSpeed": [0, 1000, 10000][i % 3], "OutIfSpeed": [1000, 40000][i % 2],
            "InIfProvider": ["cogent", "telia", "Cogent", ""][i % 4], "OutIfProvider": "", "InIfConnectivity": "transit", "OutIfConnectivity": "",
            "InIfBoundary": ["undefined", "external", "internal"][i % 3], "OutIfBoundary": ["internal", "external"][i % 2],
            "EType": 34525 if v6 else 2048, "Proto": random.choice([1, 6, 17, 58, 47]), "SrcPort": random.choice([0, 53, 80, 443, 65535]),
            "DstPort": random.choice([22, 80, 443, 1024 + i % 50]), "Bytes": random.choice([64, 1500, 10_000_000_000, 999]),
            "Packets": random.choice([1, 2, 10]), "ForwardingStatus": [0, 64, 128][i % 3], "FlowDirection": ["undefined", "ingress", "egress"][i % 3],
            "SrcMAC": [0, 0x005300123456, 0xffffffffffff][i % 3], "DstMAC": 0x005300abcdef, "IPTTL": i % 256, "IPTos": i % 8,
            "FlowStart": FIRST_MS + i % 7 * 1000 + i % 3 * 250,
            "FlowEnd": now * 1000 if i % 11 == 0 else FIRST_MS + i % 7 * 1000 + i % 5 * 250, "TCPFlags": i % 64, "MPLSLabels": [[], [100], [100, 1048575]][i % 3], "NextHop": f"::ffff:192.0.2.{i % 3}"})
    return rows


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    folder, ports = tmp_path_factory.mktemp("filter"), free_ports()
    schema = {"enabled": ["SrcVlan", "DstVlan", "SrcMAC", "DstMAC", "IPTTL", "IPTos", "TCPFlags", "MPLSLabels", "MPLS1stLabel",
                          "SrcCommunities", "SrcLargeCommunities", "NextHop", "FlowStart", "FlowEnd"], "materialize": ["DstNetPrefix"]}
    conf = configuration(
        ports, clickhouse={"orchestrator-url": f"http://127.0.0.1:{ports['orchestrator']}"}, schema=schema,
        clickhousedb={"servers": [f"127.0.0.1:{ports['store']}"], "username": USER, "password": PASSWORD},
        console={"http": {"listen": f"127.0.0.1:{ports['console']}"}})
    with contextlib.ExitStack() as stack:
        stack.enter_context(Role(folder, "store", conf, ports["store"], PROGRAM))
        stack.enter_context(Role(folder, "orchestrator", conf, ports["orchestrator"]))
        wait_until(lambda: {"flows", "protocols", "ledger"} <= set(sql(ports["store"], "SHOW TABLES").split()), 30, "no tables")
        now = int(time.time()) - 20
        rows = make_rows(now)
        stored = [{**r, "DstNetPrefix": net(r, "Dst"), **{c: f"{r[c] // 1000}.{r[c] % 1000:03}" for c in ("FlowStart", "FlowEnd")}}
                  for r in rows]
        sql(ports["store"], "INSERT INTO flows FORMAT JSONEachRow", "\n".join(json.dumps(r) for r in stored))
        stack.enter_context(Role(folder, "console", conf, ports["console"]))
        yield Console(ports, now, rows, 0)


# ---- Meanings

def address(row, column):
    a = ipaddress.ip_address(row[column])
    return a.ipv4_mapped or a


def net(row, side):
    return str(ipaddress.ip_network(f"{address(row, side + 'Addr')}/{row[side + 'NetMask']}", strict=False))


def within(row, column, text):
    a, n = address(row, column), ipaddress.ip_network(text)
    return a.version == n.version and a in n


def like(text, pattern, case):
    out = ""
    i = 0
    while i < len(pattern):
        c = pattern[i]
        if c == "\\" and i + 1 < len(pattern):
            i += 1
            out += re.escape(pattern[i])
        else:
            out += ".*" if c == "%" else "." if c == "_" else re.escape(c)
        i += 1
    return re.fullmatch(out, text, re.S | (0 if case else re.I)) is not None


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


PROTOCOLS = {"tcp": 6, "UDP": 17, "icmp": 1, "GRE": 47}


def strings():
    for column in ("ExporterName", "InIfDescription", "SrcNetName"):
        for name in NAMES:
            yield f"{column} = {quote(name)}", lambda r, c=column, n=name: r[c] == n
            yield f"{column} != {quote(name)}", lambda r, c=column, n=name: r[c] != n
    for name in NAMES[:4]:
        single = "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
        yield f"ExporterName={single}", lambda r, n=name: r["ExporterName"] == n
    for names in (NAMES[:2], NAMES[3:8], NAMES):
        text = ", ".join(quote(n) for n in names)
        yield f"ExporterName IN ({text})", lambda r, n=names: r["ExporterName"] in n
        yield f"ExporterName NOTIN ({text})", lambda r, n=names: r["ExporterName"] not in n
        yield f"ExporterName NOT IN ({text})", lambda r, n=names: r["ExporterName"] not in n
    for pattern in ("edge%", "EDGE_", "%'%", "%\\%%", "a\\_b", "a_b", "%", "%中%", "%\\\\%", "<script%"):
        text = quote(pattern)
        yield f"ExporterName LIKE {text}", lambda r, p=pattern: like(r["ExporterName"], p, True)
        yield f"ExporterName UNLIKE {text}", lambda r, p=pattern: not like(r["ExporterName"], p, True)
        yield f"ExporterName ILIKE {text}", lambda r, p=pattern: like(r["ExporterName"], p, False)
        yield f"ExporterName IUNLIKE {text}", lambda r, p=pattern: not like(r["ExporterName"], p, False)
    for country in ("FR", "ZA", "XX"):
        yield f'DstCountry = "{country}"', lambda r, c=country: r["DstCountry"] == c
        yield f'SrcCountry IN ("{country}", "DE")', lambda r, c=country: r["SrcCountry"] in (c, "DE")
    for a, b in (("InIfName", "OutIfName"), ("InIfDescription", "OutIfDescription"), ("SrcNetName", "DstNetName"), ("SrcCountry", "DstCountry")):
        yield f"{a} = {b}", lambda r, a=a, b=b: r[a] == r[b]
        yield f"{a} != {b}", lambda r, a=a, b=b: r[a] != r[b]


def numbers():
    compare = {"=": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
               ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}
    for column, values in (("SrcPort", (0, 80, 65535)), ("Bytes", (1500, 9_999_999_999)), ("InIfSpeed", (1000,)), ("IPTTL", (64,)),
                           ("SrcVlan", (5,)), ("ForwardingStatus", (64,)), ("PacketSize", (64,)), ("Proto", (17,)), ("MPLS1stLabel", (100,))):
        for sign, fn in compare.items():
            for value in values:
                get = (lambda r: r["Bytes"] // r["Packets"]) if column == "PacketSize" else \
                    (lambda r: (r["MPLSLabels"] or [0])[0]) if column == "MPLS1stLabel" else (lambda r, c=column: r[c])
                yield f"{column} {sign} {value}", lambda r, g=get, f=fn, v=value: f(g(r), v)
    for sign, fn in compare.items():
        yield f"FlowStart {sign} 2025-11-21T10:00:03.25Z", lambda r, f=fn: f(r["FlowStart"], FIRST_MS + 3250)
        yield f"FlowStart {sign} '2025-11-21 12:00:02.25+02:00'", lambda r, f=fn: f(r["FlowStart"], FIRST_MS + 2250)
        yield f"FlowEnd {sign} FlowStart", lambda r, f=fn: f(r["FlowEnd"], r["FlowStart"])
        yield f"SrcPort {sign} DstPort", lambda r, f=fn: f(r["SrcPort"], r["DstPort"])
        yield f"InIfSpeed{sign}OutIfSpeed", lambda r, f=fn: f(r["InIfSpeed"], r["OutIfSpeed"])
    yield "FlowEnd > now-1h AND FlowEnd <= now", lambda r: r["FlowEnd"] > FIRST_MS + 86400_000
    yield "FlowEnd < now-1d", lambda r: r["FlowEnd"] < FIRST_MS + 86400_000
    yield "FlowStart = '2025-11-21'", lambda r: False
    yield "DstPort IN (22, 443)", lambda r: r["DstPort"] in (22, 443)
    yield "DstPort NOTIN (22,443,80)", lambda r: r["DstPort"] not in (22, 80, 443)
    yield "TCPFlags IN (2)", lambda r: r["TCPFlags"] == 2
    for text in ("15169", "AS15169", "as36040", "AS4200000000", "0"):
        value = int(text.lower().removeprefix("as"))
        yield f"SrcAS = {text}", lambda r, v=value: r["SrcAS"] == v
        yield f"SrcAS != {text}", lambda r, v=value: r["SrcAS"] != v
    yield "DstAS = AS4294967295", lambda r: r["DstAS"] == 4294967295
    yield "SrcAS IN (AS15169, 36040)", lambda r: r["SrcAS"] in (15169, 36040)
    yield "SrcAS NOTIN (AS15169, 36040)", lambda r: r["SrcAS"] not in (15169, 36040)
    yield "SrcAS = DstAS", lambda r: r["SrcAS"] == r["DstAS"]
    yield "SrcAS != DstAS", lambda r: r["SrcAS"] != r["DstAS"]
    yield "Dst1stAS = AS64500", lambda r: r["Dst1stAS"] == 64500
    for text, value in PROTOCOLS.items():
        yield f"Proto = '{text}'", lambda r, v=value: r["Proto"] == v
        yield f'Proto != "{text}"', lambda r, v=value: r["Proto"] != v
    yield "Proto IN ('TCP', 'udp')", lambda r: r["Proto"] in (6, 17)
    yield "Proto NOTIN ('TCP', 'udp')", lambda r: r["Proto"] not in (6, 17)
    yield "Proto IN (6, 17)", lambda r: r["Proto"] in (6, 17)
    yield "Proto = 'no such protocol'", lambda r: False


def addresses():
    for column, host, prefix in (("SrcAddr", "198.51.1.4", "198.51.1.0/24"), ("SrcAddr", "2001:db8:1::1", "2001:db8:1::/48"),
                                 ("DstAddr", "203.0.2.2", "203.0.0.0/15"), ("DstAddr", "2001:db8:f0::3", "2001:db8::/32"),
                                 ("ExporterAddress", "192.0.2.1", "192.0.2.2/31"), ("NextHop", "192.0.2.0", "192.0.2.0/24"),
                                 ("SrcAddr", "::ffff:198.51.2.5", "0.0.0.0/0"), ("SrcAddr", "2001:DB8:0:0:0:0:0:0", "::/0")):
        a = ipaddress.ip_address(host)
        a = a.ipv4_mapped if a.version == 6 and a.ipv4_mapped else a
        yield f"{column} = {host}", lambda r, c=column, a=a: address(r, c) == a
        yield f"{column} != {host}", lambda r, c=column, a=a: address(r, c) != a
        if prefix == "::/0":
            continue
        for sign in ("=", "<<"):
            yield f"{column} {sign} {prefix}", lambda r, c=column, p=prefix: within(r, c, p)
        for sign in ("!=", "!<<"):
            yield f"{column} {sign} {prefix}", lambda r, c=column, p=prefix: not within(r, c, p)
        yield f"{column} IN ({host}, {prefix})", lambda r, c=column, a=a, p=prefix: address(r, c) == a or within(r, c, p)
        yield f"{column} NOTIN ({host}, {prefix})", lambda r, c=column, a=a, p=prefix: not (address(r, c) == a or within(r, c, p))
    yield "SrcAddr IN (198.51.0.3, 198.51.0.6)", lambda r: str(address(r, "SrcAddr")) in ("198.51.0.3", "198.51.0.6")
    for side in ("Src", "Dst"):
        for prefix in ("198.51.1.0/24", "203.0.1.0/25", "2001:db8:2::/48", "2001:db8:f1::/64", "192.0.2.0/24"):
            yield f"{side}NetPrefix = {prefix}", lambda r, s=side, p=prefix: net(r, s) == p
            yield f"{side}NetPrefix != {prefix}", lambda r, s=side, p=prefix: net(r, s) != p
    for text in ("00:53:00:12:34:56", "00-53-00-12-34-56", "0053.0012.3456", "00:53:00:ab:CD:ef"):
        value = int(re.sub("[^0-9a-fA-F]", "", text), 16)
        yield f"SrcMAC = {text}", lambda r, v=value: r["SrcMAC"] == v
        yield f"DstMAC != {text}", lambda r, v=value: r["DstMAC"] != v
    yield "SrcMAC IN (00:53:00:12:34:56, ff:ff:ff:ff:ff:ff)", lambda r: r["SrcMAC"] in (0x005300123456, 0xffffffffffff)
    yield "SrcMAC NOTIN (00:53:00:12:34:56)", lambda r: r["SrcMAC"] != 0x005300123456


def words_and_lists():
    for column in ("InIfBoundary", "OutIfBoundary"):
        for word in ("external", "internal", "undefined", "EXTERNAL"):
            yield f"{column} = {word}", lambda r, c=column, w=word.lower(): r[c] == w
            yield f"{column} != {word}", lambda r, c=column, w=word.lower(): r[c] != w
    for word in ("ingress", "egress", "undefined"):
        yield f"FlowDirection = {word}", lambda r, w=word: r["FlowDirection"] == w
        yield f"FlowDirection != {word}", lambda r, w=word: r["FlowDirection"] != w
    for word, value in (("IPv4", 2048), ("ipv6", 34525)):
        yield f"EType = {word}", lambda r, v=value: r["EType"] == v
        yield f"EType != {word}", lambda r, v=value: r["EType"] != v
    for value in (64500, 64501, 5):
        yield f"DstASPath = AS{value}", lambda r, v=value: v in r["DstASPath"]
        yield f"DstASPath != {value}", lambda r, v=value: v not in r["DstASPath"]
    for column, text, value in (("DstCommunities", "64500:7", (64500 << 16) + 7), ("DstCommunities", "0:5", 5), ("SrcCommunities", "65000:100", (65000 << 16) + 100)):
        yield f"{column} = {text}", lambda r, c=column, v=value: v in r[c]
        yield f"{column} != {text}", lambda r, c=column, v=value: v not in r[c]
    yield "DstCommunities = 64500:1:2", lambda r: bool(r["DstLargeCommunities"])
    yield "DstCommunities != 64500:1:2", lambda r: not r["DstLargeCommunities"]
    yield "DstCommunities = 64500:1:3", lambda r: False
    for label in (100, 1048575, 7):
        yield f"MPLSLabels = {label}", lambda r, v=label: v in r["MPLSLabels"]
        yield f"MPLSLabels != {label}", lambda r, v=label: v not in r["MPLSLabels"]


def shapes():
    ext, web, v6 = (lambda r: r["InIfBoundary"] == "external"), (lambda r: r["DstPort"] == 443), (lambda r: r["EType"] == 34525)
    yield "", lambda r: True
    yield "  \n\t ", lambda r: True
    yield "-- nothing but words", lambda r: True
    yield "/* the same */", lambda r: True
    yield "inifboundary = EXTERNAL and dstport=443", lambda r: ext(r) and web(r)
    yield "InIfBoundary = external OR DstPort = 443 AND EType = IPv6", lambda r: ext(r) or (web(r) and v6(r))
    yield "(InIfBoundary = external OR DstPort = 443) AND EType = IPv6", lambda r: (ext(r) or web(r)) and v6(r)
    yield "DstPort = 443 AND EType = IPv6 OR InIfBoundary = external", lambda r: (web(r) and v6(r)) or ext(r)
    yield "NOT DstPort = 443 AND EType = IPv6", lambda r: not web(r) and v6(r)
    yield "NOT (DstPort = 443 AND EType = IPv6)", lambda r: not (web(r) and v6(r))
    yield "NOT NOT DstPort = 443", web
    yield "((((DstPort = 443))))", web
    yield "DstPort = 443 -- the web\nAND EType = IPv6", lambda r: web(r) and v6(r)
    yield "DstPort /* in between */ = /**/ 443", web
    yield "NOT SrcAddr << 198.51.0.0/16 OR NOT DstAddr << 203.0.1.0/24",
    yield 'ExporterName = "--" OR ExporterName = "/* no comment"', lambda r: False
    yield "DstPort = 443\r\nOR\r\nDstPort = 22", lambda r: r["DstPort"] in (22, 443)


VALID = [v if len(v) == 2 else (v[0], lambda r: not within(r, "SrcAddr", "198.51.0.0/16") or not within(r, "DstAddr", "203.0.1.0/24"))
         for source in (strings, numbers, addresses, words_and_lists, shapes) for v in source()]

# filter, line, column, a word of the message
INVALID = [
    ("SrcAS", 1, 6, "operator"), ("SrcAS =", 1, 8, "AS number"), ("SrcAS = AS", 1, 9, "AS number"), ("SrcAS = ASX", 1, 9, "AS number"),
    ("SrcAS = 4294967296", 1, 9, "too large"), ("SrcAS = -1", 1, 9, ""), ("SrcAS < 5", 1, 7, "no operator"), ("SrcAS = 'x'", 1, 9, "AS number"),
    ("SrcAS IN 5", 1, 10, "("), ("SrcAS IN ()", 1, 11, "AS number"), ("SrcAS IN (5", 1, 12, ")"), ("SrcAS IN (5,)", 1, 13, "AS number"),
    ("SrcAS IN (5 6)", 1, 13, "comma"), ("SrcPort = 65536", 1, 11, "65535"), ("SrcPort = 99999999999999999999999", 1, 11, "too large"),
    ("SrcPort = http", 1, 11, "number"), ("SrcPort = '80'", 1, 11, "number"), ("SrcPort = SrcAS", 1, 11, "compared"), ("SrcPort LIKE '8%'", 1, 9, "no operator"),
    ("Src = 5", 1, 1, "no column"), ("SrcAddress = 192.0.2.1", 1, 1, "SrcAddr"), ("", 0, 0, None), ("SrcAddr = 192.0.2.256", 1, 11, "address"),
    ("SrcAddr = 192.0.2.1/33", 1, 11, "address"), ("SrcAddr << 192.0.2.1", 1, 12, "network"), ("SrcAddr = '192.0.2.1'", 1, 11, "address"),
    ("SrcAddr = 2001:db8::/129", 1, 11, "address"), ("SrcAddr > 192.0.2.1", 1, 9, "no operator"), ("SrcAddr = DstAddr", 1, 11, "address"),
    ("SrcNetPrefix = 192.0.2.1", 1, 16, "network"), ("SrcNetPrefix << 192.0.2.0/24", 1, 14, "no operator"), ("SrcMAC = 00:53:00:12:34", 1, 10, "MAC"),
    ("SrcMAC = 00:53:00:12:34:zz", 1, 10, "MAC"), ("SrcMAC = 00:53-00:12:34:56", 1, 10, "MAC"), ("InIfBoundary = 'external'", 1, 16, "external, internal"),
    ("InIfBoundary = outside", 1, 16, "external, internal"), ("InIfBoundary > external", 1, 14, "no operator"), ("FlowDirection = up", 1, 17, "ingress"),
    ("FlowStart > yesterday", 1, 13, "a time"), ("FlowStart > 2025-02-28T00:00:61Z", 1, 13, "a time"), ("FlowStart > 2025-02-29T00:00:00Z", 1, 13, "a time"), ("FlowStart > now+1h", 1, 16, "AND or OR"),
    ("FlowStart LIKE '2%'", 1, 11, "no operator"), ("FlowStart = SrcPort", 1, 13, "compared"), ("EType = IPX", 1, 9, "IPv4 or IPv6"), ("EType > IPv4", 1, 7, "no operator"), ("ExporterName = edge1", 1, 16, "quotes"), ("ExporterName = 5", 1, 16, "quotes"),
    ("ExporterName = 'edge1", 1, 16, "not closed"), ("ExporterName = \"a\nb\"", 1, 16, "not closed"), ("ExporterName = 'a\\x'", 1, 18, "\\"),
    ("ExporterName < 'a'", 1, 14, "no operator"), ("ExporterName LIKE 'a\\\\'", 1, 19, "pattern"), ("ExporterName = SrcAS", 1, 16, "compared"),
    ("SrcCountry = 'FRA'", 1, 14, "two letters"), ("DstCommunities = 64500", 1, 18, "community"), ("DstCommunities = 65536:1", 1, 18, "65535"),
    ("DstCommunities = 1:2:3:4", 1, 18, "community"), ("DstCommunities > 1:2", 1, 16, "no operator"), ("DstASPath IN (1)", 1, 11, "no operator"),
    ("Proto = tcp", 1, 9, "number or the quoted name"), ("Proto IN ('TCP', 6)", 1, 18, "quoted name"), ("Proto IN (6, 'TCP')", 1, 14, "number"),
    ("Proto < 'TCP'", 1, 9, "number"), ("DstPort = 443 AND", 1, 18, "column"), ("DstPort = 443 DstPort = 80", 1, 15, "AND or OR"), ("AND DstPort = 443", 1, 1, "column"),
    ("(DstPort = 443", 1, 15, ")"), ("DstPort = 443)", 1, 14, "AND or OR"), ("()", 1, 2, "column"), ("NOT", 1, 4, "column"), ("DstPort == 443", 1, 10, ""),
    ("DstPort <> 443", 1, 10, ""), ("DstPort ! 443", 1, 9, "expected =, !=, <"), ("DstPort = 443; DROP TABLE flows", 1, 14, "expected AND or OR"), ("DstPort = 443 /* open", 1, 15, "not closed"),
    ("DstPort = 443\nAND\n  SrcAS = x", 3, 11, "AS number"), ("ExporterName = 'é' AND x = 1", 1, 24, "no column"), ("IPFragmentID = 5", 1, 1, "disabled"),
    ("TimeReceived = 5", 1, 1, "filtered"), ("InIfIndex = 5", 1, 1, "no column"), ("Bytes = 0x10", 1, 9, "number"), ("Bytes = 1e3", 1, 9, "number"),
    ("Bytes = 1.5", 1, 9, "number"), ("1 = 1", 1, 1, "no column"), ("'a' = 'a'", 1, 1, "column"), ("(" * 70 + "SrcAS = 1" + ")" * 70, 1, 65, "deeply"),
    ("DstPort IN (SELECT 1)", 1, 13, "number"), ("ExporterName = 'a' UNION SELECT 1", 1, 20, "AND or OR"), ("SrcAS = sleep(3)", 1, 9, "AS number"), ("`SrcAS` = 1", 1, 1, "expected a column"),
    ("SrcAS = {x:UInt8}", 1, 9, "expected an AS number"), ("SrcAS = $1", 1, 9, "expected an AS number"), ("SrcAS = 1 \\", 1, 11, "meaning"), ("SrcAS = \u0661", 1, 9, "expected an AS number"), ("SrcAS IN (1 & 2)", 1, 13, "expected a comma"), ("(SrcAS = 1 | DstAS = 1)", 1, 12, "AND, OR or )"),
]
INVALID = [x for x in INVALID if x[3] is not None]


def test_there_are_enough():
    assert len(VALID) + len(INVALID) >= 300
    assert len({text for text, _ in VALID}) == len(VALID)


def test_valid_filters_keep_the_rows_that_python_keeps(console):
    """Each filter's flows are counted and summed by the store; the oracle says which rows they are."""
    wrong, kept = [], set()
    for text, keep in VALID:
        rows = [r for r in console.rows if keep(r)]
        status, _, answer = console.ask("POST", "graph/line", {"start": stamp(console.now - 700), "end": stamp(console.now + 1), "points": 5,
                                                                "filter": text, "units": "l3bps"})
        want = sum(r["Bytes"] * 8 * r["SamplingRate"] for r in rows)
        got = sum(sum(p) for p in answer["points"]) * answer["interval"] if status == 200 else answer
        kept.add(0 < len(rows) < len(console.rows))
        if not isinstance(got, (int, float)) or got != pytest.approx(want, rel=1e-9):
            wrong.append((text, got, want))
    assert not wrong, wrong[:5]
    assert True in kept


def test_both_directions_of_every_filter(console):
    """The reverse of a filter keeps the rows whose mirror the filter keeps; what has no other side stays as it is."""
    def swap(name):
        for a, b in (("Src", "Dst"), ("InIf", "OutIf")):
            for x, y in ((a, b), (b, a)):
                if name.startswith(x):
                    return y + name[len(x):]
        return name
    wrong = []
    for text, keep in VALID[::7]:
        mirrored = [{c: r.get(swap(c), r[c]) for c in r} for r in console.rows]
        if "Communities" in text or "Vlan" in text or "NetPrefix" in text:
            continue
        status, _, answer = console.ask("POST", "graph/line", {"start": stamp(console.now - 700), "end": stamp(console.now + 1), "points": 5,
                                                                "filter": text, "bidirectional": True})
        want = sum(r["Bytes"] * 8 * r["SamplingRate"] for r in mirrored if keep(r))
        got = sum(sum(p) for p, a in zip(answer["points"], answer["axis"]) if a == 2) * answer["interval"]
        if got != pytest.approx(want, rel=1e-9):
            wrong.append((text, got, want))
    assert not wrong, wrong[:5]


GAPS = [" ", "\n", "\t", "\r\n", "/**/", " -- x\n", " /* ) OR ( ' \" */ "]


def composed(dice, depth):
    """Conditions of VALID put together: any depth, case and gaps."""
    if depth == 0 or dice.random() < 0.25:
        return dice.choice([(t, k) for t, k in VALID if t.strip() and not t.startswith(("--", "/*"))])

    def word(text):
        return dice.choice(GAPS) + "".join(dice.choice((c.upper(), c.lower())) for c in text) + dice.choice(GAPS)
    parts = [composed(dice, depth - 1) for _ in range(dice.choice((1, 2, 3)))]
    keeps = [keep for _, keep in parts]
    if len(parts) == 1:
        return f"{word('not')}({parts[0][0]}\n)", lambda r: not keeps[0](r)
    name, every = dice.choice((("and", all), ("or", any)))
    return word(name).join(f"({text}\n)" for text, _ in parts), lambda r: every(keep(r) for keep in keeps)


def test_conditions_put_together_keep_the_rows_that_python_keeps(console):
    dice = random.Random(6)
    filters = [composed(dice, 3) for _ in range(30)]
    sqls = []
    for text, _ in filters:
        status, _, answer = console.ask("POST", "filter/validate", {"filter": text})
        assert (status, answer["message"]) == (200, "ok"), text
        sqls.append(answer["parsed"])
    got = [int(n) for n in sql(console.ports["store"], "SELECT " + ", ".join(f"countIf({s})" for s in sqls) + " FROM flows").split()]
    want = [sum(map(keep, console.rows)) for _, keep in filters]
    assert got == want, [text for (text, _), g, w in zip(filters, got, want) if g != w][:3]
    assert any(0 < n < len(console.rows) for n in want)


@pytest.mark.parametrize("text,line,column,word", INVALID, ids=lambda v: v[:30] if isinstance(v, str) else "")
def test_invalid_filters_are_refused_with_their_place(console, text, line, column, word):
    answer = console.ask("POST", "filter/validate", {"filter": text})[2]
    assert answer["parsed"] == "" and answer["message"] != "ok"
    error = answer["errors"][0]
    assert (error["line"], error["column"]) == (line, column), error
    assert word in error["message"], error
    lines = text.split("\n")
    assert error["offset"] == sum(len(x) + 1 for x in lines[:line - 1]) + column - 1
    status, _, refusal = console.ask("POST", "graph/line", {"start": stamp(console.now - 60), "end": stamp(console.now), "filter": text})
    assert status == 400 and error["message"] in refusal["message"]
