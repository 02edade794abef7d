"""/api/v1 against its OpenAPI document: every path answers in the shape that is promised, and nothing else is there."""
import contextlib
import csv
import http.client
import io
import json
import re
import urllib.parse

import pytest

from test_console_api import amount, console, expected, seconds, stamp  # noqa: F401


def check(schema, value, doc, at="answer"):
    """A small validator: the parts of JSON schema that the document uses; anything else is an error of the test."""
    known = {"type", "properties", "required", "additionalProperties", "items", "enum", "nullable", "format", "minimum", "maximum", "oneOf",
             "description", "default", "$ref"}
    assert set(schema) <= known, set(schema) - known
    if "$ref" in schema:
        return check(doc["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], value, doc, at)
    if "oneOf" in schema:
        for one in schema["oneOf"]:
            with contextlib.suppress(AssertionError):
                return check(one, value, doc, at)
        raise AssertionError(f"{at}: {value!r} is none of {schema['oneOf']}")
    if value is None:
        assert schema.get("nullable"), f"{at} is null"
        return None
    kind = schema["type"]
    types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    assert isinstance(value, types[kind]) and (kind == "boolean" or not isinstance(value, bool)), f"{at}: {value!r} is no {kind}"
    if "enum" in schema:
        assert value in schema["enum"], f"{at}: {value!r}"
    if schema.get("format") == "date-time":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value), f"{at}: {value!r}"
    if kind in ("integer", "number"):
        assert schema.get("minimum", value) <= value <= schema.get("maximum", value), f"{at}: {value}"
    if kind == "array":
        for i, item in enumerate(value):
            check(schema["items"], item, doc, f"{at}[{i}]")
    if kind == "object" and "properties" in schema:
        assert set(schema["required"]) <= set(value), f"{at}: no {set(schema['required']) - set(value)}"
        assert set(value) <= set(schema["properties"]), f"{at}: {set(value) - set(schema['properties'])} is not described"
        for key, item in value.items():
            check(schema["properties"][key], item, doc, f"{at}.{key}")
    return None


def ask(console, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", console.ports["console"], timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path, None if body is None else json.dumps(body), headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def test_answers_are_kept_as_those_of_v0_are(console):
    """The past for long, whatever the spelling; each format by itself; the present for ten seconds."""
    def cost(**question):
        end = console.now - 3600
        question = {"start": stamp(end - 1800), "end": stamp(end), "dimensions": "SrcAS", "filter": "Proto = 6", **question}
        status, headers, body = ask(console, "GET", "/api/v1/graph/line?" + urllib.parse.urlencode(question))
        assert status == 200 and headers["Cache-Control"] == "no-store"
        return body
    first = cost()
    assert json.loads(first)["meta"]["time_ms"] >= 0
    assert cost() == first, "the very same bytes, with the time that the first one took"
    assert cost(filter="Proto = 17") != first
    status, _, body = ask(console, "POST", "/api/v1/graph/line", {
        "filter": "Proto = 6", "dimensions": ["SrcAS"], "end": stamp(console.now - 3600), "start": stamp(console.now - 5400)})
    assert status == 200 and body == first, "another spelling of the same question"
    lines = cost(format="csv")
    assert lines != first and lines == cost(format="csv") and b"," in lines
    def hits():
        text = ask(console, "GET", "/api/v0/console/metrics")[2].decode()
        return int(re.search(r"(?m)^\w*console_cache_hits_total (\d+)", text).group(1))
    before = hits()
    cost()
    assert hits() == before + 1


@pytest.fixture(scope="module")
def document(console):
    status, headers, body = ask(console, "GET", "/api/v1/openapi.json")
    assert status == 200 and headers["Content-Type"].startswith("application/json")
    doc = json.loads(body)
    assert doc["openapi"].startswith("3.")
    return doc


def question(console, path):
    end = console.now // 3600 * 3600
    base = {"start": stamp(end - 7200), "end": stamp(end)}
    return {"/api/v1/graph/line": {**base, "dimensions": ["SrcAS", "InIfProvider"], "points": 20, "bidirectional": True,
                                   "previous-period": True, "error-band": True, "limit": 3},
            "/api/v1/graph/sankey": {**base, "dimensions": ["SrcAS", "DstAS"], "bidirectional": True, "limit": 3},
            "/api/v1/flows": {**base, "limit": 5, "columns": ["TimeReceived", "SrcAddr", "SrcAS", "Bytes"]},
            "/api/v1/filter": {"filter": "SrcAS = "}}.get(path)


def parameters(values):
    def text(v):
        return ",".join(v) if isinstance(v, list) else str(v).lower() if isinstance(v, bool) else str(v)
    return urllib.parse.urlencode({k: text(v) for k, v in values.items()})


def test_every_operation_answers_as_described(console, document):
    for path, operations in document["paths"].items():
        values = question(console, path)
        answers = {}
        for method, operation in operations.items():
            target = path + ("?" + parameters(values) if method == "get" and values else "")
            if values:
                named = {p["name"] for p in operation.get("parameters", [])} | set(
                    document["components"]["schemas"][operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit(
                        "/", 1)[1]]["properties"] if "requestBody" in operation else [])
                assert set(values) <= named, f"{path} {method}: {set(values) - named}"
            status, headers, body = ask(console, method.upper(), target, values if method == "post" else None)
            assert status == 200 and headers["Content-Type"].startswith("application/json"), (path, body[:300])
            answers[method] = json.loads(body)
            check(operation["responses"]["200"]["content"]["application/json"]["schema"], answers[method], document, path)
        if len(answers) == 2:
            for answer in answers.values():
                for key in ("time_ms", "rows_read", "bytes_read"):
                    answer.get("meta", {}).pop(key, None)
            assert answers["get"] == answers["post"]


def test_errors_answer_as_described(console, document):
    schema = {"$ref": "#/components/schemas/Error"}
    for path in ("/api/v1/graph/line", "/api/v1/graph/sankey", "/api/v1/flows"):
        for target, body in ((path + "?start=x&end=y", None), (path, {"start": 5}), (path + "?format=xml&start=1&end=2", None)):
            status, _, answer = ask(console, "GET" if body is None else "POST", target, body)
            assert status == 400
            check(schema, json.loads(answer), document)
        for status, body, headers in ((403, {}, {"Sec-Fetch-Site": "cross-site"}), (413, {"filter": "x" * (1 << 20)}, {})):
            got, _, answer = ask(console, "POST", path, body, headers)
            assert got == status and str(status) in document["paths"][path]["post"]["responses"]
            check(schema, json.loads(answer), document)


def test_a_key_that_is_not_described_is_refused(console, document):
    """A misspelt key, or a value that is no text, would be another question than the one that was meant."""
    for path, operations in document["paths"].items():
        values = question(console, path)
        for method in operations if values else ():
            for key in ("nonsense", "previous_period"):
                wrong = {**values, key: "true"}
                status, _, body = ask(console, method.upper(), path + ("?" + parameters(wrong) if method == "get" else ""),
                                      wrong if method == "post" else None)
                assert status == 400 and key in json.loads(body)["message"], (path, method)
        for key in {p["name"] for p in operations["get"].get("parameters", [])} - {"format"}:
            others = parameters({k: v for k, v in values.items() if k != key})
            assert ask(console, "GET", f"{path}?{others}&{key}=%FF%FE")[0] == 400, (path, key)


def test_a_list_may_be_told_in_pieces_and_a_value_once(console):
    times = parameters({"start": stamp(console.now - 600), "end": stamp(console.now)})
    pieces, whole = (ask(console, "GET", f"/api/v1/graph/line?{times}&format=csv&{d}")
                     for d in ("dimensions=SrcAS&dimensions=DstAS,Proto", "dimensions=SrcAS,DstAS,Proto"))
    assert pieces[0] == whole[0] == 200 and pieces[2] == whole[2]
    status, _, body = ask(console, "GET", f"/api/v1/graph/line?{times}&points=5&points=6")
    assert status == 400 and "points" in json.loads(body)["message"]


def test_what_is_not_described_is_not_there(console, document):
    for path in ("/api/v1/", "/api/v1/graph", "/api/v1/nothing"):
        assert ask(console, "GET", path)[0] == 404
    for path in document["paths"]:
        assert ask(console, "PUT", path, {})[0] == 405


def test_series_are_those_of_the_console(console):
    values = question(console, "/api/v1/graph/line")
    old = console.ask("POST", "graph/line", values)[2]
    new = json.loads(ask(console, "POST", "/api/v1/graph/line", values)[2])
    missing = {t for t in old["t"] for m in old["missing"] if m["start"] <= t < m["end"]}
    assert missing and new["time"] == old["t"]
    names = {1: "direct", 2: "reverse", 3: "previous", 4: "previous_reverse"}
    for i, s in enumerate(new["series"]):
        assert (s["axis"], s["key"], s["average"], s["p95"]) == (names[old["axis"][i]], old["rows"][i], old["average"][i], old["95th"][i])
        want = [None if t in missing and old["axis"][i] <= 2 else p for t, p in zip(old["t"], old["points"][i])]
        assert s["points"] == want
    assert {tuple(s["key"]) for s in new["series"] if s["other"]} == {("Other", "Other")}


@pytest.mark.parametrize("path", ["/api/v1/graph/line", "/api/v1/graph/sankey", "/api/v1/flows"])
def test_csv_and_json_lines_say_the_same(console, path):
    values = question(console, path)
    values.pop("error-band", None)
    whole = json.loads(ask(console, "POST", path, values)[2])
    status, headers, text = ask(console, "POST", path + "?format=csv", values)
    assert status == 200 and headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    lines = [json.loads(x) for x in ask(console, "POST", path, values, {"Accept": "application/x-ndjson"})[2].decode().splitlines()]
    assert len(rows) == len(lines) > 0
    for row, line in zip(rows, lines):
        assert set(row) == set(line)
        for key, value in line.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                assert float(row[key]) == pytest.approx(value)
            else:
                assert row[key].lstrip("'") == ("" if value is None else value).lstrip("'")
    if path.endswith("line"):
        assert len(rows) == sum(len(s["points"]) for s in whole["series"])
        assert sum(float(r["value"] or 0) for r in rows) == pytest.approx(sum(p or 0 for s in whole["series"] for p in s["points"]))
    elif path.endswith("sankey"):
        assert [float(r["value"]) for r in rows] == pytest.approx([r["value"] for r in whole["rows"]])
    else:
        assert len(rows) == len(whole["rows"])
