"""Real exporters look at real traffic; the store must hold what was on the wire."""
import random
import time

import pytest

from lab import Lab, stop, wait_until
from weir import Weir, configuration, udp_input

pytestmark = pytest.mark.root


@pytest.fixture(scope="module", params=["ipv4", "ipv6-only"])
def site(request, tmp_path_factory):
    """Namespaces with a weir in the collector's; the way to it is over IPv4, or there is only IPv6."""
    folder = tmp_path_factory.mktemp(request.param)
    with Lab(folder, ipv6_only=request.param == "ipv6-only") as lab:
        inputs = [udp_input(":2055"), udp_input(":4739"), udp_input(":6343", "sflow")]
        with Weir(folder, configuration(inputs=inputs), lab.c) as weir:
            yield lab, weir


def traffic(lab, base, families):
    """Counted UDP flows and a TCP transfer for each family; what of it was on the wire, by 5-tuple."""
    rng = random.Random(base)
    flows = [(family, base + i, base + 100 + i, rng.randrange(10, 1200), rng.randrange(1, 40))
             for family in families for i in range(20)]
    with lab.capture() as seen:
        sent = lab.udp(flows)
        for family in families:
            lab.tcp(family, base + 90, 300_000)
        wire = seen()
    ours = {key: tuple(value) for key, value in wire.items()
            if base <= key[3] < base + 200 or base <= key[4] < base + 200}
    for key, value in sent.items():
        assert ours[key] == tuple(value), "the capture itself missed something"
    return ours


def stored(weir, base, exporter):
    rows = weir.sql(f"""
        SELECT replaceRegexpOne(toString(SrcAddr), '^::ffff:', ''), replaceRegexpOne(toString(DstAddr), '^::ffff:', ''),
               Proto, SrcPort, DstPort, sum(Bytes * SamplingRate), sum(Packets * SamplingRate)
        FROM flows
        WHERE (SrcPort BETWEEN {base} AND {base + 199} OR DstPort BETWEEN {base} AND {base + 199})
              AND replaceRegexpOne(toString(ExporterAddress), '^::ffff:', '') = '{exporter}'
        GROUP BY ALL""")
    return {tuple(row[:5]): (row[5], row[6]) for row in rows}


def warm_up(lab, weir, family, port, packets):
    """Traffic until the exporter has told of some; what it captures before its plugins are ready it may lose."""
    def told(rows):
        lab.udp([(family, port, port + 1, 100, packets)])
        lab.fill()
        time.sleep(1)
        return rows[0][0] > 0
    weir.wait_sql(f"SELECT count() FROM flows WHERE SrcPort = {port}", told, 40)


UNSAMPLED = [
    ("softflowd NetFlow v5", lambda lab: lab.softflowd(5), [4]),
    ("softflowd NetFlow v9", lambda lab: lab.softflowd(9), [4, 6]),
    ("softflowd IPFIX", lambda lab: lab.softflowd(10, 4739), [4, 6]),
    ("pmacctd IPFIX", lambda lab: lab.pmacctd_ipfix(), [4, 6]),
]


@pytest.mark.parametrize("number", range(len(UNSAMPLED)), ids=[u[0] for u in UNSAMPLED])
def test_unsampled_is_exact(site, number):
    lab, weir = site
    _, start, families = UNSAMPLED[number]
    base = 20000 + 1000 * number
    process = start(lab)
    try:
        # An exporter may send data before the template; what it says first is not measured.
        warm_up(lab, weir, families[0], base + 900, 3)
        wire = traffic(lab, base, families)
        lab.fill()
        got = {}

        def complete():
            got.clear()
            got.update(stored(weir, base, lab.exporter))
            return got == wire
        try:
            wait_until(complete, 40, "")
        except AssertionError:
            different = {k: (wire.get(k), got.get(k)) for k in wire.keys() | got.keys() if wire.get(k) != got.get(k)}
            pytest.fail(f"(on the wire, stored): {different}")
        time.sleep(2)
        assert stored(weir, base, lab.exporter) == wire, "more came later"
    finally:
        stop(process)


def test_sflow_is_right_within_sampling_error(site):
    lab, weir = site
    rate, base, packets, size = 10, 30000, 6000, 900
    process = lab.pmacctd_sflow(rate)
    try:
        warm_up(lab, weir, 4, base + 900, 200)
        with lab.capture() as seen:
            lab.udp([(4, base, base + 1, size, packets), (6, base + 2, base + 3, size, packets)])
            wire = {key: value for key, value in seen().items() if base <= key[3] < base + 10}
        assert len(wire) == 2

        def wrong():
            got = stored(weir, base, lab.agent)
            if set(got) != set(wire):
                return f"addresses, ports and the agent address as exporter: {got}"
            # 600 samples expected: four standard deviations are 16 %.
            return [f"{key}: {got[key]} (bytes, packets) of {octets, n}" for key, (octets, n) in wire.items()
                    if abs(got[key][1] - n) >= 0.17 * n or abs(got[key][0] - octets) >= 0.19 * octets]
        wait_until(lambda: not wrong(), 40, wrong)
        time.sleep(2)
        assert not wrong(), "more came later"
        rates = weir.sql(f"SELECT DISTINCT SamplingRate FROM flows WHERE SrcPort = {base}")
        assert rates == [[rate]]
    finally:
        stop(process)
