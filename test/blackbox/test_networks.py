"""Networks: countries, AS numbers and names of addresses, from GeoIP files that change, the configuration, and URLs."""
import http.server
import importlib.machinery
import importlib.util
import ipaddress
import json
import os
import socket
import ssl
import struct
import threading
import time

import pytest

from lab import inside, run, wait_until
from weir import ENVIRONMENT, Weir, command, configuration, udp_input

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "../corpus/mmdb")
NOWHERE = "http://127.0.0.1:1"  # nobody listens


def fixtures():
    path = os.path.join(HERE, "../../tools/mmdb_fixtures")
    loader = importlib.machinery.SourceFileLoader("mmdb_fixtures", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("mmdb_fixtures", loader))
    loader.exec_module(module)
    return module


BOTH = {"ip_version": 6, "ipv4_compatible": True, "int_type": "u32", "database_type": "city"}


def put(path, rows):
    """A database of these rows, as a tool of an operator puts it in its place."""
    fixtures().write(path + ".new", rows, **BOTH)
    os.rename(path + ".new", path)


def countries(country):
    return [("192.0.2.0/24", {"country": {"iso_code": country}})]


# ---- flows

SIZES = {8: 4, 12: 4, 27: 16, 28: 16, 1: 8, 2: 8, 7: 2, 11: 2, 4: 1, 16: 4, 17: 4}  # IANA's elements and their lengths
REST = (1, 2, 7, 11, 4, 16, 17)


def ipfix(flows):
    """One message: templates for both families, and a record of each (number, source, target, source AS, target AS)."""
    templates = b"".join(struct.pack(">HH", number, len(fields)) + b"".join(struct.pack(">HH", f, SIZES[f]) for f in fields)
                         for number, fields in ((256, (8, 12, *REST)), (257, (27, 28, *REST))))
    body = struct.pack(">HH", 2, 4 + len(templates)) + templates
    for number, source, target, source_as, target_as in flows:
        a, b = ipaddress.ip_address(source).packed, ipaddress.ip_address(target).packed
        record = a + b + struct.pack(">QQHHBII", 1000, 10, number, 443, 6, source_as, target_as)
        body += struct.pack(">HH", 256 if len(a) == 4 else 257, 4 + len(record)) + record
    return struct.pack(">HHIII", 10, 16 + len(body), int(time.time()), 0, 7) + body


class Exporter:
    def __init__(self, namespace, address="127.0.40.1"):
        with inside(namespace):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.number = 1024

    def send(self, source, target="203.0.113.1", source_as=0, target_as=0):
        """One flow; its number (the source port in its row)."""
        self.number += 1
        self.socket.sendto(ipfix([(self.number, source, target, source_as, target_as)]), ("127.0.0.1", 2055))
        return self.number


@pytest.fixture(scope="module")
def exporter(namespace):
    it = Exporter(namespace)
    yield it
    it.socket.close()


def row(w, number, columns):
    rows = w.wait_sql(f"SELECT {', '.join(columns)} FROM flows WHERE SrcPort = {number}", lambda r: r != [], 20)
    assert len(rows) == 1
    return {c: v.strip("\0") if isinstance(v, str) else v for c, v in zip(columns, rows[0])}  # a country is two NUL at first


def metric(w, name, *labels):
    """Sum of an outlet's metric over the lines that have these labels."""
    status, _, body = w.get("/api/v0/outlet/metrics", role="outlet")
    assert status == 200
    return sum(float(line.split()[-1]) for line in body.decode().splitlines()
               if line.startswith(("weir_" + name + " ", "weir_" + name + "{")) and all(x in line for x in labels))


def health(w):
    body = json.loads(w.get("/api/v0/outlet/healthcheck", role="outlet")[2])
    return body["details"]["networks"]


def outlet(**sections):
    return {"http": {"listen": "127.0.0.1:8083"}, **sections}


# ---- GeoIP


@pytest.mark.root
def test_layouts_together(namespace, tmp_path, exporter):
    """A MaxMind and an IPinfo file for each purpose: the later in the list goes first, and each attribute is inherited."""
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")], outlet=outlet(geoip={
        "asn-database": [f"{CORPUS}/ipinfo.mmdb", f"{CORPUS}/maxmind-asn.mmdb"],
        "geo-database": [f"{CORPUS}/ipinfo.mmdb", f"{CORPUS}/maxmind-city.mmdb"]}))
    columns = ("SrcCountry", "SrcGeoCity", "SrcGeoState", "SrcAS", "DstCountry", "DstGeoCity", "DstGeoState", "DstAS")
    with Weir(tmp_path, conf, namespace) as w:
        assert health(w)["status"] == "ok"
        n = exporter.send("192.0.2.1", "198.51.100.1")
        assert list(row(w, n, columns).values()) == ["FR", "Paris", "IDF", 64500, "", "Nowhere", "", 0]
        n = exporter.send("192.0.2.200", "192.0.2.3")
        assert list(row(w, n, columns).values()) == ["FR", "", "", 64500, "FR", "Paris", "IDF", 64500]
        n = exporter.send("2001:db8:1::1", "2001:db8:7::1")
        # /48 of MaxMind inside /33 of IPinfo inside /32 of MaxMind's AS numbers
        assert list(row(w, n, columns).values()) == ["IT", "Milano", "MI", 64502, "BE", "Brussels", "Brussels", 64502]
        n = exporter.send("2001:db8:8000::1", "2001:db9::1")
        assert list(row(w, n, columns).values()) == ["BE", "", "", 4200000001, "", "", "", 0]
        # what the flow says of its AS goes first
        n = exporter.send("192.0.2.1", "192.0.2.2", source_as=65001)
        assert list(row(w, n, ("SrcAS", "DstAS")).values()) == [65001, 64500]


class Stream(threading.Thread):
    """Flows from 192.0.2.1, one each 20 ms, until stop()."""

    def __init__(self, exporter):
        super().__init__(daemon=True)
        self.exporter, self.ending, self.numbers = exporter, threading.Event(), []
        self.start()

    def run(self):
        while not self.ending.wait(0.02):
            self.numbers.append(self.exporter.send("192.0.2.1"))

    def stop(self):
        self.ending.set()
        self.join()
        return self.numbers


@pytest.mark.root
def test_file_changes_while_running(namespace, tmp_path, exporter):
    database = str(tmp_path / "geo.mmdb")
    put(database, countries("FR"))
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")], outlet=outlet(geoip={"geo-database": [database]}))
    with Weir(tmp_path, conf, namespace) as w:
        def country():
            return row(w, exporter.send("192.0.2.1"), ["SrcCountry"])["SrcCountry"]

        def seen(numbers):
            got = w.sql(f"SELECT SrcPort, SrcCountry FROM flows WHERE SrcPort BETWEEN {numbers[0]} AND {numbers[-1]} "
                        "ORDER BY SrcPort")
            assert [r[0] for r in got] == numbers, "lost or twice"
            return [r[1] for r in got]
        assert country() == "FR"
        pids = w.pids()

        # replaced under load: no row is lost or without a country, and none is old after the first new one
        stream = Stream(exporter)
        time.sleep(1)
        refreshed = metric(w, "outlet_geoip_db_refresh_total")
        put(database, countries("US"))
        wait_until(lambda: metric(w, "outlet_geoip_db_refresh_total") > refreshed, 10, w.log)
        time.sleep(1)
        numbers = stream.stop()
        w.wait_sql("SELECT max(SrcPort) FROM flows", lambda r: r[0][0] == numbers[-1], 20)
        got = seen(numbers)
        change = got.index("US")
        assert 0 < change < len(got) and got == ["FR"] * change + ["US"] * (len(got) - change)

        # written over in place, as cp does, half at first
        fixtures().write(str(tmp_path / "other"), countries("IT"), **BOTH)
        data = (tmp_path / "other").read_bytes()
        with open(database, "wb") as f:
            f.write(data[:len(data) // 2])
            f.flush()
            time.sleep(0.3)
            f.write(data[len(data) // 2:])
        wait_until(lambda: country() == "IT", 20, w.log)

        # damaged: what there is stays, it is said, and counted
        for bad, why in ((data[:len(data) // 2], "no MMDB file"), (b"<html>quota exceeded</html>", "no MMDB file"), (b"", "MMDB")):
            before = w.log().count("a database cannot be used; the former one stays in use")
            with open(database + ".new", "wb") as f:
                f.write(bad)
            os.rename(database + ".new", database)
            wait_until(lambda: w.log().count("a database cannot be used; the former one stays in use") > before, 10, w.log)
            last = [line for line in w.log().splitlines() if "a database cannot be used" in line][-1]
            assert database in last and why in last and "level=error" in last.replace('"', ""), last
            wait_until(lambda: metric(w, "outlet_geoip_db_failing") == 1, 5, "metric")
            assert health(w)["status"] == "warning" and database in health(w)["reason"]
            assert country() == "IT"
        assert w.pids() == pids

        # ... also across a restart, even when the file is gone; with nothing said twice a second
        os.unlink(database)
        w.kill("outlet")
        wait_until(lambda: w.pids().get("outlet") not in (None, pids["outlet"]), 20, w.log)
        assert country() == "IT"
        assert "its copy stays in use" in w.log()
        put(database, countries("DE"))
        wait_until(lambda: country() == "DE", 20, w.log)
        assert metric(w, "outlet_geoip_db_failing") == 0 and health(w)["status"] == "ok"


@pytest.mark.root
def test_missing_file(namespace, tmp_path, exporter):
    database = str(tmp_path / "later.mmdb")
    geoip = {"geo-database": [database], "asn-database": [f"{CORPUS}/maxmind-asn.mmdb"]}
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")], outlet=outlet(geoip=geoip))
    path = tmp_path / "needed.yaml"
    path.write_text(json.dumps(conf))
    status, _, err = command("outlet", str(path), "--data-dir", str(tmp_path / "other"))
    assert status != 0 and database in err and "optional" in err
    conf["outlet"]["geoip"]["optional"] = True
    with Weir(tmp_path, conf, namespace) as w:
        columns = ["SrcCountry", "SrcAS"]
        assert list(row(w, exporter.send("192.0.2.1"), columns).values()) == ["", 64500]
        assert health(w)["status"] == "ok" and metric(w, "outlet_geoip_db_failing") == 0
        put(database, countries("FR"))
        wait_until(lambda: row(w, exporter.send("192.0.2.1"), columns) == {"SrcCountry": "FR", "SrcAS": 64500}, 20, w.log)
        # a file that is configured while weir runs and is not there is said, and nothing is lost for it
        geoip["optional"] = False
        geoip["geo-database"].append(str(tmp_path / "never.mmdb"))
        w.configure(conf)
        wait_until(lambda: str(tmp_path / "never.mmdb") in w.log(), 20, w.log)
        assert row(w, exporter.send("192.0.2.1"), columns) == {"SrcCountry": "FR", "SrcAS": 64500}


# ---- networks, written and fetched


class Site(http.server.BaseHTTPRequestHandler):
    """Good and bad sources; and a proxy, when it is asked for a whole URL."""
    protocol_version = "HTTP/1.1"
    seen = []
    broken = False
    certificate = None

    def reply(self, body, status=200, kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self):
        self.seen.append((self.path, self.command, self.headers.get("X-Key")))
        if self.broken:
            return self.reply(b"{}", 503)
        if self.path.startswith("http://"):
            return self.reply(json.dumps([{"prefix": "198.51.100.128/25", "name": "behind a proxy"}]).encode())
        page = getattr(self, "at_" + self.path.split("?")[0].strip("/").replace("-", "_"), None)
        return page() if page else self.reply(b"{}", 404)

    def at_good(self):
        first = {"count": 3, "next": "/good?page=2", "networks": [
            {"net": "192.0.2.0/24", "labels": {"Site": "Paris", "Tenant": "ACME"}, "as": 64510, "cc": "fr"},
            {"net": "2001:db8::/32", "labels": {"Site": "Rome"}, "as": 64511}]}
        second = {"count": 3, "next": None, "networks": [{"net": "198.51.100.0/24", "labels": {"Site": "Oslo", "Tenant": ""}}]}
        self.reply(json.dumps(second if "page=2" in self.path else first).encode())

    def at_csv(self):
        self.reply(b"net;who\n203.0.113.0/24;\"Doe; Sons\"\n", kind="text/csv")

    def at_slow(self):
        time.sleep(4)
        self.reply(b"[]")

    def at_huge(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        piece = b"[" * (1 << 20)
        for _ in range(64):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def at_html(self):
        self.reply(b"<html><body>Please log in</body></html>", kind="text/html")

    def at_other(self):
        self.reply(b'[{"prefix": "not a network"}]')

    def at_empty(self):
        self.reply(b"[]")

    def at_endless(self):
        self.reply(b'[1, 2, 3]')

    def at_to_file(self):
        self.reply(b"", 302, Location="file:///etc/passwd")

    def at_round(self):
        self.reply(b"", 302, Location="/round")

    def at_away(self):
        self.reply(b"", 302, Location="http://localhost:8098/there")

    def at_there(self):
        self.reply(b'[{"prefix": "100.64.0.0/10", "name": "there"}]')

    def at_inner(self):
        self.reply(b'[{"prefix": "100.127.0.0/16", "name": "over TLS"}]')

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that had enough


@pytest.fixture(scope="module")
def site(namespace, folder):
    """Plain at port 8098; with TLS, by a certificate that nobody else has signed, at 8099."""
    pem = os.path.join(folder, "site.pem")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pem, "-out", pem + ".crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem + ".crt", pem)
    servers = []
    for port in (8098, 8099):
        with inside(namespace):
            server = Server(("127.0.0.1", port), Site)
        if port == 8099:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    Site.certificate = pem + ".crt"
    yield Site
    for server in servers:
        server.shutdown()
        server.server_close()


def source(path, **more):
    return {"url": f"http://127.0.0.1:8098{path}", "interval": "1m", "proxy": False, "timeout": "2s", **more}


GOOD = {
    "good": source("/good", transform='.networks[] | {prefix: .net, site: .labels.Site, tenant: .labels.Tenant, asn: .as, country: .cc}',
                   method="POST", headers={"X-Key": "secret-of-the-source"}),
    "csv": source("/csv", parser="csv-semicolon", transform=".[1:][] | {prefix: .f1, name: .f2}"),
    "proxied": {"url": "http://inventory.example/nets", "interval": "1m", "proxy": "http://127.0.0.1:8098", "timeout": "2s"},
    "away": source("/away", headers={"X-Key": "secret-of-the-source"}),
}
BAD = {  # and as what it is counted
    "down": ({**source("/"), "url": NOWHERE}, "cannot fetch data source"),
    "absent": (source("/absent"), "unexpected HTTP status code"),
    "slow": (source("/slow"), "cannot fetch data source"),
    "huge": (source("/huge", timeout="1m"), "too many pages or bytes"),
    "html": (source("/html"), "cannot decode data"),
    "other": (source("/other"), "cannot map result"),
    "empty": (source("/empty"), "empty result"),
    "endless": (source("/endless", transform="[limit(1e9; repeat(1))] | length"), "cannot execute jq filter"),
    "to-file": (source("/to-file"), "unacceptable redirect or next page"),
    "round": (source("/round"), "unacceptable redirect or next page"),
    "untrusted": ({**source("/inner"), "url": "https://127.0.0.1:8099/inner"}, "cannot fetch data source"),
    "environ": (source("/good", proxy=True), "cannot fetch data source"),  # of the environment, and nobody is there
}
NETWORKS = {
    "192.0.2.0/24": {"name": "office", "role": "lan", "tenant": "written", "asn": 64520, "state": "Idaho"},
    "192.0.2.128/25": {"city": "Lyon"},
    "192.0.2.129/32": "one host",  # its name alone
    "2001:db8::/48": {"name": "six", "region": "north", "country": "be"},
    "10.0.0.0/8": {"role": "private"},
}
SIDE = ("NetName", "NetRole", "NetSite", "NetRegion", "NetTenant", "GeoCity", "GeoState", "Country", "AS")


def side(w, number, which):
    values = row(w, number, [which + c for c in SIDE])
    return {c: values[which + c] for c in SIDE if values[which + c] not in ("", 0)}


def sources(names, **change):
    every = {**GOOD, **{k: v[0] for k, v in BAD.items()}, "tls": {
        **source("/inner"), "url": "https://127.0.0.1:8099/inner", "tls": {"enable": True, "ca-file": Site.certificate}}}
    return {name: {**every[name], **change} for name in names}


@pytest.mark.root
def test_networks(namespace, tmp_path, exporter, site, monkeypatch):
    """What is written, what is fetched, what a database says; with a proxy in the environment that nobody answers at."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setitem(ENVIRONMENT, name, NOWHERE)
    monkeypatch.setitem(ENVIRONMENT, "no_proxy", "")
    geo = str(tmp_path / "geo.mmdb")
    put(geo, [("192.0.2.0/24", {"country": {"iso_code": "US"}, "city": {"names": {"en": "Boise"}}}),
              ("10.0.0.0/24", {"country": {"iso_code": "NL"}}),
              ("2001:db8::/32", {"country": {"iso_code": "IT"}, "city": {"names": {"en": "Roma"}}})])
    conf = configuration(inputs=[udp_input("127.0.0.1:2055")], outlet=outlet(
        geoip={"geo-database": [geo]},
        networks={"networks": NETWORKS, "network-sources": sources([*GOOD, *BAD, "tls"]), "network-sources-timeout": "3s"}))
    with Weir(tmp_path, conf, namespace) as w:
        def good():
            return metric(w, "common_remotedatasource_updates_total") >= len(GOOD) + 1
        wait_until(good, 20, w.log)

        # for one network: what is written, then fetched, then GeoIP; each attribute from the nearest that has it
        n = exporter.send("192.0.2.1", "192.0.2.129")
        assert side(w, n, "Src") == {"NetName": "office", "NetRole": "lan", "NetSite": "Paris", "NetTenant": "written",
                                     "GeoCity": "Boise", "GeoState": "Idaho", "Country": "FR", "AS": 64520}
        assert side(w, n, "Dst") == {"NetName": "one host", "NetRole": "lan", "NetSite": "Paris", "NetTenant": "written",
                                     "GeoCity": "Lyon", "GeoState": "Idaho", "Country": "FR", "AS": 64520}
        n = exporter.send("2001:db8:0:1::1", "2001:db8:1::1")
        assert side(w, n, "Src") == {"NetName": "six", "NetRegion": "north", "NetSite": "Rome", "GeoCity": "Roma",
                                     "Country": "BE", "AS": 64511}
        assert side(w, n, "Dst") == {"NetSite": "Rome", "GeoCity": "Roma", "Country": "IT", "AS": 64511}
        n = exporter.send("198.51.100.200", "198.51.100.1")  # two sources
        assert side(w, n, "Src") == {"NetName": "behind a proxy", "NetSite": "Oslo"}
        assert side(w, n, "Dst") == {"NetSite": "Oslo"}
        n = exporter.send("203.0.113.9", "10.0.0.1", source_as=65002)
        assert side(w, n, "Src") == {"NetName": "Doe; Sons", "AS": 65002}
        assert side(w, n, "Dst") == {"NetRole": "private", "Country": "NL"}
        n = exporter.send("100.64.1.1", "8.8.8.8")
        assert side(w, n, "Src") == {"NetName": "there"} and side(w, n, "Dst") == {}
        n = exporter.send("100.127.1.1")
        assert side(w, n, "Src") == {"NetName": "over TLS"}

        # each bad source is counted as what it is, and nothing of it is used
        for name, (_, error) in BAD.items():
            wait_until(lambda: metric(w, "common_remotedatasource_errors_total", f'source="{name}"', f'error="{error}"') >= 1,
                       30, lambda: f"{name}: {error}\n" + w.get("/api/v0/outlet/metrics", role="outlet")[2].decode() + w.log())
            assert metric(w, "common_remotedatasource_data_total", f'source="{name}"') == 0
        assert health(w)["status"] == "warning" and "networks source" in health(w)["reason"]
        assert "cannot update; what there is stays in use" in w.log()
        assert "root:" not in w.log() and "secret-of-the-source" not in w.log()
        # headers go where they are meant to go, and are dropped where a redirect leads elsewhere
        asked = {path: key for path, _, key in site.seen}
        assert asked["/good"] == asked["/good?page=2"] == asked["/away"] == "secret-of-the-source" and asked["/there"] is None
        assert {m for path, m, _ in site.seen if path.startswith("/good")} == {"POST"}
        assert "http://inventory.example/nets" in asked

        # all fail from now on: what was fetched stays, also in the next life of the outlet
        site.broken = True
        try:
            conf["outlet"]["networks"]["network-sources"] = sources(GOOD, interval="70s")
            w.configure(conf)
            wait_until(lambda: metric(w, "common_remotedatasource_errors_total", 'error="unexpected HTTP status code"') >= len(GOOD),
                       20, w.log)
            assert side(w, exporter.send("192.0.2.1"), "Src")["NetSite"] == "Paris"
            pid = w.pids()["outlet"]
            w.kill("outlet")
            wait_until(lambda: w.pids().get("outlet") not in (None, pid), 20, w.log)
            n = exporter.send("192.0.2.1", "203.0.113.9")
            assert side(w, n, "Src")["NetSite"] == "Paris" and side(w, n, "Dst") == {"NetName": "Doe; Sons"}
        finally:
            site.broken = False
        # a source that is taken out takes its networks with it, and so does what was written; nothing restarts for it
        pids = w.pids()
        conf["outlet"]["networks"]["network-sources"] = sources(["csv"])
        del conf["outlet"]["networks"]["networks"]["192.0.2.0/24"]
        w.configure(conf)
        wait_until(lambda: side(w, exporter.send("192.0.2.1"), "Src") == {"GeoCity": "Boise", "Country": "US"}, 30, w.log)
        assert side(w, exporter.send("203.0.113.9"), "Src") == {"NetName": "Doe; Sons"}
        assert w.pids() == pids
        kept = [name for name in os.listdir(os.path.join(w.data, "remote")) if name.startswith("networks-")]
        assert len(kept) == 1, kept


def test_mistakes_in_sources(tmp_path):
    """A configuration that cannot work is said before anything runs."""
    def check(**what):
        path = tmp_path / "c.yaml"
        path.write_text(json.dumps({"outlet": {"networks": {"network-sources": {"x": {
            "url": "http://127.0.0.1/", "interval": "1m", **what}}}}}))
        return command("orchestrator", str(path), "--check")
    assert check()[0] == 0
    for what, why in (({"url": "file:///etc/passwd"}, "only http and https"), ({"interval": "10s"}, "interval"),
                      ({"transform": ".["}, "transform"), ({"transform": "foo(1)"}, "foo/1 is not defined at <top-level>, line 1\n"),
                      ({"method": "PUT"}, "GET or POST"), ({"proxy": "sometimes"}, "true, false, or a URL"),
                      ({"headers": {"X": "a\r\nHost: b"}}, "no header"), ({"parser": "xml"}, "parser")):
        status, _, err = check(**what)
        assert status != 0 and why in err, (what, err)
