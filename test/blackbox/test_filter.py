"""weir filter: SQL of a filter, or what is wrong with it and where."""
import json

import pytest

from weir import command


@pytest.mark.parametrize("text,sql,reverse,main", [
    ("InIfBoundary = external", "InIfBoundary = 'external'", "OutIfBoundary = 'external'", False),
    ('InIfBoundary = external AND InIfProvider = "cogent"', "InIfBoundary = 'external' AND InIfProvider = 'cogent'",
     "OutIfBoundary = 'external' AND OutIfProvider = 'cogent'", False),
    ("SrcAS IN (AS15169, AS36040)", "SrcAS IN (15169, 36040)", "DstAS IN (15169, 36040)", False),
    ("SrcPort = 80 -- web", "SrcPort = 80", "DstPort = 80", True),
    ("", "", "", False),
])
def test_sql(text, sql, reverse, main):
    for arguments, want in (((), sql), (("--reverse",), reverse)):
        status, out, err = command("filter", *arguments, text)
        assert (status, err) == (0, "")
        assert json.loads(out) == {"sql": want, "main_table_required": main}


def test_error_points_at_the_place():
    status, out, err = command("filter", "SrcAS = AS15169\nAND SrcPort = 65536")
    assert status == 1 and out == ""
    lines = err.splitlines()
    assert "line 2, column 15" in lines[0] and "at most 65535" in lines[0]
    assert lines[1].strip() == "AND SrcPort = 65536"
    assert lines[2].index("^") == lines[1].index("65536")


def test_columns_are_those_of_the_configuration(tmp_path):
    status, _, err = command("filter", "SrcVlan = 5")
    assert status == 1 and "disabled" in err
    path = tmp_path / "weir.yaml"
    path.write_text("schema: {enabled: [SrcVlan, DstVlan], not-main-table-only: [SrcPort], materialize: [SrcNetPrefix]}\n")
    status, out, _ = command("filter", "--config", str(path), "SrcVlan = 5")
    assert status == 0 and json.loads(out)["sql"] == "SrcVlan = 5"
    status, out, _ = command("filter", "--config", str(path), "SrcPort = 5")
    assert status == 0 and json.loads(out)["main_table_required"] is False
    status, out, _ = command("filter", "--config", str(path), "SrcNetPrefix = 192.0.2.0/24")
    assert status == 0 and json.loads(out)["sql"] == "SrcNetPrefix = '192.0.2.0/24'"


def test_wrong_usage():
    assert command("filter")[0] == 2
    assert command("filter", "--nothing", "SrcAS = 1")[0] == 2
    status, _, err = command("filter", "--config", "/nowhere.yaml", "SrcAS = 1")
    assert status == 1 and "/nowhere.yaml" in err
