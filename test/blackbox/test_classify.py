"""Classifiers: the tool, and a running weir whose rules name, sort and reject what sends, change, and are tried beforehand."""
import copy
import json
import socket
import struct
import time

import pytest

from lab import inside
from weir import DEFAULT_PORTS, PASSWORD, USER, Weir, command, configuration, udp_input

EXPORTER_RULES = [
    'ClassifySiteRegex(Exporter.Name, "^([^-]+)-", "$1")',
    'Exporter.Name endsWith ".it" && ClassifyRegion("italy")',
    'Exporter.Name matches "^(washington|newyork).*" && ClassifyRegion("usa")',
    'Exporter.Name endsWith ".fr" && ClassifyRegion("france")',
]
INTERFACE_RULES = [
    'ClassifyConnectivityRegex(Interface.Description, "^(?i)(transit|pni|ppni|ix):? ", "$1") &&\n'
    'ClassifyProviderRegex(Interface.Description, "^\\\\S+?\\\\s(\\\\S+)", "$1") &&\n'
    'ClassifyExternal()',
    'ClassifyInternal()',
]
NAMES = {"127.0.7.1": "th2-ncs55a1-1.example.fr", "127.0.7.2": "milan-ncs5k8-2.example.it", "127.0.7.3": "lab-1.example.fr"}
INTERFACES = {"1": {"name": "up", "description": "Transit: Cogent 1-3834938493", "speed": 10000},
              "2": {"name": "core", "description": "Core: paris", "speed": 10000}}


def written(folder, exporter=EXPORTER_RULES, interface=INTERFACE_RULES, **sections):
    path = folder / "rules.yaml"
    path.write_text(json.dumps({"outlet": {"core": {"exporter-classifiers": exporter, "interface-classifiers": interface}},
                                **sections}))
    return str(path)


# ---- the tool


@pytest.mark.parametrize("name,site,region", [
    ("th2-ncs55a1-1.example.fr", "th2", "france"), ("milan-ncs5k8-2.example.it", "milan", "italy"),
    ("washington-asr1.example.com", "washington", "usa")])
def test_exporters(tmp_path, name, site, region):
    status, out, err = command("classify", "--config", written(tmp_path), "exporter", json.dumps({"Name": name}))
    assert (status, err) == (0, "")
    got = json.loads(out)
    assert {k: v["value"] for k, v in got.items()} == {"site": site, "region": region}
    for v in got.values():
        assert v["text"] == EXPORTER_RULES[v["rule"] - 1]


def test_interfaces(tmp_path):
    path = written(tmp_path)
    for description, want, rule in (
            ("Transit: Cogent 1-3834938493", {"connectivity": "transit", "provider": "cogent", "boundary": "external"}, 1),
            ("Core: paris", {"boundary": "internal"}, 2)):
        status, out, _ = command("classify", "--config", path, "interface", json.dumps({"Interface": {"Description": description}}))
        assert status == 0
        got = json.loads(out)
        assert {k: v["value"] for k, v in got.items()} == want and {v["rule"] for v in got.values()} == {rule}


# Attribute, its function without and with Regex, and a rule that already set it
ATTRIBUTES = [("exporter", "group", "Classify"), ("exporter", "group", "ClassifyGroup"), ("exporter", "role", "ClassifyRole"),
              ("exporter", "site", "ClassifySite"), ("exporter", "region", "ClassifyRegion"), ("exporter", "tenant", "ClassifyTenant"),
              ("interface", "provider", "ClassifyProvider"), ("interface", "connectivity", "ClassifyConnectivity")]


def classified(tmp_path, kind, rules, obj):
    """(attribute -> value, attribute -> number of the rule)"""
    path = written(tmp_path, **{"exporter": rules if kind == "exporter" else [], "interface": rules if kind == "interface" else []})
    status, out, err = command("classify", "--config", path, kind, json.dumps(obj))
    assert (status, err) == (0, ""), (out, err)
    got = json.loads(out)
    return {k: v["value"] for k, v in got.items()}, {k: v["rule"] for k, v in got.items()}


@pytest.mark.parametrize("kind,attribute,function", ATTRIBUTES, ids=[a[2] for a in ATTRIBUTES])
def test_each_attribute(tmp_path, kind, attribute, function):
    other = {"exporter": "ClassifySite" if attribute != "site" else "ClassifyRole", "interface": "ClassifyExternal"}[kind]
    reached = f'{other}("reached")' if kind == "exporter" else f"{other}()"
    mark = {"ClassifySite": "site", "ClassifyRole": "role", "ClassifyExternal": "boundary"}[other]
    obj = {"Name": "PAR1-Core.example"} if kind == "exporter" else {"Exporter": {"Name": "PAR1-Core.example"}, "Interface": {}}
    regex = function + r"""Regex(Exporter.Name, "^([A-Z0-9]+)-(?P<what>\\w+)", "${what}_$1 $$")"""
    # cleaned; the first that sets it stays; a rule that sets it in vain is true all the same
    assert classified(tmp_path, kind, [f'{function}(" Level 3+4.a-b (c) ")', f'{function}("late") && {reached}'], obj) == (
        {attribute: "level3+4.a-bc", mark: "reached" if kind == "exporter" else "external"}, {attribute: 1, mark: 2})
    # the Regex variant: a template with $1 and a name; true without looking where it is set; false where it does not match
    assert classified(tmp_path, kind, [regex, f'{function}Regex("x", "never", "y") && {reached}'], obj) == (
        {attribute: "corepar1", mark: "reached" if kind == "exporter" else "external"}, {attribute: 1, mark: 2})
    assert classified(tmp_path, kind, [f'{function}Regex(Exporter.Name, "never", "y") && {reached}', f'{function}("z")'], obj) == (
        {attribute: "z"}, {attribute: 2})


GOLDEN = [
    # the seeds' interfaces, in the ways people write them
    ("interface", INTERFACE_RULES, {"Description": "PNI: Google 100G"}, {"connectivity": "pni", "provider": "google", "boundary": "external"}),
    ("interface", INTERFACE_RULES, {"Description": "ppni Netflix"}, {"connectivity": "ppni", "provider": "netflix", "boundary": "external"}),
    ("interface", INTERFACE_RULES, {"Description": "IX: France-IX Paris"}, {"connectivity": "ix", "provider": "france-ix", "boundary": "external"}),
    ("interface", INTERFACE_RULES, {"Description": "transit cogent"}, {"connectivity": "transit", "provider": "cogent", "boundary": "external"}),
    ("interface", INTERFACE_RULES, {"Description": "Transit:Cogent"}, {"boundary": "internal"}),  # no blank: no match
    ("interface", INTERFACE_RULES, {"Description": "To transit: Cogent"}, {"boundary": "internal"}),
    ("interface", INTERFACE_RULES, {}, {"boundary": "internal"}),
    # all that a rule sees, and what it may rewrite
    ("interface", ['Interface.Index == 7 && Interface.Speed >= 100000 && Interface.VLAN in 100..199 && ClassifyProvider("big")'],
     {"Index": 7, "Speed": 100000, "VLAN": 150}, {"provider": "big"}),
    ("interface", ['SetName(Format("%s/%d", lower(Interface.Name), Interface.Index)) && SetDescription(trim(Interface.Description))'],
     {"Name": "Gi0", "Index": 3, "Description": "  x Y "}, {"name": "gi0/3", "description": "x Y"}),
    ("interface", ['Interface.Name startsWith "Gi" ? ClassifyInternal() : ClassifyExternal()'], {"Name": "xe-0"}, {"boundary": "external"}),
    ("interface", ['split(Interface.Description, ":")[1] contains "DE-CIX" && ClassifyProvider("decix")'], {"Description": "IX: DE-CIX"},
     {"provider": "decix"}),
    # nothing after all three are set
    ("interface", ['ClassifyProvider("a") && ClassifyConnectivity("b") && ClassifyInternal()', 'SetName("late")'], {"Name": "x"},
     {"provider": "a", "connectivity": "b", "boundary": "internal"}),
    ("interface", ["Reject()", "ClassifyExternal()"], {}, {"reject": True}),
    ("exporter", ['Exporter.IP in ["192.0.2.1", "192.0.2.2"] && ClassifyRole("edge")'], {"IP": "192.0.2.2"}, {"role": "edge"}),
    ("exporter", ['(Exporter.Name | split(".") | last()) == "fr" && ClassifyRegion("france")'], {"Name": "a.b.fr"}, {"region": "france"}),
    ("exporter", ['ClassifyRegion({th2: "paris", ams: "amsterdam"}[split(Exporter.Name, "-")[0]] ?? "elsewhere")'], {"Name": "ams-1"},
     {"region": "amsterdam"}),
    ("exporter", ['Exporter.Name not matches "^lab" || Reject()', 'ClassifySite("x")'], {"Name": "lab-1"}, {"reject": True}),
]


@pytest.mark.parametrize("number", range(len(GOLDEN)))
def test_golden(tmp_path, number):
    kind, rules, obj, want = GOLDEN[number]
    assert classified(tmp_path, kind, rules, obj if kind == "exporter" else {"Interface": obj})[0] == want


def test_the_examples_as_a_person_writes_them(tmp_path):
    """The block of the documentation, with its YAML quoting, gives the same."""
    page = open("doc/classification.md", encoding="utf-8").read()
    path = tmp_path / "doc.yaml"
    path.write_text(page.split("```yaml\n")[1].split("```")[0])
    _, out, err = command("classify", "--config", str(path), "interface",
                          '{"Interface": {"Description": "Transit: Cogent 1-3834938493"}}')
    assert err == "" and json.loads(out)["provider"]["value"] == "cogent"


def test_a_bad_rule_is_shown_where_it_is_bad(tmp_path):
    path = written(tmp_path, interface=["ClassifyInternal()", "true &&\n  ClassifyProvider(Interface.Nam)"])
    status, _, err = command("orchestrator", path, "--check")
    assert status != 0
    assert "outlet.core.interface-classifiers" in err and "rule 2, line 2, column 30" in err
    lines = err.splitlines()
    caret = next(i for i, line in enumerate(lines) if line.strip() == "^")
    assert lines[caret].index("^") == lines[caret - 1].index("Nam)")
    status, _, err = command("classify", "--config", path, "exporter", "{}")
    assert status == 1 and "column 30" in err


def test_a_failing_rule_is_told(tmp_path):
    path = written(tmp_path, exporter=['ClassifySite("a")', 'split(Exporter.Name, "-")[5] == "x"', 'ClassifyRole("b")'])
    status, out, _ = command("classify", "--config", path, "exporter", "{}")
    got = json.loads(out)
    assert status == 1 and got["site"]["value"] == "a" and "role" not in got
    assert got["error"]["rule"] == 2 and "out of range" in got["error"]["message"]


def test_wrong_usage(tmp_path):
    path = written(tmp_path)
    assert command("classify")[0] == 2
    status, _, err = command("classify", "--config", path, "router", "{}")
    assert status == 2 and err.startswith("weir classify: expected exporter or interface, not router\n")
    assert command("classify", "--config", path, "--against-store", "exporter", "{}")[0] == 2
    for text, why in (("{", "no JSON"), ('{"Nme": ""}', "Nme"), ('{"IP": 5}', "IP")):
        status, _, err = command("classify", "--config", path, "exporter", text)
        assert status == 1 and why in err
    status, _, err = command("classify", "--config", path, "--against-store", "--data-dir", str(tmp_path))
    assert status == 1 and "weir classify:" in err


# ---- a running weir


def send(namespace, source, n):
    """n flows of NetFlow v5 from interface 1 to 2."""
    record = struct.pack(">4s4sIHHIIIIHHBBBBHHBBH", b"\xc6\x33\x64\x01", b"\xcb\x00\x71\x01", 0, 1, 2, 10, 1000, 999000,
                         999900, 443, 50000, 0, 0, 6, 0, 15169, 64500, 24, 24, 0)
    with inside(namespace):
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        out.bind((source, 0))
    with out:
        for _ in range(n):
            out.sendto(struct.pack(">HHIIIIBBH", 5, 1, 1000000, int(time.time()), 0, 0, 0, 0, 0) + record, ("127.0.0.1", 2055))


def with_rules(conf, exporter, interface):
    conf = copy.deepcopy(conf)
    conf["outlet"]["core"] = {"exporter-classifiers": exporter, "interface-classifiers": interface,
                              "classifier-cache-duration": "5m"}
    return conf


@pytest.fixture(scope="module")
def running(tmp_path_factory, namespace):
    folder = tmp_path_factory.mktemp("classify")
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")], outlet={
        "http": {"listen": f"127.0.0.1:{DEFAULT_PORTS['outlet']}"},
        "metadata": {"providers": [{"type": "static", "exporters": {
            f"{a}/32": {"name": name, "ifindexes": INTERFACES} for a, name in NAMES.items()}}]}})
    conf = with_rules(conf, ['Exporter.Name startsWith "lab-" && Reject()'] + EXPORTER_RULES, INTERFACE_RULES)
    with Weir(folder, conf, namespace) as w:
        for source in NAMES:
            send(namespace, source, 40)
        w.wait_sql("SELECT count() FROM flows", lambda r: r == [[80]], 40)
        yield w


@pytest.mark.root
def test_flows_have_what_rules_say(running):
    assert running.sql("SELECT DISTINCT ExporterSite, ExporterRegion, InIfConnectivity, InIfProvider, InIfBoundary, "
                       "OutIfBoundary FROM flows ORDER BY 1") == [
        ["milan", "italy", "transit", "cogent", "external", "internal"],
        ["th2", "france", "transit", "cogent", "external", "internal"]]
    assert "classifier-cache-duration" in running.log()  # a notice: it has no effect


@pytest.mark.root
def test_rejected_flows_are_in_the_ledger(running, namespace):
    def account():
        return running.sql("SELECT sum(Decoded), sum(Stored), sum(Rejected) FROM ledger WHERE ExporterAddress = '::ffff:127.0.7.3'")
    assert running.sql("SELECT count() FROM flows WHERE ExporterAddress = '::ffff:127.0.7.3'") == [[0]]
    assert running.sql("SELECT count() FROM exporters WHERE ExporterAddress = '::ffff:127.0.7.3'") == [[0]]
    running.wait_sql("SELECT sum(Decoded), sum(Stored), sum(Rejected), maxIf(Reason, Rejected > 0) FROM ledger "
                     "WHERE ExporterAddress = '::ffff:127.0.7.3'",
                     lambda r: r == [[40, 0, 40, "rejected by a classifier"]], 100)
    assert account() == [[40, 0, 40]]


@pytest.mark.root
def test_rates_say_where_they_come_from(running):
    assert running.sql("SELECT DISTINCT SamplingRate, SamplingRateFrom, IfIndex FROM exporters ORDER BY IfIndex") == [
        [1, "unknown", 1], [1, "unknown", 2]]


@pytest.mark.root
def test_changed_rules_are_tried_against_the_store(running, tmp_path):
    changed = [*EXPORTER_RULES[:1], 'ClassifyRegion("europe")']
    path = written(tmp_path, changed, [*INTERFACE_RULES[:1], 'SetName(upper(Interface.Name)) && ClassifyExternal()'],
                   clickhousedb={"servers": [f"127.0.0.1:{DEFAULT_PORTS['store']}"], "username": USER, "password": PASSWORD})
    with inside(running.namespace):
        status, out, err = command("classify", "--config", path, "--against-store", "--json")
        plain = command("classify", "--config", path, "--against-store")
    assert (status, err) == (0, "")
    got = json.loads(out)
    assert got["exporters"] == 2 and got["interfaces"] == 4 and got["failures"] == []
    found = {(c["exporter"].split("-")[0], c.get("interface"), c["attribute"], c["before"], c["after"], c["rule"]) for c in got["changes"]}
    assert found == {
        ("th2", None, "region", "france", "europe", 2), ("milan", None, "region", "italy", "europe", 2),
        *((site, "core", a, b, c, 2) for site in ("th2", "milan")
          for a, b, c in (("name", "core", "CORE"), ("boundary", "internal", "external")))}
    assert plain[0] == 0 and "2 exporters, 4 interfaces: 6 values would change" in plain[1]
    assert "th2-ncs55a1-1.example.fr region france europe 2" in [" ".join(line.split()) for line in plain[1].splitlines()]
    assert got["more"] is False and got["kinds"][:2] == [
        {"attribute": "name", "before": "core", "after": "CORE", "rule": 2, "times": 2},
        {"attribute": "boundary", "before": "internal", "after": "external", "rule": 2, "times": 2}]
    # the same over the API
    status, _, answer = running.post("/api/v0/console/classify/preview", {
        "exporter-classifiers": changed, "interface-classifiers": [*INTERFACE_RULES[:1], 'SetName(upper(Interface.Name)) && ClassifyExternal()']})
    assert status == 200 and answer == got
    status, _, answer = running.post("/api/v0/console/classify/try", {
        "type": "interface", "object": {"Interface": {"Description": "ix: FranceIX"}}, "interface-classifiers": INTERFACE_RULES})
    assert status == 200 and answer["provider"]["value"] == "franceix" and answer["boundary"]["rule"] == 1
    status, _, answer = running.post("/api/v0/console/classify/try", {
        "type": "exporter", "object": {}, "exporter-classifiers": ["ClassifySite(1)"]})
    assert status == 400 and "line 1, column 14" in answer["message"]
    # a rule may not take the console's memory or its time
    letters = " || ".join(r'Exporter.Name matches "\\pL{40}"' for _ in range(20))
    status, _, answer = running.post("/api/v0/console/classify/preview", {"exporter-classifiers": [letters] * 1000})
    assert status == 400 and "rule 1, line 1, column" in answer["message"] and "too large" in answer["message"]
    for bad in ({"type": "router"}, {"type": "exporter", "object": [], "exporter-classifiers": []},
                {"type": "exporter", "object": {}, "exporter-classifiers": "true"}):
        assert running.post("/api/v0/console/classify/try", bad)[0] == 400


@pytest.mark.root
def test_changed_rules_take_effect(running, namespace):
    before = running.pids()
    running.configure(with_rules(running.conf, ['ClassifySite("new")', 'split(Exporter.Name, "-")[9] == "" || Reject()'], []))

    def effective(rows):
        send(namespace, "127.0.7.3", 1)
        return rows != [[0]]
    running.wait_sql("SELECT count() FROM flows WHERE ExporterSite = 'new' AND InIfBoundary = 'undefined'", effective, 40)
    assert running.pids() == before
    metrics = running.get("/api/v0/outlet/metrics", "outlet")[2].decode()
    failed = [line for line in metrics.splitlines() if "classifier_errors_total{" in line and 'type="exporter",index="1"' in line]
    assert failed and float(failed[0].split()[-1]) > 0
    assert "a classifier rule fails" in running.log()
