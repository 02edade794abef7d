#!/usr/bin/env python3
"""Datagrams that are hostile or broken, in twelve groups, each case with what must become of it.

A case is datagrams in their order, and an account: how many flows, options records and so on they are (exactly), and which
reasons for rejection there must be (the value says how many, None: some) and may be. Sound datagrams stand among broken
ones on purpose: these must not be lost.

usage: hostile.py DIR    writes DIR/GROUP-NAME.pcap, and DIR/seeds/TARGET/GROUP-NAME for the fuzz targets
"""
import dataclasses
import ipaddress
import os
import random
import struct
import sys

NOW = 2_000_000_000  # 2033
TRUNCATED, LENGTH, NO_TEMPLATE, TEMPLATE = "truncated", "bad length", "template not known", "bad template"
VERSION, FORMAT, LIMIT, DECAP = "unknown version", "unsupported format", "limit reached", "not encapsulated"


@dataclasses.dataclass
class Case:
    group: int
    name: str
    decoder: str  # netflow or sflow
    datagrams: list  # bytes, or (bytes, {"src":, "port":, "at":})
    flows: int = 0
    rejected: dict = dataclasses.field(default_factory=dict)  # reason -> how many, None: at least one
    may: set = dataclasses.field(default_factory=set)  # reasons besides
    exact: dict = dataclasses.field(default_factory=dict)  # other members of the summary
    rows: object = None  # a function that looks at the flows

    def __str__(self):
        return f"{self.group:02}-{self.name}"


def h(text):
    return bytes.fromhex(text.replace(" ", ""))


# ---- NetFlow

def v5(count, records=b"", seq=0, uptime=100000, secs=NOW, sampling=0):
    return struct.pack(">HHIIIIHH", 5, count, uptime, secs, 0, seq, 0, sampling) + records


V5_RECORD = h("0a000001 0a000002 0a0000fe 0003 0004 00000007 00000320 00017700 00017ad0"
              "1f90 01bb 00 1b 06 48 fde8 fde9 18 10 0000")


def flowset(number, body, length=None):
    return struct.pack(">HH", number, 4 + len(body) if length is None else length) + body


def v9(*sets, seq=0, domain=1, count=None, uptime=100000, secs=NOW):
    return struct.pack(">HHIIII", 9, len(sets) if count is None else count, uptime, secs, seq, domain) + b"".join(sets)


def ipfix(*sets, seq=0, domain=1, length=None, secs=NOW):
    body = b"".join(sets)
    return struct.pack(">HHIII", 10, 16 + len(body) if length is None else length, secs, seq, domain) + body


def fields(*pairs):
    out = b""
    for f in pairs:
        out += struct.pack(">HHI", f[0] | 0x8000, f[1], f[2]) if len(f) == 3 else struct.pack(">HH", *f)
    return out


def template(number, *pairs, count=None):
    return struct.pack(">HH", number, len(pairs) if count is None else count) + fields(*pairs)


def options(number, scope, *pairs, count=None):
    return struct.pack(">HHH", number, len(pairs) if count is None else count, scope) + fields(*pairs)


BASIC = ((8, 4), (12, 4), (1, 4), (2, 4))
RECORD = h("0a000001 0a000002 00000064 00000001")
TEMPLATE_9 = flowset(0, template(256, *BASIC))
TEMPLATE_10 = flowset(2, template(256, *BASIC))
DATA = flowset(256, RECORD)


def both(*args, **kw):
    """The same sets, templates apart, as NetFlow v9 and as IPFIX."""
    return v9(TEMPLATE_9, *args, **kw), ipfix(TEMPLATE_10, *args, **kw)


# ---- sFlow

def xdr(number, body, length=None):
    return struct.pack(">II", number, len(body) if length is None else length) + body


def raw(frame, protocol=1, frame_len=1518, length=None):
    return xdr(1, struct.pack(">IIII", protocol, frame_len, 4, len(frame) if length is None else length) + frame
               + bytes(-len(frame) % 4))


def sample(*records, count=None, rate=1000, inp=3, out=4):
    return xdr(1, struct.pack(">IIIIIIII", 1, 3, rate, 0, 0, inp, out, len(records) if count is None else count)
               + b"".join(records))


def expanded(*records, out=(0, 4)):
    return xdr(3, struct.pack(">IIIIIIIIIII", 1, 0, 3, 1000, 0, 0, 0, 3, *out, len(records)) + b"".join(records))


def sflow(*samples, seq=1, agent=h("00000001 0a0000fe"), sub=2, count=None):
    return struct.pack(">I", 5) + agent + struct.pack(">IIII", sub, seq, 100000, len(samples) if count is None else count) \
        + b"".join(samples)


MACS = h("020000000002 020000000001")
IPV4 = h("4548 05dc 1234 4000 40 06 0000 0a000001 0a000002 01bb c001 00000001 00000002 5012 ffff 0000 0000")
IPV6 = h("60012345 0014 06 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
         "01bb c001 00000001 00000002 5012 ffff 0000 0000")
FRAME = MACS + h("0800") + IPV4
SOUND = sample(raw(FRAME))
OLD = h("00000004 00000001 0a0000fe 00000001 000186a0 00000001 00000001 00000001 00000003 000003e8 00000000 00000000"
        "00000003 00000004 00000002 000000c8 00000011 0a000001 0a000002 00000035 00000400 00000000 00000020 00000001"
        "00000001 00000064 00000000 000000c8 00000000")


def alone(datagrams):
    """Each from an exporter of its own, so that nothing carries over."""
    return [(d, {"src": f"192.0.{2 + i // 250}.{1 + i % 250}"}) for i, d in enumerate(datagrams)]


# ---- The groups

def headers():
    sound = {"v5": v5(1, V5_RECORD), "v9": v9(TEMPLATE_9, DATA), "ipfix": ipfix(TEMPLATE_10, DATA)}
    for name, whole in sound.items():
        cuts = [whole[:n] for n in range(len(whole) + 1)]
        yield Case(1, f"cut-{name}", "netflow", alone(cuts), flows=1, rejected={TRUNCATED: None}, may={LENGTH, NO_TEMPLATE, TEMPLATE})
    for name, whole, flows in (("v5", sflow(SOUND), 1), ("v4", OLD, None)):
        cuts = [whole[:n] for n in range(len(whole) + 1)]
        yield Case(1, f"cut-sflow-{name}", "sflow", alone(cuts), flows=flows, rejected={TRUNCATED: None}, may={LENGTH, FORMAT})
    for version in (0, 2, 6, 255, 65535):
        yield Case(1, f"version-{version}", "netflow", [struct.pack(">H", version) + bytes(62)], rejected={VERSION: 1})
    for version in (0, 1, 3, 6, 255, 0xffffffff):
        yield Case(1, f"sflow-version-{version}", "sflow", [struct.pack(">I", version) + bytes(60)], rejected={VERSION: 1})
    yield Case(1, "v5-counts", "netflow", alone([v5(0, V5_RECORD), v5(2, V5_RECORD), v5(31, V5_RECORD), v5(65535, V5_RECORD)]),
               flows=3, rejected={TRUNCATED: 3, LENGTH: 1})
    yield Case(1, "v9-counts", "netflow", alone([v9(TEMPLATE_9, DATA, count=n) for n in (0, 1, 3, 65535)]), flows=4)
    lengths = [0, 15, 16, 20, 59, 61, 65535]
    whole = ipfix(TEMPLATE_10, DATA)
    yield Case(1, "ipfix-lengths", "netflow", alone([whole[:2] + struct.pack(">H", n) + whole[4:] for n in lengths]),
               rejected={LENGTH: None, TRUNCATED: None})
    yield Case(1, "one-byte-flood", "netflow", [bytes([i % 256]) for i in range(5000)], rejected={TRUNCATED: 5000})
    yield Case(1, "empty", "netflow", [b""] * 10, rejected={TRUNCATED: 10})
    many = (65507 - 20 - len(TEMPLATE_9) - 4) // 16
    yield Case(1, "jumbo", "netflow", [v9(TEMPLATE_9, flowset(256, RECORD * many))], flows=many)


def sets():
    for length in range(4):
        yield Case(2, f"length-{length}-v9", "netflow", [v9(TEMPLATE_9, DATA, flowset(256, RECORD, length=length))], flows=1,
                   rejected={LENGTH: 1})
        yield Case(2, f"length-{length}-ipfix", "netflow", [ipfix(TEMPLATE_10, DATA, flowset(256, RECORD, length=length))],
                   rejected={LENGTH: 1})
    yield Case(2, "odd", "netflow", list(both(flowset(256, RECORD + b"\0"), DATA)), flows=4)
    yield Case(2, "overrunning", "netflow", list(both(DATA, flowset(256, RECORD, length=100))), flows=1, rejected={LENGTH: 2})
    padded = [d for n in range(4) for d in both(flowset(256, RECORD + bytes(n)), flowset(256, RECORD + b"\xff" * n))]
    yield Case(2, "padding", "netflow", alone(padded), flows=16)
    yield Case(2, "reserved-ids-v9", "netflow", [v9(TEMPLATE_9, *(flowset(i, RECORD) for i in range(2, 256)), DATA)], flows=1,
               rejected={FORMAT: 254})
    reserved = [0, 1, *range(4, 256)]
    yield Case(2, "reserved-ids-ipfix", "netflow", [ipfix(TEMPLATE_10, *(flowset(i, RECORD) for i in reserved), DATA)],
               flows=1, rejected={FORMAT: 254})
    yield Case(2, "no-sets", "netflow", [v9(), ipfix()])
    yield Case(2, "empty-sets", "netflow", list(both(*[flowset(256, b"")] * 300, DATA)), flows=2)
    yield Case(2, "header-cut", "netflow", [v9(TEMPLATE_9, DATA, b"\x01"), v9(TEMPLATE_9, DATA, b"\x01\x00\x00")], flows=2)


def templates():
    good9, good10 = flowset(0, template(256, *BASIC)) + DATA, flowset(2, template(256, *BASIC)) + DATA
    yield Case(3, "no-fields", "netflow", [v9(flowset(0, template(300)), good9), ipfix(flowset(2, template(300)), good10)],
               flows=2, rejected={TEMPLATE: 2})
    lies = [65535, 1000, 5]
    yield Case(3, "fields-that-are-not-there", "netflow", alone(
        [v9(flowset(0, template(300, *BASIC, count=n)), good9) for n in lies]
        + [ipfix(flowset(2, template(300, *BASIC, count=n)), good10) for n in lies]), flows=6, rejected={TEMPLATE: 6})
    many = [(1, 1)] * 12000
    yield Case(3, "twelve-thousand-fields", "netflow", [v9(flowset(0, template(300, *many)), flowset(300, bytes(12000))),
                                                         v9(good9)], flows=1, rejected={LIMIT: 1, NO_TEMPLATE: 1})
    zero = [(1, 0), (2, 0), (8, 0)]
    yield Case(3, "records-of-no-length", "netflow", [
        v9(flowset(0, template(300, *zero)), flowset(300, bytes(100)), good9),
        ipfix(flowset(2, template(300, *zero)), flowset(300, bytes(100)), good10)], flows=2,
        rejected={TEMPLATE: 2, NO_TEMPLATE: 2})
    yield Case(3, "longer-than-any-set", "netflow", [v9(flowset(0, template(300, (1, 40000), (2, 40000))), good9)], flows=1,
               rejected={TEMPLATE: 1})
    for length in (0, 1, 3, 5, 8, 16, 17, 50, 250):
        for element in (1, 4, 8, 12, 10, 21, 27, 34, 56, 70, 89, 152, 225, 315):
            pair = [(element, length), (2, 4)]
            yield Case(3, f"element-{element}-of-{length}-bytes", "netflow", [
                v9(flowset(0, template(300, *pair)), flowset(300, b"\x11" * (length + 4))),
                ipfix(flowset(2, template(300, *pair)), flowset(300, b"\x11" * (length + 4)))], flows=2)
    variable = [(element, 65535) for element in (1, 4, 8, 12, 10, 21, 27, 34, 56, 70, 89, 152, 225)]
    yield Case(3, "variable-numbers", "netflow", [
        ipfix(flowset(2, template(300, *variable)), flowset(300, b"".join(bytes([n]) + b"\x22" * n
                                                                                             for _ in variable)))
        for n in (0, 1, 4, 16, 17, 200)], flows=6)
    yield Case(3, "id-below-256", "netflow", [v9(flowset(0, template(i, *BASIC))) for i in (0, 1, 2, 3, 255)]
               + [ipfix(flowset(2, template(i, *BASIC))) for i in (0, 1, 2, 3, 255)], rejected={TEMPLATE: 10})
    cut = struct.pack(">HHHH", 300, 1, 0x8001, 4)
    yield Case(3, "enterprise-cut-off", "netflow", [ipfix(flowset(2, cut + b"\0\0"), good10), ipfix(flowset(2, cut), good10)],
               flows=2, rejected={TEMPLATE: 2})
    yield Case(3, "duplicates", "netflow", [v9(flowset(0, template(300, *[(1, 4)] * 500)), flowset(300, b"\0\0\0\1" * 500)),
                                            v9(flowset(0, template(301, *[(8, 4)] * 500)), flowset(301, b"\1\0\0\1" * 500)),
                                            ipfix(flowset(2, template(300, *[(315, 65535)] * 200)), flowset(
                                                300, (b"\x36" + FRAME[:54]) * 200))], flows=3)
    yield Case(3, "scopes", "netflow", [
        ipfix(flowset(3, options(300, 0, (149, 4), (34, 4))), flowset(300, bytes(8)), good10),
        ipfix(flowset(3, options(301, 3, (149, 4), (34, 4))), good10),
        ipfix(flowset(3, options(302, 65535, (149, 4), (34, 4))), good10)], flows=3, rejected={TEMPLATE: None},
        may={NO_TEMPLATE})
    for scope, option in ((1, 4), (2, 4), (4, 3), (65532, 65532), (65535, 1), (0, 0), (8, 65532)):
        body = struct.pack(">HHH", 300, scope, option) + fields((1, 4), (34, 4))
        yield Case(3, f"v9-options-{scope}-{option}", "netflow", [v9(flowset(1, body), good9)], flows=1, rejected={TEMPLATE: 1})


def dynamics():
    other = (27, 16), (1, 8)
    second = h("20010db8 00000000 00000000 00000001 0000000000000007")
    yield Case(4, "redefinition", "netflow", [
        ipfix(TEMPLATE_10, DATA, flowset(2, template(256, *other)), flowset(256, second), TEMPLATE_10, DATA),
        v9(TEMPLATE_9, DATA, flowset(0, template(256, *other)), flowset(256, second), TEMPLATE_9, DATA)], flows=6)
    withdrawals = [flowset(2, template(256)), flowset(2, template(2)), flowset(3, struct.pack(">HH", 3, 0)),
                   flowset(2, template(999)), flowset(3, struct.pack(">HH", 77, 0))]
    yield Case(4, "withdrawal-over-udp", "netflow", [ipfix(TEMPLATE_10, w, DATA) for w in withdrawals], flows=5,
               rejected={TEMPLATE: 5})
    yield Case(4, "data-before-template", "netflow", [v9(DATA, seq=0), v9(DATA, DATA, seq=1), v9(TEMPLATE_9, seq=2),
                                                      v9(DATA, seq=3)], flows=4, exact={"kept": 3, "kept_decoded": 3})
    yield Case(4, "data-without-template", "netflow", [v9(DATA), ipfix(DATA)], rejected={NO_TEMPLATE: 2})
    yield Case(4, "template-comes-too-late", "netflow", [
        (v9(DATA), {}), (v9(TEMPLATE_9), {"at": 901}), (v9(DATA), {"at": 902})], flows=1, rejected={NO_TEMPLATE: 1})
    yield Case(4, "refresh-between-data", "netflow", [v9(TEMPLATE_9, DATA, TEMPLATE_9, DATA) for _ in range(50)], flows=100)
    yield Case(4, "exporter-restarts", "netflow", [
        v9(TEMPLATE_9, DATA, uptime=3_000_000_000), v9(flowset(300, bytes(8)), uptime=3_000_001_000, seq=1),
        v9(flowset(0, template(300, (1, 4), (2, 4))), uptime=5000, seq=0),
        v9(flowset(300, h("00000001 00000001")), uptime=6000, seq=1)], flows=2, rejected={NO_TEMPLATE: 1})


def floods():
    def names(n):
        return [struct.pack(">HHHH", 256 + i % 65280, 1, 1 + i % 400, 4) for i in range(n)]

    ids = [v9(flowset(0, b"".join(names(65280)[i:i + 4000])), seq=i // 4000) for i in range(0, 65280, 4000)]
    yield Case(5, "every-template-id", "netflow", [*ids, v9(TEMPLATE_9, DATA)], flows=1)
    domains = [v9(TEMPLATE_9, DATA, domain=i * 65537) for i in range(20000)]
    yield Case(5, "domains", "netflow", domains, flows=20000)
    rng = random.Random(5)
    sources = [(v9(TEMPLATE_9, DATA), {"src": str(ipaddress.ip_address(rng.randrange(1 << 24, 1 << 31)))}) for _ in range(20000)]
    yield Case(5, "sources", "netflow", sources, flows=20000)
    agents = [sflow(SOUND, agent=struct.pack(">II", 1, 0x0b000000 + i), sub=i) for i in range(20000)]
    yield Case(5, "agents", "sflow", agents, flows=20000)
    wide = [v9(flowset(0, template(256 + i, *[(1 + (i * 7 + k) % 400, 4) for k in range(400)])), seq=i) for i in range(3000)]
    yield Case(5, "wide-templates", "netflow", [*wide, v9(TEMPLATE_9, DATA)], flows=1)
    samplers = [v9(flowset(1, struct.pack(">HHH", 257, 4, 8) + fields((1, 4), (48, 4), (34, 4))), flowset(257, b"".join(
        struct.pack(">III", 0, k, 100) for k in range(i, i + 100)))) for i in range(0, 2000, 100)]
    yield Case(5, "samplers", "netflow", [*samplers, v9(TEMPLATE_9, DATA)], flows=1, rejected={LIMIT: None})
    waiting = [v9(flowset(400 + i % 100, bytes(1200)), seq=i) for i in range(8000)]
    yield Case(5, "sets-that-wait", "netflow", [*waiting, v9(TEMPLATE_9, DATA, seq=8000)], flows=1,
               rejected={NO_TEMPLATE: 8000})


def nested(depth, kind=292):
    """Lists in lists: subTemplateList (RFC 6313 4.5.2) of a template that has nothing but such a list."""
    body = b""
    for _ in range(depth):
        body = b"\xff" + struct.pack(">HBH", len(body) + 3, 3, 256) + body
    return body if depth else b"\0"


def lengths():
    names = flowset(2, template(256, (8, 4), (82, 65535), (1, 4)))
    one = h("0a000001")
    yield Case(6, "long-form", "netflow", [ipfix(names, flowset(256, one + b"\xff\x00\x04abcd" + h("00000001")),
                                                 flowset(256, one + b"\x04abcd" + h("00000001")))], flows=2)
    yield Case(6, "no-length", "netflow", [ipfix(names, flowset(256, one + b"\x00" + h("00000001")),
                                                 flowset(256, one + b"\xff\x00\x00" + h("00000001")))], flows=2)
    for name, text in (("record", b"\xff\x40\x00abcd"), ("short-form", b"\xfeabcd"), ("escape-cut", b"\xff\x00"), ("escape", b"\xff")):
        yield Case(6, f"overrunning-{name}", "netflow", [ipfix(names, flowset(256, one + text)), ipfix(
            flowset(256, one + b"\x01a" + h("00000001")), seq=1)], flows=1, may={LENGTH, TRUNCATED})
    lists = flowset(2, template(256, (292, 65535)))
    for depth in (1, 8, 100, 1000):
        if len(nested(depth)) < 60000:
            yield Case(6, f"lists-{depth}-deep", "netflow", [ipfix(lists, flowset(256, nested(depth))), ipfix(
                flowset(2, template(300, *BASIC)), flowset(300, RECORD))], flows=None, may={LENGTH, FORMAT, TRUNCATED, LIMIT})
    basic = flowset(2, template(257, (291, 65535), (1, 4)))
    for name, text in (("cut", b"\x03\x03\x00\x01"), ("element-of-no-length", b"\x05\x03\x00\x01\x00\x00"),
                       ("variable", b"\x09\x03\x00\x52\xff\xff\x03abc"), ("enterprise-cut", b"\x05\x03\x80\x01\x00\x04")):
        yield Case(6, f"basic-list-{name}", "netflow", [ipfix(basic, flowset(257, text + h("00000009")))], flows=1)
    multi = flowset(2, template(258, (293, 65535), (1, 4)))
    for name, text in (("overrunning", b"\x07\x03\x01\x02\x40\x00ab"), ("of-no-length", b"\x05\x03\x01\x02\x00\x00"),
                       ("unknown-template", b"\x09\x03\x27\x0f\x00\x08abcd")):
        yield Case(6, f"multi-list-{name}", "netflow", [ipfix(multi, flowset(258, text + h("00000009")))], flows=1)


def times():
    first = flowset(0, template(256, (8, 4), (1, 4), (22, 4), (21, 4)))

    def rec(start, end):
        return flowset(256, h("0a000001 00000001") + struct.pack(">II", start, end))

    yield Case(7, "uptime-wraps", "netflow", [v9(first, rec(0xffffff00, 100), uptime=1000), v9(rec(500, 0xffffff00), uptime=1000)],
               flows=2)
    yield Case(7, "ends-before-it-begins", "netflow", [v9(first, rec(90000, 10), rec(0, 0), rec(0xffffffff, 0xffffffff))], flows=3)
    yield Case(7, "far-clocks", "netflow", [v9(first, rec(1, 2), secs=s, seq=i) for i, s in enumerate(
        (0, 1, 0x7fffffff, 0x80000000, 0xffffffff))], flows=5)
    forms = flowset(2, template(257, *[(i, 4 if i in (150, 151, 158, 159) else 8) for i in range(150, 160)], (1, 4)))
    for name, byte in (("zero", b"\0"), ("ones", b"\xff"), ("mixed", b"\x80")):
        size = 6 * 8 + 4 * 4 + 4
        yield Case(7, f"forms-{name}", "netflow", [ipfix(forms, flowset(257, byte * size))], flows=1)
    yield Case(7, "clock-jumps-back", "netflow", [(v9(TEMPLATE_9, DATA, seq=i), {"at": at}) for i, at in enumerate(
        (0, 86400, 5, 86401, 0))], flows=5)


def sampling():
    told = flowset(0, template(256, (8, 4), (1, 8), (2, 8), (34, 4)))
    yield Case(8, "rates-in-records", "netflow", [v9(told, flowset(256, b"".join(
        h("0a000001") + b"\xff" * 16 + struct.pack(">I", rate) for rate in (0, 1, 0xffffffff))))], flows=3)
    yield Case(8, "v5-modes", "netflow", [v5(1, V5_RECORD, seq=i, sampling=s) for i, s in enumerate((0, 1, 0x4001, 0xc000, 0xffff))],
               flows=5)
    pair = flowset(3, options(257, 1, (302, 4), (305, 4), (306, 4)))
    yield Case(8, "interval-and-space", "netflow", [ipfix(pair, flowset(257, struct.pack(">III", i, a, b))) for i, (a, b) in enumerate(
        ((0, 0), (0, 5), (1, 0xffffffff), (0xffffffff, 1), (1, 999)))], exact={"options_records": 5})
    part = flowset(3, options(258, 1, (302, 4), (309, 4), (310, 4), (311, 8)))
    yield Case(8, "of-a-population", "netflow", [ipfix(part, flowset(258, struct.pack(">III", i, a, b) + p)) for i, (a, b, p) in enumerate(
        ((0, 0, bytes(8)), (0, 5, b"\xff" * 8), (10, 1, struct.pack(">d", 1e-300)), (1, 10, struct.pack(">d", float("nan"))),
         (0, 0, struct.pack(">d", -1)), (0, 0, struct.pack(">d", float("inf")))))], exact={"options_records": 6})
    yield Case(8, "change-mid-stream", "netflow", [
        ipfix(pair, flowset(257, struct.pack(">III", 0, 1, 99)), TEMPLATE_10, DATA, flowset(257, struct.pack(">III", 0, 1, 999)), DATA)],
        flows=2, exact={"options_records": 2},
        rows=lambda rows: [r["SamplingRate"] for r in rows] == [100, 1000])
    yield Case(8, "sflow-rates", "sflow", [sflow(*(sample(raw(FRAME), rate=r) for r in (0, 1, 0xffffffff)))], flows=3)


def samples():
    yield Case(9, "four-thousand-million-samples", "sflow", [sflow(SOUND, count=0xffffffff)], flows=1, rejected={TRUNCATED: 1})
    yield Case(9, "four-thousand-million-records", "sflow", [sflow(sample(raw(FRAME), count=0xffffffff), SOUND)], flows=2)
    for kind in (0, 3, 0xffffffff):
        yield Case(9, f"agent-of-type-{kind}", "sflow", [sflow(SOUND, agent=struct.pack(">I", kind))], flows=None,
                   may={TRUNCATED})
    yield Case(9, "sample-longer-than-datagram", "sflow", [sflow(SOUND, xdr(1, bytes(40), length=4000), count=2)], flows=1,
               rejected={TRUNCATED: None}, may={LENGTH})
    yield Case(9, "record-longer-than-sample", "sflow", [sflow(sample(raw(FRAME), xdr(1003, bytes(8), length=4000)), SOUND)], flows=2)
    for length in (0, 13, 1000, 0x7fffffff, 0xffffffff):
        yield Case(9, f"header-of-{length}-bytes", "sflow", [sflow(sample(raw(FRAME, length=length)), SOUND)], flows=2)
    gateway = h("00000001 0a0000fc 0000fde8 00000000 00000001")
    bombs = {"segments": h("ffffffff 00000002 00000001 00000a00"), "path": h("00000001 00000002 ffffffff 00000a00"),
             "communities": h("00000000 ffffffff fde80001"), "empty-segments": h("0000ffff") + h("00000002 00000000") * 1000}
    for name, bomb in bombs.items():
        yield Case(9, f"bomb-of-{name}", "sflow", [sflow(sample(raw(FRAME), xdr(1003, gateway + bomb)), SOUND)], flows=2)
    long = struct.pack(">III", 1, 2, 5000) + struct.pack(">I", 64512) * 5000 + struct.pack(">I", 3000) + bytes(12000) + bytes(4)
    yield Case(9, "path-of-five-thousand", "sflow", [sflow(sample(raw(FRAME), xdr(1003, gateway + long)))], flows=1)
    for name, bomb in {"mpls": xdr(1006, h("00000001 0a0000fb ffffffff 00064140")), "vlans": xdr(1012, h("ffffffff 81000064")),
                       "user": xdr(1004, h("0000006a ffffffff 61")), "url": xdr(1005, h("00000001 7fffffff 61"))}.items():
        yield Case(9, f"bomb-of-{name}", "sflow", [sflow(sample(raw(FRAME), bomb), SOUND)], flows=2)
    yield Case(9, "unknown-formats", "sflow", [sflow(xdr(0x1001, bytes(16)), xdr(99, bytes(16)), xdr(0xfffff001, b""), SOUND,
                                                     sample(raw(FRAME), xdr(0x1234567, b"x" * 8)))], flows=2, rejected={FORMAT: 3})
    yield Case(9, "expanded-among-compact", "sflow", [sflow(SOUND, expanded(raw(FRAME)), SOUND, expanded(raw(FRAME), out=(1, 258)))],
               flows=4, rows=lambda rows: [r["ForwardingStatus"] for r in rows] == [0, 0, 0, 130])
    odd = FRAME[:53]
    unpadded = xdr(1, struct.pack(">IIII", 1, 1518, 4, 53) + odd)
    yield Case(9, "padding-left-out", "sflow", [sflow(sample(unpadded)), sflow(sample(unpadded, SOUND), seq=2)], flows=2)
    counters = xdr(2, struct.pack(">III", 1, 7, 1) + xdr(1, struct.pack(">IIQ", 7, 6, 10**9) + bytes(72)))
    operation = xdr(2202, struct.pack(">I4sI4s", 3, b"web", 3, b"get") + bytes(32))
    yield Case(9, "samples-without-a-packet", "sflow", [sflow(sample(operation), sample(xdr(1001, bytes(16))), sample(), SOUND)], flows=1,
               rejected={FORMAT: 3})
    yield Case(9, "bytes-behind-the-samples", "sflow", alone([sflow(SOUND) + b"\1", OLD + b"\1", sflow(SOUND) + bytes(9), OLD + bytes(9)]),
               flows=4, rejected={LENGTH: 2})
    yield Case(9, "counters-alone", "sflow", [sflow(counters, counters)], exact={"counter_samples": 2})
    bad = [xdr(1, bytes(4)), xdr(1005, h("ffffffff 61626364")), xdr(2000, h("fffffffe")), xdr(2001, h("ffffffff 00000001 ffffffff")),
           xdr(2001, b"", length=0x7fffffff)]
    yield Case(9, "counters-that-lie", "sflow", [sflow(*(xdr(2, struct.pack(">III", 1, 7, n) + b) for b in bad for n in (1, 0xffffffff)),
                                                       SOUND)], flows=1, exact={"counter_samples": 10})
    yield Case(9, "discarded", "sflow", [sflow(xdr(5, struct.pack(">IIIIIIII", 1, 0, 3, 0, 3, 0, reason, 1) + raw(FRAME)), seq=i)
                                         for i, reason in enumerate((0, 258, 70000, 0xffffffff))], flows=4)
    yield Case(9, "old-versions", "sflow", [OLD, OLD[:3] + b"\x02" + OLD[4:], OLD[:20] + b"\xff" * 4 + OLD[24:]], flows=3,
               rejected={TRUNCATED: 1}, may={FORMAT})


def packets():
    """Each inside sFlow and inside a frame section of IPFIX (RFC 7133)."""
    def ipv6(next_header, body):
        return MACS + struct.pack(">HIHBB", 0x86dd, 6 << 28, len(body) & 0xffff, next_header, 64) + h(
            "20010db8000000000000000000000001 20010db8000000000000000000000002") + body

    def ipv4(proto, body, first=0x45, total=None, frag=0):
        return MACS + struct.pack(">HBBHHHBBH", 0x800, first, 0, 20 + len(body) if total is None else total, 1, frag, 64, proto, 0) \
            + h("0a000001 0a000002") + body

    udp = h("1000 0035 0010 0000 61626364")
    frames = {
        "ihl-0": ipv4(17, udp, first=0x40), "ihl-4": ipv4(17, udp, first=0x44), "ihl-15": ipv4(17, udp, first=0x4f),
        "version-9": ipv4(17, udp, first=0x95), "total-0": ipv4(17, udp, total=0), "total-65535": ipv4(17, udp, total=65535),
        "tags": MACS + h("8100 0064") * 1000 + h("0800") + IPV4, "service-tags": MACS + h("88a8 0064") * 1000 + h("0800") + IPV4,
        "labels": MACS + h("8847") + h("00064040") * 1000 + h("00064140") + IPV4,
        "labels-without-end": MACS + h("8847") + h("00064040") * 300,
        "mpls-in-ethernet-in-mpls": MACS + (h("8847 00064140 00000000") + MACS) * 200,
        "extensions": ipv6(0, h("3c 00 0104 00000000") * 500 + udp), "extension-too-long": ipv6(0, h("3c ff 0104 00000000")),
        "routing-chain": ipv6(43, h("2b 00 00 ff 00000000") * 300), "fragments-chain": ipv6(44, h("2c 00 0001 00000007") * 300),
        "later-fragment": ipv6(44, h("11 00 0321 00000007") + udp), "later-fragment-v4": ipv4(17, udp, frag=0x2064),
        "segments-left-lie": ipv6(43, h("04 02 04 ff ff 00 0000 20010db8000000000000000000000003") + IPV4),
        "segment-header-too-long": ipv6(43, h("04 ff 04 00 00 00 0000")), "gre-in-gre": ipv4(47, (h("0000 0800") + ipv4(47, b"")[14:]) * 100),
        "ip-in-ip-in-ip": ipv4(4, ipv4(4, b"")[14:] * 200), "gre-flags": ipv4(47, h("ffff 0800") + IPV4),
        "vxlan-in-vxlan": ipv4(17, (h("1000 12b5 0000 0000 08000000 00000100") + ipv4(17, b"")) * 100),
        "geneve-options": ipv4(17, h("1000 17c1 0000 0000 3f006558 00000100") + FRAME),
        "gtp-extensions": ipv4(17, h("1000 0868 0000 0000 34ff0000 00000001 00000085") + h("01000085") * 100),
        "pppoe": MACS + h("8864 11000001 0034 0021") + IPV4, "pppoe-in-pppoe": MACS + h("8864 11000001 0034 c021") * 20,
        "tcp-cut": ipv4(6, h("01bb c001 0000")), "length-type": MACS + h("0026 aaaa03 000000 0800") + IPV4, "nothing": b"",
        "one-byte": b"\x02", "arp": MACS + h("0806 0001 0800 0604 0001") + bytes(20), "any-tag": MACS + h("a1b2 0064 0800") + IPV4,
    }
    section = flowset(2, template(256, (10, 4), (315, 65535)))
    for name, frame in frames.items():
        yield Case(10, name, "sflow", [sflow(sample(raw(frame)), SOUND)], flows=2)
        yield Case(10, name + "-315", "netflow", [ipfix(section, flowset(256, struct.pack(">IBH", 5, 255, len(frame)) + frame))],
                   flows=1)
        yield Case(10, name + "-as-ip", "sflow", [sflow(*(sample(raw(frame[14:], protocol=p)) for p in (7, 11, 12, 13, 14, 15, 99)))],
                   flows=7)


NASTY = {
    "oversize": b"x" * 4000, "nul": b"a\0b\0", "not-utf8": b"\xff\xfe\xc0\xaf\xed\xa0\x80", "html": b"<script>alert(1)</script>",
    "sql": b"'; DROP TABLE flows; --", "formula": b"=cmd|' /C calc'!A0", "terminal": b"\x1b[2J\x1b]0;pwned\x07", "bidi": "\u202egpj.exe".encode(),
    "newlines": b"a\nb\r\nc", "blank": b"   ", "nothing": b"", "quotes": b'"\\"{}',
}


def strings():
    for name, text in NASTY.items():
        shown = b"\xff" + struct.pack(">H", len(text)) + text
        names = flowset(3, options(300, 1, (10, 4), (82, 65535), (83, 65535)))
        apps = flowset(3, options(301, 1, (95, 4), (96, 65535), (94, 65535)))
        vrfs = flowset(3, options(302, 1, (234, 4), (236, 65535)))
        yield Case(11, name, "netflow", [
            ipfix(names, flowset(300, struct.pack(">I", 5) + shown + shown), apps, flowset(301, struct.pack(">I", 7) + shown + shown),
                  vrfs, flowset(302, struct.pack(">I", 9) + shown)),
            ipfix(flowset(2, template(256, *BASIC, (10, 4), (95, 4), (234, 4), (371, 65535), (96, 65535), (82, 65535))),
                  flowset(256, RECORD + struct.pack(">III", 5, 7, 9) + shown * 3), seq=3)], flows=1, exact={"options_records": 3})
        padded = text + bytes(-len(text) % 4)
        yield Case(11, name + "-sflow", "sflow", [sflow(xdr(2, struct.pack(">III", 1, 7, 2) + xdr(1005, struct.pack(">I", len(text)) + padded)
                                                            + xdr(2000, struct.pack(">I", len(text)) + padded + bytes(16) + h("00000003 00000002")
                                                                  + struct.pack(">I", len(text)) + padded)), SOUND)], flows=1,
                   exact={"counter_samples": 1})


def identities():
    mine, theirs = {"src": "192.0.2.1", "port": 2000}, {"src": "192.0.2.1", "port": 3000}
    other = flowset(0, template(256, (1, 4), (8, 4), (2, 4), (12, 4)))
    yield Case(12, "one-address-two-exporters", "netflow", [
        (v9(TEMPLATE_9, DATA, seq=1), mine), (v9(other, DATA, seq=900), theirs), (v9(TEMPLATE_9, DATA, seq=2), mine),
        (v9(other, DATA, seq=901), theirs), (v9(DATA, seq=3), mine), (v9(DATA, seq=902), theirs)], flows=6)
    yield Case(12, "many-domains", "netflow", [
        d for i in range(200) for d in (v9(flowset(0, template(256, *(BASIC if i % 2 else BASIC[::-1]))), domain=i), v9(DATA, domain=i, seq=1))],
        flows=200)
    yield Case(12, "one-agent-two-sources", "sflow", [(sflow(SOUND, seq=i), {"src": f"192.0.2.{1 + i % 2}"}) for i in range(100)], flows=100)
    yield Case(12, "sub-agents", "sflow", [sflow(SOUND, seq=i // 4, sub=i % 4) for i in range(100)], flows=100, exact={"lost": 0})
    yield Case(12, "replayed", "netflow", [v9(TEMPLATE_9, DATA, seq=7)] * 50, flows=50)
    wraps = [0xfffffffe, 0xffffffff, 0, 1, 2]
    yield Case(12, "sequence-wraps", "netflow", [v9(TEMPLATE_9, DATA, seq=s) for s in wraps], flows=5, exact={"lost": 0})
    yield Case(12, "sequence-goes-back", "netflow", [v9(TEMPLATE_9, DATA, seq=s) for s in (1000, 1001, 1, 2, 3, 4, 5, 6)], flows=8,
               exact={"lost": 0})
    yield Case(12, "sequence-jumps", "netflow", [v9(TEMPLATE_9, DATA, seq=s) for s in (1, 0x7fffffff, 5, 0x80000005)], flows=4)


GROUPS = (headers, sets, templates, dynamics, floods, lengths, times, sampling, samples, packets, strings, identities)


def cases():
    for group in GROUPS:
        yield from group()


# ---- As files

def datagrams(case):
    """(bytes, source, port, second) of each."""
    for d in case.datagrams:
        data, how = d if isinstance(d, tuple) else (d, {})
        yield data, how.get("src", "192.0.2.1"), how.get("port", 2000), NOW + how.get("at", 0)


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def pcap(case):
    """A capture of raw IPv4 packets."""
    out = [struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 0x40000, 101)]
    port = 6343 if case.decoder == "sflow" else 2055
    for data, source, from_port, at in datagrams(case):
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 0, 0x4000, 64, 17, 0, ipaddress.ip_address(source).packed,
                           h("c6336401"))
        head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
        packet = head + struct.pack(">HHHH", from_port, port, 8 + len(data), 0) + data
        out.append(struct.pack("<IIII", at, 0, len(packet), len(packet)) + packet)
    return b"".join(out)


def seed(case, limit=200_000):
    """The form that the fuzz targets take (src/decode/fuzzing.h)."""
    body = b"\x01" + b"".join(struct.pack(">H", len(d)) + d for d, *_ in datagrams(case))
    return body[:limit]


def main(folder):
    n = 0
    for case in cases():
        target = "sflow" if case.decoder == "sflow" else "netflow9"
        os.makedirs(os.path.join(folder, "seeds", target), exist_ok=True)
        with open(os.path.join(folder, f"{case}.pcap"), "wb") as f:
            f.write(pcap(case))
        with open(os.path.join(folder, "seeds", target, str(case)), "wb") as f:
            f.write(seed(case))
        n += 1
    print(f"{n} cases")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
