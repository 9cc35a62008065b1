"""A strict receiver of traces: OTLP over HTTP as JSON (opentelemetry-proto 1.x, "JSON Protobuf Encoding").

Writes its port to the file named first, and a line of JSON for each span that it takes to the second;
what breaks the specification is answered with 400 and told in a line `{"violation": ...}`. The third
word is how many requests are answered with 503 at first.
"""

import json
import os
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ports, spans, failures = sys.argv[1], sys.argv[2], int(sys.argv[3])
KINDS = {2, 3}


class Violation(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Violation(what)


def members(value, allowed, required, what):
    need(isinstance(value, dict), f"{what} is no object")
    need(set(value) <= set(allowed), f"{what} has unknown {set(value) - set(allowed)}")
    need(set(required) <= set(value), f"{what} lacks {set(required) - set(value)}")


def text(value, what):
    need(isinstance(value, str), f"{what} is no text")
    return value


def nanoseconds(value, what):
    need(re.fullmatch(r"[0-9]{1,20}", text(value, what)), f"{what} is no fixed64 as text")
    # Within a day of now, or it is in another unit.
    need(abs(int(value) / 1e9 - time.time()) < 86_400, f"{what} is not now")
    return int(value)


def attributes(value, what):
    need(isinstance(value, list), f"{what} is no list")
    found = {}
    for item in value:
        members(item, ["key", "value"], ["key", "value"], what)
        need(text(item["key"], what) not in found, f"{item['key']} is there twice")
        members(item["value"], ["stringValue", "intValue", "boolValue", "doubleValue"], [], what)
        need(len(item["value"]) == 1, f"{item['key']} has not one value")
        (kind, content), = item["value"].items()
        if kind == "intValue":
            need(re.fullmatch(r"-?[0-9]+", text(content, what)), "an int64 is no text of digits")
        if kind == "stringValue":
            text(content, what)
        found[item["key"]] = content
    return found


def span(value):
    members(
        value,
        ["traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano",
         "endTimeUnixNano", "attributes", "status"],
        ["traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"], "span")
    need(re.fullmatch(r"[0-9a-f]{32}", text(value["traceId"], "traceId")), "traceId")
    need(int(value["traceId"], 16) != 0, "traceId is zero")
    for key in ["spanId", "parentSpanId"]:
        if key in value:
            need(re.fullmatch(r"[0-9a-f]{16}", text(value[key], key)), key)
            need(int(value[key], 16) != 0, f"{key} is zero")
    need(text(value["name"], "name"), "the name is empty")
    need(type(value["kind"]) is int and value["kind"] in KINDS, "kind")
    began = nanoseconds(value["startTimeUnixNano"], "startTimeUnixNano")
    need(began <= nanoseconds(value["endTimeUnixNano"], "endTimeUnixNano"), "it ends too early")
    value["attributes"] = attributes(value.get("attributes", []), "attributes")
    if "status" in value:
        members(value["status"], ["code", "message"], ["code"], "status")
        need(value["status"]["code"] in (0, 1, 2), "status.code")
    return value


def spans_of(body):
    request = json.loads(body)
    members(request, ["resourceSpans"], ["resourceSpans"], "the request")
    for resource in request["resourceSpans"]:
        members(resource, ["resource", "scopeSpans"], ["scopeSpans"], "resourceSpans")
        members(resource["resource"], ["attributes"], [], "resource")
        named = attributes(resource["resource"]["attributes"], "resource")
        need(named.get("service.name"), "service.name is not there")
        for scope in resource["scopeSpans"]:
            members(scope, ["scope", "spans"], ["spans"], "scopeSpans")
            members(scope["scope"], ["name", "version"], ["name"], "scope")
            for one in scope["spans"]:
                yield dict(span(one), service=named["service.name"])


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global failures
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, lines = 200, []
        if failures > 0:
            failures -= 1
            status = 503
        else:
            try:
                need(self.path == "/v1/traces", "the path")
                need(self.headers["Content-Type"] == "application/json", "Content-Type")
                lines = [dict(one, key=self.headers.get("X-Key")) for one in spans_of(body)]
                need(lines, "there are no spans")
            except (Violation, ValueError, KeyError, TypeError) as problem:
                status, lines = 400, [{"violation": str(problem)}]
        with open(spans, "a") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
        answer = b"{}"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
with open(ports + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(ports + ".new", ports)
server.serve_forever()
