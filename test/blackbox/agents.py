"""A fleet of SNMP agents that do not exist, each with its own address, community and manners.

usage: agents.py SPECIFICATION.json    one object for each agent:
    address, port, community, name, interfaces {index: [name, descr, alias, Mbit/s]}, and perhaps
    manner: good, slow, silent, liar, malformed, nobulk, backwards, endless, trickle (endless, and an object in 0.2 s), one,
        elsewhere (answers from 127.0.0.1 or ::1)

Prints "ready" when all listen; reads new interfaces and a restart from files "ADDRESS.json" beside the specification.
"""
import bisect
import json
import os
import selectors
import socket
import sys
import time

NAME, SPEED = (1, 3, 6, 1, 2, 1, 1, 5, 0), (1, 3, 6, 1, 2, 1, 2, 2, 1, 5)
UP, CHANGE = (1, 3, 6, 1, 2, 1, 1, 3, 0), (1, 3, 6, 1, 2, 1, 31, 1, 5, 0)
DESCR = (1, 3, 6, 1, 2, 1, 2, 2, 1, 2)
IFNAME, HIGH, ALIAS = ((1, 3, 6, 1, 2, 1, 31, 1, 1, 1, c) for c in (1, 15, 18))


LATE = {"slow": 0.7, "trickle": 0.2}  # seconds; only one of them in a fleet


def tlv(tag, value):
    n = len(value)
    head = bytes([tag, n]) if n < 128 else bytes([tag, 0x82, n >> 8, n & 255])
    return head + value


def integer(v, tag=2):
    return tlv(tag, v.to_bytes(v.bit_length() // 8 + 1, "big"))


def oid(subs):
    out = bytearray()
    for sub in (subs[0] * 40 + subs[1], *subs[2:]):
        part = [sub & 127]
        while sub := sub >> 7:
            part.append(sub & 127 | 128)
        out += bytes(reversed(part))
    return tlv(6, bytes(out))


def read(data):
    """(tag, value, rest)"""
    tag, n, at = data[0], data[1], 2
    if n & 128:
        at += n & 127
        n = int.from_bytes(data[2:at], "big")
    return tag, data[at:at + n], data[at + n:]


def read_oid(value):
    subs, sub = [], 0
    for byte in value:
        sub = sub << 7 | byte & 127
        if not byte & 128:
            subs.append(sub)
            sub = 0
    return (subs[0] // 40, subs[0] % 40, *subs[1:])


class Agent:
    def __init__(self, spec, folder):
        self.spec, self.folder = spec, folder
        self.manner = spec.get("manner", "good")
        self.started = time.monotonic()
        self.changed = 0
        self.fill(spec["interfaces"])
        self.socket = socket.socket(socket.AF_INET6 if ":" in spec["address"] else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((spec["address"], spec.get("port", 161)))
        self.out = self.socket
        if self.manner == "elsewhere":
            self.out = socket.socket(self.socket.family, socket.SOCK_DGRAM)
            self.out.bind(("::1" if ":" in spec["address"] else "127.0.0.1", 0))

    def fill(self, interfaces):
        self.mib = {NAME: tlv(4, self.spec["name"].encode())}
        for index, (name, descr, alias, mbps) in interfaces.items():
            i = int(index)
            self.mib[DESCR + (i,)] = tlv(4, descr.encode())
            self.mib[SPEED + (i,)] = integer(min(mbps * 1000000, 0xffffffff), 0x42)
            self.mib[IFNAME + (i,)] = tlv(4, name.encode())
            self.mib[HIGH + (i,)] = integer(mbps, 0x42)
            self.mib[ALIAS + (i,)] = tlv(4, alias.encode("latin-1"))
        self.mib[(1, 3, 6, 1, 2, 1, 31, 1, 2)] = integer(0)
        self.names = sorted([*self.mib, UP, CHANGE])

    def reload(self):
        path = os.path.join(self.folder, self.spec["address"] + ".json")
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as f:
            change = json.load(f)
        os.unlink(path)
        self.spec["name"] = change.get("name", self.spec["name"])
        if change.get("restart"):
            self.started = time.monotonic()
        elif not change.get("quiet"):  # some agents say nothing of it
            self.changed = self.up()
        self.fill(change["interfaces"])

    def up(self):
        return int((time.monotonic() - self.started) * 100) + 500000 * (not self.spec.get("young"))

    def value(self, name):
        return integer(self.up() if name == UP else self.changed, 0x43) if name in (UP, CHANGE) else self.mib[name]

    def endless(self, name):
        return self.manner in ("endless", "trickle") and name[:-1] == IFNAME

    def next(self, name):
        if self.manner == "backwards" and name in self.mib:
            return next(n for n in self.names if n[:-1] == name[:-1])  # where the column begins, again and again
        if self.endless(name):
            return IFNAME + (name[-1] + 1,)
        at = bisect.bisect_right(self.names, name)
        return self.names[at] if at < len(self.names) else None

    def pair(self, name, next_of=None):
        if next_of is not None and name is None:
            return tlv(0x30, oid(next_of) + b"\x82\0"), None
        if name not in self.mib and name not in (UP, CHANGE):
            return tlv(0x30, oid(name) + (tlv(4, b"x") if self.endless(name) else b"\x81\0")), name
        return tlv(0x30, oid(name) + self.value(name)), name

    def answer(self, data):
        _, message, _ = read(data)
        _, version, rest = read(message)
        _, community, rest = read(rest)
        tag, pdu, _ = read(rest)
        if community.decode() != self.spec["community"] or self.manner == "silent":
            return None
        self.reload()
        _, request, rest = read(pdu)
        _, first, rest = read(rest)
        _, second, rest = read(rest)
        _, items, _ = read(rest)
        names = []
        while items:
            _, item, items = read(items)
            names.append(read_oid(read(item)[1]))
        out = []
        if tag == 0xa0:
            out = [self.pair(n)[0] for n in names]
        elif tag == 0xa5 and self.manner == "nobulk":
            return None
        else:
            for _ in range(int.from_bytes(second, "big") if tag == 0xa5 else 1):
                for k, name in enumerate(names):
                    pair, names[k] = self.pair(self.next(name), name)
                    names[k] = names[k] or name
                    if sum(map(len, out)) < 1300:
                        out.append(pair)
                    if self.manner in ("one", "trickle"):
                        break
                if self.manner == "trickle":
                    break
        if self.manner == "liar":
            request = (int.from_bytes(request, "big") ^ 1).to_bytes(len(request), "big")
        body = tlv(2, request) + integer(0) + integer(0) + tlv(0x30, b"".join(out))
        answer = tlv(0x30, tlv(2, version) + tlv(4, community) + tlv(0xa2, body))
        return answer[:-7] + b"\xff\xff" if self.manner == "malformed" else answer


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        specs = json.load(f)
    folder = os.path.dirname(sys.argv[1])
    agents = [Agent(s, folder) for s in specs]
    selector = selectors.DefaultSelector()
    for agent in agents:
        selector.register(agent.socket, selectors.EVENT_READ, agent)
    print("ready", flush=True)
    late = []
    while True:
        for key, _ in selector.select(0.05):
            agent = key.data
            data, source = agent.socket.recvfrom(65536)
            try:
                answer = agent.answer(data)
            except (IndexError, ValueError, UnicodeDecodeError):
                continue
            if answer and agent.manner in LATE:
                late.append((time.monotonic() + LATE[agent.manner], agent, answer, source))
            elif answer:
                agent.out.sendto(answer, source)
        while late and late[0][0] <= time.monotonic():
            _, agent, answer, source = late.pop(0)
            agent.out.sendto(answer, source)


if __name__ == "__main__":
    main()
