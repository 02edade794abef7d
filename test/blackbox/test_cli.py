"""The program's face to a shell: exit status, and errors that say what to do."""
import os
import re
import subprocess

import pytest

from weir import ENVIRONMENT, SANITIZED, command


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


@pytest.mark.parametrize("arguments", (("version",), ("manual",), ("filter", "SrcPort = 1"), ("--help",)))
def test_a_full_disk_is_an_error(arguments):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([SANITIZED, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                              env={**os.environ, **ENVIRONMENT})
    assert (done.returncode, done.stderr) == (1, "weir: standard output: No space left on device\n")
