"""Fixtures of the black-box tests: where weir runs, and what must be there for it."""
import os
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from lab import run  # noqa: E402
from weir import Weir, configuration, udp_input  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "root: needs network namespaces, hence root")


# Files that take a minute or more begin first, so that none of them runs alone in the end.
SLOW = ("test_rewind", "test_kill", "test_exporters", "test_networks", "test_snmp", "test_rates", "test_routing", "test_differential",
        "test_hostile", "test_console_api", "test_filter_oracle", "test_console_database", "test_metadata", "test_demo", "test_decode")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: SLOW.index(item.path.stem) if item.path.stem in SLOW else len(SLOW))
    if os.geteuid() == 0:
        return
    for item in items:
        if "root" in item.keywords or "namespace" in item.fixturenames or "weir" in item.fixturenames:
            item.add_marker(pytest.mark.skip(reason="needs root for network namespaces"))


@pytest.fixture(scope="module")
def folder():
    """A folder of the module's own, kept when WEIR_KEEP is set."""
    path = tempfile.mkdtemp(prefix="weir-test-")
    yield path
    if not os.environ.get("WEIR_KEEP"):
        subprocess.run(["rm", "-rf", path], check=False)


@pytest.fixture(scope="module")
def namespace():
    """A network of its own with nothing but loopback, so that weir can have its usual ports."""
    name = f"w{os.getpid() % 100000}n"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


@pytest.fixture(scope="module")
def weir(folder, namespace):
    """A running weir with the usual ports in a network of its own."""
    inputs = [udp_input("127.0.0.1:2055", **{"timestamp-source": "netflow-packet"}),
              udp_input("127.0.0.1:6343", "sflow")]
    with Weir(folder, configuration(inputs=inputs), namespace) as w:
        yield w
