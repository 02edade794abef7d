"""Hostile and broken datagrams (test/corpus/hostile.py): no crash, no report of a sanitizer, bounded memory and time, and each
record accounted for: by `weir decode`, by the fuzz targets' own checks, and by the ledger of a weir that runs."""
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../corpus"))

import hostile  # noqa: E402
from lab import inside  # noqa: E402
from weir import ENVIRONMENT, SANITIZED, Weir, configuration, udp_input  # noqa: E402

GROUPS = {g.__name__: list(g()) for g in hostile.GROUPS}
SECONDS, KILOBYTES = 60, 700_000  # of a sanitized program, on a busy machine; it takes 250 MB for nothing


def run(program, *arguments):
    """(status, output, errors, resident kilobytes at most)"""
    with subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env={**os.environ, **ENVIRONMENT}) as process:
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return None, "", f"not within {SECONDS} s", 0
    return process.returncode, out, err


def memory(path):
    """The most memory that decoding the capture took, kilobytes."""
    pid = os.posix_spawn(SANITIZED, [SANITIZED, "decode", "--summary", path], {**os.environ, **ENVIRONMENT}, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    return os.wait4(pid, 0)[2].ru_maxrss


def wrong(case, path):
    """What is wrong with how a case is decoded; empty when nothing is."""
    status, out, err = run(SANITIZED, "decode", "--summary", "--decoder", case.decoder, path)
    if status != 0 or err:
        return [f"status {status}: {err[-2000:]}"]
    got, found = json.loads(out), []
    rejected = got["rejected"]
    if got["datagrams"] != len(case.datagrams):
        found.append(f"{got['datagrams']} datagrams of {len(case.datagrams)}")
    if case.flows is not None and got["flows"] != case.flows:
        found.append(f"{got['flows']} flows, not {case.flows}")
    for reason, n in case.rejected.items():
        if reason not in rejected or n not in (None, rejected[reason]):
            found.append(f"{rejected.get(reason)} rejected as {reason}, not {n}")
    found += [f"rejected as {r}: {rejected[r]}" for r in rejected if r not in case.rejected and r not in case.may]
    found += [f"{key} {got[key]}, not {value}" for key, value in case.exact.items() if got[key] != value]
    if got["kept"] > got["kept_decoded"] + rejected.get(hostile.NO_TEMPLATE, 0) + rejected.get(hostile.LIMIT, 0):
        found.append(f"sets that waited are not accounted for: {got}")
    if got["flows"] < 1000:
        found += wrong_rows(case, path, got["flows"])
    return found


def wrong_rows(case, path, n):
    status, out, err = run(SANITIZED, "decode", "--all", "--decoder", case.decoder, path)
    lines = out.splitlines()
    if status != 0 or err or len(lines) != n:
        return [f"status {status}, {len(lines)} rows of {n}: {err[-2000:]}"]
    rows = [json.loads(line) for line in lines]
    for row in rows:
        for value in row.values():
            if isinstance(value, str) and any(ord(c) < 32 or c == "\u202e" for c in value):
                return [f"a text that is not safe to show: {value!r}"]
    return [f"rows {rows}"] if case.rows and not case.rows(rows) else []


@pytest.mark.parametrize("group", GROUPS)
def test_accounted_for(group, tmp_path):
    paths = {}
    for case in GROUPS[group]:
        paths[str(case)] = str(tmp_path / f"{case}.pcap")
        with open(paths[str(case)], "wb") as f:
            f.write(hostile.pcap(case))
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda case: wrong(case, paths[str(case)]), GROUPS[group])
    found = {str(case): w for case, w in zip(GROUPS[group], found) if w}
    assert not found, "\n".join(f"{case}: {'; '.join(w)}" for case, w in found.items())


def test_floods_take_bounded_memory(tmp_path):
    most = {}
    for case in GROUPS["floods"]:
        path = str(tmp_path / f"{case}.pcap")
        with open(path, "wb") as f:
            f.write(hostile.pcap(case))
        most[str(case)] = memory(path)
    assert max(most.values()) < KILOBYTES, most


@pytest.mark.skipif(not os.path.exists(os.path.join(os.path.dirname(SANITIZED), "netflow9_fuzz")),
                    reason="no fuzz targets beside the program")
@pytest.mark.parametrize("target", ["netflow9", "sflow"])
def test_by_the_checks_of_the_fuzz_targets(target, tmp_path):
    """Rows, labels, paths, checkpoints that load as they were saved."""
    names = []
    for case in hostile.cases():
        if (case.decoder == "sflow") == (target == "sflow"):
            names.append(str(tmp_path / str(case)))
            with open(names[-1], "wb") as f:
                f.write(hostile.seed(case))
    program = os.path.join(os.path.dirname(SANITIZED), target + "_fuzz")
    done = subprocess.run([program, *names], capture_output=True, text=True, check=False, timeout=600,
                          env={**os.environ, **ENVIRONMENT})
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.root
def test_a_running_weir_balances(namespace, tmp_path):
    """All of it into the sockets of a running weir: what was received is in the ledger, and what the ledger says is stored is."""
    conf = configuration(inputs=[udp_input("127.0.0.1:2055"), udp_input("127.0.0.1:6343", "sflow")])
    sent = 0
    with Weir(tmp_path, conf, namespace) as w:
        with inside(namespace):
            out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with out:
            for case in hostile.cases():
                port = 6343 if case.decoder == "sflow" else 2055
                for data, *_ in list(hostile.datagrams(case))[:300]:
                    out.sendto(data, ("127.0.0.1", port))
                    sent += 1
                    if sent % 50 == 0:
                        time.sleep(0.002)
            out.sendto(hostile.v5(1, hostile.V5_RECORD, seq=0), ("127.0.0.1", 2055))
        sent += 1
        w.wait_sql("SELECT sum(Datagrams) FROM ledger", lambda r: int(r[0][0]) >= sent, 150)
        datagrams, shed, decoded, stored, rejected = (int(v) for v in w.sql(
            "SELECT sum(Datagrams), sum(Shed), sum(Decoded), sum(Stored), sum(Rejected) FROM ledger")[0])
        assert (datagrams, shed) == (sent, 0)
        assert decoded == stored + rejected and rejected > 0
        assert int(w.sql("SELECT count() FROM flows")[0][0]) == stored
        assert set(w.pids()) >= {"inlet", "outlet"}
        assert "ERROR: AddressSanitizer" not in w.log() and "runtime error" not in w.log()
