"""Names that exporters tell with their flows arrive in the rows: sFlow's counters and hosts, NetFlow's and IPFIX's tables."""
import socket
import struct
import time

import pytest

from lab import inside, wait_until
from test_hsflowd import HSFLOWD, hsflowd
from test_metadata import agents, metrics, send
from weir import Weir, configuration, udp_input

pytestmark = pytest.mark.root
SHORT, LONG = "Gi0/0/1", "Transit: Telia 100G"


def conf_of(providers, inputs=None):
    """Providers None: a configuration without a word about metadata."""
    conf = configuration(inputs=inputs or [udp_input("127.0.0.1:2055"), udp_input("127.0.0.1:6343", "sflow")], outlet={
        "http": {"listen": "127.0.0.1:8083"}, "metadata": {"providers": providers}})
    if providers is None:
        del conf["outlet"]["metadata"]
    return conf


def socket_at(namespace, address):
    with inside(namespace):
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind((address, 0))
    return out


def newest(w, exporter):
    """(exporter's name, in: name, description, speed, out: name) of its newest flow."""
    rows = w.sql("SELECT ExporterName, InIfName, InIfDescription, InIfSpeed, OutIfName FROM flows WHERE "
                 f"replaceOne(toString(ExporterAddress), '::ffff:', '') = '{exporter}' ORDER BY TimeReceived DESC LIMIT 1")
    return tuple(rows[0]) if rows else None


def until(w, exporter, wanted, again, seconds=30):
    def there():
        again()
        time.sleep(1)
        return newest(w, exporter) == wanted
    wait_until(there, seconds, lambda: f"{newest(w, exporter)} instead of {wanted}\n{metrics(w)}\n{w.log()[-3000:]}")


@pytest.mark.parametrize("family", [4, 6])
def test_sflow_host(namespace, tmp_path, family):
    """What hsflowd says of its host: the name, and of its interface name and speed; by the agent's address, not the sender's."""
    with Weir(tmp_path, conf_of(None), namespace) as w, socket_at(namespace, f"127.0.60.{family}") as out:
        def both():
            """Rows of the two directions, since they have their names."""
            for data in hsflowd(family):
                out.sendto(data, ("127.0.0.1", 6343))
            time.sleep(1)
            return w.sql("SELECT DISTINCT replaceOne(toString(ExporterAddress), '::ffff:', ''), InIfName, InIfSpeed, OutIfName, "
                         "OutIfSpeed FROM flows WHERE ExporterName = 'vps1.example.net' ORDER BY InIfName") == [
                [HSFLOWD[family], "", 0, "ens3", 1000], [HSFLOWD[family], "ens3", 1000, "", 0]]
        wait_until(both, 30, lambda: f"{w.sql('SELECT * FROM flows LIMIT 5')}\n{metrics(w)}\n{w.log()[-3000:]}")


def netflow9_table(rows):
    """RFC 3954 6.1: an options template whose scope is the interface, with names and descriptions of fixed length."""
    template = struct.pack(">HHHHHHHHHHHH", 1, 24, 300, 4, 8, 2, 4, 82, 20, 83, 40, 0)
    records = b"".join(struct.pack(">I20s40s", i, name.encode(), text.encode()) for i, (name, text) in rows.items())
    records += bytes(-len(records) % 4)
    body = template + struct.pack(">HH", 300, 4 + len(records)) + records
    return struct.pack(">HHIIII", 9, 1 + len(rows), 1000000, int(time.time()), 0, 3) + body


def netflow9_flow(ingress, egress):
    template = struct.pack(">HHHH", 0, 40, 301, 8) + b"".join(struct.pack(">HH", *f) for f in (
        (8, 4), (12, 4), (10, 4), (14, 4), (1, 4), (2, 4), (7, 2), (11, 2)))
    record = struct.pack(">4s4sIIIIHH", b"\xc0\x00\x02\x01", b"\xc6\x33\x64\x01", ingress, egress, 1000, 10, 1024, 443)
    body = template + struct.pack(">HH", 301, 4 + len(record)) + record
    return struct.pack(">HHIIII", 9, 2, 1000000, int(time.time()), 0, 3) + body


def varied(text):
    data = text.encode()
    return (struct.pack(">B", len(data)) if len(data) < 255 else struct.pack(">BH", 255, len(data))) + data


def ipfix_table(rows):
    """RFC 7011 3.4.2.2 with interfaceName and interfaceDescription of variable length."""
    template = struct.pack(">HHHHHHHHHHH", 3, 22, 300, 3, 1, 10, 4, 82, 65535, 83, 65535)
    records = b"".join(struct.pack(">I", i) + varied(name) + varied(text) for i, (name, text) in rows.items())
    body = template + struct.pack(">HH", 300, 4 + len(records)) + records
    return struct.pack(">HHIII", 10, 16 + len(body), int(time.time()), 0, 1) + body


def test_interface_tables(namespace, tmp_path):
    """The same table by NetFlow v9 and by IPFIX, then a change of it; the exporters have no agent, and no name."""
    table = {1: (SHORT, LONG), 2: ("Gi0/0/2", "")}
    with Weir(tmp_path, conf_of([{"type": "flow"}]), namespace) as w, \
            socket_at(namespace, "127.0.61.1") as nine, socket_at(namespace, "127.0.61.2") as ten:
        def again():
            nine.sendto(netflow9_flow(1, 2), ("127.0.0.1", 2055))
            nine.sendto(netflow9_table(table), ("127.0.0.1", 2055))
            ten.sendto(ipfix_table(table), ("127.0.0.1", 2055))
            send(namespace, ["127.0.61.2"], 1, 2)
        wanted = ("", SHORT, LONG, 0, "Gi0/0/2")
        for exporter in ("127.0.61.1", "127.0.61.2"):
            until(w, exporter, wanted, again)
        assert metrics(w)["provider_requests_total"] == 0  # nobody was asked
        # nothing was held back for it: the first flows are there, with numbers
        w.wait_sql("SELECT count() FROM flows WHERE InIfName = '1' AND OutIfName = '2'", lambda r: r[0][0] >= 1)
        table[1] = ("Gi0/0/1", "Peering: " + "x" * 20)
        for exporter in ("127.0.61.1", "127.0.61.2"):
            until(w, exporter, ("", "Gi0/0/1", "Peering: " + "x" * 20, 0, "Gi0/0/2"), again)


def test_more_interfaces_at_once_than_there_is_room_for(namespace, tmp_path):
    """A table of a chassis comes in one burst: what did not fit is taken when the exporter repeats it, as it does."""
    many = 6000
    with Weir(tmp_path, conf_of([{"type": "flow"}]), namespace) as w, socket_at(namespace, "127.0.62.1") as out:
        def again():
            for first in range(1, many + 1, 30):
                out.sendto(ipfix_table({i: (f"Gi{i}", "") for i in range(first, min(first + 30, many + 1))}), ("127.0.0.1", 2055))
            time.sleep(1)
            return metrics(w)["cache_size_entries"] == many
        wait_until(again, 60, lambda: f"{metrics(w)}")
        send(namespace, ["127.0.62.1"], many, 1)
        w.wait_sql("SELECT InIfName, OutIfName FROM flows", lambda r: [f"Gi{many}", "Gi1"] in r, 20)


def test_order_of_providers(namespace, tmp_path):
    """SNMP knows interface 1 and the exporter's name, the flows tell 1 and 2: whoever stands first counts, for each alone."""
    fleet = [{"address": "127.30.11.1", "port": 1161, "name": "by-snmp", "community": "public",
              "interfaces": {"1": ["snmp-1", "", "said by SNMP", 100]}}]
    snmp, flow = {"type": "snmp", "ports": 1161, "poller-timeout": "500ms"}, {"type": "flow"}
    static = {"type": "static", "exporters": {"127.30.11.1": {"skip-missing-interfaces": True, "name": "by-hand",
                                                             "ifindexes": {"2": {"name": "hand-2"}}}}}
    table = {1: ("flow-1", "said by flows"), 2: ("flow-2", "")}
    with agents(namespace, tmp_path, fleet), Weir(tmp_path, conf_of([snmp, flow]), namespace) as w, \
            socket_at(namespace, "127.30.11.1") as out:
        def again():
            out.sendto(ipfix_table(table), ("127.0.0.1", 2055))
            send(namespace, ["127.30.11.1"], 1, 2)
        until(w, "127.30.11.1", ("by-snmp", "snmp-1", "said by SNMP", 100, "flow-2"), again)
        for providers, wanted in (
                ([flow, snmp], ("by-snmp", "flow-1", "said by flows", 0, "flow-2")),
                ([static, flow, snmp], ("by-hand", "flow-1", "said by flows", 0, "hand-2")),
                ([static, snmp, flow], ("by-hand", "snmp-1", "said by SNMP", 100, "hand-2")),
                ([snmp], ("by-snmp", "snmp-1", "said by SNMP", 100, "2")),
                ([flow], ("", "flow-1", "said by flows", 0, "flow-2"))):
            w.configure(conf_of(providers))
            until(w, "127.30.11.1", wanted, again)
