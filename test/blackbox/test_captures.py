"""The captures of real exporters through nfcapd or sfcapd and nfdump: the same flows, bytes and packets, or it is known why not."""
import concurrent.futures
import os
import shutil
import struct
import subprocess

import pytest

from test_decode import ALL, CAPTURES, summary
from test_differential import replay

# capture -> what nfdump has: flows, bytes, packets; doc/decoding.md says why.
KNOWN = {
    "logstash/netflow-5-invalid-01": (0, 0, 0),
    "logstash/netflow-9-cisco-asa-2": (19, 1131, 0),
    "graylog/netflow-v5-1": (30, 18684, 230),
    "graylog/netflow5": (4, 81700, 500),
    "graylog/nprobe-netflow9-4": (1, 128, 2),
    "ndpi/sflow": (1, 82 * 2048, 2048),
}


def ipfix_messages(data):
    at = 0
    while at + 4 <= len(data):
        length, = struct.unpack_from(">H", data, at + 2)
        whole = length >= 16 and at + length <= len(data)
        yield data[at:at + length] if whole else data[at:]
        at = at + length if whole else len(data)


def datagrams(path):
    if path.endswith(".pcap"):
        shown = subprocess.run(["tshark", "-r", path, "-Y", "udp && !icmp", "-T", "fields", "-e", "udp.payload", "--disable-protocol",
                                "cflow", "--disable-protocol", "sflow"], capture_output=True, text=True, check=True, timeout=480)
        return [bytes.fromhex(line.split(",")[0]) for line in shown.stdout.split()]
    with open(path, "rb") as f:
        data = f.read()
    return list(ipfix_messages(data)) if path.endswith(".ipfix") else [data]


def by_nfdump(capture, folder):
    sent = [d for name in capture["files"] for d in datagrams(os.path.join(CAPTURES, name))]
    rows = replay(sent, "sfcapd" if "sFlow" in capture["protocol"] else "nfcapd", folder)
    return len(rows), sum(r.get("in_bytes", 0) for r in rows), sum(r.get("in_packets", 0) for r in rows)


@pytest.mark.skipif(not ALL, reason="captures of real exporters are not beside this checkout")
@pytest.mark.skipif(not shutil.which("nfcapd") or not shutil.which("tshark"), reason="nfdump or tshark is not installed")
def test_nfdump_has_the_same(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:  # each waits for its collector most of the time
        theirs = dict(zip((c["id"] for c in ALL), pool.map(lambda c: by_nfdump(c, tmp_path / c["id"].replace("/", "-")), ALL)))
    wrong = {}
    for capture in ALL:
        got = summary(capture)
        want = KNOWN.get(capture["id"], (got["flows"], got["bytes"], got["packets"]))
        if theirs[capture["id"]] != want:
            wrong[capture["id"]] = (theirs[capture["id"]], want)
    assert not wrong
