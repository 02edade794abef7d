"""From the demonstration to a real network: its rows come, and go again, and all else stays."""
import os
import subprocess

import pytest

from lab import inside, wait_until
from weir import ENVIRONMENT, Weir, command

DEMO = "ExporterAddress BETWEEN toIPv6('127.0.1.1') AND toIPv6('127.0.1.4')"
TABLES = ("flows", "flows_1m0s", "flows_5m0s", "flows_1h0m0s", "exporters", "ledger")


class Demo(Weir):
    """`weir run` as it is without a configuration."""

    def configure(self, conf):
        self.conf = conf

    def start(self):
        with open(os.path.join(self.folder, "weir.log"), "ab") as log, inside(self.namespace):
            self.process = subprocess.Popen([self.program, "run", "--data-dir", self.data], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env={**os.environ, **ENVIRONMENT},
                                            start_new_session=True)

    def sql(self, statement, settings=None, user="default", password=None):
        if password is None:
            with open(os.path.join(self.data, "store.password"), encoding="ascii") as f:
                password = f.read().strip()
        return super().sql(statement, settings, user, password)

    def count(self, table):
        return self.sql(f"SELECT count() FROM {table} WHERE {DEMO}")[0][0]


@pytest.fixture(scope="module")
def demo(folder, namespace):
    with Demo(folder, None, namespace) as w:
        yield w


def test_the_first_picture_is_full(demo):
    """A day of traffic in all four exporters' names, hour by hour, and nothing dropped on the way."""
    day = ("SELECT uniqExact(toStartOfHour(TimeReceived)), uniqExact(ExporterName), countIf(InIfBoundary = 'external') > 0,"
           " uniqExact(EType) FROM flows WHERE TimeReceived > now() - 86400")
    demo.wait_sql(day, lambda rows: rows and rows[0][0] >= 24 and rows[0][1] == 4, 60)
    assert demo.sql(day)[0][2:] == [1, 2]
    assert demo.sql("SELECT count() FROM flows WHERE ExporterName = '' OR InIfName = ''") == [[0]]
    wait_until(lambda: "weir is ready: http://127.0.0.1:8081/" in demo.log(), 20, demo.log)


def test_rules_tell_places_and_providers(demo):
    """Nothing of it stands in the configuration: classifiers make it of names and descriptions."""
    seen = ("SELECT arraySort(groupUniqArray(ExporterSite)), arraySort(groupUniqArray(ExporterRegion)),"
            " arraySort(groupUniqArrayIf(InIfProvider, InIfProvider != '')),"
            " countIf(InIfBoundary = 'external' AND OutIfBoundary = 'internal') > count() / 2 FROM flows")
    demo.wait_sql(seen, lambda rows: rows == [[
        ["lyon", "milan", "newyork", "th2"], ["france", "italy", "usa"],
        ["cogent", "de-cix", "franceix", "google", "lyonix", "meta", "mix", "netflix", "telia"], 1]], 60)


def test_routes_come_from_the_demos_own_routers(demo):
    """Paths and communities of flows toward the Internet, by the routes of the router that saw them."""
    paths = ("SELECT uniqExact(ExporterName), uniqExact(Dst1stAS) > 5, max(length(DstASPath)) FROM flows"
             " WHERE notEmpty(DstASPath) AND notEmpty(DstCommunities) AND notEmpty(DstLargeCommunities) AND DstNetMask > 0")
    demo.wait_sql(paths, lambda rows: rows == [[4, 1, 3]], 60)


def test_a_second_start_finds_its_data_and_fills_only_the_gap(demo):
    demo.wait_sql("SELECT count() FROM flows_1m0s", lambda rows: rows[0][0] > 0, 90)
    wait_until(lambda: demo.log().count("the past is filled in") == 4, 60, demo.log)
    before = demo.count("flows")
    assert demo.close() == 0
    demo.start()
    demo.wait_ready()
    after = demo.wait_sql(f"SELECT count() FROM flows WHERE {DEMO}", lambda rows: rows[0][0] > before, 60)[0][0]
    assert after < before * 1.2, "the past was sent again"


def test_stop_purges_and_leaves_the_rest(demo):
    status, out, err = command("demo", "stop", "--purge", "--data-dir", demo.data)
    assert status == 0, out + err
    wait_until(lambda: not any("demo" in role for role in demo.pids()), 20, "the demo exporters run on")
    for table in TABLES:
        demo.wait_sql(f"SELECT count() FROM {table} WHERE {DEMO}", lambda rows: rows == [[0]], 120)  # the last deletion comes some 90 s later
    # what does not know its exporters is made anew
    demo.wait_sql("SELECT count() FROM system.tables WHERE name LIKE 'flows%_as' AND total_rows > 0", lambda rows: rows == [[0]], 120)
    assert demo.healthy()


def test_it_stays_away_over_a_restart(demo):
    assert demo.close() == 0
    demo.start()
    demo.wait_ready()
    assert not any("demo" in role for role in demo.pids())
    for table in TABLES:  # what the outlet reads again from the bus is deleted again
        demo.wait_sql(f"SELECT count() FROM {table} WHERE {DEMO}", lambda rows: rows == [[0]], 120)
