"""Servers that answer with their names, and clients that tell what really happened to a request.

  requests.py serve NAME=PORT ...     answers every request with 200 and X-Server: NAME
  requests.py ask                     reads cases, one JSON object a line, and prints what each client saw
"""

import asyncio
import json
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor

CONNECT_SECONDS = 1.5
ANSWER_SECONDS = 10


async def serve_one(name, reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            for line in head.split("\r\n"):
                if line.startswith("content-length:"):
                    await reader.readexactly(int(line.split(":")[1]))
            writer.write(f"HTTP/1.1 200 OK\r\nX-Server: {name}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            if "connection: close" in head:
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve(pairs):
    servers = []
    for pair in pairs:
        name, port = pair.split("=")
        handler = lambda reader, writer, name=name: serve_one(name, reader, writer)
        servers.append(await asyncio.start_server(handler, "127.0.0.1", int(port)))
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def answer_of(connection):
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except (ConnectionError, ssl.SSLError):
        pass
    head = data.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    if not data:
        return {"end": "closed"}
    words = head[0].split(" ")
    if not words[0].startswith("HTTP/1.") or len(words) < 2:
        return {"end": "no-handshake"}
    fields = {}
    for line in head[1:]:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    return {
        "end": "answer", "status": int(words[1]), "location": fields.get("location"),
        "server": fields.get("x-server"),
    }


def ask(case):
    family = socket.AF_INET6 if ":" in case["source"] else socket.AF_INET
    with socket.socket(family) as plain:
        plain.settimeout(CONNECT_SECONDS)
        plain.bind((case["source"], 0))
        try:
            plain.connect((case["to"], case["port"]))
        except TimeoutError:
            return {"end": "dropped"}
        except ConnectionRefusedError:
            return {"end": "connection-refused"}
        plain.settimeout(ANSWER_SECONDS)
        connection = plain
        if case["tls"]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            try:
                connection = context.wrap_socket(plain, server_hostname=case["name"] or None)
            except ssl.SSLError as error:
                alert = "ALERT" in (error.reason or "") or "UNRECOGNIZED" in (error.reason or "")
                if error.reason is None or isinstance(error, ssl.SSLEOFError):
                    return {"end": "closed"}
                return {"end": "tls-alert" if alert else "no-handshake", "why": error.reason}
            except ConnectionError:
                return {"end": "closed"}
        try:
            connection.sendall(case["bytes"].encode("latin-1"))
        except (ConnectionError, ssl.SSLError):
            pass
        return answer_of(connection)


def ask_all():
    cases = [json.loads(line) for line in sys.stdin if line.strip()]
    with ThreadPoolExecutor(48) as pool:
        for seen in pool.map(ask, cases):
            print(json.dumps(seen))


if sys.argv[1] == "serve":
    asyncio.run(serve(sys.argv[2:]))
else:
    ask_all()
