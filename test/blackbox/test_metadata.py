"""Names of exporters and interfaces: over SNMP from a real agent, in all its versions, kept over restarts."""
import contextlib
import http.server
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from lab import inside, run, stop, wait_until
from weir import Weir, configuration, udp_input

pytestmark = pytest.mark.root

# As the recipe for flows from hosts has it: an agent on both families, version 2c and version 3.
SNMPD = """
agentAddress udp:161,udp6:[::]:161
sysName host1.example.net
createUser snmpv3user-changeme MD5 snmpv3MD5-changeme AES snmpv3encAES-changeme
rwuser snmpv3user-changeme priv 1.3.6.1.2.1
createUser sha SHA authpass12 DES privpass12
rouser sha authPriv
createUser sha224 SHA-224 authpass12 AES privpass12
rouser sha224 authPriv
createUser sha256 SHA-256 authpass12 AES privpass12
rouser sha256 authPriv
createUser sha384 SHA-384 authpass12 AES-192 privpass12
rouser sha384 authPriv
createUser sha512 SHA-512 authpass12 AES-256 privpass12
rouser sha512 authPriv
createUser sha384c SHA-384 authpass12 AES-192-C privpass12
rouser sha384c authPriv
createUser sha1c SHA authpass12 AES-256-C privpass12
rouser sha1c authPriv
createUser authonly SHA-256 authpass12
rouser authonly authNoPriv
rocommunity hostSNMPv2-changeme default
rocommunity6 hostSNMPv2-changeme default
"""


def user(name, auth, priv="none", secret="authpass12", key="privpass12"):
    out = {"user-name": name, "authentication-protocol": auth, "authentication-passphrase": secret}
    return {**out, "privacy-protocol": priv, "privacy-passphrase": key} if priv != "none" else out


GOOD = {
    "127.0.20.1": {"communities": ["hostSNMPv2-changeme"]},
    "127.0.20.2": {"communities": ["wrong", "hostSNMPv2-changeme"]},
    "127.0.20.3": {"communities": ["hostSNMPv2-changeme"], "version": "1"},
    "127.0.20.4": user("snmpv3user-changeme", "MD5", "AES", "snmpv3MD5-changeme", "snmpv3encAES-changeme"),
    "127.0.20.5": user("sha", "SHA", "DES"),
    "127.0.20.6": user("sha224", "SHA224", "AES"),
    "127.0.20.7": user("sha256", "SHA256", "AES"),
    "127.0.20.8": user("sha384", "SHA384", "AES192"),
    "127.0.20.9": user("sha512", "SHA512", "AES256"),
    "127.0.20.10": user("sha384c", "SHA384", "AES192-C"),
    "127.0.20.11": user("sha1c", "SHA", "AES256-C"),
    "127.0.20.12": user("authonly", "SHA256"),
    "fd90::1": {"communities": ["hostSNMPv2-changeme"]},
    "fd90::2": user("snmpv3user-changeme", "MD5", "AES", "snmpv3MD5-changeme", "snmpv3encAES-changeme"),
    "fd90::3": user("sha512", "SHA512", "AES256"),
}
BAD = {
    "127.0.21.1": {"communities": ["wrong"]},
    "127.0.21.2": user("sha256", "SHA256", "AES", "wrongpass1"),
    "127.0.21.3": user("sha256", "SHA256", "AES", "authpass12", "wrongpass2"),
    "127.0.21.4": user("nobody", "SHA256", "AES"),
}


def datagram(ingress, egress, number):
    record = struct.pack(">4s4sIHHIIIIHHBBBBHHBBH", socket.inet_aton("192.0.2.1"), socket.inet_aton("198.51.100.1"), 0,
                         ingress, egress, 10, 1000, 999000, 999900, 1024, 443, 0, 0, 6, 0, 64500, 64501, 24, 24, 0)
    return struct.pack(">HHIIIIBBH", 5, 1, 1000000, int(time.time()), 0, number, 0, 0, 0) + record


def send(namespace, exporters, ingress=1, egress=77, port=2055):
    """One flow from each exporter."""
    for exporter in exporters:
        v6 = ":" in exporter
        with inside(namespace):
            out = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
        with out:
            out.bind((exporter, 0))
            out.sendto(datagram(ingress, egress, 0), ("::1" if v6 else "127.0.0.1", port))


def names(w, where="1"):
    """Exporter -> (name, interface's name) of its newest flow."""
    rows = w.sql("SELECT replaceOne(toString(ExporterAddress), '::ffff:', ''), argMax(ExporterName, TimeReceived), "
                 f"argMax(InIfName, TimeReceived) FROM flows WHERE {where} GROUP BY 1")
    return {row[0]: (row[1], row[2]) for row in rows}


@pytest.fixture(scope="module")
def agent(namespace, folder):
    """snmpd on port 161 of the namespace; every address of its loopback is its own."""
    for i in (1, 2, 3):
        run("ip", "-n", namespace, "addr", "add", f"fd90::{i}/128", "dev", "lo", "nodad")
    conf = os.path.join(folder, "snmpd.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(SNMPD)
    with inside(namespace):
        process = subprocess.Popen(
            ["snmpd", "-f", "-Lf", os.path.join(folder, "snmpd.log"), "-C", "-c", conf, "-I", "-smux", "-p",
             os.path.join(folder, "snmpd.pid")], stdin=subprocess.DEVNULL,
            env={**os.environ, "SNMP_PERSISTENT_DIR": os.path.join(folder, "snmpd"), "MIBS": ""})
    yield process
    stop(process)


def metadata_conf(**more):
    provider = {"type": "snmp", "poller-timeout": "500ms",
                "credentials": {**GOOD, **BAD, "::/0": {"communities": ["public"]}}}
    return {"http": {"listen": "127.0.0.1:8083"}, "metadata": {"providers": [provider], **more}}


def test_all_credentials(namespace, folder, agent):
    conf = configuration(inputs=[udp_input("127.0.0.1:2055"), udp_input("[::1]:2055")], outlet=metadata_conf())
    everyone = [*GOOD, *BAD]
    with Weir(folder, conf, namespace) as w:
        send(namespace, everyone)
        # stored at once, under the index
        w.wait_sql("SELECT uniq(ExporterAddress) FROM flows", lambda r: r[0][0] == len(everyone), 20)
        assert set(names(w).values()) == {("", "1")}

        def all_named():
            send(namespace, everyone)
            time.sleep(1)
            seen = names(w)
            return all(seen[x] == ("host1.example.net", "lo") for x in GOOD)
        wait_until(all_named, 60, lambda: f"{names(w)}\n{w.log()[-4000:]}")
        seen = names(w)
        assert all(seen[x] == ("", "1") for x in BAD)
        # an interface that the agent does not have stays a number
        assert w.sql("SELECT DISTINCT OutIfName FROM flows") == [["77"]]

        # what is known outlives a crash: the first flow after it has its name, though no agent answers any more
        cache, known = os.path.join(w.data, "metadata.cache"), time.time()
        wait_until(lambda: os.path.exists(cache) and os.path.getmtime(cache) > known, 20, "no file of names")
        agent.send_signal(signal.SIGSTOP)
        try:
            start = w.sql("SELECT now()")[0][0]
            old = w.pids()["outlet"]
            w.kill("outlet")
            wait_until(lambda: w.pids().get("outlet", old) != old, 20, "outlet is not started again")
            time.sleep(1)
            send(namespace, GOOD)
            w.wait_sql(f"SELECT count() FROM flows WHERE TimeReceived > '{start}'", lambda r: r[0][0] >= len(GOOD), 20)
            assert names(w, f"TimeReceived > '{start}'") == {x: ("host1.example.net", "lo") for x in GOOD}
        finally:
            agent.send_signal(signal.SIGCONT)


# ---- a fleet

MANNERS = {"good": 200, "slow": 20, "nobulk": 10, "one": 10, "endless": 5, "backwards": 5,  # in the end they are understood
           "silent": 25, "liar": 10, "malformed": 10}                                      # these are not
UNDERSTOOD = ("good", "slow", "nobulk", "one")


def fleet_of(counts):
    specs = []
    for manner, count in counts.items():
        for _ in range(count):
            i = len(specs)
            specs.append({"address": f"127.30.{i // 200}.{i % 200 + 1}", "port": 1161, "manner": manner, "name": f"r{i}",
                          "community": "left" if i // 200 == 0 else "right",
                          "interfaces": {"1": [f"xe-{i}", "ten", "Transit: Orl\xe9ans", 10000],
                                         "2000000": ["lo0", "loopback", "", 0],
                                         **{str(k): [f"ge-{i}/{k}", "gig", f"customer {k}", 1000] for k in range(10, 40)}}})
    return specs


@contextlib.contextmanager
def agents(namespace, folder, specs):
    path = os.path.join(folder, "fleet.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(specs, f)
    with inside(namespace):
        process = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "agents.py"), path],
                                   stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield specs
    finally:
        stop(process)


@pytest.fixture(scope="module")
def fleet(namespace, folder):
    with agents(namespace, folder, fleet_of(MANNERS)) as specs:
        yield specs


def change(folder, address, **what):
    """What the agent of that address says from its next question on."""
    path = os.path.join(folder, address + ".json")
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(what, f)
    os.rename(path + ".new", path)


def metrics(w):
    status, _, body = w.get("/api/v0/outlet/metrics", role="outlet")
    assert status == 200
    lines = [line.rsplit(" ", 1) for line in body.decode().splitlines() if line.startswith("weir_outlet_metadata_")]
    return {name.removeprefix("weir_outlet_metadata_"): float(value) for name, value in lines}


def test_fleet(namespace, tmp_path, folder, fleet):
    """Hundreds of agents, some slow, dead, lying or malformed: all flows are stored, the good ones' names arrive."""
    provider = {"type": "snmp", "poller-timeout": "500ms", "ports": {"127.30.0.0/16": 1161},
                "credentials": {"::/0": {"communities": ["none"]}, "127.30.0.0/24": {"communities": ["wrong", "left"]},
                                "127.30.1.0/24": {"communities": ["right"]}}}
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")], outlet={
        "http": {"listen": "127.0.0.1:8083"},
        "metadata": {"providers": [provider], "cache-check-interval": "5s", "max-interfaces": 500,
                     "initial-delay": "0s"}})
    everyone = [s["address"] for s in fleet]
    wanted = {s["address"]: (s["name"], "xe-" + s["name"][1:]) for s in fleet if s["manner"] in UNDERSTOOD}
    with Weir(tmp_path, conf, namespace) as w:
        sent = 0

        def all_named():
            nonlocal sent
            send(namespace, everyone)
            sent += len(everyone)
            time.sleep(1)
            seen = names(w)
            return all(seen.get(x) == wanted[x] for x in wanted)
        wait_until(all_named, 90, lambda: f"{[(x, v) for x, v in names(w).items() if wanted.get(x, v) != v]}\n{metrics(w)}")
        w.wait_sql("SELECT count() FROM flows", lambda r: r[0][0] == sent, 20)  # not one was lost for it
        seen = names(w)
        for s in fleet:
            if s["manner"] in ("silent", "liar", "malformed"):
                assert seen[s["address"]] == ("", "1"), s
        now = metrics(w)
        assert now["snmp_poller_lies_total"] >= 5
        assert now["snmp_poller_retry_requests_total"] > 20
        assert now["provider_errors_total"] >= 45
        assert now["snmp_poller_fallbacks_total"] >= 10
        assert now["cache_size_entries"] >= 32 * 240
        assert now["asks_lost_total"] == 0
        status, _, body = w.get("/api/v0/outlet/healthcheck", role="outlet")
        health = json.loads(body)["details"]["metadata"]
        assert status == 200 and health["status"] == "ok" and f"{len(fleet)} exporters asked" in health["reason"]
        assert w.log().count("SNMP agent does not answer") < 30  # limited, whatever the number of agents

        # interfaces get other numbers: seen by ifTableLastChange, and by a restart
        other = {"1": ["new-1", "n", "", 1000], "2": ["xe-0", "ten", "", 1000]}
        change(folder, "127.30.0.1", interfaces=other)
        change(folder, "127.30.0.2", interfaces=other, restart=True)

        def renumbered():
            send(namespace, ["127.30.0.1", "127.30.0.2"])
            time.sleep(1)
            seen = names(w)
            return seen["127.30.0.1"] == ("r0", "new-1") and seen["127.30.0.2"] == ("r1", "new-1")
        wait_until(renumbered, 30, lambda: f"{names(w)['127.30.0.1']} {names(w)['127.30.0.2']} {metrics(w)}")
        assert metrics(w)["restarts_total"] >= 2
        # Latin-1 on the wire, UTF-8 in the store
        assert w.sql("SELECT DISTINCT InIfDescription FROM flows WHERE InIfName = 'xe-5'") == [["Transit: Orl\u00e9ans"]]


def test_an_agent_that_trickles(namespace, tmp_path):
    """Its tables would take an hour, an object at a time; who else is asked by the only poller does not wait for that."""
    specs = [{"address": f"127.30.8.{i}", "port": 1161, "manner": manner, "name": f"r{i}", "community": "public",
              "interfaces": {"1": ["eth0", "", "", 1000]}} for i, manner in ((1, "trickle"), (2, "good"))]
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")], outlet={
        "http": {"listen": "127.0.0.1:8083"},
        "metadata": {"query-timeout": "100ms", "initial-delay": "0s", "providers": [
            {"type": "snmp", "poller-concurrency": 1, "poller-timeout": "1s", "ports": 1161}]}})
    with agents(namespace, tmp_path, specs), Weir(tmp_path, conf, namespace) as w:
        send(namespace, [specs[0]["address"]])
        wait_until(lambda: metrics(w)["provider_requests_total"] >= 1, 10, lambda: f"{metrics(w)}")

        def named():
            send(namespace, [s["address"] for s in specs])
            time.sleep(0.5)
            return all(names(w).get(s["address"]) == (s["name"], "eth0") for s in specs)
        wait_until(named, 30, lambda: f"{names(w)}\n{metrics(w)}")


def test_answers_from_another_address(namespace, tmp_path, agent):
    """As hosts with several addresses do: not taken, unless so configured, which needs no restart."""
    specs = [{"address": a, "port": 1161, "manner": "elsewhere", "name": "host", "community": "public",
              "interfaces": {"1": ["eth0", "", "", 1000]}} for a in ("127.30.9.1", "fd90::3")]
    everyone = [s["address"] for s in specs]

    def outlet(check):
        return {"http": {"listen": "127.0.0.1:8083"}, "metadata": {"providers": [
            {"type": "snmp", "poller-timeout": "300ms", "ports": 1161, "check-source": check}]}}
    conf = configuration(inputs=[udp_input("127.0.0.1:2055"), udp_input("[::1]:2055")], outlet=outlet(True))
    with agents(namespace, tmp_path, specs), Weir(tmp_path, conf, namespace) as w:
        send(namespace, everyone)
        wait_until(lambda: metrics(w)["provider_errors_total"] >= 2, 20, lambda: f"{metrics(w)}")
        w.configure({**conf, "outlet": outlet(False)})

        def named():
            send(namespace, everyone)
            time.sleep(1)
            seen = names(w)
            return all(seen.get(x) == ("host", "eth0") for x in everyone)
        wait_until(named, 40, lambda: f"{names(w)}\n{w.log()[-3000:]}")


# ---- the recipe for hosts, as it was written for the inlet of an older version

def test_old_recipe(namespace, tmp_path, agent):
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")])
    del conf["outlet"]["metadata"]
    conf["inlet"]["metadata"] = {"workers": 10, "provider": {"type": "snmp", "communities": {
        "::/0": "hostSNMPv2-changeme", "0.0.0.0/0": "hostSNMPv2-changeme"}}}
    with Weir(tmp_path, conf, namespace) as w:
        assert "outlet.metadata" in w.log()  # it says where it belongs now

        def named():
            send(namespace, ["127.0.22.1"])
            time.sleep(1)
            return names(w).get("127.0.22.1") == ("host1.example.net", "lo")
        wait_until(named, 30, lambda: f"{names(w)}\n{w.log()[-3000:]}")


# ---- exporters from a URL

class Exporters(http.server.BaseHTTPRequestHandler):
    rows = [{"exporter-subnet": "127.0.23.1", "name": "fetched", "site": "paris", "interfaces": [
        {"ifindex": 1, "name": "xe-0/0/1", "description": "IX", "speed": 1000}]},
        {"exporter-subnet": "127.0.23.2/32", "name": "other"}]

    def do_GET(self):
        body = json.dumps({"exporters": self.rows}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_exporter_sources(namespace, tmp_path):
    with inside(namespace):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Exporters)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    provider = {"type": "static", "exporters": {"127.0.23.2": {"name": "written", "role": "edge"}}, "exporter-sources": {
        "inventory": {"url": "http://127.0.0.1:8099/", "interval": "1m", "transform": ".exporters[]", "proxy": False},
        "gone": {"url": "http://me:secret@127.0.0.1:8098/", "interval": "1m", "proxy": False},
        "lost": {"url": "http://127.0.0.1:8098/", "interval": "1m", "proxy": False}}, "exporter-sources-timeout": "1s"}
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")], outlet={
        "http": {"listen": "127.0.0.1:8083"}, "metadata": {"providers": [provider]}})
    try:
        with Weir(tmp_path, conf, namespace) as w:
            send(namespace, ["127.0.23.1", "127.0.23.2"])
            rows = w.wait_sql("SELECT ExporterName, ExporterSite, ExporterRole, InIfName, InIfSpeed FROM flows "
                              "ORDER BY ExporterName", lambda r: len(r) == 2)
            # what is written here keeps all its attributes
            assert rows == [["fetched", "paris", "", "xe-0/0/1", 1000], ["written", "", "edge", "1", 0]]
            # what fails is said, without the password
            health = json.loads(w.get("/api/v0/outlet/healthcheck", role="outlet")[2])["details"]["metadata"]
            assert health["status"] == "warning" and "source " in health["reason"] and health["reason"].endswith("(and 1 more)")
            assert "secret" not in w.log() + health["reason"]
    finally:
        server.shutdown()
        server.server_close()


# ---- names that come with the flows

def interface_option(index, name, description):
    """IPFIX (RFC 7011 3.4.2.2): an options template with scope ingressInterface, and a record of it."""
    template = struct.pack(">HHHHHHHHHHH", 3, 22, 256, 3, 1, 10, 4, 82, 16, 83, 32)
    record = struct.pack(">HHI16s32s", 256, 56, index, name, description)
    body = template + record
    return struct.pack(">HHIII", 10, 16 + len(body), int(time.time()), 0, 1) + body


def test_names_from_flows(namespace, tmp_path):
    """Without a configuration of metadata: no agent answers, but the exporter tells its interfaces itself."""
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")])
    del conf["outlet"]["metadata"]
    with Weir(tmp_path, conf, namespace) as w:
        with inside(namespace):
            out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        out.bind(("127.0.24.1", 0))

        def named():
            with out.dup() as again:
                again.sendto(interface_option(1, b"Gi0/0/1", b"Transit: Telia"), ("127.0.0.1", 2055))
            send(namespace, ["127.0.24.1"])
            time.sleep(1)
            return names(w).get("127.0.24.1") == ("", "Gi0/0/1")
        wait_until(named, 30, lambda: f"{names(w)}\n{metrics(w)}\n{w.log()[-3000:]}")
        w.wait_sql("SELECT DISTINCT InIfDescription FROM flows WHERE InIfName = 'Gi0/0/1'", lambda r: r == [["Transit: Telia"]])
        out.close()
