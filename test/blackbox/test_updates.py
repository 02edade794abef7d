"""weir geoip update and weir asns update, against a server that plays MaxMind's, IPinfo's and DB-IP's download sites."""
import base64
import contextlib
import gzip
import hashlib
import http.server
import io
import json
import os
import socket
import stat
import subprocess
import tarfile
import threading
import time

import pytest

from lab import inside
from weir import ENVIRONMENT, SANITIZED, Role, command, free_ports

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../corpus/mmdb")
ACCOUNT, KEY, TOKEN = "417309", "Lk7-very-secret", "tok3n-very-secret"


def read(path):
    with open(path, "rb") as f:
        return f.read()


def archive(*members, fmt=tarfile.USTAR_FORMAT):
    """tar.gz of (name, content); content None: a link to /etc/passwd."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=fmt) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.mtime = 1704153600.5
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


CITY, ASN, IPINFO = (read(f"{CORPUS}/{name}.mmdb") for name in ("maxmind-city", "maxmind-asn", "ipinfo"))
FOLDER = "GeoLite2-City_20240102/"


def giant(size):
    """An archive whose one file says this size; the header's sum is right."""
    info = tarfile.TarInfo("x.mmdb")
    info.size = size
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + CITY[:512])


class Site(http.server.BaseHTTPRequestHandler):
    """What is at a path is in `files`: the bytes, or (status, headers, bytes). /geoip and /data want the account."""
    files, seen = {}, []

    def do_GET(self):
        given = self.headers.get("Authorization")
        self.seen.append((self.server.server_port, self.path, given))
        wanted = {"geoip": f"{ACCOUNT}:{KEY}", "data": f"{TOKEN}:"}.get(self.path.split("/")[1])
        if wanted and given != "Basic " + base64.b64encode(wanted.encode()).decode():
            return self.reply(401, {}, b"Invalid license key")
        found = self.files.get(self.path, (404, {}, b"not here"))
        if callable(found):
            return found(self)
        self.reply(*(found if isinstance(found, tuple) else (200, {}, found)))

    def reply(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that had enough


@pytest.fixture
def site(monkeypatch):
    """(Site, URL of the provider, URL of the place where its files are)"""
    for name in ("MAXMIND_ACCOUNT_ID", "MAXMIND_LICENSE_KEY", "IPINFO_TOKEN", "http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    Site.files, Site.seen = {}, []
    with contextlib.ExitStack() as stack:
        urls = []
        for _ in range(2):
            server = Server(("127.0.0.1", 0), Site)
            stack.callback(server.server_close)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            urls.append(f"http://127.0.0.1:{server.server_port}")
        yield Site, *urls


def maxmind(name):
    return f"/geoip/databases/{name}/download?suffix=tar.gz"


def offer_maxmind(files, name, body, total=None):
    files[maxmind(name)] = body
    files[maxmind(name) + ".sha256"] = f"{total or hashlib.sha256(body).hexdigest()}  {name}_20240102.tar.gz\n".encode()


def offer_ipinfo(files, name, body, total=None):
    files[f"/data/{name}.mmdb"] = body
    files[f"/data/{name}.mmdb/checksums"] = json.dumps({"checksums": {
        "md5": "0" * 32, "sha1": "0" * 40, "sha256": total or hashlib.sha256(body).hexdigest()}}).encode()


def conf_of(tmp_path, url, secrets=True, **geoip):
    account = {"account-id": ACCOUNT, "license-key": KEY, "token": TOKEN} if secrets else {}
    path = tmp_path / "weir.yaml"
    path.write_text(json.dumps({"outlet": {"geoip": {
        **geoip, "update": {**account, "maxmind-url": url, "ipinfo-url": url}}}}))
    return str(path)


def secretless(*texts):
    for text in texts:
        assert KEY not in text and TOKEN not in text and "signature" not in text, text


def files_below(path):
    return sorted(os.path.relpath(os.path.join(d, f), path) for d, _, names in os.walk(path) for f in names)


def test_databases_of_the_configuration(site, tmp_path):
    site, url, _ = site
    place = tmp_path / "geo"
    offer_maxmind(site.files, "GeoLite2-City", archive((FOLDER + "LICENSE.txt", b"text"), (FOLDER + "GeoLite2-City.mmdb", CITY)))
    offer_maxmind(site.files, "GeoLite2-ASN", archive(("GeoLite2-ASN_20240102/GeoLite2-ASN.mmdb", ASN), fmt=tarfile.PAX_FORMAT))
    offer_ipinfo(site.files, "ipinfo_lite", IPINFO)
    paths = {name: str(place / (name + ".mmdb")) for name in ("GeoLite2-City", "GeoLite2-ASN", "ipinfo_lite")}
    conf = conf_of(tmp_path, url, **{"geo-database": [paths["GeoLite2-City"], paths["ipinfo_lite"]],
                                     "asn-database": [paths["GeoLite2-ASN"], paths["ipinfo_lite"]]})
    status, out, err = command("geoip", "update", conf)
    assert (status, err) == (0, ""), err
    assert {name: read(path) for name, path in paths.items()} == {"GeoLite2-City": CITY, "GeoLite2-ASN": ASN, "ipinfo_lite": IPINFO}
    assert files_below(place) == sorted(os.path.basename(p) for p in paths.values())  # nothing else, nothing half made
    assert {stat.S_IMODE(os.stat(p).st_mode) for p in paths.values()} == {0o644}
    assert out.count(" bytes") == 3
    secretless(out)
    # fetched once for both lists; not fetched again while it is the same, where the provider says so
    assert [p for _, p, _ in site.seen].count("/data/ipinfo_lite.mmdb") == 1
    site.seen.clear()
    status, out, _ = command("geoip", "update", "--config", conf)
    assert status == 0 and f"{paths['ipinfo_lite']}: there is no newer one" in out
    assert "/data/ipinfo_lite.mmdb" not in [p for _, p, _ in site.seen]
    # what is shown of the configuration has no secrets
    status, out, _ = command("orchestrator", conf, "--dump")
    assert status == 0 and ACCOUNT in out
    secretless(out)


def test_account_of_the_environment(site, tmp_path, monkeypatch):
    site, url, _ = site
    offer_maxmind(site.files, "GeoIP2-City", archive(("GeoIP2-City.mmdb", CITY)))
    offer_ipinfo(site.files, "country_asn", IPINFO)
    conf = conf_of(tmp_path, url, secrets=False, **{"geo-database": [str(tmp_path / "GeoIP2-City.mmdb"), str(tmp_path / "country_asn.mmdb")]})
    status, out, err = command("geoip", "update", conf)
    assert status == 1 and "MAXMIND_ACCOUNT_ID" in err and "IPINFO_TOKEN" in err and site.seen == []
    monkeypatch.setenv("MAXMIND_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setenv("MAXMIND_LICENSE_KEY", KEY)
    monkeypatch.setenv("IPINFO_TOKEN", TOKEN)
    assert command("geoip", "update", conf)[0] == 0
    # the environment goes first: an account that is wrong there is refused, and nothing is said of it
    monkeypatch.setenv("MAXMIND_LICENSE_KEY", KEY + "x")
    conf = conf_of(tmp_path, url, **{"geo-database": [str(tmp_path / "GeoIP2-City.mmdb")]})
    status, out, err = command("geoip", "update", conf)
    assert status == 1 and "the account is not accepted" in err
    secretless(out, err)
    assert read(tmp_path / "GeoIP2-City.mmdb") == CITY
    # there is no way to give it where everybody sees it
    for option in ("--license-key", "--token", "--account-id"):
        assert command("geoip", "update", option, KEY, conf)[0] == 2


def test_redirects_take_no_account_along(site, tmp_path):
    site, url, store = site
    body = archive(("GeoLite2-City.mmdb", CITY))
    offer_maxmind(site.files, "GeoLite2-City", body)
    site.files[maxmind("GeoLite2-City")] = (302, {"Location": store + "/kept/city?signature=1"}, b"")
    site.files["/kept/city?signature=1"] = body
    path = tmp_path / "GeoLite2-City.mmdb"
    conf = conf_of(tmp_path, url, **{"geo-database": [str(path)]})
    assert command("geoip", "update", conf)[0] == 0 and read(path) == CITY
    assert [given for _, p, given in site.seen if p.startswith("/kept")] == [None]
    site.files["/kept/city?signature=1"] = (410, {}, b"")
    for where, why in ((store + "/kept/city?signature=1", "HTTP status 410"), ("file:///etc/passwd", "only http and https"),
                       ("/geoip/round", "redirects"), ("http://127.0.0.1:1/?signature=1", "127.0.0.1")):
        site.files[maxmind("GeoLite2-City")] = (302, {"Location": where}, b"")
        site.files["/geoip/round"] = (302, {"Location": "/geoip/round"}, b"")
        status, out, err = command("geoip", "update", conf)
        assert status == 1 and why in err, (where, err)
        secretless(out, err)
        assert read(path) == CITY


def cut(handler):
    """Says more than comes."""
    body = archive(("GeoLite2-City.mmdb", CITY))
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[:len(body) // 2])


def test_through_the_proxy_of_the_environment(site, tmp_path, monkeypatch):
    site, url, _ = site
    host = "http://maxmind.example"
    for name, body in (("download?suffix=tar.gz", GOOD), ("download?suffix=tar.gz.sha256", hashlib.sha256(GOOD).hexdigest().encode())):
        site.files[f"{host}/geoip/databases/GeoLite2-City/{name}"] = body
    monkeypatch.setenv("http_proxy", url)
    path = tmp_path / "GeoLite2-City.mmdb"
    status, out, err = command("geoip", "update", conf_of(tmp_path, host, **{"geo-database": [str(path)]}))
    assert (status, err) == (0, "") and read(path) == CITY
    site.files["http://db-ip.example/asn.csv"] = b"64500,ACME\n"
    assert command("asns", "update", "--data-dir", str(tmp_path / "data"), "--url", "http://db-ip.example/asn.csv")[0] == 0


GOOD = archive((FOLDER + "GeoLite2-City.mmdb", CITY))
BAD = {
    "another hash": (GOOD, "0" * 64, "SHA-256"),
    "a hash that is none": (GOOD, "abc", "no SHA-256"),
    "a hash too long": (GOOD, "0" * 65, "no SHA-256"),
    "a page": (b"<html>Please log in</html>" * 100, None, "no tar archive"),
    "nothing": (b"", None, "cut off"),
    "half a gzip file": (GOOD[:len(GOOD) // 2], None, "damaged"),
    "a changed byte": (GOOD[:60] + bytes([GOOD[60] ^ 0xff]) + GOOD[61:], None, "damaged"),
    "half a tar": (gzip.compress(gzip.decompress(GOOD)[:900]), None, "cut off"),
    "another file in it": (archive(("GeoLite2-City.csv", CITY)), None, "there is no .mmdb"),
    "a link in it": (archive(("GeoLite2-City.mmdb", None)), None, "there is no .mmdb"),
    "a size of 8 GiB": (giant((8 << 30) - 1), None, "cut off"),
    "a size of 1 TiB": (giant(1 << 40), None, "no tar archive"),
    "no database": (archive(("GeoLite2-City.mmdb", b"text" * 500)), None, "no MMDB file"),
    "half a database": (archive(("GeoLite2-City.mmdb", CITY[:len(CITY) // 2])), None, "MMDB"),
    "one without countries": (archive(("GeoLite2-City.mmdb", ASN)), None, "country, state or city"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_bad_changes_nothing(site, tmp_path, what):
    site, url, _ = site
    body, total, why = BAD[what]
    offer_maxmind(site.files, "GeoLite2-City", body, total)
    (tmp_path / "geo").mkdir()
    path = tmp_path / "geo/GeoLite2-City.mmdb"
    path.write_bytes(CITY)
    status, out, err = command("geoip", "update", conf_of(tmp_path, url, **{"geo-database": [str(path)]}))
    assert status == 1 and why in err, err
    secretless(out, err)
    assert read(path) == CITY and files_below(tmp_path / "geo") == ["GeoLite2-City.mmdb"]


def test_a_server_that_breaks_off_and_one_that_has_no_hash(site, tmp_path):
    site, url, _ = site
    offer_maxmind(site.files, "GeoLite2-City", GOOD)
    site.files[maxmind("GeoLite2-City")] = cut
    conf = conf_of(tmp_path, url, **{"geo-database": [str(tmp_path / "GeoLite2-City.mmdb")]})
    status, _, err = command("geoip", "update", conf)
    assert status == 1 and "transfer closed" in err
    offer_maxmind(site.files, "GeoLite2-City", GOOD)
    site.files[maxmind("GeoLite2-City") + ".sha256"] = (404, {}, b"")
    status, _, err = command("geoip", "update", conf)
    assert status == 1 and "HTTP status 404" in err
    offer_ipinfo(site.files, "ipinfo_lite", IPINFO, "1" * 64)
    conf = conf_of(tmp_path, url, **{"geo-database": [str(tmp_path / "ipinfo_lite.mmdb")]})
    status, _, err = command("geoip", "update", conf)
    assert status == 1 and "SHA-256" in err
    for sums in (b"", b"{}", b'{"checksums": {"sha256": 5}}', b'{"checksums": []}', b"[" * 5000, b"x" * 5000):
        site.files["/data/ipinfo_lite.mmdb/checksums"] = sums
        status, _, err = command("geoip", "update", conf)
        assert status == 1 and ("no SHA-256" in err or "larger than" in err), err
    assert files_below(tmp_path) == ["weir.yaml"]


def test_names_in_an_archive_are_not_paths(site, tmp_path):
    site, url, _ = site
    (tmp_path / "geo").mkdir()
    path = tmp_path / "geo/GeoLite2-City.mmdb"
    conf = conf_of(tmp_path, url, **{"geo-database": [str(path)]})
    for name in ("../../evil.mmdb", str(tmp_path / "evil.mmdb"), "..\\evil.mmdb", "a/" * 40 + "evil.mmdb"):
        offer_maxmind(site.files, "GeoLite2-City", archive((name, CITY), ("GeoLite2-City.mmdb", IPINFO)))
        assert command("geoip", "update", conf)[0] == 0
        assert files_below(tmp_path) == ["geo/GeoLite2-City.mmdb", "weir.yaml"] and read(path) == CITY


def test_one_that_fails_does_not_keep_others_back(site, tmp_path, monkeypatch):
    site, url, _ = site
    offer_ipinfo(site.files, "ipinfo_lite", IPINFO)
    paths = [str(tmp_path / name) for name in ("GeoLite2-City.mmdb", "ipinfo_lite.mmdb", "of-mine.dat")]
    status, out, err = command("geoip", "update", conf_of(tmp_path, url, **{"geo-database": paths}))
    assert status == 1 and "GeoLite2-City" in err and "of-mine.dat: not a name of a database" in err
    assert read(paths[1]) == IPINFO
    for arguments in ((), ("update",), ("update", "--to", str(tmp_path)), ("renew", "x"), ("update", "--config", "a", "b")):
        assert command("geoip", *arguments)[0] == 2
    assert command("geoip", "update", str(tmp_path / "none.yaml"))[0] == 1


@pytest.mark.root
def test_a_name_server_that_is_silent(namespace, tmp_path):
    """An attempt takes the 5 seconds that it may, whatever the resolver of the system would wait."""
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:10 attempts:3\n")
    with inside(namespace):
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.1", 53))
        began = time.monotonic()
        done = subprocess.run(["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"',
                               str(tmp_path / "resolv.conf"), SANITIZED, "asns", "update", "--data-dir", str(tmp_path / "data"),
                               "--url", "http://names.example/x"], capture_output=True, text=True, timeout=240, check=False,
                              env={**os.environ, **ENVIRONMENT})
    took = time.monotonic() - began
    asked = silent.recv(512)
    silent.close()
    assert done.returncode == 1 and "timed out" in done.stderr, done.stderr
    assert b"names" in asked and 4 < took < 25, took  # the resolver itself would wait for 30


# ---- names of AS

ROWS = b'1.0.0.0,1.0.0.255,64500,"ACME Networks, Inc."\n1.0.1.0,1.0.1.255,64501,Doe GmbH\n'


def test_names_of_as(site, tmp_path):
    site, url, store = site
    data = tmp_path / "data"
    site.files["/moved"] = (302, {"Location": store + "/asn.csv.gz"}, b"")
    site.files["/asn.csv.gz"] = gzip.compress(ROWS)
    status, out, err = command("asns", "update", "--data-dir", str(data), "--url", url + "/moved")
    assert status == 0 and "2 names" in out and err == f"weir asns: {data} is a data directory of weir's now\n"
    good = {name: read(data / name) for name in files_below(data)}
    assert sorted(good) == ["asns.csv", "format"] and b'64500,"ACME Networks"\n' in good["asns.csv"]

    # what root fetches belongs to whom the directory belongs to
    if os.geteuid() == 0:
        os.chown(data, 65534, 65534)
        assert command("asns", "update", "--data-dir", str(data), "--url", url + "/moved")[0] == 0
        assert os.stat(data / "asns.csv").st_uid == 65534 and read(data / "asns.csv") == good["asns.csv"]

    # what is bad changes nothing
    site.files["/cut"] = gzip.compress(ROWS)[:-6]
    site.files["/html"] = b"<html>Please log in</html>"
    site.files["/empty"] = b""
    site.files["/nobody"] = b"number,name\n"
    site.files["/bomb"] = gzip.compress(b"1," + b"x" * (64 << 20))
    for path, why in (("/cut", "damaged"), ("/bomb", "when unpacked"), ("/html", "1"), ("/empty", "no name"), ("/nobody", "no name"), ("/absent", "404"),
                      ("/absent?signature=1", "404")):
        status, out, err = command("asns", "update", "--data-dir", str(data), "--url", url + path)
        assert status == 1 and why in err, err
        secretless(out, err)
        assert {name: read(data / name) for name in files_below(data)} == good
    assert command("asns", "update", "--url", url, str(tmp_path / "x"))[0] == 2
    # a folder of somebody else's is left alone
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    status, out, err = command("asns", "update", "--data-dir", str(tmp_path / "other"), "--url", url + "/moved")
    assert status == 1 and "no data directory of weir" in err and files_below(tmp_path / "other") == ["file"]

    # the orchestrator serves them, behind those of the configuration
    ports = free_ports()
    conf = {"http": {"listen": f"127.0.0.1:{ports['orchestrator']}"}, "clickhouse": {"asns": {"64501": "Our own"}},
            "clickhousedb": {"servers": [f"127.0.0.1:{ports['store']}"]}}
    with Role(tmp_path, "orchestrator", conf, ports["orchestrator"]) as role:
        status, body = role.get("clickhouse/asns.csv")
        lines = body.decode().splitlines()
        assert status == 200 and '64500,"ACME Networks"' in lines and '64501,"Our own"' in lines
        assert len(lines) > 50000 and '64501,"Doe"' not in lines
