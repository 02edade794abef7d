"""The configuration as its author meets it: what is wrong is said at once, with its place; and what `weir run` refuses."""
import glob
import json
import os
import re
import socket
import subprocess
import textwrap

import pytest

from weir import ENVIRONMENT, SANITIZED, Role, command, configuration, free_ports


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return str(path)


def test_all_mistakes_are_said_at_once(tmp_path):
    path = write(tmp_path, "weir.yaml", "inlet:\n  flow:\n    inputs:\n      - type: udp\n        decoder: netflw\n"
                                        "        lisen: ':2055'\noutlett: {}\nclickhouse:\n  resolutions:\n"
                                        "    - {interval: 0, ttl: 15}\n")
    status, out, err = command("orchestrator", path, "--check")
    assert status == 1 and out == ""
    assert f"{path}:5:18: inlet.flow.inputs[0].decoder: must be one of netflow, sflow" in err
    assert f"{path}:6:9: inlet.flow.inputs[0].lisen: unknown key; did you mean \"listen\"?" in err
    assert f"{path}:7:1: outlett: unknown key; did you mean \"outlet\"?" in err
    assert f"{path}:10:26: clickhouse.resolutions[0].ttl: wants a duration" in err


def test_dump_has_no_secrets_and_loads_again(tmp_path):
    write(tmp_path, "secret.yaml", "password: hunter2\nservers: [db:8123]\n")
    path = write(tmp_path, "weir.yaml", ".x: &x {level: debug}\nreporting: {logging: *x}\nclickhousedb: !include secret.yaml\n")
    status, out, err = command("orchestrator", path, "--dump")
    assert status == 0, err
    assert "hunter2" not in out and 'password: "***"' in out and "level: debug" in out
    again = write(tmp_path, "again.yaml", out)
    status, second, err = command("orchestrator", again, "--dump")
    assert status == 0, err
    assert second == out


def test_a_role_takes_its_section_out_of_the_whole_file(tmp_path):
    path = write(tmp_path, "weir.yaml", "kafka: {brokers: [k:9092]}\ninlet: {flow: {inputs: []}}\n")
    status, out, _ = command("inlet", path, "--dump")
    assert status == 0 and "- k:9092" in out and "type: kafka" in out and "resolutions" not in out


def test_environment_overrides_the_file(tmp_path):
    path = write(tmp_path, "weir.yaml", "inlet: {flow: {inputs: [{type: udp, decoder: netflow, listen: ':2055'}]}}\n")
    env = {**os.environ, **ENVIRONMENT, "AKVORADO_CFG_INLET_FLOW_INPUTS_0_LISTEN": ":9999"}
    out = subprocess.run([SANITIZED, "inlet", path, "--dump"], env=env, capture_output=True, text=True, check=True).stdout
    assert 'listen: ":9999"' in out
    env["WEIR_CFG_INLET_FLOW_INPTS"] = "1"
    done = subprocess.run([SANITIZED, "inlet", path, "--dump"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "WEIR_CFG_INLET_FLOW_INPTS" in done.stderr and '"inputs"' in done.stderr


def test_a_bomb_is_refused(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    status, _, err = command("orchestrator", write(tmp_path, "weir.yaml", "\n".join(lines)), "--check", timeout=60)
    assert status == 1 and "too many values" in err


def whole(tmp_path, ports):
    return write(tmp_path, "weir.yaml", json.dumps(configuration(ports)))


@pytest.mark.parametrize("role", ["store", "console"])
def test_run_says_which_port_is_in_use(tmp_path, role):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {**free_ports(), role: taken.getsockname()[1]}
        path = whole(tmp_path, ports)
        status, _, err = command("run", path, "--data-dir", str(tmp_path / "data"))
    assert status == 1
    assert f"{role} cannot listen on 127.0.0.1:{ports[role]}" in err and f"{role}.http.listen in {path}" in err


def test_run_says_what_is_wrong_with_its_surroundings(tmp_path):
    path = whole(tmp_path, free_ports())
    status, _, err = command("run", str(tmp_path / "none.yaml"), "--data-dir", str(tmp_path / "data"))
    assert status == 1 and "none.yaml: No such file" in err
    status, _, err = command("run", path, "--data-dir", "/proc/weir")
    assert status == 1 and "--data-dir" in err
    data = tmp_path / "newer"
    data.mkdir()
    (data / "format").write_text("9\n")
    status, _, err = command("run", path, "--data-dir", str(data))
    assert status == 1 and "newer weir" in err


def test_the_manual_is_what_the_program_knows():
    status, out, _ = command("manual", "--schema")
    assert status == 0
    schema = json.loads(out)
    assert {"inlet", "outlet", "console", "clickhouse"} <= set(schema["properties"])


@pytest.mark.parametrize("console,key,word", [
    ({"homepage-top-widgets": ["src-as", "nonsense"]}, "homepage-top-widgets", 'no widget "nonsense"; expected some of src-as'),
    ({"default-visualize-options": {"limit-type": "sum"}}, "default-visualize-options.limit-type", "avg, max, last"),
    ({"default-visualize-options": {"limit": 60}}, "default-visualize-options", "more than dimensions-limit, 50"),
    ({"database": {"driver": "mysql"}}, "database", "dsn: it must say where")])
def test_what_the_page_could_not_show_is_refused(tmp_path, console, key, word):
    status, out, err = command("console", write(tmp_path, "weir.yaml", json.dumps({"console": console})), "--check")
    assert status == 1 and out == "" and f": console.{key}: " in err and word in err


def test_filters_that_the_columns_do_not_know_are_told(tmp_path):
    ports = free_ports()
    options = {"filter": "SrcVlan = 5", "dimensions": ["SrcAS", "DstVlan"]}
    saved = [{"description": "good", "content": "SrcAS = AS15169"}, {"description": "bad", "content": "SrcAS ="}]
    conf = configuration(ports, console={"http": {"listen": f"127.0.0.1:{ports['console']}"}, "default-visualize-options": options,
                                         "database": {"saved-filters": saved}, "auth": {"logout-url": "https://sso.example/{{ .Login }}"}})
    role = Role(tmp_path, "console", conf, ports["console"])
    with role:
        log = role.log()
    for key, reason in (("default-visualize-options.filter", "SrcVlan is disabled"), ("default-visualize-options.dimensions", "no dimension here"),
                        ("database.saved-filters", "expected an AS number")):
        assert re.search(rf"level=warn .*cannot be used.* key={key} .*{reason}", log), log
    assert log.count("cannot be used") == 3 and "not in use yet" not in log


SECTIONS = {"inlet", "outlet", "console", "orchestrator", "clickhouse", "clickhousedb", "store", "schema", "http", "kafka", "bus", "geoip", "reporting"}


def test_examples_of_the_documentation_are_valid(tmp_path):
    """Every block of YAML that is a configuration of its own, rather than a part of one or another file."""
    tried = 0
    for page in sorted(glob.glob(os.path.join(os.path.dirname(__file__), "../../doc/*.md"))):
        with open(page, encoding="utf-8") as f:
            blocks = re.findall(r"^( *)```yaml\n(.*?)^\1```", f.read(), re.S | re.M)
        for _, block in blocks:
            text = textwrap.dedent(block)
            if text.split(":")[0] in SECTIONS and "!include" not in text:
                path = tmp_path / "weir.yaml"
                path.write_text(text)
                assert command("orchestrator", str(path), "--check")[0] == 0, (os.path.basename(page), text)
                tried += 1
    assert tried >= 8
