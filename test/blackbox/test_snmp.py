"""SNMP in depth: every protocol of version 3, contexts, which agent is asked how, names that become old, odd hosts."""
import os
import socket
import subprocess
import threading
import time

import pytest

from lab import inside, run, stop, wait_until
from test_metadata import agents, change, metrics, names, send, user
from weir import Weir, configuration, udp_input

pytestmark = pytest.mark.root

AUTHS = {"MD5": "MD5", "SHA": "SHA", "SHA224": "SHA-224", "SHA256": "SHA-256", "SHA384": "SHA-384", "SHA512": "SHA-512"}
PRIVS = {"none": None, "DES": "DES", "AES": "AES", "AES192": "AES-192", "AES256": "AES-256", "AES192-C": "AES-192-C",
         "AES256-C": "AES-256-C"}
# exporter -> (authentication, privacy): all that there is, each with each; snmpd's names are the values above
TABLE = {f"127.0.50.{1 + i}": pair for i, pair in enumerate(
    [("none", "none"), *((a, p) for a in AUTHS for p in PRIVS)])}
CONTEXT_PORT = 2161


def name_of(pair):
    return "u-" + "-".join(pair)


def snmpd_conf():
    lines = ["agentAddress udp:161,udp6:[::]:161", "sysName real.example.net", "view all included .1",
             "rouser u-none-none noauth", "createUser u-none-none",
             "rocommunity real-community default", "rocommunity6 real-community default"]
    for auth, priv in TABLE.values():
        name = name_of((auth, priv))
        if auth != "none":
            privacy = f" {PRIVS[priv]} privpass-{priv}" if priv != "none" else ""
            lines += [f"createUser {name} {AUTHS[auth]} authpass-{auth}{privacy}",
                      f"rouser {name} {'priv' if privacy else 'auth'}"]
    # in context "blue" the device is another one, as a VRF's or a virtual chassis's
    lines += ["createUser inside SHA-256 authpass-SHA256 AES privpass-AES", "rouser inside priv -V all blue",
              f"proxy -Cn blue -v2c -c hidden 127.0.0.1:{CONTEXT_PORT} .1.3"]
    return "\n".join(lines) + "\n"


def credentials(pair, name=None):
    auth, priv = pair
    if auth == "none":
        return {"user-name": name or name_of(pair)}
    return user(name or name_of(pair), auth, priv, f"authpass-{auth}", f"privpass-{priv}")


@pytest.fixture(scope="module")
def snmpd(namespace, folder):
    for i in range(1, 8):
        run("ip", "-n", namespace, "addr", "add", f"fd91::{i}/128", "dev", "lo", "nodad")
    conf = os.path.join(folder, "table.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(snmpd_conf())
    with inside(namespace):
        process = subprocess.Popen(
            ["snmpd", "-f", "-Lf", os.path.join(folder, "table.log"), "-C", "-c", conf, "-I", "-smux", "-p",
             os.path.join(folder, "table.pid")], stdin=subprocess.DEVNULL,
            env={**os.environ, "SNMP_PERSISTENT_DIR": os.path.join(folder, "table"), "MIBS": ""})
    yield process
    stop(process)


def conf_of(provider, **more):
    return configuration(inputs=[udp_input("127.0.0.1:2055"), udp_input("[::1]:2055")], outlet={
        "http": {"listen": "127.0.0.1:8083"},
        "metadata": {"providers": [{"type": "snmp", "poller-timeout": "500ms", **provider}], **more}})


def until_named(w, namespace, wanted, seconds=40):
    """Sends from all of them until each flow has its names."""
    def named():
        send(namespace, wanted)
        time.sleep(1)
        seen = names(w)
        return all(seen.get(x) == v for x, v in wanted.items())
    wait_until(named, seconds, lambda: f"{[(x, v, names(w).get(x)) for x, v in wanted.items() if names(w).get(x) != v]}\n"
                                       f"{metrics(w)}\n{w.log()[-3000:]}")


def test_every_protocol_with_every_other(namespace, tmp_path, snmpd):
    """Short and long hashes with short and long keys: how a key is made longer matters for most of these pairs."""
    table = {x: credentials(pair) for x, pair in TABLE.items()}
    wrong = {"127.0.51.1": credentials(("SHA256", "AES192-C"), name_of(("SHA256", "AES192"))),  # another way to a longer key
             "127.0.51.2": credentials(("SHA256", "AES256"), name_of(("SHA256", "AES256-C"))),
             "127.0.51.3": credentials(("SHA224", "AES"), name_of(("SHA256", "AES"))),
             "127.0.51.4": credentials(("SHA", "none"), name_of(("SHA", "AES")))}  # allowed with privacy only
    conf = conf_of({"credentials": {**table, **wrong}})
    with Weir(tmp_path, conf, namespace) as w:
        send(namespace, wrong)
        until_named(w, namespace, {x: ("real.example.net", "lo") for x in TABLE}, 60)
        send(namespace, wrong)
        time.sleep(1)
        seen = names(w)
        assert {x: seen[x] for x in wrong} == {x: ("", "1") for x in wrong}
        assert "authpass" not in w.log() and "privpass" not in w.log()
        # what was wrong is put right while weir runs
        conf["outlet"]["metadata"]["providers"][0]["credentials"] = {
            **table, "127.0.51.1": credentials(("SHA256", "AES192")), "127.0.51.2": credentials(("SHA256", "AES256-C")),
            "127.0.51.3": credentials(("SHA256", "AES")), "127.0.51.4": credentials(("SHA", "AES"))}
        w.configure(conf)
        until_named(w, namespace, {x: ("real.example.net", "lo") for x in wrong})


def test_passphrases_change_while_running(namespace, tmp_path, snmpd):
    """Again and again: what was worked out for one configuration is never used for another."""
    pair = ("SHA256", "AES")
    right = credentials(pair)
    wrong = {**right, "authentication-passphrase": "authpass-wrong!", "privacy-passphrase": "privpass-wrong!"}
    conf = conf_of({"credentials": wrong})
    with Weir(tmp_path, conf, namespace) as w:
        for i in range(1, 5):
            errors = metrics(w)["provider_errors_total"]
            send(namespace, [f"127.0.54.{i}"])
            wait_until(lambda: metrics(w)["provider_errors_total"] > errors, 20, w.log)
            conf["outlet"]["metadata"]["providers"][0]["credentials"] = right
            w.configure(conf)
            until_named(w, namespace, {f"127.0.54.{i}": ("real.example.net", "lo")}, 20)
            conf["outlet"]["metadata"]["providers"][0]["credentials"] = wrong
            w.configure(conf)
            time.sleep(2)


def test_contexts(namespace, tmp_path, snmpd):
    hidden = [{"address": "127.0.0.1", "port": CONTEXT_PORT, "name": "blue.example.net", "community": "hidden",
               "interfaces": {"1": ["blue0", "", "", 100]}}]
    inner = credentials(("SHA256", "AES"), "inside")
    conf = conf_of({"credentials": {
        "127.0.52.1": credentials(("SHA256", "AES")), "127.0.52.2": {**inner, "context-name": "blue"},
        "127.0.52.3": {**inner, "context-name": "red"}, "127.0.52.4": inner}})
    with agents(namespace, tmp_path, hidden), Weir(tmp_path, conf, namespace) as w:
        send(namespace, ["127.0.52.3", "127.0.52.4"])
        until_named(w, namespace, {"127.0.52.1": ("real.example.net", "lo"), "127.0.52.2": ("blue.example.net", "blue0")})
        send(namespace, ["127.0.52.3", "127.0.52.4"])
        time.sleep(1)
        seen = names(w)  # no such context; not allowed in the one without a name
        assert seen["127.0.52.3"] == seen["127.0.52.4"] == ("", "1")


def agent_at(address, port, name, community):
    return {"address": address, "port": port, "name": name, "community": community, "interfaces": {"1": [name + "-1", "", "", 100]}}


def test_which_agent_is_asked_how(namespace, tmp_path, snmpd):
    """Address, port and credentials are each chosen by the exporter's address, by the longest prefix, in both families."""
    fleet = [agent_at("127.30.8.1", 1161, "wide", "wide"), agent_at("127.30.8.2", 1162, "narrow", "narrow"),
             agent_at("127.30.8.3", 1163, "one", "one"), agent_at("127.30.8.4", 1161, "mapped", "wide"),
             agent_at("fd91::1", 1164, "six", "six"), agent_at("fd91::2", 1161, "mapped-six", "wide")]
    conf = conf_of({
        "agents": {"127.30.9.1": "127.30.8.4", "127.30.9.2": "fd91::2", "fd91::3": "127.30.8.4", "::ffff:127.30.9.4": "127.30.8.4"},
        "ports": {"::/0": 9, "127.30.0.0/16": 1161, "127.30.8.2/31": 1162, "127.30.8.3": 1163, "fd91::/64": 1161, "fd91::1": 1164},
        "credentials": {"::/0": {"communities": ["wide"]}, "127.30.8.0/29": {"communities": ["none", "wide"]},
                        "127.30.8.2/31": {"communities": ["narrow"]}, "127.30.8.3/32": {"communities": ["one"]},
                        "fd91::1/128": {"communities": ["six"]}}})
    wanted = {a["address"]: (a["name"], a["name"] + "-1") for a in fleet}
    wanted.update({"127.30.9.1": ("mapped", "mapped-1"), "127.30.9.2": ("mapped-six", "mapped-six-1"),
                   "fd91::3": ("mapped", "mapped-1"), "127.30.9.4": ("mapped", "mapped-1")})
    with agents(namespace, tmp_path, fleet), Weir(tmp_path, conf, namespace) as w:
        until_named(w, namespace, wanted)
        # all of it changes while weir runs
        provider = conf["outlet"]["metadata"]["providers"][0]
        provider["agents"]["127.30.9.1"] = "127.30.8.3"
        provider["ports"]["127.30.9.1"] = 1163
        provider["credentials"]["127.30.9.1"] = {"communities": ["one"]}
        w.configure(conf)
        until_named(w, namespace, {"127.30.9.1": ("one", "one-1"), "127.30.9.2": ("mapped-six", "mapped-six-1")})


def test_names_become_old(namespace, tmp_path, snmpd):
    """An agent renames an interface and itself, and says nothing of it: seen at the next refresh. Then it is gone."""
    fleet = [agent_at("127.30.10.1", 1161, "old", "public"), agent_at("127.30.10.2", 1161, "stays", "public")]
    conf = conf_of({"ports": 1161}, **{"cache-duration": "4s", "cache-refresh": "4s", "cache-check-interval": "1s"})
    with Weir(tmp_path, conf, namespace) as w:
        with agents(namespace, tmp_path, fleet):
            until_named(w, namespace, {"127.30.10.1": ("old", "old-1"), "127.30.10.2": ("stays", "stays-1")})
            refreshes = metrics(w)["cache_refreshes_total"]
            change(tmp_path, "127.30.10.1", name="new", quiet=True, interfaces={"1": ["new-1", "renamed", "", 100]})
            until_named(w, namespace, {"127.30.10.1": ("new", "new-1"), "127.30.10.2": ("stays", "stays-1")}, 20)
            now = metrics(w)
            assert now["cache_refreshes_total"] > refreshes and now["restarts_total"] == 0
            # one way only: no flow has the old name after the new one
            got = [r[0] for r in w.sql("SELECT InIfName FROM flows WHERE ExporterAddress = '::ffff:127.30.10.1' AND InIfName != '1' "
                                       "ORDER BY TimeReceived, InIfName DESC")]
            assert got == sorted(got, reverse=True) and set(got) == {"old-1", "new-1"}
        # old names are better than numbers
        errors = metrics(w)["provider_errors_total"]
        wait_until(lambda: (send(namespace, ["127.30.10.1"]), metrics(w)["provider_errors_total"] > errors)[1], 30, w.log)
        send(namespace, ["127.30.10.1", "127.30.10.2"])
        until_named(w, namespace, {"127.30.10.1": ("new", "new-1"), "127.30.10.2": ("stays", "stays-1")}, 5)


class Elsewhere(threading.Thread):
    """A host with several addresses: what is asked at one is answered from another, by the real snmpd."""

    def __init__(self, namespace, asked, answers):
        super().__init__(daemon=True)
        family = socket.AF_INET6 if ":" in asked else socket.AF_INET
        with inside(namespace):
            self.asked, self.answers, self.agent = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(3))
        self.asked.bind((asked, 1161))
        self.answers.bind((answers, 0))
        self.agent.connect(("::1" if ":" in asked else "127.0.0.1", 161))
        self.agent.settimeout(1)
        self.start()

    def run(self):
        while True:
            try:
                question, source = self.asked.recvfrom(65536)
                if not question:
                    return
                self.agent.send(question)
                self.answers.sendto(self.agent.recv(65536), source)
            except TimeoutError:
                continue

    def close(self):
        self.asked.sendto(b"", self.asked.getsockname())
        self.join()
        for s in (self.asked, self.answers, self.agent):
            s.close()


def test_version_3_from_another_address(namespace, tmp_path, snmpd):
    """Engine, names and tables over IPv6 and IPv4, from an address that was not asked: refused, unless so configured."""
    hosts = [Elsewhere(namespace, "fd91::4", "fd91::5"), Elsewhere(namespace, "127.0.53.1", "127.0.53.2")]
    everyone = ["fd91::4", "127.0.53.1"]

    def conf(check):
        return conf_of({"ports": 1161, "poller-timeout": "300ms", "check-source": check,
                        "credentials": {"::/0": credentials(("SHA512", "AES256"))}})
    try:
        with Weir(tmp_path, conf(True), namespace) as w:
            send(namespace, everyone)
            wait_until(lambda: metrics(w)["provider_errors_total"] >= 2, 20, lambda: f"{metrics(w)}")
            w.wait_sql("SELECT uniq(ExporterAddress) FROM flows", lambda r: r[0][0] == len(everyone), 20)
            assert set(names(w).values()) == {("", "1")}
            w.configure(conf(False))
            until_named(w, namespace, {x: ("real.example.net", "lo") for x in everyone})
    finally:
        for host in hosts:
            host.close()


def test_agent_begins_anew(namespace, tmp_path):
    """Restarted, its clock of version 3 begins at 0; replaced, it has another engine: its names go on coming."""
    def start(life, engine):
        conf = tmp_path / f"agent-{life}.conf"
        conf.write_text(f"agentAddress udp:127.0.55.1:3161\nsysName life-{life}\ncreateUser again SHA-256 authpass12 AES privpass12\n"
                        "rouser again priv\n")
        with inside(namespace):
            return subprocess.Popen(
                ["snmpd", "-f", "-Lf", str(tmp_path / f"agent-{life}.log"), "-C", "-c", str(conf), "-I", "-smux", "-p",
                 str(tmp_path / "agent.pid")], stdin=subprocess.DEVNULL,
                env={**os.environ, "SNMP_PERSISTENT_DIR": str(tmp_path / engine), "MIBS": ""})
    conf = conf_of({"ports": 3161, "credentials": {"::/0": user("again", "SHA256", "AES")}},
                   **{"cache-duration": "3s", "cache-refresh": "3s", "cache-check-interval": "1s"})
    process = start(1, "engine-a")
    try:
        with Weir(tmp_path, conf, namespace) as w:
            until_named(w, namespace, {"127.0.55.1": ("life-1", "lo")})
            # the same engine with its next boot, two others, and the first one again with its next boot
            for life, engine in ((2, "engine-a"), (3, "engine-b"), (4, "engine-c"), (5, "engine-a")):
                stop(process)
                process = start(life, engine)
                until_named(w, namespace, {"127.0.55.1": (f"life-{life}", "lo")}, 40)
    finally:
        stop(process)
