"""Answers an authority's questions from a folder: http-01 over HTTP, tls-alpn-01 over TLS.

responder.py FOLDER: prints the two ports, then serves until its input ends.
FOLDER/http/TOKEN holds a body; FOLDER/tls/NAME.pem a chain and a key.
"""
import http.server
import os
import socket
import ssl
import sys
import threading

folder = sys.argv[1]


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        prefix = "/.well-known/acme-challenge/"
        path = os.path.join(folder, "http", os.path.basename(self.path))
        if not self.path.startswith(prefix) or not os.path.isfile(path):
            self.send_error(404)
            return
        with open(path, "rb") as file:
            body = file.read()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def choose(connection, name, _):
    path = os.path.join(folder, "tls", (name or "none") + ".pem")
    if not os.path.isfile(path):
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["acme-tls/1"])
    context.load_cert_chain(path)
    connection.context = context


def greet(context, client):
    client.settimeout(10)
    try:
        context.wrap_socket(client, server_side=True).close()
    except OSError:
        client.close()


def serve_tls(listener):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["acme-tls/1"])
    context.sni_callback = choose
    while True:
        client, _ = listener.accept()
        threading.Thread(target=greet, args=(context, client), daemon=True).start()


web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
threading.Thread(target=web.serve_forever, daemon=True).start()
listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve_tls, args=(listener,), daemon=True).start()
print(web.server_address[1], listener.getsockname()[1], flush=True)
sys.stdin.read()
