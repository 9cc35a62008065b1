"""Stands in front of an ACME server and adds what RFC 9773 says of renewals; strict about it.

renewals.py FOLDER UPSTREAM_PORT: prints its port, then one line per event; ends with its input.
FOLDER/listener.{crt,key} serve; FOLDER/window.json is the answer, FOLDER/poll its Retry-After.
While there is a FOLDER/limit, every order is one too many; it holds what Retry-After says.
"""
import base64
import http.client
import http.server
import json
import os
import re
import ssl
import subprocess
import sys
import threading

folder, upstream = sys.argv[1], int(sys.argv[2])
known = set()
replaced = set()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def identifier(pem):
    """What openssl says of a certificate, put together as section 4.1 wants it."""
    command = ["openssl", "x509", "-noout", "-serial", "-ext", "authorityKeyIdentifier"]
    said = subprocess.run(command, input=pem, capture_output=True, check=True).stdout.decode()
    serial = int(re.search("serial=([0-9A-F]+)", said)[1], 16)
    key = bytes.fromhex(re.search("((?:[0-9A-F]{2}:){4,}[0-9A-F]{2})", said)[1].replace(":", ""))
    return encode(key) + "." + encode(serial.to_bytes(serial.bit_length() // 8 + 1, "big"))


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.forward(b"")

    def do_GET(self):
        if not self.path.startswith("/renewal-info/"):
            self.forward(b"")
            return
        name = self.path.removeprefix("/renewal-info/")
        if name not in known:
            print("unknown", name, flush=True)
            self.answer(404, b'{"type":"about:blank","detail":"no such certificate"}')
            return
        print("asked", name, flush=True)
        with open(os.path.join(folder, "window.json"), "rb") as file:
            window = file.read()
        with open(os.path.join(folder, "poll")) as file:
            self.answer(200, window, [("Retry-After", file.read().strip())])

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/order-plz":
            self.forward(body)
            return
        limit = os.path.join(folder, "limit")
        if os.path.exists(limit):
            with open(limit) as file:
                wait = file.read().strip()
            problem = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many"}
            self.answer(429, json.dumps(problem).encode(), [("Retry-After", wait)])
            return
        name = json.loads(decode(json.loads(body)["payload"])).get("replaces")
        if name is not None and (name in replaced or name not in known):
            print("refused replaces", name, flush=True)
            kind = "alreadyReplaced" if name in replaced else "malformed"
            problem = {"type": "urn:ietf:params:acme:error:" + kind, "detail": "no " + name}
            self.answer(409, json.dumps(problem).encode())
        elif self.forward(body) == 201:
            print("order replaces", name, flush=True)
            replaced.add(name)

    def forward(self, body):
        context = ssl.create_default_context(cafile=os.path.join(folder, "listener.crt"))
        server = http.client.HTTPSConnection("127.0.0.1", upstream, context=context, timeout=20)
        server.request(self.command, self.path, body, dict(self.headers))
        response = server.getresponse()
        content = response.read()
        if self.path == "/dir":
            directory = json.loads(content)
            directory["renewalInfo"] = "https://%s/renewal-info" % self.headers["Host"]
            content = json.dumps(directory).encode()
        if response.getheader("Content-Type", "").startswith("application/pem-certificate-chain"):
            known.add(identifier(content))
        skipped = {"content-length", "transfer-encoding", "connection"}
        fields = [each for each in response.getheaders() if each[0].lower() not in skipped]
        self.answer(response.status, content, fields)
        return response.status

    def answer(self, status, body, fields=()):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(
    os.path.join(folder, "listener.crt"), os.path.join(folder, "listener.key"))
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("port", server.server_address[1], flush=True)
sys.stdin.read()
