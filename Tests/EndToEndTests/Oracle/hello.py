"""A ClientHello in pieces, and what a server does with downgrades.

hello.py PORT NAME records|segments|fragments|pieces|random: the handshake, with the hello cut so; prints what
came of it. `random`: prints the end of the server's random when TLS 1.2 is the client's newest.
"""
import socket, ssl, sys, time

port, name, how = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
if how == "random":
    context.maximum_version = ssl.TLSVersion.TLSv1_2
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
raw = socket.create_connection(("127.0.0.1", port), 10)
raw.settimeout(20)
raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def step(action):
    try:
        return action()
    except ssl.SSLWantReadError:
        return None


step(tls.do_handshake)
hello = outgoing.read()
body = hello[5:]


def record(part):
    return hello[:3] + len(part).to_bytes(2, "big") + part


if how == "records":
    raw.sendall(b"".join(record(bytes([byte])) for byte in body))
elif how == "fragments":
    for byte in body:
        raw.sendall(record(bytes([byte])))
elif how == "segments":
    for byte in hello:
        raw.sendall(bytes([byte]))
else:
    raw.sendall(hello)
while True:
    data = raw.recv(65536)
    if not data:
        print("closed")
        sys.exit()
    if how == "random":
        print(data[11:43][-8:].hex())
        sys.exit()
    incoming.write(data)
    try:
        tls.do_handshake()
        break
    except ssl.SSLWantReadError:
        pass
    except ssl.SSLError as error:
        print("refused:", error.reason)
        sys.exit()
raw.sendall(outgoing.read())
tls.write(b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % name.encode())
raw.sendall(outgoing.read())
while True:
    incoming.write(raw.recv(65536))
    answer = step(lambda: tls.read(65536))
    if answer:
        print(answer.split(b"\r\n")[0].decode())
        break
