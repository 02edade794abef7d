"""A small network for the tests: namespaces, counted traffic, real exporters.

    host a --va--vb-- host b         traffic of known size; exporters look at va
      |
     vx--vc-- collector c            exporters send here; weir runs here, with its default ports

Everything has a unique name and is removed at the end; only what a Lab made is touched. Needs root.
"""
import contextlib
import ctypes
import ipaddress
import os
import signal
import socket
import struct
import subprocess
import time
from collections import defaultdict

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(namespace):
    """Sockets and processes made in this block belong to the namespace; they stay there afterwards."""
    with open("/proc/self/ns/net") as here, open(f"/run/netns/{namespace}") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        try:
            yield
        finally:
            libc.setns(here.fileno(), CLONE_NEWNET)


def run(*command):
    subprocess.run(command, check=True, capture_output=True, text=True)


PATIENCE = 4  # how much slower than a quiet machine a busy one may be


def wait_until(condition, seconds, what):
    """
    Polls until condition() is true and returns its value; fails the test with `what` when a machine that is PATIENCE times
    slower than one on which it takes `seconds` would have been done. A test that passes does not take longer for it.
    """
    seconds *= PATIENCE
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what() if callable(what) else what}"
        time.sleep(0.1)


def udp_queue(port):
    """Bytes that wait in the UDP sockets of a port of this network; None when there are none."""
    with open("/proc/thread-self/net/udp", encoding="ascii") as f:
        queues = [int(line.split()[4].split(":")[1], 16) for line in f if line.split()[1].endswith(f":{port:04X}")]
    return sum(queues) if queues else None


def stop(process, seconds=15, number=signal.SIGTERM):
    """The signal, then SIGKILL when it takes longer than wait_until() would wait; returns the exit status."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


class Lab:
    A4, B4, A6, B6 = "10.91.1.1", "10.91.1.2", "fd91:1::1", "fd91:1::2"
    X4, C4, X6, C6 = "10.91.2.1", "10.91.2.2", "fd91:2::1", "fd91:2::2"

    def __init__(self, folder, ipv6_only=False):
        self.folder = str(folder)
        self.ipv6_only = ipv6_only  # between exporter and collector
        tag = f"w{os.getpid() % 100000}"
        self.a, self.b, self.c = f"{tag}a", f"{tag}b", f"{tag}c"
        self.processes = []
        self.captures = []

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _build(self):
        for namespace in (self.a, self.b, self.c):
            run("ip", "netns", "add", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        self._link(self.a, "va", [self.A4 + "/24", self.A6 + "/64"], self.b, "vb", [self.B4 + "/24", self.B6 + "/64"])
        left, right = [self.X6 + "/64"], [self.C6 + "/64"]
        if not self.ipv6_only:
            left.append(self.X4 + "/24")
            right.append(self.C4 + "/24")
        self._link(self.a, "vx", left, self.c, "vc", right)

    @staticmethod
    def _link(left, left_name, left_addresses, right, right_name, right_addresses):
        # Made inside the namespace: its names cannot meet those of the machine.
        run("ip", "-n", left, "link", "add", left_name, "type", "veth", "peer", "name", right_name, "netns", right)
        for namespace, name, addresses in ((left, left_name, left_addresses), (right, right_name, right_addresses)):
            for address in addresses:
                run("ip", "-n", namespace, "addr", "add", address, "dev", name, *(["nodad"] if ":" in address else []))
            run("ip", "-n", namespace, "link", "set", name, "up")

    def close(self):
        for process in reversed(self.processes):
            stop(process, 5)
        for namespace in (self.a, self.b, self.c):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)

    def start(self, namespace, name, *command, **options):
        """A process in the namespace; its output goes to NAME.log in the folder."""
        log = open(os.path.join(self.folder, name + ".log"), "ab")
        with inside(namespace):
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
        log.close()
        self.processes.append(process)
        return process

    @property
    def collector(self):
        return self.C6 if self.ipv6_only else self.C4

    @property
    def exporter(self):
        """The address that the collector sees datagrams come from."""
        return self.X6 if self.ipv6_only else self.X4

    # ---- Exporters, all looking at va

    def watch(self, namespace, name, *command, **options):
        """A process that captures traffic, from the moment on in which it does: it says nothing of it, the kernel does."""
        def sockets():
            with inside(namespace), open("/proc/thread-self/net/packet", encoding="ascii") as f:
                return len(f.readlines())
        before = sockets()
        process = self.start(namespace, name, *command, **options)
        wait_until(lambda: sockets() > before or process.poll() is not None, 10, f"{name} captures nothing")
        assert process.poll() is None, f"{name} ended; see {name}.log"
        return process

    def softflowd(self, version, port=2055):
        target = f"[{self.collector}]:{port}" if ":" in self.collector else f"{self.collector}:{port}"
        base = os.path.join(self.folder, f"softflowd-{version}")
        process = self.start(self.a, f"softflowd-{version}", "softflowd", "-i", "va", "-d", "-6", "-v", str(version),
                             "-n", target, "-p", base + ".pid", "-c", base + ".ctl",
                             *(a for t in ("maxlife=3", "expint=1", "general=2", "udp=2", "tcp=2", "tcp.fin=2", "tcp.rst=2")
                               for a in ("-t", t)))
        wait_until(lambda: os.path.exists(base + ".ctl"), 5, "softflowd did not start")
        return process

    def pmacctd(self, name, text):
        path = os.path.join(self.folder, name + ".conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return self.watch(self.a, name, "pmacctd", "-f", path, start_new_session=True)

    def pmacctd_ipfix(self, port=4739):
        target = f"[{self.collector}]:{port}" if ":" in self.collector else f"{self.collector}:{port}"
        return self.pmacctd("nfprobe", f"""daemonize: false
pcap_interface: va
promisc: false
plugins: nfprobe[a]
nfprobe_receiver[a]: {target}
nfprobe_version[a]: 10
nfprobe_timeouts[a]: tcp=2:tcp.rst=2:tcp.fin=2:udp=2:icmp=2:general=2:maxlife=2:expint=1
aggregate[a]: src_host,dst_host,src_port,dst_port,proto,tos
""")

    AGENT4, AGENT6 = "198.51.100.88", "2001:db8:1:e601::88"

    @property
    def agent(self):
        return self.AGENT6 if self.ipv6_only else self.AGENT4

    def pmacctd_sflow(self, rate, port=6343):
        """The configuration of a host that exports by sfprobe; its agent address is not where its packets come from.

        The map has no directions: pmacctd 1.7.7 takes the first line's for both lines of an interface, and counts twice.
        """
        interfaces = os.path.join(self.folder, "interfaces.map")
        with open(interfaces, "w", encoding="utf-8") as f:
            f.write("ifindex=3 ifname=va\n")
        target = f"[{self.collector}]:{port}" if ":" in self.collector else f"{self.collector}:{port}"
        return self.pmacctd("sfprobe", f"""daemonize: false
plugins: sfprobe[any]
sfprobe_receiver: {target}
sfprobe_agentip: {self.agent}
aggregate: src_host,dst_host,in_iface,out_iface,src_port,dst_port,proto
pcap_ifindex: map
pcap_interfaces_map: {interfaces}
pcap_interface_wait: true
sfprobe_agentsubid: 1402
sampling_rate: {rate}
snaplen: 128
""")

    # ---- Traffic from a to b, and what of it was on the wire

    def udp(self, flows):
        """flows: (family, source port, destination port, payload bytes, packets). Returns {key: [bytes, packets]}."""
        sent = defaultdict(lambda: [0, 0])
        for family, sport, dport, size, packets in flows:
            v6 = family == 6
            source, target = (self.A6, self.B6) if v6 else (self.A4, self.B4)
            kind = socket.AF_INET6 if v6 else socket.AF_INET
            with inside(self.b):
                sink = socket.socket(kind, socket.SOCK_DGRAM)  # so that nobody answers with ICMP
            with inside(self.a):
                out = socket.socket(kind, socket.SOCK_DGRAM)
            with sink, out:
                sink.bind((target, dport))
                out.bind((source, sport))
                out.connect((target, dport))
                for n in range(packets):
                    out.send(b"w" * size)
                    if n % 64 == 63:
                        time.sleep(0.001)
            total = sent[(source, target, 17, sport, dport)]
            total[0] += packets * (size + 8 + (40 if v6 else 20))
            total[1] += packets
        return dict(sent)

    def fill(self):
        """Traffic that is not measured: softflowd sees packets only by whole blocks of some 2,300."""
        self.udp([(4, 9, 9, 100, 3000)])

    def tcp(self, family, port, size):
        """Sends size bytes from a to b; packets both ways are in the capture."""
        kind = socket.AF_INET6 if family == 6 else socket.AF_INET
        target = self.B6 if family == 6 else self.B4
        with inside(self.b):
            server = socket.create_server((target, port), family=kind)
        with inside(self.a):
            client = socket.socket(kind, socket.SOCK_STREAM)
        with server, client:
            client.connect((target, port))
            peer, _ = server.accept()
            with peer:
                left = size
                while left:
                    n = min(left, 16384)
                    client.sendall(b"t" * n)
                    got = 0
                    while got < n:
                        got += len(peer.recv(65536))
                    left -= n

    @contextlib.contextmanager
    def capture(self):
        """Yields a function that gives what was on va since, by 5-tuple: {key: [IP bytes, packets]}."""
        path = os.path.join(self.folder, f"va-{len(self.captures)}.pcap")
        self.captures.append(path)
        process = self.watch(self.a, "tcpdump", "tcpdump", "-i", "va", "-s", "128", "-U", "-w", path, "-B", "16384",
                             "udp or tcp")
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) >= 24, 10, "tcpdump writes nothing")

        def seen():
            (last,) = self.udp([(4, 10, 10, 20, 1)])  # what was sent before it comes before it
            wait_until(lambda: last in read_pcap(path), 20, "the capture stands still")
            stop(process)
            return read_pcap(path)
        try:
            yield seen
        finally:
            stop(process)


def read_pcap(path):
    """Bytes (of the IP packet) and packets by (source, destination, protocol, source port, destination port)."""
    flows = defaultdict(lambda: [0, 0])
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    position = 24
    while position + 16 <= len(data):
        length, = struct.unpack_from(order + "I", data, position + 8)
        frame = data[position + 16:position + 16 + length]
        position += 16 + length
        kind, = struct.unpack_from(">H", frame, 12)
        if kind == 0x0800:
            header = (frame[14] & 15) * 4
            size, proto = struct.unpack_from(">H", frame, 16)[0], frame[23]
            addresses, ports = frame[26:34], 14 + header
        elif kind == 0x86DD:
            size, proto = struct.unpack_from(">H", frame, 18)[0] + 40, frame[20]
            addresses, ports = frame[22:54], 54
        else:
            continue
        half = len(addresses) // 2
        source, target = (str(ipaddress.ip_address(addresses[i:i + half])) for i in (0, half))
        total = flows[(source, target, proto, *struct.unpack_from(">HH", frame, ports))]
        total[0] += size
        total[1] += 1
    return dict(flows)
