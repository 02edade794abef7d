"""The inlet alone: what it takes from the socket is in the spool's files, once, whatever happens to it."""
import json
import signal
import socket
import subprocess
import time

import pytest

from lab import stop, wait_until
from spool import acknowledged, datagrams
from traffic import FIRST_SOURCE, datagram
from weir import Role, free_port, free_ports, udp_input


@pytest.fixture
def inlet(tmp_path):
    ports, udp = free_ports(), free_port()
    conf = {"inlet": {"http": {"listen": f"127.0.0.1:{ports['inlet']}"}, "flow": {"inputs": [
        udp_input(f":{udp}", workers=2, **{"receive-buffer": 1 << 20})]}}}
    with Role(tmp_path, "inlet", conf, ports["inlet"]) as role:
        yield role, udp


def send(port, numbers, host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        for n in numbers:
            s.sendto(datagram(n, int(time.time())), (host, port))
            if n % 20 == 19:
                time.sleep(0.002)


def test_all_that_came_is_in_the_spool_or_counted(inlet):
    role, port = inlet
    send(port, range(3000))
    send(port, range(3000, 3500), "::1")
    udp = "weir_inlet_flow_input_udp_"
    wait_until(lambda: role.metric(udp + "packets_total") + role.metric(udp + "in_dropped_packets_total") == 3500, 10,
               "received and dropped are not what was sent")
    numbers = acknowledged(role.data, FIRST_SOURCE)
    assert len(numbers) == role.metric("weir_inlet_bus_datagrams_total")
    assert len(numbers) + role.metric(udp + "in_dropped_packets_total") == 3500
    sources = {source for source, _ in datagrams(role.data)}
    assert sources == {bytes(10) + b"\xff\xff\x7f\0\0\1", bytes(15) + b"\1"}
    for _, payload in datagrams(role.data):
        number = int.from_bytes(payload[24:28], "big") - FIRST_SOURCE
        assert payload[16:] == datagram(number, 0)[16:], "bytes as sent"


def test_long_and_empty_datagrams(inlet):
    role, port = inlet
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for size in (0, 1, 9000, 65507):
            s.sendto(b"\xee" * size, ("127.0.0.1", port))
    wait_until(lambda: {len(p) for _, p in datagrams(role.data)} >= {1, 9000, 65507}, 5,
               lambda: f"in the spool: {sorted(len(p) for _, p in datagrams(role.data))}")


def test_killed_and_started_again_it_appends(inlet):
    role, port = inlet
    before = set()
    for round_ in range(5):
        send(port, range(round_ * 1000, round_ * 1000 + 500))
        role.kill()
        numbers = acknowledged(role.data, FIRST_SOURCE)
        assert before <= numbers, "what was there is still there"
        before = numbers
        role.start()
    send(port, range(9000, 9100))
    wait_until(lambda: acknowledged(role.data, FIRST_SOURCE) >= set(range(9000, 9100)), 5, "not written after a restart")


def test_metrics_are_prometheus_text(inlet):
    role, _ = inlet
    check = subprocess.run(["promtool", "check", "metrics"], input=role.get("metrics")[1], capture_output=True, check=False)
    assert check.returncode == 0, check.stderr.decode()


def test_stops_on_sigterm(inlet):
    role, _ = inlet
    assert stop(role.process) == 0, role.log()


def test_inputs_come_and_go_without_a_loss(inlet):
    role, port = inlet
    second = free_port()
    with open(role.path, encoding="utf-8") as f:
        conf = json.load(f)
    inputs = conf["inlet"]["flow"]["inputs"]
    received = "weir_inlet_bus_datagrams_total"

    def reload():
        with open(role.path, "w", encoding="utf-8") as f:
            json.dump(conf, f)
        role.process.send_signal(signal.SIGHUP)
    send(port, range(500))
    inputs[0]["rate-limit"] = 1000  # the same sockets, other options
    inputs.append(udp_input(f"127.0.0.1:{second}"))
    reload()
    send(port, range(500, 1000))
    # the second input listens, and its first datagrams may have come before it did
    sent = 1000

    def second_listens():
        nonlocal sent
        send(second, [sent])
        sent += 1
        return role.metric(received) > 1000
    wait_until(second_listens, 10, role.log)
    wait_until(lambda: acknowledged(role.data, FIRST_SOURCE) >= set(range(1000)), 5, "lost while reloading")
    inputs[0]["workers"] = 3  # refused: the other two sockets could not be told from another program's
    reload()
    wait_until(lambda: "when the inlet is started again" in role.log(), 5, role.log)
    send(port, range(5000, 5500))
    wait_until(lambda: acknowledged(role.data, FIRST_SOURCE) >= set(range(5000, 5500)), 5, "lost after a refusal")
    inputs[0]["workers"] = 2
    del inputs[1]
    reload()

    def second_is_closed():
        with open("/proc/net/udp", encoding="ascii") as f:
            return f":{second:04X} " not in f.read()
    wait_until(second_is_closed, 5, role.log)
    send(port, range(6000, 6100))
    wait_until(lambda: acknowledged(role.data, FIRST_SOURCE) >= set(range(6000, 6100)), 5, "lost after a removal")
