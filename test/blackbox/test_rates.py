"""Sampling rates: who says them, by prefix; and rate limits, whose losses are made good in the sums."""
import socket
import struct
import time
from collections import defaultdict

import pytest

from lab import inside
from weir import Weir, configuration, udp_input

pytestmark = pytest.mark.root
SIZE, PACKETS = 1000, 10


def datagram(ports, told=0, number=0, mask=24):
    """NetFlow v5: a flow of 1,000 bytes for each source port; `told`: the rate in its header, 0: none."""
    records = b"".join(struct.pack(">4s4sIHHIIIIHHBBBBHHBBH", b"\xc0\x00\x02\x01", b"\xc6\x33\x64\x01", 0, 1, 2, PACKETS, SIZE,
                                   999000, 999900, port, 443, 0, 0, 6, 0, 64500, 64501, mask, mask, 0) for port in ports)
    return struct.pack(">HHIIIIBBH", 5, len(ports), 1000000, int(time.time()), 0, number, 0, 0, told and 1 << 14 | told) + records


def socket_at(namespace, address):
    v6 = ":" in address
    with inside(namespace):
        out = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    out.bind((address, 0))
    out.connect(("::1" if v6 else "127.0.0.1", 2055))
    return out


def by_exporter(w, table, what):
    return {row[0]: tuple(row[1:]) for row in w.sql(
        f"SELECT replaceOne(toString(ExporterAddress), '::ffff:', ''), {what} FROM {table} GROUP BY 1")}


# exporter -> (told, used, where it comes from)
RATES = {"127.0.70.1": (0, 500, "default"), "127.0.70.2": (10, 10, "flow"), "127.0.71.1": (0, 1000, "default"),
         "127.0.72.1": (10, 64, "override"), "127.0.72.2": (0, 64, "override"), "127.0.72.9": (10, 7, "override"),
         "127.0.73.1": (0, 1, "unknown"), "127.0.73.2": (16383, 16383, "flow"), "::1": (0, 3, "default")}


def test_rates_by_prefix(namespace, tmp_path):
    masks = ["SrcNetMask", "DstNetMask", "SrcNetPrefix", "DstNetPrefix"]
    conf = configuration(inputs=[udp_input("127.0.0.1:2055"), udp_input("[::1]:2055")], schema={"disabled": masks}, outlet={
        "http": {"listen": "127.0.0.1:8083"},
        "core": {"asn-providers": ["flow-except-default-route"],
                 "default-sampling-rate": {"127.0.70.0/24": 500, "127.0.71.0/24": 1000, "::1/128": 3},
                 "override-sampling-rate": {"127.0.72.0/24": 64, "127.0.72.9": 7}},
        "metadata": {"providers": [{"type": "static", "exporters": {"::/0": {"name": "any", "default": {"name": "if"}}}}]}})
    each, flows = 4, 5
    with Weir(tmp_path, conf, namespace) as w:
        for exporter, (told, _, _) in RATES.items():
            with socket_at(namespace, exporter) as out:
                for i in range(each):
                    out.send(datagram(range(1024, 1024 + flows), told, i * flows))
        n = each * flows
        w.wait_sql("SELECT count() FROM flows", lambda r: r == [[n * len(RATES)]], 30)
        want = {x: (n * SIZE * used, n * PACKETS * used) for x, (_, used, _) in RATES.items()}
        sums = "sum(Bytes * SamplingRate), sum(Packets * SamplingRate)"
        assert by_exporter(w, "flows", sums) == want
        w.wait_sql("SELECT uniq(ExporterAddress) FROM exporters", lambda r: r == [[len(RATES)]], 30)
        assert by_exporter(w, "exporters", "any(SamplingRate), any(SamplingRateFrom)") == {
            x: (used, origin) for x, (_, used, origin) in RATES.items()}
        # another rate from now on, without a restart; what is stored stays
        pids = w.pids()
        conf["outlet"]["core"]["override-sampling-rate"]["127.0.72.0/24"] = 128
        w.configure(conf)
        with socket_at(namespace, "127.0.72.2") as out:
            def changed(rows):
                out.send(datagram([999]))
                return rows == [[128]]
            w.wait_sql("SELECT max(SamplingRate) FROM flows WHERE SrcPort = 999", changed, 30)
            # masks are not stored, and yet tell of a default route
            out.send(datagram([999], mask=0))
            w.wait_sql("SELECT DISTINCT SrcAS, DstAS FROM flows WHERE SrcPort = 999 ORDER BY 1",
                       lambda r: r == [[0, 0], [64500, 64501]], 30)
        assert w.sql(f"SELECT count() FROM system.columns WHERE table = 'flows' AND name IN {tuple(masks)}") == [[0]]
        assert w.pids() == pids
        assert by_exporter(w, "flows WHERE SrcPort != 999", sums) == want
        # the minutes' sums are the same
        w.wait_sql("SELECT sum(Bytes * SamplingRate) FROM flows_1m0s WHERE ExporterAddress != '::ffff:127.0.72.2'",
                   lambda r: r == [[sum(v[0] for x, v in want.items() if x != "127.0.72.2")]], 150)


LIMIT, PER_SECOND, RECORDS, SECONDS = 400, 150, 10, 12


def send_evenly(loud, quiet):
    """
    (first second, kind -> second -> flows). In each second first flows of kind 1000 and then as many of kind 2000; of kind 3000,
    by the quiet one, few. None when the machine was too busy for that: what is left out is reckoned by the second before.
    """
    sent = defaultdict(lambda: defaultdict(int))
    begin = int(time.time()) + 1
    for second in range(begin, begin + SECONDS):
        for i in range(PER_SECOND):
            time.sleep(max(0, second + i / PER_SECOND - time.time()))
            kind = 1000 if i < PER_SECOND // 2 else 2000
            loud.send(datagram([kind] * RECORDS))
            sent[kind][int(time.time())] += RECORDS
            if i % 10 == 0:
                quiet.send(datagram([3000] * RECORDS))
                sent[3000][int(time.time())] += RECORDS
    half = PER_SECOND * RECORDS // 2
    even = all(abs(sent[kind][s] - half) <= 0.1 * half for kind in (1000, 2000) for s in range(begin + 1, begin + SECONDS - 1))
    return (begin, sent) if even else None


def test_a_limit_keeps_the_sums(namespace, tmp_path):
    """One exporter sends nearly four times its limit, in each second first of one kind and then of another; one keeps below it."""
    conf = configuration(inputs=[udp_input("127.0.0.1:2055", **{"rate-limit": LIMIT})])
    with Weir(tmp_path, conf, namespace) as w:
        for attempt in range(1, 11):
            with socket_at(namespace, f"127.0.74.{attempt}") as loud, socket_at(namespace, f"127.0.75.{attempt}") as quiet:
                done = send_evenly(loud, quiet)
            if done:
                break
        assert done, "never were there twelve seconds in which this machine could send evenly"
        begin, sent = done

        def account(exporter, flows):
            """Stored and rejected, and why; when the ledger has all flows the tables have theirs."""
            return w.wait_sql("SELECT sum(Decoded), sum(Stored), sum(Rejected), maxIf(Reason, Rejected > 0) FROM ledger "
                              f"WHERE ExporterAddress = '::ffff:{exporter}'", lambda r: r[0][0] == flows, 120)[0][1:]
        # the ledger has each flow, also those that were dropped
        every, few = sum(sum(sent[kind].values()) for kind in (1000, 2000)), sum(sent[3000].values())
        stored, rejected, reason = account(f"127.0.74.{attempt}", every)
        assert stored + rejected == every and "limit" in reason
        # nothing was dropped of the quiet one
        assert account(f"127.0.75.{attempt}", few) == [few, 0, ""]
        got = {exporter: w.sql(
            "SELECT SrcPort, count(), sum(SamplingRate), sum(Bytes * SamplingRate) FROM flows WHERE ExporterAddress = "
            f"'::ffff:127.0.{exporter}.{attempt}' AND toUnixTimestamp(TimeReceived) BETWEEN {a} AND {b} GROUP BY 1 ORDER BY 1")
            for exporter, a, b in ((74, begin + 2, begin + SECONDS - 2), (75, begin, begin + SECONDS + 60))}
        assert got[75] == [[3000, few, few, few * SIZE]]
        middle = range(begin + 2, begin + SECONDS - 1)
        for kind, rows, scaled, octets in got[74]:
            wanted = sum(sent[kind][s] for s in middle)
            assert rows <= len(middle) * LIMIT, (kind, rows)
            assert abs(scaled - wanted) < 0.06 * wanted, f"{kind}: {scaled} of {wanted} flows"
            assert abs(octets - wanted * SIZE) < 0.06 * wanted * SIZE
        assert [kind for kind, *_ in got[74]] == [1000, 2000]
        first, both = got[74][0][1], got[74][0][1] + got[74][1][1]
        assert 0.85 * LIMIT * len(middle) <= both <= LIMIT * len(middle)
        # each of the two kinds had its share, though one always came first
        assert abs(first - both / 2) < 0.1 * both
