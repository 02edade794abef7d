"""Narrow rollups follow the configuration, and say truly from when on they are complete."""
import contextlib
import json
import re
import time

import pytest

from lab import wait_until
from test_console_api import PASSWORD, USER, sql
from weir import PROGRAM, Role, configuration, free_ports


class Orchestrator:
    """The role, started anew with other sets each time; the store stays."""

    def __init__(self, folder, ports):
        self.folder, self.ports = folder, ports

    def run(self, **clickhouse):
        """One whole run: it says that all is as configured, or that all was."""
        conf = configuration(self.ports, clickhouse={"orchestrator-url": f"http://127.0.0.1:{self.ports['orchestrator']}", **clickhouse},
                             clickhousedb={"servers": [f"127.0.0.1:{self.ports['store']}"], "username": USER, "password": PASSWORD})
        with Role(self.folder, "orchestrator", conf, self.ports["orchestrator"]) as role:
            # of the whole: its configuration is "ok" from the beginning
            wait_until(lambda: json.loads(role.get("healthcheck")[1])["status"] == "ok", 60, role.log)

    def narrow(self):
        """Table -> (since when, by which columns); each has its view."""
        rows = sql(self.ports["store"], "SELECT name, comment FROM system.tables WHERE comment LIKE '% since %' ORDER BY name").splitlines()
        views = sql(self.ports["store"], "SELECT name FROM system.tables WHERE engine = 'MaterializedView'").split()
        found = {}
        for row in rows:
            name, comment = row.split("\t")
            since, by = re.fullmatch("weir [0-9a-f]{16} since ([0-9]+) by (.*)", comment).groups()
            assert name + "_consumer" in views
            found[name] = (int(since), by.replace("InIfBoundary, OutIfBoundary", "-"))
        assert len([v for v in views if v.count("_") > 2]) == len(found), views
        return found

    def rows(self, table):
        return int(sql(self.ports["store"], f"SELECT count() FROM {table}"))


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory):
    folder, ports = tmp_path_factory.mktemp("narrow"), free_ports()
    with contextlib.ExitStack() as stack:
        stack.enter_context(Role(folder, "store", configuration(ports), ports["store"], PROGRAM))
        yield Orchestrator(folder, ports)


def sets(**columns):
    return {"narrow-rollups": [{"name": name.replace("_", "-"), "columns": list(c)} for name, c in columns.items()]}


def test_sets_follow_the_configuration(orchestrator):
    orchestrator.run(**sets(src_as=["SrcAS"], kinds=["Proto", "SrcAddr"]))
    first = {"flows_5m0s_src_as": (0, "-, SrcAS"), "flows_1h0m0s_src_as": (0, "-, SrcAS"),
             "flows_5m0s_kinds": (0, "-, Proto"), "flows_1h0m0s_kinds": (0, "-, Proto")}  # rollups have no addresses
    assert orchestrator.narrow() == first  # complete: nothing was stored before
    sql(orchestrator.ports["store"], "INSERT INTO flows_1m0s (TimeReceived, SrcAS, DstAS, Bytes, Packets) VALUES (1795000000, 1, 2, 3, 4)")
    assert [orchestrator.rows(table) for table in first] == [1] * 4
    # what `weir rewind` has beside them is none of them: without it a repair that was interrupted could not be finished
    sql(orchestrator.ports["store"], "CREATE TABLE rewind_flows_5m0s_kinds AS flows_5m0s_kinds")
    orchestrator.run(**sets(src_as=["SrcAS"], kinds=["Proto", "SrcAddr"]))
    assert orchestrator.rows("rewind_flows_5m0s_kinds") == 0
    sql(orchestrator.ports["store"], "DROP TABLE rewind_flows_5m0s_kinds SYNC")
    assert orchestrator.narrow() == first and orchestrator.rows("flows_5m0s_kinds") == 1
    # other columns, and one that is not wanted any more: what is stored by now is not in the new one
    now = int(time.time())
    orchestrator.run(**sets(src_as=["SrcAS", "DstAS"]))
    changed = orchestrator.narrow()
    assert {name: by for name, (_, by) in changed.items()} == {"flows_5m0s_src_as": "-, SrcAS, DstAS", "flows_1h0m0s_src_as": "-, SrcAS, DstAS"}
    for table, step in (("flows_5m0s_src_as", 300), ("flows_1h0m0s_src_as", 3600)):
        since = changed[table][0]
        assert now + 7200 <= since < now + 7200 + step + 120 and since % step == 0 and orchestrator.rows(table) == 0


@pytest.mark.parametrize("lost", ["VIEW flows_5m0s_src_as_consumer", "TABLE flows_5m0s_src_as"])
def test_halves_are_made_anew_with_what_hangs_on_them(orchestrator, lost):
    orchestrator.run(**sets(src_as=["SrcAS"]))
    sql(orchestrator.ports["store"], "INSERT INTO flows_1m0s (TimeReceived, SrcAS, DstAS, Bytes, Packets) VALUES (1795000000, 1, 2, 3, 4)")
    assert orchestrator.rows("flows_5m0s_src_as") > 0 and orchestrator.rows("flows_1h0m0s_src_as") > 0
    sql(orchestrator.ports["store"], f"DROP {lost} SYNC")
    orchestrator.run(**sets(src_as=["SrcAS"]))
    assert all(since > time.time() for since, _ in orchestrator.narrow().values())
    assert orchestrator.rows("flows_5m0s_src_as") == orchestrator.rows("flows_1h0m0s_src_as") == 0


def test_none_are_wanted(orchestrator):
    orchestrator.run(**{"narrow-rollups": []})
    assert orchestrator.narrow() == {}
    assert sql(orchestrator.ports["store"], "SELECT count() FROM system.tables WHERE name LIKE 'flows%consumer'").strip() == "2"
