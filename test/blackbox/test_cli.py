"""The program's face to a shell: exit status, and errors that say what to do."""
import re

from weir import command


def test_help_names_every_command():
    status, out, _ = command("--help")
    assert status == 0
    for name in ("version",):
        assert re.search(rf"^\s+{name}\b", out, re.M), f"{name} is not in --help"


def test_version():
    status, out, _ = command("version")
    assert status == 0 and re.match(r"weir \d+\.\d+", out)


def test_unknown_command_is_an_error():
    status, out, err = command("inlte")
    assert status != 0 and out == "" and "inlte" in err
