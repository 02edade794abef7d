"""The program's face to a shell: exit status, and errors that say what to do."""
import http.server
import json
import os
import re
import subprocess
import threading
import urllib.request

import pytest

from weir import ENVIRONMENT, SANITIZED, command


def test_help_names_every_command():
    status, out, _ = command("--help")
    assert status == 0
    for name in ("version",):
        assert re.search(rf"^\s+{name}\b", out, re.M), f"{name} is not in --help"


def test_version():
    for name in ("version", "--version", "-V"):
        status, out, _ = command(name)
        assert status == 0 and re.match(r"weir \d+\.\d+", out)


def test_unknown_command_is_an_error():
    status, out, err = command("inlte")
    assert status == 2 and out == "" and err.startswith('weir: there is no command "inlte"; did you mean "inlet"?\n')
    assert command("xyzzyx")[2].startswith('weir: there is no command "xyzzyx"\n')


def test_help_of_a_command():
    assert command("help")[:2] == command("--help")[:2]
    for name in ("decode", "manual", "inlet", "version"):
        status, out, err = command("help", name)
        assert (status, out) == command(name, "--help")[:2]
        assert status == 0 and out.startswith(f"usage: weir {name}") and err == ""
    assert "JSON schema" in command("manual", "--help")[1]
    assert command("help", "decod")[2].startswith('weir: there is no command "decod"; did you mean "decode"?\n')


@pytest.mark.parametrize("arguments, reason", (
    (("run", "--listen", "nonsense:99999"), 'weir run: --listen takes ADDRESS or ADDRESS:PORT, not "nonsense:99999"'),
    (("run", "--listen=nonsense"), 'weir run: --listen takes ADDRESS or ADDRESS:PORT, not "nonsense"'),
    (("run", "a.yaml", "extra"), 'weir run: unexpected argument "extra"'),
    (("inlet", "--check"), "weir inlet: CONFIG is missing"),
    (("inlet", "a", "b"), 'weir inlet: unexpected argument "b"'),
    (("rewind", "--from", "1h"), "weir rewind: --from and --to go together"),
    (("rewind", "yesterday"), 'weir rewind: unexpected argument "yesterday"'),
    (("classify", "exporter", "{}"), "weir classify: --config is needed: the file with the rules"),
    (("geoip", "fetch"), "weir geoip: expected update"),
    (("geoip", "update", "--to", "."), "weir geoip: expected names of databases, such as GeoLite2-City"),
    (("asns", "clean"), "weir asns: clean takes files, and no URL"),
    (("manual", "extra"), 'weir manual: unexpected argument "extra"'),
    (("healthcheck", "bogus"), 'weir healthcheck: unexpected argument "bogus"'),
    (("healthcheck", "--service", "bogus"), 'weir healthcheck: there is no role "bogus"')))
def test_the_reason_comes_before_the_usage(arguments, reason):
    status, out, err = command(*arguments)
    assert (status, out) == (2, "") and err.startswith(f"{reason}\n\nusage: weir {arguments[0]}")


def test_check_says_that_a_file_is_valid(tmp_path):
    path = tmp_path / "weir.yaml"
    path.write_text("inlet: {flow: {inputs: []}}\n")
    assert command("inlet", str(path), "--check") == (0, f"{path} is valid for the inlet\n", "")
    assert "is valid" not in command("inlet", str(path), "--check", "--dump")[1]
    assert command("store", "/nonexistent.yaml") == (1, "", "weir store: cannot read /nonexistent.yaml: No such file or directory\n")


@pytest.mark.parametrize("arguments", (("version",), ("manual",), ("filter", "SrcPort = 1"), ("--help",)))
def test_a_full_disk_is_an_error(arguments):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([SANITIZED, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=240, check=False,
                              env={**os.environ, **ENVIRONMENT})
    assert (done.returncode, done.stderr) == (1, "weir: standard output: No space left on device\n")


def test_any_port_is_told(tmp_path):
    path = tmp_path / "weir.yaml"
    path.write_text("inlet: {http: {listen: '127.0.0.1:0'}, flow: {inputs: []}}\n")
    with subprocess.Popen([SANITIZED, "inlet", str(path), "--data-dir", str(tmp_path)], stderr=subprocess.PIPE, text=True,
                          env={**os.environ, **ENVIRONMENT}) as role:
        try:
            address = next(m for m in (re.search(r"msg=started.* http=(127\.0\.0\.1:[1-9]\d*)", line) for line in role.stderr) if m)[1]
            with urllib.request.urlopen(f"http://{address}/api/v0/inlet/healthcheck", timeout=60) as answer:
                assert answer.status == 200
        finally:
            role.terminate()


@pytest.mark.parametrize("how", [["--check"], ["--dump"], []])
def test_a_section_that_does_not_exist_is_refused(tmp_path, how):
    path = tmp_path / "weir.yaml"
    path.write_text(json.dumps({"inlet": [{"http": {"listen": "127.0.0.1:0"}}, {"http": {"listen": "127.0.0.1:0"}}]}))
    data = ["--data-dir", str(tmp_path / "data")]
    status, out, err = command("inlet", f"{path}#2", *data, *how)
    assert status == 1 and out == "" and "has 2 sections inlet, there is no #2" in err
    assert command("inlet", f"{path}#1", *data, "--check")[0] == 0


@pytest.mark.parametrize("how", [["--check"], []])
def test_a_section_that_the_orchestrator_has_not_is_no_reason_to_wait(tmp_path, how):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        status, out, err = command("outlet", f"http://127.0.0.1:{server.server_port}#1", "--data-dir", str(tmp_path), *how)
        server.shutdown()
    assert status == 1 and out == "" and "outlet/1 answered that it has no such section" in err


@pytest.mark.parametrize("what", ["stop", "start"])
def test_demo_leaves_folders_alone_that_are_not_weirs(tmp_path, what):
    (tmp_path / "somebody").mkdir()
    for folder in ("somebody", "nowhere"):
        path = tmp_path / folder
        status, out, err = command("demo", what, "--data-dir", str(path))
        assert status == 1 and out == ""
        assert err == f"weir demo: {path} is no data directory of weir; --data-dir says where it is\n"
    assert [f.name for f in tmp_path.rglob("*")] == ["somebody"]


def test_demo_marks_a_folder_of_weirs(tmp_path):
    (tmp_path / "format").write_text("1\n")
    status, out, err = command("demo", "stop", "--data-dir", str(tmp_path))
    assert status == 0 and "stay away" in out and (tmp_path / "demo.stopped").exists(), err
