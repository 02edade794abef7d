"""NetFlow v5 whose every record is known: what was sent can be computed from a datagram's number alone."""
import socket
import struct
import threading
import time
from collections import defaultdict

from lab import inside

RECORDS = 30
FIRST_SOURCE = 0x0A000000  # 10.0.0.0: a record's source address is this plus the datagram's number


def record_bytes(number, record):
    return 64 + (number * 2654435761 + record * 40503) % 1400


def record_packets(number, record):
    return 1 + (number + record) % 7


def datagram(number, seconds, records=RECORDS):
    """Datagram `number` exported at wall second `seconds`."""
    out = [struct.pack(">HHIIIIBBH", 5, records, 1000000, seconds, 0, number * records & 0xFFFFFFFF, 0, 0, 0)]
    for r in range(records):
        out.append(struct.pack(
            ">IIIHHIIIIHHBBBBHHBBH", FIRST_SOURCE + number, 0xAC100000 + r, 0, 1 + number % 3, 10 + r % 2,
            record_packets(number, r), record_bytes(number, r), 999000, 999900, 1024 + r, 443, 0, 0x18, 6, 0,
            64496 + number % 5, 64500 + r % 7, 24, 24, 0))
    return b"".join(out)


class Sender(threading.Thread):
    """Sends from several source addresses of a namespace's loopback until stop(); `log` has what it sent.

    log: number -> (source address, export second).
    """

    def __init__(self, namespace, port=2055, per_second=200, exporters=4):
        super().__init__(daemon=True)
        self.per_second = per_second
        self.log = {}
        self.refused = 0
        self._stopping = threading.Event()
        self._sockets = []
        with inside(namespace):
            for n in range(exporters):
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.bind((f"127.0.9.{n + 1}", 0))
                self._sockets.append((f"127.0.9.{n + 1}", s))
        self.port = port

    def run(self):
        number, next_ns = 0, time.monotonic_ns()
        while not self._stopping.is_set():
            address, s = self._sockets[number % len(self._sockets)]
            second = int(time.time())
            try:
                s.sendto(datagram(number, second), ("127.0.0.1", self.port))
                self.log[number] = (address, second)
            except OSError:
                self.refused += 1  # nobody listened: never taken, and not in the log
            number += 1
            next_ns += 1_000_000_000 // self.per_second
            wait = next_ns - time.monotonic_ns()
            if wait > 0:
                time.sleep(wait / 1e9)

    def stop(self):
        self._stopping.set()
        self.join()
        for _, s in self._sockets:
            s.close()


def expected(log, numbers, step=60):
    """What the tables must hold of these datagrams: (source, start of the interval) -> [bytes, packets, rows]."""
    sums = defaultdict(lambda: [0, 0, 0])
    for number in numbers:
        source, second = log[number]
        total = sums[(source, second - second % step)]
        for r in range(RECORDS):
            total[0] += record_bytes(number, r)
            total[1] += record_packets(number, r)
        total[2] += RECORDS
    return dict(sums)
