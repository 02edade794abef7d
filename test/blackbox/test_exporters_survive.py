"""What an exporter told once (templates, rates, names, and data before their template) outlives the death of the outlet and of all."""
import pathlib
import socket
import sys
import time

import pytest

from lab import inside
from weir import Weir, configuration, udp_input

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "corpus"))
from hostile import flowset, h, ipfix, options, template  # noqa: E402

pytestmark = pytest.mark.root
EXPORTER = "127.0.61.1"
ELEMENTS = ((8, 4), (12, 4), (7, 2), (1, 4), (2, 4), (302, 8), (95, 4), (234, 4))
SAMPLER, APPLICATION, VRF = h("0000000000000007"), h("0d000123"), h("00000005")


def record(port):
    return h("0a000001 0a000002") + port.to_bytes(2, "big") + h("000003e8 0000000a") + SAMPLER + APPLICATION + VRF


def told(sequence):
    """The template of flows, and options with the sampler's rate, an application's name and a VRF's."""
    tables = ((300, ((302, 8), (34, 4)), SAMPLER + h("00000200")), (301, ((95, 4), (96, 8)), APPLICATION + b"ssh\0\0\0\0\0"),
              (302, ((234, 4), (236, 8)), VRF + b"red\0\0\0\0\0"))
    sets = [flowset(3, options(number, 1, *elements)) + flowset(number, row) for number, elements, row in tables]
    return ipfix(flowset(2, template(256, *ELEMENTS)), *sets, seq=sequence, secs=int(time.time()))


def test_after_a_kill(namespace, tmp_path):
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")], schema={"enabled": ["Application", "IngressVRFName"]})
    rows = "SELECT SrcPort, SamplingRate, Application, IngressVRFName FROM flows ORDER BY SrcPort"
    with Weir(tmp_path, conf, namespace) as w, inside(namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind((EXPORTER, 0))
        out.connect(("127.0.0.1", 2055))
        out.send(told(0))
        out.send(ipfix(flowset(256, record(1000)), seq=3, secs=int(time.time())))
        out.send(ipfix(flowset(999, record(1001)), seq=4, secs=int(time.time())))  # its template comes two deaths later
        want = [[1000, 512, "ssh", "red"]]
        w.wait_sql(rows, lambda got: got == want, 30)
        for port, victim in ((1002, "outlet"), (1003, "run")):
            w.kill(victim)
            if victim == "run":
                w.start()
            w.wait_ready()
            out.send(ipfix(flowset(256, record(port)), seq=port, secs=int(time.time())))
            want.append([port, 512, "ssh", "red"])
            w.wait_sql(rows, lambda got: got == want, 30)
        out.send(ipfix(flowset(2, template(999, *ELEMENTS)), seq=1004, secs=int(time.time())))
        want.insert(1, [1001, 512, "ssh", "red"])
        w.wait_sql(rows, lambda got: got == want, 30)
