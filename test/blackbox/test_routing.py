"""Real BGP speakers send their routes over BMP: gobgpd and FRR, with neighbours that announce, withdraw and vanish."""
import json
import os
import socket
import struct
import subprocess
import time

import pytest

from lab import Lab, inside, stop, wait_until
from weir import Weir, configuration, udp_input

pytestmark = pytest.mark.root

ROUTER_AS, NEIGHBOUR_AS = 65000, 65001
GOBGP_A, GOBGP_B = 50061, 50062


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A router in a, its neighbour in b, weir in c."""
    folder = tmp_path_factory.mktemp("routing")
    with Lab(folder) as lab:
        outlet = {"routing": {"provider": {"type": "bmp", "listen": ":10179", "keep": "1m"}},
                  "metadata": {"providers": [{"type": "static", "exporters": {"::/0": {
                      "name": "edge", "default": {"name": "unknown", "speed": 1000}}}}]}}
        conf = configuration(inputs=[udp_input(":2055")], outlet={
            **configuration()["outlet"], **outlet}, schema={"enabled": ["NextHop", "SrcCommunities"]})
        with Weir(folder, conf, lab.c) as weir:
            yield lab, weir


def routing(weir):
    return json.loads(weir.get("/api/v0/outlet/routing", "outlet")[2])


def routes(weir, of=None, **wanted):
    """Routes of the RIBs that fit, of one router or of all."""
    return sum(rib["routes"] for router in routing(weir)["routers"] if of in (None, router["address"]) for rib in router["ribs"]
               if all(rib.get(key) == value for key, value in wanted.items()))


def wait_routes(weir, number, seconds=40, **wanted):
    wait_until(lambda: routes(weir, **wanted) == number, seconds,
               lambda: f"{number} routes of {wanted}: {json.dumps(routing(weir))}\n{weir.log()[-2000:]}")


# ---- Speakers

def gobgpd(lab, namespace, name, text, api):
    path = os.path.join(lab.folder, name + ".toml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return lab.start(namespace, name, "gobgpd", "-f", path, "--api-hosts", f"127.0.0.1:{api}", "--pprof-disable")


def gobgp(namespace, api, *arguments):
    with inside(namespace):
        return subprocess.run(["gobgp", "-p", str(api), *arguments], capture_output=True, text=True, check=False, timeout=120)


def announce(namespace, api, *arguments):
    """Retried until the daemon answers."""
    seen = []

    def done():
        seen[:] = [gobgp(namespace, api, "global", "rib", "add", *arguments)]
        return seen[0].returncode == 0
    wait_until(done, 20, lambda: f"gobgp {arguments}: {seen}")


def neighbour(lab):
    return gobgpd(lab, lab.b, "neighbour", f"""
[global.config]
  as = {NEIGHBOUR_AS}
  router-id = "{lab.B4}"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{lab.A4}"
    peer-as = {ROUTER_AS}
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
    hold-time = 6
    keepalive-interval = 2
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "l3vpn-ipv4-unicast"
""", GOBGP_B)


def router_gobgpd(lab):
    return gobgpd(lab, lab.a, "router", f"""
[global.config]
  as = {ROUTER_AS}
  router-id = "{lab.X4}"
[[bmp-servers]]
  [bmp-servers.config]
    address = "{lab.C4}"
    port = 10179
    route-monitoring-policy = "pre-policy"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{lab.B4}"
    peer-as = {NEIGHBOUR_AS}
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
    hold-time = 6
    keepalive-interval = 2
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "l3vpn-ipv4-unicast"
""", GOBGP_A)


def router_frr(lab):
    """Its BMP session is one of IPv6, its flows are of IPv4: its BGP identifier says that they are one router's."""
    path = os.path.join(lab.folder, "bgpd.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"""
router bgp {ROUTER_AS}
 bgp router-id {lab.X4}
 no bgp ebgp-requires-policy
 timers bgp 2 6
 neighbor {lab.B4} remote-as {NEIGHBOUR_AS}
 neighbor {lab.B4} timers connect 1
 address-family ipv4 unicast
  neighbor {lab.B4} soft-reconfiguration inbound
 exit-address-family
 bmp targets weir
  bmp stats interval 1000
  bmp monitor ipv4 unicast pre-policy
  bmp monitor ipv4 unicast post-policy
  bmp connect {lab.C6} port 10179 min-retry 200 max-retry 1000
 exit
exit
""")
    os.chmod(path, 0o644)
    state = os.path.join(lab.folder, "frr")
    os.makedirs(state, exist_ok=True)
    return lab.start(lab.a, "bgpd", "/usr/lib/frr/bgpd", "-n", "-Z", "-S", "-M", "bmp", "-f", path, "-P", "0",
                     "-i", os.path.join(state, "bgpd.pid"), "--vty_socket", state)


class Session:
    """BMP by hand, from the router's address: what the daemons at hand do not send. One Loc-RIB (RFC 9069) per VRF."""
    def __init__(self, lab):
        with inside(lab.a):
            self.socket = socket.create_connection((lab.C4, 10179), timeout=60, source_address=(lab.X4, 0))
        self.message(4, struct.pack("!HH", 2, 4) + b"hand")

    def message(self, kind, body):
        self.socket.sendall(struct.pack("!BIB", 3, 6 + len(body), kind) + body)

    @staticmethod
    def peer(rd):
        return struct.pack("!BBQ16sI4sII", 3, 0, rd, bytes(16), ROUTER_AS, bytes(4), 0, 0)

    @staticmethod
    def bgp(kind, body):
        return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body

    def vrf(self, rd, name, prefix, origin):
        hello = self.bgp(1, struct.pack("!BHH4sB", 4, ROUTER_AS, 180, bytes(4), 8) + b"\x02\x06\x41\x04" + struct.pack("!I", ROUTER_AS))
        self.message(3, self.peer(rd) + bytes(20) + hello * 2 + struct.pack("!HH", 3, len(name)) + name.encode())
        attributes = (b"\x40\x01\x01\0" + struct.pack("!BBBBBI", 0x40, 2, 6, 2, 1, origin)
                      + b"\x40\x03\x04" + socket.inet_aton("192.0.2.1"))
        self.message(0, self.peer(rd) + self.bgp(2, struct.pack("!HH", 0, len(attributes)) + attributes
                                                 + bytes([24]) + socket.inet_aton(prefix)[:3]))


def end(lab, process):
    stop(process)
    lab.processes.remove(process)


# ---- Flows

def send_flow(lab, destination, source="203.0.113.9", next_hop="0.0.0.0"):
    """One NetFlow v5 record from the router's own address."""
    header = struct.pack("!HHIIIIBBH", 5, 1, 100000, int(time.time()), 0, 0, 0, 0, 0)
    record = struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", socket.inet_aton(source), socket.inet_aton(destination),
                         socket.inet_aton(next_hop), 1, 2, 10, 1000, 99000, 99500, 443, 50000, 0, 0, 6, 0, 0, 0, 0, 0, 0)
    with inside(lab.a):
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with out:
        out.bind((lab.X4, 0))
        out.sendto(header + record, (lab.C4, 2055))


def flow_of(lab, weir, destination, **options):
    send_flow(lab, destination, **options)
    rows = weir.wait_sql(f"""
        SELECT DstAS, DstNetMask, DstASPath, Dst1stAS, Dst2ndAS, DstCommunities, replaceOne(toString(NextHop), '::ffff:', ''), SrcAS
        FROM flows WHERE DstAddr = toIPv6('{destination}') ORDER BY TimeReceived DESC LIMIT 1""",
                         lambda got: len(got) == 1, 60)
    return rows[0]


def send_vrf_flow(lab, destination, vrf):
    """IPFIX with the name of the VRF (element 236)."""
    fields = [(8, 4), (12, 4), (1, 4), (2, 4), (10, 4), (14, 4), (236, 8)]
    template = struct.pack("!HH", 256, len(fields)) + b"".join(struct.pack("!HH", *field) for field in fields)
    record = struct.pack("!4s4sIIII8s", socket.inet_aton("203.0.113.9"), socket.inet_aton(destination), 1000, 10, 1, 2, vrf.encode())
    sets = struct.pack("!HH", 2, 4 + len(template)) + template + struct.pack("!HH", 256, 4 + len(record)) + record
    with inside(lab.a):
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with out:
        out.bind((lab.X4, 0))
        out.sendto(struct.pack("!HHIII", 10, 16 + len(sets), int(time.time()), 0, 7) + sets, (lab.C4, 2055))


# ---- Tests

@pytest.mark.parametrize("router", [router_frr, router_gobgpd], ids=["FRR over IPv6", "gobgpd"])
def test_routes_come_go_and_complete_flows(site, router):
    lab, weir = site
    number = 10 if router is router_gobgpd else 20
    kinds = ["adj-rib-in-pre"] + (["adj-rib-in-post"] if router is router_frr else [])
    address = lab.X6 if router is router_frr else lab.X4  # the routes of the one before stay for a while
    other, this = neighbour(lab), router(lab)
    try:
        announce(lab.b, GOBGP_B, f"198.51.{number}.0/24", "aspath", "65010,65020", "community", "65001:100,65001:200")
        announce(lab.b, GOBGP_B, "203.0.113.0/25", "aspath", "65030")
        for kind in kinds:
            wait_routes(weir, 2, of=address, rib=kind)
        assert flow_of(lab, weir, f"198.51.{number}.7") == [
            65020, 24, [65001, 65010, 65020], 65001, 65010, [65001 << 16 | 100, 65001 << 16 | 200], lab.B4, 65030]
        assert [r["address"] for r in routing(weir)["routers"] if r["connected"]] == [address]
        # a withdrawal
        gobgp(lab.b, GOBGP_B, "global", "rib", "del", "203.0.113.0/25")
        for kind in kinds:
            wait_routes(weir, 1, of=address, rib=kind)
        assert flow_of(lab, weir, f"198.51.{number}.8")[7] == 0
        # the neighbour vanishes: its routes with it, the router's session stays
        end(lab, other)
        wait_routes(weir, 0, of=address)
        assert any(r["connected"] for r in routing(weir)["routers"])
        other = neighbour(lab)
        announce(lab.b, GOBGP_B, f"198.51.{number}.0/24", "aspath", "65040")
        wait_routes(weir, 1, of=address, rib=kinds[0])
        assert flow_of(lab, weir, f"198.51.{number}.9")[0] == 65040
        # the router vanishes: its routes stay for a while, also over the outlet's death
        end(lab, this)
        wait_until(lambda: not any(r["connected"] for r in routing(weir)["routers"]), 20, "still connected")
        assert flow_of(lab, weir, f"198.51.{number}.10")[0] == 65040
        # and are there but once when it is back
        this = router(lab)
        wait_until(lambda: any(r["connected"] for r in routing(weir)["routers"]), 30, "not connected")
        wait_routes(weir, 1, of=address, rib=kinds[0], up=True)
    finally:
        for process in (other, this):
            end(lab, process)
        wait_until(lambda: not any(r["connected"] for r in routing(weir)["routers"]), 20, "still connected")


def test_vpn_routes_have_their_rd(site):
    lab, weir = site
    other, this = neighbour(lab), router_gobgpd(lab)
    try:
        for vrf in (1, 2):
            announce(lab.b, GOBGP_B, "-a", "vpnv4", "10.20.0.0/16", "label", str(10 + vrf), "rd", f"65000:{vrf}",
                     "rt", f"65000:{vrf}", "aspath", str(65100 + vrf))
        wait_routes(weir, 2, family="vpn", up=True)
        # no VRF is known of this flow: any route is better than none
        assert flow_of(lab, weir, "10.20.0.1")[0] in (65101, 65102)
    finally:
        end(lab, other)
        end(lab, this)


def test_what_the_documentation_says_of_gobgp(site):
    """Its Loc-RIB, which no peer-up message announces."""
    lab, weir = site
    this = gobgpd(lab, lab.a, "local", f"""
[global.config]
  as = {ROUTER_AS}
  router-id = "{lab.X4}"
[[bmp-servers]]
  [bmp-servers.config]
    address = "{lab.C4}"
    port = 10179
    route-monitoring-policy = "local-rib"
""", GOBGP_A)
    try:
        announce(lab.a, GOBGP_A, "10.40.0.0/16", "aspath", "65301,65302", "nexthop", lab.B4)
        announce(lab.a, GOBGP_A, "10.41.0.0/16", "nexthop", lab.B4)  # its own
        wait_routes(weir, 2, rib="loc-rib", up=True)
        assert flow_of(lab, weir, "10.40.0.1")[:4] == [65302, 16, [65301, 65302], 65301]
        assert flow_of(lab, weir, "10.41.0.1")[:4] == [ROUTER_AS, 16, [], 0]
    finally:
        end(lab, this)
    wait_until(lambda: not any(r["connected"] for r in routing(weir)["routers"]), 20, "still connected")


def test_a_vrf_is_known_by_its_name(site):
    lab, weir = site
    session = Session(lab)
    with session.socket:
        for number, name in enumerate(("red", "blue"), 1):
            session.vrf(ROUTER_AS << 32 | number, name, "10.30.0.0", 65200 + number)
        wait_until(lambda: [vrf["name"] for router in routing(weir)["routers"] for vrf in router["vrfs"]] == ["red", "blue"],
                   20, lambda: json.dumps(routing(weir)))
        wait_routes(weir, 2, rib="loc-rib", up=True)
        for host, name in enumerate(("blue", "red", "blue"), 1):
            send_vrf_flow(lab, f"10.30.0.{host}", name)
        rows = weir.wait_sql("SELECT DstAS FROM flows WHERE DstAddr BETWEEN toIPv6('10.30.0.1') AND toIPv6('10.30.0.3') ORDER BY DstAddr",
                             lambda got: len(got) == 3, 60)
        assert [row[0] for row in rows] == [65202, 65201, 65202]
    wait_until(lambda: not any(r["connected"] for r in routing(weir)["routers"]), 20, "still connected")


def test_routes_outlast_the_outlet(site):
    lab, weir = site
    other, this = neighbour(lab), router_gobgpd(lab)
    try:
        announce(lab.b, GOBGP_B, "192.0.2.0/24", "aspath", "65077")
        wait_until(lambda: flow_of(lab, weir, "192.0.2.1")[0] == 65077, 40, "no route")
    finally:
        end(lab, this)
        end(lab, other)
    pid = weir.pids()["outlet"]
    os.kill(pid, 15)  # `run` starts it again
    wait_until(lambda: weir.pids().get("outlet") not in (None, pid), 30, "the outlet is not back")
    weir.wait_ready()
    assert not any(r["connected"] for r in routing(weir)["routers"])
    assert flow_of(lab, weir, "192.0.2.2")[0] == 65077
