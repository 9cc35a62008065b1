"""An HTTPS server nobody should trust: what the path asks for is what it does wrong.

hostile.py FOLDER: prints the ports of TLS and of plain text; ends with its input.
/file sends FOLDER/answer as it is and ends in good order; what was asked is in FOLDER/asked.
"""
import os
import socket
import ssl
import sys
import threading
import time

folder = sys.argv[1]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(
    os.path.join(folder, "listener.crt"), os.path.join(folder, "listener.key"))
HEAD = b"HTTP/1.1 200 OK\r\n"


def serve(client):
    client.settimeout(20)
    with context.wrap_socket(client, server_side=True) as tls:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += tls.recv(4096)
        path = asked.split(b" ")[1].decode()
        if path == "/file":
            with open(os.path.join(folder, "asked"), "wb") as file:
                file.write(asked)
            with open(os.path.join(folder, "answer"), "rb") as file:
                tls.sendall(file.read())
            tls.unwrap()
        elif path == "/cut":
            # No word of TLS that it ends: whoever sits on the line could have cut it.
            tls.sendall(HEAD + b"\r\nhalf an answer")
        elif path == "/short":
            tls.sendall(HEAD + b"Content-Length: 100\r\n\r\nfifty")
            tls.unwrap()
        elif path == "/endless":
            tls.sendall(HEAD + b"\r\n")
            while True:
                tls.sendall(b"x" * 65536)
        elif path == "/fields":
            tls.sendall(HEAD)
            while True:
                tls.sendall(b"X-More: " + b"y" * 1000 + b"\r\n")
        elif path == "/dribble":
            tls.sendall(HEAD + b"\r\n")
            while True:
                tls.sendall(b"x")
                time.sleep(0.05)
        elif path == "/stall":
            time.sleep(20)
        elif path.startswith("/turn"):
            tls.sendall(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
                        + path[5:].replace("!", "/turn").encode() + b"\r\n\r\n")
            tls.unwrap()
        else:
            tls.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            tls.unwrap()


def quietly(client):
    try:
        serve(client)
    except OSError:
        client.close()


def accept(listener, handle):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=handle, args=(client,), daemon=True).start()


def plain(client):
    client.recv(4096)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    client.close()


listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
for listener, handle in zip(listeners, (quietly, plain)):
    threading.Thread(target=accept, args=(listener, handle), daemon=True).start()
print("ports", *(listener.getsockname()[1] for listener in listeners), flush=True)
sys.stdin.read()
