"""The Kafka bus against a real broker, which Maven fetches; read back by a program that knows nothing of weir."""
import os
import shutil
import struct
import subprocess
import time

import pytest

from lab import stop, wait_until
from test_inlet import send
from traffic import FIRST_SOURCE, RECORDS, datagram, record_bytes, record_packets
from weir import SANITIZED, Role, Weir, configuration, free_port, free_ports, udp_input

VERSION = "3.9.2"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>test</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-reload4j</artifactId><version>1.7.36</version></dependency>
</dependencies></project>"""
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""
LOG4J = """log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.SimpleLayout
log4j.logger.kafka.server.KafkaRaftServer=INFO
"""

needs_broker = pytest.mark.skipif(not (shutil.which("java") and shutil.which("mvn")),
                                  reason="no Java and Maven for a Kafka broker")
pytestmark = needs_broker


def libraries():
    """The broker's jars, fetched once."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "weir", f"kafka-{VERSION}")
    if not os.path.exists(os.path.join(folder, "complete")):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "pom.xml"), "w", encoding="utf-8") as f:
            f.write(POM)
        subprocess.run(["mvn", "-B", "-q", "dependency:copy-dependencies", "-DoutputDirectory=libs",
                        "-DincludeScope=runtime"], cwd=folder, check=True, timeout=300)
        with open(os.path.join(folder, "complete"), "w", encoding="utf-8"):
            pass
    return os.path.join(folder, "libs", "*")


class Broker:
    def __init__(self, folder):
        self.folder = str(folder)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = None
        with open(os.path.join(self.folder, "log4j.properties"), "w", encoding="utf-8") as f:
            f.write(LOG4J)
        with open(os.path.join(self.folder, "server.properties"), "w", encoding="utf-8") as f:
            f.write(PROPERTIES.format(port=self.port, controller=free_port(), folder=self.folder))
        self.java("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAQACAAAAAAAAAAA", "-c", "server.properties").wait()

    def java(self, *arguments):
        with open(os.path.join(self.folder, "broker.log"), "ab") as log:
            return subprocess.Popen(["java", "-Xms128m", "-Xmx256m", "-Dlog4j.configuration=file:log4j.properties",
                                     "-cp", libraries(), *arguments], cwd=self.folder, stdout=log, stderr=log)

    def log(self):
        with open(os.path.join(self.folder, "broker.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def start(self):
        self.process = self.java("kafka.Kafka", "server.properties")
        wait_until(lambda: subprocess.run(["kcat", "-b", self.address, "-L", "-m", "2"], capture_output=True,
                                          check=False).returncode == 0, 60, self.log)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    b = Broker(tmp_path_factory.mktemp("kafka"))
    try:
        b.start()
        yield b
    finally:
        if b.process:
            stop(b.process)


def test_topics_commits_and_checkpoints(broker):
    """The unit test's cases, where the cluster makes the topics."""
    program = os.path.join(os.path.dirname(SANITIZED), "kafka_test")
    done = subprocess.run([program], env={**os.environ, "WEIR_KAFKA": broker.address}, capture_output=True, text=True,
                          timeout=480, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def fields(message):
    """A protobuf message of varints and bytes: field -> value."""
    out, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
    while at < len(message):
        tag = varint()
        value = varint()
        if tag & 7 == 2:
            value, at = message[at:at + value], at + value
        out[tag >> 3] = value
    return out


def messages(broker, topic):
    """(partition, fields) of all messages there are."""
    seen = []
    for partition in range(8):
        raw = subprocess.run(["kcat", "-b", broker.address, "-C", "-t", topic, "-p", str(partition), "-o", "beginning",
                              "-e", "-q", "-f", "%R%s"], capture_output=True, timeout=240, check=True).stdout
        at = 0
        while at < len(raw):
            length, = struct.unpack_from(">i", raw, at)
            seen.append((partition, fields(raw[at + 4:at + 4 + length])))
            at += 4 + length
    return seen


def test_inlet_writes_raw_flows(broker, tmp_path):
    ports, udp = free_ports(), free_port()
    conf = {"inlet": {"http": {"listen": f"127.0.0.1:{ports['inlet']}"}, "kafka": {"brokers": [broker.address]},
                      "flow": {"inputs": [udp_input(f":{udp}", **{"rate-limit": 77, "timestamp-source": "netflow-packet",
                                                                  "use-src-addr-for-exporter-addr": True})]}}}
    with Role(tmp_path, "inlet", conf, ports["inlet"]) as role:
        before = int(time.time())
        send(udp, range(2000))
        send(udp, range(2000, 2100), "::1")
        wait_until(lambda: role.metric("weir_inlet_bus_datagrams_total") == 2100, 10, role.log)
    all_of_them = messages(broker, "flows-v5")
    ticks = [m for _, m in all_of_them if 102 in m]
    raw = [(partition, m) for partition, m in all_of_them if 102 not in m]
    assert len(ticks) >= 8, "each partition has ticks"
    assert len({partition for partition, m in all_of_them if 102 in m}) == 8
    numbers = [int.from_bytes(m[2][24:28], "big") - FIRST_SOURCE for _, m in raw]
    assert sorted(numbers) == list(range(2100)), "each once"
    homes = {}
    for partition, m in raw:
        assert m[2][16:] == datagram(int.from_bytes(m[2][24:28], "big") - FIRST_SOURCE, 0)[16:]
        assert (m[4], m[5], m[6], m.get(7, 0), m[8]) == (1, 1, 1, 0, 77)
        assert before <= m[1] <= time.time() and m[101] // 1000000000 == m[1]
        homes.setdefault(m[3], set()).add(partition)
    assert set(homes) == {bytes(10) + b"\xff\xff\x7f\0\0\1", bytes(15) + b"\1"}
    assert all(len(p) == 1 for p in homes.values()), "an exporter has one partition"


def test_whole_weir_over_kafka(broker, tmp_path):
    """Every role with Kafka between inlet and outlet; the outlet is killed on the way, and nothing is lost or doubled."""
    ports, udp = free_ports(), free_port()
    conf = configuration(ports, [udp_input(f"127.0.0.1:{udp}")], kafka={"brokers": [broker.address], "topic": "whole"})
    with Weir(tmp_path, conf, ports=ports) as w:
        for round_ in range(3):
            send(udp, range(round_ * 300, round_ * 300 + 300))
            time.sleep(1)
            if round_ < 2:
                w.kill("outlet")
        numbers = range(900)
        rows = [(n, r) for n in numbers for r in range(RECORDS)]
        want = [len(rows), sum(record_bytes(n, r) for n, r in rows), sum(record_packets(n, r) for n, r in rows)]
        w.wait_sql("SELECT count(), sum(Bytes), sum(Packets) FROM flows FORMAT JSONCompact",
                   lambda got: got and [int(v) for v in got[0]] == want, 60)
