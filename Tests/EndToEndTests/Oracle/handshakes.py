"""Clients of a proxy whose certificate is rotated under them.

handshakes.py PORT CA STOP RATE LONG: RATE new connections a second, each with one request, and LONG
connections that ask again and again; until the file STOP is there. Prints what failed and how many
there were of each.
"""
import json, os, socket, ssl, sys, threading, time

port, ca, stop, rate, long_ones = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
request = b"GET / HTTP/1.1\r\nHost: www.test\r\n%s\r\n"
context = ssl.create_default_context(cafile=ca)
context.options |= ssl.OP_NO_TICKET
done = {"handshakes": 0, "asked": 0, "failed": [], "leaves": 0}
leaves, lock = set(), threading.Lock()


def connect():
    raw = socket.create_connection(("127.0.0.1", port), 20)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(raw, server_hostname="www.test")


def ask(connection, extra=b""):
    connection.sendall(request % extra)
    answer = connection.recv(65536)
    while b"\r\n\r\n" not in answer:
        more = connection.recv(65536)
        if not more:
            raise EOFError(f"ended after {len(answer)} bytes")
        answer += more
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ValueError(answer[:40].decode())


def fail(what, error):
    with lock:
        done["failed"].append(f"{what}: {type(error).__name__}: {error}")


def storm(share):
    """A connection each time one is due; those that come too late are not left out."""
    due = time.monotonic()
    while not os.path.exists(stop):
        due += 1 / share
        wait = due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        try:
            with connect() as connection:
                leaf = connection.getpeercert(True)
                ask(connection, b"Connection: close\r\n")
            with lock:
                done["handshakes"] += 1
                leaves.add(leaf)
        except Exception as error:
            fail("handshake", error)


def hold():
    kept = []
    try:
        kept = [connect() for _ in range(long_ones)]
    except Exception as error:
        fail("long connection", error)
    print("ready", flush=True)
    while not os.path.exists(stop):
        for connection in kept:
            try:
                ask(connection)
                with lock:
                    done["asked"] += 1
            except Exception as error:
                fail("long connection", error)
                kept.remove(connection)
                break
        time.sleep(0.2)


threads = [threading.Thread(target=storm, args=(rate / 8,)) for _ in range(8 if rate else 0)]
holder = threading.Thread(target=hold)
begun = time.monotonic()
for thread in threads + [holder]:
    thread.start()
for thread in threads + [holder]:
    thread.join()
done["leaves"] = len(leaves)
done["seconds"] = time.monotonic() - begun
done["failed"] = done["failed"][:10]
print(json.dumps(done))
