"""Streams as hsflowd 2 and pmacct's sfprobe send them with the configurations of the host-monitoring recipe, made by hand."""
import ipaddress
import json
import struct

import pytest

from weir import command

HSFLOWD = {4: "100.65.156.88", 6: "fd7a:115c:a1e0::5501:9c58"}  # agent = tailscale0
PEERS = {4: ("100.65.156.88", "192.0.2.7"), 6: ("fd7a:115c:a1e0::5501:9c58", "2001:db8::7")}
COLLECTOR = {4: "100.68.194.88", 6: "fd7a:115c:a1e0::e601:c258"}


def xdr(number, body):
    return struct.pack(">II", number, len(body)) + body


def text(value):
    data = value.encode()
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def address(value):
    packed = ipaddress.ip_address(value).packed
    return struct.pack(">I", 1 if len(packed) == 4 else 2) + packed


def ip_packet(family, size):
    source, target = (ipaddress.ip_address(a).packed for a in PEERS[family])
    tcp = struct.pack(">HHIIBBHHH", 443, 51000, 1, 2, 0x50, 0x18, 500, 0, 0)
    if family == 4:
        return struct.pack(">BBHHHBBH", 0x45, 0, size, 7, 0x4000, 64, 6, 0) + source + target + tcp
    return struct.pack(">IHBB", 6 << 28, size - 40, 6, 64) + source + target + tcp


def raw_header(family, size):
    """NFLOG gives packets without a link layer."""
    packet = ip_packet(family, size)
    return xdr(1, struct.pack(">IIII", 11 if family == 4 else 12, size, 0, len(packet)) + packet + bytes(-len(packet) % 4))


def socket_record(family):
    source, target = (ipaddress.ip_address(a).packed for a in PEERS[family])
    return xdr(2100 if family == 4 else 2101, struct.pack(">I", 6) + source + target + struct.pack(">II", 443, 51000))


def datagram(agent, sub, sequence, *samples):
    return struct.pack(">I", 5) + address(agent) + struct.pack(">IIII", sub, sequence, 60000 + sequence, len(samples)) + b"".join(samples)


def flow_sample(n, rate, inp, out, *records):
    return xdr(1, struct.pack(">IIIIIIII", n, 3, rate, n * rate, 0, inp, out, len(records)) + b"".join(records))


def hsflowd(family):
    """nflog { probability = 0.0025 }: one packet in 400; polling = 10: counters of the host and its interfaces."""
    host = xdr(2, struct.pack(">III", 1, 2 << 24 | 1, 3) + xdr(2000, text("vps1.example.net") + bytes(16) + struct.pack(">II", 3, 2)
                                                              + text("6.8.0-45-generic"))
               + xdr(2001, struct.pack(">IIIHIHII", 2, 2, 1, 0x5254, 0x00123456, 0, 3, 0)) + xdr(2003, bytes(68)))
    port = xdr(2, struct.pack(">III", 1, 2, 2) + xdr(1, struct.pack(">IIQ", 2, 6, 10**9) + bytes(72)) + xdr(1005, text("ens3")))
    yield datagram(HSFLOWD[family], 100000, 1, host, port)
    for i in range(5):
        yield datagram(HSFLOWD[family], 100000, 2 + i, flow_sample(
            1 + i, 400, 0x3fffffff if i % 2 else 2, 2 if i % 2 else 0x3fffffff, raw_header(family, 1000), socket_record(family)))


def sfprobe(family):
    """sfprobe_agentsubid: 1402, sampling_rate: 100, interfaces.map with ifindex 3."""
    for i in range(5):
        frame = bytes(12) + struct.pack(">H", 0x0800 if family == 4 else 0x86dd) + ip_packet(family, 600)
        header = xdr(1, struct.pack(">IIII", 1, 614, 4, len(frame)) + frame + bytes(-len(frame) % 4))
        yield datagram(HSFLOWD[family], 1402, 1 + i, flow_sample(1 + i, 100, 3, 3, header, xdr(1001, bytes(16))))


def pcap(family, datagrams):
    """Raw IP, from the host's address to the collector's."""
    out = [struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 0x40000, 101)]
    source, target = (ipaddress.ip_address(a).packed for a in (HSFLOWD[family], COLLECTOR[family]))
    for i, data in enumerate(datagrams):
        udp = struct.pack(">HHHH", 40000, 6343, 8 + len(data), 0) + data
        if family == 4:
            packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), i, 0, 64, 17, 0) + source + target + udp
        else:
            packet = struct.pack(">IHBB", 6 << 28, len(udp), 17, 64) + source + target + udp
        out.append(struct.pack("<IIII", 1_800_000_000 + i, 0, len(packet), len(packet)) + packet)
    return b"".join(out)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("stream, rate, size, interfaces", [
    (hsflowd, 400, 1000, [(2, 0), (0, 2), (2, 0), (0, 2), (2, 0)]), (sfprobe, 100, 600, [(3, 3)] * 5)],
    ids=["hsflowd", "sfprobe"])
def test_stream_of_a_host(family, stream, rate, size, interfaces, tmp_path):
    path = str(tmp_path / "host.pcap")
    with open(path, "wb") as f:
        f.write(pcap(family, stream(family)))
    status, out, err = command("decode", path)
    assert status == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(r["InIfIndex"], r["OutIfIndex"]) for r in rows] == interfaces
    for r in rows:
        assert r["ExporterAddress"] == HSFLOWD[family]
        assert (r["SamplingRate"], r["Bytes"], r["Packets"]) == (rate, size, 1)
        assert (r["SrcAddr"], r["DstAddr"], r["SrcPort"], r["DstPort"], r["Proto"]) == (*PEERS[family], 443, 51000, 6)
    status, out, err = command("decode", "--summary", path)
    total = json.loads(out)
    assert (status, total["rejected"], total["lost"], total["late"]) == (0, {}, 0, 0), err
    assert total["counter_samples"] == (2 if stream is hsflowd else 0)
