"""What the console tells about one address: its name by a real DNS server, its AS and network by its flows."""
import itertools
import json
import os
import socket
import stat
import struct
import threading
import time

import pytest

from lab import inside, wait_until
from traffic import Sender
from weir import PROGRAM, Weir, configuration, udp_input

NAMES = {"10.0.0.1": "one.example.net", "10.0.0.2": "<img src=x onerror=alert(1)>\u202e.example.net",
         "2001:db8::7": "seven.example.net"}
SLOW = "10.0.0.66"


def name_of(question):
    """in-addr.arpa and ip6.arpa back to an address."""
    labels = question[:-2]
    if question[-2] == "in-addr":
        return ".".join(reversed(labels))
    nibbles = "".join(reversed(labels))
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(nibbles))


class Dns(threading.Thread):
    """PTR records for NAMES; SLOW gets its answer late, everything else does not exist."""

    def __init__(self, namespace):
        super().__init__(daemon=True)
        with inside(namespace):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", 53))
        self.asked = []
        self.hold = threading.Event()

    def run(self):
        while True:
            try:
                data, who = self.socket.recvfrom(2048)
            except OSError:
                return
            threading.Thread(target=self.answer, args=(data, who), daemon=True).start()

    def answer(self, data, who):
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
        question = data[12:at + 5]
        address = name_of([label.lower() for label in labels])
        self.asked.append(address)
        if address.startswith("10.0.0.66") or address.startswith("10.9."):
            self.hold.wait(60)
        name = NAMES.get(address) or ("slow.example.net" if address == SLOW else None)
        if name is None:
            out = struct.pack(">HHHHHH", struct.unpack(">H", data[:2])[0], 0x8183, 1, 0, 0, 0) + question
        else:
            target = b"".join(bytes([len(p)]) + p for p in (label.encode() for label in name.split("."))) + b"\0"
            out = (struct.pack(">HHHHHH", struct.unpack(">H", data[:2])[0], 0x8180, 1, 1, 0, 0) + question
                   + b"\xc0\x0c" + struct.pack(">HHIH", 12, 1, 60, len(target)) + target)
        self.socket.sendto(out, who)


@pytest.fixture(scope="module")
def dns(namespace):
    server = Dns(namespace)
    server.start()
    yield server
    server.hold.set()
    server.socket.close()


@pytest.fixture(scope="module")
def running(folder, namespace, dns):
    """weir with a resolv.conf of its own."""
    resolv, wrapper = os.path.join(folder, "resolv.conf"), os.path.join(folder, "weir.sh")
    with open(resolv, "w", encoding="ascii") as f:
        f.write("nameserver 127.0.0.1\noptions timeout:30 attempts:1\n")
    with open(wrapper, "w", encoding="ascii") as f:
        f.write(f"#!/bin/sh\nexec unshare -m sh -c 'mount --bind {resolv} /etc/resolv.conf && exec {PROGRAM} \"$@\"' sh \"$@\"\n")
    os.chmod(wrapper, stat.S_IRWXU)
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")], clickhouse={"asns": {"64497": "Example <net>"}})
    conf["outlet"]["networks"] = {"networks": {"10.0.0.0/24": {"name": "lab", "country": "FR"}}}
    with Weir(folder, conf, namespace, program=wrapper) as w:
        sender = Sender(namespace, per_second=50)
        sender.start()
        w.wait_sql("SELECT uniqExact(SrcAddr) FROM flows WHERE SrcAddr <= toIPv6('::ffff:10.0.0.9')", lambda rows: rows == [[10]], 60)
        sender.stop()
        yield w


def ask(w, address):
    status, _, body = w.get(f"/api/v0/console/address/{address}")
    return status, json.loads(body)


def test_name_as_and_network(running, dns):
    status, answer = ask(running, "10.0.0.1")
    assert status == 200
    assert (answer["name"], answer["name-status"], answer["address"]) == ("one.example.net", "found", "10.0.0.1")
    assert (answer["as"], answer["as-name"], answer["net-name"], answer["country"]) == (64497, "Example <net>", "lab", "FR")
    assert answer["seen"].endswith("Z")
    # asked again, nobody is asked: kept
    before = len(dns.asked)
    for _ in range(5):
        assert ask(running, "10.0.0.1")[1]["name"] == "one.example.net"
    assert ask(running, "::ffff:10.0.0.1")[1]["name"] == "one.example.net"
    assert len(dns.asked) == before
    assert ask(running, "2001:db8::7")[1]["name"] == "seven.example.net"


def test_names_are_made_fit_to_be_shown(running):
    name = ask(running, "10.0.0.2")[1]["name"]
    assert "\u202e" not in name  # the resolver itself refuses most of it


def test_no_name_is_an_answer_and_is_kept(running, dns):
    assert ask(running, "10.0.0.9")[1]["name-status"] == "none"
    before = len(dns.asked)
    assert ask(running, "10.0.0.9")[1]["name-status"] == "none"
    assert len(dns.asked) == before
    assert "seen" not in ask(running, "192.0.2.99")[1]


@pytest.mark.parametrize("bad", ["host", "10.0.0", "1.1.1.1%27%20OR%201", "%3Cimg%3E"])
def test_only_addresses(running, bad):
    status, answer = ask(running, bad)
    assert status == 400 and "is no address" in answer["message"]


def test_slow_servers_and_many_questions(running, dns):
    began = time.time()
    assert ask(running, SLOW)[1]["name-status"] == "pending"
    assert 1.5 < time.time() - began < 15  # the resolver itself would wait for half a minute
    answers = []
    threads = [threading.Thread(target=lambda i=i: answers.append(ask(running, f"10.9.0.{i}")[1]["name-status"]))
               for i in range(30)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(answers) == {"pending", "busy"} and answers.count("pending") <= 7, answers
    dns.hold.set()
    wait_until(lambda: ask(running, SLOW)[1]["name"] == "slow.example.net", 12, "the late answer is kept")


def test_off_by_configuration(running, dns):
    running.conf["console"]["reverse-dns"] = False
    running.configure(running.conf)
    fresh = itertools.count(256)  # what was answered before is kept for a minute
    wait_until(lambda: ask(running, "10.0.{}.{}".format(*divmod(next(fresh), 256)))[1]["name-status"] == "off", 20, running.log)
    before = len(dns.asked)
    answer = ask(running, "10.0.0.4")[1]
    assert answer["name"] == "" and answer["name-status"] == "off" and answer["as"] == 64496 + 4 % 5
    assert len(dns.asked) == before
