"""weir decode over captures of real exporters, against what another decoder made of them."""
import gzip
import json
import os
import pathlib
import re
import struct
import subprocess

import pytest

from weir import SANITIZED, command

CAPTURES = os.environ.get("WEIR_CAPTURES") or os.path.join(os.path.dirname(__file__), "../../../shared/captures")

# Where the other decoder is not the measure: capture -> (what is right, why). doc/decoding.md has them at length.
KNOWN = {
    "logstash/netflow-9-cisco-asa-2": ({"flows": 34, "bytes": 130362}, "bytes are in initiatorOctets and responderOctets, which its sum leaves out; the latter are flows of their own"),
    "logstash/ipfix-from-ixia-something-something": ({"flows": 1, "bytes": 360, "packets": 4}, "it shows them, but the recorded totals leave them out"),
    "logstash/ipfix_test_ixia_tpldata271": ({"flows": 2, "bytes": 132, "packets": 2}, "it shows them, but the recorded totals leave them out"),
    "graylog/netflow-v9-1": ({"flows": 2, "bytes": 582, "packets": 9}, "it gives up before the data"),
    "graylog/netflow9": ({"flows": 21, "bytes": 7302, "packets": 23, "options_records": 1, "rejected": {}},
                         "the header counts too few records, and it believes the header"),
    "graylog/nprobe-netflow9-4": ({"flows": 15, "bytes": 33915, "rejected": {}},
                                  "its template comes behind the data, and on one pass it does not go back"),
}
# Data sets whose template was refused, which the other decoder counts as something else.
UNKNOWN_TEMPLATE = {"ipfixcol/bad-template-field-count": 3}


def captures():
    try:
        with open(os.path.join(CAPTURES, "expected.json"), encoding="utf-8") as f:
            return json.load(f)["captures"]
    except FileNotFoundError:
        return []


ALL = captures()


def summary(capture):
    status, out, err = command("decode", "--summary", *(os.path.join(CAPTURES, f) for f in capture["files"]))
    assert status == 0, err
    return json.loads(out)


@pytest.mark.skipif(not ALL, reason="captures of real exporters are not beside this checkout")
def test_the_captures_are_there():
    assert len(ALL) > 50


@pytest.mark.parametrize("capture", ALL, ids=[c["id"] for c in ALL])
def test_summary(capture):
    other, got = capture["tshark"], summary(capture)
    assert got["datagrams"] == other["datagrams"]
    if capture["id"] in KNOWN:
        want, _ = KNOWN[capture["id"]]
        assert {key: got[key] for key in want} == want
        return
    assert got["flows"] == other["flow_records"] + other["sflow_flow_samples"]
    assert got["packets"] == other["packets"] + other["sflow_flow_samples"]
    assert got["options_records"] == other["options_records"]
    unknown = got["rejected"].get("template not known", 0)
    assert unknown == UNKNOWN_TEMPLATE.get(capture["id"], other["data_sets_without_template"])
    if other["sflow_flow_samples"]:
        # Of a sampled frame weir counts the IP packet, the other decoder the whole frame.
        assert 0 < got["bytes"] < other["sflow_frame_length_sum"]
    else:
        assert got["bytes"] == other["octets"]


@pytest.mark.parametrize("capture", ALL, ids=[c["id"] for c in ALL])
def test_flows_add_up_to_the_summary(capture):
    status, out, err = command("decode", *(os.path.join(CAPTURES, f) for f in capture["files"]))
    assert status == 0, err
    flows = [json.loads(line) for line in out.splitlines()]
    total = summary(capture)
    assert len(flows) == total["flows"]
    assert sum(f["Bytes"] for f in flows) == total["bytes"]
    assert sum(f["Packets"] for f in flows) == total["packets"]
    for f in flows:
        assert f["EType"] in (0, 0x800, 0x86DD)
        assert not f["SrcAddr"].startswith("::ffff:")


def test_a_missing_file_is_said():
    status, out, err = command("decode", "/nonexistent/file.pcap")
    assert status != 0 and out == "" and "/nonexistent/file.pcap" in err


def decode(*args):
    status, out, err = command("decode", *args)
    assert status == 0, err
    return out


def ipfix_file(tmp_path, *sets):
    body = b"".join(struct.pack(">HH", number, 4 + len(b)) + b for number, b in sets)
    path = tmp_path / "one"
    path.write_bytes(struct.pack(">HHIII", 10, 16 + len(body), 2000000000, 0, 1) + body)
    return str(path)


def test_explain_names_each_element_and_its_fate(tmp_path):
    path = ipfix_file(tmp_path, (2, struct.pack(">HHHHHHHHHHI", 256, 4, 8, 4, 6, 1, 1, 4, 0x8064, 2, 99999)),
                      (256, bytes([10, 0, 0, 1, 0x12, 0, 0, 0, 100, 1, 2])))
    lines = decode("--explain", path).splitlines()
    assert any("IPFIX" in line and "template 256" in line for line in lines)
    by_name = {line.split()[1]: line for line in lines if line.startswith("  ")}
    assert by_name["sourceIPv4Address"].endswith("10.0.0.1  -> SrcAddr, EType")
    assert by_name["octetDeltaCount"].endswith("100 octets  -> Bytes")
    assert by_name["tcpControlBits"].endswith("18  (column TCPFlags is disabled)")
    assert by_name["(unknown)"].split()[0] == "99999/100"
    assert by_name["(unknown)"].endswith("0102  (no column)")
    assert json.loads([line for line in lines if line.startswith("{")][0])["SrcAddr"] == "10.0.0.1"


def test_explain_names_sflow_records_and_their_fate(tmp_path):
    packet = bytes.fromhex("020000000002 020000000001 8100 0064 8100 00c8 0800 4500002c00010000401100000a0000010a000002"
                           "0035d431001800001234567812345678")
    header = struct.pack(">4I", 1, 64, 4, len(packet)) + packet + bytes(-len(packet) % 4)
    records = [(1, header), (1030, struct.pack(">I", 5000)), (2202, struct.pack(">I", 0)), (7 << 12 | 1, b"abcd")]
    body = b"".join(struct.pack(">II", number, len(b)) + b for number, b in records)
    sample = struct.pack(">8I", 1, 3, 512, 0, 0, 3, 0x40000102, len(records)) + body
    path = tmp_path / "one"
    path.write_bytes(struct.pack(">IIIIIIIII", 5, 1, 0x0A0000FE, 0, 1, 1000, 1, 1, len(sample)) + sample)
    lines = [line.strip() for line in decode("--explain", str(path)).splitlines()]
    fates = {line.split("  ")[0]: line for line in lines}
    assert any("sFlow version 5, agent 10.0.0.254" in line for line in lines)
    assert fates["sampling_rate"].endswith(" 512  -> SamplingRate")
    assert fates["output"].endswith("discarded: 258 (access list)  -> ForwardingStatus")
    assert fates["source address"].endswith(" 10.0.0.1  -> SrcAddr")
    assert fates["inner VLAN"].endswith(" 200  (column SrcCustomerVlan is disabled)")
    assert fates["vni"].endswith(" 5000  (column IngressVNI is disabled)")
    assert fates["application"].endswith("(of a transaction, not of a packet)")
    assert "unknown structure 7/1  (skipped, 4 bytes)" in lines
    flow = json.loads(decode("--all", str(path)))
    assert (flow["SrcVlan"], flow["SrcCustomerVlan"], flow["IngressVNI"]) == (100, 200, 5000)


def test_explain_says_where_the_rate_is_from(tmp_path):
    path = tmp_path / "v5"
    path.write_bytes(struct.pack(">HHIIIIHH", 5, 1, 1000, 2000000000, 0, 0, 0, 0x4000 | 64) + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + bytes(40))
    said = "sampling rate                    {}  -> SamplingRate (unless the record has one)"
    assert "  header     " + said.format(64) in decode("--explain", str(path))
    table = struct.pack(">HHHHHHHHHH", 3, 18, 300, 2, 1, 302, 4, 34, 4, 0)[:18] + struct.pack(">HHII", 300, 12, 7, 100)
    flow = (struct.pack(">HHHHHHHH", 2, 16, 256, 2, 8, 4, 12, 4) + struct.pack(">HHII", 256, 12, 0x0A000001, 0x0A000002))
    body = table + flow
    (tmp_path / "ipfix").write_bytes(struct.pack(">HHIII", 10, 16 + len(body), 2000000000, 0, 1) + body)
    assert "  options    " + said.format(100) in decode("--explain", str(tmp_path / "ipfix"))


def test_options_of_an_input(tmp_path):
    inner = bytes.fromhex("4500001c 00010000 40110000 c0000201 c0000202 00350400 00080000")
    outer = bytes.fromhex("020000000002 020000000001 0800 45000030 00010000 402f0000 0a000001 0a000002 00000800") + inner
    header = struct.pack(">4I", 1, 66, 4, len(outer)) + outer + bytes(-len(outer) % 4)
    sample = struct.pack(">8I", 1, 3, 512, 0, 0, 3, 4, 1) + struct.pack(">II", 1, len(header)) + header
    path = tmp_path / "one"
    path.write_bytes(struct.pack(">IIIIIIIII", 5, 1, 0x0A0000FE, 0, 1, 1000, 1, 1, len(sample)) + sample)
    flow = json.loads(decode(str(path)))
    assert (flow["SrcAddr"], flow["ExporterAddress"]) == ("10.0.0.1", "10.0.0.254")
    flow = json.loads(decode("--decapsulation-protocol", "gre", "--use-src-addr-for-exporter-addr", str(path)))
    assert (flow["SrcAddr"], flow["Bytes"]) == ("192.0.2.1", 28) and flow["ExporterAddress"] != "10.0.0.254"
    refused = json.loads(decode("--decapsulation-protocol", "vxlan", "--summary", str(path)))
    assert (refused["flows"], refused["rejected"]) == (0, {"not encapsulated": 1})
    status, _, err = command("decode", "--decapsulation-protocol", "none of these", str(path))
    assert status == 2 and "no decapsulation protocol" in err


def test_bounds_of_the_configuration(tmp_path):
    path = ipfix_file(tmp_path, (2, struct.pack(">HHHHHHHH", 256, 3, 8, 4, 12, 4, 1, 4)), (256, bytes(range(1, 13))))
    config = tmp_path / "weir.yaml"
    config.write_text("outlet: {flow: {max-fields: 2}}\n")
    got = json.loads(decode("--config", str(config), "--summary", path))
    assert (got["flows"], got["rejected"]) == (0, {"limit reached": 1, "template not known": 1})


def test_elements_of_the_configuration(tmp_path):
    path = ipfix_file(tmp_path, (2, struct.pack(">HHHHHHI", 256, 2, 8, 4, 0x8064, 4, 99999)),
                      (256, bytes([10, 0, 0, 1]) + b"mine"))
    config = tmp_path / "weir.yaml"
    (tmp_path / "elements.yaml").write_text("- {pen: 99999, id: 100, name: appOfMine, type: string, column: application}\n")
    config.write_text("schema: {enabled: [Application]}\noutlet: {flow: {elements: !include elements.yaml}}\n")
    flow = json.loads(decode("--config", str(config), path))
    assert flow["Application"] == "mine"
    assert "appOfMine" in decode("--config", str(config), "--explain", path)
    (tmp_path / "elements.yaml").write_text("- {pen: 99999, id: 100, type: string, column: Bytes}\n")
    status, _, err = command("decode", "--config", str(config), path)
    assert status == 1 and "column Bytes cannot hold values of type string" in err


def test_the_documentations_elements(tmp_path):
    page = (pathlib.Path(__file__).parents[2] / "doc/decoding.md").read_text()
    config, elements = re.findall(r"```yaml\n(.*?)```", page.split("### Elements of vendors")[1], re.S)[:2]
    (tmp_path / "weir.yaml").write_text(config)
    (tmp_path / "elements.yaml").write_text(elements)
    fields = [(8, 0, b"\x0a\0\0\1"), (100, 12356, b"ssh"), (101, 12356, b"\xab\xcd"), (102, 12356, struct.pack(">i", 61)),
              (103, 12356, b"nl")]
    template = b"".join(struct.pack(">HHI", 0x8000 | n, len(v), pen) if pen else struct.pack(">HH", n, len(v))
                        for n, pen, v in fields)
    path = ipfix_file(tmp_path, (2, struct.pack(">HH", 256, len(fields)) + template), (256, b"".join(v for *_, v in fields)))
    explained = decode("--config", str(tmp_path / "weir.yaml"), "--explain", path)
    flow = json.loads([line for line in explained.splitlines() if line.startswith("{")][0])
    assert (flow["Application"], flow["UserName"], flow["IPTTL"]) == ("ssh", "abcd", 61)
    assert "countryOfServer" in explained and "-> DstCountry" in explained


def test_spread_keeps_sums(tmp_path):
    record = struct.pack(">QQII", 1999999940000, 2000000000000, 12345, 61)
    path = ipfix_file(tmp_path, (2, struct.pack(">HHHHHHHHHH", 256, 4, 152, 8, 153, 8, 1, 4, 2, 4)), (256, record))
    flows = [json.loads(line) for line in decode("--spread", "10", "--timestamp-source", "netflow-packet", path).splitlines()]
    assert [f["TimeReceived"] for f in flows] == [1999999940 + 10 * i for i in range(6)]
    assert sum(f["Bytes"] for f in flows) == 12345
    assert sum(f["Packets"] for f in flows) == 61
    assert max(f["Packets"] for f in flows) - min(f["Packets"] for f in flows) == 1


def netflow5_capture():
    """Two datagrams of two flows each, as tcpdump writes them."""
    flow = struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", b"\x0a\0\0\1", b"\x0a\0\0\2", b"", 1, 2, 3, 400, 1000, 2000, 1024, 443, 0, 16, 6, 0, 0, 0, 0, 0, 0)
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)
    for i in range(2):
        payload = struct.pack("!HHIIIIBBH", 5, 2, 5000, 1800000000, 0, 2 * i, 0, 0, 0) + flow * 2
        packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), i, 0, 64, 17, 0, b"\xc0\0\2\1", b"\xc0\0\2\2")
        packet += struct.pack("!HHHH", 2055, 2055, 8 + len(payload), 0) + payload
        out += struct.pack("<IIII", 1800000000, 0, len(packet), len(packet)) + packet
    return out


def over_tcp(capture):
    return capture.replace(b"\x40\x11", b"\x40\x06")  # time to live and protocol


def test_pipes_and_compressed_files(tmp_path):
    plain, packed = tmp_path / "a.pcap", tmp_path / "a.pcap.gz"
    plain.write_bytes(netflow5_capture())
    packed.write_bytes(gzip.compress(netflow5_capture()))
    _, want, _ = command("decode", "--summary", str(plain))
    assert json.loads(want)["flows"] == 4 and json.loads(want)["bytes"] == 1600
    assert command("decode", "--summary", str(packed))[:2] == (0, want)
    for given in (plain, packed):
        got = subprocess.run([SANITIZED, "decode", "--summary", "-"], input=given.read_bytes(), capture_output=True, timeout=240, check=True)
        assert got.stdout.decode() == want


def test_what_is_no_capture_is_refused(tmp_path):
    bomb = tmp_path / "bomb.gz"
    with gzip.open(bomb, "wb", 1) as f:
        for _ in range(1025):
            f.write(bytes(1 << 20))
    for path, why in ((tmp_path, "is a directory"), (tmp_path / "none", "No such file")):
        status, _, err = command("decode", "--summary", str(path))
        assert status == 1 and why in err
    status, out, err = command("decode", "--summary", str(bomb))
    assert status == 0 and "more than 1 GiB" in err
    assert json.loads(out)["rejected"]["unknown version"] == json.loads(out)["datagrams"] > 0


def test_files_that_cannot_be_used_are_said(tmp_path):
    whole = netflow5_capture()
    section = struct.pack("<IIIIqI", 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, -1, 28)
    for content, name, said in (
            (whole, "good.pcap", ""),
            (whole[:20] + struct.pack("<I", 10) + whole[24:], "fddi.pcap", "link type 10 (FDDI) is not supported (frames: 2)"),
            (over_tcp(whole), "tcp.pcap", "no datagram (frames: 2, of them TCP or SCTP, which are not read: 2)"),
            (b"\x28\xb5\x2f\xfd" + whole, "good.pcap.zst", "it is compressed with zstd"),
            (b"\x0c\xa5\2\0" + bytes(200), "nfcapd.202611300830", "it is a file of nfdump"),
            (whole[:-10], "cut.pcap", "ends in the middle of a record"),
            (whole[:4], "head.pcap", "ends in the middle of a record"),
            (gzip.compress(whole)[:-9], "cut.pcap.gz", "the gzip stream ends early"),
            (gzip.compress(whole)[:60] + bytes(20) + gzip.compress(whole)[80:], "bad.pcap.gz", "the gzip stream is damaged"),
            (b"\x1f\x8b\x00\x00", "head.gz", "the gzip stream"),
            (section + struct.pack("<II", 6, 100), "cut.pcapng", "ends in the middle of a record"),
            (b"hello, this is a text\n", "text.txt", "neither a capture nor a datagram that can be decoded"),
            (bytes(range(7, 90)), "garbage.ipfix", "neither a capture nor a datagram that can be decoded"),
            (whole[:24], "none.pcap", "no datagram (frames: 0)"),
            (b"", "empty.pcap", "the file is empty")):
        path = tmp_path / name
        path.write_bytes(content)
        for more in ((), ("--summary",)):
            status, out, err = command("decode", *more, str(path))
            assert status == 0
            assert err.count("\n") == (1 if said else 0) and said in err and (str(path) in err or not said), (name, err)
            if more:
                frames = 2 if name in ("good.pcap", "fddi.pcap", "tcp.pcap", "cut.pcap") else None
                assert frames in (None, json.loads(out)["capture"]["frames"])
    many = tmp_path / "many.pcap.gz"
    many.write_bytes(gzip.compress(whole[:24] + whole[24:] * 500)[:-8] + bytes(8))  # the sum at its end is wrong
    status, out, err = command("decode", "--summary", str(many))
    assert status == 0 and "the gzip stream is damaged" in err and 900 < json.loads(out)["datagrams"] < 1000
    for name, streams in (("fddi.pcap", 0), ("tcp.pcap", 2)):
        got = json.loads(command("decode", "--summary", str(tmp_path / name))[1])["capture"]
        assert got == {"frames": 2, "other": 2, "streams": streams, "damaged": 0, "incomplete": 0}
