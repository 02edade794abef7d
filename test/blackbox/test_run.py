"""What `weir run` tells a person: how far it is, where the console is, and what is wrong when nothing appears."""
import os
import re
import socket
import struct

import pytest

from lab import inside, wait_until
from traffic import Sender
from weir import Weir, configuration, udp_input

pytestmark = pytest.mark.root


def configured(**sections):
    return configuration(inputs=[udp_input("127.0.0.1:2055")], **sections)


def bmp(listen):
    return {"routing": {"provider": {"type": "bmp", "listen": listen}}}


def send(namespace, data):
    with inside(namespace):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with s:
        s.sendto(data, ("127.0.0.1", 2055))


def ipfix_data(number):
    """A data set of template 256, which never comes."""
    body = struct.pack(">HH16x", 256, 20)
    return struct.pack(">HHIII", 10, 16 + len(body), 1700000000, number, 7) + body


def test_the_console_is_named_whatever_came(tmp_path, namespace):
    with Weir(tmp_path, configured(), namespace) as w:
        for n in range(5):
            send(namespace, b"junk" * 10)
            send(namespace, ipfix_data(n))
        wait_until(lambda: "The console is at http://127.0.0.1:8081/" in w.log(), 40, w.log)
        assert "Datagrams come in (10), no flow could be decoded yet: 5 sets" in w.log()
        assert "No exporter has sent" not in w.log() and "first flows stored" not in w.log()
        sender = Sender(namespace, per_second=50)
        sender.start()
        try:
            wait_until(lambda: "weir is ready: http://127.0.0.1:8081/" in w.log(), 30, w.log)
        finally:
            sender.stop()
        assert w.log().count("first flows stored") == 1
        assert w.close() == 0
        os.remove(os.path.join(w.folder, "weir.log"))
        w.start()
        wait_until(lambda: "weir is ready: http://127.0.0.1:8081/" in w.log(), 40, w.log)
        assert "flows of earlier runs are there" in w.log() and "first flows stored" not in w.log()
        sender = Sender(namespace, per_second=50)
        sender.start()
        try:
            wait_until(lambda: "first flows stored" in w.log(), 30, w.log)
        finally:
            sender.stop()
        # rows are there, but a role that ends again and again is no ready weir
        assert w.close() == 0
        os.remove(os.path.join(w.folder, "weir.log"))
        w.configure(configured(outlet=bmp("192.0.2.1:10179")))
        w.start()
        assert w.process.wait(240) == 1
        assert "weir is ready" not in w.log()
        assert re.search(r"^weir cannot run without outlet, which does not start: .*BMP on 192.0.2.1:10179: Cannot assign",
                         w.log(), re.M), w.log()


@pytest.mark.parametrize("listen,family,holder", [("127.0.0.1:10179", socket.AF_INET, "127.0.0.1"), (":10179", socket.AF_INET6, "::1")])
def test_a_taken_bmp_port_is_said_up_front(tmp_path, namespace, listen, family, holder):
    w = Weir(tmp_path, configured(outlet=bmp(listen)), namespace)
    with inside(namespace):
        taken = socket.create_server((holder, 10179), family=family)
    with taken:
        w.start()
        try:
            assert w.process.wait(120) == 1
        finally:
            w.close()
    assert f"outlet cannot listen on {listen} for BMP: another program has that port" in w.log()
    assert "outlet.routing.provider.listen in " in w.log() and "starting it again" not in w.log()


def test_a_dropped_table_is_made_again(tmp_path, namespace):
    with Weir(tmp_path, configured(), namespace) as w:
        pids = w.pids()
        w.sql("DROP TABLE flows SYNC")
        w.sql("DROP VIEW flows_5m0s_consumer SYNC")
        w.wait_sql("SELECT count() FROM system.tables WHERE name IN ('flows', 'flows_5m0s_consumer')",
                   lambda rows: rows == [[2]], 60)
        assert re.search(r'level=warn role=orchestrator .*somebody dropped.* which="?(flows, |flows_5m0s_consumer)', w.log())
        sender = Sender(namespace, per_second=50)
        sender.start()
        try:
            w.wait_sql("SELECT count() FROM flows", lambda rows: rows[0][0] > 0, 30)
        finally:
            sender.stop()
        assert w.pids() == pids
