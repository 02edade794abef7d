"""A changed configuration takes effect in the next flows, without a restart and without losing a datagram."""
import copy
import json

from lab import wait_until
from traffic import RECORDS, Sender
from weir import Weir, configuration, udp_input

import pytest


def with_names(conf, name):
    conf = copy.deepcopy(conf)
    conf["outlet"]["metadata"] = {"providers": [{"type": "static", "exporters": {"127.0.9.0/24": {
        "name": "edge", "ifindexes": {str(i): {"name": f"{name}{i}", "speed": 1000, "boundary": "external"}
                                      for i in (1, 2, 3)}}}}]}
    return conf


@pytest.fixture(scope="module")
def running(folder, namespace):
    conf = with_names(configuration(inputs=[udp_input("127.0.0.1:2055")]), "old")
    with Weir(folder, conf, namespace) as w:
        yield w


def restarts(w):
    return w.log().count("msg=started")


def test_a_new_name_shows_and_nothing_is_lost(running, namespace):
    sender = Sender(namespace, per_second=300)
    before = running.pids()
    started = restarts(running)
    sender.start()
    running.wait_sql("SELECT DISTINCT InIfName FROM flows ORDER BY 1",
                     lambda rows: rows == [["old1"], ["old2"], ["old3"]], 40)
    running.configure(with_names(running.conf, "new"))
    running.wait_sql("SELECT DISTINCT InIfName FROM flows WHERE InIfName LIKE 'new%' ORDER BY 1",
                     lambda rows: rows == [["new1"], ["new2"], ["new3"]], 40)
    sender.stop()
    # of each datagram sent, every record is stored, once
    sent = len(sender.log)
    running.wait_sql("SELECT count(), uniqExact(SrcAddr) FROM flows",
                     lambda rows: rows == [[sent * RECORDS, sent]], 40)
    assert running.sql("SELECT DISTINCT replaceRegexpOne(InIfName, '[0-9]+$', '') FROM flows ORDER BY 1") == [["new"], ["old"]]
    assert running.pids() == before and restarts(running) == started


def test_a_bad_file_changes_nothing(running):
    good = running.conf
    bad = copy.deepcopy(good)
    bad["outlet"]["metadata"]["providers"][0]["exporterz"] = {}
    pids = running.pids()
    running.configure(bad)

    def complains():
        status, _, body = running.get("/api/v0/orchestrator/healthcheck")
        return json.loads(body)["status"] == "warning" and "exporterz" in body.decode()
    wait_until(complains, 20, running.log)
    assert running.pids() == pids
    running.configure(good)
    wait_until(lambda: json.loads(running.get("/api/v0/orchestrator/healthcheck")[2])["status"] == "ok", 20, running.log)
