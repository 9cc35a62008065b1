/// Python that the tests run inside their networks; a server prints its process ID once it serves.
enum TrafficScript {
  static let echo = """
    import os, socket, threading
    def echo(c):
      while data := c.recv(10): c.send(data)
    sockets = [socket.create_server(("", p)) for p in (22, 80)]
    print(os.getpid(), flush=True)
    def serve(s):
      while True: threading.Thread(target=echo, args=(s.accept()[0],)).start()
    for s in sockets: threading.Thread(target=serve, args=(s,)).start()
    """

  static func talkBeforeAndAfter(_ flag: String) -> String {
    """
    import os, socket, time
    def dial(source, port):
      s = socket.socket(); s.settimeout(1); s.bind((source, 0)); s.connect(("10.9.0.1", port))
      return s
    def talk(s):
      try: s.send(b"x"); return s.recv(10) == b"x"
      except TimeoutError: return False
    both = dial("10.9.0.2", 22), dial("10.9.0.4", 80)
    before = [talk(s) for s in both]
    print(os.getpid(), flush=True)
    while not os.path.exists("\(flag)"): time.sleep(0.01)
    text = f"{before} {[talk(s) for s in both]}"
    open("\(flag).new", "w").write(text)
    os.rename("\(flag).new", "\(flag)")
    """
  }

  static func countByNumber(_ result: String) -> String {
    """
    import os, socket, time
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
    s.bind(("", 443)); s.settimeout(0.05)
    print(os.getpid(), flush=True)
    seen = leaked = 0; first = last = None; due = 0
    while True:
      try:
        data, (source, _) = s.recvfrom(100)
        if source == "10.9.0.3":
          last = int(data); first = last if first is None else first; seen += 1
        else: leaked += 1
      except TimeoutError: pass
      if time.monotonic() > due and seen:
        due = time.monotonic() + 0.05
        text = f"{seen} {last - first + 1 - seen} {leaked}"
        open("\(result).new", "w").write(text); os.rename("\(result).new", "\(result)")
    """
  }

  static let flood = """
    import os, socket, time
    both = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for s, source in zip(both, ("10.9.0.3", "10.9.0.4")): s.bind((source, 0))
    print(os.getpid(), flush=True)
    number = 0
    while True:
      number += 1
      for s in both: s.sendto(str(number).encode(), ("10.9.0.1", 443))
      if number % 20 == 0: time.sleep(0.001)
    """

  /// Of both families: TCP at these ports, UDP at 443.
  static func echoBoth(_ ports: [Int]) -> String {
    """
    import os, socket, threading
    def echo(c):
      while data := c.recv(10): c.send(data)
    def serve(s):
      while True: threading.Thread(target=echo, args=(s.accept()[0],)).start()
    def serveDatagrams(s):
      while True: s.sendto(*s.recvfrom(10))
    sockets = [socket.create_server(("::", p), family=socket.AF_INET6, dualstack_ipv6=True) \
      for p in \(ports)]
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); datagrams.bind(("::", 443))
    print(os.getpid(), flush=True)
    for s in sockets: threading.Thread(target=serve, args=(s,)).start()
    threading.Thread(target=serveDatagrams, args=(datagrams,)).start()
    """
  }

  /// Sends to whoever comes to 80, whether he answers or not.
  static let talkOn = """
    import os, socket, time
    s = socket.create_server(("", 80))
    print(os.getpid(), flush=True)
    c, _ = s.accept()
    try:
      while True: c.send(b"x"); time.sleep(0.01)
    except OSError: time.sleep(1000)
    """

  static func listenTo(_ source: String, _ port: Int) -> String {
    """
    import os, socket, time
    s = socket.create_connection(("10.9.0.1", \(port)), source_address=("\(source)", 0))
    s.recv(1)
    print(os.getpid(), flush=True)
    try:
      while s.recv(100): pass
    except OSError: time.sleep(1000)
    """
  }

  /// Dials each line "source port"; whenever the file of the next round is there, sends a byte over
  /// every connection and writes which of them were echoed.
  static func talkInRounds(_ path: String, _ lines: [String]) -> String {
    """
    import os, socket, time
    def dial(source, port):
      s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET,
        socket.SOCK_DGRAM if port == "443" else socket.SOCK_STREAM)
      s.settimeout(0.5); s.bind((source, 0))
      s.connect(("fd09::1" if ":" in source else "10.9.0.1", int(port)))
      return s
    def talk(s):
      try: s.send(b"x"); return s.recv(10) == b"x"
      except OSError: return False
    all = [dial(*line.split()) for line in \(lines)]
    print(os.getpid(), flush=True)
    for round in range(9):
      path = f"\(path).{round}"
      while not os.path.exists(path): time.sleep(0.01)
      text = " ".join("yes" if talk(s) else "no" for s in all)
      open("\(path).new", "w").write(text); os.rename("\(path).new", path)
    """
  }

  /// Greets at 80 (IPv4 alone) and 81 (both families), and dials itself; tells how each ends.
  static func acceptAndTell(_ path: String) -> String {
    """
    import errno, os, socket, threading
    lock = threading.Lock()
    def watch(name, c):
      try: word = "sent" if c.recv(1) else "end"
      except OSError as error: word = errno.errorcode[error.errno]
      with lock: open("\(path)", "a").write(f"{name} {word}\\n")
    def serve(s):
      while True:
        c, address = s.accept()
        c.send(b"!")
        if address[0].endswith("127.0.0.1"): kept.append(c); continue
        name = "server " + address[0].removeprefix("::ffff:")
        threading.Thread(target=watch, args=(name, c)).start()
    kept = []
    four = socket.create_server(("0.0.0.0", 80))
    both = socket.create_server(("::", 81), family=socket.AF_INET6, dualstack_ipv6=True)
    for s in four, both: threading.Thread(target=serve, args=(s,)).start()
    own = socket.create_connection(("127.0.0.1", 80)), socket.create_connection(("10.9.0.1", 81))
    print(os.getpid(), flush=True)
    """
  }

  static func dialAndTell(_ path: String, _ lines: [String]) -> String {
    """
    import errno, os, socket, threading
    lock = threading.Lock()
    def watch(name, c):
      try: word = "sent" if c.recv(1) else "end"
      except OSError as error: word = errno.errorcode[error.errno]
      with lock: open("\(path)", "a").write(f"{name} {word}\\n")
    for line in \(lines):
      source, port = line.split()
      s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
      s.bind((source, 0)); s.connect(("fd09::1" if ":" in source else "10.9.0.1", int(port)))
      s.recv(1)
      threading.Thread(target=watch, args=("client " + source, s)).start()
    print(os.getpid(), flush=True)
    """
  }

  /// UDP from an allowed and a denied source in turn, as fast as one processor goes: many packets a
  /// system call (sendmmsg), each source a socket.
  static let storm = """
    import ctypes, os, socket
    libc = ctypes.CDLL(None, use_errno=True)
    class iovec(ctypes.Structure):
      _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
    class msghdr(ctypes.Structure):
      _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32), ("iov", ctypes.POINTER(iovec)),
        ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int)]
    class mmsghdr(ctypes.Structure):
      _fields_ = [("hdr", msghdr), ("len", ctypes.c_uint)]
    N = 32
    payload = ctypes.create_string_buffer(b"x" * 32)
    vec = iovec(ctypes.cast(payload, ctypes.c_void_p), 32)
    batch = (mmsghdr * N)()
    for m in batch: m.hdr.iov = ctypes.pointer(vec); m.hdr.iovlen = 1
    both = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for s, source in zip(both, ("10.9.0.3", "10.9.0.4")): s.bind((source, 0)); s.connect(("10.9.0.1", 443))
    print(os.getpid(), flush=True)
    while True:
      for s in both: libc.sendmmsg(s.fileno(), batch, N, 0)
    """
}
