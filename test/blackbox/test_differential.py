"""The same datagrams through weir and two independent decoders (tshark; nfcapd and sfcapd with nfdump): the same flows, addresses,
ports, bytes, packets and times. The datagrams are recorded here from real exporters that look at real traffic."""
import collections
import datetime
import ipaddress
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
import xml.etree.ElementTree

import pytest

from lab import Lab, inside, run, stop, udp_queue, wait_until
from weir import command

pytestmark = pytest.mark.root

# Stream -> why the other has fewer flows (doc/decoding.md).
TSHARK_HAS_FEWER = {"softflowd-9": "the header's count is too low, and tshark believes it"}
NFDUMP_SWAPS_TIMES = {"softflowd-10": "elements 21 and 22 are the wrong way round in its IPFIX"}
INTERFACE_LOCAL = 0x3fffffff  # sFlow's number for the device itself: weir writes 0
NFDUMP_HAS_FEWER = {
    "softflowd-9": "data sets before their template",
    "nfprobe-9": "data sets before their template",
    "nfprobe-10": "data sets before their template",
}
NFDUMP_IS_NO_MEASURE = {"ovs-ipfix": "it takes the exporter's totals (85, 86) for the flow's counts, and seconds for its times"}
PORTS = {name: 2101 + i for i, name in enumerate((
    "softflowd-5", "softflowd-9", "softflowd-10", "nfprobe-9", "nfprobe-10", "fprobe-1", "fprobe-5", "fprobe-7", "sfprobe",
    "ovs-netflow", "ovs-ipfix", "ovs-sflow"))}
SFLOW = ("sfprobe", "ovs-sflow")
NEEDS = {"softflowd": "softflowd", "nfprobe": "pmacctd", "sfprobe": "pmacctd", "fprobe": "fprobe", "ovs": "ovs-vswitchd"}
TIMED = [name for name in PORTS if name not in SFLOW]


def missing(name):
    part = NEEDS[name.split("-")[0]]
    return None if shutil.which(part) else f"{part} is not installed"


# ---- Recording

class Bridge:
    """Open vSwitch between two hosts of its own, in a namespace of its own; exports to loopback there."""

    def __init__(self, lab):
        self.lab, self.namespace = lab, lab.a[:-1] + "o"
        self.folder = os.path.join(lab.folder, "ovs")

    def __enter__(self):
        os.mkdir(self.folder)
        run("ip", "netns", "add", self.namespace)
        run("ip", "-n", self.namespace, "link", "set", "lo", "up")
        for host, name, port, number in ((self.lab.a, "oa", "ve1", 1), (self.lab.b, "ob", "ve2", 2)):
            self.lab._link(host, name, [f"10.91.3.{number}/24"], self.namespace, port, [])
        self.database = f"unix:{self.folder}/db.sock"
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        run("ovsdb-tool", "create", f"{self.folder}/conf.db", schema)
        env = {**os.environ, "OVS_RUNDIR": self.folder, "OVS_LOGDIR": self.folder}
        self.lab.start(self.namespace, "ovsdb", "ovsdb-server", f"{self.folder}/conf.db", f"--remote=p{self.database}",
                       f"--unixctl={self.folder}/db.ctl", env=env)
        wait_until(lambda: os.path.exists(f"{self.folder}/db.sock"), 10, "ovsdb-server did not start")
        self.vsctl("--no-wait", "init")
        self.lab.start(self.namespace, "vswitchd", "ovs-vswitchd", self.database, f"--unixctl={self.folder}/vs.ctl", env=env)
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        self.vsctl("add-port", "br0", "ve1", "--", "add-port", "br0", "ve2")
        self.vsctl("--", "--id=@s", "create", "sflow", "agent=lo", f'target="127.0.0.1:{PORTS["ovs-sflow"]}"', "header=128",
                   "sampling=2", "polling=1", "--", "set", "bridge", "br0", "sflow=@s")
        self.vsctl("--", "--id=@n", "create", "netflow", f'targets="127.0.0.1:{PORTS["ovs-netflow"]}"', "active-timeout=2", "--",
                   "set", "bridge", "br0", "netflow=@n")
        self.vsctl("--", "--id=@i", "create", "ipfix", f'targets="127.0.0.1:{PORTS["ovs-ipfix"]}"', "obs_domain_id=123",
                   "obs_point_id=456", "sampling=1", "cache_active_timeout=2", "cache_max_flows=1000", "--", "set", "bridge",
                   "br0", "ipfix=@i")
        return self

    def vsctl(self, *arguments):
        run("ovs-vsctl", f"--db={self.database}", "--timeout=120", *arguments)

    def traffic(self):
        with inside(self.lab.b):
            sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with inside(self.lab.a):
            out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sink, out:
            sink.bind(("10.91.3.2", 9000))
            out.bind(("10.91.3.1", 9001))
            for i in range(200):
                out.sendto(b"o" * (50 + i), ("10.91.3.2", 9000))
                time.sleep(0.002)

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.namespace], capture_output=True, check=False)


def tcpdump(lab, namespace, interface, path):
    process = lab.start(namespace, "record", "tcpdump", "-i", interface, "-s", "0", "-U", "-w", path, "-B", "16384",
                        f"udp and portrange {min(PORTS.values())}-{max(PORTS.values())}")
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) >= 24, 10, "tcpdump did not start")
    return process


def exporters(lab):
    """Starts all that are installed; returns the processes."""
    def nfprobe(version):
        return lab.pmacctd(f"nfprobe{version}", f"""daemonize: false
pcap_interface: va
promisc: false
plugins: nfprobe[a]
nfprobe_receiver[a]: {lab.collector}:{PORTS[f"nfprobe-{version}"]}
nfprobe_version[a]: {version}
nfprobe_timeouts[a]: tcp=2:tcp.rst=2:tcp.fin=2:udp=2:icmp=2:general=2:maxlife=2:expint=1
aggregate[a]: src_host,dst_host,src_port,dst_port,proto,tos
""")
    started = []
    if not missing("softflowd-5"):
        started += [lab.softflowd(v, PORTS[f"softflowd-{v}"]) for v in (5, 9, 10)]
    if not missing("nfprobe-9"):
        started += [nfprobe(9), nfprobe(10), lab.pmacctd_sflow(10, PORTS["sfprobe"])]
    if not missing("fprobe-5"):
        started += [lab.start(lab.a, f"fprobe-{v}", "fprobe", "-i", "va", "-f", "ip", "-n", str(v), "-e", "2", "-d", "2", "-s", "1",
                              f"{lab.collector}:{PORTS[f'fprobe-{v}']}", "-l", "2", start_new_session=True) for v in (1, 5, 7)]
    return started


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """name -> datagrams of that exporter, in their order."""
    folder = tmp_path_factory.mktemp("differential")
    paths = [str(folder / "c.pcap"), str(folder / "o.pcap")]
    with Lab(folder) as lab:
        recorders = [tcpdump(lab, lab.c, "vc", paths[0])]
        started = exporters(lab)
        bridge = None if missing("ovs-sflow") else Bridge(lab).__enter__()
        try:
            if bridge:
                recorders.append(tcpdump(lab, bridge.namespace, "lo", paths[1]))
                time.sleep(2)
                bridge.traffic()
            lab.udp([(family, 20000 + i, 21000 + i, 40 + 7 * i, 1 + i % 9) for family in (4, 6) for i in range(40)])
            for family in (4, 6):
                lab.tcp(family, 22000, 200_000)
            lab.fill()
            time.sleep(6)
            lab.udp([(4, 23000, 23001, 100, 2000)])
            time.sleep(6)
            for process in started:
                process.send_signal(signal.SIGTERM)
            subprocess.run(["pkill", "-TERM", "--ns", str(started[0].pid), "--nslist", "net", "fprobe"], check=False)
            time.sleep(8)
            for process in recorders:
                stop(process)
        finally:
            if bridge:
                for process in lab.processes:
                    stop(process, 3)
                bridge.__exit__()
    streams = collections.defaultdict(list)
    names = {port: name for name, port in PORTS.items()}
    for path in paths:
        for port, data in udp(path):
            streams[names[port]].append(data)
    return streams


def udp(path):
    """(destination port, payload) of each datagram of a capture of Ethernet."""
    if not os.path.exists(path):
        return
    with open(path, "rb") as f:
        data = f.read()
    at = 24
    while at + 16 <= len(data):
        length, = struct.unpack_from("<I", data, at + 8)
        frame = data[at + 16:at + 16 + length]
        at += 16 + length
        if frame[12:14] == b"\x08\x00" and frame[23] == 17:
            head = 14 + (frame[14] & 15) * 4
            port, size = struct.unpack_from(">HH", frame, head + 2)
            yield port, frame[head + 8:head + size]


def write_pcap(path, datagrams, port):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 0x40000, 101))
        for i, data in enumerate(datagrams):
            head = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(data), i & 0xffff, 0, 64, 17, 0) + bytes([10, 91, 2, 1, 10, 91, 2, 2])
            packet = head + struct.pack(">HHHH", 40000, port, 8 + len(data), 0) + data
            f.write(struct.pack("<IIII", int(time.time()), 0, len(packet), len(packet)) + packet)


# ---- Decoders: each gives a Counter of (source, destination, protocol, source port, destination port, bytes, packets)

def plain(address):
    ip = ipaddress.ip_address(address)
    return str(ip.ipv4_mapped or ip) if ip.version == 6 else str(ip)


def ports(proto, source, target):
    """Only of protocols that have them: NetFlow puts ICMP's type into the port, or not."""
    return (source, target) if proto in (6, 17) else (0, 0)


def by_weir(path):
    status, out, err = command("decode", "--all", path)
    assert status == 0, err
    return [json.loads(line) for line in out.splitlines()]


def flows_of_weir(path):
    return collections.Counter((r["SrcAddr"], r["DstAddr"], r["Proto"], *ports(r["Proto"], r["SrcPort"], r["DstPort"]), r["Bytes"],
                                r["Packets"]) for r in by_weir(path) if r["EType"] in (0x800, 0x86dd))


def pdml(path, port, protocol):
    """Two passes, so that data before their template are decoded as well."""
    done = subprocess.run(["tshark", "-2", "-r", path, "-d", f"udp.port=={port},{protocol}", "-T", "pdml", "-Y", protocol],
                          capture_output=True, text=True, check=True, timeout=480)
    return xml.etree.ElementTree.fromstring(done.stdout)


def first(fields, *names):
    return next((fields[n] for n in names if n in fields), None)


def records_of_tshark(path, port):
    """The fields of each flow record."""
    for node in pdml(path, port, "cflow").iter("field"):
        show = node.get("show") or ""
        if show.startswith(("Flow ", "pdu ")) and not show.startswith("Flow Set"):
            fields = {f.get("name"): f.get("show") for f in node.iter("field") if f.get("name")}
            if first(fields, "cflow.srcaddr", "cflow.srcaddrv6"):
                yield fields


def flows_of_tshark(path, port):
    out = collections.Counter()
    for f in records_of_tshark(path, port):
        proto = int(f["cflow.protocol"])
        out[(plain(first(f, "cflow.srcaddr", "cflow.srcaddrv6")), plain(first(f, "cflow.dstaddr", "cflow.dstaddrv6")), proto,
             *ports(proto, int(f.get("cflow.srcport", 0)), int(f.get("cflow.dstport", 0))),
             int(f.get("cflow.octets", 0)), int(f.get("cflow.packets", 0)))] += 1
    return out


def replay(datagrams, program, folder):
    """What nfcapd or sfcapd makes of the datagrams, as nfdump prints it."""
    folder.mkdir()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([program, "-w", str(folder), "-b", "127.0.0.1", "-p", str(port), "-t", "300", "-B", "4000000"],
                                   stdout=log, stderr=log)
    wait_until(lambda: udp_queue(port) is not None, 10, f"{program} does not listen")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for data in datagrams:
            out.sendto(data, ("127.0.0.1", port))
            time.sleep(0.0005)
    wait_until(lambda: udp_queue(port) == 0, 20, f"{program} does not read")
    time.sleep(0.5)  # what it has read it has not yet decoded
    assert stop(process) in (0, -15)
    rows = []
    for path in sorted(folder.glob("nfcapd.*")):
        done = subprocess.run(["nfdump", "-r", str(path), "-o", "json"], capture_output=True, text=True, check=True,
                              env={**os.environ, "TZ": "UTC"})
        if "No matching flows" not in done.stdout:
            rows += json.loads(done.stdout)
    return rows


def flows_of_nfdump(rows):
    return collections.Counter((
        plain(r.get("src4_addr") or r.get("src6_addr")), plain(r.get("dst4_addr") or r.get("dst6_addr")), r["proto"],
        *ports(r["proto"], r.get("src_port", 0), r.get("dst_port", 0)), r["in_bytes"], r["in_packets"])
        for r in rows if "src4_addr" in r or "src6_addr" in r)


def differences(ours, theirs, name):
    return "\n".join(f"{n} only by {who}: {flow}" for who, more in (("weir", ours - theirs), (name, theirs - ours))
                     for flow, n in sorted(more.items())[:10])


# ---- Tests

@pytest.fixture
def stream(request, recorded, tmp_path):
    name = request.param
    if missing(name):
        pytest.skip(missing(name))
    assert recorded[name], f"nothing came from {name}"
    path = str(tmp_path / f"{name}.pcap")
    write_pcap(path, recorded[name], PORTS[name])
    return name, recorded[name], path


@pytest.mark.parametrize("stream", TIMED, indirect=True)
def test_flows(stream, tmp_path):
    name, datagrams, path = stream
    ours = flows_of_weir(path)
    assert sum(ours.values()) > 0
    theirs = flows_of_tshark(path, PORTS[name])
    if name in TSHARK_HAS_FEWER:
        assert theirs and theirs <= ours, differences(ours, theirs, "tshark")
    else:
        assert ours == theirs, differences(ours, theirs, "tshark")
    if name == "ovs-ipfix":  # its NetFlow leaves out what is still active at the end
        sent = [flow for flow in ours.elements() if flow[:5] == ("10.91.3.1", "10.91.3.2", 17, 9001, 9000)]
        assert (sum(f[5] for f in sent), sum(f[6] for f in sent)) == (35500, 200), "what was sent over the bridge"
    if name in NFDUMP_IS_NO_MEASURE:
        return
    nfdump = flows_of_nfdump(replay(datagrams, "nfcapd", tmp_path / "nfcapd"))
    if name in NFDUMP_HAS_FEWER:
        assert nfdump and nfdump <= ours, differences(ours, nfdump, "nfdump")
    else:
        assert ours == nfdump, differences(ours, nfdump, "nfdump")


def milliseconds(text):
    """A time as nfdump writes it."""
    return round(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)


@pytest.mark.parametrize("stream", [n for n in TIMED if n not in NFDUMP_IS_NO_MEASURE], indirect=True)
def test_times(stream, tmp_path):
    """First and last packet, to the millisecond."""
    name, datagrams, path = stream
    ours = collections.Counter((r["SrcAddr"], r["SrcPort"] if r["Proto"] in (6, 17) else 0, r["FlowStart"], r["FlowEnd"])
                               for r in by_weir(path))
    rows = [r for r in replay(datagrams, "nfcapd", tmp_path / "nfcapd") if "src4_addr" in r or "src6_addr" in r]
    first_last = ("last", "first") if name in NFDUMP_SWAPS_TIMES else ("first", "last")
    nfdump = collections.Counter((plain(r.get("src4_addr") or r.get("src6_addr")), r.get("src_port", 0) if r["proto"] in (6, 17) else 0,
                                  *(milliseconds(r[t]) for t in first_last)) for r in rows)
    assert nfdump and nfdump <= ours, differences(ours, nfdump, "nfdump")


def samples_of_tshark(path, port):
    """(source, destination, protocol, ports, sampling rate, input, output) of each sample with an IP header."""
    out = collections.Counter()
    for node in pdml(path, port, "sflow").iter("field"):
        if "flow sample" not in (node.get("show") or "").lower() or node.get("name"):
            continue
        fields = {}
        for f in node.iter("field"):
            fields.setdefault(f.get("name"), f.get("show"))
        source = first(fields, "ip.src", "ipv6.src")
        if not source:
            continue
        # behind IPv6's extension headers
        proto = 58 if "icmpv6.type" in fields else int(first(fields, "ip.proto", "ipv6.nxt"))
        ends = first(fields, "tcp.srcport", "udp.srcport"), first(fields, "tcp.dstport", "udp.dstport")
        rate = first(fields, "sflow.flow_sample.sampling_rate")
        out[(plain(source), plain(first(fields, "ip.dst", "ipv6.dst")), proto, *ports(proto, *(int(e or 0) for e in ends)),
             int(rate or 0))] += 1
    return out


@pytest.mark.parametrize("stream", SFLOW, indirect=True)
def test_samples(stream):
    name, _, path = stream
    rows = [r for r in by_weir(path) if r["EType"] in (0x800, 0x86dd)]
    ours = collections.Counter((r["SrcAddr"], r["DstAddr"], r["Proto"], *ports(r["Proto"], r["SrcPort"], r["DstPort"]),
                                r["SamplingRate"]) for r in rows)
    theirs = samples_of_tshark(path, PORTS[name])
    assert sum(ours.values()) > 20
    assert ours == theirs, differences(ours, theirs, "tshark")


@pytest.mark.parametrize("stream", SFLOW, indirect=True)
@pytest.mark.skipif(not shutil.which("sfcapd"), reason="sfcapd is not installed")
def test_samples_by_sfcapd(stream, tmp_path):
    name, datagrams, path = stream
    rows = [r for r in by_weir(path) if r["Proto"] in (6, 17)]
    ours = collections.Counter((r["SrcAddr"], r["DstAddr"], r["Proto"], r["SrcPort"], r["DstPort"], r["InIfIndex"], r["OutIfIndex"])
                               for r in rows)
    theirs = collections.Counter((plain(r.get("src4_addr") or r.get("src6_addr")), plain(r.get("dst4_addr") or r.get("dst6_addr")),
                                  r["proto"], r["src_port"], r["dst_port"],
                                  *(r.get(i, 0) % INTERFACE_LOCAL for i in ("input_snmp", "output_snmp")))
                                 for r in replay(datagrams, "sfcapd", tmp_path / "sfcapd") if r["proto"] in (6, 17))
    assert ours == theirs, differences(ours, theirs, "sfcapd")
