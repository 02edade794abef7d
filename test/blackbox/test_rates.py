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


def datagram(ports, told=0, number=0):
    """NetFlow v5: a flow of 1,000 bytes for each source port; `told`: the rate in its header, 0: none."""
    records = b"".join(struct.pack(">4s4sIHHIIIIHHBBBBHHBBH", b"\xc0\x00\x02\x01", b"\xc6\x33\x64\x01", 0, 1, 2, PACKETS, SIZE,
                                   999000, 999900, port, 443, 0, 0, 6, 0, 64500, 64501, 24, 24, 0) for port in ports)
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
    conf = configuration(inputs=[udp_input("127.0.0.1:2055"), udp_input("[::1]:2055")], outlet={
        "http": {"listen": "127.0.0.1:8083"},
        "core": {"default-sampling-rate": {"127.0.70.0/24": 500, "127.0.71.0/24": 1000, "::1/128": 3},
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
        assert w.pids() == pids
        assert by_exporter(w, "flows WHERE SrcPort != 999", sums) == want
        # the minutes' sums are the same
        w.wait_sql("SELECT sum(Bytes * SamplingRate) FROM flows_1m0s WHERE ExporterAddress != '::ffff:127.0.72.2'",
                   lambda r: r == [[sum(v[0] for x, v in want.items() if x != "127.0.72.2")]], 150)


def test_a_limit_keeps_the_sums(namespace, tmp_path):
    """One exporter sends nearly four times its limit, in each second first of one kind and then of another; one keeps below it."""
    limit, per_second, records, seconds = 400, 150, 10, 12
    conf = configuration(inputs=[udp_input("127.0.0.1:2055", **{"rate-limit": limit})])
    sent = defaultdict(lambda: defaultdict(int))  # (exporter, kind) -> second -> flows
    with Weir(tmp_path, conf, namespace) as w, socket_at(namespace, "127.0.74.1") as loud, \
            socket_at(namespace, "127.0.74.2") as quiet:
        begin = int(time.time()) + 1
        for second in range(begin, begin + seconds):
            for i in range(per_second):
                time.sleep(max(0, second + i / per_second - time.time()))
                kind = 1000 if i < per_second // 2 else 2000
                loud.send(datagram([kind] * records))
                sent["127.0.74.1", kind][int(time.time())] += records
                if i % 10 == 0:
                    quiet.send(datagram([3000] * records))
                    sent["127.0.74.2", 3000][int(time.time())] += records
        w.wait_sql(f"SELECT count() FROM flows WHERE TimeReceived >= toDateTime({begin + seconds - 1})", lambda r: r[0][0] > 100, 30)
        time.sleep(5)
        got = {(r[0], r[1]): r[2:] for r in w.sql(
            "SELECT replaceOne(toString(ExporterAddress), '::ffff:', ''), SrcPort, count(), sum(SamplingRate), sum(Bytes * SamplingRate) "
            f"FROM flows WHERE toUnixTimestamp(TimeReceived) BETWEEN {begin + 2} AND {begin + seconds - 2} GROUP BY 1, 2")}
        middle = range(begin + 2, begin + seconds - 1)
        for key in sent:
            wanted = sum(sent[key][s] for s in middle)
            rows, scaled, octets = got[key]
            if key[0] == "127.0.74.2":
                assert rows == scaled == wanted and octets == wanted * SIZE  # nothing of it was dropped
            else:
                assert rows <= len(middle) * limit, (key, rows)
                assert abs(scaled - wanted) < 0.06 * wanted, f"{key}: {scaled} of {wanted} flows"
                assert abs(octets - wanted * SIZE) < 0.06 * wanted * SIZE
        both = got["127.0.74.1", 1000][0] + got["127.0.74.1", 2000][0]
        assert 0.85 * limit * len(middle) <= both <= limit * len(middle)
        # each of the two kinds had its share, though one always came first
        assert abs(got["127.0.74.1", 1000][0] - both / 2) < 0.1 * both
        # the ledger has each flow, also those that were dropped
        every = sum(sum(v.values()) for k, v in sent.items() if k[0] == "127.0.74.1")
        rows = w.wait_sql("SELECT sum(Decoded), sum(Stored) + sum(Rejected), maxIf(Reason, Rejected > 0) FROM ledger "
                          "WHERE ExporterAddress = '::ffff:127.0.74.1'", lambda r: r[0][0] == every, 120)
        assert rows[0][1] == every and "limit" in rows[0][2]
