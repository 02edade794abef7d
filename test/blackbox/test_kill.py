"""kill -9 of every role, and of `run`, at random moments under load: what was acknowledged is stored exactly once.

The sender gives every datagram a number that its rows carry. Which numbers were acknowledged is read from the spool's own
files; what the tables must hold then follows from the sender's log.
"""
import os
import random
import time

import pytest

from lab import wait_until
from spool import acknowledged
from traffic import FIRST_SOURCE, RECORDS, Sender, expected
from weir import Weir, configuration, udp_input

pytestmark = pytest.mark.root
KILLS = int(os.environ.get("WEIR_KILLS", "50"))
TABLES = {"flows": 60, "flows_1m0s": 60, "flows_5m0s": 300, "flows_1h0m0s": 3600, "flows_5m0s_input": 300, "flows_1h0m0s_output": 3600}


@pytest.fixture
def victim(tmp_path, namespace):
    inputs = [udp_input("127.0.0.1:2055", **{"timestamp-source": "netflow-packet"})]
    with Weir(tmp_path, configuration(inputs=inputs), namespace) as w:
        yield w


def kill_often(weir, roles, kills, seed):
    """Kills at random moments; the moment around a full minute is never missed, since most work happens then.

    Roles take turns, but one that is still kept down after its last kill is passed over.
    """
    rng = random.Random(seed)
    rng.shuffle(roles)
    done = {role: 0 for role in roles}
    while sum(done.values()) < kills:
        wait = rng.uniform(0.2, 3.0)
        to_minute = 60 - time.time() % 60
        if to_minute < wait:
            wait = to_minute + rng.uniform(-0.2, 0.4)
        time.sleep(max(wait, 0))
        alive = [role for role in roles if role == "run" or role in weir.pids()]
        role = min(alive, key=lambda r: done[r])
        if weir.kill(role):
            done[role] += 1
        if role == "run":
            weir.start()
    return done


def sums(weir, table, step):
    rows = weir.sql(f"""
        SELECT replaceRegexpOne(toString(ExporterAddress), '^::ffff:', ''),
               intDiv(toUnixTimestamp(TimeReceived), {step}) * {step} AS t, sum(Bytes), sum(Packets)
        FROM {table} GROUP BY 1, 2""")
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def difference(want, got):
    return {key: (want.get(key), got.get(key)) for key in want.keys() | got.keys() if want.get(key) != got.get(key)}


def all_differences(weir, log, numbers):
    """Table -> (exporter, time) -> (expected, stored), where they are not equal."""
    found = {}
    for table, step in TABLES.items():
        want = {key: (value[0], value[1]) for key, value in expected(log, numbers, step).items()}
        diff = difference(want, sums(weir, table, step))
        if diff:
            found[table] = diff
    return found


def finish(weir, sender, seconds):
    """Stops the sender and waits until the tables agree with the spool; returns the numbers taken and what differs."""
    sender.stop()
    state = {}

    def equal():
        try:
            state["numbers"] = {n for n in acknowledged(weir.data, FIRST_SOURCE) if n in sender.log}
            state["differ"] = all_differences(weir, sender.log, state["numbers"])
        except (OSError, AssertionError) as e:
            state["differ"] = str(e)
        return not state["differ"]
    end = time.monotonic() + seconds
    while not equal() and time.monotonic() < end:
        time.sleep(1)
    return state.get("numbers", set()), state["differ"]


def test_killed_at_any_moment_nothing_is_lost_or_doubled(victim, namespace):
    sender = Sender(namespace)
    sender.start()
    time.sleep(3)
    done = kill_often(victim, ["inlet", "outlet", "store", "orchestrator", "console", "run"], KILLS, seed=1)
    assert min(done.values()) >= KILLS // 10, f"not every role was killed: {done}"
    victim.wait_ready(120)
    numbers, differ = finish(victim, sender, 150)
    assert not differ, f"(expected, stored) after {KILLS} kills: {str(differ)[:4000]}"
    # Narrow rollups without the exporter have the same sums.
    assert [victim.sql(f"SELECT TimeReceived, SrcAS, sum(Bytes), sum(Packets) FROM {table} GROUP BY 1, 2 ORDER BY 1, 2")
            for table in ("flows_5m0s", "flows_5m0s_src_as")] == [[*victim.sql(
                "SELECT toStartOfFiveMinutes(TimeReceived) AS t, SrcAS, sum(Bytes), sum(Packets) FROM flows GROUP BY 1, 2 "
                "ORDER BY 1, 2")]] * 2
    # Each datagram's rows are all there, once.
    wrong = victim.sql(f"SELECT toString(SrcAddr), count() FROM flows GROUP BY SrcAddr HAVING count() != {RECORDS} LIMIT 9")
    assert not wrong
    assert victim.sql("SELECT uniqExact(SrcAddr) FROM flows")[0][0] == len(numbers)
    # While `run` lives its sockets do: only what a killed inlet had in its hands, and what came without `run`, may miss.
    missing = len(sender.log) - len(numbers)
    assert missing < 0.25 * len(sender.log), f"{missing} of {len(sender.log)} were never acknowledged"
    # And it stays so.
    time.sleep(5)
    assert not all_differences(victim, sender.log, numbers)


def test_without_tokens_rows_are_doubled(victim, namespace):
    """The same with deduplication switched off in the tables must be noticed, else the test above proves nothing."""
    for table in victim.sql("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"):
        victim.sql(f"ALTER TABLE {table[0]} MODIFY SETTING non_replicated_deduplication_window = 0")
    sender = Sender(namespace)
    sender.start()
    kills = 0

    def doubled():
        """Killed often enough, the outlet was killed between insert and commit."""
        nonlocal kills
        wait_until(lambda: "outlet" in victim.pids(), 60, "the outlet did not come back")
        time.sleep(6)
        found = victim.sql(f"SELECT SrcAddr FROM flows GROUP BY 1 HAVING count() > {RECORDS} LIMIT 1")
        kills += not found and victim.kill("outlet")
        return found
    wait_until(doubled, 60, lambda: f"nothing was doubled in {kills} kills")
    sender.stop()

    def all_stored():
        numbers = {n for n in acknowledged(victim.data, FIRST_SOURCE) if n in sender.log}
        return numbers if victim.sql("SELECT uniqExact(SrcAddr) FROM flows") == [[len(numbers)]] else None
    differ = all_differences(victim, sender.log, wait_until(all_stored, 60, "not all is stored"))
    assert any(got > want for want, got in differ["flows"].values()), differ
