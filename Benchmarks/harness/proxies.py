"""The three proxies: how each is told to do the same work, started and stopped."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import machine

GATEHOUSE = """\
listeners:
  https: {{ bind: "127.0.0.1:{port}", certificates: certs/ }}
backends:
  web:
    servers: ["127.0.0.1:{origins[0]}", "127.0.0.1:{origins[1]}"]
routes:
  - {{ backend: web }}
workers: 1
timeouts: {{ idle: 300s }}
admin: {{ socket: admin.sock }}
{log}"""

# `http-reuse always` is the fastest HAProxy here: with its default, `safe`, every new client
# connection opens one to a server, 1.2 times the CPU of a new connection.
HAPROXY = """\
global
    nbthread 1
    maxconn 9800
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-bind-curves X25519:P-256
    tune.ssl.default-dh-param 2048
defaults
    mode http
    http-reuse always
    timeout connect 3s
    timeout client 300s
    timeout server 300s
    timeout http-keep-alive 300s
{log}frontend https
    bind 127.0.0.1:{port} ssl crt {folder}/certs/bench.pem
{forwarding}    default_backend web
backend web
    balance roundrobin
    server s1 127.0.0.1:{origins[0]}
    server s2 127.0.0.1:{origins[1]}
"""

NGINX = """\
daemon off;
worker_processes 1;
worker_rlimit_nofile {descriptors};
pid {folder}/nginx.pid;
error_log stderr crit;
{user}
events {{ worker_connections 9900; }}
http {{
    access_log off;
    keepalive_timeout 300s;
    keepalive_requests 10000;
    client_max_body_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream web {{
        server 127.0.0.1:{origins[0]};
        server 127.0.0.1:{origins[1]};
        keepalive 128;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name bench.test;
        ssl_certificate {folder}/certs/bench.pem;
        ssl_certificate_key {folder}/certs/bench.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ecdh_curve X25519:P-256;
        location / {{
            proxy_pass http://web;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_buffer_size 8k;
            proxy_buffers 16 8k;
            proxy_max_temp_file_size 0;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
{forwarding}        }}
    }}
}}
"""

# Gatehouse always replaces these three, so its peers do as well: the same work. Without them a
# small request costs HAProxy about 0.92 of it; --bare-peers leaves them away.
FORWARDING = {
    "haproxy": """\
    option forwardfor
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
""",
    "nginx": """\
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header X-Forwarded-Host $http_host;
""",
}


# A line for each request, into a file: of JSON, and as `option httplog` has it.
LOG = {
    "gatehouse": "log: { to: access.log }\n",
    "haproxy": "    log stdout format raw local0\n    option httplog\n",
}

# Those with an access log are measured when they are named.
NAMES = ("gatehouse", "haproxy", "nginx", "gatehouse-log", "haproxy-log")


class Proxy:
    """One proxy: a configuration on disk, and a process tree while it runs."""

    is_floor = False

    def takes(self, work):
        """Whether it can be measured with this work."""
        return True

    def __init__(self, name, template, command, version, folder, **values):
        self.name = name
        self.folder = folder / name
        self.folder.mkdir()
        certificates = self.folder / "certs"
        certificates.mkdir()
        key = certificates / "bench.pem"
        key.write_bytes((folder / "bench.pem").read_bytes())
        key.chmod(0o600)
        self.port = values["port"]
        is_ours = name.startswith("gatehouse")
        self.file = self.folder / ("gatehouse.yaml" if is_ours else f"{name}.conf")
        self.file.write_text(template.format(folder=self.folder, **values))
        self.command = [part.format(file=self.file) for part in command]
        self.version = version
        self.log = self.folder / "log"
        self.process = None

    def start(self, core):
        """Starts it on the core and returns once it takes connections."""
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                preexec_fn=machine.pinned(core),
            )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    # nginx takes connections before its worker runs.
                    time.sleep(0.3)
                    return
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"{self.name} did not start: {self.last_words()}")

    def last_words(self):
        """The end of what it printed, without the folder's name: it may end up in a result."""
        said = self.log.read_text(errors="replace").replace(f"{self.folder}/", "")
        return " ".join(said.split())[-400:] or "it said nothing"

    def pids(self):
        return machine.tree(self.process.pid)

    def stop(self):
        stop(self.process)
        self.process = None


def stop(process):
    """Ends a process group: politely, then not."""
    if process is None:
        return
    for sent, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 3)):
        try:
            os.killpg(process.pid, sent)
        except ProcessLookupError:
            pass
        try:
            process.wait(patience)
            break
        except subprocess.TimeoutExpired:
            continue
    try:
        os.killpg(process.pid, signal.SIGKILL)  # a worker that outlived its master
    except ProcessLookupError:
        pass


def make_certificate(folder):
    """One ECDSA P-256 certificate for all: chain and key in bench.pem."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        + ["-nodes", "-days", "30", "-subj", "/CN=bench.test", "-keyout", "key", "-out", "chain"]
        + ["-addext", "subjectAltName=DNS:bench.test,IP:127.0.0.1"]
        + ["-addext", "basicConstraints=critical,CA:FALSE"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    file = folder / "bench.pem"
    file.touch(0o600)
    file.write_bytes((folder / "chain").read_bytes() + (folder / "key").read_bytes())


def version(command, pattern):
    """What the program calls itself."""
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(pattern, done.stdout + done.stderr)
    return found.group(1) if found else "unknown version"


def make(name, folder, origins, port, gatehouse, bare_peers):
    """The proxy of that name, configured in the folder."""
    values = {"origins": origins, "port": port}
    kind, _, logs = name.partition("-")
    values["forwarding"] = "" if bare_peers else FORWARDING.get(kind, "")
    values["log"] = LOG[kind] if logs else ""
    if kind == "gatehouse":
        command = [str(gatehouse), "run", "-c", "{file}"]
        known = version([str(gatehouse), "--version"], r"(\S+)\s*$")
        return Proxy(name, GATEHOUSE, command, known, folder, **values)
    if kind == "haproxy":
        command = ["haproxy", "-db", "-f", "{file}"]
        known = version(["haproxy", "-v"], r"version ([0-9.]+)")
        return Proxy(name, HAPROXY, command, known, folder, **values)
    command = ["nginx", "-e", "stderr", "-c", "{file}"]
    known = version(["nginx", "-v"], r"nginx/([0-9.]+)")
    values["user"] = "user root;" if os.geteuid() == 0 else ""
    values["descriptors"] = machine.raise_descriptor_limit()
    return Proxy(name, NGINX, command, known, folder, **values)
