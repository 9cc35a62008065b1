"""Stands in front of an ACME server and changes what it says, the same way in every run.

liar.py FOLDER UPSTREAM_PORT: prints its port; ends with its input.
"""
import http.client
import http.server
import os
import random
import ssl
import sys
import threading

folder, upstream = sys.argv[1], int(sys.argv[2])
dice = random.Random(41)
WORDS = [b"null", b"-1", b"1e999", b"[]", b"{}", b'""', b"true", b'"\\ud800"', b"[" * 5000,
         b'"' + b"x" * 100000 + b'"', b'"https://127.0.0.1:1/"', b'"../../x"', b'"pending"']


def change(body):
    """One lie: a word in a value's place, a byte, a cut, or more of the same."""
    if not body:
        return body
    place = dice.randrange(len(body))
    kind = dice.randrange(4)
    if kind == 0 and b":" in body:
        start = dice.choice([i for i, byte in enumerate(body) if byte == 0x3a]) + 1
        ends = [body.find(mark, start) for mark in (b",", b"}", b"\n")]
        end = min((each for each in ends if each >= 0), default=len(body))
        return body[:start] + dice.choice(WORDS) + body[end:]
    if kind == 1:
        return body[:place] + bytes([dice.randrange(256)]) + body[place + 1:]
    if kind == 2:
        return body[:place]
    return body[:place] + body


class Liar(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.forward(b"")

    def do_GET(self):
        self.forward(b"")

    def do_POST(self):
        self.forward(self.rfile.read(int(self.headers["Content-Length"])))

    def forward(self, body):
        context = ssl.create_default_context(cafile=os.path.join(folder, "listener.crt"))
        server = http.client.HTTPSConnection("127.0.0.1", upstream, context=context, timeout=20)
        server.request(self.command, self.path, body, dict(self.headers))
        response = server.getresponse()
        content = response.read()
        status = response.status
        skipped = {"content-length", "transfer-encoding", "connection"}
        fields = [each for each in response.getheaders() if each[0].lower() not in skipped]
        if dice.randrange(12) == 0:
            content = change(content)
        if dice.randrange(40) == 0:
            status = dice.choice([200, 204, 301, 400, 404, 429, 503, 599])
        if dice.randrange(40) == 0:
            fields = [(name, dice.choice(["", "x", "https://127.0.0.1:1/", value[:-1], value * 9]))
                      for name, value in fields]
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(
    os.path.join(folder, "listener.crt"), os.path.join(folder, "listener.key"))
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("port", server.server_address[1], flush=True)
sys.stdin.read()
