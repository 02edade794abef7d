"""What every role offers to its operator: metrics, health, versions, a clean stop, and a reload that loses nothing."""
import copy
import json
import os
import re
import signal
import subprocess
import time

import pytest

from lab import inside, wait_until
from traffic import RECORDS, Sender, expected
from weir import ROLES, Weir, command, configuration, udp_input

pytestmark = pytest.mark.root


def configured():
    inputs = [udp_input("127.0.0.1:2055", **{"timestamp-source": "netflow-packet"})]
    return configuration(inputs=inputs)


@pytest.fixture(scope="module")
def served(tmp_path_factory, namespace):
    with Weir(tmp_path_factory.mktemp("services"), configured(), namespace) as w:
        yield w


@pytest.mark.parametrize("role", ROLES)
def test_metrics_are_prometheus_text(served, role):
    status, headers, body = served.get(f"/api/v0/{role}/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    assert re.search(rb"^weir_\w+", body, re.M)
    check = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, check=False)
    assert check.returncode == 0, check.stderr.decode()


@pytest.mark.parametrize("role", ROLES)
def test_each_role_answers_itself_and_through_the_console(served, role):
    for port_of in ("console", role):
        if port_of == "store":
            continue  # its port speaks ClickHouse
        status, _, body = served.get(f"/api/v0/{role}/version", port_of)
        assert status == 200 and set(json.loads(body)) >= {"version", "compiler"}
        status, _, body = served.get(f"/api/v0/{role}/healthcheck", port_of)
        assert status == 200 and json.loads(body)["status"] in ("ok", "warning")


def test_unknown_path_is_404(served):
    assert served.get("/api/v0/console/nothing-here")[0] == 404


def test_second_weir_on_the_same_data_names_the_holder(served):
    said = subprocess.run([served.program, "run", "--config", served.path, "--data-dir", served.data], timeout=120,
                          capture_output=True, text=True, check=False)
    assert said.returncode != 0
    assert str(served.process.pid) in said.stderr


def test_sql_says_where_it_looked_for_the_password(served, tmp_path, namespace):
    with inside(namespace):
        status, out, err = command("sql", "--data-dir", str(tmp_path), "SELECT 1")
    assert status == 1 and out == "" and "Authentication failed" in err
    assert f"no password of the store was found in {tmp_path}; --data-dir says" in err


def test_a_port_in_use_is_said(served, tmp_path, namespace):
    other = Weir(tmp_path, configured(), namespace)
    other.start()
    try:
        wait_until(lambda: "has that port" in other.log(), 20, lambda: "nothing about a port in use: " + other.log())
        assert re.search(r"\b(8080|8081|8082|8083|8123|2055)\b", other.log())
    finally:
        other.close()


def test_changed_interface_name_shows_without_losing_a_datagram(served, namespace):
    sender = Sender(namespace, per_second=100)
    sender.start()
    try:
        served.wait_sql("SELECT count() FROM flows", lambda r: r[0][0] > 0)
        conf = copy.deepcopy(served.conf)
        conf["outlet"]["metadata"]["providers"][0]["exporters"]["::/0"]["default"]["name"] = "renamed"
        pids = served.pids()
        served.configure(conf)
        os.kill(served.process.pid, signal.SIGHUP)
        served.wait_sql("SELECT count() FROM flows WHERE InIfName = 'renamed'", lambda r: r[0][0] > 0, 30)
        assert served.pids() == pids, "a role was restarted"
    finally:
        sender.stop()
    want = len(sender.log) * RECORDS
    served.wait_sql("SELECT count() FROM flows", lambda r: r[0][0] >= want)
    got = served.sql("""SELECT replaceRegexpOne(toString(ExporterAddress), '^::ffff:', ''),
                        toUnixTimestamp(toStartOfMinute(TimeReceived)), sum(Bytes), sum(Packets), count()
                        FROM flows GROUP BY 1, 2""")
    assert {(r[0], r[1]): r[2:] for r in got} == expected(sender.log, sender.log)


def test_bad_configuration_changes_nothing(served):
    good = served.conf
    pids = served.pids()
    bad = copy.deepcopy(good)
    bad["inlet"]["flow"]["imputs"] = []
    size = len(served.log())
    served.configure(bad)
    os.kill(served.process.pid, signal.SIGHUP)
    wait_until(lambda: "imputs" in served.log()[size:], 10, "the error was not logged")
    assert "inputs" in served.log()[size:], "the nearest key is named"
    time.sleep(1)
    assert served.pids() == pids and served.healthy()
    served.configure(good)


def test_unknown_keys_are_all_named_with_their_place(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("inlet:\n  flow:\n    inputs:\n      - type: udp\n        lisen: ':2055'\n  htpp: {}\n", encoding="utf-8")
    status, _, err = command("orchestrator", str(path), "--check")
    assert status != 0
    assert re.search(r"bad\.yaml:5:\d+.*lisen", err) and "listen" in err
    assert re.search(r"bad\.yaml:6:\d+.*htpp", err) and "http" in err


def test_the_page_comes_up_while_the_store_hangs(served):
    """A store that neither answers nor refuses: documentation and the frame of the page are there, health says what it is."""
    store = served.pids()["store"]
    os.kill(store, signal.SIGSTOP)
    try:
        time.sleep(4)  # what was known is no longer fresh
        for _ in range(3):
            began = time.monotonic()
            status, _, body = served.get("/api/v0/console/configuration")
            assert status == 200 and "SrcAS" in json.loads(body)["dimensions"]
            assert time.monotonic() - began < 20
        took = []
        for _ in range(5):  # the store is waited for for two seconds by those who need it
            began = time.monotonic()
            assert served.get("/api/v0/console/docs/usage")[0] == 200
            took.append(time.monotonic() - began)
        assert min(took) < 1
    finally:
        os.kill(store, signal.SIGCONT)
    wait_until(lambda: served.get("/api/v0/console/widget/flow-rate")[0] == 200, 20, served.log)


def test_stop_and_second_start(served):
    before = served.sql("SELECT count() FROM flows")[0][0]
    assert served.close() == 0, served.log()[-2000:]
    served.start()
    served.wait_ready()
    assert served.sql("SELECT count() FROM flows")[0][0] == before
