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
}
